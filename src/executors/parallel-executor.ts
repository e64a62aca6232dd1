import { InvalidOptionError, TransferError } from '../errors.js';
import type { TaskSettings } from '../graph/task.js';
import type { TaskGraph } from '../graph/task-graph.js';
import type { Place, PlacedRun } from '../places/place.js';
import type { Slots } from '../schedule/schedule.js';
import { availableCores } from '../workers/available-cores.js';
import { Dispatcher } from '../workers/dispatcher.js';
import { sendableFunctions } from '../workers/sendable-functions.js';
import { WorkerPool } from '../workers/worker-pool.js';
import type { WorkerThreadOptions } from '../workers/worker-thread.js';
import { systemClock } from './clock.js';
import { reportUncaught } from './emitter.js';
import type { ExecutorOptions } from './executor.js';
import { PlacedExecutor } from './placed-executor.js';

/** How a {@link ParallelExecutor} works. */
export interface ParallelExecutorOptions extends ExecutorOptions, WorkerThreadOptions {
  /** How many worker threads there may be: an integer from 1 to 200. Default: as many as have a
   * core, by the quota of the container if it is one, at most 200. */
  readonly workers?: number | undefined;
  /** How long an attempt that timed out or was aborted is given to settle, in milliseconds, before its thread is ended. Default 1000. */
  readonly graceMs?: number | undefined;
}

/** @internal What a subclass sets besides. */
export interface ThreadPlan {
  /** How many attempts may be under way at once on the main thread. */
  readonly mainConcurrency: number;
  /** How many may be under way on a thread for io-bound tasks; 0: there is none. */
  readonly ioConcurrency: number;
  /** How many io-bound attempts may be under way at once, besides one to each thread. */
  readonly ioSlots: number;
  readonly runsOnMainThread: (settings: TaskSettings) => boolean;
}

const WORKERS_MAX = 200;
const STRICT: ThreadPlan = {
  mainConcurrency: Number.POSITIVE_INFINITY,
  ioConcurrency: 0,
  ioSlots: 0,
  runsOnMainThread: ({ onMainThread }) => onMainThread,
};

/**
 * Runs tasks on worker threads, one at a time on each. Tasks with `.onMainThread()` run here.
 *
 * A function reaches a thread as an export of a module, by {@link taskModule}, or as its text, if it uses nothing from the scope around it. Whichever
 * cannot is told by a {@link TransferError} before anything runs. Results are copied to and fro as `structuredClone` does.
 *
 * @example
 * import { ParallelExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const graph = new TaskGraphBuilder()
 *   .task('numbers', () => [3, 4])
 *   .task('squares').dependsOn('numbers').run((numbers) => numbers.map((n) => n * n))
 *   .build();
 * const executor = new ParallelExecutor({ workers: 2 });
 * await executor.run(graph);
 * graph.result('squares'); // => [9, 16]
 * await executor.close();
 */
export class ParallelExecutor<Tasks extends object = any> extends PlacedExecutor<Tasks> {
  readonly workers: number;
  readonly #pool: WorkerPool;
  readonly #plan: ThreadPlan;

  /** @throws {@link InvalidOptionError} */
  constructor(options?: ParallelExecutorOptions);
  /** @internal */
  constructor(options: ParallelExecutorOptions, plan: ThreadPlan);
  constructor(options: ParallelExecutorOptions = {}, plan: ThreadPlan = STRICT) {
    const workers = options.workers ?? Math.min(availableCores(), WORKERS_MAX);
    const fits = Number.isInteger(workers) && workers >= 1 && workers <= WORKERS_MAX;
    if (!fits) throw new InvalidOptionError('workers', `an integer from 1 to ${WORKERS_MAX}`, workers);
    super({ clock: options.clock, store: options.store, graceMs: options.graceMs, concurrency: plan.mainConcurrency });
    const clock = options.clock ?? systemClock;
    this.workers = workers;
    this.#plan = plan;
    this.#pool = new WorkerPool({
      workers,
      ioConcurrency: plan.ioConcurrency,
      resourceLimits: options.resourceLimits,
      workerScript: options.workerScript,
      now: () => clock.now(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
      stray: reportUncaught,
    });
  }

  /** Starts the threads ahead of the first run. */
  async warmUp(): Promise<void> {
    await this.#pool.warmUp();
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#pool.close();
  }

  /** For each task whose function cannot be sent to a thread why not, and what to do about it; empty if `run()` will accept them all. */
  check(graph: TaskGraph): ReadonlyMap<string, string> {
    return sendableFunctions(graph, (settings) => this.staysHere(settings)).problems;
  }

  protected override staysHere(settings: TaskSettings): boolean {
    return this.#plan.runsOnMainThread(settings);
  }

  /** @throws {@link TransferError} */
  protected override placeFor(run: PlacedRun): Place {
    const functions = sendableFunctions(run.graph, (settings) => this.staysHere(settings));
    if (functions.problems.size > 0) throw new TransferError(run.graph.name, functions.problems);
    return new Dispatcher(run, this.#pool, functions);
  }

  /** @internal */
  protected override get slotsOneByOne(): Slots {
    return { total: this.workers + this.#plan.ioSlots, cpu: this.workers };
  }
}
