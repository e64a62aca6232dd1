import { type Span, type Tracer, trace } from '@opentelemetry/api';
import {
  AsyncExecutor,
  InvalidOptionError,
  MemoryStore,
  type Observed,
  SyncExecutor,
  type TaskContext,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { Tracing } from 'taskmap-ts/otel';
import { describe, expect, it } from 'vitest';
import { ORIGIN_MS, Timed } from '../observe/timed.js';
import { Gate } from '../support/gate.js';
import { HOSTILE_NAMES } from '../support/random-graph.js';
import { exceptionsOf, graphOf, isError, msOf, recordEachSpec, recorder, tracing } from './recorder.js';

recordEachSpec();

const thrower = (error: unknown) => () => {
  throw error;
};

describe('the spans of a run', () => {
  // fetch ─► parse ─► page
  //   └────► style ────┘
  const site = () =>
    graphOf(
      { name: 'fetch', run: () => 'secret', ioBound: true },
      { name: 'parse', run: () => 1, dependsOn: ['fetch'] },
      { name: 'style', run: () => 2, dependsOn: ['fetch'] },
      { name: 'page', run: () => 3, dependsOn: ['parse'], after: ['style'] },
    );

  it('are one for the run, one below for each task, and one below that for each attempt', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    executor.run(site());
    expect(recorder.tree()).toEqual([
      'run site',
      ...['fetch', 'parse', 'style', 'page'].flatMap((task) => [`  task ${task}`, `    attempt 1 of ${task}`]),
    ]);
    expect(new Set(recorder.spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(recorder.spans.filter(isError)).toEqual([]);
  });

  it('of tasks are linked to those of their dependencies', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    executor.run(site());
    expect(recorder.linked('task fetch')).toEqual([]);
    expect(recorder.linked('task parse')).toEqual(['task fetch']);
    expect(recorder.linked('task page')).toEqual(['task parse', 'task style']);
    expect(recorder.span('task page').links.map(({ attributes }) => attributes)).toEqual([
      { 'taskmap.task': 'parse' },
      { 'taskmap.task': 'style' },
    ]);
  });

  it('say what they are of, and never what came of it', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    const { runId } = executor.run(site());
    const ofRun = { 'taskmap.graph': 'site', 'taskmap.run.id': runId };
    expect(recorder.span('run site').attributes).toEqual({
      ...ofRun,
      'taskmap.task_count': 4,
      'taskmap.status': 'finished',
      'taskmap.attempt_count': 4,
      'taskmap.done_count': 4,
      'taskmap.failed_count': 0,
      'taskmap.skipped_count': 0,
      'taskmap.pending_count': 0,
    });
    expect(recorder.span('task fetch').attributes).toEqual({
      ...ofRun,
      'taskmap.task': 'fetch',
      'taskmap.io_bound': true,
      'taskmap.status': 'done',
      'taskmap.source': 'run',
      'taskmap.attempt_count': 1,
    });
    expect(recorder.span('task page').attributes['taskmap.io_bound']).toBe(false);
    expect(recorder.span('attempt 1 of fetch').attributes).toEqual({
      'taskmap.task': 'fetch',
      'taskmap.attempt': 1,
      'taskmap.thread': 'main',
      'taskmap.status': 'done',
    });
    expect(
      JSON.stringify(recorder.spans.map(({ attributes, events, links, name }) => [attributes, events, links, name])),
    ).not.toContain('secret');
  });

  it('are as long as the clock of the executor says', async () => {
    const timed = new Timed([
      { name: 'fetch', takesMs: 20, failures: 1, retry: { attempts: 2, delayMs: 30 } },
      { name: 'parse', takesMs: 5, dependsOn: ['fetch'] },
    ]);
    tracing.listen(timed.executor);
    await timed.run();
    const times = Object.fromEntries(
      recorder.spans.map(({ name, startTime, endTime }) => [
        name,
        [msOf(startTime) - ORIGIN_MS, msOf(endTime) - ORIGIN_MS],
      ]),
    );
    expect(times).toEqual({
      'run timed': [0, 75],
      'task fetch': [0, 70],
      'attempt 1 of fetch': [0, 20],
      'attempt 2 of fetch': [50, 70],
      'task parse': [70, 75],
      'attempt 1 of parse': [70, 75],
    });
    expect(recorder.span('task fetch').events.map(({ time }) => msOf(time) - ORIGIN_MS)).toEqual([20]);
  });

  it('are there once, however often an executor is listened to, and for each of several executors', () => {
    const executors = [new SyncExecutor(), new SyncExecutor()];
    for (const executor of [...executors, ...executors]) tracing.listen(executor);
    for (const executor of executors) executor.run(graphOf({ name: 'a', run: () => 1 }));
    expect(recorder.tree()).toEqual([
      'run site',
      '  task a',
      '    attempt 1 of a',
      'run site',
      '  task a',
      '    attempt 1 of a',
    ]);
  });

  it('begin anew when the graph is run again, and are of what is run then', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    const graph = site();
    executor.run(graph);
    recorder.clear();
    executor.run(graph.reset('page'));
    expect(recorder.tree()).toEqual(['run site', '  task page', '    attempt 1 of page']);
    expect(recorder.linked('task page')).toEqual([]);
  });

  it('are two for each task but for attempts, if they are not asked for', () => {
    using plain = new Tracing({ tracer: recorder.tracer, attempts: false });
    const executor = new SyncExecutor();
    plain.listen(executor);
    let calls = 0;
    const flaky = () => {
      if (++calls < 3) throw new RangeError(`call ${calls}`);
    };
    executor.run(graphOf({ name: 'a', run: flaky, retry: 3 }));
    expect(recorder.tree()).toEqual(['run site', '  task a']);
    const span = recorder.span('task a');
    expect(isError(span)).toBe(false);
    expect(span.events.map(({ name }) => name)).toEqual(['exception', 'taskmap.retry', 'exception', 'taskmap.retry']);
    expect(exceptionsOf(span).map((exception) => exception['exception.message'])).toEqual(['call 1', 'call 2']);
    expect(span.attributes).toMatchObject({ 'taskmap.thread': 'main', 'taskmap.attempt_count': 3 });
  });
});

describe('what fails', () => {
  it('has the status of an error and what was thrown, on the attempt and on the task', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    const cause = new TypeError('no route');
    executor.run(graphOf({ name: 'fetch', run: thrower(new RangeError('no rows', { cause })) }));
    for (const name of ['task fetch', 'attempt 1 of fetch']) {
      const span = recorder.span(name);
      expect(isError(span)).toBe(true);
      expect(span.status.message).toBe('RangeError: no rows');
      expect(span.attributes).toMatchObject({ 'taskmap.status': 'failed', 'error.type': 'RangeError' });
      const [exception] = exceptionsOf(span);
      expect(exception).toMatchObject({ 'exception.type': 'RangeError', 'exception.message': 'no rows' });
      expect(exception?.['exception.stacktrace']).toMatch(
        /^RangeError: no rows\n +at [\s\S]*\nCaused by: TypeError: no route\n +at /,
      );
    }
    expect(recorder.span('run site').status.message).toBe('"fetch" failed: RangeError: no rows');
    expect(isError(recorder.span('run site'))).toBe(true);
  });

  it('may be anything that can be thrown', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new Error('do not touch');
      },
    });
    const thrown = [
      undefined,
      null,
      0,
      '',
      'text',
      Symbol('s'),
      () => {},
      {},
      { name: 1, message: { a: 1 } },
      hostile,
      new Error('half \ud83d'),
    ];
    executor.run(graphOf(...thrown.map((error, index) => ({ name: `t${index}`, run: thrower(error) }))));
    for (const index of thrown.keys()) {
      const [exception] = exceptionsOf(recorder.span(`task t${index}`));
      expect(typeof exception?.['exception.type']).toBe('string');
      expect(isError(recorder.span(`attempt 1 of t${index}`))).toBe(true);
    }
    expect(exceptionsOf(recorder.span('task t4'))[0]).toMatchObject({
      'exception.type': 'string',
      'exception.message': 'text',
    });
    expect(exceptionsOf(recorder.span('task t10'))[0]?.['exception.message']).toBe('half \uFFFD');
    expect(recorder.span('run site').status.message).toMatch(/^"t0" failed: .*, and 10 more$/);
  });

  it('and is tried again is an error of that attempt alone, and an event of the task', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    let calls = 0;
    const flaky = () => {
      if (++calls < 2) throw new RangeError('not yet');
    };
    executor.run(graphOf({ name: 'a', run: flaky, retry: { attempts: 2, delayMs: 1 } }));
    expect(recorder.tree()).toEqual(['run site', '  task a', '    attempt 1 of a', '    attempt 2 of a']);
    expect(recorder.spans.filter(isError).map(({ name }) => name)).toEqual(['attempt 1 of a']);
    expect(recorder.span('attempt 1 of a').attributes['taskmap.status']).toBe('retried');
    expect(exceptionsOf(recorder.span('attempt 1 of a'))).toHaveLength(1);
    expect(recorder.span('task a').attributes).toMatchObject({ 'taskmap.status': 'done', 'taskmap.attempt_count': 2 });
    const events = recorder.span('task a').events.map(({ name, attributes }) => ({ name, ...attributes }));
    expect(events).toEqual([
      { name: 'taskmap.retry', 'taskmap.attempt': 1, 'taskmap.delay_ms': 1, 'error.type': 'RangeError' },
    ]);
  });

  // a* ─► b ─► c
  it('leaves a span of no length for each task that is skipped', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    executor.run(
      graphOf(
        { name: 'a', run: thrower(new Error('no')) },
        { name: 'b', run: () => 1, dependsOn: ['a'] },
        { name: 'c', run: () => 1, dependsOn: ['b'] },
      ),
    );
    expect(recorder.tree()).toEqual(['run site', '  task a', '    attempt 1 of a', '  task b', '  task c']);
    for (const name of ['task b', 'task c']) {
      const span = recorder.span(name);
      expect(isError(span)).toBe(false);
      expect(span.attributes).toMatchObject({ 'taskmap.status': 'skipped', 'taskmap.because': 'a' });
      expect(span.duration).toEqual([0, 0]);
    }
    expect(recorder.linked('task c')).toEqual(['task b']);
    expect(recorder.span('run site').attributes).toMatchObject({
      'taskmap.failed_count': 1,
      'taskmap.skipped_count': 2,
    });
  });

  it('and stops the run makes an error of it', async () => {
    const executor = new AsyncExecutor();
    tracing.listen(executor);
    const graph = graphOf({ name: 'a', run: thrower(new Error('no')) }, { name: 'b', run: () => 1, after: ['a'] });
    await expect(executor.run(graph, { onFailure: 'stop' })).rejects.toThrow();
    const { attributes, status } = recorder.span('run site');
    expect(attributes).toMatchObject({ 'taskmap.status': 'stopped', 'taskmap.reason': 'Error: no' });
    expect(status.message).toBe('"a" failed: Error: no');
    expect(isError(recorder.span('run site'))).toBe(true);
  });
});

describe('a run that breaks off', () => {
  it('is an error with what broke, whatever failed besides', async () => {
    class Full extends MemoryStore {
      override save(): never {
        throw new RangeError('the disk is full');
      }
    }
    const executor = new AsyncExecutor({ store: new Full(), concurrency: 1 });
    tracing.listen(executor);
    const graph = graphOf({ name: 'a', run: thrower(new Error('no')) }, { name: 'b', run: () => 1 });
    await expect(executor.run(graph)).rejects.toThrow('the disk is full');
    const { attributes, status, events } = recorder.span('run site');
    expect(attributes).toMatchObject({
      'taskmap.status': 'broken',
      'taskmap.reason': 'RangeError: the disk is full',
      'error.type': 'RangeError',
    });
    expect(status.message).toBe('RangeError: the disk is full');
    expect(events.map(({ name }) => name)).toEqual(['exception']);
  });
});

describe('an abort', () => {
  it('ends the spans of what it interrupts, and makes an error of the run alone', async () => {
    const timed = new Timed([
      { name: 'quick', takesMs: 10 },
      { name: 'slow', takesMs: 100, withContext: true },
      { name: 'never', takesMs: 1, dependsOn: ['slow'] },
    ]);
    tracing.listen(timed.executor);
    const controller = new AbortController();
    timed.clock.after(50, () => controller.abort(new Error('enough')));
    const run = (timed.executor as AsyncExecutor).run(timed.graph, { signal: controller.signal });
    const aborted = expect(run).rejects.toThrow();
    await timed.clock.advance(2000);
    await aborted;
    expect(recorder.tree()).toEqual([
      'run timed',
      '  task quick',
      '    attempt 1 of quick',
      '  task slow',
      '    attempt 1 of slow',
    ]);
    expect(recorder.spans.filter(isError).map(({ name }) => name)).toEqual(['run timed']);
    expect(recorder.span('attempt 1 of slow').attributes['taskmap.status']).toBe('interrupted');
    expect(recorder.span('task slow').attributes['taskmap.status']).toBe('pending');
    const [event] = recorder.span('task slow').events;
    expect(event).toMatchObject({
      name: 'taskmap.interrupted',
      attributes: { 'taskmap.attempt': 1, 'taskmap.reason': 'Error: enough' },
    });
    expect(recorder.span('task slow').endTime).toEqual(recorder.span('attempt 1 of slow').endTime);
    expect(recorder.span('run timed').attributes).toMatchObject({
      'taskmap.status': 'aborted',
      'taskmap.reason': 'Error: enough',
      'taskmap.pending_count': 2,
    });
    expect(recorder.span('run timed').status.message).toBe('aborted: Error: enough');
  });

  it('during the pause before a retry ends the task where its attempt ended', async () => {
    const timed = new Timed([{ name: 'a', takesMs: 10, failures: 1, retry: { attempts: 2, delayMs: 1000 } }]);
    tracing.listen(timed.executor);
    const controller = new AbortController();
    timed.clock.after(50, () => controller.abort());
    const aborted = expect(
      (timed.executor as AsyncExecutor).run(timed.graph, { signal: controller.signal }),
    ).rejects.toThrow();
    await timed.clock.advance(100);
    await aborted;
    expect(msOf(recorder.span('task a').endTime) - ORIGIN_MS).toBe(10);
    expect(msOf(recorder.span('run timed').endTime) - ORIGIN_MS).toBe(50);
  });
});

describe('a result that a store kept', () => {
  it('has a span of no length, and no attempt', async () => {
    const graph = () => graphOf({ name: 'a', run: () => 1 }, { name: 'b', run: (a: number) => a, dependsOn: ['a'] });
    const store = new MemoryStore();
    await new AsyncExecutor({ store }).run(graph());
    const executor = new AsyncExecutor({ store });
    tracing.listen(executor);
    await executor.run(graph());
    expect(recorder.names).toEqual(['task a', 'task b', 'run site']);
    expect(recorder.span('task a').attributes).toMatchObject({
      'taskmap.status': 'done',
      'taskmap.source': 'store',
      'taskmap.attempt_count': 0,
    });
    expect(recorder.span('task a').duration).toEqual([0, 0]);
    expect(recorder.linked('task b')).toEqual(['task a']);
  });
});

describe('progress', () => {
  const events = (name: string) => recorder.span(name).events.map(({ attributes }) => attributes);

  it('is events of the attempt', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    const run = ({ progress }: TaskContext) => {
      progress(0.5, 'half \ud83d');
      progress(1);
    };
    executor.run(graphOf({ name: 'a', run: run as never, withContext: true }));
    expect(events('attempt 1 of a')).toEqual([
      { 'taskmap.fraction': 0.5, 'taskmap.note': 'half \uFFFD' },
      { 'taskmap.fraction': 1 },
    ]);
    expect(recorder.span('attempt 1 of a').events[0]?.name).toBe('taskmap.progress');
  });

  it('is put down for each tenth, however often it is told', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    const run = ({ progress }: TaskContext) => {
      for (let step = 0; step <= 10_000; step++) progress(step / 10_000);
      for (let again = 0; again < 100; again++) progress(1);
    };
    executor.run(graphOf({ name: 'a', run: run as never, withContext: true }));
    expect(events('attempt 1 of a').map((attributes) => attributes?.['taskmap.fraction'])).toEqual([
      0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
    ]);
  });

  it('is put down 32 times at most', () => {
    const executor = new SyncExecutor();
    tracing.listen(executor);
    const run = ({ progress }: TaskContext) => {
      for (let step = 0; step <= 1000; step++) progress(0.5, `step ${step}`);
    };
    executor.run(graphOf({ name: 'a', run: run as never, withContext: true }));
    expect(events('attempt 1 of a')).toHaveLength(32);
  });
});

describe('names', () => {
  it('of any kind do no harm, and are well-formed in spans', () => {
    const executor = new SyncExecutor();
    for (const name of HOSTILE_NAMES) {
      recorder.clear();
      tracing.listen(executor);
      executor.run(
        new TaskGraphBuilder<any>({ name })
          .add({ name, run: thrower(new Error(name)) }, { name: `${name} b`, run: () => 1, after: [name] })
          .build(),
      );
      expect(recorder.spans).toHaveLength(4);
      for (const span of recorder.spans) {
        expect(span.name.length).toBeLessThan(150);
        const text = JSON.stringify([span.name, span.attributes, span.events, span.links, span.status]);
        expect(text).not.toMatch(/(?<!\\)\\ud[89a-f]/);
      }
      expect(recorder.spans[1]?.attributes['taskmap.task']).toBe(name === '\ud83d' ? '\uFFFD' : name);
    }
  });
});

describe('closing', () => {
  it('in the middle of a run ends what is open, and nothing is told from then on', async () => {
    const executor = new AsyncExecutor();
    tracing.listen(executor);
    const gate = new Gate<number>();
    const graph = graphOf({ name: 'a', run: gate.pass }, { name: 'b', run: () => 1, dependsOn: ['a'] });
    const run = executor.run(graph);
    await gate.started;
    tracing.close();
    tracing.close();
    expect(recorder.names).toEqual(['attempt 1 of a', 'task a', 'run site']);
    expect(recorder.span('run site').events.map(({ name }) => name)).toEqual(['taskmap.tracing_closed']);
    gate.open(1);
    await run;
    expect(graph.result('b')).toBe(1);
    expect(recorder.startedCount).toBe(3);
    expect(executor.listening).toBe(0);
  });

  it('leaves a run alone that had begun before it was listened to', async () => {
    const executor = new AsyncExecutor();
    const gate = new Gate<number>();
    const run = executor.run(graphOf({ name: 'a', run: gate.pass }, { name: 'b', run: () => 1, dependsOn: ['a'] }));
    await gate.started;
    tracing.listen(executor);
    gate.open(1);
    await run;
    expect(recorder.startedCount).toBe(0);
  });
});

describe('tracing', () => {
  it('takes the tracer that is registered when a run begins', async () => {
    using late = new Tracing();
    const executor = new SyncExecutor();
    late.listen(executor);
    executor.run(graphOf({ name: 'a', run: () => 1 }));
    const asked: string[] = [];
    const getTracer = (name: string) => {
      asked.push(name);
      return recorder.tracer;
    };
    trace.setGlobalTracerProvider({ getTracer });
    try {
      executor.run(graphOf({ name: 'a', run: () => 1 }));
    } finally {
      trace.disable();
    }
    expect(asked).toEqual(['taskmap-ts']);
    expect(recorder.tree()).toEqual(['run site', '  task a', '    attempt 1 of a']);
  });

  it('begins no span but that of the run where no SDK is', () => {
    let begun = 0;
    const none: Tracer = trace.getTracer('nobody');
    const counting: Tracer = {
      startSpan(...args): Span {
        begun++;
        return none.startSpan(...args);
      },
      startActiveSpan: () => expect.unreachable(),
    };
    using silent = new Tracing({ tracer: counting });
    const executor = new SyncExecutor();
    silent.listen(executor);
    const graph = graphOf(
      { name: 'a', run: () => trace.getActiveSpan() },
      { name: 'b', run: thrower(new Error('no')), retry: 2 },
    );
    executor.run(graph);
    expect(begun).toBe(1);
    expect(graph.result('a')).toBeUndefined();
    const parent = recorder.tracer.startSpan('request');
    executor.run(graph.reset('a'));
    parent.end();
    expect(begun).toBe(2);
  });

  it('is of whatever tells the same events', () => {
    const heard = new Map<string, (...args: any[]) => void>();
    const observed: Observed = {
      on: (event, listener) => heard.set(event, listener),
      off: (event) => heard.delete(event),
    };
    tracing.listen(observed);
    const executor = new SyncExecutor();
    for (const [event, listener] of heard) executor.on(event as 'task:done', listener);
    executor.run(graphOf({ name: 'a', run: () => 1 }));
    expect(recorder.tree()).toEqual(['run site', '  task a', '    attempt 1 of a']);
  });

  it('refuses options that are not what they should be', () => {
    expect(() => new Tracing({ tracer: {} as Tracer })).toThrow(InvalidOptionError);
    expect(() => new Tracing({ tracer: null as never })).toThrow('tracer');
    expect(() => new Tracing({ attempts: 'all' as never })).toThrow(InvalidOptionError);
  });
});
