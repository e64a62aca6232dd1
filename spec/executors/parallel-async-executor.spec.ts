import { InvalidOptionError, ParallelAsyncExecutor, TaskTimeoutError, TransferError } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { rejection } from '../contract/executor-harness.js';
import { Gate } from '../support/gate.js';
import { validateRuns } from '../support/validated-runs.js';
import { graphOf, made, threadsIn } from './thread-harness.js';

validateRuns();

/** Fulfilled once three tasks of one thread are under way. */
const meeting = made(`() => new Promise((resolve) => {
  const waiting = globalThis.waiting ??= [];
  waiting.push(resolve);
  if (waiting.length === 3) for (const [index, meet] of waiting.entries()) meet(index);
})`);

describe('ParallelAsyncExecutor', () => {
  it.each([
    ['ioConcurrency', 0],
    ['ioConcurrency', 1.5],
    ['ioConcurrency', Number.NaN],
    ['ioConcurrency', '2'],
    ['io', 'worker'],
    ['io', null],
    ['workers', 0],
    ['graceMs', -1],
  ])('refuses %s: %o', (option, value) => {
    expect(() => new ParallelAsyncExecutor({ [option]: value })).toThrow(InvalidOptionError);
    expect(() => new ParallelAsyncExecutor({ [option]: value })).toThrow(`\`${option}\``);
  });

  it('has defaults', () => {
    expect(new ParallelAsyncExecutor({ workers: 2 })).toMatchObject({
      workers: 2,
      ioConcurrency: Number.POSITIVE_INFINITY,
      graceMs: 1000,
    });
    expect(new ParallelAsyncExecutor({ ioConcurrency: 3 }).ioConcurrency).toBe(3);
  });

  it('runs io-bound tasks on the main thread, where they may use what is around them, and all others on threads', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1 });
    const threadOf = threadsIn(executor);
    const gates = [new Gate<number>(), new Gate<number>()];
    const graph = graphOf(
      { name: 'io 0', run: gates[0]!.pass, ioBound: true },
      { name: 'io 1', run: gates[1]!.pass, ioBound: true },
      { name: 'cpu', run: () => 1 },
      {
        name: 'sum',
        run: ((...all: number[]) => all.reduce((a, b) => a + b)) as never,
        dependsOn: ['io 0', 'io 1', 'cpu'],
      },
    );
    const run = executor.run(graph);
    // Both are under way at once.
    await Promise.all(gates.map(({ started }) => started));
    for (const gate of gates) gate.open(10);
    await run;
    expect(graph.result('sum')).toBe(21);
    expect(['io 0', 'io 1', 'cpu', 'sum'].map((task) => typeof threadOf.get(task))).toEqual([
      'string',
      'string',
      'number',
      'number',
    ]);
    await executor.close();
  });

  it('refuses closures of tasks that are not io-bound, and only those', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1 });
    const outer = Number('1');
    const graph = graphOf({ name: 'io', run: () => outer, ioBound: true }, { name: 'cpu', run: () => outer });
    expect([...executor.check(graph).keys()]).toEqual(['cpu']);
    expect(await rejection(executor.run(graph))).toBeInstanceOf(TransferError);
    const onThread = new ParallelAsyncExecutor({ workers: 1, io: 'thread' });
    expect([...onThread.check(graph).keys()]).toEqual(['io', 'cpu']);
  });

  it('keeps to ioConcurrency on the main thread', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1, ioConcurrency: 2 });
    let underWay = 0;
    let most = 0;
    const run = async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
    };
    const graph = graphOf(...Array.from({ length: 6 }, (_, index) => ({ name: `io ${index}`, run, ioBound: true })), {
      name: 'cpu',
      run: () => 1,
    });
    await executor.run(graph);
    expect(most).toBe(2);
    expect(graph.counts().done).toBe(7);
    await executor.close();
  });

  it('runs io-bound tasks side by side on a thread of their own', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread' });
    const threadOf = threadsIn(executor);
    const graph = graphOf(...[0, 1, 2].map((index) => ({ name: `io ${index}`, run: meeting, ioBound: true })), {
      name: 'cpu',
      run: () => 1,
    });
    await executor.run(graph);
    expect([0, 1, 2].map((index) => graph.result(`io ${index}`)).sort()).toEqual([0, 1, 2]);
    const io = new Set([0, 1, 2].map((index) => threadOf.get(`io ${index}`)));
    expect(io.size).toBe(1);
    expect([...io][0]).toBeTypeOf('number');
    expect(io.has(threadOf.get('cpu')!)).toBe(false);
    await executor.close();
  });

  it('keeps to ioConcurrency on a thread', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread', ioConcurrency: 2 });
    const run = made(`async () => {
      globalThis.underWay = (globalThis.underWay ?? 0) + 1;
      globalThis.most = Math.max(globalThis.most ?? 0, globalThis.underWay);
      await new Promise((resolve) => setImmediate(resolve));
      globalThis.underWay--;
      return globalThis.most;
    }`);
    const names = Array.from({ length: 6 }, (_, index) => `io ${index}`);
    const graph = graphOf(...names.map((name) => ({ name, run, ioBound: true })));
    await executor.run(graph);
    expect(Math.max(...names.map((name) => graph.result(name) as number))).toBe(2);
    await executor.close();
  });

  it('starts another io thread for a task that waited to have the one that ended to itself', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread', graceMs: 10 });
    await executor.warmUp();
    const wasEnded = new Gate<number>();
    const isSecond = new Int32Array(new SharedArrayBuffer(4));
    const graph = graphOf(
      { name: 'view', run: () => isSecond, onMainThread: true },
      { name: 'later', run: wasEnded.pass, onMainThread: true },
      {
        name: 'ends its thread once',
        run: made('(view) => Atomics.add(view, 0, 1) > 0 ? 1 : process.reallyExit(1)'),
        ioBound: true,
        dependsOn: ['view'],
      },
      {
        name: 'endless',
        run: made('() => new Promise(() => {})'),
        ioBound: true,
        priority: 1,
        timeoutMs: 50,
        after: ['later'],
      },
    );
    executor.once('task:interrupted', () => wasEnded.open(1));
    await executor.run(graph);
    expect(graph.result('ends its thread once')).toBe(1);
    expect(graph.failure('endless')).toBeInstanceOf(TaskTimeoutError);
    await executor.close();
  });

  it('keeps a task with .onMainThread() there, io-bound or not', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread' });
    const threadOf = threadsIn(executor);
    const outer = Number('1');
    const graph = graphOf(
      { name: 'io', run: () => outer, ioBound: true, onMainThread: true },
      { name: 'cpu', run: () => outer, onMainThread: true },
    );
    await executor.run(graph);
    expect([...threadOf.values()]).toEqual(['main', 'main']);
    await executor.close();
  });

  it('starts all its threads with warmUp(), and closes twice', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread' });
    await executor.warmUp();
    await executor.close();
    await executor.close();
  });
});
