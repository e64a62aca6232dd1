import { type AsyncExecutor, ParallelAsyncExecutor, ParallelExecutor } from 'taskmap-ts';
import { lists } from '../../shapes.js';
import { graphOf, IO_ON_MAIN, IO_ON_THREAD, PARALLEL } from '../contenders/taskmap-threads.js';
import { THREADS, type ThreadContender } from '../contenders/thread-contender.js';
import { type ThreadEffort, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { type ThreadGraph, type ThreadTask, threadGraph } from '../thread-graph.js';

export const FLOODED = 'flooded';

const LINKS = 20;
const WAIT_MS = 5;
const FLOOD = 32;
const BLOCK_MS = 40;

/** A chain of tasks that wait, and beside it more blocking tasks than there are threads. */
const GRAPH: ThreadGraph = threadGraph('a chain of waits in a flood', [
  ...lists(
    LINKS,
    (task): ThreadTask => ({ name: `link-${task}`, kernel: 'wait', amount: WAIT_MS, ioBound: true, dependencies: task === 0 ? [] : [task - 1] }),
  ),
  ...lists(FLOOD, (task): ThreadTask => ({ name: `flood-${task}`, kernel: 'block', amount: BLOCK_MS, dependencies: [] })),
]);

const LAST_LINK = `link-${LINKS - 1}`;

const EFFORT: ThreadEffort = { rounds: 5, sampleMs: 0, warmUpMs: 1, warmUpEachRoundMs: 0 };

export const flooded: Part = {
  name: FLOODED,
  title: 'Waiting while every thread is busy',
  legend: `\
A chain of ${LINKS} tasks that wait ${WAIT_MS} ms each, beside ${FLOOD} tasks that block a thread for ${BLOCK_MS} ms each. What is timed is the chain, from the start of the run.
The ideal is the sum of its waits.`,
  async *run() {
    const field = [
      chainTimed(PARALLEL, () => new ParallelExecutor({ workers: THREADS })),
      chainTimed(IO_ON_MAIN, () => new ParallelAsyncExecutor({ workers: THREADS })),
      chainTimed(IO_ON_THREAD, () => new ParallelAsyncExecutor({ workers: THREADS, io: 'thread' })),
    ];
    yield await withContenders(field, (open) => timed(open, { part: FLOODED, graph: GRAPH, idealMs: () => LINKS * WAIT_MS }, EFFORT));
  },
};

function chainTimed(name: string, makeExecutor: () => ParallelExecutor & AsyncExecutor): ThreadContender {
  return {
    name,
    async open() {
      const executor = makeExecutor();
      await executor.warmUp();
      let startMs = 0;
      let chainMs = 0;
      executor.on('task:done', ({ task }) => {
        if (task === LAST_LINK) chainMs = performance.now() - startMs;
      });
      return {
        prepare(threadGraph) {
          const graph = graphOf(threadGraph);
          return {
            reset: () => graph.resetAll(),
            async run() {
              startMs = performance.now();
              await executor.run(graph);
              return (task) => graph.result(threadGraph.tasks[task]!.name);
            },
            tookMs: () => chainMs,
          };
        },
        close: () => executor.close(),
      };
    },
  };
}
