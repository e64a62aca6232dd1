import type { StoreRepair, Unseen } from '../events.js';
import type { Decision } from '../graph/decision.js';
import type { HeldResult } from '../graph/held-result.js';
import type { OpenGraph } from '../graph/task-graph.js';

/** What an executor needs of a store. {@link OutcomeStore} has it; there is nothing here that only Node.js has. */
export interface Memory {
  /**
   * @internal
   * Looks up what is kept of a graph's pending tasks, for one run or one plan.
   *
   * @param isAsync - whether promises are waited for
   * @param now - the time by the executor's clock, in milliseconds since 1970
   * @param selected - a 1 for each task that it is about; all that are pending if left out
   */
  open(graph: OpenGraph, isAsync: boolean, now: () => number, selected?: Uint8Array): RunMemory | Promise<RunMemory>;
}

/** What a store has to be able to do: see {@link OutcomeStore}. */
export interface OutcomeKeeper {
  load(graph: string, tasks?: readonly string[]): LoadedOutcomes | Promise<LoadedOutcomes>;
  save(graph: string, task: string, bytes: Uint8Array): void | Promise<void>;
  forget(graph: string, tasks: readonly string[]): void | Promise<void>;
  flush(): void | Promise<void>;
  flushSync?(): void;
  readonly detect?: ChangeDetection | undefined;
  readonly variants?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  /** @internal */
  makeRoom?(graph: string, isNeeded: (key: string) => boolean): void;
}

/**
 * When a task counts as changed. `'version'`: if its `version` is another. `'source'`: also if the text of its function
 * is. `'closure'`: if its `version` is another, and of a task without a version also if the text of its function is, or
 * anything that its function uses from around it.
 */
export type ChangeDetection = 'closure' | 'source' | 'version';

/** What a store keeps of a graph. */
export interface LoadedOutcomes {
  /** The bytes last saved of each task. */
  readonly outcomes: Iterable<readonly [task: string, bytes: Uint8Array]>;
  /** What was damaged and had to be dropped since the last time that repairs were told. */
  readonly repairs?: readonly StoreRepair[];
}

/**
 * What became of what is kept of a task: its result holds, and who kept it (a store, unless it is told), and what its
 * function had returned if its schema made something else of that, `read` if it could be stored; it is spared:
 * done as far as others hang on it, with no result; its failure holds; it cannot be read; or it holds no longer.
 */
export type Recalled =
  | { readonly held: HeldResult; readonly source?: 'graph' | 'store' }
  | { readonly isSpared: true }
  | KeptFailure
  | { readonly error: unknown }
  | undefined;

/** What is kept of the tasks of one graph, as one run sees it. It notes in the graph why tasks run or are kept. */
export interface RunMemory {
  /** A 1 for each pending task of which something is kept that may still hold. */
  readonly kept: Uint8Array;
  /** How long tasks took when they last returned, in milliseconds, by task id: also of those that will run again. */
  readonly durations: ReadonlyMap<number, number>;
  /** What was damaged in the store, and has been mended. */
  readonly repairs: readonly StoreRepair[];
  /** What cannot be compared with what it was, and has not been told yet. */
  readonly unseen: readonly Unseen[];
  /** What could not be kept of results that were given to be saved, as far as this is known by now. */
  readonly refusals: readonly { readonly id: number; readonly error: unknown }[];
  /** A run begins: forgets what was reset since the last one. */
  begin(): void;
  /**
   * The kept result of a task whose dependencies are all done, if it still holds; or why what is kept cannot be read. A
   * promise only where promises are waited for.
   */
  recall(id: number): Recalled | Promise<Recalled>;
  /**
   * The same without the results of dependencies that have not run: of a plan.
   *
   * @param runs - whether a dependency will or may run
   */
  foresee(id: number, runs: (dependency: number) => boolean): Foreseen;
  /**
   * An attempt of a task is about to begin, in which it may change what it takes: what it is made from is what that is
   * now.
   */
  attemptBegins(id: number): void;
  /**
   * What the function of a task has returned, before its schema is asked about it and perhaps makes something else of
   * it: that is what is kept, so that another schema may be asked about it later.
   */
  functionReturned(id: number, returned: unknown, held?: HeldResult): void;
  /**
   * Keeps the result of a task.
   *
   * @param held - the result, where it is held as bytes, instead of `result`
   * @returns when it is safe: now, or once a promise is fulfilled
   * @throws {@link UnstorableError} if the result has a part that cannot be kept
   */
  keepResult(id: number, result: unknown, facts: AttemptFacts, held?: HeldResult): void | Promise<void>;
  /** Keeps that a task has failed, and with what. */
  keepFailure(id: number, error: unknown, facts: AttemptFacts): void | Promise<void>;
  /** What has changed since the run began of what the functions of tasks use that ran, if that was not told before. */
  moved(): readonly Unseen[];
  /** Makes safe all that was kept and forgotten. */
  flush(): void | Promise<void>;
}

/** A failure that is kept and need not be tried again yet. */
export interface KeptFailure {
  readonly failure: unknown;
  /** How many attempts had been made. */
  readonly attempts: number;
}

/** What is known of a task before it runs. */
export type Foreseen = Exclude<Decision['verdict'], 'skipped'>;

/** What is kept of a task's last attempt besides what came of it. */
export interface AttemptFacts {
  readonly attempts: number;
  /** In milliseconds. */
  readonly durationMs: number;
  /** In milliseconds since 1970. */
  readonly atMs: number;
  /** The inputs of which a file was written meanwhile: what was read there is not known. `undefined` if there are none. */
  readonly movedInputs?: ReadonlySet<number> | undefined;
}
