import { lists } from '../../shapes.js';
import {
  async,
  IO_ON_MAIN,
  IO_ON_THREAD,
  ioOnMain,
  ioOnThread,
  ON_MAIN,
  PARALLEL,
  parallel,
} from '../contenders/taskmap-threads.js';
import { THREADS } from '../contenders/thread-contender.js';
import { type ThreadEffort, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { criticalPathMs, marginsMs, sumMs, type ThreadGraph, type ThreadTask, threadGraph } from '../thread-graph.js';

export const MIXED = 'mixed';

const PIPELINES = 12;
const WAIT_MS = 20;
const BLOCK_MS = 10;

const GRAPH: ThreadGraph = pipelines('pipelines of waiting and blocking', PIPELINES);

/** fetch (waits) ─► parse (blocks) ─► store (waits) ─► check (blocks), side by side */
export function pipelines(name: string, count: number): ThreadGraph {
  return threadGraph(
    name,
    lists(4 * count, (task): ThreadTask => {
      const dependencies = task < count ? [] : [task - count];
      return Math.floor(task / count) % 2 === 0
        ? { name: `task-${task}`, kernel: 'wait', amount: WAIT_MS, ioBound: true, dependencies }
        : { name: `task-${task}`, kernel: 'block', amount: BLOCK_MS, dependencies };
    }),
  );
}

const EFFORT: ThreadEffort = { rounds: 7, sampleMs: 0, warmUpMs: 1, warmUpEachRoundMs: 0 };

export const mixed: Part = {
  name: MIXED,
  title: 'Waiting and computing in one graph',
  legend: `\
${PIPELINES} times: wait ${WAIT_MS} ms, block a thread for ${BLOCK_MS} ms, and both once more. The ideal is what theory allows the executor: with waits
that overlap, the blocking tasks one after the other on the main thread, or shared by ${THREADS} threads, and before and after them the shortest waits; with waits that
occupy threads, the sum of all over the threads; nowhere less than the longest way.`,
  async *run() {
    yield await withContenders([async, parallel, ioOnMain, ioOnThread], (field) =>
      timed(field, { part: MIXED, graph: GRAPH, idealMs: (contender) => idealMs(GRAPH, contender) }, EFFORT),
    );
  },
};

/** What theory allows an executor on a graph of tasks that wait and tasks that block. */
export function idealMs(graph: ThreadGraph, contender: string): number {
  const lengthMs = ({ amount }: ThreadTask) => amount;
  const blocks = ({ ioBound }: ThreadTask) => ioBound !== true;
  const blockingMs = sumMs(graph, (task) => (blocks(task) ? lengthMs(task) : 0));
  const marginMs = marginsMs(graph, lengthMs, blocks);
  const bounds: { readonly [contender: string]: number } = {
    [ON_MAIN]: marginMs + blockingMs,
    [PARALLEL]: sumMs(graph, lengthMs) / THREADS,
    [IO_ON_MAIN]: marginMs + blockingMs / THREADS,
    [IO_ON_THREAD]: marginMs + blockingMs / THREADS,
  };
  return Math.max(criticalPathMs(graph, lengthMs), bounds[contender]!);
}
