import { type ShownAttempt, type ShownFailure, type ShownRun, type ShownStatus, STATUS_CODES } from '../messages.js';
import { type Lanes, lanesOf } from './lanes.js';

/** Places in {@link STATUS_CODES}. */
export const PENDING: number = STATUS_CODES.indexOf('pending');
export const READY: number = STATUS_CODES.indexOf('ready');
export const RUNNING: number = STATUS_CODES.indexOf('running');
export const DELAYED: number = STATUS_CODES.indexOf('delayed');
export const DONE: number = STATUS_CODES.indexOf('done');
export const KEPT: number = STATUS_CODES.indexOf('kept');
export const FAILED: number = STATUS_CODES.indexOf('failed');
export const SKIPPED: number = STATUS_CODES.indexOf('skipped');

/** Whether a task with this status has a result. */
export function hasResult(status: number): boolean {
  return status === DONE || status === KEPT;
}

/** What stays the same for as long as a run lasts. */
export class Structure {
  readonly size: number;
  readonly #run: ShownRun;
  readonly #dependentStarts: Int32Array;
  readonly #dependents: Int32Array;
  readonly #groupStarts: Int32Array;
  readonly #tasksByGroup: Int32Array;
  readonly #ioBound: Uint8Array;
  readonly #metaByTask: ReadonlyMap<number, number>;
  #searched: readonly string[] | undefined;

  constructor(run: ShownRun) {
    this.#run = run;
    this.size = run.names.length;
    const all = Int32Array.from(run.dependencies);
    const owners = new Int32Array(all.length);
    for (let task = 0; task < this.size; task++)
      owners.fill(task, run.dependencyStarts[task]!, run.dependencyStarts[task + 1]!);
    [this.#dependentStarts, this.#dependents] = sorted(all, this.size, owners);
    const places = Int32Array.from({ length: this.size }, (_, task) => task);
    [this.#groupStarts, this.#tasksByGroup] = sorted(run.groups, run.groupNames.length, places);
    this.#ioBound = new Uint8Array(this.size);
    for (const task of run.ioBound) this.#ioBound[task] = 1;
    this.#metaByTask = new Map(run.metas);
  }

  get groupCount(): number {
    return this.#run.groupNames.length;
  }

  isIoBound(task: number): boolean {
    return this.#ioBound[task] === 1;
  }

  /** The plain data that a task has, as JSON; `undefined` if it has none. */
  meta(task: number): string | undefined {
    const place = this.#metaByTask.get(task);
    return place === undefined ? undefined : this.#run.metaTexts[place];
  }

  /** The tasks that a task needs. */
  dependencies(task: number): readonly number[] {
    return this.#run.dependencies.slice(this.#run.dependencyStarts[task]!, this.#run.dependencyStarts[task + 1]!);
  }

  /** The tasks that need a task. */
  dependents(task: number): Int32Array {
    return this.#dependents.subarray(this.#dependentStarts[task]!, this.#dependentStarts[task + 1]!);
  }

  tasksOfGroup(group: number): Int32Array {
    return this.#tasksByGroup.subarray(this.#groupStarts[group]!, this.#groupStarts[group + 1]!);
  }

  /** Names as they are searched: without regard to case. */
  get searched(): readonly string[] {
    this.#searched ??= this.#run.names.map((name) => name.toLowerCase());
    return this.#searched;
  }
}

/** Things by the number of whatever they belong to. */
function sorted(
  owners: ArrayLike<number>,
  ownerCount: number,
  things: Int32Array,
): [starts: Int32Array, things: Int32Array] {
  const starts = new Int32Array(ownerCount + 1);
  for (let index = 0; index < owners.length; index++) starts[owners[index]! + 1]!++;
  for (let owner = 0; owner < ownerCount; owner++) starts[owner + 1]! += starts[owner]!;
  const next = starts.slice();
  const ordered = new Int32Array(things.length);
  for (let index = 0; index < owners.length; index++) ordered[next[owners[index]!]!++] = things[index]!;
  return [starts, ordered];
}

const NONE = -1;
const BY_INTEREST: readonly ShownStatus[] = [
  'failed',
  'running',
  'delayed',
  'ready',
  'pending',
  'skipped',
  'done',
  'kept',
];
/** Where each status comes in a list. */
const INTEREST: readonly number[] = STATUS_CODES.map((status) => BY_INTEREST.indexOf(status));

/** A run as it is at a moment, and what follows from that. Made anew for each change: it costs a millisecond for 10 000 tasks, and nothing can be out of date. */
export class RunState {
  readonly run: ShownRun;
  readonly structure: Structure;
  /** How many tasks have each status. */
  readonly counts: Int32Array = new Int32Array(STATUS_CODES.length);
  /** The same for each group, one after the other. */
  readonly groupCounts: Int32Array;
  /** Tasks that run, the one that has run longest first. */
  readonly running: readonly number[];
  readonly delayed: readonly number[];
  readonly #progress = new Map<number, { readonly fraction: number; readonly note: string }>();
  /** The last attempt of each task, and the one before each attempt, as places in `run.attempts`. */
  readonly #lastAttempt: Int32Array;
  readonly #attemptBefore: Int32Array;
  #lanes: Lanes | undefined;

  constructor(run: ShownRun, structure: Structure) {
    this.run = run;
    this.structure = structure;
    const width = STATUS_CODES.length;
    this.groupCounts = new Int32Array(run.groupNames.length * width);
    const running: number[] = [];
    const delayed: number[] = [];
    for (let task = 0; task < structure.size; task++) {
      const status = run.statuses[task]!;
      this.counts[status]!++;
      this.groupCounts[run.groups[task]! * width + status]!++;
      if (status === RUNNING) running.push(task);
      else if (status === DELAYED) delayed.push(task);
    }
    this.#lastAttempt = new Int32Array(structure.size).fill(NONE);
    this.#attemptBefore = new Int32Array(run.attempts.length);
    for (const [index, [task]] of run.attempts.entries()) {
      this.#attemptBefore[index] = this.#lastAttempt[task]!;
      this.#lastAttempt[task] = index;
    }
    for (const [task, fraction, note] of run.progress) this.#progress.set(task, { fraction, note });
    this.running = running.sort((a, b) => this.#startMs(a) - this.#startMs(b));
    this.delayed = delayed;
  }

  get isUnderWay(): boolean {
    return this.run.status === 'running';
  }

  get size(): number {
    return this.structure.size;
  }

  /** How many tasks the run is about, or had their result before. */
  get wanted(): number {
    return this.size - this.run.leftOutCount;
  }

  /** How many tasks will not change any more. */
  get finished(): number {
    return this.counts[DONE]! + this.counts[KEPT]! + this.counts[FAILED]! + this.counts[SKIPPED]!;
  }

  /** How long it has taken so far, or took, in milliseconds. */
  elapsedMs(nowMs: number): number {
    return this.run.durationMs ?? Math.max(nowMs - this.run.startedAtMs, 0);
  }

  /**
   * What part of the time was needed: the run could not have been shorter than its longest chain, nor than its work shared evenly. `undefined` before anything
   * has run.
   */
  efficiency(nowMs: number): number | undefined {
    const elapsedMs = this.elapsedMs(nowMs);
    let workMs = this.run.workMs;
    for (const task of this.running) workMs += Math.max(elapsedMs - this.#startMs(task), 0);
    if (elapsedMs === 0 || workMs === 0) return undefined;
    return Math.min(Math.max(this.run.criticalPathMs, workMs / Math.max(this.run.workers, 1)) / elapsedMs, 1);
  }

  status(task: number): number {
    return this.run.statuses[task] ?? PENDING;
  }

  progressOf(task: number): { readonly fraction: number; readonly note: string } | undefined {
    return this.#progress.get(task);
  }

  lastAttempt(task: number): ShownAttempt | undefined {
    return this.run.attempts[this.#lastAttempt[task] ?? NONE];
  }

  /** The first one first. */
  attemptsOf(task: number): ShownAttempt[] {
    const found: ShownAttempt[] = [];
    for (let index = this.#lastAttempt[task] ?? NONE; index !== NONE; index = this.#attemptBefore[index]!)
      found.push(this.run.attempts[index]!);
    return found.sort((a, b) => a[1] - b[1] || a[3] - b[3]);
  }

  /** The last thing that went wrong with a task. */
  failureOf(task: number): ShownFailure | undefined {
    return this.run.failures.findLast((failure) => failure.task === task);
  }

  get lanes(): Lanes {
    this.#lanes ??= lanesOf(this.run.attempts);
    return this.#lanes;
  }

  /** The dependencies of a task that have no result, each once; those that tell most come first. */
  waitsFor(task: number): number[] {
    const waits = [...new Set(this.structure.dependencies(task))].filter((one) => !hasResult(this.status(one)));
    return this.byInterest(waits);
  }

  /** Sorts tasks: what failed, runs, is delayed comes before what waits, and that before what has a result. */
  byInterest(tasks: number[]): number[] {
    return tasks.sort((a, b) => INTEREST[this.status(a)]! - INTEREST[this.status(b)]! || a - b);
  }

  /**
   * What holds a task up in the end: of all tasks without a result that it needs, however far away, those that could have one next, or failed. For a task that
   * is skipped, those that failed. At most `max`.
   */
  heldUpBy(task: number, max: number): number[] {
    const isSkipped = this.status(task) === SKIPPED;
    const found: number[] = [];
    const seen = new Set([task]);
    const left = [task];
    while (left.length > 0 && found.length < max) {
      for (const one of this.structure.dependencies(left.pop()!)) {
        const status = this.status(one);
        if (seen.has(one) || hasResult(status)) continue;
        seen.add(one);
        if (status === SKIPPED || (status === PENDING && !isSkipped)) left.push(one);
        else if (status === FAILED || !isSkipped) found.push(one);
      }
    }
    return this.byInterest(found);
  }

  #startMs(task: number): number {
    return this.lastAttempt(task)?.[3] ?? 0;
  }
}
