import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ParallelAsyncExecutor, ParallelExecutor, taskModule } from 'taskmap-ts';

import { describe, expect, it } from 'vitest';
import { made, started, ThreadGate, waitAtGate } from '../executors/thread-harness.js';
import type { Seen } from './fixtures/traced-tasks.js';
import { graphOf, idOf, isError, msOf, recordEachSpec, recorder, tracing } from './recorder.js';

const tasks = taskModule<typeof import('./fixtures/traced-tasks.js')>(
  new URL('./fixtures/traced-tasks.ts', import.meta.url),
);

recordEachSpec();

/** Where a task should find itself: its span on this thread. */
function placeOf(name: string): Seen {
  const { traceId, spanId } = recorder.span(name).spanContext();
  return { traceId, spanId };
}

describe('on a worker thread', () => {
  it('the active span is that of the task, whether the function returns a promise or not', async () => {
    await using executor = new ParallelExecutor({ workers: 2 });
    tracing.listen(executor);
    const graph = graphOf({ name: 'now', run: tasks.active }, { name: 'later', run: tasks.activeLater });
    await executor.run(graph);
    expect(graph.result('now')).toEqual(placeOf('task now'));
    expect(graph.result('later')).toEqual(placeOf('task later'));
    expect(recorder.tree()[0]).toBe('run site');
    for (const name of ['now', 'later']) {
      expect(recorder.span(`attempt 1 of ${name}`).parentSpanContext?.spanId).toBe(idOf(recorder.span(`task ${name}`)));
      expect(recorder.span(`attempt 1 of ${name}`).attributes['taskmap.thread']).toMatch(/^\d+$/);
    }
  });

  it('a span that a task begins is below that of the task, in the same trace', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    tracing.listen(executor);
    const graph = graphOf({ name: 'a', run: tasks.works }, { name: 'b', run: tasks.works, after: ['a'] });
    await recorder.tracer.startActiveSpan('request', async (request) => {
      await executor.run(graph);
      request.end();
    });
    const { traceId } = recorder.span('request').spanContext();
    for (const name of ['a', 'b'])
      expect(graph.result(name)).toEqual({ traceId, parentId: idOf(recorder.span(`task ${name}`)) });
  });

  it('nothing is active once nobody traces, nor in a run that is not traced', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    tracing.listen(executor);
    const graph = graphOf({ name: 'a', run: tasks.active });
    await executor.run(graph);
    expect(graph.result('a')).toEqual(placeOf('task a'));
    tracing.close();
    await executor.run(graph.reset('a'));
    expect(graph.result('a')).toEqual({ traceId: undefined, spanId: undefined });
  });

  // t0 ─► t1 ─► … ─► t99
  it('tasks that are sent before their inputs exist find their own span, linked to the one before', async () => {
    await using executor = new ParallelExecutor({ workers: 2 });
    await executor.warmUp();
    const names = Array.from({ length: 100 }, (_, index) => `t${index}`);
    const graph = graphOf(
      ...names.map((name, index) => ({ name, run: tasks.active, after: index === 0 ? [] : [names[index - 1]!] })),
    );
    // The first time nobody knows how short they are.
    await executor.run(graph);
    tracing.listen(executor);
    await executor.run(graph.reset(...names));
    for (const name of names) expect(graph.result(name)).toEqual(placeOf(`task ${name}`));
    for (const [index, name] of names.entries())
      expect(recorder.linked(`task ${name}`)).toEqual(index === 0 ? [] : [`task t${index - 1}`]);
    // A task that is sent has a span before it begins.
    const ahead = names
      .slice(1)
      .filter(
        (name, index) => msOf(recorder.span(`task ${name}`).startTime) < msOf(recorder.span(`task t${index}`).endTime),
      );
    expect(ahead.length).toBeGreaterThan(0);
  });

  it('of io-bound tasks as well', async () => {
    await using executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread' });
    tracing.listen(executor);
    const names = Array.from({ length: 20 }, (_, index) => `t${index}`);
    const graph = graphOf(...names.map((name) => ({ name, run: tasks.activeLater, ioBound: true })));
    await executor.run(graph);
    for (const name of names) expect(graph.result(name)).toEqual(placeOf(`task ${name}`));
  });

  it('a task that is tried again stays where it was', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    tracing.listen(executor);
    const graph = graphOf({ name: 'a', run: tasks.failing, retry: 2 });
    await executor.run(graph);
    expect(recorder.tree()).toEqual(['run site', '  task a', '    attempt 1 of a', '    attempt 2 of a']);
    expect(recorder.spans.every(isError)).toBe(true);
    expect(graph.failure('a')).toMatchObject({ seen: placeOf('task a') });
  });

  it('a task runs as ever where headers cannot be read', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    tracing.listen(executor);
    const graph = graphOf(
      { name: 'breaks', run: tasks.breakPropagator },
      { name: 'a', run: tasks.active, after: ['breaks'] },
    );
    await executor.run(graph);
    expect(graph.result('a')).toEqual({ traceId: undefined, spanId: undefined });
  });

  it('attempts that a subclass sends one by one find the span of the attempt', async () => {
    class OneByOne extends ParallelExecutor {
      protected override runAttempt(...args: Parameters<ParallelExecutor['runAttempt']>): unknown {
        return super.runAttempt(...args);
      }
    }
    await using executor = new OneByOne({ workers: 1 });
    tracing.listen(executor);
    const graph = graphOf({ name: 'a', run: tasks.active });
    await executor.run(graph);
    expect(graph.result('a')).toEqual(placeOf('attempt 1 of a'));
  });
});

describe('what becomes of threads and runs', () => {
  const gate = new ThreadGate();

  it('a task whose thread dies has an attempt that was interrupted, and another one', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    tracing.listen(executor);
    const view = new Int32Array(new SharedArrayBuffer(4));
    const dies = made(
      '(view) => { if (Atomics.add(view, 0, 1) < 1) process.kill ? process.reallyExit(1) : 0; return 7; }',
    );
    const graph = graphOf(
      { name: 'view', run: () => view, onMainThread: true },
      { name: 'a', run: dies, dependsOn: ['view'] },
    );
    await executor.run(graph);
    expect(graph.result('a')).toBe(7);
    const span = recorder.span('task a');
    expect(isError(span)).toBe(false);
    expect(span.events.map(({ name }) => name)).toEqual(['taskmap.interrupted']);
    expect(span.attributes['taskmap.status']).toBe('done');
  });

  it('a task that was sent and never began has a span of no length', async () => {
    await using executor = new ParallelExecutor({ workers: 1, graceMs: 0 });
    tracing.listen(executor);
    const graph = graphOf(
      gate.task,
      { name: 'waits', run: waitAtGate, dependsOn: ['gate'] },
      { name: 'behind', run: made('() => 1'), dependsOn: ['gate'] },
    );
    const controller = new AbortController();
    const hasStarted = started(executor, 'waits');
    const run = executor.run(graph, { signal: controller.signal });
    const aborted = expect(run).rejects.toThrow();
    await hasStarted;
    controller.abort(new Error('enough'));
    await aborted;
    expect(recorder.span('task waits').attributes['taskmap.status']).toBe('pending');
    expect(recorder.span('attempt 1 of waits').attributes['taskmap.status']).toBe('interrupted');
    const behind = recorder.spans.filter(({ name }) => name.includes('behind'));
    expect(behind.map(({ name, duration, attributes }) => [name, duration, attributes['taskmap.status']])).toEqual([
      ['task behind', [0, 0], 'pending'],
    ]);
  });

  it('an argument that cannot be sent fails the attempt that needs it', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    tracing.listen(executor);
    const graph = graphOf(
      { name: 'fn', run: () => () => 1, onMainThread: true },
      { name: 'a', run: made('(fn) => fn()'), dependsOn: ['fn'] },
    );
    await executor.run(graph);
    expect(recorder.tree()).toEqual(['run site', '  task fn', '    attempt 1 of fn', '  task a', '    attempt 1 of a']);
    expect(isError(recorder.span('task a'))).toBe(true);
    expect(recorder.span('task a').attributes['error.type']).toBe('UnsendableError');
  });
});

describe('a program', () => {
  const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
  const run = async (...args: string[]) => {
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 50_000 });
    return { stdout: stdout.trim(), stderr };
  };

  it('may set up its threads by --import, for functions that are sent as text', async () => {
    const { stdout, stderr } = await run(
      '--import',
      'tsx',
      '--import',
      fixture('telemetry.mjs'),
      fixture('traced-run.mts'),
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('same trace: true, span of the task: true');
  });

  it('without @opentelemetry/api runs as ever, also on threads and with headers; only taskmap-ts/otel misses it', async () => {
    const { stdout, stderr } = await run(
      '--import',
      'tsx',
      '--import',
      fixture('without-api.mjs'),
      fixture('untraced-run.mts'),
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('headers: {"x-run":"1"}, taskmap-ts/otel: Cannot find package \'@opentelemetry/api\'');
  });
});
