import { GraphBusyError, InvalidOptionError, MemoryStore, ResultUnavailableError, UnknownTaskError } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { counted, type ExecutorSubject, rejection, Stage, task, thrower } from './executor-harness.js';

/** Which tasks run, with what, and what comes of it. */
export function runContract(subject: ExecutorSubject): void {
  describe('arguments', () => {
    it('come in the order of dependsOn', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('d', (...args: unknown[]) => args, { dependsOn: ['c', 'a', 'b'] }),
        task('a', () => 1),
        task('b', () => 2),
        task('c', () => 3),
      );
      await stage.run(graph);
      expect(graph.result('d')).toEqual([3, 1, 2]);
    });

    it('leave out undefined and nothing else', async () => {
      const stage = new Stage(subject);
      const values = [undefined, null, 0, '', false, Number.NaN, undefined, []];
      const names = values.map((_, index) => `v${index}`);
      const graph = stage.graph(
        ...values.map((value, index) => task(names[index]!, () => value)),
        task('all', (...args: unknown[]) => args, { dependsOn: names }),
      );
      await stage.run(graph);
      expect(graph.result('all')).toEqual([null, 0, '', false, Number.NaN, []]);
    });

    it.each([0, 1, 2, 3, 4, 5])('leave out undefined wherever it stands among %i', async (count) => {
      const stage = new Stage(subject);
      const names = Array.from({ length: count }, (_, index) => `v${index}`);
      const sets = Array.from({ length: 2 ** count }, (_, bits) => bits);
      const graph = stage.graph(
        ...sets.flatMap((bits) => [
          ...names.map((name, index) => task(`${bits} ${name}`, () => ((bits >> index) & 1 ? index : undefined))),
          task(
            `${bits}`,
            function (this: unknown, ...args: unknown[]) {
              // The number of arguments is what defaults and rest parameters see.
              // biome-ignore lint/complexity/noArguments: the very thing to be compared.
              return [args, arguments.length];
            },
            { dependsOn: names.map((name) => `${bits} ${name}`) },
          ),
        ]),
      );
      await stage.run(graph);
      for (const bits of sets) {
        const passed = names.flatMap((_, index) => ((bits >> index) & 1 ? [index] : []));
        expect(graph.result(`${bits}`)).toEqual([passed, passed.length]);
      }
    });

    it('come twice from a dependency that is named twice, and not at all from one named in after', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => 1),
        task('b', () => 2),
        task('c', (...args: unknown[]) => args, { dependsOn: ['a', 'a'], after: ['b'] }),
      );
      await stage.run(graph);
      expect(graph.result('c')).toEqual([1, 1]);
    });

    it('come with no `this`', async () => {
      const stage = new Stage(subject);
      const seen: unknown[] = [];
      const run = function (this: unknown) {
        seen.push(this);
      };
      const graph = stage.graph(
        task('a', run),
        task('b', run, { dependsOn: ['a'] }),
        task('c', run, { withContext: true }),
        task('d', run, { dependsOn: ['a', 'b', 'c', 'a'] }),
      );
      await stage.run(graph);
      expect(seen).toEqual([undefined, undefined, undefined, undefined]);
    });

    it('arrive as the very values that were returned', async () => {
      const stage = new Stage(subject);
      const value = { deep: [new Map()] };
      const graph = stage.graph(
        task('a', () => value),
        task('same', (a: unknown) => a === value, { dependsOn: ['a'] }),
      );
      await stage.run(graph);
      expect(graph.result('same')).toBe(true);
    });
  });

  describe('a run', () => {
    it('of an empty graph ends', async () => {
      const stage = new Stage(subject);
      const report = await stage.run(stage.graph());
      expect(report).toMatchObject({
        status: 'finished',
        attemptCount: 0,
        counts: { pending: 0, running: 0, done: 0, failed: 0, skipped: 0 },
      });
      expect(stage.lines).toEqual(['run:started', 'run:finished']);
    });

    it('takes any name', async () => {
      const stage = new Stage(subject);
      const names = [
        '',
        '__proto__',
        'constructor',
        'then',
        'toString',
        'hasOwnProperty',
        'task:done',
        '任务',
        '\0',
        '\ud83d',
      ];
      const graph = stage.graph(
        ...names.map((name, index) =>
          task(name, (before = 0) => before + 1, { dependsOn: names.slice(Math.max(index - 1, 0), index) }),
        ),
      );
      await stage.run(graph);
      expect(names.map((name) => graph.result(name))).toEqual(names.map((_, index) => index + 1));
      expect(Object.keys(graph.results)).toEqual(names);
    });

    // a* ─► b ─► c     d
    it('skips the descendants of a failed task and runs all else', async () => {
      const stage = new Stage(subject);
      const error = new Error('no electricity');
      const graph = stage.graph(
        task('a', thrower(error)),
        task('b', () => 1, { dependsOn: ['a'] }),
        task('c', () => 2, { dependsOn: ['b', 'd'] }),
        task('d', () => 3),
      );
      const report = await stage.run(graph);
      expect(graph.outcome('a')).toEqual({ status: 'failed', error, attempts: 1 });
      expect(graph.failure('a')).toBe(error);
      expect(graph.outcome('b')).toEqual({ status: 'skipped', because: 'a' });
      expect(graph.outcome('c')).toEqual({ status: 'skipped', because: 'a' });
      expect(graph.outcome('d')).toEqual({ status: 'done', result: 3, source: 'run' });
      expect(report).toMatchObject({
        status: 'finished',
        attemptCount: 2,
        counts: { pending: 0, running: 0, done: 1, failed: 1, skipped: 2 },
      });
      expect([...report.failures]).toEqual([['a', error]]);
    });

    // a* ─► c     the first to fail is the reason
    // b* ───┘
    it('names the ancestor that failed first as the reason', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', thrower('a'), { after: ['late'] }),
        task('b', thrower('b')),
        task('c', () => 1, { dependsOn: ['a', 'b'] }),
        task('late', () => 2, { dependsOn: ['later'] }),
        task('later', () => stage.taking(5, 3)),
      );
      await stage.run(graph);
      const [first] = stage.records('task:failed');
      expect(stage.records('task:failed')).toHaveLength(2);
      expect(graph.outcome('c')).toEqual({ status: 'skipped', because: first!['task'] });
      expect(stage.records('task:skipped')).toHaveLength(1);
    });

    it('keeps what a task threw as it was thrown, whatever it is', async () => {
      const stage = new Stage(subject);
      const thrown = [
        'text',
        0,
        null,
        undefined,
        Symbol('s'),
        { code: 1 },
        new TypeError('t', { cause: 'c' }),
        () => 1,
      ];
      const graph = stage.graph(...thrown.map((value, index) => task(`${index}`, thrower(value))));
      const report = await stage.run(graph);
      for (const [index, error] of thrown.entries())
        expect(graph.outcome(`${index}`)).toEqual({ status: 'failed', error, attempts: 1 });
      expect([...report.failures.values()]).toEqual(thrown);
      expect(graph.failures().size).toBe(thrown.length);
    });

    it('leaves its graph free, also for another executor', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => 1));
      await stage.run(graph);
      graph.reset('a');
      await new Stage(subject).run(graph);
      expect(graph.result('a')).toBe(1);
    });

    it('refuses what is no graph and options that are out of range, and leaves the graph free', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => 1));
      expect(await rejection(stage.run({} as never))).toBeInstanceOf(InvalidOptionError);
      expect(await rejection(stage.run(graph, { signal: {} as never }))).toMatchObject({ option: 'signal' });
      expect(await rejection(stage.run(graph, { onFailure: 'explode' as never }))).toMatchObject({
        option: 'onFailure',
        value: 'explode',
      });
      expect(await rejection(stage.run(graph, { only: 'a' as never }))).toMatchObject({ option: 'only', value: 'a' });
      expect(await rejection(stage.run(graph, { only: ['b'] }))).toBeInstanceOf(UnknownTaskError);
      expect(stage.lines).toEqual([]);
      await stage.run(graph);
      expect(graph.result('a')).toBe(1);
    });
  });

  describe('a further run', () => {
    it('runs nothing that is done', async () => {
      const stage = new Stage(subject);
      const [a, b] = [counted(() => 1), counted(() => 2)];
      const graph = stage.graph(task('a', a), task('b', b, { dependsOn: ['a'] }));
      await stage.run(graph);
      const report = await stage.run(graph);
      expect([a.calls.length, b.calls.length]).toEqual([1, 1]);
      expect(report).toMatchObject({ attemptCount: 0, counts: { done: 2 } });
    });

    it('leaves failed and skipped tasks alone and tells nothing of them', async () => {
      const stage = new Stage(subject);
      const a = counted(() => thrower('broken')());
      const graph = stage.graph(
        task('a', a),
        task('b', () => 2, { dependsOn: ['a'] }),
      );
      await stage.run(graph);
      stage.told.length = 0;
      const report = await stage.run(graph);
      expect(a.calls).toHaveLength(1);
      expect(stage.lines).toEqual(['run:started', 'run:finished']);
      expect(report.counts).toMatchObject({ failed: 1, skipped: 1 });
      expect(report.failures.size).toBe(0);
    });

    // a ─► b* ─► c
    it('after resetFailed() runs the failed task and its descendants, and no other', async () => {
      const stage = new Stage(subject);
      const [a, b, c] = [counted(() => 1), counted((call) => (call === 1 ? thrower('broken')() : 2)), counted(() => 3)];
      const graph = stage.graph(task('a', a), task('b', b, { dependsOn: ['a'] }), task('c', c, { dependsOn: ['b'] }));
      await stage.run(graph);
      expect(graph.counts()).toMatchObject({ done: 1, failed: 1, skipped: 1 });
      await stage.run(graph.resetFailed());
      expect([a.calls.length, b.calls.length, c.calls.length]).toEqual([1, 2, 1]);
      expect(graph.counts()).toMatchObject({ done: 3 });
    });

    // a* ─► b ─► c
    it('skips a reset task again that still has a failed ancestor', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', thrower('broken')),
        task('b', () => 1, { dependsOn: ['a'] }),
        task('c', () => 2, { dependsOn: ['b'] }),
      );
      await stage.run(graph);
      stage.told.length = 0;
      await stage.run(graph.reset('c'));
      expect(graph.outcome('c')).toEqual({ status: 'skipped', because: 'a' });
      expect(stage.lines).toEqual(['run:started', 'task:skipped c', 'run:finished']);
    });

    it('calls the function that replaced another', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => 1),
        task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
      );
      await stage.run(graph);
      await stage.run(graph.replace('a', () => 10).reset('a'));
      expect(graph.result('b')).toBe(11);
    });

    it('passes on what a task was marked done with', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', thrower('broken')),
        task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
      );
      await stage.run(graph);
      await stage.run(graph.markDone('a', 4));
      expect(graph.outcome('a')).toEqual({ status: 'done', result: 4, source: 'given' });
      expect(graph.result('b')).toBe(5);
    });
  });

  describe('only', () => {
    // a ─► b ─► c     d
    it('runs these tasks and what they need', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => 1),
        task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
        task('c', () => 3, { dependsOn: ['b'] }),
        task('d', () => 4),
      );
      const report = await stage.run(graph, { only: ['b', { name: 'b' } as never] });
      expect(graph.result('b')).toBe(2);
      expect([graph.status('c'), graph.status('d')]).toEqual(['pending', 'pending']);
      expect(report.attemptCount).toBe(2);
      expect(stage.records('task:ready').map((record) => record['task'])).toEqual(['a', 'b']);
    });

    it('with no names runs nothing', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => 1));
      expect(await stage.run(graph, { only: [] })).toMatchObject({
        status: 'finished',
        attemptCount: 0,
        counts: { pending: 1 },
      });
    });

    it('asks for nothing that is behind a task that is done', async () => {
      const stage = new Stage(subject);
      const a = counted(() => 1);
      const graph = stage.graph(
        task('a', a),
        task('b', () => 2, { dependsOn: ['a'] }),
        task('c', (b: number) => b, { dependsOn: ['b'] }),
      );
      await stage.run(graph.markDone('b', 20), { only: ['c'] });
      expect(graph.result('c')).toBe(20);
      expect(a.calls).toEqual([]);
    });

    // bad* ─┬─► wanted ─► behind      other also feeds `free`
    // other ┘
    it('runs nothing for what cannot come to a result, since something that it needs has failed', async () => {
      const stage = new Stage(subject);
      const [other, free] = [counted(() => 1), counted(() => 2)];
      const graph = stage.graph(
        task('bad', thrower('broken')),
        task('other', other),
        task('wanted', () => 1, { dependsOn: ['bad', 'other'] }),
        task('behind', () => 1, { dependsOn: ['wanted'] }),
        task('free', free, { dependsOn: ['other'] }),
      );
      await stage.run(graph, { only: ['bad'] });
      expect(graph.outcome('behind')).toEqual({ status: 'skipped', because: 'bad' });
      for (const only of [['wanted'], ['behind'], ['bad']]) {
        const report = await stage.run(graph, { only });
        expect(report).toMatchObject({ status: 'finished', attemptCount: 0 });
      }
      expect(other.calls).toEqual([]);
      // The last of them alone was made pending again: what it needs is skipped, and it will be.
      await stage.run(graph.reset('behind'), { only: ['behind'] });
      expect(graph.outcome('behind')).toEqual({ status: 'skipped', because: 'bad' });
      expect(other.calls).toEqual([]);
      expect(await stage.executor.plan(graph, { only: ['wanted'] })).toEqual([]);
      await stage.run(graph, { only: ['wanted', 'free'] });
      expect([other.calls.length, free.calls.length]).toEqual([1, 1]);
    });

    it('is told by run:started: which tasks the run is about', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => 1),
        task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
        task('c', () => 3, { dependsOn: ['b'] }),
      );
      await stage.run(graph, { only: ['a'] });
      await stage.run(graph, { only: ['a', 'c'] });
      await stage.run(graph);
      await stage.runTask(graph.reset('c'), 'c');
      const selected = stage.records('run:started').map((record) => record['selected']);
      expect(selected).toEqual([new Set(['a']), new Set(['b', 'c']), undefined, new Set(['c'])]);
    });

    // a* ─► b (not selected)
    it('skips the descendants of a failed task, selected or not', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', thrower('broken')),
        task('b', () => 2, { dependsOn: ['a'] }),
      );
      await stage.run(graph, { only: ['a'] });
      expect(graph.outcome('b')).toEqual({ status: 'skipped', because: 'a' });
    });
  });

  describe('plan()', () => {
    it('is refused while the graph is being run, with a store and without one', async () => {
      for (const store of [undefined, new MemoryStore()]) {
        const stage = new Stage(subject, store === undefined ? {} : { store });
        const graph = stage.graph(task('a', () => 1));
        const planned: unknown[] = [];
        stage.executor.on('task:done', () => {
          try {
            planned.push(Promise.resolve(stage.executor.plan(graph)).catch((error: unknown) => error));
          } catch (error) {
            planned.push(error);
          }
        });
        await stage.run(graph);
        expect(await Promise.all(planned)).toEqual([expect.any(GraphBusyError)]);
        expect(await stage.executor.plan(graph.resetAll())).toHaveLength(1);
      }
    });

    it('without a store is of what the graph is now', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => 1));
      const plan = stage.executor.plan(graph);
      await stage.run(graph);
      expect(await plan).toHaveLength(1);
    });
  });

  describe('runTask', () => {
    it('runs one task with the results that its dependencies have', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => 1),
        task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
        task('c', () => 3, { dependsOn: ['b'] }),
        task('d', () => 4),
      );
      const report = await stage.runTask(graph.markDone('a', 10), 'b');
      expect(graph.result('b')).toBe(11);
      expect(report).toMatchObject({ attemptCount: 1, counts: { done: 2, pending: 2 } });
    });

    it('refuses a task whose dependencies are not done', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => 1),
        task('b', () => 2, { dependsOn: ['a'] }),
      );
      const error = await rejection(stage.runTask(graph, 'b'));
      expect(error).toBeInstanceOf(ResultUnavailableError);
      expect(error).toMatchObject({ task: 'a', status: 'pending' });
      expect(stage.lines).toEqual([]);
    });

    it('refuses a name that is not in the graph', async () => {
      const stage = new Stage(subject);
      expect(await rejection(stage.runTask(stage.graph(task('rows', () => 1)), 'row'))).toMatchObject({
        code: 'unknown-task',
        nearest: 'rows',
      });
    });

    it('refuses what is no graph', async () => {
      const stage = new Stage(subject);
      expect(await rejection(stage.runTask({} as never, 'a'))).toBeInstanceOf(InvalidOptionError);
    });

    // a* ─► b
    it('resets a failed task and its descendants first', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task(
          'a',
          counted((call) => (call === 1 ? thrower('broken')() : call)),
        ),
        task('b', () => 1, { dependsOn: ['a'] }),
      );
      await stage.run(graph);
      await stage.runTask(graph, 'a');
      expect(graph.result('a')).toBe(2);
      expect(graph.status('b')).toBe('pending');
    });

    it('changes nothing when it is refused', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', thrower('broken')));
      await stage.run(graph);
      await rejection(stage.runTask(graph, 'a', { onFailure: 'explode' as never }));
      expect(graph.outcome('a')).toEqual({ status: 'failed', error: 'broken', attempts: 1 });
      await stage.executor.close();
      await rejection(stage.runTask(graph, 'a'));
      expect(graph.outcome('a')).toEqual({ status: 'failed', error: 'broken', attempts: 1 });
    });

    it('runs nothing when the task is done', async () => {
      const stage = new Stage(subject);
      const a = counted(() => 1);
      const graph = stage.graph(task('a', a));
      await stage.run(graph);
      expect(await stage.runTask(graph, 'a')).toMatchObject({ status: 'finished', attemptCount: 0 });
      expect(a.calls).toHaveLength(1);
    });

    it('rejects with the failure if asked to', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', thrower('broken')));
      expect(await rejection(stage.runTask(graph, 'a', { onFailure: 'stop' }))).toMatchObject({
        code: 'run-failed',
        cause: 'broken',
      });
    });
  });

  describe('a graph that is being run', () => {
    it('refuses a second run, under any executor, and every change', async () => {
      const stage = new Stage(subject);
      const other = new Stage(subject);
      const refused: unknown[] = [];
      const attempt = (action: () => unknown) => {
        try {
          action();
        } catch (error) {
          refused.push(error);
        }
      };
      const secondRuns: Promise<unknown>[] = [];
      const graph = stage.graph(
        task('a', () => 1),
        task(
          'b',
          () => {
            for (const { executor } of [stage, other]) {
              secondRuns.push(rejection((async () => executor.run(graph))()));
              secondRuns.push(rejection((async () => executor.runTask(graph, 'b'))()));
            }
            attempt(() => graph.reset('a'));
            attempt(() => graph.resetAll());
            attempt(() => graph.resetFailed());
            attempt(() => graph.replace('a', () => 2));
            attempt(() => graph.markDone('a', 2));
            attempt(() => graph.markDoneExcept('a'));
          },
          { after: ['a'] },
        ),
      );
      await stage.run(graph);
      refused.push(...(await Promise.all(secondRuns)));
      expect(refused).toHaveLength(10);
      for (const error of refused) expect(error).toBeInstanceOf(GraphBusyError);
      expect(other.lines).toEqual([]);
      expect(graph.result('a')).toBe(1);
    });

    it('can be read', async () => {
      const stage = new Stage(subject);
      const seen: unknown[] = [];
      const graph = stage.graph(
        task('a', () => 1),
        task('b', () => seen.push(graph.result('a'), graph.status('b'), graph.counts(), graph.ready()), {
          dependsOn: ['a'],
        }),
        task('c', () => 3, { dependsOn: ['b'] }),
      );
      await stage.run(graph);
      expect(seen).toEqual([1, 'running', { pending: 1, running: 1, done: 1, failed: 0, skipped: 0 }, []]);
    });

    it('does not stop other graphs from being run on the same executor', async () => {
      const stage = new Stage(subject);
      const graphs = [1, 2, 3].map((factor) =>
        stage.graph(
          task('a', () => stage.taking(10, factor)),
          task('b', (a: number) => stage.taking(10, a * 10), { dependsOn: ['a'] }),
        ),
      );
      const reports = await Promise.all(graphs.map((graph) => stage.run(graph)));
      expect(graphs.map((graph) => graph.result('b'))).toEqual([10, 20, 30]);
      expect(new Set(reports.map(({ runId }) => runId)).size).toBe(3);
      for (const { runId } of reports) {
        const own = stage.told.filter(({ record }) => record['runId'] === runId).map(({ event }) => event);
        expect(own).toEqual([
          'run:started',
          'task:ready',
          'task:started',
          'task:done',
          'task:ready',
          'task:started',
          'task:done',
          'run:finished',
        ]);
      }
    });
  });
}
