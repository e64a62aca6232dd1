import { AsyncExecutor, MemoryStore, SyncExecutor, type TaskContext, TaskGraphBuilder, Timeline } from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import {
  type Changes,
  FAILURES_MAX,
  type ShownRun,
  type Snapshot,
  STATUS_CODES,
  TEXT_MAX,
} from '../../src/dashboard/messages.js';
import { RunFeed, type RunFeedOptions } from '../../src/dashboard/run-feed.js';
import { ORIGIN_MS, Timed, type TimedSpec } from '../observe/timed.js';
import { HOSTILE_NAMES } from '../support/random-graph.js';

const feedOf = (options: Partial<RunFeedOptions> = {}) =>
  new RunFeed({ runsMax: 5, control: false, workers: 1, group: undefined, ...options });
const snapshotOf = (feed: RunFeed, nowMs = 0) => JSON.parse(feed.snapshotText(nowMs)) as Snapshot;
const changesOf = (feed: RunFeed, nowMs = 0) => JSON.parse(feed.takeChangesText(nowMs) ?? 'null') as Changes | null;
const statusesOf = (run: ShownRun) =>
  Object.fromEntries(run.names.map((name, place) => [name, STATUS_CODES[run.statuses[place]!]]));

function watched(specs: readonly TimedSpec[], concurrency = 8, options: Partial<RunFeedOptions> = {}) {
  const timed = new Timed(specs, { concurrency });
  const feed = feedOf(options).listen(timed.executor);
  const shown = () => snapshotOf(feed, timed.clock.now()).runs.at(-1)!;
  return { timed, feed, shown };
}

describe('what is shown of a run', () => {
  // load ─► parse ─► page
  //    └──► style ────┘
  const SITE: readonly TimedSpec[] = [
    { name: 'load', takesMs: 20, ioBound: true },
    { name: 'parse', takesMs: 60, dependsOn: ['load'] },
    { name: 'style', takesMs: 5, dependsOn: ['load'] },
    { name: 'page', takesMs: 10, dependsOn: ['parse', 'style'] },
  ];

  it('are its tasks, who depends on whom, what runs where and since when, and the time left', async () => {
    const { timed, shown } = watched(SITE);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(30);
    expect(shown()).toEqual({
      runId: expect.any(String),
      graph: 'timed',
      status: 'running',
      startedAtMs: ORIGIN_MS,
      workers: 2,
      names: ['load', 'parse', 'style', 'page'],
      groups: expect.any(Array),
      groupNames: expect.any(Array),
      dependencyStarts: [0, 0, 1, 2, 4],
      dependencies: [0, 0, 1, 2],
      leftOutCount: 0,
      ioBound: [0],
      metaTexts: [],
      metas: [],
      statuses: ['done', 'running', 'done', 'pending'].map((status) => STATUS_CODES.indexOf(status as 'done')),
      attemptsBefore: 0,
      attempts: [
        [0, 1, 0, 0, 20, 1],
        [1, 1, 0, 20, -1, 0],
        [2, 1, 0, 20, 25, 1],
      ],
      workMs: 25,
      criticalPathMs: 25,
      failureCount: 0,
      failures: [],
      progress: [],
      // Two of four tasks took 30 ms.
      remainingMs: 30,
    });
  });

  it('has the plain data of tasks, each text once', () => {
    const executor = new SyncExecutor();
    const feed = feedOf().listen(executor);
    const graph = new TaskGraphBuilder<any>()
      .add(...['a', 'b', 'c'].map((name) => ({ name, run: () => {}, meta: { host: name === 'c' ? '<b>' : 'x' } })))
      .task('d', () => {})
      .build();
    executor.run(graph);
    expect(snapshotOf(feed).runs[0]).toMatchObject({
      metaTexts: ['{"host":"x"}', '{"host":"<b>"}'],
      metas: [
        [0, 0],
        [1, 0],
        [2, 1],
      ],
    });
  });

  it('is at its end what came of it', async () => {
    const { timed, shown } = watched(SITE, 8, { workers: 3 });
    const timeline = new Timeline().listen(timed.executor);
    await timed.run();
    const run = shown();
    const summary = timeline.summary()!;
    expect(run).toMatchObject({
      status: 'finished',
      durationMs: 90,
      workers: 3,
      workMs: summary.workMs,
      criticalPathMs: summary.criticalPathMs,
    });
    expect(run).not.toHaveProperty('remainingMs');
    expect(Object.values(statusesOf(run))).toEqual(['done', 'done', 'done', 'done']);
  });

  it('has tasks that are ready and that pause, and what made them fail', async () => {
    const { timed, shown } = watched(
      [
        { name: 'flaky', takesMs: 10, failures: 1, priority: 1, retry: { attempts: 2, delayMs: 100 } },
        { name: 'broken', takesMs: 10, failures: 1 },
        { name: 'after', takesMs: 1, dependsOn: ['broken'] },
        { name: 'long', takesMs: 1000 },
        { name: 'late', takesMs: 1 },
      ],
      1,
    );
    void timed.executor.run(timed.graph);
    await timed.clock.advance(50);
    expect(statusesOf(shown())).toEqual({
      flaky: 'delayed',
      broken: 'failed',
      after: 'skipped',
      long: 'running',
      late: 'ready',
    });
    const { failures, failureCount, attempts } = shown();
    expect(failureCount).toBe(2);
    expect(failures).toMatchObject([
      { task: 0, attempt: 1, atMs: 10, willRetry: true, type: 'Error', message: 'call 1 fails' },
      { task: 1, attempt: 1, atMs: 20, willRetry: false, type: 'Error', message: 'call 1 fails' },
    ]);
    expect(failures[1]!.stack).toContain('Error: call 1 fails\n    at ');
    expect(attempts).toEqual([
      [0, 1, 0, 0, 10, 3],
      [1, 1, 0, 10, 20, 2],
      [3, 1, 0, 20, -1, 0],
    ]);
  });

  it('has what tasks say of themselves while they run, and not after', async () => {
    const executor = new SyncExecutor();
    const feed = feedOf().listen(executor);
    const seen: unknown[] = [];
    const look = () => seen.push(snapshotOf(feed).runs[0]!.progress);
    executor.on('task:progress', look);
    executor.on('task:done', look);
    const half = ({ progress }: TaskContext) => progress(0.5, 'x'.repeat(10_000));
    const silent = ({ progress }: TaskContext) => progress(0.25);
    executor.run(new TaskGraphBuilder().task('half', half).withContext().task('silent', silent).withContext().build());
    expect(seen).toEqual([[[0, 0.5, `${'x'.repeat(TEXT_MAX - 1)}…`]], [], [[1, 0.25, '']], []]);
  });

  it('is pending again where a run was aborted', async () => {
    const { timed, shown } = watched([
      { name: 'a', takesMs: 100, withContext: true },
      { name: 'b', takesMs: 10, failures: 1, retry: { attempts: 2, delayMs: 1000 } },
      { name: 'c', takesMs: 1, dependsOn: ['a'] },
    ]);
    timed.executor.once('task:retrying', ({ runId }) => timed.executor.abort(runId));
    await timed.run().catch(() => {});
    expect(shown()).toMatchObject({ status: 'aborted', statuses: [0, 0, 0], workMs: 110 });
    expect(shown().attempts.map(([task, , , , , status]) => [task, status])).toEqual([
      [0, 4],
      [1, 3],
    ]);
  });

  it('tells what was done, failed and skipped before, and what a store kept', async () => {
    const store = new MemoryStore();
    const executor = new AsyncExecutor({ store });
    const feed = feedOf().listen(executor);
    const graphOf = () =>
      new TaskGraphBuilder({ name: 'kept' })
        .task('a', () => 1)
        .task('b', (): number => {
          throw new TypeError('broken');
        })
        .task('c', (b: number) => b)
        .dependsOn('b')
        .task('d', () => 4)
        .build();
    const graph = graphOf();
    await executor.run(graph);
    await executor.run(graph.reset('d').markDone('d', 5));
    await executor.run(graphOf());
    const [, again, another] = snapshotOf(feed).runs;
    expect(statusesOf(again!)).toEqual({ a: 'kept', b: 'failed', c: 'skipped', d: 'kept' });
    expect(again!.failures).toMatchObject([
      { task: 1, attempt: 1, atMs: 0, willRetry: false, type: 'TypeError', message: 'broken' },
    ]);
    expect(statusesOf(another!)).toMatchObject({ a: 'kept', b: 'failed', c: 'skipped' });
  });

  it('begins with the names and groups of the user', () => {
    const executor = new SyncExecutor();
    const feed = feedOf({ group: (name) => name.slice(0, 1) }).listen(executor);
    executor.run(
      new TaskGraphBuilder()
        .task('b1', () => 1)
        .task('a1', () => 1)
        .after('b1')
        .task('b2', () => 1)
        .build(),
    );
    const { groups, groupNames } = snapshotOf(feed).runs[0]!;
    expect(groups.map((place) => groupNames[place])).toEqual(['b', 'a', 'b']);
    expect(groupNames).toEqual(['b', 'a']);
  });

  it('has other groups where the function of the user fails, and a warning says why', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const executor = new SyncExecutor();
    const group = () => {
      throw new Error('no group');
    };
    const feed = feedOf({ group }).listen(executor);
    executor.run(new TaskGraphBuilder().task('a', () => 1).build());
    expect(snapshotOf(feed).runs[0]!.groupNames).toHaveLength(1);
    expect(warn).toHaveBeenCalledExactlyOnceWith('The dashboard groups tasks by their names: no group');
    vi.restoreAllMocks();
  });

  it('leaves out a run that had begun before', async () => {
    const timed = new Timed([{ name: 'a', takesMs: 10 }]);
    void timed.executor.run(timed.graph);
    const feed = feedOf().listen(timed.executor);
    feed.watch(() => {});
    await timed.clock.advance(100);
    expect(snapshotOf(feed).runs).toEqual([]);
    expect(changesOf(feed)).toMatchObject({ begun: [], runs: [] });
  });

  it('counts more failures than it keeps', () => {
    const executor = new SyncExecutor();
    const feed = feedOf().listen(executor);
    const builder = new TaskGraphBuilder<any>();
    const fail = () => {
      throw new Error('broken');
    };
    const count = 3 * FAILURES_MAX + 1;
    for (let index = 0; index < count; index++) builder.add({ name: `t${index}`, run: fail });
    executor.run(builder.build());
    const { failures, failureCount } = snapshotOf(feed).runs[0]!;
    expect([failureCount, failures.length, failures.at(-1)?.task]).toEqual([count, FAILURES_MAX, count - 1]);
  });
});

describe('texts of users', () => {
  it.each(HOSTILE_NAMES.map((name) => [name.slice(0, 30), name]))(
    'a task named %j is told as it is, or cut',
    (_, name) => {
      const executor = new SyncExecutor();
      const feed = feedOf().listen(executor);
      executor.run(new TaskGraphBuilder<any>({ name: name || 'empty' }).add({ name, run: () => 1 }).build());
      const text = feed.snapshotText(0);
      expect(text).not.toMatch(/[\r\n]/);
      const { names, statuses } = (JSON.parse(text) as Snapshot).runs[0]!;
      expect(names).toEqual([name.length > TEXT_MAX ? `${name.slice(0, TEXT_MAX - 1)}…` : name]);
      expect(statuses).toEqual([STATUS_CODES.indexOf('done')]);
    },
  );

  const self = new Error('circle');
  self.cause = self;
  class Custom extends Error {}
  it.each<[string, unknown, object]>([
    [
      'of a class of its own',
      new Custom('<img src=x onerror=alert(1)>'),
      { type: 'Custom', message: '<img src=x onerror=alert(1)>' },
    ],
    [
      'that is its own cause',
      self,
      { type: 'Error', message: 'circle', stack: expect.stringContaining('Caused by: ') },
    ],
    [
      'with errors',
      new AggregateError([new Error('one'), 'two'], 'both'),
      { stack: expect.stringContaining('One of its errors: string: two') },
    ],
    ['that is too long', new Error('x'.repeat(100_000)), { message: `${'x'.repeat(TEXT_MAX - 1)}…` }],
    [
      'that ends in half a character',
      new Error('👩'.repeat(TEXT_MAX)),
      { message: `${'👩'.repeat(TEXT_MAX / 2 - 1)}…` },
    ],
    ['that is none', 'no electricity', { type: 'string', message: 'no electricity', stack: '' }],
    ['that is nothing', undefined, { type: 'undefined', message: 'undefined', stack: '' }],
    ['that has no prototype', Object.create(null), { type: 'object', message: '[object Object]' }],
    ['whose message is an object', Object.assign(new Error(), { message: { toString: () => 7 } }), { type: 'Error' }],
    ['without a stack', Object.assign(new Error('bare'), { stack: undefined }), { message: 'bare', stack: '' }],
    ['whose getters throw', hostile(), { type: 'Error', message: 'a value that cannot be shown', stack: '' }],
    ['that is a revoked proxy', revoked(), { type: expect.any(String), message: expect.any(String), stack: '' }],
  ])('an error %s does no harm', (_, error, shown) => {
    const executor = new SyncExecutor();
    const feed = feedOf().listen(executor);
    const fail = () => {
      throw error;
    };
    executor.run(new TaskGraphBuilder().task('a', fail).build());
    const [failure] = snapshotOf(feed).runs[0]!.failures;
    expect(failure).toMatchObject({ task: 0, ...shown });
    for (const text of [failure!.type, failure!.message, failure!.stack])
      expect(text.length).toBeLessThanOrEqual(TEXT_MAX);
  });

  function hostile(): unknown {
    const no = () => {
      throw new Error('no');
    };
    return new Proxy(new Error('never seen'), { get: no, has: no, ownKeys: no });
  }

  function revoked(): unknown {
    const { proxy, revoke } = Proxy.revocable(new Error('gone'), {});
    revoke();
    return proxy;
  }
});

describe('runs', () => {
  const graph = (name: string) => new TaskGraphBuilder({ name }).task('a', () => 1).build();

  it('are kept in the order in which they began, the latest ones', () => {
    const executor = new SyncExecutor();
    const feed = feedOf({ runsMax: 2 }).listen(executor);
    for (const name of ['one', 'two', 'three']) executor.run(graph(name));
    expect(snapshotOf(feed).runs.map((run) => run.graph)).toEqual(['two', 'three']);
  });

  it('are kept while they are under way, however many', async () => {
    const { timed, feed } = watched([{ name: 'a', takesMs: 100 }], 8, { runsMax: 1 });
    for (let index = 0; index < 3; index++)
      void timed.executor.run(timed.graphOf([{ name: 'a', takesMs: 10 * (index + 1) }], `g${index}`));
    await timed.clock.advance(15);
    expect(snapshotOf(feed).runs.map((run) => run.graph)).toEqual(['g0', 'g1', 'g2']);
    await timed.clock.advance(100);
    expect(snapshotOf(feed).runs.map((run) => run.graph)).toEqual(['g2']);
  });

  it('of several executors are told together', () => {
    const executors = [new SyncExecutor(), new SyncExecutor()];
    const feed = feedOf();
    for (const executor of executors) feed.listen(executor);
    for (const [index, executor] of executors.entries()) executor.run(graph(`g${index}`));
    expect(snapshotOf(feed).runs.map((run) => run.graph)).toEqual(['g0', 'g1']);
    feed.close();
    expect(executors.map(({ listening }) => listening)).toEqual([0, 0]);
  });
});

describe('changes', () => {
  it('are told once, and only what has changed', async () => {
    const { timed, feed } = watched([
      { name: 'a', takesMs: 10 },
      { name: 'b', takesMs: 10, dependsOn: ['a'] },
    ]);
    let told = 0;
    feed.watch(() => told++);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(5);
    expect(changesOf(feed)).toMatchObject({ begun: [{ statuses: [2, 0] }], runs: [] });
    expect(changesOf(feed)).toBeNull();
    await timed.clock.advance(10);
    expect(changesOf(feed)).toMatchObject({
      begun: [],
      forgotten: [],
      runs: [{ statuses: [0, 4, 1, 2], attemptsBegun: [[1, 1, 0, 10, -1, 0]], attemptsEnded: [0, 10, 1], workMs: 10 }],
    });
    expect(told).toBe(2);
    await timed.clock.advance(10);
    const last = changesOf(feed)!;
    expect(last.runs).toMatchObject([
      { statuses: [1, 4], attemptsBegun: [], attemptsEnded: [1, 20, 1], status: 'finished', durationMs: 20 },
    ]);
    expect(last.runs[0]).not.toHaveProperty('remainingMs');
  });

  it('have what tasks have said, the latest of it, and nothing of those that have ended since', () => {
    const executor = new SyncExecutor();
    const feed = feedOf().listen(executor);
    feed.watch(() => {});
    const told: unknown[] = [];
    executor.on('run:started', () => void feed.takeChangesText(0));
    const talks = ({ progress }: TaskContext) => {
      progress(0.25, 'first');
      progress(0.5, 'second');
      told.push(changesOf(feed)!.runs[0]!.progress);
      progress(0.75, 'third');
    };
    executor.run(new TaskGraphBuilder().task('a', talks).withContext().build());
    told.push(changesOf(feed)!.runs[0]!.progress);
    expect(told).toEqual([[[0, 0.5, 'second']], []]);
  });

  it('say nothing of a run that began and was forgotten since', () => {
    const executor = new SyncExecutor();
    const feed = feedOf({ runsMax: 1 }).listen(executor);
    feed.watch(() => {});
    const graphOf = (name: string) => new TaskGraphBuilder({ name }).task('a', () => 1).build();
    executor.run(graphOf('one'));
    executor.run(graphOf('two'));
    const { begun, forgotten } = changesOf(feed)!;
    expect([begun.map((run) => run.graph), forgotten]).toEqual([['two'], []]);
    executor.run(graphOf('three'));
    expect(changesOf(feed)).toMatchObject({ begun: [{ graph: 'three' }], forgotten: [begun[0]!.runId], runs: [] });
  });

  it('are not noted while nobody watches', () => {
    const executor = new SyncExecutor();
    const feed = feedOf().listen(executor);
    executor.run(new TaskGraphBuilder().task('a', () => 1).build());
    expect([feed.hasChanged, changesOf(feed)]).toEqual([false, null]);
    feed.watch(() => {});
    expect(changesOf(feed)).toBeNull();
    executor.run(new TaskGraphBuilder().task('a', () => 1).build());
    expect(feed.hasChanged).toBe(true);
    feed.unwatch();
    expect(changesOf(feed)).toBeNull();
  });

  it('of the time left alone are told of runs that are under way', async () => {
    const { timed, feed } = watched([
      { name: 'a', takesMs: 10 },
      { name: 'b', takesMs: 1000 },
    ]);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(20);
    feed.watch(() => {});
    feed.touch();
    expect(changesOf(feed, timed.clock.now())).toMatchObject({
      runs: [{ statuses: [], attemptsBegun: [], remainingMs: 20 }],
    });
    await timed.clock.advance(2000);
    changesOf(feed);
    feed.touch();
    expect(feed.hasChanged).toBe(false);
  });
});
