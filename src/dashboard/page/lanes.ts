import type { ShownAttempt, ShownThread } from '../messages.js';
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
  const rowsByThread = new Map<ShownThread, { readonly rows: number[][]; readonly untilMs: number[] }>();
  for (const index of byStart(attempts)) {
    const [, , thread, startMs, endMs] = attempts[index]!;
    const known = rowsByThread.get(thread) ?? { rows: [], untilMs: [] };
    const { rows, untilMs } = known;
    if (rows.length === 0) rowsByThread.set(thread, known);
    // The first row that is free, so that a thread that does one thing after another stays in one.
    let row = 0;
    while (row < rows.length && untilMs[row]! > startMs) row++;
    if (row === rows.length) rows.push([]);
    rows[row]!.push(index);
    untilMs[row] = endMs < 0 ? Number.POSITIVE_INFINITY : endMs;
  }
  const lanes: Lane[] = [];
  const all: number[][] = [];
  for (const [thread, { rows }] of [...rowsByThread].sort(([a], [b]) => byPlace(a, b))) {
    lanes.push({ name: threadName(thread), first: all.length, count: rows.length });
    for (const row of rows) all.push(row);
  }
  return { lanes, rows: all };
}

/** Threads by their numbers, the main one first; then workers by their names. */
function byPlace(a: ShownThread, b: ShownThread): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : 1;
  return typeof a === 'number' ? -1 : 1;
}

/** Nearly all are told in this order: those of threads may come a little late. */
function byStart(attempts: readonly ShownAttempt[]): number[] {
  const places = attempts.map((_, index) => index);
  const isOrdered = attempts.every((attempt, index) => index === 0 || attempts[index - 1]![3] <= attempt[3]);
  return isOrdered ? places : places.sort((a, b) => attempts[a]![3] - attempts[b]![3] || a - b);
}
