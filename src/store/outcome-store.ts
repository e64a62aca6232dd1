import { type OpenGraph, openGraph, type TaskGraph } from '../graph/task-graph.js';
import { openOutcomes } from './kept-outcomes.js';
import type { ChangeDetection, LoadedOutcomes, Memory, OutcomeKeeper, RunMemory } from './run-memory.js';
import { TaskCode } from './task-code.js';

/**
 * Where outcomes are kept from one run to the next, and from one process to the next. Extend it over any database that
 * keeps bytes under a name; all that a store has to know of the bytes is that they are to come back as they were. Names
 * may be any strings, `''` and `'__proto__'` among them.
 *
 * `MemoryStore`, `FileStore` and `FolderStore` answer at once. A store over a network returns promises, and then serves
 * all executors but `SyncExecutor`, which takes those stores alone whose `load` answers at once, and whose `save` does
 * or who have a `flushSync`.
 *
 * @example
 * import { OutcomeStore } from 'taskmap-ts';
 *
 * class MapStore extends OutcomeStore {
 *   readonly #bytesByKey = new Map<string, Uint8Array>();
 *
 *   load(graph: string) {
 *     const all = [...this.#bytesByKey].map(([key, bytes]) => [JSON.parse(key), bytes] as const);
 *     const mine = all.filter(([[of]]) => of === graph);
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
export abstract class OutcomeStore implements OutcomeKeeper, Memory, AsyncDisposable {
  /**
   * All that is kept of a graph: of each task what was saved last, unless it has been forgotten since.
   *
   * @param tasks - the tasks that are asked for, where it is not about all of them: a run with `only` asks for what it
   * needs. A store may return more, and one that pays no heed to it serves as well
   */
  abstract load(graph: string, tasks?: readonly string[]): LoadedOutcomes | Promise<LoadedOutcomes>;
  /**
   * Keeps one outcome, in place of the one before. The bytes are the store's from now on: nobody changes them.
   *
   * What it returns says when the outcome is safe. A promise: once that is fulfilled. Nothing: after the next `flush`.
   */
  abstract save(graph: string, task: string, bytes: Uint8Array): void | Promise<void>;
  /** Drops what is kept under these names. Those of which nothing is kept are passed over. */
  abstract forget(graph: string, tasks: readonly string[]): void | Promise<void>;
  /** Makes safe all that has been saved and forgotten so far. */
  abstract flush(): void | Promise<void>;
  /** Flushes, and lets go of files and connections. May be called again. */
  abstract close(): void | Promise<void>;
  /** The same as `flush`, before it returns. `SyncExecutor` needs it of a store whose `save` returns promises. */
  flushSync?(): void;
  /** When a task counts as changed, so that its outcome is no longer its own. Default `'closure'`. */
  declare readonly detect?: ChangeDetection | undefined;
  /**
   * How many results of a task are kept, each made from something else: an integer from 1 to 100. Default 4. Of the first
   * one the key is the task's name, of the second one of `rows` it is `variant 2 of rows`, and so on.
   */
  declare readonly variants?: number | undefined;
  /**
   * How long the outcomes of a task stay that its graph has no longer, in milliseconds, counted from when the newest of
   * them was made: a number above 0. They go at the end of a run of that graph. Default: for ever.
   */
  declare readonly maxAgeMs?: number | undefined;
  /** @internal Drops what is too much, as far as the run that ends does not need it. */
  makeRoom?(graph: string, isNeeded: (key: string) => boolean): void;

  /**
   * What the functions of a graph's pending tasks use and this store cannot see change, such as instances of classes:
   * for each of those tasks a sentence. `graph.check(store)` asks for it; a run tells the same by `store:unseen`. A task
   * with a version is not among them, since its version alone counts.
   *
   * @example
   * import { MemoryStore, TaskGraphBuilder } from 'taskmap-ts';
   *
   * class Rates {
   *   #vat = 0.2;
   *   on = (amount: number) => amount * this.#vat;
   * }
   * const rates = new Rates();
   * const build = (version: string) =>
   *   new TaskGraphBuilder({ name: 'shop' }).task('vat', () => rates.on(10)).version(version).build();
   * [...build('').check(new MemoryStore()).keys()]; // => ['vat']
   * build('1').check(new MemoryStore()).size; // => 0
   */
  check(graph: TaskGraph): ReadonlyMap<string, string> {
    const open = openGraph(graph);
    const unseen = new TaskCode(open, this.detect).unseen();
    const ofAll = unseen.find(({ task }) => task === undefined);
    if (ofAll !== undefined) return new Map(open.names.map((name) => [name, ofAll.text]));
    return new Map(unseen.map(({ task, text }) => [task!, text]));
  }

  /** Closes at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  open(graph: OpenGraph, isAsync: boolean, now: () => number, selected?: Uint8Array): RunMemory | Promise<RunMemory> {
    return openOutcomes(this, graph, isAsync, now, selected);
  }
}
