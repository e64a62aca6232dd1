import type { ThreadId } from '../events.js';
import type { AttemptTiming } from './run-timing.js';

/** A row of a picture: attempts that do not overlap. */
export interface Lane {
  readonly name: string;
  readonly thread: ThreadId;
  /** By their start. */
  readonly attempts: AttemptTiming[];
}

/**
 * A lane for each thread or worker, the main one first. Where attempts of a thread overlap, as io-bound ones do, it has several: `main 1`, `main 2`.
 *
 * @param attempts - by their start
 */
export function lanesOf(attempts: readonly AttemptTiming[]): Lane[] {
  const byThread = new Map<ThreadId, AttemptTiming[]>();
  for (const attempt of attempts) {
    const known = byThread.get(attempt.thread);
    if (known === undefined) byThread.set(attempt.thread, [attempt]);
    else known.push(attempt);
  }
  const lanes: Lane[] = [];
  for (const [thread, onThread] of [...byThread].sort(([a], [b]) => byPlace(a, b))) {
    const apart = withoutOverlap(onThread);
    for (const [index, one] of apart.entries())
      lanes.push({ name: laneName(thread, index, apart.length), thread, attempts: one });
  }
  return lanes;
}

/** The main thread, then numbers, then names. */
function byPlace(a: ThreadId, b: ThreadId): number {
  if (a === 'main' || b === 'main') return Number(b === 'main') - Number(a === 'main');
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number' || typeof b === 'number') return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : 1;
}

function laneName(thread: ThreadId, index: number, count: number): string {
  if (typeof thread === 'string') return count === 1 ? thread : `${thread} ${index + 1}`;
  return count === 1 ? `thread ${thread}` : `thread ${thread}.${index + 1}`;
}

/** Each attempt goes to the first lane that is free, or to a new one if none is: there are no more lanes than attempts that overlap. */
function withoutOverlap(attempts: readonly AttemptTiming[]): AttemptTiming[][] {
  const byEnd = attempts
    .map((_, index) => index)
    .sort((a, b) => attempts[a]!.endedAtMs - attempts[b]!.endedAtMs || a - b);
  const laneOf = new Int32Array(attempts.length);
  const lanes: AttemptTiming[][] = [];
  /** The first lane last. */
  const free: number[] = [];
  let ended = 0;
  for (const [index, attempt] of attempts.entries()) {
    // Of those that end at this very time, some may not have begun: they begin now and take no time.
    for (; byEnd[ended]! < index && attempts[byEnd[ended]!]!.endedAtMs <= attempt.startedAtMs; ended++)
      insert(free, laneOf[byEnd[ended]!]!);
    const lane = free.pop() ?? lanes.push([]) - 1;
    laneOf[index] = lane;
    lanes[lane]!.push(attempt);
  }
  return lanes;
}

/** Puts a number into its place among descending ones. */
function insert(descending: number[], one: number): void {
  let low = 0;
  let high = descending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (descending[middle]! > one) low = middle + 1;
    else high = middle;
  }
  descending.splice(low, 0, one);
}

/** How long at least one of these attempts was under way, in milliseconds. */
export function busyMs(attempts: readonly AttemptTiming[]): number {
  let busyMs = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  for (const { startedAtMs, endedAtMs } of attempts) {
    busyMs += Math.max(endedAtMs - Math.max(startedAtMs, untilMs), 0);
    untilMs = Math.max(untilMs, endedAtMs);
  }
  return busyMs;
}

/** How many of these attempts were under way at once, at most. */
export function overlapMax(attempts: readonly AttemptTiming[]): number {
  const starts = Float64Array.from(attempts, ({ startedAtMs }) => startedAtMs).sort();
  const ends = Float64Array.from(attempts, ({ endedAtMs }) => endedAtMs).sort();
  let most = 0;
  let ended = 0;
  for (let begun = 0; begun < starts.length; begun++) {
    while (ends[ended]! <= starts[begun]!) ended++;
    most = Math.max(most, begun + 1 - ended);
  }
  // Attempts that took no time overlap with nothing, but there was room for them.
  return Math.max(most, Math.min(attempts.length, 1));
}
