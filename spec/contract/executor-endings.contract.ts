import { getEventListeners } from 'node:events';
import { ExecutorClosedError, RunAbortedError, RunFailedError, type TaskContext } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { counted, type ExecutorSubject, rejection, Stage, task, thrower } from './executor-harness.js';

/** How a run ends before its tasks have. */
export function endingContract(subject: ExecutorSubject): void {
  describe('an aborted signal', () => {
    it('before the run lets nothing start', async () => {
      const stage = new Stage(subject);
      const a = counted(() => 1);
      const graph = stage.graph(task('a', a));
      const error = await rejection(stage.run(graph, { signal: AbortSignal.abort('not today') }));
      expect(error).toBeInstanceOf(RunAbortedError);
      expect(error).toMatchObject({ code: 'run-aborted', graph: 'contract', cause: 'not today' });
      expect(a.calls).toEqual([]);
      expect(stage.lines).toEqual(['run:started', 'run:finished']);
      expect(stage.records('run:finished')).toMatchObject([{ status: 'aborted', counts: { pending: 1 } }]);
    });

    // a ─► b
    it('from a task lets that task end if it is not waited for, and nothing new start', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      const graph = stage.graph(
        task('a', () => {
          controller.abort('enough');
          return 1;
        }),
        task('b', () => 2, { dependsOn: ['a'] }),
        task('c', () => 3),
      );
      const error = await rejection(stage.run(graph, { signal: controller.signal }));
      expect(error).toMatchObject({ code: 'run-aborted', cause: 'enough' });
      expect(graph.result('a')).toBe(1);
      expect(graph.status('b')).toBe('pending');
      expect(graph.status('c')).toBe('pending');
    });

    it.each([
      'run:started',
      'task:ready',
      'task:started',
      'task:progress',
      'task:done',
      'task:retrying',
      'task:failed',
      'task:skipped',
    ] as const)('from a listener of %s ends the run', async (event) => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      const graph = stage.graph(
        task('a', ({ progress }: TaskContext) => progress(0.5), { withContext: true }),
        task('b', thrower('broken'), { after: ['a'], retry: 2 }),
        task('c', () => 1, { dependsOn: ['b'] }),
        task('d', () => 2, { after: ['a'], priority: -1 }),
      );
      stage.executor.once(event, () => controller.abort('enough'));
      const error = await rejection(stage.run(graph, { signal: controller.signal }));
      expect(error).toMatchObject({ code: 'run-aborted', cause: 'enough' });
      expect(graph.counts().running).toBe(0);
      expect(stage.lines.at(-1)).toBe('run:finished');
      expect(stage.lines.filter((line) => line === 'run:finished')).toHaveLength(1);
      // What was interrupted can be taken up again.
      await stage.run(graph.resetFailed());
      expect(graph.counts()).toMatchObject({ pending: 0, done: 2, failed: 1, skipped: 1 });
    });

    it('from a listener of run:finished comes too late to change anything', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      stage.executor.on('run:finished', () => controller.abort());
      const report = await stage.run(stage.graph(task('a', () => 1)), { signal: controller.signal });
      expect(report.status).toBe('finished');
    });

    it('during a retry delay leaves the task pending', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      const graph = stage.graph(
        task('a', thrower('broken'), { retry: { attempts: 2, delayMs: 100 } }),
        task('b', () => controller.abort('enough')),
      );
      expect(await rejection(stage.run(graph, { signal: controller.signal }))).toMatchObject({ cause: 'enough' });
      expect(graph.outcome('a')).toEqual({ status: 'pending' });
      expect(stage.clock.waiting).toBe(0);
    });

    it('is not listened to once the run has settled', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      for (let run = 0; run < 20; run++)
        await stage.run(stage.graph(task('a', () => 1)), { signal: controller.signal });
      expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    });
  });

  describe('abort', () => {
    // a ─► b
    it('ends one run by its id, with the reason that is given', async () => {
      const stage = new Stage(subject);
      const stopped: boolean[] = [];
      const graph = stage.graph(
        task('a', ({ runId }: TaskContext) => void stopped.push(stage.executor.abort(runId, 'enough')), {
          withContext: true,
        }),
        task('b', () => 2, { after: ['a'] }),
      );
      const error = await rejection(stage.run(graph));
      expect(error).toBeInstanceOf(RunAbortedError);
      expect(error).toMatchObject({ code: 'run-aborted', graph: 'contract', cause: 'enough' });
      expect(stopped).toEqual([true]);
      expect(graph.status('b')).toBe('pending');
      expect(stage.records('run:finished')).toMatchObject([{ status: 'aborted' }]);
    });

    it('has a reason of its own, as a signal has', async () => {
      const stage = new Stage(subject);
      stage.executor.once('run:started', ({ runId }) => stage.executor.abort(runId));
      const a = counted(() => 1);
      expect(await rejection(stage.run(stage.graph(task('a', a))))).toMatchObject({ cause: { name: 'AbortError' } });
      expect(a.calls).toEqual([]);
    });

    it('of an id that is none, of another executor, or of a run that has ended does nothing and says so', async () => {
      const [stage, other] = [new Stage(subject), new Stage(subject)];
      const answers: boolean[] = [];
      stage.executor.on('task:done', ({ runId }) =>
        answers.push(stage.executor.abort(''), other.executor.abort(runId)),
      );
      stage.executor.on('run:finished', ({ runId }) => answers.push(stage.executor.abort(runId)));
      const { runId, status } = await stage.run(stage.graph(task('a', () => 1)));
      answers.push(stage.executor.abort(runId));
      expect({ status, answers }).toEqual({ status: 'finished', answers: [false, false, false, false] });
    });

    it('leaves a run alone that is not meant', async () => {
      const stage = new Stage(subject);
      const inner = stage.named(
        'inner',
        task('b', ({ runId }: TaskContext) => stage.executor.abort(runId, 'enough'), { withContext: true }),
      );
      const outer = stage.named(
        'outer',
        task('a', () => {
          const run = (async () => stage.executor.run(inner))();
          return subject.isAsync ? rejection(run) : void run.catch(() => {});
        }),
        task('c', () => 3, { after: ['a'] }),
      );
      expect(await stage.run(outer)).toMatchObject({ status: 'finished', counts: { done: 2 } });
      expect(stage.records('run:finished')).toMatchObject([
        { graph: 'inner', status: 'aborted' },
        { graph: 'outer', status: 'finished' },
      ]);
    });
  });

  describe('onFailure', () => {
    // a*     b ─► c
    it("'stop' starts nothing new", async () => {
      const stage = new Stage(subject);
      const c = counted(() => 3);
      const error = new Error('no electricity');
      const graph = stage.graph(
        task('a', thrower(error), { priority: 1 }),
        task('b', () => 2),
        task('c', c, { dependsOn: ['b'] }),
        task('d', () => 4, { dependsOn: ['a'] }),
      );
      const failure = await rejection(stage.run(graph, { onFailure: 'stop' }));
      expect(failure).toBeInstanceOf(RunFailedError);
      expect(failure).toMatchObject({ code: 'run-failed', cause: error, failures: new Map([['a', error]]) });
      expect(c.calls).toEqual([]);
      expect(graph.status('b')).toBe('pending');
      expect(graph.status('c')).toBe('pending');
      expect(graph.outcome('d')).toEqual({ status: 'skipped', because: 'a' });
      expect(stage.records('run:finished')).toMatchObject([{ status: 'stopped' }]);
    });

    it.each(['stop', 'abort'] as const)("'%s' counts only a task that failed for good", async (onFailure) => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task(
          'a',
          counted((call) => (call === 1 ? thrower('broken')() : 'mended')),
          { retry: 2 },
        ),
      );
      const report = await stage.run(graph, { onFailure });
      expect(report.status).toBe('finished');
      expect(graph.result('a')).toBe('mended');
    });

    it.each(['stop', 'abort'] as const)("'%s' tells only the failures of this run", async (onFailure) => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', thrower('old')));
      await stage.run(graph);
      expect((await stage.run(graph, { onFailure })).status).toBe('finished');
    });

    it.each(['stop', 'abort'] as const)("'%s' takes undefined for a failure like any other", async (onFailure) => {
      const stage = new Stage(subject);
      const failure = await rejection(stage.run(stage.graph(task('a', thrower(undefined))), { onFailure }));
      expect(failure).toMatchObject({ code: 'run-failed', failures: new Map([['a', undefined]]) });
    });
  });

  describe('close', () => {
    it('of an idle executor refuses further runs, however often it is called', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => 1));
      await stage.executor.close();
      await Promise.all([stage.executor.close(), stage.executor.close()]);
      expect(await rejection(stage.run(graph))).toBeInstanceOf(ExecutorClosedError);
      expect(await rejection(stage.runTask(graph, 'a'))).toBeInstanceOf(ExecutorClosedError);
      expect(graph.status('a')).toBe('pending');
    });

    it('aborts what is running', async () => {
      const stage = new Stage(subject);
      const closed: Promise<void>[] = [];
      const graph = stage.graph(
        task('a', () => {
          closed.push(stage.executor.close(), stage.executor.close());
        }),
        task('b', () => 2, { after: ['a'] }),
      );
      const error = await rejection(stage.run(graph));
      expect(error).toBeInstanceOf(RunAbortedError);
      expect(error).toMatchObject({ cause: { code: 'executor-closed' } });
      expect(graph.status('b')).toBe('pending');
      await Promise.all(closed);
    });

    it('happens at the end of an `await using` block', async () => {
      const clock = new Stage(subject).clock;
      let kept: ReturnType<ExecutorSubject['make']>;
      {
        await using executor = subject.make({ clock });
        kept = executor;
      }
      const graph = new Stage(subject).graph(task('a', () => 1));
      expect(await rejection((async () => kept.run(graph))())).toBeInstanceOf(ExecutorClosedError);
    });

    it('of one executor leaves the others alone', async () => {
      const [stage, other] = [new Stage(subject), new Stage(subject)];
      await stage.executor.close();
      expect((await other.run(other.graph(task('a', () => 1)))).status).toBe('finished');
    });
  });
}
