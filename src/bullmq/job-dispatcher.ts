import { CodeMismatchError, WorkerLostError } from '../errors.js';
import type { Clock } from '../executors/clock.js';
import type { Ending, Place, PlacedRun, RemoteAttempt } from '../places/place.js';
import type { FunctionSources } from '../workers/sendable-functions.js';
import { type CarriedValues, carriedError, takenError } from './carried-values.js';
import { ChunkSize, HOLD_MS } from './chunk-size.js';
import { answerIn, type JobChannel, type JobListener, type JobSnapshot, jobIdOf, parsed } from './job-channel.js';
import {
  type EndedTask,
  type JobAnswer,
  JobEnd,
  type JobNews,
  type JobOrder,
  type JobReport,
  NEVER,
  PROTOCOL,
} from './job-messages.js';
import { hashOf, OrderMaker } from './order-maker.js';
import { isAway, JOB_KINDS, type JobKind, queueError } from './queue-server.js';
import { SentJob, type TakenEnd } from './sent-job.js';

/** What is the same for all runs of an executor. */
export interface DispatchOptions {
  readonly clock: Clock;
  readonly values: CarriedValues;
  readonly maxInFlight: number;
  readonly chunk: number | 'auto';
  readonly sweepMs: number;
  /** How long a server may be away in mid-run, in milliseconds. */
  readonly serverTimeoutMs: number;
}

/** What is the same for all jobs of a run. */
export interface DispatchOrder {
  /** What the ids of its jobs begin with. */
  readonly runKey: string;
  /** Of jobs that are there already: `'adopt'` takes them up, `'remove'` clears them away first, `'none'` knows that there are none. */
  readonly found: 'adopt' | 'remove' | 'none';
  /** Whether results are to stay for a run to come if not all tasks are done. */
  readonly keeps: boolean;
  readonly sources: FunctionSources;
}

// Taken once: a test that replaces the timers of its program means its own.
const { setTimeout, clearTimeout, setImmediate } = globalThis;
const NONE = -1;
/** The first sweep comes soon: what happens before the events are heard is not heard at all. */
const FIRST_SWEEP_MS = 25;
/** A job that nothing was heard of for so long is asked about, in milliseconds; so many of them at a time. */
const SILENT_MS = 3000;
const CHECKS_MAX = 50;
/** Whoever waits for a job for so long looks whether there are workers at all, and again each time that has passed, in milliseconds. */
const UNSERVED_MS = 10_000;
/** What BullMQ says of a job that it gave to one worker after another. */
const STALLED = /stalled|more than allowable limit/i;
const MISHAPS_MAX = 5;

/**
 * Decides for one run which tasks are added to the queue as which job, and when; and finds out what came of them.
 *
 * ```
 *   run ─ take() ─► gathered ─► a chunk is a job ─► queue ─► worker ─► answer ─► run
 *                                                                  ▲                   │
 *                                     sweep: what is not there is added again, what is done is read
 * ```
 *
 * Events only wake it up. The ids of jobs follow from what they are to do, so that one that is added twice is there once.
 */
export class JobDispatcher implements Place, JobListener {
  readonly #run: PlacedRun;
  readonly #channel: JobChannel;
  readonly #options: DispatchOptions;
  readonly #order: DispatchOrder;
  readonly #chunkSize: ChunkSize<RemoteAttempt>;
  readonly #orders: OrderMaker;
  /** Attempts that are not in a job yet. */
  #gathered: RemoteAttempt[] = [];
  readonly #jobs = new Map<string, SentJob>();
  /** Jobs that are to be added, or added again. */
  readonly #toAdd = new Set<SentJob>();
  /** The job in the queue that has a task. */
  readonly #jobOf = new Map<number, SentJob>();
  /** Tasks that run alone on their worker: one was lost that had them beside others. */
  readonly #alone = new Set<number>();
  /** The kinds of jobs for which there is no worker, as the user has been told. */
  readonly #unserved = new Set<JobKind>();
  /** When it was looked how many there are. */
  readonly #countedAtMs: Record<JobKind, number> = { cpu: -Infinity, io: -Infinity };
  /** How many jobs of each kind have not finished. */
  readonly #underWay: Record<JobKind, number> = { cpu: 0, io: 0 };
  #outstanding = 0;
  #isOpen = false;
  #isOpening = false;
  #isFlushing = false;
  #stopped = false;
  #ended = false;
  /** Fulfilled once nothing of the run is left on the server that is not to stay there. */
  cleaned: Promise<void> | undefined;
  #inbox: (() => void)[] = [];
  #holdTimer: NodeJS.Timeout | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweepDelayMs = FIRST_SWEEP_MS;
  /** Since when the server has been away. */
  #awaySinceMs: number | undefined;
  /** Work on the server that is under way. */
  readonly #pending = new Set<Promise<void>>();

  constructor(run: PlacedRun, channel: JobChannel, options: DispatchOptions, order: DispatchOrder) {
    this.#run = run;
    this.#channel = channel;
    this.#options = options;
    this.#order = order;
    this.#orders = new OrderMaker(run, order.runKey, order.sources, options.values);
    this.#chunkSize = new ChunkSize(options.chunk);
    channel.listen(order.runKey, this);
  }

  // What the run asks for.

  get isBusy(): boolean {
    return this.#outstanding > 0;
  }

  fill(): void {
    if (this.#stopped || this.#ended) return;
    while (this.#outstanding < this.#options.maxInFlight) {
      const attempt = this.#run.take();
      if (attempt === undefined) break;
      this.#outstanding++;
      const known = this.#jobOf.get(attempt.id);
      if (known === undefined) this.#gathered.push(attempt);
      else this.#attach(known, attempt);
    }
    if (this.#gathered.length > 0) this.#flushSoon();
    if (this.#outstanding > 0) this.#sweepSoon();
  }

  stop(): void {
    this.#stopped = true;
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const attempt of gathered) this.#recall(attempt);
    for (const job of this.#waitingJobs()) if (job.worker === undefined) this.#track(this.#takeBack(job));
  }

  abort(attempt: RemoteAttempt, reason: unknown): void {
    const at = this.#gathered.indexOf(attempt);
    if (at >= 0) {
      this.#gathered.splice(at, 1);
      this.#recall(attempt);
      return;
    }
    // Of a timeout the worker knows itself.
    if (attempt.isTimedOut) return;
    const job = this.#jobOf.get(attempt.id);
    if (job === undefined || job.cancelReason !== undefined || job.isWanted) return;
    job.cancelReason = carriedError(reason);
    this.#track(this.#takeBack(job));
  }

  giveUp(attempt: RemoteAttempt): void {
    const job = this.#jobOf.get(attempt.id);
    if (job !== undefined) this.#detach(job, attempt);
    this.#tellEnded(attempt, { kind: 'lost' });
  }

  end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#holdTimer);
    clearTimeout(this.#sweepTimer);
    this.cleaned = this.#cleanUp();
    return this.cleaned;
  }

  // What the server tells.

  completed(jobId: string, returned: unknown): void {
    const job = this.#jobs.get(jobId);
    if (job !== undefined && job.state !== 'finished') this.#answered(job, returned);
  }

  failed(jobId: string, reason: string): void {
    const job = this.#jobs.get(jobId);
    if (job !== undefined && job.state !== 'finished') this.#lostForGood(job, reason);
  }

  /** Its worker has died, has fallen silent, or has given it back, and another one will have it. */
  returned(jobId: string): void {
    const job = this.#jobs.get(jobId);
    if (job !== undefined && job.state !== 'finished') this.#leftBy(job);
  }

  reported(jobId: string, { worker, news }: JobReport): void {
    const job = this.#jobs.get(jobId);
    if (job === undefined || job.state === 'finished') return;
    this.#takenBy(job, worker);
    job.checkedAtMs = this.#nowMs();
    this.#deal(() => this.#tell(job, worker, (parsed(news) ?? []) as readonly JobNews[]));
  }

  #takenBy(job: SentJob, worker: string): void {
    if (worker !== job.worker) this.#leftBy(job);
    job.worker = worker;
  }

  /** Of a worker that never said that it has the job nobody needs to hear. */
  #leftBy(job: SentJob): void {
    const { worker } = job;
    if (worker === undefined) return;
    job.worker = undefined;
    this.#deal(() => {
      const reason = new Error(`Worker ${worker} was lost.`);
      for (const attempt of job.takeAttempts()) this.#tellEnded(attempt, { kind: 'lost', reason });
    });
  }

  // Sending.

  #flushSoon(): void {
    if (!this.#isOpen) {
      this.#open();
      return;
    }
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // What becomes ready in the same turn goes together.
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    const opened = async () => {
      await this.#channel.open();
      if (this.#order.found !== 'none') for (const kind of JOB_KINDS) await this.#takeUp(kind);
    };
    void opened().then(
      () => {
        if (this.#ended) return;
        this.#isOpen = true;
        this.#flush();
      },
      (error) => this.#run.breakOff(queueError(error)),
    );
  }

  /** What a run of the same key has left in the queue. */
  async #takeUp(kind: JobKind): Promise<void> {
    if (this.#order.found === 'remove') {
      await this.#clearAll(kind);
      return;
    }
    const ids = await this.#channel.list(kind, this.#order.runKey);
    const { idByName } = this.#run.open;
    for (const jobId of ids) {
      const snapshot = await this.#channel.read(kind, jobId);
      if (snapshot === undefined) continue;
      const { data } = snapshot;
      const order = parsed(data.order) as JobOrder | undefined;
      const tasks = order?.tasks.map(({ name }) => idByName.get(name) ?? NONE) ?? [];
      const answer = snapshot.state === 'completed' ? answerIn(snapshot.answer) : undefined;
      const isKnown =
        order !== undefined &&
        tasks.length > 0 &&
        !tasks.includes(NONE) &&
        jobId === this.#jobIdOf(tasks, order.attempt, data.alone !== undefined);
      const isOurs = data.protocol === PROTOCOL && data.cancelled !== true && isKnown;
      const isUseless =
        snapshot.state === 'failed' ||
        (snapshot.state === 'completed' &&
          (answer === undefined || answer.refused !== undefined || answer.dropped || answer.lostWorker));
      // What failed is to be tried again by whoever begins anew.
      if (!isOurs || isUseless) {
        await this.#channel.removeAll(kind, [jobId]);
        continue;
      }
      const ends = answer === undefined ? undefined : await Promise.all(this.#takenEnds(answer));
      // The same tasks tried again would be a job of the same id. One of which a task returned has no such other, and is kept for whoever begins the run once more.
      if (ends?.every(({ end }) => end !== JobEnd.returned)) await this.#channel.removeAll(kind, [jobId]);
      this.#adopt(jobId, kind, snapshot, tasks, ends);
    }
  }

  #adopt(
    id: string,
    kind: JobKind,
    { data }: JobSnapshot,
    tasks: readonly number[],
    ends: readonly TakenEnd[] | undefined,
  ): void {
    const isAlone = data.alone !== undefined;
    const job = new SentJob(id, kind, tasks, this.#nowMs(), isAlone);
    if (isAlone) for (const task of tasks) this.#alone.add(task);
    job.state = ends === undefined ? 'queued' : 'finished';
    // Should it have to be added again, nothing has begun by then.
    job.data = ends === undefined ? { ...data, ...(isAlone ? { alone: 'waiting' as const } : {}) } : undefined;
    job.checkedAtMs = 0;
    job.ends = (ends ?? []).map((end) => (end.end === JobEnd.returned ? end : undefined));
    if (job.state === 'queued') this.#underWay[kind]++;
    this.#jobs.set(id, job);
    for (const [place, task] of tasks.entries())
      if (ends === undefined || job.ends[place] !== undefined) this.#jobOf.set(task, job);
  }

  /** An attempt of a task that is in the queue already. */
  #attach(job: SentJob, attempt: RemoteAttempt): void {
    const place = job.attach(attempt);
    const end = job.ends[place];
    if (end !== undefined) this.#run.wake(() => this.#conclude(job, place, end));
  }

  #flush(): void {
    if (this.#ended || this.#stopped || this.#gathered.length === 0) return;
    const byKind = new Map<string, RemoteAttempt[]>();
    const known: RemoteAttempt[] = [];
    for (const attempt of this.#gathered) {
      // They may have been gathered before it was known what is there.
      if (this.#jobOf.has(attempt.id)) known.push(attempt);
      else {
        const group = `${this.#kindOf(attempt.id)} ${attempt.attempt}${this.#alone.has(attempt.id) ? ` ${attempt.id}` : ''}`;
        const attempts = byKind.get(group);
        if (attempts === undefined) byKind.set(group, [attempt]);
        else attempts.push(attempt);
      }
    }
    this.#gathered = [];
    for (const attempt of known) this.#attach(this.#jobOf.get(attempt.id)!, attempt);
    for (const attempts of byKind.values()) {
      const kind = this.#kindOf(attempts[0]!.id);
      for (const chunk of this.#chunkSize.cut(attempts, kind, this.#underWay[kind])) this.#send(kind, chunk);
    }
    // What is held back until it is known how long such tasks take, or until more fill a job.
    this.#gathered.push(...this.#chunkSize.takeHeld());
    if (this.#gathered.length > 0) {
      this.#holdTimer ??= setTimeout(() => {
        this.#holdTimer = undefined;
        this.#flush();
      }, HOLD_MS);
    }
    this.#post();
  }

  /** Makes the job once all of its arguments are on their way. */
  #send(kind: JobKind, attempts: readonly RemoteAttempt[]): void {
    const { attempts: sent, refused, order } = this.#orders.make(attempts);
    for (const [attempt, ending] of refused) this.#deal(() => this.#tellEnded(attempt, ending));
    if (sent.length === 0) return;
    const job = this.#jobFor(kind, sent);
    const made = (whole: JobOrder): void => {
      if (job.state === 'finished') return;
      const order = JSON.stringify(whole);
      job.data = { protocol: PROTOCOL, order, ...(job.isAlone ? { alone: 'waiting' as const } : {}) };
      this.#toAdd.add(job);
    };
    if (!(order instanceof Promise)) {
      made(order);
      return;
    }
    this.#track(
      order.then(
        (whole) => {
          made(whole);
          this.#post();
        },
        (error) => this.#run.breakOff(error),
      ),
    );
  }

  #jobFor(kind: JobKind, attempts: readonly RemoteAttempt[]): SentJob {
    const tasks = attempts.map(({ id }) => id);
    const isAlone = this.#alone.has(tasks[0]!);
    const id = this.#jobIdOf(tasks, attempts[0]!.attempt, isAlone);
    const job = new SentJob(id, kind, tasks, this.#nowMs(), isAlone);
    for (const [place, attempt] of attempts.entries()) job.attach(attempt, place);
    this.#underWay[kind]++;
    this.#jobs.set(job.id, job);
    for (const task of tasks) this.#jobOf.set(task, job);
    return job;
  }

  /** The same for the same try of the same tasks, as long as their versions are the same. */
  #jobIdOf(tasks: readonly number[], attempt: number, isAlone: boolean): string {
    const { names, settings } = this.#run.open;
    const parts = tasks.flatMap((task) => [names[task]!, settings[task]!.version]);
    return jobIdOf(this.#order.runKey, hashOf(`${attempt}${isAlone ? ' alone' : ''}`, ...parts));
  }

  /** Adds what is to be added; takes it back once nothing more is to begin. */
  #post(): void {
    if (this.#stopped || this.#ended) {
      for (const job of this.#toAdd) this.#track(this.#takeBack(job));
      return;
    }
    for (const kind of JOB_KINDS) {
      const jobs = [...this.#toAdd].filter((job) => job.kind === kind);
      for (const job of jobs) this.#toAdd.delete(job);
      if (jobs.length > 0) this.#track(this.#add(kind, jobs));
    }
    this.#sweepSoon();
  }

  async #add(kind: JobKind, jobs: readonly SentJob[]): Promise<void> {
    const wanted = jobs.filter(({ state }) => state === 'adding');
    const askedAtMs = Date.now();
    try {
      await this.#channel.add(
        kind,
        wanted.map(({ id, data }) => ({ id, data: data! })),
      );
      for (const job of wanted) if (job.state === 'adding') job.state = 'queued';
      this.#awaySinceMs = undefined;
      // They were on their way as nothing more was to begin.
      if (this.#stopped) for (const job of wanted) if (job.worker === undefined) this.#track(this.#takeBack(job));
    } catch (error) {
      if (!this.#isToBeTriedAgain(error, askedAtMs)) return;
      for (const job of wanted) if (job.state === 'adding') this.#toAdd.add(job);
    }
  }

  /**
   * What is under its id first has to go.
   *
   * @param lostWith - what the queue says, if workers were lost that had it
   */
  async #addAgain(job: SentJob, lostWith?: string): Promise<void> {
    const there =
      job.isAlone && lostWith !== undefined
        ? await this.#channel.read(job.kind, job.id).catch(() => undefined)
        : undefined;
    if (there?.data.alone === 'begun') {
      if (job.state === 'adding') this.#isToBlame(job, lostWith!);
      return;
    }
    await this.#channel.remove(job.kind, job.id).catch(() => {});
    if (job.state !== 'adding') return;
    this.#toAdd.add(job);
    this.#post();
  }

  /** Whether the server may come back in time; if not, the run is broken off. */
  #isToBeTriedAgain(error: unknown, askedAtMs: number): boolean {
    if (this.#ended) return false;
    this.#awaySinceMs ??= askedAtMs;
    if (isAway(error) && Date.now() - this.#awaySinceMs < this.#options.serverTimeoutMs) return true;
    this.#run.breakOff(queueError(error));
    return false;
  }

  // What has come of jobs.

  #answered(job: SentJob, returned: unknown): void {
    const answer = answerIn(returned);
    if (answer === undefined) {
      this.#lostForGood(job, 'it was answered by something that is no worker of taskmap');
      return;
    }
    if (answer.dropped === true) {
      this.#takenBack(job);
      return;
    }
    if (answer.lostWorker === true) {
      this.#isToBlame(job, `Worker ${answer.worker} found that one before it was lost while it ran nothing else.`);
      return;
    }
    if (answer.refused !== undefined) {
      this.#run.breakOff(new CodeMismatchError(answer.worker, answer.refused));
      return;
    }
    this.#finish(job);
    job.worker = answer.worker;
    this.#chunkSize.learn(job.kind, answer);
    const ends = this.#takenEnds(answer);
    if (!ends.some((end) => end instanceof Promise)) {
      this.#deal(() => this.#finished(job, answer, ends as TakenEnd[]));
      return;
    }
    this.#track(
      Promise.all(ends).then(
        (taken) => this.#deal(() => this.#finished(job, answer, taken)),
        (error) => this.#run.breakOff(error),
      ),
    );
  }

  #finished(job: SentJob, answer: JobAnswer, ends: readonly TakenEnd[]): void {
    this.#tell(job, answer.worker, answer.news);
    for (const [place, end] of ends.entries()) {
      this.#orders.cameWith(job.tasks[place]!, answer.ends[place]![3]);
      if (job.attemptAt(place) !== undefined) this.#conclude(job, place, end);
      else if (end.end === JobEnd.returned) job.ends[place] = end;
      // Nobody waits for it now: whoever comes later has it tried again.
      else if (this.#jobOf.get(job.tasks[place]!) === job) this.#jobOf.delete(job.tasks[place]!);
    }
  }

  #takenEnds(answer: JobAnswer): (TakenEnd | Promise<TakenEnd>)[] {
    return answer.ends.map((ended) => this.#takenEnd(answer.worker, ended));
  }

  #takenEnd(worker: string, [end, startedAtMs, tookMs, carried]: EndedTask): TakenEnd | Promise<TakenEnd> {
    const taken = (value: unknown): TakenEnd => ({ end, startedAtMs, tookMs, value, worker });
    if (end !== JobEnd.returned && end !== JobEnd.unsendable) return taken(takenError(carried, this.#run.calledFrom));
    const value = this.#options.values.take(carried);
    return value instanceof Promise ? value.then(taken) : taken(value);
  }

  #conclude(job: SentJob, place: number, { end, startedAtMs, tookMs, value, worker }: TakenEnd): void {
    const attempt = job.attemptAt(place);
    if (attempt === undefined) return;
    this.#detach(job, attempt);
    const where = worker;
    const known = { value, startedAtMs: this.#hereMs(job, startedAtMs, tookMs), tookMs, where };
    switch (end) {
      case JobEnd.returned:
        this.#tellEnded(attempt, { kind: 'returned', ...known });
        break;
      case JobEnd.timedOut:
        this.#tellEnded(attempt, { kind: 'timed-out', ...known, value: value ?? undefined });
        break;
      case JobEnd.unsendable:
        this.#run.began(attempt, known.startedAtMs, where);
        this.#tellEnded(attempt, { kind: 'unsendable', what: 'result', part: String(value) });
        break;
      case JobEnd.interrupted:
        if (startedAtMs !== NEVER) this.#run.began(attempt, known.startedAtMs, where);
        this.#tellEnded(attempt, { kind: 'lost', reason: value });
        break;
      default:
        this.#tellEnded(attempt, { kind: 'threw', ...known });
    }
  }

  #tellEnded(attempt: RemoteAttempt, ending: Ending): void {
    this.#outstanding--;
    this.#run.ended(attempt, ending);
  }

  /**
   * The queue says that a job has failed. That workers were lost it says of one that it gave to one after another in vain: of
   * those that one worker had at once any may be to blame, so each of their tasks runs alone from now on. Else something came
   * between the worker and its answer, a server that went away for example, and the job is added again.
   */
  #lostForGood(job: SentJob, reason: string): void {
    const wasLost = STALLED.test(reason);
    // While one that is to run alone waited for its turn, it was not.
    const isToBeAdded = wasLost ? job.isAlone : ++job.mishaps < MISHAPS_MAX;
    if (isToBeAdded && job.data !== undefined) {
      job.state = 'adding';
      this.#track(this.#addAgain(job, wasLost ? reason : undefined));
      return;
    }
    if (!wasLost && job.tasks.length === 1) {
      this.#isToBlame(job, reason);
      return;
    }
    this.#finish(job);
    this.#track(this.#channel.removeAll(job.kind, [job.id]));
    this.#deal(() => {
      for (const task of job.tasks) this.#jobOf.delete(task);
      for (const attempt of job.takeAttempts()) {
        this.#alone.add(attempt.id);
        this.#tellEnded(attempt, { kind: 'lost', reason: new Error(reason) });
      }
    });
  }

  /** What its tasks do costs one worker after another. */
  #isToBlame(job: SentJob, reason: string): void {
    this.#finish(job);
    this.#track(this.#channel.removeAll(job.kind, [job.id]));
    this.#deal(() => {
      for (const task of job.tasks) this.#jobOf.delete(task);
      for (const attempt of job.takeAttempts()) {
        const error = new WorkerLostError(attempt.name, { cause: new Error(reason) });
        this.#tellEnded(attempt, { kind: 'hopeless', error });
      }
    });
  }

  #tell(job: SentJob, worker: string, news: readonly JobNews[]): void {
    for (const [what, place, atMs, fraction, note] of news) {
      const attempt = job.attemptAt(place);
      if (attempt === undefined) continue;
      this.#run.began(attempt, this.#hereMs(job, atMs, 0), worker);
      if (what === 'progress') this.#run.progressed(attempt, fraction!, note ?? undefined);
    }
  }

  /** A time of a worker's clock by ours: not before the job was sent, and not after now. */
  #hereMs({ sentAtMs }: SentJob, thereMs: number, tookMs: number): number {
    return Math.max(Math.min(thereMs, this.#nowMs() - tookMs), sentAtMs);
  }

  // Sweeps.

  #sweepSoon(): void {
    if (this.#sweepTimer !== undefined || this.#ended || this.#outstanding === 0) return;
    this.#sweepTimer = setTimeout(() => {
      this.#track(
        this.#sweep().finally(() => {
          this.#sweepTimer = undefined;
          this.#sweepDelayMs = Math.min(this.#sweepDelayMs * 2, this.#options.sweepMs);
          this.#sweepSoon();
        }),
      );
    }, this.#sweepDelayMs);
  }

  /** Looks for what no event has told. */
  async #sweep(): Promise<void> {
    if (!this.#isOpen) return;
    if (this.#gathered.length > 0) this.#flush();
    this.#post();
    const askedAtMs = Date.now();
    try {
      for (const kind of JOB_KINDS) {
        const waiting = [...this.#waitingJobs()].filter((job) => job.kind === kind && job.state === 'queued');
        if (waiting.length === 0) continue;
        for (const id of await this.#channel.finishedLately(kind)) {
          const job = this.#jobs.get(id);
          if (job !== undefined && job.state === 'queued') await this.#check(job);
        }
        const nowMs = this.#nowMs();
        const silent = waiting.filter(
          ({ checkedAtMs, state }) => state === 'queued' && nowMs - checkedAtMs >= SILENT_MS,
        );
        for (const job of silent.slice(0, CHECKS_MAX)) await this.#check(job);
        await this.#warnIfUnserved(kind, waiting);
        for (const job of waiting)
          if (job.cancelReason !== undefined && job.state === 'queued')
            await this.#channel.cancel(job.kind, job.id, job.cancelReason);
      }
      this.#awaySinceMs = undefined;
    } catch (error) {
      this.#isToBeTriedAgain(error, askedAtMs);
    }
  }

  /**
   * A queue that nobody serves looks like one whose workers are busy: the run waits, and so does whoever forgot to start a worker, or mistyped the name of the
   * queue. A worker that died alone is missed by nobody.
   */
  async #warnIfUnserved(kind: JobKind, waiting: readonly SentJob[]): Promise<void> {
    const nowMs = this.#nowMs();
    const [oldest] = waiting;
    if (oldest === undefined || nowMs - oldest.sentAtMs < UNSERVED_MS || nowMs - this.#countedAtMs[kind] < UNSERVED_MS)
      return;
    this.#countedAtMs[kind] = nowMs;
    const isServed = (await this.#channel.workerCount(kind)) !== 0;
    if (isServed || this.#unserved.has(kind)) {
      if (isServed) this.#unserved.delete(kind);
      return;
    }
    this.#unserved.add(kind);
    const { name } = this.#run.graph;
    const first = this.#run.open.names[oldest.tasks[0]!]!;
    process.emitWarning(
      `No worker serves the queue ${JSON.stringify(this.#channel.queueName(kind))}, in which tasks of graph ${JSON.stringify(name)} wait, ${JSON.stringify(first)} ` +
        'for example. The run goes on waiting. Start a worker with the same connection and queue: npx taskmap-ts worker.',
      { code: 'TASKMAP_NO_WORKER' },
    );
  }

  /** Asks the server what has become of a job. */
  async #check(job: SentJob): Promise<void> {
    job.checkedAtMs = this.#nowMs();
    const snapshot = await this.#channel.read(job.kind, job.id);
    if (job.state !== 'queued') return;
    if (snapshot === undefined) {
      // Whoever removed it, or a server that lost what it had: it is to be run all the same.
      job.state = 'adding';
      if (job.data !== undefined) this.#toAdd.add(job);
      this.#post();
    } else if (snapshot.state === 'completed') {
      this.#answered(job, snapshot.answer);
    } else if (snapshot.state === 'failed') {
      this.#lostForGood(job, snapshot.reason);
    } else if (snapshot.state === 'active' && snapshot.worker !== undefined) {
      const { worker, startedAtMs } = snapshot;
      this.#takenBy(job, worker);
      this.#deal(() =>
        this.#tell(
          job,
          worker,
          job.tasks.map((_, place) => ['started', place, startedAtMs] as const),
        ),
      );
    }
  }

  // Helpers.

  /** Takes a job out of the queue; if a worker has it, tells that it is not wanted any more, should that be so. */
  async #takeBack(job: SentJob): Promise<void> {
    try {
      // Its arguments may still be on their way to the value store.
      const isHere = this.#toAdd.delete(job) || (job.state === 'adding' && job.data === undefined);
      const snapshot = isHere ? undefined : await this.#channel.read(job.kind, job.id);
      if (job.state === 'finished') return;
      if (snapshot?.state === 'completed') {
        this.#answered(job, snapshot.answer);
        return;
      }
      const isTakenBack = isHere || (snapshot?.state === 'waiting' && (await this.#channel.remove(job.kind, job.id)));
      if (isTakenBack) {
        this.#takenBack(job);
      } else if (job.cancelReason !== undefined) {
        await this.#channel.cancel(job.kind, job.id, job.cancelReason);
      }
    } catch {
      // The next sweep will find it, or the time that is given to whatever is to end will be up.
    }
  }

  async #cleanUp(): Promise<void> {
    try {
      await Promise.allSettled([...this.#pending]);
      const { done, failed, skipped, pending } = this.#run.graph.counts();
      const isComplete = done > 0 && failed + skipped + pending === 0;
      const keeps = this.#order.keeps && !isComplete;
      if (this.#isOpen)
        await this.#clear((job) => keeps && (job.state === 'finished' || job.cancelReason === undefined));
      // Nothing had to be sent: what earlier runs have left is still there.
      else if (isComplete && this.#order.found !== 'none' && !this.#isOpening)
        for (const kind of JOB_KINDS) await this.#clearAll(kind);
      if (!keeps) await this.#orders.forgetValues();
    } catch {
      // A server that is gone. What is left there goes when its time is up.
    } finally {
      this.#channel.unlisten(this.#order.runKey);
    }
  }

  async #clear(isKept: (job: SentJob) => boolean): Promise<void> {
    for (const kind of JOB_KINDS) {
      const jobs = [...this.#jobs.values()].filter((job) => job.kind === kind && !isKept(job));
      const ids = jobs.map(({ id }) => id);
      if (this.#awaySinceMs === undefined) await this.#channel.removeAll(kind, ids);
      else this.#channel.leave(kind, ids);
    }
  }

  async #clearAll(kind: JobKind): Promise<void> {
    await this.#channel.removeAll(kind, await this.#channel.list(kind, this.#order.runKey));
  }

  #finish(job: SentJob): void {
    if (job.state !== 'finished') this.#underWay[job.kind]--;
    job.state = 'finished';
    job.data = undefined;
  }

  /** Nobody will run it. */
  #takenBack(job: SentJob): void {
    this.#finish(job);
    this.#deal(() => {
      for (const attempt of job.takeAttempts()) this.#recall(attempt);
    });
  }

  #recall(attempt: RemoteAttempt): void {
    this.#jobOf.delete(attempt.id);
    this.#tellEnded(attempt, { kind: attempt.isAborted ? 'lost' : 'never-began' });
  }

  #detach(job: SentJob, attempt: RemoteAttempt): void {
    job.detach(attempt);
    if (this.#jobOf.get(attempt.id) === job) this.#jobOf.delete(attempt.id);
  }

  *#waitingJobs(): Generator<SentJob> {
    for (const job of this.#jobs.values()) if (job.isWaitedFor) yield job;
  }

  #kindOf(task: number): JobKind {
    return this.#run.open.settings[task]!.ioBound ? 'io' : 'cpu';
  }

  #nowMs(): number {
    return this.#options.clock.now();
  }

  /** Tells the run, once for all that is heard in one turn. */
  #deal(deal: () => void): void {
    this.#inbox.push(deal);
    if (this.#inbox.length > 1) return;
    queueMicrotask(() => {
      const inbox = this.#inbox;
      this.#inbox = [];
      this.#run.wake(() => {
        for (const one of inbox) one();
      });
      // What has become ready may fill what was gathered.
      if (this.#gathered.length > 0 && !this.#ended) this.#flushSoon();
    });
  }

  #track(work: Promise<void>): void {
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work)).catch(() => {});
  }
}
