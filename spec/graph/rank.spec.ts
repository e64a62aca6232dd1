import { describe, expect, test } from 'vitest';
import { criticalPath, ranks, startOrder, ways } from '../../src/graph/rank.js';
import { DEFAULT_SETTINGS, type TaskSettings } from '../../src/graph/task.js';
import { topologyOf } from '../support/topologies.js';

const plain = DEFAULT_SETTINGS;
const ioBound: TaskSettings = { ...plain, ioBound: true };
const priority = (value: number, base = plain): TaskSettings => ({ ...base, priority: value });

describe('ranks', () => {
  test('count the tasks on the longest way to the end', () => {
    // 0 ─► 1 ─► 2
    // └─────────► 2     3
    expect([...ranks(topologyOf([[], [0], [1, 0], []]))]).toEqual([3, 2, 1, 1]);
    expect([...ranks(topologyOf([]))]).toEqual([]);
  });
});

describe('ways', () => {
  test('count the milliseconds on the longest way to the end', () => {
    // 0 ─► 1 ─► 2
    // └─────────► 2     3
    const topology = topologyOf([[], [0], [1, 0], []]);
    expect([...ways(topology, Float64Array.of(5, 1, 2, 9))]).toEqual([8, 3, 2, 9]);
    // Of ways that take no time, the one with more tasks is the longer one.
    const [first, second] = ways(topology, new Float64Array(4));
    expect(first).toBeGreaterThan(second!);
  });
});

describe('criticalPath', () => {
  test('is one longest way, the first as declared', () => {
    // 3 ─► 0 ─► 2
    // └──► 1 ─► 4
    expect(criticalPath(topologyOf([[3], [3], [0], [], [1]]))).toEqual([3, 0, 2]);
    expect(criticalPath(topologyOf([[], []]))).toEqual([0]);
    expect(criticalPath(topologyOf([]))).toEqual([]);
  });
});

describe('startOrder', () => {
  test('puts the longer way first, then order of declaration', () => {
    // 0     1 ─► 3     2
    const order = startOrder(topologyOf([[], [], [], [1]]), [plain, plain, plain, plain]);
    expect([...order.ids]).toEqual([1, 0, 2, 3]);
    expect([...order.places]).toEqual([1, 0, 2, 3]);
    expect(order.ioBoundCount).toBe(0);
  });

  test('puts the way first that takes longer, where that is known, and priorities before it', () => {
    // 0     1 ─► 3     2
    const topology = topologyOf([[], [], [], [1]]);
    const estimates = Float64Array.of(7, 1, 9, 5);
    expect([...startOrder(topology, [plain, plain, plain, plain], estimates).ids]).toEqual([2, 0, 1, 3]);
    expect([...startOrder(topology, [plain, plain, plain, priority(1)], estimates).ids]).toEqual([3, 2, 0, 1]);
    expect([...startOrder(topology, [plain, ioBound, plain, plain], estimates).ids]).toEqual([1, 2, 0, 3]);
  });

  test('puts higher priority before the longer way', () => {
    // 0 ─► 3     1     2
    const order = startOrder(topologyOf([[], [], [], [0]]), [plain, priority(-1), priority(0.5), plain]);
    expect([...order.ids]).toEqual([2, 0, 3, 1]);
  });

  test('orders the largest and smallest priorities there are', () => {
    const order = startOrder(topologyOf([[], [], []]), [
      priority(-Number.MAX_VALUE),
      priority(Number.MAX_VALUE),
      priority(Number.MIN_VALUE),
    ]);
    expect([...order.ids]).toEqual([1, 2, 0]);
  });

  test('puts io-bound tasks before higher priority', () => {
    const order = startOrder(topologyOf([[], [], [], []]), [plain, priority(9), ioBound, priority(1, ioBound)]);
    expect([...order.ids]).toEqual([3, 2, 1, 0]);
    expect(order.ioBoundCount).toBe(2);
  });

  test('counts all tasks if all are io-bound', () => {
    const order = startOrder(topologyOf([[], []]), [ioBound, ioBound]);
    expect([...order.ids]).toEqual([0, 1]);
    expect(order.ioBoundCount).toBe(2);
  });
});
