import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Attempt,
  type Executor,
  ExecutorClosedError,
  InvalidOptionError,
  MemoryStore,
  ParallelExecutor,
  systemClock,
  type TaskContext,
  TaskGraphBuilder,
  TaskTimeoutError,
  TransferError,
  taskModule,
  transfer,
  UnsendableError,
  WorkerStartError,
} from 'taskmap-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { rejection, toldBy } from '../contract/executor-harness.js';
import { validateRuns } from '../support/validated-runs.js';
import { graphOf, made, started, ThreadGate, threads, threadsIn, waitAtGate } from './thread-harness.js';

validateRuns();

const WORK_URL = new URL('../workers/fixtures/work.ts', import.meta.url);
const work = taskModule<typeof import('../workers/fixtures/work.js')>(WORK_URL);
const broken = taskModule<typeof import('../workers/fixtures/broken.js')>(
  new URL('../workers/fixtures/broken.ts', import.meta.url),
);

describe('ParallelExecutor', () => {
  const executor = new ParallelExecutor({ workers: 2 });
  afterAll(() => executor.close());

  describe('options', () => {
    it('have defaults', () => {
      expect(new ParallelExecutor().workers).toBe(Math.min(availableParallelism(), 200));
      expect(new ParallelExecutor()).toMatchObject({ graceMs: 1000 });
      expect(new ParallelExecutor({ workers: 3, graceMs: 5 })).toMatchObject({ workers: 3, graceMs: 5 });
    });

    it.each([
      ['workers', 0],
      ['workers', -1],
      ['workers', 1.5],
      ['workers', 201],
      ['workers', Number.NaN],
      ['workers', Number.POSITIVE_INFINITY],
      ['workers', '2'],
      ['graceMs', -1],
      ['graceMs', Number.NaN],
    ])('%s: %o is refused', (option, value) => {
      expect(() => new ParallelExecutor({ [option]: value })).toThrow(InvalidOptionError);
      expect(() => new ParallelExecutor({ [option]: value })).toThrow(`\`${option}\``);
    });
  });

  describe('functions that cannot be sent', () => {
    const limit = Number('3');
    const offending = () =>
      graphOf(
        { name: 'closure', run: () => limit },
        { name: 'fine', run: () => 1 },
        { name: 'import', run: () => graphOf() },
        { name: 'native', run: Math.max as never, dependsOn: ['fine'] },
        { name: 'kept', run: () => limit, onMainThread: true },
      );

    it('are all named by run(), which starts nothing', async () => {
      const graph = offending();
      const told = toldBy(executor);
      const error = (await rejection(executor.run(graph))) as TransferError;
      expect(error).toBeInstanceOf(TransferError);
      expect([...error.problems.keys()]).toEqual(['closure', 'import', 'native']);
      expect(error.message).toMatch(/3 functions of graph "threads" cannot be sent to a worker thread/);
      for (const problem of error.problems.values()) expect(error.message).toContain(problem);
      expect(told).toEqual([]);
      expect(graph.counts()).toMatchObject({ pending: 5, running: 0 });
      expect(graph.markDone('fine', 1).status('fine')).toBe('done');
    });

    it('are all named by check(), with what to do about them', () => {
      const problems = executor.check(offending());
      expect([...problems.keys()]).toEqual(['closure', 'import', 'native']);
      expect(problems.get('closure')).toMatch(
        /^Task "closure" uses "limit" from the scope around it, which a worker thread cannot see\. .*\.onMainThread\(\)\.$/,
      );
      expect(executor.check(graphOf({ name: 'fine', run: () => 1 }))).toEqual(new Map());
    });

    it('are no matter where a task is done already', async () => {
      const graph = graphOf(
        { name: 'closure', run: () => limit },
        { name: 'next', dependsOn: ['closure'], run: ((value: number) => value + 1) as never },
      );
      graph.markDone('closure', 4);
      expect(executor.check(graph).size).toBe(0);
      await executor.run(graph);
      expect(graph.result('next')).toBe(5);
    });

    it('run on the main thread with .onMainThread()', async () => {
      const seen: unknown[] = [];
      const threadOf = threadsIn(executor);
      const graph = new TaskGraphBuilder()
        .task('made', () => 20)
        .task('here')
        .dependsOn('made')
        .onMainThread()
        .run((value) => {
          seen.push(value);
          return value + limit;
        })
        .task('there')
        .dependsOn('here')
        .run((value) => value * 2)
        .build();
      await executor.run(graph);
      expect(graph.result('there')).toBe(46);
      expect(seen).toEqual([20]);
      expect([...threadOf.values()].map((thread) => typeof thread)).toEqual(['number', 'string', 'number']);
      expect(threadOf.get('here')).toBe('main');
    });
  });

  describe('functions of text', () => {
    it.each([
      ['an arrow function', '(a) => a + 1'],
      ['an async arrow function', 'async (a) => a + 1'],
      ['a method', '({ add(a) { return a + 1; } }).add'],
      ['an async method', '({ async add(a) { return a + 1; } }).add'],
      [
        'a function with a helper of esbuild in it',
        "(a) => { const inner = __name((b) => b + 1, 'inner'); return inner(a); }",
      ],
      ['a function with a coverage counter in it', '(a) => { cov_2x8f().s[0]++; cov_2x8f().b[0][1]++; return a + 1; }'],
      ['a function that imports', "async (a) => (await import('node:path')).posix.sep.length + a"],
      ['a function that returns a thenable', '(a) => ({ then(resolve) { resolve(a + 1); } })'],
    ])('run: %s', async (_, text) => {
      const graph = graphOf({ name: 'a', run: () => 2 }, { name: 'b', run: made(text), dependsOn: ['a'] });
      await executor.run(graph);
      expect(graph.result('b')).toBe(3);
    });

    it('run: an import() of this very file', async () => {
      const graph = graphOf({ name: 'a', run: async () => (await import('node:path')).posix.sep });
      await executor.run(graph);
      expect(graph.result('a')).toBe('/');
    });
  });

  describe('functions of modules', () => {
    it('run on threads, typed', async () => {
      const graph = new TaskGraphBuilder()
        .task('one', () => 21)
        .task('two', work.double)
        .dependsOn('one')
        .task('three', work.labelled)
        .dependsOn('two')
        .build();
      const threadOf = threadsIn(executor);
      await executor.run(graph);
      expect(graph.result('three')).toBe('value 42');
      expect(threadOf.get('two')).toBeTypeOf('number');
      // @ts-expect-error: what is no function cannot be selected.
      expect(work.LIMIT).toBeTypeOf('function');
    });

    it('are found by the name that their module will have once it is compiled', async () => {
      const compiled = taskModule<typeof import('../workers/fixtures/work.js')>(
        new URL('../workers/fixtures/work.js', import.meta.url),
      );
      const graph = new TaskGraphBuilder()
        .task('a', () => 3)
        .task('b', compiled.double)
        .dependsOn('a')
        .build();
      await executor.run(graph);
      expect(graph.result('b')).toBe(6);
    });

    it('are imported once by each thread', async () => {
      const single = new ParallelExecutor({ workers: 1 });
      const graph = graphOf({ name: 'a', run: work.countCalls }, { name: 'b', run: work.countCalls, after: ['a'] });
      await single.run(graph);
      expect([graph.result('a'), graph.result('b')]).toEqual([1, 2]);
      await single.close();
    });

    it('can be called here too', async () => {
      expect(await work.double(4)).toBe(8);
      expect({ ...work.double, name: work.double.name }).toEqual({
        name: 'double',
        exportName: 'double',
        moduleUrl: WORK_URL.href,
      });
      expect(work.double).toBe(work.double);
    });

    it('fail by a sentence that names the export that is missing', async () => {
      const missing = (work as unknown as Record<string, () => unknown>)['tripple']!;
      const graph = graphOf(
        { name: 'a', run: missing },
        { name: 'b', run: (work as any).LIMIT },
        { name: 'c', run: () => 3 },
      );
      await executor.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(TypeError);
      expect(String(graph.failure('a'))).toMatch(/work\.ts has no exported function "tripple"; it exports .*double/);
      expect(String(graph.failure('b'))).toMatch(/has no exported function "LIMIT"/);
      expect(graph.result('c')).toBe(3);
    });

    it('fail with what their module throws', async () => {
      const graph = graphOf(
        { name: 'a', run: broken.never },
        { name: 'b', run: broken.never },
        { name: 'c', run: () => 3 },
      );
      await executor.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(RangeError);
      expect(graph.failure('b')).toMatchObject({ message: 'out of modules' });
      expect(graph.result('c')).toBe(3);
    });

    it('have an absolute address', () => {
      expect(() => taskModule('./work.js')).toThrow(InvalidOptionError);
    });
  });

  describe('results', () => {
    /** What a task on a thread returns, and what a task on a thread sees of it. */
    async function passed(text: string, look: string): Promise<{ result: any; seen: any }> {
      const graph = graphOf({ name: 'a', run: made(text) }, { name: 'b', run: made(look), dependsOn: ['a'] });
      await executor.run(graph);
      return { result: graph.result('a'), seen: graph.result('b') };
    }

    it.each<[string, string, unknown, string]>([
      ['a Date', '() => new Date(5)', new Date(5), 'Date'],
      ['a Map', "() => new Map([['a', new Set([1])]])", new Map([['a', new Set([1])]]), 'Map'],
      ['a typed array', '() => Float64Array.of(1, 2)', Float64Array.of(1, 2), 'Float64Array'],
      ['a bigint', '() => 2n ** 70n', 2n ** 70n, 'BigInt'],
      ['NaN', '() => NaN', Number.NaN, 'Number'],
      ['a regular expression', '() => /x/gi', /x/gi, 'RegExp'],
      ['an error', "() => new RangeError('as a result')", new RangeError('as a result'), 'RangeError'],
    ])('keep their type: %s', async (_, text, expected, type) => {
      const { result, seen } = await passed(text, '(value) => value.constructor.name');
      expect(result).toEqual(expected);
      expect(seen).toBe(type);
    });

    it('that are instances of classes are refused: their methods would not arrive', async () => {
      const point = '() => { class Point { x = 1; sum() { return this.x; } } return { at: [new Point()] }; }';
      const graph = graphOf({ name: 'a', run: made(point) }, { name: 'b', run: () => 1, dependsOn: ['a'] });
      await executor.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(UnsendableError);
      expect(String(graph.failure('a'))).toContain('result.at[0] is an instance of Point');
      expect(graph.status('b')).toBe('skipped');
    });

    it('that are given by with() arrive as copies, in front of results, also where the task is sent ahead', async () => {
      const sizes = { width: 320, seen: [] as unknown[] };
      const graph = graphOf(
        { name: 'raw', run: made('(...all) => all.length'), with: ['a.jpg', null] },
        {
          name: 'thumb',
          run: made('(sizes, raw) => (sizes.seen.push(raw), sizes)'),
          with: [sizes],
          dependsOn: ['raw'],
        },
      );
      await executor.run(graph);
      expect(graph.result('thumb')).toEqual({ width: 320, seen: [2] });
      expect(sizes.seen).toEqual([]);
    });

    it('that are given by with() and cannot be sent fail their task, and the error names the part', async () => {
      const graph = graphOf(
        { name: 'a', run: made('() => 1'), with: [1, { rows: [() => 1] }] },
        { name: 'b', run: made('() => 2') },
      );
      await executor.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(UnsendableError);
      expect(String(graph.failure('a'))).toContain('argument 2 of with().rows[0] is a function');
      expect(graph.result('b')).toBe(2);
    });

    it('that are undefined are left out, those that are null are not', async () => {
      const graph = graphOf(
        { name: 'nothing', run: () => undefined },
        { name: 'null', run: () => null },
        { name: 'one', run: () => 1 },
        { name: 'all', run: ((...all: unknown[]) => all) as never, dependsOn: ['nothing', 'null', 'one'] },
      );
      await executor.run(graph);
      expect(graph.result('all')).toEqual([null, 1]);
    });

    it('are moved where transfer() says so, and the next task has them all the same', async () => {
      const moving = made(`() => {
        const pixels = new Uint8Array([1, 2, 3]);
        const lists = globalThis[Symbol.for('taskmap.transfer')] ??= new WeakMap();
        lists.set(pixels, [pixels.buffer]);
        return pixels;
      }`);
      for (const workers of [1, 2]) {
        const own = new ParallelExecutor({ workers });
        const graph = graphOf(
          { name: 'a', run: moving },
          ...Array.from({ length: 4 }, (_, index) => ({
            name: `b${index}`,
            run: made('(pixels) => pixels.length'),
            dependsOn: ['a'],
          })),
        );
        await own.run(graph);
        expect(graph.result('a')).toEqual(new Uint8Array([1, 2, 3]));
        expect([0, 1, 2, 3].map((index) => graph.result(`b${index}`))).toEqual([3, 3, 3, 3]);
        await own.close();
      }
    });

    it('may be marked by transfer() from a module, which changes nothing on the main thread', async () => {
      const pixels = new Uint8Array(3);
      const graph = graphOf(
        { name: 'a', run: () => transfer(pixels, [pixels.buffer]), onMainThread: true },
        { name: 'b', run: made('(all) => all.length'), dependsOn: ['a'] },
      );
      await executor.run(graph);
      expect(graph.result('b')).toBe(3);
      expect(pixels).toHaveLength(3);
    });

    it('that are shared memory are shared', async () => {
      const memory = new Int32Array(new SharedArrayBuffer(8));
      const graph = graphOf(
        { name: 'memory', run: () => memory, onMainThread: true },
        { name: 'write', run: made('(memory) => { memory[1] = 7; }'), dependsOn: ['memory'] },
      );
      await executor.run(graph);
      expect([...memory]).toEqual([0, 7]);
    });

    it('that cannot be sent fail the task and say which part of them', async () => {
      const graph = graphOf(
        { name: 'a', run: made('() => ({ rows: [1, { format() {} }] })') },
        { name: 'getter', run: made("() => ({ get first() { throw new Error('no'); } })") },
        { name: 'after', run: () => 1, dependsOn: ['a'] },
        { name: 'fine', run: () => 2 },
      );
      await executor.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(UnsendableError);
      expect(String(graph.failure('a'))).toMatch(
        /The result of task "a" cannot be sent: result\.rows\[1\]\.format is a function/,
      );
      expect(String(graph.failure('getter'))).toMatch(/result\.first throws as it is read: Error: no/);
      expect(graph.status('after')).toBe('skipped');
      expect(graph.result('fine')).toBe(2);
    });
  });

  describe('errors', () => {
    it('have the stack of their thread, and below it that of whoever called run()', async () => {
      const graph = graphOf({ name: 'a', run: made("() => { (function deep() { throw new RangeError('no'); })(); }") });
      await (async function whoeverRuns() {
        await executor.run(graph);
      })();
      const { stack } = graph.failure('a') as Error;
      expect(stack).toMatch(
        /^RangeError: no\n +at deep [\s\S]*\n +--- on the thread that called run\(\) ---\n +at whoeverRuns /,
      );
      await executor.runTask(graph, 'a');
      expect((graph.failure('a') as Error).stack).toContain('--- on the thread that called runTask() ---');
      // A store is waited for before the run begins.
      const stored = new ParallelExecutor({ workers: 1, store: new MemoryStore() });
      await (async function whoeverWaits() {
        await stored.run(graph.resetFailed());
      })();
      expect((graph.failure('a') as Error).stack).toMatch(
        /\n +--- on the thread that called run\(\) ---\n +at (async )?whoeverWaits /,
      );
      await stored.close();
    });
  });

  describe('a subclass that overrides runAttempt()', () => {
    class Telling extends ParallelExecutor {
      readonly told: string[] = [];
      running = 0;
      runningMax = 0;

      protected override async runAttempt(attempt: Attempt): Promise<unknown> {
        this.runningMax = Math.max(this.runningMax, ++this.running);
        try {
          return await super.runAttempt(attempt);
        } finally {
          this.running--;
          this.told.push(`${attempt.task.name} ${attempt.attempt}`);
        }
      }
    }

    it('has attempts run on threads by super.runAttempt(), as many at once as there are, with context and retries', async () => {
      const telling = new Telling({ workers: 2 });
      const threadOf = made("() => process.getBuiltinModule('node:worker_threads').threadId");
      const graph = graphOf(
        { name: 'a', run: threadOf },
        { name: 'b', run: threadOf },
        { name: 'c', run: threadOf },
        { name: 'here', run: threadOf, onMainThread: true },
        {
          name: 'flaky',
          run: made(
            "({ task, attempt, progress }, c) => { progress(0.5); if (attempt === 1) throw new Error('again'); return [task, attempt, c > 0]; }",
          ),
          dependsOn: ['c'],
          withContext: true,
          retry: 2,
        },
      );
      const progress: unknown[] = [];
      telling.on('task:progress', ({ task, attempt, fraction }) => progress.push([task, attempt, fraction]));
      await telling.run(graph);
      for (const name of ['a', 'b', 'c']) expect(graph.result(name)).toBeGreaterThan(0);
      expect(graph.result('here')).toBe(0);
      expect(graph.result('flaky')).toEqual(['flaky', 2, true]);
      expect(progress).toEqual([
        ['flaky', 1, 0.5],
        ['flaky', 2, 0.5],
      ]);
      expect([...telling.told].sort()).toEqual(['a 1', 'b 1', 'c 1', 'flaky 1', 'flaky 2', 'here 1']);
      expect(telling.runningMax).toBe(2);
      await telling.close();
    });

    it('ends the thread of an attempt that times out, and fails the task whose function cannot be sent', async () => {
      const telling = new Telling({ workers: 1, graceMs: 10 });
      const free = 1;
      const graph = graphOf(
        { name: 'endless', run: made('() => { for (;;); }'), timeoutMs: 20 },
        { name: 'closure', run: () => free },
        { name: 'fine', run: made('() => 2') },
      );
      await telling.run(graph);
      expect(graph.failure('endless')).toBeInstanceOf(TaskTimeoutError);
      expect(graph.failure('closure')).toBeInstanceOf(TransferError);
      expect(graph.result('fine')).toBe(2);
      await telling.close();
    });

    it('fails the task with why its thread does not start', async () => {
      const script = new URL('../workers/fixtures/none.mjs', import.meta.url);
      const telling = new Telling({ workers: 1, workerScript: script });
      const graph = graphOf({ name: 'a', run: made('() => 1') });
      await telling.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(WorkerStartError);
      await telling.close();
    });

    it('is told that a copy of an attempt is none', async () => {
      class Copying extends ParallelExecutor {
        protected override runAttempt(attempt: Attempt): unknown {
          return super.runAttempt({ ...attempt, args: [] });
        }
      }
      const graph = graphOf({ name: 'a', run: () => 1 });
      await new Copying({ workers: 1 }).run(graph);
      expect(graph.failure('a')).toBeInstanceOf(InvalidOptionError);
    });

    it('is not asked what it can send before it sends it', async () => {
      class Elsewhere extends ParallelExecutor {
        protected override runAttempt({ args }: Attempt): unknown {
          return args.length;
        }
      }
      const free = 1;
      const graph = graphOf({ name: 'a', run: () => free });
      await new Elsewhere({ workers: 1 }).run(graph);
      expect(graph.result('a')).toBe(0);
    });
  });

  describe('with a context', () => {
    it('a task on a thread knows its name, its run and its attempt, and reports progress', async () => {
      const told: unknown[] = [];
      const own: Executor = new ParallelExecutor({ workers: 1 });
      own.on('task:progress', ({ task, attempt, fraction, note }) => told.push([task, attempt, fraction, note]));
      const graph = new TaskGraphBuilder()
        .task('a')
        .withContext()
        .retry(2)
        .run((context) => {
          const { task, attempt, runId, signal } = context;
          context.progress(0.5, 'half');
          context.progress(7);
          if (attempt === 1) throw new Error('again');
          return { task, attempt, runId, aborted: signal.aborted };
        })
        .build();
      const report = await own.run(graph);
      expect(graph.result('a')).toEqual({ task: 'a', attempt: 2, runId: report.runId, aborted: false });
      expect(told).toEqual([
        ['a', 1, 0.5, 'half'],
        ['a', 2, 0.5, 'half'],
      ]);
      await own.close();
    });

    it('the progress of a task on a thread is told every 50 ms at most, and the latest is not lost', async () => {
      const own: Executor = new ParallelExecutor({ workers: 1 });
      const told: [fraction: number, atMs: number][] = [];
      own.on('task:progress', ({ fraction, atMs }) => told.push([fraction, atMs]));
      const graph = new TaskGraphBuilder()
        .task('busy')
        .withContext()
        .run(async ({ progress }) => {
          for (let i = 0; i < 10_000; i++) progress(i / 20_000);
          // Until the last of them has been told, though nothing is said any more.
          await new Promise((resolve) => setTimeout(resolve, 500));
        })
        .build();
      const { durationMs } = await own.run(graph);
      expect(told[0]![0]).toBe(0);
      expect(told.at(-1)![0]).toBe(9999 / 20_000);
      expect(told.length).toBeLessThanOrEqual(2 + durationMs / 50);
      await own.close();
    });

    it('a result that was whole before the abort counts, though word of it came later', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'whole-'));
      const ended = join(folder, 'ended');
      const own = new ParallelExecutor({ workers: 1 });
      await own.warmUp();
      const controller = new AbortController();
      const write = `({ signal }) => { if (signal.aborted) throw 0; process.getBuiltinModule('node:fs').writeFileSync(${JSON.stringify(ended)}, ''); return [1]; }`;
      const graph = graphOf(
        { name: 'whole', run: made(write), withContext: true },
        {
          name: 'busy',
          onMainThread: true,
          // Once the other is on its way; then nothing that a thread says is heard until this has ended.
          run: async () => {
            await new Promise((resolve) => setImmediate(resolve));
            for (const endMs = Date.now() + 30_000; !existsSync(ended) && Date.now() < endMs; );
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
            controller.abort(new Error('enough'));
          },
        },
      );
      const run = own.run(graph, { signal: controller.signal });
      await expect(run).rejects.toMatchObject({ code: 'run-aborted' });
      expect(graph.outcome('whole')).toMatchObject({ status: 'done', result: [1] });
      await own.close();
      rmSync(folder, { recursive: true });
    });

    it('a task sees the abort, with its reason', async () => {
      const controller = new AbortController();
      const own = new ParallelExecutor({ workers: 1, graceMs: 60_000 });
      const graph = new TaskGraphBuilder()
        .task('a')
        .withContext()
        .run((({ signal, progress }: TaskContext) => {
          const told = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
          progress(0);
          return told;
        }) as never)
        .build();
      own.once('task:progress', () => controller.abort(new RangeError('enough')));
      const error = (await rejection(own.run(graph, { signal: controller.signal }))) as Error;
      expect(error.cause).toMatchObject({ message: 'enough' });
      expect(graph.status('a')).toBe('pending');
      await own.close();
    });
  });

  describe('threads', () => {
    it('are told of by number, when a task begins', async () => {
      const threadOf = threadsIn(executor);
      const graph = graphOf(
        { name: 'a', run: () => 1 },
        { name: 'own', run: async () => (await import('node:worker_threads')).threadId },
      );
      await executor.run(graph);
      expect(threadOf.get('a')).toBeTypeOf('number');
      expect(threadOf.get('own')).toBe(graph.result('own'));
    });

    it('run tasks side by side', async () => {
      const own = new ParallelExecutor({ workers: 2 });
      const gate = new ThreadGate();
      // Each waits for the other one: on a single thread neither would end.
      const meeting = made(
        '(gate) => { Atomics.add(gate, 0, 1); Atomics.notify(gate, 0); while (Atomics.load(gate, 0) < 2) Atomics.wait(gate, 0, 1); return 1; }',
      );
      const graph = graphOf(
        gate.task,
        { name: 'a', run: meeting, dependsOn: ['gate'] },
        { name: 'b', run: meeting, dependsOn: ['gate'] },
      );
      await own.run(graph);
      expect(graph.counts().done).toBe(3);
      await own.close();
    });

    it('start with the first run or with warmUp(), and end with close()', async () => {
      const before = new Set(threads);
      const own = new ParallelExecutor({ workers: 2 });
      const more = () => [...threads].filter((thread) => !before.has(thread));
      expect(more()).toHaveLength(0);
      await own.warmUp();
      const warm = more();
      expect(warm).toHaveLength(2);
      await own.warmUp();
      expect(more()).toEqual(warm);
      const exits = warm.map((thread) => new Promise((resolve) => thread.once('exit', resolve)));
      await Promise.all([own.close(), own.close()]);
      await own.close();
      await Promise.all(exits);
      expect(more()).toHaveLength(0);
      expect(await rejection(own.run(graphOf({ name: 'a', run: () => 1 })))).toBeInstanceOf(ExecutorClosedError);
    });

    it('serve the next run too', async () => {
      const own = new ParallelExecutor({ workers: 1 });
      const threadOf = threadsIn(own);
      const graph = graphOf({ name: 'a', run: () => 1 });
      await own.run(graph);
      const first = threadOf.get('a');
      threadOf.clear();
      await own.run(graph.resetAll());
      expect(threadOf.get('a')).toBe(first);
      await own.close();
    });

    it('know nothing of the run before', async () => {
      const own = new ParallelExecutor({ workers: 1 });
      const specs = (text: string) => [
        { name: 'a', run: made(text) },
        { name: 'b', run: made('(a) => a + 1'), dependsOn: ['a'] },
      ];
      const one = graphOf(...specs('() => 1'));
      const two = graphOf(...specs('() => 10'));
      await own.run(one);
      await own.run(two);
      expect([one.result('b'), two.result('b')]).toEqual([2, 11]);
      await own.run(one.replace('a', made('() => 5') as never).resetAll());
      expect(one.result('b')).toBe(6);
      await own.close();
    });

    it('keep short tasks together after a pause too: to have had nothing to say is not to be late', async () => {
      let aheadMs = 0;
      const own = new ParallelExecutor({
        workers: 2,
        clock: { ...systemClock, now: () => systemClock.now() + aheadMs },
      });
      await own.warmUp();
      const threadOf = threadsIn(own);
      const graph = graphOf(...['a', 'b', 'c', 'd'].map((name) => ({ name, run: made('() => 1') })));
      let wereTogether = false;
      // That they are short is learnt by measuring, which a busy machine disturbs.
      for (let run = 0; run < 200 && !wereTogether; run++) {
        aheadMs += 1000;
        await own.run(graph.resetAll());
        wereTogether = new Set(threadOf.values()).size === 1;
      }
      expect(wereTogether).toBe(true);
      await own.close();
    });

    it('serve two runs at once', async () => {
      const own = new ParallelExecutor({ workers: 1 });
      const gate = new ThreadGate();
      const one = graphOf(
        gate.task,
        { name: 'a', run: waitAtGate, dependsOn: ['gate'] },
        { name: 'b', run: (() => 'after') as never, after: ['a'] },
      );
      const two = graphOf(
        ...Array.from({ length: 20 }, (_, index) => ({ name: `t${index}`, run: made(`() => ${index}`) })),
      );
      const waits = started(own, 'a');
      const first = own.run(one);
      await waits;
      const second = own.run(two);
      gate.open();
      await Promise.all([first, second]);
      expect(one.result('b')).toBe('after');
      expect(Array.from({ length: 20 }, (_, index) => two.result(`t${index}`))).toEqual(
        Array.from({ length: 20 }, (_, index) => index),
      );
      await own.close();
    });
  });
});
