import { startWorker, type WorkerOptions } from '../../../src/bullmq/bullmq.js';

/*
 * A worker in a process of its own. It is given its options as JSON, says what happens to it line by line, and closes when it is told so by SIGTERM:
 *
 *   ready: …    closing: …    closed
 */
const options: WorkerOptions = JSON.parse(process.argv[2]!);
const worker = await startWorker({ ...options, onLog: (line) => console.log(line) });
process.once('SIGTERM', () => void worker.close());
