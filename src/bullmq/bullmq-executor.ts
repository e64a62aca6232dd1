import { randomUUID } from 'node:crypto';
import { InvalidOptionError } from '../errors.js';
import { PlacedExecutor } from '../executors/placed-executor.js';
import type { TaskSettings } from '../graph/task.js';
import type { TaskGraph } from '../graph/task-graph.js';
import type { Place, PlacedRun } from '../places/place.js';
import type { Slots } from '../schedule/schedule.js';
import { problemsOf, sourcesFor } from '../workers/sendable-functions.js';
import { type BullMQExecutorOptions, type QueueAccess, queueAccess } from './bullmq-options.js';
import { type DispatchOrder, JobDispatcher } from './job-dispatcher.js';
import { hashOf } from './order-maker.js';

/**
 * Runs tasks on worker processes, on this machine and others, by way of a queue on Redis or PostgreSQL: see {@link startWorker}. Tasks with `.onMainThread()` run
 * here.
 *
 * Functions reach workers as they reach threads: as an export of a module that the workers have, by {@link taskModule}, or as their text. Delivery is at least once: a task
 * whose worker dies runs again elsewhere, so what it does outside should bear that.
 *
 * ```text
 * import { BullMQExecutor } from 'taskmap-ts/bullmq';
 *
 * const executor = new BullMQExecutor({ connection: 'redis://queue.example.com' });
 * await executor.run(graph);
 * await executor.close();
 * ```
 */
export class BullMQExecutor<Tasks extends object = any> extends PlacedExecutor<Tasks> {
  readonly #queue: QueueAccess;
  readonly #runId: string | undefined;
  /** The graphs, by the keys of their runs, that have been run here under the `runId`. */
  readonly #keysRun = new Set<string>();

  /** @throws {@link InvalidOptionError} */
  constructor(options: BullMQExecutorOptions) {
    if (options === undefined)
      throw new InvalidOptionError('options', 'an object with the `connection` of the queue', options);
    super({ clock: options.clock, store: options.store, graceMs: options.graceMs });
    this.#queue = queueAccess(options);
    this.#runId = options.runId;
  }

  /** Ends the executor as all are ended, clears away what its runs have left in the queue, unless they have a `runId`, and closes its connections. */
  override async close(): Promise<void> {
    await super.close();
    await this.#queue.channel.close();
  }

  /** For each task whose function cannot be sent to a worker why not, and what to do about it; empty if `run()` will accept them all. */
  check(graph: TaskGraph): ReadonlyMap<string, string> {
    return problemsOf(graph, this.placed(graph));
  }

  protected override staysHere({ onMainThread }: TaskSettings): boolean {
    return onMainThread;
  }

  /** @throws {@link TransferError} */
  protected override placeFor(run: PlacedRun): Place {
    const { channel, dispatch } = this.#queue;
    return new JobDispatcher(run, channel, dispatch, { ...this.#keyFor(run), sources: sourcesFor(run) });
  }

  /** @internal */
  protected override get slotsOneByOne(): Slots {
    const { maxInFlight } = this.#queue.dispatch;
    return { total: maxInFlight, cpu: maxInFlight };
  }

  #keyFor({ graph }: PlacedRun): Omit<DispatchOrder, 'sources'> {
    if (this.#runId === undefined || this.overridesRunAttempt)
      return { runKey: randomUUID(), found: 'none', keeps: false };
    const runKey = hashOf(this.#runId, graph.name);
    // What a run of this process has left is in the graph, or was reset.
    const found = this.#keysRun.has(runKey) ? 'remove' : 'adopt';
    this.#keysRun.add(runKey);
    return { runKey, found, keeps: true };
  }
}
