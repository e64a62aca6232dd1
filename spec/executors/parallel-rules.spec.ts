import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  FileStore,
  ParallelAsyncExecutor,
  ParallelExecutor,
  RunLog,
  readRunLog,
  type TaskGraph,
  type TaskSpec,
  TaskTimeoutError,
  UnsendableError,
} from 'taskmap-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { toldBy, uncaughtDuring } from '../contract/executor-harness.js';
import { CallFile } from '../support/calls.js';
import { FickleStore } from '../support/fickle-store.js';
import { validateRuns } from '../support/validated-runs.js';
import { graphOf, made, ThreadGate } from './thread-harness.js';

/*
 * The rules of behaviour where a run, its threads and its store meet. What a function has done is seen at the function:
 * each call leaves a line in a file.
 */

validateRuns();

const folder = mkdtempSync(join(tmpdir(), 'rules-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

const newPath = () => join(folder, `${++files}`);

/** A function made of its text that notes its calls in a file. */
function noting(path: string, task: string, text: string): TaskSpec['run'] {
  const line = (what: string) => JSON.stringify(`{"what":"${what}","task":"${task}"}\n`);
  return made(`(...args) => {
    const note = process.getBuiltinModule('node:fs').appendFileSync;
    note(${JSON.stringify(path)}, ${line('begins')});
    try {
      return (${text})(...args);
    } finally {
      note(${JSON.stringify(path)}, ${line('returns')});
    }
  }`);
}

/** How often the functions of these tasks have been called. */
function callCounts(calls: CallFile): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { what, task } of calls.take()) if (what === 'begins') counts[task] = (counts[task] ?? 0) + 1;
  return counts;
}

/** Names, each with a count of 1. */
function onceEach(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, 1]));
}

/** What was told of each task, as words. */
function storiesIn(told: ReturnType<typeof toldBy>): Map<string, string> {
  const stories = new Map<string, string>();
  for (const { event, record } of told) {
    const task = record['task'] as string | undefined;
    if (task !== undefined) stories.set(task, `${stories.get(task) ?? ''} ${event.replace('task:', '')}`.trim());
  }
  return stories;
}

/** A chain of tasks with these functions. */
function chainOf(length: number, run: (index: number) => TaskSpec['run'], more: Partial<TaskSpec> = {}): TaskGraph {
  return graphOf(
    ...Array.from({ length }, (_, index) => ({
      name: `t${index}`,
      run: run(index),
      dependsOn: index === 0 ? [] : [`t${index - 1}`],
      ...more,
    })),
  );
}

describe('a run with threads', () => {
  it.each<[string, Partial<TaskSpec>]>([
    [
      'that was late',
      { timeoutMs: 1, run: made('() => { for (const end = performance.now() + 3; performance.now() < end; ); }') },
    ],
    ['whose result cannot be sent', { run: made('() => ({ rows: [{ format: () => 1 }] })') }],
  ])('never calls what depends on a task %s', async (_, a) => {
    const executor = new ParallelExecutor({ workers: 1 });
    const calls = new CallFile(newPath());
    for (let round = 0; round < 10; round++) {
      // Made anew, so that nothing is known of it.
      const run = made(String(a.run)) as TaskSpec['run'];
      const graph = graphOf(
        { ...a, name: 'a', run },
        { name: 'b', run: noting(calls.path, 'b', '() => 1'), dependsOn: ['a'] },
      );
      await executor.run(graph);
      expect([graph.status('a'), graph.status('b')]).toEqual(['failed', 'skipped']);
    }
    expect(callCounts(calls)).toEqual({});
    await executor.close();
  });

  it('fails what takes an argument that cannot be sent, and nothing else, also if it would be sent ahead', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    const calls = new CallFile(newPath());
    const graph = graphOf(
      { name: 'x', run: (() => ({ rows: [{ format: () => 1 }] })) as never, onMainThread: true },
      { name: 'a', run: noting(calls.path, 'a', '() => 1') },
      { name: 'c', run: noting(calls.path, 'c', '() => 2'), dependsOn: ['x', 'a'], retry: 3 },
      { name: 'd', run: noting(calls.path, 'd', '() => 3'), after: ['c'] },
      { name: 'other', run: noting(calls.path, 'other', '() => 4') },
    );
    await executor.run(graph);
    expect(graph.failure('c')).toBeInstanceOf(UnsendableError);
    expect(String(graph.failure('c'))).toContain('the result of "x".rows[0].format is a function');
    expect(graph.counts()).toMatchObject({ done: 3, failed: 1, skipped: 1 });
    expect(callCounts(calls)).toEqual(onceEach(['a', 'other']));
    await executor.close();
  });

  it('leaves a result as it was returned, whatever a task on the same thread does to it', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    for (let round = 0; round < 10; round++) {
      const graph = graphOf(
        { name: 'a', run: made('() => [3, 1, 2]') },
        { name: 'b', run: made('(a) => a.sort().length'), dependsOn: ['a'] },
      );
      await executor.run(graph);
      expect(graph.results).toEqual({ a: [3, 1, 2], b: 3 });
    }
    await executor.close();
  });

  it('ends a run by its timeouts, although an endless task was sent ahead', async () => {
    const executor = new ParallelExecutor({ workers: 2, graceMs: 50 });
    // The same function for all, so that it is known to be quick.
    const step = made('(n = 0) => { if (n === 7) for (;;); return n + 1; }') as TaskSpec['run'];
    for (let round = 0; round < 2; round++) {
      const graph = chainOf(12, () => step, { timeoutMs: 50 });
      await executor.run(graph);
      expect(graph.counts()).toMatchObject({ running: 0, pending: 0 });
      const timedOut = [...graph.failures()];
      // On a busy machine another may be late as well.
      expect(timedOut).toHaveLength(1);
      expect(timedOut[0]![1]).toBeInstanceOf(TaskTimeoutError);
    }
    await executor.close();
  });

  it('tells of each task that it is ready, started and done, in this order', async () => {
    const executor = new ParallelExecutor({ workers: 2 });
    const path = newPath();
    const log = new RunLog({ path }).listen(executor);
    const told = toldBy(executor);
    const one = made('() => 1') as TaskSpec['run'];
    await executor.run(chainOf(200, () => one));
    log.close();
    await executor.close();
    expect(new Set(storiesIn(told).values())).toEqual(new Set(['ready started done']));
    const { done, queued, inProgress } = readRunLog(path);
    expect([done.length, queued, inProgress]).toEqual([200, [], []]);
  });

  it('lets others go on with what a thread has done, however long its next task takes', async () => {
    const executor = new ParallelExecutor({ workers: 2 });
    const gate = new ThreadGate();
    // t3 lets go of its thread only when all that waits for t2 is done, on the other one.
    const step = made('(gate, n = 0) => { if (n === 3) Atomics.wait(gate, 0, 0); return n + 1; }') as TaskSpec['run'];
    const others = Array.from({ length: 5 }, (_, index) => ({
      name: `o${index}`,
      run: made('() => 1'),
      dependsOn: ['t2'],
    }));
    const chain = Array.from({ length: 6 }, (_, index) => ({
      name: `t${index}`,
      run: step,
      dependsOn: index === 0 ? ['gate'] : ['gate', `t${index - 1}`],
    }));
    const graph = graphOf(gate.task, ...chain, ...others);
    let left = others.length;
    executor.on('task:done', ({ task }) => {
      if (task.startsWith('o') && --left === 0) gate.open();
    });
    await executor.run(graph);
    expect(graph.result('t5')).toBe(6);
    await executor.close();
  });

  it('calls each function of a chain once where results are safe only a while later', async () => {
    const calls = new CallFile(newPath());
    await using store = new FileStore(newPath(), { durability: 'each' });
    const executor = new ParallelExecutor({ workers: 1, store });
    const graph = chainOf(40, (index) => noting(calls.path, `t${index}`, '() => 1'));
    const { attemptCount } = (await executor.run(graph))!;
    await executor.close();
    expect(attemptCount).toBe(40);
    expect(callCounts(calls)).toEqual(onceEach(graph.names()));
  });

  it('calls a function once where its dependency is still being saved', async () => {
    for (let round = 0; round < 3; round++) {
      const calls = new CallFile(newPath());
      const store = new FickleStore();
      store.begin('late', [500]);
      const executor = new ParallelExecutor({ workers: 2, store });
      const long = '() => { for (const end = performance.now() + 30; performance.now() < end; ); }';
      await executor.run(
        graphOf(
          { name: 'a', run: made('() => 1') },
          { name: 'b', run: noting(calls.path, 'b', long), after: ['a'] },
        ) as never,
      );
      await executor.close();
      expect(callCounts(calls)).toEqual({ b: 1 });
    }
  });

  it('tells the progress of a task that has begun while its input was still being saved', async () => {
    const store = new FickleStore();
    store.begin('late', [200]);
    const executor = new ParallelExecutor({ workers: 1, store });
    const told = toldBy(executor);
    const halfway = made("({ progress }) => progress(0.5, 'half')");
    await executor.run(
      graphOf({ name: 'a', run: made('() => 1') }, { name: 'b', run: halfway, withContext: true, after: ['a'] }),
    );
    await executor.close();
    expect(storiesIn(told).get('b')).toBe('ready started progress done');
  });

  it('tells the end of no attempt that it has not told as started, and of no more than there are workers, while threads die', async () => {
    const executor = new ParallelExecutor({ workers: 2, graceMs: 20 });
    for (let round = 0; round < 3; round++) {
      const told = toldBy(executor);
      const quick = made('() => 1') as TaskSpec['run'];
      const waiting = made('() => new Promise((resolve) => setImmediate(resolve, 1))') as TaskSpec['run'];
      const tasks = Array.from({ length: 12 }, (_, index) => ({
        name: `t${index}`,
        run: index % 4 === 0 ? waiting : quick,
        dependsOn: index > 3 && index % 3 > 0 ? [`t${index - 3}`] : [],
      }));
      await executor.run(graphOf(...tasks, { name: 'exit', run: made('() => process.reallyExit(1)') }));
      executor.removeAllListeners();
      for (const [task, story] of storiesIn(told))
        expect(story, task).toMatch(/^ready (started (interrupted|retrying) )*started (done|failed)$/);
      let running = 0;
      for (const { event } of told) {
        if (event === 'task:started') running++;
        else if (/:(done|failed|interrupted|retrying)$/.test(event)) running--;
        expect(running).toBeLessThanOrEqual(2);
      }
    }
    await executor.close();
  });

  it('ends a run by its timeouts, whatever a task has done to the globals of its thread', async () => {
    const breaks = [
      '() => { Map.prototype.get = () => undefined; Map.prototype.set = () => {}; }',
      "() => { globalThis.Promise = class { constructor() { throw new Error('mine'); } }; }",
      '() => { Array.prototype.push = () => 0; }',
      '() => { globalThis.setTimeout = globalThis.setImmediate = globalThis.queueMicrotask = () => 0; }',
    ];
    await uncaughtDuring(async () => {
      for (const text of breaks) {
        const executor = new ParallelExecutor({ workers: 1, graceMs: 50 });
        const after = [0, 1, 2].map((index) => ({
          name: `after ${index}`,
          after: ['breaks'],
          run: made('async () => 1'),
          timeoutMs: 200,
        }));
        const graph = graphOf({ name: 'breaks', run: made(text), timeoutMs: 200 }, ...after);
        await executor.run(graph);
        expect(graph.counts()).toMatchObject({ running: 0, pending: 0 });
        await executor.close();
      }
    });
  });
});

describe('a timeout', () => {
  it.each([
    ['AsyncExecutor', () => new AsyncExecutor({ graceMs: 10 }), '() => new Promise(() => {})'],
    ['ParallelExecutor', () => new ParallelExecutor({ workers: 1, graceMs: 10 }), '() => new Promise(() => {})'],
    ['ParallelExecutor', () => new ParallelExecutor({ workers: 1, graceMs: 10 }), '() => { for (;;); }'],
  ])('has each of its attempts under %s, whoever ends the thread: %#', async (_, make, text) => {
    const executor = make();
    const graph = graphOf({ name: 'endless', run: made(text), timeoutMs: 20, retry: 5 });
    await executor.run(graph);
    expect(graph.outcome('endless')).toMatchObject({
      status: 'failed',
      attempts: 5,
      error: expect.any(TaskTimeoutError),
    });
    await executor.close();
  });

  it('that ends the thread of io-bound tasks blames none of the others there', async () => {
    const executor = new ParallelAsyncExecutor({ workers: 1, io: 'thread', graceMs: 10 });
    const gate = new ThreadGate();
    const patient = made("(gate) => Atomics.waitAsync(gate, 0, 0).value ?? 'opened'") as TaskSpec['run'];
    const stuck = [1, 2, 3].map((index) => ({
      name: `stuck ${index}`,
      run: made('() => new Promise(() => {})') as TaskSpec['run'],
      after: ['gate'],
      ioBound: true,
      // One after another, so that the thread ends several times.
      timeoutMs: 40 * index,
      retry: 2,
    }));
    const graph = graphOf(gate.task, { name: 'patient', run: patient, dependsOn: ['gate'], ioBound: true }, ...stuck);
    executor.on('task:failed', () => {
      if (graph.counts().failed === 3) gate.open();
    });
    await executor.run(graph);
    expect(graph.status('patient')).toBe('done');
    for (const { name } of stuck) expect(graph.failure(name)).toBeInstanceOf(TaskTimeoutError);
    await executor.close();
  });
});

describe('a message that cannot be read where it arrives', () => {
  const circular = "const error = new Error('no answer'); error.cause = error; return { error };";
  const deep = (levels: number) =>
    `let next = null; for (let i = 0; i < ${levels}; i++) next = { i, next }; return next;`;

  it.each([
    ['an error that is its own cause', circular],
    ['a list of 4000', deep(4000)],
    ['a list of 100 000', deep(100_000)],
  ])('costs no task but those that take it, if they cannot: %s', async (_, text) => {
    const executor = new ParallelExecutor({ workers: 2 });
    const calls = new CallFile(newPath());
    const thirty = Array.from({ length: 30 }, (_, index) => index);
    const busy = '() => { for (const end = performance.now() + 1; performance.now() < end; ); return 1; }';
    const graph = graphOf(
      { name: 'answer', run: made(`() => { ${text} }`), onMainThread: true },
      ...thirty.map((index) => ({ name: `busy ${index}`, run: noting(calls.path, `busy ${index}`, busy) })),
      ...thirty.map((index) => ({
        name: `use ${index}`,
        run: noting(calls.path, `use ${index}`, '(answer) => typeof answer'),
        dependsOn: ['answer', `busy ${index}`],
      })),
    );
    await executor.run(graph);
    await executor.close();
    const counts = callCounts(calls);
    for (const index of thirty) {
      expect(graph.result(`busy ${index}`)).toBe(1);
      if (graph.status(`use ${index}`) === 'done') expect(graph.result(`use ${index}`)).toBe('object');
      else expect(graph.failure(`use ${index}`)).toBeInstanceOf(UnsendableError);
      expect([counts[`busy ${index}`], counts[`use ${index}`] ?? 0]).toEqual([
        1,
        graph.status(`use ${index}`) === 'done' ? 1 : 0,
      ]);
    }
  });

  it.each([
    ['an error that is its own cause', circular],
    ['a list of 4000', deep(4000)],
    ['a list of 100 000', deep(100_000)],
  ])('arrives in another way, or fails its task: a result that is %s', async (_, text) => {
    const executor = new ParallelExecutor({ workers: 1 });
    const calls = new CallFile(newPath());
    const graph = graphOf(
      { name: 'a', run: noting(calls.path, 'a', `() => { ${text} }`), timeoutMs: 60_000 },
      { name: 'b', run: noting(calls.path, 'b', '() => 1') },
    );
    await executor.run(graph);
    await executor.close();
    expect(callCounts(calls)).toEqual(onceEach(['a', 'b']));
    expect(graph.status('b')).toBe('done');
    if (graph.status('a') === 'failed') expect(graph.failure('a')).toBeInstanceOf(UnsendableError);
    else expect(graph.status('a')).toBe('done');
  });

  it('is none of ours if a task posts it to whoever started its thread: that does no harm', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    const posts = made(`async () => {
      const { parentPort } = await import('node:worker_threads');
      for (const message of [null, undefined, 0, 'ready', { id: 1 }, [1]]) parentPort.postMessage(message);
    }`);
    const graph = graphOf({ name: 'posts', run: posts }, { name: 'next', run: made('() => 1'), after: ['posts'] });
    const uncaught = await uncaughtDuring(() => executor.run(graph).then(() => executor.close()));
    expect(uncaught).toEqual([]);
    expect(graph.counts().done).toBe(2);
  });
});
