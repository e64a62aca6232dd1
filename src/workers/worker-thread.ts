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
import { Board } from './board.js';
import { PrintedStream } from './printed-stream.js';
import { threadFlags } from './thread-flags.js';

/** How threads are made. */
export interface WorkerThreadOptions {
  /** Memory limits of each thread, as Node has them. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** The script that threads run, for programs that are bundled into one file. Default: the one that comes with the package. */
  readonly workerScript?: URL | string | undefined;
}

/** Who hears what a thread tells. */
export interface WorkerListener {
  /** Messages, in the order in which they were sent. Those that could not be read are missing. */
  messages(thread: WorkerThread, messages: readonly (readonly unknown[])[]): void;
  /** A thread can be given work. */
  ready(): void;
  /** The thread is gone; all it had sent has been told before. */
  died(thread: WorkerThread, cause: unknown): void;
  /** Something that was printed to one of its streams has been passed on. */
  printed(stream: PrintedStream, byteCount: number): void;
}

/** How many bytes the tasks of a thread had printed at a moment. */
export interface PrintedUntil {
  readonly outCount: number;
  readonly errCount: number;
}

/** Behind a task that is expected to take longer than this none is put: something more urgent may become ready meanwhile. In milliseconds. */
const ONE_BEHIND_MS = 2;
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
  /** When it was last heard of, or given work after it had none, in milliseconds since 1970. */
  heardAtMs = 0;
  readonly #listener: WorkerListener;
  readonly #pool: Pool;
  /** What it shows of itself. */
  readonly board: Board = new Board();
  /** How many of the entries on its board have been heard. */
  heardCount = 0;
  /** How many messages have been sent to it. */
  postedCount = 0;
  /** Who waits until nobody else has anything on it: others send nothing meanwhile. */
  awaitedBy: object | undefined;
  /** Who has this thread to itself, to see whether a task of its ends it: nobody else may send to it. */
  reservedFor: object | undefined;
  /** We have ended it, so that nothing that ran there is to blame. */
  isEndedByUs = false;
  /** What its tasks print: stdout and stderr. */
  readonly streams: readonly [out: PrintedStream, err: PrintedStream] = [
    new PrintedStream(this.board, 0),
    new PrintedStream(this.board, 1),
  ];
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
    this.board.clear();
    this.started = new Promise((resolve) => {
      this.#tellStarted = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    watchThreads();
    const flags = threadFlags();
    this.#pool = workerpool.pool(scriptPath(options.workerScript), {
      workerType: 'thread',
      maxWorkers: 1,
      workerTerminateTimeout: TERMINATE_MS,
      workerThreadOpts: {
        ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
        ...(flags === undefined ? {} : { execArgv: flags }),
      },
    });
    void this.#serve();
  }

  /** How far its tasks have printed, to be asked for later; `undefined` if all of that has been passed on. */
  get printedUntil(): PrintedUntil | undefined {
    const [out, err] = this.streams;
    if (!out.isMissing && !err.isMissing) return undefined;
    return { outCount: out.printedCount, errCount: err.printedCount };
  }

  /** Whether all that had been printed until then has been passed on, or will never be. */
  hasPassed({ outCount, errCount }: PrintedUntil): boolean {
    const [out, err] = this.streams;
    return this.state !== 'ready' || (out.hasPassed(outCount) && err.hasPassed(errCount));
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
    this.postedCount = (this.postedCount + 1) | 0;
  }

  /** What it has sent and nobody has looked at yet. */
  take(): (readonly unknown[])[] {
    const messages: (readonly unknown[])[] = [];
    if (this.#port === undefined) return messages;
    for (;;) {
      try {
        const received = receiveMessageOnPort(this.#port);
        if (received === undefined) return messages;
        messages.push(received.message);
      } catch {
        // It cannot be read. Of the tasks in it the board tells.
      }
    }
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

  /** Ends the thread, whatever it is doing. Nothing that runs there is to blame for it. */
  async terminate(): Promise<void> {
    this.isEndedByUs = true;
    await this.kill();
  }

  /** Ends the thread, as if it had died of what runs there. */
  async kill(): Promise<void> {
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
      const [out, err] = this.streams;
      this.#thread?.stdout.on('data', ({ length }: Uint8Array) => this.#listener.printed(out, length));
      this.#thread?.stderr.on('data', ({ length }: Uint8Array) => this.#listener.printed(err, length));
      const { port1, port2 } = new MessageChannel();
      this.#port = port1;
      port1.on('message', (message) => this.#listener.messages(this, [message, ...this.take()]));
      port1.on('messageerror', () => this.#listener.messages(this, this.take()));
      const serving = this.#pool.exec(
        'serve',
        [{ port: port2, concurrency: this.concurrency, board: this.board.buffer }],
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
    const last = this.take();
    if (last.length > 0) this.#listener.messages(this, last);
    this.state = 'dead';
    this.#tellStarted();
    this.#port?.close();
    threads.delete(this.threadId);
    void Promise.resolve(this.#pool.terminate(true)).catch(() => {});
    this.#tellEnded();
    this.#listener.died(this, cause);
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
