import { asyncAuto } from './async-auto.js';
import { bareLoop } from './bare-loop.js';
import type { Contender } from './contender.js';
import { memoisedPromises } from './memoised-promises.js';
import { pGraph } from './p-graph.js';
import { async, asyncAll, sync, syncListeners, syncOnce } from './taskmap.js';

/** Everybody who runs, each peer before those that are compared with it. */
export const LINE_UP: readonly Contender[] = [
  bareLoop,
  sync,
  syncListeners,
  syncOnce,
  memoisedPromises,
  async,
  asyncAll,
  pGraph,
  asyncAuto,
];
