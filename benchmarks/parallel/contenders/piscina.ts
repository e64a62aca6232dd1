import { Piscina } from 'piscina';
import { runByHand } from './by-hand.js';
import { THREADS, type ThreadContender } from './thread-contender.js';

export const PISCINA = 'piscina';

export const piscina: ThreadContender = {
  name: PISCINA,
  open() {
    const pool = openPiscina();
    return {
      prepare: (graph) => runByHand(graph, (name, args) => pool.run(args, { name })),
      close: () => pool.destroy(),
    };
  },
};

export function openPiscina(): Piscina {
  return new Piscina({
    filename: new URL('../threads/for-piscina.mjs', import.meta.url).href,
    minThreads: THREADS,
    maxThreads: THREADS,
  });
}
