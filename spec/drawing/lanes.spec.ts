import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lanesOf } from '../../src/drawing/lanes.js';
import { propertyOptions } from '../support/random-graph.js';

type Attempt = readonly [thread: string | number, start: number, end: number];

const laidOut = (attempts: readonly Attempt[]) =>
  lanesOf(
    attempts.map(([thread]) => thread),
    attempts.map(([, start]) => start),
    attempts.map(([, , end]) => end),
  );

/** The first row of its thread that is free, looked for one by one. */
function naiveRows(attempts: readonly Attempt[]): Map<string | number, number[][]> {
  const rows = new Map<string | number, number[][]>();
  const byStart = attempts.map((_, index) => index).sort((a, b) => attempts[a]![1] - attempts[b]![1] || a - b);
  for (const index of byStart) {
    const [thread, start] = attempts[index]!;
    const own = rows.get(thread) ?? [];
    rows.set(thread, own);
    const endOf = (other: number) => Math.max(attempts[other]![2], attempts[other]![1]);
    const free = own.find((row) => endOf(row.at(-1)!) <= start);
    if (free === undefined) own.push([index]);
    else free.push(index);
  }
  return rows;
}

describe('lanesOf()', () => {
  it('has the main thread first, then threads by number, then workers by name', () => {
    const threads = ['b', 10, 'main', 'a', 2, 0];
    expect(laidOut(threads.map((thread) => [thread, 0, 1])).map(({ thread }) => thread)).toEqual([
      ...['main', 0, 2, 10, 'a', 'b'],
    ]);
  });

  it('puts what begins where another ends into its row, and what takes no time beside nothing', () => {
    // 0 ├──┤        ├──┤ 3
    // 1   ├─────┤
    //        2 │
    const attempts: Attempt[] = [
      [1, 0, 2],
      [1, 1, 5],
      [1, 3, 3],
      [1, 5, 9],
    ];
    expect(laidOut(attempts)).toEqual([{ thread: 1, rows: [[0, 2, 3], [1]] }]);
  });

  it('has a row for each that is under way, whenever that was heard', () => {
    const attempts: Attempt[] = [
      [0, 7, Number.POSITIVE_INFINITY],
      [0, 3, Number.POSITIVE_INFINITY],
    ];
    expect(laidOut(attempts)).toEqual([{ thread: 0, rows: [[1], [0]] }]);
  });

  it('is what a look at every row would come to', () => {
    const attempt = fc.tuple(
      fc.constantFrom<string | number>('main', 1, 'w'),
      fc.nat(12),
      fc.oneof({ weight: 5, arbitrary: fc.nat(20) }, fc.constant(Number.POSITIVE_INFINITY)),
    );
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 40 }), (attempts) => {
        expect(new Map(laidOut(attempts).map(({ thread, rows }) => [thread, rows]))).toEqual(naiveRows(attempts));
      }),
      propertyOptions(1_000),
    );
  });

  it('takes half a million attempts that overlap, and frees and takes their rows again', () => {
    const count = 250_000;
    const starts = Float64Array.from({ length: 2 * count }, (_, index) => index + (index < count ? 0 : count));
    const ends = Float64Array.from({ length: 2 * count }, (_, index) => (index < count ? 2 * count - index : 1e9));
    const [lane] = lanesOf(
      Array.from(starts, () => 0),
      starts,
      ends,
    );
    expect(lane!.rows).toHaveLength(count);
    expect(lane!.rows.every(({ length }) => length === 2)).toBe(true);
  });
});
