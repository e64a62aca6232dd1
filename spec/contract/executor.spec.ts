import { AsyncExecutor, SyncExecutor } from 'taskmap-ts';
import { executorContract } from './executor.contract.js';

executorContract({ name: 'SyncExecutor', isAsync: false, make: (options) => new SyncExecutor(options) });
executorContract({ name: 'AsyncExecutor', isAsync: true, make: (options) => new AsyncExecutor(options) });
