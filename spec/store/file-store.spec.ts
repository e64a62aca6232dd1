import {
  chmodSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileStore, type FileStoreOptions, InvalidOptionError, StoreFailedError } from 'taskmap-ts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { clock } from '../../src/store/clock.js';
import { system } from '../../src/store/file-system.js';
import { decodeOutcome } from '../../src/store/outcome-codec.js';

let folder: string;
let count = 0;
const open: FileStore[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-file-store-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const store of open.splice(0)) store.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newPath(): string {
  return join(mkdtempSync(join(folder, `${++count}-`)), 'outcomes');
}

function opened(path: string, options?: FileStoreOptions): FileStore {
  const store = new FileStore(path, options);
  open.push(store);
  return store;
}

function kept(store: FileStore): Map<string, number> {
  return new Map([...store.load('etl').outcomes].map(([task, bytes]) => [task, bytes.length]));
}

describe('FileStore', () => {
  it('makes the folders above its file', () => {
    const path = join(newPath(), 'a', 'b', 'outcomes');
    opened(path).load('etl');
    expect(existsSync(path)).toBe(true);
  });

  it('refuses options that are none', () => {
    for (const options of [{ durability: 'never' }, { detect: 'always' }])
      expect(() => new FileStore('x', options as object)).toThrow(InvalidOptionError);
    expect(() => new FileStore('')).toThrow('Expected `path` to be the path of a file, got "".');
    expect(new FileStore('x')).toMatchObject({ path: resolve('x'), durability: 'batch', detect: 'closure' });
    expect(new FileStore('x', { detect: 'source' }).detect).toBe('source');
  });

  it('reads what version 1 of the format has written', () => {
    const path = newPath();
    const fixture = fileURLToPath(new URL('fixtures/version-1.taskmap', import.meta.url));
    writeFileSync(path, readFileSync(fixture));
    const store = opened(path);
    const { outcomes, repairs } = store.load('etl');
    const found = new Map([...outcomes].map(([task, bytes]) => [task, decodeOutcome(task, bytes)]));
    expect(repairs).toEqual([]);
    expect([...found.keys()]).toEqual(['rows', '\ud800', 'broken']);
    expect(found.get('rows')).toMatchObject({
      status: 'done',
      version: '2',
      dependencies: ['fetch'],
      inputHashes: ['hash'],
      attempts: 1,
      atMs: 1_700_000_000_000,
    });
    expect(found.get('rows')!.value()).toEqual({
      at: new Date(0),
      ids: new Set([1n, 'two']),
      bytes: new Uint8Array([1, 2, 3]),
    });
    expect(found.get('\ud800')!.value()).toEqual(new Map([['none', undefined]]));
    expect(found.get('broken')).toMatchObject({ status: 'failed', attempts: 3, sourceHash: 'source' });
    expect(found.get('broken')!.value()).toMatchObject({
      name: 'RangeError',
      message: 'far',
      cause: new TypeError('deep'),
      code: 'E_FAR',
    });
    expect([...store.load('other').outcomes].map(([task]) => task)).toEqual(['rows']);
  });
});

describe('with durability "each"', () => {
  it('a save is safe when its promise is fulfilled, and all that wait share one fdatasync', async () => {
    const path = newPath();
    const store = opened(path, { durability: 'each' });
    store.load('etl');
    const fdatasync = vi.spyOn(system, 'fdatasync');
    const saves = Array.from({ length: 64 }, (_, index) => store.save('etl', `task ${index}`, Buffer.from('x')));
    expect(fdatasync).not.toHaveBeenCalled();
    await Promise.all(saves);
    expect(fdatasync).toHaveBeenCalledTimes(1);
    // As a process that is killed would leave it.
    const copy = newPath();
    writeFileSync(copy, readFileSync(path));
    expect(kept(opened(copy)).size).toBe(64);
  });

  it('a save is safe where a test has replaced the timers, too', async () => {
    vi.useFakeTimers();
    try {
      const store = opened(newPath(), { durability: 'each' });
      await store.save('etl', 'rows', Buffer.from('x'));
      expect(kept(store).size).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('flushSync() settles the promises that wait', async () => {
    const store = opened(newPath(), { durability: 'each' });
    const settled: string[] = [];
    const save = Promise.resolve(store.save('etl', 'rows', Buffer.from('x'))).then(() => settled.push('saved'));
    store.flushSync();
    expect(store.save('etl', 'cells', Buffer.from('x'))).toBeInstanceOf(Promise);
    await save;
    expect(settled).toEqual(['saved']);
  });

  it('a refusal rejects the promise; the outcome is written with the next', async () => {
    const path = newPath();
    const store = opened(path, { durability: 'each' });
    store.load('etl');
    vi.spyOn(system, 'write').mockImplementationOnce((...args: any[]) =>
      args.at(-1)(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    );
    const refusal = Promise.resolve(store.save('etl', 'rows', Buffer.from('x')));
    await expect(refusal).rejects.toThrow(
      `Cannot write to the store ${JSON.stringify(path)} (ENOSPC). The disk is full: make room. What could not be written is kept in memory and tried again.`,
    );
    await store.save('etl', 'cells', Buffer.from('x'));
    store.close();
    expect([...kept(opened(path)).keys()]).toEqual(['rows', 'cells']);
  });

  it('rejects, and does not throw, if the file cannot be used', async () => {
    const store = opened(join(fileURLToPath(import.meta.url), 'outcomes'), { durability: 'each' });
    await expect(store.save('etl', 'rows', Buffer.from('x'))).rejects.toBeInstanceOf(StoreFailedError);
    await expect(store.forget('etl', ['rows'])).rejects.toBeInstanceOf(StoreFailedError);
  });
});

describe('with durability "batch"', () => {
  it('a save returns at once and is written a moment later, by itself', async () => {
    const written = vi.spyOn(system, 'write');
    const store = opened(newPath());
    store.load('etl');
    const after = vi.spyOn(clock, 'after').mockReturnValue(() => {});
    for (let number = 0; number < 10; number++)
      expect(store.save('etl', `task ${number}`, Buffer.from('x'))).toBeUndefined();
    expect(written).not.toHaveBeenCalled();
    expect(after.mock.calls).toEqual([[50, expect.any(Function)]]);
    after.mock.calls[0]![1]();
    expect(written).toHaveBeenCalledTimes(1);
    await store.flush();
  });

  it('a megabyte is written at once', async () => {
    const written = vi.spyOn(system, 'write');
    const store = opened(newPath());
    store.load('etl');
    for (let number = 0; number < 20; number++) store.save('etl', `task ${number}`, Buffer.alloc(100_000));
    expect(written).toHaveBeenCalledTimes(1);
    await store.flush();
    expect(kept(store).size).toBe(20);
  });

  it('what waits too long because its thread is busy is written by the next save', () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const store = opened(newPath());
    store.load('etl');
    const synced = vi.spyOn(system, 'fdatasyncSync');
    store.save('etl', 'rows', Buffer.from('x'));
    now.mockReturnValue(1_099);
    store.save('etl', 'cells', Buffer.from('x'));
    expect(synced).not.toHaveBeenCalled();
    now.mockReturnValue(1_101);
    store.save('etl', 'report', Buffer.from('x'));
    expect(synced).toHaveBeenCalledTimes(1);
  });

  it('a refusal is told by flush, until it is written', async () => {
    const path = newPath();
    const store = opened(path);
    store.load('etl');
    // Half of it has found room.
    const { writeSync: really } = system;
    const full = (...[fd, bytes, at, length, position]: any[]): never => {
      really(fd, bytes, at, Math.floor(length / 2), position);
      throw Object.assign(new Error('full'), { code: 'EDQUOT' });
    };
    const { size } = statSync(path);
    const writeSync = vi.spyOn(system, 'writeSync').mockImplementation(full);
    const write = vi.spyOn(system, 'write').mockImplementation(full);
    store.save('etl', 'rows', Buffer.from('x'));
    await expect(store.flush()).rejects.toMatchObject({ code: 'store-failed', reason: 'EDQUOT' });
    expect(() => store.flushSync()).toThrow(StoreFailedError);
    await expect(store.flush()).rejects.toBeInstanceOf(StoreFailedError);
    expect(statSync(path).size).toBe(size);
    writeSync.mockRestore();
    write.mockRestore();
    await store.flush();
    expect([...kept(store).keys()]).toEqual(['rows']);
  });

  it('close() says what could not be written, and lets others use the file', () => {
    const path = newPath();
    const store = opened(path);
    store.save('etl', 'rows', Buffer.from('x'));
    store.flushSync();
    store.save('etl', 'lost', Buffer.from('x'));
    const writeSync = vi.spyOn(system, 'writeSync').mockImplementation(() => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    expect(() => store.close()).toThrow(StoreFailedError);
    writeSync.mockRestore();
    expect([...kept(opened(path)).keys()]).toEqual(['rows']);
  });
});

describe('what the system is still writing', () => {
  /** Lets the system write, and say so only when it is told to. */
  function heldWrites(): { release(): Promise<void> } {
    const said: (() => void)[] = [];
    vi.spyOn(system, 'write').mockImplementation((...[fd, bytes, at, length, position, callback]: any[]) => {
      const written = system.writeSync(fd, bytes, at, length, position);
      said.push(() => callback(null, written));
    });
    vi.spyOn(system, 'fdatasync').mockImplementation((_, callback) => {
      setImmediate(callback, null);
    });
    return {
      release: async () => {
        vi.mocked(system.write).mockRestore();
        for (const say of said.splice(0)) say();
        await turns();
      },
    };
  }

  /** Until what was to be done soon has been done. */
  async function turns(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  }

  it('keeps its file open, and the file as it is, however much is dead', async () => {
    const path = newPath();
    const made = vi.spyOn(system, 'open');
    const store = opened(path, { durability: 'each' });
    // So that its folder is synced, too.
    await store.save('etl', 'first', Buffer.from('x'));
    const held = heldWrites();
    const file = made.mock.results[made.mock.calls.findIndex(([name]) => name === path)]!.value;
    const closed = vi.spyOn(system, 'close');
    const save = store.save('etl', 'rows', Buffer.alloc(100_000));
    await turns();
    for (let round = 0; round < 5; round++) {
      void store.save('etl', 'rows', Buffer.alloc(100_000, round));
      store.flushSync();
    }
    await save;
    expect(statSync(path).size).toBeGreaterThan(600_000);
    store.close();
    expect(closed).not.toHaveBeenCalledWith(file);
    await held.release();
    expect(closed).toHaveBeenCalledWith(file);
    expect(kept(opened(path)).get('rows')).toBe(100_000);
  });

  it('does not count after it was overtaken and refused: it is written again', async () => {
    const path = newPath();
    const store = opened(path, { durability: 'each' });
    store.load('etl');
    const held = heldWrites();
    const save = Promise.resolve(store.save('etl', 'rows', Buffer.from('x')));
    const refusal = expect(save).rejects.toMatchObject({ reason: 'EIO' });
    await turns();
    const cut = vi.spyOn(system, 'ftruncate');
    vi.spyOn(system, 'fdatasyncSync').mockImplementationOnce(() => {
      throw Object.assign(new Error('bad block'), { code: 'EIO' });
    });
    expect(() => store.flushSync()).toThrow(StoreFailedError);
    await refusal;
    // What is cut off now might be what the system is about to call safe.
    expect(cut).not.toHaveBeenCalled();
    await held.release();
    const written = vi.spyOn(system, 'write');
    await store.flush();
    expect(written).toHaveBeenCalledTimes(1);
    expect(kept(store)).toEqual(new Map([['rows', 1]]));
  });
});

describe('a file that grows', () => {
  it('is written anew when most of it is dead, while promises wait too', async () => {
    const path = newPath();
    const store = opened(path, { durability: 'each' });
    for (let task = 0; task < 20; task++) await store.save('etl', `kept ${task}`, Buffer.alloc(1_000, task));
    let sizeMax = 0;
    for (let round = 0; round < 60; round++) {
      await Promise.all(
        Array.from({ length: 10 }, (_, task) => store.save('etl', `task ${task}`, Buffer.alloc(3_000, round))),
      );
      sizeMax = Math.max(sizeMax, statSync(path).size);
    }
    // 1.8 MB were saved, of which 50 kB count.
    expect(sizeMax).toBeLessThan(400_000);
    const state = [...store.load('etl').outcomes].map(([task, bytes]) => [task, bytes[0]]);
    const expected = [
      ...Array.from({ length: 20 }, (_, task) => [`kept ${task}`, task]),
      ...Array.from({ length: 10 }, (_, task) => [`task ${task}`, 59]),
    ];
    expect(state.sort()).toEqual(expected.sort());
    store.close();
    const again = opened(path);
    expect([...again.load('etl').outcomes].map(([task, bytes]) => [task, bytes[0]]).sort()).toEqual(expected.sort());
    expect(readdirSync(join(path, '..')).sort()).toEqual(['outcomes', 'outcomes.lock']);
  });

  it('is written anew even while there is always something queued', async () => {
    const path = newPath();
    const store = opened(path, { durability: 'each' });
    let left = 2_000;
    const save = async (worker: number) => {
      while (left-- > 0) await store.save('etl', `task ${worker}`, Buffer.alloc(1_000));
    };
    await Promise.all(Array.from({ length: 16 }, (_, worker) => save(worker)));
    expect(statSync(path).size).toBeLessThan(600_000);
    expect(kept(store).size).toBe(16);
  });

  it('stays as it is if there is no room for a second one, and serves all the same', () => {
    const path = newPath();
    const store = opened(path);
    vi.spyOn(system, 'rename').mockImplementation(() => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    for (let round = 0; round < 20; round++) {
      store.save('etl', 'rows', Buffer.alloc(50_000, round));
      store.flushSync();
    }
    expect(statSync(path).size).toBeGreaterThan(1_000_000);
    expect([...store.load('etl').outcomes].map(([, bytes]) => bytes[0])).toEqual([19]);
    vi.restoreAllMocks();
    store.close();
    // The next one that opens it has room.
    expect([...opened(path).load('etl').outcomes].map(([, bytes]) => bytes[0])).toEqual([19]);
    expect(statSync(path).size).toBeLessThan(100_000);
  });
});

describe('a large value', () => {
  const LARGE = 1_500_000;

  function stored(path: string): string[] {
    return existsSync(`${path}.d`) ? readdirSync(`${path}.d`) : [];
  }

  it('has a file of its own as long as it is kept', () => {
    vi.spyOn(performance, 'now').mockReturnValue(0);
    const path = newPath();
    const store = opened(path);
    store.save('etl', 'rows', Buffer.alloc(LARGE, 1));
    store.save('etl', 'cells', Buffer.alloc(LARGE, 2));
    store.flushSync();
    expect(stored(path)).toHaveLength(2);
    expect(statSync(path).size).toBeLessThan(1_000);
    store.save('etl', 'rows', Buffer.alloc(LARGE, 3));
    // Until the new one is safe, the old one stays.
    expect(stored(path)).toHaveLength(3);
    store.flushSync();
    expect(stored(path)).toHaveLength(2);
    store.forget('etl', ['rows']);
    store.save('etl', 'cells', Buffer.from('small'));
    store.flushSync();
    expect(existsSync(`${path}.d`)).toBe(false);
  });

  it('that a process left half written is removed, and what is not ours is not', () => {
    const path = newPath();
    const first = opened(path);
    first.save('etl', 'rows', Buffer.alloc(LARGE, 1));
    first.close();
    writeFileSync(join(`${path}.d`, 'notes.txt'), 'mine');
    writeFileSync(join(`${path}.d`, '0123456789abcdef01234567'), 'left over');
    expect(kept(opened(path))).toEqual(new Map([['rows', LARGE]]));
    expect(stored(path)).toContain('notes.txt');
    expect(stored(path)).toHaveLength(2);
  });

  it.each([
    ['missing', (file: string) => rmSync(file)],
    ['cut off', (file: string) => truncateSync(file, 1_000)],
    ['another', (file: string) => writeFileSync(file, Buffer.alloc(LARGE, 9))],
  ])('whose file is %s is dropped, and that is told once', (_, damage) => {
    const path = newPath();
    const first = opened(path);
    first.save('etl', 'rows', Buffer.alloc(LARGE, 1));
    first.save('etl', 'cells', Buffer.from('x'));
    first.close();
    const file = join(`${path}.d`, stored(path)[0]!);
    damage(file);
    const store = opened(path);
    const { outcomes, repairs } = store.load('etl');
    expect([...outcomes].map(([task]) => task)).toEqual(['cells']);
    expect(repairs).toEqual([
      {
        text: `The file ${JSON.stringify(file)} of a large value is missing or damaged: its outcome is dropped.`,
        reason: 'value',
        path: file,
        offset: 0,
        bytesDropped: LARGE,
        recordsLost: 1,
        tasks: [{ graph: 'etl', task: 'rows' }],
        copy: undefined,
      },
    ]);
    store.close();
    expect(opened(path).load('etl').repairs).toEqual([]);
    expect(existsSync(`${path}.d`)).toBe(false);
  });

  it('that cannot be written is refused, and what was kept before stays', () => {
    const path = newPath();
    const store = opened(path);
    store.save('etl', 'rows', Buffer.alloc(LARGE, 1));
    vi.spyOn(system, 'fsync').mockImplementationOnce(() => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    expect(() => store.save('etl', 'rows', Buffer.alloc(LARGE + 1, 2))).toThrow(StoreFailedError);
    expect(kept(store)).toEqual(new Map([['rows', LARGE]]));
    expect(stored(path)).toHaveLength(1);
  });
});

describe.skipIf(process.platform === 'win32')('a file that its user made private', () => {
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

  it('stays so when it is written anew, as do large values and a copy of what was damaged', () => {
    const path = newPath();
    const first = opened(path);
    first.save('etl', 'small', Buffer.from('to be damaged'));
    first.save('etl', 'rows', Buffer.from('x'));
    first.close();
    chmodSync(path, 0o600);
    const store = opened(path);
    store.save('etl', 'large', Buffer.alloc(1_500_000));
    for (let round = 0; round < 10; round++) {
      store.save('etl', 'rows', Buffer.alloc(50_000));
      store.flushSync();
    }
    expect(statSync(path).size).toBeLessThan(400_000);
    expect(modeOf(path)).toBe('600');
    expect([modeOf(`${path}.d`), ...readdirSync(`${path}.d`).map((name) => modeOf(join(`${path}.d`, name)))]).toEqual([
      '700',
      '600',
    ]);
    store.close();
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('to be')]! ^= 1;
    writeFileSync(path, bytes);
    const [repair] = opened(path).load('etl').repairs!;
    expect([modeOf(path), modeOf(repair!.copy!)]).toEqual(['600', '600']);
  });

  it('is read by no group that could not read it before', () => {
    const path = newPath();
    const store = opened(path);
    store.load('etl');
    chmodSync(path, 0o640);
    vi.spyOn(system, 'fstat').mockImplementation((fd) => Object.assign(fstatSync(fd), { gid: fd }));
    vi.spyOn(system, 'fchown').mockImplementation(() => {
      throw Object.assign(new Error('not yours'), { code: 'EPERM' });
    });
    for (let round = 0; round < 10; round++) {
      store.save('etl', 'rows', Buffer.alloc(50_000));
      store.flushSync();
    }
    expect(modeOf(path)).toBe('600');
  });

  it('is not written by way of a link that lies where it is written anew', () => {
    const path = newPath();
    const victim = `${path}-victim`;
    writeFileSync(victim, 'precious');
    const store = opened(path);
    store.load('etl');
    const { open: really } = system;
    // Whatever the new file is called, the link is there just before it is made.
    vi.spyOn(system, 'open').mockImplementation((made, ...rest) => {
      if (String(made).endsWith('.compact') && !existsSync(made)) symlinkSync(victim, String(made));
      return really(made, ...rest);
    });
    for (let round = 0; round < 10; round++) {
      store.save('etl', 'rows', Buffer.alloc(50_000, round));
      store.flushSync();
    }
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect([...store.load('etl').outcomes].map(([, bytes]) => bytes[0])).toEqual([9]);
  });
});

describe('a path that is of no use', () => {
  it('because it is a folder', () => {
    const path = newPath();
    mkdirSync(path);
    expect(() => opened(path).load('etl')).toThrow(
      `Cannot open the store ${JSON.stringify(path)} (EISDIR). There is a folder of this name: give the store the path of a file.`,
    );
    expect(readdirSync(join(path, '..'))).toEqual(['outcomes']);
  });

  it('because a part of it is a file', () => {
    const path = join(fileURLToPath(import.meta.url), 'outcomes');
    expect(() => opened(path).load('etl')).toThrow(
      /^Cannot open the store ".*" \((ENOTDIR|EEXIST)\)\. A part of the path is a file: use a path whose folders are folders\.$/,
    );
  });

  it('because nobody may write there', () => {
    expect(() => opened('/proc/taskmap/outcomes').load('etl')).toThrow(
      /^Cannot open the store "\/proc\/taskmap\/outcomes" \(E[A-Z]+\)\. [A-Z]/,
    );
    vi.spyOn(system, 'open').mockImplementation(() => {
      throw Object.assign(new Error('read only'), { code: 'EROFS' });
    });
    expect(() => opened(newPath()).load('etl')).toThrow(
      '(EROFS). This file system can only be read: use a path on another.',
    );
  });

  it('because it is a device', () => {
    expect(() => opened('/dev/null').load('etl')).toThrow('is no store of taskmap');
  });

  it('for now: it is tried again by the next call', () => {
    const path = newPath();
    const store = opened(path);
    vi.spyOn(system, 'open').mockImplementationOnce(() => {
      throw Object.assign(new Error('too many'), { code: 'EMFILE' });
    });
    expect(() => store.load('etl')).toThrow(
      '(EMFILE). Too many files are open: close some, or allow the process more (ulimit -n).',
    );
    expect(kept(store)).toEqual(new Map());
  });
});
