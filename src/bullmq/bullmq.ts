/**
 * What `taskmap-ts/bullmq` exports. The reference shows it beside the rest: what its classes inherit links to names there.
 *
 * @mergeModuleWith index
 * @module
 */

export { CodeMismatchError, QueueError, WorkerLostError } from '../errors.js';
export { BullMQExecutor } from './bullmq-executor.js';
export type { BullMQExecutorOptions } from './bullmq-options.js';
export type { ValueOptions } from './carried-values.js';
export type { QueueOptions } from './queue-server.js';
export { startWorker, type TaskWorker, type WorkerHealth, type WorkerOptions } from './start-worker.js';
