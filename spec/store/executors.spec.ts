import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type Executor,
  FileStore,
  type OutcomeStore,
  ParallelAsyncExecutor,
  ParallelExecutor,
  StoreFailedError,
  StoreFormatError,
  StoreLockedError,
  type StoreRepaired,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rejection } from '../contract/executor-harness.js';

const MAKE: readonly ((store: OutcomeStore) => Executor)[] = [
  (store) => new SyncExecutor({ store }),
  (store) => new AsyncExecutor({ store }),
  (store) => new ParallelExecutor({ store, workers: 1 }),
  (store) => new ParallelAsyncExecutor({ store, workers: 1 }),
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-executors-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// a ─► b ─► c
const chain = (): TaskGraph =>
  new TaskGraphBuilder({ name: 'chain' })
    .task('a', () => new Map([['one', 1n]]))
    .task('b')
    .dependsOn('a')
    .run((a) => [...a.keys()])
    .task('c')
    .dependsOn('b')
    .run((b) => b.length)
    .build();

/** What a run of the chain with the store in this file started, and was told of as mended. */
async function runWith(
  path: string,
  make = MAKE[1]!,
): Promise<{ graph: TaskGraph; started: string[]; repaired: StoreRepaired[] }> {
  const store = new FileStore(path);
  const executor = make(store);
  const started: string[] = [];
  const repaired: StoreRepaired[] = [];
  executor.on('task:started', ({ task }) => started.push(task));
  executor.on('store:repaired', (record) => repaired.push(record));
  const graph = chain();
  try {
    await executor.run(graph);
  } finally {
    await executor.close();
    store.close();
  }
  return { graph, started, repaired };
}

it('a file that one executor has written serves all others', async () => {
  for (const [index, make] of MAKE.entries()) {
    const path = join(folder, `written-${index}`);
    expect((await runWith(path, make)).started).toEqual(['a', 'b', 'c']);
    for (const other of MAKE) {
      const { graph, started, repaired } = await runWith(path, other);
      expect({ started, repaired }).toEqual({ started: [], repaired: [] });
      expect(graph.results).toEqual({ a: new Map([['one', 1n]]), b: ['one'], c: 1 });
    }
  }
});

it('a run tells what a torn file has lost, and runs that again', async () => {
  const path = join(folder, 'torn');
  await runWith(path);
  // In the middle of what was saved of c.
  truncateSync(path, readFileSync(path).lastIndexOf('["c","done"'));
  const { graph, started, repaired } = await runWith(path);
  expect(started).toEqual(['c']);
  expect(repaired).toMatchObject([{ reason: 'torn', path }]);
  expect(graph.result('c')).toBe(1);
  expect((await runWith(path)).started).toEqual([]);
});

it('a run tells what a damaged file has lost, keeps a copy of it, and never takes a wrong result', async () => {
  const whole = join(folder, 'whole');
  await runWith(whole);
  const bytes = readFileSync(whole);
  for (let place = 40; place < bytes.length; place += 23) {
    const path = join(folder, `flipped-${place}`);
    copyFileSync(whole, path);
    const flipped = Buffer.from(bytes);
    flipped[place]! ^= 0x10;
    writeFileSync(path, flipped);
    const { graph, started, repaired } = await runWith(path);
    expect(graph.results, `flipped at ${place}`).toEqual({ a: new Map([['one', 1n]]), b: ['one'], c: 1 });
    // Whatever was lost was told of.
    if (started.length > 0) expect(repaired.length, `flipped at ${place}`).toBeGreaterThan(0);
  }
});

it('a run is refused a file that is in use, that is no store, or that cannot be made', async () => {
  const path = join(folder, 'used');
  const first = new FileStore(path);
  first.load('chain');
  expect(await rejection(runWith(path))).toBeInstanceOf(StoreLockedError);
  first.close();
  const text = join(folder, 'text');
  writeFileSync(text, 'This is a letter, and no store at all.\n'.repeat(10));
  expect(await rejection(runWith(text))).toBeInstanceOf(StoreFormatError);
  expect(readFileSync(text, 'utf8')).toContain('a letter');
  expect(await rejection(runWith(join(text, 'below a file')))).toBeInstanceOf(StoreFailedError);
});
