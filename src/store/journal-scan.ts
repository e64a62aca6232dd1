import { StoreFormatError } from '../errors.js';
import type { StoreRepair } from '../events.js';
import { FileWindow } from './file-system.js';
import {
  FORMAT,
  HEADER_SIZE,
  headerVersion,
  isTorn,
  isZero,
  type JournalRecord,
  journalHeader,
  Kind,
  nextMark,
  RECORD_HEADER_SIZE,
  readRecord,
  taskHash,
} from './journal-format.js';
import { PlaceTable } from './outcome-table.js';

/** What is in the file of a store. */
export interface Scan {
  readonly places: PlaceTable;
  /** Where the last whole record ends. */
  readonly end: number;
  /** The number of the next record. */
  readonly sequence: number;
  /** The hashes of the last records, which no index has yet. */
  readonly unindexed: readonly number[];
  readonly repairs: readonly StoreRepair[];
  /**
   * `'none'`: there is no header yet. `'torn'`: what follows `end` is to be cut off. `'damaged'`: the file is to be
   * written anew.
   */
  readonly state: 'none' | 'whole' | 'torn' | 'damaged';
}

/** A stretch of the file that holds no whole record. */
interface Gap {
  readonly offset: number;
  readonly end: number;
  /** The number of the first record that was lost. */
  readonly first: number;
  readonly lost: number;
  /** Of whom an outcome from before may have been replaced or forgotten by what was lost. */
  readonly tasks: { readonly graph: string; readonly task: string }[];
}

/** A record that was lost. */
interface Loss {
  readonly sequence: number;
  readonly gap: Gap;
}

/**
 * Reads the whole file, forward only, and goes on behind what is damaged at the next whole record.
 *
 * ```
 *   record, record, ✗✗✗✗✗✗✗✗✗, record, index, record, ✗✗✗
 *                   gap: the next sequence tells how   end: torn or damaged
 *                   many are lost, the next index of which tasks
 * ```
 *
 * An outcome from before a gap counts only if it is known not to be of a task that was lost there: it may have been
 * replaced, or forgotten.
 *
 * @throws {@link StoreFormatError} when it is not the file of a store, or of a newer version
 */
export function scanJournal(path: string, fd: number, size: number): Scan {
  const file = new FileWindow(fd, size);
  const header = file.at(0, HEADER_SIZE);
  // The header itself may be what was torn.
  if (header.equals(journalHeader().subarray(0, header.length)) && header.length < HEADER_SIZE)
    return nothing(path, size);
  const version = headerVersion(header);
  if (typeof version === 'number' && version > FORMAT) throw new StoreFormatError(path, version);
  if (version === 'foreign' && !hasRecord(file)) {
    if (isZero(file, 0)) return nothing(path, size);
    throw new StoreFormatError(path);
  }
  return new Scanner(path, file, typeof version === 'number').scan();
}

/** A file whose very header was not written to its end. */
function nothing(path: string, size: number): Scan {
  const store = JSON.stringify(path);
  const text = `The store ${store} was just being made when its process ended: there was nothing in it yet.`;
  const repair = {
    text,
    reason: 'torn',
    path,
    offset: 0,
    bytesDropped: size,
    recordsLost: 0,
    tasks: [],
    copy: undefined,
  } as const;
  return {
    places: new PlaceTable(),
    end: 0,
    sequence: 1,
    unindexed: [],
    repairs: size === 0 ? [] : [repair],
    state: 'none',
  };
}

/** Whether there is a whole record in the first block, so that it is a store whose header is damaged. */
function hasRecord(file: FileWindow): boolean {
  const end = Math.min(file.size, START_SIZE);
  for (let offset = nextMark(file, 0, end); offset < end; offset = nextMark(file, offset + 1, end))
    if (readRecord(file, offset, 0, Infinity) !== undefined) return true;
  return false;
}

/** How far into a file without our header a record is looked for. */
const START_SIZE = 1024 * 1024;

class Scanner {
  readonly #path: string;
  readonly #file: FileWindow;
  readonly #places = new PlaceTable();
  readonly #gaps: Gap[] = [];
  /** How many of the gaps have an index behind them, so that what was lost there is as well known as it will be. */
  #gapsNamed = 0;
  /** The last record that was lost of each task, by its hash. */
  readonly #lossByHash = new Map<number, Loss>();
  /** The last record that was lost of nobody knows which task, since its index was lost as well. */
  #unknownLoss: Loss | undefined;
  readonly #repairs: StoreRepair[] = [];
  readonly #hasHeader: boolean;
  #unindexed: number[] = [];
  #sequence = 1;

  constructor(path: string, file: FileWindow, hasHeader: boolean) {
    this.#path = path;
    this.#file = file;
    this.#hasHeader = hasHeader;
  }

  scan(): Scan {
    if (!this.#hasHeader)
      this.#repairs.push(this.#repair('The header of {store} is damaged.', 'damaged', 0, HEADER_SIZE, 0, []));
    let end = HEADER_SIZE;
    let offset = HEADER_SIZE;
    while (offset < this.#file.size) {
      // No more can have been lost than there was room for.
      const record = readRecord(this.#file, offset, this.#sequence, (offset - end) / RECORD_HEADER_SIZE);
      if (record === undefined) {
        offset = nextMark(this.#file, offset + 1);
        continue;
      }
      const lost = record.sequence - this.#sequence;
      if (offset > end || lost > 0)
        this.#gaps.push({ offset: end, end: offset, first: this.#sequence, lost, tasks: [] });
      this.#sequence = record.sequence;
      this.#take(record, offset);
      offset += record.size;
      end = offset;
    }
    this.#nameLosses(this.#sequence, []);
    this.#dropSuspects();
    for (const gap of this.#gaps) this.#repairs.push(this.#repairOf(gap));
    const torn = isTorn(this.#file, end);
    // Each write ends with an index: one that does not was cut short, even if it was between two records.
    if (end < this.#file.size || this.#unindexed.length > 0) this.#repairs.push(this.#tail(end, torn));
    const damaged = this.#gaps.length > 0 || !this.#hasHeader || !torn;
    const state = damaged ? 'damaged' : end < this.#file.size ? 'torn' : 'whole';
    return {
      places: this.#places,
      end,
      sequence: this.#sequence,
      unindexed: this.#unindexed,
      repairs: this.#repairs,
      state,
    };
  }

  #take(record: JournalRecord, offset: number): void {
    const { sequence, size } = record;
    switch (record.kind) {
      case Kind.index:
        this.#nameLosses(record.first, record.hashes);
        this.#unindexed = [];
        return;
      case Kind.forget:
        this.#places.delete(record.graph, record.task);
        break;
      case Kind.save:
      case Kind.large: {
        const { graph, task } = record;
        this.#places.set({
          graph,
          task,
          sequence,
          offset,
          size,
          file: record.kind === Kind.large ? record.file : undefined,
        });
        break;
      }
      default:
        record satisfies never;
    }
    this.#unindexed.push(taskHash(record.graph, record.task));
    this.#sequence++;
  }

  /**
   * Finds out of which tasks the records are that were lost since the last index.
   *
   * @param first - the sequence of the record that the first hash is of
   */
  #nameLosses(first: number, hashes: readonly number[]): void {
    for (; this.#gapsNamed < this.#gaps.length; this.#gapsNamed++) {
      const gap = this.#gaps[this.#gapsNamed]!;
      for (let sequence = gap.first; sequence < gap.first + gap.lost; sequence++) {
        const hash = hashes[sequence - first];
        if (hash === undefined) this.#unknownLoss = { sequence, gap };
        else this.#lossByHash.set(hash, { sequence, gap });
      }
    }
  }

  #dropSuspects(): void {
    if (this.#unknownLoss === undefined && this.#lossByHash.size === 0) return;
    for (const { graph, task, sequence } of this.#places.all()) {
      const losses = [this.#lossByHash.get(taskHash(graph, task)), this.#unknownLoss];
      const loss = losses.find((one) => one !== undefined && one.sequence > sequence);
      if (loss === undefined) continue;
      this.#places.delete(graph, task);
      loss.gap.tasks.push({ graph, task });
    }
  }

  #repairOf({ offset, end, lost, tasks }: Gap): StoreRepair {
    const count = lost === 1 ? '1 record is' : `${lost} records are`;
    const text =
      lost === 0
        ? 'Bytes of {store} are damaged, but no outcome is lost with them.'
        : `Bytes of {store} are damaged: ${count} lost.`;
    return this.#repair(text, 'damaged', offset, end - offset, lost, tasks);
  }

  #tail(end: number, torn: boolean): StoreRepair {
    const text = torn
      ? 'The last write to {store} was cut short: what it was to keep is lost.'
      : 'The end of {store} is damaged: what was written last is lost.';
    return this.#repair(text, torn ? 'torn' : 'damaged', end, this.#file.size - end, undefined, []);
  }

  #repair(
    text: string,
    reason: 'torn' | 'damaged',
    offset: number,
    bytesDropped: number,
    recordsLost: number | undefined,
    tasks: StoreRepair['tasks'],
  ): StoreRepair {
    const what = text.replace('{store}', JSON.stringify(this.#path));
    const where = `${what} ${bytesDropped} bytes from ${offset} on were dropped.`;
    return { text: where, reason, path: this.#path, offset, bytesDropped, recordsLost, tasks, copy: undefined };
  }
}
