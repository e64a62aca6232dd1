import { existsSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  MessageChannel,
  type MessagePort,
  type ResourceLimits,
  receiveMessageOnPort,
  type Worker,
} from 'node:worker_threads';
import workerpool, { type Pool } from 'workerpool';
import { WorkerStartError } from '../errors.js';
import { Current, NOTHING } from './messages.js';

/** How threads are made. */
export interface WorkerThreadOptions {
  /** Memory limits of each thread, as Node has them. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** The script that threads run, for programs that are bundled into one file. Default: the one that comes with the package. */
  readonly workerScript?: URL | string | undefined;
}

/** Who hears what a thread tells. */
export interface WorkerListener {
  /** Messages, in the order in which they were sent. */
  messages(thread: WorkerThread, messages: readonly (readonly unknown[])[]): void;
  /** A thread can be given work. */
  ready(): void;
  /** The thread is gone; all it had sent has been told before. */
  died(thread: WorkerThread, cause: unknown): void;
}

/** What a thread is doing at a moment. */
export interface RunningThere {
  readonly run: number;
  readonly id: number;
  readonly startedAtMs: number;
}

/** Behind a task that is expected to take longer than this none is put: something more urgent may become ready meanwhile. In milliseconds. */
const ONE_BEHIND_MS = 2; /** How long a thread that is told to stop may take before it is stopped by force, in milliseconds. */
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
  /** When it was last heard of, or given work after it had none, in milliseconds since 1970. */
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
      const serving = this.#pool.exec(
        'serve',
        [{ port: port2, concurrency: this.concurrency, current: this.#current }],
        { transfer: [port2] },
      );
      this.state = 'ready';
      this.keepAlive(this.#isNeeded);
      this.#tellStarted();
      this.#listener.ready();
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
    for (
      let received = receiveMessageOnPort(this.#port);
      received !== undefined;
      received = receiveMessageOnPort(this.#port)
    )
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
  const beside = ['./worker-main.js', './worker-main.dev.mjs']
    .map((name) => fileURLToPath(new URL(name, here)))
    .find((path) => existsSync(path));
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
