import { AsyncExecutor, type Attempt, SyncExecutor, type TaskContext, TaskGraphBuilder } from 'taskmap-ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { rejection, task, thrower } from '../contract/executor-harness.js';
import { FakeClock } from '../support/fake-clock.js';
import { Gate } from '../support/gate.js';

/** Does with each attempt what the spec says. */
class Watching extends AsyncExecutor {
  readonly attempts: Attempt[] = [];
  handle: (attempt: Attempt) => unknown = ({ invoke }) => invoke();

  protected override runAttempt(attempt: Attempt): unknown {
    this.attempts.push(attempt);
    return this.handle(attempt);
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('Attempt', () => {
  it('tells the task and its options, the try, the run and the graph', async () => {
    const executor = new Watching();
    const run = vi.fn(() => 2);
    const graph = new TaskGraphBuilder<any>()
      .add(
        task('a', () => 1),
        task('b', run, { dependsOn: ['a'], ioBound: true, priority: 3, timeoutMs: 50, version: '2' }),
      )
      .build();
    const { runId } = await executor.run(graph);
    const attempt = executor.attempts[1]!;
    expect(attempt).toMatchObject({ attempt: 1, runId });
    expect(attempt.graph).toBe(graph);
    expect(attempt.task).toMatchObject({
      name: 'b',
      fn: run,
      ioBound: true,
      priority: 3,
      timeoutMs: 50,
      version: '2',
      withContext: false,
    });
    expect(attempt.task.retry.attempts).toBe(1);
  });

  it('has the arguments that the function gets, undefined left out', async () => {
    const executor = new Watching();
    const graph = new TaskGraphBuilder<any>()
      .add(
        task('a', () => 1),
        task('nothing', () => {}),
        task('null', () => null),
        task('b', () => 2, { dependsOn: ['null', 'nothing', 'a'], withContext: true }),
      )
      .build();
    await executor.run(graph);
    const [context, ...results] = executor.attempts[3]!.args as [TaskContext, ...unknown[]];
    expect(context).toMatchObject({ task: 'b', attempt: 1 });
    expect(context.signal).toBe(executor.attempts[3]!.signal);
    expect(results).toEqual([null, 1]);
  });

  it('may be taken apart', async () => {
    const executor = new Watching();
    executor.handle = ({ invoke, task, args, signal }) => [invoke(), task.name, args, signal.aborted];
    const graph = new TaskGraphBuilder<any>().add(task('a', () => 1)).build();
    await executor.run(graph);
    expect(graph.result('a')).toEqual([1, 'a', [], false]);
  });

  describe('invoke', () => {
    it('calls the function each time, and only when it is called', async () => {
      const executor = new Watching();
      const fn = vi.fn(() => 1);
      const graph = new TaskGraphBuilder<any>().add(task('a', fn)).build();
      executor.handle = () => 'instead';
      await executor.run(graph);
      expect(graph.result('a')).toBe('instead');
      expect(fn).not.toHaveBeenCalled();
      executor.handle = ({ invoke }) => [invoke(), invoke()];
      await executor.run(graph.reset('a'));
      expect(fn).toHaveBeenCalledTimes(2);
    });

    it('throws what the function throws', async () => {
      const executor = new Watching();
      executor.handle = ({ invoke }) => {
        try {
          return invoke();
        } catch (error) {
          return `caught ${error}`;
        }
      };
      const graph = new TaskGraphBuilder<any>().add(task('a', thrower('broken'))).build();
      await executor.run(graph);
      expect(graph.result('a')).toBe('caught broken');
    });

    it('throws the reason, without calling the function, once the attempt was aborted', async () => {
      const executor = new Watching();
      const controller = new AbortController();
      const gate = new Gate();
      const fn = vi.fn(() => 1);
      let thrown: unknown;
      executor.handle = async ({ invoke }) => {
        await gate.pass();
        try {
          return invoke();
        } catch (error) {
          thrown = error;
          throw error;
        }
      };
      const graph = new TaskGraphBuilder<any>().add(task('a', fn)).build();
      const run = executor.run(graph, { signal: controller.signal });
      await gate.started;
      controller.abort('enough');
      gate.open();
      expect(await rejection(run)).toMatchObject({ cause: 'enough' });
      expect(thrown).toBe('enough');
      expect(fn).not.toHaveBeenCalled();
      expect(graph.status('a')).toBe('pending');
    });
  });

  describe('signal', () => {
    it('is made only for those who look at it', async () => {
      const made = vi.fn();
      vi.stubGlobal(
        'AbortController',
        class extends AbortController {
          constructor() {
            super();
            made();
          }
        },
      );
      const executor = new Watching();
      const graph = new TaskGraphBuilder<any>()
        .add(
          task('a', ({ progress }: TaskContext) => progress(1), { withContext: true }),
          task('b', () => 1, { timeoutMs: 1000 }),
          task('c', ({ signal }: TaskContext) => signal.aborted, { withContext: true }),
        )
        .build();
      await executor.run(graph);
      expect(made).toHaveBeenCalledTimes(1);
      await new SyncExecutor().run(graph.resetAll());
      expect(made).toHaveBeenCalledTimes(2);
    });

    it('tells an attempt that it timed out', async () => {
      const clock = new FakeClock();
      const executor = new Watching({ clock, graceMs: 5 });
      const reasons: unknown[] = [];
      executor.handle = ({ signal }) =>
        new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason)));
      const graph = new TaskGraphBuilder<any>().add(task('a', () => 1, { timeoutMs: 10 })).build();
      const run = executor.run(graph);
      await clock.advance(20);
      await run;
      expect(reasons).toEqual([graph.failure('a')]);
      expect(reasons).toMatchObject([{ code: 'task-timeout', task: 'a' }]);
    });
  });
});
