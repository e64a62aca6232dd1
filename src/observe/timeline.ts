import { markAsOurs } from '../copy.js';
import { InvalidOptionError } from '../errors.js';
import type { RunReport, ThreadId } from '../events.js';
import { chromeTraceOf } from './chrome-trace.js';
import { measuredPath } from './critical-path.js';
import { mermaidGanttOf, textGanttOf } from './gantt.js';
import { busyMs, lanesOf, overlapMax } from './lanes.js';
import { type EventListeners, Observer } from './observer.js';
import { type AttemptTiming, type RunSnapshot, RunTiming, type TaskTiming } from './run-timing.js';
import { emptyTimelinePicture, timelinePictureOf } from './timeline-picture.js';

/** How much a timeline keeps. */
export interface TimelineOptions {
  /** So many runs that have ended are kept, the latest ones: a whole number from 1. Default 10. */
  readonly runsMax?: number | undefined;
}

/** Which run is asked about. */
export interface WhichRun {
  /** Default: the run that began last. */
  readonly runId?: string | undefined;
}

/** What efficiency is measured against. */
export interface SummaryOptions extends WhichRun {
  /**
   * How many attempts could have been under way at once: the threads, or the concurrency, of the executor. Default, and the least it counts for: how many
   * were.
   */
  readonly workers?: number | undefined;
}

/** How a run is drawn. */
export interface DrawingOptions extends WhichRun {
  /** At most so many tasks are drawn, those that took longest. Default 40. */
  readonly rowsMax?: number | undefined;
}

/** How a run is drawn on a terminal. */
export interface TextOptions extends DrawingOptions {
  /** How many columns the picture may take. Default 80. */
  readonly width?: number | undefined;
}

/** How a run is drawn as a picture. */
export interface TimelinePictureOptions extends WhichRun {
  /** How wide the picture is, in pixels: a whole number from 300. Default 960. */
  readonly width?: number | undefined;
  /**
   * At most so many rows are drawn, the first ones of each thread: a whole number from 1. Default 60. A thread has as many rows as attempts overlapped there.
   */
  readonly rowsMax?: number | undefined;
}

/** A run in numbers. */
export interface TimelineSummary {
  readonly runId: string;
  /** The graph's name. */
  readonly graph: string;
  readonly status: 'running' | RunReport['status'];
  /**
   * What ended the run before its tasks had: the failure, the abort's reason, the error that `run()` rejects with;
   * `undefined` if nothing did.
   */
  readonly reason: unknown;
  /** How long the run took, or has taken up to now, in milliseconds. */
  readonly durationMs: number;
  readonly attemptCount: number;
  /** How long all attempts took together, in milliseconds. */
  readonly workMs: number;
  /** How long tasks could have run and had to wait for room, together, in milliseconds. */
  readonly waitedMs: number;
  /** How long the tasks of the critical path took, in milliseconds. */
  readonly criticalPathMs: number;
  /** How many attempts could be under way at once, as far as that is known. */
  readonly workers: number;
  /** What the run could not have been shorter than, in milliseconds: the critical path, or the work shared evenly by the workers. */
  readonly lowerBoundMs: number;
  /** The lower bound as a part of the duration: from 0 to 1, and 1 is as good as it gets. */
  readonly efficiency: number;
}

/** What one thread did in a run. */
export interface ThreadShare {
  readonly thread: ThreadId;
  readonly attemptCount: number;
  /** How long at least one attempt was under way there, in milliseconds. */
  readonly busyMs: number;
  /** How long its attempts took together, in milliseconds: more than `busyMs` where they overlap. */
  readonly workMs: number;
  /** `busyMs` as a part of the run's duration, from 0 to 1. */
  readonly share: number;
}

/** The runs of a timeline by id, in the order in which they began. For reports. */
export let runsOf: (timeline: Timeline) => ReadonlyMap<string, RunTiming>;

const DEFAULTS = { runsMax: 10, rowsMax: 40, width: 80, slowest: 10 } as const;
const PICTURE_WIDTH_MIN = 300;

/**
 * Remembers which attempt ran where and when, and answers what determined how long a run took. Each question is about the latest run, unless it is asked
 * about another one; a run that is under way can be asked about as well. A run that had begun before the timeline listened is left out.
 *
 * A timeline keeps the graphs of its last runs, and so their results, and what attempts threw.
 *
 * @example
 * import { AsyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';
 *
 * // load ─► parse ─► page       parse and style take the rows and the file that load gives
 * //    └──► style ────┘
 * const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
 * const graph = new TaskGraphBuilder()
 *   .task('load', () => pause(20))
 *   .task('parse').dependsOn('load').run(() => pause(60))
 *   .task('style').dependsOn('load').run(() => pause(5))
 *   .task('page').dependsOn('parse', 'style').run(() => 'page')
 *   .build();
 * const executor = new AsyncExecutor();
 * const timeline = new Timeline().listen(executor);
 * await executor.run(graph);
 * timeline.criticalPath().map(({ task }) => task); // => ['load', 'parse', 'page']
 * timeline.slowest(2).map(({ task }) => task); // => ['parse', 'load']
 * timeline.efficiency() > 0.5; // => true
 */
export class Timeline extends Observer {
  readonly runsMax: number;
  /** In the order in which they began. */
  readonly #runs = new Map<string, RunTiming>();
  protected override readonly listeners: EventListeners = {
    'run:started': (record) => void this.#runs.set(record.runId, new RunTiming(record)),
    'task:ready': ({ runId, task, atMs }) => this.#runs.get(runId)?.ready(task, atMs),
    'task:started': (record) => this.#runs.get(record.runId)?.started(record),
    'task:retrying': (record) => this.#runs.get(record.runId)?.retrying(record),
    'task:interrupted': (record) => this.#runs.get(record.runId)?.interrupted(record),
    'task:done': (record) => this.#runs.get(record.runId)?.ended(record, 'done'),
    'task:failed': (record) => this.#runs.get(record.runId)?.ended(record, 'failed'),
    'task:skipped': ({ runId, task, atMs }) => this.#runs.get(runId)?.skipped(task, atMs),
    'run:finished': (record) => {
      this.#runs.get(record.runId)?.finished(record);
      this.#forgetOldRuns();
    },
  };

  static {
    runsOf = (timeline) => timeline.#runs;
    markAsOurs(Timeline.prototype);
  }

  /** @throws {@link InvalidOptionError} */
  constructor({ runsMax = DEFAULTS.runsMax }: TimelineOptions = {}) {
    super();
    this.runsMax = count('runsMax', runsMax);
  }

  /** The runs it knows, in the order in which they began. */
  runIds(): string[] {
    return [...this.#runs.keys()];
  }

  /** Every attempt, by its start. */
  attempts(options?: WhichRun): readonly AttemptTiming[] {
    return this.#snapshot(options)?.attempts ?? [];
  }

  /** Every task that was heard of, in that order. */
  tasks(options?: WhichRun): readonly TaskTiming[] {
    return [...(this.#snapshot(options)?.tasks.values() ?? [])];
  }

  /**
   * The chain of tasks, each of which needs the one before it, that took longest: what no number of workers could have made shorter. Where `graph.criticalPath()`
   * counts tasks, this one counts the time that they took, and the pauses before retries.
   */
  criticalPath(options?: WhichRun): readonly TaskTiming[] {
    const run = this.#snapshot(options);
    return run === undefined ? [] : measuredPath(run).tasks;
  }

  /** The tasks that took longest, the slowest first. */
  slowest(countMax: number = DEFAULTS.slowest, options?: WhichRun): readonly TaskTiming[] {
    const ran = this.tasks(options).filter(({ attempts }) => attempts.length > 0);
    return ran.sort((a, b) => b.durationMs - a.durationMs).slice(0, count('countMax', countMax));
  }

  /** How long the attempts of each task took together, in milliseconds, by name: for `graph.toSVG({ durations })`. Only tasks that ran are in it. */
  durations(options?: WhichRun): ReadonlyMap<string, number> {
    const ran = this.tasks(options).filter(({ attempts }) => attempts.length > 0);
    return new Map(ran.map(({ task, durationMs }) => [task, durationMs]));
  }

  /** What each thread did, the main one first. Threads that did nothing are not in it. */
  threads(options?: WhichRun): readonly ThreadShare[] {
    const run = this.#snapshot(options);
    if (run === undefined) return [];
    const attemptsByThread = new Map<ThreadId, AttemptTiming[]>(
      lanesOf(run.attempts).map(({ thread }) => [thread, []]),
    );
    for (const attempt of run.attempts) attemptsByThread.get(attempt.thread)!.push(attempt);
    return [...attemptsByThread].map(([thread, attempts]) => {
      const busy = busyMs(attempts);
      return {
        thread,
        attemptCount: attempts.length,
        busyMs: busy,
        workMs: workMs(attempts),
        share: partOf(busy, run.endedAtMs - run.startedAtMs, 0),
      };
    });
  }

  /** How near a run came to the shortest that it could have been: see {@link TimelineSummary}. 1 if nothing is known of any. */
  efficiency(options?: SummaryOptions): number {
    return this.summary(options)?.efficiency ?? 1;
  }

  /**
   * A run in numbers; `undefined` if nothing is known of any.
   *
   * @throws {@link InvalidOptionError}
   */
  summary(options: SummaryOptions = {}): TimelineSummary | undefined {
    const asked = options.workers === undefined ? 1 : count('workers', options.workers);
    const run = this.#snapshot(options);
    if (run === undefined) return undefined;
    const { runId, graph, status, reason, attempts } = run;
    const durationMs = run.endedAtMs - run.startedAtMs;
    const workers = Math.max(asked, overlapMax(attempts));
    const work = workMs(attempts);
    // Times are rounded, and rounded parts can be longer than the whole.
    const criticalPathMs = Math.min(measuredPath(run).durationMs, durationMs);
    const lowerBoundMs = Math.min(Math.max(criticalPathMs, work / workers), durationMs);
    return {
      runId,
      graph,
      status,
      reason,
      durationMs,
      attemptCount: attempts.length,
      workMs: work,
      waitedMs: attempts.reduce((sum, { waitedMs }) => sum + waitedMs, 0),
      criticalPathMs,
      workers,
      lowerBoundMs,
      efficiency: partOf(lowerBoundMs, durationMs, 1),
    };
  }

  /**
   * The run as a trace, in the JSON that [Perfetto](https://ui.perfetto.dev) and `chrome://tracing` open: a row for each thread, a slice for each attempt, and
   * an arrow along each dependency. Write it to a file.
   */
  toChromeTrace(options?: WhichRun): string {
    const run = this.#snapshot(options);
    return run === undefined ? '{"traceEvents":[]}' : chromeTraceOf(run);
  }

  /**
   * The run as a picture for a terminal, a line for each task: `█` where it ran, `▒` where an attempt came to nothing, `·` where it could have run and had to
   * wait for room.
   *
   * @throws {@link InvalidOptionError}
   */
  toText({ width = DEFAULTS.width, rowsMax = DEFAULTS.rowsMax, ...which }: TextOptions = {}): string {
    const run = this.#snapshot(which);
    count('width', width);
    return run === undefined ? 'Nothing has run.' : textGanttOf(run, width, count('rowsMax', rowsMax));
  }

  /**
   * The run as a Mermaid Gantt chart, in whole milliseconds: a section for each thread, a bar for each attempt.
   *
   * @throws {@link InvalidOptionError}
   */
  toMermaid({ rowsMax = DEFAULTS.rowsMax, ...which }: DrawingOptions = {}): string {
    const run = this.#snapshot(which);
    return run === undefined ? 'gantt\n' : mermaidGanttOf(run, count('rowsMax', rowsMax));
  }

  /**
   * The run as a picture, in SVG that is a file of its own: a row for each thread, and several where attempts overlapped; a bar for each attempt, coloured and
   * marked by what came of it; the critical path outlined; dotted lines where tasks waited for room, dashed ones where they paused before a retry. What is narrower
   * than a pixel is drawn together, so that pictures of long runs stay small.
   *
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';
   *
   * const executor = new SyncExecutor();
   * const timeline = new Timeline().listen(executor);
   * executor.run(new TaskGraphBuilder({ name: 'site' }).task('fetch', () => 1).build());
   * timeline.toSVG({ width: 640 }).includes('<title>site: finished'); // => true
   */
  toSVG({ width, rowsMax, ...which }: TimelinePictureOptions = {}): string {
    if (width !== undefined && (!Number.isSafeInteger(width) || width < PICTURE_WIDTH_MIN))
      throw new InvalidOptionError('width', `a whole number from ${PICTURE_WIDTH_MIN}`, width);
    if (rowsMax !== undefined) count('rowsMax', rowsMax);
    const run = this.#snapshot(which);
    if (run === undefined) return emptyTimelinePicture().svg;
    return timelinePictureOf(run, this.summary(which)!, { width, rowsMax }).svg;
  }

  #snapshot({ runId }: WhichRun = {}): RunSnapshot | undefined {
    if (runId !== undefined) return this.#runs.get(runId)?.snapshot();
    let latest: RunTiming | undefined;
    for (const run of this.#runs.values()) latest = run;
    return latest?.snapshot();
  }

  #forgetOldRuns(): void {
    const ended = [...this.#runs.values()].filter(({ isUnderWay }) => !isUnderWay);
    for (const { runId } of ended.slice(0, Math.max(ended.length - this.runsMax, 0))) this.#runs.delete(runId);
  }
}

function workMs(attempts: readonly AttemptTiming[]): number {
  return attempts.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

/** @param otherwise - if there is no whole to be a part of */
function partOf(part: number, whole: number, otherwise: number): number {
  return whole > 0 ? Math.min(part / whole, 1) : otherwise;
}

function count(option: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidOptionError(option, 'a whole number from 1', value);
  return value;
}
