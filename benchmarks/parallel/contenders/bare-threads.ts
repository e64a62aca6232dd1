import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { THREADS, type ThreadContender } from './thread-contender.js';

export const BARE_THREADS = 'bare threads';

/**
 * The same blocks, shared out beforehand, one after the other on each thread, as if nothing depended on anything: what waking up in time costs on this machine
 * at this moment. It gives no results.
 */
export const bareThreads: ThreadContender = {
  name: BARE_THREADS,
  async open() {
    const threads = Array.from({ length: THREADS }, () => new Worker(new URL('../threads/bare.mjs', import.meta.url)));
    await Promise.all(threads.map((thread) => once(thread, 'online')));
    return {
      prepare({ tasks, expected }) {
        // The longest first, each to whoever has least.
        const shares = threads.map((): number[] => []);
        const sum = (share: readonly number[]) => share.reduce((all, one) => all + one, 0);
        for (const ms of tasks.map(({ amount }) => amount).sort((a, b) => b - a))
          shares.sort((a, b) => sum(a) - sum(b))[0]!.push(ms);
        return {
          async run() {
            await Promise.all(
              threads.map((thread, index) => {
                const done = once(thread, 'message');
                thread.postMessage(shares[index]);
                return done;
              }),
            );
            return (task) => expected[task];
          },
        };
      },
      async close() {
        await Promise.all(threads.map((thread) => thread.terminate()));
      },
    };
  },
};
