import { randomUUID } from 'node:crypto';
import { createPostgresBackend, Queue, withBackend } from 'bullmq';
import {
  BullMQExecutor,
  type BullMQExecutorOptions,
  startWorker,
  type TaskWorker,
  type WorkerOptions,
} from 'taskmap-ts/bullmq';
import { expect } from 'vitest';
import { hasRedis, NO_REDIS, type Server, startPostgres, startRedis } from '../support/servers.js';

/** A kind of server under which the specs run. */
export interface Backend {
  readonly backend: 'redis' | 'postgres';
  readonly title: string;
  readonly isThere: boolean;
}

export const BACKENDS: readonly Backend[] = [
  { backend: 'redis', title: hasRedis ? 'a queue on Redis' : NO_REDIS, isThere: hasRedis },
  { backend: 'postgres', title: 'a queue on PostgreSQL', isThere: true },
];

type AnyQueue = Queue<any, any, string, any, any, string, any, any>;

/** A server with what specs put around it: executors and workers of one queue, and what is left in it. */
export class QueueBench {
  readonly #backend: Backend['backend'];
  #server: Server | undefined;
  #queue: string = randomUUID();
  readonly #open: { close(graceMs?: number): Promise<void> }[] = [];

  constructor({ backend }: Backend) {
    this.#backend = backend;
  }

  get url(): string {
    return this.#server!.url;
  }

  async start(): Promise<void> {
    this.#server = await (this.#backend === 'redis' ? startRedis() : startPostgres());
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  /** A queue that nobody has used yet. */
  next(): void {
    this.#queue = randomUUID();
  }

  executor(options: Partial<BullMQExecutorOptions> = {}): BullMQExecutor {
    const executor = new BullMQExecutor({ connection: this.url, queue: this.#queue, ...options });
    this.#open.push(executor);
    return executor;
  }

  async worker(options: Partial<WorkerOptions> = {}): Promise<TaskWorker> {
    const worker = await startWorker({ connection: this.url, queue: this.#queue, threads: 1, ...options });
    this.#open.push(worker);
    return worker;
  }

  /** Closes all that was opened; nothing of it may be left in the queue. */
  async close(): Promise<void> {
    for (const one of this.#open.splice(0)) await one.close(0);
    expect(await this.jobIds()).toEqual([]);
  }

  /** The ids of all jobs that the server has of the queue. */
  async jobIds(): Promise<string[]> {
    const found: string[] = [];
    for (const kind of ['cpu', 'io']) {
      const queue = this.#connect(`${this.#queue}.${kind}`);
      queue.on('error', () => {});
      found.push(...(await queue.getRanges(['completed', 'failed', 'active', 'wait', 'prioritized', 'delayed'])));
      await queue.close();
    }
    return found;
  }

  #connect(name: string): AnyQueue {
    if (this.#backend === 'redis') return new Queue(name, { connection: { url: this.url } }) as unknown as AnyQueue;
    const { Queue: PostgresQueue } = withBackend(createPostgresBackend);
    return new PostgresQueue(name, {
      connection: { connectionString: this.url, migrate: true },
    }) as unknown as AnyQueue;
  }
}
