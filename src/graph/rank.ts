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
 * graph, then order of declaration. None of this changes during a run, so it is worked out once for a graph.
 */
export interface StartOrder {
  /** The place of each task: 0 starts before 1. */
  readonly places: Int32Array;
  /** The task at each place. */
  readonly ids: Int32Array;
  /** Io-bound tasks have the places below this one. */
  readonly ioBoundCount: number;
}

export function startOrder(topology: Topology, settings: readonly TaskSettings[]): StartOrder {
  let ids = byRank(topology);
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
