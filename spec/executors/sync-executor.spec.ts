import {
  type Clock,
  GraphBusyError,
  InvalidOptionError,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskSpec,
} from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { task, thrower, toldBy } from '../contract/executor-harness.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { bytesUsed } from './thread-harness.js';

function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder<any>().add(...specs).build();
}

/** A function that fails the first time, and notes its calls. */
function flaky(calls: string[], name: string): () => void {
  return () => {
    calls.push(name);
    if (calls.indexOf(name) === calls.length - 1) throw new Error('again');
  };
}

describe('SyncExecutor', () => {
  it('returns the report itself, with all outcomes in the graph', () => {
    const graph = graphOf(
      task('a', () => 1),
      task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
    );
    expect(new SyncExecutor().run(graph)).toMatchObject({ status: 'finished', attemptCount: 2 });
    expect(graph.result('b')).toBe(2);
    expect(new SyncExecutor().runTask(graph.reset('b'), 'b')).toMatchObject({ attemptCount: 1 });
  });

  it('holds on to nothing of a run that has ended, also while nobody else has a turn', () => {
    const executor = new SyncExecutor();
    const { signal } = new AbortController();
    const options = [{}, { signal }, { onFailure: 'stop' as const }];
    const before = bytesUsed();
    for (let run = 0; run < 150; run++)
      executor.run(graphOf(task('a', () => new Array(12_500).fill(1.5))), options[run % options.length]);
    // Each has a result of 100 000 bytes.
    expect(bytesUsed() - before).toBeLessThan(3_000_000);
  });

  it('throws rather than rejects', () => {
    const executor = new SyncExecutor();
    const graph = graphOf(task('a', thrower('broken')));
    expect(() => executor.run({} as never)).toThrow(InvalidOptionError);
    expect(() => executor.run(graph, { onFailure: 'stop' })).toThrow(
      expect.objectContaining({ code: 'run-failed', cause: 'broken' }),
    );
    expect(() => executor.run(graph, { signal: AbortSignal.abort('no') })).toThrow(
      expect.objectContaining({ code: 'run-aborted', cause: 'no' }),
    );
  });

  it('starts one task after another: io-bound, priority, the longer way to the end, declaration', () => {
    const calls: string[] = [];
    const noting = (name: string, options = {}) => task(name, () => void calls.push(name), options);
    const graph = graphOf(
      noting('plain 1'),
      noting('plain 2'),
      noting('long'),
      noting('urgent', { priority: 1 }),
      noting('io', { ioBound: true, priority: -1 }),
      noting('end', { after: ['long'], priority: -2 }),
    );
    new SyncExecutor().run(graph);
    expect(calls).toEqual(['io', 'urgent', 'long', 'plain 1', 'plain 2', 'end']);
  });

  it('takes a chain as long as you like, and skips one as long', () => {
    const length = 50_000;
    const specs = Array.from({ length }, (_, index) =>
      task(`${index}`, (before = 0) => before + 1, { dependsOn: index === 0 ? [] : [`${index - 1}`] }),
    );
    const graph = graphOf(...specs);
    new SyncExecutor().run(graph);
    expect(graph.result(`${length - 1}`)).toBe(length);
    new SyncExecutor().run(graph.replace('0', thrower('broken')).resetAll());
    expect(graph.counts()).toMatchObject({ failed: 1, skipped: length - 1 });
  });

  describe('a retry delay', () => {
    it('blocks only when nothing else can run', () => {
      const clock = new FakeClock();
      const block = vi.spyOn(clock, 'block');
      const calls: string[] = [];
      const graph = graphOf(
        task('a', flaky(calls, 'a'), { retry: { attempts: 2, delayMs: 100 }, priority: 1 }),
        task('b', () => calls.push('b')),
        task('c', () => calls.push('c'), { after: ['b'] }),
      );
      new SyncExecutor({ clock }).run(graph);
      expect(calls).toEqual(['a', 'b', 'c', 'a']);
      expect(block.mock.calls).toEqual([[100]]);
    });

    it('that ends earlier comes first, and those that end together come in the order in which they began', () => {
      const clock = new FakeClock();
      const block = vi.spyOn(clock, 'block');
      const calls: string[] = [];
      const delays = { a: 30, b: 10, c: 20, d: 10 };
      const graph = graphOf(
        ...Object.entries(delays).map(([name, delayMs]) =>
          task(name, flaky(calls, name), { retry: { attempts: 2, delayMs } }),
        ),
      );
      new SyncExecutor({ clock }).run(graph);
      expect(calls).toEqual(['a', 'b', 'c', 'd', 'b', 'd', 'c', 'a']);
      expect(block.mock.calls).toEqual([[10], [10], [10]]);
    });

    it('that has elapsed while others ran does not block', () => {
      const clock = new FakeClock();
      const calls: string[] = [];
      const graph = graphOf(
        task('a', flaky(calls, 'a'), { retry: { attempts: 2, delayMs: 10 }, priority: 1 }),
        task('b', () => clock.block(50)),
      );
      const startMs = clock.now();
      new SyncExecutor({ clock }).run(graph);
      expect(calls).toEqual(['a', 'a']);
      expect(clock.now()).toBe(startMs + 50);
    });

    it('asks nothing of the timers of its clock', () => {
      const clock: Clock = {
        ...new FakeClock(),
        now: () => 5,
        block: () => {},
        after: thrower('after'),
        soon: thrower('soon'),
      };
      const calls: string[] = [];
      const graph = graphOf(task('a', flaky(calls, 'a'), { retry: 2, timeoutMs: 10 }));
      new SyncExecutor({ clock }).run(graph);
      expect(calls).toEqual(['a', 'a']);
    });
  });

  describe('runs inside of runs', () => {
    it('end before the task that began them does', () => {
      const executor = new SyncExecutor();
      const told = toldBy(executor);
      const inner = new TaskGraphBuilder<any>({ name: 'inner' }).add(task('x', () => 1)).build();
      const outer = graphOf(
        task('a', () => executor.run(inner).counts.done),
        task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
      );
      executor.run(outer);
      expect(outer.result('b')).toBe(2);
      expect(told.map(({ event, record }) => `${event} ${record['task'] ?? record['graph']}`)).toEqual([
        'run:started graph',
        'task:ready a',
        'task:started a',
        'run:started inner',
        'task:ready x',
        'task:started x',
        'task:done x',
        'run:finished inner',
        'task:done a',
        'task:ready b',
        'task:started b',
        'task:done b',
        'run:finished graph',
      ]);
    });

    it('of the same graph are refused, and fail the task that tries', () => {
      const executor = new SyncExecutor();
      const graph: TaskGraph = graphOf(task('a', () => executor.run(graph)));
      executor.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(GraphBusyError);
    });

    it('that throw fail the task that began them and no other', () => {
      const executor = new SyncExecutor();
      const inner = graphOf(task('x', thrower('broken')));
      const outer = graphOf(
        task('a', () => executor.run(inner, { onFailure: 'stop' })),
        task('b', () => 2),
      );
      executor.run(outer);
      expect(outer.failure('a')).toMatchObject({ code: 'run-failed', cause: 'broken' });
      expect(outer.result('b')).toBe(2);
    });

    it('that are nested until the stack overflows leave no graph busy, and the executor can be closed', async () => {
      const executor = new SyncExecutor();
      const graphs: TaskGraph[] = [];
      const nest = (): number => {
        const graph = graphOf(
          task('deeper', () => nest()),
          task('other', () => 2),
        );
        graphs.push(graph);
        executor.run(graph);
        return 1;
      };
      try {
        nest();
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      await settle();
      for (const graph of graphs) graph.resetAll();
      await executor.close();
      expect(graphs.length).toBeGreaterThan(10);
    });
  });
});
