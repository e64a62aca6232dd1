import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type Executor,
  FileStore,
  FolderStore,
  fileAt,
  MemoryStore,
  type OutcomeStore,
  ParallelAsyncExecutor,
  ParallelExecutor,
  SyncExecutor,
  TaskGraphBuilder,
  taskModule,
} from 'taskmap-ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FickleStore } from '../support/fickle-store.js';

const EXECUTORS: Readonly<Record<string, (store: OutcomeStore) => Executor>> = {
  SyncExecutor: (store) => new SyncExecutor({ store }),
  AsyncExecutor: (store) => new AsyncExecutor({ store }),
  ParallelExecutor: (store) => new ParallelExecutor({ store, workers: 1 }),
  ParallelAsyncExecutor: (store) => new ParallelAsyncExecutor({ store, workers: 1 }),
};
const STORES: Readonly<Record<string, (folder: string) => OutcomeStore>> = {
  MemoryStore: () => new MemoryStore(),
  FileStore: (folder) => new FileStore(join(folder, 'outcomes')),
  FolderStore: (folder) => new FolderStore(join(folder, 'outcomes')),
  'a store that promises': () => {
    const store = new FickleStore();
    store.begin('by promise');
    return store;
  },
};
const PAIRS = Object.keys(EXECUTORS).flatMap((executor) =>
  Object.keys(STORES)
    .filter((store) => executor !== 'SyncExecutor' || store !== 'a store that promises')
    .map((store) => [executor, store] as const),
);

/** Which functions were called: global, and so nothing that a function hangs on. */
const seen = globalThis as unknown as { calls: string[] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-stale-'));
  seen.calls = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each(PAIRS)('%s with %s, without anything set', (executorName, storeName) => {
  // orders ─► count      alone, price, page, total*       * of a module, which only a run that waits can load
  it('runs again what hangs on a constant, a file that it reads, a module, an output that is gone: and no more', async () => {
    const isAsync = executorName !== 'SyncExecutor';
    const [orders, page, work] = [join(folder, 'orders.csv'), join(folder, 'page.html'), join(folder, 'work.mjs')];
    let rate = 2;
    writeFileSync(orders, 'tea\nink\n');
    writeFileSync(work, 'export const total = () => 7;');
    const graphOf = () => {
      const builder = new TaskGraphBuilder<any>({ name: 'shop' })
        .task('alone', () => void seen.calls.push('alone'))
        .onMainThread()
        .task('price', () => {
          seen.calls.push('price');
          return 10 * rate;
        })
        .onMainThread()
        .file('orders', orders)
        .task('count', (file: { path: string }) => {
          seen.calls.push('count');
          return readFileSync(file.path, 'utf8').split('\n').length - 1;
        })
        .dependsOn('orders')
        .onMainThread()
        .task('page', () => {
          seen.calls.push('page');
          writeFileSync(page, '<p>');
          return fileAt(page);
        })
        .onMainThread();
      if (isAsync) builder.task('total', taskModule<{ total: () => number }>(`file://${work}`).total);
      return builder.build();
    };
    const store = STORES[storeName]!(folder);
    const run = async () => {
      seen.calls.length = 0;
      const graph = graphOf();
      await using executor = EXECUTORS[executorName]!(store);
      const { attemptCount } = await executor.run(graph);
      expect(graph.counts()).toMatchObject({ failed: 0, skipped: 0, pending: 0 });
      // A source is looked at in each run.
      return { graph, attemptCount: attemptCount - 1, calls: [...seen.calls].sort() };
    };
    expect((await run()).calls).toEqual(['alone', 'count', 'page', 'price']);
    expect(await run()).toMatchObject({ attemptCount: 0, calls: [] });

    rate = 3;
    const priced = await run();
    expect(priced).toMatchObject({ attemptCount: 1, calls: ['price'] });
    expect(priced.graph.result('price')).toBe(30);
    expect(priced.graph.explain('price')).toBe('ran: "rate", which its function uses, changed');

    writeFileSync(orders, 'tea\nink\npen\n');
    const counted = await run();
    expect(counted).toMatchObject({ attemptCount: 1, calls: ['count'] });
    expect(counted.graph.result('count')).toBe(3);
    expect(counted.graph.explain('count')).toBe('ran: the result of "orders" changed');

    rmSync(page);
    const paged = await run();
    expect(paged).toMatchObject({ attemptCount: 1, calls: ['page'] });
    expect(readFileSync(page, 'utf8')).toBe('<p>');
    expect(paged.graph.explain('page')).toMatch(/^ran: the file .*page\.html is gone$/);

    if (isAsync) {
      writeFileSync(work, 'export const total = () => 8;');
      const totalled = await run();
      expect(totalled).toMatchObject({ attemptCount: 1, calls: [] });
      expect(totalled.graph.explain('total')).toMatch(/^ran: .*work\.mjs changed$/);
      // This thread has loaded the module before; others load it now.
      if (executorName.startsWith('Parallel')) expect(totalled.graph.result('total')).toBe(8);
    }
    expect(await run()).toMatchObject({ attemptCount: 0, calls: [] });
    await store.close();
  });
});
