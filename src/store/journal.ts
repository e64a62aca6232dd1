import type { StoreError } from '../errors.js';
import type { StoreRepair } from '../events.js';
import { clock } from './clock.js';
import type { FileLock } from './file-lock.js';
import {
  COPY_NEW,
  codeOf,
  discard,
  type FileStats,
  FileWindow,
  makeFile,
  OPEN_OR_MAKE,
  storeFailure,
  syncFolderOf,
  system,
  writeWhole,
  writeWholeSoon,
} from './file-system.js';
import {
  type Draft,
  draftSize,
  HEADER_SIZE,
  indexSize,
  journalHeader,
  Kind,
  readSaved,
  taskHash,
  type ValueFile,
  writeDraft,
  writeIndex,
} from './journal-format.js';
import { scanJournal } from './journal-scan.js';
import type { Place, PlaceTable } from './outcome-table.js';

/** Promises of one batch: all that wait for it wait for the same one. */
class Waiters {
  #promise: Promise<void> | undefined;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  get promise(): Promise<void> {
    this.#promise ??= new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    return this.#promise;
  }

  fulfil(): void {
    this.#resolve();
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

/** Records as they are in the file, or will be. */
interface Batch {
  readonly bytes: Buffer;
  readonly garbage: readonly ValueFile[];
  waiters: Waiters;
  /** The system is writing it, and has not said yet how that went. */
  isBeingWritten: boolean;
  /** It was made safe, or given up, while it was being written: what the system says then is of no interest. */
  isSettled: boolean;
}

/** Below this, a file is not worth writing anew. */
const COMPACTED_SIZE_MIN = 256 * 1024;
/** How much is written at a time as a file is written anew. */
const COMPACTED_BATCH_SIZE = 1024 * 1024;

/**
 * The file of a store, open: a table of what is where, and one place at which it grows.
 *
 * ```
 *   append ─► queue ─► batch: bytes for a fixed place ─► written, fdatasync ─► safe: waiters fulfilled, end moved
 *                        ▲                                   │
 *                        └── the same bytes at the same place ◄── refused: cut off, waiters rejected
 * ```
 *
 * A batch that could not be made safe is written again with the next one. That its place and its bytes are fixed is
 * what makes it harmless to write it twice, be it because of a refusal or because `commitSync` overtakes what the
 * system is writing. After a refused fdatasync nobody knows which pages the disk has: so everything since the last one
 * is written again.
 */
export class Journal {
  readonly path: string;
  readonly places: PlaceTable;
  /** What was found to be damaged, and has not been told yet. */
  readonly repairs: StoreRepair[];
  readonly #lock: FileLock;
  readonly #onGarbage: (file: ValueFile) => void;
  #fd: number;
  #end: number;
  #sequence: number;
  #hashes: number[];
  #queue: { readonly draft: Draft; readonly place: Place | undefined; readonly garbage: ValueFile | undefined }[] = [];
  #queueWaiters = new Waiters();
  #batch: Batch | undefined;
  #writesUnderWay = 0;
  #whenIdle: (() => void) | undefined;
  #folderIsSynced = false;
  #compactedAt: number = COMPACTED_SIZE_MIN;
  /** How many bytes wait to be written, or a little less. */
  queuedBytes = 0;

  /** @throws {@link StoreError} */
  constructor(path: string, lock: FileLock, onGarbage: (file: ValueFile) => void) {
    this.path = path;
    this.#lock = lock;
    this.#onGarbage = onGarbage;
    this.#fd = this.#asked('open', () => system.open(path, OPEN_OR_MAKE, 0o666));
    try {
      const scan = this.#asked('read', () => scanJournal(path, this.#fd, system.fstat(this.#fd).size));
      this.places = scan.places;
      this.repairs = [...scan.repairs];
      this.#end = scan.end;
      this.#sequence = scan.sequence;
      this.#hashes = [...scan.unindexed];
      this.#asked('write to', () => this.#mend(scan.state));
      this.#compactIfWorthIt();
    } catch (error) {
      system.close(this.#fd);
      throw error;
    }
  }

  /** Who may do what with the file, among others. */
  get stats(): FileStats {
    return system.fstat(this.#fd);
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#batch === undefined;
  }

  /** Adds a record, to be written with the next batch. What was kept of the task before no longer counts. */
  append(draft: Draft): void {
    const { graph, task } = draft;
    const size = draftSize(draft);
    const place: Place | undefined =
      draft.kind === Kind.forget
        ? undefined
        : { graph, task, sequence: 0, offset: -1, size, file: draft.kind === Kind.large ? draft.file : undefined };
    const before = place === undefined ? this.places.delete(graph, task) : this.places.set(place);
    this.#queue.push({ draft, place, garbage: before?.file });
    this.queuedBytes += size;
  }

  /** Fulfilled once all that has been added so far is safe. */
  commit(): Promise<void> {
    const { safe } = this;
    this.#start();
    return safe;
  }

  /** The promise that `commit()` would return, while the write may begin later. */
  get safe(): Promise<void> {
    if (this.#queue.length > 0) return this.#queueWaiters.promise;
    return this.#batch?.waiters.promise ?? Promise.resolve();
  }

  /** @throws {@link StoreError} when it is not safe. It is tried again with the next commit. */
  commitSync(): void {
    for (let batch = this.#nextBatch(); batch !== undefined; batch = this.#nextBatch()) {
      try {
        this.#lock.check();
        this.#syncFolder();
        writeWhole(this.#fd, batch.bytes, this.#end);
        system.fdatasyncSync(this.#fd);
        this.#lock.check();
      } catch (error) {
        throw this.#refused(batch, error);
      }
      this.#safe(batch);
    }
  }

  /**
   * Writes the file anew, if the system is not writing to it, so that it holds nothing but what counts.
   *
   * @throws {@link StoreError} when it cannot be written
   */
  shrink(): void {
    this.commitSync();
    if (this.#writesUnderWay === 0) this.#asked('write to', () => this.#compact());
  }

  /** What was saved by the record at this place. If that is not what it was, nothing, and a repair tells of it. */
  read(window: FileWindow, place: Place): Uint8Array | undefined {
    const bytes = readSaved(window, place.offset, place.size);
    if (bytes === undefined)
      this.drop(
        place,
        'damaged',
        `Bytes of ${JSON.stringify(this.path)} were damaged after it was opened: an outcome is lost.`,
        this.path,
      );
    return bytes;
  }

  window(): FileWindow {
    return new FileWindow(this.#fd, this.#end);
  }

  /** Forgets what is at this place, because it is damaged. */
  drop({ graph, task, offset, size, file }: Place, reason: 'damaged' | 'value', text: string, path: string): void {
    this.append({ kind: Kind.forget, graph, task });
    const [from, bytesDropped] = reason === 'value' ? [0, file!.size] : [offset, size];
    this.repairs.push({
      text,
      reason,
      path,
      offset: from,
      bytesDropped,
      recordsLost: 1,
      tasks: [{ graph, task }],
      copy: undefined,
    });
  }

  /**
   * Closes the file, once the system writes nothing to it any more: the number of a closed file may be that of another
   * one at once.
   */
  close(closed: () => void): void {
    this.#whenIdle = () => {
      system.close(this.#fd);
      closed();
    };
    if (this.#writesUnderWay === 0) this.#whenIdle();
  }

  #mend(state: 'none' | 'whole' | 'torn' | 'damaged'): void {
    if (state === 'damaged') this.#rewriteDamaged();
    // Who had the lock before may be in the middle of a write to this file.
    else if (this.#lock.isFromSilent) this.#compact();
    else if (state === 'torn') system.ftruncate(this.#fd, this.#end);
    else if (state === 'none') {
      system.ftruncate(this.#fd, 0);
      writeWhole(this.#fd, journalHeader(), 0);
      this.#end = HEADER_SIZE;
    }
  }

  #rewriteDamaged(): void {
    const copy = this.#copied();
    for (const [index, repair] of this.repairs.entries()) {
      if (repair.reason === 'damaged')
        this.repairs[index] = {
          ...repair,
          copy,
          text: `${repair.text} The file as it was is now ${JSON.stringify(copy)}.`,
        };
    }
    this.#compact();
  }

  #copied(): string {
    for (let number = 1; ; number++) {
      const copy = `${this.path}.damaged-${number}`;
      try {
        system.copy(this.path, copy, COPY_NEW);
        return copy;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  #start(): void {
    if (this.#batch?.isBeingWritten) return;
    const batch = this.#nextBatch();
    if (batch === undefined) return;
    const fd = this.#fd;
    const written = (error: unknown) => {
      if (error) ended(error);
      else system.fdatasync(fd, ended);
    };
    const ended = (error: unknown) => this.#ended(batch, error);
    batch.isBeingWritten = true;
    this.#writesUnderWay++;
    try {
      this.#lock.check();
      this.#syncFolder();
      writeWholeSoon(fd, batch.bytes, this.#end, written);
    } catch (error) {
      // As if the system had said it, so that no caller is called back before it has its promise.
      clock.soon(() => ended(error));
    }
  }

  #ended(batch: Batch, error: unknown): void {
    this.#writesUnderWay--;
    batch.isBeingWritten = false;
    if (!batch.isSettled) {
      const refusal = error ?? this.#lossNow();
      if (refusal) this.#refused(batch, refusal);
      else {
        this.#safe(batch);
        this.#start();
      }
    }
    if (this.#writesUnderWay === 0) this.#whenIdle?.();
  }

  /** Why what has just been written is not safe, if another may use the file by now. */
  #lossNow(): unknown {
    try {
      this.#lock.check();
    } catch (error) {
      return error;
    }
    return undefined;
  }

  #safe(batch: Batch): void {
    batch.isSettled = true;
    this.#end += batch.bytes.length;
    this.#batch = undefined;
    batch.waiters.fulfil();
    for (const file of batch.garbage) this.#onGarbage(file);
    this.#compactIfWorthIt();
  }

  #refused(batch: Batch, cause: unknown): StoreError {
    const error = storeFailure(this.path, 'write to', cause);
    batch.isSettled = batch.isBeingWritten;
    batch.waiters.fail(error);
    batch.waiters = new Waiters();
    this.#queueWaiters.fail(error);
    this.#queueWaiters = new Waiters();
    if (this.#writesUnderWay === 0) {
      try {
        this.#lock.check();
        system.ftruncate(this.#fd, this.#end);
      } catch {
        // What is behind the end is written over by the next batch, or cut off when the file is opened the next time.
      }
    }
    // To be tried again by a batch of its own, which what the system says of this one does not touch.
    if (batch.isSettled) this.#batch = { ...batch, isBeingWritten: false, isSettled: false };
    return error;
  }

  /** The batch that is next to be made safe: the one that was refused, or else all that is queued. */
  #nextBatch(): Batch | undefined {
    if (this.#batch === undefined && (this.#queue.length > 0 || this.#hashes.length > 0)) this.#batch = this.#built();
    return this.#batch;
  }

  #built(): Batch {
    const queue = this.#queue;
    const first = this.#sequence - this.#hashes.length;
    const size = queue.reduce(
      (sum, { draft }) => sum + draftSize(draft),
      indexSize(this.#hashes.length + queue.length),
    );
    const bytes = Buffer.allocUnsafeSlow(size);
    let at = 0;
    for (const { draft, place } of queue) {
      if (place !== undefined) {
        place.offset = this.#end + at;
        place.sequence = this.#sequence;
      }
      this.#hashes.push(taskHash(draft.graph, draft.task));
      at = writeDraft(bytes, at, this.#end + at, this.#sequence++, draft);
    }
    writeIndex(bytes, at, this.#end + at, this.#sequence, first, this.#hashes);
    const garbage = queue.flatMap((one) => one.garbage ?? []);
    const waiters = this.#queueWaiters;
    this.#hashes = [];
    this.#queue = [];
    this.#queueWaiters = new Waiters();
    this.queuedBytes = 0;
    return { bytes, garbage, waiters, isBeingWritten: false, isSettled: false };
  }

  #syncFolder(): void {
    if (this.#folderIsSynced) return;
    syncFolderOf(this.path);
    this.#folderIsSynced = true;
  }

  /** If more than half of the file is dead, and it is no small one. */
  #compactIfWorthIt(): void {
    if (this.#writesUnderWay > 0 || this.#end < this.#compactedAt || this.places.liveBytes * 2 > this.#end) return;
    try {
      // What is queued replaces outcomes that are safe: until it is so itself, they must stay. To write it comes back
      // here.
      if (this.#queue.length > 0) this.commitSync();
      else this.#compact();
      this.#compactedAt = COMPACTED_SIZE_MIN;
    } catch {
      // No room for a second file, perhaps. The first one is whole, and serves until it has grown to twice its size.
      this.#compactedAt = this.#end * 2;
    }
  }

  /**
   * Writes what still counts to a second file, which then takes the name of the first: at each moment, the name is that
   * of a whole file.
   */
  #compact(): void {
    const path = this.#lock.replacementPath;
    const window = this.window();
    discard(path);
    const fd = makeFile(path, this.stats);
    const moved: { readonly place: Place; readonly offset: number; readonly sequence: number }[] = [];
    let end = HEADER_SIZE;
    try {
      writeWhole(fd, journalHeader(), 0);
      for (const places of batchesOf(this.places.all())) {
        const size = places.reduce((sum, place) => sum + place.size, indexSize(places.length));
        const bytes = Buffer.allocUnsafeSlow(size);
        const hashes: number[] = [];
        const first = moved.length + 1;
        let at = 0;
        for (const place of places) {
          const saved = this.read(window, place);
          if (saved === undefined) continue;
          const { graph, task, file } = place;
          const draft: Draft =
            file === undefined
              ? { kind: Kind.save, graph, task, bytes: saved }
              : { kind: Kind.large, graph, task, file };
          const sequence = moved.length + 1;
          moved.push({ place, offset: end + at, sequence });
          hashes.push(taskHash(graph, task));
          at = writeDraft(bytes, at, end + at, sequence, draft);
        }
        at = writeIndex(bytes, at, end + at, moved.length + 1, first, hashes);
        writeWhole(fd, bytes.subarray(0, at), end);
        end += at;
      }
      system.fsync(fd);
      this.#lock.check();
      system.rename(path, this.path);
    } catch (error) {
      system.close(fd);
      discard(path);
      throw error;
    }
    const before = this.#fd;
    this.#fd = fd;
    this.#end = end;
    this.#sequence = moved.length + 1;
    this.#hashes = [];
    for (const { place, offset, sequence } of moved) Object.assign(place, { offset, sequence });
    system.close(before);
    // Before the next batch counts as safe: as long as the folder may still have the old file, what is added to the new
    // one may be lost with it.
    this.#folderIsSynced = false;
    this.#syncFolder();
  }

  #asked<T>(action: string, ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      throw storeFailure(this.path, action, error);
    }
  }
}

function batchesOf(places: readonly Place[]): Place[][] {
  const batches: Place[][] = [];
  let size = COMPACTED_BATCH_SIZE;
  for (const place of places) {
    if (size >= COMPACTED_BATCH_SIZE) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1)!.push(place);
    size += place.size;
  }
  return batches;
}
