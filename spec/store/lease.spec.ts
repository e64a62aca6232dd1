import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  FileStore,
  StoreFailedError,
  StoreLockedError,
  StoreLostError,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { clock } from '../../src/store/clock.js';
import { system } from '../../src/store/file-system.js';
import { type LockOwner, ownerFrom, ownerHere, stateOf } from '../../src/store/lock-owner.js';
import { rejection } from '../contract/executor-harness.js';
import { StoreProcess } from './child-process.js';
import { faraway, ownerOf, takenFromSilent, waited, writeLock } from './locks.js';

let folder: string;
let count = 0;
const open: { close(): void }[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-lease-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const store of open.splice(0)) {
    try {
      store.close();
    } catch {
      // It was lost, and had something to save.
    }
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newPath(): string {
  return join(mkdtempSync(join(folder, `${++count}-`)), 'outcomes');
}

function opened(path: string, durability?: 'each'): FileStore {
  const store = new FileStore(path, durability === undefined ? {} : { durability });
  open.push(store);
  store.load('etl');
  return store;
}

function kept(store: FileStore): Record<string, string> {
  return Object.fromEntries(
    [...store.load('etl').outcomes].map(([task, bytes]) => [task, Buffer.from(bytes).toString()]),
  );
}

function namesBeside(path: string): string[] {
  return readdirSync(join(path, '..')).sort();
}

describe('a lock of whose owner nobody can tell whether it lives', () => {
  it('is refused as soon as it is renewed, with who has it', () => {
    const path = newPath();
    writeLock(path, faraway(), 1);
    const time = waited((ms) => ms === 2_000 && writeLock(path, faraway()));
    expect(() => opened(path)).toThrow(
      `The store ${JSON.stringify(path)} is in use by process 7 on "faraway". Wait until it ends, or use another file.`,
    );
    expect(time.ms).toBe(2_000);
    expect(namesBeside(path)).toEqual(['outcomes.lock']);
  });

  it('is refused if it is let go meanwhile, since its owner lived', () => {
    const path = newPath();
    writeLock(path, faraway());
    waited(() => rmSync(`${path}.lock`));
    expect(() => opened(path)).toThrow(StoreLockedError);
    opened(path);
  });

  it.each([
    ['30 s after it was renewed', 0, 30_000],
    [
      'after three renewals that did not come, if it was silent for hours: this machine may have slept as well',
      5,
      9_000,
    ],
    ['after 30 s, if the clock has gone back by an hour since', -1, 30_000],
  ])('is taken over %s', (_, hoursAgo, expectedMs) => {
    const path = newPath();
    const time = waited();
    writeLock(path, faraway(), hoursAgo);
    const store = opened(path);
    expect(time.ms).toBeGreaterThan(expectedMs - 2_000);
    expect(time.ms).toBeLessThanOrEqual(expectedMs);
    expect(ownerOf(path).pid).toBe(process.pid);
    store.close();
    expect(namesBeside(path)).toEqual(['outcomes']);
  });

  it('stays with its owner if that is heard of at the last moment', () => {
    const path = newPath();
    writeLock(path, faraway(), 5);
    waited();
    const { link } = system;
    vi.spyOn(system, 'link').mockImplementation((from, to) => {
      link(from, to);
      // From now on it is renewed each time that somebody has looked.
      if (!String(to).endsWith('.theirs')) return;
      writeLock(path, faraway());
      let hours = 0;
      vi.mocked(clock.block).mockImplementation(() => writeLock(path, faraway(), ++hours));
    });
    expect(() => opened(path)).toThrow(StoreLockedError);
    expect(ownerOf(path).token).toBe('theirs');
    expect(namesBeside(path)).toEqual(['outcomes.lock']);
  });

  it('may hold anything', () => {
    for (const text of ['', '{', 'null', '{"pid":"x"}', JSON.stringify({ ...ownerHere(), token: '../../etc' })]) {
      const path = newPath();
      const time = waited();
      writeLock(path, text, 5);
      opened(path);
      expect(time.ms).toBe(9_000);
      expect(namesBeside(path)).toEqual(['outcomes', 'outcomes.lock']);
    }
  });

  it('may be a link, which is not followed', () => {
    waited();
    const victim = newPath();
    const text = JSON.stringify(ownerHere());
    writeFileSync(victim, text);
    for (const target of [victim, `${victim}-that-is-not-there`]) {
      const path = newPath();
      symlinkSync(target, `${path}.lock`);
      opened(path);
      expect(namesBeside(path)).toEqual(['outcomes', 'outcomes.lock']);
    }
    expect(readFileSync(victim, 'utf8')).toBe(text);
  });

  it('is refused if it cannot be read and changes', () => {
    const path = newPath();
    writeLock(path, 'half a lo', 5);
    waited((ms) => writeLock(path, 'half a lock', ms));
    expect(() => opened(path)).toThrow('is in use by somebody whose lock cannot be read. Wait until it ends');
  });

  it('is waited for without letting go of the locks that this thread has', () => {
    const own = newPath();
    opened(own);
    utimesSync(`${own}.lock`, 0, 0);
    const path = newPath();
    writeLock(path, faraway(), 1);
    waited();
    opened(path);
    expect(statSync(`${own}.lock`).mtimeMs).toBeGreaterThan(0);
  });

  it('is told of if it is a folder', () => {
    const path = newPath();
    mkdirSync(`${path}.lock`);
    expect(() => opened(path)).toThrow(StoreFailedError);
    expect(namesBeside(path)).toEqual(['outcomes.lock']);
  });
});

describe('a lock that is held', () => {
  it('is renewed every three seconds by one timer for all, until the last is let go', () => {
    const stop = vi.fn();
    const every = vi.spyOn(clock, 'every').mockReturnValue(stop);
    const paths = [newPath(), newPath()];
    const stores = paths.map((path) => opened(path));
    expect(every.mock.calls).toEqual([[3_000, expect.any(Function)]]);
    for (const path of paths) utimesSync(`${path}.lock`, 0, 0);
    every.mock.calls[0]![1]();
    for (const path of paths) expect(statSync(`${path}.lock`).mtimeMs).toBeGreaterThan(0);
    stores[0]!.close();
    expect(stop).not.toHaveBeenCalled();
    stores[1]!.close();
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('is renewed in the context of nobody, whoever opened the store first', async () => {
    const caller = new AsyncLocalStorage<string>();
    const context = await new Promise((resolve) => {
      caller.run('a run', () => {
        const stop = clock.every(1, () => {
          stop();
          resolve(caller.getStore());
        });
      });
    });
    expect(context).toBeUndefined();
  });

  it('is renewed by what is saved where its thread is too busy for timers', () => {
    const now = vi.spyOn(clock, 'now').mockReturnValue(0);
    const path = newPath();
    const store = opened(path);
    const isRenewedAt = (atMs: number) => {
      now.mockReturnValue(atMs);
      utimesSync(`${path}.lock`, 0, 0);
      store.save('etl', 'rows', Buffer.from('x'));
      store.flushSync();
      return statSync(`${path}.lock`).mtimeMs > 0;
    };
    expect([2_999, 3_000, 5_999, 6_000].map(isRenewedAt)).toEqual([false, true, false, true]);
  });
});

// A process of the same number on a machine of the same name may be another one.
describe('whether an owner lives', () => {
  const here = ownerHere();

  it('is known of this thread, and of one that is not there any more', () => {
    expect(stateOf({ ...here, token: 'another store' }, here)).toBe('alive');
    expect(stateOf({ ...here, began: '1' }, here)).toBe('ended');
    expect(stateOf({ ...here, pid: 2 ** 30, thread: 2 ** 30 }, here)).toBe('ended');
    if (process.platform === 'linux') expect(stateOf({ ...here, thread: 2 ** 30 }, here)).toBe('ended');
  });

  it('is not known of one in another namespace or on another machine', () => {
    expect(stateOf({ ...here, namespace: 'another' }, here)).toBe('unknown');
    expect(stateOf({ ...here, namespace: 'another', pid: 2 ** 30 }, here)).toBe('unknown');
  });

  it('is not known where the system does not tell when a thread began, unless its process is gone', () => {
    vi.spyOn(system, 'readFile').mockImplementation(() => {
      throw Object.assign(new Error('hidden'), { code: 'ENOENT' });
    });
    vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
    const me = ownerHere();
    expect(stateOf(me, me)).toBe('alive');
    expect(stateOf({ ...me, began: 'before' }, me)).toBe('ended');
    expect(stateOf({ ...me, thread: me.thread + 1 }, me)).toBe('unknown');
    expect(stateOf({ ...me, pid: process.ppid }, me)).toBe('unknown');
    expect(stateOf({ ...me, pid: 2 ** 30 }, me)).toBe('ended');
  });

  it('is not known on Linux if it tells nothing of namespaces', () => {
    vi.spyOn(system, 'readlink').mockImplementation(() => {
      throw Object.assign(new Error('no /proc'), { code: 'ENOENT' });
    });
    vi.spyOn(process, 'platform', 'get').mockReturnValue('linux');
    expect(stateOf(ownerHere(), ownerHere())).toBe('unknown');
  });

  it('is asked of nobody who is not named', () => {
    for (const change of [{ pid: 0 }, { pid: -1 }, { pid: 1.5 }, { thread: 'x' }, { token: '..' }, { namespace: 1 }])
      expect(ownerFrom(JSON.stringify({ ...here, ...change }))).toBeUndefined();
    expect(ownerFrom(JSON.stringify(here))).toEqual(here);
  });
});

describe('a store whose file another has taken over, since it was silent', () => {
  function expectLost(act: () => unknown, path: string): void {
    const { pid, host } = ownerOf(path);
    try {
      act();
    } catch (error) {
      expect(error).toBeInstanceOf(StoreLostError);
      expect(error).toMatchObject({ code: 'store-lost', path, pid, host });
      return;
    }
    expect.unreachable('It was not told.');
  }

  it('says so with whatever it does next, and writes nothing', () => {
    const path = newPath();
    const first = opened(path);
    first.save('etl', 'safe', Buffer.from('1'));
    first.flushSync();
    first.save('etl', 'late', Buffer.from('1'));
    const other = takenFromSilent(path);
    open.push(other);
    other.save('etl', 'theirs', Buffer.from('2'));
    other.flushSync();
    const before = readFileSync(path);
    expectLost(() => first.flushSync(), path);
    expectLost(() => first.load('etl'), path);
    expectLost(() => first.save('etl', 'late', Buffer.from('1')), path);
    expectLost(() => first.forget('etl', ['safe']), path);
    expectLost(() => first.close(), path);
    expect(readFileSync(path).equals(before)).toBe(true);
    other.close();
    expect(kept(opened(path))).toEqual({ safe: '1', theirs: '2' });
  });

  it('says so as its timer finds it, by the next save', () => {
    const every = vi.spyOn(clock, 'every').mockReturnValue(() => {});
    const path = newPath();
    const first = opened(path);
    open.push(takenFromSilent(path));
    every.mock.calls[0]![1]();
    expect(() => first.save('etl', 'late', Buffer.from('1'))).toThrow(StoreLostError);
  });

  it('ends a run with it', async () => {
    const path = newPath();
    const store = opened(path);
    const graph = new TaskGraphBuilder({ name: 'etl' }).task('rows', () => open.push(takenFromSilent(path))).build();
    expect(await rejection(new AsyncExecutor({ store }).run(graph))).toBeInstanceOf(StoreLostError);
  });

  it.each(['save', 'promise'])('does no harm with a write that was under way: %s', async (way) => {
    const path = newPath();
    const first = opened(path, 'each');
    await first.save('etl', 'safe', Buffer.from('1'));
    let other: FileStore | undefined;
    let isTaken = false;
    const take = (): void => {
      if (isTaken) return;
      isTaken = true;
      other = takenFromSilent(path);
      other.save('etl', 'theirs', Buffer.from('2'));
      other.flushSync();
    };
    const { writeSync, write } = system;
    vi.spyOn(system, 'writeSync').mockImplementation(((...args: Parameters<typeof writeSync>) => {
      take();
      return writeSync(...args);
    }) as typeof writeSync);
    vi.spyOn(system, 'write').mockImplementation(((...args: Parameters<typeof write>) => {
      take();
      return write(...args);
    }) as typeof write);
    const late = Promise.resolve(first.save('etl', 'late', Buffer.alloc(50_000)));
    const told = rejection(late);
    if (way === 'save') expect(() => first.flushSync()).toThrow(StoreLostError);
    expect(await told).toBeInstanceOf(StoreLostError);
    vi.restoreAllMocks();
    open.push(other!);
    expect(kept(other!)).toEqual({ safe: '1', theirs: '2' });
    other!.close();
    const again = opened(path);
    expect(again.load('etl').repairs).toEqual([]);
    expect(kept(again)).toEqual({ safe: '1', theirs: '2' });
  });

  it('does no harm if it was just about to replace the file', () => {
    const path = newPath();
    const first = opened(path);
    let other: FileStore | undefined;
    let isTaken = false;
    const { rename } = system;
    vi.spyOn(system, 'rename').mockImplementation((from, to) => {
      if (to === path && !isTaken) {
        isTaken = true;
        other = takenFromSilent(path);
        other.save('etl', 'theirs', Buffer.from('2'));
        other.flushSync();
      }
      rename(from, to);
    });
    while (other === undefined) {
      first.save('etl', 'rows', Buffer.alloc(50_000, 'x'));
      first.flushSync();
    }
    open.push(other);
    expect(() => first.load('etl')).toThrow(StoreLostError);
    expect(Object.keys(kept(other))).toEqual(['rows', 'theirs']);
    other.close();
    expect(namesBeside(path)).toEqual(['outcomes']);
    expect(Object.keys(kept(opened(path)))).toEqual(['rows', 'theirs']);
  });
});

describe('a store that is open', () => {
  it.each(['outcomes', 'outcomes.lock'])('says so if its file is removed: %s', (name) => {
    const path = newPath();
    const store = opened(path);
    rmSync(join(path, '..', name));
    store.save('etl', 'rows', Buffer.from('1'));
    expect(() => store.flushSync()).toThrow(
      `The file of the store ${JSON.stringify(path)} was removed while it was open, or its lock was.`,
    );
    expect(() => store.save('etl', 'rows', Buffer.from('1'))).toThrow(StoreLostError);
    expect(() => store.close()).toThrow(StoreLostError);
    expect(kept(opened(path))).toEqual({});
    expect(namesBeside(path)).toEqual(['outcomes', 'outcomes.lock']);
  });

  it('goes on if it could not see whether its lock is still its own, once it can', async () => {
    const path = newPath();
    const store = opened(path);
    store.save('etl', 'rows', Buffer.from('1'));
    const look = vi.spyOn(system, 'open').mockImplementation(() => {
      throw Object.assign(new Error('too many'), { code: 'EMFILE' });
    });
    await expect(store.flush()).rejects.toMatchObject({ code: 'store-failed', reason: 'EMFILE' });
    look.mockRestore();
    await store.flush();
    expect(kept(store)).toEqual({ rows: '1' });
  });
});

describe('takers of a lock that are killed while they take it over', () => {
  it.each([
    ['whose owner has ended', false],
    ['whose owner is silent', true],
  ])('leave it to exactly one of the others, wherever they were: %s', { timeout: 180_000 }, async (_, isFar) => {
    const children = [new StoreProcess(), new StoreProcess()];
    const gone = new StoreProcess();
    await gone.told({ do: 'open', path: newPath() });
    const dead = ownerFrom(JSON.stringify(await gone.told({ do: 'owner' })))!;
    await gone.killed();
    const owner = (token: string): LockOwner => (isFar ? { ...faraway(token) } : { ...dead, token });
    let hasFinished = false;
    for (let call = 1; !hasFinished; call++) {
      const path = newPath();
      writeLock(path, owner(`dead-${call}`), 5);
      const killed = new StoreProcess();
      killed.tell({ do: 'open', path, isPatient: false, dieAt: call });
      for (const child of children) child.tell({ do: 'open', path, isPatient: false });
      const answers = await Promise.all(children.map((child) => child.answer()));
      const end = await killed.answer().catch(() => 'died');
      hasFinished = end !== 'died';
      const winners = answers.filter(({ opened }) => opened).length + (end.opened ? 1 : 0);
      expect(winners).toBeLessThanOrEqual(1);
      if (hasFinished) await killed.killed();
      // While the one that died held its claim, it may have been taken for one that would get on.
      const winner = children.find((_, index) => answers[index].opened) ?? children[0]!;
      if (!answers.some(({ opened }) => opened))
        expect(await winner.told({ do: 'open', path })).toEqual({ opened: true });
      expect(ownerOf(path)).toMatchObject({ pid: winner.pid });
      for (const child of children) await child.told({ do: 'close' });
      expect(existsSync(`${path}.lock`)).toBe(false);
    }
    await Promise.all(children.map((child) => child.killed()));
  });
});

const APART = [
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
];
const canBeApart = process.platform === 'linux' && spawnSync('unshare', [...APART, 'true']).status === 0;

describe.skipIf(!canBeApart)('processes that have the same number, in namespaces of their own', () => {
  it('do not take each other for themselves, nor for ended', { timeout: 60_000 }, async () => {
    const path = newPath();
    const [first, second] = [new StoreProcess({ apart: APART }), new StoreProcess({ apart: APART })];
    expect(await first.told({ do: 'open', path })).toEqual({ opened: true });
    expect(await second.told({ do: 'open', path: newPath() })).toEqual({ opened: true });
    const [one, other] = [await first.told({ do: 'owner' }), await second.told({ do: 'owner' })];
    await second.told({ do: 'close' });
    expect(one.pid).toBe(other.pid);
    expect(one.namespace).not.toBe(other.namespace);
    expect(await second.told({ do: 'open', path })).toMatchObject({ code: 'store-locked', pid: one.pid });
    await first.told({ do: 'save', task: 'rows', text: 'x' });
    await first.told({ do: 'close' });
    expect(await second.told({ do: 'open', path })).toEqual({ opened: true });
    await Promise.all([first.killed(), second.killed()]);
  });
});
