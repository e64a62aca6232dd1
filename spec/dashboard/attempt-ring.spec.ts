import { describe, expect, it } from 'vitest';
import { AttemptRing } from '../../src/dashboard/attempt-ring.js';
import { ATTEMPTS_MAX } from '../../src/dashboard/messages.js';

describe('AttemptRing', () => {
  it('holds attempts in the order in which they began, and how they ended', () => {
    const ring = new AttemptRing(2);
    const first = ring.begin(7, 1, 0, 10);
    const second = ring.begin(8, 2, 3, 20);
    ring.end(first, 15, 1);
    expect(ring.since(0)).toEqual([
      [7, 1, 0, 10, 15, 1],
      [8, 2, 3, 20, -1, 0],
    ]);
    expect(ring.since(second)).toEqual([[8, 2, 3, 20, -1, 0]]);
    expect(ring.ending(first)).toEqual([first, 15, 1]);
  });

  it('grows where more begin than were expected', () => {
    const ring = new AttemptRing(1);
    for (let task = 0; task < 1000; task++) ring.begin(task, 1, 0, task);
    expect(ring.since(0).map(([task]) => task)).toEqual(Array.from({ length: 1000 }, (_, task) => task));
    expect(ring.dropped).toBe(0);
  });

  it('drops the earliest where there are too many, and hears nothing more of them', () => {
    const ring = new AttemptRing(1);
    for (let task = 0; task < ATTEMPTS_MAX + 10; task++) ring.begin(task, 1, 0, task);
    ring.end(9, 50_000, 1);
    ring.end(10, 50_000, 1);
    const kept = ring.since(0);
    expect({ dropped: ring.dropped, count: ring.count, kept: kept.length }).toEqual({
      dropped: 10,
      count: ATTEMPTS_MAX + 10,
      kept: ATTEMPTS_MAX,
    });
    expect(kept[0]).toEqual([10, 1, 0, 10, 50_000, 1]);
    expect(kept.at(-1)).toEqual([ATTEMPTS_MAX + 9, 1, 0, ATTEMPTS_MAX + 9, -1, 0]);
    expect([ring.ending(9), ring.ending(10)]).toEqual([[], [10, 50_000, 1]]);
  });
});
