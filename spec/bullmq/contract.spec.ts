import { BullMQExecutor, startWorker, type TaskWorker } from 'taskmap-ts/bullmq';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { OF_BYTES, OF_IDENTITY, OF_THE_MOMENT, OF_TIME } from '../contract/elsewhere.js';
import { executorContract } from '../contract/executor.contract.js';
import { sentToThisProcess } from './closures.js';
import { BACKENDS, QueueBench } from './queue-bench.js';

// Its functions have all the same text.
const OF_TEXTS = [
  'looks at the text of functions unless it is told not to',
  'runs a bound function again where it is to look at the text of functions',
];
// That a task has begun is known a while after it has.
const OF_BEGINNINGS = [
  'whose bytes cannot be read fails the task that takes them if another has begun that waited for it',
];
const NOT_THROUGH_A_QUEUE: ReadonlySet<string> = new Set([
  ...[...OF_TEXTS, ...OF_BEGINNINGS, ...OF_BYTES],
  ...[...OF_TIME, ...OF_IDENTITY, ...OF_THE_MOMENT],
]);

describe.each(BACKENDS)('$backend', (backend) => {
  describe.skipIf(!backend.isThere)(backend.title, () => {
    const bench = new QueueBench(backend);
    let worker: TaskWorker;
    beforeAll(async () => {
      await bench.start();
      worker = await startWorker({ connection: bench.url, queue: 'contract', threads: 1 });
    }, 60_000);
    afterAll(async () => {
      await worker?.close(0);
      await bench.stop();
    }, 60_000);

    const make = (options: object) => new BullMQExecutor({ connection: bench.url, queue: 'contract', ...options });
    // The functions of the contract are closures.
    executorContract({ name: 'BullMQExecutor', isAsync: true, taskOptions: { onMainThread: true }, make });

    describe('through the queue', () => {
      beforeEach(({ task, skip }) => {
        if (NOT_THROUGH_A_QUEUE.has(task.name)) skip();
      });
      executorContract({ name: 'BullMQExecutor', isAsync: true, sendable: sentToThisProcess, make });
    });
  });
});
