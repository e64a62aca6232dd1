export { registerErrors } from './codec/error-codec.js';
export * from './core.js';
export {
  StoreClosedError,
  StoreError,
  StoreFailedError,
  StoreFormatError,
  StoreLockedError,
  TransferError,
  UnreadableOutcomeError,
  UnsendableError,
  UnstorableError,
  WorkerCrashError,
  WorkerStartError,
} from './errors.js';
export { ParallelAsyncExecutor, type ParallelAsyncExecutorOptions } from './executors/parallel-async-executor.js';
export { ParallelExecutor, type ParallelExecutorOptions } from './executors/parallel-executor.js';
export { FileStore, type FileStoreOptions } from './store/file-store.js';
export { MemoryStore, type MemoryStoreOptions } from './store/memory-store.js';
export type * from './store/outcome-store.js';
export { type ModuleTask, type TaskModule, taskModule } from './workers/task-module.js';
export { transfer } from './workers/transfer.js';
export type { WorkerThreadOptions } from './workers/worker-pool.js';
