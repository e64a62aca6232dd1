import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FileStore, FolderStore } from 'taskmap-ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isKey, variantOf } from '../../src/store/variants.js';

let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-model-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const task = fc.constantFrom('a', 'b', '', '__proto__', '\ud800', 'variant 2 of a', 'variant 7 of ');
const graph = fc.constantFrom('etl', 'other');
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('save' as const),
      graph,
      task,
      byte: fc.nat(255),
      size: fc.constantFrom(0, 1, 100, 30_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('save' as const),
      graph,
      task,
      byte: fc.nat(255),
      size: fc.constant(1_100_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('forget' as const), graph, tasks: fc.array(task) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('load' as const), graph }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('prune' as const, 'flush' as const, 'flushSync' as const, 'reopen' as const, 'turn' as const),
    }),
  },
);

const STORES: readonly [name: string, make: (path: string) => FileStore | FolderStore][] = [
  ['FileStore, each', (path) => new FileStore(path, { durability: 'each' })],
  ['FileStore, batch', (path) => new FileStore(path, { durability: 'batch' })],
  ['FolderStore', (path) => new FolderStore(path)],
];

it.each(STORES)('%s behaves like a Map, whatever is done with it in whatever order', async (_, make) => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60, size: 'max' }), async (actions) => {
      const path = join(folder, String(++count));
      const model = new Map<string, Map<string, string>>([
        ['etl', new Map()],
        ['other', new Map()],
      ]);
      let store = make(path);
      const waiting: unknown[] = [];
      const compare = (of: string) => {
        const { outcomes, repairs } = store.load(of);
        const found = [...outcomes].map(([name, bytes]) => [name, `${bytes.length} of ${bytes[0]}`] as const);
        expect({ found: new Map(found), repairs }).toEqual({ found: model.get(of), repairs: [] });
        const tasks = new Set([...model.get(of)!.keys()].map((key) => variantOf(key).task));
        expect(new Set(store.list(of).map((row) => row.task))).toEqual(tasks);
      };
      for (const one of actions) {
        switch (one.do) {
          case 'save':
            waiting.push(store.save(one.graph, one.task, Buffer.alloc(one.size, one.byte)));
            model.get(one.graph)!.set(one.task, `${one.size} of ${one.size === 0 ? undefined : one.byte}`);
            break;
          case 'forget':
            waiting.push(store.forget(one.graph, one.tasks));
            for (const name of one.tasks)
              for (const key of model.get(one.graph)!.keys())
                if (key === name || (variantOf(key).task === name && !isKey(name))) model.get(one.graph)!.delete(key);
            break;
          case 'load':
            compare(one.graph);
            break;
          case 'prune':
            // Nothing of it is too much.
            expect(store.prune()).toEqual({ outcomes: 0, bytes: 0 });
            break;
          case 'flush':
            waiting.push(store.flush());
            break;
          case 'flushSync':
            store.flushSync();
            break;
          case 'turn':
            // The system gets on with what it is writing.
            await new Promise(setImmediate);
            break;
          case 'reopen':
            store.close();
            store = make(path);
            break;
        }
      }
      compare('etl');
      compare('other');
      await Promise.all(waiting);
      store.close();
      rmSync(path, { recursive: true, force: true });
      rmSync(`${path}.d`, { recursive: true, force: true });
    }),
    { numRuns: 100 },
  );
});
