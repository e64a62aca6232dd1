import {
  AsyncExecutor,
  type Executor,
  type RunReport,
  SyncExecutor,
  type TaskFunction,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import type { Shape } from '../shapes.js';
import { BARE_LOOP } from './bare-loop.js';
import type { Contender, Results } from './contender.js';
import { MEMOISED_PROMISES } from './memoised-promises.js';

export const SYNC = 'taskmap sync';
export const SYNC_LISTENERS = 'taskmap sync, listeners';
export const SYNC_ONCE = 'taskmap sync, built and run';
export const ASYNC = 'taskmap async';
export const ASYNC_ALL = 'taskmap async, listeners, signal, concurrency 1000';

/** A graph that has been built once, run without anybody listening. */
export const sync: Contender = {
  name: SYNC,
  peer: BARE_LOOP,
  prepare(shape) {
    const graph = built(shape, shape.functions);
    const executor = new SyncExecutor();
    return { reset: () => graph.resetAll(), run: () => checked(executor.run(graph), graph, shape) };
  },
};

export const syncListeners: Contender = {
  name: SYNC_LISTENERS,
  peer: BARE_LOOP,
  prepare(shape) {
    const graph = built(shape, shape.functions);
    const executor = new SyncExecutor();
    const heard = listenTo(executor);
    return {
      reset() {
        graph.resetAll();
        heard.reset();
      },
      run() {
        const report = executor.run(graph);
        heard.check(shape.size);
        return checked(report, graph, shape);
      },
    };
  },
};

/** What a graph costs that is run only once: the loop has its order given, here it is found too. */
export const syncOnce: Contender = {
  name: SYNC_ONCE,
  peer: BARE_LOOP,
  prepare: (shape) => ({
    run() {
      const graph = built(shape, shape.functions);
      return checked(new SyncExecutor().run(graph), graph, shape);
    },
  }),
};

export const async: Contender = {
  name: ASYNC,
  peer: MEMOISED_PROMISES,
  prepare(shape) {
    const graph = built(shape, shape.asyncFunctions);
    const executor = new AsyncExecutor();
    return { reset: () => graph.resetAll(), run: async () => checked(await executor.run(graph), graph, shape) };
  },
};

export const asyncAll: Contender = {
  name: ASYNC_ALL,
  peer: MEMOISED_PROMISES,
  prepare(shape) {
    const graph = built(shape, shape.asyncFunctions);
    const executor = new AsyncExecutor({ concurrency: 1000 });
    const heard = listenTo(executor);
    return {
      reset() {
        graph.resetAll();
        heard.reset();
      },
      async run() {
        const report = await executor.run(graph, { signal: new AbortController().signal });
        heard.check(shape.size);
        return checked(report, graph, shape);
      },
    };
  },
};

function built({ names, dependencies }: Shape, functions: readonly TaskFunction[]): TaskGraph {
  const builder = new TaskGraphBuilder();
  for (let task = 0; task < names.length; task++)
    builder.add({ name: names[task]!, run: functions[task]!, dependsOn: dependencies[task]! });
  return builder.build();
}

function checked(report: RunReport, graph: TaskGraph, { names, size }: Shape): Results {
  if (report.counts.done !== size) throw new Error(`${report.counts.done} of ${size} tasks are done.`);
  return (task) => graph.result(names[task]!);
}

/** Listeners that do next to nothing, so that what is measured is the telling. */
function listenTo(executor: Executor): { reset(): void; check(size: number): void } {
  let started = 0;
  let done = 0;
  executor.on('task:started', () => {
    started++;
  });
  executor.on('task:done', () => {
    done++;
  });
  return {
    reset() {
      started = 0;
      done = 0;
    },
    check(size) {
      if (started !== size || done !== size)
        throw new Error(`${started} tasks were told as started and ${done} as done, of ${size}.`);
    },
  };
}
