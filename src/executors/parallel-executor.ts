import type { TaskSettings } from '../graph/task.js';
import type { TaskGraph } from '../graph/task-graph.js';
import type { Place, PlacedRun } from '../places/place.js';
import type { Slots } from '../schedule/schedule.js';
import { Dispatcher } from '../workers/dispatcher.js';
import { problemsOf, sourcesFor } from '../workers/sendable-functions.js';
import type { WorkerPool } from '../workers/worker-pool.js';
import {
  ALL_ON_THREADS,
  type ParallelExecutorOptions,
  poolOf,
  type ThreadPlan,
  workerCount,
} from './parallel-options.js';
import { PlacedExecutor } from './placed-executor.js';

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
  constructor(options: ParallelExecutorOptions = {}, plan: ThreadPlan = ALL_ON_THREADS) {
    const workers = workerCount(options);
    super({ clock: options.clock, store: options.store, graceMs: options.graceMs, concurrency: plan.mainConcurrency });
    this.workers = workers;
    this.#plan = plan;
    this.#pool = poolOf(workers, plan, options);
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
    return problemsOf(graph, this.placed(graph));
  }

  protected override staysHere(settings: TaskSettings): boolean {
    return this.#plan.runsOnMainThread(settings);
  }

  /** @throws {@link TransferError} */
  protected override placeFor(run: PlacedRun): Place {
    return new Dispatcher(run, this.#pool, sourcesFor(run));
  }

  /** @internal */
  protected override get slotsOneByOne(): Slots {
    return { total: this.workers + this.#plan.ioSlots, cpu: this.workers };
  }
}
