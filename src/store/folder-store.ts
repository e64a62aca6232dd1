import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidOptionError, StoreFormatError } from '../errors.js';
import type { StoreRepair } from '../events.js';
import {
  codeOf,
  discard,
  discardFolder,
  folderFailure,
  makeFile,
  makeFolder,
  namesIn,
  patiently,
  syncFolder,
  system,
  writeWhole,
} from './file-system.js';
import { LocalStore } from './local-store.js';
import { checkedDetect } from './options.js';
import { headerOf } from './outcome-codec.js';
import { fileNameOf, isOutcomeFileName, outcomeFileHead, readOutcomeFile } from './outcome-file.js';
import type { Item, RoomOptions } from './room.js';
import type { ChangeDetection, LoadedOutcomes } from './run-memory.js';
import { isKey, variantKey } from './variants.js';

/** What a {@link FolderStore} can be told. */
export interface FolderStoreOptions extends RoomOptions {
  /** When a task counts as changed. Default `'closure'`. */
  readonly detect?: ChangeDetection;
}

/** The name of a file that is being written: another one each time, on all machines. */
const TEMPORARY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
/** From when on a temporary file is taken for one of a process that died, in milliseconds. */
const LEFT_OVER_AFTER_MS = 60 * 60 * 1000;
/** How often a folder is made anew in which something is to be written. */
const TRIES_MAX = 100;

/**
 * Keeps each outcome in a file of its own, in a folder that any number of processes use at the same time, also from
 * several machines: nothing is locked.
 *
 * ```
 *   directory/etl-<hash of the graph's name>/rows-<hash of the task's name>
 *                                            <a name never used before>.tmp   ── safe on the disk: renamed ──► rows-…
 * ```
 *
 * Of two that save the same task the last one wins, and whoever loads finds the one or the other, never a mixture. A
 * `save` is done as it returns: others see it, and the death of the process takes nothing away. After the next `flush`,
 * as at the end of each run, the death of the machine does not either. It takes as long as the disk takes, and the
 * thread waits meanwhile: where one process uses the folder, {@link FileStore} is faster.
 *
 * A file that is not what was saved is passed over, and `load` tells of it; it is replaced when its task is saved
 * again. Files that have other kinds of names are left alone. The store holds nothing open, and serves after `close()`
 * as before.
 *
 * @example
 * import { rmSync } from 'node:fs';
 * import { FolderStore } from 'taskmap-ts';
 *
 * const directory = `.cache/example-${process.pid}`;
 * const one = new FolderStore(directory);
 * const other = new FolderStore(directory); // in another process, or on another machine
 * one.save('etl', 'rows', new Uint8Array([1, 2]));
 * other.save('etl', 'cells', new Uint8Array([3]));
 * [...one.load('etl').outcomes].map(([task, bytes]) => [task, bytes.length]); // => [['cells', 1], ['rows', 2]]
 * rmSync(directory, { recursive: true });
 */
export class FolderStore extends LocalStore {
  /** The folder, as an absolute path. */
  readonly directory: string;
  override readonly detect: ChangeDetection;
  /** The folders in which names have changed since the last flush. */
  readonly #unsynced = new Set<string>();

  constructor(directory: string | URL, options: FolderStoreOptions = {}) {
    super(options);
    if (
      !(directory instanceof URL && directory.protocol === 'file:') &&
      (typeof directory !== 'string' || directory === '')
    )
      throw new InvalidOptionError('directory', 'the path of a folder', directory);
    // From here on: the program may go to another folder.
    this.directory = resolve(directory instanceof URL ? fileURLToPath(directory) : directory);
    this.detect = checkedDetect(options.detect);
  }

  /**
   * Reads the files of this graph, or of these tasks of it, and of no other. It also removes temporary files that are older than an hour.
   *
   * @throws {@link StoreError} when the folder or a file in it cannot be read, or a file was written by a newer version
   */
  override load(graph: string, tasks?: readonly string[]): LoadedOutcomes {
    const folder = this.#folderOf(graph);
    const asked = tasks && new Set(tasks.map(fileNameOf));
    const outcomes: [string, Uint8Array][] = [];
    const repairs: StoreRepair[] = [];
    // In the same order on all disks.
    for (const name of this.#asked('read', () => namesIn(folder)).sort()) {
      const path = join(folder, name);
      if (TEMPORARY.test(name)) this.#asked('read', () => discardIfLeftOver(path));
      if (!isOutcomeFileName(name) || asked?.has(name) === false) continue;
      const file = this.#asked('read', () => readIfThere(path));
      if (file === undefined) continue;
      const found = readOutcomeFile(file);
      if (found.state === 'newer') throw new StoreFormatError(path, found.version);
      if (found.state !== 'whole')
        repairs.push(
          passedOver(path, file.length, found.state, isOf(name, found.task) ? { graph, task: found.task } : undefined),
        );
      else if (found.graph === graph && isOf(name, found.task)) outcomes.push([found.task, found.bytes]);
      else repairs.push(passedOver(path, file.length, 'foreign', undefined));
    }
    return { outcomes, repairs };
  }

  /** @throws {@link StoreError} when it cannot be written. What was kept before stays. */
  override save(graph: string, task: string, bytes: Uint8Array): void {
    const folder = this.#folderOf(graph);
    this.#asked('write to', () => writeOutcomePatiently(folder, graph, task, bytes));
    this.#unsynced.add(folder);
  }

  /**
   * Drops all outcomes of these tasks.
   *
   * @throws {@link StoreError} when a file cannot be removed
   */
  override forget(graph: string, tasks: readonly string[]): void {
    const folder = this.#folderOf(graph);
    this.#remove(folder, tasks.map(fileNameOf));
    // Who keeps a value for a while under a name of its own, as a queue does, would leave a folder for each.
    if (discardFolder(folder)) {
      this.#unsynced.add(this.directory);
      return;
    }
    const further = furtherFiles(
      tasks,
      this.#asked('read', () => namesIn(folder)),
    );
    if (further.length === 0) return;
    this.#remove(folder, further);
    if (discardFolder(folder)) this.#unsynced.add(this.directory);
  }

  /** @throws {@link StoreError} when it cannot be made safe. It is tried again with the next flush. */
  override flush(): void {
    for (const folder of this.#unsynced) {
      this.#asked('write to', () => syncIfThere(folder));
      this.#unsynced.delete(folder);
    }
  }

  /** The same as `flush`. */
  override flushSync(): void {
    this.flush();
  }

  /**
   * The same as `flush`.
   *
   * @throws {@link StoreError} as `flush` does
   */
  override close(): void {
    this.flush();
  }

  /** @internal */
  override makeRoom(graph: string, isNeeded: (key: string) => boolean): void {
    // Whose they are is in the files: they are read only if there are too many bytes.
    const size = () => this.#files().reduce((sum, file) => sum + file.size, 0);
    if (this.maxBytes !== undefined && this.#asked('read', size) > this.maxBytes) super.makeRoom(graph, isNeeded);
  }

  /** @internal */
  protected override itemsOf(): Item[] {
    return this.#asked('read', () => this.#files()).flatMap(({ path, name, size }) => {
      const bytes = this.#asked('read', () => readIfThere(path));
      const found = bytes && readOutcomeFile(bytes);
      if (found?.state !== 'whole' || !isOf(name, found.task)) return [];
      const header = headerOf(found.bytes);
      return { graph: found.graph, key: found.task, size, header: () => header };
    });
  }

  /** @internal */
  protected override dropItems(items: readonly Item[]): void {
    for (const { graph, key } of items) {
      const folder = this.#folderOf(graph);
      this.#remove(folder, [fileNameOf(key)]);
      if (discardFolder(folder)) this.#unsynced.add(this.directory);
    }
    this.flush();
  }

  /** The files of outcomes, in the order in which they were written. */
  #files(): { readonly path: string; readonly name: string; readonly size: number }[] {
    return namesIn(this.directory)
      .filter(isOutcomeFileName)
      .flatMap((one) =>
        namesIn(join(this.directory, one)).map((name) => ({ name, path: join(this.directory, one, name) })),
      )
      .filter(({ name }) => isOutcomeFileName(name))
      .flatMap(({ name, path }) => {
        const stats = system.stat(path, { throwIfNoEntry: false });
        return stats === undefined ? [] : { name, path, size: stats.size, atMs: stats.mtimeMs };
      })
      .sort((one, other) => one.atMs - other.atMs);
  }

  #remove(folder: string, names: readonly string[]): void {
    for (const name of names)
      if (this.#asked('write to', () => removed(join(folder, name)))) this.#unsynced.add(folder);
  }

  #folderOf(graph: string): string {
    return join(this.directory, fileNameOf(graph));
  }

  #asked<T>(action: string, ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      throw folderFailure(this.directory, action, error);
    }
  }
}

/** Makes the folder if there is none, again and again: another process may remove it as long as it is empty. */
function writeOutcomePatiently(folder: string, graph: string, task: string, bytes: Uint8Array): void {
  for (let tries = 1; ; tries++) {
    try {
      writeOutcome(folder, graph, task, bytes);
      return;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || tries === TRIES_MAX) throw error;
      makeFolder(folder);
    }
  }
}

/** Puts an outcome in its place, whole and safe. That it is in its place is safe once the folder is synced. */
function writeOutcome(folder: string, graph: string, task: string, bytes: Uint8Array): void {
  const head = outcomeFileHead(graph, task, bytes);
  const path = join(folder, fileNameOf(task));
  const temporary = join(folder, `${randomUUID()}.tmp`);
  const before = system.lstat(path, { throwIfNoEntry: false });
  try {
    const fd = makeFile(temporary, before?.isFile() ? before : undefined);
    try {
      writeWhole(fd, head, 0);
      writeWhole(fd, bytes, head.length);
      system.fsync(fd);
    } finally {
      system.close(fd);
    }
    patiently(() => system.rename(temporary, path));
  } catch (error) {
    discard(temporary);
    throw error;
  }
}

/** Those of these files that hold further outcomes of these tasks. */
function furtherFiles(tasks: readonly string[], names: readonly string[]): string[] {
  const there = new Set(names);
  const numbers = new Set(names.flatMap((name) => /^variant-(\d+)-of-/.exec(name)?.[1] ?? []));
  return [...numbers]
    .flatMap((number) =>
      tasks.filter((task) => !isKey(task)).map((task) => fileNameOf(variantKey(task, Number(number)))),
    )
    .filter((name) => there.has(name));
}

/** Another process may have removed it since its name was read. */
function readIfThere(path: string): Buffer | undefined {
  try {
    return patiently(() => system.readFile(path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether there was a file to be removed. */
function removed(path: string): boolean {
  try {
    patiently(() => system.unlink(path));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Of a folder that somebody has removed, nothing is left to be made safe. */
function syncIfThere(folder: string): void {
  try {
    syncFolder(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function discardIfLeftOver(path: string): void {
  const file = system.stat(path, { throwIfNoEntry: false });
  if (file !== undefined && Date.now() - file.mtimeMs > LEFT_OVER_AFTER_MS) discard(path);
}

function isOf(fileName: string, task: string | undefined): task is string {
  return task !== undefined && fileNameOf(task) === fileName;
}

function passedOver(
  path: string,
  size: number,
  state: 'torn' | 'damaged' | 'foreign',
  of: { graph: string; task: string } | undefined,
): StoreRepair {
  const what = { torn: 'ends too early', damaged: 'is not what was saved', foreign: 'is that of another task' }[state];
  return {
    text: `The file ${JSON.stringify(path)} ${what}: it is passed over until its task is saved again.`,
    reason: state === 'torn' ? 'torn' : 'damaged',
    path,
    offset: 0,
    bytesDropped: size,
    recordsLost: state === 'foreign' ? undefined : 1,
    tasks: of === undefined ? [] : [of],
    copy: undefined,
  };
}
