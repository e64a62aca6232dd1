import { Tinypool } from 'tinypool';
import { runByHand } from './by-hand.js';
import { THREADS, type ThreadContender } from './thread-contender.js';

export const TINYPOOL = 'tinypool';

export const tinypool: ThreadContender = {
  name: TINYPOOL,
  open() {
    const pool = new Tinypool({
      filename: new URL('../threads/for-piscina.mjs', import.meta.url).href,
      minThreads: THREADS,
      maxThreads: THREADS,
    });
    return {
      prepare: (graph) => runByHand(graph, (name, args) => pool.run(args, { name })),
      close: () => pool.destroy(),
    };
  },
};
