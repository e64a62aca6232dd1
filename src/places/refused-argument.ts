import { described, UncarriableError, UnreadableOutcomeError } from '../errors.js';
import type { Ending } from './place.js';

/** How an attempt ends that cannot be sent, by what was thrown as one of its arguments was read or written. */
export function refusedArgument(error: unknown): Ending {
  if (error instanceof UnreadableOutcomeError) return { kind: 'hopeless', error };
  return {
    kind: 'unsendable',
    what: 'argument',
    part: error instanceof UncarriableError ? error.part : described(error),
  };
}
