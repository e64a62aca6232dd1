import { existsSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, type ResourceLimits, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import workerpool, { type Pool } from 'workerpool';
import { decodeError, type EncodedError } from '../codec/error-codec.js';
import { WorkerStartError } from '../errors.js';
import { Current, FromWorker, NOTHING, ToWorker } from './messages.js';

/** How threads are made. */
export interface WorkerThreadOptions {
  /** Memory limits of each thread, as Node has them. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** The script that threads run, for programs that are bundled into one file. Default: the one that comes with the package. */
  readonly workerScript?: URL | string | undefined;
}

/** Who hears what a thread tells. */
interface WorkerListener {
  /** Messages, in the order in which they were sent. */
  messages(thread: WorkerThread, messages: readonly (readonly unknown[])[]): void;
  /** The thread can be given work. */
  ready(thread: WorkerThread): void;
  /** The thread is gone; all it had sent has been told before. */
  died(thread: WorkerThread, cause: unknown): void;
}

/** What a thread is doing at a moment. */
export interface RunningThere {
  readonly run: number;
  readonly id: number;
  readonly startedAtMs: number;
}

/** What a pool tells the dispatchers, one for each run. */
export interface PoolUser {
  deal(deal: () => void): void;
  fill(): void;
  begun(thread: WorkerThread, id: number, token: number, atMs: number): void;
  seen(thread: WorkerThread, id: number, atMs: number): void;
  progressed(id: number, token: number, fraction: number, note: string | undefined): void;
  ended(thread: WorkerThread, id: number, token: number, end: number, startedAtMs: number, tookMs: number, value: unknown): void;
  died(thread: WorkerThread, cause: unknown): void;
  breakOff(error: unknown): void;
}

/** How many threads there may be, besides the one of io-bound tasks. */
export interface PoolOptions extends WorkerThreadOptions {
  readonly workers: number;
  /** How many io-bound attempts may be under way at once on a thread of their own; 0: there is none. */
  readonly ioConcurrency: number;
  readonly now: () => number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Called with errors that belong to no task. */
  readonly stray: (error: unknown) => void;
}

/** So many threads in a row may die before they are ready. */
const STARTS_MAX = 3;
/** How often it is looked at what the threads are doing, in milliseconds. */
const LOOK_MS = 5;
const RECORD_LENGTH = 7;
/** Behind a task that is expected to take longer than this none is put: something more urgent may become ready meanwhile. In milliseconds. */
const ONE_BEHIND_MS = 2;

/** The threads of one executor. They start when there is work for them, are replaced when they die, and keep no process alive while nothing runs. */
export class WorkerPool implements WorkerListener {
  /** What a function is expected to take, in milliseconds. */
  readonly expectedMs: WeakMap<Function, number> = new WeakMap();
  readonly #options: PoolOptions;
  readonly #threads: WorkerThread[] = [];
  #ioThread: WorkerThread | undefined;
  readonly #users = new Map<number, PoolUser>();
  #lastUser = 0;
  #failedStarts = 0;
  #callOffLook: (() => void) | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Io-bound tasks run on a thread of their own, and on no other. */
  get keepsIoApart(): boolean {
    return this.#options.ioConcurrency > 0;
  }

  get ioThread(): WorkerThread | undefined {
    return this.#ioThread;
  }

  thread(number: number): WorkerThread | undefined {
    if (number === 0) return undefined;
    return this.#ioThread?.number === number ? this.#ioThread : this.#threads.find((thread) => thread.number === number);
  }

  /** A run begins. Returns its number among the messages. */
  enter(user: PoolUser): number {
    this.#users.set(++this.#lastUser, user);
    for (const thread of this.#all()) thread.keepAlive(true);
    return this.#lastUser;
  }

  /** A run has ended. */
  leave(number: number): void {
    this.#users.delete(number);
    for (const thread of this.#all()) {
      if (thread.state === 'ready') thread.post([ToWorker.end, number]);
      if (this.#users.size === 0) thread.keepAlive(false);
    }
    if (this.#users.size === 0) this.#stopLooking();
  }

  /** So many tasks are ready: starts threads for them, if there may be more. */
  want(readyCount: number): void {
    if (this.#closed) return;
    if (this.#options.ioConcurrency > 0) this.#ioThread ??= this.#start(this.#options.ioConcurrency);
    const idle = this.#threads.filter(({ queuedCount }) => queuedCount === 0).length;
    for (let missing = Math.min(readyCount - idle, this.#options.workers - this.#threads.length); missing > 0; missing--)
      this.#threads.push(this.#start(1));
    this.#look();
  }

  /** The thread with the least to do, if it has room. */
  roomiest(inboxMs: number, inboxMax: number): WorkerThread | undefined {
    let best: WorkerThread | undefined;
    for (const thread of this.#threads) {
      if (!thread.hasRoom(inboxMs, inboxMax)) continue;
      const isBetter =
        best === undefined || thread.queuedMs < best.queuedMs || (thread.queuedMs === best.queuedMs && thread.queuedCount < best.queuedCount);
      if (isBetter) best = thread;
    }
    return best;
  }

  /** The thread that has most tasks. */
  fullest(): WorkerThread | undefined {
    let most: WorkerThread | undefined;
    for (const thread of this.#threads) if (thread.state === 'ready' && thread.queuedCount > (most?.queuedCount ?? 0)) most = thread;
    return most;
  }

  /** Nothing has been heard of this thread for so long. */
  isStale(thread: WorkerThread, ms: number): boolean {
    return this.#options.now() - thread.heardAtMs >= ms;
  }

  /** Asks the dispatchers again after so long. */
  lookAgain(afterMs: number): void {
    this.#options.after(afterMs, () => this.#fill());
  }

  /** Starts all threads that there may be. */
  async warmUp(): Promise<void> {
    this.want(this.#options.workers);
    await Promise.all([...this.#all()].map((thread) => thread.started));
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopLooking();
    await Promise.all([...this.#all()].map((thread) => thread.terminate()));
  }

  // What the threads tell.

  ready(thread: WorkerThread): void {
    this.#failedStarts = 0;
    thread.heardAtMs = this.#options.now();
    this.#fill();
  }

  messages(thread: WorkerThread, messages: readonly (readonly unknown[])[]): void {
    thread.heardAtMs = this.#options.now();
    // Threads that die as they start are a matter of the program only if none of them works.
    this.#failedStarts = 0;
    const recordsByUser = new Map<number, (() => void)[]>();
    const then = (user: number, deal: () => void) => {
      const deals = recordsByUser.get(user);
      if (deals === undefined) recordsByUser.set(user, [deal]);
      else deals.push(deal);
    };
    for (const message of messages) this.#read(thread, message, then);
    for (const [number, deals] of recordsByUser) {
      this.#users.get(number)?.deal(() => {
        for (const deal of deals) deal();
      });
    }
    // Room for one run is room for all.
    if (this.#users.size > 1) this.#fill();
  }

  died(thread: WorkerThread, cause: unknown): void {
    const wasReady = thread.threadId !== 0;
    if (this.#ioThread === thread) this.#ioThread = undefined;
    else this.#threads.splice(this.#threads.indexOf(thread), 1);
    if (this.#closed && this.#users.size === 0) return;
    if (!wasReady && ++this.#failedStarts >= STARTS_MAX) {
      const error = new WorkerStartError(
        `Worker threads do not start: ${this.#failedStarts} of them died before they were ready. Check the \`workerScript\` and \`resourceLimits\` options.`,
        { cause },
      );
      this.#failedStarts = 0;
      for (const user of [...this.#users.values()]) user.breakOff(error);
      return;
    }
    for (const user of [...this.#users.values()]) user.deal(() => user.died(thread, cause));
    this.#fill();
  }

  #read(thread: WorkerThread, message: readonly unknown[], then: (user: number, deal: () => void) => void): void {
    switch (message[0]) {
      case FromWorker.ended:
        for (let place = 1; place < message.length; place += RECORD_LENGTH) {
          const [number, id, token, end, startedAtMs, tookMs, value] = message.slice(place, place + RECORD_LENGTH) as [
            number,
            number,
            number,
            number,
            number,
            number,
            unknown,
          ];
          const user = this.#users.get(number);
          then(number, () => user?.ended(thread, id, token, end, startedAtMs, tookMs, value));
        }
        break;
      case FromWorker.progress: {
        const [, number, id, token, startedAtMs, fraction, note] = message as [number, number, number, number, number, number, string | undefined];
        const user = this.#users.get(number);
        then(number, () => {
          user?.begun(thread, id, token, startedAtMs);
          user?.progressed(id, token, fraction, note);
        });
        break;
      }
      case FromWorker.started: {
        const [, number, id, token, atMs] = message as [number, number, number, number, number];
        const user = this.#users.get(number);
        then(number, () => user?.begun(thread, id, token, atMs));
        break;
      }
      case FromWorker.stray:
        this.#options.stray(decodeError(message[1] as EncodedError));
        break;
      default:
    }
  }

  // Helpers.

  #start(concurrency: number): WorkerThread {
    const taken = new Set([...this.#all()].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number++;
    const thread = new WorkerThread(number, concurrency, this.#options, this);
    thread.keepAlive(this.#users.size > 0);
    return thread;
  }

  *#all(): Generator<WorkerThread> {
    yield* this.#threads;
    if (this.#ioThread !== undefined) yield this.#ioThread;
  }

  #fill(): void {
    for (const user of [...this.#users.values()]) user.deal(() => {});
  }

  /** Looks again and again at what the threads run: a task that runs for long has begun long before it can say so. */
  #look(): void {
    this.#callOffLook ??= this.#options.after(LOOK_MS, () => {
      this.#callOffLook = undefined;
      for (const thread of this.#threads) {
        const there = thread.state === 'ready' ? thread.current : undefined;
        const user = there && this.#users.get(there.run);
        if (there !== undefined && user !== undefined) user.deal(() => user.seen(thread, there.id, there.startedAtMs));
      }
      if (this.#users.size > 0) this.#look();
    });
  }

  #stopLooking(): void {
    this.#callOffLook?.();
    this.#callOffLook = undefined;
  }
}

/** How long a thread that is told to stop may take before it is stopped by force, in milliseconds. */
const TERMINATE_MS = 50;

/** Threads that this process has started, by thread id: a public event is the only way to the handle of a thread that workerpool made. */
const threads = new Map<number, Worker>();
let watching = false;

/**
 * One of our threads, with a port to it. workerpool starts it, notices its death and ends it; its queue is not used: it is given one call, `serve`, that lasts as long as the
 * thread does, and everything else goes through the port.
 */
export class WorkerThread {
  /** 1 or more; unique among the threads that live. */
  readonly number: number;
  readonly concurrency: number;
  state: 'starting' | 'ready' | 'dead' = 'starting';
  /** Node's number of the thread, for events; 0 until it is ready. */
  threadId = 0;
  /** How many tasks stand in its inbox or run there, and how long they are expected to take together. */
  queuedCount = 0;
  queuedMs = 0;
  /** When it was last heard of, in milliseconds since 1970. */
  heardAtMs = 0;
  readonly #listener: WorkerListener;
  readonly #pool: Pool;
  readonly #current = new SharedArrayBuffer(Current.length * Float64Array.BYTES_PER_ELEMENT);
  readonly #currentView = new Float64Array(this.#current);
  #port: MessagePort | undefined;
  #thread: Worker | undefined;
  #isNeeded = false;
  /** Fulfilled when the thread can be given work, or never will. */
  readonly started: Promise<void>;
  /** Fulfilled when the thread is gone. */
  readonly ended: Promise<void>;
  #tellStarted: () => void = () => {};
  #tellEnded: () => void = () => {};

  constructor(number: number, concurrency: number, options: WorkerThreadOptions, listener: WorkerListener) {
    this.number = number;
    this.concurrency = concurrency;
    this.#listener = listener;
    this.#currentView[Current.id] = NOTHING;
    this.started = new Promise((resolve) => {
      this.#tellStarted = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    watchThreads();
    this.#pool = workerpool.pool(scriptPath(options.workerScript), {
      workerType: 'thread',
      maxWorkers: 1,
      workerTerminateTimeout: TERMINATE_MS,
      workerThreadOpts: options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits },
    });
    void this.#serve();
  }

  /** What runs there now; `undefined` if nothing does. Only for a thread that runs one attempt at a time. */
  get current(): RunningThere | undefined {
    const view = this.#currentView;
    for (;;) {
      const version = view[Current.version]!;
      const there = { run: view[Current.run]!, id: view[Current.id]!, startedAtMs: view[Current.startedAtMs]! };
      if (version % 2 === 0 && version === view[Current.version]) return there.id === NOTHING ? undefined : there;
    }
  }

  hasRoom(inboxMs: number, inboxMax: number): boolean {
    if (this.state !== 'ready') return false;
    // One is put behind a longer task too, so that the thread need not wait for it to come.
    if (this.queuedCount <= 1) return this.queuedMs < ONE_BEHIND_MS;
    return this.queuedMs < inboxMs && this.queuedCount < inboxMax;
  }

  /**
   * @throws DataCloneError if something in it cannot be sent; then nothing is
   */
  post(message: readonly unknown[]): void {
    this.#port?.postMessage(message);
  }

  /** Whether the process must stay alive for this thread. */
  keepAlive(isNeeded: boolean): void {
    this.#isNeeded = isNeeded;
    if (isNeeded) {
      this.#port?.ref();
      this.#thread?.ref();
    } else {
      this.#port?.unref();
      this.#thread?.unref();
    }
  }

  /** Ends the thread, whatever it is doing. */
  async terminate(): Promise<void> {
    this.keepAlive(true);
    // The thread itself: workerpool asks kindly first, which an endless loop does not hear, and never answers at all if the thread was quicker.
    if (this.#thread === undefined) void Promise.resolve(this.#pool.terminate(true)).catch(() => {});
    else await this.#thread.terminate();
    await this.ended;
  }

  async #serve(): Promise<void> {
    try {
      // Two calls: a port handed to a thread that is not there yet would be lost with it if it never comes.
      this.threadId = (await this.#pool.exec('hello')) as number;
      this.#thread = threads.get(this.threadId);
      const { port1, port2 } = new MessageChannel();
      this.#port = port1;
      port1.on('message', (message) => this.#listener.messages(this, [message, ...this.#waiting()]));
      const serving = this.#pool.exec('serve', [{ port: port2, concurrency: this.concurrency, current: this.#current }], { transfer: [port2] });
      this.state = 'ready';
      this.keepAlive(this.#isNeeded);
      this.#tellStarted();
      this.#listener.ready(this);
      await serving;
      this.#die(undefined);
    } catch (error) {
      this.#die(error);
    }
  }

  #die(cause: unknown): void {
    if (this.state === 'dead') return;
    // What it had sent has arrived, even if nobody has looked yet.
    const last = this.#waiting();
    if (last.length > 0) this.#listener.messages(this, last);
    this.state = 'dead';
    this.#tellStarted();
    this.#port?.close();
    threads.delete(this.threadId);
    void Promise.resolve(this.#pool.terminate(true)).catch(() => {});
    this.#tellEnded();
    this.#listener.died(this, cause);
  }

  #waiting(): (readonly unknown[])[] {
    const messages: (readonly unknown[])[] = [];
    if (this.#port === undefined) return messages;
    for (let received = receiveMessageOnPort(this.#port); received !== undefined; received = receiveMessageOnPort(this.#port))
      messages.push(received.message);
    return messages;
  }
}

function watchThreads(): void {
  if (watching) return;
  watching = true;
  process.on('worker', (thread) => {
    const { threadId } = thread;
    threads.set(threadId, thread);
    thread.once('exit', () => threads.delete(threadId));
  });
}

/**
 * The compiled script beside this file; from sources, one that has them compiled as they are loaded. In a program that was bundled into one file there is none
 * of these, but the package may be installed where it runs.
 *
 * @throws {@link WorkerStartError}
 */
function scriptPath(script: URL | string | undefined): string {
  if (script !== undefined) return script instanceof URL || script.startsWith('file:') ? fileURLToPath(script) : script;
  // Bundlers that make CommonJS leave no address here.
  const here = (import.meta.url as string | undefined) ?? pathToFileURL(process.argv[1] ?? '.').href;
  const beside = ['./worker-main.js', './worker-main.dev.mjs'].map((name) => fileURLToPath(new URL(name, here))).find((path) => existsSync(path));
  if (beside !== undefined) return beside;
  try {
    return nodeModule.createRequire(here).resolve('taskmap-ts/worker');
  } catch (cause) {
    throw new WorkerStartError(
      'Worker threads do not start: their script is not beside the program, as happens when that is bundled into one file. ' +
        "Bundle 'taskmap-ts/worker' into a file of its own, and name it by the `workerScript` option.",
      { cause },
    );
  }
}
