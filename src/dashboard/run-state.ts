import { groupsOf } from '../drawing/groups.js';
import { InvalidOptionError } from '../errors.js';
import type {
  RunFinished,
  RunStarted,
  TaskDone,
  TaskFailed,
  TaskInterrupted,
  TaskProgressed,
  TaskRetrying,
  TaskStarted,
  ThreadId,
} from '../events.js';
import { type OpenGraph, openGraph, type TaskGraph } from '../graph/task-graph.js';
import { TimeLeft } from '../observe/time-left.js';
import { AttemptRing } from './attempt-ring.js';
import {
  ATTEMPT_CODES,
  FAILURES_MAX,
  type RunChanges,
  type ShownError,
  type ShownFailure,
  type ShownProgress,
  type ShownRun,
  type ShownStatus,
  type ShownThread,
  STATUS_CODES,
} from './messages.js';
import { shownError, shownText } from './shown-text.js';

/** What a run's state is shown with. */
export interface RunStateOptions {
  /** How many attempts can be under way at once, as far as somebody has said so. */
  readonly workers: number;
  /** The group of a task by its name. Default: what its name begins with. */
  readonly group: ((name: string) => string) | undefined;
}

interface KeptFailure extends Omit<ShownFailure, keyof ShownError> {
  readonly error: unknown;
  /** Made when it is first asked for: to read the stack of an error costs more than all the rest. */
  shown?: ShownFailure;
}

type Fixed = Pick<
  ShownRun,
  | 'runId'
  | 'graph'
  | 'startedAtMs'
  | 'names'
  | 'groups'
  | 'groupNames'
  | 'dependencyStarts'
  | 'dependencies'
  | 'leftOutCount'
  | 'ioBound'
  | 'metaTexts'
  | 'metas'
>;
type Changing = Omit<ShownRun, keyof Fixed>;

const NONE = -1;
const code = (status: ShownStatus) => STATUS_CODES.indexOf(status);
const [PENDING, READY, RUNNING, DELAYED, DONE, KEPT, FAILED, SKIPPED] = [
  code('pending'),
  code('ready'),
  code('running'),
  code('delayed'),
  code('done'),
  code('kept'),
  code('failed'),
  code('skipped'),
];
const ENDED_DONE = ATTEMPT_CODES.indexOf('done');
const ENDED_FAILED = ATTEMPT_CODES.indexOf('failed');
const ENDED_RETRIED = ATTEMPT_CODES.indexOf('retried');
const ENDED_INTERRUPTED = ATTEMPT_CODES.indexOf('interrupted');

/**
 * What is known of one run. To hear of an event costs a few writes into arrays by the number of its task; text and objects are made only for those who ask.
 *
 * ```
 *   events ─► columns ─┬─► shown: the whole          whoever connects
 *                      └─► changes since the last    whoever is connected, as long as somebody is
 * ```
 */
export class RunState {
  readonly runId: string;
  readonly taskGraph: TaskGraph;
  /** Whether what changes is noted, to be told. */
  isWatched = false;
  status: ShownRun['status'] = 'running';
  readonly #open: OpenGraph;
  readonly #options: RunStateOptions;
  readonly #startedAtMs: number;
  #durationMs: number | undefined;
  #reason: ShownError | undefined;
  readonly #statuses: Uint8Array;
  readonly #timeLeft: TimeLeft;
  readonly #leftOutCount: number;

  readonly #attempts: AttemptRing;
  /** The place of the attempt of each task that is under way, and when that began. */
  readonly #placeByTask: Int32Array;
  readonly #attemptStartMs: Float64Array;
  #underWay = 0;
  #underWayMax = 0;
  #workMs = 0;

  /** What each task has taken up to now, its pauses included, and what the longest chain took that ends with it. */
  readonly #spentMs: Float64Array;
  readonly #pathMs: Float64Array;
  #criticalPathMs = 0;

  #failures: KeptFailure[] = [];
  #failureCount = 0;
  readonly #progress = new Map<number, TaskProgressed>();

  // What has changed since it was last told.
  readonly #isDirty: Uint8Array;
  #dirty: number[] = [];
  #attemptsTold = 0;
  #ended: number[] = [];
  #failuresTold = 0;
  readonly #said = new Set<number>();
  #hasChanged = false;

  #fixedText: string | undefined;
  /** Of a run that has ended. */
  #wholeText: string | undefined;

  constructor({ runId, atMs, taskGraph, selected, estimates }: RunStarted, options: RunStateOptions) {
    this.runId = runId;
    this.taskGraph = taskGraph;
    this.#options = options;
    this.#startedAtMs = atMs;
    this.#open = openGraph(taskGraph);
    const { size } = taskGraph;
    this.#timeLeft = new TimeLeft(this.#open, selected, estimates);
    this.#leftOutCount = taskGraph.counts().pending - this.#timeLeft.total;
    this.#statuses = new Uint8Array(size);
    this.#attempts = new AttemptRing(this.#timeLeft.total);
    this.#placeByTask = new Int32Array(size).fill(NONE);
    this.#attemptStartMs = new Float64Array(size);
    this.#spentMs = new Float64Array(size);
    this.#pathMs = new Float64Array(size);
    this.#isDirty = new Uint8Array(size);
    this.#takeOutcomes();
  }

  // What is heard.

  ready(task: string): void {
    const id = this.#id(task);
    if (id >= 0) this.#turn(id, READY);
  }

  started({ task, attempt, thread, atMs }: TaskStarted): void {
    const id = this.#id(task);
    if (id < 0) return;
    if (this.#placeByTask[id] !== NONE) this.#endAttempt(id, this.#since(atMs), ENDED_INTERRUPTED);
    const startMs = this.#since(atMs);
    this.#placeByTask[id] = this.#attempts.begin(id, attempt, shownThread(thread), startMs);
    this.#attemptStartMs[id] = startMs;
    if (++this.#underWay > this.#underWayMax) this.#underWayMax = this.#underWay;
    this.#turn(id, RUNNING);
  }

  progressed(record: TaskProgressed): void {
    const id = this.#id(record.task);
    if (this.#statuses[id] !== RUNNING) return;
    this.#progress.set(id, record);
    if (this.isWatched) this.#said.add(id);
    this.#hasChanged = true;
  }

  retrying({ task, attempt, atMs, delayMs, error }: TaskRetrying): void {
    const id = this.#id(task);
    if (id < 0) return;
    this.#endAttempt(id, this.#since(atMs), ENDED_RETRIED);
    this.#spentMs[id]! += delayMs;
    this.#fail({ task: id, attempt, atMs: this.#since(atMs), willRetry: true, error });
    this.#turn(id, DELAYED);
  }

  interrupted({ task, atMs }: TaskInterrupted): void {
    const id = this.#id(task);
    if (id < 0) return;
    this.#endAttempt(id, this.#since(atMs), ENDED_INTERRUPTED);
    this.#turn(id, PENDING);
  }

  done({ task, attempt, atMs, durationMs, source }: TaskDone): void {
    const id = this.#id(task);
    if (id < 0) return;
    this.#timeLeft.finish(id);
    if (source !== 'run') {
      this.#turn(id, KEPT);
      return;
    }
    if (attempt > 0) this.#timeLeft.attemptEnded(durationMs);
    this.#endAttempt(id, this.#endOf(id, atMs, durationMs), ENDED_DONE);
    this.#endPath(id);
    this.#turn(id, DONE);
  }

  failed({ task, attempt, atMs, durationMs, error }: TaskFailed): void {
    const id = this.#id(task);
    if (id < 0) return;
    this.#timeLeft.finish(id);
    // A failure that was kept has no attempt.
    if (attempt > 0) {
      this.#timeLeft.attemptEnded(durationMs);
      this.#endAttempt(id, this.#endOf(id, atMs, durationMs), ENDED_FAILED);
      this.#endPath(id);
    }
    this.#fail({ task: id, attempt, atMs: this.#since(atMs), willRetry: false, error });
    this.#turn(id, FAILED);
  }

  skipped(task: string): void {
    const id = this.#id(task);
    if (id < 0) return;
    this.#timeLeft.finish(id);
    this.#turn(id, SKIPPED);
  }

  finished({ status, reason, durationMs, atMs }: RunFinished): void {
    this.status = status;
    if (reason !== undefined) this.#reason = shownError(reason);
    this.#durationMs = durationMs;
    this.#hasChanged = true;
    // What could not come to its end any more is pending again, whether or not that was told.
    for (let id = 0; id < this.#statuses.length; id++) {
      if (this.#placeByTask[id] !== NONE) this.#endAttempt(id, this.#since(atMs), ENDED_INTERRUPTED);
      const now = this.#statuses[id];
      if (now === READY || now === RUNNING || now === DELAYED) this.#turn(id, PENDING);
    }
  }

  // What is told.

  /** All that is known, as JSON of a {@link ShownRun}. */
  shownText(nowMs: number): string {
    if (this.#wholeText !== undefined) return this.#wholeText;
    this.#fixedText ??= JSON.stringify(this.#fixed());
    const text = `${this.#fixedText.slice(0, -1)},${JSON.stringify(this.#changing(nowMs)).slice(1)}`;
    if (this.status !== 'running') this.#wholeText = text;
    return text;
  }

  /** What has changed since it was last told; `undefined` if nothing has. */
  takeChanges(nowMs: number): RunChanges | undefined {
    if (!this.#hasChanged) return undefined;
    const statuses = this.#dirty.flatMap((id) => [id, this.#statuses[id]!]);
    const attemptsBegun = this.#attempts.since(this.#attemptsTold).map(rounded);
    const attemptsEnded = this.#ended.flatMap((place) => this.#attempts.ending(place)).map(exact);
    const untold = this.#failureCount - this.#failuresTold;
    const failures = untold === 0 ? [] : this.#failures.slice(-Math.min(untold, FAILURES_MAX)).map(shownFailure);
    const progress = [...this.#said].map((id) => shownProgress(id, this.#progress.get(id)!));
    this.markTold();
    const counts = { runId: this.runId, attemptsBefore: this.#attempts.dropped, failureCount: this.#failureCount };
    return { ...counts, statuses, attemptsBegun, attemptsEnded, failures, progress, ...this.#numbers(nowMs) };
  }

  /** All that is known has been told. */
  markTold(): void {
    for (const id of this.#dirty) this.#isDirty[id] = 0;
    this.#dirty = [];
    this.#ended = [];
    this.#said.clear();
    this.#attemptsTold = this.#attempts.count;
    this.#failuresTold = this.#failureCount;
    this.#hasChanged = false;
  }

  /** Has what hangs on the time alone told again. */
  touch(): void {
    this.#hasChanged = true;
  }

  #takeOutcomes(): void {
    const { outcomes } = this.#open;
    for (let id = 0; id < outcomes.size; id++) {
      if (outcomes.isPending(id)) continue;
      this.#statuses[id] = outcomes.isDone(id) ? KEPT : outcomes.isSkipped(id) ? SKIPPED : FAILED;
      if (outcomes.isFailed(id))
        this.#fail({ task: id, attempt: outcomes.attempts(id), atMs: 0, willRetry: false, error: outcomes.value(id) });
    }
  }

  #fixed(): Fixed {
    const { names, settings, topology } = this.#open;
    const { starts, ids } = topology.dependencies;
    const { groups, groupNames } = this.#groups();
    return {
      runId: this.runId,
      graph: shownText(this.taskGraph.name),
      startedAtMs: this.#startedAtMs,
      names: names.map(shownText),
      groups,
      groupNames: groupNames.map(shownText),
      dependencyStarts: Array.from(starts),
      dependencies: Array.from(ids),
      leftOutCount: this.#leftOutCount,
      ioBound: settings.flatMap(({ ioBound }, id) => (ioBound ? [id] : [])),
      ...this.#metas(),
    };
  }

  #metas(): Pick<ShownRun, 'metaTexts' | 'metas'> {
    const placeByText = new Map<string, number>();
    const metas = this.#open.settings.flatMap(({ meta }, id): [number, number][] => {
      if (meta === undefined) return [];
      const text = shownText(JSON.stringify(meta));
      const place = placeByText.get(text) ?? placeByText.size;
      placeByText.set(text, place);
      return [[id, place]];
    });
    return { metaTexts: [...placeByText.keys()], metas };
  }

  #groups(): ReturnType<typeof groupsOf> {
    const { names, topology } = this.#open;
    const { starts, ids } = topology.dependencies;
    const { group } = this.#options;
    try {
      return groupsOf(names, starts, ids, group === undefined ? undefined : (name) => groupName(group(name)));
    } catch (error) {
      // A function of the user's must not keep the page from being shown.
      process.emitWarning(`The dashboard groups tasks by their names: ${shownError(error).message}`);
      return groupsOf(names, starts, ids);
    }
  }

  #changing(nowMs: number): Changing {
    return {
      ...this.#numbers(nowMs),
      statuses: Array.from(this.#statuses),
      attemptsBefore: this.#attempts.dropped,
      attempts: this.#attempts.since(0).map(rounded),
      failureCount: this.#failureCount,
      failures: this.#failures.slice(-FAILURES_MAX).map(shownFailure),
      progress: [...this.#progress].map(([id, record]) => shownProgress(id, record)).sort((a, b) => a[0] - b[0]),
    };
  }

  #numbers(
    nowMs: number,
  ): Pick<ShownRun, 'status' | 'reason' | 'durationMs' | 'workers' | 'workMs' | 'criticalPathMs' | 'remainingMs'> {
    const leftMs =
      this.status === 'running' ? this.#timeLeft.leftMs(Math.max(nowMs - this.#startedAtMs, 0)) : undefined;
    return {
      status: this.status,
      reason: this.#reason,
      durationMs: this.#durationMs,
      workers: Math.max(this.#options.workers, this.#underWayMax),
      workMs: exact(this.#workMs),
      criticalPathMs: exact(this.#criticalPathMs),
      remainingMs: leftMs === undefined ? undefined : exact(leftMs),
    };
  }

  #id(task: string): number {
    return this.#open.idByName.get(task) ?? NONE;
  }

  #since(atMs: number): number {
    return Math.max(atMs - this.#startedAtMs, 0);
  }

  /** A thread tells of an end some time after it, and says how long the attempt took. */
  #endOf(id: number, atMs: number, durationMs: number): number {
    return Math.min(this.#attemptStartMs[id]! + durationMs, this.#since(atMs));
  }

  #turn(id: number, status: number): void {
    this.#statuses[id] = status;
    if (this.#progress.size > 0) this.#progress.delete(id);
    this.#hasChanged = true;
    if (!this.isWatched) return;
    this.#said.delete(id);
    if (this.#isDirty[id] === 1) return;
    this.#isDirty[id] = 1;
    this.#dirty.push(id);
  }

  #endAttempt(id: number, endMs: number, status: number): void {
    const place = this.#placeByTask[id]!;
    // One may end of which no start was told: its arguments could not be sent, for example.
    if (place === NONE) return;
    this.#placeByTask[id] = NONE;
    this.#underWay--;
    const end = Math.max(endMs, this.#attemptStartMs[id]!);
    const tookMs = end - this.#attemptStartMs[id]!;
    this.#workMs += tookMs;
    this.#spentMs[id]! += tookMs;
    this.#attempts.end(place, end, status);
    if (this.isWatched && place < this.#attemptsTold) this.#ended.push(place);
  }

  /** All that it needs has come to its end before. */
  #endPath(id: number): void {
    const { starts, ids } = this.#open.topology.dependencies;
    let before = 0;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const pathMs = this.#pathMs[ids[edge]!]!;
      if (pathMs > before) before = pathMs;
    }
    const pathMs = before + this.#spentMs[id]!;
    this.#pathMs[id] = pathMs;
    if (pathMs > this.#criticalPathMs) this.#criticalPathMs = pathMs;
  }

  #fail(failure: KeptFailure): void {
    this.#failureCount++;
    this.#failures.push(failure);
    if (this.#failures.length > 2 * FAILURES_MAX) this.#failures = this.#failures.slice(-FAILURES_MAX);
  }
}

function groupName(told: unknown): string {
  if (typeof told === 'string') return told;
  throw new InvalidOptionError('group', 'a function that returns a text', told);
}

/** The main thread is 0. The name of a worker is text of others. */
function shownThread(thread: ThreadId): ShownThread {
  if (typeof thread === 'number') return thread;
  return thread === 'main' ? 0 : shownText(thread);
}

function shownFailure(kept: KeptFailure): ShownFailure {
  const { task, attempt, atMs, willRetry, error } = kept;
  kept.shown ??= { task, attempt, atMs: exact(atMs), willRetry, ...shownError(error) };
  return kept.shown;
}

function shownProgress(id: number, { fraction, note }: TaskProgressed): ShownProgress {
  return [id, fraction, note === undefined ? '' : shownText(note)];
}

/** As exact as times are. */
function exact(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function rounded<A extends readonly (number | string)[]>(attempt: A): A {
  return attempt.map((field) => (typeof field === 'number' ? exact(field) : field)) as unknown as A;
}
