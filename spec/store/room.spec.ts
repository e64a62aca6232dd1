import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  FileStore,
  FolderStore,
  fileAt,
  InvalidOptionError,
  type MemoryStore,
  type OutcomeStore,
  systemClock,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnyStoreOptions, STORE_KINDS } from '../support/stores.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-room-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Roomy = MemoryStore | FileStore | FolderStore;

/** A graph with these tasks, each of which returns a thousand letters and what it is made from. */
function graphOf(tasks: Readonly<Record<string, string>>, name = 'shop'): TaskGraph {
  return new TaskGraphBuilder({ name })
    .add(
      ...Object.entries(tasks).map(([task, version]) => ({
        name: task,
        version,
        run: () => `${version} ${'x'.repeat(1000)}`,
      })),
    )
    .build() as TaskGraph;
}

/** Runs it at this time, and returns how many tasks ran. */
async function run(store: OutcomeStore, graph: TaskGraph, nowMs = 0): Promise<number> {
  const { attemptCount } = await new AsyncExecutor({ store, clock: { ...systemClock, now: () => nowMs } }).run(graph);
  return attemptCount;
}

async function keysOf(store: OutcomeStore, graph = 'shop'): Promise<string[]> {
  return [...(await store.load(graph)).outcomes].map(([key]) => key).sort();
}

describe.each(STORE_KINDS.filter(({ isSync }) => isSync))('the room that $name takes', ({ make }) => {
  const open = (options?: AnyStoreOptions) => make(folder)(options) as Roomy;

  it('is listed, a row for each task', async () => {
    const store = open();
    await run(store, graphOf({ a: '1', b: '1' }), 10);
    await run(store, graphOf({ a: '2', b: '1' }), 20);
    await run(store, graphOf({ a: '1' }, 'other'), 30);
    store.save('shop', 'note', new Uint8Array(7));
    const rows = store.list();
    expect(rows.map(({ bytes, ...row }) => row).sort((one, other) => (one.task < other.task ? -1 : 1))).toEqual([
      { graph: 'shop', task: 'a', atMs: 20, status: 'done', variants: 2 },
      { graph: 'other', task: 'a', atMs: 30, status: 'done', variants: 1 },
      { graph: 'shop', task: 'b', atMs: 10, status: 'done', variants: 1 },
      { graph: 'shop', task: 'note', atMs: undefined, status: undefined, variants: 1 },
    ]);
    for (const { task, bytes, variants } of rows)
      if (task !== 'note') expect(bytes, task).toBeGreaterThan(1000 * variants);
    expect(store.list('other')).toHaveLength(1);
    expect(store.list(graphOf({}))).toHaveLength(3);
    expect(store.list('none')).toEqual([]);
    store.close();
  });

  it('is freed of what a graph has no longer, and of no more', async () => {
    const store = open();
    await run(store, graphOf({ a: '1', left: '1' }));
    await run(store, graphOf({ a: '2', left: '2' }));
    await run(store, graphOf({ left: '1' }, 'other'));
    const { outcomes, bytes } = store.prune(graphOf({ a: '2' }));
    expect(outcomes).toBe(2);
    expect(bytes).toBeGreaterThan(2000);
    expect(await keysOf(store)).toEqual(['a', 'variant 2 of a']);
    expect(await keysOf(store, 'other')).toEqual(['left']);
    expect(store.prune(graphOf({ a: '2' }))).toEqual({ outcomes: 0, bytes: 0 });
    store.close();
  });

  it('is freed of what is too old, where no graph is given', async () => {
    const store = open({ maxAgeMs: 1000 });
    const nowMs = Date.now();
    await run(store, graphOf({ old: '1', kept: '1' }), nowMs - 100_000);
    await run(store, graphOf({ kept: '2' }, 'other'), nowMs + 100_000);
    await run(store, graphOf({ kept: '2' }), nowMs + 100_000);
    store.prune();
    // What has one young outcome keeps all of them.
    expect(await keysOf(store, 'other')).toEqual(['kept']);
    expect(await keysOf(store)).toEqual(['kept', 'variant 2 of kept']);
    store.close();
  });

  it('is freed at the end of a run of what has left the graph, once it is old', async () => {
    const store = open({ maxAgeMs: 1000 });
    await run(store, graphOf({ a: '1', left: '1' }), 0);
    await run(store, graphOf({ a: '1', left: '2' }), 500);
    await run(store, graphOf({ a: '1' }), 1499);
    expect(await keysOf(store)).toEqual(['a', 'left', 'variant 2 of left']);
    await run(store, graphOf({ a: '1' }), 1500);
    // What it still has stays, however old.
    expect(await keysOf(store)).toEqual(['a']);
    expect(await run(store, graphOf({ a: '1' }), 1_000_000)).toBe(0);
    store.close();
  });

  it('is no more than it may be: what was made first goes, but nothing that the run has made or taken', async () => {
    const store = open({ maxBytes: 5000 });
    await run(store, graphOf({ a: '1' }, 'other'));
    await run(store, graphOf({ a: '1', b: '1' }));
    await run(store, graphOf({ a: '2', b: '1' }));
    expect(store.list()).toHaveLength(3);
    // Five results do not fit: that of the other graph was made first.
    await run(store, graphOf({ a: '3', b: '1' }));
    expect(await keysOf(store, 'other')).toEqual([]);
    expect(await keysOf(store)).toHaveLength(4);
    await run(store, graphOf({ a: '1', b: '2' }));
    // "a" of version 1 is the oldest by now, but was taken, and so it is that of "b".
    expect(await run(store, graphOf({ a: '1', b: '2' }))).toBe(0);
    const bytes = store.list().reduce((sum, row) => sum + row.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(5000);
    store.close();
  });

  it('may be too little for what a run needs, all of which is kept', async () => {
    const store = open({ maxBytes: 1500 });
    const graph = () => graphOf({ a: '1', b: '1', c: '1' });
    expect(await run(store, graph())).toBe(3);
    expect(await run(store, graph())).toBe(0);
    expect(store.prune(graph())).toEqual({ outcomes: 0, bytes: 0 });
    expect(store.prune().outcomes).toBe(2);
    store.close();
  });

  it('is freed of more outcomes than are to be kept', async () => {
    const reopen = make(folder);
    const before = reopen() as Roomy;
    for (const version of ['1', '2', '3', '4']) await run(before, graphOf({ a: version }));
    before.close();
    const store = reopen({ variants: 2 }) as Roomy;
    store.prune();
    for (const version of ['3', '4']) expect(await run(store, graphOf({ a: version }))).toBe(0);
    expect(await run(store, graphOf({ a: '2' }))).toBe(1);
    store.close();
  });

  it('takes numbers and graphs only', () => {
    for (const options of [{ maxBytes: 0 }, { maxBytes: '1' }, { maxAgeMs: -1 }, { maxAgeMs: Number.NaN }] as object[])
      expect(() => open(options)).toThrow(InvalidOptionError);
    const store = open();
    expect(() => store.prune({ keep: graphOf({}) } as never)).toThrow(InvalidOptionError);
    expect(() => store.list(7 as never)).toThrow(InvalidOptionError);
    store.close();
  });
});

describe.each(STORE_KINDS)('the contents of files that $name can put back', ({ make, isSync }) => {
  /** Writes the file, and returns how many tasks ran. */
  async function write(store: OutcomeStore, path: string, text: string): Promise<number> {
    const graph = new TaskGraphBuilder({ name: 'shop' })
      .task('page')
      .version(text)
      .run(() => {
        writeFileSync(path, text);
        return fileAt(path, { restore: true });
      })
      .build();
    return run(store, graph as TaskGraph, Date.now());
  }

  it('stay as long as an outcome that has them, and are put back for any of those', async () => {
    const path = join(folder, `${randomUUID()}.html`);
    const store = make(folder)({ variants: 2 });
    for (const text of ['A', 'B']) expect(await write(store, path, text)).toBe(1);
    for (const text of ['A', 'B', 'A']) {
      expect(await write(store, path, text)).toBe(0);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
    // In the place of what was made first, whose content goes with it.
    expect(await write(store, path, 'C')).toBe(1);
    expect(await write(store, path, 'B')).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('B');
    expect(await write(store, path, 'A')).toBe(1);
    if (!isSync) return;
    const roomy = store as Roomy;
    expect(roomy.list()).toMatchObject([{ graph: 'shop', task: 'page', variants: 2 }]);
    expect(roomy.prune(graphOf({ page: '' }))).toEqual({ outcomes: 0, bytes: 0 });
    expect(await write(store, path, 'C')).toBe(0);
    // Two outcomes, each with a content.
    expect(roomy.prune(graphOf({})).outcomes).toBe(4);
    expect(roomy.list()).toEqual([]);
    await store.close();
  });
});

it('a FileStore whose tasks change each day stays near the size of what there is', async () => {
  const path = join(folder, 'days.taskmap');
  const sizes: number[] = [];
  for (let day = 0; day < 12; day++) {
    const store = new FileStore(path);
    const graph = graphOf(Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`page ${day}-${index}`, '1'])));
    await run(store, graph);
    store.prune(graph);
    store.close();
    sizes.push(statSync(path).size);
  }
  expect(Math.max(...sizes)).toBeLessThan(1.2 * sizes[0]!);
});

it('what is pruned of a FolderStore leaves no folder behind', async () => {
  const path = join(folder, 'folders');
  const store = new FolderStore(path, { maxAgeMs: 1 });
  await run(store, graphOf({ a: '1' }));
  store.prune();
  expect(readdirSync(path)).toEqual([]);
});

it('a store of somebody else is freed of what has left the graph, too', async () => {
  const { make } = STORE_KINDS.find(({ isSync }) => !isSync)!;
  const store = Object.assign(make(folder)(), { maxAgeMs: 1000 });
  await run(store, graphOf({ a: '1', left: '1' }), 0);
  await run(store, graphOf({ a: '1' }), 1000);
  expect(await keysOf(store)).toEqual(['a']);
});
