import { AsyncExecutor, ParallelAsyncExecutor, ParallelExecutor, SyncExecutor } from 'taskmap-ts';
import { beforeEach, describe } from 'vitest';
import { PacedExecutor } from '../../examples/rate-limit/paced-executor.js';
import { executorContract } from './executor.contract.js';

executorContract({ name: 'SyncExecutor', isAsync: false, make: (options) => new SyncExecutor(options) });
executorContract({ name: 'AsyncExecutor', isAsync: true, make: (options) => new AsyncExecutor(options) });

// The functions of the contract are closures.
const taskOptions = { onMainThread: true };
executorContract({
  name: 'ParallelExecutor',
  isAsync: true,
  taskOptions,
  make: (options) => new ParallelExecutor({ workers: 2, ...options }),
});
executorContract({
  name: 'ParallelAsyncExecutor',
  isAsync: true,
  taskOptions,
  make: (options) => new ParallelAsyncExecutor({ workers: 2, ...options }),
});
/** What a place cannot do as the run itself does it. */
const NOT_AT_A_PLACE: ReadonlySet<string> = new Set([
  // It measures how long attempts take, whoever listens.
  'have no duration where nobody was listening yet when the attempt began',
  // Whoever waits for a promise asks for its `then` once.
  'settle a task once: one that has a `then` only the first time it is asked for',
]);

describe('on this thread, but at a place', () => {
  beforeEach(({ task, skip }) => {
    if (NOT_AT_A_PLACE.has(task.name)) skip();
  });
  executorContract({
    name: 'PacedExecutor',
    isAsync: true,
    make: (options) => new PacedExecutor({ gapMs: 0, ...options }),
  });
});
