import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type Clock,
  FolderStore,
  InvalidOptionError,
  ParallelAsyncExecutor,
  systemClock,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  TaskTimeoutError,
  TransferError,
  taskModule,
  UnsendableError,
} from 'taskmap-ts';
import { BullMQExecutor, CodeMismatchError, startWorker, type TaskWorker } from 'taskmap-ts/bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BACKENDS, QueueBench } from './queue-bench.js';

const TASKS = new URL('./tasks.ts', import.meta.url);
const work = taskModule<typeof import('./tasks.js')>(TASKS);

/** Fulfilled with the first record of an event that is of this task. */
function told<E extends 'task:started' | 'task:progress'>(
  executor: BullMQExecutor,
  event: E,
  task: string,
): Promise<any> {
  return new Promise((resolve) => {
    executor.on(event, (record: { readonly task: string }) => {
      if (record.task === task) resolve(record);
    });
  });
}

/** On which a second goes by in a millisecond, once it hurries. */
function hastyClock(): Clock & { hurry(): void } {
  let sinceMs = Number.POSITIVE_INFINITY;
  return {
    ...systemClock,
    now() {
      const nowMs = systemClock.now();
      return nowMs + Math.max(0, nowMs - sinceMs) * 1000;
    },
    hurry() {
      sinceMs = systemClock.now();
    },
  };
}

describe('options', () => {
  const connection = 'redis://127.0.0.1:1';

  it.each([
    ['connection', { connection: 'http://example.com' }],
    ['connection', { connection: undefined }],
    ['backend', { connection, backend: 'mysql' }],
    ['queue', { connection, queue: 'a:b' }],
    ['runId', { connection, runId: '' }],
    ['chunk', { connection, chunk: 0 }],
    ['maxInFlight', { connection, maxInFlight: 0.5 }],
    ['sweepMs', { connection, sweepMs: 1 }],
    ['serverTimeoutMs', { connection, serverTimeoutMs: -1 }],
    ['resultAgeMs', { connection, resultAgeMs: Number.NaN }],
    ['prefix', { connection, prefix: '' }],
    ['events', { connection, events: 'no' }],
    ['inlineLimit', { connection, inlineLimit: -1 }],
    ['valueStore', { connection, valueStore: {} }],
    ['options', undefined],
  ])('refuse %s out of range', (option, options) => {
    expect(() => new BullMQExecutor(options as never)).toThrow(InvalidOptionError);
    expect(() => new BullMQExecutor(options as never)).toThrow(option);
  });

  it.each([
    ['modules', { modules: ['./tasks.js'] }],
    ['modules', { modules: [5] }],
    ['modules', { modules: [''] }],
    ['modules', { modules: ['/nowhere/tasks.js'] }],
    ['modules', { modules: [new URL('.', import.meta.url)] }],
    ['modules', { modules: ['no-package-of-this-name'] }],
    ['acceptsSource', { acceptsSource: 'no' }],
    ['onLog', { onLog: 1 }],
    ['threads', { threads: 0 }],
    ['concurrency', { concurrency: 0 }],
    ['name', { name: 'main' }],
    ['lockMs', { lockMs: 10 }],
    ['stalledCheckMs', { stalledCheckMs: 1 }],
    ['maxLost', { maxLost: 0 }],
  ])('of a worker refuse %s out of range', async (option, options) => {
    await expect(startWorker({ connection, ...options } as never)).rejects.toThrow(option);
  });

  it('never show a password', () => {
    expect(() => new BullMQExecutor({ connection: 'mysql://user:secret@example.com' })).toThrow(/^(?!.*secret)/);
  });
});

describe.each(BACKENDS)('$backend', (backend) => {
  describe.skipIf(!backend.isThere)(backend.title, () => {
    const bench = new QueueBench(backend);
    beforeAll(() => bench.start(), 60_000);
    afterAll(() => bench.stop(), 60_000);
    beforeEach(() => bench.next());
    afterEach(() => bench.close(), 60_000);

    const worker = (options = {}): Promise<TaskWorker> => bench.worker({ modules: [TASKS], name: 'ada', ...options });

    it('needs another executor than one machine does, and nothing else', async () => {
      const graphOf = () =>
        new TaskGraphBuilder({ name: 'sums' })
          .task('three', () => 3)
          .task('six', work.double)
          .dependsOn('three')
          .task('again', work.later)
          .dependsOn('six')
          .ioBound()
          .build();
      await worker();
      const here = graphOf();
      await using parallel = new ParallelAsyncExecutor({ workers: 1 });
      await parallel.run(here);
      const there = graphOf();
      await bench.executor().run(there);
      expect(there.result('again')).toBe(here.result('again'));
      expect(there.counts()).toEqual(here.counts());
    });

    it('says on which worker a task runs', async () => {
      await worker();
      const graph = new TaskGraphBuilder()
        .task('a', () => 1)
        .task('here', () => 2)
        .onMainThread()
        .build();
      const executor = bench.executor();
      const threads = new Map<string, unknown>();
      executor.on('task:started', ({ task, thread }) => threads.set(task, thread));
      await executor.run(graph);
      expect([...threads].sort()).toEqual([
        ['a', 'ada'],
        ['here', 'main'],
      ]);
    });

    it('hands over what a task threw: class, cause and data', async () => {
      await worker();
      const graph = new TaskGraphBuilder()
        .task('a', work.overdrawn)
        .task('b', work.double as never)
        .dependsOn('a')
        .build() as TaskGraph;
      await bench.executor().run(graph);
      expect(graph.failure('a')).toBeInstanceOf(RangeError);
      expect(graph.failure('a')).toMatchObject({
        name: 'QuotaError',
        message: 'over the limit',
        limit: 3,
        cause: new TypeError('the cause'),
      });
      expect((graph.failure('a') as Error).stack).toContain('on the thread that called run()');
      expect(graph.outcome('b')).toEqual({ status: 'skipped', because: 'a' });
    });

    it('keeps the types of arguments and results', async () => {
      await worker();
      const value = {
        at: new Date(0),
        ids: new Map([[1n, new Set(['x'])]]),
        bytes: new Uint8Array([1, 2]),
        error: new TypeError('kept'),
      };
      const graph = new TaskGraphBuilder()
        .task('value', () => value)
        .onMainThread()
        .task('same')
        .dependsOn('value')
        .run((given) => given)
        .build();
      await bench.executor().run(graph);
      expect(graph.result('same')).toEqual(value);
    });

    it('refuses closures before anything starts, and says what to do', async () => {
      const around = Math.random();
      const graph = new TaskGraphBuilder()
        .task('first', () => 1)
        .task('closes over', () => around)
        .build();
      const executor = bench.executor();
      expect([...executor.check(graph).keys()]).toEqual(['closes over']);
      await expect(executor.run(graph)).rejects.toThrow(TransferError);
      await expect(executor.run(graph)).rejects.toThrow(/"around".*taskModule\(\)/s);
      expect(graph.counts()).toMatchObject({ pending: 2 });
    });

    it.each([true, false])(
      'fails a task whose result or argument cannot be sent, and names the part (ioBound: %s)',
      async (ioBound) => {
        await worker();
        const graph = new TaskGraphBuilder<any>()
          .add({ name: 'result', run: () => ({ rows: [{ format: () => 1 }] }), ioBound })
          .add({ name: 'here', run: () => ({ shared: Symbol('s') }), onMainThread: true })
          .add({ name: 'argument', run: () => 1, dependsOn: ['here'], ioBound })
          .build() as TaskGraph;
        await bench.executor().run(graph);
        expect(graph.failure('result')).toBeInstanceOf(UnsendableError);
        expect((graph.failure('result') as Error).message).toContain('result.rows[0].format is a function');
        expect((graph.failure('argument') as Error).message).toContain('argument.shared is a symbol');
      },
    );

    it('tries again what failed, after a pause, and counts the attempts', async () => {
      await worker();
      const graph = new TaskGraphBuilder()
        .task('a')
        .withContext()
        .retry({ attempts: 3, delayMs: 5 })
        .run(({ attempt }: TaskContext) => {
          if (attempt < 3) throw new Error(`attempt ${attempt}`);
          return attempt;
        })
        .build();
      const executor = bench.executor();
      const attempts: number[] = [];
      executor.on('task:started', ({ attempt }) => attempts.push(attempt));
      await executor.run(graph);
      expect(graph.result('a')).toBe(3);
      expect(attempts).toEqual([1, 2, 3]);
    });

    it('fails an attempt that takes longer than it may, also one that does not listen', async () => {
      await worker({ graceMs: 50 });
      const graph = new TaskGraphBuilder()
        .task('listens')
        .withContext()
        .ioBound()
        .timeout(30)
        .run(work.untilAborted)
        .task('deaf', work.forever)
        .timeout(30)
        .task('other', () => 1)
        .build();
      await bench.executor({ chunk: 1 }).run(graph, { only: ['listens', 'deaf'] });
      for (const task of ['listens', 'deaf'] as const) {
        expect(graph.failure(task)).toBeInstanceOf(TaskTimeoutError);
        expect(graph.failure(task)).toMatchObject({ task, attempt: 1, timeoutMs: 30 });
        expect((graph.failure(task) as Error).cause).toBeUndefined();
      }
    });

    it('hears of progress before the task ends', async () => {
      await worker();
      const graph = new TaskGraphBuilder().task('a').withContext().ioBound().run(work.untilAborted).build();
      const executor = bench.executor();
      const progress = told(executor, 'task:progress', 'a');
      const controller = new AbortController();
      const run = executor.run(graph, { signal: controller.signal });
      expect(await progress).toMatchObject({ task: 'a', attempt: 1, fraction: 0.5, note: 'half' });
      controller.abort(new RangeError('enough'));
      await expect(run).rejects.toMatchObject({ code: 'run-aborted', cause: new RangeError('enough') });
      expect(graph.status('a')).toBe('pending');
    });

    it('carries what goes along with an attempt', async () => {
      await worker();
      const graph = new TaskGraphBuilder()
        .task('a')
        .withContext()
        .ioBound()
        .run(({ headers, task, runId }: TaskContext) => ({ headers, task, runId }))
        .build();
      const executor = bench.executor();
      executor.use({ headers: ({ task }) => ({ 'x-task': task }) });
      const { runId } = await executor.run(graph);
      expect(graph.result('a')).toEqual({ headers: { 'x-task': 'a' }, task: 'a', runId });
    });

    it('puts large results into a store that is shared, and clears them away', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'taskmap-values-'));
      try {
        const valueStore = new FolderStore(directory);
        await worker({ valueStore });
        const graph = new TaskGraphBuilder()
          .task('large', () => new Uint8Array(200_000).fill(7))
          .task('here', () => new Uint8Array(100_000).fill(8))
          .onMainThread()
          .task('sum')
          .dependsOn('large', 'here')
          .run((large, here) => large.length + here[99_999]!)
          .build();
        const executor = bench.executor({ valueStore });
        let files: number | undefined;
        executor.on('task:done', ({ task }) => {
          if (task === 'sum') files = valuesIn(directory);
        });
        await executor.run(graph);
        expect(graph.result('sum')).toBe(200_008);
        expect(graph.result('large')).toEqual(new Uint8Array(200_000).fill(7));
        expect(files).toBe(2);
        expect(valuesIn(directory)).toBe(0);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    it('takes up what an earlier run of the same id has left, and nothing that was reset', async () => {
      await worker();
      const graphOf = () =>
        new TaskGraphBuilder({ name: 'nightly' })
          .task('a', () => performance.now())
          .task('b')
          .dependsOn('a')
          .withContext()
          .run(({ attempt }: TaskContext, a) => {
            if (attempt === 1) throw new Error('not yet');
            return a;
          })
          .build();
      const first = graphOf();
      await bench.executor({ runId: 'tonight' }).run(first);
      expect(first.counts()).toMatchObject({ done: 1, failed: 1 });
      expect(await bench.jobIds()).not.toEqual([]);

      const executor = bench.executor({ runId: 'tonight' });
      const second = graphOf();
      await executor.run(second);
      // The result is the one of the first run; what failed was tried again.
      expect(second.result('a')).toBe(first.result('a'));
      expect(second.counts()).toMatchObject({ done: 1, failed: 1 });

      second.resetAll();
      await executor.run(second, { only: ['a'] });
      expect(second.result('a')).not.toBe(first.result('a'));
      second.markDone('b', 1 as never);
      await executor.run(second);
      expect(await bench.jobIds()).toEqual([]);
    });

    it('keeps what was done in one job with a task that failed, however often the run is begun', async () => {
      await worker();
      const graphs = [1, 2, 3].map(() =>
        new TaskGraphBuilder({ name: 'halves' })
          .task('returns', () => performance.now())
          .task('throws', () => {
            throw new Error('keeps the run from being complete');
          })
          .build(),
      );
      for (const graph of graphs) {
        await bench.executor({ runId: 'tonight', chunk: 2 }).run(graph);
        expect(graph.counts()).toMatchObject({ done: 1, failed: 1 });
      }
      expect(new Set(graphs.map((graph) => graph.result('returns'))).size).toBe(1);
      graphs[2]!.markDone('throws');
      await bench.executor({ runId: 'tonight' }).run(graphs[2]!);
    });

    it('takes up no result of another version of its task', async () => {
      await worker();
      const graphOf = (version: string) =>
        new TaskGraphBuilder({ name: 'versions' })
          .task('a', () => performance.now())
          .version(version)
          .task('b', () => performance.now())
          .task('never', () => {
            throw new Error('keeps the run from being complete');
          })
          .build();
      const [first, second] = [graphOf('1'), graphOf('2')];
      await bench.executor({ runId: 'tonight', chunk: 1 }).run(first);
      await bench.executor({ runId: 'tonight', chunk: 1 }).run(second);
      expect(second.result('a')).not.toBe(first.result('a'));
      expect(second.result('b')).toBe(first.result('b'));
      const done = bench.executor({ runId: 'tonight' });
      second.markDone('never');
      await done.run(second);
    });

    it('refuses a worker that has other code, and runs nothing', async () => {
      await bench.worker({ modules: [], name: 'bare' });
      const graph = new TaskGraphBuilder()
        .task('n', () => 1)
        .onMainThread()
        .task('a', work.later)
        .dependsOn('n')
        .ioBound()
        .build();
      const run = bench.executor().run(graph);
      await expect(run).rejects.toThrow(CodeMismatchError);
      await expect(run).rejects.toThrow(/"bare".*tasks\.ts.*--module/s);
      expect(graph.status('a')).toBe('pending');
    });

    it('takes several runs and executors at once', async () => {
      await worker();
      const graphs = [1, 2, 3, 4].map(
        (n) =>
          new TaskGraphBuilder<any>({ name: 'same' })
            .add({ name: 'n', run: () => n }, { name: 'twice', run: work.double, dependsOn: ['n'] })
            .build() as TaskGraph,
      );
      // Each is a closure of its own, so the first task stays here.
      const executors = [bench.executor(), bench.executor()];
      const local = new AsyncExecutor();
      await Promise.all(graphs.map((graph) => local.runTask(graph, 'n')));
      await Promise.all(graphs.map((graph, index) => executors[index % 2]!.run(graph)));
      expect(graphs.map((graph) => graph.result('twice'))).toEqual([2, 4, 6, 8]);
    });

    it('refuses a result that is more than data, wherever the task runs', async () => {
      await worker();
      const graph = new TaskGraphBuilder<any>()
        .add({ name: 'cpu', run: work.point }, { name: 'io', run: work.point, ioBound: true })
        .build() as TaskGraph;
      await bench.executor().run(graph);
      for (const name of ['cpu', 'io'])
        expect(String(graph.failure(name))).toContain('result.point is an instance of Point');
    });

    it('says that there is no worker, and goes on waiting', async () => {
      const clock = hastyClock();
      const executor = bench.executor({ sweepMs: 25, clock });
      clock.hurry();
      const graph = new TaskGraphBuilder({ name: 'bills' }).task('a', () => 1).build();
      const warned = once(process, 'warning') as Promise<[Error & { code: string }]>;
      const run = executor.run(graph);
      const [{ code, message }] = await warned;
      expect(code).toBe('TASKMAP_NO_WORKER');
      expect(message).toMatch(
        /^No worker serves the queue "[-\w]+\.cpu".*graph "bills" wait, "a" for example.*npx taskmap-ts worker/,
      );
      await worker();
      await run;
      expect(graph.result('a')).toBe(1);
    });

    it('says that there is no worker any more', async () => {
      const clock = hastyClock();
      const executor = bench.executor({ sweepMs: 25, clock });
      const first = await worker();
      // Not before: until a worker that is there has been seen, seconds must not go by.
      const leave = () => first.close().then(() => clock.hurry());
      const graph = new TaskGraphBuilder<any>({ name: 'bills' })
        .add({ name: 'a', run: () => 1, ioBound: true })
        .add({ name: 'gone', run: leave, onMainThread: true, dependsOn: ['a'] })
        .add({ name: 'b', run: () => 2, ioBound: true, dependsOn: ['gone'] })
        .build() as TaskGraph;
      const warned = once(process, 'warning') as Promise<[Error & { code: string }]>;
      const run = executor.run(graph);
      expect((await warned)[0].message).toMatch(/^No worker serves the queue "[-\w]+\.io".*"b" for example/);
      await worker();
      await run;
      expect(graph.result('b')).toBe(2);
    });

    it('says nothing of tasks that wait for a worker that is busy', async () => {
      let aheadMs = 0;
      const executor = bench.executor({
        sweepMs: 25,
        chunk: 1,
        clock: { ...systemClock, now: () => systemClock.now() + aheadMs },
      });
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => void warnings.push(warning);
      process.on('warning', onWarning);
      await worker({ threads: 1 });
      const graph = new TaskGraphBuilder()
        .task('a', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400))
        .task('b', () => 1)
        .build();
      executor.on('task:started', () => {
        aheadMs = 20_000;
      });
      await executor.run(graph);
      process.off('warning', onWarning);
      expect(warnings).toEqual([]);
    });

    it('runs on when its connections were closed for want of runs', async () => {
      await worker();
      const executor = bench.executor();
      const graph = new TaskGraphBuilder().task('a', () => 1).build();
      await executor.run(graph);
      await executor.close();
      await expect(executor.run(graph)).rejects.toMatchObject({ code: 'executor-closed' });
      const other = bench.executor();
      await other.run(graph.resetAll());
      expect(graph.result('a')).toBe(1);
    });
  });
});

function valuesIn(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}
