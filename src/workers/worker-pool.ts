import { decodeError, type EncodedError } from '../codec/error-codec.js';
import { WorkerStartError } from '../errors.js';
import { FromWorker, ToWorker } from './messages.js';
import { type WorkerListener, WorkerThread, type WorkerThreadOptions } from './worker-thread.js';

/** What a pool tells the dispatchers, one for each run. */
export interface PoolUser {
  deal(deal: () => void): void;
  fill(): void;
  begun(thread: WorkerThread, id: number, token: number, atMs: number): void;
  seen(thread: WorkerThread, id: number, atMs: number): void;
  progressed(id: number, token: number, fraction: number, note: string | undefined): void;
  ended(
    thread: WorkerThread,
    id: number,
    token: number,
    end: number,
    startedAtMs: number,
    tookMs: number,
    value: unknown,
  ): void;
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
  #callOffAgain: (() => void) | undefined;
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
    return this.#ioThread?.number === number
      ? this.#ioThread
      : this.#threads.find((thread) => thread.number === number);
  }

  /** A run begins. Returns its number among the messages. */
  enter(user: PoolUser): number {
    this.#users.set(++this.#lastUser, user);
    for (const thread of this.#all()) thread.keepAlive(true);
    return this.#lastUser;
  }

  /** A run has ended, of which these threads have been told. */
  leave(number: number, told: ReadonlyMap<number, unknown>): void {
    this.#users.delete(number);
    for (const thread of this.#all()) {
      if (thread.state === 'ready' && told.has(thread.number)) thread.post([ToWorker.end, number]);
      if (this.#users.size === 0) thread.keepAlive(false);
    }
    if (this.#users.size === 0) this.#stopLooking();
  }

  /** So many tasks are ready: starts threads for them, if there may be more. */
  want(readyCount: number): void {
    if (this.#closed) return;
    if (this.#options.ioConcurrency > 0) this.#ioThread ??= this.#start(this.#options.ioConcurrency);
    const idle = this.#threads.filter(({ queuedCount }) => queuedCount === 0).length;
    for (
      let missing = Math.min(readyCount - idle, this.#options.workers - this.#threads.length);
      missing > 0;
      missing--
    )
      this.#threads.push(this.#start(1));
    this.#look();
  }

  /** The thread with the least to do, if it has room. */
  roomiest(inboxMs: number, inboxMax: number): WorkerThread | undefined {
    let best: WorkerThread | undefined;
    for (const thread of this.#threads) {
      if (!thread.hasRoom(inboxMs, inboxMax)) continue;
      const isBetter =
        best === undefined ||
        thread.queuedMs < best.queuedMs ||
        (thread.queuedMs === best.queuedMs && thread.queuedCount < best.queuedCount);
      if (isBetter) best = thread;
    }
    return best;
  }

  /** The thread that has most tasks. */
  fullest(): WorkerThread | undefined {
    let most: WorkerThread | undefined;
    for (const thread of this.#threads)
      if (thread.state === 'ready' && thread.queuedCount > (most?.queuedCount ?? 0)) most = thread;
    return most;
  }

  /** This thread had nothing to do, and now it has: only from here on is it slow to be heard of. */
  busyAgain(thread: WorkerThread): void {
    thread.heardAtMs = this.#options.now();
  }

  /** Nothing has been heard of this thread for so long. */
  isStale(thread: WorkerThread, ms: number): boolean {
    return this.#options.now() - thread.heardAtMs >= ms;
  }

  /** Asks the dispatchers again after so long. */
  lookAgain(afterMs: number): void {
    this.#callOffAgain ??= this.#options.after(afterMs, () => {
      this.#callOffAgain = undefined;
      this.#fill();
    });
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

  ready(): void {
    this.#failedStarts = 0;
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
        const [, number, id, token, startedAtMs, fraction, note] = message as [
          number,
          number,
          number,
          number,
          number,
          number,
          string | undefined,
        ];
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
    this.#callOffAgain?.();
    this.#callOffLook = this.#callOffAgain = undefined;
  }
}
