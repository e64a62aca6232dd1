import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  fileAt,
  InvalidOptionError,
  MemoryStore,
  type OutcomeStore,
  type RunOptions,
  type StandardSchema,
  SyncExecutor,
  systemClock,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskmapError,
  type TaskSpec,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rejection, toldBy } from '../contract/executor-harness.js';
import { STORE_KINDS } from '../support/stores.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-lasting-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(STORE_KINDS)('$name', ({ make, isSync }) => {
  /** Processes that come one after another, with one store and one clock. */
  class Processes {
    nowMs = 1_000_000;
    readonly open = make(folder);
    readonly calls: string[] = [];
    readonly failing = new Set<string>();

    task(name: string, options: Partial<TaskSpec> = {}): TaskSpec {
      return {
        name,
        run: (...args: unknown[]) => {
          this.calls.push(name);
          if (this.failing.has(name)) throw new RangeError(`${name} fails`);
          return [name, ...args].join(' ');
        },
        ...options,
      } as TaskSpec;
    }

    graph(...specs: TaskSpec[]): TaskGraph {
      return new TaskGraphBuilder({ name: 'shop' }).add(...specs).build() as TaskGraph;
    }

    async with<T>(use: (executor: AsyncExecutor, store: OutcomeStore) => Promise<T>): Promise<T> {
      const store = this.open();
      try {
        return await use(new AsyncExecutor({ store, clock: { ...systemClock, now: () => this.nowMs } }), store);
      } finally {
        await store.close();
      }
    }

    /** What is called as the graph is run. */
    async run(graph: TaskGraph, options: RunOptions = {}): Promise<string[]> {
      await this.with((executor) => executor.run(graph, options));
      return this.calls.splice(0);
    }

    async plan(graph: TaskGraph): Promise<string[]> {
      return (await this.with((executor) => executor.plan(graph))).map(
        ({ task, verdict, why }) => `${task} ${verdict}: ${why}`,
      );
    }
  }

  describe('a result that expires', () => {
    // feed ─► page
    const graphOf = (processes: Processes) =>
      processes.graph(processes.task('feed', { expiresMs: 1000 }), processes.task('page', { dependsOn: ['feed'] }));

    it('is kept until then, and runs again from then on', async () => {
      const processes = new Processes();
      expect(await processes.run(graphOf(processes))).toEqual(['feed', 'page']);
      processes.nowMs += 999;
      const kept = graphOf(processes);
      expect(await processes.run(kept)).toEqual([]);
      expect(kept.explain('feed')).toBe('kept: same version and inputs');
      processes.nowMs += 1;
      expect(await processes.plan(graphOf(processes))).toEqual([
        'feed runs: it expired',
        'page may run: the result of "feed" may change',
      ]);
      const expired = graphOf(processes);
      expect(await processes.run(expired)).toEqual(['feed']);
      expect(expired.explain('feed')).toBe('ran: it expired');
      expect(expired.explain('page')).toBe('kept: same version and inputs');
      processes.nowMs += 999;
      expect(await processes.run(graphOf(processes))).toEqual([]);
    });

    it('does not hold for ever where it was made by a clock that was ahead', async () => {
      const processes = new Processes();
      processes.nowMs += 10_000;
      await processes.run(graphOf(processes));
      const late = new Processes();
      Object.assign(late, { open: processes.open });
      expect(await late.run(graphOf(late))).toEqual(['feed']);
    });
  });

  describe('a failure that is kept', () => {
    // fetch ─► parse        other
    const graphOf = (processes: Processes, forMs = 1000) =>
      processes.graph(
        processes.task('fetch', { keepFailures: { forMs }, retry: 2 }),
        processes.task('parse', { dependsOn: ['fetch'] }),
        processes.task('other'),
      );
    const begun = async () => {
      const processes = new Processes();
      processes.failing.add('fetch');
      const graph = graphOf(processes);
      expect((await processes.run(graph)).sort()).toEqual(['fetch', 'fetch', 'other']);
      return { processes, graph };
    };

    it('fails its task without a call, and nothing hides it', async () => {
      const { processes } = await begun();
      processes.nowMs += 999;
      const next = graphOf(processes);
      const { report, told } = await processes.with(async (executor) => {
        const seen = toldBy(executor);
        return { report: await executor.run(next), told: seen };
      });
      expect(processes.calls).toEqual([]);
      expect(report).toMatchObject({ attemptCount: 0, counts: { failed: 1, skipped: 1, done: 1 } });
      expect([...report.failures]).toEqual([['fetch', new RangeError('fetch fails')]]);
      expect(() => next.throwIfFailed()).toThrow('fetch fails');
      expect(next.outcome('fetch')).toEqual({ status: 'failed', error: new RangeError('fetch fails'), attempts: 2 });
      expect(next.outcome('parse')).toEqual({ status: 'skipped', because: 'fetch' });
      expect(next.explain('fetch')).toBe(
        'failed: it failed the last time: RangeError: fetch fails, and that is kept for 1000 ms. It runs again after graph.resetFailed()',
      );
      const events = told.filter(({ record }) => record['task'] === 'fetch');
      expect(events.map(({ event }) => event)).toEqual(['task:failed']);
      expect(events[0]!.record).toMatchObject({ attempt: 0, source: 'store', durationMs: 0 });
    });

    it('is tried again once the time is over, and then counts from there', async () => {
      const { processes } = await begun();
      processes.nowMs += 1000;
      expect(await processes.run(graphOf(processes))).toEqual(['fetch', 'fetch']);
      processes.nowMs += 999;
      expect(await processes.run(graphOf(processes))).toEqual([]);
    });

    it('is planned', async () => {
      const { processes } = await begun();
      expect(await processes.plan(graphOf(processes))).toEqual([
        'fetch fails: it failed the last time: RangeError: fetch fails, and that is kept for 1000 ms',
        'parse skipped: "fetch" fails',
        'other kept: same version and inputs',
      ]);
      processes.nowMs += 1000;
      expect(await processes.plan(graphOf(processes))).toEqual([
        'other kept: same version and inputs',
        'fetch runs: it failed the last time: RangeError: fetch fails',
        'parse runs: no stored result',
      ]);
    });

    it('ends a run that is to end with a failure', async () => {
      const { processes } = await begun();
      const next = graphOf(processes);
      const error = await rejection(processes.with((executor) => executor.run(next, { onFailure: 'stop' })));
      expect(error).toMatchObject({ code: 'run-failed', failures: new Map([['fetch', expect.any(RangeError)]]) });
    });

    it('is tried again after resetFailed(), in this process and in the next', async () => {
      const { processes, graph } = await begun();
      processes.failing.clear();
      expect(await processes.run(graph.resetFailed())).toEqual(['fetch', 'parse']);
      expect(graph.explain('fetch')).toBe('ran: it failed the last time: RangeError: fetch fails');
      expect(await processes.run(graphOf(processes))).toEqual([]);

      const second = (await begun()).processes;
      const next = graphOf(second);
      await second.run(next);
      next.resetFailed();
      expect((await second.plan(next))[0]).toBe('fetch runs: it failed the last time: RangeError: fetch fails');
      // Aborted before it comes to that: the next process is not to find the failure that is to be forgotten.
      await rejection(second.run(next, { signal: AbortSignal.abort() }));
      second.failing.clear();
      expect(await second.run(graphOf(second))).toEqual(['fetch', 'parse']);
    });

    it('is tried again after resetFailed() although the run in between was of other tasks', async () => {
      const processes = new Processes();
      const graphWithMore = () =>
        processes.graph(processes.task('fetch', { keepFailures: { forMs: 1000 } }), processes.task('other'));
      processes.failing.add('fetch');
      const graph = graphWithMore();
      await processes.run(graph);
      expect(await processes.run(graph.resetFailed(), { only: ['other'] })).toEqual([]);
      expect(await processes.run(graphWithMore())).toEqual(['fetch']);
      expect(await processes.run(graph)).toEqual([]);
      await processes.run(graph.resetFailed(), { only: ['other'] });
      expect(await processes.run(graph.resetFailed())).toEqual(['fetch']);
    });

    it('is tried again if it is not of the function: by a schema, a file, or the executor', async () => {
      const path = join(folder, randomUUID());
      const fits: StandardSchema = { '~standard': { version: 1, vendor: 'spec', validate: (value) => ({ value }) } };
      const never: StandardSchema = {
        '~standard': { version: 1, vendor: 'spec', validate: () => ({ issues: [{ message: 'Never' }] }) },
      };
      const run = (isMended: boolean) => {
        const keepFailures = { forMs: 1000 };
        return processes.graph(
          processes.task('shaped', { returns: isMended ? fits : never, keepFailures }),
          { name: 'written', run: () => fileAt(isMended ? new URL(import.meta.url) : path), keepFailures },
          { name: 'later', run: () => (isMended ? 1 : Promise.resolve(1)), keepFailures },
        );
      };
      const processes = new Processes();
      const broken = run(false);
      if (isSync) {
        const store = processes.open();
        new SyncExecutor({ store, clock: { ...systemClock, now: () => processes.nowMs } }).run(broken);
        await store.close();
      } else await processes.run(broken);
      expect([...broken.failures().values()].map((error) => (error as TaskmapError).code)).toEqual(
        isSync ? ['schema', 'file', 'async-task'] : ['schema', 'file'],
      );
      const mended = run(true);
      await processes.run(mended);
      expect(mended.counts()).toMatchObject({ done: 3 });
    });

    it('is of no use for other inputs or another version', async () => {
      const processes = new Processes();
      processes.failing.add('fetch');
      const graph = (version: string) =>
        processes.graph(processes.task('fetch', { version, keepFailures: { forMs: 1000 } }));
      expect(await processes.run(graph('A'))).toEqual(['fetch']);
      expect(await processes.run(graph('B'))).toEqual(['fetch']);
      // Both are known.
      expect(await processes.run(graph('A'))).toEqual([]);
      expect(await processes.run(graph('B'))).toEqual([]);
    });

    it('is tried again in each run where nothing else is said', async () => {
      const { processes } = await begun();
      const plain = () => processes.graph(processes.task('fetch'));
      expect(await processes.run(plain())).toEqual(['fetch']);
      expect(await processes.run(plain())).toEqual(['fetch']);
    });
  });

  describe('a transient result', () => {
    // photo ─► pixels* ─► thumb ─► page
    //             └─────► size
    const graphOf = (processes: Processes, changes: Partial<Record<string, Partial<TaskSpec>>> = {}) =>
      processes.graph(
        processes.task('photo', changes['photo']),
        processes.task('pixels', { dependsOn: ['photo'], transient: true, ...changes['pixels'] }),
        processes.task('thumb', { dependsOn: ['pixels'], ...changes['thumb'] }),
        processes.task('size', { dependsOn: ['pixels'], ...changes['size'] }),
        processes.task('page', { dependsOn: ['thumb'], ...changes['page'] }),
      );
    const begun = async () => {
      const processes = new Processes();
      expect((await processes.run(graphOf(processes))).sort()).toEqual(['page', 'photo', 'pixels', 'size', 'thumb']);
      return processes;
    };

    it('is stored without its value', async () => {
      const processes = new Processes();
      const large = () => processes.graph({ name: 'pixels', run: () => 'x'.repeat(100_000), transient: true });
      await processes.run(large());
      const bytes = await processes.with(async (_, store) => [...(await store.load('shop')).outcomes][0]![1].length);
      expect(bytes).toBeLessThan(1000);
    });

    it('is not made where all that takes it is kept, and its task stays pending', async () => {
      const processes = await begun();
      expect((await processes.plan(graphOf(processes)))[1]).toBe(
        'pixels not needed: all that takes its result is kept',
      );
      const next = graphOf(processes);
      expect(await processes.run(next)).toEqual([]);
      expect(next.status('pixels')).toBe('pending');
      expect(next.explain('pixels')).toBe('not needed: all that takes its result is kept');
      expect(next.counts()).toMatchObject({ done: 4, pending: 1 });
      expect(() => next.result('pixels')).toThrow('run(graph, { only: ["pixels"] }) makes it');
      // In the same process as well.
      expect(await processes.run(next)).toEqual([]);
      expect(await processes.run(next, { only: ['pixels'] })).toEqual(['pixels']);
      expect(next.result('pixels')).toBe('pixels photo');
      expect(next.explain('pixels')).toBe('ran: its result is not stored, and nothing else takes it');
    });

    it('is made where something runs that takes it', async () => {
      const processes = await begun();
      const changed = () => graphOf(processes, { size: { version: '2' } });
      expect(await processes.plan(changed())).toEqual([
        'photo kept: same version and inputs',
        'pixels runs: its result is not stored, and "size" takes it',
        'thumb kept: same version and inputs',
        'page kept: same version and inputs',
        'size runs: its version changed from "" to "2"',
      ]);
      const next = changed();
      expect(await processes.run(next)).toEqual(['pixels', 'size']);
      expect(next.result('size')).toBe('size pixels photo');
      expect(next.explain('pixels')).toBe('ran: its result is not stored, and "size" takes it');
      expect(await processes.run(changed())).toEqual([]);
    });

    it('is made for a task of which nothing is stored, and for one that was reset', async () => {
      const processes = await begun();
      const more = processes.graph(
        processes.task('photo'),
        processes.task('pixels', { dependsOn: ['photo'], transient: true }),
        processes.task('colours', { dependsOn: ['pixels'] }),
      );
      expect(await processes.run(more)).toEqual(['pixels', 'colours']);
      const next = graphOf(processes);
      await processes.run(next);
      expect(await processes.run(next.reset('thumb'))).toEqual(['pixels', 'thumb', 'page']);
    });

    it('runs with what it is made from, as any other', async () => {
      const processes = await begun();
      const next = graphOf(processes, { photo: { run: () => 'another' } as never, pixels: {} });
      next.reset('photo');
      expect(await processes.run(next)).toEqual(['pixels', 'thumb', 'size', 'page']);
      const cut = graphOf(processes, { photo: { run: () => 'another', version: '2' } as never });
      expect(await processes.run(cut)).toEqual([]);
      expect(cut.explain('photo')).toBe('ran: its version changed from "" to "2"');
      expect(cut.status('pixels')).toBe('pending');
    });

    it('is made anew all along a chain', async () => {
      // a* ─► b* ─► c* ─► end ◄─ other, declared the other way round
      const processes = new Processes();
      const chain = (version = '') =>
        processes.graph(
          processes.task('end', { dependsOn: ['c', 'other'], version }),
          processes.task('c', { dependsOn: ['b', 'a'], transient: true }),
          processes.task('b', { dependsOn: ['a'], transient: true }),
          processes.task('a', { transient: true }),
          processes.task('other'),
        );
      await processes.run(chain());
      expect(await processes.run(chain())).toEqual([]);
      const next = chain('2');
      expect(await processes.run(next)).toEqual(['a', 'b', 'c', 'end']);
      expect(next.result('end')).toBe('end c b a a other');
      expect((await processes.plan(chain('3'))).sort()).toEqual([
        'a runs: its result is not stored, and "c" takes it',
        'b runs: its result is not stored, and "c" takes it',
        'c runs: its result is not stored, and "end" takes it',
        'end runs: its version changed from "2" to "3"',
        'other kept: same version and inputs',
      ]);
    });

    it('skips what takes it if it fails now, and leaves what is kept', async () => {
      const processes = await begun();
      processes.failing.add('pixels');
      const next = graphOf(processes, { size: { version: '2' } });
      expect(await processes.run(next)).toEqual(['pixels']);
      expect(next.status('pixels')).toBe('failed');
      expect(next.status('size')).toBe('skipped');
    });

    it('runs each time where nothing takes it', async () => {
      const processes = new Processes();
      const graph = () =>
        processes.graph(processes.task('mail', { transient: true }), processes.task('later', { after: ['mail'] }));
      for (const expected of [['mail', 'later'], ['mail'], ['mail']])
        expect(await processes.run(graph())).toEqual(expected);
    });

    it('is made and stored once it is transient no longer', async () => {
      const processes = await begun();
      const plain = () => graphOf(processes, { pixels: { transient: false } });
      const next = plain();
      expect(await processes.run(next)).toEqual(['pixels']);
      expect(next.explain('pixels')).toBe('ran: its result was not stored');
      expect(await processes.run(plain())).toEqual([]);
      // What is stored whole can be given.
      const again = graphOf(processes);
      expect(await processes.run(again)).toEqual([]);
      expect(again.result('pixels')).toBe('pixels photo');
    });
  });
});

it('takes no numbers and settings that are none', () => {
  const build = (options: object) => () =>
    new TaskGraphBuilder({ name: 'shop' }).add({ name: 'a', run: () => 1, ...options }).build();
  for (const expiresMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1'])
    expect(build({ expiresMs })).toThrow('a finite number of milliseconds above 0');
  for (const forMs of [0, undefined, '1']) expect(build({ keepFailures: { forMs } })).toThrow('keepFailures.forMs');
  for (const options of [{ keepFailures: 1 }, { transient: 1 }]) expect(build(options)).toThrow(/Expected/);
  const task = () => new TaskGraphBuilder().task('a', () => 1);
  expect(() => task().expires(0)).toThrow(InvalidOptionError);
  expect(() => task().keepFailures({} as never)).toThrow(InvalidOptionError);
  expect(() => task().transient(1 as never)).toThrow(InvalidOptionError);
});

it('serves SyncExecutor', () => {
  const store = new MemoryStore();
  const calls: string[] = [];
  const run = (version: string) => {
    const graph = new TaskGraphBuilder({ name: 'shop' })
      .task('pixels', () => calls.push('pixels'))
      .transient()
      .task('size')
      .dependsOn('pixels')
      .version(version)
      .run(() => calls.push('size'))
      .build();
    new SyncExecutor({ store }).run(graph);
    return calls.splice(0);
  };
  expect([run('1'), run('1'), run('2')]).toEqual([['pixels', 'size'], [], ['pixels', 'size']]);
});
