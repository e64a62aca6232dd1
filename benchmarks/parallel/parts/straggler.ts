import { lists } from '../../shapes.js';
import { piscina } from '../contenders/piscina.js';
import { parallel } from '../contenders/taskmap-threads.js';
import { THREADS } from '../contenders/thread-contender.js';
import { tinypool } from '../contenders/tinypool.js';
import { workerpoolExec } from '../contenders/workerpool.js';
import { type ThreadEffort, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { type ThreadGraph, type ThreadTask, threadGraph } from '../thread-graph.js';

export const STRAGGLER = 'straggler';

const TINY = 3_000;
const CHILDREN = 300;
const CHILD_MS = 2;
const LONG_MS = 400;

const GRAPH: ThreadGraph = longAmongTiny(`one long task among ${TINY} tiny ones`, {
  tiny: TINY,
  children: CHILDREN,
  longMs: LONG_MS,
});

export interface StragglerSize {
  readonly tiny: number;
  /** How many of the tiny tasks have a dependent that blocks. */
  readonly children: number;
  readonly longMs: number;
}

/** The first two tasks are what the others are told: to take no time, or a long one. All but one take none. */
export function longAmongTiny(name: string, { tiny, children, longMs }: StragglerSize): ThreadGraph {
  const every = tiny / children;
  return threadGraph(name, [
    { name: 'short', kernel: 'constant', amount: 0, dependencies: [] },
    { name: 'long', kernel: 'constant', amount: longMs, dependencies: [] },
    ...lists(
      tiny,
      (task): ThreadTask => ({
        name: `tiny-${task}`,
        kernel: 'blockAsTold',
        amount: 0,
        dependencies: [task === tiny / 2 ? 1 : 0],
      }),
    ),
    ...lists(
      children,
      (task): ThreadTask => ({
        name: `child-${task}`,
        kernel: 'block',
        amount: CHILD_MS,
        dependencies: [2 + every * task],
      }),
    ),
  ]);
}

const EFFORT: ThreadEffort = { rounds: 5, sampleMs: 0, warmUpMs: 1, warmUpEachRoundMs: 0 };

export const straggler: Part = {
  name: STRAGGLER,
  title: 'A long task that nobody knows of',
  legend: `\
${TINY} tiny tasks of the same function, of which one blocks for ${LONG_MS} ms, since its input says so; ${CHILDREN} of them have a dependent that blocks for ${CHILD_MS} ms. The ideal is
the sum of what blocks over the number of threads. What is handed to a thread ahead of time must not wait behind the long task.`,
  async *run() {
    const idealMs = (LONG_MS + CHILDREN * CHILD_MS) / THREADS;
    yield await withContenders([parallel, piscina, tinypool, workerpoolExec], (field) =>
      timed(field, { part: STRAGGLER, graph: GRAPH, idealMs: () => idealMs }, EFFORT),
    );
  },
};
