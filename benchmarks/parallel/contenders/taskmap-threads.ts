import {
  AsyncExecutor,
  ParallelAsyncExecutor,
  ParallelExecutor,
  type TaskFunction,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskModule,
  taskModule,
} from 'taskmap-ts';
import type { Kernel, ThreadGraph } from '../thread-graph.js';
import { type OpenContender, THREADS, type ThreadContender } from './thread-contender.js';

export const PARALLEL = 'taskmap parallel';
export const PARALLEL_LISTENERS = 'taskmap parallel, listeners';
export const ON_MAIN = 'taskmap async';
export const IO_ON_MAIN = 'taskmap parallel async';
export const IO_ON_THREAD = "taskmap parallel async, io: 'thread'";

export const parallel: ThreadContender = {
  name: PARALLEL,
  open: () => opened(new ParallelExecutor({ workers: THREADS })),
};
export const async: ThreadContender = { name: ON_MAIN, open: () => opened(new AsyncExecutor()) };
export const ioOnMain: ThreadContender = {
  name: IO_ON_MAIN,
  open: () => opened(new ParallelAsyncExecutor({ workers: THREADS })),
};
export const ioOnThread: ThreadContender = {
  name: IO_ON_THREAD,
  open: () => opened(new ParallelAsyncExecutor({ workers: THREADS, io: 'thread' })),
};

/** Listeners that do next to nothing, so that what is measured is the telling. */
export const parallelListeners: ThreadContender = {
  name: PARALLEL_LISTENERS,
  open() {
    const executor = new ParallelExecutor({ workers: THREADS });
    let heard = 0;
    executor.on('task:started', () => {
      heard++;
    });
    executor.on('task:done', () => {
      heard++;
    });
    return opened(executor, (size) => {
      if (heard !== 2 * size) throw new Error(`${heard} events were heard of ${size} tasks.`);
      heard = 0;
    });
  },
};

async function opened(executor: AsyncExecutor, checkHeard: (size: number) => void = () => {}): Promise<OpenContender> {
  if (executor instanceof ParallelExecutor) await executor.warmUp();
  return {
    prepare(threadGraph) {
      const { tasks } = threadGraph;
      const graph = graphOf(threadGraph);
      return {
        reset: () => graph.resetAll(),
        async run() {
          const { counts } = await executor.run(graph);
          if (counts.done !== tasks.length) throw new Error(`${counts.done} of ${tasks.length} tasks are done.`);
          checkHeard(tasks.length);
          return (task) => graph.result(tasks[task]!.name);
        },
      };
    },
    close: () => executor.close(),
  };
}

export function graphOf({ tasks }: ThreadGraph): TaskGraph {
  const builder = new TaskGraphBuilder();
  for (const { name, kernel, amount, dependencies, ioBound } of tasks) {
    const dependsOn = dependencies.map((dependency) => tasks[dependency]!.name);
    // What is known here is not asked of a thread.
    if (kernel === 'constant') builder.add({ name, run: () => amount, onMainThread: true });
    else builder.add({ name, run: kernelsFor(amount)[kernel], dependsOn, ioBound });
  }
  return builder.build();
}

const modules = new Map<number, TaskModule<Record<Kernel, TaskFunction>>>();

function kernelsFor(amount: number): TaskModule<Record<Kernel, TaskFunction>> {
  let module = modules.get(amount);
  if (module === undefined) {
    module = taskModule<Record<Kernel, TaskFunction>>(
      new URL(`../threads/for-taskmap.mjs?amount=${amount}`, import.meta.url),
    );
    modules.set(amount, module);
  }
  return module;
}
