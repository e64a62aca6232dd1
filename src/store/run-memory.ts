import type { StoreRepair } from '../events.js';
import type { OpenGraph } from '../graph/task-graph.js';

/** What an executor needs of a store. {@link OutcomeStore} has it; there is nothing here that only Node.js has. */
export interface Memory {
  /**
   * @internal
   * Looks up what is kept of a graph's pending tasks, for one run or one plan.
   *
   * @param isAsync - whether promises are waited for
   */
  open(graph: OpenGraph, isAsync: boolean): RunMemory | Promise<RunMemory>;
}

/** What a store has to be able to do: see {@link OutcomeStore}. */
export interface OutcomeKeeper {
  load(graph: string): LoadedOutcomes | Promise<LoadedOutcomes>;
  save(graph: string, task: string, bytes: Uint8Array): void | Promise<void>;
  forget(graph: string, tasks: readonly string[]): void | Promise<void>;
  flush(): void | Promise<void>;
  flushSync?(): void;
  readonly detect?: ChangeDetection | undefined;
  readonly variants?: number | undefined;
}

/** When a task counts as changed: if its `version` is another, or also if the text of its function is. */
export type ChangeDetection = 'version' | 'source';

/** What a store keeps of a graph. */
export interface LoadedOutcomes {
  /** The bytes last saved of each task. */
  readonly outcomes: Iterable<readonly [task: string, bytes: Uint8Array]>;
  /** What was damaged and had to be dropped since the last time that repairs were told. */
  readonly repairs?: readonly StoreRepair[];
}

/** What is kept of the tasks of one graph, as one run sees it. It notes in the graph why tasks run or are kept. */
export interface RunMemory {
  /** A 1 for each pending task of which something is kept that may still hold. */
  readonly kept: Uint8Array;
  /** What was damaged in the store, and has been mended. */
  readonly repairs: readonly StoreRepair[];
  /** A run begins: forgets what was reset since the last one. */
  begin(): void;
  /**
   * The kept result of a task whose dependencies are all done, if it still holds; or why what is kept cannot be read.
   */
  recall(id: number): { readonly result: unknown } | { readonly error: unknown } | undefined;
  /**
   * The same without the results of dependencies that have not run: of a plan.
   *
   * @param runs - whether a dependency will or may run
   */
  foresee(id: number, runs: (dependency: number) => boolean): 'runs' | 'may run' | 'kept';
  /**
   * Keeps the result of a task.
   *
   * @returns when it is safe: now, or once a promise is fulfilled
   * @throws {@link UnstorableError} if the result has a part that cannot be kept
   */
  keepResult(id: number, result: unknown, facts: AttemptFacts): void | Promise<void>;
  /** Keeps that a task has failed, and with what. */
  keepFailure(id: number, error: unknown, facts: AttemptFacts): void | Promise<void>;
  /** Makes safe all that was kept and forgotten. */
  flush(): void | Promise<void>;
}

/** What is kept of a task's last attempt besides what came of it. */
export interface AttemptFacts {
  readonly attempts: number;
  /** In milliseconds. */
  readonly durationMs: number;
  /** In milliseconds since 1970. */
  readonly atMs: number;
}
