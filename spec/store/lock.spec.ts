import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { FileStore, StoreClosedError, StoreLockedError } from 'taskmap-ts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { system } from '../../src/store/file-system.js';
import { type LockOwner, ownerHere } from '../../src/store/lock-owner.js';
import { StoreProcess } from './child-process.js';
import { ownerOf, waited, writeLock } from './locks.js';

let folder: string;
let count = 0;
const open: { close(): void }[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-lock-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const store of open.splice(0)) store.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newPath(): string {
  return join(mkdtempSync(join(folder, `${++count}-`)), 'outcomes');
}

function opened(path: string): FileStore {
  const store = new FileStore(path);
  open.push(store);
  store.load('etl');
  return store;
}

/** What a lock says whose process is gone. */
async function deadLock(): Promise<LockOwner> {
  const path = newPath();
  const child = new StoreProcess();
  await child.told({ do: 'open', path });
  await child.killed();
  return ownerOf(path);
}

describe('a file that is in use', () => {
  it('is refused to a second store of the process', () => {
    const path = newPath();
    const store = opened(path);
    expect(() => opened(path)).toThrow(
      `The store ${JSON.stringify(path)} is in use by another store of this process (${process.pid}). Use that one, or close() it first.`,
    );
    store.close();
    opened(path);
  });

  it('is refused by whatever way it is reached', () => {
    const path = newPath();
    opened(path);
    symlinkSync(path, `${path}-link`);
    expect(() => opened(`${path}-link`)).toThrow(StoreLockedError);
    symlinkSync(join(path, '..'), join(folder, `link-${count}`), 'dir');
    expect(() => opened(join(folder, `link-${count}`, 'outcomes'))).toThrow(StoreLockedError);
  });

  it('is refused to another process, which names the one that has it, until that has ended', async () => {
    const path = newPath();
    const store = opened(path);
    const child = new StoreProcess();
    const refusal = await child.told({ do: 'open', path });
    expect(refusal).toMatchObject({ code: 'store-locked', pid: process.pid, host: hostname(), path });
    expect(refusal.message).toBe(
      `The store ${JSON.stringify(path)} is in use by process ${process.pid}. Wait until it ends, or use another file.`,
    );
    store.close();
    expect(await child.told({ do: 'open', path })).toEqual({ opened: true });
    expect(() => opened(path)).toThrow(`is in use by process ${child.pid}.`);
    // No word from it: as after kill -9, and as after the machine has lost power.
    await child.killed();
    expect(existsSync(`${path}.lock`)).toBe(true);
    opened(path);
  });

  it('is refused where the path is a link that leads to where nothing is yet, too', () => {
    const path = newPath();
    const other = newPath();
    symlinkSync(other, path);
    opened(path);
    expect(() => opened(path)).toThrow(StoreLockedError);
    expect(() => opened(other)).toThrow(StoreLockedError);
  });

  it('is that of a thread, and is let go with it', async () => {
    const path = newPath();
    const thread = new Worker(new URL('fixtures/thread.mjs', import.meta.url), { workerData: path });
    await once(thread, 'message');
    const time = waited();
    expect(() => opened(path)).toThrow(`is in use by another store of this process (${process.pid}).`);
    await thread.terminate();
    expect([...opened(path).load('etl').outcomes].map(([task]) => task)).toEqual(['rows']);
    expect(time.ms).toBe(0);
  });

  it('leaves nothing behind but itself', () => {
    const path = newPath();
    opened(path).close();
    expect(readdirSync(join(path, '..'))).toEqual(['outcomes']);
  });
});

describe('a lock that is left over', () => {
  it('is that of a process of the same number that began at another time', () => {
    const path = newPath();
    const time = waited();
    writeLock(path, { ...ownerHere(), began: '1' });
    opened(path);
    expect(time.ms).toBe(0);
  });

  it('is that of a process that has ended, whatever its host is called by now', async () => {
    const path = newPath();
    const time = waited();
    writeLock(path, { ...(await deadLock()), host: 'as it was called before' });
    opened(path);
    expect(time.ms).toBe(0);
  });

  it('is taken over with what its owner was about to put in the place of the file', async () => {
    const path = newPath();
    const dead = await deadLock();
    writeLock(path, dead);
    writeFileSync(`${path}.${dead.token}.compact`, 'half of it');
    opened(path).close();
    expect(readdirSync(join(path, '..'))).toEqual(['outcomes']);
  });

  it('is taken over even if who took it over died before it was done', async () => {
    const path = newPath();
    const [first, second, third] = [await deadLock(), await deadLock(), await deadLock()];
    writeFileSync(`${path}.lock`, JSON.stringify(first));
    writeFileSync(`${path}.lock.${first.token}`, JSON.stringify(second));
    writeFileSync(`${path}.lock.${second.token}`, JSON.stringify(third));
    const store = opened(path);
    expect(ownerOf(path)).toMatchObject({ pid: process.pid });
    store.close();
    expect(readdirSync(join(path, '..'))).toEqual(['outcomes']);
  });

  it('is left to who is just taking it over', async () => {
    const path = newPath();
    const dead = await deadLock();
    const child = new StoreProcess();
    const other = newPath();
    await child.told({ do: 'open', path: other });
    writeFileSync(`${path}.lock`, JSON.stringify(dead));
    writeFileSync(`${path}.lock.${dead.token}`, readFileSync(`${other}.lock`));
    expect(() => opened(path)).toThrow(`is in use by process ${child.pid}.`);
    await child.killed();
  });

  it('is left to who has it already, if who wants it was slow', async () => {
    const path = newPath();
    const dead = await deadLock();
    const child = new StoreProcess();
    const other = newPath();
    await child.told({ do: 'open', path: other });
    writeFileSync(`${path}.lock`, JSON.stringify(dead));
    const { link } = system;
    vi.spyOn(system, 'link').mockImplementation((from, to) => {
      // Just before it claims the lock of the dead, another one has done all of that.
      if (String(to).endsWith(dead.token)) writeFileSync(`${path}.lock`, readFileSync(`${other}.lock`));
      link(from, to);
    });
    expect(() => opened(path)).toThrow(`is in use by process ${child.pid}.`);
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(readFileSync(`${other}.lock`, 'utf8'));
    expect(readdirSync(join(path, '..'))).toEqual(['outcomes.lock']);
    await child.killed();
  });

  it('is replaced by nobody who has no claim to it, be it that another gave up his', async () => {
    const path = newPath();
    const dead = await deadLock();
    const claim = `${path}.lock.${dead.token}`;
    writeFileSync(`${path}.lock`, JSON.stringify(dead));
    const { link, rename } = system;
    let isFirst = true;
    vi.spyOn(system, 'link').mockImplementation((from, to) => {
      // There when it is claimed, and gone when one looks whose it is.
      if (to === claim && isFirst) {
        isFirst = false;
        throw Object.assign(new Error('there'), { code: 'EEXIST' });
      }
      link(from, to);
    });
    vi.spyOn(system, 'rename').mockImplementation((from, to) => {
      expect(existsSync(claim)).toBe(true);
      rename(from, to);
    });
    opened(path);
    expect(vi.mocked(system.rename)).toHaveBeenCalledTimes(1);
  });

  it('goes to exactly one of those who want it', { timeout: 120_000 }, async () => {
    const dead = await deadLock();
    const children = Array.from({ length: 4 }, () => new StoreProcess());
    // Until all of them wait for their first order.
    await Promise.all(children.map((child) => child.told({ do: 'open', path: newPath() })));
    for (let round = 0; round < 60; round++) {
      const path = newPath();
      if (round % 3 > 0) writeFileSync(`${path}.lock`, JSON.stringify({ ...dead, token: `dead-${round}` }));
      if (round % 3 > 1)
        writeFileSync(`${path}.lock.dead-${round}`, JSON.stringify({ ...dead, token: `dead-too-${round}` }));
      for (const child of children) child.tell({ do: 'open', path });
      const answers = await Promise.all(children.map((child) => child.answer()));
      const winner = children[answers.findIndex(({ opened }) => opened)]!;
      expect(answers.filter(({ opened }) => opened)).toHaveLength(1);
      expect(answers.filter(({ code }) => code === 'store-locked')).toHaveLength(3);
      expect(JSON.parse(readFileSync(`${path}.lock`, 'utf8'))).toMatchObject({ pid: winner.pid });
      await winner.told({ do: 'close' });
      expect(readdirSync(join(path, '..'))).toEqual(['outcomes']);
    }
    await Promise.all(children.map((child) => child.killed()));
  });
});

describe('a store that is closed', () => {
  it('is of no more use', () => {
    const store = opened(newPath());
    store.close();
    for (const use of [
      () => store.load('etl'),
      () => store.save('etl', 'rows', new Uint8Array(1)),
      () => store.forget('etl', ['rows']),
    ])
      expect(use).toThrow(StoreClosedError);
    store.flushSync();
    store.close();
  });

  it('was never opened if nobody used it', () => {
    const path = newPath();
    const store = new FileStore(path);
    store.flushSync();
    store.close();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });
});
