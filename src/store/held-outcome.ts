import { HeldResult } from '../graph/held-result.js';
import { ENGINE, type StoredOutcome } from './outcome-codec.js';

/**
 * The result of a stored outcome, made when somebody asks for it. One that another engine has written is made at once:
 * only so is it known that this engine can read it. If it cannot, the task runs again.
 *
 * @throws {@link UnreadableOutcomeError}
 */
export function heldResult(stored: StoredOutcome): HeldResult {
  if (stored.more.engine === ENGINE) return new HeldResult(stored.value, stored.valueHash);
  const result = stored.value();
  return new HeldResult(() => result, stored.valueHash);
}
