import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type FileResult,
  fileAt,
  type OutcomeStore,
  type StandardSchema,
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

  /** Of an object these fields, or what there is of them. */
  const only = (...fields: string[]): StandardSchema<any, any> => ({
    '~standard': {
      version: 1,
      vendor: 'spec',
      validate: (value) => ({
        value: Object.fromEntries(fields.map((field) => [field, (value as Record<string, unknown>)[field]])),
      }),
    },
  });

  it('is not served if a schema has made it of something that cannot be stored', async () => {
    const run = processes();
    class User {
      readonly name = 'Ada';
      readonly age = 36;
    }
    let calls = 0;
    const graph = (...fields: string[]) =>
      new TaskGraphBuilder({ name: 'shop' })
        .add({ name: 'user', run: () => [new User(), calls++][0], returns: only(...fields) })
        .build() as TaskGraph;
    await run(graph('name'));
    const other = graph('name', 'age');
    await run(other);
    expect(other.result('user')).toEqual({ name: 'Ada', age: 36 });
    expect(other.explain('user')).toBe(
      'ran: what its function returned is not stored, so its schema cannot be asked about it',
    );
    expect(calls).toBe(2);
  });

  it('is made by a schema of a file, too, as long as that is what it was', async () => {
    const run = processes();
    const path = join(folder, 'page.html');
    let calls = 0;
    const graph = (...fields: string[]) =>
      new TaskGraphBuilder({ name: 'shop' })
        .add({
          name: 'page',
          run: () => {
            calls++;
            writeFileSync(path, '<p>');
            return { file: fileAt(path), title: 'tea' };
          },
          returns: only(...fields),
        })
        .build() as TaskGraph;
    await run(graph('file'));
    const other = graph('file', 'title');
    await run(other);
    expect(other.result('page')).toMatchObject({ file: { size: 3 }, title: 'tea' });
    await run(graph('file'));
    expect(calls).toBe(1);
    rmSync(path);
    await run(graph('title', 'file'));
    expect(calls).toBe(2);
    // Of a file that no result had, nobody knows what was in it.
    await run(graph('title'));
    expect(calls).toBe(2);
  });
});
