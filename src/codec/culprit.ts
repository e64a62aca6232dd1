import { UncarriableError } from '../errors.js';
import { pack } from './crossing.js';

/**
 * The part of a value that cannot be sent between threads, as a sentence: `result.rows[3].format is a function`;
 * `undefined` if all of it can.
 *
 * @param name - what the whole value is called
 */
export function culprit(value: unknown, name = 'result'): string | undefined {
  try {
    pack(value, { name });
    return undefined;
  } catch (error) {
    if (error instanceof UncarriableError) return error.part;
    throw error;
  }
}
