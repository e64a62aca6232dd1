/** Runs tasks by HTTP, on processes that live as long as the run. Functions are exports of modules: `taskModule()`. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { type AsyncExecutorOptions, type ModuleTask, type Task, TransferError } from 'taskmap-ts';
import { PlacedExecutor, type PlacedRun, RemotePlace, type RemoteWorker } from 'taskmap-ts/places';

export class HttpExecutor extends PlacedExecutor {
  readonly #processes: number;

  constructor({ processes = 2, ...options }: AsyncExecutorOptions & { processes?: number } = {}) {
    super(options);
    this.#processes = processes;
  }

  protected override staysHere({ onMainThread }: Pick<Task, 'onMainThread'>): boolean {
    return onMainThread;
  }

  protected override placeFor(run: PlacedRun, tasks: Iterable<Task>): RemotePlace {
    const refused = [...tasks].filter(({ fn }) => !('moduleUrl' in fn));
    const problems = refused.map(({ name }) => [name, `Task "${name}" has no function of taskModule().`] as const);
    if (problems.length > 0) throw new TransferError(run.graph.name, new Map(problems));
    return new RemotePlace(run, {
      workers: this.#processes,
      start: startProcess,
      reference: ({ fn }) => [(fn as ModuleTask).moduleUrl, (fn as ModuleTask).exportName],
    });
  }
}

async function startProcess(): Promise<RemoteWorker> {
  const child = fork(new URL('./process.ts', import.meta.url));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (port) => resolve(port as number)).once('error', reject);
    child.once('exit', () => reject(new Error('A process ended before it could be used.')));
  });
  const orders = request({ host: '127.0.0.1', port, method: 'POST' });
  // That the process has died its answer tells.
  orders.on('error', () => {}).flushHeaders();
  const [answer] = (await once(orders, 'response')) as [IncomingMessage];
  return {
    where: `process ${child.pid}`,
    messages: messagesOf(answer),
    send: (message) => orders.write(`${Buffer.from(message).toString('base64')}\n`),
    end: () => child.kill('SIGKILL'),
  };
}

async function* messagesOf(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  const lines = createInterface(answer);
  answer.once('close', () => lines.close());
  for await (const line of lines) yield Buffer.from(line, 'base64');
}
