import { type LoggedError, loggedError } from '../observe/log-lines.js';
import { type ShownError, TEXT_MAX } from './messages.js';

/** A text as it is told to the page: no longer than {@link TEXT_MAX}, with an ellipsis where something was cut off. What is no string becomes one. */
export function shownText(text: unknown): string {
  const whole = typeof text === 'string' ? text : safely(text);
  if (whole.length <= TEXT_MAX) return whole;
  // Not in the middle of a character.
  return `${whole.slice(0, TEXT_MAX - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** What was thrown, as text: whatever it is, and however it resists. */
export function shownError(thrown: unknown): ShownError {
  const logged = loggedError(thrown);
  return {
    type: shownText(logged.type),
    message: shownText(logged.message),
    stack: shownText(storyOf(logged).join('\n')),
  };
}

/** The stack of an error, and those of its causes. */
function storyOf({ stack, cause, aggregateErrors }: LoggedError): string[] {
  const story = stack === undefined ? [] : [stack];
  for (const error of aggregateErrors ?? []) story.push(`One of its errors: ${headOf(error)}`);
  if (cause !== undefined) story.push(`Caused by: ${headOf(cause)}`, ...storyOf({ ...cause, stack: undefined }));
  return story;
}

function headOf({ type, message, stack }: LoggedError): string {
  return stack ?? `${type}: ${message}`;
}

function safely(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '';
  }
}
