import { types } from 'node:util';
import { cut, lineText, text } from './html.js';
import { previewOf } from './preview.js';
import { errorMessage, errorType, isError, ownDataOf, stackFrames } from './safe-read.js';

const MESSAGE_LENGTH_MAX = 1_000;
const STACK_LENGTH_MAX = 3_000;
const CAUSES_MAX = 8;
const ERRORS_MAX = 5;
const CODE_LENGTH_MAX = 60;

/** How many characters are left for what may be long, in all errors of a report together. */
export class Budget {
  #left: number;

  constructor(characters: number) {
    this.#left = characters;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** As much of a text as may be shown. */
  take(value: string, lengthMax: number): string {
    const shown = cut(value, Math.max(Math.min(lengthMax, this.#left), 0));
    this.#left -= shown.length;
    return shown;
  }
}

/** What was thrown in one line, not yet fit for a page: `RangeError: no price of tea`. */
export function thrownLine(thrown: unknown): string {
  return isError(thrown) ? `${errorType(thrown)}: ${firstLine(errorMessage(thrown))}` : `thrown: ${previewOf(thrown)}`;
}

/** What was thrown with all that it tells: its class, message and stack, what caused it, and the errors that it gathers. */
export function thrownHTML(thrown: unknown, budget: Budget): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  let cause: unknown = thrown;
  for (let depth = 0; depth < CAUSES_MAX && !seen.has(cause); depth++) {
    seen.add(cause);
    parts.push(`${depth === 0 ? '' : '<p class="cause">caused by</p>'}${oneHTML(cause, budget)}`);
    cause = isError(cause) ? ownDataOf(cause, 'cause') : undefined;
    if (cause === undefined) break;
  }
  return parts.join('');
}

function oneHTML(thrown: unknown, budget: Budget): string {
  if (!isError(thrown))
    return `<p class="message">No error, but a value, was thrown: <code>${lineText(budget.take(previewOf(thrown), MESSAGE_LENGTH_MAX))}</code></p>`;
  const code = ownDataOf(thrown, 'code');
  const message = text(budget.take(errorMessage(thrown), MESSAGE_LENGTH_MAX));
  const heading = `<p class="message"><b>${lineText(errorType(thrown))}</b>${message === '' ? '' : `: ${message}`}${codeHTML(code)}</p>`;
  const frames = budget.take(stackFrames(thrown), STACK_LENGTH_MAX);
  return `${heading}${frames === '' ? '' : `<pre tabindex="0">${text(frames)}</pre>`}${gatheredHTML(thrown, budget)}`;
}

function codeHTML(code: unknown): string {
  if (typeof code !== 'string' && typeof code !== 'number') return '';
  return ` <span class="quiet">(code ${lineText(cut(String(code), CODE_LENGTH_MAX))})</span>`;
}

/** The errors of an AggregateError, the first ones. */
function gatheredHTML(error: object, budget: Budget): string {
  const errors = ownDataOf(error, 'errors');
  if (types.isProxy(errors) || !Array.isArray(errors)) return '';
  const count = ownDataOf(errors, 'length') as number;
  const shown = Math.min(count, ERRORS_MAX);
  const items: string[] = [];
  for (let index = 0; index < shown; index++) {
    items.push(`<li>${lineText(budget.take(thrownLine(ownDataOf(errors, String(index))), MESSAGE_LENGTH_MAX))}</li>`);
  }
  if (count > shown) items.push(`<li class="quiet">… ${count - shown} more</li>`);
  return items.length === 0 ? '' : `<ul>${items.join('')}</ul>`;
}

function firstLine(message: string): string {
  const end = message.search(/[\r\n]/);
  return end < 0 ? message : `${message.slice(0, end)}…`;
}
