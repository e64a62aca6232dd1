import { describe, expect, test } from 'vitest';
import { CYCLES_TOLD_MAX, inverse } from '../../src/graph/topology.js';
import { listsOf, topologyOf } from '../support/topologies.js';

describe('Topology', () => {
  test('of nothing is empty', () => {
    const topology = topologyOf([]);
    expect(topology.size).toBe(0);
    expect(topology.edgeCount).toBe(0);
    expect([...topology.order]).toEqual([]);
    expect(topology.cycles()).toEqual([]);
  });

  test('turns dependencies into dependents, in order of declaration', () => {
    // 0 ─► 2 ─► 3
    // 1 ───┘
    // └────────► 3
    const topology = topologyOf([[], [], [1, 0], [2, 1]]);
    expect(listsOf(topology.dependents)).toEqual([[2], [2, 3], [3], []]);
    expect(topology.edgeCount).toBe(4);
  });

  test('orders level by level, each level as its last dependencies stand', () => {
    // 3 ─► 0 ─► 2
    // 1
    expect([...topologyOf([[3], [], [0], []]).order]).toEqual([1, 3, 0, 2]);
  });

  test('leaves out of the order what is on a cycle and what waits for one', () => {
    // 0 ─► 1 ⇄ 2 ─► 3
    const topology = topologyOf([[], [0, 2], [1], [2]]);
    expect([...topology.order]).toEqual([0]);
  });
});

describe('ancestors and descendants', () => {
  // 0 ─► 1 ─► 3
  // └──► 2 ───┘     4
  const topology = topologyOf([[], [0], [0], [1, 2], []]);

  test('tell each task once, in topological order', () => {
    expect(topology.descendants([0])).toEqual([1, 2, 3]);
    expect(topology.ancestors([3])).toEqual([0, 1, 2]);
  });

  test('of several tasks leave out those tasks, though one be behind the other', () => {
    expect(topology.descendants([0, 1])).toEqual([2, 3]);
    expect(topology.ancestors([3, 1])).toEqual([0, 2]);
    expect(topology.descendants([4, 4])).toEqual([]);
    expect(topology.descendants([])).toEqual([]);
  });
});

describe('cycles', () => {
  test('is empty without one', () => {
    expect(topologyOf([[], [0], [0, 1]]).cycles()).toEqual([]);
  });

  test('tells a task that waits for itself', () => {
    expect(topologyOf([[0]]).cycles()).toEqual([[0, 0]]);
  });

  test('tells a closed path, each task behind the one it needs', () => {
    // 0 ─► 1 ─► 2 ─► 0
    expect(topologyOf([[2], [0], [1]]).cycles()).toEqual([[0, 1, 2, 0]]);
  });

  test('leaves out the way to a cycle and the way from it', () => {
    // 0 ─► 1 ⇄ 2 ─► 3
    expect(topologyOf([[], [0, 2], [1], [2]]).cycles()).toEqual([[1, 2, 1]]);
  });

  test('tells cycles apart that have nothing to do with each other', () => {
    expect(topologyOf([[1], [0], [3], [2]]).cycles()).toEqual([
      [0, 1, 0],
      [2, 3, 2],
    ]);
  });

  test('tells both of two that share a task', () => {
    // 1 ⇄ 0 ⇄ 2
    expect(topologyOf([[1, 2], [0], [0]]).cycles()).toEqual([
      [0, 1, 0],
      [0, 2, 0],
    ]);
  });

  test('stops at the most that are told at once', () => {
    // Everyone waits for everyone.
    const everyone = Array.from({ length: 50 }, (_, id) => id);
    expect(topologyOf(everyone.map(() => everyone)).cycles()).toHaveLength(CYCLES_TOLD_MAX);
  });
});

describe('inverse', () => {
  test('tells where each id stands', () => {
    expect([...inverse(Int32Array.of(2, 0, 1))]).toEqual([1, 2, 0]);
    expect([...inverse(new Int32Array())]).toEqual([]);
  });
});
