/**
 * Lists of task ids, one list for each task, in two flat arrays (compressed sparse rows): the list of task `id` is
 * `ids[starts[id]]` up to, and not including, `ids[starts[id + 1]]`.
 */
export interface IdLists {
  readonly starts: Int32Array;
  readonly ids: Int32Array;
}

/** At most so many cycles are told at once: a graph that is wrong throughout can hold more cycles than there is memory. */
export const CYCLES_TOLD_MAX = 100;

/**
 * Who depends on whom. Tasks are integers here, numbered in the order in which they were declared; it never changes once made.
 *
 * ```
 *   dependencies.ids of c: a b        a ─► c        dependents.ids of a: c
 *                                     b ─► c
 * ```
 */
export class Topology {
  readonly size: number;
  /** For each task the tasks whose results are its arguments: in order, a task that is named twice twice. */
  readonly inputs: IdLists;
  /** For each task the tasks that must be done before it starts, each once: inputs and those named by `after`. */
  readonly dependencies: IdLists;
  /** For each task the tasks that wait for it, each once. */
  readonly dependents: IdLists;
  /** Every task behind its dependencies, level by level. Shorter than `size` if the graph has a cycle. */
  readonly order: Int32Array;
  #positions: Int32Array | undefined;

  constructor(size: number, inputs: IdLists, dependencies: IdLists) {
    this.size = size;
    this.inputs = inputs;
    this.dependencies = dependencies;
    this.dependents = reversed(size, dependencies);
    this.order = topologicalOrder(size, dependencies, this.dependents);
  }

  /** How many edges there are between tasks. */
  get edgeCount(): number {
    return this.dependencies.ids.length;
  }

  /** The tasks whose results are the arguments of a task: in order, one that is named twice twice. */
  inputsOf(id: number): Int32Array {
    const { starts, ids } = this.inputs;
    return ids.subarray(starts[id], starts[id + 1]);
  }

  /** All that must be done before any of these tasks, in topological order, the tasks themselves left out. */
  ancestors(of: readonly number[]): number[] {
    return this.#reached(of, this.dependencies);
  }

  /** All that waits for any of these tasks, in topological order, the tasks themselves left out. */
  descendants(of: readonly number[]): number[] {
    return this.#reached(of, this.dependents);
  }

  #reached(from: readonly number[], { starts, ids }: IdLists): number[] {
    const seen = new Set(from);
    const found: number[] = [];
    const stack = [...seen];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
        const next = ids[edge]!;
        if (seen.has(next)) continue;
        seen.add(next);
        found.push(next);
        stack.push(next);
      }
    }
    this.#positions ??= inverse(this.order);
    const positions = this.#positions;
    return found.sort((a, b) => positions[a]! - positions[b]!);
  }

  /**
   * The cycles of the graph as closed paths, `[a, b, a]`, each task behind the one it needs. One for each edge that closes a circle during a
   * depth-first walk (Tarjan, SIAM J. Comput. 1(2), 1972), at most {@link CYCLES_TOLD_MAX}; empty if and only if there is no cycle.
   */
  cycles(): number[][] {
    if (this.order.length === this.size) return [];
    const { starts, ids } = this.dependents;
    const UNSEEN = -1;
    const LEFT = -2;
    const depths = new Int32Array(this.size).fill(UNSEEN);
    // What Kahn's order holds is on no cycle.
    for (const id of this.order) depths[id] = LEFT;
    const found: number[][] = [];
    const path: number[] = [];
    const edges: number[] = [];
    for (let root = 0; root < this.size; root++) {
      if (depths[root] !== UNSEEN) continue;
      enter(root);
      while (path.length > 0) {
        const id = path[path.length - 1]!;
        const edge = edges[edges.length - 1]!++;
        if (edge >= starts[id + 1]!) {
          depths[id] = LEFT;
          path.pop();
          edges.pop();
          continue;
        }
        const next = ids[edge]!;
        if (depths[next] === UNSEEN) enter(next);
        else if (depths[next]! >= 0) {
          found.push([...path.slice(depths[next]!), next]);
          if (found.length === CYCLES_TOLD_MAX) return found;
        }
      }
    }
    return found;

    function enter(id: number): void {
      depths[id] = path.length;
      path.push(id);
      edges.push(starts[id]!);
    }
  }
}

/** The same edges seen from their other end. */
function reversed(size: number, { starts, ids }: IdLists): IdLists {
  const reversedStarts = new Int32Array(size + 1);
  for (const id of ids) reversedStarts[id + 1]!++;
  for (let id = 0; id < size; id++) reversedStarts[id + 1]! += reversedStarts[id]!;
  const reversedIds = new Int32Array(ids.length);
  const next = reversedStarts.slice(0, size);
  for (let id = 0; id < size; id++) {
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) reversedIds[next[ids[edge]!]!++] = id;
  }
  return { starts: reversedStarts, ids: reversedIds };
}

/** Kahn, CACM 5(11), 1962. */
function topologicalOrder(size: number, dependencies: IdLists, dependents: IdLists): Int32Array {
  const unmet = new Int32Array(size);
  const order = new Int32Array(size);
  let length = 0;
  for (let id = 0; id < size; id++) {
    unmet[id] = dependencies.starts[id + 1]! - dependencies.starts[id]!;
    if (unmet[id] === 0) order[length++] = id;
  }
  for (let done = 0; done < length; done++) {
    const id = order[done]!;
    for (let edge = dependents.starts[id]!; edge < dependents.starts[id + 1]!; edge++) {
      const dependent = dependents.ids[edge]!;
      if (--unmet[dependent]! === 0) order[length++] = dependent;
    }
  }
  return length === size ? order : order.slice(0, length);
}

/** Where each id stands in `order`. */
export function inverse(order: Int32Array): Int32Array {
  const positions = new Int32Array(order.length);
  for (let position = 0; position < order.length; position++) positions[order[position]!] = position;
  return positions;
}
