import { InvalidOptionError } from '../errors.js';
import { type RetrySettings, WAIT_MAX_MS } from '../graph/task.js';
import { isThenable } from '../graph/thenable.js';

/**
 * The pause after a failed attempt, in milliseconds, or -1 if there is to be no further one. Grows by the factor `backoff` from pause to pause; of
 * each pause the part `jitter` is left to chance, so that tasks that failed together do not all come back together (Brooker, "Exponential Backoff
 * And Jitter", 2015).
 *
 * @param attempt - the attempt that failed, counted from 1
 * @param chance - a random number from 0 up to 1
 */
export function retryDelayMs(policy: RetrySettings, attempt: number, chance: number): number {
  if (attempt >= policy.attempts) return -1;
  const whole = Math.min(policy.delayMs === 0 ? 0 : policy.delayMs * policy.backoff ** (attempt - 1), WAIT_MAX_MS);
  return whole * (1 - policy.jitter * chance);
}

/**
 * Whether an error deserves another attempt, as the policy's `when` says. Types let it return nothing but true and
 * false; a promise, which JavaScript would take for true whatever comes of it, is refused.
 *
 * @param attempt - the attempt that failed, counted from 1
 * @throws {@link InvalidOptionError} if `when` returns a promise
 * @throws what `when` throws
 */
export function deservesAnother(
  { attempts, when }: RetrySettings,
  error: unknown,
  attempt: number,
  task: string,
): boolean {
  if (attempt >= attempts) return false;
  if (when === undefined) return true;
  const told: unknown = when(error, attempt) ?? true;
  if (!isThenable(told)) return Boolean(told);
  // The task fails already; a rejection that nobody waits for would be reported as unhandled besides.
  Promise.resolve(told).catch(() => {});
  throw new InvalidOptionError(
    'retry.when',
    'a function that returns true or false at once, and no promise',
    when,
    task,
  );
}
