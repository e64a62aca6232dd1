import { decodeError, type EncodedError } from '../codec/error-codec.js';
import { WorkerStartError } from '../errors.js';
import { inNoContext } from '../places/caller-context.js';
import { FromWorker, RECORD_LENGTH, TaskEnd, ToWorker } from './messages.js';
import type { PrintedStream } from './printed-stream.js';
import { type WorkerListener, WorkerThread, type WorkerThreadOptions } from './worker-thread.js';

/** What a pool tells the dispatchers, one for each run. */
export interface PoolUser {
  /** Has its run go on, after it was told what has come. */
  wake(tell?: () => void): void;
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
  /** Something that was printed on a thread has been passed on, or is not waited for any more. */
  printed(): void;
  /** A message with tasks could not be read there. */
  unreadable(thread: WorkerThread, message: number, why: string): void;
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
/** A thread that has tasks, runs none of them and says nothing for so long has lost them, in milliseconds. */
const SILENT_MS = 10_000;
const UNREADABLE = 'it could be sent, but not read where it arrived';

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
  #isSharing = false;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Io-bound tasks run on a thread of their own, and on no other. */
  get keepsIoApart(): boolean {
    return this.#options.ioConcurrency > 0;
  }

  /** There may be more threads than there are. */
  get canGrow(): boolean {
    return this.#threads.length < this.#options.workers;
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
    for (const thread of this.#all()) {
      thread.keepAlive(true);
      this.#waitForPrinted(thread);
    }
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
      this.#wakeAll();
    });
  }

  /** Room for one run is room for all, also if that run is over now. */
  shareRoom(): void {
    if (this.#users.size < 2 || this.#isSharing) return;
    this.#isSharing = true;
    queueMicrotask(() => {
      this.#isSharing = false;
      this.#wakeAll();
    });
  }

  /** A little later, when the threads have been looked at again. */
  later(callback: () => void): void {
    this.#options.after(LOOK_MS, callback);
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
    this.#wakeAll();
  }

  messages(thread: WorkerThread, messages: readonly (readonly unknown[])[]): void {
    this.#hear(thread, messages, thread.heardCount, thread.heardCount);
  }

  printed(stream: PrintedStream, byteCount: number): void {
    stream.passed(byteCount, this.#options.now());
    this.#tellAll((user) => user.printed());
  }

  /**
   * Reads messages, and after them what stands on the board and has not come by message.
   *
   * @param upTo - the entry of the board to stop at
   * @param flushed - entries before this one have been sent, and have come by now if they can be read
   */
  #hear(thread: WorkerThread, messages: readonly (readonly unknown[])[], upTo: number, flushed: number): void {
    const newsByRun = new Map<number, (() => void)[]>();
    const then = (run: number, tell: () => void) => {
      const news = newsByRun.get(run);
      if (news === undefined) newsByRun.set(run, [tell]);
      else news.push(tell);
    };
    for (const message of messages) this.#read(thread, message, then);
    this.#readBoard(thread, upTo, flushed, then);
    if (messages.length > 0 || newsByRun.size > 0) {
      thread.heardAtMs = this.#options.now();
      // Threads that die as they start are a matter of the program only if none of them works.
      this.#failedStarts = 0;
    }
    for (const [run, news] of newsByRun) {
      this.#users.get(run)?.wake(() => {
        for (const tell of news) tell();
      });
    }
  }

  died(thread: WorkerThread, cause: unknown): void {
    const wasReady = thread.threadId !== 0;
    this.#hear(thread, [], thread.board.written, thread.board.flushed);
    if (this.#ioThread === thread) this.#ioThread = undefined;
    else this.#threads.splice(this.#threads.indexOf(thread), 1);
    if (this.#closed && this.#users.size === 0) return;
    if (!wasReady && ++this.#failedStarts >= STARTS_MAX) {
      const error = new WorkerStartError(
        `Worker threads do not start: ${this.#failedStarts} of them died before they were ready. Check the \`workerScript\` and \`resourceLimits\` options.`,
        { cause },
      );
      this.#failedStarts = 0;
      this.#tellAll((user) => user.breakOff(error));
      return;
    }
    this.#tellAll((user) => user.wake(() => user.died(thread, cause)));
    this.#wakeAll();
  }

  #read(thread: WorkerThread, message: readonly unknown[], then: (user: number, deal: () => void) => void): void {
    switch (message[0]) {
      case FromWorker.ended: {
        const first = message[1] as number;
        // Those before them were sent, and did not arrive.
        this.#readBoard(thread, first, first, then);
        for (let place = 2; place < message.length; place += RECORD_LENGTH) {
          const entry = (first + (place - 2) / RECORD_LENGTH) | 0;
          // It was read from the board.
          if (isBefore(entry, thread.heardCount)) continue;
          thread.heardCount = (entry + 1) | 0;
          const [run, id, token, end, startedAtMs, tookMs, value] = message.slice(place, place + RECORD_LENGTH) as [
            number,
            number,
            number,
            number,
            number,
            number,
            unknown,
          ];
          const user = this.#users.get(run);
          then(run, () => user?.ended(thread, id, token, end, startedAtMs, tookMs, value));
        }
        break;
      }
      case FromWorker.unreadable: {
        const [, number, why] = message as [number, number, string];
        for (const [run, user] of this.#users) then(run, () => user.unreadable(thread, number, why));
        break;
      }
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

  /** What has ended on a thread and did not come by message, up to an entry of its board. */
  #readBoard(thread: WorkerThread, upTo: number, flushed: number, then: (run: number, tell: () => void) => void): void {
    for (let count = thread.heardCount; isBefore(count, upTo); count = thread.heardCount) {
      const entry = thread.board.read(count);
      // It is about to be sent.
      if (entry !== undefined && !entry.isWhole && !isBefore(count, flushed)) return;
      thread.heardCount = (count + 1) | 0;
      if (entry === undefined) continue;
      const { run, id, token, startedAtMs, tookMs, isWhole } = entry;
      const isLost = !isWhole && entry.end !== TaskEnd.inputLost;
      const end = isLost ? TaskEnd.unsendable : entry.end;
      const value = isLost ? UNREADABLE : entry.value;
      const user = this.#users.get(run);
      then(run, () => user?.ended(thread, id, token, end, startedAtMs, tookMs, value));
    }
  }

  // Helpers.

  #start(concurrency: number): WorkerThread {
    const taken = new Set([...this.#all()].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number++;
    // It outlives the run that needs it first, and belongs to nobody's context.
    const thread = inNoContext(() => new WorkerThread(number, concurrency, this.#options, this));
    thread.keepAlive(this.#users.size > 0);
    this.#waitForPrinted(thread);
    return thread;
  }

  *#all(): Generator<WorkerThread> {
    yield* this.#threads;
    if (this.#ioThread !== undefined) yield this.#ioThread;
  }

  #wakeAll(): void {
    this.#tellAll((user) => user.wake());
  }

  /** Tells the runs that there are, but for those that end while others are told: by what a listener does, for example. */
  #tellAll(tell: (user: PoolUser) => void): void {
    for (const [number, user] of [...this.#users]) if (this.#users.has(number)) tell(user);
  }

  /**
   * Looks again and again at what the threads do. A task that runs for long has begun long before its thread can say so, and
   * so have those ended that ran before it; and a thread whose program was broken by a task says nothing ever.
   */
  #look(): void {
    this.#callOffLook ??= this.#options.after(LOOK_MS, () => {
      this.#callOffLook = undefined;
      for (const thread of [...this.#all()]) if (thread.state === 'ready') this.#lookAt(thread);
      if (this.#users.size > 0) this.#look();
    });
  }

  #lookAt(thread: WorkerThread): void {
    const { board } = thread;
    // In this order: what had ended before the current task began is on the board by now, and what was sent has come.
    const { rested, flushed } = board;
    const current = thread.concurrency === 1 ? board.current : undefined;
    this.#hear(thread, thread.take(), board.written, flushed);
    if (current !== undefined) {
      thread.heardAtMs = this.#options.now();
      const user = this.#users.get(current.run);
      user?.wake(() => user.seen(thread, current.id, current.startedAtMs));
    }
    for (const stream of thread.streams)
      if (stream.forgetIfLost(this.#options.now())) this.#tellAll((user) => user.printed());
    if (thread.queuedCount === 0 || thread.state !== 'ready') return;
    const isSilent = thread.concurrency === 1 && this.isStale(thread, SILENT_MS);
    // It has read all that was sent, has nothing left to do, and never said what came of some of it.
    if (rested === thread.postedCount || isSilent) void thread.kill();
  }

  /** Nobody has looked at what is missing of it since the last run. */
  #waitForPrinted(thread: WorkerThread): void {
    for (const stream of thread.streams) stream.waitFrom(this.#options.now());
  }

  #stopLooking(): void {
    this.#callOffLook?.();
    this.#callOffAgain?.();
    this.#callOffLook = this.#callOffAgain = undefined;
  }
}

/** Of two counts that wrap around. */
function isBefore(count: number, other: number): boolean {
  return ((count - other) | 0) < 0;
}
