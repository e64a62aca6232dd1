import { context, propagation, type Span, trace } from '@opentelemetry/api';
import {
  AsyncExecutor,
  type Attempt,
  type Executor,
  ParallelAsyncExecutor,
  ParallelExecutor,
  SyncExecutor,
  type TaskContext,
  TaskGraphBuilder,
  type TaskSpec,
} from 'taskmap-ts';
import { Tracing } from 'taskmap-ts/otel';
import { describe, expect, it } from 'vitest';
import { graphOf, idOf, recordEachSpec, recorder, tracing } from './recorder.js';

recordEachSpec();

/** What a task's own instrumentation does. */
function work(name: string): void {
  recorder.tracer.startSpan(name).end();
}

async function waits(name: string): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  work(name);
}

const EXECUTORS: readonly (readonly [string, () => Executor, Partial<TaskSpec>])[] = [
  ['SyncExecutor', () => new SyncExecutor(), {}],
  ['AsyncExecutor', () => new AsyncExecutor(), {}],
  ['ParallelExecutor, on the main thread', () => new ParallelExecutor({ workers: 1 }), { onMainThread: true }],
  ['ParallelAsyncExecutor, of io-bound tasks', () => new ParallelAsyncExecutor({ workers: 1 }), { ioBound: true }],
];

describe.each(EXECUTORS)('%s', (_, newExecutor, options) => {
  it('has spans that a task begins below its attempt', async () => {
    await using executor = newExecutor();
    tracing.listen(executor);
    const graph = graphOf(
      { name: 'a', run: () => work('inside a'), ...options },
      { name: 'b', run: () => work('inside b'), after: ['a'], ...options },
    );
    await executor.run(graph);
    expect(recorder.tree()).toEqual([
      'run site',
      '  task a',
      '    attempt 1 of a',
      '      inside a',
      '  task b',
      '    attempt 1 of b',
      '      inside b',
    ]);
  });

  it('has those of each attempt below that one', async () => {
    await using executor = newExecutor();
    tracing.listen(executor);
    let calls = 0;
    const flaky = () => {
      work(`call ${++calls}`);
      if (calls < 3) throw new Error('not yet');
    };
    await executor.run(graphOf({ name: 'a', run: flaky, retry: 3, ...options }));
    for (const call of [1, 2, 3])
      expect(recorder.span(`call ${call}`).parentSpanContext?.spanId).toBe(idOf(recorder.span(`attempt ${call} of a`)));
  });

  it('has its run below the span that was active where it was begun, and leaves that active', async () => {
    await using executor = newExecutor();
    tracing.listen(executor);
    const active = await recorder.tracer.startActiveSpan('request', async (span: Span) => {
      await executor.run(graphOf({ name: 'a', run: () => 1, ...options }));
      span.end();
      return trace.getActiveSpan() === span;
    });
    expect(active).toBe(true);
    expect(recorder.tree()).toEqual(['request', '  run site', '    task a', '      attempt 1 of a']);
  });

  it('has tasks see the rest of that context, too', async () => {
    await using executor = newExecutor();
    tracing.listen(executor);
    const baggage = propagation.createBaggage({ tenant: { value: 'tea' } });
    const graph = graphOf({
      name: 'a',
      run: () => propagation.getActiveBaggage()?.getEntry('tenant')?.value,
      ...options,
    });
    await context.with(propagation.setBaggage(context.active(), baggage), () => executor.run(graph));
    expect(graph.result('a')).toBe('tea');
  });

  it('gives a task headers to hand on', async () => {
    await using executor = newExecutor();
    tracing.listen(executor);
    const graph = graphOf({
      name: 'a',
      run: (({ headers }: TaskContext) => headers) as never,
      withContext: true,
      ...options,
    });
    await executor.run(graph);
    const { traceId, spanId } = recorder.span('attempt 1 of a').spanContext();
    expect(graph.result('a')).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
    tracing.close();
    await executor.run(graph.reset('a'));
    expect(graph.result('a')).toEqual({});
  });

  it('has tasks see the span of their task where attempts have none', async () => {
    await using executor = newExecutor();
    using plain = new Tracing({ tracer: recorder.tracer, attempts: false });
    plain.listen(executor);
    await executor.run(graphOf({ name: 'a', run: () => work('inside'), ...options }));
    expect(recorder.tree()).toEqual(['run site', '  task a', '    inside']);
  });

  it('has a run that a task begins below its attempt', async () => {
    await using executor = newExecutor();
    const inner = new SyncExecutor();
    tracing.listen(executor).listen(inner);
    const run = () => void inner.run(new TaskGraphBuilder({ name: 'inner' }).task('b', () => work('inside b')).build());
    await executor.run(graphOf({ name: 'a', run, ...options }));
    expect(recorder.tree()).toEqual([
      'run site',
      '  task a',
      '    attempt 1 of a',
      '      run inner',
      '        task b',
      '          attempt 1 of b',
      '            inside b',
    ]);
  });

  it('leaves nothing active behind a task', async () => {
    await using executor = newExecutor();
    tracing.listen(executor);
    const seen: (Span | undefined)[] = [];
    executor.on('task:done', () => seen.push(trace.getActiveSpan()));
    await executor.run(
      graphOf({ name: 'a', run: () => 1, ...options }, { name: 'b', run: () => 1, after: ['a'], ...options }),
    );
    expect(seen).toEqual([undefined, undefined]);
    expect(trace.getActiveSpan()).toBeUndefined();
  });
});

describe('a task that waits', () => {
  it.each(EXECUTORS.slice(1))(
    'under %s has its own span active after that, whatever runs beside it',
    async (_, newExecutor, options) => {
      await using executor = newExecutor();
      tracing.listen(executor);
      const names = Array.from({ length: 20 }, (_, index) => `t${index}`);
      await executor.run(graphOf(...names.map((name) => ({ name, run: () => waits(`inside ${name}`), ...options }))));
      for (const name of names)
        expect(recorder.span(`inside ${name}`).parentSpanContext?.spanId).toBe(
          idOf(recorder.span(`attempt 1 of ${name}`)),
        );
    },
  );

  it('may begin a run, and wait for it, on the executor that runs it', async () => {
    const executor = new AsyncExecutor();
    tracing.listen(executor);
    const inner = () => new TaskGraphBuilder({ name: 'inner' }).task('b', () => waits('inside b')).build();
    await executor.run(graphOf({ name: 'a', run: async () => void (await executor.run(inner())) }));
    expect(recorder.tree().map((name) => name.trim())).toEqual([
      'run site',
      'task a',
      'attempt 1 of a',
      'run inner',
      'task b',
      'attempt 1 of b',
      'inside b',
    ]);
  });
});

describe('a runAttempt() of a subclass', () => {
  it('is within the span of the attempt', async () => {
    class Measuring extends AsyncExecutor {
      protected override async runAttempt(attempt: Attempt): Promise<unknown> {
        work('before');
        return super.runAttempt(attempt);
      }
    }
    const executor = new Measuring();
    tracing.listen(executor);
    await executor.run(graphOf({ name: 'a', run: () => work('inside') }));
    expect(recorder.tree()).toEqual(['run site', '  task a', '    attempt 1 of a', '      before', '      inside']);
  });
});

describe('closing', () => {
  it('in the middle of a run leaves tasks that begin later alone', async () => {
    const executor = new AsyncExecutor();
    tracing.listen(executor);
    const seen: (Span | undefined)[] = [];
    const look = ({ headers }: TaskContext) => {
      seen.push(trace.getActiveSpan());
      return headers;
    };
    const graph = graphOf(
      { name: 'a', run: () => tracing.close() },
      { name: 'b', run: look as never, withContext: true, after: ['a'] },
    );
    await executor.run(graph);
    expect(seen).toEqual([undefined]);
    expect(graph.result('b')).toEqual({});
  });
});
