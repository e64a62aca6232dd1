import { MemoryStore, type OutcomeStore, type TaskGraph, type TaskSpec } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { FickleStore } from '../support/fickle-store.js';
import { type ExecutorSubject, rejection, Stage, task } from './executor-harness.js';

/** What runs again, and what hangs on it. */
export function againContract(subject: ExecutorSubject): void {
  const stores: [string, () => OutcomeStore | undefined][] = [
    ['without a store', () => undefined],
    ['with a store', () => new MemoryStore({ detect: 'version' })],
  ];
  if (subject.isAsync)
    stores.push([
      'with a store that answers by promises',
      () => {
        const store = Object.assign(new FickleStore(), { detect: 'version' as const });
        store.begin('by promise');
        return store;
      },
    ]);

  describe.each(stores)('a task that runs again %s', (_, makeStore) => {
    const stageOf = () => {
      const store = makeStore();
      return new Stage(subject, store === undefined ? {} : { store });
    };

    // rows ─► count ─► report
    function pipeline(stage: Stage, changes: Partial<Record<string, Partial<TaskSpec>>> = {}) {
      const calls: string[] = [];
      const world: { rows: unknown; broken: boolean } = { rows: [3, 4], broken: false };
      const noted =
        <R>(name: string, result: (...args: any[]) => R) =>
        (...args: unknown[]): R => {
          calls.push(name);
          return result(...args);
        };
      const rows = noted('rows', () => {
        if (world.broken) throw new RangeError('no electricity');
        return world.rows;
      });
      const graph = stage.graph(
        { ...task('rows', rows), ...changes['rows'] },
        {
          ...task(
            'count',
            noted('count', (all: number[]) => all.length),
            { dependsOn: ['rows'] },
          ),
          ...changes['count'],
        },
        {
          ...task(
            'report',
            noted('report', (count: number) => `${count} rows`),
            { dependsOn: ['count'] },
          ),
          ...changes['report'],
        },
      );
      const callsOf = async (run: () => Promise<unknown>) => {
        calls.length = 0;
        await run();
        return [...calls];
      };
      return { graph, world, callsOf, run: () => callsOf(() => stage.run(graph)) };
    }

    const ALWAYS = { rows: { always: true } };

    it('runs in each run, and what hangs on it only if its result is another', async () => {
      const stage = stageOf();
      const { graph, world, run } = pipeline(stage, ALWAYS);
      expect(await run()).toEqual(['rows', 'count', 'report']);
      expect(await run()).toEqual(['rows']);
      expect(graph.explain('rows')).toBe('ran: it runs in each run');
      expect(graph.explain('report')).toBe('kept: same inputs');
      expect(graph.outcome('report')).toEqual({ status: 'done', result: '2 rows', source: 'graph' });
      world.rows = [5, 6];
      expect(await run()).toEqual(['rows', 'count']);
      expect(graph.explain('count')).toBe('ran: the result of "rows" changed');
      expect(graph.explain('report')).toBe('kept: same inputs');
      world.rows = [5];
      expect(await run()).toEqual(['rows', 'count', 'report']);
      expect(graph.result('report')).toBe('1 rows');
    });

    it('is told as any other, and what is kept by that it is done', async () => {
      const stage = stageOf();
      const { run } = pipeline(stage, ALWAYS);
      await run();
      stage.told.length = 0;
      await run();
      expect(stage.lines).toEqual([
        'run:started',
        'task:ready rows',
        'task:started rows',
        'task:done rows',
        'task:done count',
        'task:done report',
        'run:finished',
      ]);
      expect(stage.records('task:done').map(({ source, attempt }) => [source, attempt])).toEqual([
        ['run', 1],
        ['graph', 0],
        ['graph', 0],
      ]);
      expect(stage.records('run:finished')[0]).toMatchObject({ attemptCount: 1, counts: { done: 3, pending: 0 } });
    });

    // What has a function in it goes to no other process.
    it.skipIf(subject.sendable !== undefined)(
      'has all run again that hangs on a result that cannot be compared',
      async () => {
        const stage = stageOf();
        const { graph, world, run } = pipeline(stage, ALWAYS);
        world.rows = Object.assign([3, 4], { close() {} });
        await run();
        expect(await run()).toEqual(['rows', 'count']);
        expect(graph.explain('count')).toBe('ran: the result of "rows" cannot be compared');
      },
    );

    it('is compared with what it returned, and not with what others have made of that', async () => {
      const stage = stageOf();
      const sort = (rows: number[]) => String(rows.sort());
      const { world, run, graph } = pipeline(stage, { ...ALWAYS, count: { run: sort } });
      world.rows = [4, 3];
      await run();
      world.rows = [3, 4];
      await run();
      expect(graph.explain('count')).toBe('ran: the result of "rows" changed');
    });

    it('runs again after it has failed, and takes up what hung on it', async () => {
      const stage = stageOf();
      const { graph, world, run } = pipeline(stage, ALWAYS);
      await run();
      world.broken = true;
      expect(await run()).toEqual(['rows']);
      expect(graph.status('report')).toBe('skipped');
      expect(graph.explain('rows')).toBe('failed: RangeError: no electricity. It runs again in the next run');
      expect(graph.explain('report')).toBe('skipped: "rows" failed. It runs again in the next run');
      world.broken = false;
      expect(await run()).toEqual(['rows']);
      expect(graph.result('report')).toBe('2 rows');
    });

    it('tries again in each run what hangs on it and has failed', async () => {
      const stage = stageOf();
      let broken = true;
      const count = (rows: number[]) => {
        if (broken) throw new RangeError('too many');
        return rows.length;
      };
      const { graph, run } = pipeline(stage, { ...ALWAYS, count: { run: count } });
      await run();
      await run();
      expect(graph.status('count')).toBe('failed');
      broken = false;
      expect(await run()).toEqual(['rows', 'report']);
    });

    it('leaves what a run that was cut short had not come to, for the next one to take up', async () => {
      const stage = stageOf();
      const { graph, callsOf, run } = pipeline(stage, ALWAYS);
      await run();
      const controller = new AbortController();
      stage.executor.once('task:started', () => controller.abort(new Error('enough')));
      await rejection(stage.run(graph, { signal: controller.signal }));
      expect(graph.counts().running).toBe(0);
      expect(await callsOf(() => stage.run(graph))).toEqual(['rows']);
      expect(graph.result('report')).toBe('2 rows');
    });

    it('is looked at by a run of what needs it, and its change is seen by the next run of the rest', async () => {
      const stage = stageOf();
      const { graph, world, callsOf } = pipeline(stage, ALWAYS);
      await stage.run(graph);
      world.rows = [5];
      expect(await callsOf(() => stage.run(graph, { only: ['rows'] }))).toEqual(['rows']);
      expect(graph.result('report')).toBe('2 rows');
      expect(await callsOf(() => stage.run(graph, { only: ['report'] }))).toEqual(['rows', 'count', 'report']);
      world.rows = [5, 6, 7];
      await stage.run(graph, { only: ['rows'] });
      expect(await callsOf(() => stage.runTask(graph, 'count'))).toEqual(['count']);
      expect(await callsOf(() => stage.run(graph))).toEqual(['rows', 'report']);
    });

    it('changes nothing where a plan says what would be', async () => {
      const stage = stageOf();
      const { graph } = pipeline(stage, ALWAYS);
      await stage.run(graph);
      const plan = await stage.finish((async () => stage.executor.plan(graph))());
      expect(plan).toMatchObject([
        { task: 'rows', verdict: 'runs', why: 'it runs in each run' },
        { task: 'count', verdict: 'may run', why: 'the result of "rows" may change' },
        { task: 'report', verdict: 'may run', why: 'the result of "count" may change' },
      ]);
      expect(graph.counts().done).toBe(3);
      expect(graph.explain('count')).toMatch(/^ran: /);
    });

    it('stays done if its result was given', async () => {
      const stage = stageOf();
      const { graph, run } = pipeline(stage, ALWAYS);
      graph.markDone('rows', [1, 2, 3] as never);
      expect(await run()).toEqual(['count', 'report']);
      expect(await run()).toEqual([]);
      graph.markDone('rows', [1] as never);
      expect(await run()).toEqual(['count', 'report']);
      expect(graph.result('report')).toBe('1 rows');
    });

    it('is tried as often as it may be, in each run anew', async () => {
      const stage = stageOf();
      let calls = 0;
      const rows = () => {
        if (++calls % 2 === 1) throw new RangeError('not yet');
        return [3, 4];
      };
      const { graph, run } = pipeline(stage, { rows: { always: true, retry: 2, run: rows } });
      await run();
      expect(await run()).toEqual([]);
      expect(calls).toBe(4);
      expect(graph.result('report')).toBe('2 rows');
    });

    describe('because it was reset alone', () => {
      const resetRows = (graph: TaskGraph) => graph.reset('rows', { descendants: false });

      it('runs, and what hangs on it only if its result is another', async () => {
        const stage = stageOf();
        const { graph, world, run } = pipeline(stage);
        await run();
        expect(resetRows(graph).explain('rows')).toBe('runs: it was reset');
        expect(graph.status('count')).toBe('done');
        expect(await run()).toEqual(['rows']);
        expect(graph.explain('rows')).toBe('ran: it was reset');
        expect(graph.explain('report')).toBe('kept: same inputs');
        expect(await run()).toEqual([]);
        world.rows = [5];
        resetRows(graph);
        expect(await run()).toEqual(['rows', 'count', 'report']);
        expect(graph.explain('count')).toBe('ran: the result of "rows" changed');
      });

      it('finds what was made from a result that was replaced meanwhile', async () => {
        const stage = stageOf();
        const calls: unknown[] = [];
        const graph = stage.graph(
          task('a', () => 1),
          task('b', () => 2),
          task('sum', (a: number, b: number) => calls.push([a, b]), { dependsOn: ['a', 'b'] }),
        );
        await stage.run(graph);
        await stage.run(graph.markDone('a', 7 as never));
        expect(calls).toEqual([[1, 2]]);
        await stage.run(graph.reset('b', { descendants: false }));
        expect(graph.explain('sum')).toBe('ran: the result of "a" changed');
        expect(calls).toEqual([
          [1, 2],
          [7, 2],
        ]);
      });

      it('has what failed or was skipped behind it tried again', async () => {
        const stage = stageOf();
        const { graph, world, run } = pipeline(stage);
        world.broken = true;
        await run();
        world.broken = false;
        resetRows(graph);
        expect(await run()).toEqual(['rows', 'count', 'report']);
        expect(await run()).toEqual([]);
      });

      it('runs with all that depends on it if those are reset as well', async () => {
        const stage = stageOf();
        const { graph, run } = pipeline(stage);
        await run();
        resetRows(graph);
        graph.reset('rows');
        expect(await run()).toEqual(['rows', 'count', 'report']);
      });
    });
  });

  describe('a task that runs again', () => {
    it('runs in another graph as well, which takes the rest from the store', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const make = () =>
        stage.graph(
          task('rows', () => [3, 4], { always: true }),
          task('count', (rows: number[]) => rows.length, { dependsOn: ['rows'] }),
        );
      await stage.run(make());
      const graph = make();
      expect((await stage.run(graph)).attemptCount).toBe(1);
      expect(graph.outcome('count')).toEqual({ status: 'done', result: 2, source: 'store' });
      expect((await stage.run(graph)).attemptCount).toBe(1);
      expect(graph.outcome('count')).toEqual({ status: 'done', result: 2, source: 'graph' });
    });

    it('is known to executors in turn, with a store and without', async () => {
      const kept = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const plain = new Stage(subject);
      const graph = plain.graph(
        task('rows', () => [3, 4], { always: true }),
        task('count', (rows: number[]) => rows.length, { dependsOn: ['rows'] }),
      );
      for (const stage of [plain, kept, plain, kept]) await stage.run(graph);
      expect(graph.explain('count')).toBe('kept: same inputs');
    });
  });
}
