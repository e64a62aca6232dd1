import { lists, randomNumbers } from '../shapes.js';

/** The exports of `threads/kernels.mjs`. */
export type Kernel =
  | 'nothing'
  | 'spin'
  | 'block'
  | 'blockAsTold'
  | 'wait'
  | 'constant'
  | 'bufferMade'
  | 'bufferMadeToMove'
  | 'sharedMade'
  | 'textMade'
  | 'rowsMade'
  | 'handedOn'
  | 'handedOnToMove'
  | 'bufferSeen'
  | 'textSeen'
  | 'rowsSeen';

export interface ThreadTask {
  readonly name: string;
  readonly kernel: Kernel;
  /** How much of it: iterations, milliseconds or bytes. */
  readonly amount: number;
  /** Indices of tasks that stand before this one. */
  readonly dependencies: readonly number[];
  readonly ioBound?: boolean;
}

/** Tasks for threads, in topological order. */
export interface ThreadGraph {
  readonly name: string;
  readonly tasks: readonly ThreadTask[];
  /** What each task must give; `undefined`: it is not looked at. */
  readonly expected: readonly unknown[];
}

/** A graph whose tasks all do the same. */
export function uniform(name: string, edges: readonly (readonly number[])[], kernel: Kernel, amount = 0): ThreadGraph {
  return threadGraph(
    name,
    edges.map((dependencies, task) => ({ name: `task-${task}`, kernel, amount, dependencies })),
  );
}

/** @param expected - default: the numbers that a plain loop over the tasks gives */
export function threadGraph(
  name: string,
  tasks: readonly ThreadTask[],
  expected: readonly unknown[] = numbersOf(tasks),
): ThreadGraph {
  return { name, tasks, expected };
}

function numbersOf(tasks: readonly ThreadTask[]): number[] {
  const numbers: number[] = [];
  for (const { kernel, amount, dependencies } of tasks) {
    let sum = 1;
    for (const dependency of dependencies) sum = (Math.imul(sum, 31) + numbers[dependency]!) | 0;
    numbers.push(kernel === 'constant' ? amount : sum);
  }
  return numbers;
}

// Edges: for each task its dependencies.
//
//   chains  a ─► b ─► c     stencil  a ─┬─► d ─┬─► g     fan-out and fan-in    ┌─► b ─┐
//           d ─► e ─► f              b ─┼─► e ─┼─► h                         a ─┼─► c ─┼─► e ─► …
//                                    c ─┴─► f ─┴─► i                           └─► d ─┘

export function independent(size: number): number[][] {
  return lists(size, () => []);
}

/** Steps of all chains stand beside each other. */
export function chains(width: number, steps: number): number[][] {
  return lists(width * steps, (task) => (task < width ? [] : [task - width]));
}

/** Each task takes the results of its neighbours and of itself in the step before. */
export function stencil(width: number, steps: number): number[][] {
  return lists(width * steps, (task) => {
    const place = task % width;
    return task < width
      ? []
      : [-1, 0, 1].filter((side) => place + side >= 0 && place + side < width).map((side) => task - width + side);
  });
}

export function fanOutFanIn(width: number, times: number): number[][] {
  return lists(times * (width + 1) + 1, (task) => {
    const place = task % (width + 1);
    if (task === 0) return [];
    return place === 0 ? lists(width, (index) => task - width + index) : [task - place];
  });
}

/** Up to three dependencies, each among the hundred tasks before. */
export function random(size: number, seed = 1): number[][] {
  const next = randomNumbers(seed);
  return lists(size, (task) => {
    const chosen = new Set<number>();
    const count = Math.min(task, Math.floor(next() * 4));
    while (chosen.size < count) chosen.add(task - 1 - Math.floor(next() * Math.min(task, 100)));
    return [...chosen];
  });
}

// What no schedule can beat.

/** The longest way through a graph, each task taking as long as `lengthMs` says. */
export function criticalPathMs({ tasks }: ThreadGraph, lengthMs: (task: ThreadTask) => number): number {
  return Math.max(...endsAtMs(tasks, lengthMs));
}

/** The shortest times before the first and after the last of the tasks that are meant: for so long nothing of them can be under way. */
export function marginsMs(
  graph: ThreadGraph,
  lengthMs: (task: ThreadTask) => number,
  isMeant: (task: ThreadTask) => boolean,
): number {
  const { tasks } = graph;
  const ends = endsAtMs(tasks, lengthMs);
  const head = Math.min(
    ...tasks.map((task, index) => (isMeant(task) ? ends[index]! - lengthMs(task) : Number.POSITIVE_INFINITY)),
  );
  const after = tasks.map(() => 0);
  for (let index = tasks.length - 1; index >= 0; index--) {
    for (const dependency of tasks[index]!.dependencies)
      after[dependency] = Math.max(after[dependency]!, after[index]! + lengthMs(tasks[index]!));
  }
  const tail = Math.min(...tasks.map((task, index) => (isMeant(task) ? after[index]! : Number.POSITIVE_INFINITY)));
  return head + tail;
}

export function sumMs({ tasks }: ThreadGraph, lengthMs: (task: ThreadTask) => number): number {
  return tasks.reduce((sum, task) => sum + lengthMs(task), 0);
}

function endsAtMs(tasks: readonly ThreadTask[], lengthMs: (task: ThreadTask) => number): number[] {
  const ends: number[] = [];
  for (const task of tasks)
    ends.push(lengthMs(task) + Math.max(0, ...task.dependencies.map((dependency) => ends[dependency]!)));
  return ends;
}
