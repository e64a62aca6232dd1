import { lanesOf as lanesByThread } from '../drawing/lanes.js';
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
  const starts = Float64Array.from(attempts, ({ startedAtMs }) => startedAtMs);
  const ends = Float64Array.from(attempts, ({ endedAtMs }) => endedAtMs);
  const threads = attempts.map(({ thread }) => thread);
  return lanesByThread(threads, starts, ends).flatMap(({ thread, rows }) =>
    rows.map((row, index) => ({
      name: laneName(thread, index, rows.length),
      thread,
      attempts: row.map((place) => attempts[place]!),
    })),
  );
}

/** It may hold the name of a worker, which is any text: it is escaped where it is drawn. */
function laneName(thread: ThreadId, index: number, count: number): string {
  if (typeof thread === 'number') return count === 1 ? `thread ${thread}` : `thread ${thread}.${index + 1}`;
  return count === 1 ? thread : `${thread} ${index + 1}`;
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
