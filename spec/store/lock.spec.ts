import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore, StoreClosedError, StoreLockedError } from 'taskmap-ts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { system } from '../../src/store/file-system.js';
import { StoreProcess } from './child-process.js';

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
async function deadLock(): Promise<{ pid: number; host: string; started: string; token: string }> {
  const path = newPath();
  const child = new StoreProcess();
  await child.told({ do: 'open', path });
  await child.killed();
  return JSON.parse(readFileSync(`${path}.lock`, 'utf8'));
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

  it('is refused if the one that has it runs elsewhere, with what to do if it does not', () => {
    const path = newPath();
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: 7, host: 'elsewhere', started: '', token: 'theirs' }));
    expect(() => opened(path)).toThrow(
      `is in use by process 7 on "elsewhere". Wait until it ends. If you know that it has, delete ${JSON.stringify(`${path}.lock`)}.`,
    );
    expect(existsSync(path)).toBe(false);
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
    writeFileSync(
      `${path}.lock`,
      JSON.stringify({ pid: process.pid, host: hostname(), started: 'another boot/1', token: 'before' }),
    );
    opened(path);
  });

  it('may hold anything', () => {
    for (const text of [
      '',
      '{',
      'null',
      '{"pid":"x"}',
      JSON.stringify({ pid: -1, host: hostname(), token: '../../etc' }),
    ]) {
      const path = newPath();
      writeFileSync(`${path}.lock`, text);
      opened(path);
      expect(readdirSync(join(path, '..')).sort()).toEqual(['outcomes', 'outcomes.lock']);
    }
  });

  it('is taken over even if who took it over died before it was done', async () => {
    const path = newPath();
    const [first, second, third] = [await deadLock(), await deadLock(), await deadLock()];
    writeFileSync(`${path}.lock`, JSON.stringify(first));
    writeFileSync(`${path}.lock.${first.token}`, JSON.stringify(second));
    writeFileSync(`${path}.lock.${second.token}`, JSON.stringify(third));
    const store = opened(path);
    expect(JSON.parse(readFileSync(`${path}.lock`, 'utf8'))).toMatchObject({ pid: process.pid });
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
