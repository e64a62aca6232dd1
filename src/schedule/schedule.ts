import { InvariantError } from '../errors.js';
import type { OutcomeTable } from '../graph/outcome.js';
import type { StartOrder } from '../graph/rank.js';
import type { Topology } from '../graph/topology.js';
import { NONE, ReadyQueue } from './ready-queue.js';

export { NONE };

/** How many attempts may run at once. */
export interface Slots {
  /** In all: 1 or more, or `Infinity`. */
  readonly total: number;
  /** Cpu-bound ones among them: 1 or more, or `Infinity`. */
  readonly cpu: number;
}

/** Where a task is in a run. */
export type TaskState =
  | 'idle'
  | 'blocked'
  | 'ready'
  | 'running'
  | 'delayed'
  | 'done'
  | 'failed'
  | 'skipped'
  | 'ahead'
  | 'checking'
  | 'saving';

const IDLE = 0;
const BLOCKED = 1;
const READY = 2;
const RUNNING = 3;
const DELAYED = 4;
const DONE = 5;
const FAILED = 6;
const SKIPPED = 7;
const AHEAD = 8;
const CHECKING = 9;
const SAVING = 10;
const STATES: readonly TaskState[] = [
  'idle',
  'blocked',
  'ready',
  'running',
  'delayed',
  'done',
  'failed',
  'skipped',
  'ahead',
  'checking',
  'saving',
];

/** One row a state: a bit for each state that may follow it. What is not here is a bug. */
const FOLLOWING: readonly number[] = [
  /* idle    */ 1 << SKIPPED,
  /* blocked */ (1 << READY) | (1 << SKIPPED) | (1 << AHEAD) | (1 << CHECKING),
  /* ready   */ (1 << RUNNING) | (1 << BLOCKED),
  /* running */ (1 << DONE) | (1 << FAILED) | (1 << DELAYED) | (1 << IDLE) | (1 << READY) | (1 << SAVING),
  /* delayed */ 1 << READY,
  /* done    */ (1 << BLOCKED) | (1 << READY),
  /* failed  */ 0,
  /* skipped */ 0,
  /* ahead   */ (1 << RUNNING) | (1 << BLOCKED) | (1 << SKIPPED),
  /* checking */ (1 << DONE) | (1 << READY) | (1 << BLOCKED) | (1 << FAILED) | (1 << SKIPPED),
  /* saving  */ 1 << DONE,
];

/** How a state and those before it share one number. */
const STATE_BITS = 15;
const STATE_SHIFT = 4;

/** What a schedule decides about: the part of a graph that has no functions in it. */
export interface Schedulable {
  readonly topology: Topology;
  readonly startOrder: StartOrder;
  /** What is known before the run. Only read, and only by the constructor. */
  readonly outcomes: OutcomeTable;
}

/** What else there is to know before a run. Each array has a place for each task; left out, it is as if it held zeros. */
export interface ScheduleOptions {
  /** A 1 for each task that is to be run. Default: all that are pending. */
  readonly selected?: Uint8Array | undefined;
  /** A 1 for each task that runs at a place, and takes no slot here. */
  readonly placed?: Uint8Array | undefined;
  /**
   * A 1 for each task of which an outcome is known that may still hold: that is to be checked once its dependencies are
   * done. The schedule notes there what holds no longer.
   */
  readonly kept?: Uint8Array | undefined;
  /** How many attempts of each task were made before. Default 0. */
  readonly attemptsMade?: number | undefined;
}

/**
 * Decides what is next, and does nothing else: no IO, no timer, no clock, no chance. It is told facts by method and asked for decisions.
 *
 * ```
 *              dependencies done      next()          succeeded()
 *   blocked ────────────────────► ready ────► running ───────────► done
 *      │                            ▲          │ │ └─ failed() ──► failed
 *      │ an ancestor failed         │          │ │
 *      ▼                            │          │ └─ interrupted() ► idle
 *   skipped       delayElapsed() ── delayed ◄──┘ retrying()
 *
 *   blocked ──► checking ──► done        a result is known, and still holds: holds()
 *                  ├───────► ready       it holds no longer: changed()
 *                  ├───────► blocked     the same, and a result that it takes has to be made again first: lacks(), again()
 *                  └───────► failed      a failure is known, and still holds: failsStill()
 *   done ──► blocked, ready              it was done without its result, which is wanted after all: again()
 *   running ──► saving ────► done        it returned, and its result is safe a while later: returned(), saved()
 *   done ──────────────────► ready       its result cannot be read after all: lost(); what was ready is blocked again
 *   blocked ──► ahead ─────► running     it was sent to where its inputs are being made, and now they are done
 * ```
 *
 * Idle are the tasks that this run leaves alone: not selected, or interrupted. Tasks are integers, what is known of them stands in typed arrays, and
 * nothing is allocated for a task. Names, functions and results are not its business.
 */
export class Schedule {
  readonly #topology: Topology;
  readonly #slots: Slots;
  /** Whether cpu-bound attempts have a limit of their own. */
  readonly #limitsCpu: boolean;
  /** The state of each task in the lowest four bits, and above it those that it had before, the last seven of them. */
  readonly #states: Int32Array;
  /** How many dependencies of each task are not done. */
  readonly #unmet: Int32Array;
  /** How many attempts of each task were made before the run. */
  readonly #attemptsMade: number;
  /** How often a task has failed and is tried again, for those few to which that has happened. */
  readonly #retries = new Map<number, number>();
  readonly #queue: ReadyQueue;
  /** The ready tasks that run at a place; `undefined` if none do. */
  readonly #queuePlaced: ReadyQueue | undefined;
  readonly #placed: Uint8Array | undefined;
  readonly #kept: Uint8Array | undefined;
  /** The tasks that were done and are made again: what waited for nothing else may have begun meanwhile. */
  #again: Set<number> | undefined;
  /** Tasks whose known results are to be checked, each once; `nextToCheck()` reads on from where it was. */
  readonly #checks: number[] = [];
  #checksTold = 0;
  /** Tasks in the order in which they became ready, from where `nextReady()` was to the count; after that, what is left of those that were told. */
  #readied: number[] = [];
  #readiedCount = 0;
  #readiedTold = 0;
  /** Skipped tasks, each followed by the failed one that is the reason. */
  readonly #skips: number[] = [];
  #skipsTold = 0;
  /** Tasks that were sent ahead and whose inputs are done now, each told once. */
  readonly #arrivals: number[] = [];
  #running = 0;
  #saving = 0;
  #runningPlaced = 0;
  #runningCpu = 0;
  #delayed = 0;
  #started = 0;
  #stopped = false;

  constructor(
    { topology, startOrder, outcomes }: Schedulable,
    slots: Slots,
    { selected, placed, kept, attemptsMade = 0 }: ScheduleOptions = {},
  ) {
    const { size } = topology;
    this.#topology = topology;
    this.#slots = slots;
    this.#limitsCpu = slots.cpu < slots.total;
    this.#states = new Int32Array(size);
    this.#unmet = new Int32Array(size);
    this.#attemptsMade = attemptsMade;
    this.#queue = new ReadyQueue(startOrder);
    this.#placed = placed;
    this.#kept = kept;
    this.#queuePlaced = placed && new ReadyQueue(startOrder);
    this.#takeUp(outcomes, selected);
  }

  // Questions.

  /** How many attempts are running. */
  get running(): number {
    return this.#running;
  }

  /** How many attempts have been started in all. */
  get started(): number {
    return this.#started;
  }

  /** Nothing runs, and nothing will unless a new fact comes that nobody waits for. */
  get finished(): boolean {
    if (this.#running > 0 || this.#saving > 0) return false;
    return this.#stopped || (this.#delayed === 0 && this.readyCount === 0 && !this.hasUnchecked);
  }

  /** How many tasks are ready. */
  get readyCount(): number {
    return this.#queue.size + (this.#queuePlaced?.size ?? 0);
  }

  /** How many of them run at a place. */
  get readyPlacedCount(): number {
    return this.#queuePlaced?.size ?? 0;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  state(id: number): TaskState {
    return STATES[this.#state(id)]!;
  }

  /** The number of the task's attempt that runs, or of the one to come if none does, counted from 1. */
  attempt(id: number): number {
    return this.#attemptsMade + 1 + (this.#retries.size === 0 ? 0 : (this.#retries.get(id) ?? 0));
  }

  // Decisions.

  /** The task to start now, or {@link NONE}: nothing is ready, or the slots that it would need are taken. */
  next(): number {
    if (this.#stopped || this.#running - this.#runningPlaced >= this.#slots.total) return NONE;
    const id = this.#queue.first();
    if (id === NONE) return NONE;
    if (this.#limitsCpu && !this.#queue.isIoBound(id)) {
      // Io-bound tasks are first in the queue: if the first is cpu-bound, so are all.
      if (this.#runningCpu >= this.#slots.cpu) return NONE;
      this.#runningCpu++;
    }
    this.#queue.remove(id);
    this.#begin(id);
    return id;
  }

  /**
   * The task to send to its place now, or {@link NONE}: nothing that runs there is ready.
   *
   * @param ioBound - only if it is io-bound, or only if it is not
   */
  nextPlaced(ioBound?: boolean): number {
    if (this.#stopped || this.#queuePlaced === undefined) return NONE;
    const id = this.#queuePlaced.first();
    if (id === NONE || (ioBound !== undefined && this.#queuePlaced.isIoBound(id) !== ioBound)) return NONE;
    this.#queuePlaced.remove(id);
    this.#begin(id);
    return id;
  }

  /** Whether {@link nextToCheck} has something to tell. */
  get hasUnchecked(): boolean {
    return this.#checksTold < this.#checks.length && !this.#stopped;
  }

  /** The next task of those whose known results are to be checked, each told once, or {@link NONE}. */
  nextToCheck(): number {
    while (this.hasUnchecked) {
      const id = this.#checks[this.#checksTold++]!;
      // It may wait again, and will be told again; or it was skipped, since what it depends on was made again and failed.
      if (this.#state(id) === CHECKING) return id;
    }
    return NONE;
  }

  /** Whether a task may be sent to where its inputs are being made, before they are. */
  canBeSentAhead(id: number): boolean {
    return this.#state(id) === BLOCKED && this.#kept?.[id] !== 1;
  }

  /** Whether {@link nextArrival} has something to tell. */
  get hasArrivals(): boolean {
    return this.#arrivals.length > 0;
  }

  /** A task that was sent ahead and runs now, as its inputs are done, each told once; or {@link NONE}. */
  nextArrival(): number {
    return this.#arrivals.length === 0 ? NONE : this.#arrivals.shift()!;
  }

  /** Whether {@link nextSkipped} has something to tell. */
  get hasSkipped(): boolean {
    return this.#skipsTold < this.#skips.length;
  }

  /** Whether {@link nextReady} has something to tell. */
  get hasReadied(): boolean {
    return this.#readiedTold < this.#readiedCount;
  }

  /** The next task of those that have become ready, each told once, or {@link NONE}. */
  nextReady(): number {
    while (this.#readiedTold < this.#readiedCount) {
      const id = this.#readied[this.#readiedTold++]!;
      // One that waits again will be told again.
      if (this.#state(id) !== BLOCKED) return id;
    }
    this.passReady();
    return NONE;
  }

  /** Nobody wants to know which tasks have become ready so far. */
  passReady(): void {
    this.#readiedTold = 0;
    this.#readiedCount = 0;
  }

  /** The next task of those that were skipped, each told once, or {@link NONE}; {@link because} says why. */
  nextSkipped(): number {
    if (this.#skipsTold >= this.#skips.length) return NONE;
    const id = this.#skips[this.#skipsTold]!;
    this.#skipsTold += 2;
    return id;
  }

  /** The failed ancestor of the task that {@link nextSkipped} told last. */
  get because(): number {
    return this.#skips[this.#skipsTold - 1]!;
  }

  // Facts.

  /** A running attempt returned, and its task is done. */
  succeeded(id: number): void {
    this.#end(id, DONE);
    this.#release(id);
  }

  /** A running attempt returned. Its task is done once its result is safe; until then it holds no slot. */
  returned(id: number): void {
    this.#end(id, SAVING);
    this.#saving++;
  }

  /** The result of a task is safe. */
  saved(id: number): void {
    if (this.#state(id) !== SAVING) this.#assert(false, id, 'its result was to be safe');
    this.#move(id, DONE);
    this.#saving--;
    this.#release(id);
  }

  /** The result that is known of a task still holds: it is done without being run. */
  holds(id: number): void {
    this.#move(id, DONE);
    this.#release(id);
  }

  /** The result that is known of a task holds no longer. */
  changed(id: number): void {
    // A blocked task becomes ready as well, but never by this.
    if (this.#state(id) !== CHECKING) this.#assert(false, id, 'the result that is known of it was to hold no longer');
    this.#becomeReady(id);
  }

  /** The failure that is known of a task still holds: it has failed without being run. */
  failsStill(id: number): void {
    this.#move(id, FAILED);
    this.#skipDescendants(id);
  }

  /**
   * A task that was to run takes the result of one that is made again: what is known of it holds no longer, or is lost.
   * It is ready once that is done.
   */
  lacks(id: number): void {
    this.#kept![id] = 0;
    if (this.#unmet[id] === 0) this.#assert(false, id, 'it was to lack a result');
    if (this.#state(id) === READY) this.#dequeue(id);
    this.#move(id, BLOCKED);
  }

  /**
   * Tasks that hold are to run after all: they were done without their results, and those are wanted. What has not
   * begun waits for them again.
   */
  again(tasks: readonly number[]): void {
    const { starts, ids } = this.#topology.dependents;
    this.#again ??= new Set();
    for (const id of tasks) {
      this.#kept![id] = 0;
      this.#again.add(id);
      for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) this.#unmet[ids[edge]!]!++;
    }
    for (const id of tasks) {
      if (this.#unmet[id] === 0) this.#becomeReady(id);
      else this.#move(id, BLOCKED);
    }
  }

  /** Whether {@link lost} may be told of a task: all that it needs is done, and what waits for it can still wait. */
  canBeLost(id: number): boolean {
    if (this.#stopped || this.#state(id) !== DONE || this.#unmet[id] !== 0) return false;
    const { starts, ids } = this.#topology.dependents;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const state = this.#state(ids[edge]!);
      if (state === RUNNING || state === DELAYED || state === AHEAD || state === SAVING) return false;
    }
    return true;
  }

  /** The result of a done task cannot be read after all: it is ready, and what waits for it waits again. */
  lost(id: number): void {
    // Others become ready, done or not, but never by this.
    if (!this.canBeLost(id)) this.#assert(false, id, 'its result was to be lost');
    this.#move(id, READY);
    const { starts, ids } = this.#topology.dependents;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const dependent = ids[edge]!;
      this.#unmet[dependent]!++;
      const state = this.#state(dependent);
      if (state === READY) this.#dequeue(dependent);
      if (state === READY || state === CHECKING) this.#move(dependent, BLOCKED);
    }
    this.#readied[this.#readiedCount++] = id;
    this.#enqueue(id);
  }

  /** A blocked task has been sent to where all the inputs that it lacks are being made. It is ready, and runs, as soon as the last of them is done. */
  sentAhead(id: number): void {
    this.#move(id, AHEAD);
  }

  /**
   * A task that was sent to its place did not begin there, or ended there through no fault of its own: the attempt does
   * not count.
   */
  recalled(id: number): void {
    if (this.#state(id) === AHEAD) {
      this.#move(id, BLOCKED);
      return;
    }
    this.#end(id, READY);
    this.#started--;
    this.#enqueue(id);
  }

  /** A running attempt failed, and the task with it. Everything that waits for it is skipped. */
  failed(id: number): void {
    this.#end(id, FAILED);
    this.#skipDescendants(id);
  }

  /** A running attempt failed, and another one is to follow after a pause, which holds no slot. */
  retrying(id: number): void {
    this.#end(id, DELAYED);
    this.#delayed++;
    this.#retries.set(id, (this.#retries.get(id) ?? 0) + 1);
  }

  /** The pause of a delayed task is over. */
  delayElapsed(id: number): void {
    // A blocked task becomes ready as well, but never by this.
    if (this.#state(id) !== DELAYED) this.#assert(false, id, 'it was to become ready after a delay');
    this.#move(id, READY);
    this.#delayed--;
    this.#enqueue(id);
  }

  /** A running attempt was cut short; its task has no outcome. */
  interrupted(id: number): void {
    this.#end(id, IDLE);
  }

  /** Nothing new is to start. What runs may still end. */
  stop(): void {
    this.#stopped = true;
  }

  // For specs.

  /**
   * Counts everything anew and compares. Specs call it after every step; it is too slow for a run.
   *
   * @throws {@link InvariantError}
   */
  validate(): void {
    const { dependencies, size } = this.#topology;
    let running = 0;
    let runningCpu = 0;
    let placed = 0;
    let saving = 0;
    let delayed = 0;
    let ready = 0;
    for (let id = 0; id < size; id++) {
      const state = this.#state(id);
      if (state === RUNNING) {
        running++;
        if (this.#placed?.[id] === 1) placed++;
        else if (this.#limitsCpu && !this.#queue.isIoBound(id)) runningCpu++;
      }
      if (state === SAVING) saving++;
      if (state === DELAYED) delayed++;
      if (state === READY) ready++;
      const waitsFor = dependencies.ids.subarray(dependencies.starts[id], dependencies.starts[id + 1]);
      const unmet = waitsFor.filter((dependency) => this.#state(dependency) !== DONE).length;
      this.#assert(
        unmet === this.#unmet[id],
        id,
        `${unmet} of its dependencies are not done, but ${this.#unmet[id]} are counted`,
      );
      this.#assert(state !== BLOCKED || unmet > 0, id, 'all its dependencies are done, but it is not ready');
      this.#assert(state !== AHEAD || unmet > 0, id, 'all its dependencies are done, but it is still ahead of them');
      this.#assert(state !== AHEAD || this.#placed?.[id] === 1, id, 'it is ahead, but not at a place');
      const isQueued = this.#queue.has(id) || (this.#queuePlaced?.has(id) ?? false);
      this.#assert(isQueued === (state === READY), id, isQueued ? 'it is queued' : 'it is not queued');
      const wasStartable = state === READY || state === RUNNING || state === DELAYED || state === CHECKING;
      const first = waitsFor.filter((dependency) => !this.#again?.has(dependency));
      const ahead = first.some((dependency) => this.#state(dependency) !== DONE);
      this.#assert(!wasStartable || !ahead, id, 'it got ahead of its dependencies');
      const lost = (wasStartable ? first : waitsFor).some(
        (dependency) => this.#state(dependency) === FAILED || this.#state(dependency) === SKIPPED,
      );
      this.#assert(
        !lost || state === SKIPPED || state === DONE || state === FAILED,
        id,
        'it waits for a task that will never be done',
      );
    }
    const counts = (numbers: readonly number[]) =>
      ['running', 'running at a place', 'running here for the cpu', 'saving', 'delayed', 'ready']
        .map((what, index) => `${numbers[index]} ${what}`)
        .join(', ');
    const found = counts([running, placed, runningCpu, saving, delayed, ready]);
    const counted = counts([
      this.#running,
      this.#runningPlaced,
      this.#runningCpu,
      this.#saving,
      this.#delayed,
      this.readyCount,
    ]);
    if (found !== counted) throw new InvariantError(`the run has ${found}, but ${counted} are counted.`);
    if (running - placed > this.#slots.total || runningCpu > this.#slots.cpu)
      throw new InvariantError(`${found} are more than the slots allow.`);
  }

  // Helpers.

  #takeUp(outcomes: OutcomeTable, selected: Uint8Array | undefined): void {
    const { starts } = this.#topology.dependencies;
    const states = this.#states;
    const unmet = this.#unmet;
    for (let id = 0; id < states.length; id++) {
      unmet[id] = starts[id + 1]! - starts[id]!;
      states[id] = selected === undefined || selected[id] === 1 ? BLOCKED : IDLE;
    }
    if (!outcomes.allPending) this.#takeUpKnown(outcomes);
    let startableCount = 0;
    for (let id = 0; id < states.length; id++) if (unmet[id] === 0 && states[id] === BLOCKED) startableCount++;
    // Memory for all of them at once: of 100 000 tasks that depend on nothing, a list that grows costs half as much as the whole run.
    this.#readied = new Array<number>(startableCount);
    for (let id = 0; id < states.length; id++) if (unmet[id] === 0 && states[id] === BLOCKED) this.#unblock(id);
  }

  #takeUpKnown(outcomes: OutcomeTable): void {
    const { starts, ids } = this.#topology.dependents;
    const states = this.#states;
    const unmet = this.#unmet;
    const lost: number[] = [];
    for (let id = 0; id < states.length; id++) {
      if (outcomes.isDone(id)) {
        states[id] = DONE;
        for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) unmet[ids[edge]!]!--;
      } else if (outcomes.isFailed(id)) {
        states[id] = FAILED;
        lost.push(id);
      } else if (outcomes.isSkipped(id)) {
        states[id] = SKIPPED;
        lost.push(id);
      }
    }
    // Of a chain of skipped tasks the caller may have reset just the last ones: what stands between them and the failed one is passed over.
    for (const id of lost) this.#skipDescendants(id, outcomes.isFailed(id) ? id : outcomes.because(id));
  }

  /** A task is done: what waited for nothing else can go on. */
  #release(id: number): void {
    const { starts, ids } = this.#topology.dependents;
    const unmet = this.#unmet;
    const end = starts[id + 1]!;
    for (let edge = starts[id]!; edge < end; edge++) {
      const dependent = ids[edge]!;
      if (--unmet[dependent]! > 0) continue;
      const state = this.#state(dependent);
      if (state === BLOCKED) this.#unblock(dependent);
      else if (state === AHEAD) this.#arrive(dependent);
    }
  }

  #unblock(id: number): void {
    if (this.#kept?.[id] !== 1) {
      this.#becomeReady(id);
      return;
    }
    this.#move(id, CHECKING);
    this.#checks.push(id);
  }

  #becomeReady(id: number): void {
    this.#move(id, READY);
    this.#readied[this.#readiedCount++] = id;
    this.#enqueue(id);
  }

  /** The last input of a task that was sent ahead is done. */
  #arrive(id: number): void {
    this.#readied[this.#readiedCount++] = id;
    this.#arrivals.push(id);
    this.#begin(id);
  }

  #enqueue(id: number): void {
    if (this.#placed?.[id] === 1) this.#queuePlaced!.add(id);
    else this.#queue.add(id);
  }

  #dequeue(id: number): void {
    if (this.#placed?.[id] === 1) this.#queuePlaced!.remove(id);
    else this.#queue.remove(id);
  }

  #begin(id: number): void {
    this.#move(id, RUNNING);
    this.#running++;
    this.#started++;
    if (this.#placed?.[id] === 1) this.#runningPlaced++;
  }

  #skipDescendants(from: number, because = from): void {
    const { starts, ids } = this.#topology.dependents;
    const stack = [from];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
        const dependent = ids[edge]!;
        const state = this.#state(dependent);
        // A dependent that is done already keeps its result, and what depends on it can run.
        if (state !== BLOCKED && state !== IDLE && state !== AHEAD && state !== CHECKING) continue;
        this.#move(dependent, SKIPPED);
        this.#skips.push(dependent, because);
        stack.push(dependent);
      }
    }
  }

  #end(id: number, state: number): void {
    this.#move(id, state);
    this.#running--;
    if (this.#placed?.[id] === 1) {
      this.#runningPlaced--;
      return;
    }
    if (this.#limitsCpu && !this.#queue.isIoBound(id)) this.#runningCpu--;
  }

  #move(id: number, state: number): void {
    const before = this.#states[id]!;
    if ((FOLLOWING[before & STATE_BITS]! & (1 << state)) === 0)
      this.#assert(false, id, `it was to become ${STATES[state]}`);
    this.#states[id] = (before << STATE_SHIFT) | state;
  }

  #state(id: number): number {
    return this.#states[id]! & STATE_BITS;
  }

  /** How a task came to be where it is, as far as it is remembered. */
  #storyOf(id: number): string {
    const steps: string[] = [];
    for (let left = this.#states[id]!; left !== 0; left >>>= STATE_SHIFT) steps.unshift(STATES[left & STATE_BITS]!);
    return steps.join(' > ') || STATES[IDLE]!;
  }

  #assert(holds: boolean, id: number, what: string): void {
    if (holds) return;
    const { starts, ids } = this.#topology.dependencies;
    const waitsFor = [...ids.subarray(starts[id], starts[id + 1])].map(
      (dependency) => `${dependency} (${this.state(dependency)})`,
    );
    throw new InvariantError(
      `task number ${id} is ${this.state(id)}, comes to its attempt ${this.attempt(id)} and depends on ` +
        `${waitsFor.join(', ') || 'nothing'}; ${what}. It went through: ${this.#storyOf(id)}.`,
    );
  }
}
