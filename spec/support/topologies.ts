import { type IdLists, Topology } from '../../src/graph/topology.js';

/** One list of ids for each task, in the flat form that a topology has. */
export function idLists(lists: readonly (readonly number[])[]): IdLists {
  const starts = new Int32Array(lists.length + 1);
  for (const [id, list] of lists.entries()) starts[id + 1] = starts[id]! + list.length;
  return { starts, ids: Int32Array.from(lists.flat()) };
}

/** The lists themselves again. */
export function listsOf({ starts, ids }: IdLists): number[][] {
  return Array.from({ length: starts.length - 1 }, (_, id) => [...ids.subarray(starts[id], starts[id + 1])]);
}

/** A topology from the dependencies of each task, cycles or not. */
export function topologyOf(dependencies: readonly (readonly number[])[]): Topology {
  const lists = idLists(dependencies);
  return new Topology(dependencies.length, lists, lists);
}
