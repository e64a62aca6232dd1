import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { described, InvalidOptionError, WorkerStartError } from '../errors.js';
import { availableCores } from '../workers/available-cores.js';
import type { WorkerThreadOptions } from '../workers/worker-thread.js';
import { CarriedValues, takenError, type ValueOptions } from './carried-values.js';
import { JobGate } from './job-gate.js';
import {
  CANCEL_EVENT,
  type CancelEvent,
  type JobAnswer,
  type JobData,
  JobEnd,
  type JobNews,
  type JobOrder,
  PROTOCOL,
} from './job-messages.js';
import { JobRunner } from './job-runner.js';
import {
  type AnyEvents,
  type AnyWorker,
  closed,
  isAway,
  JOB_KINDS,
  type JobKind,
  type QueueOptions,
  QueueServer,
  queueError,
  RECONNECT_MAX_MS,
} from './queue-server.js';
import { Refused, WorkerModules } from './worker-modules.js';

/** How a worker works. */
export interface WorkerOptions extends QueueOptions, ValueOptions, WorkerThreadOptions {
  /**
   * The modules whose exports it runs: absolute addresses, absolute paths, or names of packages. A task that an executor names by another address is found by the end
   * of its path, and run only if the two files are the same. Default: none.
   */
  readonly modules?: readonly (URL | string)[] | undefined;
  /** Whether it runs functions that are sent as text. Whoever may write to the queue can have it run anything then. Default `true`. */
  readonly acceptsSource?: boolean | undefined;
  /**
   * How many threads compute: an integer from 1 to 200. Default: as many as have a core, by the quota of the container
   * if it is one, at most 200.
   */
  readonly threads?: number | undefined;
  /** How many io-bound jobs may be under way at once: an integer of 1 or more. Default 50. */
  readonly concurrency?: number | undefined;
  /** What it is called in events and logs. Default: the names of its machine and process. */
  readonly name?: string | undefined;
  /**
   * After how long another worker may have a job of which this one says nothing, in milliseconds, from 1000. It speaks up at every half of it, unless its event
   * loop is blocked or its process gone. Default 15 000.
   */
  readonly lockMs?: number | undefined;
  /** How often it looks for jobs of workers that are gone, in milliseconds, from 100. Default 5000. */
  readonly stalledCheckMs?: number | undefined;
  /** How many workers a job may cost before its task fails with a {@link WorkerLostError}: an integer of 1 or more. Default 3. */
  readonly maxLost?: number | undefined;
  /** How long a task that timed out or was cancelled is given to settle, in milliseconds, before its thread is ended. Default 1000. */
  readonly graceMs?: number | undefined;
  /** Hears what happens to the worker, as lines. Default: nobody. */
  readonly onLog?: ((line: string) => void) | undefined;
}

/** What a worker has done so far. */
export interface WorkerHealth {
  readonly name: string;
  /** Jobs that are under way. */
  readonly running: number;
  /** Tasks that returned, that failed, and jobs that were refused or given back. */
  readonly done: number;
  readonly failed: number;
  readonly refused: number;
  /** Whether it takes jobs: it is connected, and not being closed. */
  readonly isReady: boolean;
  /** In milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** A worker that takes jobs. */
export interface TaskWorker extends AsyncDisposable {
  readonly name: string;
  /**
   * Fulfilled once it is closed. If it has closed by itself, with why: a {@link WorkerStartError}, as threads that have
   * ended cannot be replaced. What it had is given back to the queue.
   */
  readonly ended: Promise<WorkerStartError | undefined>;
  health(): WorkerHealth;
  /**
   * Takes no more jobs, lets those that are under way end, and lets go of threads and connections. May be called again, with a shorter time.
   *
   * @param graceMs - how long those jobs are given, in milliseconds: then they are interrupted and given back to the queue, for another worker. Default: as long as
   * they take
   */
  close(graceMs?: number): Promise<void>;
}

/** More threads than this are refused, as by ParallelExecutor. */
const THREADS_MAX = 200;
/** So long a job is under way before anything is told of it, in milliseconds: most have ended by then. */
const QUIET_MS = 50;
/** When the server does not give it jobs, as it is away, it is asked again after so long, in milliseconds. */
const ASK_AGAIN_MS = 500;
/** After that it is told at most so often, in milliseconds, and so many things at once. */
const TELL_MS = 100;
const NEWS_MAX = 200;
/** A server that is away is waited for so long to tell it what ended last, in milliseconds, while the worker is being closed. */
const TELL_ENDS_MS = 5000;
/** How often it is looked whether that is over, in milliseconds. */
const LOOK_MS = 50;

/**
 * Starts a worker in this process: it takes jobs of {@link BullMQExecutor}s from the queue, runs cpu-bound tasks on threads and io-bound ones on its event loop,
 * until it is closed. `npx taskmap-ts worker` does the same from a shell.
 *
 * ```text
 * const worker = await startWorker({ connection: 'redis://queue.example.com', modules: [new URL('./tasks.js', import.meta.url)] });
 * process.once('SIGTERM', () => worker.close());
 * ```
 *
 * @returns once it is connected
 * @throws {@link InvalidOptionError}
 * @throws {@link QueueError} if the server cannot be reached, or refuses
 * @throws {@link WorkerStartError} if its threads do not start
 */
export async function startWorker(options: WorkerOptions): Promise<TaskWorker> {
  const worker = new QueueWorker(options);
  await worker.start();
  return worker;
}

class QueueWorker implements TaskWorker {
  readonly name: string;
  readonly ended: Promise<WorkerStartError | undefined>;
  readonly #options: WorkerOptions;
  readonly #server: QueueServer;
  readonly #room: Readonly<Record<JobKind, number>>;
  readonly #modules: WorkerModules;
  readonly #values: CarriedValues;
  readonly #runner: JobRunner;
  readonly #log: (line: string) => void;
  readonly #startedAtMs = Date.now();
  readonly #gate = new JobGate();
  /** The jobs that are under way. One that this worker seemed to have lost may come again meanwhile, and runs once. */
  readonly #running = new Map<string, RunningJob>();
  #workers: AnyWorker[] = [];
  #control: AnyEvents | undefined;
  #done = 0;
  #failed = 0;
  #refused = 0;
  /** Since when the server is away; `undefined` while it is there. */
  #awaySinceMs: number | undefined;
  #lastEndMs = 0;
  #isGivingBack = false;
  #closing: Promise<void> | undefined;
  #giveBackTimer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #failure: WorkerStartError | undefined;
  #tellEnded: (failure: WorkerStartError | undefined) => void = () => {};

  constructor(options: WorkerOptions) {
    const {
      modules = [],
      acceptsSource = true,
      threads = Math.min(availableCores(), THREADS_MAX),
      concurrency = 50,
      name = `${hostname()}-${process.pid}`,
    } = options;
    const {
      lockMs = 15_000,
      stalledCheckMs = 5000,
      maxLost = 3,
      graceMs,
      resourceLimits,
      workerScript,
      onLog = () => {},
    } = options;
    if (!Array.isArray(modules)) throw new InvalidOptionError('modules', 'a list of addresses', modules);
    if (typeof acceptsSource !== 'boolean')
      throw new InvalidOptionError('acceptsSource', 'true or false', acceptsSource);
    if (typeof onLog !== 'function') throw new InvalidOptionError('onLog', 'a function that takes a line', onLog);
    if (!(Number.isInteger(threads) && threads >= 1 && threads <= THREADS_MAX))
      throw new InvalidOptionError('threads', `an integer from 1 to ${THREADS_MAX}`, threads);
    for (const [option, value] of Object.entries({ concurrency, maxLost }))
      if (!(Number.isInteger(value) && value >= 1))
        throw new InvalidOptionError(option, 'an integer of 1 or more', value);
    if (!(lockMs >= 1000 && Number.isFinite(lockMs)))
      throw new InvalidOptionError('lockMs', 'a number of milliseconds of 1000 or more', lockMs);
    if (!(stalledCheckMs >= 100 && Number.isFinite(stalledCheckMs)))
      throw new InvalidOptionError('stalledCheckMs', 'a number of milliseconds of 100 or more', stalledCheckMs);
    if (typeof name !== 'string' || name === '' || name === 'main')
      throw new InvalidOptionError('name', "a text that is neither empty nor 'main'", name);
    this.name = name;
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    this.#options = { ...options, lockMs, stalledCheckMs, maxLost };
    this.#log = onLog;
    this.#server = new QueueServer(options, (error) => this.#heardError(error));
    this.#modules = new WorkerModules(modules, acceptsSource);
    this.#values = new CarriedValues(options);
    this.#room = { cpu: threads, io: concurrency };
    this.#runner = new JobRunner({ workers: threads, graceMs, resourceLimits, workerScript });
  }

  async start(): Promise<void> {
    const { lockMs, stalledCheckMs, maxLost } = this.#options;
    const settings = {
      name: this.name,
      lockDuration: lockMs!,
      stalledInterval: stalledCheckMs!,
      maxStalledCount: maxLost! - 1,
      runRetryDelay: ASK_AGAIN_MS,
    };
    try {
      this.#control = await this.#server.events('control');
      this.#control.on(CANCEL_EVENT as 'completed', (event) => this.#cancel(event as unknown as CancelEvent));
      for (const kind of JOB_KINDS) {
        const process = (job: QueuedJob, token?: string) => this.#process(kind, job, token);
        const worker = await this.#server.worker(kind, process, { ...settings, concurrency: this.#room[kind] });
        worker.on('ioredis:close', () =>
          this.#heardError(Object.assign(new Error('The connection was lost'), { code: 'ECONNRESET' })),
        );
        this.#workers.push(worker);
      }
      await this.#runner.warmUp();
    } catch (error) {
      await this.close();
      throw error;
    }
    for (const worker of this.#workers) void worker.run().catch((error) => this.#heardError(error));
    this.#log(`ready on ${this.#server.backend}: threads: ${this.#room.cpu}, io-bound jobs at once: ${this.#room.io}`);
  }

  health(): WorkerHealth {
    return {
      name: this.name,
      running: this.#running.size,
      done: this.#done,
      failed: this.#failed,
      refused: this.#refused,
      isReady: this.#closing === undefined && this.#awaySinceMs === undefined,
      startedAtMs: this.#startedAtMs,
    };
  }

  close(graceMs?: number): Promise<void> {
    this.#closing ??= this.#close();
    if (graceMs !== undefined && !this.#isClosed) {
      clearTimeout(this.#giveBackTimer);
      this.#giveBackTimer = setTimeout(() => this.#giveBack(), graceMs);
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    if (this.#running.size > 0) this.#log(`closing: jobs still under way: ${this.#running.size}`);
    const patience = setInterval(() => this.#giveUpOnServer(), LOOK_MS);
    // BullMQ would wait for ever for a connection that it closes between two attempts to make it again.
    while (this.#awaySinceMs !== undefined && !this.#server.hasGivenUp) await delay(LOOK_MS);
    if (this.#awaySinceMs !== undefined && this.#workers.length > 0) await delay(RECONNECT_MAX_MS);
    await Promise.all(this.#workers.map((worker) => worker.close().catch((error: unknown) => this.#heardError(error))));
    clearInterval(patience);
    this.#isClosed = true;
    clearTimeout(this.#giveBackTimer);
    await Promise.all([this.#runner.close(), this.#control && closed(this.#control)]);
    if (this.#hasEndsToTell)
      this.#log('the server did not come back: what ended last could not be told, and runs again elsewhere');
    this.#log('closed');
    this.#tellEnded(this.#failure);
  }

  /** Whether a job has ended since the server is away. */
  get #hasEndsToTell(): boolean {
    return this.#awaySinceMs !== undefined && this.#lastEndMs >= this.#awaySinceMs;
  }

  /** Waits no longer for a server that is away once there is nothing to tell it, or that is old. */
  #giveUpOnServer(): void {
    if (this.#running.size > 0) return;
    const isAllTold = this.#awaySinceMs !== undefined && !this.#hasEndsToTell;
    if (isAllTold || Date.now() - this.#lastEndMs >= TELL_ENDS_MS) this.#server.giveUp();
  }

  #giveBack(): void {
    this.#isGivingBack = true;
    for (const { controller } of this.#running.values()) controller.abort(new Error('The worker is being closed.'));
  }

  /** Others can do what it cannot, and whoever has started it is to start it again. */
  #closeFor(failure: WorkerStartError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#log(`error: ${described(failure)} This worker takes no more jobs.`);
    void this.close();
  }

  // Jobs.

  async #process(kind: JobKind, job: QueuedJob, token: string | undefined): Promise<string> {
    const jobId = job.id ?? '';
    const data = job.data as Partial<JobData> | null;
    if (!isOurs(data)) {
      this.#refused++;
      throw new Error('This is no job of taskmap. Give each program a queue of its own.');
    }
    if (data.cancelled === true) {
      job.opts.removeOnComplete = true;
      return this.#answer({ dropped: true });
    }
    let running = this.#running.get(jobId);
    if (running === undefined) {
      if (data.alone === 'begun') return this.#answer({ lostWorker: true });
      const controller = new AbortController();
      running = { controller, answer: this.#runJob(kind, job, jobId, data, controller.signal) };
      this.#running.set(jobId, running);
    }
    const answer = await running.answer;
    if (answer === undefined) return this.#givenBack(job, token, data);
    if (running.controller.signal.aborted) job.opts.removeOnComplete = true;
    return answer;
  }

  #answer(rest: Partial<JobAnswer>): string {
    const whole: JobAnswer = { worker: this.name, room: [this.#room.cpu, this.#room.io], news: [], ends: [], ...rest };
    return JSON.stringify(whole);
  }

  /** @returns its answer; `undefined` if it is to be given back */
  async #runJob(
    kind: JobKind,
    job: QueuedJob,
    jobId: string,
    data: JobData,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const news = new NewsDesk(job, this.name);
    const leave = await this.#gate.enter(data.alone === 'waiting');
    try {
      if (data.alone === 'waiting') await job.updateData({ ...data, alone: 'begun' });
      const order = this.#order(data);
      const ready = await this.#ready(order);
      const ends = await this.#runner.runJob(
        { jobId, order, ioBound: kind === 'io', ...ready, signal, tell: (one) => news.tell(one) },
        this.#values,
      );
      if (signal.aborted && this.#isGivingBack) return undefined;
      for (const [end] of ends) {
        if (end === JobEnd.returned) this.#done++;
        else if (end !== JobEnd.interrupted) this.#failed++;
      }
      return this.#answer({ ends, news: news.untold() });
    } catch (error) {
      if (error instanceof WorkerStartError) {
        this.#closeFor(error);
        return undefined;
      }
      if (!(error instanceof Refused)) throw error;
      this.#refused++;
      this.#log(`refused: ${error.message}`);
      return this.#answer({ refused: error.message });
    } finally {
      leave();
      news.close();
      this.#running.delete(jobId);
      this.#lastEndMs = Date.now();
    }
  }

  /** @throws {@link Refused} */
  #order({ protocol, order }: JobData): JobOrder {
    if (protocol === PROTOCOL) return JSON.parse(order) as JobOrder;
    throw new Refused(
      `it has a version of taskmap that speaks protocol ${PROTOCOL}, and this process speaks ${protocol}. Install the same version for both.`,
    );
  }

  /** @throws {@link Refused} */
  async #ready(
    order: JobOrder,
  ): Promise<{ readonly functions: ReturnType<WorkerModules['find']>[]; readonly values: unknown[] }> {
    const functions = order.functions.map((one) => this.#modules.find(one));
    try {
      const values = await Promise.all(order.values.map((one) => this.#values.take(one)));
      return { functions, values };
    } catch (error) {
      throw new Refused(error instanceof Error ? error.message : described(error));
    }
  }

  async #givenBack(job: QueuedJob, token: string | undefined, data: JobData): Promise<never> {
    this.#refused++;
    // This worker is not lost by it: whoever has it next is to run it, alone again.
    if (data.alone !== undefined) await job.updateData({ ...data, alone: 'waiting' });
    await job.moveToWait(token);
    throw Object.assign(new Error('The job was given back.'), { name: 'WaitingError' });
  }

  #cancel({ jobId, reason }: CancelEvent): void {
    const running = this.#running.get(jobId);
    if (running === undefined || running.controller.signal.aborted) return;
    running.controller.abort(takenError(reason, ''));
  }

  #heardError(error: unknown): void {
    const isAwayNow = isAway(error);
    // Every connection tells of it, again and again.
    if (isAwayNow && this.#awaySinceMs !== undefined) return;
    this.#log(isAwayNow ? `waiting: ${queueError(error).message}` : `error: ${described(error)}`);
    if (!isAwayNow) return;
    this.#awaySinceMs = Date.now();
    void this.#untilThere();
  }

  /** Asks the server something until it answers. */
  async #untilThere(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await Promise.all(this.#workers.map((worker) => worker.backend.getCounts(['active'])));
        // Before it has connected for the first time there is nobody to ask.
        if (this.#workers.length > 0) break;
      } catch {}
      await delay(ASK_AGAIN_MS);
    }
    if (this.#isClosed) return;
    this.#awaySinceMs = undefined;
    this.#log('the server is there again');
  }
}

/** Whether it is of taskmap: of another version it may look as it likes. */
function isOurs(data: Partial<JobData> | null): data is JobData {
  return (
    typeof data === 'object' &&
    data !== null &&
    typeof data.protocol === 'number' &&
    (data.protocol !== PROTOCOL || typeof data.order === 'string')
  );
}

/** A job that is under way. */
interface RunningJob {
  readonly controller: AbortController;
  /** `undefined` if it is to be given back. */
  readonly answer: Promise<string | undefined>;
}

/** A job as BullMQ gives it. */
interface QueuedJob {
  readonly id?: string;
  readonly data: unknown;
  readonly opts: { removeOnComplete?: unknown };
  moveToWait(token?: string): Promise<unknown>;
  updateData(data: JobData): Promise<void>;
  updateProgress(progress: object): Promise<void>;
}

/** Tells the executor of a job that takes long, now and then; of one that does not, nothing before its answer. */
class NewsDesk {
  readonly #job: QueuedJob;
  readonly #worker: string;
  #untold: JobNews[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(job: QueuedJob, worker: string) {
    this.#job = job;
    this.#worker = worker;
    this.#timer = setTimeout(() => this.#told(), QUIET_MS);
  }

  tell(news: JobNews): void {
    // Of very many only the latest are of interest, and that it began.
    const oldest = this.#untold.length < NEWS_MAX ? -1 : this.#untold.findIndex(([what]) => what === 'progress');
    if (oldest >= 0) this.#untold.splice(oldest, 1);
    this.#untold.push(news);
    this.#timer ??= setTimeout(() => this.#told(), TELL_MS);
  }

  /** Progress that was not told; when it began is told with its end. */
  untold(): readonly JobNews[] {
    return this.#untold.filter(([what]) => what === 'progress');
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #told(): void {
    this.#timer = undefined;
    const news = this.#untold;
    this.#untold = [];
    if (news.length === 0) return;
    // Who does not hear it hears the answer.
    void this.#job.updateProgress({ worker: this.#worker, news: JSON.stringify(news) }).catch(() => {});
  }
}
