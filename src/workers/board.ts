import { TaskEnd } from './messages.js';

/** What runs on a thread at a moment. */
export interface RunningThere {
  readonly run: number;
  readonly id: number;
  readonly startedAtMs: number;
}

/** How a task ended on a thread, as it stands on the board. */
export interface Entry extends RunningThere {
  readonly token: number;
  readonly end: number;
  readonly tookMs: number;
  /** The value stands here, and not in a message alone. */
  readonly isWhole: boolean;
  readonly value: undefined | null | boolean | number | string;
}

/** So many of the last entries can be read: more than stand in one message. A power of two. */
const ENTRIES = 256;
/** A text of so many code units stands in an entry, at most. */
const TEXT_MAX = 32;
/** So often it is tried to read what a thread is just writing. */
const TRIES_MAX = 10_000;

/** Counters, as int32s that are written atomically. They wrap around, and are only compared. */
const Counter = { written: 0, flushed: 1, rested: 2, version: 3, printedOut: 4, printedErr: 5, length: 6 } as const;
/** The numbers of what runs now, as float64s. Their version, a counter, is odd while they are being written. */
const Current = { run: 0, id: 1, startedAtMs: 2, length: 4 } as const;
/** The numbers of an entry. Of a text `value` is its length. */
const Field = { run: 0, id: 1, token: 2, end: 3, startedAtMs: 4, tookMs: 5, kind: 6, value: 7, length: 8 } as const;
/** What the value of an entry is. */
const Kind = { elsewhere: 0, undefined: 1, null: 2, number: 3, false: 4, true: 5, text: 6 } as const;

const NOTHING = -1;
const COUNTER_BYTES = Counter.length * Int32Array.BYTES_PER_ELEMENT;
const FLOATS = Current.length + ENTRIES * Field.length;
const TEXT_BYTES = COUNTER_BYTES + FLOATS * Float64Array.BYTES_PER_ELEMENT;
const BYTES = TEXT_BYTES + ENTRIES * TEXT_MAX * Uint16Array.BYTES_PER_ELEMENT;

/**
 * What a thread shows of itself at any moment, also while it computes and says nothing: what it runs, how its last tasks
 * ended, and whether it has anything left to do. Memory that it shares with the main thread.
 *
 * ```
 *   entries   … done  done  done  done │ done  done        thread writes one for each task that ends
 *                              flushed ┘           └ written
 * ```
 *
 * Up to `flushed` they have been told by message. Those behind it are told by the next one; whoever cannot wait for that
 * reads them here, as far as their values are numbers, short texts and such. A value that is more than that is told before the thread
 * begins anything else.
 */
export class Board {
  readonly buffer: SharedArrayBuffer;
  readonly #counters: Int32Array;
  readonly #floats: Float64Array;
  readonly #texts: Uint16Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#counters = new Int32Array(buffer, 0, Counter.length);
    this.#floats = new Float64Array(buffer, COUNTER_BYTES, FLOATS);
    this.#texts = new Uint16Array(buffer, TEXT_BYTES);
  }

  // The thread writes.

  /** Nothing runs, and nothing has. */
  clear(): void {
    this.#floats[Current.id] = NOTHING;
    Atomics.store(this.#counters, Counter.rested, NOTHING);
  }

  begins(run: number, id: number, startedAtMs: number): void {
    const floats = this.#floats;
    Atomics.add(this.#counters, Counter.version, 1);
    floats[Current.run] = run;
    floats[Current.id] = id;
    floats[Current.startedAtMs] = startedAtMs;
    Atomics.add(this.#counters, Counter.version, 1);
  }

  /** What ran has ended. */
  ends(): void {
    const floats = this.#floats;
    Atomics.add(this.#counters, Counter.version, 1);
    floats[Current.id] = NOTHING;
    Atomics.add(this.#counters, Counter.version, 1);
  }

  /** @returns whether the value stands here, and needs no message */
  write(
    run: number,
    id: number,
    token: number,
    end: number,
    startedAtMs: number,
    tookMs: number,
    value: unknown,
  ): boolean {
    const floats = this.#floats;
    const count = this.#counters[Counter.written]!;
    const at = placeOf(count);
    const kind = end === TaskEnd.returned ? kindOf(value) : Kind.elsewhere;
    floats[at + Field.run] = run;
    floats[at + Field.id] = id;
    floats[at + Field.token] = token;
    floats[at + Field.end] = end;
    floats[at + Field.startedAtMs] = startedAtMs;
    floats[at + Field.tookMs] = tookMs;
    floats[at + Field.kind] = kind;
    if (kind === Kind.number) floats[at + Field.value] = value as number;
    else if (kind === Kind.text) floats[at + Field.value] = this.#writeText(count, value as string);
    Atomics.store(this.#counters, Counter.written, count + 1);
    return kind !== Kind.elsewhere;
  }

  /** All entries have been told by message. */
  flush(): void {
    Atomics.store(this.#counters, Counter.flushed, this.#counters[Counter.written]!);
  }

  /** There is nothing left to do, after so many messages. */
  rest(messageCount: number): void {
    Atomics.store(this.#counters, Counter.rested, messageCount);
  }

  /** Something has been printed to stream 0, stdout, or 1, stderr. */
  print(stream: number, byteCount: number): void {
    Atomics.add(this.#counters, Counter.printedOut + stream, byteCount);
  }

  #writeText(count: number, text: string): number {
    const texts = this.#texts;
    const first = (count & (ENTRIES - 1)) * TEXT_MAX;
    for (let index = 0; index < text.length; index++) texts[first + index] = text.charCodeAt(index);
    return text.length;
  }

  // The main thread reads.

  /** What runs there now; `undefined` if nothing does. Only of a thread that runs one attempt at a time. */
  get current(): RunningThere | undefined {
    const floats = this.#floats;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const version = Atomics.load(this.#counters, Counter.version);
      const there = {
        run: floats[Current.run]!,
        id: floats[Current.id]!,
        startedAtMs: floats[Current.startedAtMs]!,
      };
      if (version % 2 === 0 && version === Atomics.load(this.#counters, Counter.version))
        return there.id === NOTHING ? undefined : there;
    }
    // It was ended as it wrote.
    return undefined;
  }

  get written(): number {
    return Atomics.load(this.#counters, Counter.written);
  }

  get flushed(): number {
    return Atomics.load(this.#counters, Counter.flushed);
  }

  get rested(): number {
    return Atomics.load(this.#counters, Counter.rested);
  }

  /** How many bytes its tasks have printed to stream 0, stdout, or 1, stderr. */
  printed(stream: number): number {
    return Atomics.load(this.#counters, Counter.printedOut + stream);
  }

  /** An entry by its number, counted from 0; `undefined` if it has been overwritten. */
  read(count: number): Entry | undefined {
    const floats = this.#floats;
    const at = placeOf(count);
    const kind = floats[at + Field.kind]!;
    const entry: Entry = {
      run: floats[at + Field.run]!,
      id: floats[at + Field.id]!,
      token: floats[at + Field.token]!,
      end: floats[at + Field.end]!,
      startedAtMs: floats[at + Field.startedAtMs]!,
      tookMs: floats[at + Field.tookMs]!,
      isWhole: kind !== Kind.elsewhere,
      value:
        kind === Kind.text
          ? this.#readText(count, floats[at + Field.value]!)
          : valueFrom(kind, floats[at + Field.value]!),
    };
    // It may be overwritten while it is read.
    return ((this.written - count) | 0) < ENTRIES ? entry : undefined;
  }

  #readText(count: number, length: number): string {
    const first = (count & (ENTRIES - 1)) * TEXT_MAX;
    return String.fromCharCode(...this.#texts.subarray(first, first + length));
  }
}

function placeOf(count: number): number {
  return Current.length + (count & (ENTRIES - 1)) * Field.length;
}

function kindOf(value: unknown): number {
  if (typeof value === 'number') return Kind.number;
  if (typeof value === 'string') return value.length <= TEXT_MAX ? Kind.text : Kind.elsewhere;
  if (value === undefined) return Kind.undefined;
  if (value === null) return Kind.null;
  if (typeof value === 'boolean') return value ? Kind.true : Kind.false;
  return Kind.elsewhere;
}

function valueFrom(kind: number, number: number): Entry['value'] {
  if (kind === Kind.number) return number;
  if (kind === Kind.null) return null;
  if (kind === Kind.true || kind === Kind.false) return kind === Kind.true;
  return undefined;
}
