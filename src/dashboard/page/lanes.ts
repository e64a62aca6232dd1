import { lanesOf as lanesByThread } from '../lanes.js';
import type { ShownAttempt } from '../messages.js';
import { threadName } from './format.js';

/** Where each attempt is drawn. */
export interface Lanes {
  /** By thread, the main one first. */
  readonly lanes: readonly Lane[];
  /** The attempts of each row, as places in the list of attempts, by their start. Those of one row do not overlap. */
  readonly rows: readonly (readonly number[])[];
}

export interface Lane {
  readonly name: string;
  /** Its first row, and how many it has: several, where attempts of one thread overlap, as io-bound ones do. */
  readonly first: number;
  readonly count: number;
}

export function lanesOf(attempts: readonly ShownAttempt[]): Lanes {
  const starts = Float64Array.from(attempts, ([, , , startMs]) => startMs);
  const ends = Float64Array.from(attempts, ([, , , , endMs]) => (endMs < 0 ? Number.POSITIVE_INFINITY : endMs));
  const threads = attempts.map(([, , thread]) => thread);
  const lanes: Lane[] = [];
  const all: (readonly number[])[] = [];
  for (const { thread, rows } of lanesByThread(threads, starts, ends)) {
    lanes.push({ name: threadName(thread), first: all.length, count: rows.length });
    for (const row of rows) all.push(row);
  }
  return { lanes, rows: all };
}
