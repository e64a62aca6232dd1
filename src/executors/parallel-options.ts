import { InvalidOptionError } from '../errors.js';
import type { TaskSettings } from '../graph/task.js';
import { availableCores } from '../workers/available-cores.js';
import { WorkerPool } from '../workers/worker-pool.js';
import type { WorkerThreadOptions } from '../workers/worker-thread.js';
import { systemClock } from './clock.js';
import { reportUncaught } from './emitter.js';
import type { ExecutorOptions } from './executor.js';

/** How a {@link ParallelExecutor} works. */
export interface ParallelExecutorOptions extends ExecutorOptions, WorkerThreadOptions {
  /** How many worker threads there may be: an integer from 1 to 200. Default: as many as have a
   * core, by the quota of the container if it is one, at most 200. */
  readonly workers?: number | undefined;
  /** How long an attempt that timed out or was aborted is given to settle, in milliseconds, before its thread is ended. Default 1000. */
  readonly graceMs?: number | undefined;
}

/** @internal How the executors with threads differ. */
export interface ThreadPlan {
  /** How many attempts may be under way at once on the main thread. */
  readonly mainConcurrency: number;
  /** How many may be under way on a thread for io-bound tasks; 0: there is none. */
  readonly ioConcurrency: number;
  /** How many io-bound attempts may be under way at once, besides one to each thread. */
  readonly ioSlots: number;
  readonly runsOnMainThread: (settings: TaskSettings) => boolean;
}

const WORKERS_MAX = 200;
/** @internal All but those that are to stay go to threads. */
export const ALL_ON_THREADS: ThreadPlan = {
  mainConcurrency: Number.POSITIVE_INFINITY,
  ioConcurrency: 0,
  ioSlots: 0,
  runsOnMainThread: ({ onMainThread }) => onMainThread,
};

/** @throws {@link InvalidOptionError} */
export function workerCount({ workers = Math.min(availableCores(), WORKERS_MAX) }: ParallelExecutorOptions): number {
  const fits = Number.isInteger(workers) && workers >= 1 && workers <= WORKERS_MAX;
  if (!fits) throw new InvalidOptionError('workers', `an integer from 1 to ${WORKERS_MAX}`, workers);
  return workers;
}

/** @internal The threads of an executor. */
export function poolOf(workers: number, { ioConcurrency }: ThreadPlan, options: ParallelExecutorOptions): WorkerPool {
  const { resourceLimits, workerScript, clock = systemClock } = options;
  return new WorkerPool({
    workers,
    ioConcurrency,
    resourceLimits,
    workerScript,
    now: () => clock.now(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
    stray: reportUncaught,
  });
}
