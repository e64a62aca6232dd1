import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  FileStore,
  type FileStoreOptions,
  FolderStore,
  type LoadedOutcomes,
  MemoryStore,
  type MemoryStoreOptions,
  OutcomeStore,
} from 'taskmap-ts';

/** What every store can be told. */
export type AnyStoreOptions = MemoryStoreOptions & Omit<FileStoreOptions, 'durability'>;

/** A store of which the next process would make a new one: `open` has what the one before was given. */
export interface StoreKind {
  readonly name: string;
  /** Answers at once, so that SyncExecutor takes it. */
  readonly isSync: boolean;
  /** @returns a function that opens it, each time with nothing of the time before but what was saved */
  make(folder: string): (options?: AnyStoreOptions) => OutcomeStore;
}

/** What somebody writes who follows the docs: five methods that return promises, and nothing else. */
export class PromisedStore extends OutcomeStore {
  readonly bytesByKey: Map<string, Uint8Array>;

  constructor(bytesByKey: Map<string, Uint8Array>) {
    super();
    this.bytesByKey = bytesByKey;
  }

  override async load(graph: string): Promise<LoadedOutcomes> {
    const all = [...this.bytesByKey].map(([key, bytes]) => [JSON.parse(key) as [string, string], bytes] as const);
    return { outcomes: all.filter(([[of]]) => of === graph).map(([[, task], bytes]) => [task, bytes] as const) };
  }

  override async save(graph: string, task: string, bytes: Uint8Array): Promise<void> {
    this.bytesByKey.set(JSON.stringify([graph, task]), bytes);
  }

  override async forget(graph: string, tasks: readonly string[]): Promise<void> {
    for (const task of tasks) this.bytesByKey.delete(JSON.stringify([graph, task]));
  }

  override async flush(): Promise<void> {}

  override async close(): Promise<void> {}
}

/** A MemoryStore of which the next process has the content: it is told other options. */
class InheritingStore extends MemoryStore {
  constructor(before: MemoryStore | undefined, options: MemoryStoreOptions | undefined) {
    super({ ...BY_VERSION, ...options });
    for (const graph of GRAPHS)
      for (const [key, bytes] of before?.load(graph).outcomes ?? []) this.save(graph, key, bytes);
  }
}

/** Functions of specs count their calls in variables, which are others each time. */
const BY_VERSION = { detect: 'version' } as const;
const GRAPHS = ['shop', 'other'];

export const STORE_KINDS: readonly StoreKind[] = [
  {
    name: 'MemoryStore',
    isSync: true,
    make: () => {
      let last: MemoryStore | undefined;
      return (options) => {
        last = new InheritingStore(last, options);
        return last;
      };
    },
  },
  {
    name: 'FileStore',
    isSync: true,
    make: (folder) => {
      const path = join(folder, `${randomUUID()}.taskmap`);
      return (options) => new FileStore(path, { ...BY_VERSION, ...options });
    },
  },
  {
    name: 'FolderStore',
    isSync: true,
    make: (folder) => {
      const path = join(folder, randomUUID());
      return (options) => new FolderStore(path, { ...BY_VERSION, ...options });
    },
  },
  {
    name: 'a store that answers by promises',
    isSync: false,
    make: () => {
      const bytesByKey = new Map<string, Uint8Array>();
      return (options = {}) => Object.assign(new PromisedStore(bytesByKey), BY_VERSION, options);
    },
  },
];
