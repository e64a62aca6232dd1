import fc from 'fast-check';
import type { TaskGraph } from 'taskmap-ts';
import type { BullMQExecutor } from 'taskmap-ts/bullmq';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PROPERTY_TIMEOUT_MS, propertyOptions, randomGraph } from '../support/random-graph.js';
import { expectModel, graphOf } from '../support/sent-graph.js';
import { BACKENDS, QueueBench } from './queue-bench.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** Notes what is told out of order. */
function watched(executor: BullMQExecutor, graph: TaskGraph): { readonly wrong: string[]; readonly started: string[] } {
  const done = new Set<string>();
  const seen = { wrong: [] as string[], started: [] as string[] };
  executor.on('task:started', ({ task }) => {
    seen.started.push(task);
    for (const dependency of graph.dependencies(task))
      if (!done.has(dependency)) seen.wrong.push(`${task} began before ${dependency} was done`);
  });
  executor.on('task:done', ({ task }) => {
    if (done.has(task)) seen.wrong.push(`${task} was done twice`);
    done.add(task);
  });
  return seen;
}

describe.each(BACKENDS)('$backend', (backend) => {
  describe.skipIf(!backend.isThere)(backend.title, () => {
    const bench = new QueueBench(backend);
    const runs = backend.backend === 'redis' ? 40 : 15;
    beforeAll(async () => {
      await bench.start();
      await bench.worker({ threads: 2, name: 'one' });
      await bench.worker({ threads: 1, name: 'another' });
    }, 60_000);
    afterAll(async () => {
      await bench.close();
      await bench.stop();
    }, 60_000);

    test.each([1, 3, 'auto'] as const)(
      'comes to what the model comes to, with chunks of %s, and never starts a task before its dependencies',
      async (chunk) => {
        const property = fc.asyncProperty(randomGraph({ sizeMax: 24 }), async (drawn) => {
          const graph = graphOf(drawn);
          await using executor = bench.executor({ chunk });
          const seen = watched(executor, graph);
          const report = await executor.run(graph);
          expectModel(graph, drawn);
          expect(seen.wrong).toEqual([]);
          expect(report.attemptCount).toBe(seen.started.length);
        });
        await fc.assert(property, propertyOptions(runs));
      },
    );

    test('comes to the same when it hears nothing', async () => {
      const property = fc.asyncProperty(randomGraph({ sizeMax: 12 }), async (drawn) => {
        const graph = graphOf(drawn);
        await using executor = bench.executor({ events: false, sweepMs: 20 });
        await executor.run(graph);
        expectModel(graph, drawn);
      });
      await fc.assert(property, propertyOptions(Math.ceil(runs / 4)));
    });

    test('interrupted at a random moment, it comes to the same when it is run again', async () => {
      const property = fc.asyncProperty(
        randomGraph({ sizeMin: 4, sizeMax: 24, failing: false }),
        fc.integer({ min: 0, max: 23 }),
        fc.constantFrom(undefined, 'nightly'),
        async (drawn, after, runId) => {
          const graph = graphOf(drawn);
          await using executor = bench.executor({ runId: runId && `${runId} ${Math.random()}` });
          const controller = new AbortController();
          let seen = 0;
          executor.on('task:done', () => {
            if (seen++ === after) controller.abort(new Error('enough'));
          });
          await executor.run(graph, { signal: controller.signal }).catch(() => {});
          expect(graph.counts().running).toBe(0);
          await executor.run(graph);
          expectModel(graph, drawn);
        },
      );
      await fc.assert(property, propertyOptions(Math.ceil(runs / 2)));
    });

    test('left at a random moment, a run of the same id takes up what is there and comes to the same', async () => {
      const property = fc.asyncProperty(
        randomGraph({ sizeMin: 4, sizeMax: 24, failing: false }),
        fc.integer({ min: 0, max: 23 }),
        fc.constantFrom(1, 4),
        async (drawn, after, chunk) => {
          const runId = `left ${Math.random()}`;
          const first = bench.executor({ runId, chunk });
          const controller = new AbortController();
          const done = new Set<string>();
          first.on('task:done', ({ task }) => {
            done.add(task);
            if (done.size > after) controller.abort(new Error('enough'));
          });
          await first.run(graphOf(drawn), { signal: controller.signal }).catch(() => {});
          await first.close();

          const graph = graphOf(drawn);
          await using second = bench.executor({ runId, chunk });
          await second.run(graph);
          expectModel(graph, drawn);
        },
      );
      await fc.assert(property, propertyOptions(Math.ceil(runs / 2)));
    });
  });
});
