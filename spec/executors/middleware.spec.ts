import { AsyncLocalStorage } from 'node:async_hooks';
import {
  AsyncExecutor,
  type AttemptRecord,
  type Executor,
  InvalidOptionError,
  type Middleware,
  ParallelAsyncExecutor,
  ParallelExecutor,
  SyncExecutor,
  type TaskContext,
} from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { PacedExecutor } from '../../examples/rate-limit/paced-executor.js';
import { task, thrower, uncaughtDuring } from '../contract/executor-harness.js';
import { Gate } from '../support/gate.js';
import { graphOf, made } from './thread-harness.js';

const around = (name: string, told: string[]): Middleware => ({
  around: ({ task, attempt }, call) => {
    told.push(`${name} before ${task} ${attempt}`);
    const returned = call();
    told.push(`${name} behind ${task} ${attempt}`);
    return returned;
  },
});

describe.each([
  ['SyncExecutor', () => new SyncExecutor(), {}],
  ['AsyncExecutor', () => new AsyncExecutor(), {}],
  ['ParallelExecutor', () => new ParallelExecutor({ workers: 1 }), { onMainThread: true }],
  ['ParallelAsyncExecutor', () => new ParallelAsyncExecutor({ workers: 1 }), { ioBound: true }],
  ['PacedExecutor, whose place is this thread', () => new PacedExecutor({ gapMs: 0 }), {}],
] as readonly [string, () => Executor, object][])('middleware of %s', (_, newExecutor, options) => {
  it('is around each attempt, the first one outermost', async () => {
    await using executor = newExecutor();
    const told: string[] = [];
    executor.use(around('first', told));
    executor.use(around('second', told));
    let calls = 0;
    const flaky = () => {
      told.push('call');
      if (++calls < 2) throw new Error('not yet');
      return 7;
    };
    const graph = graphOf(task('a', flaky, { retry: 2, ...options }));
    await executor.run(graph);
    expect(graph.result('a')).toBe(7);
    expect(told).toEqual([
      ...['first before a 1', 'second before a 1', 'call'],
      ...['first before a 2', 'second before a 2', 'call', 'second behind a 2', 'first behind a 2'],
    ]);
  });

  it('may put something around a function that it finds nowhere else', async () => {
    await using executor = newExecutor();
    const current = new AsyncLocalStorage<AttemptRecord>();
    executor.use({ around: (attempt, call) => current.run(attempt, call) });
    const graph = graphOf(task('a', () => ({ ...current.getStore() }), options));
    const { runId } = await executor.run(graph);
    expect(graph.result('a')).toEqual({ runId, task: 'a', attempt: 1, atMs: expect.any(Number) });
  });

  it('that throws fails the attempt, and what it returns is the result', async () => {
    await using executor = newExecutor();
    executor.use({
      around({ task }, call) {
        if (task === 'a') throw new Error('refused');
        call();
        return 'instead';
      },
    });
    const graph = graphOf(
      task('a', () => 1, options),
      task('b', () => 2, options),
    );
    await executor.run(graph);
    expect(graph.failure('a')).toMatchObject({ message: 'refused' });
    expect(graph.result('b')).toBe('instead');
  });

  it('gives headers to tasks, those of several together', async () => {
    await using executor = newExecutor();
    executor.use({ headers: ({ task }) => ({ task, from: 'first' }) });
    executor.use({ headers: () => undefined });
    executor.use({ headers: ({ attempt }) => ({ from: 'third', attempt: String(attempt) }) });
    const graph = graphOf(task('a', ({ headers }: TaskContext) => headers, { withContext: true, ...options }));
    await executor.run(graph);
    expect(graph.result('a')).toEqual({ task: 'a', from: 'third', attempt: '1' });
  });

  it('is there for runs that begin between use() and its end', async () => {
    await using executor = newExecutor();
    const told: string[] = [];
    const graph = graphOf(task('a', ({ headers }: TaskContext) => headers, { withContext: true, ...options }));
    const middleware = { ...around('m', told), headers: () => ({ told: 'yes' }) };
    const ends = [executor.use(middleware), executor.use(middleware)];
    ends[0]!();
    ends[0]!();
    await executor.run(graph);
    expect(told).toEqual(['m before a 1', 'm behind a 1']);
    ends[1]!();
    await executor.run(graph.reset('a'));
    expect(told).toHaveLength(2);
    expect(graph.result('a')).toEqual({});
  });
});

describe('middleware', () => {
  it('of a run that is under way stays as it was when the run began', async () => {
    const executor = new AsyncExecutor();
    const told: string[] = [];
    const end = executor.use(around('old', told));
    const gate = new Gate();
    const run = executor.run(
      graphOf(
        task('a', gate.pass),
        task('b', () => {}, { after: ['a'] }),
      ),
    );
    await gate.started;
    end();
    executor.use(around('new', told));
    gate.open();
    await run;
    expect(told.map((line) => line.split(' ')[0])).toEqual(['old', 'old', 'old', 'old']);
  });

  it('makes a promise of no task that has none, under SyncExecutor', () => {
    const executor = new SyncExecutor();
    executor.use({ around: async (_, call) => call() });
    const graph = graphOf(task('a', () => 1));
    executor.run(graph);
    expect(graph.failure('a')).toMatchObject({ code: 'async-task' });
  });

  it.each([undefined, null, 'x', () => {}, {}, { around: 5 }, { headers: 'x' }, { arround() {} }])(
    'is refused if it is %o',
    (wrong) => {
      expect(() => new AsyncExecutor().use(wrong as never)).toThrow(InvalidOptionError);
    },
  );

  it('whose headers throw is reported, and changes nothing', async () => {
    const error = new Error('no headers');
    await using executor = new ParallelAsyncExecutor({ workers: 1 });
    executor.use({ headers: thrower(error) as never });
    executor.use({ headers: () => ({ a: '1' }) });
    const graph = graphOf(task('a', made('({ headers }) => headers'), { withContext: true }));
    const uncaught = await uncaughtDuring(() => executor.run(graph));
    expect(graph.result('a')).toEqual({ a: '1' });
    expect(uncaught).toEqual([error]);
  });
});

describe('headers', () => {
  it.each([
    ['a function', () => ({ x: () => 1 })],
    ['a symbol', () => ({ x: Symbol('x') })],
    ['a text', () => 'x'],
    ['what cannot be read', () => new Proxy({}, { ownKeys: thrower(new Error('shut')) })],
    ['a promise', async () => ({ a: '1' })],
    ['a promise that is rejected', async () => Promise.reject(new Error('nobody waits for it'))],
  ])('that are %s are reported, and change nothing', async (_, headers) => {
    await using executor = new ParallelAsyncExecutor({ workers: 1 });
    executor.use({ headers: headers as never });
    executor.use({ headers: () => null as never });
    const graph = graphOf(task('a', made('() => 1')), task('b', made('(a) => a'), { dependsOn: ['a'] }));
    const uncaught = await uncaughtDuring(() => executor.run(graph));
    expect(graph.result('b')).toBe(1);
    expect(uncaught).toHaveLength(2);
  });

  it('go along to threads, also with what is sent ahead', async () => {
    await using executor = new ParallelExecutor({ workers: 2 });
    executor.use({
      headers: ({ task, attempt }) => ({ task, attempt: String(attempt), 'x-odd': 'é\u202e"\n', '': 'empty' }),
    });
    const names = Array.from({ length: 50 }, (_, index) => `t${index}`);
    const read = made('({ headers }) => headers');
    const graph = graphOf(
      ...names.map((name, index) =>
        task(name, read, { withContext: true, after: index === 0 ? [] : [names[index - 1]!] }),
      ),
    );
    await executor.run(graph);
    for (const name of names)
      expect(graph.result(name)).toEqual({ task: name, attempt: '1', 'x-odd': 'é\u202e"\n', '': 'empty' });
  });

  it('go along to the thread of io-bound tasks', async () => {
    await using executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread' });
    executor.use({ headers: ({ task }) => ({ task }) });
    const read = made('async ({ headers }) => headers');
    const graph = graphOf(
      task('a', read, { withContext: true, ioBound: true }),
      task('b', read, { withContext: true, ioBound: true }),
    );
    await executor.run(graph);
    expect(graph.results).toMatchObject({ a: { task: 'a' }, b: { task: 'b' } });
  });

  it('go along where a subclass sends attempts one by one', async () => {
    class OneByOne extends ParallelExecutor {
      protected override runAttempt(...args: Parameters<ParallelExecutor['runAttempt']>): unknown {
        return super.runAttempt(...args);
      }
    }
    await using executor = new OneByOne({ workers: 1 });
    executor.use({ headers: ({ task, attempt }) => ({ task, attempt: String(attempt) }) });
    const view = new Int32Array(new SharedArrayBuffer(4));
    const flaky = made(
      '({ headers }, view) => { if (Atomics.add(view, 0, 1) < 1) throw new Error("not yet"); return headers; }',
    );
    const graph = graphOf(
      task('view', () => view, { onMainThread: true }),
      task('a', flaky, { withContext: true, dependsOn: ['view'], retry: 2 }),
    );
    await executor.run(graph);
    expect(graph.result('a')).toEqual({ task: 'a', attempt: '2' });
  });

  it('are empty where there are none, and those of a run are not there in the next', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    const graph = graphOf(task('a', made('({ headers }) => headers'), { withContext: true }));
    const end = executor.use({ headers: () => ({ a: '1' }) });
    await executor.run(graph);
    expect(graph.result('a')).toEqual({ a: '1' });
    end();
    await executor.run(graph.reset('a'));
    expect(graph.result('a')).toEqual({});
  });
});
