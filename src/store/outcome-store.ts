/**
 * Where outcomes are kept from one run to the next, and from one process to the next. Implement it over any database that keeps bytes under a name; all that a
 * store has to know of the bytes is that they are to come back as they were. Names may be any strings, `''` and `'__proto__'` among them.
 *
 * `MemoryStore` and `FileStore` answer at once. A store over a network returns promises, and then serves all executors but `SyncExecutor`, which takes those
 * stores alone whose `load` answers at once, and whose `save` does or who have a `flushSync`.
 *
 * @example
 * import type { OutcomeStore } from 'taskmap-ts';
 *
 * class MapStore implements OutcomeStore {
 *   readonly #bytesByKey = new Map<string, Uint8Array>();
 *
 *   load(graph: string) {
 *     const mine = [...this.#bytesByKey].map(([key, bytes]) => [JSON.parse(key), bytes] as const).filter(([[of]]) => of === graph);
 *     return { outcomes: mine.map(([[, task], bytes]) => [task as string, bytes] as const) };
 *   }
 *
 *   save(graph: string, task: string, bytes: Uint8Array) {
 *     this.#bytesByKey.set(JSON.stringify([graph, task]), bytes);
 *   }
 *
 *   forget(graph: string, tasks: readonly string[]) {
 *     for (const task of tasks) this.#bytesByKey.delete(JSON.stringify([graph, task]));
 *   }
 *
 *   flush() {}
 *   close() {}
 * }
 *
 * const store = new MapStore();
 * store.save('etl', 'rows', new Uint8Array([1, 2]));
 * [...store.load('etl').outcomes]; // => [['rows', new Uint8Array([1, 2])]]
 */
export interface OutcomeStore {
  /** All that is kept of a graph: of each task what was saved last, unless it has been forgotten since. */
  load(graph: string): LoadedOutcomes | Promise<LoadedOutcomes>;
  /**
   * Keeps one outcome, in place of the one before. The bytes are the store's from now on: nobody changes them.
   *
   * What it returns says when the outcome is safe. A promise: once that is fulfilled. Nothing: after the next `flush`.
   */
  save(graph: string, task: string, bytes: Uint8Array): void | Promise<void>;
  /** Drops the outcomes of these tasks. Those of which nothing is kept are passed over. */
  forget(graph: string, tasks: readonly string[]): void | Promise<void>;
  /** Makes safe all that has been saved and forgotten so far. */
  flush(): void | Promise<void>;
  /** Flushes, and lets go of files and connections. May be called again. */
  close(): void | Promise<void>;
  /** The same as `flush`, before it returns. `SyncExecutor` needs it of a store whose `save` returns promises. */
  flushSync?(): void;
  /**
   * When a task counts as changed, so that its outcome is no longer its own: `'version'`, if its `version` is another; `'source'`, also if the text of its
   * function is. Default `'version'`.
   */
  readonly detect?: ChangeDetection;
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
