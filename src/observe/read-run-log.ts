import { closeSync, openSync, readSync } from 'node:fs';
import { RunLogError } from '../errors.js';
import type { RunReport, RunStatus, ThreadId, UntypedEvents } from '../events.js';
import { LEVEL_BY_EVENT, type LoggedError } from './log-lines.js';
import { ENDING_WORDS } from './run-ending.js';

/** Which run of a log is asked about. */
export interface ReadRunLogOptions {
  /** Default: the run that began last. */
  readonly runId?: string | undefined;
}

/** A task that had begun and not ended. */
export interface LoggedInProgress {
  readonly task: string;
  readonly attempt: number;
  readonly thread: ThreadId;
  /** In milliseconds since 1970, as all times of a log: without fractions. */
  readonly startedAtMs: number;
}

/** A task that could have begun. */
export interface LoggedQueued {
  readonly task: string;
  readonly readyAtMs: number;
}

/** A task that waits to be tried again. */
export interface LoggedDelayed {
  readonly task: string;
  /** The attempt that failed. */
  readonly attempt: number;
  /** When the next one is due. */
  readonly dueAtMs: number;
  readonly error: LoggedError;
}

/** A task that was cut short. */
export interface LoggedInterrupted {
  readonly task: string;
  readonly attempt: number;
  readonly interruptedAtMs: number;
  /** Why. */
  readonly error: LoggedError;
}

/** A task that is done. */
export interface LoggedDone {
  readonly task: string;
  readonly attempt: number;
  readonly source: 'run' | 'store' | 'graph';
  readonly doneAtMs: number;
  readonly durationMs: number;
}

/** A task that has failed for good. */
export interface LoggedFailed {
  readonly task: string;
  /** 0 if its failure was kept. */
  readonly attempt: number;
  readonly source: 'run' | 'store';
  readonly failedAtMs: number;
  readonly durationMs: number;
  readonly error: LoggedError;
}

/** A task that will not run. */
export interface LoggedSkipped {
  readonly task: string;
  readonly because: string;
}

/** What a log tells of one run. Each task is in one list: the one for what was heard of it last. */
export interface LoggedRun {
  /** `undefined` if the log has no line of a run. */
  readonly runId: string | undefined;
  /** All runs that the log has lines of, in the order of their first lines. */
  readonly runIds: readonly string[];
  /** The graph's name, if the line of its start is there. */
  readonly graph: string | undefined;
  readonly taskCount: number | undefined;
  /** The process that wrote the log. Whether it still lives, the log cannot tell. */
  readonly pid: number | undefined;
  readonly startedAtMs: number | undefined;
  /**
   * `'running'`: the log tells of no end. The run is under way, or its process was killed. `undefined`: the log has no
   * line of a run, or tells of an end that this version does not know.
   */
  readonly status: 'running' | RunReport['status'] | undefined;
  /** What ended the run before its tasks had; `undefined` if nothing did, and in logs of versions that did not tell. */
  readonly reason: LoggedError | undefined;
  /** `undefined` as long as the status is `'running'`. */
  readonly finishedAtMs: number | undefined;
  readonly inProgress: readonly LoggedInProgress[];
  /** Ready, and not begun: there was no room for them yet. */
  readonly queued: readonly LoggedQueued[];
  readonly delayed: readonly LoggedDelayed[];
  readonly interrupted: readonly LoggedInterrupted[];
  readonly done: readonly LoggedDone[];
  readonly failed: readonly LoggedFailed[];
  readonly skipped: readonly LoggedSkipped[];
  /** How many lines are no JSON, such as a last one that was cut off. Lines of JSON that are not of taskmap are not counted. */
  readonly badLineCount: number;
}

type TaskLists = Pick<LoggedRun, 'inProgress' | 'queued' | 'delayed' | 'interrupted' | 'done' | 'failed' | 'skipped'>;
type State = {
  readonly [L in keyof TaskLists]: { readonly list: L; readonly entry: TaskLists[L][number] };
}[keyof TaskLists];
type TaskEvent = Exclude<
  keyof UntypedEvents,
  'run:started' | 'run:finished' | 'task:progress' | 'store:repaired' | 'store:refused' | 'store:unseen'
>;

/** A line of JSON: whatever stands in a file. */
type Line = Readonly<Record<string, unknown>>;

const CHUNK_BYTES = 1 << 16;
const LINE_END = 0x0a;
const NO_ERROR: LoggedError = { type: 'undefined', message: 'undefined' };

const STATE_BY_EVENT: { readonly [E in TaskEvent]: (task: string, line: Line) => State } = {
  'task:ready': (task, line) => ({ list: 'queued', entry: { task, readyAtMs: numberIn(line, 'time') } }),
  'task:started': (task, line) => ({
    list: 'inProgress',
    entry: { task, attempt: numberIn(line, 'attempt'), thread: threadIn(line), startedAtMs: numberIn(line, 'time') },
  }),
  'task:retrying': (task, line) => ({
    list: 'delayed',
    entry: {
      task,
      attempt: numberIn(line, 'attempt'),
      dueAtMs: numberIn(line, 'time') + numberIn(line, 'delayMs'),
      error: errorIn(line),
    },
  }),
  'task:interrupted': (task, line) => ({
    list: 'interrupted',
    entry: { task, attempt: numberIn(line, 'attempt'), interruptedAtMs: numberIn(line, 'time'), error: errorIn(line) },
  }),
  'task:done': (task, line) => ({
    list: 'done',
    entry: {
      task,
      attempt: numberIn(line, 'attempt'),
      source: line['source'] === 'store' || line['source'] === 'graph' ? line['source'] : 'run',
      doneAtMs: numberIn(line, 'time'),
      durationMs: numberIn(line, 'durationMs'),
    },
  }),
  'task:failed': (task, line) => ({
    list: 'failed',
    entry: {
      task,
      attempt: numberIn(line, 'attempt'),
      source: line['source'] === 'store' ? 'store' : 'run',
      failedAtMs: numberIn(line, 'time'),
      durationMs: numberIn(line, 'durationMs'),
      error: errorIn(line),
    },
  }),
  'task:skipped': (task, line) => ({ list: 'skipped', entry: { task, because: String(line['because']) } }),
};

/**
 * Tells from a log what a run was doing: which tasks had begun and not ended, which could have begun, which are done or failed. The process that wrote it
 * may be running, or may have been killed at any moment; a last line that is cut off does not count. Of several runs in a file it is the one that began
 * last, unless another is asked for. Lines of others, such as those of the program's own logger, are passed over.
 *
 * @param path - the file, written by a {@link RunLog}, or by a pino logger to which a `RunLog` writes
 * @throws {@link RunLogError} if the file cannot be read
 *
 * @example
 * import { readRunLog, RunLog, AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 * import { rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const path = join(tmpdir(), `reading-${process.pid}.ndjson`);
 * const executor = new AsyncExecutor({ concurrency: 1 });
 * using log = new RunLog({ path }).listen(executor);
 * const graph = new TaskGraphBuilder()
 *   .task('first', () => 1)
 *   .task('second', () => {
 *     // As another process would, in the middle of the run.
 *     const { inProgress, queued, done } = readRunLog(path);
 *     return [done, inProgress, queued].map((list) => list.map(({ task }) => task));
 *   })
 *   .task('third', () => 3)
 *   .build();
 * await executor.run(graph);
 * rmSync(path);
 * graph.result('second'); // => [['first'], ['second'], ['third']]
 */
export function readRunLog(path: string, { runId }: ReadRunLogOptions = {}): LoggedRun {
  const reading = new Reading(runId);
  for (const line of linesOf(path)) reading.take(line);
  return reading.run();
}

/** What was read up to a line. */
class Reading {
  readonly #wanted: string | undefined;
  readonly #runIds = new Set<string>();
  readonly #states = new Map<string, State>();
  #runId: string | undefined;
  #start: Line | undefined;
  #end: Line | undefined;
  #pid: number | undefined;
  #badLineCount = 0;

  constructor(wanted: string | undefined) {
    this.#wanted = wanted;
  }

  take(text: string): void {
    if (text.trim() === '') return;
    const line = parsed(text);
    if (line === undefined) this.#badLineCount++;
    else if (isOfRun(line)) this.#takeEvent(line);
  }

  run(): LoggedRun {
    const lists = {
      inProgress: [],
      queued: [],
      delayed: [],
      interrupted: [],
      done: [],
      failed: [],
      skipped: [],
    } satisfies TaskLists;
    for (const { list, entry } of this.#states.values()) (lists[list] as unknown[]).push(entry);
    return {
      runId: this.#runId,
      runIds: [...this.#runIds],
      graph: typeof this.#start?.['graph'] === 'string' ? this.#start['graph'] : undefined,
      taskCount: this.#start && numberIn(this.#start, 'taskCount'),
      pid: this.#pid,
      startedAtMs: this.#start && numberIn(this.#start, 'time'),
      status: this.#status(),
      reason: this.#end?.['err'] === undefined ? undefined : errorIn(this.#end),
      finishedAtMs: this.#end && numberIn(this.#end, 'time'),
      ...lists,
      badLineCount: this.#badLineCount,
    };
  }

  #status(): LoggedRun['status'] {
    if (this.#runId === undefined) return undefined;
    if (this.#end === undefined) return 'running';
    const told = this.#end['status'];
    return isRunStatus(told) ? told : undefined;
  }

  #takeEvent(line: EventLine): void {
    const { runId, event, task } = line;
    this.#runIds.add(runId);
    if (this.#wanted === undefined) {
      // A file may begin in the middle of a run, if older lines were moved elsewhere.
      if (event === 'run:started' || this.#runId === undefined) this.#goTo(runId);
    } else if (runId === this.#wanted) {
      this.#runId = runId;
    }
    if (runId !== this.#runId) return;
    this.#pid ??= typeof line['pid'] === 'number' ? line['pid'] : undefined;
    if (event === 'run:started') this.#start = line;
    else if (event === 'run:finished') this.#end = line;
    else if (saysWhereATaskIs(event) && typeof task === 'string') {
      // By what was heard last: so a list has the order in which its tasks came into it.
      this.#states.delete(task);
      this.#states.set(task, STATE_BY_EVENT[event](task, line));
    }
  }

  #goTo(runId: string): void {
    this.#runId = runId;
    this.#states.clear();
    this.#start = undefined;
    this.#end = undefined;
    this.#pid = undefined;
  }
}

function saysWhereATaskIs(event: keyof UntypedEvents): event is TaskEvent {
  return Object.hasOwn(STATE_BY_EVENT, event);
}

function isRunStatus(told: unknown): told is RunStatus {
  return typeof told === 'string' && told !== 'running' && Object.hasOwn(ENDING_WORDS, told);
}

interface EventLine extends Line {
  readonly runId: string;
  readonly event: keyof UntypedEvents;
  readonly task: unknown;
}

function isOfRun(line: Line): line is EventLine {
  return (
    typeof line['runId'] === 'string' &&
    typeof line['event'] === 'string' &&
    Object.hasOwn(LEVEL_BY_EVENT, line['event'])
  );
}

function parsed(text: string): Line | undefined {
  try {
    const line: unknown = JSON.parse(text);
    // A number or a list is JSON as well, and not ours.
    return typeof line === 'object' && line !== null ? (line as Line) : {};
  } catch {
    return undefined;
  }
}

function numberIn(line: Line, field: string): number {
  const value = line[field];
  return typeof value === 'number' ? value : 0;
}

function threadIn(line: Line): ThreadId {
  const { thread } = line;
  return typeof thread === 'number' || typeof thread === 'string' ? thread : 'main';
}

function errorIn(line: Line): LoggedError {
  const { err } = line;
  if (typeof err !== 'object' || err === null)
    return err === undefined ? NO_ERROR : { type: typeof err, message: String(err) };
  const { type, message } = err as Record<string, unknown>;
  return { ...err, type: String(type), message: String(message) };
}

/** The lines of a file, the last one also if nothing ends it. A piece at a time: a log may be larger than memory. */
function* linesOf(path: string): Generator<string> {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    // The pieces of a line that is longer than a chunk.
    let begun: Buffer[] = [];
    for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
      let from = 0;
      for (let end = chunk.indexOf(LINE_END); end >= 0 && end < length; end = chunk.indexOf(LINE_END, from)) {
        const rest = chunk.subarray(from, end);
        yield begun.length === 0 ? rest.toString() : Buffer.concat([...begun, rest]).toString();
        begun = [];
        from = end + 1;
      }
      if (from < length) begun.push(Buffer.from(chunk.subarray(from, length)));
    }
    if (begun.length > 0) yield Buffer.concat(begun).toString();
  } catch (error) {
    throw new RunLogError(path, 'read', 'Give the file that a RunLog writes.', { cause: error });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
