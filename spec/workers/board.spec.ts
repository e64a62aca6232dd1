import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Board } from '../../src/workers/board.js';
import { TaskEnd } from '../../src/workers/messages.js';

/** So many of the last entries can be read. */
const READABLE = 255;

/** A board as a thread has it, and as the main thread reads it. */
function twoSides(): { readonly there: Board; readonly here: Board } {
  const here = new Board();
  here.clear();
  return { here, there: new Board(here.buffer) };
}

/** Writes so many entries, the number of each its task. */
function write(board: Board, count: number, first = 0): void {
  for (let id = first; id < first + count; id++) board.write(1, id, id, TaskEnd.returned, 0, 0, id);
}

describe('entries', () => {
  it('are read as they were written, in order, by whoever has the memory', () => {
    const { here, there } = twoSides();
    there.write(7, 3, 41, TaskEnd.returned, 1_700_000_000_123.25, 0.125, 'text');
    there.write(8, 2 ** 31, 2 ** 31 - 1, TaskEnd.inputLost, 0, 0, undefined);
    expect(here.written).toBe(2);
    expect(here.read(0)).toMatchObject({
      run: 7,
      id: 3,
      token: 41,
      end: TaskEnd.returned,
      startedAtMs: 1_700_000_000_123.25,
      tookMs: 0.125,
    });
    expect(here.read(1)).toMatchObject({ run: 8, id: 2 ** 31, token: 2 ** 31 - 1, end: TaskEnd.inputLost });
  });

  it.each([
    ...[0, -0, 1.5, -1e300, Number.NaN, Number.NEGATIVE_INFINITY, undefined, null, true, false],
    ...['', 'text', '\0', 'a lone \ud83d', '任务 👩‍👩‍👧', 'n'.repeat(32)],
  ])('hold the value %o', (value) => {
    const { here, there } = twoSides();
    // Whatever stood there before.
    write(there, 256);
    expect(there.write(1, 2, 3, TaskEnd.returned, 0, 0, value)).toBe(true);
    const entry = here.read(256)!;
    expect(entry.isWhole).toBe(true);
    expect(Object.is(entry.value, value)).toBe(true);
  });

  it.each([[{}], ['n'.repeat(33)], [10n], [Symbol.iterator], [() => 1]])('say that %o stands elsewhere', (value) => {
    const { here, there } = twoSides();
    expect(there.write(1, 2, 3, TaskEnd.returned, 0, 0, value)).toBe(false);
    expect(here.read(0)).toMatchObject({ isWhole: false, value: undefined });
  });

  it.each(['threw', 'unsendable', 'inputLost', 'packed'] as const)('hold no value of what has ended as %s', (end) => {
    const { here, there } = twoSides();
    expect(there.write(1, 2, 3, TaskEnd[end], 0, 0, 5)).toBe(false);
    expect(here.read(0)).toMatchObject({ end: TaskEnd[end], isWhole: false, value: undefined });
  });

  it('can be read until they are about to be overwritten', () => {
    const { here, there } = twoSides();
    write(there, READABLE);
    expect(here.read(0)).toMatchObject({ id: 0, value: 0 });
    write(there, 1, READABLE);
    // The next one is written where this stands, and may be half written as it is read.
    expect(here.read(0)).toBeUndefined();
    expect(here.read(1)).toMatchObject({ id: 1, value: 1 });
    write(there, 1000, READABLE + 1);
    const { written } = here;
    expect(here.read(written - READABLE - 1)).toBeUndefined();
    for (let count = written - READABLE; count < written; count++)
      expect(here.read(count)).toMatchObject({ id: count, value: count });
  });

  it('are counted beyond what an int32 can hold', () => {
    const { here, there } = twoSides();
    new Int32Array(here.buffer)[0] = 2 ** 31 - 3;
    write(there, 6);
    expect(here.written).toBe(-(2 ** 31) + 3);
    const numbers = Array.from({ length: 6 }, (_, index) => (2 ** 31 - 3 + index) | 0);
    expect(numbers.map((number) => here.read(number)!.id)).toEqual([0, 1, 2, 3, 4, 5]);
    write(there, READABLE, 6);
    expect(here.read(numbers[5]!)).toBeUndefined();
    there.flush();
    expect(here.flushed).toBe(here.written);
  });
});

describe('counters', () => {
  it('say how much has been told, after how many messages nothing was left, and what was printed', () => {
    const { here, there } = twoSides();
    expect([here.written, here.flushed, here.rested, here.printed(0), here.printed(1)]).toEqual([0, 0, -1, 0, 0]);
    write(there, 3);
    expect(here.flushed).toBe(0);
    there.flush();
    write(there, 2);
    expect([here.written, here.flushed]).toEqual([5, 3]);
    there.rest(4);
    there.print(0, 10);
    there.print(1, 5);
    there.print(0, 7);
    expect([here.rested, here.printed(0), here.printed(1)]).toEqual([4, 17, 5]);
  });

  it('of what was printed wrap around', () => {
    const { here, there } = twoSides();
    there.print(1, 2 ** 31 - 1);
    there.print(1, 2);
    expect(here.printed(1)).toBe((2 ** 31 + 1) | 0);
  });
});

describe('current', () => {
  it('is what has begun and not ended', () => {
    const { here, there } = twoSides();
    expect(here.current).toBeUndefined();
    there.begins(3, 0, 12.5);
    expect(here.current).toEqual({ run: 3, id: 0, startedAtMs: 12.5 });
    there.ends();
    expect(here.current).toBeUndefined();
    there.begins(4, 9, 13);
    there.begins(4, 10, 14);
    expect(here.current).toEqual({ run: 4, id: 10, startedAtMs: 14 });
  });

  it('is never a mixture of two, however fast they follow each other', async () => {
    const { here } = twoSides();
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const writer = new Worker(fileURLToPath(new URL('./fixtures/board-writer.mjs', import.meta.url)), {
      workerData: { board: here.buffer, stop },
    });
    await new Promise((resolve) => writer.once('message', resolve));
    const seen = new Set<number>();
    let mixtures = 0;
    while (seen.size < 200) {
      for (let look = 0; look < 10_000; look++) {
        const { current } = here;
        if (current === undefined) continue;
        seen.add(current.run);
        if (current.id !== current.run || current.startedAtMs !== current.run) mixtures++;
      }
      // So that a thread that has died is no endless loop, but a spec that takes too long.
      await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(stop, 0, 1);
    await writer.terminate();
    expect(mixtures).toBe(0);
  });
});
