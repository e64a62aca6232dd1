import { AsyncLocalStorage } from 'node:async_hooks';
import { type MessagePort, receiveMessageOnPort, threadId } from 'node:worker_threads';
import workerpool from 'workerpool';
import { culprit } from '../codec/culprit.js';
import { decodeError, type EncodedError, encodeError } from '../codec/error-codec.js';
import { described, InvalidOptionError } from '../errors.js';
import type { TaskContext } from '../graph/task.js';
import { type CarriedHeaders, calledInContext, prepareContext } from './carried-context.js';
import { functionOf } from './function-of-text.js';
import {
  Claim,
  Current,
  FromWorker,
  FunctionReference,
  InputKind,
  NOTHING,
  TaskEnd,
  TaskFlags,
  ToWorker,
} from './messages.js';
import { imported } from './module-import.js';
import { movables } from './transfer.js';

/** What the main thread gives a worker to serve with. */
export interface ServeOptions {
  readonly port: MessagePort;
  /** How many attempts may be under way at once: 1, or more on the thread of io-bound tasks. */
  readonly concurrency: number;
  /** What is running here, for the main thread to read at any time: see {@link Current}. */
  readonly current: SharedArrayBuffer;
}

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
  controller: AbortController | undefined;
  abortedWith: { readonly reason: unknown } | undefined;
  ended: boolean;
  tellEnded: (() => void) | undefined;
}

const RECORD_LENGTH = 7;
const RECORDS_MAX = 64;
/** So many functions are kept at most, for graphs that are made anew for each run. */
const FUNCTIONS_MAX = 10_000;
/** What is done is told so often, in milliseconds, while there is more to do: each time costs this thread about as much as it does to wake the other. */
const FLUSH_MS = 0.6;
const TURN_MS = 10;

/** Serves one port until told to close. */
class Server {
  readonly closed: Promise<void>;
  #tellClosed: () => void = () => {};
  readonly #port: MessagePort;
  readonly #concurrency: number;
  readonly #current: Float64Array;
  readonly #runs = new Map<number, RunHere>();
  readonly #functions = new Map<string, FunctionHere>();
  /** Messages with tasks, and where in the first of them the next task is. */
  readonly #inbox: (readonly unknown[])[] = [];
  #place = 2;
  readonly #running = new Set<Running>();
  /** Promises of attempts that are under way, each fulfilled as its attempt ends. */
  readonly #endings = new Set<Promise<void>>();
  /** What is to be told with the next message. */
  #records: unknown[] = [FromWorker.ended];
  #flushedAtMs = 0;
  #working = false;
  /** What tasks have to wait for that come with headers. */
  #preparing: Promise<void> | undefined;
  readonly #scope = new AsyncLocalStorage<Running>();
  /** What `process.exit()` has thrown here. */
  readonly #exits = new WeakSet<Error>();

  constructor({ port, concurrency, current }: ServeOptions) {
    this.#port = port;
    this.#concurrency = concurrency;
    this.#current = new Float64Array(current);
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    process.on('uncaughtException', (error) => this.#escaped(error));
    process.on('unhandledRejection', (error) => this.#escaped(error));
    // A task that means to end itself must not end its neighbours with it.
    process.exit = ((code?: number | string) => {
      const error = new Error(
        `The task called process.exit(${code ?? ''}), which a worker thread does not do. Throw an error, or return.`,
      );
      this.#escaped(error);
      this.#exits.add(error);
      throw error;
    }) as typeof process.exit;
    port.on('message', (message: readonly unknown[]) => {
      this.#take(message);
      this.#drain();
      void this.#work();
    });
  }

  // Messages.

  #drain(): void {
    for (
      let received = receiveMessageOnPort(this.#port);
      received !== undefined;
      received = receiveMessageOnPort(this.#port)
    )
      this.#take(received.message);
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
      case ToWorker.close:
        this.#tellClosed();
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
      running.abortedWith = { reason };
      running.controller?.abort(reason);
    }
  }

  // Work.

  /** Runs what is in the inbox, in order, until it is empty. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    let turnEndMs = performance.now() + TURN_MS;
    for (;;) {
      // Before any task begins, and not as a part of it: what tasks take is measured.
      if (this.#preparing !== undefined) await this.#preparing;
      const ending = this.#startNext();
      if (ending === undefined) {
        this.#drain();
        if (this.#inbox.length === 0) break;
        continue;
      }
      if (ending !== ENDED) {
        // What waits must not keep what is done from being told.
        this.#flush();
        if (this.#concurrency === 1) await ending;
        else if (this.#running.size >= this.#concurrency) await Promise.race(this.#endings);
      }
      const nowMs = performance.now();
      if (this.#records.length > RECORDS_MAX * RECORD_LENGTH || nowMs - this.#flushedAtMs > FLUSH_MS) this.#flush();
      if (nowMs > turnEndMs) {
        await new Promise((resolve) => setImmediate(resolve));
        turnEndMs = performance.now() + TURN_MS;
      }
    }
    this.#flush();
    this.#working = false;
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
      let value = message[place + 1];
      if (message[place] !== InputKind.value) {
        if (!run.results.has(value as number)) {
          this.#records.push(run.number, id, token, TaskEnd.inputLost, 0, 0, undefined);
          return ENDED;
        }
        value = message[place] === InputKind.here ? run.results.get(value as number) : undefined;
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
      startedAtMs: performance.timeOrigin + performance.now(),
      controller: undefined,
      abortedWith: undefined,
      ended: false,
      tellEnded: undefined,
    };
    if (named) args.unshift(this.#context(running, name, attempt));
    return this.#run(running, run.functions.get(fn)!, args);
  }

  #run(running: Running, here: FunctionHere, args: unknown[]): Promise<void> | typeof ENDED {
    const { run, id, token } = running;
    this.#running.add(running);
    if (this.#concurrency === 1) this.#tellCurrent(running);
    else this.#port.postMessage([FromWorker.started, run.number, id, token, running.startedAtMs]);
    let returned: unknown;
    try {
      returned = this.#scope.run(running, called, here, args, running.headers);
      if (!isThenable(returned)) {
        this.#end(running, TaskEnd.returned, returned);
        return ENDED;
      }
      returned = Promise.resolve(returned);
    } catch (error) {
      this.#end(running, TaskEnd.threw, error);
      return ENDED;
    }
    const ending = new Promise<void>((resolve) => {
      running.tellEnded = resolve;
    });
    this.#endings.add(ending);
    void ending.then(() => this.#endings.delete(ending));
    (returned as Promise<unknown>).then(
      (result) => this.#endLater(running, TaskEnd.returned, result),
      (error) => this.#endLater(running, TaskEnd.threw, error),
    );
    return ending;
  }

  #endLater(running: Running, end: number, value: unknown): void {
    this.#end(running, end, value);
    // Whoever waits in #work flushes; if nobody does, this is the last chance.
    if (!this.#working || this.#concurrency > 1) this.#flush();
  }

  #end(running: Running, end: number, value: unknown): void {
    if (running.ended) return;
    const { run, id, token, flags, startedAtMs } = running;
    running.ended = true;
    this.#running.delete(running);
    if (this.#concurrency === 1) this.#tellCurrent(undefined);
    if (end === TaskEnd.returned && (flags & TaskFlags.keep) !== 0) run.results.set(id, handedOver(value));
    const durationMs = performance.timeOrigin + performance.now() - startedAtMs;
    this.#records.push(
      run.number,
      id,
      token,
      end,
      startedAtMs,
      durationMs,
      end === TaskEnd.threw ? encodeError(value) : value,
    );
    running.tellEnded?.();
  }

  #tellCurrent(running: Running | undefined): void {
    const current = this.#current;
    current[Current.version]!++;
    current[Current.run] = running?.run.number ?? NOTHING;
    current[Current.id] = running?.id ?? NOTHING;
    current[Current.startedAtMs] = running?.startedAtMs ?? 0;
    current[Current.version]!++;
  }

  // Telling.

  #flush(): void {
    this.#flushedAtMs = performance.now();
    const records = this.#records;
    if (records.length === 1) return;
    this.#records = [FromWorker.ended];
    try {
      const moved: ArrayBuffer[] = [];
      for (let place = RECORD_LENGTH; place < records.length; place += RECORD_LENGTH)
        moved.push(...movables(records[place]));
      this.#port.postMessage(records, moved);
    } catch {
      // One result that cannot be sent keeps the whole message back; alone, each of the others can.
      for (let place = 1; place < records.length; place += RECORD_LENGTH)
        this.#flushOne(records.slice(place, place + RECORD_LENGTH));
    }
  }

  #flushOne(record: unknown[]): void {
    const value = record[RECORD_LENGTH - 1];
    try {
      this.#port.postMessage([FromWorker.ended, ...record], [...movables(value)]);
    } catch (error) {
      const why = culprit(value) ?? described(error);
      this.#port.postMessage([
        FromWorker.ended,
        ...record.slice(0, 3),
        TaskEnd.unsendable,
        ...record.slice(4, RECORD_LENGTH - 1),
        why,
      ]);
    }
  }

  /** An error that no promise and no caller took: that of a timer, of an event, of a promise nobody waits for. */
  #escaped(error: unknown): void {
    // What process.exit() throws comes a second time if nobody catches it.
    if (this.#exits.has(error as Error)) return;
    // A microtask has left its scope by the time its error is told of. Where one task runs at a time, it is that one's.
    const running = this.#scope.getStore() ?? (this.#concurrency === 1 ? [...this.#running][0] : undefined);
    if (running === undefined || running.ended) {
      this.#port.postMessage([FromWorker.stray, encodeError(error)]);
      return;
    }
    this.#end(running, TaskEnd.threw, error);
    this.#flush();
  }

  // The context of a task.

  #context(running: Running, task: string, attempt: number): TaskContext {
    const port = this.#port;
    const flush = () => this.#flush();
    const { run, id, token, startedAtMs, headers = NO_HEADERS } = running;
    return {
      task,
      attempt,
      runId: run.id,
      headers,
      get signal(): AbortSignal {
        if (running.controller === undefined) {
          running.controller = new AbortController();
          if (running.abortedWith !== undefined) running.controller.abort(running.abortedWith.reason);
        }
        return running.controller.signal;
      },
      progress(fraction: number, note?: string): void {
        if (typeof fraction !== 'number' || Number.isNaN(fraction))
          throw new InvalidOptionError('fraction', 'a number from 0 to 1', fraction);
        if (running.ended) return;
        // Nobody is to hear of it before it is known that its inputs are done.
        flush();
        port.postMessage([
          FromWorker.progress,
          run.number,
          id,
          token,
          startedAtMs,
          Math.min(Math.max(fraction, 0), 1),
          note,
        ]);
      },
    };
  }
}

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

/** Results keep their meaning wherever the next task runs: what a copy would change is copied here too. */
function handedOver(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain =
    prototype === Object.prototype || prototype === Array.prototype || prototype === null || ArrayBuffer.isView(value);
  // What is moved away is empty here from then on.
  if (isPlain && movables(value).length === 0) return value;
  try {
    return structuredClone(value);
  } catch {
    // The main thread will hear that it cannot be sent.
    return undefined;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as PromiseLike<unknown>).then === 'function'
  );
}

workerpool.worker({
  hello: () => threadId,
  serve: (options: ServeOptions) => new Server(options).closed,
});
