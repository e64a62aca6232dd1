import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidOptionError, StoreClosedError, StoreFormatError } from '../errors.js';
import type { StoreRepair } from '../events.js';
import { clock } from './clock.js';
import { FileLock } from './file-lock.js';
import { codeOf, type FileWindow, makeFolder, storeFailure, system } from './file-system.js';
import { Journal } from './journal.js';
import { Kind } from './journal-format.js';
import { LocalStore } from './local-store.js';
import { checkedDetect } from './options.js';
import { headerOf } from './outcome-codec.js';
import type { Place } from './outcome-table.js';
import type { Item, RoomOptions } from './room.js';
import type { ChangeDetection, LoadedOutcomes } from './run-memory.js';
import { ValueFolder } from './value-folder.js';
import { withFurther } from './variants.js';

/** How a {@link FileStore} keeps what it is given. */
export interface FileStoreOptions extends RoomOptions {
  /**
   * When an outcome is safe from the death of its process and of the machine.
   *
   * `'batch'`: a moment later. `save` returns at once; what was saved is written within some 50 ms, or as soon as it is
   * a megabyte, and by `flush`, `close` and the end of the process. A process that is killed loses what it saved in the
   * last moment, and those tasks run again.
   *
   * `'each'`: when the promise that `save` returns is fulfilled. All that is saved meanwhile shares one write.
   *
   * Default `'batch'`.
   */
  readonly durability?: 'each' | 'batch';
  /** When a task counts as changed. Default `'closure'`. */
  readonly detect?: ChangeDetection;
}

/** How long a batch may wait, in milliseconds. */
const WAIT_MS = 50;
/** How much may wait, in bytes. */
const QUEUED_MAX = 1024 * 1024;
/** Larger values get files of their own. */
const INLINE_MAX = 1024 * 1024;

/**
 * Keeps outcomes in a file, for the next process: no server, no dependency, nothing to set up.
 *
 * Opened with the first call that needs it, and from then on used by this store alone, until `close()` or the end of
 * the process. What a process that was killed left half written is mended then, and `load` tells of it; so it does of
 * bytes that are not those that were written, of which a copy is kept beside the file. Never does it return a value
 * that was not saved.
 *
 * Should another process take the file over, since this one was silent for too long, or should somebody remove it, then
 * whatever is called next throws a {@link StoreLostError}.
 *
 * When the disk is full, `save` and `flush` say so. What could not be written is kept in memory and written with what
 * follows, so that nothing is lost if room is made meanwhile. Values above 1 MB are not kept so: each has a file of its
 * own, in a folder beside, and is refused if that cannot be written.
 *
 * @example
 * import { rmSync } from 'node:fs';
 * import { FileStore } from 'taskmap-ts';
 *
 * const path = `.cache/example-${process.pid}.taskmap`;
 * const store = new FileStore(path);
 * store.save('etl', 'rows', new Uint8Array([1, 2]));
 * store.close();
 *
 * const again = new FileStore(path, { durability: 'each' });
 * [...again.load('etl').outcomes].map(([task, bytes]) => [task, bytes.length]); // => [['rows', 2]]
 * await again.save('etl', 'cells', new Uint8Array([3]));
 * again.close();
 * rmSync(path);
 */
export class FileStore extends LocalStore {
  /** The file, as an absolute path. */
  readonly path: string;
  readonly durability: 'each' | 'batch';
  override readonly detect: ChangeDetection;
  #open: OpenFile | undefined;
  #isClosed = false;
  /** Calls off the write that is to begin a moment later, if one is. */
  #unschedule: (() => void) | undefined;
  /** Calls off the write that is to begin soon, if one is. */
  #unwrite: (() => void) | undefined;
  /** Since when the oldest that is queued has waited. */
  #queuedAtMs = 0;

  constructor(path: string | URL, options: FileStoreOptions = {}) {
    super(options);
    const { durability = 'batch' } = options;
    if (!(path instanceof URL && path.protocol === 'file:') && (typeof path !== 'string' || path === ''))
      throw new InvalidOptionError('path', 'the path of a file', path);
    if (durability !== 'each' && durability !== 'batch')
      throw new InvalidOptionError('durability', "'each' or 'batch'", durability);
    // From here on: the program may go to another folder.
    this.path = resolve(path instanceof URL ? fileURLToPath(path) : path);
    this.durability = durability;
    this.detect = checkedDetect(options.detect);
  }

  /**
   * @throws {@link StoreError} when the file cannot be used: in use elsewhere, no store, or not to be read or written
   */
  override load(graph: string, tasks?: readonly string[]): LoadedOutcomes {
    const { journal, values, lock } = this.#opened();
    lock.check();
    journal.commitSync();
    const outcomes: [string, Uint8Array][] = [];
    const window = journal.window();
    const asked = tasks && new Set(tasks);
    for (const place of journal.places.of(graph)) {
      if (asked?.has(place.task) === false) continue;
      const bytes = this.#bytesAt(place, window, journal, values);
      if (bytes !== undefined) outcomes.push([place.task, bytes]);
    }
    const repairs: StoreRepair[] = journal.repairs.splice(0);
    if (!journal.isIdle) this.#schedule(journal);
    return { outcomes, repairs };
  }

  /** @throws {@link StoreError} when the file cannot be used; with `'each'`, the promise is rejected with it */
  override save(graph: string, task: string, bytes: Uint8Array): void | Promise<void> {
    return this.#added(({ journal, values }) => {
      if (bytes.length > INLINE_MAX) {
        const file = asked(this.path, 'write to', () => values.write(bytes, journal.stats));
        journal.append({ kind: Kind.large, graph, task, file });
      } else journal.append({ kind: Kind.save, graph, task, bytes });
    });
  }

  /**
   * Drops all outcomes of these tasks.
   *
   * @throws {@link StoreError} as `save` does
   */
  override forget(graph: string, tasks: readonly string[]): void | Promise<void> {
    return this.#added(({ journal }) => {
      for (const task of withFurther(tasks, journal.places.keys(graph)))
        if (journal.places.get(graph, task) !== undefined) journal.append({ kind: Kind.forget, graph, task });
    });
  }

  /** Rejected with a {@link StoreError} when it cannot be written. It is tried again with the next flush. */
  override async flush(): Promise<void> {
    await this.#open?.journal.commit();
  }

  /** @throws {@link StoreError} when it cannot be written. It is tried again with the next flush. */
  override flushSync(): void {
    this.#open?.journal.commitSync();
  }

  /**
   * Flushes, closes the file and lets others use it.
   *
   * @throws {@link StoreError} when not all could be written. The file is closed all the same, and what could not be
   * written is lost.
   */
  override close(): void {
    this.#isClosed = true;
    const open = this.#open;
    this.#open = undefined;
    this.#unschedule?.();
    this.#unwrite?.();
    open?.close();
  }

  /** @internal */
  protected override itemsOf(): Item[] {
    const { journal, values, lock } = this.#opened();
    lock.check();
    // From here on all that there is has its place in the file.
    journal.commitSync();
    const window = journal.window();
    return journal.places.all().map((place) => ({
      graph: place.graph,
      key: place.task,
      size: place.size + (place.file?.size ?? 0),
      header: () => {
        const bytes = this.#bytesAt(place, window, journal, values);
        return bytes && headerOf(bytes);
      },
    }));
  }

  /** @internal */
  protected override dropItems(items: readonly Item[], atOnce: boolean): void {
    const { journal } = this.#opened();
    for (const { graph, key } of items)
      if (journal.places.get(graph, key) !== undefined) journal.append({ kind: Kind.forget, graph, task: key });
    if (atOnce) journal.shrink();
    else this.#schedule(journal);
  }

  #opened(): OpenFile {
    if (this.#isClosed) throw new StoreClosedError(this.path);
    this.#open ??= new OpenFile(this.path);
    if (this.#open.lock.lost !== undefined) throw this.#open.lock.lost;
    return this.#open;
  }

  #added(add: (file: OpenFile) => void): void | Promise<void> {
    if (this.durability === 'batch') {
      const open = this.#opened();
      add(open);
      this.#schedule(open.journal);
      return undefined;
    }
    try {
      const open = this.#opened();
      add(open);
      const { safe } = open.journal;
      this.#unwrite ??= clock.soon(() => {
        this.#unwrite = undefined;
        settled(open.journal.commit());
      });
      return safe;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #schedule(journal: Journal): void {
    if (journal.isIdle) return;
    const nowMs = clock.now();
    if (this.#unschedule === undefined) {
      this.#queuedAtMs = nowMs;
      this.#unschedule = clock.after(WAIT_MS, () => {
        this.#unschedule = undefined;
        settled(journal.commit());
      });
    }
    // The timer cannot fire while the caller keeps the thread for itself, as SyncExecutor does.
    const isLate = nowMs - this.#queuedAtMs > 2 * WAIT_MS;
    if (!isLate && journal.queuedBytes < QUEUED_MAX) return;
    if (isLate || journal.queuedBytes >= 8 * QUEUED_MAX) this.#commitNow(journal);
    else settled(journal.commit());
  }

  #commitNow(journal: Journal): void {
    this.#unschedule?.();
    this.#unschedule = undefined;
    try {
      journal.commitSync();
    } catch {
      // Told by the next flush, which tries again.
    }
  }

  #bytesAt(place: Place, window: FileWindow, journal: Journal, values: ValueFolder): Uint8Array | undefined {
    const { file } = place;
    const saved = journal.read(window, place);
    if (file === undefined || saved === undefined) return saved;
    const path = join(values.path, file.name);
    const bytes = asked(path, 'read', () => values.read(file));
    if (bytes === undefined)
      journal.drop(
        place,
        'value',
        `The file ${JSON.stringify(path)} of a large value is missing or damaged: its outcome is dropped.`,
        path,
      );
    return bytes;
  }
}

/** A file that is in use: locked, read, and known to the end of the process. */
class OpenFile {
  readonly journal: Journal;
  readonly values: ValueFolder;
  readonly lock: FileLock;

  constructor(path: string) {
    const real = realPath(path);
    this.lock = new FileLock(real);
    try {
      this.values = new ValueFolder(`${real}.d`);
      this.journal = new Journal(real, this.lock, (file) => this.values.remove(file));
      this.values.removeAllBut(this.journal.places.all().flatMap(({ file }) => file ?? []));
    } catch (error) {
      this.lock.release();
      throw storeFailure(path, 'open', error);
    }
    if (OPEN_FILES.size === 0) process.on('exit', closeAll);
    OPEN_FILES.add(this);
  }

  close(): void {
    OPEN_FILES.delete(this);
    if (OPEN_FILES.size === 0) process.off('exit', closeAll);
    let isSafe = false;
    try {
      this.journal.commitSync();
      isSafe = true;
    } finally {
      // What the system may still be writing is safe already, and in its place: whoever uses the file next is not
      // disturbed. If it is not safe, he would be.
      if (isSafe) this.lock.release();
      this.journal.close(() => isSafe || this.lock.release());
    }
  }

  /** As the process ends: whatever the system is writing, nobody hears of it any more. */
  end(): void {
    try {
      this.journal.commitSync();
    } catch {
      // There is nobody left to tell.
    }
    this.lock.release();
  }
}

const OPEN_FILES = new Set<OpenFile>();

function closeAll(): void {
  for (const file of OPEN_FILES) file.end();
}

/** The file itself, where the path leads by links: two paths of one file must have one lock. */
function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    const real = linkedPath(absolute);
    const isFile = system.stat(real, { throwIfNoEntry: false })?.isFile() ?? true;
    if (!isFile && !system.stat(real).isDirectory()) throw new StoreFormatError(path);
    if (!isFile) throw Object.assign(new Error('It is a folder.'), { code: 'EISDIR' });
    return real;
  } catch (error) {
    throw storeFailure(path, 'open', error);
  }
}

function linkedPath(absolute: string): string {
  makeFolder(dirname(absolute));
  const path = join(system.realpath(dirname(absolute)), basename(absolute));
  try {
    return system.realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  // A link that leads to where nothing is yet: what is made there must have the same lock for all who come this way.
  if (!system.lstat(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
  return linkedPath(resolve(dirname(path), system.readlink(path)));
}

function asked<T>(path: string, action: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw storeFailure(path, action, error);
  }
}

/** A refusal is told by the next flush, which tries again, and by the promises of those who wait. */
function settled(commit: Promise<void>): void {
  commit.catch(() => {});
}
