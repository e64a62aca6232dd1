import {
  AsyncExecutor,
  type Attempt,
  type Clock,
  Executor,
  type RunOptions,
  type RunReport,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskSpec,
} from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import {
  counted,
  rejection,
  task,
  thrower,
  toldBy,
  uncaughtDuring,
  untilSettled,
  waited,
} from '../contract/executor-harness.js';
import { FakeClock, settle } from '../support/fake-clock.js';

function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder<any>().add(...specs).build();
}

describe('runAttempt', () => {
  it('may change what a function returns, also under SyncExecutor', async () => {
    class Doubling extends SyncExecutor {
      protected override runAttempt(attempt: Attempt): unknown {
        return 2 * (super.runAttempt(attempt) as number);
      }
    }
    const graph = graphOf(
      task('a', () => 2),
      task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
    );
    new Doubling().run(graph);
    expect(graph.results).toMatchObject({ a: 4, b: 10 });
  });

  it('may be given to one executor alone', async () => {
    const executor = new SyncExecutor();
    Object.assign(executor, { runAttempt: () => 'instead' });
    const graph = graphOf(task('a', () => 1));
    executor.run(graph);
    expect(graph.result('a')).toBe('instead');
  });

  it('may log', async () => {
    class Logging extends AsyncExecutor {
      readonly lines: string[] = [];

      protected override async runAttempt(attempt: Attempt): Promise<unknown> {
        const { name } = attempt.task;
        this.lines.push(`${name} ${attempt.attempt} begins`);
        try {
          return await super.runAttempt(attempt);
        } finally {
          this.lines.push(`${name} ${attempt.attempt} ends`);
        }
      }
    }
    const executor = new Logging();
    const flaky = counted((call) => (call === 1 ? thrower('again')() : Promise.resolve(1)));
    const graph = graphOf(
      task('a', flaky, { retry: 2 }),
      task('b', (a: number) => a, { dependsOn: ['a'] }),
    );
    await executor.run(graph);
    expect(executor.lines).toEqual(['a 1 begins', 'a 1 ends', 'a 2 begins', 'a 2 ends', 'b 1 begins', 'b 1 ends']);
    expect(graph.result('b')).toBe(1);
  });

  it('may hold attempts back to limit the rate, and timeouts and aborts still count', async () => {
    const clock = new FakeClock();
    class RateLimited extends AsyncExecutor {
      #freeAtMs = 0;

      protected override async runAttempt(attempt: Attempt): Promise<unknown> {
        const waitMs = Math.max(0, this.#freeAtMs - clock.now());
        this.#freeAtMs = clock.now() + waitMs + 100;
        await waited(clock, waitMs, undefined, attempt.signal);
        return attempt.invoke();
      }
    }
    const startMs = clock.now();
    const atMs: number[] = [];
    const note = () => atMs.push(clock.now() - startMs);
    const graph = graphOf(
      task('a', note),
      task('b', note),
      task('c', note),
      task('d', note, { timeoutMs: 50 }),
      task('e', note),
    );
    const controller = new AbortController();
    clock.after(350, () => controller.abort('enough'));
    const run = new RateLimited({ clock }).run(graph, { signal: controller.signal });
    expect(await rejection(untilSettled(clock, run))).toMatchObject({ cause: 'enough' });
    expect(atMs).toEqual([0, 100, 200]);
    expect(graph.failure('d')).toMatchObject({ code: 'task-timeout' });
    expect(graph.status('e')).toBe('pending');
  });

  it('that throws or rejects fails the task as if its function had', async () => {
    for (const runAttempt of [thrower('broken'), () => Promise.reject('broken')]) {
      const executor = new AsyncExecutor();
      Object.assign(executor, { runAttempt });
      const graph = graphOf(
        task('a', () => 1, { retry: 2 }),
        task('b', () => 2, { dependsOn: ['a'] }),
      );
      await executor.run(graph);
      expect(graph.outcome('a')).toEqual({ status: 'failed', error: 'broken', attempts: 2 });
      expect(graph.status('b')).toBe('skipped');
    }
  });

  it('may abort its own run, close its executor, and run other graphs', async () => {
    class Restless extends AsyncExecutor {
      closed: Promise<void> | undefined;

      protected override async runAttempt(attempt: Attempt): Promise<unknown> {
        if (attempt.task.name === 'x') return attempt.invoke();
        const inner = graphOf(task('x', () => 5));
        await this.run(inner);
        this.closed = this.close();
        expect(attempt.signal.aborted).toBe(true);
        return inner.result('x');
      }
    }
    const executor = new Restless();
    const graph = graphOf(task('a', () => 1));
    expect(await rejection(executor.run(graph))).toMatchObject({
      code: 'run-aborted',
      cause: { code: 'executor-closed' },
    });
    await executor.closed;
    expect(graph.status('a')).toBe('pending');
  });

  it('that returns a promise under SyncExecutor fails the task', async () => {
    class Wrong extends SyncExecutor {
      protected override async runAttempt(attempt: Attempt): Promise<unknown> {
        return attempt.invoke();
      }
    }
    const graph = graphOf(task('a', thrower('broken')));
    const uncaught = await uncaughtDuring(() => new Wrong().run(graph));
    expect(graph.failure('a')).toMatchObject({ code: 'async-task' });
    expect(uncaught).toEqual([]);
  });
});

describe('a subclass', () => {
  it('may change the defaults of run', async () => {
    class Strict extends AsyncExecutor {
      override run<T extends object>(graph: TaskGraph<T>, options?: RunOptions<T>): Promise<RunReport> {
        return super.run(graph, { onFailure: 'stop', ...options });
      }
    }
    expect(await rejection(new Strict().run(graphOf(task('a', thrower('broken')))))).toMatchObject({
      code: 'run-failed',
    });
  });

  it('is an Executor and is named in errors', async () => {
    class Particular extends AsyncExecutor {}
    const executor = new Particular();
    expect(executor).toBeInstanceOf(Executor);
    await executor.close();
    expect(String(await rejection(executor.run(graphOf())))).toContain('This Particular is closed.');
  });

  it('may have events of its own', () => {
    class Telling extends SyncExecutor {
      protected override runAttempt(attempt: Attempt): unknown {
        this.emit('mine' as 'task:done', { task: attempt.task.name } as never);
        return super.runAttempt(attempt);
      }
    }
    const executor = new Telling();
    const heard = vi.fn();
    executor.on('mine' as 'task:done', heard);
    executor.run(graphOf(task('a', () => 1)));
    expect(heard).toHaveBeenCalledWith({ task: 'a' });
  });
});

/** Fails from a certain call on. */
function failsAfter<A extends unknown[], R>(calls: number, fn: (...args: A) => R, error: Error): (...args: A) => R {
  let left = calls;
  return (...args) => {
    if (left-- <= 0) throw error;
    return fn(...args);
  };
}

describe('what must not fail and does', () => {
  const tasks = () => [
    task('a', () => Promise.resolve(1)),
    task('b', () => Promise.reject(new Error('again')), { retry: { attempts: 2, delayMs: 5 }, timeoutMs: 100 }),
    task('c', () => 3, { after: ['a'] }),
  ];

  it.each(Array.from({ length: 16 }, (_, calls) => calls))(
    'a clock whose now() fails after %i calls ends the run, and leaves the graph free',
    async (calls) => {
      const clock = new FakeClock();
      const error = new Error('the clock is broken');
      const broken: Clock = {
        now: failsAfter(calls, () => clock.now(), error),
        after: (delayMs, callback) => clock.after(delayMs, callback),
        soon: (callback) => clock.soon(callback),
        block: (delayMs) => clock.block(delayMs),
      };
      const executor = new AsyncExecutor({ clock: broken });
      toldBy(executor);
      const graph = graphOf(...tasks());
      expect(await rejection(untilSettled(clock, executor.run(graph)))).toBe(error);
      expect(graph.counts().running).toBe(0);
      // The graph can be taken up again with a better clock.
      const report = await untilSettled(clock, new AsyncExecutor({ clock }).run(graph));
      expect(report.status).toBe('finished');
      await executor.close();
    },
  );

  it.each([0, 1])(
    'a clock whose after() fails after %i calls ends the run, and leaves the graph free',
    async (calls) => {
      const clock = new FakeClock();
      const error = new Error('the clock is broken');
      const broken: Clock = {
        now: () => clock.now(),
        after: failsAfter(calls, (delayMs, callback) => clock.after(delayMs, callback), error),
        soon: (callback) => clock.soon(callback),
        block: (delayMs) => clock.block(delayMs),
      };
      const graph = graphOf(...tasks());
      expect(await rejection(untilSettled(clock, new AsyncExecutor({ clock: broken }).run(graph)))).toBe(error);
      expect(graph.counts().running).toBe(0);
      expect(clock.waiting).toBe(0);
      await untilSettled(clock, new AsyncExecutor({ clock }).run(graph));
      expect(graph.counts()).toMatchObject({ done: 2, failed: 1 });
    },
  );

  it('a SyncExecutor whose clock fails throws what the clock threw', () => {
    const error = new Error('the clock is broken');
    const clock = new FakeClock();
    vi.spyOn(clock, 'block').mockImplementation(thrower(error));
    const graph = graphOf(task('a', thrower('again'), { retry: { attempts: 2, delayMs: 5 } }));
    expect(() => new SyncExecutor({ clock }).run(graph)).toThrow(error);
    expect(graph.reset('a').status('a')).toBe('pending');
  });

  it.each(['run:started', 'task:ready', 'task:started', 'task:done', 'task:failed', 'run:finished'])(
    'an emit() of a subclass that throws on %s ends the run, and leaves the graph free',
    async (failing) => {
      const error = new Error('emit is broken');
      class Broken extends AsyncExecutor {
        override emit: AsyncExecutor['emit'] = (...args) => {
          if (args[0] === failing) throw error;
          return Reflect.apply(AsyncExecutor.prototype.emit, this, args);
        };
      }
      const clock = new FakeClock();
      const executor = new Broken({ clock });
      toldBy(executor);
      const graph = graphOf(...tasks());
      const run = executor.run(graph);
      let ended = false;
      void run.then(
        () => {
          ended = true;
        },
        () => {
          ended = true;
        },
      );
      const uncaught = await uncaughtDuring(async () => {
        await clock.advance(2000);
        await settle();
      });
      expect(ended).toBe(true);
      expect(graph.counts().running).toBe(0);
      if (failing === 'run:finished') expect(uncaught).toMatchObject([{ cause: error }]);
      else expect(await rejection(run)).toBe(error);
      await untilSettled(clock, new AsyncExecutor({ clock }).run(graph));
    },
  );
});
