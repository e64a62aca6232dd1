import type { StatusCounts } from './graph/outcome.js';
import type { ResultOf } from './graph/signature.js';
import type { TaskGraph } from './graph/task-graph.js';
import type { TaskMeta } from './graph/task-meta.js';

/** What every record has. */
export interface RunRecord {
  /** The run, as a UUID whose order is that of time. */
  readonly runId: string;
  /** When it happened, in milliseconds since 1970, with fractions. */
  readonly atMs: number;
}

/** What every record about a task has. */
export interface TaskRecord<Name extends string = string> extends RunRecord {
  /** The task's name. */
  readonly task: Name;
  /** What `.meta()` says of the task, if anything. */
  readonly meta?: TaskMeta;
}

/** What every record about one attempt has. */
export interface AttemptRecord<Name extends string = string> extends TaskRecord<Name> {
  /** Which try of the task it is, counted from 1. */
  readonly attempt: number;
}

/** Where an attempt runs: `'main'` is the thread that called `run()`, a number one of its worker threads, any other name a worker on some machine. */
export type ThreadId = string | number;

/** A run has begun. */
export interface RunStarted extends RunRecord {
  /** The graph's name. */
  readonly graph: string;
  /** How many tasks the graph has. */
  readonly taskCount: number;
  /** The graph itself, to ask who depends on whom. Only to be read: it is being run. */
  readonly taskGraph: TaskGraph;
  /**
   * The names of the tasks that it is about, if it was asked for a part of the graph, by `only` or `runTask`: those
   * that were named and what they need, as far as that is pending. Without it, it is about all that are pending.
   */
  readonly selected?: ReadonlySet<string> | undefined;
  /** How long each task is thought to take, in milliseconds, by name, if anything is known of earlier runs. */
  readonly estimates?: ReadonlyMap<string, number> | undefined;
}

/** All dependencies of a task are done: it starts as soon as there is a slot for it. Once for each task of a run. */
export interface TaskReady<Name extends string = string> extends TaskRecord<Name> {}

/** An attempt begins. */
export interface TaskStarted<Name extends string = string> extends AttemptRecord<Name> {
  readonly ioBound: boolean;
  readonly thread: ThreadId;
}

/** A function said how far it is. */
export interface TaskProgressed<Name extends string = string> extends AttemptRecord<Name> {
  /** From 0 to 1. */
  readonly fraction: number;
  readonly note: string | undefined;
}

/** An attempt failed and another one will follow. */
export interface TaskRetrying<Name extends string = string> extends AttemptRecord<Name> {
  /** What the attempt threw. */
  readonly error: unknown;
  /** The pause before the next attempt, in milliseconds. */
  readonly delayMs: number;
}

/** An attempt was cut short by an abort, or ended after the run was stopped with attempts left. Its task is pending again. */
export interface TaskInterrupted<Name extends string = string> extends AttemptRecord<Name> {
  /** What the run was stopped with. */
  readonly reason: unknown;
}

/** A task is done. */
export interface TaskDone<Name extends string = string, R = unknown> extends AttemptRecord<Name> {
  readonly result: R;
  /**
   * `'run'`: the function ran. `'store'`, `'graph'`: the result was kept from an earlier run, by a store or by the graph
   * itself; then nothing was started, and `attempt` is 0.
   */
  readonly source: 'run' | 'store' | 'graph';
  /** How long the attempt took, in milliseconds; 0 if nobody was listening yet when it began. */
  readonly durationMs: number;
}

/** A task has failed for good. */
export interface TaskFailed<Name extends string = string> extends AttemptRecord<Name> {
  /** What the last attempt threw, as it was thrown. */
  readonly error: unknown;
  /**
   * `'run'`: the function ran. `'store'`: the failure was kept from an earlier run, as `.keepFailures()` asks; then nothing
   * was started, and `attempt` is 0.
   */
  readonly source: 'run' | 'store';
  /** How long the last attempt took, in milliseconds; 0 if nobody was listening yet when it began. */
  readonly durationMs: number;
}

/** A task will not run because an ancestor failed. */
export interface TaskSkipped<Name extends string = string> extends TaskRecord<Name> {
  /** The ancestor that failed. */
  readonly because: Name;
}

/** How a run ended. */
export type RunStatus = 'finished' | 'stopped' | 'aborted' | 'broken';

/** What came of a run. */
export interface RunReport {
  readonly runId: string;
  /** The graph's name. */
  readonly graph: string;
  /**
   * `'finished'`: everything that could run has run, whether or not something failed. `'stopped'`: a failure ended it, as `onFailure` asked.
   * `'aborted'`: its signal or `close()` ended it. `'broken'`: what it runs on has failed, such as its threads or its store; then `run()` rejects with that
   * error, and only `run:finished` tells of this status.
   */
  readonly status: RunStatus;
  /** When it began, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** How many attempts were started. */
  readonly attemptCount: number;
  /** How many tasks of the whole graph have each status now. */
  readonly counts: StatusCounts;
  /** What each task threw that failed in this run, by name, in the order in which they failed. */
  readonly failures: ReadonlyMap<string, unknown>;
}

/** A run has ended. Always the last record of a run; the graph may be changed or run again from here on. */
export interface RunFinished extends RunReport, RunRecord {
  /** What ended the run before its tasks had: the failure, the abort's reason, the error that `run()` rejects with. Nothing if it finished. */
  readonly reason?: unknown;
}

/** Something of a store that was damaged, and what was done about it. */
export interface StoreRepair {
  /** What happened, as a sentence. */
  readonly text: string;
  /**
   * `'torn'`: the end of the file, which was being written as its process ended. `'damaged'`: bytes that are not those that were written. `'value'`: the file of
   * a large value is not there or not the one that was written.
   */
  readonly reason: 'torn' | 'damaged' | 'value';
  /** The file. */
  readonly path: string;
  /** Where in the file the damage begins, in bytes. */
  readonly offset: number;
  /** How many bytes were dropped. */
  readonly bytesDropped: number;
  /** How many saves and forgets were lost with them, if that can be told. */
  readonly recordsLost: number | undefined;
  /** The tasks whose outcomes are no longer there because of it, as far as they are known. */
  readonly tasks: readonly LostOutcome[];
  /** Where a copy of the damaged file was put. */
  readonly copy: string | undefined;
}

/** A task whose outcome is no longer in a store. */
export interface LostOutcome {
  /** The graph's name. */
  readonly graph: string;
  /** The task's name. */
  readonly task: string;
}

/** A store that had been damaged was mended, and what could not be saved of it was dropped: those tasks run again. */
export interface StoreRepaired extends RunRecord, StoreRepair {}

/** A result cannot be kept in a store, and its task will run again in the next process; or what a store returned is no outcome, and its task runs now. */
export interface StoreRefused<Name extends string = string> extends TaskRecord<Name> {
  /** An {@link UnstorableError}, which says what part of the result cannot be kept, and why; or an {@link UnreadableOutcomeError}. */
  readonly error: unknown;
}

/** Something that a store cannot see change. */
export interface Unseen {
  /** The task whose function uses it; `undefined` if it is about all tasks. */
  readonly task: string | undefined;
  /** What the program calls it: variables, functions and files. */
  readonly names: readonly string[];
  /** What it is, as a sentence. */
  readonly text: string;
}

/**
 * What the function of a task uses and a store cannot compare with what it was, such as instances of classes: if that
 * changes, the task's result is kept all the same. It is told once for each store and task.
 */
export interface StoreUnseen extends RunRecord, Unseen {}

type NameIn<Tasks> = keyof Tasks & string;

/** One record type for each task of the graph, told apart by `task`. */
export type AnyTaskDone<Tasks> = string extends keyof Tasks
  ? TaskDone
  : { [K in NameIn<Tasks>]: TaskDone<K, ResultOf<Tasks[K]>> }[NameIn<Tasks>];

/**
 * The events of an executor, each with the one record that its listeners get. No record is made for an event that nobody listens to. For one task
 * the order is `task:ready`, `task:started`, any `task:progress` and `task:retrying`, and then `task:done` or `task:failed`;
 * one whose result was kept has `task:done` alone.
 *
 * It is an interface so that a subclass can add events of its own by declaration merging.
 *
 * @example
 * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const seen: string[] = [];
 * const executor = new SyncExecutor();
 * executor.on('task:done', ({ task, result }) => seen.push(`${task} is ${result}`));
 * executor.run(new TaskGraphBuilder().task('answer', () => 42).build());
 * seen; // => ['answer is 42']
 */
export interface ExecutorEvents<Tasks extends object = any> {
  'run:started': [record: RunStarted];
  'task:ready': [record: TaskReady<NameIn<Tasks>>];
  'task:started': [record: TaskStarted<NameIn<Tasks>>];
  'task:progress': [record: TaskProgressed<NameIn<Tasks>>];
  'task:retrying': [record: TaskRetrying<NameIn<Tasks>>];
  'task:interrupted': [record: TaskInterrupted<NameIn<Tasks>>];
  'task:done': [record: AnyTaskDone<Tasks>];
  'task:failed': [record: TaskFailed<NameIn<Tasks>>];
  'task:skipped': [record: TaskSkipped<NameIn<Tasks>>];
  'run:finished': [record: RunFinished];
  'store:repaired': [record: StoreRepaired];
  'store:refused': [record: StoreRefused<NameIn<Tasks>>];
  'store:unseen': [record: StoreUnseen];
}

/** The same events as a run tells them: names are strings, results are unknown. */
export type UntypedEvents = ExecutorEvents<any>;
