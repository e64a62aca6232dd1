import type {
  RunFinished,
  RunReport,
  RunStarted,
  TaskDone,
  TaskFailed,
  TaskInterrupted,
  TaskRetrying,
  TaskStarted,
  ThreadId,
} from '../events.js';
import type { TaskGraph } from '../graph/task-graph.js';

/** One attempt, as it was seen. All times lie within its run. */
export interface AttemptTiming {
  readonly task: string;
  /** Which try of the task it is, counted from 1. An attempt that a thread took down with it is made again under the same number. */
  readonly attempt: number;
  /** Where it ran. */
  readonly thread: ThreadId;
  readonly ioBound: boolean;
  /** `'retried'`: it failed, and another one followed. `'interrupted'`: it was aborted, or its thread died. */
  readonly status: 'running' | 'done' | 'failed' | 'retried' | 'interrupted';
  /** When it could have started, in milliseconds since 1970. */
  readonly readyAtMs: number;
  readonly startedAtMs: number;
  /** When it ended; of one that is running, the last time that anything of the run was heard. */
  readonly endedAtMs: number;
  /** From its start to its end, in milliseconds. */
  readonly durationMs: number;
  /** From when it could have started until it did, in milliseconds. */
  readonly waitedMs: number;
  /** What it threw, if it failed; what it was interrupted with, if it was. Else `undefined`. */
  readonly error: unknown;
}

/** A task, as it was seen in one run. */
export interface TaskTiming {
  readonly task: string;
  /** `'pending'`: it was ready, or interrupted, and that was all. */
  readonly status: 'pending' | 'running' | 'done' | 'failed' | 'skipped';
  /** Its attempts, the first one first. Empty for a task that was skipped, and for one whose result was kept from an earlier run. */
  readonly attempts: readonly AttemptTiming[];
  /** How long its attempts took together, in milliseconds. */
  readonly durationMs: number;
  /** How long it could have run and did not, in milliseconds: there was no room for it. */
  readonly waitedMs: number;
  /** How long it paused between attempts, in milliseconds. */
  readonly delayedMs: number;
}

/** What was seen of a run up to now. */
export interface RunSnapshot {
  readonly runId: string;
  readonly graph: string;
  readonly taskGraph: TaskGraph;
  readonly status: 'running' | RunReport['status'];
  /** What ended it before its tasks had; `undefined` if nothing did. */
  readonly reason: unknown;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** By name, in the order in which they were first heard of. */
  readonly tasks: ReadonlyMap<string, TaskTiming>;
  /** By their start. */
  readonly attempts: readonly AttemptTiming[];
}

interface SeenAttempt {
  readonly started: TaskStarted;
  readonly readyAtMs: number;
  status: AttemptTiming['status'];
  /** `undefined` while it is running. */
  endedAtMs: number | undefined;
  /** The pause after it. */
  delayMs: number;
  error: unknown;
}

interface SeenTask {
  /** One list is shared by all tasks that have none. */
  attempts: SeenAttempt[];
  status: TaskTiming['status'];
  readyAtMs: number | undefined;
}

const NO_ATTEMPTS: SeenAttempt[] = [];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Collects what is told of one run. To listen must cost little, so all that can be worked out later is. */
export class RunTiming {
  readonly runId: string;
  readonly #begun: RunStarted;
  readonly #tasks = new Map<string, SeenTask>();
  #status: RunSnapshot['status'] = 'running';
  #reason: unknown;
  #lastAtMs: number;
  #snapshot: RunSnapshot | undefined;

  constructor(begun: RunStarted) {
    this.runId = begun.runId;
    this.#begun = begun;
    this.#lastAtMs = begun.atMs;
  }

  get taskGraph(): TaskGraph {
    return this.#begun.taskGraph;
  }

  get isUnderWay(): boolean {
    return this.#status === 'running';
  }

  ready(task: string, atMs: number): void {
    this.#task(task, atMs).readyAtMs = atMs;
  }

  started(started: TaskStarted): void {
    const seen = this.#task(started.task, started.atMs);
    seen.status = 'running';
    const attempt: SeenAttempt = {
      started,
      readyAtMs: seen.readyAtMs ?? started.atMs,
      status: 'running',
      endedAtMs: undefined,
      delayMs: 0,
      error: undefined,
    };
    // A list that is made with its one attempt takes less memory than an empty one that grows, and few have more.
    if (seen.attempts === NO_ATTEMPTS) seen.attempts = [attempt];
    else seen.attempts.push(attempt);
  }

  retrying({ task, atMs, delayMs, error }: TaskRetrying): void {
    const seen = this.#task(task, atMs);
    this.#end(seen, 'retried', atMs, error, delayMs);
    seen.status = 'pending';
    seen.readyAtMs = atMs + delayMs;
  }

  interrupted({ task, atMs, reason }: TaskInterrupted): void {
    const seen = this.#task(task, atMs);
    this.#end(seen, 'interrupted', atMs, reason);
    seen.status = 'pending';
    seen.readyAtMs = atMs;
  }

  ended(record: TaskDone | TaskFailed, status: 'done' | 'failed'): void {
    const { task, atMs, durationMs } = record;
    const error = 'error' in record ? record.error : undefined;
    const seen = this.#task(task, atMs);
    const started = seen.attempts.at(-1)?.started;
    // A thread tells of an end some time after it, and says how long the attempt took.
    this.#end(
      seen,
      status,
      started === undefined || started.thread === 'main' ? atMs : Math.min(started.atMs + durationMs, atMs),
      error,
    );
    seen.status = status;
  }

  skipped(task: string, atMs: number): void {
    this.#task(task, atMs).status = 'skipped';
  }

  finished({ status, reason, atMs }: RunFinished): void {
    this.#status = status;
    this.#reason = reason;
    this.#heardAt(atMs);
  }

  /** All that was seen so far. */
  snapshot(): RunSnapshot {
    this.#snapshot ??= this.#takeSnapshot();
    return this.#snapshot;
  }

  #task(task: string, atMs: number): SeenTask {
    this.#heardAt(atMs);
    let seen = this.#tasks.get(task);
    if (seen === undefined) {
      seen = { attempts: NO_ATTEMPTS, status: 'pending', readyAtMs: undefined };
      this.#tasks.set(task, seen);
    }
    return seen;
  }

  #heardAt(atMs: number): void {
    this.#snapshot = undefined;
    if (atMs > this.#lastAtMs) this.#lastAtMs = atMs;
  }

  #end({ attempts }: SeenTask, status: AttemptTiming['status'], atMs: number, error: unknown, delayMs = 0): void {
    const attempt = attempts.at(-1);
    // One may end of which no start was told: its arguments could not be sent, for example.
    if (attempt === undefined || attempt.status !== 'running') return;
    attempt.status = status;
    attempt.endedAtMs = atMs;
    attempt.delayMs = delayMs;
    attempt.error = error;
  }

  #takeSnapshot(): RunSnapshot {
    const { runId, graph, taskGraph, atMs: startedAtMs } = this.#begun;
    const endedAtMs = this.#lastAtMs;
    const within = (atMs: number) => Math.min(Math.max(atMs, startedAtMs), endedAtMs);
    const attempts: Mutable<AttemptTiming>[] = [];
    const byTask = new Map<string, { readonly seen: SeenTask; readonly attempts: Mutable<AttemptTiming>[] }>();
    for (const [task, seen] of this.#tasks) {
      const ofTask = seen.attempts.map((attempt) => timingOf(attempt, within));
      byTask.set(task, { seen, attempts: ofTask });
      for (const attempt of ofTask) attempts.push(attempt);
    }
    attempts.sort((a, b) => a.startedAtMs - b.startedAtMs || a.endedAtMs - b.endedAtMs);
    clip(attempts);
    const tasks = new Map<string, TaskTiming>();
    for (const [task, { seen, attempts }] of byTask) tasks.set(task, taskTimingOf(task, seen, attempts));
    const [status, reason] = [this.#status, this.#reason];
    return { runId, graph, taskGraph, status, reason, startedAtMs, endedAtMs, tasks, attempts };
  }
}

function timingOf(
  { started, readyAtMs, status, endedAtMs = Infinity, error }: SeenAttempt,
  within: (atMs: number) => number,
): Mutable<AttemptTiming> {
  const { task, attempt, thread, ioBound } = started;
  const startedAtMs = within(started.atMs);
  const ended = Math.max(within(endedAtMs), startedAtMs);
  // Each thread has a clock of its own, which may be a little behind.
  const ready = Math.min(within(readyAtMs), startedAtMs);
  const waitedMs = startedAtMs - ready;
  const durationMs = ended - startedAtMs;
  return {
    task,
    attempt,
    thread,
    ioBound,
    status,
    readyAtMs: ready,
    startedAtMs,
    endedAtMs: ended,
    durationMs,
    waitedMs,
    error,
  };
}

/** How exact times are, in milliseconds: a number that counts them since 1970 has a step of a quarter of a microsecond. */
const EXACT_MS = 0.001;

/**
 * A thread that computes runs one attempt at a time, so each had ended when the next one began. That it failed or was interrupted is told with the time at
 * which the main thread heard of it, and start and duration of others are rounded.
 */
function clip(attempts: readonly Mutable<AttemptTiming>[]): void {
  const lastByThread = new Map<ThreadId, Mutable<AttemptTiming>>();
  const computing = new Set(attempts.filter(({ ioBound }) => !ioBound).map(({ thread }) => thread));
  computing.delete('main');
  for (const attempt of attempts) {
    const last = lastByThread.get(attempt.thread);
    lastByThread.set(attempt.thread, attempt);
    if (last === undefined) continue;
    const overlapMs = last.endedAtMs - attempt.startedAtMs;
    if (overlapMs <= 0 || (overlapMs > EXACT_MS && !computing.has(attempt.thread))) continue;
    last.endedAtMs = attempt.startedAtMs;
    last.durationMs = last.endedAtMs - last.startedAtMs;
  }
}

function taskTimingOf(task: string, seen: SeenTask, attempts: readonly AttemptTiming[]): TaskTiming {
  let durationMs = 0;
  let waitedMs = 0;
  let delayedMs = 0;
  for (const [index, attempt] of attempts.entries()) {
    durationMs += attempt.durationMs;
    waitedMs += attempt.waitedMs;
    const next = attempts[index + 1];
    if (next !== undefined)
      delayedMs += Math.max(Math.min(seen.attempts[index]!.delayMs, next.startedAtMs - attempt.endedAtMs), 0);
  }
  return { task, status: seen.status, attempts, durationMs, waitedMs, delayedMs };
}
