import fc from 'fast-check';
import {
  AsyncExecutor,
  ParallelAsyncExecutor,
  type RunOptions,
  SyncExecutor,
  type TaskGraph,
  type TaskStatus,
} from 'taskmap-ts';
import { Tracing } from 'taskmap-ts/otel';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  builderOf,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  type RandomGraph,
  randomGraph,
} from '../support/random-graph.js';
import { complaints, idOf, isError, msOf, Recorder, registerContexts, unregisterContexts } from './recorder.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });
beforeAll(registerContexts);
afterAll(unregisterContexts);

/** Whatever ran, and whatever came of it: each task that was heard of has one span, in its place, and nothing is left open. */
function expectSound(recorder: Recorder, drawn: RandomGraph, graph: TaskGraph): void {
  expect(complaints.splice(0)).toEqual([]);
  expect(recorder.spans.length).toBe(recorder.startedCount);
  const runs = recorder.spans.filter(({ parentSpanContext }) => parentSpanContext === undefined);
  expect(runs.map(({ name }) => name)).toEqual(['run random']);
  const run = runs[0]!;
  const ofTasks = recorder.spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === idOf(run));
  const ids = new Map(ofTasks.map((span) => [span.attributes['taskmap.task'] as string, idOf(span)]));
  expect(ids.size).toBe(ofTasks.length);
  const textOf = (name: string) => name.replace(/\p{Surrogate}/gu, '\uFFFD');
  for (const { name, dependsOn, after } of drawn.tasks) {
    const span = ofTasks.find(({ attributes }) => attributes['taskmap.task'] === textOf(name));
    const status: TaskStatus = graph.status(name);
    if (span === undefined) {
      expect(status).toBe('pending');
      continue;
    }
    expect(span.attributes['taskmap.status']).toBe(status);
    expect(isError(span)).toBe(status === 'failed');
    const dependencies = new Set([...dependsOn, ...after].map((id) => ids.get(textOf(drawn.tasks[id]!.name))));
    const linked = new Set(span.links.map(({ context }) => context.spanId));
    expect(linked.size).toBe(span.links.length);
    // One that is skipped may have dependencies of which nothing was heard yet.
    if (status === 'skipped') expect(dependencies).toEqual(new Set([...linked, ...dependencies]));
    else expect(linked).toEqual(dependencies);
    const attempts = recorder.spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === idOf(span));
    if (status === 'done' || status === 'failed')
      expect(attempts.map(({ attributes }) => attributes['taskmap.attempt'])).toEqual(attempts.map((_, i) => i + 1));
    for (const one of [span, ...attempts]) {
      expect(msOf(one.startTime)).toBeGreaterThanOrEqual(msOf(run.startTime));
      expect(msOf(one.endTime)).toBeLessThanOrEqual(msOf(run.endTime));
    }
  }
  const attemptCount = recorder.spans.length - ofTasks.length - 1;
  if (run.attributes['taskmap.status'] === 'finished')
    expect(attemptCount).toBe(run.attributes['taskmap.attempt_count']);
}

const cases = fc.record({
  graph: randomGraph({ sizeMax: 16 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  onFailure: fc.constantFrom('continue' as const, 'stop' as const, 'abort' as const),
});

it('the spans of any graph hold together, under AsyncExecutor', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ graph: drawn, concurrency, onFailure }) => {
      const recorder = new Recorder();
      const executor = new AsyncExecutor({ concurrency });
      using tracing = new Tracing({ tracer: recorder.tracer });
      tracing.listen(executor);
      const graph = builderOf(drawn).build();
      await settled(executor.run(graph, { onFailure }));
      expectSound(recorder, drawn, graph);
    }),
    propertyOptions(80),
  );
});

it('under SyncExecutor', () => {
  fc.assert(
    fc.property(cases, ({ graph: drawn, onFailure }) => {
      const recorder = new Recorder();
      const executor = new SyncExecutor();
      using tracing = new Tracing({ tracer: recorder.tracer });
      tracing.listen(executor);
      const graph = builderOf(drawn).build();
      const options: RunOptions = { onFailure };
      try {
        executor.run(graph, options);
      } catch {}
      expectSound(recorder, drawn, graph);
    }),
    propertyOptions(80),
  );
});

it('and on threads, whatever is sent ahead, fails, and is taken back', async () => {
  await using executor = new ParallelAsyncExecutor({ workers: 2 });
  await executor.warmUp();
  await fc.assert(
    fc.asyncProperty(cases, async ({ graph: drawn, onFailure }) => {
      const recorder = new Recorder();
      using tracing = new Tracing({ tracer: recorder.tracer });
      tracing.listen(executor);
      const graph = builderOf(drawn, ({ attempts, failures }) => (failures >= attempts ? fails : returns)).build();
      await settled(executor.run(graph, { onFailure }));
      expectSound(recorder, drawn, graph);
    }),
    propertyOptions(60),
  );
});

const fails = new Function('return () => { throw new Error("fails"); }')() as () => never;
const returns = new Function('return () => 1')() as () => number;

async function settled(run: Promise<unknown>): Promise<void> {
  await run.catch(() => {});
}
