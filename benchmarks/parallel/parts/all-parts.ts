import type { Part } from '../part.js';
import { closures } from './closures.js';
import { emptyTasks } from './empty-tasks.js';
import { flooded } from './flooded.js';
import { kept } from './kept.js';
import { largeResults } from './large-results.js';
import { makespan } from './makespan.js';
import { metg } from './metg.js';
import { mixed } from './mixed.js';
import { observedRun } from './observed.js';
import { straggler } from './straggler.js';

/** Every question about threads, and about what else runs beside tasks, in the order in which they are asked. */
export const PARTS: readonly Part[] = [
  emptyTasks,
  metg,
  makespan,
  straggler,
  mixed,
  flooded,
  largeResults,
  observedRun,
  closures,
  kept,
];
