import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type Executor,
  FileError,
  FileOverlapError,
  FileResult,
  FileStore,
  FolderStore,
  fileAt,
  InvalidOptionError,
  MemoryStore,
  type OutcomeStore,
  ParallelAsyncExecutor,
  ParallelExecutor,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
  taskModule,
} from 'taskmap-ts';
import { decodeValue, encodeValue } from 'taskmap-ts/codec';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pack, unpack } from '../../src/codec/crossing.js';
import { hashValue } from '../../src/codec/value-hash.js';
import { disk } from '../../src/files/disk.js';
import { forgetLooks } from '../../src/files/look.js';
import { FickleStore } from '../support/fickle-store.js';
import * as fileTasks from './fixtures/file-tasks.js';

const work = taskModule<typeof import('./fixtures/file-tasks.js')>(
  new URL('./fixtures/file-tasks.ts', import.meta.url),
);

const INDEX = new URL('../../src/index.ts', import.meta.url).href;

/** To import a module takes a promise, for which SyncExecutor does not wait. */
const tasksFor = (executorName: string) => (executorName === 'SyncExecutor' ? fileTasks : work);

const EXECUTORS: Readonly<Record<string, (store?: OutcomeStore) => Executor>> = {
  SyncExecutor: (store) => new SyncExecutor({ store }),
  AsyncExecutor: (store) => new AsyncExecutor({ store }),
  ParallelExecutor: (store) => new ParallelExecutor({ store, workers: 1 }),
  ParallelAsyncExecutor: (store) => new ParallelAsyncExecutor({ store, workers: 1 }),
};
const STORES: Readonly<Record<string, (folder: string) => OutcomeStore>> = {
  MemoryStore: () => new MemoryStore({ detect: 'version' }),
  FileStore: (folder) => new FileStore(join(folder, 'outcomes'), { detect: 'version' }),
  FolderStore: (folder) => new FolderStore(join(folder, 'outcomes'), { detect: 'version' }),
  'a store that promises': () => {
    const store = Object.assign(new FickleStore(), { detect: 'version' as const });
    store.begin('by promise');
    return store;
  },
};
const PAIRS = Object.keys(EXECUTORS).flatMap((executor) =>
  Object.keys(STORES)
    .filter((store) => executor !== 'SyncExecutor' || store !== 'a store that promises')
    .map((store) => [executor, store] as const),
);

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'taskmap-files-')));
  forgetLooks();
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const at = (...names: readonly string[]): string => join(folder, ...names);

/** The names of the tasks that have run since this was last asked, in order. */
function calls(): string[] {
  if (!existsSync(at('calls'))) return [];
  const lines = readFileSync(at('calls'), 'utf8').trim().split('\n');
  unlinkSync(at('calls'));
  return lines;
}

/** From now on all that was written is old: stamps can be trusted. */
function letTimePass(): void {
  const laterMs = Date.now() + 60_000;
  vi.spyOn(disk, 'now').mockReturnValue(laterMs);
}

/** One run of a graph that was made for it, as a new process would make it. */
async function runOf<G extends TaskGraph>(graph: G, executor: Executor): Promise<G> {
  // What is remembered in a process is not there in the next.
  forgetLooks();
  await executor.run(graph);
  return graph;
}

// folder ─┬► page ─► words
// source ─┘
const pipelineOf = (tasks: typeof fileTasks) =>
  new TaskGraphBuilder({ name: 'pages' })
    .task('folder', () => '')
    .file('source', at('source.txt'))
    .task('page', tasks.page)
    .dependsOn('folder', 'source')
    .task('words', tasks.words)
    .dependsOn('folder', 'page')
    .build({ results: { folder } });

// folder ─┬► text
// source ─┘
const overtakenOf = (tasks: typeof fileTasks) =>
  new TaskGraphBuilder({ name: 'overtaken' })
    .task('folder', () => '')
    .file('source', at('source.txt'))
    .task('text', tasks.overtaken)
    .dependsOn('folder', 'source')
    .build({ results: { folder } });

// folder ─┬► page ─► text
// source ─┘
const restoringOf = (tasks: typeof fileTasks) =>
  new TaskGraphBuilder({ name: 'restoring' })
    .task('folder', () => '')
    .file('source', at('source.txt'))
    .task('page', tasks.restorable)
    .dependsOn('folder', 'source')
    .task('text', tasks.text)
    .dependsOn('folder', 'page')
    .build({ results: { folder } });

describe.each(PAIRS)('files, with %s and %s', (executorName, storeName) => {
  let store: OutcomeStore;
  let executor: Executor;
  const tasks = tasksFor(executorName) as typeof fileTasks;
  const pipeline = () => pipelineOf(tasks);
  const restoring = () => restoringOf(tasks);
  beforeEach(() => {
    store = STORES[storeName]!(folder);
    executor = EXECUTORS[executorName]!(store);
    writeFileSync(at('source.txt'), 'tea ink');
  });
  afterEach(async () => {
    await executor.close();
    await store.close();
  });

  it('run again what hangs on content that changed, and nothing else', async () => {
    const first = await runOf(pipeline(), executor);
    expect(calls()).toEqual(['page', 'words']);
    expect(first.result('words')).toEqual(['TEA', 'INK']);
    expect(first.result('source')).toMatchObject({ path: at('source.txt'), size: 7 });

    const second = await runOf(pipeline(), executor);
    expect(calls()).toEqual([]);
    expect(second.explain('source')).toBe('ran: it runs in each run');
    expect(second.explain('page')).toBe('kept: same version and inputs');
    expect(second.result('page').pages.get('only')?.[0]).toBeInstanceOf(FileResult);

    // Touched, and written again with the same content.
    utimesSync(at('source.txt'), 1, 1);
    await runOf(pipeline(), executor);
    writeFileSync(at('source.txt'), 'tea ink');
    await runOf(pipeline(), executor);
    expect(calls()).toEqual([]);

    // Other content, of which the task makes the same.
    writeFileSync(at('source.txt'), 'tea ink\n');
    const third = await runOf(pipeline(), executor);
    expect(calls()).toEqual(['page']);
    expect(third.explain('page')).toBe('ran: the result of "source" changed');
    expect(third.explain('words')).toBe('kept: same version and inputs');

    writeFileSync(at('source.txt'), 'tea rum');
    expect((await runOf(pipeline(), executor)).result('words')).toEqual(['TEA', 'RUM']);
    expect(calls()).toEqual(['page', 'words']);
  });

  it('run a task again whose file is gone or was changed, and say so', async () => {
    await runOf(pipeline(), executor);
    calls();
    unlinkSync(at('page.html'));
    const gone = await runOf(pipeline(), executor);
    expect(calls()).toEqual(['page']);
    expect(gone.explain('page')).toBe(`ran: the file ${at('page.html')} is gone`);
    expect(readFileSync(at('page.html'), 'utf8')).toBe('TEA INK');

    writeFileSync(at('page.html'), 'TEA GIN');
    const changed = await runOf(pipeline(), executor);
    expect(calls()).toEqual(['page']);
    expect(changed.explain('page')).toBe(`ran: the file ${at('page.html')} was changed by somebody else`);
    expect(readFileSync(at('page.html'), 'utf8')).toBe('TEA INK');
    expect(changed.result('words')).toEqual(['TEA', 'INK']);

    // Touched only.
    utimesSync(at('page.html'), 1, 1);
    await runOf(pipeline(), executor);
    expect(calls()).toEqual([]);
  });

  it('put a file back that the store keeps, instead of running its task', async () => {
    mkdirSync(at('made/here'), { recursive: true });
    await runOf(restoring(), executor);
    expect(calls()).toEqual(['page', 'text']);
    const path = at('made/here/page.html');
    const { mode } = statSync(path);
    rmSync(at('made'), { recursive: true });
    const gone = await runOf(restoring(), executor);
    expect(calls()).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('TEA INK');
    expect(statSync(path).mode).toBe(mode);
    expect(gone.explain('page')).toBe(`kept: same version and inputs; its file ${path} was put back`);

    writeFileSync(path, 'TEA GIN');
    await runOf(restoring(), executor);
    expect(calls()).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('TEA INK');
    expect(readdirSync(at('made/here'))).toEqual(['page.html']);

    // What its task made before is not needed any more.
    writeFileSync(at('source.txt'), 'tea rum');
    await runOf(restoring(), executor);
    expect(calls()).toEqual(['page', 'text']);
    expect(readFileSync(path, 'utf8')).toBe('TEA RUM');
    unlinkSync(path);
    await runOf(restoring(), executor);
    expect(calls()).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('TEA RUM');
  });

  it('spare no task that ran while somebody wrote a file that it takes, also when that is undone', async () => {
    // Of another time each, however coarse the clock of the disk is.
    utimesSync(at('source.txt'), 1, 1);
    writeFileSync(at('to be written'), 'tea rum');
    const first = await runOf(overtakenOf(tasks), executor);
    expect(first.result('text')).toBe('TEA RUM');
    writeFileSync(at('source.txt'), 'tea ink');
    const undone = await runOf(overtakenOf(tasks), executor);
    expect(undone.result('text')).toBe('TEA INK');
    expect(undone.explain('text')).toBe('ran: the result of "source" changed');

    // The same graph knows as much by itself.
    calls();
    utimesSync(at('source.txt'), 2, 2);
    writeFileSync(at('to be written'), 'tea gin');
    const again = overtakenOf(tasks).reset('text');
    await runOf(again, executor);
    expect(again.result('text')).toBe('TEA GIN');
    writeFileSync(at('source.txt'), 'tea ink');
    await runOf(again, executor);
    expect(again.result('text')).toBe('TEA INK');
    expect(calls()).toEqual(['overtaken', 'overtaken']);

    // To link to a file, or to let others read it, is not to write it.
    linkSync(at('source.txt'), at('link.txt'));
    await runOf(overtakenOf(tasks), executor);
    expect(calls()).toEqual([]);
  });

  it('fail the task that has a file which is not there, a folder, or that of another task', async () => {
    mkdirSync(at('folder'));
    const graph = new TaskGraphBuilder<any>({ name: 'wrong' })
      .add(
        { name: 'gone', file: at('nowhere.txt') },
        { name: 'a folder', file: at('folder') },
        { name: 'a list of it', files: at('folder') },
        { name: 'returned', run: () => [{ of: fileAt('/nowhere/at/all') }], onMainThread: true },
        { name: 'source', file: at('source.txt') },
        { name: 'same source', file: at('folder/../source.txt') },
        { name: 'passed on', run: (source: FileResult) => [source], dependsOn: ['source'] },
        {
          name: 'other',
          run: (file: FileResult) => {
            writeFileSync(file.path, 'changed');
            return fileAt(file.path);
          },
          dependsOn: ['same source'],
          after: ['passed on'],
          onMainThread: true,
        },
      )
      .build();
    await runOf(graph, executor);
    expect([...graph.failures().values()].map((error) => (error as Error).message)).toEqual([
      `The file "${at('nowhere.txt')}" of task "gone" is not there. Make it, or give the path of one that is.`,
      `"${at('folder')}" of task "a folder" is a folder, and no file. To take all that is in it, say .files("a folder", "${at('folder')}/**").`,
      `"${at('folder')}" of task "a list of it" is a folder, and no file. To take all that is in it, say .files("a list of it", "${at('folder')}/**").`,
      'The file "/nowhere/at/all" of task "returned" is not there. Make it, or give the path of one that is.',
      `Task "other" returned the file "${at('source.txt')}", which task "same source" has. Give each a file of its own.`,
    ]);
    expect(graph.failure('gone')).toBeInstanceOf(FileError);
    expect(graph.failure('gone')).toMatchObject({ task: 'gone', path: at('nowhere.txt'), reason: 'missing' });
    expect(graph.failure('other')).toBeInstanceOf(FileOverlapError);
  });

  it('are written beside, and put in their places when the task is done', async () => {
    mkdirSync(at('made'));
    writeFileSync(at('made/beside.txt'), 'old');
    const graph = (mode: string, timeoutMs?: number) =>
      new TaskGraphBuilder<any>({ name: `beside ${mode}` })
        .add(
          { name: 'folder', run: () => '' },
          { name: 'mode', run: () => '' },
          { name: 'made', run: tasks.beside, dependsOn: ['folder', 'mode'], withContext: true, timeoutMs },
        )
        .build({ results: { folder, mode } });
    const failed = await runOf(graph('throws'), executor);
    expect(failed.failure('made')).toMatchObject({ message: 'out of ink' });
    const late = await runOf(graph('is late', 20), executor);
    expect(late.failure('made')).toMatchObject({ code: 'task-timeout' });
    const asked = await runOf(graph('asks only'), executor);
    expect(asked.failure('made')).toMatchObject({ code: 'file', reason: 'not-written' });
    expect(readFileSync(at('made/beside.txt'), 'utf8')).toBe('old');
    expect(readdirSync(at('made'))).toEqual(['beside.txt']);

    const made = await runOf(graph('writes'), executor);
    expect((made.result('made') as string[])[0]).toBe('old');
    expect(readFileSync(at('made/beside.txt'), 'utf8')).toBe('new');
    expect(readdirSync(at('made'))).toEqual(['beside.txt']);
  });
});

describe.each(Object.keys(EXECUTORS))('a graph that is run once more, by %s', (executorName) => {
  it('looks at its sources again, with a store and without', async () => {
    for (const store of [undefined, new MemoryStore({ detect: 'version' })]) {
      writeFileSync(at('source.txt'), 'tea ink');
      const executor = EXECUTORS[executorName]!(store);
      const graph = pipelineOf(tasksFor(executorName) as typeof fileTasks);
      await runOf(graph, executor);
      expect(calls()).toEqual(['page', 'words']);
      utimesSync(at('source.txt'), 1, 1);
      await runOf(graph, executor);
      expect(calls()).toEqual([]);
      expect(graph.explain('page')).toMatch(/^kept: same /);
      writeFileSync(at('source.txt'), 'tea ink ');
      await runOf(graph, executor);
      expect(calls()).toEqual(['page']);
      writeFileSync(at('source.txt'), 'tea rum');
      await runOf(graph, executor);
      expect(calls()).toEqual(['page', 'words']);
      expect(graph.result('words')).toEqual(['TEA', 'RUM']);
      unlinkSync(at('source.txt'));
      await runOf(graph, executor);
      expect(graph.failure('source')).toMatchObject({ reason: 'missing' });
      expect(graph.status('words')).toBe('skipped');
      await executor.close();
    }
  });
});

it('a file crosses to threads and into bytes as what it is, with what was seen of it', () => {
  writeFileSync(at('tea'), 'tea');
  const graph = new TaskGraphBuilder().file('tea', at('tea')).build();
  new SyncExecutor().run(graph);
  const file = graph.result('tea');
  const value = { files: [file, file], name: file.name };
  const crossed = [decodeValue(encodeValue(value)), unpack(structuredClone(pack(value)!))] as (typeof value)[];
  for (const { files } of crossed) {
    expect(files[0]).toBeInstanceOf(FileResult);
    expect(files[1]).toBe(files[0]);
    expect([files[0]!.hash, files[0]!.size, files[0]!.path]).toEqual([file.hash, 3, at('tea')]);
    expect(hashValue(files[0])).toBe(hashValue(file));
  }
  expect(() => encodeValue(Object.assign(fileAt(at('tea')), { more: 1 }))).toThrow(/has a property "more"/);
  expect(JSON.parse(JSON.stringify(file))).toEqual({ name: at('tea'), path: at('tea'), hash: file.hash });
});

it('a process that is killed leaves files as they were, and what it had made is put back', () => {
  const program = (how: string) => `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { FolderStore, fileAt, SyncExecutor, TaskGraphBuilder } from ${JSON.stringify(INDEX)};
    const calls = [];
    const made = (name) => ({ file }) => {
      calls.push(name);
      const path = ${JSON.stringify(at('out'))} + '/' + name;
      writeFileSync(file(path), name);
      if (name === 'b' && ${JSON.stringify(how)} === 'dies') process.kill(process.pid, 'SIGKILL');
      return fileAt(path, { restore: true });
    };
    const graph = new TaskGraphBuilder({ name: 'killed' })
      .task('a', made('a')).withContext()
      .task('b', made('b')).withContext().after('a')
      .build();
    new SyncExecutor({ store: new FolderStore(${JSON.stringify(at('store'))}, { detect: 'version' }) }).run(graph);
    console.log(calls.join());`;
  const run = (how: string) =>
    spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program(how)], {
      encoding: 'utf8',
    });
  expect(run('dies').signal).toBe('SIGKILL');
  expect(readdirSync(at('out')).filter((name) => !name.startsWith('.taskmap-'))).toEqual(['a']);
  rmSync(at('out'), { recursive: true });
  expect(run('lives').stdout.trim()).toBe('b');
  expect(readFileSync(at('out/a'), 'utf8')).toBe('a');
  expect(run('lives').stdout.trim()).toBe('');
});

describe('a source', () => {
  const listing = (patterns: string | readonly string[], options = {}) =>
    new TaskGraphBuilder({ name: 'listing' }).files('all', patterns, options).build();
  const namesIn = (graph: ReturnType<typeof listing>) => {
    new SyncExecutor().run(graph);
    return graph.result('all').map(({ path }) => path.slice(folder.length + 1));
  };

  it('lists files in the order of code units, whatever they are called, and nothing where there is nothing', () => {
    mkdirSync(at('in/sub/.hidden'), { recursive: true });
    const names = ['b.md', 'B.md', 'a b.md', 'new\nline.md', '🦆.md', '[x].md', '.dot.md', 'a.txt', 'sub/c.md'];
    for (const name of names) writeFileSync(at('in', name), name);
    writeFileSync(at('in/sub/.hidden/d.md'), '');
    symlinkSync('nowhere', at('in/dead.md'));
    symlinkSync('b.md', at('in/link.md'));
    const seen = ['B.md', '[x].md', 'a b.md', 'b.md', 'link.md', 'new\nline.md', 'sub/c.md', '🦆.md'];
    expect(namesIn(listing(`${folder}/in/**/*.md`))).toEqual(seen.map((name) => `in/${name}`));
    expect(namesIn(listing([`${folder}/in/*.md`, `${folder}/in/b.md`], { ignore: `${folder}/in/[!b]*` }))).toEqual([
      'in/b.md',
    ]);
    expect(namesIn(listing(`${folder}/in/**/*.md`, { dot: true })).length).toBe(seen.length + 2);
    expect(namesIn(listing(`${folder}/nowhere/**`))).toEqual([]);
  });

  it('is fed to others by whole paths, and knows how it was given', () => {
    const before = process.cwd();
    mkdirSync(at('in'));
    writeFileSync(at('in/a.txt'), 'a');
    // Vitest's threads cannot change their folder.
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const graph = new TaskGraphBuilder({ name: 'given' }).file('one', 'in/../in/a.txt').files('all', 'in/*').build();
    cwd.mockReturnValue(before);
    new SyncExecutor().run(graph);
    expect(graph.result('one')).toMatchObject({ name: 'in/../in/a.txt', path: at('in/a.txt') });
    expect(graph.result('all')).toMatchObject([{ name: 'in/a.txt', path: at('in/a.txt') }]);
  });

  it('follows a link, and sees that it leads to another file', () => {
    const store = new MemoryStore({ detect: 'version' });
    writeFileSync(at('one'), 'same');
    writeFileSync(at('other'), 'else');
    writeFileSync(at('third'), 'else');
    symlinkSync('one', at('link'));
    let lengths = 0;
    const run = () => {
      forgetLooks();
      const graph = new TaskGraphBuilder({ name: 'links' })
        .file('link', at('link'))
        .task('length')
        .dependsOn('link')
        .run(({ size }) => {
          lengths++;
          return size;
        })
        .build();
      new SyncExecutor({ store }).run(graph);
      return lengths;
    };
    const leadTo = (target: string) => {
      unlinkSync(at('link'));
      symlinkSync(target, at('link'));
      lutimesSync(at('link'), 1, 1);
    };
    expect(run()).toBe(1);
    leadTo('other');
    expect(run()).toBe(2);
    leadTo('third');
    expect(run()).toBe(2);
  });

  it('is hashed again as long as it is fresh, so that an edit within one tick of the clock is seen', () => {
    const store = new MemoryStore({ detect: 'version' });
    const path = at('fast');
    const run = () => {
      forgetLooks();
      const graph = new TaskGraphBuilder({ name: 'fast' }).file('fast', path).build();
      new SyncExecutor({ store }).run(graph);
      return graph.result('fast').hash;
    };
    writeFileSync(path, 'one');
    // A disk whose clock never moves on, and that gives the same number to each file.
    const { stat, fstat } = disk;
    const frozen = <S>(stats: S): S => stats && Object.assign(stats, { mtimeNs: 0n, ctimeNs: 0n, ino: 1n });
    vi.spyOn(disk, 'stat').mockImplementation((one) => frozen(stat(one)));
    vi.spyOn(disk, 'fstat').mockImplementation((fd) => frozen(fstat(fd)));
    vi.spyOn(disk, 'now').mockReturnValue(1_000);
    const first = run();
    writeFileSync(path, 'two');
    expect(run()).not.toBe(first);
  });

  it('costs one look without reading, as long as nothing has changed', () => {
    const store = new MemoryStore({ detect: 'version' });
    mkdirSync(at('many'));
    for (let index = 0; index < 200; index++) writeFileSync(at('many', `${index}.txt`), `${index}`);
    const run = () => {
      forgetLooks();
      const builder = new TaskGraphBuilder<any>({ name: 'many' }).files('list', `${folder}/many/*`);
      for (let index = 0; index < 100; index++) builder.task(`file ${index}`, () => index);
      const graph = builder.build();
      new SyncExecutor({ store }).run(graph);
      return graph;
    };
    letTimePass();
    const stat = vi.spyOn(disk, 'stat');
    const open = vi.spyOn(disk, 'open');
    const save = vi.spyOn(store, 'save');
    run();
    expect([stat.mock.calls.length, open.mock.calls.length]).toEqual([200, 200]);
    for (const spy of [stat, open, save]) spy.mockClear();
    run();
    expect([stat.mock.calls.length, open.mock.calls.length, save.mock.calls.length]).toEqual([200, 0, 0]);
    writeFileSync(at('many/7.txt'), 'new');
    for (const spy of [stat, open, save]) spy.mockClear();
    run();
    expect([stat.mock.calls.length, open.mock.calls.length, save.mock.calls.length]).toEqual([200, 1, 1]);
  });

  it.skipIf(process.getuid?.() === 0)('that this user may not read fails its task', () => {
    writeFileSync(at('secret'), '');
    chmodSync(at('secret'), 0);
    const graph = new TaskGraphBuilder({ name: 'secret' }).file('secret', at('secret')).build();
    new SyncExecutor().run(graph);
    expect(graph.failure('secret')).toMatchObject({ reason: 'unreadable' });
  });

  it('that the system refuses to read fails its task, and says which and why', () => {
    writeFileSync(at('secret'), '');
    vi.spyOn(disk, 'open').mockImplementation(() => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    });
    vi.spyOn(disk, 'list').mockImplementation(() => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    });
    const graph = new TaskGraphBuilder({ name: 'secret' })
      .file('secret', at('secret'))
      .files('secrets', `${folder}/*`)
      .build();
    new SyncExecutor().run(graph);
    expect((graph.failure('secret') as Error).message).toBe(
      `The file "${at('secret')}" of task "secret" cannot be read (EACCES). Allow this user to read it and what leads to it.`,
    );
    expect(graph.failure('secrets')).toMatchObject({ task: 'secrets', reason: 'unreadable' });
  });

  it('of the wrong kind is refused where it is given', () => {
    const builder = new TaskGraphBuilder();
    expect(() => builder.file('x', '')).toThrow(InvalidOptionError);
    expect(() => builder.file('x', new URL('http://x') as never)).toThrow(
      /Expected `file` of task "x" to be the path of a file/,
    );
    expect(() => builder.files('x', [])).toThrow(InvalidOptionError);
    expect(() => builder.files('x', '*', { dot: 1 as never })).toThrow(InvalidOptionError);
    expect(() => builder.add({ name: 'y', files: [''] }).build()).toThrow(/"y"/);
    expect(() => fileAt('')).toThrow(InvalidOptionError);
    expect(() => fileAt('x', { restore: 'yes' as never })).toThrow(InvalidOptionError);
  });
});

describe('a large file', () => {
  it('is read in parts, and lets others have their turn under executors that wait', async () => {
    writeFileSync(at('large'), Buffer.alloc(5 * 2 ** 20, 7));
    const read = vi.spyOn(disk, 'read');
    const readSoon = vi.spyOn(disk, 'readSoon');
    const graph = () => new TaskGraphBuilder({ name: 'large' }).file('large', at('large')).build();
    const async = await runOf(graph(), new AsyncExecutor());
    expect([read.mock.calls.length, readSoon.mock.calls.length]).toEqual([0, 6]);
    const sync = await runOf(graph(), new SyncExecutor());
    expect([read.mock.calls.length, readSoon.mock.calls.length]).toEqual([6, 6]);
    expect(sync.result('large').hash).toBe(async.result('large').hash);
    for (const [, into] of [...read.mock.calls, ...readSoon.mock.calls])
      expect(into.length).toBeLessThanOrEqual(2 ** 20);
  });

  it.each(PAIRS)('is put back part by part: %s, %s', async (executorName, storeName) => {
    const store = STORES[storeName]!(folder);
    const executor = EXECUTORS[executorName]!(store);
    let made = 0;
    const content = Buffer.alloc(9 * 2 ** 20, 'tea');
    const graph = () =>
      new TaskGraphBuilder<any>({ name: 'large' })
        .add({
          name: 'large',
          run: () => {
            made++;
            writeFileSync(at('large'), content);
            return fileAt(at('large'), { restore: true });
          },
          onMainThread: true,
        })
        .build();
    await runOf(graph(), executor);
    unlinkSync(at('large'));
    await runOf(graph(), executor);
    expect(made).toBe(1);
    expect(readFileSync(at('large')).equals(content)).toBe(true);
    // A run that begins anew forgets the content as well.
    const again = graph();
    await runOf(again.reset('large'), executor);
    expect(made).toBe(2);
    await executor.close();
    await store.close();
  });

  it('that changes while it is looked at under a plan may have been changed', async () => {
    const store = new MemoryStore({ detect: 'version' });
    const graph = () =>
      new TaskGraphBuilder({ name: 'large' })
        .task('large', () => {
          writeFileSync(at('large'), Buffer.alloc(2 ** 21, 7));
          return fileAt(at('large'));
        })
        .build();
    const executor = new AsyncExecutor({ store });
    letTimePass();
    await runOf(graph(), executor);
    expect(await executor.plan(graph())).toMatchObject([{ verdict: 'kept' }]);
    forgetLooks();
    utimesSync(at('large'), 1, 1);
    expect(await executor.plan(graph())).toMatchObject([
      { task: 'large', verdict: 'may run', why: `the file ${at('large')} may have been changed` },
    ]);
    unlinkSync(at('large'));
    expect(await executor.plan(graph())).toMatchObject([{ verdict: 'runs', why: `the file ${at('large')} is gone` }]);
  });
});

describe('the contents that a store keeps', () => {
  it('go with their outcome', async () => {
    const store = new MemoryStore({ detect: 'version', variants: 1 });
    const contents = new Set<string>();
    const { save, forget } = store;
    vi.spyOn(store, 'save').mockImplementation((graph, task, bytes) => {
      if (task === 'content') contents.add(graph);
      save.call(store, graph, task, bytes);
    });
    vi.spyOn(store, 'forget').mockImplementation((graph, tasks) => {
      contents.delete(graph);
      forget.call(store, graph, tasks);
    });
    const graph = (text: string) =>
      new TaskGraphBuilder({ name: 'contents' })
        .task('text', () => {
          if (text === 'none') throw new Error(text);
          writeFileSync(at('text'), text);
          return fileAt(at('text'), { restore: true });
        })
        .version(text)
        .build();
    for (const text of ['one', 'two', 'one']) {
      await runOf(graph(text), new SyncExecutor({ store }));
      expect(contents.size).toBe(1);
    }
    await runOf(graph('one').reset('text'), new SyncExecutor({ store }));
    expect(contents.size).toBe(1);
    // For a failure no result goes.
    await runOf(graph('none'), new SyncExecutor({ store }));
    expect(contents.size).toBe(1);
    await runOf(graph('none').reset('text'), new SyncExecutor({ store }));
    expect(contents.size).toBe(0);
  });

  it('that are not what they were are not put back: the task runs', async () => {
    const store = new MemoryStore({ detect: 'version' });
    let runs = 0;
    const graph = () =>
      new TaskGraphBuilder({ name: 'damaged' })
        .task('text', () => {
          runs++;
          writeFileSync(at('text'), 'tea');
          return fileAt(at('text'), { restore: true });
        })
        .build();
    const { load } = store;
    await runOf(graph(), new SyncExecutor({ store }));
    unlinkSync(at('text'));
    vi.spyOn(store, 'load').mockImplementation((name) => {
      const { outcomes } = load.call(store, name);
      return {
        outcomes: [...outcomes].map(([task, bytes]) => [task, task === 'content' ? Buffer.from('ink') : bytes]),
      };
    });
    const again = await runOf(graph(), new SyncExecutor({ store }));
    expect(runs).toBe(2);
    expect(again.explain('text')).toBe(`ran: the file ${at('text')} is gone, and cannot be put back`);
    expect(readdirSync(folder)).toEqual(['text']);
  });
});

describe('two tasks with one file', () => {
  it('are told, by whatever way the path leads there', async () => {
    mkdirSync(at('real'));
    symlinkSync('real', at('linked'));
    const graph = (...paths: readonly string[]) => {
      const builder = new TaskGraphBuilder<any>({ name: 'overlap' });
      for (const [index, path] of paths.entries())
        builder.add({
          name: `task ${index}`,
          run: () => {
            writeFileSync(path, '');
            return [fileAt(path)];
          },
        });
      return builder.build();
    };
    for (const other of ['linked/x', 'real/./x', 'linked/../real/x']) {
      const overlapping = await runOf(graph(at('real/x'), at(other)), new SyncExecutor());
      expect(overlapping.failure('task 1')).toMatchObject({ code: 'file-overlap', task: 'task 1', other: 'task 0' });
    }
    const store = new MemoryStore({ detect: 'version' });
    await runOf(graph(at('real/y'), at('real/z')), new SyncExecutor({ store }));
    // One of them is kept, and the other is another by now.
    const moved = graph(at('real/y'), at('linked/y'));
    expect((await runOf(moved.reset('task 1'), new SyncExecutor({ store }))).failure('task 1')).toBeInstanceOf(
      FileOverlapError,
    );
    // Each may take the place of the other.
    const swapped = graph(at('real/y'), at('real/z'));
    await runOf(swapped, new SyncExecutor());
    swapped.resetAll();
    const paths = [at('real/z'), at('real/y')];
    for (const [index, path] of paths.entries())
      swapped.replace(`task ${index}`, () => {
        writeFileSync(path, '');
        return [fileAt(path)];
      });
    await runOf(swapped, new SyncExecutor());
    expect(swapped.counts().failed).toBe(0);
  });
});

it('a file that was given as a result counts as what it is', async () => {
  const store = new MemoryStore({ detect: 'version' });
  writeFileSync(at('given'), 'tea');
  let lengths = 0;
  const run = () => {
    const graph = new TaskGraphBuilder({ name: 'given' })
      .task('file', () => fileAt(at('given')))
      .task('length')
      .dependsOn('file')
      .run((file) => {
        lengths++;
        return readFileSync(file.path).length;
      })
      .build({ results: { file: fileAt(at('given')) } });
    new SyncExecutor({ store }).run(graph);
    return lengths;
  };
  expect(run()).toBe(1);
  expect(run()).toBe(1);
  writeFileSync(at('given'), 'ink');
  expect(run()).toBe(2);
});

it('a renamed file of the same content is another file', async () => {
  const store = new MemoryStore({ detect: 'version' });
  writeFileSync(at('a'), 'tea');
  const run = () => {
    const graph = new TaskGraphBuilder({ name: 'renamed' })
      .files('all', `${folder}/*`)
      .task('names')
      .dependsOn('all')
      .run((all) => all.map(({ path }) => path))
      .build();
    new SyncExecutor({ store }).run(graph);
    return graph.result('names');
  };
  expect(run()).toEqual([at('a')]);
  renameSync(at('a'), at('b'));
  expect(run()).toEqual([at('b')]);
});

it.each([false, true])(
  'a file with a relative path is made in each folder that the program is started in',
  async (restore) => {
    const before = process.cwd();
    const store = new MemoryStore({ detect: 'version' });
    let calls = 0;
    const start = async (project: string) => {
      mkdirSync(at(project), { recursive: true });
      process.chdir(at(project));
      const graph = new TaskGraphBuilder({ name: 'pages' })
        .task('page', () => {
          calls++;
          writeFileSync('page.html', '<p>');
          return fileAt('page.html', { restore });
        })
        .build();
      const executor = new AsyncExecutor({ store });
      const [planned] = await executor.plan(graph);
      await executor.run(graph);
      expect(realpathSync(graph.result('page').path)).toBe(realpathSync(at(`${project}/page.html`)));
      expect(graph.explain('page').replace(/^ran/, 'runs')).toBe(`${planned!.verdict}: ${planned!.why}`);
      return graph.explain('page');
    };
    try {
      expect(await start('one')).toBe('ran: no stored result');
      expect(await start('one')).toBe('kept: same version and inputs');
      expect(await start('other')).toBe('ran: the file page.html was made from another folder');
      expect(calls).toBe(2);
    } finally {
      process.chdir(before);
    }
  },
);

it('files are found in lists that are long and nearly empty, and in those of matches', () => {
  const [page, note] = [join(folder, 'page'), join(folder, 'note')];
  for (const path of [page, note]) writeFileSync(path, 'text');
  const graph = new TaskGraphBuilder()
    .task('sparse', () => Object.assign([], { 4000000000: fileAt(page) }))
    .always()
    .task('named', () => Object.assign([1, 2], { file: fileAt(note) }))
    .task('length')
    .dependsOn('sparse')
    .run((list: unknown[]) => list.length)
    .build();
  const executor = new SyncExecutor();
  executor.run(graph);
  expect(graph.result('length')).toBe(4_000_000_001);
  expect((graph.result('sparse') as unknown as Record<number, FileResult>)[4_000_000_000]!.hash).toBeDefined();
  expect((graph.result('named') as unknown as { file: FileResult }).file.hash).toBeDefined();
  executor.run(graph);
  expect(graph.explain('length')).toBe('kept: same inputs');
});
