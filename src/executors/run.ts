import {
  AsyncTaskError,
  InvariantError,
  RunAbortedError,
  RunFailedError,
  TaskTimeoutError,
  UnstorableError,
} from '../errors.js';
import type { AttemptRecord, RunReport, ThreadId } from '../events.js';
import type { TaskSettings } from '../graph/task.js';
import { claimGraph, type OpenGraph, openGraph, releaseGraph, type TaskGraph } from '../graph/task-graph.js';
import { TaskGraphBuilder } from '../graph/task-graph-builder.js';
import { deservesAnother, retryDelayMs } from '../schedule/retry-policy.js';
import { NONE, Schedule, type Slots } from '../schedule/schedule.js';
import type { AttemptFacts, RunMemory } from '../store/run-memory.js';
import { Announcer, durationOf, NOT_TIMED } from './announcer.js';
import { type Abortion, type AttemptRun, invoked, LiveAttempt } from './attempt.js';
import { type Clock, systemClock } from './clock.js';
import type { Elsewhere } from './elsewhere.js';
import { Emitter } from './emitter.js';

/** What a run does when a task fails for good. */
export type OnFailure = 'continue' | 'stop' | 'abort';

/** What a run needs of its executor. */
export interface RunHost {
  readonly emitter: Emitter;
  /** How long an aborted attempt is given to settle before the run goes on without it, in milliseconds. */
  readonly graceMs: number;
  /** Whether a promise that a task returns is waited for, and other events get their turn between tasks. */
  readonly isAsync: boolean;
}

/** What a run is asked to do. */
export interface RunOrder {
  readonly runId: string;
  readonly graph: TaskGraph;
  readonly clock: Clock;
  readonly slots: Slots;
  /** Where an attempt runs; `undefined`: its function is called here. */
  readonly runAttempt: ((attempt: LiveAttempt) => unknown) | undefined;
  /** What goes along with an attempt; `undefined`: nothing ever does. */
  readonly headers?: ((attempt: AttemptRecord) => Readonly<Record<string, string>> | undefined) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onFailure: OnFailure;
  /** A 1 for each task that is to be run; all pending ones if `undefined`. */
  readonly selected: Uint8Array | undefined;
  /** Where attempts run that do not run here, if any do; made for this run. */
  readonly elsewhere: ((run: Run) => Elsewhere) | undefined;
  /** How many attempts of its tasks were made before. Default 0. */
  readonly attemptsMade?: number | undefined;
  /** What a store keeps of its tasks. */
  readonly memory?: RunMemory | undefined;
}

/** For so long a run starts tasks before other events get their turn, in milliseconds. */
const SLICE_MS = 10;
/** Starts that took less than this together are quick, in milliseconds. */
const QUICK_MS = 1;
const CHECK_INTERVAL_MAX = 8;

/**
 * One pass of an executor over a graph: tells the schedule what happened, and does what the schedule decides.
 *
 * ```
 *   attempts settle ─┐                       ┌─► start an attempt
 *   delays elapse   ─┼─► mailbox ─► schedule ┼─► wait before a retry
 *   timeouts, abort ─┘                       └─► outcomes ─► graph, events
 * ```
 *
 * Facts come in at any time: while an attempt is being started, or from a listener. Each waits its turn in the mailbox until the one before it has
 * been dealt with, so nothing here is ever entered twice.
 */
export class Run implements AttemptRun {
  readonly id: string;
  readonly graph: TaskGraph;
  readonly open: OpenGraph;
  /** Fulfilled when nothing of the run is running any more; never rejected. */
  readonly whenSettled: Promise<void>;
  readonly #tellSettled: () => void;
  readonly #host: RunHost;
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #settings: readonly TaskSettings[];
  readonly #order: RunOrder;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #startedAtMs: number;
  /** Attempts whose promises are waited for. */
  readonly #live: LiveAttempt[] = [];
  /** What calls off the retry delays that are running. */
  readonly #delays = new Set<() => void>();
  readonly #failures = new Map<string, unknown>();
  #mailbox: (() => void)[] = [];
  #acting = false;
  #yielding = false;
  #sliceEndMs: number;
  /** When the time was last asked for, after how many starts that is done, and how many of them are still to come. */
  #checkedAtMs: number;
  #checkInterval = 1;
  #startsUnchecked = 1;
  /** Set once the run is to end before its tasks have. */
  #stop: { readonly status: 'stopped' | 'aborted'; readonly reason: unknown } | undefined;
  #report: RunReport | undefined;
  #released = false;
  #broken: { readonly error: unknown } | undefined;
  /** What brings each task to its end whose result is being saved. */
  readonly #saving = new Set<() => void>();
  #storeFailure: { readonly error: unknown } | undefined;

  /** Claims the graph: from here on the run must be brought to its end. */
  constructor(host: RunHost, order: RunOrder) {
    claimGraph(order.graph);
    this.id = order.runId;
    this.graph = order.graph;
    this.#host = host;
    this.#clock = order.clock;
    this.#order = order;
    try {
      this.#startedAtMs = order.clock.now();
      this.#sliceEndMs = this.#startedAtMs + SLICE_MS;
      this.#checkedAtMs = this.#startedAtMs;
      this.open = openGraph(order.graph);
      this.#announcer = new Announcer(host.emitter, order.clock, order.runId, this.open);
      this.#settings = this.open.settings;
      this.#elsewhere = order.elsewhere?.(this);
      this.#schedule = new Schedule(this.open, order.slots, {
        selected: order.selected,
        elsewhere: this.#elsewhere?.tasks,
        kept: order.memory?.kept,
        attemptsMade: order.attemptsMade,
      });
    } catch (error) {
      releaseGraph(order.graph);
      throw error;
    }
    let tellSettled = () => {};
    this.whenSettled = new Promise((resolve) => {
      tellSettled = resolve;
    });
    this.#tellSettled = tellSettled;
  }

  /** Nothing of this run is running, and its graph is free again. */
  get settled(): boolean {
    return this.#report !== undefined;
  }

  /**
   * What came of it.
   *
   * @throws {@link RunFailedError} if a failure ended the run
   * @throws {@link RunAbortedError} if an abort did
   * @throws what the store threw, if that failed
   */
  report(): RunReport {
    if (this.#broken !== undefined) throw this.#broken.error;
    if (this.#storeFailure !== undefined) throw this.#storeFailure.error;
    if (this.#report === undefined)
      throw new InvariantError(`run ${this.id} was asked for its report before it had settled.`);
    if (this.#stop?.status === 'aborted') throw new RunAbortedError(this.graph.name, { cause: this.#stop.reason });
    if (this.#stop?.status === 'stopped') throw new RunFailedError(this.graph.name, this.#failures);
    return this.#report;
  }

  /** Begins. */
  start(): void {
    this.#fact(() => {
      this.#announcer.runStarted(this.graph, this.#startedAtMs, this.#order.selected);
      this.#order.memory?.begin();
      for (const repair of this.#order.memory?.repairs ?? []) this.#announcer.storeRepaired(repair);
      const { signal } = this.#order;
      if (signal?.aborted) this.#end('aborted', signal.reason);
    });
  }

  /** Starts nothing new and interrupts what is running. */
  abort(reason: unknown): void {
    this.#fact(() => this.#end('aborted', reason));
  }

  /** Ends the run at once, because what it runs on has failed. */
  breakOff(error: unknown): void {
    this.#fact(() => {
      throw error;
    });
  }

  /** Whether anything may go along with attempts. */
  get hasHeaders(): boolean {
    return this.#order.headers !== undefined;
  }

  /** What goes along with the latest attempt of a task. */
  headersFor(id: number): Readonly<Record<string, string>> | undefined {
    const { headers } = this.#order;
    if (headers === undefined) return undefined;
    return headers({
      runId: this.id,
      atMs: this.#clock.now(),
      task: this.open.names[id]!,
      attempt: this.#schedule.attempt(id),
    });
  }

  progressed(attempt: LiveAttempt, fraction: number, note: string | undefined): void {
    this.#announcer.progressed(attempt, fraction, note);
  }

  // The mailbox.

  /** Deals with a fact now, or after the one that is being dealt with. */
  #fact(deal: () => void): void {
    if (this.#acting) this.#mailbox.push(deal);
    else if (!this.settled) this.#act(deal);
  }

  /** The fact that is told most often, a promise that has settled, for which no function is made unless it must wait. */
  #settled(attempt: LiveAttempt, returned: boolean, value: unknown): void {
    if (this.#acting) this.#mailbox.push(() => this.#ended(attempt, returned, value));
    else if (!this.settled) this.#act(undefined, attempt, returned, value);
  }

  #act(deal: (() => void) | undefined, attempt?: LiveAttempt, returned = true, value?: unknown): void {
    this.#acting = true;
    try {
      deal?.();
      if (attempt !== undefined) this.#ended(attempt, returned, value);
      this.#advance();
    } catch (error) {
      this.#break(error);
    } finally {
      this.#acting = false;
    }
    if (this.#broken !== undefined || (this.#schedule.finished && this.#elsewhere?.isBusy !== true)) this.#settle();
  }

  /** Starts what can be started, until nothing can or other events are due. */
  #advance(): void {
    const schedule = this.#schedule;
    for (;;) {
      if (this.#mailbox.length > 0) this.#dealWithMail();
      if (schedule.hasUnchecked) this.#recall();
      if (schedule.hasSkipped) this.#announceSkipped();
      if (this.#announcer.tellsReady) this.#announceReady();
      else schedule.passReady();
      const id = this.#yielding ? NONE : schedule.next();
      if (id !== NONE) {
        this.#start(id);
        continue;
      }
      this.#elsewhere?.fill();
      if (this.#mailbox.length === 0 && !schedule.hasSkipped) return;
    }
  }

  #dealWithMail(): void {
    const mail = this.#mailbox;
    this.#mailbox = [];
    for (const deal of mail) deal();
  }

  /**
   * Lets timers, sockets and other promises have their turn: an abort may be among them, or the input of a more urgent task. The time is asked for
   * after every start while starts are slow, and ever more seldom while they are quick: to ask costs as much as to run a small task.
   */
  #yieldIfDue(): void {
    if (this.#yielding || --this.#startsUnchecked > 0) return;
    const nowMs = this.#clock.now();
    this.#checkInterval =
      nowMs - this.#checkedAtMs < QUICK_MS ? Math.min(this.#checkInterval * 2, CHECK_INTERVAL_MAX) : 1;
    this.#startsUnchecked = this.#checkInterval;
    this.#checkedAtMs = nowMs;
    if (nowMs < this.#sliceEndMs) return;
    this.#yielding = true;
    this.#clock.soon(() => {
      this.#yielding = false;
      this.#sliceEndMs = this.#clock.now() + SLICE_MS;
      this.#fact(() => {});
    });
  }

  /** Takes the results that are kept and still hold, as far as all that they hang on is done. */
  #recall(): void {
    const schedule = this.#schedule;
    while (schedule.hasUnchecked && !this.#yielding) {
      const id = schedule.nextToCheck();
      const kept = this.#order.memory!.recall(id);
      if (kept !== undefined && 'error' in kept) this.#announcer.storeRefused(id, kept.error);
      if (kept === undefined || 'error' in kept) {
        schedule.changed(id);
      } else {
        this.open.outcomes.done(id, kept.result, 'store');
        schedule.holds(id);
        this.#announcer.kept(id, kept.result);
      }
      if (this.#host.isAsync) this.#yieldIfDue();
    }
  }

  #announceSkipped(): void {
    const schedule = this.#schedule;
    for (let id = schedule.nextSkipped(); id !== NONE; id = schedule.nextSkipped()) {
      const because = schedule.because;
      this.open.outcomes.skipped(id, because);
      this.#announcer.skipped(id, because);
    }
  }

  #announceReady(): void {
    const schedule = this.#schedule;
    for (let id = schedule.nextReady(); id !== NONE; id = schedule.nextReady()) {
      if (!schedule.stopped) this.#announcer.ready(id);
    }
  }

  // Attempts that run elsewhere. All of it is told within `deal(…)`.

  get schedule(): Schedule {
    return this.#schedule;
  }

  /** Deals with what has come from elsewhere. */
  deal(deal: () => void): void {
    this.#fact(deal);
  }

  /** A task has been sent elsewhere. */
  sent(id: number): LiveAttempt {
    const attempt = new LiveAttempt(this, id, this.#schedule.attempt(id), NOT_TIMED, true);
    attempt.place = this.#live.push(attempt) - 1;
    this.open.outcomes.running(id);
    return attempt;
  }

  /** It has begun there. */
  begun(attempt: LiveAttempt, atMs: number, thread: ThreadId): void {
    if (attempt.ended || attempt.startedAtMs !== NOT_TIMED) return;
    attempt.startedAtMs = atMs;
    this.#announcer.started(attempt.id, attempt.attempt, atMs, thread);
    const { timeoutMs } = this.#settings[attempt.id]!;
    if (timeoutMs === undefined || attempt.abortedWith !== undefined) return;
    attempt.timer = this.#clock.after(Math.max(timeoutMs - (this.#clock.now() - atMs), 0), () =>
      this.#fact(() => this.#timedOut(attempt)),
    );
  }

  progressedElsewhere(attempt: LiveAttempt, fraction: number, note: string | undefined): void {
    if (!attempt.ended) this.progressed(attempt, fraction, note);
  }

  /** It has ended there. */
  endedElsewhere(
    attempt: LiveAttempt,
    returned: boolean,
    value: unknown,
    startedAtMs: number,
    tookMs: number,
    thread: ThreadId,
  ): void {
    this.#wasThere(attempt, startedAtMs, tookMs, thread);
    this.#ended(attempt, returned, value);
  }

  /** It took longer there than it may. */
  timedOutElsewhere(attempt: LiveAttempt, cause: unknown, startedAtMs: number, tookMs: number, thread: ThreadId): void {
    this.#wasThere(attempt, startedAtMs, tookMs, thread);
    if (attempt.ended) return;
    if (attempt.abortedWith === undefined) this.#failed(attempt, this.#timeout(attempt, cause));
    else this.#endedByAbort(attempt, cause);
  }

  /** What is known of an attempt elsewhere once it has ended. */
  #wasThere(attempt: LiveAttempt, startedAtMs: number, tookMs: number, thread: ThreadId): void {
    attempt.tookMs = tookMs;
    if (attempt.startedAtMs === NOT_TIMED && !attempt.ended) {
      attempt.startedAtMs = startedAtMs;
      this.#announcer.started(attempt.id, attempt.attempt, startedAtMs, thread);
    }
  }

  /** It will not begin there after all. */
  recalled(attempt: LiveAttempt): void {
    const { id } = attempt;
    if (attempt.ended) return;
    this.#endAttempt(attempt);
    if (this.#schedule.state(id) === 'skipped') return;
    this.open.outcomes.pending(id);
    this.#schedule.recalled(id);
  }

  /** It ended there before it had, through no fault of its own, and will be run again; or not, if it was to come to an end anyway. */
  lost(attempt: LiveAttempt, reason: unknown): void {
    if (attempt.ended) return;
    if (attempt.abortedWith !== undefined) {
      this.#endedByAbort(attempt);
      return;
    }
    this.recalled(attempt);
    this.#announcer.interrupted(attempt, reason);
  }

  /** It can never succeed there, however often it is tried. */
  failedElsewhere(attempt: LiveAttempt, error: unknown): void {
    if (!attempt.ended) this.#failedForGood(attempt, error);
  }

  // One attempt, from its start to its end.

  #start(id: number): void {
    const { runAttempt } = this.#order;
    const { isAsync } = this.#host;
    const settings = this.#settings[id]!;
    this.open.outcomes.running(id);
    const isTimed = settings.timeoutMs !== undefined || this.#announcer.isTimed || this.#order.memory !== undefined;
    const startedAtMs = isTimed ? this.#clock.now() : NOT_TIMED;
    this.#announcer.started(id, this.#schedule.attempt(id), startedAtMs);
    let attempt: LiveAttempt | undefined;
    let returned: unknown;
    let promise: Promise<unknown> | undefined;
    try {
      // An attempt that nobody sees need not be made.
      if (settings.withContext || runAttempt !== undefined) attempt = this.#attempt(id, startedAtMs);
      returned = runAttempt === undefined ? invoked(this.open, id, attempt) : runAttempt(attempt!);
      // Promise.resolve makes a promise of any thenable: it settles once, later, and never by an exception.
      if (isThenable(returned)) promise = Promise.resolve(returned);
    } catch (error) {
      this.#threw(attempt ?? this.#attempt(id, startedAtMs), error);
      if (isAsync) this.#yieldIfDue();
      return;
    }
    if (promise === undefined) {
      if (settings.timeoutMs === undefined) this.#succeeded(id, startedAtMs, attempt, returned);
      else this.#returned(attempt ?? this.#attempt(id, startedAtMs), returned);
    } else if (isAsync) {
      this.#await(attempt ?? this.#attempt(id, startedAtMs), promise);
    } else {
      this.#refusePromise(attempt ?? this.#attempt(id, startedAtMs), promise);
    }
    if (isAsync) this.#yieldIfDue();
  }

  #attempt(id: number, startedAtMs: number): LiveAttempt {
    return new LiveAttempt(this, id, this.#schedule.attempt(id), startedAtMs);
  }

  #await(attempt: LiveAttempt, promise: Promise<unknown>): void {
    const { timeoutMs } = this.#settings[attempt.id]!;
    attempt.place = this.#live.push(attempt) - 1;
    // Before anything that may fail: nobody else waits for the promise, and it may be rejected.
    whenSettled.call(
      promise,
      (result) => this.#settled(attempt, true, result),
      (error) => this.#settled(attempt, false, error),
    );
    if (timeoutMs !== undefined) {
      const leftMs = timeoutMs - (this.#clock.now() - attempt.startedAtMs);
      attempt.timer = this.#clock.after(Math.max(leftMs, 0), () => this.#fact(() => this.#timedOut(attempt)));
    }
  }

  #refusePromise(attempt: LiveAttempt, promise: Promise<unknown>): void {
    // The task fails already; a rejection that nobody waits for would be reported as unhandled besides.
    whenSettled.call(promise, undefined, () => {});
    this.#threw(attempt, new AsyncTaskError(this.open.names[attempt.id]!));
  }

  #timedOut(attempt: LiveAttempt): void {
    if (attempt.ended || attempt.abortedWith !== undefined) return;
    this.#abortAttempt(attempt, { reason: this.#timeout(attempt), timedOut: true });
  }

  #timeout({ id, attempt }: LiveAttempt, cause?: unknown): TaskTimeoutError {
    return new TaskTimeoutError(
      this.open.names[id]!,
      attempt,
      this.#settings[id]!.timeoutMs!,
      cause === undefined ? undefined : { cause },
    );
  }

  /** Tells the function to come to an end, and goes on without it if it does not. */
  #abortAttempt(attempt: LiveAttempt, abortion: Abortion): void {
    attempt.timer?.();
    attempt.timer = this.#clock.after(this.#host.graceMs, () => this.#fact(() => this.#giveUp(attempt)));
    attempt.abort(abortion);
    if (attempt.isElsewhere) this.#elsewhere!.abort(attempt, abortion.reason);
  }

  #giveUp(attempt: LiveAttempt): void {
    if (attempt.isElsewhere) this.#elsewhere!.giveUp(attempt);
    else this.#endedByAbort(attempt);
  }

  #ended(attempt: LiveAttempt, returned: boolean, value: unknown): void {
    if (returned) this.#returned(attempt, value);
    else this.#threw(attempt, value);
  }

  #returned(attempt: LiveAttempt, result: unknown): void {
    if (attempt.ended) return;
    if (attempt.isInterrupted) this.#endedByAbort(attempt);
    else if (this.#isLate(attempt)) this.#failed(attempt, this.#timeout(attempt));
    else this.#succeeded(attempt.id, attempt.startedAtMs, attempt, result);
  }

  #threw(attempt: LiveAttempt, error: unknown): void {
    if (attempt.ended) return;
    if (attempt.isInterrupted) this.#endedByAbort(attempt, error);
    else if (this.#isLate(attempt)) this.#failed(attempt, this.#timeout(attempt, error));
    else this.#failed(attempt, error);
  }

  /** A function that never lets go of the thread can take longer than allowed without any timer having had a chance to say so. */
  #isLate({ id, startedAtMs, tookMs }: LiveAttempt): boolean {
    const { timeoutMs } = this.#settings[id]!;
    return timeoutMs !== undefined && (tookMs ?? this.#clock.now() - startedAtMs) > timeoutMs;
  }

  /** An aborted attempt has settled, or was given up. */
  #endedByAbort(attempt: LiveAttempt, error?: unknown): void {
    if (attempt.ended || attempt.abortedWith === undefined) return;
    const { reason, timedOut } = attempt.abortedWith;
    if (!timedOut) this.#interrupted(attempt, reason);
    else this.#failed(attempt, error === undefined || error === reason ? reason : this.#timeout(attempt, error));
  }

  #succeeded(id: number, startedAtMs: number, attempt: LiveAttempt | undefined, result: unknown): void {
    if (attempt !== undefined) this.#endAttempt(attempt);
    if (this.#order.memory === undefined) this.#done(id, startedAtMs, attempt?.tookMs, result);
    else this.#keep(this.#order.memory, id, startedAtMs, attempt?.tookMs, result);
  }

  #done(id: number, startedAtMs: number, tookMs: number | undefined, result: unknown): void {
    this.open.outcomes.done(id, result);
    this.#schedule.succeeded(id);
    this.#announcer.done(id, this.#schedule.attempt(id), startedAtMs, tookMs, result);
  }

  // What is kept.

  /** A task is done once its result is safe: nobody hears of what a crash could still undo. */
  #keep(memory: RunMemory, id: number, startedAtMs: number, tookMs: number | undefined, result: unknown): void {
    const done = () => {
      if (this.#saving.delete(done)) this.#done(id, startedAtMs, tookMs, result);
    };
    this.#saving.add(done);
    try {
      const saved = memory.keepResult(id, result, this.#facts(id, startedAtMs, tookMs));
      if (saved !== undefined) {
        void saved.catch((error) => this.#fact(() => this.#notKept(id, error))).then(() => this.#fact(done));
        return;
      }
    } catch (error) {
      this.#notKept(id, error);
    }
    done();
  }

  /** A store that does not answer must not hold up the end of the run for ever. The results are in the graph all the same. */
  #giveUpSaving(): void {
    const callOff = this.#clock.after(this.#host.graceMs, () => {
      this.#delays.delete(callOff);
      this.#fact(() => {
        for (const done of this.#saving) done();
      });
    });
    this.#delays.add(callOff);
  }

  #keepFailure(memory: RunMemory, { id, startedAtMs, tookMs }: LiveAttempt, error: unknown): void {
    try {
      const saved = memory.keepFailure(id, error, this.#facts(id, startedAtMs, tookMs));
      saved?.catch((error) => this.#fact(() => this.#notKept(id, error)));
    } catch (error) {
      this.#notKept(id, error);
    }
  }

  /** A result that cannot be kept is told of; a store that fails ends the run. */
  #notKept(id: number, error: unknown): void {
    if (error instanceof UnstorableError) {
      this.#announcer.storeRefused(id, error);
      return;
    }
    this.#storeFailure ??= { error };
    this.#end('aborted', error);
  }

  #facts(id: number, startedAtMs: number, tookMs: number | undefined): AttemptFacts {
    const atMs = this.#clock.now();
    return { attempts: this.#schedule.attempt(id), atMs, durationMs: durationOf(startedAtMs, atMs, tookMs) };
  }

  // How attempts fail.

  #failed(attempt: LiveAttempt, thrown: unknown): void {
    const { retry } = this.#settings[attempt.id]!;
    let error = thrown;
    let delayMs = -1;
    try {
      if (deservesAnother(retry, thrown, attempt.attempt, attempt.name))
        delayMs = retryDelayMs(retry, attempt.attempt, Math.random());
    } catch (whenThrew) {
      error = withCause(whenThrew, thrown);
    }
    if (delayMs < 0) this.#failedForGood(attempt, error);
    else if (this.#stop !== undefined) this.#interrupted(attempt, this.#stop.reason);
    else this.#retry(attempt, error, delayMs);
  }

  #retry(attempt: LiveAttempt, error: unknown, delayMs: number): void {
    const { id } = attempt;
    this.#endAttempt(attempt);
    this.open.outcomes.pending(id);
    this.#schedule.retrying(id);
    this.#announcer.retrying(attempt, error, delayMs);
    let callOff = () => {};
    callOff = this.#clock.after(delayMs, () => {
      this.#delays.delete(callOff);
      this.#fact(() => {
        if (!this.#schedule.stopped) this.#schedule.delayElapsed(id);
      });
    });
    this.#delays.add(callOff);
  }

  #failedForGood(attempt: LiveAttempt, error: unknown): void {
    const { id } = attempt;
    this.#endAttempt(attempt);
    this.open.outcomes.failed(id, error, attempt.attempt);
    this.#failures.set(this.open.names[id]!, error);
    this.#schedule.failed(id);
    if (this.#order.memory !== undefined) this.#keepFailure(this.#order.memory, attempt, error);
    this.#announcer.failed(attempt, error);
    if (this.#order.onFailure !== 'continue') this.#end('stopped', error);
  }

  #interrupted(attempt: LiveAttempt, reason: unknown): void {
    const { id } = attempt;
    this.#endAttempt(attempt);
    this.open.outcomes.pending(id);
    this.#schedule.interrupted(id);
    this.#announcer.interrupted(attempt, reason);
  }

  #endAttempt(attempt: LiveAttempt): void {
    attempt.ended = true;
    attempt.timer?.();
    if (attempt.place < 0) return;
    // The last one takes its place: the order of live attempts means nothing.
    const last = this.#live.pop()!;
    if (last === attempt) return;
    last.place = attempt.place;
    this.#live[attempt.place] = last;
  }

  // The end of the run.

  /** Starts nothing new, and interrupts what is running if that was asked for. The first reason stands. */
  #end(status: 'stopped' | 'aborted', reason: unknown): void {
    this.#stop ??= { status, reason };
    this.#schedule.stop();
    for (const callOff of this.#delays) callOff();
    this.#delays.clear();
    this.#elsewhere?.stop();
    if (this.#saving.size > 0) this.#giveUpSaving();
    if (status === 'stopped' && this.#order.onFailure !== 'abort') return;
    for (const attempt of [...this.#live])
      if (attempt.abortedWith === undefined) this.#abortAttempt(attempt, { reason, timedOut: false });
  }

  /** Something that must not happen has. The run must not hang for it, nor its graph stay busy. */
  #break(error: unknown): void {
    this.#broken ??= { error };
    this.#schedule.stop();
    const { outcomes } = this.open;
    for (let id = 0; id < outcomes.size; id++) if (outcomes.status(id) === 'running') outcomes.pending(id);
    for (const attempt of [...this.#live]) {
      attempt.abort({ reason: error, timedOut: false });
      this.#endAttempt(attempt);
    }
  }

  #settle(): void {
    if (!this.#released) releaseGraph(this.graph);
    this.#released = true;
    // They go on only after the last event, but they do so even if the emit() of a subclass throws.
    this.#tellSettled();
    let finishedAtMs = this.#startedAtMs;
    try {
      this.#elsewhere?.end();
      for (const callOff of this.#delays) callOff();
      finishedAtMs = this.#clock.now();
    } catch (error) {
      // A clock that fails. The run is over all the same.
      this.#broken ??= { error };
    }
    const failure = this.#broken ?? this.#storeFailure;
    this.#report = {
      runId: this.id,
      graph: this.graph.name,
      status: failure !== undefined ? 'broken' : (this.#stop?.status ?? 'finished'),
      startedAtMs: this.#startedAtMs,
      durationMs: finishedAtMs - this.#startedAtMs,
      attemptCount: this.#schedule.started,
      counts: this.graph.counts(),
      failures: this.#failures,
    };
    const ended = failure === undefined ? this.#stop : { reason: failure.error };
    this.#announcer.runFinished(this.#report, finishedAtMs, ended);
  }
}

/** An error that came up while another was dealt with, which must not be lost. */
function withCause(error: unknown, cause: unknown): unknown {
  if (error instanceof Error && error.cause === undefined && Object.isExtensible(error)) error.cause = cause;
  return error;
}

/** The one that `await` uses: a promise may have a `then` of its own, which may do anything. */
const whenSettled = Promise.prototype.then;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as PromiseLike<unknown>).then === 'function'
  );
}

/**
 * One of each class of which every run makes new ones, kept for ever. When none is left at a garbage collection, V8 forgets their hidden class, and drops all
 * optimized code that knew it: a run after a collection was five times as slow as the one before.
 */
export const keptAlive: readonly object[] = (() => {
  const graph = new TaskGraphBuilder().task('kept', () => {}).build();
  const run = new Run(
    { emitter: new (class extends Emitter {})(), graceMs: 0, isAsync: true },
    {
      runId: '',
      graph,
      clock: systemClock,
      slots: { total: 1, cpu: 1 },
      runAttempt: undefined,
      signal: undefined,
      onFailure: 'continue',
      selected: undefined,
      elsewhere: undefined,
    },
  );
  return [run, new LiveAttempt(run, 0, 1, NOT_TIMED)];
})();
