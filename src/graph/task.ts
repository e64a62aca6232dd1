import { InvalidOptionError } from '../errors.js';
import { isSchema, type StandardSchema } from './standard-schema.js';
import { frozenMeta, type TaskMeta } from './task-meta.js';

/** Any function that can be a task. Its parameters are the results of the task's dependencies. */
export type TaskFunction = (...args: never) => unknown;

/**
 * What a function sees of its own attempt. It is the first argument of a task that asks for it with `.withContext()`.
 *
 * @example
 * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const graph = new TaskGraphBuilder()
 *   .task('greet').withContext().run(({ task, attempt }) => `${task}, attempt ${attempt}`)
 *   .build();
 * new SyncExecutor().run(graph);
 * graph.result('greet'); // => 'greet, attempt 1'
 */
export interface TaskContext {
  /** The task's name. */
  readonly task: string;
  /** Which try this is, counted from 1. */
  readonly attempt: number;
  /** The run that this attempt belongs to. */
  readonly runId: string;
  /** Aborted when the attempt times out or its run is aborted; `signal.reason` says which. Hand it on to whatever can be interrupted. */
  readonly signal: AbortSignal;
  /**
   * What the executor was told to send along with attempts, by `executor.use({ headers })`: with tracing, `traceparent` and its like. Hand them on with
   * requests to whoever goes on with the work. Empty if there is nothing.
   */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Tells listeners of `task:progress` how far this attempt is. Bound, so it may be destructured. Ignored once the attempt has ended.
   *
   * @param fraction - from 0 (begun) to 1 (complete); values outside are clamped
   * @param note - what is being done, for people
   */
  readonly progress: (fraction: number, note?: string) => void;
  /**
   * A path beside this one, to write to. When the task is done, what was written there is put in the place of the file, so
   * that nobody ever sees half of it; if the attempt fails or times out, it is removed. Folders that are missing are made.
   * Bound, so it may be destructured.
   *
   * @param path - where the file is to be: from the current folder of the process on, if it is relative
   * @throws {@link FileError} if its folder cannot be made
   *
   * @example
   * import { readFileSync, rmSync, writeFileSync } from 'node:fs';
   * import { fileAt, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const path = `report-${process.pid}.txt`;
   * const graph = new TaskGraphBuilder()
   *   .task('report').withContext().run(({ file }) => {
   *     writeFileSync(file(path), 'all is well');
   *     return fileAt(path);
   *   })
   *   .build();
   * new SyncExecutor().run(graph);
   * readFileSync(graph.result('report').path, 'utf8'); // => 'all is well'
   * rmSync(path);
   */
  readonly file: (path: string | URL) => string;
}

/** How often a task is tried, and how long to wait in between. */
export interface RetryPolicy {
  /** How many attempts there may be in all, the first included: an integer, 1 or more. */
  readonly attempts: number;
  /** The pause before the second attempt, in milliseconds: 0 or more. Default 0. The pause holds no slot. */
  readonly delayMs?: number | undefined;
  /** What each further pause is multiplied by: 1 (always the same pause) or more. Default 1. */
  readonly backoff?: number | undefined;
  /** The part of each pause that is left to chance, from 0 (none) to 1 (anything from 0 to the whole pause). Default 0. */
  readonly jitter?: number | undefined;
  /** Whether an error deserves another attempt. Default: every error does. If it throws, the task fails with what it threw. */
  readonly when?: ((error: unknown, attempt: number) => boolean) | undefined;
}

/** How a task is run. Every option has a method of the same name on the builder's chain. */
export interface TaskOptions {
  /** Pass a {@link TaskContext} as the first argument. Default false. */
  readonly withContext?: boolean | undefined;
  /** The task waits (for a network, a disk, a child process) rather than computes: it is started first. Default false. */
  readonly ioBound?: boolean | undefined;
  /** Run on the thread that called `run()`, whatever the executor: for functions that use what is around them. Default false. */
  readonly onMainThread?: boolean | undefined;
  /** Higher starts earlier among the tasks that are ready: any finite number. Default 0. */
  readonly priority?: number | undefined;
  /** How often the task is tried: a number of attempts, or a whole policy. Default 1 attempt. */
  readonly retry?: number | RetryPolicy | undefined;
  /** How long one attempt may take, in milliseconds, counted from its start: more than 0, at most 2 147 483 647. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Names the meaning of the function, for whoever keeps results: it is to be changed when the same inputs give another result. Default `''`. */
  readonly version?: string | undefined;
  /**
   * Runs in each run, whatever is known of it: for what looks at something outside, such as a folder or a clock. What
   * takes its result runs only if that is another than before. Default false.
   */
  readonly always?: boolean | undefined;
  /**
   * Plain data about the task, for whoever looks on: records of events have it, and `run(graph, { only: { meta } })`
   * finds tasks by it. The function does not get it, and no result hangs on it.
   */
  readonly meta?: TaskMeta | undefined;
  /** What the result has to fit, and what makes it what dependents get: a schema of zod, valibot or any other library. */
  readonly returns?: StandardSchema<any, any> | undefined;
  /**
   * How long a kept result holds, in milliseconds, counted from when the task ended by the executor's clock: a finite
   * number above 0. Default: as long as the task and its inputs are the same.
   */
  readonly expiresMs?: number | undefined;
  /** For how long a failure need not be tried again by runs with the same store. Default: it is tried again in each run. */
  readonly keepFailures?: FailureKeeping | undefined;
  /** Store of the result its hash alone: the task runs again if something that takes its result has to. Default false. */
  readonly transient?: boolean | undefined;
}

/** For how long failures are kept. */
export interface FailureKeeping {
  /** In milliseconds, counted from when the task failed by the executor's clock: a finite number above 0. */
  readonly forMs: number;
}

/** A {@link RetryPolicy} with every default filled in. */
export interface RetrySettings {
  readonly attempts: number;
  readonly delayMs: number;
  readonly backoff: number;
  readonly jitter: number;
  readonly when: ((error: unknown, attempt: number) => boolean) | undefined;
}

/** A task's options with every default filled in. */
export interface TaskSettings {
  readonly withContext: boolean;
  readonly ioBound: boolean;
  readonly onMainThread: boolean;
  readonly priority: number;
  readonly retry: RetrySettings;
  /** `undefined`: no limit. */
  readonly timeoutMs: number | undefined;
  readonly version: string;
  readonly always: boolean;
  /** `undefined`: nothing. */
  readonly meta: TaskMeta | undefined;
  /** `undefined`: the result may be anything. */
  readonly returns: StandardSchema | undefined;
  /** `undefined`: it never does. */
  readonly expiresMs: number | undefined;
  /** `undefined`: for no time. */
  readonly keepFailures: FailureKeeping | undefined;
  readonly transient: boolean;
}

/** A named function and how to run it. */
export interface Task extends TaskSettings {
  readonly name: string;
  readonly fn: TaskFunction;
}

/** The longest wait that timers can express, in milliseconds. */
export const WAIT_MAX_MS = 2_147_483_647;

const ONE_ATTEMPT: RetrySettings = Object.freeze({ attempts: 1, delayMs: 0, backoff: 1, jitter: 0, when: undefined });

/** One object for all the tasks that set nothing, which are most tasks of a large graph. */
export const DEFAULT_SETTINGS: TaskSettings = Object.freeze({
  withContext: false,
  ioBound: false,
  onMainThread: false,
  priority: 0,
  retry: ONE_ATTEMPT,
  timeoutMs: undefined,
  version: '',
  always: false,
  meta: undefined,
  returns: undefined,
  expiresMs: undefined,
  keepFailures: undefined,
  transient: false,
});
const IO_BOUND_SETTINGS: TaskSettings = Object.freeze({ ...DEFAULT_SETTINGS, ioBound: true });

/** Called with each option that is not of its kind or out of its range. */
type Refuse = (problem: InvalidOptionError) => void;

function throwProblem(problem: InvalidOptionError): never {
  throw problem;
}

/**
 * Checks options and adds them to settings. A refused option leaves what was there.
 *
 * @throws {@link InvalidOptionError} unless `refuse` takes it
 */
export function settled(
  options: TaskOptions,
  task: string,
  base: TaskSettings,
  refuse: Refuse = throwProblem,
): TaskSettings {
  const checked = new Options(task, refuse);
  const settings: TaskSettings = {
    withContext: checked.flag('withContext', options.withContext, base.withContext),
    ioBound: checked.flag('ioBound', options.ioBound, base.ioBound),
    onMainThread: checked.flag('onMainThread', options.onMainThread, base.onMainThread),
    priority: checked.number('priority', options.priority, base.priority, 'a finite number', Number.isFinite),
    retry: options.retry === undefined ? base.retry : checked.retry(options.retry, base.retry),
    timeoutMs: checked.number(
      'timeoutMs',
      options.timeoutMs,
      base.timeoutMs,
      `a number of milliseconds above 0 and up to ${WAIT_MAX_MS}`,
      (value) => value > 0 && value <= WAIT_MAX_MS,
    ),
    version: checked.text('version', options.version, base.version),
    always: checked.flag('always', options.always, base.always),
    meta: checked.meta(options.meta, base.meta),
    returns: checked.schema(options.returns, base.returns),
    expiresMs: checked.number('expiresMs', options.expiresMs, base.expiresMs, DURATION, isDuration),
    keepFailures: checked.failureKeeping(options.keepFailures, base.keepFailures),
    transient: checked.flag('transient', options.transient, base.transient),
  };
  return shared(settings);
}

/** The one object that stands for these settings, where there is one. */
function shared(settings: TaskSettings): TaskSettings {
  const plain =
    !settings.withContext &&
    !settings.onMainThread &&
    settings.priority === 0 &&
    settings.retry === ONE_ATTEMPT &&
    settings.timeoutMs === undefined &&
    settings.version === '' &&
    !settings.always &&
    settings.meta === undefined &&
    settings.returns === undefined &&
    settings.expiresMs === undefined &&
    settings.keepFailures === undefined &&
    !settings.transient;
  if (!plain) return Object.freeze(settings);
  return settings.ioBound ? IO_BOUND_SETTINGS : DEFAULT_SETTINGS;
}

const DURATION = 'a finite number of milliseconds above 0';

function isDuration(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}

class Options {
  readonly #task: string;
  readonly #refuse: Refuse;

  constructor(task: string, refuse: Refuse) {
    this.#task = task;
    this.#refuse = refuse;
  }

  flag(option: string, value: unknown, fallback: boolean): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? fallback;
    return this.#refused(option, 'true or false', value, fallback);
  }

  schema(value: unknown, fallback: StandardSchema | undefined): StandardSchema | undefined {
    if (value === undefined || isSchema(value)) return value ?? fallback;
    return this.#refused('returns', 'a Standard Schema, such as those of zod and valibot', value, fallback);
  }

  meta(value: unknown, fallback: TaskMeta | undefined): TaskMeta | undefined {
    if (value === undefined) return fallback;
    const meta = frozenMeta(value);
    if (meta === undefined) return this.#refused('meta', 'an object of what JSON can hold', value, fallback);
    return Object.freeze({ ...fallback, ...meta });
  }

  text(option: string, value: unknown, fallback: string): string {
    if (value === undefined || typeof value === 'string') return value ?? fallback;
    return this.#refused(option, 'a string', value, fallback);
  }

  number<T extends number | undefined>(
    option: string,
    value: unknown,
    fallback: T,
    expected: string,
    fits: (value: number) => boolean,
  ): number | T {
    if (value === undefined) return fallback;
    if (typeof value === 'number' && fits(value)) return value;
    return this.#refused(option, expected, value, fallback);
  }

  retry(retry: unknown, fallback: RetrySettings): RetrySettings {
    if (typeof retry === 'number') return this.retry({ attempts: retry }, fallback);
    if (typeof retry !== 'object' || retry === null)
      return this.#refused('retry', 'a number of attempts or a policy', retry, fallback);
    const { attempts, delayMs, backoff, jitter, when } = retry as Partial<RetryPolicy>;
    const milliseconds = `a number of milliseconds from 0 to ${WAIT_MAX_MS}`;
    const policy = {
      attempts: this.number(
        'retry.attempts',
        attempts ?? Number.NaN,
        1,
        'an integer of 1 or more',
        (value) => Number.isInteger(value) && value >= 1,
      ),
      delayMs: this.number('retry.delayMs', delayMs, 0, milliseconds, (value) => value >= 0 && value <= WAIT_MAX_MS),
      backoff: this.number(
        'retry.backoff',
        backoff,
        1,
        'a finite number of 1 or more',
        (value) => Number.isFinite(value) && value >= 1,
      ),
      jitter: this.number('retry.jitter', jitter, 0, 'a number from 0 to 1', (value) => value >= 0 && value <= 1),
      when:
        when === undefined || typeof when === 'function'
          ? when
          : this.#refused('retry.when', 'a function', when, undefined),
    };
    return policy.attempts === 1 ? ONE_ATTEMPT : Object.freeze(policy);
  }

  failureKeeping(value: unknown, fallback: FailureKeeping | undefined): FailureKeeping | undefined {
    if (value === undefined) return fallback;
    if (typeof value !== 'object' || value === null)
      return this.#refused('keepFailures', 'an object: { forMs }', value, fallback);
    const { forMs } = value as Partial<FailureKeeping>;
    const checked = this.number('keepFailures.forMs', forMs ?? Number.NaN, undefined, DURATION, isDuration);
    return checked === undefined ? fallback : Object.freeze({ forMs: checked });
  }

  #refused<T>(option: string, expected: string, value: unknown, fallback: T): T {
    this.#refuse(new InvalidOptionError(option, expected, value, this.#task));
    return fallback;
  }
}
