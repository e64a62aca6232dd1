import { LocalStore } from './local-store.js';
import { checkedDetect } from './options.js';
import { headerOf } from './outcome-codec.js';
import type { Item, RoomOptions } from './room.js';
import type { ChangeDetection, LoadedOutcomes } from './run-memory.js';
import { withFurther } from './variants.js';

/** What a {@link MemoryStore} can be told. */
export interface MemoryStoreOptions extends RoomOptions {
  /** When a task counts as changed. Default `'closure'`. */
  readonly detect?: ChangeDetection;
}

interface Saved {
  readonly bytes: Uint8Array;
  /** Counted over all that was saved. */
  readonly number: number;
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
export class MemoryStore extends LocalStore {
  override readonly detect: ChangeDetection;
  readonly #outcomesByGraph = new Map<string, Map<string, Saved>>();
  #savedCount = 0;

  constructor(options: MemoryStoreOptions = {}) {
    super(options);
    this.detect = checkedDetect(options.detect);
  }

  override load(graph: string, tasks?: readonly string[]): LoadedOutcomes {
    const asked = tasks && new Set(tasks);
    const outcomes: [string, Uint8Array][] = [];
    for (const [key, { bytes }] of this.#outcomesByGraph.get(graph) ?? [])
      if (asked?.has(key) !== false) outcomes.push([key, bytes]);
    return { outcomes };
  }

  override save(graph: string, task: string, bytes: Uint8Array): void {
    const outcomes = this.#outcomesByGraph.get(graph) ?? new Map<string, Saved>();
    this.#outcomesByGraph.set(graph, outcomes.set(task, { bytes, number: this.#savedCount++ }));
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

  /** @internal */
  protected override itemsOf(): Item[] {
    return [...this.#outcomesByGraph]
      .flatMap(([name, outcomes]) => Array.from(outcomes, ([key, saved]) => ({ graph: name, key, saved })))
      .sort((one, other) => one.saved.number - other.saved.number)
      .map(({ saved, ...item }) => ({ ...item, size: saved.bytes.length, header: () => headerOf(saved.bytes) }));
  }

  /** @internal */
  protected override dropItems(items: readonly Item[]): void {
    for (const { graph, key } of items) {
      const outcomes = this.#outcomesByGraph.get(graph);
      outcomes?.delete(key);
      if (outcomes?.size === 0) this.#outcomesByGraph.delete(graph);
    }
  }

  /** Does nothing: what is kept stays, for the next executor that is given this store. */
  override close(): void {}
}
