import { type RetrySettings, WAIT_MAX_MS } from '../graph/task.js';

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
