import { InvalidOptionError } from '../errors.js';
import { ParallelExecutor } from './parallel-executor.js';
import type { ParallelExecutorOptions, ThreadPlan } from './parallel-options.js';

/** How a {@link ParallelAsyncExecutor} works. */
export interface ParallelAsyncExecutorOptions extends ParallelExecutorOptions {
  /** How many io-bound attempts may be under way at once: an integer of 1 or more, or `Infinity`, the default. */
  readonly ioConcurrency?: number | undefined;
  /**
   * Where io-bound tasks run. On the `'main'` thread, the default, nothing is copied and they may use what is around them. On a `'thread'` of their own they
   * leave the main thread free.
   */
  readonly io?: 'main' | 'thread' | undefined;
}

/**
 * Runs io-bound tasks side by side on an event loop, and all others on worker threads, one at a time on each: waiting overlaps, and every core is busy.
 *
 * @example
 * import { ParallelAsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const words = ['to', 'be'];
 * const graph = new TaskGraphBuilder()
 *   .task('text', async () => words.join(' ')).ioBound()
 *   .task('length').dependsOn('text').run((text) => text.length)
 *   .build();
 * const executor = new ParallelAsyncExecutor({ workers: 2, ioConcurrency: 20 });
 * await executor.run(graph);
 * graph.result('length'); // => 5
 * await executor.close();
 */
export class ParallelAsyncExecutor<Tasks extends object = any> extends ParallelExecutor<Tasks> {
  readonly ioConcurrency: number;

  /** @throws {@link InvalidOptionError} */
  constructor(options: ParallelAsyncExecutorOptions = {}) {
    const { ioConcurrency = Number.POSITIVE_INFINITY, io = 'main' } = options;
    const fits = ioConcurrency === Number.POSITIVE_INFINITY || (Number.isInteger(ioConcurrency) && ioConcurrency >= 1);
    if (!fits) throw new InvalidOptionError('ioConcurrency', 'an integer of 1 or more, or Infinity', ioConcurrency);
    if (io !== 'main' && io !== 'thread') throw new InvalidOptionError('io', "'main' or 'thread'", io);
    super(options, io === 'main' ? onMain(ioConcurrency) : onThread(ioConcurrency));
    this.ioConcurrency = ioConcurrency;
  }
}

function onMain(ioConcurrency: number): ThreadPlan {
  return {
    mainConcurrency: ioConcurrency,
    ioConcurrency: 0,
    ioSlots: ioConcurrency,
    runsOnMainThread: ({ onMainThread, ioBound }) => onMainThread || ioBound,
  };
}

function onThread(ioConcurrency: number): ThreadPlan {
  return {
    mainConcurrency: Number.POSITIVE_INFINITY,
    ioConcurrency,
    ioSlots: ioConcurrency,
    runsOnMainThread: ({ onMainThread }) => onMainThread,
  };
}
