import type { AttemptFacts } from '../graph/attempt-context.js';

/*
 * What a place and the far side that calls functions for it say to each other, each message as bytes of the codec.
 *
 * ```
 *   place ── CallOrder ──► far side          a function is to be called
 *   place ── AbortOrder ─► far side          the call is to come to an end
 *   place ◄────── News ─── far side          began, then progressed now and then, then one of the others
 * ```
 */

/** @param Reference - what names a function to the far side */
export interface CallOrder<Reference> {
  /** The task's number in its graph: a far side has one attempt of it at a time. */
  readonly id: number;
  readonly reference: Reference;
  /** Bytes of their own, as those that cannot be carried are named as arguments. */
  readonly args: Uint8Array;
  /** What the context of the function tells, if it takes one. */
  readonly facts: AttemptFacts | undefined;
}

export interface AbortOrder {
  readonly id: number;
  /** The reason, as it may be thrown. */
  readonly abort: Uint8Array;
}

/** Their values: nothing; fraction and note; what was returned; what was thrown; the part that cannot be carried. */
export type NewsKind = 'began' | 'progressed' | 'returned' | 'threw' | 'unsendable';

/** Times are those since the attempt began: clocks of other machines tell nothing else. */
export type News = readonly [id: number, kind: NewsKind, value: Uint8Array, tookMs: number, wasTold: boolean];
