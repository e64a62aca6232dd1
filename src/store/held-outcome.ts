import { encodeValue } from '../codec/value-codec.js';
import { HeldResult } from '../graph/held-result.js';
import {
  ENGINE,
  type EncodedOutcome,
  encodedResult,
  encodeOutcome,
  type NewOutcome,
  type StoredOutcome,
} from './outcome-codec.js';

/**
 * The result of a stored outcome, made when somebody asks for it. One that another engine has written is made at once:
 * only so is it known that this engine can read it. If it cannot, the task runs again. So is one with files in it, which
 * others look for in values.
 *
 * @throws {@link UnreadableOutcomeError}
 */
export function heldResult(stored: StoredOutcome): HeldResult {
  if (stored.more.engine === ENGINE && stored.more.files === undefined)
    return new HeldResult(stored.value, { hash: stored.valueHash });
  const result = stored.value();
  return new HeldResult(() => result, { hash: stored.valueHash });
}

/** An outcome as bytes. Hash and bytes of its value need not be made where they have come from where it was made. */
export function encodedHeld(outcome: NewOutcome, held: HeldResult | undefined): EncodedOutcome {
  if (held === undefined) return encodeOutcome(outcome);
  const { bytes, hash } = held;
  if (bytes === undefined || hash === undefined) return encodeOutcome({ ...outcome, value: held.value });
  return encodeOutcome(outcome, { valueHash: hash, value: bytes });
}

/**
 * The same of a result that a schema has made.
 *
 * @param returned - the bytes of what the function had returned; `undefined` if there are none
 */
export function encodedShaped(outcome: NewOutcome, returned: Uint8Array | undefined): EncodedOutcome {
  const { task, value, more } = outcome;
  if (returned === undefined) return encodeOutcome({ ...outcome, more: { ...more, shaped: true } });
  const { valueHash } = encodedResult(task, value, true);
  return encodeOutcome({ ...outcome, more: { ...more, returned: true } }, { valueHash, value: returned });
}

/** A value as bytes; `undefined` if there can be none. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  try {
    return encodeValue(value);
  } catch {
    return undefined;
  }
}
