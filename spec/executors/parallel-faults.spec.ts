import type { Worker } from 'node:worker_threads';
import {
  AsyncExecutor,
  ExecutorClosedError,
  type ParallelAsyncExecutor,
  ParallelExecutor,
  type ParallelExecutorOptions,
  RunAbortedError,
  type RunOptions,
  systemClock,
  type TaskGraph,
  type TaskSpec,
  TaskTimeoutError,
  taskModule,
  UnsendableError,
  WorkerCrashError,
  WorkerStartError,
} from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { rejection } from '../contract/executor-harness.js';
import { validateRuns } from '../support/validated-runs.js';
import {
  bytesUsed,
  graphOf,
  made,
  namedGraph,
  runProgram,
  started,
  ThreadGate,
  threads,
  waitAtGate,
} from './thread-harness.js';

validateRuns();

const broken = taskModule<typeof import('../workers/fixtures/broken.js')>(
  new URL('../workers/fixtures/broken.ts', import.meta.url),
);

const NEIGHBOURS = Array.from({ length: 8 }, (_, index) => `ok ${index}`);
const busy = made('() => { for (const end = performance.now() + 2; performance.now() < end; ); return 1; }');

/** A graph with these tasks and eight that are innocent. */
function amongOthers(...specs: readonly TaskSpec[]): TaskGraph {
  return graphOf(...NEIGHBOURS.map((name) => ({ name, run: busy })), ...specs);
}

/** The other tasks are done, and the executor runs another graph. */
async function expectHealthy(executor: ParallelExecutor | ParallelAsyncExecutor, graph: TaskGraph): Promise<void> {
  for (const name of NEIGHBOURS) expect(graph.status(name), name).toBe('done');
  const next = graphOf({ name: 'a', run: () => 2 }, { name: 'b', run: made('(a) => a * 3'), dependsOn: ['a'] });
  await executor.run(next);
  expect(next.result('b')).toBe(6);
}

/** Runs one task that does harm, and looks at what is left. */
async function harmed(spec: Omit<TaskSpec, 'name'>, options: ParallelExecutorOptions = {}): Promise<unknown> {
  const executor = new ParallelExecutor({ workers: 2, ...options });
  const graph = amongOthers({ name: 'harm', ...spec });
  await executor.run(graph);
  await expectHealthy(executor, graph);
  await executor.close();
  return graph.failure('harm');
}

describe('a task on a thread', () => {
  it.each([
    ['at once', '() => process.exit(3)'],
    ['later', 'async () => { await 1; process.exit(3); }'],
    ['in a timer', '() => new Promise(() => setTimeout(() => process.exit(3)))'],
  ])('that calls process.exit() %s fails alone', async (_, text) => {
    expect(await harmed({ run: made(text) })).toMatchObject({ message: expect.stringContaining('process.exit(3)') });
  });

  it.each([
    ['in a timer', "() => new Promise(() => setTimeout(() => { throw new RangeError('escaped'); }))"],
    [
      'in an event',
      "() => new Promise(() => { const target = new EventTarget(); target.addEventListener('x', () => { throw new RangeError('escaped'); }); target.dispatchEvent(new Event('x')); })",
    ],
    [
      'in a promise that nobody waits for',
      "() => new Promise(() => { void Promise.reject(new RangeError('escaped')); })",
    ],
    ['in a microtask', "() => new Promise(() => queueMicrotask(() => { throw new RangeError('escaped'); }))"],
  ])('that throws %s fails with what it threw', async (_, text) => {
    const failure = await harmed({ run: made(text) });
    expect(failure).toBeInstanceOf(RangeError);
    expect(failure).toMatchObject({ message: 'escaped' });
  });

  it.each([
    ['ends', "process.stdout.end(''); process.stdout.on('error', () => {}); console.log('after the end');"],
    ['has closed', "process.stdout.destroy(); console.log('nowhere');"],
    ['holds back', "process.stdout.cork(); console.log('held back');"],
    ['refuses', "try { process.stdout.write('x', 'no encoding'); } catch {}"],
    ['reads otherwise', "process.stdout.write('AA\\n==', 'base64'); process.stdout.write('zz', 'hex');"],
    ['ends with the last of it', "process.stderr.end(' ');"],
  ])('that prints to a stream which it %s does not hold up its run', async (_, text) => {
    expect(await harmed({ run: made(`() => { ${text} return 1; }`) })).toBeUndefined();
  });

  it('that prints all at once has it all printed, and one that can wait is told when to', async () => {
    const printed: string[] = [];
    const listen = (thread: Worker) => thread.stdout.on('data', (chunk) => printed.push(String(chunk)));
    process.on('worker', listen);
    const executor = new ParallelExecutor({ workers: 1 });
    const graph = graphOf(
      { name: 'at once', run: made("() => { for (let n = 0; n < 500; n++) process.stdout.write('\\0'); }") },
      {
        name: 'bit by bit',
        run: made(`async () => {
          let pauses = 0;
          for (let n = 0; n < 3; n++) {
            if (process.stdout.write('\\r'.repeat(20_000))) continue;
            pauses++;
            await new Promise((resolve) => process.stdout.once('drain', resolve));
          }
          return pauses;
        }`),
      },
    );
    await executor.run(graph);
    expect(printed.join('')).toHaveLength(60_500);
    expect(graph.result('bit by bit')).toBe(3);
    process.off('worker', listen);
    await executor.close();
  });

  const removeAllOneByOne = `() => {
    for (const event of ['uncaughtException', 'unhandledRejection'])
      for (const listener of process.listeners(event)) process.off(event, listener);
  }`;
  const portOf = "process.getBuiltinModule('node:worker_threads').parentPort";

  it.each([
    ['process.removeAllListeners()', '() => void process.removeAllListeners()'],
    ["process.removeAllListeners('…')", "() => void process.removeAllListeners('uncaughtException')"],
    ['process.off()', removeAllOneByOne],
    ['process.setUncaughtExceptionCaptureCallback()', '() => process.setUncaughtExceptionCaptureCallback(() => {})'],
    ['parentPort.removeAllListeners()', `() => void ${portOf}.removeAllListeners()`],
    ['parentPort.close()', `() => void ${portOf}.close()`],
  ])('that calls %s takes nothing away from the next ones there', async (_, text) => {
    const executor = new ParallelExecutor({ workers: 1 });
    const calls = new Int32Array(new SharedArrayBuffer(4));
    const escaping = (name: string, body: string): TaskSpec => ({
      name,
      run: made(`(calls) => new Promise(() => { Atomics.add(calls, 0, 1); ${body} })`),
      dependsOn: ['calls'],
      after: ['harm'],
      timeoutMs: 20_000,
    });
    const graph = graphOf(
      { name: 'calls', run: () => calls, onMainThread: true },
      { name: 'harm', run: made(text) },
      escaping('in a timer', "setTimeout(() => { throw new RangeError('escaped'); });"),
      escaping('in a promise', "void Promise.reject(new RangeError('escaped'));"),
      { name: 'innocent', run: () => 1, after: ['harm'] },
    );
    await executor.run(graph);
    expect(graph.counts()).toMatchObject({ done: 3, failed: 2 });
    for (const name of ['in a timer', 'in a promise']) expect(graph.failure(name)).toEqual(new RangeError('escaped'));
    // A thread that had died of it would have had it called again.
    expect(calls[0]).toBe(2);
    await executor.close();
  });

  it('that sets a callback for what escapes it hears of that, and a later one can take it back', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    const graph = graphOf(
      {
        name: 'hears',
        run: made(`() => new Promise((resolve) => {
          process.setUncaughtExceptionCaptureCallback(({ message }) => resolve(message));
          setTimeout(() => { throw new RangeError('its own'); });
        })`),
      },
      {
        name: 'takes it back',
        run: made(`() => {
          const before = process.hasUncaughtExceptionCaptureCallback();
          process.setUncaughtExceptionCaptureCallback(null);
          return [before, process.hasUncaughtExceptionCaptureCallback()];
        }`),
        after: ['hears'],
      },
    );
    await executor.run(graph);
    expect(graph.result('hears')).toBe('its own');
    expect(graph.result('takes it back')).toEqual([true, false]);
    await executor.close();
  });

  it('that removes listeners removes its own, and not those that its thread needs', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    const run = made(`() => {
      const events = ['uncaughtException', 'unhandledRejection', 'warning'];
      const counts = () => events.map((event) => process.listenerCount(event));
      process.removeAllListeners();
      const before = counts();
      const listener = () => {};
      for (const event of ['uncaughtException', 'warning']) process.on(event, listener);
      const during = counts();
      const isProcess = process.off('uncaughtException', listener) === process;
      process.removeAllListeners('warning').removeAllListeners('unhandledRejection');
      return { before, during, after: counts(), isProcess };
    }`);
    const graph = graphOf({ name: 'listens', run });
    await executor.run(graph);
    expect(graph.result('listens')).toEqual({
      before: [1, 1, 0],
      during: [2, 1, 1],
      after: [1, 1, 0],
      isProcess: true,
    });
    await executor.close();
  });

  it('that throws undefined fails with that', async () => {
    const executor = new ParallelExecutor({ workers: 2 });
    const graph = amongOthers(
      { name: 'harm', run: made('() => { throw undefined; }') },
      { name: 'rejects', run: made('() => Promise.reject()') },
    );
    await executor.run(graph);
    expect(graph.outcome('harm')).toMatchObject({ status: 'failed', error: undefined });
    expect(graph.outcome('rejects')).toMatchObject({ status: 'failed', error: undefined });
    await expectHealthy(executor, graph);
    await executor.close();
  });

  it('that ends three threads is not tried on a fourth', async () => {
    const failure = await harmed({ run: made('() => process.reallyExit(3)'), retry: 5 });
    expect(failure).toBeInstanceOf(WorkerCrashError);
    expect(failure).toMatchObject({ task: 'harm', deaths: 3, cause: expect.any(Error) });
  });

  it('that needs more memory than a thread may have fails, and its thread is replaced', async () => {
    const hungry = made('() => { const all = []; for (;;) all.push(new Array(1e5).fill({})); }');
    expect(await harmed({ run: hungry }, { resourceLimits: { maxOldGenerationSizeMb: 32 } })).toBeInstanceOf(
      WorkerCrashError,
    );
  });

  it('that never lets go of its thread times out, and its thread is replaced', async () => {
    const failure = await harmed({ run: made('() => { for (;;); }'), timeoutMs: 20 }, { graceMs: 10 });
    expect(failure).toBeInstanceOf(TaskTimeoutError);
  });

  it('that never settles times out', async () => {
    expect(await harmed({ run: made('() => new Promise(() => {})'), timeoutMs: 20 }, { graceMs: 10 })).toBeInstanceOf(
      TaskTimeoutError,
    );
  });

  it('whose module cannot be imported fails with what that threw', async () => {
    expect(await harmed({ run: broken.never })).toMatchObject({ message: 'out of modules' });
  });

  it('whose result cannot be sent fails alone', async () => {
    expect(await harmed({ run: made('() => ({ later: Promise.resolve() })') })).toBeInstanceOf(UnsendableError);
  });

  it.each([
    ['a function', () => ({ f() {} }), 'the result of "made".f is a function'],
    [
      'a getter that throws',
      () =>
        Object.defineProperty({}, 'g', {
          enumerable: true,
          get: () => {
            throw new Error('no');
          },
        }),
      'the result of "made".g throws as it is read',
    ],
  ])('whose argument cannot be sent fails alone: %s', async (_, value, why) => {
    const executor = new ParallelExecutor({ workers: 2 });
    const graph = amongOthers(
      { name: 'made', run: value as never, onMainThread: true },
      { name: 'use', run: () => 1, dependsOn: ['made'] },
      { name: 'after', run: () => 1, dependsOn: ['use'] },
    );
    await executor.run(graph);
    expect(graph.failure('use')).toBeInstanceOf(UnsendableError);
    expect(String(graph.failure('use'))).toContain(why);
    expect(graph.status('after')).toBe('skipped');
    await expectHealthy(executor, graph);
    await executor.close();
  });
});

describe('what a task prints', () => {
  it.each([
    ['is refused', "() => { try { process.stdout.write('x', 'no encoding'); } catch {} }"],
    ['is its last word', "() => void process.stdout.end(' ')"],
    ['goes to a stream that it has closed', "() => { process.stderr.destroy(); console.error('lost'); }"],
  ])('%s: the run ends all the same', async (_, text) => {
    const executor = new ParallelExecutor({ workers: 1 });
    const graph = graphOf({ name: 'prints', run: made(text) });
    await executor.run(graph);
    expect(graph.status('prints')).toBe('done');
    await executor.close();
  });

  it.each([
    ['to the same stream', 'stdout', ['first', 'first has settled', 'second', 'second has settled']],
    // What comes on one stream says nothing of the other.
    ['to another stream', 'stderr', ['second', 'first', 'first has settled', 'second has settled']],
  ] as const)('is waited for, and not what another run prints later on its thread, %s', async (_, stream, order) => {
    const told: string[] = [];
    let tellHeard = () => {};
    const heard = new Promise<void>((resolve) => {
      tellHeard = resolve;
    });
    const listen = (thread: Worker) => {
      thread.stdout.on('data', (chunk) => told.push(String(chunk)));
      thread.stderr.on('data', (chunk) => {
        told.push(String(chunk));
        tellHeard();
      });
    };
    process.on('worker', listen);
    // Time stands still: what is held back is not given up.
    const executor = new ParallelExecutor({ workers: 1, clock: { ...systemClock, now: () => 1 } });
    executor.on('run:finished', ({ graph }) => told.push(`${graph} has settled`));
    await executor.warmUp();
    process.off('worker', listen);
    const { stdout } = [...threads].at(-1)!;
    stdout.pause();
    const runAndPrint = async (name: string, to: string) => {
      const done = new Promise((resolve) => executor.once('task:done', resolve));
      const graph = namedGraph(name, { name, run: made(`() => void process.${to}.write('${name}')`) });
      const settled = executor.run(graph);
      await done;
      return () => settled;
    };
    const runs = [await runAndPrint('first', 'stdout'), await runAndPrint('second', stream)];
    if (stream === 'stderr') await heard;
    stdout.resume();
    await Promise.all(runs.map((settled) => settled()));
    expect(told).toEqual(order);
    await executor.close();
  });
});

describe('a thread that is ended from outside', () => {
  it.each([1, 2])('costs its tasks nothing but time, with %i workers', async (workers) => {
    const executor = new ParallelExecutor({ workers });
    await executor.warmUp();
    const graph = amongOthers();
    const interrupted: string[] = [];
    executor.on('task:interrupted', ({ task }) => interrupted.push(task));
    executor.once('task:started', ({ thread }) => {
      for (const one of threads) if (one.threadId === thread) void one.terminate();
    });
    await executor.run(graph);
    expect(graph.counts()).toMatchObject({ done: NEIGHBOURS.length, failed: 0 });
    expect(interrupted.length).toBeLessThanOrEqual(1);
    await expectHealthy(executor, graph);
    await executor.close();
  });

  it('interrupts the task that runs there, which runs again', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    const gate = new ThreadGate();
    const graph = graphOf(gate.task, { name: 'a', run: waitAtGate, dependsOn: ['gate'] });
    const told: string[] = [];
    executor.on('task:interrupted', ({ task, attempt }) => told.push(`${task} ${attempt}`));
    const begun = started(executor, 'a');
    const run = executor.run(graph);
    const { thread } = await begun;
    await [...threads].find(({ threadId }) => threadId === thread)!.terminate();
    gate.open();
    const report = await run;
    expect(graph.result('a')).toBe('opened');
    expect(told).toEqual(['a 1']);
    expect(report.counts.done).toBe(2);
    await executor.close();
  });

  it('is replaced while nothing runs', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    const before = new Set(threads);
    await executor.warmUp();
    for (const thread of threads) if (!before.has(thread)) await thread.terminate();
    const graph = amongOthers();
    await executor.run(graph);
    await expectHealthy(executor, graph);
    await executor.close();
  });
});

describe('an abort', () => {
  /** Aborts as soon as a task has begun. Returns what became of the graph. */
  async function abortedOn(
    task: string,
    specs: readonly TaskSpec[],
    options: ParallelExecutorOptions,
    then?: () => void,
  ): Promise<TaskGraph> {
    const executor = new ParallelExecutor({ workers: 1, ...options });
    const controller = new AbortController();
    const graph = graphOf(...specs);
    const begun = started(executor, task);
    const run = executor.run(graph, { signal: controller.signal } satisfies RunOptions);
    await begun;
    controller.abort(new RangeError('enough'));
    then?.();
    const error = await rejection(run);
    expect(error).toBeInstanceOf(RunAbortedError);
    expect(error).toMatchObject({ cause: { message: 'enough' } });
    expect(graph.counts().running).toBe(0);
    const next = graphOf({ name: 'a', run: () => 2 });
    await executor.run(next);
    expect(next.result('a')).toBe(2);
    await executor.close();
    return graph;
  }

  it('lets a task end that was told nothing, and takes back what has not begun', async () => {
    const gate = new ThreadGate();
    const graph = await abortedOn(
      'a',
      [
        gate.task,
        { name: 'a', run: waitAtGate, dependsOn: ['gate'], priority: 1 },
        { name: 'queued', run: () => 1, dependsOn: ['gate'] },
      ],
      { graceMs: 60_000 },
      () => gate.open(),
    );
    expect(graph.result('a')).toBe('opened');
    expect(graph.status('queued')).toBe('pending');
  });

  it.each([
    ['never lets go of its thread', '() => { for (;;); }'],
    ['never settles', '() => new Promise(() => {})'],
  ])('ends the thread of a task that %s, and the task is pending', async (_, text) => {
    const graph = await abortedOn('a', [{ name: 'a', run: made(text) }], { graceMs: 10 });
    expect(graph.status('a')).toBe('pending');
  });

  it('is heard by a task that takes its context', async () => {
    const text =
      "({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))";
    const graph = await abortedOn('a', [{ name: 'a', run: made(text), withContext: true }], { graceMs: 60_000 });
    expect(graph.status('a')).toBe('pending');
  });

  it('ends a task that takes its context and does not listen', async () => {
    const graph = await abortedOn('a', [{ name: 'a', run: made('() => { for (;;); }'), withContext: true }], {
      graceMs: 10,
    });
    expect(graph.status('a')).toBe('pending');
  });

  it('by close() is no other', async () => {
    const executor = new ParallelExecutor({ workers: 1, graceMs: 10 });
    const graph = graphOf({ name: 'a', run: made('() => { for (;;); }') }, { name: 'b', run: made('() => 1') });
    const begun = Promise.race([started(executor, 'a'), started(executor, 'b')]);
    const run = rejection(executor.run(graph));
    await begun;
    await executor.close();
    const error = await run;
    expect(error).toBeInstanceOf(RunAbortedError);
    expect(error).toMatchObject({ cause: expect.any(ExecutorClosedError) });
    expect(graph.status('a')).toBe('pending');
  });

  it('by close() before any thread has started', async () => {
    const executor = new ParallelExecutor({ workers: 2 });
    const graph = amongOthers();
    const run = rejection(executor.run(graph));
    await executor.close();
    expect(await run).toBeInstanceOf(RunAbortedError);
    expect(graph.counts()).toMatchObject({ pending: NEIGHBOURS.length, running: 0 });
  });
});

describe('several runs at once', () => {
  const tasks = (count: number): TaskSpec[] =>
    Array.from({ length: count }, (_, index) => ({ name: `t${index}`, run: made(`() => ${index}`) }));

  it.each([4, 5, 6])('have the room of one that ends with what came last, of %i tasks', async (count) => {
    const executor = new ParallelExecutor({ workers: 1 });
    await executor.warmUp();
    const graphs = [graphOf(...tasks(count)), graphOf(...tasks(3))];
    await Promise.all(graphs.map((graph) => executor.run(graph)));
    for (const graph of graphs) expect(graph.counts().done).toBe(graph.size);
    await executor.close();
  });

  it('have the room of one that is aborted before anything of it has begun', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    await executor.warmUp();
    const controller = new AbortController();
    const aborted = rejection(executor.run(graphOf(...tasks(100)), { signal: controller.signal }));
    const graph = graphOf(...tasks(3));
    const run = executor.run(graph);
    controller.abort();
    expect(await aborted).toBeInstanceOf(RunAbortedError);
    await run;
    expect(graph.counts().done).toBe(3);
    await executor.close();
  });

  it('hear of the death of a thread, all but one that a listener ends meanwhile', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    await executor.warmUp();
    const controller = new AbortController();
    const gate = new ThreadGate();
    const ends = graphOf(gate.task, { name: 'a', run: waitAtGate, dependsOn: ['gate'] });
    const delayed = graphOf({
      name: 'b',
      run: () => Promise.reject(new Error('not yet')),
      onMainThread: true,
      retry: { attempts: 2, delayMs: 60_000 },
    });
    const behind = graphOf({ name: 'c', run: made('() => 1') });
    const begun = started(executor, 'a');
    const pausing = new Promise((resolve) => executor.once('task:retrying', resolve));
    executor.once('task:interrupted', () => controller.abort());
    const runs = [executor.run(ends), rejection(executor.run(delayed, { signal: controller.signal }))];
    await Promise.all([begun, pausing]);
    const last = executor.run(behind);
    await Promise.all([...threads].map((thread) => thread.terminate()));
    gate.open();
    expect(await runs[1]).toBeInstanceOf(RunAbortedError);
    await Promise.all([runs[0], last]);
    expect(behind.result('c')).toBe(1);
    await executor.close();
  });
});

describe('threads that do not start', () => {
  it('fail the run, and leave the graph to others', async () => {
    const executor = new ParallelExecutor({
      workers: 2,
      workerScript: new URL('../workers/fixtures/not-there.js', import.meta.url),
    });
    const graph = graphOf({ name: 'a', run: () => 1 }, { name: 'b', run: () => 2, onMainThread: true });
    const error = await rejection(executor.run(graph));
    expect(error).toBeInstanceOf(WorkerStartError);
    expect(error).toMatchObject({ cause: expect.any(Error) });
    await executor.close();
    expect(graph.counts().running).toBe(0);
    await new AsyncExecutor().run(graph);
    expect(graph.counts().done).toBe(2);
  });
});

describe('an executor', () => {
  it('holds on to nothing over ten thousand runs', async () => {
    const executor = new ParallelExecutor({ workers: 2 });
    const graph = graphOf(
      { name: 'a', run: () => 1 },
      { name: 'b', run: made('(a) => a + 1'), dependsOn: ['a'] },
      { name: 'c', run: () => 3 },
    );
    const listeners = () => process.eventNames().map((name) => [String(name), process.listenerCount(name)]);
    const handles = () =>
      process
        .getActiveResourcesInfo()
        .filter((name) => name !== 'Timeout' && name !== 'Immediate')
        .sort();
    const controller = new AbortController();
    const runs = async (count: number) => {
      for (let run = 0; run < count; run++) await executor.run(graph.resetAll(), { signal: controller.signal });
    };
    const used = async () => {
      const measuring = graphOf({ name: 'bytes', run: bytesUsed });
      await executor.run(measuring);
      return [bytesUsed(), measuring.result('bytes') as number];
    };
    await executor.warmUp();
    await runs(1000);
    const before = [listeners(), handles(), threads.size];
    const usedBefore = await used();
    await runs(10_000);
    expect([listeners(), handles(), threads.size]).toEqual(before);
    // Less than a hundred bytes for each run, of which a single object would take as much.
    for (const [index, bytes] of (await used()).entries()) expect(bytes - usedBefore[index]!).toBeLessThan(1_000_000);
    await executor.close();
  });

  it('that is never closed keeps no process alive', async () => {
    const { stdout } = await runProgram('never-closes.mts');
    expect(stdout).toContain('b is 2');
  });

  it.each(['close', 'just end'])(
    'passes on all that its tasks have printed before its run settles, if all that follows is to %s',
    async (end) => {
      const { stdout, stderr } = await runProgram('prints.mts', end);
      const lines = (word: string) => Array.from({ length: 100 }, (_, line) => `${word} ${line}`);
      expect(stdout.trimEnd().split('\n')).toEqual([...lines('line'), 'the run has settled']);
      expect(stderr.split('\n').filter((line) => line.startsWith('error'))).toEqual(lines('error'));
    },
  );
});
