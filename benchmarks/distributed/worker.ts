/* A worker process: of taskmap, or of bare BullMQ. */
import { createPostgresBackend, Worker, withBackend } from 'bullmq';
import { FolderStore } from 'taskmap-ts';
import { startWorker } from 'taskmap-ts/bullmq';
import type { BareJob } from './bare-queue.js';
import { first, mixed } from './tasks.js';

/** What a worker process is told as it begins. */
export interface WorkerOrder {
  readonly kind: 'taskmap' | 'bullmq';
  readonly url: string;
  readonly queue: string;
  readonly concurrency: number;
  readonly threads: number;
  /** Where results go that are large. */
  readonly storeFolder: string | undefined;
}

const order = JSON.parse(process.argv[2]!) as WorkerOrder;
const close = order.kind === 'taskmap' ? await taskmapWorker(order) : await bareWorker(order);
process.once('message', async () => {
  await close();
  process.disconnect();
});
process.send!('ready');

async function taskmapWorker({
  url,
  queue,
  concurrency,
  threads,
  storeFolder,
}: WorkerOrder): Promise<() => Promise<void>> {
  const worker = await startWorker({
    connection: url,
    queue,
    concurrency,
    threads,
    modules: [new URL('./tasks.js', import.meta.url)],
    valueStore: storeFolder === undefined ? undefined : new FolderStore(storeFolder),
    onLog: (line) => {
      if (line.startsWith('error') || line.startsWith('refused')) console.error(line);
    },
  });
  return () => worker.close();
}

async function bareWorker({ url, queue, concurrency }: WorkerOrder): Promise<() => Promise<void>> {
  const process = async ({ data: { task, results } }: { readonly data: BareJob }) =>
    task === undefined || results.length > 0 ? mixed(...results) : first({ task: `task-${task}` });
  const worker = url.startsWith('redis')
    ? new Worker(queue, process, { connection: { url }, concurrency })
    : new (withBackend(createPostgresBackend).Worker)(queue, process, {
        connection: { connectionString: url, migrate: true, max: 4 },
        concurrency,
      });
  worker.on('error', (error) => console.error(error));
  await worker.waitUntilReady();
  return () => worker.close();
}
