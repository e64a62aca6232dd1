/*
 * What the server tells the page, as server-sent events on `/events`: the event `snapshot` on connecting and after a gap, then the event `changes` at most ten
 * times a second; the data of both is JSON. How changes are applied is in apply-changes.ts.
 *
 *   server                               page
 *     ── snapshot: all runs ──────────────►   forgets what it knew
 *     ── changes: what has happened since ─►   applies it
 *     ◄─ POST /abort, /rerun ──────────────   if the dashboard may control: a ControlRequest, answered by a ControlReply
 */

/** Statuses as they stand in the arrays below. */
export const STATUS_CODES = ['pending', 'ready', 'running', 'delayed', 'done', 'kept', 'failed', 'skipped'] as const;
export type ShownStatus = (typeof STATUS_CODES)[number];

/** All that a page shows of a run, as it is at a moment. Tasks are told by their place in `names`. */
export interface ShownRun {
  readonly runId: string;
  /** The graph's name. */
  readonly graph: string;
  readonly status: 'running' | 'finished' | 'stopped' | 'aborted' | 'broken';
  /** What ended it before its tasks had; `undefined` if nothing did. Text only, cut to {@link TEXT_MAX} characters. */
  readonly reason?: ShownError | undefined;
  /** In milliseconds since 1970; all other times of the run count from here. */
  readonly startedAtMs: number;
  /** `undefined` while it runs. */
  readonly durationMs?: number | undefined;
  /** How many attempts can be under way at once, as far as that is known: for the efficiency. */
  readonly workers: number;
  readonly names: readonly string[];
  /** The group of each task, as a place in `groupNames`, which stand in topological order. */
  readonly groups: readonly number[];
  readonly groupNames: readonly string[];
  /** The dependencies of each task, one list after the other: those of task `i` are `dependencies[starts[i]]` up to `dependencies[starts[i + 1] - 1]`. */
  readonly dependencyStarts: readonly number[];
  readonly dependencies: readonly number[];
  /** How many tasks it leaves as they are, since it was asked for a part of the graph. */
  readonly leftOutCount: number;
  /** The places of io-bound tasks. */
  readonly ioBound: readonly number[];
  /** The plain data that tasks have, as JSON: what is the same stands there once. */
  readonly metaTexts: readonly string[];
  /** Which tasks have some, and its place in `metaTexts`. */
  readonly metas: readonly (readonly [task: number, text: number])[];
  /** The status of each task, as a place in {@link STATUS_CODES}. */
  readonly statuses: readonly number[];
  /** How many attempts had begun before the first of `attempts`, and are no longer kept. */
  readonly attemptsBefore: number;
  /** Attempts that have begun, the latest {@link ATTEMPTS_MAX}, in the order in which that was heard: those of threads may be told a little late. */
  readonly attempts: readonly ShownAttempt[];
  /** How long attempts took that have ended, together, in milliseconds; also those that are no longer in `attempts`. */
  readonly workMs: number;
  /** The longest chain of tasks that need each other, by the time that those took that have ended, in milliseconds. */
  readonly criticalPathMs: number;
  /** How many attempts have failed. */
  readonly failureCount: number;
  /** The latest {@link FAILURES_MAX} of them, in that order. What had failed before the run comes first. */
  readonly failures: readonly ShownFailure[];
  /** What tasks said of themselves, of those that are running, by the place of the task. */
  readonly progress: readonly ShownProgress[];
  /** How many milliseconds are likely to be left; `undefined` if nothing can be said. */
  readonly remainingMs?: number | undefined;
}

/** So many attempts of a run are kept. */
export const ATTEMPTS_MAX = 20_000;
/** So many failures of a run are kept. */
export const FAILURES_MAX = 300;

export type ShownThread = number | string;

/** `[task, attempt, thread, startMs, endMs, status]`: thread 0 is the main one, a text the name of a worker; endMs -1 while it runs; status as a place in {@link ATTEMPT_CODES}. */
export type ShownAttempt = readonly [
  task: number,
  attempt: number,
  thread: ShownThread,
  startMs: number,
  endMs: number,
  status: number,
];
export const ATTEMPT_CODES = ['running', 'done', 'failed', 'retried', 'interrupted'] as const;

/** What was thrown. Text only, never markup, cut to {@link TEXT_MAX} characters. */
export interface ShownError {
  /** The name of the error's class. */
  readonly type: string;
  readonly message: string;
  readonly stack: string;
}

/** A task that failed, or an attempt that will be made again. */
export interface ShownFailure extends ShownError {
  readonly task: number;
  readonly attempt: number;
  /** Since the run began; 0 also if the task had failed before. */
  readonly atMs: number;
  /** Whether another attempt follows. */
  readonly willRetry: boolean;
}

export const TEXT_MAX = 4_000;

/** `[task, fraction, note]` */
export type ShownProgress = readonly [task: number, fraction: number, note: string];

export interface Snapshot {
  /** The clock of the server, in milliseconds since 1970, to compare with the page's own. */
  readonly nowMs: number;
  /** Whether the page may abort runs and have failed tasks run again. */
  readonly control: boolean;
  /** The latest runs, in the order in which they began. */
  readonly runs: readonly ShownRun[];
}

/** What has happened to one run since the last message. */
export interface RunChanges {
  readonly runId: string;
  /** `[task, status, task, status, …]`: each task whose status has changed, once, with the status that it has now. What such a task had said of its progress is void. */
  readonly statuses: readonly number[];
  /** As in {@link ShownRun}, with these changes. */
  readonly attemptsBefore: number;
  /** Attempts that have begun, to come behind those that are known. They may have ended as well. */
  readonly attemptsBegun: readonly ShownAttempt[];
  /** `[place, endMs, status, …]`: attempts that were told before and have ended. The place counts all attempts of the run, `attemptsBefore` included. */
  readonly attemptsEnded: readonly number[];
  readonly failureCount: number;
  /** To come behind those that are known. */
  readonly failures: readonly ShownFailure[];
  /** What tasks have said since, each once; to be applied after `statuses`. */
  readonly progress: readonly ShownProgress[];
  readonly status: ShownRun['status'];
  readonly reason?: ShownError | undefined;
  readonly durationMs?: number | undefined;
  readonly workMs: number;
  readonly criticalPathMs: number;
  readonly workers: number;
  readonly remainingMs?: number | undefined;
}

export interface Changes {
  readonly nowMs: number;
  /** Runs that have begun. */
  readonly begun: readonly ShownRun[];
  /** Runs that are no longer kept. */
  readonly forgotten: readonly string[];
  readonly runs: readonly RunChanges[];
}

/** The body of `POST /abort`, and of `POST /rerun`: what failed of that run is reset, and its graph run again. As `application/json`. */
export interface ControlRequest {
  readonly runId: string;
}

/** The answer: with status 202 the run that was aborted, or the one that has begun; with any other, what is wrong, as a sentence. */
export type ControlReply = { readonly runId: string } | { readonly error: string };
