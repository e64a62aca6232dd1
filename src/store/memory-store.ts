import { checkedDetect } from './options.js';
import { OutcomeStore } from './outcome-store.js';
import type { ChangeDetection, LoadedOutcomes } from './run-memory.js';
import { checkedVariants, withFurther } from './variants.js';

/** What a {@link MemoryStore} can be told. */
export interface MemoryStoreOptions {
  /** When a task counts as changed. Default `'version'`. */
  readonly detect?: ChangeDetection;
  /** How many results of a task are kept, each made from something else: an integer from 1 to 100. Default 4. */
  readonly variants?: number;
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
  override readonly variants: number;
  readonly #outcomesByGraph = new Map<string, Map<string, Uint8Array>>();

  constructor(options: MemoryStoreOptions = {}) {
    super();
    this.detect = checkedDetect(options.detect);
    this.variants = checkedVariants(options.variants);
  }

  override load(graph: string): LoadedOutcomes {
    return { outcomes: [...(this.#outcomesByGraph.get(graph) ?? [])] };
  }

  override save(graph: string, task: string, bytes: Uint8Array): void {
    const outcomes = this.#outcomesByGraph.get(graph) ?? new Map<string, Uint8Array>();
    this.#outcomesByGraph.set(graph, outcomes.set(task, bytes));
  }

  /** Drops all outcomes of these tasks. */
  override forget(graph: string, tasks: readonly string[]): void {
    const outcomes = this.#outcomesByGraph.get(graph);
    if (outcomes === undefined) return;
    for (const key of withFurther(tasks, outcomes.keys())) outcomes.delete(key);
    if (outcomes.size === 0) this.#outcomesByGraph.delete(graph);
  }

  override flush(): void {}

  override flushSync(): void {}

  /** Does nothing: what is kept stays, for the next executor that is given this store. */
  override close(): void {}
}
