/** Runs tasks by HTTP, on processes that live as long as the run. Functions are exports of modules: `taskModule()`. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { type AsyncExecutorOptions, type ModuleTask, systemClock, type Task, TransferError } from 'taskmap-ts';
import { decodeValue, encodeThrown, encodeValue, type UncarriableError } from 'taskmap-ts/codec';
import { type Place, PlacedExecutor, type PlacedRun, type RemoteAttempt } from 'taskmap-ts/places';
import type { News, Order } from './process.js';

/** So many io-bound attempts share a process. Each of the others has one to itself. */
const SHARED_MAX = 16;
/** A task fails of which so many processes have died while it was alone there. */
const DEATHS_MAX = 3;

export class HttpExecutor extends PlacedExecutor {
  readonly #processes: number;
  readonly #now: () => number;

  constructor({ processes = 2, clock = systemClock, ...options }: AsyncExecutorOptions & { processes?: number } = {}) {
    super({ clock, ...options });
    this.#processes = processes;
    this.#now = () => clock.now();
  }

  protected override staysHere({ onMainThread }: Pick<Task, 'onMainThread'>): boolean {
    return onMainThread;
  }

  protected override placeFor(run: PlacedRun, tasks: Iterable<Task>): Place {
    const refused = [...tasks].filter(({ fn }) => !('moduleUrl' in fn));
    const problems = refused.map(({ name }) => [name, `Task "${name}" has no function of taskModule().`] as const);
    if (problems.length > 0) throw new TransferError(run.graph.name, new Map(problems));
    const deaths = new Map<number, number>();
    const workers = Array.from({ length: this.#processes }, () => new Worker(run, this.#now, deaths));
    const workerOf = ({ id }: RemoteAttempt) => workers.find(({ sent }) => sent.has(id))!;
    let isStopped = false;
    return {
      get isBusy() {
        return workers.some(({ sent }) => sent.size > 0);
      },
      fill() {
        if (!isStopped) for (const worker of workers) worker.fill();
      },
      abort: (attempt, reason) => workerOf(attempt).abort(attempt, reason),
      giveUp: (attempt) => workerOf(attempt).end(),
      // Whatever was taken is on its way.
      stop() {
        isStopped = true;
      },
      end() {
        for (const worker of workers) worker.end();
      },
    };
  }
}

/** A process: started when there is something for it, and again when it has died. */
class Worker {
  readonly sent = new Map<number, RemoteAttempt>();
  readonly #run: PlacedRun;
  readonly #now: () => number;
  /** Of each task that was lost: how many processes died while it was alone there. */
  readonly #deaths: Map<number, number>;
  #child: ChildProcess | undefined;
  #orders: ClientRequest | undefined;

  constructor(run: PlacedRun, now: () => number, deaths: Map<number, number>) {
    this.#run = run;
    this.#now = now;
    this.#deaths = deaths;
  }

  fill(): void {
    if (this.#run.readyCount > 0 && this.#child === undefined) this.#start();
    if (this.#orders === undefined) return;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      const { id, name, attempt, task, headers = {} } = next;
      const { moduleUrl: url, exportName } = task.fn as ModuleTask;
      const about = task.withContext ? { task: name, attempt, runId: this.#run.id, headers } : undefined;
      try {
        this.#post({ id, url, name: exportName, args: base64(encodeValue(next.inputs, 'arguments')), about });
        this.sent.set(id, next);
      } catch (error) {
        const part = (error as UncarriableError).part ?? String(error);
        this.#run.ended(next, { kind: 'unsendable', what: 'argument', part });
      }
    }
  }

  abort({ id }: RemoteAttempt, reason: unknown): void {
    this.#post({ id, abort: base64(encodeThrown(reason)) });
  }

  end(): void {
    this.#orders = undefined;
    this.#child?.kill('SIGKILL');
  }

  #take(): RemoteAttempt | undefined {
    const [first] = this.sent.values();
    if (first === undefined) return this.#run.take();
    // Once a process has died each attempt is alone, so that it is known of which the next one dies.
    const isShared = first.task.ioBound && this.sent.size < SHARED_MAX && this.#deaths.size === 0;
    return isShared ? this.#run.take(true) : undefined;
  }

  #post(order: Order): void {
    this.#orders?.write(`${JSON.stringify(order)}\n`);
  }

  #start(): void {
    const child = fork(new URL('./process.ts', import.meta.url));
    const failed = () => this.#run.breakOff(new Error('A process ended before it could be used.'));
    this.#child = child.once('exit', failed).once('message', (port) => {
      child.off('exit', failed);
      void this.#talk(child, port as number);
    });
  }

  async #talk(child: ChildProcess, port: number): Promise<void> {
    const orders = request({ host: '127.0.0.1', port, method: 'POST' });
    this.#orders = orders.on('error', () => {});
    this.#run.wake();
    let cause: unknown;
    try {
      const [answer] = (await once(orders, 'response')) as [IncomingMessage];
      const lines = createInterface(answer);
      answer.once('close', () => lines.close());
      for await (const line of lines) this.#hear(JSON.parse(line));
    } catch (error) {
      cause = error;
    }
    this.#lose(child.killed, cause);
  }

  #hear([id, kind, bytes, tookMs]: News): void {
    const attempt = this.sent.get(id)!;
    const value = decodeValue(Buffer.from(bytes, 'base64'));
    const [startedAtMs, where] = [this.#now() - tookMs, `process ${this.#child?.pid}`];
    if (kind !== 'began' && kind !== 'progressed') this.sent.delete(id);
    if (kind === 'began') this.#run.began(attempt, startedAtMs, where);
    else if (kind === 'progressed') this.#run.progressed(attempt, ...(value as [number, string?]));
    else if (kind === 'unsendable') this.#run.ended(attempt, { kind, what: 'result', part: value as string });
    else this.#run.ended(attempt, { kind, value, startedAtMs, tookMs, where });
  }

  /** The process is no more: it died, or was ended by us, which is nobody's fault. */
  #lose(wasEnded: boolean, cause: unknown): void {
    this.end();
    this.#child = undefined;
    for (const [id, attempt] of this.sent) {
      if (!wasEnded) this.#deaths.set(id, (this.#deaths.get(id) ?? 0) + (this.sent.size === 1 ? 1 : 0));
      const error = new Error(`The process of task "${attempt.name}" has died.`, { cause });
      const isHopeless = this.#deaths.get(id) === DEATHS_MAX;
      this.#run.ended(attempt, isHopeless ? { kind: 'hopeless', error } : { kind: 'lost', reason: error });
    }
    this.sent.clear();
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
