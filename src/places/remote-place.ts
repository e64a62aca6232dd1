import { withCaller } from '../codec/error-codec.js';
import { decodeValue, encodeThrown, encodeValue } from '../codec/value-codec.js';
import { InvalidOptionError, partOf, WorkerLostError } from '../errors.js';
import type { ThreadId } from '../events.js';
import type { Task } from '../graph/task.js';
import type { AbortOrder, CallOrder, News } from './attempt-messages.js';
import type { Place, PlacedRun, RemoteAttempt } from './place.js';

/** A worker of a {@link RemotePlace}: a process, a container, another machine, on which `serveAttempts()` runs. */
export interface RemoteWorker {
  /** What events call it. */
  readonly where: ThreadId;
  /** What it sends, in order. The messages end, or fail with the cause, once nothing runs on it any more. */
  readonly messages: AsyncIterable<Uint8Array>;
  /** Sends it a message, after those before. What is sent to one that has died is lost, and nothing is thrown. */
  send(message: Uint8Array): unknown;
  /** Ends it, whatever it is at, and its messages with it. Also called when these have ended. */
  end(): unknown;
}

/** What a {@link RemotePlace} is to do. */
export interface RemotePlaceOptions {
  /** How many workers there are at most: an integer, 1 or more. */
  readonly workers: number;
  /** How many io-bound attempts share a worker at most: an integer, 1 or more. Others have it alone. Default 16. */
  readonly sharedMax?: number | undefined;
  /**
   * Starts a worker. Called when there is more to do than those that are there can take. What it rejects with, the run
   * rejects with.
   */
  readonly start: () => Promise<RemoteWorker>;
  /** What names the function of a task to the far side: any value that `encodeValue()` takes. */
  readonly reference: (task: Task) => unknown;
}

type SeatOptions = RemotePlaceOptions & { readonly sharedMax: number };

/** A task fails of which so many workers have died while it was alone there. */
const DEATHS_MAX = 3;
const SHARED_MAX = 16;

/**
 * A place of workers that it starts, over any wire that takes bytes to and fro: on each of them `serveAttempts()` calls
 * the functions. Values and errors go by the codec, aborts with their reasons, and functions have their context.
 *
 * What a worker had when it died runs again, and each alone on a worker until it is known which of them is to blame: a
 * task of which three workers have died fails with a {@link WorkerLostError}, and takes no other along. An attempt that
 * does not come to its end when it is to is ended with its worker, which blames nobody.
 *
 * The example of {@link serveAttempts} has one.
 */
export class RemotePlace implements Place {
  readonly #run: PlacedRun;
  readonly #seats: readonly Seat[];

  constructor(run: PlacedRun, options: RemotePlaceOptions) {
    const { workers, sharedMax = SHARED_MAX } = options;
    for (const [name, count] of Object.entries({ workers, sharedMax }))
      if (!Number.isInteger(count) || count < 1) throw new InvalidOptionError(name, 'an integer of 1 or more', count);
    const suspects = new Map<number, number>();
    this.#run = run;
    this.#seats = Array.from({ length: workers }, () => new Seat(run, { ...options, sharedMax }, suspects));
  }

  get isBusy(): boolean {
    return this.#seats.some(({ attempts }) => attempts.size > 0);
  }

  fill(): void {
    for (const seat of this.#seats) seat.fill();
    let startingCount = this.#seats.filter(({ isStarting }) => isStarting).length;
    for (const seat of this.#seats) {
      if (!seat.isEmpty || startingCount >= this.#run.readyCount) continue;
      startingCount++;
      void seat.start();
    }
  }

  /** What was taken is on its way. */
  stop(): void {}

  abort(attempt: RemoteAttempt, reason: unknown): void {
    this.#seatOf(attempt)?.abort(attempt, reason);
  }

  giveUp(attempt: RemoteAttempt): void {
    this.#seatOf(attempt)?.end();
  }

  end(): void {
    for (const seat of this.#seats) seat.end();
  }

  #seatOf({ id }: RemoteAttempt): Seat | undefined {
    return this.#seats.find(({ attempts }) => attempts.has(id));
  }
}

/**
 * Room for one worker.
 *
 * ```
 *   empty ─► starting ─► there ─┬──────────► empty       it has died
 *                               └─► ending ──► empty     it was ended here, and its messages have ended
 * ```
 */
class Seat {
  /** What its worker has, by the numbers of tasks. */
  readonly attempts = new Map<number, RemoteAttempt>();
  readonly #run: PlacedRun;
  readonly #options: SeatOptions;
  /** Of each task that was lost, and has not ended since: how many workers died while it was alone there. */
  readonly #suspects: Map<number, number>;
  isStarting = false;
  #worker: RemoteWorker | undefined;
  #isEnding = false;

  constructor(run: PlacedRun, options: SeatOptions, suspects: Map<number, number>) {
    this.#run = run;
    this.#options = options;
    this.#suspects = suspects;
  }

  get isEmpty(): boolean {
    return this.#worker === undefined && !this.isStarting;
  }

  async start(): Promise<void> {
    this.isStarting = true;
    try {
      this.#worker = await this.#options.start();
    } catch (error) {
      this.#run.breakOff(error);
      return;
    }
    this.isStarting = false;
    // Its run is over already.
    if (this.#isEnding) this.#worker.end();
    this.#run.wake();
    await this.#hearAll(this.#worker);
  }

  fill(): void {
    if (this.#worker === undefined || this.#isEnding) return;
    for (let next = this.#take(); next !== undefined; next = this.#take()) this.#send(this.#worker, next);
  }

  abort({ id }: RemoteAttempt, reason: unknown): void {
    const order: AbortOrder = { id, abort: encodeThrown(reason) };
    this.#worker?.send(encodeValue(order));
  }

  end(): void {
    this.#isEnding = true;
    this.#worker?.end();
  }

  #take(): RemoteAttempt | undefined {
    const [first] = this.attempts.values();
    if (first === undefined) return this.#run.take();
    // While there are suspects each attempt is alone, so that it is known of which the next worker dies.
    const isShared = first.task.ioBound && this.attempts.size < this.#options.sharedMax && this.#suspects.size === 0;
    return isShared ? this.#run.take(true) : undefined;
  }

  #send(worker: RemoteWorker, attempt: RemoteAttempt): void {
    let message: Uint8Array;
    try {
      message = encodeValue(this.#orderFor(attempt), 'call');
    } catch (error) {
      this.#run.ended(attempt, { kind: 'unsendable', what: 'argument', part: partOf(error) });
      return;
    }
    this.attempts.set(attempt.id, attempt);
    worker.send(message);
  }

  #orderFor({ id, name, attempt, task, inputs, headers = {} }: RemoteAttempt): CallOrder<unknown> {
    const facts = task.withContext ? { task: name, attempt, runId: this.#run.id, headers } : undefined;
    return { id, reference: this.#options.reference(task), args: encodeValue(inputs, 'arguments'), facts };
  }

  async #hearAll(worker: RemoteWorker): Promise<void> {
    let cause: unknown;
    try {
      for await (const message of worker.messages) this.#hear(worker, decodeValue(message) as News);
    } catch (error) {
      cause = error;
    }
    // It may be alive, and not to be understood.
    worker.end();
    this.#run.wake(() => this.#lose(worker, cause));
  }

  #hear({ where }: RemoteWorker, [id, kind, bytes, tookMs, wasTold]: News): void {
    const attempt = this.attempts.get(id);
    if (attempt === undefined) return;
    const value = decodeValue(bytes);
    const startedAtMs = this.#run.now() - tookMs;
    if (kind === 'began') {
      this.#run.began(attempt, startedAtMs, where);
    } else if (kind === 'progressed') {
      this.#run.progressed(attempt, ...(value as [number, string | undefined]));
    } else {
      this.attempts.delete(id);
      this.#suspects.delete(id);
      if (kind === 'threw') withCaller(value, this.#run.calledFrom);
      if (kind === 'unsendable') this.#run.ended(attempt, { kind, what: 'result', part: value as string });
      else this.#run.ended(attempt, { kind, value, startedAtMs, tookMs, where, wasTold });
    }
  }

  /** The worker is no more: it died, or was ended here, which is nobody's fault. */
  #lose({ where }: RemoteWorker, cause: unknown): void {
    const lost = [...this.attempts];
    const isBlamed = !this.#isEnding && lost.length === 1;
    const reason = new Error(`Worker ${where} was lost.`, { cause });
    this.attempts.clear();
    for (const [id, attempt] of lost) {
      const deaths = (this.#suspects.get(id) ?? 0) + (isBlamed ? 1 : 0);
      const isHopeless = deaths === DEATHS_MAX;
      const error = isHopeless ? new WorkerLostError(attempt.name, { cause: reason }) : reason;
      const fate = this.#run.ended(attempt, isHopeless ? { kind: 'hopeless', error } : { kind: 'lost', reason });
      if (fate !== 'again') this.#suspects.delete(id);
      else if (!this.#isEnding) this.#suspects.set(id, deaths);
    }
    this.#worker = undefined;
    this.#isEnding = false;
  }
}
