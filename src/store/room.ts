import { InvalidOptionError } from '../errors.js';
import { contentIn } from './kept-files.js';
import type { OutcomeHeader } from './outcome-codec.js';
import { ageOf, VARIANTS, variantOf } from './variants.js';

/** How much a store keeps. */
export interface RoomOptions {
  /** How many results of a task are kept, each made from something else: an integer from 1 to 100. Default 4. */
  readonly variants?: number;
  /**
   * How many bytes all outcomes together may take: a number above 0. At the end of a run those that were made first go,
   * but none that the run has made or taken. Default: no limit.
   */
  readonly maxBytes?: number;
  /**
   * How long the outcomes of a task stay that its graph has no longer, in milliseconds, counted from when the newest of
   * them was made: a number above 0. They go at the end of a run of that graph. Default: for ever.
   */
  readonly maxAgeMs?: number;
}

/** What a store keeps of one task. */
export interface StoredTask {
  /** The graph's name. */
  readonly graph: string;
  /** The task's name. */
  readonly task: string;
  /** How many bytes its outcomes take. */
  readonly bytes: number;
  /** When the newest of them was made, in milliseconds since 1970; `undefined` of what no run has saved. */
  readonly atMs: number | undefined;
  /** What the newest of them is; `undefined` of what no run has saved. */
  readonly status: 'done' | 'failed' | undefined;
  /** How many outcomes there are. */
  readonly variants: number;
}

/** What was dropped. */
export interface Pruned {
  /** How many outcomes. */
  readonly outcomes: number;
  /** How many bytes they took. */
  readonly bytes: number;
}

/** One outcome in a store. */
export interface Item {
  readonly graph: string;
  readonly key: string;
  readonly size: number;
  /** Its header; `undefined` of what no run has saved, and of what is damaged. */
  header(): OutcomeHeader | undefined;
}

/** All outcomes of a task, the oldest first, with what can be read of their headers. */
interface TaskItems {
  readonly graph: string;
  readonly task: string;
  readonly variants: readonly Variant[];
  readonly newest: Variant | undefined;
  /** The contents of files that can be put back, with their hashes. */
  readonly contents: readonly { readonly item: Item; readonly hash: string }[];
}

interface Variant {
  readonly item: Item;
  readonly header: OutcomeHeader | undefined;
}

/** @throws {@link InvalidOptionError} */
export function checkedLimit(option: 'maxBytes' | 'maxAgeMs', limit: unknown): number | undefined {
  if (limit === undefined || (typeof limit === 'number' && limit > 0)) return limit;
  throw new InvalidOptionError(option, 'a number above 0', limit);
}

/** A row for each task. */
export function listed(items: readonly Item[]): StoredTask[] {
  return byTask(items).map(({ graph, task, variants, newest, contents }) => ({
    graph,
    task,
    bytes: sizeOf([...variants, ...contents].map(({ item }) => item)),
    atMs: newest?.header?.atMs,
    status: newest?.header?.status,
    variants: variants.length,
  }));
}

/** What has to be kept of one graph: the newest outcomes of its tasks. */
export interface GraphInUse {
  readonly name: string;
  has(task: string): boolean;
}

/**
 * What a store can do without.
 *
 * @param items - the oldest first
 * @param graph - in use: what it has no longer goes whatever its age. Without one what is too old goes.
 */
export function prunable(
  items: readonly Item[],
  { variants, maxBytes, maxAgeMs }: { readonly [K in keyof Required<RoomOptions>]: RoomOptions[K] | undefined },
  graph: GraphInUse | undefined,
  nowMs: number,
): Set<Item> {
  const going = new Set<Item>();
  const needed = new Set<Item>();
  const youngestMs = maxAgeMs === undefined ? Number.NEGATIVE_INFINITY : nowMs - maxAgeMs;
  for (const one of byTask(items)) {
    const isOfGraph = one.graph === graph?.name;
    const hasLeft = isOfGraph && !graph!.has(one.task);
    const isOld = graph === undefined && (one.newest?.header?.atMs ?? nowMs) <= youngestMs;
    if (hasLeft || isOld) for (const { item } of one.variants) going.add(item);
    else if (isOfGraph && one.newest !== undefined) needed.add(one.newest.item);
    // A failure has a place of its own.
    const isFailed = ({ header }: Variant) => header?.status === 'failed';
    const results = one.variants.filter((variant) => !isFailed(variant));
    const surplus = [...results.slice(0, -(variants ?? VARIANTS)), ...one.variants.filter(isFailed).slice(0, -1)];
    for (const { item } of surplus) going.add(item);
    const hashes = new Set(one.variants.flatMap(({ item, header }) => (going.has(item) ? [] : hashesOf(header))));
    const newest = new Set(hashesOf(one.newest?.header));
    for (const { item, hash } of one.contents) {
      if (!hashes.has(hash)) going.add(item);
      else if (isOfGraph && newest.has(hash)) needed.add(item);
    }
  }
  for (const item of firstToGo(items, maxBytes, (item) => needed.has(item), going)) going.add(item);
  return going;
}

/** What goes for what is left to be no more than that, as far as it is not needed: what was made first goes first. */
export function firstToGo(
  items: readonly Item[],
  maxBytes: number = Number.POSITIVE_INFINITY,
  isNeeded: (item: Item) => boolean,
  gone: ReadonlySet<Item> = new Set(),
): Item[] {
  const left = items.filter((item) => !gone.has(item));
  let over = sizeOf(left) - maxBytes;
  return left.filter((item) => {
    if (over <= 0 || isNeeded(item)) return false;
    over -= item.size;
    return true;
  });
}

export function sizeOf(items: readonly Item[]): number {
  return items.reduce((sum, { size }) => sum + size, 0);
}

/** The contents that an outcome hangs on. */
function hashesOf(header: OutcomeHeader | undefined): string[] {
  return (header?.more.files ?? []).flatMap(({ hash, parts }) => (parts === undefined ? [] : hash));
}

function byTask(items: readonly Item[]): TaskItems[] {
  const found = new Map<string, { variants: Variant[]; contents: { item: Item; hash: string }[] }>();
  const of = (graph: string, task: string) => {
    const id = JSON.stringify([graph, task]);
    const ofTask = found.get(id) ?? { variants: [], contents: [] };
    found.set(id, ofTask);
    return ofTask;
  };
  for (const item of items) {
    const content = contentIn(item.graph);
    if (content !== undefined) of(content.graph, content.task).contents.push({ item, hash: content.hash });
    else of(item.graph, variantOf(item.key).task).variants.push({ item, header: item.header() });
  }
  return [...found].map(([id, { variants, contents }]) => {
    // What no run has saved is older than all others.
    variants.sort(({ header: one }, { header: other }) =>
      one === undefined || other === undefined
        ? Number(one !== undefined) - Number(other !== undefined)
        : ageOf(one, other),
    );
    const [graph, task] = JSON.parse(id) as [string, string];
    return { graph, task, variants, contents, newest: variants.at(-1) };
  });
}
