import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore, FolderStore } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StoreProcess } from './child-process.js';

/** `TASKMAP_KILL_ROUNDS=200 npx vitest run spec/store/kill.spec.ts` to be surer. */
const ROUNDS = Number(process.env['TASKMAP_KILL_ROUNDS'] ?? 12);
const SIZES = [1, 20, 300, 9_000, 2, 150_000, 40, 1_000];
const TASKS = 7;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-kill-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every other one is a further outcome of the one before. */
function keyOf(index: number): string {
  return index % 2 === 0 ? `task ${index}` : `variant 2 of task ${index - 1}`;
}

/** What each key is to have once all of a number has been done, as the process computes it. */
function stateAfter(number: number, before: ReadonlyMap<string, string>): Map<string, string> {
  const state = new Map(before);
  for (const part of [0, 1, 2])
    state.set(keyOf((number + part) % TASKS), `${number}.${part};`.repeat(SIZES[(number + part) % SIZES.length]!));
  if (number % 5 !== 0) return state;
  const forgotten = (number + 4) % TASKS;
  state.delete(keyOf(forgotten));
  // With a task all its outcomes go.
  if (forgotten % 2 === 0) state.delete(keyOf(forgotten + 1));
  return state;
}

describe('a process that is killed while it writes', () => {
  it.each(['each', 'batch', 'folder'] as const)(
    'loses nothing that was safe, and leaves a file for the next: %s',
    { timeout: 60_000 + ROUNDS * 5_000 },
    async (durability) => {
      const path = join(folder, durability);
      let state = new Map<string, string>();
      let number = 1;
      for (let round = 0; round < Math.ceil(ROUNDS / 2); round++) {
        const child = new StoreProcess();
        // The lock of the one before is left over, since it was killed.
        expect(await child.told({ do: 'open', path, durability })).toEqual({ opened: true });
        child.tell({ do: 'write', from: number, sizes: SIZES });
        let safe = number - 1;
        for (const last = number + ((round * 7) % 40); safe < last; ) ({ safe } = await child.answer());
        for (const answer of await child.killed()) ({ safe } = answer);
        for (; number <= safe; number++) state = stateAfter(number, state);

        const store = durability === 'folder' ? new FolderStore(path) : new FileStore(path, { durability });
        const { outcomes, repairs } = store.load('etl');
        const found = new Map([...outcomes].map(([task, bytes]) => [task, Buffer.from(bytes).toString()]));
        // Nothing of it is too much.
        if (round % 3 === 0) expect(store.prune()).toEqual({ outcomes: 0, bytes: 0 });
        expect(store.list().reduce((sum, { variants }) => sum + variants, 0)).toBe(found.size);
        store.close();
        // Those that it was saving as it was killed are there or not, each whole.
        const next = stateAfter(number, state);
        const isRight = (task: string) => found.get(task) === state.get(task) || found.get(task) === next.get(task);
        const tasks = Array.from({ length: TASKS }, (_, index) => keyOf(index));
        expect(tasks.filter((task) => !isRight(task))).toEqual([]);
        expect(repairs!.filter(({ reason }) => reason !== 'torn')).toEqual([]);
        state = found;
        number++;
      }
      expect(existsSync(`${path}.lock`)).toBe(false);
    },
  );
});

describe('a process that ends', () => {
  it.each(['exit', 'end'])('by %s has written what it saved, and lets others use the file', async (way) => {
    const path = join(folder, way);
    const child = new StoreProcess();
    await child.told({ do: 'open', path });
    await child.told({ do: 'save', task: 'rows', text: 'x' });
    child.tell({ do: way });
    await child.ended();
    expect(existsSync(`${path}.lock`)).toBe(false);
    const store = new FileStore(path);
    expect([...store.load('etl').outcomes].map(([task]) => task)).toEqual(['rows']);
    store.close();
  });
});

describe('a file that may not grow any more', () => {
  it('keeps what it has, and the store keeps the rest for when there is room', async () => {
    const path = join(folder, 'limited');
    // In blocks of 512 bytes, or of 1024, as the shell has it.
    const child = new StoreProcess({ limit: '-f 200' });
    await child.told({ do: 'open', path, durability: 'each' });
    expect(await child.told({ do: 'save', task: 'small', text: 's' })).toEqual({ saved: true });
    const refusal = await child.told({ do: 'save', task: 'too much', text: 'm', size: 300_000 });
    expect(refusal).toMatchObject({ code: 'store-failed', reason: 'EFBIG', path });
    expect(refusal.message).toContain('The file may not grow any more: raise the limit (ulimit -f).');
    expect(await child.told({ do: 'save', task: 'large', text: 'l', size: 1_500_000 })).toMatchObject({
      code: 'store-failed',
      reason: 'EFBIG',
    });
    await child.killed();
    const store = new FileStore(path);
    const { outcomes, repairs } = store.load('etl');
    expect([...outcomes].map(([task, bytes]) => [task, bytes.length])).toEqual([['small', 10]]);
    expect(repairs).toEqual([]);
    store.close();
  });
});
