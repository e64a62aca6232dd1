import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import {
  AsyncExecutor,
  FolderStore,
  InvalidOptionError,
  StoreError,
  StoreFailedError,
  StoreFormatError,
  SyncExecutor,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { system } from '../../src/store/file-system.js';
import { readOutcomeFile } from '../../src/store/outcome-file.js';
import { type Fault, withFault } from '../support/faulty-system.js';
import { StoreProcess } from './child-process.js';

let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-folder-store-'));
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newDirectory(): string {
  return join(folder, String(++count), 'store');
}

function kept(store: FolderStore, graph = 'etl'): Record<string, string> {
  return Object.fromEntries(
    [...store.load(graph).outcomes].map(([task, bytes]) => [task, Buffer.from(bytes).toString()]),
  );
}

/** The folders of graphs, or the files of their tasks, as paths. */
function pathsIn(path: string): string[] {
  return readdirSync(path)
    .sort()
    .map((name) => join(path, name));
}

/** A store with one outcome of the graph 'etl', and the file that it is in. */
function storeOf(task: string, text: string): { readonly store: FolderStore; readonly file: string } {
  const store = new FolderStore(newDirectory());
  store.save('etl', task, Buffer.from(text));
  return { store, file: pathsIn(pathsIn(store.directory)[0]!)[0]! };
}

function refusal(code: string): never {
  throw Object.assign(new Error(`${code}: refused`), { code });
}

describe('FolderStore', () => {
  it('refuses options that are none', () => {
    expect(() => new FolderStore('')).toThrow('Expected `directory` to be the path of a folder, got "".');
    expect(() => new FolderStore(new URL('https://example.org/'))).toThrow(InvalidOptionError);
    expect(() => new FolderStore('x', { detect: 'always' } as object)).toThrow(InvalidOptionError);
    expect(new FolderStore('x')).toMatchObject({ directory: resolve('x'), detect: 'closure' });
    expect(new FolderStore(pathToFileURL(resolve('x', 'y')), { detect: 'source' })).toMatchObject({
      directory: resolve('x', 'y'),
      detect: 'source',
    });
  });

  it('makes no folder until something is saved', () => {
    const store = new FolderStore(newDirectory());
    expect(store.load('etl')).toEqual({ outcomes: [], repairs: [] });
    store.forget('etl', ['rows']);
    store.close();
    expect(existsSync(store.directory)).toBe(false);
  });

  it('keeps each outcome in a file whose name can be read, and no other', () => {
    const store = new FolderStore(newDirectory());
    for (const task of ['Fetch all rows!', '', '../..', 'rows']) store.save('etl', task, Buffer.from(task));
    store.save('etl', 'rows', Buffer.from('again'));
    const [graph, ...others] = pathsIn(store.directory);
    expect(others).toEqual([]);
    expect(readdirSync(store.directory)[0]).toMatch(/^etl-[0-9a-f]{64}$/);
    const names = readdirSync(graph!).map((name) => name.replace(/[0-9a-f]{64}$/, '<hash>'));
    expect(names.sort()).toEqual(['<hash>', '<hash>', 'fetch-all-rows-<hash>', 'rows-<hash>']);
  });

  it('reads the files of the graph that is loaded, and of no other', () => {
    const { store } = storeOf('rows', '1');
    for (let task = 0; task < 20; task++) store.save('large', `task ${task}`, Buffer.from('x'));
    const readFile = vi.spyOn(system, 'readFile');
    expect(kept(store)).toEqual({ rows: '1' });
    expect(readFile).toHaveBeenCalledTimes(1);
  });

  it.skipIf(process.platform === 'win32')('keeps a file private that its user made so, and follows no link', () => {
    const { store, file } = storeOf('rows', '1');
    chmodSync(file, 0o600);
    store.save('etl', 'rows', Buffer.from('2'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const victim = join(store.directory, 'victim');
    writeFileSync(victim, 'precious');
    rmSync(file);
    symlinkSync(victim, file);
    store.save('etl', 'rows', Buffer.from('3'));
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(lstatSync(file).isFile()).toBe(true);
    expect(kept(store)).toEqual({ rows: '3' });
  });

  it('leaves no folder of a graph of which all is forgotten', () => {
    const store = new FolderStore(newDirectory());
    for (const graph of ['etl', 'other']) store.save(graph, 'rows', Buffer.from('1'));
    store.save('other', 'cells', Buffer.from('2'));
    for (const graph of ['etl', 'other', 'never saved']) store.forget(graph, ['rows']);
    store.flush();
    expect(pathsIn(store.directory)).toHaveLength(1);
    expect(kept(store, 'other')).toEqual({ cells: '2' });
    const [folderOfOther] = pathsIn(store.directory);
    writeFileSync(join(folderOfOther!, 'notes.txt'), 'mine');
    store.forget('other', ['cells']);
    expect(readdirSync(folderOfOther!)).toEqual(['notes.txt']);
  });

  it('saves where another process removes the empty folder again and again', () => {
    const store = new FolderStore(newDirectory());
    const { open: really } = system;
    let left = 5;
    vi.spyOn(system, 'open').mockImplementation((path, ...rest) => {
      if (String(path).endsWith('.tmp') && left-- > 0)
        rmSync(join(String(path), '..'), { recursive: true, force: true });
      return really(path, ...rest);
    });
    store.save('etl', 'rows', Buffer.from('1'));
    expect(left).toBeLessThan(0);
    expect(kept(store)).toEqual({ rows: '1' });
  });

  it('may be moved and copied as a folder', () => {
    const { store } = storeOf('rows', '1');
    const copy = newDirectory();
    cpSync(store.directory, copy, { recursive: true });
    expect(kept(new FolderStore(copy))).toEqual({ rows: '1' });
  });

  it('reads and writes version 1 of the format', () => {
    const { store, file } = storeOf('rows', 'x');
    const version = '01000000';
    const size = '0000000000004440';
    const graph = `06000000${Buffer.from('etl').toString('hex')}`;
    const task = `08000000${Buffer.from('rows').toString('hex')}`;
    const rest = Buffer.from(`${version}${size}${graph}${task}78`, 'hex');
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(crc32(rest));
    const whole = Buffer.concat([Buffer.from('89544d414f0d0a1a', 'hex'), crc, rest]);
    expect(whole.length).toBe(40);
    expect(readFileSync(file)).toEqual(whole);
    writeFileSync(file, whole);
    expect(kept(store)).toEqual({ rows: 'x' });
  });

  it('makes each file safe before it takes its name, and the names with the next flush', () => {
    const store = new FolderStore(newDirectory());
    store.save('etl', 'first', Buffer.from('x'));
    store.flush();
    const { calls } = withFault({ kind: 'none' }, () => {
      for (const task of ['rows', 'cells']) store.save('etl', task, Buffer.from('x'));
      store.forget('etl', ['first', 'never saved']);
      store.flush();
      store.flushSync();
    });
    const saved = ['open', 'writeSync', 'writeSync', 'fsync', 'rename'];
    expect(calls).toEqual([...saved, ...saved, 'unlink', 'unlink', 'rmdir', 'open', 'fsync']);
  });

  it('goes on when somebody has cleared all away', () => {
    const { store } = storeOf('rows', '1');
    rmSync(store.directory, { recursive: true });
    store.flush();
    store.forget('etl', ['rows']);
    expect(kept(store)).toEqual({});
    store.save('etl', 'rows', Buffer.from('2'));
    expect(kept(store)).toEqual({ rows: '2' });
  });

  it('serves executors that wait for no promise, and others go on from there', async () => {
    const directory = newDirectory();
    const graph = () =>
      new TaskGraphBuilder({ name: 'sum' })
        .task('rows', () => [1, 2])
        .task('sum')
        .dependsOn('rows')
        .run((rows) => rows.length)
        .build();
    expect(new SyncExecutor({ store: new FolderStore(directory) }).run(graph())).toMatchObject({ attemptCount: 2 });
    expect(await new AsyncExecutor({ store: new FolderStore(directory) }).run(graph())).toMatchObject({
      attemptCount: 0,
    });
  });
});

describe('names of any kind', () => {
  // Lone surrogates and all; names that differ in one capital letter or in how an accent is written; some of 10 000 letters.
  const unit = fc.oneof(
    fc.constantFrom('a', 'A', '/', '\\', '.', '\0', '\ud800', '\udfff', 'ä', 'a\u0308', '🦆', ':', ' '),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const name = fc.oneof(
    { weight: 6, arbitrary: fc.array(unit, { maxLength: 6 }).map((units) => units.join('')) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        '__proto__',
        '.',
        '..',
        'con',
        'nul.txt',
        'x'.repeat(10_000),
        `${'x'.repeat(10_000)}y`,
      ),
    },
  );

  it('come back as they were, each with its own outcome, in files that any disk takes', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
        fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
        (graphs, tasks) => {
          const store = new FolderStore(newDirectory());
          for (const graph of graphs)
            for (const task of tasks) store.save(graph, task, Buffer.from(JSON.stringify([graph, task])));
          for (const graph of graphs) {
            const { outcomes, repairs } = store.load(graph);
            const found = new Map([...outcomes].map(([task, bytes]) => [task, Buffer.from(bytes).toString()]));
            expect({ found, repairs }).toEqual({
              found: new Map(tasks.map((task) => [task, JSON.stringify([graph, task])])),
              repairs: [],
            });
          }
          const folders = readdirSync(store.directory);
          const files = folders.flatMap((graph) => readdirSync(join(store.directory, graph)));
          expect([folders.length, files.length]).toEqual([graphs.length, graphs.length * tasks.length]);
          expect(
            [...folders, ...files].filter((one) => !/^([a-z0-9][a-z0-9-]{0,23}-)?[0-9a-f]{64}$/.test(one)),
          ).toEqual([]);
          rmSync(store.directory, { recursive: true });
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a file that is not what was saved', () => {
  it('is never taken for it, wherever it is cut off: it is torn', () => {
    const { file } = storeOf('rows', 'some bytes');
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length++)
      expect(readOutcomeFile(whole.subarray(0, length)).state).toBe('torn');
    expect(readOutcomeFile(Buffer.alloc(whole.length)).state).toBe('torn');
    expect(readOutcomeFile(whole).state).toBe('whole');
  });

  it('is never taken for it, whichever bit was changed, and whatever was added', () => {
    const { file } = storeOf('rows', 'some bytes');
    const whole = readFileSync(file);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(['torn', 'damaged'], `bit ${bit}`).toContain(readOutcomeFile(flipped).state);
    }
    expect(readOutcomeFile(Buffer.concat([whole, whole])).state).toBe('damaged');
  });

  it('is never taken for it, even if its checksum holds and its names do not end', () => {
    const { file } = storeOf('rows', '');
    const whole = readFileSync(file);
    whole.writeUInt32LE(2 * whole.length, 24);
    whole.writeUInt32LE(crc32(whole.subarray(12)), 8);
    expect(readOutcomeFile(whole).state).toBe('damaged');
  });

  it('is never taken for it, whatever it is', () => {
    const beginning = readFileSync(storeOf('rows', 'x').file);
    const bytes = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(bytes, fc.nat(beginning.length - 1), (any, length) => {
        expect(['torn', 'damaged']).toContain(
          readOutcomeFile(Buffer.concat([beginning.subarray(0, length), any, Buffer.of(1)])).state,
        );
      }),
    );
  });

  it('is passed over and told, until its task is saved again', () => {
    const { store, file } = storeOf('rows', '1');
    store.save('etl', 'cells', Buffer.from('2'));
    const { length } = readFileSync(file);
    truncateSync(file, length - 1);
    const torn = {
      text: `The file ${JSON.stringify(file)} ends too early: it is passed over until its task is saved again.`,
      reason: 'torn',
      path: file,
      offset: 0,
      bytesDropped: length - 1,
      recordsLost: 1,
      tasks: [{ graph: 'etl', task: 'rows' }],
      copy: undefined,
    };
    expect(store.load('etl').repairs).toEqual([torn]);
    expect(new FolderStore(store.directory).load('etl').repairs).toEqual([torn]);
    expect(kept(store)).toEqual({ cells: '2' });
    store.save('etl', 'rows', Buffer.from('3'));
    expect(store.load('etl').repairs).toEqual([]);
    expect(kept(store)).toEqual({ rows: '3', cells: '2' });
  });

  it('names no task if what it says of it is wrong as well', () => {
    const { store, file } = storeOf('rows', '1');
    const changed = readFileSync(file);
    changed[changed.indexOf('rows')]! ^= 1;
    writeFileSync(file, changed);
    expect(store.load('etl')).toMatchObject({
      outcomes: [],
      repairs: [{ reason: 'damaged', tasks: [], recordsLost: 1 }],
    });
    writeFileSync(file, 'a letter, and no outcome at all');
    expect(store.load('etl')).toMatchObject({ outcomes: [], repairs: [{ reason: 'damaged', tasks: [] }] });
    store.forget('etl', ['rows']);
    expect(store.load('etl').repairs).toEqual([]);
  });

  it('is that of another task, or of another graph, if somebody has renamed it', () => {
    const { store, file } = storeOf('rows', '1');
    store.save('etl', 'cells', Buffer.from('2'));
    renameSync(file, pathsIn(dirname(file))[0]!);
    expect(store.load('etl')).toMatchObject({
      outcomes: [],
      repairs: [{ reason: 'damaged', tasks: [], recordsLost: undefined }],
    });
    const { store: other, file: mine } = storeOf('rows', '1');
    other.save('other', 'rows', Buffer.from('2'));
    const theirs = pathsIn(pathsIn(other.directory)[1]!)[0]!;
    writeFileSync(mine, readFileSync(theirs));
    expect(other.load('etl').repairs).toMatchObject([
      { text: expect.stringContaining('is that of another task'), path: mine },
    ]);
    expect(kept(other, 'other')).toEqual({ rows: '2' });
  });

  it('is told by the run, whose task replaces it', async () => {
    const directory = newDirectory();
    const run = async () => {
      const executor = new AsyncExecutor({ store: new FolderStore(directory) });
      const seen: string[] = [];
      executor.on('store:repaired', ({ reason }) => seen.push(reason));
      executor.on('task:started', ({ task }) => seen.push(task));
      await executor.run(new TaskGraphBuilder({ name: 'etl' }).task('rows', () => 1).build());
      return seen;
    };
    expect(await run()).toEqual(['rows']);
    truncateSync(pathsIn(pathsIn(directory)[0]!)[0]!, 30);
    expect(await run()).toEqual(['torn', 'rows']);
    expect(await run()).toEqual([]);
  });

  it('of a newer version is refused and left as it is', () => {
    const { store, file } = storeOf('rows', '1');
    const newer = readFileSync(file);
    newer.writeUInt32LE(2, 12);
    newer.writeUInt32LE(crc32(newer.subarray(12)), 8);
    writeFileSync(file, newer);
    expect(() => store.load('etl')).toThrow(StoreFormatError);
    expect(() => store.load('etl')).toThrow(/has format 2, which is newer than this version of taskmap/);
    expect(readFileSync(file)).toEqual(newer);
  });

  it('is left alone without a word if it has another kind of name', () => {
    const { store, file } = storeOf('rows', '1');
    const others = [
      'README',
      '.DS_Store',
      '.nfs000000000000',
      `rows (conflicted copy)-${'0'.repeat(64)}`,
      'mine.tmp',
    ].map((name) => join(dirname(file), name));
    for (const path of others) {
      writeFileSync(path, 'x');
      utimesSync(path, 0, 0);
    }
    mkdirSync(join(dirname(file), 'a folder'));
    expect(store.load('etl')).toMatchObject({ outcomes: [['rows', expect.anything()]], repairs: [] });
    expect(others.filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe('a temporary file', () => {
  it('is removed by load() when it is older than an hour: its process has died', () => {
    const { store, file } = storeOf('rows', '1');
    const [old, young] = ['0', '1'].map((digit) =>
      join(dirname(file), `${digit}1234567-89ab-4cde-8f01-23456789abcd.tmp`),
    );
    for (const path of [old!, young!]) writeFileSync(path, readFileSync(file));
    const nowMs = Date.now();
    utimesSync(old!, nowMs / 1000, nowMs / 1000 - 3_601);
    utimesSync(young!, nowMs / 1000, nowMs / 1000 - 3_599);
    vi.spyOn(Date, 'now').mockReturnValue(nowMs);
    expect(store.load('etl')).toMatchObject({ outcomes: [['rows', expect.anything()]], repairs: [] });
    expect([existsSync(old!), existsSync(young!)]).toEqual([false, true]);
  });

  it('of a writer that slept for so long is written anew', () => {
    const { store } = storeOf('rows', '1');
    const { rename } = system;
    vi.spyOn(system, 'rename').mockImplementationOnce((from, to) => {
      system.unlink(from);
      rename(from, to);
    });
    store.save('etl', 'rows', Buffer.from('2'));
    expect(kept(store)).toEqual({ rows: '2' });
  });
});

describe('several processes at once', () => {
  it.each([7, 1])('save, forget and load the same tasks, and none ever sees a mixture, or fails: %i', async (tasks) => {
    const path = newDirectory();
    const processes = ['a', 'b', 'c'].map((letter) => ({ letter, child: new StoreProcess() }));
    for (const { child } of processes) await child.told({ do: 'open', path, durability: 'folder' });
    const ends = await Promise.all(
      processes.map(({ child, letter }) => child.told({ do: 'race', letter, rounds: 300, tasks })),
    );
    for (const end of ends) expect(end).toEqual({ loads: 150, wrong: [], repairs: 0 });
    await Promise.all(processes.map(({ child }) => child.killed()));
    // Nothing but outcomes is left.
    const files = pathsIn(path).flatMap(pathsIn);
    expect(files.filter((file) => !/-[0-9a-f]{64}$/.test(file))).toEqual([]);
    expect(new FolderStore(path).load('etl').repairs).toEqual([]);
  });

  it('see what another has saved and forgotten as soon as it has', async () => {
    const path = newDirectory();
    const store = new FolderStore(path);
    const child = new StoreProcess();
    await child.told({ do: 'open', path, durability: 'folder' });
    await child.told({ do: 'save', task: 'rows', text: 'x', size: 3 });
    expect(kept(store)).toEqual({ rows: 'xxx' });
    store.forget('etl', ['rows']);
    await child.told({ do: 'save', task: 'cells', text: 'y', size: 1 });
    // That it never flushed is of no matter here.
    await child.killed();
    expect(kept(store)).toEqual({ cells: 'y' });
  });

  it('do not mind files that vanish between the look into the folder and the read', () => {
    const { store } = storeOf('rows', '1');
    store.save('etl', 'cells', Buffer.from('2'));
    const { readdir } = system;
    vi.spyOn(system, 'readdir').mockImplementationOnce(((path: string) => {
      const names = readdir(path);
      new FolderStore(store.directory).forget('etl', ['rows']);
      return [...names, '01234567-89ab-4cde-8f01-23456789abcd.tmp'];
    }) as typeof readdir);
    expect(kept(store)).toEqual({ cells: '2' });
  });

  it.each(['EBUSY', 'EPERM', 'EACCES', 'ESTALE'])('wait a moment for a file that is being replaced: %s', (code) => {
    const { store } = storeOf('rows', '1');
    for (const name of ['rename', 'readFile', 'unlink'] as const)
      vi.spyOn(system, name).mockImplementationOnce(() => refusal(code));
    store.save('etl', 'rows', Buffer.from('2'));
    expect(kept(store)).toEqual({ rows: '2' });
    store.forget('etl', ['rows']);
    expect(kept(store)).toEqual({});
  });
});

describe('a file system that refuses', () => {
  /** Superusers may write to what can only be read: does it as another user. */
  function withoutPrivileges(act: () => void): void {
    const isSuperuser = process.getuid!() === 0;
    if (isSuperuser) process.seteuid!(65_534);
    try {
      act();
    } finally {
      if (isSuperuser) process.seteuid!(0);
    }
  }

  /** Whether another user gets to what specs make. */
  function areOthersLetIn(): boolean {
    for (let path = realpathSync(tmpdir()); ; path = dirname(path)) {
      if ((statSync(path).mode & 0o001) === 0) return false;
      if (path === dirname(path)) return true;
    }
  }

  const isDenied = process.platform !== 'win32' && (process.getuid!() !== 0 || areOthersLetIn());
  it.skipIf(!isDenied)(
    'to write to a folder that can only be read: what is there serves, and the rest says what to do',
    () => {
      const { store, file } = storeOf('rows', '1');
      store.flush();
      for (let path = dirname(file); path.length >= folder.length; path = dirname(path)) chmodSync(path, 0o555);
      try {
        withoutPrivileges(() => {
          expect(kept(store)).toEqual({ rows: '1' });
          for (const act of [
            () => store.save('etl', 'rows', Buffer.from('2')),
            () => store.save('new', 'rows', Buffer.from('2')),
            () => store.forget('etl', ['rows']),
          ]) {
            expect(act).toThrow(StoreFailedError);
            expect(act).toThrow(
              `Cannot write to the store ${JSON.stringify(store.directory)} (EACCES). Allow this user to use the folder and all that is in it, or give the store another.`,
            );
          }
          expect(kept(store)).toEqual({ rows: '1' });
        });
      } finally {
        for (let path = dirname(file); path.length >= folder.length; path = dirname(path)) chmodSync(path, 0o755);
      }
    },
  );

  it('since a part of the path is a file, or a folder stands where a file belongs', () => {
    const { store, file } = storeOf('rows', '1');
    const below = new FolderStore(join(file, 'below'));
    expect(() => below.load('etl')).toThrow(
      '(ENOTDIR). A part of the path is a file: use a path whose folders are folders.',
    );
    expect(() => below.save('etl', 'rows', Buffer.from('x'))).toThrow('(ENOTDIR)');
    rmSync(file);
    mkdirSync(file);
    expect(() => store.load('etl')).toThrow(
      '(EISDIR). There is a folder where a file belongs: remove it, or give the store another folder.',
    );
  });

  it('since the disk is full: what was kept before stays, and nothing is left of the rest', () => {
    const { store, file } = storeOf('rows', '1');
    vi.spyOn(system, 'fsync').mockImplementationOnce(() => refusal('ENOSPC'));
    expect(() => store.save('etl', 'rows', Buffer.from('2'))).toThrow(
      '(ENOSPC). The disk is full: make room. What could not be written is not kept: its task runs again in the next process.',
    );
    expect(kept(store)).toEqual({ rows: '1' });
    expect(readdirSync(dirname(file))).toHaveLength(1);
  });

  interface Told {
    /** What each task is to have at the end. */
    readonly expected: Map<string, string>;
    /** What it may have, if the process died in the middle of a call. */
    readonly possible: Map<string, ReadonlySet<string>>;
    readonly errors: unknown[];
  }

  const NOTHING = 'nothing';

  /** Saves, replaces and forgets, and notes what came of it. */
  function story(store: FolderStore): Told {
    const told: Told = { expected: new Map(), possible: new Map(), errors: [] };
    const attempt = (act: () => void, task = '', text = NOTHING) => {
      try {
        act();
        told.expected.set(task, text);
        told.possible.set(task, new Set([text]));
      } catch (error) {
        told.errors.push(error);
        told.possible.set(task, new Set([...(told.possible.get(task) ?? [NOTHING]), text]));
      }
    };
    for (const text of ['a1', 'b1', 'a2', 'c1', 'b2']) {
      attempt(() => store.save('etl', text[0]!, Buffer.from(text)), text[0], text);
      attempt(() => store.flush());
    }
    attempt(() => store.forget('etl', ['a']), 'a');
    attempt(() => store.close());
    return told;
  }

  /** The story with a fault in it, and what the next process finds. */
  function toldWith(fault: Fault): Told & { readonly found: (task: string) => string } {
    const directory = newDirectory();
    let told: Told | undefined;
    withFault(fault, () => {
      told = story(new FolderStore(directory));
    });
    const { outcomes, repairs } = new FolderStore(directory).load('etl');
    expect(repairs).toEqual([]);
    const textByTask = new Map([...outcomes].map(([task, bytes]) => [task, Buffer.from(bytes).toString()]));
    return { ...told!, found: (task) => textByTask.get(task) ?? NOTHING };
  }

  const everyCall = callsOf(story).map((name, index) => [index + 1, name] as const);

  it.each(everyCall)('call %i, %s: has lost nothing but what it said it did not keep', (at) => {
    const { expected, errors, found } = toldWith({ kind: 'refuse', at, code: ['ENOSPC', 'EIO', 'EMFILE'][at % 3]! });
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreError);
      expect((error as StoreError).cause).toBeInstanceOf(Error);
    }
    expect(errors.length).toBeLessThan(2);
    for (const [task, text] of expected) expect(found(task)).toBe(text);
  });

  it.each(everyCall)('call %i, %s, since its process has died: each outcome is the one or the other, whole', (at) => {
    const { possible, found } = toldWith({ kind: 'die', at });
    for (const [task, texts] of possible) expect([...texts]).toContain(found(task));
  });
});

/** The calls to the file system that a story makes. */
function callsOf(story: (store: FolderStore) => unknown): readonly string[] {
  const own = mkdtempSync(join(tmpdir(), 'taskmap-count-'));
  const { calls } = withFault({ kind: 'none' }, () => story(new FolderStore(join(own, 'store'))));
  rmSync(own, { recursive: true });
  return calls;
}
