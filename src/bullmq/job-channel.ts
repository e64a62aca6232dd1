import { carriedError } from './carried-values.js';
import { CANCEL_EVENT, type JobAnswer, type JobData, type JobReport } from './job-messages.js';
import {
  type AnyEvents,
  type AnyQueue,
  CLOSE_MS,
  type Closable,
  closed,
  inTime,
  JOB_KINDS,
  type JobKind,
  type QueueServer,
} from './queue-server.js';

/** Who hears of the jobs of one run. */
export interface JobListener {
  /** Once the run has ended: until when the server is still needed. */
  readonly cleaned: Promise<void> | undefined;
  completed(jobId: string, answer: unknown): void;
  failed(jobId: string, reason: string): void;
  returned(jobId: string): void;
  reported(jobId: string, report: JobReport): void;
}

/** What the server knows of a job. */
export type JobSnapshot = { readonly data: JobData } & (
  | { readonly state: 'waiting' }
  | { readonly state: 'active'; readonly worker: string | undefined; readonly startedAtMs: number }
  | { readonly state: 'completed'; readonly answer: unknown }
  | { readonly state: 'failed'; readonly reason: string }
);

/** A job to be added. */
export interface NewJob {
  readonly id: string;
  readonly data: JobData;
}

const JOB_NAME = 'tasks';
const ADD_MAX = 500;
const REMOVE_MAX = 200;
const LATELY_MAX = 300;
const PAGE = 5000;
const ALL_STATES = ['completed', 'failed', 'active', 'wait', 'prioritized', 'delayed'] as const;
/** Connections that nobody has used for so long are closed, so that the process can end, in milliseconds. */
const IDLE_MS = 1000;
/** An answer is waited for at least so long, in milliseconds: a busy server is not away. */
const ANSWER_MS = 1000;

/** The id of a job: whose it is, and which of theirs. */
export function jobIdOf(runKey: string, rest: string): string {
  return `${runKey}.${rest}`;
}

interface Opened {
  readonly queues: ReadonlyMap<JobKind, AnyQueue>;
  readonly events: readonly AnyEvents[];
}

/** The executor's side of a queue: adds and reads jobs, and tells each run what is heard of its own. Those of others are passed over. */
export class JobChannel {
  readonly #server: QueueServer;
  readonly #resultAgeMs: number;
  readonly #withEvents: boolean;
  readonly #serverTimeoutMs: number;
  /** Jobs that could not be removed yet: a worker had them, or the server was away. */
  readonly #leftovers: Readonly<Record<JobKind, Set<string>>> = { cpu: new Set(), io: new Set() };
  readonly #listeners = new Map<string, JobListener>();
  #opened: Promise<Opened> | undefined;
  #control: Promise<AnyQueue> | undefined;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param withEvents - whether events are heard at all; without them the sweeps find everything, later
   * @param serverTimeoutMs - how long an answer of the server is waited for
   */
  constructor(server: QueueServer, resultAgeMs: number, withEvents: boolean, serverTimeoutMs: number) {
    this.#server = server;
    this.#resultAgeMs = resultAgeMs;
    this.#withEvents = withEvents;
    this.#serverTimeoutMs = serverTimeoutMs;
  }

  /** What the queue of such jobs is called. */
  queueName(kind: JobKind): string {
    return this.#server.name(kind);
  }

  /** @throws {@link QueueError} */
  async open(): Promise<void> {
    await this.#open();
    // First: a run to come may use the same ids again.
    await this.#removeLeftovers();
  }

  listen(runKey: string, listener: JobListener): void {
    clearTimeout(this.#idle);
    this.#listeners.set(runKey, listener);
  }

  unlisten(runKey: string): void {
    this.#listeners.delete(runKey);
    if (this.#listeners.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await Promise.all(Array.from(this.#listeners.values(), ({ cleaned }) => cleaned));
    await this.#removeLeftovers();
    const [opened, control] = [this.#opened, this.#control];
    this.#opened = this.#control = undefined;
    const clients: Closable[] = [];
    for (const promise of [
      opened?.then(({ queues, events }) => [...queues.values(), ...events]),
      control?.then((queue) => [queue]),
    ])
      clients.push(...((await promise?.catch(() => [])) ?? []));
    await Promise.all(clients.map(closed));
  }

  // Jobs.

  /** Adds jobs; those that are there already stay as they are. */
  async add(kind: JobKind, jobs: readonly NewJob[]): Promise<void> {
    const queue = await this.#queue(kind);
    const age = Math.ceil(this.#resultAgeMs / 1000);
    for (let from = 0; from < jobs.length; from += ADD_MAX) {
      const some = jobs.slice(from, from + ADD_MAX).map(({ id, data }) => ({
        name: JOB_NAME,
        data,
        opts: { jobId: id, removeOnComplete: { age }, removeOnFail: { age } },
      }));
      await this.#inTime(queue.addBulk(some));
    }
  }

  async read(kind: JobKind, jobId: string): Promise<JobSnapshot | undefined> {
    const job = await this.#inTime((await this.#queue(kind)).getJob(jobId));
    if (job === undefined || job === null) return undefined;
    const data = job.data as JobData;
    // A failure that is still to be dealt with by a worker has a reason, but has not finished.
    if (job.finishedOn) {
      if (job.failedReason) return { state: 'failed', data, reason: job.failedReason };
      return { state: 'completed', data, answer: job.returnvalue };
    }
    if (job.processedOn && (await this.#inTime(job.getState())) === 'active')
      return { state: 'active', data, worker: job.processedBy, startedAtMs: job.processedOn };
    return { state: 'waiting', data };
  }

  /** Jobs that have finished lately, of this run and others. */
  async finishedLately(kind: JobKind): Promise<readonly string[]> {
    return this.#inTime((await this.#queue(kind)).getRanges(['completed', 'failed'], 0, LATELY_MAX - 1, false));
  }

  /** How many workers are connected; 1 where the server does not tell. */
  async workerCount(kind: JobKind): Promise<number> {
    return this.#inTime((await this.#queue(kind)).getWorkersCount());
  }

  /** All jobs of a run that the server has. */
  async list(kind: JobKind, runKey: string): Promise<readonly string[]> {
    const queue = await this.#queue(kind);
    const found = new Set<string>();
    for (const state of ALL_STATES) {
      for (let from = 0; ; from += PAGE) {
        const page = await this.#inTime(queue.getRanges([state], from, from + PAGE - 1, true));
        for (const id of page) if (runKeyIn(id) === runKey) found.add(id);
        if (page.length < PAGE) break;
      }
    }
    return [...found];
  }

  /** @returns whether it is gone: no worker has it */
  async remove(kind: JobKind, jobId: string): Promise<boolean> {
    return (await this.#inTime((await this.#queue(kind)).remove(jobId, { removeChildren: false }))) === 1;
  }

  /** Removes jobs as far as no worker has them; what one has it is told to end, and removed later. */
  async removeAll(kind: JobKind, jobIds: readonly string[]): Promise<void> {
    for (let from = 0; from < jobIds.length; from += REMOVE_MAX) {
      const some = jobIds.slice(from, from + REMOVE_MAX);
      const removed = await Promise.all(some.map((id) => this.remove(kind, id)));
      for (const [index, id] of some.entries()) {
        if (removed[index]) continue;
        this.leave(kind, [id]);
        await this.cancel(kind, id, carriedError(new Error('Its run is over.')));
      }
    }
  }

  /** These are to be removed as soon as the server is used again. */
  leave(kind: JobKind, jobIds: Iterable<string>): void {
    for (const id of jobIds) this.#leftovers[kind].add(id);
  }

  async #removeLeftovers(): Promise<void> {
    for (const kind of JOB_KINDS) {
      const ids = [...this.#leftovers[kind]];
      this.#leftovers[kind].clear();
      // What cannot be removed now either goes when its time is up.
      if (ids.length > 0) await inTime(this.removeAll(kind, ids), CLOSE_MS).catch(() => this.leave(kind, ids));
    }
  }

  /** Tells the worker that has a job to end it, and whoever should begin it again that nobody wants it. */
  async cancel(kind: JobKind, jobId: string, reason: string): Promise<void> {
    await this.#mark(kind, jobId);
    this.#control ??= this.#server.queue('control');
    const { backend } = await this.#control;
    await this.#inTime(backend.publishEvent({ event: CANCEL_EVENT, jobId, reason }, PAGE));
  }

  async #mark(kind: JobKind, jobId: string): Promise<void> {
    const job = await this.#inTime((await this.#queue(kind)).getJob(jobId));
    if (!job || job.finishedOn) return;
    await this.#inTime(job.updateData({ ...job.data, cancelled: true })).catch(() => {});
  }

  // Connections.

  /** While a Redis is away, requests wait for it as long as it takes. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    return inTime(answer, Math.max(this.#serverTimeoutMs, ANSWER_MS));
  }

  async #queue(kind: JobKind): Promise<AnyQueue> {
    return (await this.#open()).queues.get(kind)!;
  }

  #open(): Promise<Opened> {
    if (this.#opened === undefined) {
      const opening = this.#make();
      this.#opened = opening;
      // The next one may be luckier.
      opening.catch(() => {
        if (this.#opened === opening) this.#opened = undefined;
      });
    }
    return this.#opened;
  }

  async #make(): Promise<Opened> {
    const opened = await Promise.allSettled([
      ...JOB_KINDS.map((kind) => this.#server.queue(kind)),
      ...(this.#withEvents ? JOB_KINDS.map((kind) => this.#server.events(kind)) : []),
    ]);
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      for (const one of opened) if (one.status === 'fulfilled') void one.value.close().catch(() => {});
      throw failed.reason;
    }
    const clients = opened.map((one) => (one as PromiseFulfilledResult<AnyQueue | AnyEvents>).value);
    const queues = new Map(JOB_KINDS.map((kind, index) => [kind, clients[index] as AnyQueue]));
    const events = clients.slice(JOB_KINDS.length) as AnyEvents[];
    for (const one of events) this.#hear(one);
    return { queues, events };
  }

  #hear(events: AnyEvents): void {
    const of = (jobId: string) => this.#listeners.get(runKeyIn(jobId));
    events.on('completed', ({ jobId, returnvalue }) => of(jobId)?.completed(jobId, returnvalue));
    events.on('failed', ({ jobId, failedReason }) => of(jobId)?.failed(jobId, failedReason));
    events.on('waiting', ({ jobId, prev }) => {
      if (prev === 'active') of(jobId)?.returned(jobId);
    });
    events.on('progress', ({ jobId, data }) => of(jobId)?.reported(jobId, data as unknown as JobReport));
  }
}

function runKeyIn(jobId: string): string {
  return jobId.slice(0, Math.max(jobId.indexOf('.'), 0));
}

/** What a worker left behind; nothing if it was none of ours. */
export function answerIn(returned: unknown): JobAnswer | undefined {
  const answer = parsed(returned) as Partial<JobAnswer> | null | undefined;
  return answer !== null && answer !== undefined && typeof answer === 'object' && typeof answer.worker === 'string'
    ? (answer as JobAnswer)
    : undefined;
}

/** @returns `undefined` if it is no JSON */
export function parsed(text: unknown): unknown {
  try {
    const value: unknown = JSON.parse(String(text));
    // Some backends hand over the text of the text.
    return typeof value === 'string' ? JSON.parse(value) : value;
  } catch {
    return undefined;
  }
}
