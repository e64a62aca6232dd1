import { InvalidOptionError } from '../errors.js';
import type { RunReport } from '../events.js';
import type { PlannedTask } from '../graph/decision.js';
import type { AnyTask } from '../graph/signature.js';
import type { TaskGraph } from '../graph/task-graph.js';
import { Executor, type ExecutorOptions, type RunOptions } from './executor.js';
import type { Run } from './run.js';

/** How an {@link AsyncExecutor} works. */
export interface AsyncExecutorOptions extends ExecutorOptions {
  /** How many attempts of one run may be under way at once: an integer of 1 or more, or `Infinity`, the default. */
  readonly concurrency?: number | undefined;
  /** How many of them may be of tasks that are not io-bound: an integer of 1 or more, or `Infinity`. Default: as many as `concurrency`. */
  readonly cpuConcurrency?: number | undefined;
  /**
   * How long an attempt that timed out or was aborted is given to settle, in milliseconds: 0 or more. Until then it keeps its slot and the run waits for it;
   * after that it is given up, and what it still does is ignored. Default 1000.
   */
  readonly graceMs?: number | undefined;
}

const DEFAULTS = { concurrency: Number.POSITIVE_INFINITY, graceMs: 1000 } as const;

/**
 * Runs tasks on the event loop: those that wait overlap, those that compute take turns. Functions may be async or not.
 *
 * @example
 * import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const graph = new TaskGraphBuilder()
 *   .task('user', async () => ({ id: 7 })).ioBound()
 *   .task('orders').dependsOn('user').ioBound().retry(3).run(async (user) => [`order of ${user.id}`])
 *   .build();
 * await new AsyncExecutor({ concurrency: 8 }).run(graph);
 * graph.result('orders'); // => ['order of 7']
 */
export class AsyncExecutor<Tasks extends object = any> extends Executor<Tasks> {
  readonly concurrency: number;
  readonly cpuConcurrency: number;
  readonly graceMs: number;

  /** @throws {@link InvalidOptionError} */
  constructor(options: AsyncExecutorOptions = {}) {
    const concurrency = attemptCount('concurrency', options.concurrency ?? DEFAULTS.concurrency);
    const cpuConcurrency = attemptCount('cpuConcurrency', options.cpuConcurrency ?? concurrency);
    const graceMs = options.graceMs ?? DEFAULTS.graceMs;
    if (!(Number.isFinite(graceMs) && graceMs >= 0))
      throw new InvalidOptionError('graceMs', 'a number of milliseconds of 0 or more', graceMs);
    super({
      clock: options.clock,
      store: options.store,
      slots: { total: concurrency, cpu: cpuConcurrency },
      graceMs,
      isAsync: true,
    });
    this.concurrency = concurrency;
    this.cpuConcurrency = cpuConcurrency;
    this.graceMs = graceMs;
  }

  override async run<T extends Tasks>(graph: TaskGraph<T>, options?: RunOptions<T>): Promise<RunReport> {
    const recalled = this.recall(graph, options?.only);
    // Without a store the run begins before this returns.
    const memory = recalled === undefined ? undefined : await recalled;
    return settled(this.begin(graph, options, memory));
  }

  override async runTask<T extends Tasks>(
    graph: TaskGraph<T>,
    task: (keyof T & string) | AnyTask,
    options?: Omit<RunOptions<T>, 'only'>,
  ): Promise<RunReport> {
    const recalled = this.recall(graph, [task]);
    // Without a store the run begins before this returns.
    const memory = recalled === undefined ? undefined : await recalled;
    return settled(this.beginTask(graph, task, options, memory));
  }

  override async plan<T extends Tasks>(
    graph: TaskGraph<T>,
    options: Pick<RunOptions<T>, 'only' | 'durations'> = {},
  ): Promise<readonly PlannedTask<keyof T & string>[]> {
    const recalled = this.recall(graph, options.only);
    // Without a store it is the plan of what the graph is now.
    const memory = recalled === undefined ? undefined : await recalled;
    return this.planned(graph, options, memory) as PlannedTask<keyof T & string>[];
  }
}

async function settled(run: Run): Promise<RunReport> {
  await run.whenSettled;
  return run.report();
}

function attemptCount(option: string, value: number): number {
  const fits = value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value >= 1);
  if (!fits) throw new InvalidOptionError(option, 'an integer of 1 or more, or Infinity', value);
  return value;
}
