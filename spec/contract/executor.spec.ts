import { AsyncExecutor, ParallelAsyncExecutor, ParallelExecutor, SyncExecutor } from 'taskmap-ts';
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
