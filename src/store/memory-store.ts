import { checkedDetect } from './options.js';
import { OutcomeStore } from './outcome-store.js';
import type { ChangeDetection, LoadedOutcomes } from './run-memory.js';

/** What a {@link MemoryStore} can be told. */
export interface MemoryStoreOptions {
  /** When a task counts as changed. Default `'closure'`. */
  readonly detect?: ChangeDetection;
}

/**
 * Keeps outcomes as long as its process lives: for runs of several graphs made from the same functions, and for specs.
 *
 * @example
 * import { MemoryStore } from 'taskmap-ts';
 *
 * const store = new MemoryStore();
 * store.save('etl', 'rows', new Uint8Array([1, 2]));
 * [...store.load('etl').outcomes]; // => [['rows', new Uint8Array([1, 2])]]
 */
export class MemoryStore extends OutcomeStore {
  override readonly detect: ChangeDetection;
  readonly #outcomesByGraph = new Map<string, Map<string, Uint8Array>>();

  constructor(options: MemoryStoreOptions = {}) {
    super();
    this.detect = checkedDetect(options.detect);
  }

  override load(graph: string, tasks?: readonly string[]): LoadedOutcomes {
    const outcomes = this.#outcomesByGraph.get(graph) ?? new Map<string, Uint8Array>();
    if (tasks === undefined) return { outcomes: [...outcomes] };
    const asked = new Set(tasks);
    return { outcomes: [...outcomes].filter(([task]) => asked.has(task)) };
  }

  override save(graph: string, task: string, bytes: Uint8Array): void {
    const outcomes = this.#outcomesByGraph.get(graph) ?? new Map<string, Uint8Array>();
    this.#outcomesByGraph.set(graph, outcomes.set(task, bytes));
  }

  override forget(graph: string, tasks: readonly string[]): void {
    const outcomes = this.#outcomesByGraph.get(graph);
    for (const task of tasks) outcomes?.delete(task);
    if (outcomes?.size === 0) this.#outcomesByGraph.delete(graph);
  }

  override flush(): void {}

  override flushSync(): void {}

  /** Does nothing: what is kept stays, for the next executor that is given this store. */
  override close(): void {}
}
