import { describe, expect, test } from 'vitest';
import { inverse } from '../../src/graph/topology.js';
import { NONE, ReadyQueue } from '../../src/schedule/ready-queue.js';

/** A queue whose tasks start in this order. */
function queueOf(ids: Iterable<number>, ioBoundCount = 0): ReadyQueue {
  const order = Int32Array.from(ids);
  return new ReadyQueue({ ids: order, places: inverse(order), ioBoundCount });
}

function drained(queue: ReadyQueue): number[] {
  const ids: number[] = [];
  for (let id = queue.first(); id !== NONE; id = queue.first()) {
    ids.push(id);
    queue.remove(id);
  }
  return ids;
}

describe('ReadyQueue', () => {
  test('of no tasks has no first', () => {
    expect(queueOf([]).first()).toBe(NONE);
    expect(queueOf([]).size).toBe(0);
  });

  test('gives tasks in the order in which they start, whatever the order in which they came', () => {
    const queue = queueOf([2, 0, 1]);
    for (const id of [0, 1, 2]) queue.add(id);
    expect(queue.size).toBe(3);
    expect(drained(queue)).toEqual([2, 0, 1]);
    expect(queue.size).toBe(0);
  });

  test('leaves the first where it is until it is removed', () => {
    const queue = queueOf([0, 1]);
    queue.add(1);
    expect(queue.first()).toBe(1);
    expect(queue.first()).toBe(1);
    queue.add(0);
    expect(queue.first()).toBe(0);
    queue.remove(1);
    expect(drained(queue)).toEqual([0]);
  });

  test.each([1, 31, 32, 33, 1023, 1024, 1025, 32_767, 32_768, 32_769, 1_048_577])(
    'finds the first and the last of %i places',
    (size) => {
      const queue = queueOf(Array.from({ length: size }, (_, id) => id));
      const some = [...new Set([size - 1, size >> 1, 0])];
      for (const id of some) queue.add(id);
      expect(drained(queue)).toEqual(some.reverse());
      expect(queue.first()).toBe(NONE);
    },
  );

  test('holds all places of all words at once', () => {
    const ids = Array.from({ length: 5000 }, (_, id) => id);
    const queue = queueOf(ids);
    for (const id of [...ids].reverse()) queue.add(id);
    expect(drained(queue)).toEqual(ids);
  });

  test('tells io-bound tasks by their place', () => {
    const queue = queueOf([2, 0, 1], 2);
    expect([0, 1, 2].map((id) => queue.isIoBound(id))).toEqual([true, false, true]);
  });
});
