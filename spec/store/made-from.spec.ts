import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type FileResult,
  fileAt,
  type OutcomeStore,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STORE_KINDS } from '../support/stores.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-made-from-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EXECUTORS = [
  { name: 'SyncExecutor', isSync: true, on: (store: OutcomeStore) => new SyncExecutor({ store }) },
  { name: 'AsyncExecutor', isSync: false, on: (store: OutcomeStore) => new AsyncExecutor({ store }) },
];
const CASES = STORE_KINDS.flatMap((kind) =>
  EXECUTORS.filter(({ isSync }) => kind.isSync || !isSync).map(({ name, on }) => ({
    name: `${kind.name} with ${name}`,
    make: kind.make,
    on,
  })),
);

describe.each(CASES)('what $name keeps', ({ make, on }) => {
  /** Processes that come one after another, with one store. */
  function processes(): (graph: TaskGraph) => Promise<void> {
    const open = make(folder);
    return async (graph) => {
      const store = open();
      await on(store).run(graph);
      await store.close();
    };
  }

  it('was made from a given result as it was when its task began, and may have changed it', async () => {
    const run = processes();
    // names* ─► first
    const graph = (...names: string[]) =>
      new TaskGraphBuilder({ name: 'shop' })
        .task('names', (): string[] => [])
        .task('first')
        .dependsOn('names')
        .run((names) => names.shift())
        .build()
        .markDone('names', names);
    await run(graph('Ada', 'Bob'));
    const same = graph('Ada', 'Bob');
    await run(same);
    expect(same.explain('first')).toBe('kept: same version and inputs');
    const other = graph('Bob');
    await run(other);
    expect(other.result('first')).toBe('Bob');
  });

  it('was made from what is given by with() as it was when its task began', async () => {
    const run = processes();
    const graph = (...names: string[]) =>
      new TaskGraphBuilder({ name: 'shop' })
        .task('first')
        .with(names)
        .run((names) => names.shift())
        .build();
    await run(graph('Ada', 'Bob'));
    const same = graph('Ada', 'Bob');
    await run(same);
    expect(same.explain('first')).toBe('kept: same version and inputs');
    const other = graph('Bob');
    await run(other);
    expect(other.result('first')).toBe('Bob');
  });

  it.each(['with()', 'markDone()'])('was made from what is in a file that is given by %s at that time', async (how) => {
    const run = processes();
    const path = join(folder, 'names.txt');
    // One and the same for all graphs of a program.
    const file = fileAt(path);
    const read = (names: FileResult) => readFileSync(names.path, 'utf8');
    const graph = () => {
      const builder = new TaskGraphBuilder({ name: 'shop' });
      if (how === 'with()') return builder.task('text').with(file).run(read).build() as TaskGraph;
      return builder
        .task('names', () => file)
        .task('text')
        .dependsOn('names')
        .run(read)
        .build()
        .markDone('names', file) as TaskGraph;
    };
    writeFileSync(path, 'Ada');
    await run(graph());
    const same = graph();
    await run(same);
    expect(same.explain('text')).toBe('kept: same version and inputs');
    writeFileSync(path, 'Bob and Eva');
    const other = graph();
    await run(other);
    expect(other.result('text')).toBe('Bob and Eva');
  });
});
