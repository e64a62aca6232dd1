export { registerErrors } from './codec/error-codec.js';
export * from './core.js';
export { TransferError, UnsendableError, WorkerCrashError, WorkerStartError } from './errors.js';
export { ParallelAsyncExecutor, type ParallelAsyncExecutorOptions } from './executors/parallel-async-executor.js';
export { ParallelExecutor, type ParallelExecutorOptions } from './executors/parallel-executor.js';
export { type ModuleTask, type TaskModule, taskModule } from './workers/task-module.js';
export { transfer } from './workers/transfer.js';
export type { WorkerThreadOptions } from './workers/worker-pool.js';
