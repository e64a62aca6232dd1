import {
  AsyncExecutor,
  InvalidOptionError,
  type RunAbortedError,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskSpec,
} from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import {
  failing,
  rejection,
  task,
  toldBy,
  uncaughtDuring,
  untilSettled,
  waited,
} from '../contract/executor-harness.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { Gate } from '../support/gate.js';

function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder<any>().add(...specs).build();
}

/** Tasks that wait at gates, and who has come to them so far. */
class Gates {
  readonly #gates = new Map<string, Gate>();

  task(name: string, options: Omit<TaskSpec, 'name' | 'run'> = {}): TaskSpec {
    const gate = new Gate();
    this.#gates.set(name, gate);
    return task(name, gate.pass, options);
  }

  /** Those who have been at their gates since the last time. */
  async reached(): Promise<string[]> {
    await settle();
    const reached = [...this.#gates].filter(([, gate]) => gate.arrivals > 0);
    for (const [, gate] of reached) gate.arrivals = 0;
    return reached.map(([name]) => name);
  }

  open(...names: readonly string[]): void {
    for (const name of names) this.#gates.get(name)!.open();
  }
}

describe('AsyncExecutor', () => {
  describe('options', () => {
    it('have defaults: no limits, and a second of grace', () => {
      expect(new AsyncExecutor()).toMatchObject({
        concurrency: Number.POSITIVE_INFINITY,
        cpuConcurrency: Number.POSITIVE_INFINITY,
        graceMs: 1000,
      });
      expect(new AsyncExecutor({ concurrency: 3 })).toMatchObject({ concurrency: 3, cpuConcurrency: 3 });
      expect(new AsyncExecutor({ concurrency: 3, cpuConcurrency: 1, graceMs: 0 })).toMatchObject({
        concurrency: 3,
        cpuConcurrency: 1,
        graceMs: 0,
      });
    });

    it.each([
      ['concurrency', 0],
      ['concurrency', -1],
      ['concurrency', 1.5],
      ['concurrency', Number.NaN],
      ['concurrency', '2'],
      ['concurrency', Number.NEGATIVE_INFINITY],
      ['cpuConcurrency', 0],
      ['cpuConcurrency', Number.NaN],
      ['graceMs', -1],
      ['graceMs', Number.NaN],
      ['graceMs', Number.POSITIVE_INFINITY],
      ['graceMs', '5'],
    ])('refuse %s: %s', (option, value) => {
      const make = () => new AsyncExecutor({ [option]: value });
      expect(make).toThrow(InvalidOptionError);
      expect(make).toThrow(`\`${option}\``);
    });
  });

  describe('run', () => {
    it('starts what is ready before it returns', () => {
      const gate = new Gate();
      const graph = graphOf(task('a', gate.pass));
      void new AsyncExecutor().run(graph);
      expect(gate.arrivals).toBe(1);
      expect(graph.status('a')).toBe('running');
    });

    it('rejects rather than throws', async () => {
      const run = new AsyncExecutor().run({} as never);
      expect(await rejection(run)).toBeInstanceOf(InvalidOptionError);
    });

    it('takes a chain as long as you like of tasks that promise', async () => {
      const length = 20_000;
      const specs = Array.from({ length }, (_, index) =>
        task(`${index}`, async (before = 0) => before + 1, { dependsOn: index === 0 ? [] : [`${index - 1}`] }),
      );
      const graph = graphOf(...specs);
      await new AsyncExecutor().run(graph);
      expect(graph.result(`${length - 1}`)).toBe(length);
    });
  });

  describe('concurrency', () => {
    it('is how many attempts are under way at once', async () => {
      const gates = new Gates();
      const graph = graphOf(...['a', 'b', 'c', 'd'].map((name) => gates.task(name)));
      const run = new AsyncExecutor({ concurrency: 2 }).run(graph);
      expect(await gates.reached()).toEqual(['a', 'b']);
      gates.open('b');
      expect(await gates.reached()).toEqual(['c']);
      gates.open('a', 'c');
      expect(await gates.reached()).toEqual(['d']);
      gates.open('d');
      await run;
      expect(graph.counts().done).toBe(4);
    });

    it('counts for each run by itself', async () => {
      const gates = new Gates();
      const executor = new AsyncExecutor({ concurrency: 1 });
      const runs = [
        executor.run(graphOf(gates.task('a'), gates.task('b'))),
        executor.run(graphOf(gates.task('c'), gates.task('d'))),
      ];
      expect(await gates.reached()).toEqual(['a', 'c']);
      gates.open('a', 'b', 'c', 'd');
      await Promise.all(runs);
    });

    it('is not used up by tasks that return at once', async () => {
      const gates = new Gates();
      const graph = graphOf(
        task('x', () => 1),
        gates.task('a', { after: ['x'] }),
      );
      const run = new AsyncExecutor({ concurrency: 1 }).run(graph);
      expect(await gates.reached()).toEqual(['a']);
      gates.open('a');
      await run;
    });

    it('of cpu-bound tasks has a limit of its own, which io-bound ones pass by', async () => {
      const gates = new Gates();
      const graph = graphOf(
        gates.task('cpu 1'),
        gates.task('cpu 2'),
        gates.task('io 1', { ioBound: true }),
        gates.task('io 2', { ioBound: true, after: ['io 1'] }),
        gates.task('io 3', { ioBound: true, after: ['io 2'] }),
      );
      const run = new AsyncExecutor({ concurrency: 3, cpuConcurrency: 1 }).run(graph);
      expect(await gates.reached()).toEqual(['cpu 1', 'io 1']);
      gates.open('io 1');
      expect(await gates.reached()).toEqual(['io 2']);
      gates.open('io 2');
      expect(await gates.reached()).toEqual(['io 3']);
      gates.open('cpu 1');
      expect(await gates.reached()).toEqual(['cpu 2']);
      gates.open('cpu 2', 'io 3');
      await run;
    });

    it('goes by io-bound, priority, the longer way to the end, and declaration', async () => {
      const gates = new Gates();
      const graph = graphOf(
        gates.task('plain 1'),
        gates.task('plain 2'),
        gates.task('long'),
        gates.task('urgent', { priority: 1 }),
        gates.task('io', { ioBound: true, priority: -1 }),
        gates.task('end', { after: ['long'], priority: -2 }),
      );
      const run = new AsyncExecutor({ concurrency: 1 }).run(graph);
      const order: string[] = [];
      for (let count = 0; count < graph.size; count++) {
        const [name] = await gates.reached();
        order.push(name!);
        gates.open(name!);
      }
      await run;
      expect(order).toEqual(['io', 'urgent', 'long', 'plain 1', 'plain 2', 'end']);
    });
  });

  describe('a retry delay', () => {
    it('holds no slot', async () => {
      const clock = new FakeClock();
      const calls: string[] = [];
      const note = (name: string) => {
        calls.push(name);
        if (calls.length === 1) throw new Error('again');
      };
      const graph = graphOf(
        task('a', () => note('a'), { retry: { attempts: 2, delayMs: 100 }, priority: 1 }),
        task('b', () => note('b')),
        task('c', () => note('c'), { after: ['b'] }),
      );
      const run = new AsyncExecutor({ clock, concurrency: 1 }).run(graph);
      await settle();
      expect(calls).toEqual(['a', 'b', 'c']);
      expect(graph.status('a')).toBe('pending');
      await untilSettled(clock, run);
      expect(calls).toEqual(['a', 'b', 'c', 'a']);
    });

    it('that has elapsed waits for a slot like any other', async () => {
      const clock = new FakeClock();
      const gate = new Gate();
      const a = vi.fn(() => Promise.reject(new Error('again')));
      const graph = graphOf(task('a', a, { retry: { attempts: 2, delayMs: 10 } }), task('b', gate.pass));
      const run = new AsyncExecutor({ clock, concurrency: 1 }).run(graph);
      await gate.started;
      await clock.advance(50);
      expect(a).toHaveBeenCalledTimes(1);
      gate.open();
      await run;
      expect(a).toHaveBeenCalledTimes(2);
    });
  });

  describe('a timeout', () => {
    it('counts what the function took before it gave its promise', async () => {
      const clock = new FakeClock();
      const slow = (blockedMs: number, promisedMs: number) => () => {
        clock.block(blockedMs);
        return waited(clock, promisedMs, 'result');
      };
      const outcomeOf = async (run: () => unknown) => {
        const graph = graphOf(task('a', run, { timeoutMs: 10 }));
        await untilSettled(clock, new AsyncExecutor({ clock }).run(graph));
        return graph.outcome('a');
      };
      expect(await outcomeOf(slow(6, 3))).toMatchObject({ status: 'done' });
      expect(await outcomeOf(slow(6, 6))).toMatchObject({ status: 'failed', error: { code: 'task-timeout' } });
      expect(await outcomeOf(slow(11, 0))).toMatchObject({ status: 'failed', error: { code: 'task-timeout' } });
    });

    it('comes in time even if the function took its time before it gave a promise', async () => {
      const clock = new FakeClock();
      let abortedAtMs = 0;
      const graph = graphOf(
        task(
          'a',
          ({ signal }: TaskContext) => {
            clock.block(6);
            return new Promise((_, reject) =>
              signal.addEventListener('abort', () => {
                abortedAtMs = clock.now();
                reject(signal.reason);
              }),
            );
          },
          { withContext: true, timeoutMs: 10 },
        ),
      );
      const startMs = clock.now();
      await untilSettled(clock, new AsyncExecutor({ clock }).run(graph));
      expect(abortedAtMs).toBe(startMs + 10);
    });

    it('that gives an attempt up frees its slot', async () => {
      const clock = new FakeClock();
      const gate = new Gate<string>();
      const graph = graphOf(
        task('hangs', gate.pass, { timeoutMs: 10, priority: 1 }),
        task('b', () => clock.now()),
      );
      const startMs = clock.now();
      await untilSettled(clock, new AsyncExecutor({ clock, concurrency: 1, graceMs: 30 }).run(graph));
      expect(graph.failure('hangs')).toMatchObject({ code: 'task-timeout' });
      expect(graph.result('b')).toBe(startMs + 40);
    });

    it('lets the next attempt start only once the one before was given up', async () => {
      const clock = new FakeClock();
      const executor = new AsyncExecutor({ clock, graceMs: 30 });
      const told = toldBy(executor);
      const gate = new Gate<string>();
      const graph = graphOf(task('hangs', gate.pass, { timeoutMs: 10, retry: 2 }));
      const run = executor.run(graph);
      await clock.advance(45);
      expect(gate.arrivals).toBe(2);
      gate.open('the second attempt is in time');
      await untilSettled(clock, run);
      expect(graph.result('hangs')).toBe('the second attempt is in time');
      expect(told.filter(({ event }) => event === 'task:done')).toHaveLength(1);
    });
  });

  describe('the event loop', () => {
    /** A clock that counts how often others are given their turn. */
    class TurnClock extends FakeClock {
      turns = 0;

      override soon(callback: () => void): void {
        this.turns++;
        super.soon(callback);
      }
    }

    it.each([
      ['returns', () => 1],
      ['throws', () => Promise.prototype.then.call(1 as never)],
      ['promises', async () => 1],
    ])('gets its turn between tasks of which each computes for long and then %s', async (_, end) => {
      const clock = new TurnClock();
      const calls: number[] = [];
      const slow = () => {
        calls.push(clock.turns);
        clock.block(6);
        return end();
      };
      const graph = graphOf(...Array.from({ length: 8 }, (_, index) => task(`${index}`, slow)));
      await untilSettled(clock, new AsyncExecutor({ clock }).run(graph));
      expect(calls).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    });

    it('does not get it while tasks are quick', async () => {
      const clock = new TurnClock();
      const graph = graphOf(...Array.from({ length: 1000 }, (_, index) => task(`${index}`, () => index)));
      await new AsyncExecutor({ clock }).run(graph);
      expect(clock.turns).toBe(0);
    });

    it('can bring an abort in its turn', async () => {
      const clock = new TurnClock();
      const controller = new AbortController();
      const slow = vi.fn(() => clock.block(20));
      const graph = graphOf(...Array.from({ length: 8 }, (_, index) => task(`${index}`, slow)));
      clock.after(30, () => controller.abort('enough'));
      const error = await rejection(
        untilSettled(clock, new AsyncExecutor({ clock }).run(graph, { signal: controller.signal })),
      );
      expect(error).toMatchObject({ code: 'run-aborted', cause: 'enough' });
      expect(slow).toHaveBeenCalledTimes(2);
      expect(graph.counts()).toMatchObject({ done: 2, pending: 6 });
    });

    it('can bring a more urgent task in its turn', async () => {
      const clock = new TurnClock();
      const calls: string[] = [];
      const graph = graphOf(
        task(
          'fetch',
          () => {
            clock.block(1);
            return waited(clock, 5, 'rows');
          },
          { ioBound: true },
        ),
        task('urgent', () => calls.push('urgent'), { dependsOn: ['fetch'], priority: 1 }),
        ...['1', '2', '3'].map((name) =>
          task(name, () => {
            calls.push(name);
            clock.block(11);
          }),
        ),
      );
      await untilSettled(clock, new AsyncExecutor({ clock }).run(graph));
      expect(calls).toEqual(['1', 'urgent', '2', '3']);
    });
  });

  it('makes no unhandled rejection of a task that is rejected after its run was aborted', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const gate = new Gate();
    const uncaught = await uncaughtDuring(async () => {
      const run = new AsyncExecutor({ clock, graceMs: 10 }).run(
        graphOf(
          task('a', gate.pass),
          task('b', () => failing({ clock } as never, 0, 1)),
        ),
        {
          signal: controller.signal,
        },
      );
      await gate.started;
      controller.abort();
      await rejection(untilSettled(clock, run));
      gate.fail(new Error('too late'));
    });
    expect(uncaught).toEqual([]);
  });

  it('has one listener on a signal, however many runs it aborts, and none when they have ended', async () => {
    const executor = new AsyncExecutor({ graceMs: 0 });
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, 'addEventListener');
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const runs = Array.from({ length: 20 }, () => {
      const graph = new TaskGraphBuilder().task('wait', () => new Promise(() => {})).build();
      return executor.run(graph, { signal: controller.signal }).then(
        () => 'finished',
        (error: unknown) => (error as RunAbortedError).code,
      );
    });
    controller.abort();
    expect(new Set(await Promise.all(runs))).toEqual(new Set(['run-aborted']));
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledTimes(1);
  });
});
