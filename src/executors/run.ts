import {
  AsyncTaskError,
  FileOverlapError,
  InvariantError,
  RunAbortedError,
  RunFailedError,
  SchemaError,
  TaskTimeoutError,
  UnsendableError,
} from '../errors.js';
import type { AttemptRecord, RunReport, ThreadId } from '../events.js';
import { FileClaims } from '../files/file-claims.js';
import { filesIn, mayHoldFiles } from '../files/file-result.js';
import { isFileSource } from '../files/file-source.js';
import { lookAtFiles } from '../files/look.js';
import { unreadable } from '../graph/decision.js';
import { type Checked, checkedBy, type StandardSchema } from '../graph/standard-schema.js';
import type { TaskSettings } from '../graph/task.js';
import { type OpenGraph, openGraph, releaseGraph, type TaskGraph } from '../graph/task-graph.js';
import { TaskGraphBuilder } from '../graph/task-graph-builder.js';
import { isThenable } from '../graph/thenable.js';
import { type CallerContext, callerContext, inNoContext } from '../places/caller-context.js';
import type { Ending, Fate, FunctionEnding, Place, PlacedRun, RemoteAttempt } from '../places/place.js';
import { deservesAnother, retryDelayMs } from '../schedule/retry-policy.js';
import { NONE, Schedule, type Slots } from '../schedule/schedule.js';
import type { AttemptFacts, KeptFailure, Recalled, RunMemory } from '../store/run-memory.js';
import { Announcer, durationOf, NOT_TIMED } from './announcer.js';
import { type Abortion, type AttemptRun, invoked, LiveAttempt } from './attempt.js';
import { type Clock, holdProcessOpen, letProcessEnd, systemClock } from './clock.js';
import { Emitter } from './emitter.js';
import { InputFiles } from './input-files.js';
import { isNeeded, lackedBy } from './spared.js';

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
  /** Where attempts run that do not run here, if any do. */
  readonly placed: Placing | undefined;
  /** How many attempts of its tasks were made before. Default 0. */
  readonly attemptsMade?: number | undefined;
  /** What a store keeps of its tasks. */
  readonly memory?: RunMemory | undefined;
  /** How long each of its tasks is thought to take, in milliseconds, if anything is known of that. */
  readonly estimates?: Float64Array | undefined;
  /** Called once when it has settled, before the last event. */
  readonly onSettled?: (() => void) | undefined;
}

/** Of a run without a place. */
const NONE_PLACED = new Uint8Array(0);

/** Which tasks of a graph run at a place, and what makes that for a run. */
export interface Placing {
  /** A 1 for each of those tasks. */
  readonly tasks: Uint8Array;
  readonly placeFor: (run: PlacedRun) => Place;
  /** The stack of whoever called `run()`. */
  readonly calledFrom: string;
}

/** Sees the schedule of every run after each of its steps. For specs. */
let inspect: ((schedule: Schedule) => void) | undefined;

/** @internal Has a spec look at the schedule of every run after each of its steps: what it throws breaks the run off. */
export function inspectRuns(inspector: typeof inspect): void {
  inspect = inspector;
}

/** For so long a run starts tasks before other events get their turn, in milliseconds. */
const SLICE_MS = 10;
/** Starts that took less than this together are quick, in milliseconds. */
const QUICK_MS = 1;
const CHECK_INTERVAL_MAX = 8;
/** So often a place is asked to fill itself in one go, before other events get their turn. */
const FILLS_MAX = 1000;

/**
 * One pass of an executor over a graph: tells the schedule what happened, and does what the schedule decides.
 *
 * ```
 *   attempts settle ─┐                       ┌─► start an attempt, or have its place take it
 *   delays elapse   ─┼─► mailbox ─► schedule ┼─► wait before a retry
 *   timeouts, abort ─┘                       └─► outcomes ─► graph, events
 * ```
 *
 * Facts come in at any time: while an attempt is being started, or from a listener. Each waits its turn in the mailbox until the one before it has
 * been dealt with, so nothing here is ever entered twice.
 */
export class Run implements AttemptRun, PlacedRun {
  readonly id: string;
  readonly graph: TaskGraph;
  readonly open: OpenGraph;
  readonly placed: Uint8Array;
  readonly #host: RunHost;
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #settings: readonly TaskSettings[];
  readonly #order: RunOrder;
  readonly #place: Place | undefined;
  readonly #inCallersContext: CallerContext;
  readonly #startedAtMs: number;
  /** Attempts whose ends are waited for: their promises here, or what their place says. */
  readonly #live: LiveAttempt[] = [];
  /** Those of tasks that were sent ahead, until their inputs are done. */
  readonly #ahead = new Map<number, LiveAttempt>();
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
  #holdsProcessOpen = false;
  #whenSettled:
    | { readonly promise: Promise<void>; readonly tell: (placeEnded: void | Promise<void>) => void }
    | undefined;
  /** What the place still has to do once the run has settled. */
  #placeEnded: void | Promise<void> = undefined;
  /** The place has told something since it was last looked at what can go on. */
  #hasNews = false;
  #isWoken = false;
  /** Nothing is offered to the place until other events have had their turn. */
  #isPlacePaused = false;
  /** The tasks that have come back from it in this turn of the event loop. */
  #cameBack: Set<number> | undefined;
  /** The place is being told that the run is over: what it says to that is not heard. */
  #isEnding = false;
  #broken: { readonly error: unknown } | undefined;
  /** For each outcome that is being saved what is to be done once it is safe. */
  readonly #saving = new Set<() => void>();
  /** Made when it is first asked for: only what is kept asks. */
  #inputFiles: InputFiles | undefined;
  #hasFlushed = false;
  #storeFailure: { readonly error: unknown } | undefined;

  /** @param order - its graph has been claimed for this run, which must be brought to its end once it is made */
  constructor(host: RunHost, order: RunOrder) {
    this.id = order.runId;
    this.graph = order.graph;
    this.#host = host;
    this.#clock = order.clock;
    this.#order = order;
    this.#startedAtMs = order.clock.now();
    this.#sliceEndMs = this.#startedAtMs + SLICE_MS;
    this.#checkedAtMs = this.#startedAtMs;
    this.open = openGraph(order.graph);
    this.#announcer = new Announcer(host.emitter, order.clock, order.runId, this.open);
    this.#settings = this.open.settings;
    // A synchronous run is never out of it.
    this.#inCallersContext = host.isAsync ? callerContext() : inNoContext;
    this.placed = order.placed?.tasks ?? NONE_PLACED;
    this.#place = order.placed?.placeFor(this);
    this.#schedule = new Schedule(this.open.orderedBy(order.estimates), order.slots, {
      selected: order.selected,
      placed: order.placed?.tasks,
      kept: order.memory?.kept,
      attemptsMade: order.attemptsMade,
    });
  }

  /** Fulfilled when nothing of the run is running any more, and its place has ended; rejected if that fails to end. */
  get whenSettled(): Promise<void> {
    if (this.settled) return Promise.resolve(this.#placeEnded);
    if (this.#whenSettled === undefined) {
      let tell: (placeEnded: void | Promise<void>) => void = () => {};
      const promise = new Promise<void>((resolve) => {
        tell = resolve;
      });
      this.#whenSettled = { promise, tell };
    }
    return this.#whenSettled.promise;
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
      this.#announcer.runStarted(this.graph, this.#startedAtMs, this.#order.selected, this.#order.estimates);
      this.#order.memory?.begin();
      for (const repair of this.#order.memory?.repairs ?? []) this.#announcer.storeRepaired(repair);
      for (const unseen of this.#order.memory?.unseen ?? []) this.#announcer.storeUnseen(unseen);
      const { signal } = this.#order;
      if (signal?.aborted) this.#end('aborted', signal.reason);
    });
    // What it waits for may keep no process alive by itself, such as the timer of `AbortSignal.timeout()`.
    if (!this.#host.isAsync || this.settled) return;
    this.#holdsProcessOpen = true;
    holdProcessOpen();
  }

  /** Starts nothing new and interrupts what is running. */
  abort(reason: unknown): void {
    this.#outsideFact(() => this.#end('aborted', reason));
  }

  /** Ends the run at once, because what it runs on has failed. */
  breakOff(error: unknown): void {
    this.#outsideFact(() => {
      throw error;
    });
  }

  get keepsResults(): boolean {
    return this.#order.memory !== undefined;
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

  // The mailbox.

  /** Deals with a fact now, or after the one that is being dealt with. */
  #fact(deal: () => void): void {
    if (this.#acting) this.#mailbox.push(deal);
    else if (!this.settled) this.#act(deal);
  }

  /** The same for what is told by somebody who is in another context. */
  #outsideFact(deal: () => void): void {
    if (this.#acting) this.#mailbox.push(deal);
    else if (!this.settled && !this.#isEnding) this.#inCallersContext(() => this.#act(deal));
  }

  /** The fact that is told most often, a promise that has settled, for which no function is made unless it must wait. */
  #promiseSettled(attempt: LiveAttempt, returned: boolean, value: unknown): void {
    if (this.#acting) this.#mailbox.push(() => this.#ended(attempt, returned, value));
    else if (!this.settled) this.#act(undefined, attempt, returned, value);
  }

  #act(deal: (() => void) | undefined, attempt?: LiveAttempt, returned = true, value?: unknown): void {
    this.#acting = true;
    try {
      deal?.();
      if (attempt !== undefined) this.#ended(attempt, returned, value);
      this.#advance();
      inspect?.(this.#schedule);
    } catch (error) {
      this.#break(error);
    } finally {
      this.#acting = false;
    }
    const isOver = this.#schedule.finished && this.#saving.size === 0 && this.#place?.isBusy !== true;
    if (this.#broken !== undefined || (isOver && this.#isFlushed())) this.#settle();
  }

  /** Starts what can be started, until nothing can or other events are due. */
  #advance(): void {
    const schedule = this.#schedule;
    const place = this.#place;
    for (let fillCount = 0; ; ) {
      if (this.#mailbox.length > 0) this.#dealWithMail();
      if (place !== undefined) this.#takeNews();
      if (schedule.hasUnchecked) this.#recall();
      if (schedule.hasSkipped) this.#announceSkipped();
      if (schedule.hasReadied) this.#announceReady();
      const id = this.#yielding ? NONE : schedule.next();
      if (id !== NONE) {
        this.#start(id);
        continue;
      }
      if (place !== undefined && !this.#isPlacePaused) {
        place.fill();
        if (++fillCount === FILLS_MAX) this.#pausePlace();
      }
      if (this.#mailbox.length === 0 && !schedule.hasSkipped && !this.#hasNews) return;
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
      if (id === NONE) return;
      const recalled = this.#order.memory!.recall(id);
      if (recalled instanceof Promise) this.#recallLater(id, recalled);
      else this.#recalled(id, recalled);
      if (this.#host.isAsync) this.#yieldIfDue();
    }
  }

  /** What is kept of a task does not hold. What it takes has to be made first, as far as that was done without a result. */
  #changed(id: number): void {
    const lacking = lackedBy(this.open, id);
    if (lacking.length === 0) {
      this.#schedule.changed(id);
      return;
    }
    this.#waitFor(id, lacking);
  }

  #waitFor(id: number, lacking: readonly number[]): void {
    this.#schedule.again(lacking.filter((one) => this.#schedule.state(one) === 'done'));
    this.#schedule.lacks(id);
  }

  #failsStill(id: number, { failure, attempts }: KeptFailure): void {
    this.open.outcomes.failed(id, failure, attempts);
    this.#failures.set(this.open.names[id]!, failure);
    this.#schedule.failsStill(id);
    this.#announcer.failsStill(id, failure);
    if (this.#order.onFailure !== 'continue') this.#end('stopped', failure);
  }

  #recalled(id: number, kept: Recalled): void {
    const schedule = this.#schedule;
    // Skipped since it was looked at: what it depends on was made again, and failed.
    if (schedule.state(id) !== 'checking') return;
    if (kept === undefined) {
      this.#changed(id);
    } else if ('error' in kept) {
      this.#announcer.storeRefused(id, kept.error);
      this.#changed(id);
    } else if ('isSpared' in kept) {
      const isPart = this.#order.selected !== undefined;
      if (isNeeded(this.open, schedule, this.#order.memory!.kept, id, isPart)) this.#changed(id);
      else schedule.holds(id);
    } else if ('failure' in kept) {
      this.#failsStill(id, kept);
    } else {
      const { held, source = 'store' } = kept;
      this.open.outcomes.doneHeld(id, held, source);
      schedule.holds(id);
      this.#announcer.kept(id, held, source);
    }
  }

  /** It takes a while to see whether a result still holds, as it does where a large file is a part of it. */
  #recallLater(id: number, recalled: Promise<Recalled>): void {
    const end = (deal: () => void) => this.#fact(() => void (this.#saving.delete(giveUp) && deal()));
    const giveUp = () => void this.#saving.delete(giveUp);
    this.#saving.add(giveUp);
    if (this.#stop !== undefined) this.#giveUpSaving();
    recalled.then(
      (kept) => end(() => this.#recalled(id, kept)),
      (error) => end(() => this.#break(error)),
    );
  }

  #announceSkipped(): void {
    const schedule = this.#schedule;
    for (let id = schedule.nextSkipped(); id !== NONE; id = schedule.nextSkipped()) {
      const because = schedule.because;
      const ahead = this.#ahead.get(id);
      if (ahead !== undefined) this.#endAhead(ahead);
      this.open.outcomes.skipped(id, because);
      this.#announcer.skipped(id, because);
    }
  }

  /** Nearly always nobody listens: what does more than that stands apart, so that this costs no call. */
  #announceReady(): void {
    if (this.#announcer.tellsReady || this.open.outcomes.hasHeld) this.#lookAtReady();
    else this.#schedule.passReady();
  }

  #lookAtReady(): void {
    const schedule = this.#schedule;
    const { tellsReady } = this.#announcer;
    const { hasHeld } = this.open.outcomes;
    for (let id = schedule.nextReady(); id !== NONE; id = schedule.nextReady()) {
      const ahead = this.#ahead.get(id);
      if (ahead === undefined && hasHeld && !this.#hasInputs(id)) continue;
      if (!tellsReady) continue;
      if (ahead === undefined) {
        if (!schedule.stopped) this.#announcer.ready(id);
      } else {
        // It may have begun before it was heard of that its inputs are done.
        this.#announcer.ready(id, ahead.startedAtMs === NOT_TIMED ? undefined : ahead.startedAtMs);
      }
    }
  }

  /**
   * Whether the results are there that a ready task takes. One that is held as bytes may turn out not to be readable:
   * then the task that it is of runs first, if that is still possible. If not, this one fails as it reads it.
   */
  #hasInputs(id: number): boolean {
    const lost = unreadableInputs(this.open, id);
    const schedule = this.#schedule;
    let isReady = true;
    for (const [input, error] of lost) {
      if (!schedule.canBeLost(input)) continue;
      this.open.outcomes.pending(input);
      this.open.decisions.set(input, unreadable(error));
      this.#announcer.storeRefused(input, error);
      schedule.lost(input);
      const lacking = lackedBy(this.open, input);
      if (lacking.length > 0) this.#waitFor(input, lacking);
      isReady = false;
    }
    return isReady;
  }

  // What a place asks and tells. See PlacedRun.

  get calledFrom(): string {
    return this.#order.placed?.calledFrom ?? '';
  }

  get readyCount(): number {
    return this.#schedule.stopped || this.#isPlacePaused ? 0 : this.#schedule.readyPlacedCount;
  }

  now(): number {
    return this.#clock.now();
  }

  take(ioBound?: boolean): RemoteAttempt | undefined {
    const id = this.#isPlacePaused ? NONE : this.#schedule.nextPlaced(ioBound);
    if (id === NONE) return undefined;
    this.open.outcomes.running(id);
    return this.#placedAttempt(id);
  }

  takeAhead(id: number): RemoteAttempt | undefined {
    if (this.#isPlacePaused || !this.#schedule.canBeSentAhead(id) || this.#mayBeLate(id)) return undefined;
    // What cannot be read is dealt with once it is ready.
    if (this.open.outcomes.hasHeld && unreadableInputs(this.open, id).size > 0) return undefined;
    this.#schedule.sentAhead(id);
    const attempt = this.#placedAttempt(id);
    attempt.isAhead = true;
    this.#ahead.set(id, attempt);
    return attempt;
  }

  /** Whether one of the dependencies that are not done has a timeout or a schema: then it may fail although it returned. */
  #mayBeLate(id: number): boolean {
    const { starts, ids } = this.open.topology.dependencies;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const dependency = ids[edge]!;
      const { timeoutMs, returns } = this.#settings[dependency]!;
      const mayFail = timeoutMs !== undefined || returns !== undefined;
      if (mayFail && !this.open.outcomes.isDone(dependency)) return true;
    }
    return false;
  }

  #placedAttempt(id: number): LiveAttempt {
    this.#order.memory?.attemptBegins(id);
    const attempt = new LiveAttempt(this, id, this.#schedule.attempt(id), NOT_TIMED, true);
    attempt.around = this.#order.runAttempt;
    attempt.liveIndex = this.#live.push(attempt) - 1;
    return attempt;
  }

  began(remote: RemoteAttempt, atMs: number, where: ThreadId): void {
    const attempt = remote as LiveAttempt;
    if (attempt.ended || attempt.wasToldStarted) return;
    this.#told(() => {
      if (attempt.startedAtMs === NOT_TIMED) {
        attempt.startedAtMs = atMs;
        attempt.where = where;
        this.#timeThere(attempt);
      }
      if (!attempt.isAhead) this.#tellStarted(attempt);
    });
  }

  /** From when it has begun there, whether or not anybody may hear of it yet. */
  #timeThere(attempt: LiveAttempt): void {
    const { timeoutMs } = this.#settings[attempt.id]!;
    if (timeoutMs === undefined || attempt.abortedWith !== undefined) return;
    const leftMs = timeoutMs - (this.#clock.now() - attempt.startedAtMs);
    attempt.timer = this.#clock.after(Math.max(leftMs, 0), () => this.#fact(() => this.#timedOut(attempt)));
  }

  progressed(remote: RemoteAttempt, fraction: number, note?: string): void {
    const attempt = remote as LiveAttempt;
    if (attempt.ended) return;
    if (attempt.isAhead) attempt.heldProgress = [fraction, note];
    else if (attempt.isPlaced) this.#told(() => this.#tellProgress(attempt, fraction, note));
    else this.#announcer.progressed(attempt, fraction, note);
  }

  ended(remote: RemoteAttempt, ending: Ending): Fate {
    const attempt = remote as LiveAttempt;
    let fate: Fate = 'void';
    if (this.settled) return fate;
    if (this.#acting) return this.#endedNow(attempt, ending);
    this.#told(() => {
      fate = this.#endedNow(attempt, ending);
    });
    return fate;
  }

  #endedNow(attempt: LiveAttempt, ending: Ending): Fate {
    // Also if nobody was interested any more: it may be the last that the run has waited for.
    this.#hasNews = true;
    // Its inputs may be done since, and nobody have come to it: then it is ahead of nothing any more.
    if (this.#schedule.hasArrivals) this.#takeArrivals();
    const fate = attempt.ended ? 'void' : this.#endedThere(attempt, ending);
    if (this.#schedule.hasArrivals) this.#takeArrivals();
    return fate;
  }

  wake(tell: () => void = () => {}): void {
    this.#outsideFact(tell);
  }

  /** Deals at once with what a place tells: it is to know what becomes of it. The run goes on a little later. */
  #told(deal: () => void): void {
    this.#hasNews = true;
    if (this.#acting) {
      deal();
      return;
    }
    this.#acting = true;
    try {
      this.#inCallersContext(deal);
    } catch (error) {
      this.#break(error);
    } finally {
      this.#acting = false;
    }
    if (this.#isWoken) return;
    this.#isWoken = true;
    queueMicrotask(() => {
      this.#isWoken = false;
      this.wake();
    });
  }

  #endedThere(attempt: LiveAttempt, ending: Ending): Fate {
    const { id } = attempt;
    if (!attempt.isAhead) return this.#concluded(attempt, ending);
    // An ancestor has failed, and it was skipped.
    if (this.#schedule.state(id) === 'skipped') {
      this.#endAhead(attempt);
      return 'void';
    }
    const isGivenBack = ending.kind === 'never-began' || (ending.kind === 'lost' && attempt.abortedWith === undefined);
    if (isGivenBack) {
      this.#endAhead(attempt);
      this.#comesBack(id);
      return 'again';
    }
    attempt.heldEnding = ending;
    attempt.timer?.();
    return 'saving';
  }

  #endAhead(attempt: LiveAttempt): void {
    this.#endAttempt(attempt);
    this.#ahead.delete(attempt.id);
  }

  /** From here on what the place tells is new again. */
  #takeNews(): void {
    this.#hasNews = false;
    if (this.#schedule.hasArrivals) this.#takeArrivals();
  }

  /** The inputs of tasks that were sent ahead are done: what was heard of them counts from now on. */
  #takeArrivals(): void {
    for (let id = this.#schedule.nextArrival(); id !== NONE; id = this.#schedule.nextArrival()) {
      const attempt = this.#ahead.get(id)!;
      if (this.#schedule.hasReadied) this.#announceReady();
      this.#ahead.delete(id);
      attempt.isAhead = false;
      this.open.outcomes.running(id);
      if (attempt.startedAtMs !== NOT_TIMED) this.#tellStarted(attempt);
      if (attempt.heldProgress !== undefined) this.#tellProgress(attempt, ...attempt.heldProgress);
      if (attempt.heldEnding !== undefined) this.#concluded(attempt, attempt.heldEnding);
    }
  }

  /** What speaks up has begun, whether or not that was told. */
  #tellProgress(attempt: LiveAttempt, fraction: number, note: string | undefined): void {
    this.#tellStarted(attempt);
    this.#announcer.progressed(attempt, fraction, note);
  }

  #tellStarted(attempt: LiveAttempt): void {
    if (attempt.wasToldStarted) return;
    attempt.wasToldStarted = true;
    if (attempt.startedAtMs === NOT_TIMED) attempt.startedAtMs = this.#clock.now();
    if (this.#schedule.hasReadied) this.#announceReady();
    this.#announcer.started(attempt.id, attempt.attempt, attempt.startedAtMs, attempt.where);
  }

  #concluded(attempt: LiveAttempt, ending: Ending): Fate {
    switch (ending.kind) {
      case 'returned':
        this.#hasRun(attempt, ending);
        attempt.held = ending.held;
        return this.#returned(attempt, ending.value);
      case 'threw':
        this.#hasRun(attempt, ending);
        return this.#threw(attempt, ending.value);
      case 'timed-out':
        this.#hasRun(attempt, ending);
        if (attempt.abortedWith !== undefined) return this.#endedByAbort(attempt, ending.value);
        return this.#failed(attempt, this.#timeout(attempt, ending.value));
      case 'unsendable': {
        this.#tellStarted(attempt);
        const error = new UnsendableError(attempt.name, ending.what, ending.part);
        // Its inputs will be no others another time.
        return ending.what === 'argument' ? this.#failedForGood(attempt, error) : this.#threw(attempt, error);
      }
      case 'hopeless':
        this.#tellStarted(attempt);
        return this.#failedForGood(attempt, ending.error);
      case 'lost':
        if (attempt.abortedWith !== undefined) return this.#endedByAbort(attempt);
        this.#giveBack(attempt);
        if (attempt.wasToldStarted) this.#announcer.interrupted(attempt, ending.reason);
        return 'again';
      case 'never-began':
        this.#giveBack(attempt);
        return 'again';
      default:
        return ending satisfies never;
    }
  }

  /** What is known of an attempt at a place once its function has come to its end. */
  #hasRun(attempt: LiveAttempt, { startedAtMs, tookMs, where, wasTold }: FunctionEnding): void {
    attempt.tookMs = tookMs;
    attempt.wasToldThere = wasTold;
    if (attempt.startedAtMs === NOT_TIMED) attempt.startedAtMs = startedAtMs;
    if (!attempt.wasToldStarted) attempt.where = where;
    this.#tellStarted(attempt);
  }

  #giveBack(attempt: LiveAttempt): void {
    this.#endAttempt(attempt);
    this.open.outcomes.pending(attempt.id);
    this.#comesBack(attempt.id);
  }

  /**
   * A task is ready for its place again. The place may hand it back as soon as it has taken it, and so without end: the
   * second time in one turn of the event loop it is offered only in the next one, so that an abort can get in.
   */
  #comesBack(id: number): void {
    this.#schedule.recalled(id);
    if (this.#cameBack === undefined) {
      this.#cameBack = new Set();
      this.#clock.soon(() => {
        this.#cameBack = undefined;
      });
    }
    if (this.#cameBack.has(id)) this.#pausePlace();
    else this.#cameBack.add(id);
  }

  #pausePlace(): void {
    if (this.#isPlacePaused) return;
    this.#isPlacePaused = true;
    this.#clock.soon(() => {
      this.#isPlacePaused = false;
      this.wake();
    });
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
      this.#order.memory?.attemptBegins(id);
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
      const isPlain = settings.timeoutMs === undefined && settings.returns === undefined;
      if (isPlain && attempt?.written === undefined && !mayHoldFiles(returned))
        this.#succeeded(id, startedAtMs, attempt, returned);
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
    attempt.liveIndex = this.#live.push(attempt) - 1;
    // Before anything that may fail: nobody else waits for the promise, and it may be rejected.
    whenSettled.call(
      promise,
      (result) => this.#promiseSettled(attempt, true, result),
      (error) => this.#promiseSettled(attempt, false, error),
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
    if (attempt.isPlaced && !attempt.isLookedOver) this.#place!.abort(attempt, abortion.reason);
  }

  #giveUp(attempt: LiveAttempt): void {
    if (attempt.ended || attempt.heldEnding !== undefined) return;
    if (attempt.isPlaced && !attempt.isLookedOver) this.#place!.giveUp(attempt);
    else this.#endedByAbort(attempt);
  }

  #ended(attempt: LiveAttempt, returned: boolean, value: unknown): void {
    if (returned) this.#returned(attempt, value);
    else this.#threw(attempt, value);
  }

  #returned(attempt: LiveAttempt, result: unknown): Fate {
    if (attempt.ended) return 'void';
    if (this.#isInterrupted(attempt)) return this.#endedByAbort(attempt);
    if (this.#isLate(attempt)) return this.#failed(attempt, this.#timeout(attempt));
    const { returns } = this.#settings[attempt.id]!;
    if (returns !== undefined && !attempt.isChecked) return this.#check(attempt, returns, result);
    if (attempt.written !== undefined || mayHoldFiles(result)) return this.#returnedFiles(attempt, result);
    return this.#succeeded(attempt.id, attempt.startedAtMs, attempt, result);
  }

  /** Files that it has written are put in their places, and those in its result looked at, before the task is done. */
  #returnedFiles(attempt: LiveAttempt, result: unknown): Fate {
    const { id } = attempt;
    try {
      if (attempt.filesSeen === 'not yet') {
        attempt.written?.keep();
        const looking = lookAtFiles(filesIn(result), attempt.name, this.#host.isAsync);
        if (looking !== undefined) {
          this.#awaitFiles(attempt, looking, result);
          return 'saving';
        }
      }
      this.#claimFiles(id, result);
    } catch (error) {
      if (error instanceof FileOverlapError) return this.#failedForGood(attempt, error);
      return this.#failed(attempt, error);
    }
    return this.#succeeded(id, attempt.startedAtMs, attempt, result);
  }

  #awaitFiles(attempt: LiveAttempt, looking: Promise<void>, result: unknown): void {
    attempt.filesSeen = 'being looked at';
    const seen = looking.then(() => {
      attempt.filesSeen = 'all';
      return result;
    });
    this.#awaitLookedOver(attempt, seen);
  }

  /** What a function returned is looked over a while longer; its attempt goes on until then. */
  #awaitLookedOver(attempt: LiveAttempt, result: Promise<unknown>): void {
    attempt.isLookedOver = true;
    if (attempt.liveIndex < 0) {
      this.#await(attempt, result);
      return;
    }
    whenSettled.call(
      result,
      (value) => this.#promiseSettled(attempt, true, value),
      (error) => this.#promiseSettled(attempt, false, error),
    );
    // Its place may have told only how it ended, so that nothing ends it yet.
    const { timeoutMs } = this.#settings[attempt.id]!;
    if (timeoutMs === undefined || attempt.abortedWith !== undefined) return;
    const leftMs = timeoutMs - (attempt.tookMs ?? this.#clock.now() - attempt.startedAtMs);
    attempt.timer?.();
    attempt.timer = this.#clock.after(Math.max(leftMs, 0), () => this.#fact(() => this.#timedOut(attempt)));
  }

  /** Holds what a function returned against the schema of its task. What that makes of it is the result. */
  #check(attempt: LiveAttempt, schema: StandardSchema, returned: unknown): Fate {
    attempt.isChecked = true;
    const { held } = attempt;
    this.#order.memory?.functionReturned(attempt.id, returned, held);
    // The bytes are those of what the function returned.
    attempt.held = undefined;
    const fittingValue = (checked: Checked): unknown => {
      if ('issues' in checked) throw new SchemaError(attempt.name, checked.issues);
      return checked.value;
    };
    let result: unknown;
    try {
      const checked = checkedBy(schema, held === undefined ? returned : held.value);
      if (checked instanceof Promise) {
        const value = checked.then(fittingValue);
        if (this.#host.isAsync) {
          this.#awaitLookedOver(attempt, value);
          return 'saving';
        }
        value.catch(() => {});
        throw new AsyncTaskError(attempt.name, 'has a schema that returns a promise');
      }
      result = fittingValue(checked);
    } catch (error) {
      return this.#failed(attempt, error);
    }
    return this.#returned(attempt, result);
  }

  /** @throws {@link FileOverlapError} */
  #claimFiles(id: number, result: unknown): void {
    const { names, functions } = this.open;
    const overlap = FileClaims.of(this.open).claim(id, filesIn(result), isFileSource(functions[id]!), this);
    if (overlap !== undefined) throw new FileOverlapError(names[id]!, names[overlap.other]!, overlap.path);
  }

  #threw(attempt: LiveAttempt, error: unknown): Fate {
    if (attempt.ended) return 'void';
    if (this.#isInterrupted(attempt)) return this.#endedByAbort(attempt, error);
    if (this.#isLate(attempt)) return this.#failed(attempt, this.#timeout(attempt, error));
    return this.#failed(attempt, error);
  }

  /** By its own measure it may have ended in time, and the word of it have come late: this thread was busy, say. */
  #isInterrupted(attempt: LiveAttempt): boolean {
    if (!attempt.isInterrupted) return false;
    const { timeoutMs } = this.#settings[attempt.id]!;
    return !attempt.isTimedOut || attempt.tookMs === undefined || attempt.tookMs >= timeoutMs!;
  }

  /** A function that never lets go of the thread can take longer than allowed without any timer having had a chance to say so. */
  #isLate({ id, startedAtMs, tookMs }: LiveAttempt): boolean {
    const { timeoutMs } = this.#settings[id]!;
    return timeoutMs !== undefined && (tookMs ?? this.#clock.now() - startedAtMs) > timeoutMs;
  }

  /** An aborted attempt has settled, or was given up. */
  #endedByAbort(attempt: LiveAttempt, error?: unknown): Fate {
    if (attempt.ended || attempt.abortedWith === undefined) return 'void';
    const { reason, timedOut } = attempt.abortedWith;
    if (!timedOut) return this.#interrupted(attempt, reason);
    return this.#failed(attempt, error === undefined || error === reason ? reason : this.#timeout(attempt, error));
  }

  #succeeded(id: number, startedAtMs: number, attempt: LiveAttempt | undefined, result: unknown): Fate {
    if (attempt !== undefined) this.#endAttempt(attempt);
    const { memory } = this.#order;
    if (memory !== undefined && this.#keep(memory, id, startedAtMs, attempt, result)) return 'saving';
    this.#schedule.succeeded(id);
    this.#done(id, startedAtMs, attempt, result);
    return 'done';
  }

  /** The graph knows it, and then all others. */
  #done(id: number, startedAtMs: number, attempt: LiveAttempt | undefined, result: unknown): void {
    const held = attempt?.held;
    if (held === undefined) {
      this.open.outcomes.done(id, result);
      this.#announcer.done(id, this.#schedule.attempt(id), startedAtMs, attempt?.tookMs, result);
    } else {
      this.open.outcomes.doneHeld(id, held, 'run');
      this.#announcer.doneHeld(attempt!, held);
    }
  }

  // What is kept.

  /**
   * A task is done once its result is safe: nobody hears of what a crash could still undo.
   *
   * @returns whether that takes a while; it holds no slot meanwhile
   */
  #keep(
    memory: RunMemory,
    id: number,
    startedAtMs: number,
    attempt: LiveAttempt | undefined,
    result: unknown,
  ): boolean {
    let saved: void | Promise<void> = void 0;
    try {
      saved = memory.keepResult(id, result, this.#facts(id, startedAtMs, attempt?.tookMs), attempt?.held);
    } catch (error) {
      this.#notKept(id, error);
    }
    if (saved === undefined) return false;
    this.#schedule.returned(id);
    const done = () => {
      if (!this.#saving.delete(done)) return;
      this.#schedule.saved(id);
      this.#done(id, startedAtMs, attempt, result);
    };
    this.#saving.add(done);
    if (this.#stop !== undefined) this.#giveUpSaving();
    void saved.catch((error) => this.#fact(() => this.#notKept(id, error))).then(() => this.#fact(done));
    return true;
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
      if (saved === undefined) return;
      // Nobody waits for it but the end of the run, which is to tell if the store has failed.
      const done = () => void this.#saving.delete(done);
      this.#saving.add(done);
      if (this.#stop !== undefined) this.#giveUpSaving();
      void saved.catch((error) => this.#fact(() => this.#notKept(id, error))).then(() => this.#fact(done));
    } catch (error) {
      this.#notKept(id, error);
    }
  }

  /**
   * At its end all that was kept is made safe, once. That is a part of the run: it says how it ended if the store has
   * failed, and does not wait for ever once it is aborted.
   */
  #isFlushed(): boolean {
    const { memory } = this.#order;
    if (this.#hasFlushed || memory === undefined) return true;
    this.#hasFlushed = true;
    if (this.#announcer.tellsUnseen) for (const unseen of memory.moved()) this.#announcer.storeUnseen(unseen);
    const failed = (error: unknown) => {
      this.#storeFailure ??= { error };
    };
    try {
      const flushed = memory.flush();
      for (const { id, error } of memory.refusals) this.#announcer.storeRefused(id, error);
      if (flushed === undefined) return true;
      const done = () => void this.#saving.delete(done);
      this.#saving.add(done);
      if (this.#stop !== undefined) this.#giveUpSaving();
      void flushed.catch((error) => this.#fact(() => failed(error))).then(() => this.#fact(done));
      return false;
    } catch (error) {
      failed(error);
      return true;
    }
  }

  /** A result that cannot be kept is told of; a store that fails ends the run. */
  #notKept(id: number, error: unknown): void {
    // A store of another loaded copy of this package has a class of its own.
    if ((error as { readonly code?: unknown } | undefined)?.code === 'unstorable') {
      this.#announcer.storeRefused(id, error);
      return;
    }
    this.#storeFailure ??= { error };
    this.#end('aborted', error);
  }

  #facts(id: number, startedAtMs: number, tookMs: number | undefined): AttemptFacts {
    const atMs = this.#clock.now();
    const durationMs = durationOf(startedAtMs, atMs, tookMs);
    this.#inputFiles ??= new InputFiles(this.open);
    return { attempts: this.#schedule.attempt(id), atMs, durationMs, movedInputs: this.#inputFiles.moved(id) };
  }

  // How attempts fail.

  #failed(attempt: LiveAttempt, thrown: unknown): Fate {
    const { retry } = this.#settings[attempt.id]!;
    let error = thrown;
    let delayMs = -1;
    try {
      if (deservesAnother(retry, thrown, attempt.attempt, attempt.name))
        delayMs = retryDelayMs(retry, attempt.attempt, Math.random());
    } catch (whenThrew) {
      error = withCause(whenThrew, thrown);
    }
    if (delayMs < 0) return this.#failedForGood(attempt, error);
    if (this.#stop !== undefined) return this.#interrupted(attempt, this.#stop.reason);
    return this.#retry(attempt, error, delayMs);
  }

  #retry(attempt: LiveAttempt, error: unknown, delayMs: number): Fate {
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
    return 'again';
  }

  #failedForGood(attempt: LiveAttempt, error: unknown): Fate {
    const { id } = attempt;
    this.#endAttempt(attempt);
    this.open.outcomes.failed(id, error, attempt.attempt);
    this.#failures.set(this.open.names[id]!, error);
    this.#schedule.failed(id);
    if (this.#order.memory !== undefined) this.#keepFailure(this.#order.memory, attempt, error);
    this.#announcer.failed(attempt, error);
    if (this.#order.onFailure !== 'continue') this.#end('stopped', error);
    return 'failed';
  }

  #interrupted(attempt: LiveAttempt, reason: unknown): Fate {
    const { id } = attempt;
    this.#endAttempt(attempt);
    this.open.outcomes.pending(id);
    this.#schedule.interrupted(id);
    if (!attempt.isPlaced || attempt.wasToldStarted) this.#announcer.interrupted(attempt, reason);
    return 'failed';
  }

  #endAttempt(attempt: LiveAttempt): void {
    attempt.ended = true;
    attempt.written?.discard();
    attempt.timer?.();
    if (attempt.liveIndex < 0) return;
    // The last one takes its place: the order of live attempts means nothing.
    const last = this.#live.pop()!;
    if (last === attempt) return;
    last.liveIndex = attempt.liveIndex;
    this.#live[attempt.liveIndex] = last;
  }

  // The end of the run.

  /** Starts nothing new, and interrupts what is running if that was asked for. The first reason stands. */
  #end(status: 'stopped' | 'aborted', reason: unknown): void {
    this.#stop ??= { status, reason };
    this.#schedule.stop();
    for (const callOff of this.#delays) callOff();
    this.#delays.clear();
    this.#place?.stop();
    if (this.#saving.size > 0) this.#giveUpSaving();
    if (status === 'stopped' && this.#order.onFailure !== 'abort') return;
    for (const attempt of [...this.#live]) {
      const isUnderWay = attempt.abortedWith === undefined && attempt.heldEnding === undefined;
      if (isUnderWay) this.#abortAttempt(attempt, { reason, timedOut: false });
    }
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
    // Nobody waits for it where the run was broken off.
    this.#isFlushed();
    if (!this.#released) releaseGraph(this.graph);
    this.#released = true;
    if (this.#holdsProcessOpen) letProcessEnd();
    this.#order.onSettled?.();
    let finishedAtMs = this.#startedAtMs;
    try {
      this.#isEnding = true;
      this.#placeEnded = this.#place?.end();
      for (const callOff of this.#delays) callOff();
      finishedAtMs = this.#clock.now();
    } catch (error) {
      // A clock that fails. The run is over all the same.
      this.#broken ??= { error };
    } finally {
      this.#isEnding = false;
    }
    // They go on only after the last event, but they do so even if the emit() of a subclass throws.
    this.#whenSettled?.tell(this.#placeEnded);
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

/** Those of a task's inputs that are held as bytes and cannot be read, and why. */
function unreadableInputs({ topology, outcomes }: OpenGraph, id: number): ReadonlyMap<number, unknown> {
  const unreadable = new Map<number, unknown>();
  for (const input of topology.inputsOf(id)) {
    try {
      // What was made in this process can be read.
      if (outcomes.held(input)?.bytes === undefined) outcomes.value(input);
    } catch (error) {
      unreadable.set(input, error);
    }
  }
  return unreadable;
}

/** The one that `await` uses: a promise may have a `then` of its own, which may do anything. */
const whenSettled = Promise.prototype.then;

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
      placed: undefined,
    },
  );
  return [run, new LiveAttempt(run, 0, 1, NOT_TIMED)];
})();
