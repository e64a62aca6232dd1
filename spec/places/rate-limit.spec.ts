import { type RunOptions, type TaskContext, type TaskGraph, TaskGraphBuilder, type TaskSpec } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { PacedExecutor, type PacedExecutorOptions } from '../../examples/rate-limit/paced-executor.js';
import { rejection, untilSettled, waited } from '../contract/executor-harness.js';
import { FakeClock } from '../support/fake-clock.js';
import { Gate } from '../support/gate.js';

const GAP_MS = 10;

/** A clock, an executor that starts one attempt every 10 ms, and when each function was called. */
class Stage {
  readonly clock = new FakeClock();
  readonly calls: (readonly [task: string, atMs: number])[] = [];
  readonly executor: PacedExecutor;
  readonly #startMs = this.clock.now();

  constructor(options: Partial<PacedExecutorOptions> = {}) {
    this.executor = new PacedExecutor({ gapMs: GAP_MS, clock: this.clock, ...options });
  }

  /** Tasks that note when they are called, and then do what they are given to do. */
  graph(...specs: readonly TaskSpec[]): TaskGraph {
    const noted = specs.map(({ run, ...spec }) => ({
      ...spec,
      run: (...args: any[]) => {
        this.calls.push([spec.name, this.clock.now() - this.#startMs]);
        return (run as (...args: any[]) => unknown)(...args);
      },
    }));
    return new TaskGraphBuilder().add(...noted).build() as TaskGraph;
  }

  run(graph: TaskGraph, options?: RunOptions) {
    return untilSettled(this.clock, this.executor.run(graph, options));
  }

  taking = (durationMs: number, signal?: AbortSignal): Promise<number> =>
    waited(this.clock, durationMs, durationMs, signal);
}

const named = (names: string, spec: Omit<TaskSpec, 'name'>): TaskSpec[] =>
  [...names].map((name) => ({ name, ...spec }));

describe('a rate limit', () => {
  it('starts one attempt each time a gap has passed, however many may run at once', async () => {
    const stage = new Stage();
    await stage.run(stage.graph(...named('abcd', { run: () => stage.taking(1000) })));
    expect(stage.calls).toEqual([
      ['a', 0],
      ['b', 10],
      ['c', 20],
      ['d', 30],
    ]);
  });

  it('does not count against a timeout: that begins with the call', async () => {
    const stage = new Stage();
    const graph = stage.graph(...named('abcdef', { run: () => stage.taking(9), timeoutMs: 10 }));
    const { counts } = await stage.run(graph);
    expect(counts).toMatchObject({ done: 6, failed: 0 });
    expect(stage.calls.at(-1)).toEqual(['f', 50]);
  });

  it('leaves timeouts to those that take too long', async () => {
    const stage = new Stage();
    const slow = { run: ({ signal }: TaskContext) => stage.taking(11, signal), withContext: true, timeoutMs: 10 };
    const graph = stage.graph({ name: 'slow', ...slow }, { name: 'quick', run: () => stage.taking(9), timeoutMs: 10 });
    await stage.run(graph);
    expect(graph.failure('slow')).toMatchObject({ code: 'task-timeout' });
    expect(graph.result('quick')).toBe(9);
  });

  it('tells that a task started when it does, and that it is ready long before', async () => {
    const stage = new Stage();
    const told: unknown[] = [];
    const startMs = stage.clock.now();
    const tell = (event: string) => (record: { task: string; atMs: number }) =>
      told.push([event, record.task, record.atMs - startMs]);
    stage.executor.on('task:ready', tell('ready'));
    stage.executor.on('task:started', (record) => {
      tell('started')(record);
      expect(record.thread).toBe('main');
    });
    stage.executor.on('task:done', tell('done'));
    await stage.run(stage.graph(...named('ab', { run: () => stage.taking(4) })));
    expect(told).toEqual([
      ['ready', 'a', 0],
      ['ready', 'b', 0],
      ['started', 'a', 0],
      ['done', 'a', 4],
      ['started', 'b', 10],
      ['done', 'b', 14],
    ]);
  });

  it('takes what is most urgent when the turn comes, not what was ready first', async () => {
    const stage = new Stage();
    await stage.run(
      stage.graph({ name: 'first', run: () => stage.taking(5) }, ...named('ab', { run: () => 1, priority: -1 }), {
        name: 'urgent',
        run: () => 1,
        dependsOn: ['first'],
        priority: 1,
      }),
    );
    expect(stage.calls.map(([task]) => task)).toEqual(['first', 'urgent', 'a', 'b']);
  });

  it('counts each attempt of a task that is tried again', async () => {
    const stage = new Stage();
    const fails = { run: () => Promise.reject(new Error('busy')), retry: { attempts: 3, delayMs: 1 } };
    await stage.run(stage.graph({ name: 'fails', ...fails }, { name: 'other', run: () => 1, priority: -1 }));
    expect(stage.calls).toEqual([
      ['fails', 0],
      ['fails', 10],
      ['fails', 20],
      ['other', 30],
    ]);
  });

  it('lets go at once of what waits when the run is aborted, and leaves no timer', async () => {
    const stage = new Stage({ gapMs: 1_000_000 });
    const controller = new AbortController();
    const graph = stage.graph(...named('abc', { run: () => 1 }));
    const run = rejection(stage.executor.run(graph, { signal: controller.signal }));
    await stage.clock.advance(5);
    controller.abort('enough');
    expect(await run).toMatchObject({ code: 'run-aborted', cause: 'enough' });
    expect(stage.calls).toHaveLength(1);
    expect(graph.counts()).toMatchObject({ done: 1, pending: 2 });
    expect(stage.clock.waiting).toBe(0);
  });

  it('leaves no timer after a run whose last task has started', async () => {
    const stage = new Stage();
    await stage.run(stage.graph(...named('ab', { run: () => 1 })));
    expect(stage.clock.waiting).toBe(0);
  });

  it('tells a function that it is to end, and gives it up after a while', async () => {
    const stage = new Stage({ graceMs: 50 });
    const seen: unknown[] = [];
    const graph = stage.graph({
      name: 'stuck',
      withContext: true,
      timeoutMs: 20,
      run: ({ signal }: TaskContext) =>
        new Promise(() => signal.addEventListener('abort', () => seen.push(signal.reason.code))),
    });
    await stage.run(graph);
    expect(seen).toEqual(['task-timeout']);
    expect(graph.failure('stuck')).toMatchObject({ code: 'task-timeout' });
  });

  it('keeps what a function returns that never asked whether it is to end', async () => {
    const stage = new Stage();
    const gate = new Gate<string>();
    const controller = new AbortController();
    const graph = stage.graph({ name: 'pay', withContext: true, run: () => gate.pass() });
    const run = rejection(stage.executor.run(graph, { signal: controller.signal }));
    await gate.started;
    controller.abort('enough');
    gate.open('receipt');
    await run;
    expect(graph.outcome('pay')).toMatchObject({ status: 'done', result: 'receipt' });
  });

  it('lasts from one run to the next', async () => {
    const stage = new Stage();
    await stage.run(stage.graph(...named('a', { run: () => 1 })));
    await stage.run(stage.graph(...named('b', { run: () => 1 })));
    expect(stage.calls).toEqual([
      ['a', 0],
      ['b', 10],
    ]);
  });

  it('is shared by the runs of an executor, which take turns', async () => {
    const stage = new Stage();
    const [one, two] = [stage.graph(...named('abc', { run: () => 1 })), stage.graph(...named('xyz', { run: () => 1 }))];
    await Promise.all([stage.run(one), stage.run(two)]);
    expect(stage.calls.map(([task]) => task).join('')).toBe('abxcyz');
    expect(stage.calls.at(-1)).toEqual(['z', 50]);
  });

  it('passes the turn on when the run whose turn it is has ended or has no room', async () => {
    const stage = new Stage({ concurrency: 1 });
    const controller = new AbortController();
    const one = stage.graph({ name: 'long', run: () => stage.taking(100) }, { name: 'after', run: () => 1 });
    const ended = stage.graph(...named('ab', { run: () => 1 }));
    const two = stage.graph(...named('xyz', { run: () => 1 }));
    const runs = [stage.run(one), rejection(stage.run(ended, { signal: controller.signal })), stage.run(two)];
    controller.abort();
    await Promise.all(runs);
    expect(stage.calls).toEqual([
      ['long', 0],
      ['x', 10],
      ['y', 20],
      ['z', 30],
      ['after', 100],
    ]);
  });
});
