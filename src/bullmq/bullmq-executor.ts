import { createHash, randomUUID } from 'node:crypto';
import { InvalidOptionError, TransferError } from '../errors.js';
import type { RunReport } from '../events.js';
import { systemClock } from '../executors/clock.js';
import type { ExecutorOptions, RunOptions } from '../executors/executor.js';
import { PlacedExecutor } from '../executors/placed-executor.js';
import type { AnyTask } from '../graph/signature.js';
import type { TaskSettings } from '../graph/task.js';
import type { TaskGraph } from '../graph/task-graph.js';
import type { Place, PlacedRun } from '../places/place.js';
import type { Slots } from '../schedule/schedule.js';
import { sendableFunctions } from '../workers/sendable-functions.js';
import { CarriedValues, type ValueOptions } from './carried-values.js';
import { JobChannel } from './job-channel.js';
import { type DispatchOptions, type DispatchOrder, JobDispatcher } from './job-dispatcher.js';
import { type QueueOptions, QueueServer } from './queue-server.js';

/** How a {@link BullMQExecutor} works. */
export interface BullMQExecutorOptions extends ExecutorOptions, QueueOptions, ValueOptions {
  /**
   * What the runs of this executor are known by, besides the name of their graph. A process that begins a run of the same graph under the same `runId` takes up
   * what an earlier one has left: results are read back, what is under way is waited for. To that end the results stay in the queue until all tasks are done.
   * Default: a run cannot be taken up.
   */
  readonly runId?: string | undefined;
  /**
   * How many tasks make one job: an integer from 1 to 1000. The more, the less the queue costs, and the more runs again when a worker is lost. `'auto'`, the
   * default, puts short tasks together so that a job takes some 10 ms, and sends all others one by one.
   */
  readonly chunk?: number | 'auto' | undefined;
  /** How many tasks may be in the queue and on workers at once: an integer of 1 or more. Default 2000. */
  readonly maxInFlight?: number | undefined;
  /** How often what no event told of is looked for, in milliseconds, from 10. Default 500 on Redis, 250 on PostgreSQL. */
  readonly sweepMs?: number | undefined;
  /** Whether events of the queue are listened to. Without them everything is found by sweeps, later. Default `true`. */
  readonly events?: boolean | undefined;
  /** How long an attempt that was aborted is given to settle, in milliseconds. Default 1000. */
  readonly graceMs?: number | undefined;
  /** How long the server may be away in mid-run before the run is given up with a {@link QueueError}, in milliseconds. Default 60 000. */
  readonly serverTimeoutMs?: number | undefined;
  /** How long results stay in the queue at most, in milliseconds, should nobody clear them away. Default 24 hours. */
  readonly resultAgeMs?: number | undefined;
}

const RESULT_AGE_MS = 24 * 3_600_000;
const CHUNK_MAX = 1000;

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
  readonly #channel: JobChannel;
  readonly #dispatch: DispatchOptions;
  readonly #runId: string | undefined;
  /** The graphs, by the keys of their runs, that have been run here under the `runId`. */
  readonly #keysRun = new Set<string>();
  readonly #cleaning = new Set<Promise<void>>();

  /** @throws {@link InvalidOptionError} */
  constructor(options: BullMQExecutorOptions) {
    if (options === undefined)
      throw new InvalidOptionError('options', 'an object with the `connection` of the queue', options);
    const { clock = systemClock, store, graceMs, runId, chunk = 'auto', maxInFlight = 2000, events = true } = options;
    super({ clock, store, graceMs });
    const server = new QueueServer(options, () => {});
    const {
      sweepMs = server.backend === 'redis' ? 500 : 250,
      serverTimeoutMs = 60_000,
      resultAgeMs = RESULT_AGE_MS,
    } = options;
    if (runId !== undefined && (typeof runId !== 'string' || runId === ''))
      throw new InvalidOptionError('runId', 'a text that is not empty', runId);
    if (chunk !== 'auto' && !isCount(chunk, CHUNK_MAX))
      throw new InvalidOptionError('chunk', `an integer from 1 to ${CHUNK_MAX}, or 'auto'`, chunk);
    if (typeof events !== 'boolean') throw new InvalidOptionError('events', 'true or false', events);
    if (!isCount(maxInFlight)) throw new InvalidOptionError('maxInFlight', 'an integer of 1 or more', maxInFlight);
    if (!(sweepMs >= 10 && Number.isFinite(sweepMs)))
      throw new InvalidOptionError('sweepMs', 'a number of milliseconds of 10 or more', sweepMs);
    for (const [name, ms] of Object.entries({ serverTimeoutMs, resultAgeMs }))
      if (!(ms >= 0 && Number.isFinite(ms)))
        throw new InvalidOptionError(name, 'a number of milliseconds of 0 or more', ms);
    this.#runId = runId;
    this.#channel = new JobChannel(server, resultAgeMs, events, serverTimeoutMs);
    this.#dispatch = { clock, values: new CarriedValues(options), maxInFlight, chunk, sweepMs, serverTimeoutMs };
  }

  override async run<T extends Tasks>(graph: TaskGraph<T>, options?: RunOptions<T>): Promise<RunReport> {
    try {
      return await super.run(graph, options);
    } finally {
      await this.#cleaned();
    }
  }

  override async runTask<T extends Tasks>(
    graph: TaskGraph<T>,
    task: (keyof T & string) | AnyTask,
    options?: Omit<RunOptions<T>, 'only'>,
  ): Promise<RunReport> {
    try {
      return await super.runTask(graph, task, options);
    } finally {
      await this.#cleaned();
    }
  }

  /** Ends the executor as all are ended, clears away what its runs have left in the queue, unless they have a `runId`, and closes its connections. */
  override async close(): Promise<void> {
    await super.close();
    await this.#cleaned();
    await this.#channel.close();
  }

  /** For each task whose function cannot be sent to a worker why not, and what to do about it; empty if `run()` will accept them all. */
  check(graph: TaskGraph): ReadonlyMap<string, string> {
    return sendableFunctions(graph, this.staysHere).problems;
  }

  protected override staysHere({ onMainThread }: TaskSettings): boolean {
    return onMainThread;
  }

  /** @throws {@link TransferError} */
  protected override placeFor(run: PlacedRun): Place {
    const functions = sendableFunctions(run.graph, this.staysHere);
    if (functions.problems.size > 0) throw new TransferError(run.graph.name, functions.problems);
    const ended = (cleaned: Promise<void>) => {
      this.#cleaning.add(cleaned);
      void cleaned.then(() => this.#cleaning.delete(cleaned));
    };
    return new JobDispatcher(run, this.#channel, this.#dispatch, { ...this.#keyFor(run), functions, ended });
  }

  /** @internal */
  protected override get slotsOneByOne(): Slots {
    const { maxInFlight } = this.#dispatch;
    return { total: maxInFlight, cpu: maxInFlight };
  }

  #keyFor(run: PlacedRun): Pick<DispatchOrder, 'runKey' | 'found' | 'keeps'> {
    if (this.#runId === undefined || this.overridesRunAttempt)
      return { runKey: randomUUID(), found: 'none', keeps: false };
    const runKey = createHash('sha256')
      .update(JSON.stringify([this.#runId, run.graph.name]))
      .digest('base64url')
      .slice(0, 20);
    // What a run of this process has left is in the graph, or was reset.
    const found = this.#keysRun.has(runKey) ? 'remove' : 'adopt';
    this.#keysRun.add(runKey);
    return { runKey, found, keeps: true };
  }

  async #cleaned(): Promise<void> {
    await Promise.all(this.#cleaning);
  }
}

function isCount(value: unknown, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max;
}
