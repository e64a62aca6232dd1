export { registerErrors } from './codec/error-classes.js';
export * from './core.js';
export {
  DashboardError,
  ReportError,
  RunLogError,
  StoreClosedError,
  StoreError,
  StoreFailedError,
  StoreFormatError,
  StoreLockedError,
  StoreLostError,
  TransferError,
  UncarriableError,
  UnreadableOutcomeError,
  UnsendableError,
  UnstorableError,
  WorkerCrashError,
  WorkerStartError,
} from './errors.js';
export { ParallelAsyncExecutor, type ParallelAsyncExecutorOptions } from './executors/parallel-async-executor.js';
export { ParallelExecutor } from './executors/parallel-executor.js';
export type { ParallelExecutorOptions } from './executors/parallel-options.js';
export type { LoggedError, LogLevel } from './observe/log-lines.js';
export type { ProgressClock } from './observe/observer-clock.js';
export { ProgressBar, type ProgressBarOptions, type ProgressStream } from './observe/progress-bar.js';
export {
  type LoggedDelayed,
  type LoggedDone,
  type LoggedFailed,
  type LoggedInProgress,
  type LoggedInterrupted,
  type LoggedQueued,
  type LoggedRun,
  type LoggedSkipped,
  type ReadRunLogOptions,
  readRunLog,
} from './observe/read-run-log.js';
export { RunLog, type RunLogger, type RunLogOptions, type RunLogSettings } from './observe/run-log.js';
export { type ReportOptions, reportHTML, writeReport } from './report/report.js';
export { FileStore, type FileStoreOptions } from './store/file-store.js';
export { FolderStore, type FolderStoreOptions } from './store/folder-store.js';
export { LocalStore } from './store/local-store.js';
export { MemoryStore, type MemoryStoreOptions } from './store/memory-store.js';
export { OutcomeStore } from './store/outcome-store.js';
export type { Pruned, RoomOptions, StoredTask } from './store/room.js';
export { type ModuleTask, type TaskModule, taskModule } from './workers/task-module.js';
export { transfer } from './workers/transfer.js';
export type { WorkerThreadOptions } from './workers/worker-thread.js';
