import { createPostgresBackend, type Job, Queue, QueueEvents, withBackend } from 'bullmq';
import type { Server } from '../../spec/support/servers.js';

/** What a worker of bare BullMQ is given: the results of the dependencies; with a task of its own for a graph, none for a job that does nothing. */
export interface BareJob {
  readonly task: number | undefined;
  readonly results: readonly number[];
}

const ADDED_AT_ONCE = 500;
const LOST_EVENTS_MS = 500;
/** So many jobs that were completed last are looked at for lost events. */
const LATELY_MAX = 500;
const OPTIONS = { removeOnComplete: { age: 3600 } };

/** What both of its servers have. */
type BareJobs = Pick<Queue, 'addBulk' | 'getCompleted' | 'getJobCounts' | 'obliterate' | 'close'>;
interface BareEvents {
  on(event: 'completed', listener: (event: { jobId: string; returnvalue: unknown }) => void): unknown;
  removeAllListeners(event: 'completed'): unknown;
  close(): Promise<unknown>;
}

/** BullMQ alone, used as its guide has it: `addBulk`, and `completed` events. */
export class BareQueue {
  readonly #queue: BareJobs;
  readonly #events: BareEvents;

  private constructor(queue: BareJobs, events: BareEvents) {
    this.#queue = queue;
    this.#events = events;
  }

  static async open({ backend, url }: Server, name: string): Promise<BareQueue> {
    const streams = { events: { maxLen: 1000 } };
    const postgres = withBackend(createPostgresBackend);
    const connection = { connectionString: url, migrate: true, max: 4 };
    const queue =
      backend === 'redis'
        ? new Queue(name, { connection: { url }, streams })
        : new postgres.Queue(name, { connection, streams });
    const events =
      backend === 'redis'
        ? new QueueEvents(name, { connection: { url } })
        : new postgres.QueueEvents(name, { connection });
    queue.on('error', () => {});
    events.on('error', () => {});
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
    return new BareQueue(queue, events as BareEvents);
  }

  /** Jobs that do nothing, added at once and in no order. */
  async runIndependent(count: number): Promise<void> {
    let done = 0;
    const whenDone = this.#until(
      () => done++ === count - 1,
      // An event that was lost is not waited for: this is about what it costs, and there are few of them.
      async () => (await this.#queue.getJobCounts('completed'))['completed'] === count,
    );
    const jobs = Array.from({ length: count }, () => ({ name: 'nothing', data: { results: [] }, opts: OPTIONS }));
    for (let from = 0; from < count; from += ADDED_AT_ONCE)
      await this.#queue.addBulk(jobs.slice(from, from + ADDED_AT_ONCE));
    await whenDone;
  }

  /**
   * A graph, as one would write it by hand: a job is added once all jobs it depends on are known to be done, with their results.
   *
   * @returns the results, in the order of the tasks
   */
  async runGraph(dependencies: readonly (readonly number[])[]): Promise<readonly number[]> {
    const size = dependencies.length;
    const dependents = Array.from({ length: size }, (): number[] => []);
    const missing = dependencies.map(({ length }) => length);
    for (const [task, ones] of dependencies.entries()) for (const one of ones) dependents[one]!.push(task);
    const values = new Array<number | undefined>(size).fill(undefined);
    let ready = [...missing.keys()].filter((task) => missing[task] === 0);
    let done = 0;
    const add = () => {
      const some = ready;
      ready = [];
      const jobs = some.map((task) => {
        const data: BareJob = { task, results: dependencies[task]!.map((one) => values[one]!) };
        return { name: 'task', data, opts: { ...OPTIONS, jobId: `task-${task}` } };
      });
      void this.#queue.addBulk(jobs);
    };
    const finish = (jobId: string, value: unknown): boolean => {
      const task = Number(jobId.slice('task-'.length));
      if (values[task] !== undefined) return false;
      values[task] = Number(value);
      done++;
      for (const dependent of dependents[task]!) {
        if (--missing[dependent]! > 0) continue;
        // All that becomes ready by the events that came together goes out together.
        if (ready.push(dependent) === 1) queueMicrotask(add);
      }
      return done === size;
    };
    const whenDone = this.#until(
      ({ jobId, returnvalue }) => finish(jobId, returnvalue),
      async () => {
        const jobs: Job[] = await this.#queue.getCompleted(0, LATELY_MAX);
        for (const { id, returnvalue } of jobs) finish(id!, returnvalue);
        return done === size;
      },
    );
    add();
    await whenDone;
    return values as number[];
  }

  async clear(): Promise<void> {
    await this.#queue.obliterate({ force: true });
  }

  async close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#events.close()]);
  }

  /** Waits until a `completed` event, or a look now and then for those that were lost, says that all is done. */
  async #until(
    isLast: (event: { jobId: string; returnvalue: unknown }) => boolean,
    look: () => Promise<boolean>,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#events.on('completed', (event) => {
        if (isLast(event)) resolve();
      });
      timer = setInterval(async () => {
        if (await look()) resolve();
      }, LOST_EVENTS_MS);
    });
    clearInterval(timer);
    this.#events.removeAllListeners('completed');
  }
}
