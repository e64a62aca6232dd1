import { ParallelAsyncExecutor, ParallelExecutor } from 'taskmap-ts';
import { lists } from '../../shapes.js';
import { runByHand } from '../contenders/by-hand.js';
import { openPiscina, PISCINA } from '../contenders/piscina.js';
import { graphOf, IO_ON_MAIN, IO_ON_THREAD, PARALLEL } from '../contenders/taskmap-threads.js';
import { THREADS, type ThreadContender } from '../contenders/thread-contender.js';
import { type ThreadEffort, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { chains, type ThreadGraph, type ThreadTask, threadGraph } from '../thread-graph.js';

export const FLOODED = 'flooded';

const LINKS = 20;
const WAIT_MS = 5;
const FLOOD = 16;
const BLOCK_MS = 40;

export const ONE_CHAIN = 'one chain';
export const EIGHT_CHAINS = 'eight chains';

const GRAPHS: readonly ThreadGraph[] = [
  inFlood(ONE_CHAIN, { flood: FLOOD, blockMs: BLOCK_MS, chains: 1, links: LINKS }),
  inFlood(EIGHT_CHAINS, { flood: FLOOD, blockMs: BLOCK_MS, chains: 8, links: LINKS }),
];

export interface FloodSize {
  readonly flood: number;
  readonly blockMs: number;
  readonly chains: number;
  readonly links: number;
}

/** Tasks that block, and then chains of tasks that wait. */
export function inFlood(name: string, { flood, blockMs, chains: width, links }: FloodSize): ThreadGraph {
  return threadGraph(name, [
    ...lists(
      flood,
      (task): ThreadTask => ({ name: `flood-${task}`, kernel: 'block', amount: blockMs, dependencies: [] }),
    ),
    ...chains(width, links).map(
      (dependencies, task): ThreadTask => ({
        name: `link-${task}`,
        kernel: 'wait',
        amount: WAIT_MS,
        ioBound: true,
        dependencies: dependencies.map((dependency) => flood + dependency),
      }),
    ),
  ]);
}

const EFFORT: ThreadEffort = { rounds: 5, sampleMs: 0, warmUpMs: 1, warmUpEachRoundMs: 0 };

export const flooded: Part = {
  name: FLOODED,
  title: 'Waiting while every thread is busy',
  legend: `\
Chains of ${LINKS} tasks that wait ${WAIT_MS} ms each, beside ${FLOOD} tasks that block a thread for ${BLOCK_MS} ms each. What is timed are the chains, from the start of the run.
The ideal is the sum of the waits of one. Io-bound tasks go first: so one chain holds one thread from its first wait on, and does not suffer much on it; several
compete for threads. The queue of piscina does not know who waits.`,
  async *run() {
    const line = [
      chainsTimed(PARALLEL, () => new ParallelExecutor({ workers: THREADS })),
      chainsTimed(IO_ON_MAIN, () => new ParallelAsyncExecutor({ workers: THREADS })),
      chainsTimed(IO_ON_THREAD, () => new ParallelAsyncExecutor({ workers: THREADS, io: 'thread' })),
      piscinaChainsTimed,
    ];
    for (const graph of GRAPHS)
      yield await withContenders(line, (field) =>
        timed(field, { part: FLOODED, graph, idealMs: () => LINKS * WAIT_MS }, EFFORT),
      );
  },
};

const isLink = (task: string) => task.startsWith('link-');

export function chainsTimed(name: string, makeExecutor: () => ParallelExecutor): ThreadContender {
  return {
    name,
    async open() {
      const executor = makeExecutor();
      await executor.warmUp();
      let startMs = 0;
      let chainsMs = 0;
      executor.on('task:done', ({ task }) => {
        if (isLink(task)) chainsMs = performance.now() - startMs;
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
            tookMs: () => chainsMs,
          };
        },
        close: () => executor.close(),
      };
    },
  };
}

export const piscinaChainsTimed: ThreadContender = {
  name: PISCINA,
  open() {
    const pool = openPiscina();
    let startMs = 0;
    let chainsMs = 0;
    return {
      prepare(graph) {
        const { run } = runByHand(graph, async (name, args) => {
          const result = await pool.run(args, { name });
          if (name === 'wait') chainsMs = performance.now() - startMs;
          return result;
        });
        return {
          run() {
            startMs = performance.now();
            return run();
          },
          tookMs: () => chainsMs,
        };
      },
      close: () => pool.destroy(),
    };
  },
};
