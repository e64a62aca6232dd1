import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { type Attempt, type Executor, ParallelAsyncExecutor, ParallelExecutor } from 'taskmap-ts';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { PROPERTY_TIMEOUT_MS, propertyOptions, randomGraph } from '../support/random-graph.js';
import { expectModel, graphOf } from '../support/sent-graph.js';
import { validateRuns } from '../support/validated-runs.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });
validateRuns();

/** The threads of this process that live, to be ended from outside. */
const threads = new Set<Worker>();
process.on('worker', (thread: Worker) => {
  threads.add(thread);
  thread.once('exit', () => threads.delete(thread));
});

/** Sends attempts one by one, as whoever has something to do before or after each does. */
class OneByOne extends ParallelAsyncExecutor {
  protected override async runAttempt(attempt: Attempt): Promise<unknown> {
    return await super.runAttempt(attempt);
  }
}

const EXECUTORS: readonly [string, () => Executor][] = [
  ['ParallelExecutor', () => new ParallelExecutor({ workers: 2 })],
  ['ParallelAsyncExecutor, io on the main thread', () => new ParallelAsyncExecutor({ workers: 2 })],
  ['ParallelAsyncExecutor, io on a thread', () => new ParallelAsyncExecutor({ workers: 2, io: 'thread' })],
  ['a subclass of ParallelAsyncExecutor', () => new OneByOne({ workers: 2 })],
];

describe.each(EXECUTORS)('%s', (_, make) => {
  const executor = make();
  afterAll(() => executor.close());

  test('comes to what the model comes to, and never starts a task before its dependencies are done', async () => {
    const property = fc.asyncProperty(randomGraph({ sizeMax: 24 }), async (drawn) => {
      const graph = graphOf(drawn);
      const done = new Set<string>();
      const started: string[] = [];
      const onStarted = ({ task }: { task: string }) => {
        started.push(task);
        for (const dependency of graph.dependencies(task)) expect(done.has(dependency)).toBe(true);
      };
      const onDone = ({ task }: { task: string }) => void done.add(task);
      executor.on('task:started', onStarted).on('task:done', onDone);
      const report = await executor.run(graph);
      executor.off('task:started', onStarted).off('task:done', onDone);
      expectModel(graph, drawn);
      expect(report.attemptCount).toBe(started.length);
    });
    await fc.assert(property, propertyOptions(60));
  });

  test('comes to the same when threads are ended meanwhile', async () => {
    const property = fc.asyncProperty(
      randomGraph({ sizeMin: 4, sizeMax: 24 }),
      fc.integer({ min: 0, max: 23 }),
      fc.nat(1),
      async (drawn, after, which) => {
        const graph = graphOf(drawn);
        let seen = 0;
        const kill = () => {
          if (seen++ === after) void [...threads][which]?.terminate();
        };
        executor.on('task:done', kill);
        await executor.run(graph);
        executor.off('task:done', kill);
        expectModel(graph, drawn);
      },
    );
    await fc.assert(property, propertyOptions(20));
  });

  test('interrupted at a random moment, it comes to the same when it is run again', async () => {
    const property = fc.asyncProperty(
      randomGraph({ sizeMin: 4, sizeMax: 24, failing: false }),
      fc.integer({ min: 0, max: 23 }),
      async (drawn, after) => {
        const graph = graphOf(drawn);
        const controller = new AbortController();
        let seen = 0;
        const abort = () => {
          if (seen++ === after) controller.abort(new Error('enough'));
        };
        executor.on('task:done', abort);
        await Promise.resolve(executor.run(graph, { signal: controller.signal })).catch(() => {});
        executor.off('task:done', abort);
        expect(graph.counts().running).toBe(0);
        await executor.run(graph);
        expectModel(graph, drawn);
      },
    );
    await fc.assert(property, propertyOptions(40));
  });
});
