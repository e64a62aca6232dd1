import type { TaskContext } from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { type ExecutorSubject, rejection, Stage, task, thrower, toldBy, uncaughtDuring } from './executor-harness.js';

/** What is told, to whom, and what listeners may do. */
export function eventContract(subject: ExecutorSubject): void {
  describe('events', () => {
    // a ─► b* ─► c
    it('come in order, one flat record each', async () => {
      const stage = new Stage(subject);
      const error = new Error('no electricity');
      const graph = stage.graph(
        task('a', () => stage.taking(10, 1), { ioBound: true }),
        task('b', thrower(error), { dependsOn: ['a'], retry: { attempts: 2, delayMs: 5 } }),
        task('c', () => 3, { dependsOn: ['b'] }),
      );
      const atMs = stage.clock.now();
      const report = await stage.run(graph);
      const { runId } = report;
      expect(runId).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(stage.told).toEqual([
        { event: 'run:started', record: { runId, atMs, graph: 'contract', taskCount: 3, taskGraph: graph } },
        { event: 'task:ready', record: { runId, atMs, task: 'a' } },
        { event: 'task:started', record: { runId, atMs, task: 'a', attempt: 1, ioBound: true, thread: 'main' } },
        {
          event: 'task:done',
          record: { runId, atMs: atMs + 10, task: 'a', attempt: 1, result: 1, source: 'run', durationMs: 10 },
        },
        { event: 'task:ready', record: { runId, atMs: atMs + 10, task: 'b' } },
        {
          event: 'task:started',
          record: { runId, atMs: atMs + 10, task: 'b', attempt: 1, ioBound: false, thread: 'main' },
        },
        { event: 'task:retrying', record: { runId, atMs: atMs + 10, task: 'b', attempt: 1, error, delayMs: 5 } },
        {
          event: 'task:started',
          record: { runId, atMs: atMs + 15, task: 'b', attempt: 2, ioBound: false, thread: 'main' },
        },
        {
          event: 'task:failed',
          record: { runId, atMs: atMs + 15, task: 'b', attempt: 2, error, source: 'run', durationMs: 0 },
        },
        { event: 'task:skipped', record: { runId, atMs: atMs + 15, task: 'c', because: 'b' } },
        { event: 'run:finished', record: { ...report, atMs: atMs + 15 } },
      ]);
      expect(report).toEqual({
        runId,
        graph: 'contract',
        status: 'finished',
        startedAtMs: atMs,
        durationMs: 15,
        attemptCount: 3,
        counts: { pending: 0, running: 0, done: 1, failed: 1, skipped: 1 },
        failures: new Map([['b', error]]),
      });
    });

    it('of runs that follow each other have run ids in the order of time', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph();
      const ids: string[] = [];
      for (let run = 0; run < 20; run++) ids.push((await stage.run(graph)).runId);
      expect(new Set(ids).size).toBe(20);
      expect([...ids].sort()).toEqual(ids);
    });

    it('are told only to those who listen: no record is made for nobody', async () => {
      const stage = new Stage(subject);
      stage.executor.removeAllListeners();
      const emit = vi.spyOn(stage.executor, 'emit');
      const graph = stage.graph(
        task('a', ({ progress }: TaskContext) => progress(1), { withContext: true }),
        task('b', thrower('broken'), { retry: 2 }),
        task('c', () => 3, { dependsOn: ['b'] }),
      );
      stage.executor.on('task:skipped', () => {});
      await stage.run(graph);
      expect(emit.mock.calls.map(([event]) => event)).toEqual(['task:skipped']);
    });

    it('have no duration where nobody was listening yet when the attempt began', async () => {
      const stage = new Stage(subject);
      stage.executor.removeAllListeners();
      let told: ReturnType<typeof toldBy> = [];
      const graph = stage.graph(
        task('a', () => {
          stage.clock.block(5);
          told = toldBy(stage.executor);
          throw new Error('broken');
        }),
      );
      await stage.run(graph);
      expect(told.map(({ event, record }) => [event, record['durationMs']])).toEqual([
        ['task:failed', 0],
        ['run:finished', 5],
      ]);
    });

    it('can be listened to from the middle of a run on', async () => {
      const stage = new Stage(subject);
      stage.executor.removeAllListeners();
      const graph = stage.graph(
        task('a', () => {
          toldLater = toldBy(stage.executor);
        }),
        task('b', () => 2, { dependsOn: ['a'] }),
      );
      let toldLater: ReturnType<typeof toldBy> = [];
      await stage.run(graph);
      const lines = toldLater.map(({ event, record }) => `${event} ${record['task']} ${record['durationMs']}`);
      expect(lines).toEqual([
        'task:done a 0',
        'task:ready b undefined',
        'task:started b undefined',
        'task:done b 0',
        'run:finished undefined 0',
      ]);
    });
  });

  describe('listeners', () => {
    it('that throw are reported and change nothing', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', ({ progress }: TaskContext) => progress(1), { withContext: true }),
        task('b', thrower('broken'), { retry: 2, after: ['a'] }),
        task('c', () => 3, { dependsOn: ['b'] }),
      );
      const quiet = new Stage(subject);
      await quiet.run(graph);
      const expected = quiet.lines;
      // Before those that note what is told, so that they come after the one that throws.
      stage.executor.removeAllListeners();
      for (const event of new Set(quiet.told.map((one) => one.event)))
        stage.executor.on(event as 'run:started', thrower(`${event} listener`));
      const told = toldBy(stage.executor);
      const uncaught = await uncaughtDuring(() => stage.run(graph.resetAll()));
      const lines = told.map(({ event, record }) =>
        record['task'] === undefined ? event : `${event} ${record['task']}`,
      );
      expect(lines).toEqual(expected);
      expect(uncaught).toEqual(told.map(({ event }) => `${event} listener`));
      expect(graph.counts()).toMatchObject({ done: 1, failed: 1, skipped: 1 });
    });

    it('that are async and reject are reported, too', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => 1));
      stage.executor.on('task:done', async () => {
        throw new Error('listener');
      });
      const uncaught = await uncaughtDuring(() => stage.run(graph));
      expect(uncaught).toMatchObject([{ message: 'listener' }]);
      expect(graph.result('a')).toBe(1);
    });

    it('can be called once, taken off one by one and all together, also by a listener', async () => {
      const stage = new Stage(subject);
      const called: string[] = [];
      const { executor } = stage;
      const off = () => called.push('off');
      const self = () => {
        called.push('self');
        executor.off('task:done', self);
      };
      executor.once('task:done', () => called.push('once'));
      executor.on('task:done', off);
      executor.on('task:done', self);
      executor.off('task:done', off);
      const graph = stage.graph(
        task('a', () => 1),
        task('b', () => 2),
      );
      await stage.run(graph);
      expect(called).toEqual(['once', 'self']);
      executor.removeAllListeners();
      stage.told.length = 0;
      await stage.run(graph.resetAll());
      expect(stage.told).toEqual([]);
      expect(called).toEqual(['once', 'self']);
    });

    it('read the graph as it is at that moment', async () => {
      const stage = new Stage(subject);
      const seen: unknown[] = [];
      const graph = stage.graph(
        task('a', () => 1),
        task('b', thrower('broken'), { after: ['a'] }),
        task('c', () => 3, { dependsOn: ['b'] }),
      );
      stage.executor.on('task:started', ({ task }) => seen.push(`${task} ${graph.status(task)}`));
      stage.executor.on('task:done', ({ task }) => seen.push(`${task} ${graph.result(task)}`));
      stage.executor.on('task:failed', ({ task }) => seen.push(`${task} ${graph.failure(task)}`));
      stage.executor.on('task:skipped', ({ task }) => seen.push(`${task} ${graph.status(task)}`));
      stage.executor.on('run:finished', () => seen.push(graph.counts().running));
      await stage.run(graph);
      expect(seen).toEqual(['a running', 'a 1', 'b running', 'b broken', 'c skipped', 0]);
    });

    it('may start another run, on the same executor or, once this one has finished, of the same graph', async () => {
      const stage = new Stage(subject);
      const { executor } = stage;
      const [first, second] = [
        stage.graph(
          task('a', () => 1),
          task('b', () => 2, { after: ['a'] }),
        ),
        stage.graph(task('x', () => 10)),
      ];
      const others: Promise<unknown>[] = [];
      executor.once('task:done', () => others.push((async () => executor.run(second))()));
      executor.once('run:finished', ({ runId }) => {
        // The one that started last may finish first.
        const graph = stage.records('run:started')[0]!['runId'] === runId ? first : second;
        others.push((async () => executor.run(graph.resetAll()))());
      });
      await stage.run(first);
      await stage.finish(Promise.all(others));
      expect(others).toHaveLength(2);
      expect(first.counts()).toMatchObject({ done: 2 });
      expect(second.result('x')).toBe(10);
      expect(stage.records('run:finished')).toHaveLength(3);
    });

    it('may close the executor', async () => {
      const stage = new Stage(subject);
      let closed: Promise<void> | undefined;
      stage.executor.once('task:done', () => {
        closed = stage.executor.close();
      });
      const graph = stage.graph(
        task('a', () => 1),
        task('b', () => 2, { after: ['a'] }),
      );
      expect(await rejection(stage.run(graph))).toMatchObject({
        code: 'run-aborted',
        cause: { code: 'executor-closed' },
      });
      await closed;
      expect(graph.counts()).toMatchObject({ done: 1, pending: 1 });
    });
  });
}
