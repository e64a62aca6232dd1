import { durationText } from '../drawing/duration-text.js';
import type { AttemptTiming } from '../observe/run-timing.js';
import { counted, lineText, nameHTML, numberText } from './html.js';
import { ATTEMPT_TEXTS, section, threadHTML } from './page-parts.js';
import type { RunFacts, TaskFacts } from './run-facts.js';
import { Budget, thrownHTML, thrownLine } from './thrown.js';

/** For messages and stacks of all failures together. Of those beyond, the table of tasks tells what was thrown, and that is all. */
const CHARACTERS_MAX = 120_000;
/** Of one task, the latest ones. */
const ATTEMPTS_MAX = 8;
/** What a line of a table or a list tells of an error. */
export const ERROR_LENGTH_MAX = 200;

/** What failed, each with its errors. */
export interface FailuresSection {
  /** `''` if nothing failed. */
  readonly html: string;
  /** The tasks that it tells of. */
  readonly ids: ReadonlySet<number>;
}

/** What failed, and what failed at first and was done in the end: classes, messages, stacks and causes, attempt by attempt. */
export function failuresSection({ tasks, run }: RunFacts): FailuresSection {
  const budget = new Budget(CHARACTERS_MAX);
  const ids = new Set<number>();
  const parts: string[] = [];
  const tell = (heading: string, ofThese: readonly TaskFacts[]) => {
    if (ofThese.length === 0) return;
    const shown: string[] = [];
    for (const task of ofThese) {
      if (budget.isSpent) break;
      ids.add(task.id);
      shown.push(failureHTML(task, run.startedAtMs, budget));
    }
    parts.push(heading);
    if (shown.length > 0) parts.push(`<div class="card">${shown.join('\n')}</div>`);
    const leftOut = ofThese.length - shown.length;
    if (leftOut > 0)
      parts.push(
        `<p class="quiet">… and ${numberText(leftOut)} more. The <a href="#tasks">table of tasks</a> tells what each of them threw.</p>`,
      );
  };
  const failed = tasks.filter(({ status }) => status === 'failed');
  const retried = tasks.filter(
    ({ status, attempts }) => status !== 'failed' && attempts.some((attempt) => attempt.status === 'retried'),
  );
  tell('', failed);
  tell('<h3>Failed at first, and tried again</h3>', retried);
  if (parts.length === 0) return { html: '', ids };
  return {
    html: section(
      'failures',
      failed.length > 0 ? `What failed (${numberText(failed.length)})` : 'Attempts that failed',
      parts.join('\n'),
    ),
    ids,
  };
}

function failureHTML(
  { id, name, status, attempts, ending }: TaskFacts,
  runStartedAtMs: number,
  budget: Budget,
): string {
  const failing = attempts.filter((attempt) => attempt.status === 'failed' || attempt.status === 'retried');
  const last = ending.kind === 'error' ? ending.error : failing.at(-1)?.error;
  const count = ending.kind === 'error' ? ending.attemptCount : attempts.length;
  const isKnown = ending.kind !== 'forgotten' || failing.length > 0;
  const line = isKnown
    ? lineText(budget.take(thrownLine(last), ERROR_LENGTH_MAX))
    : 'what it threw is not known any more';
  const summary = `<summary><span class="chip status-${status}">${status}</span> <b>${nameHTML(name)}</b> <span>${line}</span> <span class="quiet">${counted(count, 'attempt')}</span></summary>`;
  const inside =
    failing.length > 1 ? attemptsHTML(failing, runStartedAtMs, budget) : isKnown ? thrownHTML(last, budget) : '';
  return `<details class="failure" id="f${id}">${summary}<div class="inside">${inside}<p><a href="#t${id}">Its row in the table</a></p></div></details>`;
}

function attemptsHTML(failing: readonly AttemptTiming[], runStartedAtMs: number, budget: Budget): string {
  const shown = failing.slice(-ATTEMPTS_MAX).reverse();
  const parts = shown.map(({ attempt, status, thread, startedAtMs, durationMs, error }) => {
    const began = `after ${durationText(startedAtMs - runStartedAtMs)} on ${thread === 'main' ? 'the main thread' : threadHTML(thread)}`;
    const summary = `<summary>Attempt ${attempt}: ${ATTEMPT_TEXTS[status]} <span class="quiet">(begun ${began}, took ${durationText(durationMs)})</span></summary>`;
    return `<details>${summary}${thrownHTML(error, budget)}</details>`;
  });
  const leftOut = failing.length - shown.length;
  return `${parts.join('')}${leftOut > 0 ? `<p class="quiet">… and ${numberText(leftOut)} before</p>` : ''}`;
}
