import v8 from 'node:v8';
import {
  InvalidOptionError,
  type LoadedOutcomes,
  MemoryStore,
  OutcomeStore,
  type PlannedTask,
  RunFailedError,
  type StoreRepair,
  type TaskGraph,
  type TaskSpec,
  UnreadableOutcomeError,
  UnstorableError,
} from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { spoil } from '../support/spoiled-store.js';
import { counted, type ExecutorSubject, rejection, Stage, task, thrower } from './executor-harness.js';

/** A store whose promises are settled by the spec. */
class SlowStore extends OutcomeStore {
  readonly #kept = new MemoryStore();
  readonly saving: { readonly task: string; readonly done: () => void; readonly fail: (error: unknown) => void }[] = [];

  override async load(graph: string): Promise<LoadedOutcomes> {
    return this.#kept.load(graph);
  }

  override save(graph: string, name: string, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#kept.save(graph, name, bytes);
        resolve();
      };
      this.saving.push({ task: name, done, fail: reject });
    });
  }

  override async forget(graph: string, tasks: readonly string[]): Promise<void> {
    this.#kept.forget(graph, tasks);
  }

  override async flush(): Promise<void> {}

  override async close(): Promise<void> {}
}

/** Results that outlive a graph. */
export function storeContract(subject: ExecutorSubject): void {
  describe('a store', () => {
    // rows ─► count ─► report        colours
    function pipeline(stage: Stage, rows: readonly number[], changes: Partial<Record<string, Partial<TaskSpec>>> = {}) {
      const calls: string[] = [];
      const noted =
        <R>(name: string, result: (...args: any[]) => R) =>
        (...args: unknown[]): R => {
          calls.push(name);
          return result(...args);
        };
      const graph = stage.graph(
        {
          ...task(
            'rows',
            noted('rows', () => rows),
          ),
          ...changes['rows'],
        },
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
        {
          ...task(
            'colours',
            noted('colours', () => new Map([['red', 1n]])),
          ),
          ...changes['colours'],
        },
      );
      return { graph, calls };
    }

    it('keeps results, so that another graph of the same tasks runs nothing', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      const next = new Stage(subject, { store });
      const { graph, calls } = pipeline(next, [1, 2]);
      const report = await next.run(graph);
      expect(calls).toEqual([]);
      expect(report).toMatchObject({ status: 'finished', attemptCount: 0, counts: { done: 4 } });
      expect(graph.results).toEqual({ rows: [1, 2], count: 2, report: '2 rows', colours: new Map([['red', 1n]]) });
      expect(graph.outcome('report')).toEqual({ status: 'done', result: '2 rows', source: 'store' });
      expect(next.lines.sort()).toEqual([
        'run:finished',
        'run:started',
        ...['colours', 'count', 'report', 'rows'].map((name) => `task:done ${name}`),
      ]);
      expect(next.records('task:done').find((record) => record['task'] === 'count')).toMatchObject({
        attempt: 0,
        result: 2,
        source: 'store',
        durationMs: 0,
      });
      for (const name of graph.names()) expect(graph.explain(name)).toBe('kept: same version and inputs');
    });

    it('ends a change where a result comes out as before', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      const { graph, calls } = pipeline(stage, [3, 4], { rows: { version: '2' } });
      await stage.run(graph);
      expect(calls).toEqual(['rows', 'count']);
      expect(graph.names().map((name) => graph.explain(name))).toEqual([
        'ran: its version changed from "" to "2"',
        'ran: the result of "rows" changed',
        'kept: same version and inputs',
        'kept: same version and inputs',
      ]);
      expect(graph.result('report')).toBe('2 rows');
    });

    it.each<[string, Partial<Record<string, Partial<TaskSpec>>>, string]>([
      ['its version', { count: { version: '2' } }, 'its version changed from "" to "2"'],
      [
        'the tasks it takes results of',
        { count: { dependsOn: ['colours'] } },
        'it takes the results of other tasks than before',
      ],
      ['the tasks it waits for', { count: { after: ['colours'] } }, 'it waits for other tasks than before'],
    ])('lets a task run again that has changed in %s', async (_, changes, why) => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      const { graph, calls } = pipeline(stage, [1, 2], changes);
      await stage.run(graph);
      expect(calls).toContain('count');
      expect(calls).not.toContain('rows');
      expect(graph.explain('count')).toBe(`ran: ${why}`);
    });

    it('looks at the text of functions unless it is told not to', async () => {
      for (const detect of ['version', 'source', 'closure', undefined] as const) {
        const store = new MemoryStore(detect === undefined ? {} : { detect });
        const stage = new Stage(subject, { store });
        await stage.run(stage.graph(task('a', () => 1)));
        const graph = stage.graph(task('a', () => 2));
        await stage.run(graph);
        expect(graph.result('a')).toBe(detect === 'version' ? 1 : 2);
        expect(graph.explain('a')).toBe(
          detect === 'version' ? 'kept: same version and inputs' : 'ran: the text of its function changed',
        );
      }
    });

    it('lets a task run again that has failed, and says what it failed with', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2], { count: { run: thrower(new RangeError('no electricity')) } }).graph);
      const { graph, calls } = pipeline(stage, [1, 2]);
      await stage.run(graph);
      expect(calls).toEqual(['count', 'report']);
      expect(graph.explain('count')).toBe('ran: it failed the last time: RangeError: no electricity');
      expect(graph.explain('report')).toBe('ran: no stored result');
    });

    it('forgets what is reset', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      const { graph, calls } = pipeline(stage, [1, 2]);
      await stage.run(graph.reset('count'));
      expect(calls).toEqual(['count', 'report']);
      expect(graph.explain('count')).toBe('ran: it was reset');
      await stage.run(graph.resetAll(), { only: ['colours'] });
      expect(calls).toEqual(['count', 'report', 'colours']);
      expect([...store.load('contract').outcomes].map(([name]) => name)).toEqual(['colours']);
    });

    it('keeps more than one result of a task', async () => {
      const store = new MemoryStore({ detect: 'version' });
      const stage = new Stage(subject, { store });
      for (const [rows, expected] of [
        [[1], 4],
        [[1, 2], 3],
        [[1], 0],
        [[1, 2], 0],
      ] as const) {
        const { graph, calls } = pipeline(stage, rows, { rows: { version: String(rows.length) } });
        await stage.run(graph);
        expect(calls).toHaveLength(expected);
        expect(graph.result('report')).toBe(`${rows.length} rows`);
      }
    });

    it('makes a result again that is not stored, if something runs that takes it', async () => {
      const store = new MemoryStore({ detect: 'version' });
      const stage = new Stage(subject, { store });
      const run = async (version: string) => {
        const { graph, calls } = pipeline(stage, [1, 2], {
          rows: { transient: true },
          count: { transient: true },
          report: { version },
        });
        await stage.run(graph);
        return { graph, calls };
      };
      await run('1');
      const kept = await run('1');
      expect(kept.calls).toEqual([]);
      expect(kept.graph.counts()).toMatchObject({ done: 2, pending: 2 });
      const { graph, calls } = await run('2');
      expect(calls).toEqual(['rows', 'count', 'report']);
      expect(graph.result('report')).toBe('2 rows');
      expect(graph.explain('rows')).toBe('ran: its result is not stored, and "count" takes it');
    });

    it('keeps a failure for as long as it is told to, and tells of it as of any other', async () => {
      const store = new MemoryStore({ detect: 'version' });
      const fails = { count: { run: thrower(new RangeError('no')), keepFailures: { forMs: 1_000_000 } } };
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1], fails).graph);
      const before = stage.told.length;
      const { graph, calls } = pipeline(stage, [1], fails);
      const report = await stage.run(graph);
      expect(calls).toEqual([]);
      expect([...report.failures.keys()]).toEqual(['count']);
      expect(graph.outcome('report')).toEqual({ status: 'skipped', because: 'count' });
      const lines = stage.lines.slice(before).filter((line) => /count|report/.test(line));
      expect(lines).toEqual(['task:failed count', 'task:skipped report']);
      expect(stage.records('task:failed').at(-1)).toMatchObject({ attempt: 0, source: 'store' });
      const again = pipeline(stage, [1], { count: { keepFailures: { forMs: 1_000_000 } } });
      await stage.clock.advance(1_000_000);
      await stage.run(again.graph);
      expect(again.calls).toEqual(['count', 'report']);
    });

    it('saves a given result that it is to save, and runs again what has expired', async () => {
      const store = new MemoryStore({ detect: 'version' });
      const stage = new Stage(subject, { store });
      const expiring = { rows: { expiresMs: 1_000_000 } };
      await stage.run(pipeline(stage, [1], expiring).graph.markDone('count', 7, { save: true }));
      const { graph, calls } = pipeline(stage, [1], expiring);
      await stage.run(graph);
      expect(calls).toEqual([]);
      expect(graph.results).toMatchObject({ count: 7, report: '7 rows' });
      expect(graph.explain('count')).toBe('kept: its result was given');
      await stage.clock.advance(1_000_000);
      const later = pipeline(stage, [1], expiring);
      await stage.run(later.graph);
      expect(later.calls).toEqual(['rows']);
      expect(later.graph.explain('rows')).toBe('ran: it expired');
    });

    it('has a replaced function run once its task is reset', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      const { graph } = pipeline(stage, [1, 2]);
      await stage.run(graph);
      await stage.run(graph.replace('rows', () => [7]));
      expect(graph.result('rows')).toEqual([1, 2]);
      await stage.run(graph.reset('rows'));
      expect(graph.results).toMatchObject({ rows: [7], count: 1, report: '1 rows' });
    });

    it('takes a given result for the input that it is', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      for (const [given, expected] of [
        [[1, 2], []],
        [[5], ['count', 'report']],
      ] as const) {
        const { graph, calls } = pipeline(stage, [1, 2]);
        await stage.run(graph.markDone('rows', given));
        expect(calls).toEqual(expected);
        expect(graph.explain('rows')).toBe('kept: its result was given');
      }
    });

    it('takes what is selected and no more', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      const { graph } = pipeline(stage, [1, 2]);
      await stage.run(graph, { only: ['count'] });
      expect(graph.counts()).toMatchObject({ done: 2, pending: 2 });
      await stage.runTask(graph, 'report');
      expect(graph.outcome('report')).toMatchObject({ source: 'store' });
    });

    it('is asked for what a run is about, and no more', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      const load = vi.spyOn(store, 'load');
      const { graph } = pipeline(stage, [1, 2]);
      await stage.executor.plan(graph, { only: ['rows'] });
      await stage.run(graph, { only: ['count'] });
      await stage.runTask(graph, 'report');
      await stage.run(graph);
      // And for what else it may have of those tasks.
      const asked = load.mock.calls.map(([of, names]) => [of, names?.filter((name) => !name.startsWith('variant '))]);
      expect(load.mock.calls[0]![1]).toContain('variant 5 of rows');
      expect(asked).toEqual([
        ['contract', ['rows']],
        ['contract', ['rows', 'count']],
        ['contract', ['report']],
        ['contract', undefined],
      ]);
      expect(graph.counts()).toMatchObject({ done: 4 });
    });

    it('may pay no heed to what it is asked for', async () => {
      const store = new MemoryStore();
      const { load } = store;
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      store.load = (graph) => load.call(store, graph);
      const { graph, calls } = pipeline(stage, [1, 2]);
      await stage.run(graph, { only: ['count'] });
      expect([calls, graph.counts()]).toMatchObject([[], { done: 2, pending: 2 }]);
      // Nobody has looked what is kept of it.
      expect(graph.explain('report')).toBe('runs: not run before');
    });

    it('keeps what was done before a run is ended', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      const { graph } = pipeline(stage, [1, 2], {
        count: { run: thrower(new Error('no')) },
        colours: { after: ['rows'] },
      });
      expect(await rejection(stage.run(graph, { onFailure: 'stop' }))).toBeInstanceOf(RunFailedError);
      const next = pipeline(stage, [1, 2]);
      await stage.run(next.graph);
      expect(next.calls).not.toContain('rows');
    });

    it('tells of a result that cannot be kept, and its task runs again the next time, as does what takes it', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      const graphs = [0, 1].map(() =>
        stage.graph(
          task('a', () => ({ rows: [{ format: () => 'text' }] })),
          task('b', ({ rows }: { rows: { format(): string }[] }) => rows[0]!.format(), { dependsOn: ['a'] }),
        ),
      );
      for (const graph of graphs) {
        await stage.run(graph);
        expect(graph.result('b')).toBe('text');
        expect(graph.explain('b')).toMatch(/^ran: /);
      }
      expect(stage.records('store:refused')).toHaveLength(2);
      const { error } = stage.records('store:refused')[0]!;
      expect(error).toBeInstanceOf(UnstorableError);
      expect(String(error)).toContain('The result of task "a" cannot be stored: result.rows[0].format is a function');
    });

    it('that fails ends the run with its error; what was done is in the graph', async () => {
      const failure = new Error('the disk is full');
      class Full extends MemoryStore {
        override save(graph: string, name: string, bytes: Uint8Array): void {
          if (name === 'count') throw failure;
          super.save(graph, name, bytes);
        }
      }
      const stage = new Stage(subject, { store: new Full() });
      const { graph } = pipeline(stage, [1, 2]);
      expect(await rejection(stage.run(graph))).toBe(failure);
      expect(graph.counts().running).toBe(0);
      expect(graph.status('count')).toBe('done');
      expect(graph.status('report')).toBe('pending');
    });

    it('that cannot be loaded or flushed fails the run, which is told of as broken off', async () => {
      const failure = new Error('no disk');
      for (const method of ['load', 'flush', 'flushSync'] as const) {
        const store = new MemoryStore();
        store[method] = thrower(failure);
        const stage = new Stage(subject, { store });
        const { graph } = pipeline(stage, [1, 2]);
        if (method === (subject.isAsync ? 'flushSync' : 'flush')) continue;
        expect(await rejection(stage.run(graph)), method).toBe(failure);
        expect(graph.counts().running).toBe(0);
        const endings = stage.records('run:finished').map(({ status }) => status);
        expect(endings, method).toEqual(method === 'load' ? [] : ['broken']);
      }
    });

    it('is told of when it had been damaged', async () => {
      const repair = {
        text: 'A part was lost.',
        reason: 'torn',
        path: 'a.store',
        offset: 7,
        bytesDropped: 3,
        recordsLost: 1,
        tasks: [],
        copy: undefined,
      } as const;
      class Mended extends MemoryStore {
        override load(graph: string): LoadedOutcomes {
          return { ...super.load(graph), repairs: [repair] };
        }
      }
      const stage = new Stage(subject, { store: new Mended() });
      const atMs = stage.clock.now();
      const { runId } = await stage.run(stage.graph(task('a', () => 1)));
      expect(stage.records('store:repaired')).toEqual([{ runId, atMs, ...repair }]);
      expect(stage.lines.slice(0, 2)).toEqual(['run:started', 'store:repaired']);
    });

    it('whose bytes are not those of an outcome lets the task run', async () => {
      const store = new MemoryStore();
      store.save('contract', 'a', new Uint8Array([1, 2, 3]));
      const stage = new Stage(subject, { store });
      const graph = stage.graph(task('a', () => 1));
      await stage.run(graph);
      expect(graph.result('a')).toBe(1);
      expect(graph.explain('a')).toMatch(/^ran: what is stored of it cannot be read: /);
      expect(stage.records('store:refused')).toMatchObject([{ task: 'a', error: { code: 'unreadable-outcome' } }]);
    });

    it('makes a kept result only when somebody asks for it, and once', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      // Once for each value. Others in this process read bytes as well, but none that say which form they have.
      const decoded = vi.spyOn(v8.Deserializer.prototype, 'readUint32');
      // Nobody listens: whoever keeps records asks for all that is in them.
      const executor = subject.make({ store });
      const { graph, calls } = pipeline(stage, [1, 2], { report: { version: '2' } });
      await executor.run(graph as never);
      expect(calls).toEqual(['report']);
      // What the report takes.
      expect(decoded).toHaveBeenCalledTimes(1);
      expect([graph.explain('rows'), graph.counts().done, graph.status('rows')]).toEqual([
        'kept: same version and inputs',
        4,
        'done',
      ]);
      expect(decoded).toHaveBeenCalledTimes(1);
      expect(graph.result('rows')).toEqual([1, 2]);
      expect(graph.result('rows')).toBe(graph.results['rows']);
      // The rows and the colours.
      expect(decoded).toHaveBeenCalledTimes(3);
      decoded.mockRestore();
      await executor.close();
    });

    it('whose bytes cannot be read by whoever asks says so, and has the task run again once it is reset', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      spoil(store, 'rows');
      const next = new Stage(subject, { store });
      const { graph, calls } = pipeline(next, [1, 2]);
      await next.run(graph);
      expect([calls, graph.status('rows')]).toEqual([[], 'done']);
      expect(() => graph.result('rows')).toThrow(UnreadableOutcomeError);
      expect(() => graph.result('rows')).toThrow(/task "rows" cannot be read.*graph\.reset\("rows"\)/s);
      await next.run(graph.reset('rows'));
      expect(graph.result('rows')).toEqual([1, 2]);
    });

    it('whose bytes cannot be read by a task that takes them has the task of which they are run first', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      spoil(store, 'rows');
      const next = new Stage(subject, { store });
      const { graph, calls } = pipeline(next, [1, 2], { count: { version: '2' } });
      await next.run(graph);
      expect(calls).toEqual(['rows', 'count']);
      expect(graph.explain('rows')).toMatch(/^ran: what is stored of it cannot be read: /);
      expect(graph.explain('report')).toBe('kept: same version and inputs');
      expect(graph.results).toMatchObject({ rows: [1, 2], count: 2, report: '2 rows' });
      expect(next.records('store:refused')).toMatchObject([{ task: 'rows', error: { code: 'unreadable-outcome' } }]);
      const again = pipeline(next, [1, 2], { count: { version: '2' } });
      await next.run(again.graph);
      expect(again.calls).toEqual([]);
    });

    it('is asked for no value to compare it with, from run to run', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      spoil(store, 'rows');
      const next = new Stage(subject, { store });
      const { graph, calls } = pipeline(next, [1, 2]);
      await next.run(graph, { only: ['rows'] });
      await next.run(graph);
      expect(calls).toEqual([]);
      expect(graph.explain('count')).toBe('kept: same version and inputs');
    });

    it('takes at once what another engine has written, so that what this one cannot read runs again', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(pipeline(stage, [1, 2]).graph);
      spoil(store, 'rows', '1.0');
      const { graph, calls } = pipeline(stage, [1, 2]);
      await stage.run(graph);
      expect(calls).toEqual(['rows']);
      expect(graph.explain('rows')).toMatch(/^ran: what is stored of it cannot be read: /);
      expect(graph.explain('count')).toBe('kept: same version and inputs');
    });

    it('whose load() returns something else is refused', async () => {
      for (const loaded of [undefined, {}, { outcomes: [['a', 'text']] }, { outcomes: [undefined] }]) {
        const store = new MemoryStore();
        store.load = () => loaded as never;
        const stage = new Stage(subject, { store });
        expect(await rejection(stage.run(stage.graph(task('a', () => 1))))).toBeInstanceOf(InvalidOptionError);
      }
    });

    it('takes no graph without a name: it would be taken for any other', async () => {
      const stage = new Stage(subject, { store: new MemoryStore() });
      const error = await rejection(
        stage.run(
          stage.named(
            'graph',
            task('a', () => 1),
          ),
        ),
      );
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(String(error)).toContain('new TaskGraphBuilder({ name })');
    });

    it('runs a bound function again where it is to look at the text of functions', async () => {
      const store = new MemoryStore({ detect: 'source' });
      const stage = new Stage(subject, { store });
      const add = (a: number, b: number) => a + b;
      for (const [bound, expected] of [
        [1, 3],
        [2, 4],
      ] as const) {
        const graph = stage.graph(
          task('two', () => 2),
          task('sum', add.bind(null, bound), { dependsOn: ['two'] }),
        );
        await stage.run(graph);
        expect(graph.result('sum')).toBe(expected);
      }
    });

    it('is one that extends OutcomeStore', () => {
      expect(() => subject.make({ store: { load() {} } as never })).toThrow(InvalidOptionError);
    });

    it('is told how long tasks took by whoever runs them, too', async () => {
      const stage = new Stage(subject);
      const calls: string[] = [];
      const graph = stage.graph(...['a', 'b', 'c'].map((name) => task(name, () => calls.push(name))));
      const durations = new Map([
        ['b', 5],
        ['c', 70],
      ]);
      expect(await stage.executor.plan(graph, { durations })).toMatchObject([
        { task: 'c', estimateMs: 70 },
        { task: 'a', estimateMs: 37.5 },
        { task: 'b', estimateMs: 5 },
      ]);
      await stage.run(graph, { durations });
      expect(calls).toEqual(['c', 'a', 'b']);
      const wrong = rejection(stage.run(graph.resetAll(), { durations: { a: 1 } as never }));
      expect(await wrong).toBeInstanceOf(InvalidOptionError);
      expect(graph.counts().pending).toBe(3);
    });

    describe('plan()', () => {
      it('says what would run, in order, and why, and runs nothing', async () => {
        const store = new MemoryStore();
        const stage = new Stage(subject, { store });
        await stage.run(pipeline(stage, [1, 2]).graph);
        const { graph, calls } = pipeline(stage, [3], { rows: { version: '2' }, colours: { version: '3' } });
        const before = [...stage.lines];
        const plan = (await stage.executor.plan(graph)) as readonly PlannedTask[];
        // What took longer than it does here, on the way to elsewhere, may come first.
        expect(plan.toSorted((a, b) => graph.names().indexOf(a.task) - graph.names().indexOf(b.task))).toMatchObject([
          { task: 'rows', verdict: 'runs', why: 'its version changed from "" to "2"' },
          { task: 'count', verdict: 'may run', why: 'the result of "rows" may change' },
          { task: 'report', verdict: 'may run', why: 'the result of "count" may change' },
          { task: 'colours', verdict: 'runs', why: 'its version changed from "" to "3"' },
        ]);
        expect(graph.explain('count')).toBe('may run: the result of "rows" may change');
        expect(calls).toEqual([]);
        expect(stage.lines).toEqual(before);
        expect(graph.counts().pending).toBe(4);
        expect(await stage.executor.plan(graph, { only: ['colours'] })).toHaveLength(1);
      });

      it('leaves what was found to be damaged to be told by the next run, once', async () => {
        const repair = (text: string): StoreRepair => ({
          text,
          reason: 'torn',
          path: 'a.store',
          offset: 0,
          bytesDropped: 1,
          recordsLost: 1,
          tasks: [],
          copy: undefined,
        });
        const store = new MemoryStore();
        const found = [[repair('one')], [repair('one'), repair('two')], []];
        store.load = () => ({ outcomes: [], repairs: found.shift() ?? [] });
        const stage = new Stage(subject, { store });
        const graph = stage.graph(task('a', () => 1));
        await stage.executor.plan(graph);
        await stage.executor.plan(graph);
        await stage.run(graph);
        expect(stage.records('store:repaired')).toMatchObject([{ text: 'one' }, { text: 'two' }]);
        graph.resetAll();
        await stage.run(graph);
        expect(stage.records('store:repaired')).toHaveLength(2);
      });

      it('leaves what was reset to be forgotten by the run', async () => {
        const store = new MemoryStore();
        const stage = new Stage(subject, { store });
        const { graph } = pipeline(stage, [1, 2]);
        await stage.run(graph);
        graph.reset('report');
        expect(await stage.executor.plan(graph)).toMatchObject([
          { task: 'report', verdict: 'runs', why: 'it was reset' },
        ]);
        expect([...store.load('contract').outcomes]).toHaveLength(4);
        expect(graph.explain('report')).toBe('runs: it was reset');
      });

      it('has everything run that is pending where there is no store', async () => {
        const stage = new Stage(subject);
        const { graph } = pipeline(stage, [1, 2]);
        await stage.run(graph, { only: ['rows'] });
        expect(((await stage.executor.plan(graph)) as readonly { task: string }[]).map((one) => one.task)).toEqual([
          'count',
          'report',
          'colours',
        ]);
        expect(graph.explain('count')).toBe('runs: not run before');
      });
    });

    if (subject.isAsync) {
      // rows ─► count ◄─ slow      rows ─(after)─► clock
      it('whose bytes cannot be read fails the task that takes them if another has begun that waited for it', async () => {
        const store = new MemoryStore({ detect: 'version' });
        const stage = new Stage(subject, { store });
        const calls: string[] = [];
        const graph = (version: string) =>
          stage.graph(
            task('rows', () => calls.push('rows')),
            task('slow', () => stage.taking(10, calls.push('slow')), { version }),
            task('clock', () => stage.taking(20, calls.push('clock')), { after: ['rows'], version }),
            task('count', () => calls.push('count'), { dependsOn: ['rows', 'slow'], version }),
          );
        await stage.run(graph('1'));
        spoil(store, 'rows');
        const next = graph('2');
        await stage.run(next);
        expect(calls.slice(4).sort()).toEqual(['clock', 'slow']);
        expect(next.counts()).toMatchObject({ done: 3, failed: 1 });
        expect(next.failure('count')).toMatchObject({ code: 'unreadable-outcome', task: 'rows' });
      });

      it('is waited for: a task is done, and the next begins, only once its result is safe', async () => {
        const store = new SlowStore();
        const stage = new Stage(subject, { store });
        const { graph, calls } = pipeline(stage, [1, 2]);
        const run = stage.executor.run(graph, { only: ['count'] }) as Promise<unknown>;
        await stage.clock.advance(10);
        expect([calls, graph.status('rows'), store.saving.length]).toEqual([['rows'], 'running', 1]);
        expect(stage.records('task:done')).toEqual([]);
        store.saving[0]!.done();
        await stage.clock.advance(10);
        expect([calls, graph.status('rows')]).toEqual([['rows', 'count'], 'done']);
        store.saving[1]!.done();
        await run;
        const next = pipeline(stage, [1, 2]);
        await stage.run(next.graph, { only: ['count'] });
        expect(next.calls).toEqual([]);
      });

      it('that fails later ends the run with its error as well', async () => {
        const failure = new Error('connection lost');
        const store = new SlowStore();
        const stage = new Stage(subject, { store });
        const { graph, calls } = pipeline(stage, [1, 2]);
        const run = rejection(stage.executor.run(graph) as Promise<unknown>);
        await stage.clock.advance(10);
        for (const one of store.saving) one.fail(failure);
        expect(await run).toBe(failure);
        expect(calls.sort()).toEqual(['colours', 'rows']);
        expect(graph.counts()).toMatchObject({ done: 2, pending: 2 });
      });

      it('that cannot keep a failure ends the run with its error, even if nothing else is left to be done', async () => {
        const failure = new Error('connection lost');
        const store = new SlowStore();
        const stage = new Stage(subject, { store });
        const graph = stage.graph(task('a', thrower(new Error('no'))));
        const run = rejection(stage.executor.run(graph) as Promise<unknown>);
        await vi.waitUntil(() => store.saving.length > 0, { timeout: 10_000 });
        expect(stage.lines).not.toContain('run:finished');
        store.saving[0]!.fail(failure);
        expect(await run).toBe(failure);
        expect(stage.records('run:finished')).toMatchObject([{ status: 'broken', reason: failure }]);
      });

      it('that never answers does not hold up an abort for ever, nor close()', async () => {
        for (const end of ['abort', 'close'] as const) {
          const store = new SlowStore();
          const stage = new Stage(subject, { store, graceMs: 50 });
          const { graph } = pipeline(stage, [1, 2]);
          const controller = new AbortController();
          const run = rejection(
            stage.executor.run(graph, { signal: controller.signal, only: ['count'] }) as Promise<unknown>,
          );
          await stage.clock.advance(10);
          const ended = end === 'abort' ? controller.abort(new Error('enough')) : stage.executor.close();
          await stage.clock.advance(49);
          expect(graph.status('rows')).toBe('running');
          await stage.clock.advance(1);
          expect(await run).toMatchObject({ code: 'run-aborted' });
          await ended;
          expect(graph.counts()).toMatchObject({ done: 1, running: 0 });
          expect(stage.clock.waiting).toBe(0);
        }
      });

      it('that never answers to a failure does not hold up an abort for ever either', async () => {
        const stage = new Stage(subject, { store: new SlowStore(), graceMs: 50 });
        const controller = new AbortController();
        const late = async () => {
          await stage.taking(20, undefined);
          throw new Error('no');
        };
        const graph = stage.graph(task('at once', thrower(new Error('no'))), task('late', late));
        const run = rejection(stage.executor.run(graph, { signal: controller.signal }) as Promise<unknown>);
        await stage.clock.advance(10);
        controller.abort(new Error('enough'));
        await stage.clock.advance(500);
        expect(await run).toMatchObject({ code: 'run-aborted' });
        expect(graph.counts().running).toBe(0);
        expect(stage.clock.waiting).toBe(0);
      });

      it('that never makes safe what it has does not hold up an abort for ever, nor close()', async () => {
        for (const how of ['abort', 'close'] as const) {
          const store = Object.assign(new MemoryStore(), { flush: () => new Promise<void>(() => {}) });
          const stage = new Stage(subject, { store });
          const controller = new AbortController();
          const graph = stage.graph(task('a', () => 1));
          const run = rejection(stage.executor.run(graph, { signal: controller.signal }) as Promise<unknown>);
          await vi.waitUntil(() => graph.status('a') === 'done', { timeout: 10_000 });
          if (how === 'abort') controller.abort(new Error('enough'));
          const closed = how === 'close' ? stage.executor.close() : undefined;
          await stage.clock.advance(1000);
          expect(await run, how).toMatchObject({ code: 'run-aborted' });
          await closed;
          expect(graph.status('a'), how).toBe('done');
        }
      });

      it('may answer with any thenable', async () => {
        const stored: string[] = [];
        class Queries extends MemoryStore {
          override save(graph: string, name: string, bytes: Uint8Array): any {
            const save = () => {
              super.save(graph, name, bytes);
              stored.push(name);
            };
            return {
              then: (resolve: () => void) => {
                save();
                resolve();
              },
            };
          }
        }
        const stage = new Stage(subject, { store: new Queries() });
        await stage.run(stage.graph(task('a', () => 1)));
        expect(stored).toEqual(['a']);
      });

      it('holds an abort up until what is being saved is safe', async () => {
        const store = new SlowStore();
        const stage = new Stage(subject, { store });
        const { graph } = pipeline(stage, [1, 2]);
        const controller = new AbortController();
        const run = rejection(
          stage.executor.run(graph, { signal: controller.signal, only: ['rows'] }) as Promise<unknown>,
        );
        await stage.clock.advance(10);
        controller.abort(new Error('enough'));
        await stage.clock.advance(500);
        expect(graph.status('rows')).toBe('running');
        store.saving[0]!.done();
        expect(await run).toMatchObject({ code: 'run-aborted' });
        expect(graph.status('rows')).toBe('done');
      });
    } else {
      it('that answers with promises is refused', async () => {
        const stage = new Stage(subject, { store: new SlowStore() });
        expect(await rejection(stage.run(pipeline(stage, [1]).graph))).toBeInstanceOf(InvalidOptionError);
        class Promising extends MemoryStore {
          override save(graph: string, name: string, bytes: Uint8Array): any {
            super.save(graph, name, bytes);
            return Promise.resolve();
          }
        }
        const flushed = counted(() => undefined);
        const patient = Object.assign(new Promising(), { flushSync: flushed });
        const { graph } = pipeline(stage, [1]);
        await new Stage(subject, { store: patient }).run(graph);
        // For each task, and at the end.
        expect(flushed.calls).toHaveLength(5);
      });
    }

    it('serves graphs of different names apart', async () => {
      const store = new MemoryStore();
      const stage = new Stage(subject, { store });
      await stage.run(stage.graph(task('a', () => 1)));
      const other = stage.named(
        'other',
        task('a', () => 2),
      ) as TaskGraph;
      await stage.run(other);
      expect(other.result('a')).toBe(2);
    });
  });
}
