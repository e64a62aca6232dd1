import { described } from '../errors.js';
import { type LoggedError, loggedError } from '../observe/log-lines.js';

const NAME_LENGTH_MAX = 120;
const TEXT_LENGTH_MAX = 16_000;
const NS_PER_MS = 1_000_000;
const NS_PER_SECOND = 1_000_000_000;

/**
 * Text as it may stand in a span. Half of a surrogate pair has no form in UTF-8: a collector that gets one refuses all that was sent with it.
 */
export function spanText(text: string): string {
  const cut = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
  return cut.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** A name as a part of that of a span, the middle of a very long one left out. */
export function spanName(name: string): string {
  const half = NAME_LENGTH_MAX / 2;
  return spanText(name.length <= NAME_LENGTH_MAX ? name : `${name.slice(0, half)}…${name.slice(-half)}`);
}

/** Whatever was thrown, as spans tell it. */
export interface FailureText {
  /** The name of its class. */
  readonly type: string;
  /** The whole of it in one line. */
  readonly summary: string;
  /** The stack in it goes on with those of the causes. */
  readonly exception: { readonly name: string; readonly message: string; readonly stack: string };
}

export function failureText(thrown: unknown): FailureText {
  const logged = loggedError(thrown);
  const type = spanText(logged.type);
  const exception = { name: type, message: spanText(logged.message), stack: spanText(stackOf(logged)) };
  return { type, summary: spanText(described(thrown)), exception };
}

function stackOf({ type, message, stack = `${type}: ${message}`, cause }: LoggedError): string {
  return cause === undefined ? stack : `${stack}\nCaused by: ${stackOf(cause)}`;
}

/** Milliseconds since 1970 in the one form that is never taken for the milliseconds since the process began. */
export function hrTimeOf(atMs: number): [seconds: number, ns: number] {
  const seconds = Math.floor(atMs / 1000);
  const ns = Math.round((atMs - seconds * 1000) * NS_PER_MS);
  return ns < NS_PER_SECOND ? [seconds, ns] : [seconds + 1, 0];
}
