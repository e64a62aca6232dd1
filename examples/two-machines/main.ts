// A graph on two machines: a server for the queue, a worker on each machine, and the pipeline, which has the graph and decides.
// Here all of them are processes of one machine. The workers are the very command that is started on others: npx taskmap-ts worker.
//
//                           ┌─► worker ox   (tasks.ts)
//   pipeline.ts ◄─► queue ◄─┤
//    (tasks.ts)             └─► worker cow  (tasks.ts)
//
// npx tsx examples/two-machines/main.ts

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
// A server for a while. Yours is there already.
import { hasRedis, startPostgres, startRedis } from '../../spec/support/servers.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const server = hasRedis ? await startRedis() : await startPostgres();
console.log(`queue: ${server.backend}`);
const workers: ChildProcess[] = [];
try {
  await Promise.all([startWorker('ox'), startWorker('cow')]);
  process.exitCode = await ended(start('inherit', 'examples/two-machines/pipeline.ts'));
} finally {
  // SIGTERM lets workers end what they have begun.
  for (const worker of workers) worker.kill('SIGTERM');
  await Promise.all(workers.map(ended));
  await server.stop();
}

/** On a machine of its own: TASKMAP_QUEUE=… npx taskmap-ts worker --module ./examples/two-machines/tasks.ts --name ox */
async function startWorker(name: string): Promise<void> {
  const worker = start(
    'pipe',
    'src/cli/main.ts',
    'worker',
    '--module',
    './examples/two-machines/tasks.ts',
    '--name',
    name,
    '--threads',
    '1',
  );
  workers.push(worker);
  let said = '';
  for await (const line of createInterface(worker.stderr!)) {
    said += `${line}\n`;
    if (!line.includes(' ready on ')) continue;
    console.log(`${name}: ${line.slice(line.indexOf('ready'))}`);
    // It goes on telling; nobody listens.
    worker.stderr!.resume();
    return;
  }
  throw new Error(`Worker ${name} does not start. It said:\n${said}`);
}

async function ended(child: ChildProcess): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? 1;
}

function start(stderr: 'inherit' | 'pipe', ...args: readonly string[]): ChildProcess {
  const env = { ...process.env, TASKMAP_QUEUE: server.url };
  return spawn(process.execPath, ['--import', 'tsx', ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', stderr],
  });
}

// output, with other tasks on each worker every time:
// queue: redis
// cow: ready on redis: threads: 1, io-bound jobs at once: 50
// ox: ready on redis: threads: 1, io-bound jobs at once: 50
// cow: read running, read failures, words running, words failures, squeeze failures, words resume, squeeze running, …, most
// ox: read graphs, read workers, read resume, read observe, words graphs, squeeze graphs, words workers, …, tightest
// 8 pages: "task" 317 times, "that" 262 times; down to 30.2 %
