import {
  InvalidOptionError,
  ParallelExecutor,
  RunAbortedError,
  SyncExecutor,
  TaskGraphBuilder,
  Timeline,
} from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { graphOf, made, started, ThreadGate, threads, waitAtGate } from '../executors/thread-harness.js';
import { FakeClock } from '../support/fake-clock.js';
import { Timed, type TimedSpec, timelineOf } from './timed.js';

// load 20 ─► parse 60 ─► page 10
//    └─────► style 5 ────┘
const SITE: readonly TimedSpec[] = [
  { name: 'load', takesMs: 20 },
  { name: 'parse', takesMs: 60, dependsOn: ['load'] },
  { name: 'style', takesMs: 5, dependsOn: ['load'] },
  { name: 'page', takesMs: 10, dependsOn: ['parse', 'style'] },
];

const namesOf = (tasks: readonly { readonly task: string }[]) => tasks.map(({ task }) => task);

describe('attempts()', () => {
  it('tells when each was ready, began and ended, and where it ran, by their start', async () => {
    const timeline = await timelineOf(SITE);
    expect(
      timeline
        .attempts()
        .map(({ task, readyAtMs, startedAtMs, endedAtMs }) => [task, readyAtMs, startedAtMs, endedAtMs]),
    ).toEqual([
      ['load', 1_000_000, 1_000_000, 1_000_020],
      ['style', 1_000_020, 1_000_020, 1_000_025],
      ['parse', 1_000_020, 1_000_020, 1_000_080],
      ['page', 1_000_080, 1_000_080, 1_000_090],
    ]);
    expect(new Set(timeline.attempts().map(({ thread, status, attempt }) => `${thread} ${status} ${attempt}`))).toEqual(
      new Set(['main done 1']),
    );
  });

  it('tells how long each could have run and had to wait for room', async () => {
    const timeline = await timelineOf(
      [
        { name: 'a', takesMs: 30 },
        { name: 'b', takesMs: 20 },
        { name: 'c', takesMs: 10 },
      ],
      { concurrency: 1 },
    );
    expect(timeline.attempts().map(({ task, waitedMs }) => [task, waitedMs])).toEqual([
      ['a', 0],
      ['b', 30],
      ['c', 50],
    ]);
    expect(timeline.summary()).toMatchObject({ waitedMs: 80, workMs: 60, workers: 1, durationMs: 60, efficiency: 1 });
  });

  it('tells what each attempt threw', async () => {
    const timeline = await timelineOf([
      { name: 'a', takesMs: 10, failures: 1, retry: 2 },
      { name: 'b', takesMs: 10, failures: 1 },
    ]);
    const told = timeline
      .attempts()
      .map(({ task, status, error }) => `${task} ${status} ${error instanceof Error ? error.message : error}`);
    expect(told.sort()).toEqual(['a done undefined', 'a retried call 1 fails', 'b failed call 1 fails']);
  });

  it('has each attempt of a task that is retried, the pause before it no waiting', async () => {
    const timeline = await timelineOf([{ name: 'a', takesMs: 10, failures: 2, retry: { attempts: 3, delayMs: 50 } }]);
    expect(
      timeline.attempts().map(({ attempt, status, startedAtMs, waitedMs }) => [attempt, status, startedAtMs, waitedMs]),
    ).toEqual([
      [1, 'retried', 1_000_000, 0],
      [2, 'retried', 1_000_060, 0],
      [3, 'done', 1_000_120, 0],
    ]);
    expect(timeline.tasks()).toMatchObject([
      { task: 'a', status: 'done', durationMs: 30, delayedMs: 100, waitedMs: 0 },
    ]);
  });

  it('ends the running ones, while a run is under way, at what was heard last', async () => {
    const timed = new Timed(SITE);
    const timeline = new Timeline().listen(timed.executor);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(30);
    expect(timeline.attempts().map(({ task, status, durationMs }) => [task, status, durationMs])).toEqual([
      ['load', 'done', 20],
      ['parse', 'running', 5],
      ['style', 'done', 5],
    ]);
    expect(timeline.summary()).toMatchObject({ status: 'running', durationMs: 25 });
  });
});

describe('tasks()', () => {
  // a* ─► b      c      (* fails)
  it('tells of failed and skipped tasks', async () => {
    const timeline = await timelineOf([
      { name: 'a', takesMs: 5, failures: 1 },
      { name: 'b', takesMs: 5, dependsOn: ['a'] },
      { name: 'c', takesMs: 5 },
    ]);
    expect(
      Object.fromEntries(timeline.tasks().map(({ task, status, attempts }) => [task, `${status} ${attempts.length}`])),
    ).toEqual({
      a: 'failed 1',
      b: 'skipped 0',
      c: 'done 1',
    });
  });

  it('tells of a task that was interrupted, which is pending again', async () => {
    const timed = new Timed([{ name: 'a', takesMs: 50, withContext: true }]);
    const timeline = new Timeline().listen(timed.executor);
    const abort = new AbortController();
    const run = Promise.resolve(timed.executor.run(timed.graph, { signal: abort.signal }));
    const rejected = expect(run).rejects.toBeInstanceOf(RunAbortedError);
    await timed.clock.advance(20);
    abort.abort();
    await timed.clock.advance(2000);
    await rejected;
    expect(timeline.tasks()).toMatchObject([
      { task: 'a', status: 'pending', attempts: [{ status: 'interrupted', error: expect.anything() }] },
    ]);
    expect(timeline.summary()).toMatchObject({ status: 'aborted' });
  });

  it('tells of a result that was kept as of a task without attempts', () => {
    const executor = new SyncExecutor();
    const timeline = new Timeline().listen(executor);
    // What an executor with a store tells of what it finds there.
    executor.once('run:started', ({ runId, atMs }) =>
      executor.emit('task:done', { runId, atMs, task: 'a', attempt: 0, result: 1, source: 'store', durationMs: 0 }),
    );
    executor.run(
      new TaskGraphBuilder()
        .task('a', () => 1)
        .task('b', () => 2)
        .build({ results: { a: 1 } }),
    );
    expect(timeline.tasks().map(({ task, status, attempts }) => [task, status, attempts.length])).toEqual([
      ['a', 'done', 0],
      ['b', 'done', 1],
    ]);
    expect(namesOf(timeline.attempts())).toEqual(['b']);
  });
});

describe('criticalPath()', () => {
  it('is the chain that took longest, not the one with the most tasks', async () => {
    // a 1 ─► b 1 ─► c 1        d 10 ─► e 10
    const timeline = await timelineOf([
      { name: 'a', takesMs: 1 },
      { name: 'b', takesMs: 1, dependsOn: ['a'] },
      { name: 'c', takesMs: 1, dependsOn: ['b'] },
      { name: 'd', takesMs: 10 },
      { name: 'e', takesMs: 10, dependsOn: ['d'] },
    ]);
    expect(namesOf(timeline.criticalPath())).toEqual(['d', 'e']);
    expect(timeline.summary()?.criticalPathMs).toBe(20);
  });

  it('counts the pauses before retries, and not the time spent waiting for room', async () => {
    // a 10, 100 of pause, 10        b 30, behind the first attempt of a
    const timeline = await timelineOf(
      [
        { name: 'a', takesMs: 10, failures: 1, retry: { attempts: 2, delayMs: 100 } },
        { name: 'b', takesMs: 30 },
      ],
      { concurrency: 1 },
    );
    expect(namesOf(timeline.criticalPath())).toEqual(['a']);
    expect(timeline.summary()?.criticalPathMs).toBe(120);
  });

  it('begins behind what was done before the run', async () => {
    const timed = new Timed(SITE);
    timed.graph.markDone('load');
    const timeline = new Timeline().listen(timed.executor);
    await timed.run();
    expect(namesOf(timeline.criticalPath())).toEqual(['parse', 'page']);
  });
});

describe('efficiency()', () => {
  it('is 1 where the critical path determines the end', async () => {
    expect((await timelineOf(SITE)).efficiency()).toBe(1);
  });

  it('compares with the work shared by the workers where that is the longer', async () => {
    // Four tasks of 30 ms, one of 60 ms and one slot short of using both at the end: 30 30 | 30 30 | 60 is 120 ms for 180 ms of work.
    const timeline = await timelineOf(
      [...['a', 'b', 'c', 'd'].map((name) => ({ name, takesMs: 30 })), { name: 'e', takesMs: 60 }],
      {
        concurrency: 2,
      },
    );
    expect(timeline.summary()).toMatchObject({
      durationMs: 120,
      workMs: 180,
      criticalPathMs: 60,
      workers: 2,
      lowerBoundMs: 90,
      efficiency: 0.75,
    });
  });

  it('counts workers that had nothing to do only if it is told of them', async () => {
    const timeline = await timelineOf(SITE);
    expect(timeline.summary({ workers: 8 })).toMatchObject({ workers: 8, lowerBoundMs: 90 });
    expect(timeline.summary({ workers: 1 })).toMatchObject({ workers: 2 });
    expect(() => timeline.efficiency({ workers: 0 })).toThrow(InvalidOptionError);
  });

  it('is 1 where nothing took any time, and where nothing is known', async () => {
    const executor = new SyncExecutor({ clock: new FakeClock() });
    const timeline = new Timeline().listen(executor);
    expect(timeline.efficiency()).toBe(1);
    expect(timeline.summary()).toBeUndefined();
    executor.run(new TaskGraphBuilder().build());
    expect(timeline.summary()).toMatchObject({ durationMs: 0, attemptCount: 0, workers: 1, efficiency: 1 });
  });
});

describe('slowest() and threads()', () => {
  it('tell which tasks took longest, and how busy the thread was: overlapping attempts once', async () => {
    const timeline = await timelineOf(SITE);
    expect(namesOf(timeline.slowest(2))).toEqual(['parse', 'load']);
    expect(timeline.threads()).toEqual([{ thread: 'main', attemptCount: 4, busyMs: 90, workMs: 95, share: 1 }]);
  });

  it('tell each thread apart', async () => {
    await using executor = new ParallelExecutor({ workers: 2 });
    const timeline = new Timeline().listen(executor);
    const gate = new ThreadGate();
    // One thread waits at the gate until the other one, and the main one, have been there.
    const graph = graphOf(
      gate.task,
      { name: 'a', run: waitAtGate, dependsOn: ['gate'] },
      {
        name: 'b',
        run: made('(view) => { Atomics.store(view, 0, 1); Atomics.notify(view, 0); }'),
        dependsOn: ['gate'],
      },
    );
    await executor.warmUp();
    await executor.run(graph);
    const shares = timeline.threads();
    expect(shares.map(({ attemptCount }) => attemptCount)).toEqual([1, 1, 1]);
    expect(shares[0]?.thread).toBe('main');
    expect(new Set(shares.map(({ thread }) => thread)).size).toBe(3);
    for (const { share } of shares) expect(share >= 0 && share <= 1).toBe(true);
  });
});

describe('several runs', () => {
  it('are told apart, also those that one executor makes at once; the one that began last is meant unless another is asked for', async () => {
    const timed = new Timed([{ name: 'a', takesMs: 30 }]);
    const timeline = new Timeline().listen(timed.executor);
    const runs = [timed.run(), timed.run(timed.graphOf([{ name: 'b', takesMs: 10 }], 'other'))];
    await Promise.all(runs);
    const [first, second] = timeline.runIds();
    expect(timeline.summary()).toMatchObject({ runId: second, graph: 'other', durationMs: 10 });
    expect(timeline.summary({ runId: first })).toMatchObject({ graph: 'timed', durationMs: 30 });
    expect(namesOf(timeline.criticalPath({ runId: first }))).toEqual(['a']);
    expect(timeline.attempts({ runId: 'no such run' })).toEqual([]);
  });

  it('are forgotten when there are more than are to be kept, but never while they are under way', async () => {
    const timed = new Timed([{ name: 'long', takesMs: 100 }]);
    const timeline = new Timeline({ runsMax: 2 }).listen(timed.executor);
    void timed.executor.run(timed.graph);
    const graph = timed.graphOf([{ name: 'short', takesMs: 1 }], 'short');
    for (let round = 0; round < 4; round++) await timed.run(graph.resetAll());
    expect(timeline.runIds().map((runId) => timeline.summary({ runId })?.graph)).toEqual(['timed', 'short', 'short']);
    await timed.clock.advance(100);
    expect(timeline.runIds().map((runId) => timeline.summary({ runId })?.graph)).toEqual(['short', 'short']);
    expect(() => new Timeline({ runsMax: 0 })).toThrow(InvalidOptionError);
  });

  it('leave out the one that had begun before', async () => {
    const timed = new Timed(SITE);
    const timeline = new Timeline();
    void timed.executor.run(timed.graph);
    timeline.listen(timed.executor);
    await timed.clock.advance(100);
    expect(timed.graph.counts().done).toBe(4);
    expect(timeline.runIds()).toEqual([]);
  });
});

describe('a thread that dies', () => {
  it('leaves an attempt that was interrupted, and the same one again', async () => {
    await using executor = new ParallelExecutor({ workers: 1 });
    const timeline = new Timeline().listen(executor);
    const gate = new ThreadGate();
    const graph = graphOf(gate.task, { name: 'a', run: waitAtGate, dependsOn: ['gate'] });
    const begun = started(executor, 'a');
    const run = executor.run(graph);
    const { thread } = await begun;
    await [...threads].find(({ threadId }) => threadId === thread)!.terminate();
    gate.open();
    await run;
    const attempts = timeline.tasks().find(({ task }) => task === 'a')!.attempts;
    expect(attempts.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 'interrupted'],
      [1, 'done'],
    ]);
    expect(attempts[0]!.thread).not.toBe(attempts[1]!.thread);
    expect(attempts[0]!.endedAtMs).toBeLessThanOrEqual(attempts[1]!.startedAtMs);
  });
});
