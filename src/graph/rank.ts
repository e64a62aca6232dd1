import type { TaskSettings } from './task.js';
import { inverse, type Topology } from './topology.js';

/** How long the way from each task to the end of the graph is, in tasks, itself included: 1 for a task that nothing waits for. */
export function ranks({ size, order, dependents }: Topology): Int32Array {
  const rank = new Int32Array(size).fill(1);
  for (let position = size - 1; position >= 0; position--) {
    const id = order[position]!;
    for (let edge = dependents.starts[id]!; edge < dependents.starts[id + 1]!; edge++) {
      const throughDependent = rank[dependents.ids[edge]!]! + 1;
      if (throughDependent > rank[id]!) rank[id] = throughDependent;
    }
  }
  return rank;
}

/** The longest way through the graph: the first one in order of declaration where several are as long. Empty for an empty graph. */
export function criticalPath(topology: Topology): number[] {
  const rank = ranks(topology);
  const { starts, ids } = topology.dependents;
  let id = -1;
  for (let candidate = 0; candidate < topology.size; candidate++) {
    if (id < 0 || rank[candidate]! > rank[id]!) id = candidate;
  }
  const path: number[] = [];
  while (id >= 0) {
    path.push(id);
    let next = -1;
    for (let edge = starts[id]!; edge < starts[id + 1]! && next < 0; edge++) {
      if (rank[ids[edge]!] === rank[id]! - 1) next = ids[edge]!;
    }
    id = next;
  }
  return path;
}

/**
 * The order in which tasks start that are ready at the same time: io-bound first, then higher priority, then the longer way to the end of the
 * graph, then order of declaration. The way counts in tasks, or in milliseconds where it is known how long tasks take. None of this changes
 * during a run.
 */
export interface StartOrder {
  /** The place of each task: 0 starts before 1. */
  readonly places: Int32Array;
  /** The task at each place. */
  readonly ids: Int32Array;
  /** Io-bound tasks have the places below this one. */
  readonly ioBoundCount: number;
}

/** @param estimates - how long each task is thought to take, in milliseconds, if anything is known of that */
export function startOrder(
  topology: Topology,
  settings: readonly TaskSettings[],
  estimates?: Float64Array | undefined,
): StartOrder {
  let ids = estimates === undefined ? byRank(topology) : byWay(topology, estimates);
  if (settings.some(({ priority }) => priority !== 0))
    ids = ids.sort((a, b) => settings[b]!.priority - settings[a]!.priority);
  const ioBoundCount = settings.reduce((count, { ioBound }) => count + (ioBound ? 1 : 0), 0);
  if (ioBoundCount > 0 && ioBoundCount < settings.length) {
    ids = Int32Array.from([
      ...ids.filter((id) => settings[id]!.ioBound),
      ...ids.filter((id) => !settings[id]!.ioBound),
    ]);
  }
  return { ids, places: inverse(ids), ioBoundCount };
}

/**
 * How long the way from each task to the end of the graph takes, in milliseconds, itself included. A task takes a
 * microsecond at least: of ways as long, the one with more tasks is the longer one.
 */
export function ways({ size, order, dependents }: Topology, estimates: Float64Array): Float64Array {
  const way = new Float64Array(size);
  for (let position = size - 1; position >= 0; position--) {
    const id = order[position]!;
    let behind = 0;
    for (let edge = dependents.starts[id]!; edge < dependents.starts[id + 1]!; edge++)
      behind = Math.max(behind, way[dependents.ids[edge]!]!);
    way[id] = behind + Math.max(estimates[id]!, SHORTEST_MS);
  }
  return way;
}

const SHORTEST_MS = 0.001;

/** The longest way first; of those as long, in order of declaration. */
function byWay(topology: Topology, estimates: Float64Array): Int32Array {
  const way = ways(topology, estimates);
  return Int32Array.from({ length: topology.size }, (_, id) => id).sort((a, b) => way[b]! - way[a]!);
}

/** Counting sort, the longest way first; equal ranks stay in order of declaration. */
function byRank(topology: Topology): Int32Array {
  const rank = ranks(topology);
  const longest = rank.reduce((most, one) => Math.max(most, one), 0);
  const next = new Int32Array(longest + 1);
  for (const one of rank) if (one > 0) next[one - 1]!++;
  for (let one = longest - 1; one >= 0; one--) next[one]! += next[one + 1]!;
  const ids = new Int32Array(topology.size);
  for (let id = 0; id < topology.size; id++) ids[next[rank[id]!]!++] = id;
  return ids;
}
