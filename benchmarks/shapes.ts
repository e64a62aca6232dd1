/** A task function with its own number built in, so that no two tasks give the same result for the same arguments. */
export type NumberFunction = (...results: number[]) => number;
export type AsyncNumberFunction = (...results: number[]) => Promise<number>;

/** A graph as a caller has it before any library sees it. Tasks are declared in topological order: the bare loop can take them as they come. */
export interface Shape {
  readonly name: string;
  readonly size: number;
  readonly names: readonly string[];
  /** For each task the names of its dependencies, in the order of its arguments. */
  readonly dependencies: readonly (readonly string[])[];
  /** The same as indices into `names`. */
  readonly dependencyIds: readonly (readonly number[])[];
  readonly functions: readonly NumberFunction[];
  /** The same functions, each returning a promise. */
  readonly asyncFunctions: readonly AsyncNumberFunction[];
}

/** How the shapes are called, and up to which size they can be made. */
export interface ShapeKind {
  readonly name: string;
  readonly sizeMax: number;
  /** Why there is no larger one. */
  readonly limit: string;
  /** The dependencies of each of `size` tasks, each smaller than the task itself. */
  readonly edges: (size: number) => number[][];
}

const LAYER_WIDTH = 100;
const LAYER_DEPENDENCIES = 3;

/**
 * ```
 *   chain    a ─► b ─► c         layered  ┌─┐ ┌─┐ ┌─┐       tree  a ─┐
 *   independent  a  b  c                  │ ├►│ ├►│ │             b ─┴► e ─┐
 *   fan-in   a, b, c ─► d                 └─┘ └─┘ └─┘             c ─┐     ├► g
 *                                      100 tasks a layer          d ─┴► f ─┘
 * ```
 */
export const SHAPE_KINDS: readonly ShapeKind[] = [
  {
    name: 'chain',
    sizeMax: Number.POSITIVE_INFINITY,
    limit: '',
    edges: (size) => lists(size, (task) => (task === 0 ? [] : [task - 1])),
  },
  { name: 'independent', sizeMax: Number.POSITIVE_INFINITY, limit: '', edges: (size) => lists(size, () => []) },
  { name: 'layered', sizeMax: Number.POSITIVE_INFINITY, limit: '', edges: layered },
  { name: 'tree', sizeMax: Number.POSITIVE_INFINITY, limit: '', edges: tree },
  {
    name: 'fan-in',
    sizeMax: 100_000,
    limit: 'one call takes at most some 110 000 arguments',
    edges: (size) => lists(size, (task) => (task < size - 1 ? [] : lists(size - 1, (dependency) => dependency))),
  },
];

export function makeShape({ name, edges }: ShapeKind, size: number): Shape {
  const names = lists(size, (task) => `task-${task}`);
  const dependencyIds = edges(size);
  return {
    name,
    size,
    names,
    dependencyIds,
    dependencies: dependencyIds.map((ids) => ids.map((id) => names[id]!)),
    functions: dependencyIds.map((ids, task) => sumOf(ids.length, task)),
    asyncFunctions: dependencyIds.map((ids, task) => asyncSumOf(ids.length, task)),
  };
}

/** Each layer takes from the one before it. */
function layered(size: number): number[][] {
  const random = randomNumbers(1);
  return lists(size, (task) => {
    const layer = Math.floor(task / LAYER_WIDTH);
    const chosen = new Set<number>();
    while (layer > 0 && chosen.size < LAYER_DEPENDENCIES)
      chosen.add((layer - 1) * LAYER_WIDTH + Math.floor(random() * LAYER_WIDTH));
    return [...chosen];
  });
}

/** Leaves first. With the tasks numbered backwards from the root this is the array of a binary heap. */
function tree(size: number): number[][] {
  return lists(size, (task) => {
    const place = size - 1 - task;
    return [2 * place + 1, 2 * place + 2].filter((child) => child < size).map((child) => size - 1 - child);
  });
}

/** What real functions are: a few pieces of source text, and a closure for each task. */
function sumOf(argumentCount: number, task: number): NumberFunction {
  switch (argumentCount) {
    case 0:
      return () => task;
    case 1:
      return (a) => (a! + task) | 0;
    case 2:
      return (a, b) => (a! + b! + task) | 0;
    case 3:
      return (a, b, c) => (a! + b! + c! + task) | 0;
    default:
      return (...all) => all.reduce((sum, one) => (sum + one) | 0, task);
  }
}

function asyncSumOf(argumentCount: number, task: number): AsyncNumberFunction {
  switch (argumentCount) {
    case 0:
      return async () => task;
    case 1:
      return async (a) => (a! + task) | 0;
    case 2:
      return async (a, b) => (a! + b! + task) | 0;
    case 3:
      return async (a, b, c) => (a! + b! + c! + task) | 0;
    default:
      return async (...all) => all.reduce((sum, one) => (sum + one) | 0, task);
  }
}

export function lists<T>(length: number, make: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => make(index));
}

/** The same numbers from 0 up to 1 for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
