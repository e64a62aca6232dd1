import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore, StoreError } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Fault, faultySystem, withFault } from '../support/faulty-system.js';

let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-faults-'));
});

afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

function newPath(): string {
  return join(mkdtempSync(join(folder, `${++count}-`)), 'inner', 'outcomes');
}

/** A store, with what each task may be found to have: what was safe last, or anything that it was given since. */
class Witness {
  readonly store: FileStore;
  readonly #possible = new Map<string, Set<string>>();
  /** What it is to have if nothing is lost. */
  readonly expected = new Map<string, string>();
  readonly errors: unknown[] = [];

  constructor(path: string) {
    this.store = new FileStore(path);
  }

  save(task: string, text: string, size = 0): void {
    this.#possibly(task).add(text);
    this.attempt(() => {
      this.store.save('etl', task, Buffer.from(text.padEnd(size, '.')));
      this.expected.set(task, text);
    });
  }

  forget(task: string): void {
    this.#possibly(task).add('nothing');
    this.attempt(() => {
      this.store.forget('etl', [task]);
      this.expected.delete(task);
    });
  }

  flush(): void {
    this.attempt(() => {
      this.store.flushSync();
      for (const [task, possible] of this.#possible) {
        possible.clear();
        possible.add(this.expected.get(task) ?? 'nothing');
      }
    });
  }

  attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.errors.push(error);
    }
  }

  isPossible(found: ReadonlyMap<string, string>): boolean {
    return [...this.#possible].every(([task, possible]) => possible.has(found.get(task) ?? 'nothing'));
  }

  #possibly(task: string): Set<string> {
    const possible = this.#possible.get(task) ?? new Set(['nothing']);
    this.#possible.set(task, possible);
    return possible;
  }
}

/** Saves, replaces, forgets, a large value twice, and enough of it that the file is written anew. */
function story(witness: Witness): void {
  witness.save('a', 'a1');
  witness.save('b', 'b1');
  witness.flush();
  witness.save('a', 'a2');
  witness.save('large', 'large1', 1_100_000);
  witness.flush();
  for (let round = 0; round < 9; round++) {
    witness.save('replaced', `r${round}`, 40_000);
    if (round === 4) witness.save('b', 'b2');
    witness.flush();
  }
  witness.save('large', 'large2', 1_100_000);
  witness.forget('a');
  witness.flush();
  witness.save('c', 'c1');
  // What is never flushed but by close().
}

function found(path: string): { readonly values: Map<string, string>; readonly reasons: string[] } {
  const store = new FileStore(path);
  const { outcomes, repairs = [] } = store.load('etl');
  store.close();
  return {
    values: new Map([...outcomes].map(([task, bytes]) => [task, Buffer.from(bytes).toString().replace(/\.+$/, '')])),
    reasons: repairs.map(({ reason }) => reason),
  };
}

/** Has the lock say that its owner is a thread of before, and not this one. */
function endOwnerOf(path: string): void {
  const lock = `${path}.lock`;
  if (existsSync(lock))
    writeFileSync(lock, JSON.stringify({ ...JSON.parse(readFileSync(lock, 'utf8')), began: 'before' }));
}

// Whether a batch has waited too long must not depend on how fast this machine is.
vi.spyOn(performance, 'now').mockReturnValue(0);
const callCount = countOfCalls();

function countOfCalls(): number {
  const own = mkdtempSync(join(tmpdir(), 'taskmap-count-'));
  try {
    const { calls } = withFault({ kind: 'none' }, () => {
      const witness = new Witness(join(own, 'inner', 'outcomes'));
      story(witness);
      witness.store.close();
      if (witness.errors.length > 0) throw witness.errors[0];
    });
    // That the story has all of it: a file written anew, values in files of their own, and names made safe.
    for (const name of ['rename', 'mkdir', 'unlink', 'fsync', 'fdatasyncSync', 'link'])
      if (!calls.includes(name)) throw new Error(`The story has no ${name}.`);
    return calls.length;
  } finally {
    rmSync(own, { recursive: true });
  }
}

it('a file that is written anew is safe before it takes the name, and its name before anything counts as safe in it', () => {
  const { calls } = withFault({ kind: 'none' }, () => {
    const witness = new Witness(newPath());
    story(witness);
    witness.store.close();
  });
  const renamed = calls.indexOf('rename');
  // The open before it is a look whether the file is still its own.
  expect(calls.slice(renamed - 2, renamed + 3)).toEqual(['fsync', 'open', 'rename', 'open', 'fsync']);
});

describe('a process that dies in any of its calls to the file system', () => {
  it.each(Array.from({ length: callCount }, (_, index) => index + 1))(
    'has lost nothing that was safe: call %i',
    (at) => {
      const path = newPath();
      const witness = new Witness(path);
      const { calls } = withFault({ kind: 'die', at }, () => {
        story(witness);
        witness.attempt(() => witness.store.close());
      });
      expect(calls.length).toBeGreaterThanOrEqual(at);
      endOwnerOf(path);
      const { values, reasons } = found(path);
      expect({ values, isPossible: witness.isPossible(values) }).toEqual({ values, isPossible: true });
      expect(reasons.filter((reason) => reason !== 'torn')).toEqual([]);
      // What it left behind is gone, but for locks of a moment, which do no harm.
      const left = readdirSync(join(path, '..')).filter((name) => !/^outcomes(\.d|\.lock\..*)?$/.test(name));
      expect(left).toEqual([]);
      expect(existsSync(`${path}.d`) ? readdirSync(`${path}.d`).length : 0).toBe(values.has('large') ? 1 : 0);
      expect(found(path)).toEqual({ values, reasons: [] });
    },
  );
});

describe('a file system that refuses any one call', () => {
  const codes = ['ENOSPC', 'EIO', 'EMFILE', 'EACCES'];

  it.each(Array.from({ length: callCount }, (_, index) => index + 1))(
    'loses nothing but what it said it would not keep: call %i',
    (at) => {
      const path = newPath();
      const witness = new Witness(path);
      const fault: Fault = { kind: 'refuse', at, code: codes[at % codes.length]! };
      withFault(fault, () => {
        story(witness);
        witness.flush();
        witness.attempt(() => witness.store.close());
      });
      for (const error of witness.errors) {
        expect(error).toBeInstanceOf(StoreError);
        expect((error as StoreError).message).toMatch(
          /^Cannot (open|lock|check the lock of|read|write to) the store ".*" \(E[A-Z]+\)\. [A-Z]/,
        );
        expect((error as StoreError).cause).toBeInstanceOf(Error);
      }
      // Where the refusal hit the very call that removes the lock.
      rmSync(`${path}.lock`, { force: true });
      const { values, reasons } = found(path);
      expect(values).toEqual(witness.expected);
      expect(reasons).toEqual([]);
    },
  );
});

describe('a file system that refuses one call while promises wait', () => {
  it.each(Array.from({ length: 24 }, (_, index) => index + 1))(
    'rejects those that wait for it, and keeps all the same what it was given: call %i',
    async (at) => {
      const path = newPath();
      const store = new FileStore(path, { durability: 'each' });
      store.load('etl');
      const { calls, restore } = faultySystem({ kind: 'refuse', at, code: 'ENOSPC' });
      const expected = new Map<string, string>();
      const waiting: Promise<void>[] = [];
      const save = (task: string, text: string, size = 0) => {
        waiting.push(Promise.resolve(store.save('etl', task, Buffer.from(text.padEnd(size, '.')))));
        expected.set(task, text);
      };
      const rejected: unknown[] = [];
      const settle = async () => {
        for (const end of await Promise.allSettled(waiting.splice(0)))
          if (end.status === 'rejected') rejected.push(end.reason);
      };
      try {
        for (const task of ['a', 'b', 'c']) save(task, '1');
        await settle();
        for (let round = 0; round < 9; round++) {
          save('replaced', `r${round}`, 40_000);
          save('a', `a${round}`);
          if (round % 3 === 1) {
            // While the system writes the first two: what is overtaken, and what comes meanwhile.
            await new Promise(setImmediate);
            save('b', `b${round}`);
            try {
              store.flushSync();
            } catch (error) {
              rejected.push(error);
            }
          }
          await settle();
        }
        waiting.push(Promise.resolve(store.forget('etl', ['c'])));
        expected.delete('c');
        await settle();
      } finally {
        restore();
      }
      expect(calls.length).toBeGreaterThanOrEqual(at);
      for (const error of rejected) expect(error).toMatchObject({ code: 'store-failed', reason: 'ENOSPC' });
      await store.flush();
      store.close();
      expect(found(path)).toEqual({ values: expected, reasons: [] });
    },
  );
});
