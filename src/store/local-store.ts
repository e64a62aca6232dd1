import { InvalidOptionError } from '../errors.js';
import { isGraph, type TaskGraph } from '../graph/task-graph.js';
import { contentIn } from './kept-files.js';
import { OutcomeStore } from './outcome-store.js';
import {
  checkedLimit,
  firstToGo,
  type Item,
  listed,
  type Pruned,
  prunable,
  type RoomOptions,
  type StoredTask,
  sizeOf,
} from './room.js';
import { checkedVariants } from './variants.js';

/** A store that has what it keeps at hand: it answers at once, and knows how much it is. */
export abstract class LocalStore extends OutcomeStore {
  override readonly variants: number;
  override readonly maxAgeMs: number | undefined;
  /** How many bytes all outcomes together may take. */
  readonly maxBytes: number | undefined;

  /** @throws {@link InvalidOptionError} */
  constructor({ variants, maxBytes, maxAgeMs }: RoomOptions) {
    super();
    this.variants = checkedVariants(variants);
    this.maxBytes = checkedLimit('maxBytes', maxBytes);
    this.maxAgeMs = checkedLimit('maxAgeMs', maxAgeMs);
  }

  /**
   * What is kept, a row for each task.
   *
   * @param graph - of this graph alone, or of the one of this name
   *
   * @example
   * import { MemoryStore, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const store = new MemoryStore();
   * new SyncExecutor({ store }).run(new TaskGraphBuilder({ name: 'etl' }).task('rows', () => [3, 4]).build());
   * store.list().map(({ graph, task, status, variants }) => [graph, task, status, variants]); // => [['etl', 'rows', 'done', 1]]
   */
  list(graph?: TaskGraph | string): StoredTask[] {
    const name = typeof graph === 'string' || graph === undefined ? graph : graphOf(graph).name;
    return listed(this.itemsOf()).filter((row) => name === undefined || row.graph === name);
  }

  /**
   * Drops what is not needed.
   *
   * With a graph: outcomes of tasks that it has no longer, whatever their age. Without one: outcomes of tasks of which the
   * newest is older than `maxAgeMs`, in all graphs. In either case: outcomes beyond `variants`, and if there are more than
   * `maxBytes`, those that were made first, but never the newest of a task of that graph.
   *
   * @example
   * import { MemoryStore, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const store = new MemoryStore();
   * const executor = new SyncExecutor({ store });
   * executor.run(new TaskGraphBuilder({ name: 'etl' }).task('rows', () => [3, 4]).task('old', () => 1).build());
   * const graph = new TaskGraphBuilder({ name: 'etl' }).task('rows', () => [3, 4]).build();
   * store.prune(graph).outcomes; // => 1
   * store.list().map(({ task }) => task); // => ['rows']
   */
  prune(graph?: TaskGraph): Pruned {
    const inUse = graph === undefined ? undefined : graphOf(graph);
    return this.#dropped([...prunable(this.itemsOf(), this, inUse, Date.now())], true);
  }

  /** @internal */
  override makeRoom(graph: string, isNeeded: (key: string) => boolean): void {
    if (this.maxBytes === undefined) return;
    const going = firstToGo(this.itemsOf(), this.maxBytes, (item) => {
      const content = contentIn(item.graph);
      // Which outcome of its task a content belongs to is left to prune().
      return content === undefined ? item.graph === graph && isNeeded(item.key) : content.graph === graph;
    });
    this.#dropped(going, false);
  }

  /** @internal All outcomes, and contents of files, in the order in which they were saved. */
  protected abstract itemsOf(): Item[];

  /**
   * @internal Drops them.
   *
   * @param atOnce - the room is to be free as this returns
   */
  protected abstract dropItems(items: readonly Item[], atOnce: boolean): void;

  #dropped(items: readonly Item[], atOnce: boolean): Pruned {
    if (items.length > 0) this.dropItems(items, atOnce);
    return { outcomes: items.length, bytes: sizeOf(items) };
  }
}

function graphOf(graph: unknown): TaskGraph {
  if (!isGraph(graph)) throw new InvalidOptionError('graph', 'a TaskGraph, made by TaskGraphBuilder.build()', graph);
  return graph;
}
