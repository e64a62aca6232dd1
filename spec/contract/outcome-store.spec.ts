import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Keyv from 'keyv';
import { FileStore, FolderStore, type LoadedOutcomes, MemoryStore, OutcomeStore } from 'taskmap-ts';
import { afterAll } from 'vitest';
import { outcomeStoreContract } from './outcome-store.contract.js';

const folder = mkdtempSync(join(tmpdir(), 'taskmap-store-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

let memory = new MemoryStore();
outcomeStoreContract({
  name: 'MemoryStore',
  isSync: true,
  reset: () => {
    memory = new MemoryStore();
  },
  open: () => memory,
});

for (const durability of ['each', 'batch'] as const) {
  let count = 0;
  outcomeStoreContract({
    name: `FileStore, ${durability}`,
    isSync: true,
    reset: () => {
      count++;
    },
    open: () => new FileStore(join(folder, durability, String(count), 'outcomes'), { durability }),
  });
}

let folderCount = 0;
outcomeStoreContract({
  name: 'FolderStore',
  isSync: true,
  reset: () => {
    folderCount++;
  },
  open: () => new FolderStore(join(folder, 'folders', String(folderCount))),
});

/** A store over Keyv, which keeps JSON under text. It stands for any database behind a promise. */
class KeyvStore extends OutcomeStore {
  readonly #keyv: Keyv;

  constructor(map: Map<string, string>) {
    super();
    this.#keyv = new Keyv({ store: map });
  }

  override async load(graph: string): Promise<LoadedOutcomes> {
    const outcomes: [string, Uint8Array][] = [];
    for await (const [key, text] of this.#keyv.iterator!(undefined)) {
      const [of, task] = JSON.parse(key);
      if (of === graph) outcomes.push([task, Buffer.from(text, 'base64')]);
    }
    return { outcomes };
  }

  override async save(graph: string, task: string, bytes: Uint8Array): Promise<void> {
    await this.#keyv.set(JSON.stringify([graph, task]), Buffer.from(bytes).toString('base64'));
  }

  override async forget(graph: string, tasks: readonly string[]): Promise<void> {
    await this.#keyv.delete(tasks.map((task) => JSON.stringify([graph, task])));
  }

  override flush(): void {}
  override close(): void {}
}

let map = new Map<string, string>();
outcomeStoreContract({
  name: 'a store over Keyv',
  isSync: false,
  reset: () => {
    map = new Map();
  },
  open: () => new KeyvStore(map),
});
