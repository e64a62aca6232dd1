import { describe, expect, it } from 'vitest';
import { OutcomeTable } from '../../src/graph/outcome.js';
import { startOrder, ways } from '../../src/graph/rank.js';
import { DEFAULT_SETTINGS } from '../../src/graph/task.js';
import type { Topology } from '../../src/graph/topology.js';
import { NONE, Schedule } from '../../src/schedule/schedule.js';
import { Random } from '../support/seeded-random.js';
import { topologyOf } from '../support/topologies.js';

const SIZE = 1_000;
const SEEDS = [1, 2, 3, 4, 5];

/** Each task takes up to three of all that stand before it. */
function random(next: () => number): number[][] {
  return Array.from({ length: SIZE }, (_, id) => {
    const count = Math.min(id, Math.floor(next() * 4));
    return [...new Set(Array.from({ length: count }, () => Math.floor(next() * id)))];
  });
}

/** Each layer of 50 takes up to three of the one before it. */
function layered(next: () => number): number[][] {
  return Array.from({ length: SIZE }, (_, id) => {
    const first = Math.floor(id / 50) * 50 - 50;
    if (first < 0) return [];
    return [...new Set(Array.from({ length: 3 }, () => first + Math.floor(next() * 50)))];
  });
}

/** How long a run takes on so many slots, in simulated time. */
function makespan(topology: Topology, durations: Float64Array, slots: number, estimates?: Float64Array): number {
  const settings = durations.length === 0 ? [] : Array.from(durations, () => DEFAULT_SETTINGS);
  const outcomes = new OutcomeTable(topology.size);
  const order = startOrder(topology, settings, estimates);
  const schedule = new Schedule({ topology, startOrder: order, outcomes }, { total: slots, cpu: slots });
  const running: { readonly id: number; readonly endsAtMs: number }[] = [];
  let nowMs = 0;
  while (!schedule.finished) {
    for (let id = schedule.next(); id !== NONE; id = schedule.next())
      running.push({ id, endsAtMs: nowMs + durations[id]! });
    running.sort((a, b) => a.endsAtMs - b.endsAtMs);
    const { id, endsAtMs } = running.shift()!;
    nowMs = endsAtMs;
    schedule.succeeded(id);
  }
  return nowMs;
}

/** Over the time that no order can beat: the longest way, or all the work on all slots. */
function ratio(topology: Topology, durations: Float64Array, slots: number, estimates?: Float64Array): number {
  const work = durations.reduce((sum, one) => sum + one, 0);
  const bound = Math.max(...ways(topology, durations), work / slots);
  return makespan(topology, durations, slots, estimates) / bound;
}

describe.each([
  ['random', random],
  ['layered', layered],
])('a run of a %s graph of which it is known how long tasks take', (_, dependencies) => {
  it.each([
    [2, 1.01],
    [4, 1.02],
    [8, 1.04],
  ])('on %i slots takes at most %f of what no order can beat', (slots, most) => {
    for (const seed of SEEDS) {
      const chance = new Random(seed);
      const next = () => chance.next();
      const topology = topologyOf(dependencies(next));
      // From a millisecond to ten seconds, short ones more often.
      const durations = Float64Array.from({ length: SIZE }, () => 10 ** (4 * next()));
      const known = ratio(topology, durations, slots, durations);
      expect(known, `seed ${seed}`).toBeLessThanOrEqual(most);
    }
  });
});
