import type { EdgeLists } from './edge-lists.js';
import type { DrawnStatus } from './palette.js';

/** What a drawing shows of a graph. Tasks are meant by their place in `names`. */
export interface DrawnGraph {
  readonly name: string;
  readonly names: readonly string[];
  /** What each task waits for. */
  readonly dependencies: EdgeLists;
  /** Those of its dependencies whose results it takes. */
  readonly inputs: EdgeLists;
  isIoBound(task: number): boolean;
  statusOf(task: number): DrawnStatus;
}

/** For each of its edges, in the order of `dependencies.ids`, a 1 if it only orders: no result goes along it. */
export function orderOnlyEdges({
  dependencies: { starts, ids },
  inputs,
}: Pick<DrawnGraph, 'dependencies' | 'inputs'>): Uint8Array {
  const orderOnly = new Uint8Array(ids.length);
  for (let task = 0; task + 1 < starts.length; task++) {
    const fed = new Set<number>();
    for (let edge = inputs.starts[task]!; edge < inputs.starts[task + 1]!; edge++) fed.add(inputs.ids[edge]!);
    for (let edge = starts[task]!; edge < starts[task + 1]!; edge++) if (!fed.has(ids[edge]!)) orderOnly[edge] = 1;
  }
  return orderOnly;
}
