import type { LoadedOutcomes, OutcomeStore } from 'taskmap-ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A kind of store. Whatever `open` returns after a store has been closed has what that one was given. */
export interface StoreSubject {
  readonly name: string;
  /** Answers at once: what `load` returns is no promise, and neither is what `flushSync` is needed for. */
  readonly isSync: boolean;
  /** Begins anew, with nothing kept. */
  reset(): void | Promise<void>;
  open(): OutcomeStore;
}

/** What every store does. Their own specs hold only what differs. */
export function outcomeStoreContract(subject: StoreSubject): void {
  describe(`${subject.name}, by the contract of stores`, () => {
    let store: OutcomeStore;

    beforeEach(async () => {
      await subject.reset();
      store = subject.open();
    });

    afterEach(() => store.close());

    async function reopened(): Promise<void> {
      await store.close();
      store = subject.open();
    }

    async function kept(graph: string): Promise<Record<string, string>> {
      return textByTask(await store.load(graph));
    }

    it('keeps nothing at first', async () => {
      expect(await kept('etl')).toEqual({});
      await store.forget('etl', ['rows']);
      await store.flush();
      expect(await kept('etl')).toEqual({});
    });

    it('returns what was saved, to this store and to the next one', async () => {
      await store.save('etl', 'rows', bytesOf('1'));
      await store.save('etl', 'cells', bytesOf('2'));
      expect(await kept('etl')).toEqual({ rows: '1', cells: '2' });
      await reopened();
      expect(await kept('etl')).toEqual({ rows: '1', cells: '2' });
    });

    it('returns the tasks that are asked for, and none that are not kept', async () => {
      for (const task of ['a', 'b', '']) await store.save('etl', task, bytesOf(`of ${task}`));
      const asked = async (...tasks: string[]) => textByTask(await store.load('etl', tasks));
      expect(await asked('', 'a')).toMatchObject({ '': 'of ', a: 'of a' });
      expect(await asked('b', 'c')).toMatchObject({ b: 'of b' });
      expect(Object.keys(await asked('b', 'c'))).not.toContain('c');
      await reopened();
      expect(await asked('a')).toMatchObject({ a: 'of a' });
    });

    it('keeps what was saved last', async () => {
      for (const text of ['1', '', '3']) await store.save('etl', 'rows', bytesOf(text));
      expect(await kept('etl')).toEqual({ rows: '3' });
      await reopened();
      await store.save('etl', 'rows', bytesOf('4'));
      await reopened();
      expect(await kept('etl')).toEqual({ rows: '4' });
    });

    it('forgets what it is told to, and no more', async () => {
      for (const task of ['a', 'b', 'c']) await store.save('etl', task, bytesOf(task));
      await store.save('other', 'a', bytesOf('other'));
      await store.forget('etl', ['a', 'c', 'never saved']);
      await store.save('etl', 'c', bytesOf('again'));
      await reopened();
      expect(await kept('etl')).toEqual({ b: 'b', c: 'again' });
      expect(await kept('other')).toEqual({ a: 'other' });
    });

    it('keeps graphs and tasks apart, whatever their names are', async () => {
      const names = [
        '',
        '__proto__',
        'constructor',
        'a',
        'A',
        'a\n',
        'a\u0000b',
        '"',
        '/',
        '../..',
        'ä',
        'a\u0308',
        '🦆',
        '\ud800',
        '\udfff',
        '\ufffd',
        'x'.repeat(3_000),
      ];
      for (const graph of names)
        for (const task of names) await store.save(graph, task, bytesOf(JSON.stringify([graph, task])));
      await reopened();
      for (const graph of names) {
        const found = new Map([...(await store.load(graph)).outcomes].map(([task, bytes]) => [task, textOf(bytes)]));
        expect(found).toEqual(new Map(names.map((task) => [task, JSON.stringify([graph, task])])));
      }
    });

    it('returns every byte as it was', async () => {
      const bytes = Uint8Array.from({ length: 1_000 }, (_, index) => index);
      await store.save('etl', 'rows', bytes);
      await store.save('etl', 'none', new Uint8Array(0));
      // A part of a larger buffer.
      await store.save('etl', 'part', bytes.subarray(100, 103));
      await reopened();
      const found = new Map((await store.load('etl')).outcomes);
      expect([...found.get('rows')!]).toEqual([...bytes]);
      expect([...found.get('none')!]).toEqual([]);
      expect([...found.get('part')!]).toEqual([100, 101, 102]);
    });

    it('keeps large values, a new one in place of an old one', async () => {
      for (const byte of [1, 2]) await store.save('etl', 'rows', new Uint8Array(3_000_000).fill(byte));
      await store.save('etl', 'small soon', new Uint8Array(2_000_000));
      await store.save('etl', 'small soon', bytesOf('small'));
      await reopened();
      const found = new Map((await store.load('etl')).outcomes);
      expect(Buffer.compare(found.get('rows')!, new Uint8Array(3_000_000).fill(2))).toBe(0);
      expect(textOf(found.get('small soon')!)).toBe('small');
      await store.forget('etl', ['rows']);
      await reopened();
      expect(await kept('etl')).toEqual({ 'small soon': 'small' });
    });

    it('takes many saves at once', async () => {
      const tasks = Array.from({ length: 500 }, (_, index) => `task ${index}`);
      await Promise.all(tasks.map((task) => store.save('etl', task, bytesOf(task))));
      await Promise.all([
        store.flush(),
        store.forget('etl', tasks.slice(0, 100)),
        store.save('etl', 'last', bytesOf('last')),
        store.flush(),
      ]);
      await reopened();
      expect(Object.keys(await kept('etl')).sort()).toEqual([...tasks.slice(100), 'last'].sort());
    });

    it('has nothing to repair when nothing was damaged', async () => {
      await store.save('etl', 'rows', bytesOf('1'));
      await reopened();
      expect((await store.load('etl')).repairs ?? []).toEqual([]);
    });

    it('may be flushed and closed again', async () => {
      await store.flush();
      await store.save('etl', 'rows', bytesOf('1'));
      await store.flush();
      await store.flush();
      await store.close();
      await store.close();
    });

    if (subject.isSync) {
      it('answers at once', () => {
        store.save('etl', 'rows', bytesOf('1'));
        store.flushSync!();
        expect(textByTask(store.load('etl') as LoadedOutcomes)).toEqual({ rows: '1' });
      });
    }
  });
}

function textByTask({ outcomes }: LoadedOutcomes): Record<string, string> {
  return Object.fromEntries([...outcomes].map(([task, bytes]) => [task, textOf(bytes)]));
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
