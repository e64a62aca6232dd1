import { fileURLToPath } from 'node:url';
import { pool } from 'workerpool';
import { runByHand } from './by-hand.js';
import { THREADS, type ThreadContender } from './thread-contender.js';

export const WORKERPOOL = 'workerpool.exec';

export const workerpoolExec: ThreadContender = {
  name: WORKERPOOL,
  open() {
    const script = fileURLToPath(new URL('../threads/for-workerpool.mjs', import.meta.url));
    const threads = pool(script, { workerType: 'thread', minWorkers: THREADS, maxWorkers: THREADS });
    return {
      prepare: (graph) => runByHand(graph, (kernel, args) => threads.exec(kernel, args)),
      async close() {
        await threads.terminate();
      },
    };
  },
};
