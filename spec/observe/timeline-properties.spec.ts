import fc from 'fast-check';
import { AsyncExecutor, ParallelAsyncExecutor, type RunFinished, Timeline } from 'taskmap-ts';
import { expect, it, vi } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import {
  builderOf,
  DrawnError,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  type RandomGraph,
  randomGraph,
  resultOf,
} from '../support/random-graph.js';
import { expectSoundTrace } from './trace.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** Whatever ran, and however long each task took: what a timeline says of a run must hold together. */
function expectSound(timeline: Timeline, finished: RunFinished): void {
  const { runId, startedAtMs, durationMs, attemptCount } = finished;
  const summary = timeline.summary()!;
  const attempts = timeline.attempts();
  expect(summary).toMatchObject({ runId, attemptCount });
  expect(attempts).toHaveLength(attemptCount);
  for (const attempt of attempts) {
    expect(attempt.status).not.toBe('running');
    expect(attempt.readyAtMs).toBeGreaterThanOrEqual(startedAtMs);
    expect(attempt.startedAtMs).toBeGreaterThanOrEqual(attempt.readyAtMs);
    expect(attempt.endedAtMs).toBeGreaterThanOrEqual(attempt.startedAtMs);
    expect(attempt.endedAtMs).toBeLessThanOrEqual(finished.atMs);
  }
  expect(summary.durationMs).toBe(durationMs);
  expect(summary.criticalPathMs).toBeLessThanOrEqual(durationMs);
  expect(summary.efficiency).toBeLessThanOrEqual(1);
  if (summary.workMs > 0) expect(summary.efficiency).toBeGreaterThan(0);
  for (const { share } of timeline.threads()) expect(share >= 0 && share <= 1).toBe(true);
  expectSoundTrace(timeline.toChromeTrace());
}

it('what a timeline says of any graph holds together', async () => {
  const cases = fc.record({
    graph: randomGraph({ sizeMax: 16 }),
    durationsMs: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 16 }),
    concurrency: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ graph: drawn, durationsMs, concurrency }) => {
      const clock = new FakeClock();
      const executor = new AsyncExecutor({ clock, concurrency });
      const timeline = new Timeline().listen(executor);
      const graph = builderOf(drawn, (task) => {
        let calls = 0;
        return async (...args: unknown[]) => {
          calls++;
          await new Promise<void>((resolve) => clock.after(durationsMs[task.id % durationsMs.length]!, resolve));
          if (calls <= task.failures) throw new DrawnError(task.name, calls);
          return resultOf(task, args);
        };
      }).build();
      let finished: RunFinished | undefined;
      executor.on('run:finished', (record) => {
        finished = record;
      });
      const run = executor.run(graph);
      while (finished === undefined) await clock.advance(5);
      await run;
      expectSound(timeline, finished);
      expect(longestChainMs(drawn, timeline)).toBe(timeline.summary()!.criticalPathMs);
    }),
    propertyOptions(60),
  );
});

it('and of graphs that ran on threads', async () => {
  await using executor = new ParallelAsyncExecutor({ workers: 2 });
  await executor.warmUp();
  await fc.assert(
    fc.asyncProperty(randomGraph({ sizeMax: 12, failing: false }), async (drawn) => {
      using timeline = new Timeline().listen(executor);
      let finished: RunFinished | undefined;
      executor.once('run:finished', (record) => {
        finished = record;
      });
      await executor.run(builderOf(drawn, () => () => 1).build());
      expectSound(timeline, finished!);
    }),
    propertyOptions(40),
  );
});

/** The same by plain recursion. */
function longestChainMs({ tasks }: RandomGraph, timeline: Timeline): number {
  const seen = new Map(timeline.tasks().map((task) => [task.task, task]));
  const untilMs = (id: number): number => {
    const { name, dependsOn, after } = tasks[id]!;
    const task = seen.get(name);
    if (task === undefined || task.attempts.length === 0) return 0;
    return task.durationMs + task.delayedMs + Math.max(0, ...[...dependsOn, ...after].map(untilMs));
  };
  return Math.max(0, ...tasks.map(({ id }) => untilMs(id)));
}
