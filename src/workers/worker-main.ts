import { AsyncLocalStorage } from 'node:async_hooks';
import { type MessagePort, parentPort, receiveMessageOnPort, threadId } from 'node:worker_threads';
import workerpool from 'workerpool';
import { type Packed, packSurveyed, unpack } from '../codec/crossing.js';
import { decodeError, type EncodedError, encodeError } from '../codec/error-codec.js';
import { survey } from '../codec/survey.js';
import { decodeValue, encodePacked } from '../codec/value-codec.js';
import { hashSurveyed } from '../codec/value-hash.js';
import { described, partOf } from '../errors.js';
import { filesIn, mayHoldFiles } from '../files/file-result.js';
import { lookAtFiles } from '../files/look.js';
import { WrittenFiles } from '../files/written-files.js';
import { contextOf } from '../graph/attempt-context.js';
import { AttemptSignal } from '../graph/attempt-signal.js';
import { isThenable } from '../graph/thenable.js';
import { Board } from './board.js';
import { type CarriedHeaders, calledInContext, prepareContext } from './carried-context.js';
import { functionOf } from './function-of-text.js';
import {
  Claim,
  FromWorker,
  FunctionReference,
  InputKind,
  RECORD_LENGTH,
  TaskEnd,
  TaskFlags,
  TOLD,
  ToWorker,
} from './messages.js';
import { imported } from './module-import.js';
import { type Movable, movables } from './transfer.js';

/** What the main thread gives a worker to serve with. */
export interface ServeOptions {
  readonly port: MessagePort;
  /** How many attempts may be under way at once: 1, or more on the thread of io-bound tasks. */
  readonly concurrency: number;
  /** What this thread shows of itself: the memory of its {@link Board}. */
  readonly board: SharedArrayBuffer;
}

// Taken once: what a task does to the globals of its thread must not reach the program that serves it.
const { Promise: NativePromise, setImmediate, setTimeout } = globalThis;
const sinceOriginMs = performance.now.bind(performance);
const originMs = performance.timeOrigin;
const { then } = NativePromise.prototype;
const exit = process.exit.bind(process);

type AnyFunction = (...args: unknown[]) => unknown;

/** What this worker knows of one run. */
interface RunHere {
  readonly number: number;
  readonly id: string;
  readonly claims: Int32Array;
  readonly functions: Map<number, FunctionHere>;
  /** Results made here that tasks to come may take as inputs. */
  readonly results: Map<number, unknown>;
}

/** A function, as soon as it has been found. */
interface FunctionHere {
  fn: AnyFunction | undefined;
  readonly find: () => AnyFunction | Promise<AnyFunction>;
}

/** An attempt that is under way here. */
interface Running {
  readonly run: RunHere;
  readonly id: number;
  /** Which sending of the task this is. */
  readonly token: number;
  readonly flags: number;
  readonly headers: CarriedHeaders | undefined;
  readonly startedAtMs: number;
  /** When its progress was last told, by the clock of this thread, and what has come since. */
  toldProgressAtMs: number;
  untoldProgress: readonly [fraction: number, note: string | undefined] | undefined;
  /** What its context has; `undefined` if it has none. */
  aborting: AttemptSignal | undefined;
  /** What it writes that is to be put in its place when it is done. */
  written: WrittenFiles | undefined;
  /** How long it may take, in milliseconds; 0 if that has no bound, or if it has no context. */
  readonly timeoutMs: number;
  ended: boolean;
  tellEnded: (() => void) | undefined;
}

/** The bytes of a result, in a buffer of their own, and its hash if that is wanted. */
type Encoded = readonly [bytes: Uint8Array<ArrayBuffer>, hash: string | undefined];

const RECORDS_MAX = 64;
/** A result of so many values goes as bytes: below, to write them costs more than to have the engine copy it. */
const ENCODED_COUNT_MIN = 1_000;
/** So many functions are kept at most, for graphs that are made anew for each run. */
const FUNCTIONS_MAX = 10_000;
/** What is done is told so often, in milliseconds, while there is more to do: each time costs this thread about as much as it does to wake the other. */
const FLUSH_MS = 0.6;
const TURN_MS = 10;
/** The progress of a task is told so often at most, in milliseconds. */
const PROGRESS_MS = 50;

/** Serves one port until told to close. */
class Server {
  readonly #port: MessagePort;
  readonly #concurrency: number;
  readonly #board: Board;
  /** How many messages have come, those that could not be read included. */
  #receivedCount = 0;
  readonly #runs = new Map<number, RunHere>();
  readonly #functions = new Map<string, FunctionHere>();
  /** Messages with tasks, and where in the first of them the next task is. */
  readonly #inbox: (readonly unknown[])[] = [];
  #place = 2;
  readonly #running = new Set<Running>();
  /** Promises of attempts that are under way, each fulfilled as its attempt ends. */
  readonly #endings = new Set<Promise<void>>();
  /** What is to be told with the next message, from this entry of the board on. */
  #records: unknown[] = [FromWorker.ended, 0];
  /** Some of it does not stand on the board, and is told before anything else begins. */
  #isUrgent = false;
  /** What of it is moved and not copied. */
  #moved: Movable[] = [];
  #flushedAtMs = 0;
  #working = false;
  /** What tasks have to wait for that come with headers. */
  #preparing: Promise<void> | undefined;
  readonly #scope = new AsyncLocalStorage<Running>();
  /** What `process.exit()` has thrown here. */
  readonly #exits = new WeakSet<Error>();

  constructor({ port, concurrency, board }: ServeOptions) {
    this.#port = port;
    this.#concurrency = concurrency;
    this.#board = new Board(board);
    countPrinted((stream, byteCount) => this.#board.print(stream, byteCount));
    const escaped = (error: unknown) => this.#escaped(error);
    listenForGood({ uncaughtException: escaped, unhandledRejection: escaped });
    // A task may have what escapes it told to a callback of its own, but not what escapes others, who would wait for ever.
    const capture = process.setUncaughtExceptionCaptureCallback.bind(process);
    process.setUncaughtExceptionCaptureCallback = (callback) => {
      const owner = this.#erring();
      const isOwn = () => this.#erring() === owner;
      capture(typeof callback === 'function' ? (error) => (isOwn() ? callback : escaped)(error) : callback);
    };
    // A task that means to end itself must not end its neighbours with it.
    process.exit = ((code?: number | string) => {
      const error = new Error(
        `The task called process.exit(${code ?? ''}), which a worker thread does not do. Throw an error, or return.`,
      );
      this.#escaped(error);
      this.#exits.add(error);
      throw error;
    }) as typeof process.exit;
    // A library may take this for a thread of its own, and post to whoever started it: nobody there would understand.
    if (parentPort !== null) parentPort.postMessage = () => {};
    port.on('message', (message: readonly unknown[]) => this.#received(message));
    port.on('messageerror', (error) => this.#received(undefined, error));
  }

  // Messages.

  /** @param message - `undefined` if it could not be read */
  #received(message: readonly unknown[] | undefined, error?: unknown): void {
    try {
      this.#receive(message, error);
      this.#drain();
    } catch (thrown) {
      fail(thrown);
    }
    void this.#work();
  }

  #drain(): void {
    for (;;) {
      let received: { readonly message: readonly unknown[] } | undefined;
      try {
        received = receiveMessageOnPort(this.#port);
      } catch (error) {
        this.#receive(undefined, error);
        continue;
      }
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }

  #receive(message: readonly unknown[] | undefined, error?: unknown): void {
    const number = this.#receivedCount;
    this.#receivedCount = (number + 1) | 0;
    if (message !== undefined) this.#take(message);
    else this.#port.postMessage([FromWorker.unreadable, number, described(error)]);
  }

  #take(message: readonly unknown[]): void {
    switch (message[0]) {
      case ToWorker.functions:
        this.#takeFunctions(message);
        break;
      case ToWorker.tasks:
        this.#inbox.push(message);
        break;
      case ToWorker.abort:
        this.#abort(
          message[1] as number,
          message[2] as number,
          message[3] as number,
          decodeError(message[4] as EncodedError),
        );
        break;
      case ToWorker.end:
        this.#runs.delete(message[1] as number);
        break;
      default:
    }
  }

  #takeFunctions(message: readonly unknown[]): void {
    const number = message[1] as number;
    let run = this.#runs.get(number);
    if (run === undefined) {
      run = {
        number,
        id: message[2] as string,
        claims: new Int32Array(message[3] as SharedArrayBuffer),
        functions: new Map(),
        results: new Map(),
      };
      this.#runs.set(number, run);
    }
    if (message[4] === true) {
      this.#preparing ??= prepareContext().then(() => {
        this.#preparing = undefined;
      });
    }
    for (let place = 5; place < message.length; place += 4) {
      const [fn, kind, text, more] = message.slice(place, place + 4) as [number, number, string, string];
      run.functions.set(fn, this.#function(kind, text, more));
    }
  }

  /** Functions outlive their run: the next one of the same graph need not look for them again, nor have them compiled again. */
  #function(kind: number, text: string, more: string): FunctionHere {
    const key = `${kind} ${more} ${text}`;
    let here = this.#functions.get(key);
    if (here === undefined) {
      if (this.#functions.size >= FUNCTIONS_MAX) this.#functions.clear();
      here = {
        fn: undefined,
        find: kind === FunctionReference.module ? () => imported(text, more) : () => functionOf(text, more),
      };
      this.#functions.set(key, here);
    }
    return here;
  }

  #abort(runNumber: number, id: number, token: number, reason: unknown): void {
    for (const running of this.#running) {
      if (running.run.number !== runNumber || running.id !== id || running.token !== token) continue;
      running.aborting?.abort(reason);
    }
  }

  // Work.

  /** Runs what is in the inbox, in order, until it is empty. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      await this.#workOff();
      this.#flush();
    } catch (error) {
      fail(error);
    }
    this.#working = false;
    this.#restIfIdle();
  }

  async #workOff(): Promise<void> {
    let turnEndMs = sinceOriginMs() + TURN_MS;
    for (;;) {
      // Before any task begins, and not as a part of it: what tasks take is measured.
      if (this.#preparing !== undefined) await this.#preparing;
      const ending = this.#startNext();
      if (ending === undefined) {
        this.#drain();
        if (this.#inbox.length === 0) return;
        continue;
      }
      if (ending !== ENDED) {
        // What waits must not keep what is done from being told.
        this.#flush();
        if (this.#concurrency === 1) await ending;
        else if (this.#running.size >= this.#concurrency) await NativePromise.race(this.#endings);
      }
      const nowMs = sinceOriginMs();
      const isLong = this.#records.length > RECORDS_MAX * RECORD_LENGTH;
      if (this.#isUrgent || isLong || nowMs - this.#flushedAtMs > FLUSH_MS) this.#flush();
      if (nowMs > turnEndMs) {
        await new NativePromise((resolve) => setImmediate(resolve));
        turnEndMs = sinceOriginMs() + TURN_MS;
      }
    }
  }

  /** Shows that nothing is left of what was sent so far: what is missing then was lost. */
  #restIfIdle(): void {
    if (!this.#working && this.#running.size === 0 && this.#inbox.length === 0) this.#board.rest(this.#receivedCount);
  }

  /** Starts the next task: `undefined` if there is none, a promise if it waits for something. */
  #startNext(): Promise<void> | typeof ENDED | undefined {
    const message = this.#inbox[0];
    if (message === undefined) return undefined;
    let place = this.#place;
    const run = this.#runs.get(message[1] as number);
    if (place >= message.length || run === undefined) {
      this.#inbox.shift();
      this.#place = 2;
      return this.#inbox.length === 0 ? undefined : ENDED;
    }
    const id = message[place++] as number;
    const token = message[place++] as number;
    const fn = message[place++] as number;
    const flags = message[place++] as number;
    const named = (flags & TaskFlags.withContext) !== 0;
    const name = named ? (message[place++] as string) : '';
    const attempt = named ? (message[place++] as number) : 0;
    const timeoutMs = named ? (message[place++] as number) : 0;
    let headers: Record<string, string> | undefined;
    if ((flags & TaskFlags.withHeaders) !== 0) {
      headers = {};
      for (let left = message[place++] as number; left > 0; left--, place += 2)
        headers[message[place] as string] = message[place + 1] as string;
    }
    const count = message[place++] as number;
    this.#place = place + 2 * count;
    // Taken back in the meantime: another worker runs it.
    if (Atomics.compareExchange(run.claims, id, token, Claim.taken) !== token) return ENDED;
    const args: unknown[] = [];
    for (let input = 0; input < count; input++, place += 2) {
      const kind = message[place];
      let value = message[place + 1];
      if (kind === InputKind.packed) value = unpack(value as Packed);
      else if (kind === InputKind.encoded) value = decodeValue(value as Uint8Array);
      else if (kind !== InputKind.value) {
        if (!run.results.has(value as number)) {
          this.#record(run.number, id, token, TaskEnd.inputLost, 0, 0, undefined);
          return ENDED;
        }
        value = kind === InputKind.here ? run.results.get(value as number) : undefined;
      }
      if (value !== undefined) args.push(value);
    }
    // It may keep the thread for so long that others would wait for what is done.
    if ((flags & TaskFlags.tellFirst) !== 0) this.#flush();
    const running: Running = {
      run,
      id,
      token,
      flags,
      headers,
      startedAtMs: originMs + sinceOriginMs(),
      toldProgressAtMs: -PROGRESS_MS,
      untoldProgress: undefined,
      aborting: undefined,
      written: undefined,
      timeoutMs,
      ended: false,
      tellEnded: undefined,
    };
    if (named) {
      running.aborting = new AttemptSignal();
      const facts = { task: name, attempt, runId: run.id, headers: headers ?? NO_HEADERS };
      running.written = new WrittenFiles(name);
      const tell = (fraction: number, note: string | undefined) => this.#progressed(running, fraction, note);
      args.unshift(contextOf(facts, running.aborting, tell, running.written));
    }
    return this.#run(running, run.functions.get(fn)!, args);
  }

  #run(running: Running, here: FunctionHere, args: unknown[]): Promise<void> | typeof ENDED {
    const { run, id, token } = running;
    this.#running.add(running);
    if (this.#concurrency === 1) this.#board.begins(run.number, id, running.startedAtMs);
    else this.#port.postMessage([FromWorker.started, run.number, id, token, running.startedAtMs]);
    let returned: unknown;
    try {
      returned = this.#scope.run(running, called, here, args, running.headers);
      if (!isThenable(returned)) {
        this.#end(running, TaskEnd.returned, returned);
        return ENDED;
      }
      returned = asPromise(returned);
    } catch (error) {
      this.#end(running, TaskEnd.threw, error);
      return ENDED;
    }
    const ending = new NativePromise<void>((resolve) => {
      running.tellEnded = resolve;
    });
    this.#endings.add(ending);
    then.call(ending, () => this.#endings.delete(ending));
    then.call(
      returned as Promise<unknown>,
      (result) => this.#endLater(running, TaskEnd.returned, result),
      (error) => this.#endLater(running, TaskEnd.threw, error),
    );
    return ending;
  }

  #endLater(running: Running, end: number, value: unknown): void {
    this.#end(running, end, value);
    // Whoever waits in #work flushes; if nobody does, this is the last chance.
    if (!this.#working || this.#concurrency > 1) this.#flush();
    this.#restIfIdle();
  }

  #end(running: Running, endedBy: number, returnedOrThrown: unknown): void {
    if (running.ended) return;
    const [end, value] =
      endedBy === TaskEnd.returned ? withFiles(running, returnedOrThrown) : [endedBy, returnedOrThrown];
    running.written?.discard();
    const { run, id, token, flags, startedAtMs } = running;
    running.ended = true;
    this.#running.delete(running);
    if (this.#concurrency === 1) this.#board.ends();
    const tookMs = originMs + sinceOriginMs() - startedAtMs;
    const told = running.aborting?.wasTold === true ? TOLD : 0;
    if (end === TaskEnd.threw) this.#record(run.number, id, token, end | told, startedAtMs, tookMs, encodeError(value));
    else this.#returned(run, id, token, flags, told, startedAtMs, tookMs, value);
    running.tellEnded?.();
  }

  #returned(
    run: RunHere,
    id: number,
    token: number,
    flags: number,
    told: number,
    startedAtMs: number,
    tookMs: number,
    value: unknown,
  ): void {
    const isKept = (flags & TaskFlags.keep) !== 0;
    if (typeof value === 'object' && value !== null) {
      let packed: Packed | undefined;
      let encoded: Encoded | undefined;
      const moved = movables(value);
      try {
        const surveyed = survey(value, 'thread', 'result', moved);
        packed = packSurveyed(value, surveyed, 'result', moved);
        const isLarge = surveyed.count >= ENCODED_COUNT_MIN && !surveyed.threadOnly && moved.length === 0;
        // The main thread looks for files in values.
        if (isLarge && !(mayHoldFiles(value) && filesIn(value).length > 0))
          encoded = [
            encodePacked(value, packed, 'result'),
            (flags & TaskFlags.hash) === 0 ? undefined : hashSurveyed(value, surveyed, 'result'),
          ];
      } catch (error) {
        // What is not there as a result must not be there for others on this thread either.
        this.#record(run.number, id, token, TaskEnd.unsendable, startedAtMs, tookMs, partOf(error));
        return;
      }
      // What crosses as something else is that here as well; and what is moved away is empty here from then on.
      if (isKept) run.results.set(id, packed === undefined && moved.length === 0 ? value : copied(packed, value));
      if (encoded !== undefined) {
        const { buffer } = encoded[0];
        this.#record(run.number, id, token, TaskEnd.encoded | told, startedAtMs, tookMs, encoded, [buffer]);
        return;
      }
      const end = (packed === undefined ? TaskEnd.returned : TaskEnd.packed) | told;
      this.#record(run.number, id, token, end, startedAtMs, tookMs, packed ?? value, moved);
      return;
    }
    if (typeof value === 'function' || typeof value === 'symbol') {
      const part = `result is a ${typeof value}`;
      this.#record(run.number, id, token, TaskEnd.unsendable, startedAtMs, tookMs, part);
      return;
    }
    if (isKept) run.results.set(id, value);
    this.#record(run.number, id, token, TaskEnd.returned | told, startedAtMs, tookMs, value);
  }

  #record(
    run: number,
    id: number,
    token: number,
    end: number,
    startedAtMs: number,
    tookMs: number,
    value: unknown,
    moved: readonly Movable[] = NOTHING_MOVED,
  ): void {
    this.#records.push(run, id, token, end, startedAtMs, tookMs, value);
    if (moved.length > 0) this.#moved.push(...moved);
    if (!this.#board.write(run, id, token, end, startedAtMs, tookMs, value)) this.#isUrgent = true;
  }

  // Telling.

  #flush(): void {
    this.#flushedAtMs = sinceOriginMs();
    const records = this.#records;
    if (records.length === 2) return;
    const moved = this.#moved;
    this.#records = [FromWorker.ended, this.#board.written];
    this.#moved = [];
    this.#isUrgent = false;
    try {
      this.#port.postMessage(records, moved);
    } catch {
      // One result that cannot be sent keeps the whole message back; alone, each of the others can.
      const first = records[1] as number;
      for (let place = 2; place < records.length; place += RECORD_LENGTH) {
        const record = records.slice(place, place + RECORD_LENGTH);
        this.#flushOne(first + (place - 2) / RECORD_LENGTH, record, moved);
      }
    }
    this.#board.flush();
  }

  #flushOne(number: number, record: unknown[], moved: readonly Movable[]): void {
    const value = record[RECORD_LENGTH - 1];
    try {
      this.#port.postMessage([FromWorker.ended, number, ...record], isObject(value) ? moved : []);
    } catch (error) {
      const part = `it cannot be copied: ${described(error)}`;
      record.splice(3, 1, TaskEnd.unsendable);
      record.splice(RECORD_LENGTH - 1, 1, part);
      this.#port.postMessage([FromWorker.ended, number, ...record]);
    }
  }

  /** An error that no promise and no caller took: that of a timer, of an event, of a promise nobody waits for. */
  #escaped(error: unknown): void {
    // What process.exit() throws comes a second time if nobody catches it.
    if (this.#exits.has(error as Error)) return;
    const running = this.#erring();
    if (running === undefined || running.ended) {
      this.#port.postMessage([FromWorker.stray, encodeError(error)]);
      return;
    }
    this.#end(running, TaskEnd.threw, error);
    this.#flush();
  }

  /** The attempt that an error comes from which is told of now, also if it has ended. */
  #erring(): Running | undefined {
    // A microtask has left its scope by the time its error is told of. Where one task runs at a time, it is that one's.
    return this.#scope.getStore() ?? (this.#concurrency === 1 ? [...this.#running][0] : undefined);
  }

  // The progress of a task.

  /** Told now, or a while later if the last one was told just now; by then only the latest counts. */
  #progressed(running: Running, fraction: number, note: string | undefined): void {
    if (running.ended) return;
    const isPending = running.untoldProgress !== undefined;
    running.untoldProgress = [fraction, note];
    const waitMs = running.toldProgressAtMs + PROGRESS_MS - sinceOriginMs();
    if (waitMs <= 0) this.#tellProgress(running);
    else if (!isPending) setTimeout(() => this.#tellProgress(running), waitMs).unref();
  }

  #tellProgress(running: Running): void {
    const { run, id, token, startedAtMs, untoldProgress } = running;
    if (running.ended || untoldProgress === undefined) return;
    running.untoldProgress = undefined;
    running.toldProgressAtMs = sinceOriginMs();
    // Nobody is to hear of it before it is known that its inputs are done.
    this.#flush();
    this.#port.postMessage([FromWorker.progress, run.number, id, token, startedAtMs, ...untoldProgress]);
  }
}

/**
 * How an attempt ends that has returned: files that it has written are put in their places, unless it is to count as
 * interrupted, and those in its result are looked at. This thread may wait for the disk.
 */
function withFiles(
  { written, aborting, timeoutMs, startedAtMs }: Running,
  result: unknown,
): [end: number, value: unknown] {
  try {
    const tookMs = originMs + sinceOriginMs() - startedAtMs;
    const isOver = (timeoutMs > 0 && tookMs > timeoutMs) || aborting?.wasTold === true;
    if (!isOver) written?.keep();
  } catch (error) {
    return [TaskEnd.threw, error];
  }
  try {
    if (mayHoldFiles(result)) lookAtFiles(filesIn(result), undefined, false);
  } catch {
    // The main thread looks as well, and says which task it was.
  }
  return [TaskEnd.returned, result];
}

const NOTHING_MOVED: readonly Movable[] = [];
const NO_HEADERS: CarriedHeaders = Object.freeze({});

/** The task has ended already. */
const ENDED = Symbol('ended');

function called(here: FunctionHere, args: unknown[], headers: CarriedHeaders | undefined): unknown {
  const { fn: known } = here;
  if (known !== undefined)
    return headers === undefined ? known(...args) : calledInContext(headers, () => known(...args));
  const found = here.find();
  const call = (fn: AnyFunction) => {
    here.fn = fn;
    return headers === undefined ? fn(...args) : calledInContext(headers, () => fn(...args));
  };
  // Its module may be where tracing is set up.
  return typeof found === 'function' ? call(found) : found.then(call);
}

function copied(packed: Packed | undefined, value: unknown): unknown {
  return packed === undefined ? structuredClone(value) : unpack(structuredClone(packed));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** A promise of any thenable: it settles once, later, and never by an exception. */
async function asPromise(value: unknown): Promise<unknown> {
  return await value;
}

/**
 * Counts what is printed, so that nobody goes on before it has been passed on. It is counted as it leaves this thread, since
 * not all that is written does: a stream may have been ended, or be held back by `cork()`. And it leaves at once: nobody
 * would wait for what waits here. Who prints faster than it is read is told so by `write()` and `drain`, as ever.
 */
function countPrinted(count: (stream: number, byteCount: number) => void): void {
  for (const [index, stream] of [process.stdout, process.stderr].entries()) {
    const send = stream._writev?.bind(stream);
    if (send === undefined) continue;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    let unreadCount = 0;
    let isFull = false;
    stream._writev = (chunks, sent) => {
      let byteCount = 0;
      // Not `byteLength()`, which only estimates what a text in base64 or hex holds.
      for (const { chunk, encoding } of chunks) byteCount += Buffer.from(chunk, encoding).length;
      unreadCount += byteCount;
      count(index, byteCount);
      send(chunks, () => {
        unreadCount -= byteCount;
        if (!isFull || unreadCount > 0) return;
        isFull = false;
        stream.emit('drain');
      });
      sent();
    };
    stream.write = (...args: unknown[]): boolean => {
      const isTaken = write(...args);
      isFull ||= unreadCount >= stream.writableHighWaterMark;
      return isTaken && !isFull;
    };
  }
}

/**
 * Listens to the process for as long as the thread lives, whatever listeners a task takes away: without them, what
 * escapes one task would end the thread, and whatever else runs there would run again or be blamed.
 */
function listenForGood(listenerByEvent: Readonly<Record<string, (error: unknown) => void>>): void {
  const listen = () => {
    for (const [event, listener] of Object.entries(listenerByEvent))
      if (!process.listeners(event as 'exit').includes(listener)) process.on(event, listener);
  };
  listen();
  for (const name of ['off', 'removeListener', 'removeAllListeners'] as const) {
    const remove = process[name].bind(process) as (...args: unknown[]) => void;
    const removeAndListen = (...args: unknown[]) => {
      remove(...args);
      listen();
      return process;
    };
    Object.defineProperty(process, name, { value: removeAndListen, writable: true, configurable: true });
  }
}

/** What serves the tasks of this thread is broken itself, as a task may have done to it: another thread is to take its place. */
function fail(error: unknown): void {
  console.error('A worker thread of taskmap ends, since it cannot go on:', error);
  exit(1);
}

workerpool.worker({
  hello: () => threadId,
  // It lasts as long as the thread does.
  serve: (options: ServeOptions) => new NativePromise<never>(() => void new Server(options)),
});
