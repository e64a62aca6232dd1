import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createPostgresBackend, type Processor, Queue, Worker, withBackend } from 'bullmq';
import {
  BullMQExecutor,
  type BullMQExecutorOptions,
  startWorker,
  type TaskWorker,
  type WorkerOptions,
} from 'taskmap-ts/bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobData } from '../../src/bullmq/job-messages.js';
import { hasRedis, NO_REDIS, type Server, startPostgres, startRedis } from '../support/servers.js';
import type { GraphOrder, TaskText } from './graphs.js';

const PATIENCE_MS = 30_000;
/** Processes are started and locks run out: on a machine with much else to do that takes time. */
const SPEC_MS = 120_000;

/** Makes a spec with a queue of its own, in which nothing is left in the end. */
export type SceneSpec = (title: string, act: (scene: Scene) => Promise<void>) => void;

/** Describes what holds with each of these kinds of server, each of which is started once. */
export function describeScenes(
  backends: readonly Server['backend'][],
  define: (spec: SceneSpec, backend: Server['backend']) => void,
): void {
  describe.each(backends.map((backend) => ({ backend })))('with $backend', ({ backend }) => {
    const isThere = backend === 'postgres' || hasRedis;
    let server: Server;
    beforeAll(async () => {
      if (isThere) server = await (backend === 'redis' ? startRedis({ persistence: true }) : startPostgres());
    }, 60_000);
    afterAll(() => server?.stop());

    const spec: SceneSpec = (title, act) => {
      const run = async () => {
        const scene = new Scene(server);
        try {
          await act(scene);
          await scene.expectNothingLeft();
        } finally {
          await scene.close();
        }
      };
      it.skipIf(!isThere)(isThere ? title : `${title} (${NO_REDIS})`, run, SPEC_MS);
    };
    define(spec, backend);
  });
}

/** A process of its own that runs one of `programs/`, and what it has said. */
export class Program {
  readonly lines: string[] = [];
  /** Fulfilled with its exit code once it has ended: `null` if a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #hasEnded = false;
  #complaints = '';

  constructor(name: 'worker' | 'orchestrator', order: object) {
    const script = fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url));
    this.#process = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      this.lines.push(line);
      for (const look of this.#waiting) look();
    });
    this.#process.stderr!.on('data', (text) => {
      this.#complaints += text;
    });
    this.ended = new Promise((resolve) => {
      this.#process.once('close', (code) => {
        this.#hasEnded = true;
        for (const look of this.#waiting) look();
        resolve(code);
      });
    });
  }

  /** Fulfilled with its first line that begins so. */
  line(beginning: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.find((line) => line.startsWith(beginning));
        if (found === undefined && !this.#hasEnded) return;
        this.#waiting.delete(look);
        if (found === undefined)
          reject(
            new Error(`The process has ended without ${beginning}: ${this.lines.join('\n')}\n${this.#complaints}`),
          );
        else resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** What it says in the end, made again of its JSON. */
  async said(what: string): Promise<any> {
    return JSON.parse((await this.line(`${what} `)).slice(what.length + 1));
  }

  /** Kills it, as only the system can, and waits until it is gone. */
  async killed(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }
}

/** What one spec has of its own: a queue, a folder with a list of what ran, and the executors and workers to be closed. */
export class Scene {
  readonly server: Server;
  readonly queue: string = `q${Math.random().toString(36).slice(2)}`;
  readonly folder: string = mkdtempSync(join(tmpdir(), 'taskmap-faults-'));
  readonly #closables: { close(): Promise<void> }[] = [];
  readonly #programs: Program[] = [];

  constructor(server: Server) {
    this.server = server;
  }

  get address(): { readonly connection: string; readonly queue: string } {
    return { connection: this.server.url, queue: this.queue };
  }

  // Who works.

  executor(options: Partial<BullMQExecutorOptions> = {}): BullMQExecutor {
    const executor = new BullMQExecutor({ ...this.address, chunk: 1, ...options });
    this.#closables.push(executor);
    return executor;
  }

  /** A worker in this process. Its lock is long: what else the machine does must not count as its death. */
  async worker(options: Partial<WorkerOptions> = {}): Promise<TaskWorker> {
    const worker = await startWorker({
      ...this.address,
      threads: 2,
      lockMs: 20_000,
      stalledCheckMs: 200,
      graceMs: 50,
      ...options,
    });
    this.#closables.push(worker);
    return worker;
  }

  /** A worker in a process of its own, once it is ready. It is missed soon after it was killed. */
  async workerProcess(options: Partial<WorkerOptions> = {}): Promise<Program> {
    const program = new Program('worker', {
      ...this.address,
      threads: 2,
      lockMs: 2500,
      stalledCheckMs: 200,
      ...options,
    });
    this.#programs.push(program);
    await program.line('ready');
    return program;
  }

  /** A process that runs these tasks. */
  orchestrator(tasks: readonly TaskText[], executor: Partial<GraphOrder['executor']> = {}): Program {
    const order: GraphOrder = { executor: { ...this.address, chunk: 1, ...executor }, tasks };
    const program = new Program('orchestrator', order);
    this.#programs.push(program);
    return program;
  }

  // What runs.

  get #ledger(): string {
    return join(this.folder, 'ran');
  }

  /** The text of a function that puts its name on the list, and then does this. `args` are what it is called with, `sleep(ms)` keeps its thread busy. */
  text(name: string, body = ''): string {
    return `(...args) => {
      const fs = process.getBuiltinModule('node:fs');
      const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      fs.appendFileSync(${JSON.stringify(this.#ledger)}, ${JSON.stringify(`${name}\n`)});
      ${body}
    }`;
  }

  /** Source that does not go on until {@link open} is called. */
  gate(name: string): string {
    return `while (!fs.existsSync(${JSON.stringify(this.#gateFile(name))})) sleep(5);`;
  }

  open(name: string): void {
    writeFileSync(this.#gateFile(name), '');
  }

  #gateFile(name: string): string {
    return join(this.folder, `gate ${name}`);
  }

  /** The names of tasks in the order in which they began. */
  get ran(): string[] {
    return existsSync(this.#ledger) ? readFileSync(this.#ledger, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** How often each task ran. */
  get runsByTask(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const name of this.ran) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  /** Fulfilled once so many tasks have begun, or one of this name. */
  async begun(what: number | string): Promise<void> {
    const isSo = () => (typeof what === 'number' ? this.ran.length >= what : this.ran.includes(what));
    await expect.poll(isSo, { timeout: PATIENCE_MS, interval: 10 }).toBe(true);
  }

  /**
   * Has the next cpu-bound jobs fail for these reasons, one after another, as with a worker that goes wrong. Those that
   * are to run alone have begun so.
   *
   * @returns what each of them was given with
   */
  async failNext(...reasons: readonly string[]): Promise<readonly JobData[]> {
    const given: JobData[] = [];
    await new Promise<void>((resolve, reject) => {
      const worker = plainWorker(this.server, `${this.queue}.cpu`, async (job) => {
        given.push({ ...job.data });
        if (job.data.alone !== undefined) await job.updateData({ ...job.data, alone: 'begun' });
        // It takes no more, and ends when this job has.
        if (given.length === reasons.length) void worker.close().then(resolve, reject);
        throw new Error(reasons[given.length - 1]);
      });
      worker.on('error', () => {});
    });
    return given;
  }

  // The end.

  /** To be done when the spec has ended, whatever came of it. */
  whenClosed(close: () => Promise<void>): void {
    this.#closables.push({ close });
  }

  /** Ends all that was started. */
  async close(): Promise<void> {
    await Promise.all(this.#closables.reverse().map((one) => one.close()));
    await Promise.all(this.#programs.map((program) => program.killed()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Looks for what is left in the queue. */
  async expectNothingLeft(): Promise<void> {
    const left = () =>
      this.withQueues(async (queues) =>
        (await Promise.all(queues.map((queue) => queue.getJobs()))).flat().map((job) => job.id),
      );
    await expect.poll(left, { timeout: PATIENCE_MS, interval: 50 }).toEqual([]);
  }

  /** Queues as plain BullMQ has them, first for cpu-bound tasks, then for io-bound ones. */
  async withQueues<T>(use: (queues: readonly PlainQueue[]) => Promise<T>): Promise<T> {
    const queues = ['cpu', 'io'].map((kind) => plainQueue(this.server, `${this.queue}.${kind}`));
    try {
      return await use(queues);
    } finally {
      await Promise.all(queues.map((queue) => queue.close()));
    }
  }
}

export type PlainQueue = Queue<any, any, string, any, any, string, any, any>;

function plainQueue({ backend, url }: Server, name: string): PlainQueue {
  if (backend === 'redis') return new Queue(name, { connection: { url } });
  return new (withBackend(createPostgresBackend).Queue)(name, {
    connection: { connectionString: url, migrate: true, max: 2 },
  }) as unknown as PlainQueue;
}

type PlainWorker = Worker<any, any, string>;

function plainWorker({ backend, url }: Server, name: string, processor: Processor<any, any, string>): PlainWorker {
  if (backend === 'redis') return new Worker(name, processor, { connection: { url }, skipStalledCheck: true });
  return new (withBackend(createPostgresBackend).Worker)(name, processor as never, {
    connection: { connectionString: url, migrate: true, max: 2 },
    skipStalledCheck: true,
  }) as unknown as PlainWorker;
}
