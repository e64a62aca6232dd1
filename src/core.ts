export type { GraphPictureOptions } from './drawing/graph-picture.js';
export type { MermaidOptions } from './drawing/graph-text.js';
export {
  AsyncTaskError,
  type Copy,
  CycleError,
  DuplicateTaskError,
  ExecutorClosedError,
  FileError,
  FileOverlapError,
  GraphBusyError,
  InvalidGraphError,
  InvalidOptionError,
  InvariantError,
  MissingDependencyError,
  MissingFunctionError,
  ResultUnavailableError,
  RunAbortedError,
  RunFailedError,
  SchemaError,
  type SchemaIssue,
  TaskmapError,
  TaskTimeoutError,
  TwoCopiesError,
  UnknownTaskError,
} from './errors.js';
export * from './events.js';
export { AsyncExecutor, type AsyncExecutorOptions } from './executors/async-executor.js';
export type { Attempt } from './executors/attempt.js';
export { type Clock, systemClock } from './executors/clock.js';
export { Executor, type ExecutorOptions, type RunOptions } from './executors/executor.js';
export type { Middleware } from './executors/middleware.js';
export type { OnFailure } from './executors/run.js';
export { SyncExecutor, type SyncExecutorOptions } from './executors/sync-executor.js';
export { type FileOptions, FileResult, fileAt } from './files/file-result.js';
export type { GlobOptions } from './files/glob.js';
export type { Decision, PlannedTask } from './graph/decision.js';
export type { Outcome, ResultSource, StatusCounts, TaskStatus } from './graph/outcome.js';
export type * from './graph/signature.js';
export type { SchemaVerdict, StandardSchema } from './graph/standard-schema.js';
export type {
  FailureKeeping,
  RetryPolicy,
  RetrySettings,
  Task,
  TaskContext,
  TaskFunction,
  TaskOptions,
  TaskSettings,
} from './graph/task.js';
export { type GraphJSON, type ResetOptions, TaskGraph, type TasksIn } from './graph/task-graph.js';
export {
  type IncompleteTask,
  type KnownOutcomes,
  type SourceSpec,
  type TaskDraft,
  TaskGraphBuilder,
  type TaskSetters,
  type TaskSpec,
  type TaskStage,
  type TaskStep,
} from './graph/task-graph-builder.js';
export type { JsonValue, TaskMeta } from './graph/task-meta.js';
export { type EventListeners, type Observed, Observer } from './observe/observer.js';
export type { AttemptTiming, TaskTiming } from './observe/run-timing.js';
export {
  type DrawingOptions,
  type SummaryOptions,
  type TextOptions,
  type ThreadShare,
  Timeline,
  type TimelineOptions,
  type TimelinePictureOptions,
  type TimelineSummary,
  type WhichRun,
} from './observe/timeline.js';
export type {
  AttemptFacts,
  ChangeDetection,
  Foreseen,
  KeptFailure,
  LoadedOutcomes,
  Memory,
  OutcomeKeeper,
  Recalled,
  RunMemory,
} from './store/run-memory.js';
