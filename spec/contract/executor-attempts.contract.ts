import { InvalidOptionError, type TaskContext, TaskTimeoutError } from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { counted, type ExecutorSubject, rejection, Stage, task, thrower, uncaughtDuring } from './executor-harness.js';

/** One attempt after another: retries, timeouts, the context, and what functions return. */
export function attemptContract(subject: ExecutorSubject): void {
  describe('retries', () => {
    it('follow a failed attempt until one succeeds', async () => {
      const stage = new Stage(subject);
      const flaky = counted((call) => (call < 3 ? thrower(`call ${call}`)() : 'at last'));
      const graph = stage.graph(task('a', flaky, { retry: 5 }));
      await stage.run(graph);
      expect(graph.result('a')).toBe('at last');
      expect(flaky.calls).toHaveLength(3);
      expect(stage.lines).toEqual([
        'run:started',
        'task:ready a',
        'task:started a',
        'task:retrying a',
        'task:started a',
        'task:retrying a',
        'task:started a',
        'task:done a',
        'run:finished',
      ]);
      expect(stage.records('task:done')).toMatchObject([{ attempt: 3 }]);
      expect(stage.records('task:retrying').map(({ error }) => error)).toEqual(['call 1', 'call 2']);
    });

    it('end when the attempts are used up: the last error counts', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task(
          'a',
          counted((call) => thrower(call)()),
          { retry: 3 },
        ),
      );
      const report = await stage.run(graph);
      expect(graph.outcome('a')).toEqual({ status: 'failed', error: 3, attempts: 3 });
      expect(report.attemptCount).toBe(3);
    });

    it('wait longer by the factor backoff each time', async () => {
      const stage = new Stage(subject);
      const startMs = stage.clock.now();
      const atMs: number[] = [];
      const graph = stage.graph(
        task(
          'a',
          () => {
            atMs.push(stage.clock.now() - startMs);
            throw new Error('again');
          },
          { retry: { attempts: 4, delayMs: 10, backoff: 3 } },
        ),
      );
      await stage.run(graph);
      expect(atMs).toEqual([0, 10, 40, 130]);
    });

    it('wait shorter by a random part of jitter', async () => {
      const stage = new Stage(subject);
      vi.spyOn(Math, 'random').mockReturnValueOnce(0).mockReturnValueOnce(0.5).mockReturnValueOnce(1);
      const graph = stage.graph(task('a', thrower('broken'), { retry: { attempts: 4, delayMs: 100, jitter: 0.4 } }));
      await stage.run(graph);
      expect(stage.records('task:retrying').map(({ delayMs }) => delayMs)).toEqual([100, 80, 60]);
    });

    it('follow only errors that `when` says deserve them', async () => {
      const stage = new Stage(subject);
      const when = vi.fn((error: unknown) => error === 'busy');
      const graph = stage.graph(
        task(
          'a',
          counted((call) => thrower(call === 1 ? 'busy' : 'broken')()),
          { retry: { attempts: 9, when } },
        ),
      );
      await stage.run(graph);
      expect(graph.outcome('a')).toEqual({ status: 'failed', error: 'broken', attempts: 2 });
      expect(when.mock.calls).toEqual([
        ['busy', 1],
        ['broken', 2],
      ]);
    });

    it('are not asked about after the last attempt', async () => {
      const stage = new Stage(subject);
      const when = vi.fn(() => true);
      await stage.run(stage.graph(task('a', thrower('broken'), { retry: { attempts: 2, when } })));
      expect(when).toHaveBeenCalledTimes(1);
    });

    it('end when `when` throws: the task fails with that', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', thrower('broken'), { retry: { attempts: 9, when: thrower('when is broken') } }),
        task('b', () => 1),
      );
      await stage.run(graph);
      expect(graph.outcome('a')).toEqual({ status: 'failed', error: 'when is broken', attempts: 1 });
      expect(graph.result('b')).toBe(1);
    });

    it.each<[string, () => unknown]>([
      ['an async function', async () => false],
      ['a function that returns a promise', () => Promise.resolve(true)],
      ['one that is rejected', () => Promise.reject(new Error('nobody waits for it'))],
      ['a thenable', () => ({ then: (resolve: (value: boolean) => void) => resolve(false) })],
    ])('are not decided by a promise: `when` as %s fails the task, and says why', async (_, when) => {
      const stage = new Stage(subject);
      const call = counted(thrower('broken'));
      const graph = stage.graph(task('a', call, { retry: { attempts: 5, when: when as never } }));
      expect(await uncaughtDuring(() => stage.run(graph))).toEqual([]);
      expect(call.calls).toHaveLength(1);
      const failure = graph.failure('a');
      expect(failure).toMatchObject({ code: 'invalid-option', option: 'retry.when', cause: 'broken' });
      expect(String(failure)).toContain('returns true or false at once, and no promise');
    });

    it('are called off when `when` aborts the run', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      const when = () => {
        controller.abort('enough');
        return true;
      };
      const graph = stage.graph(task('a', thrower('broken'), { retry: { attempts: 9, delayMs: 10, when } }));
      expect(await rejection(stage.run(graph, { signal: controller.signal }))).toMatchObject({
        code: 'run-aborted',
        cause: 'enough',
      });
      expect(graph.outcome('a')).toEqual({ status: 'pending' });
      expect(stage.clock.waiting).toBe(0);
    });

    it('start counting anew after a reset', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', thrower('broken'), { retry: 2 }));
      await stage.run(graph);
      await stage.run(graph.resetFailed());
      expect(stage.records('task:started').map(({ attempt }) => attempt)).toEqual([1, 2, 1, 2]);
    });
  });

  describe('timeouts', () => {
    it('fail an attempt that takes longer', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', ({ signal }: TaskContext) => stage.taking(11, 'late', signal), { withContext: true, timeoutMs: 10 }),
        task('b', () => 1, { dependsOn: ['a'] }),
      );
      await stage.run(graph);
      const error = graph.failure('a');
      expect(error).toBeInstanceOf(TaskTimeoutError);
      expect(error).toMatchObject({ code: 'task-timeout', task: 'a', attempt: 1, timeoutMs: 10 });
      expect(graph.outcome('b')).toEqual({ status: 'skipped', because: 'a' });
    });

    it('let an attempt pass that takes less', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => stage.taking(9, 'in time'), { timeoutMs: 10 }));
      await stage.run(graph);
      expect(graph.result('a')).toBe('in time');
    });

    it('count from the start of the attempt, for each attempt anew', async () => {
      const stage = new Stage(subject);
      const slowOnce = counted((call) => stage.taking(call === 1 ? 20 : 9, call));
      const graph = stage.graph(
        task('before', () => stage.taking(50, 0)),
        task('a', slowOnce, { after: ['before'], timeoutMs: 10, retry: { attempts: 2, delayMs: 30 } }),
      );
      await stage.run(graph);
      expect(graph.result('a')).toBe(2);
      expect(stage.records('task:retrying')).toMatchObject([
        { task: 'a', error: { code: 'task-timeout', attempt: 1 } },
      ]);
    });

    it('fail a function that never lets go of the thread once it returns or throws', async () => {
      const stage = new Stage(subject);
      const slow = (end: () => unknown) => () => {
        stage.clock.block(11);
        return end();
      };
      const error = new Error('broken as well');
      const graph = stage.graph(
        task(
          'returns',
          slow(() => 'late'),
          { timeoutMs: 10 },
        ),
        task('throws', slow(thrower(error)), { timeoutMs: 10 }),
      );
      await stage.run(graph);
      expect(graph.failure('returns')).toBeInstanceOf(TaskTimeoutError);
      expect(graph.failure('returns')).not.toHaveProperty('cause');
      expect(graph.failure('throws')).toMatchObject({ code: 'task-timeout', cause: error });
    });

    it('leave no timer behind', async () => {
      const stage = new Stage(subject);
      await stage.run(
        stage.graph(
          task('a', () => stage.taking(1, 1), { timeoutMs: 1000 }),
          task('b', thrower('broken'), { timeoutMs: 1000 }),
        ),
      );
      expect(stage.clock.waiting).toBe(0);
    });
  });

  describe('withContext', () => {
    it('passes the task, the attempt, the run and a signal first', async () => {
      const stage = new Stage(subject);
      const seen: TaskContext[] = [];
      const graph = stage.graph(
        task('a', () => 1),
        task(
          'b',
          (context: TaskContext, a: number) => {
            seen.push(context);
            if (context.attempt === 1) throw new Error('again');
            return a;
          },
          { withContext: true, dependsOn: ['a'], retry: 2 },
        ),
      );
      const { runId } = await stage.run(graph);
      expect(seen.map(({ task, attempt, runId }) => ({ task, attempt, runId }))).toEqual([
        { task: 'b', attempt: 1, runId },
        { task: 'b', attempt: 2, runId },
      ]);
      expect(seen[0]!.signal).toBeInstanceOf(AbortSignal);
      expect(seen[0]!.signal).toBe(seen[0]!.signal);
      expect(seen[0]!.signal).not.toBe(seen[1]!.signal);
      expect(seen[1]!.signal.aborted).toBe(false);
      expect(graph.result('b')).toBe(1);
    });

    it('tells progress, clamped to 0 and 1, and works when taken apart', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task(
          'a',
          ({ progress }: TaskContext) => {
            for (const fraction of [-1, 0.25, 2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
              progress(fraction);
            progress(1, 'nearly');
          },
          { withContext: true },
        ),
      );
      const { runId } = await stage.run(graph);
      const atMs = stage.records('run:started')[0]!['atMs'];
      const record = { runId, atMs, task: 'a', attempt: 1, note: undefined };
      expect(stage.records('task:progress')).toEqual([
        ...[0, 0.25, 1, 1, 0].map((fraction) => ({ ...record, fraction })),
        { ...record, fraction: 1, note: 'nearly' },
      ]);
      expect(stage.lines).toEqual([
        'run:started',
        'task:ready a',
        'task:started a',
        ...Array<string>(6).fill('task:progress a'),
        'task:done a',
        'run:finished',
      ]);
    });

    it.each([Number.NaN, '0.5', undefined, null])('refuses %s as progress', async (fraction) => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', ({ progress }: TaskContext) => progress(fraction as number), { withContext: true }),
      );
      await stage.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(InvalidOptionError);
      expect(graph.failure('a')).toMatchObject({ option: 'fraction', value: fraction });
      expect((graph.failure('a') as Error).message).toContain('"a"');
    });

    it('ignores progress once the attempt has ended', async () => {
      const stage = new Stage(subject);
      const kept: TaskContext['progress'][] = [];
      const graph = stage.graph(
        task('a', ({ progress }: TaskContext) => kept.push(progress), { withContext: true }),
        task('b', () => kept[0]!(0.5), { after: ['a'] }),
      );
      await stage.run(graph);
      kept[0]!(0.75);
      expect(stage.records('task:progress')).toEqual([]);
      expect(graph.counts()).toMatchObject({ done: 2 });
    });
  });

  describe('what a function returns', () => {
    it('may be a function, an object with a `then` that is none, or a class', async () => {
      const stage = new Stage(subject);
      const values = [() => 1, { then: 'not a function' }, class Thing {}, { then: null }];
      const graph = stage.graph(...values.map((value, index) => task(`${index}`, () => value)));
      await stage.run(graph);
      expect(values.map((_, index) => graph.result(`${index}`))).toEqual(values);
    });

    it('fails the task when its `then` cannot be read', async () => {
      const stage = new Stage(subject);
      const hostile = {
        get then() {
          return thrower('then is broken')();
        },
      };
      const graph = stage.graph(
        task('a', () => hostile),
        task('b', () => 1),
      );
      await stage.run(graph);
      expect(graph.failure('a')).toBe('then is broken');
      expect(graph.result('b')).toBe(1);
    });
  });
}
