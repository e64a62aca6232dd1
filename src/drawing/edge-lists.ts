/**
 * For each vertex the vertices on which it depends, in two flat arrays (compressed sparse rows): those of `v` are `ids[starts[v]]` up to, and not
 * including, `ids[starts[v + 1]]`.
 */
export interface EdgeLists {
  readonly starts: ArrayLike<number>;
  readonly ids: ArrayLike<number>;
}

/** Lists made from pairs: vertex `from[i]` is in the list of `to[i]`. In each list the order is that of the pairs. */
export function edgeLists(size: number, from: ArrayLike<number>, to: ArrayLike<number>): EdgeLists {
  const starts = new Int32Array(size + 1);
  for (let edge = 0; edge < to.length; edge++) starts[to[edge]! + 1]!++;
  for (let vertex = 0; vertex < size; vertex++) starts[vertex + 1]! += starts[vertex]!;
  const next = starts.slice();
  const ids = new Int32Array(from.length);
  for (let edge = 0; edge < to.length; edge++) ids[next[to[edge]!]!++] = from[edge]!;
  return { starts, ids };
}

/** The same edges, listed at their other ends. */
export function reversed({ starts, ids }: EdgeLists): EdgeLists {
  const size = starts.length - 1;
  const owners = new Int32Array(ids.length);
  for (let vertex = 0; vertex < size; vertex++) owners.fill(vertex, starts[vertex], starts[vertex + 1]);
  return edgeLists(size, owners, ids);
}

/** The edges between groups of vertices: each once, and none from a group to itself. */
export function edgesBetween(groups: ArrayLike<number>, groupCount: number, { starts, ids }: EdgeLists): EdgeLists {
  const from: number[] = [];
  const to: number[] = [];
  const members = edgeLists(
    groupCount,
    Int32Array.from(groups, (_, vertex) => vertex),
    groups,
  );
  // Which group last took an edge from each other one.
  const takenBy = new Int32Array(groupCount).fill(-1);
  for (let group = 0; group < groupCount; group++) {
    takenBy[group] = group;
    for (let member = members.starts[group]!; member < members.starts[group + 1]!; member++) {
      const vertex = members.ids[member]!;
      for (let edge = starts[vertex]!; edge < starts[vertex + 1]!; edge++) {
        const other = groups[ids[edge]!]!;
        if (takenBy[other] === group) continue;
        takenBy[other] = group;
        from.push(other);
        to.push(group);
      }
    }
  }
  return edgeLists(groupCount, from, to);
}

/** The vertices in an order in which each stands behind those on which it depends, and how many stand before each on the longest way to it. */
export interface Levels {
  readonly order: Int32Array;
  readonly levels: Int32Array;
}

/** By level, and within a level in order of number (Kahn, CACM 5(11), 1962). There must be no cycle. */
export function levelsOf(dependencies: EdgeLists): Levels {
  const size = dependencies.starts.length - 1;
  const dependents = reversed(dependencies);
  const levels = new Int32Array(size);
  const unmet = new Int32Array(size);
  let current: number[] = [];
  for (let vertex = 0; vertex < size; vertex++) {
    unmet[vertex] = dependencies.starts[vertex + 1]! - dependencies.starts[vertex]!;
    if (unmet[vertex] === 0) current.push(vertex);
  }
  const order = new Int32Array(size);
  let length = 0;
  for (let level = 0; current.length > 0; level++) {
    const next: number[] = [];
    for (const vertex of current) {
      levels[vertex] = level;
      order[length++] = vertex;
      for (let edge = dependents.starts[vertex]!; edge < dependents.starts[vertex + 1]!; edge++) {
        if (--unmet[dependents.ids[edge]!]! === 0) next.push(dependents.ids[edge]!);
      }
    }
    current = next.sort((a, b) => a - b);
  }
  return { order: order.subarray(0, length), levels };
}

/**
 * Numbers the strongly connected components: vertices that depend on each other, directly or not, have the same number, and each number is above those of the
 * components on which it depends (Tarjan, SIAM J. Comput. 1(2), 1972). With a stack of its own, since a chain may be longer than the call stack.
 */
export function componentsOf({ starts, ids }: EdgeLists): Int32Array {
  const size = starts.length - 1;
  const components = new Int32Array(size).fill(-1);
  const visits = new Int32Array(size);
  const lowest = new Int32Array(size);
  const nextEdges = Int32Array.from({ length: size }, (_, vertex) => starts[vertex]!);
  const path: number[] = [];
  const open: number[] = [];
  let visitCount = 0;
  let componentCount = 0;
  const enter = (vertex: number): void => {
    visits[vertex] = lowest[vertex] = ++visitCount;
    path.push(vertex);
    open.push(vertex);
  };
  for (let root = 0; root < size; root++) {
    if (visits[root] === 0) enter(root);
    while (path.length > 0) {
      const vertex = path[path.length - 1]!;
      if (nextEdges[vertex]! < starts[vertex + 1]!) {
        const other = ids[nextEdges[vertex]!++]!;
        if (visits[other] === 0) enter(other);
        else if (components[other] === -1) lowest[vertex] = Math.min(lowest[vertex]!, visits[other]!);
        continue;
      }
      path.pop();
      const before = path[path.length - 1];
      if (before !== undefined) lowest[before] = Math.min(lowest[before]!, lowest[vertex]!);
      if (lowest[vertex] !== visits[vertex]) continue;
      let member: number;
      do {
        member = open.pop()!;
        components[member] = componentCount;
      } while (member !== vertex);
      componentCount++;
    }
  }
  return components;
}
