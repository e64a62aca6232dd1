import { GraphBusyError, type RunFailedError, type TaskContext, TaskTimeoutError } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.js';
import { type ExecutorSubject, failing, rejection, Stage, task, thrower, uncaughtDuring } from './executor-harness.js';

/** What every executor does that waits for promises. */
export function promiseContract(subject: ExecutorSubject): void {
  describe('promises', () => {
    it('are waited for, and what they hold is the result', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', async () => 1),
        task('nested', async () => (async () => (async () => 2)())()),
        task('b', async (a: number, nested: number) => a + nested, { dependsOn: ['a', 'nested'] }),
      );
      await stage.run(graph);
      expect(graph.result('b')).toBe(3);
    });

    it('that are rejected fail their tasks, whatever with', async () => {
      const stage = new Stage(subject);
      const reasons = [new Error('broken'), undefined, null, 'text', Promise];
      const graph = stage.graph(...reasons.map((reason, index) => task(`${index}`, () => Promise.reject(reason))));
      const uncaught = await uncaughtDuring(() => stage.run(graph));
      for (const [index, error] of reasons.entries())
        expect(graph.outcome(`${index}`)).toEqual({ status: 'failed', error, attempts: 1 });
      expect(uncaught).toEqual([]);
    });

    it('leave room for others meanwhile', async () => {
      const stage = new Stage(subject);
      const gate = new Gate<string>();
      const graph = stage.graph(
        task('slow', gate.pass, { ioBound: true }),
        task('quick', () => 1),
      );
      const run = stage.run(graph);
      await gate.started;
      expect(graph.status('slow')).toBe('running');
      await stage.clock.advance(0);
      expect(graph.status('quick')).toBe('done');
      gate.open('at last');
      await run;
      expect(graph.result('slow')).toBe('at last');
    });
  });

  describe('thenables', () => {
    const cases: readonly [string, () => unknown, { readonly result?: unknown; readonly error?: unknown }][] = [
      ['is called back', () => ({ then: (resolve: (value: unknown) => void) => resolve(1) }), { result: 1 }],
      [
        'is a function',
        () => Object.assign(() => {}, { then: (resolve: (value: unknown) => void) => resolve(1) }),
        { result: 1 },
      ],
      [
        'calls back twice',
        () => ({
          then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
            resolve(1);
            resolve(2);
            reject('three');
          },
        }),
        { result: 1 },
      ],
      ['throws', () => ({ then: thrower('broken') }), { error: 'broken' }],
      [
        'throws after it has called back',
        () => ({
          then: (resolve: (value: unknown) => void) => {
            resolve(1);
            throw new Error('too late');
          },
        }),
        { result: 1 },
      ],
      [
        'rejects with undefined',
        () => ({ then: (_: unknown, reject: (error?: unknown) => void) => reject() }),
        { error: undefined },
      ],
      [
        'holds another thenable',
        () => ({
          then: (resolve: (value: unknown) => void) => resolve({ then: (inner: (value: unknown) => void) => inner(1) }),
        }),
        { result: 1 },
      ],
      [
        'is a promise whose own then throws',
        () => Object.assign(Promise.resolve(1), { then: thrower('broken') }),
        { result: 1 },
      ],
      [
        'is a rejected promise whose own then throws',
        () => Object.assign(Promise.reject('broken'), { then: thrower('then') }),
        { error: 'broken' },
      ],
      [
        'is a promise whose constructor cannot be read',
        () => Object.defineProperty(Promise.resolve(1), 'constructor', { get: thrower('constructor is broken') }),
        { error: 'constructor is broken' },
      ],
      [
        'has a `then` only the first time it is asked for',
        () => {
          let asked = 0;
          return {
            get then() {
              return asked++ === 0 ? () => {} : undefined;
            },
          };
        },
        { result: expect.objectContaining({ then: undefined }) },
      ],
      [
        'is of a class that extends Promise',
        () => new (class Late<T> extends Promise<T> {})((resolve) => resolve(1)),
        { result: 1 },
      ],
    ];
    it.each(cases)('settle a task once: one that %s', async (_, run, expected) => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', run),
        task('b', () => 2),
        task('c', () => 3, { after: ['a'] }),
      );
      const uncaught = await uncaughtDuring(() => stage.run(graph));
      if ('result' in expected)
        expect(graph.outcome('a')).toEqual({ status: 'done', result: expected.result, source: 'run' });
      else expect(graph.outcome('a')).toEqual({ status: 'failed', error: expected.error, attempts: 1 });
      expect(graph.result('b')).toBe(2);
      expect(
        stage.records('task:done').length + stage.records('task:failed').length + stage.records('task:skipped').length,
      ).toBe(3);
      expect(uncaught).toEqual([]);
    });
  });

  describe('an attempt that is told to end', () => {
    it('fails with the timeout if it throws the reason', async () => {
      const stage = new Stage(subject);
      let reason: unknown;
      const graph = stage.graph(
        task(
          'a',
          async ({ signal }: TaskContext) => {
            try {
              return await stage.taking(100, 1, signal);
            } finally {
              reason = signal.reason;
            }
          },
          { withContext: true, timeoutMs: 10 },
        ),
      );
      const startMs = stage.clock.now();
      await stage.run(graph);
      expect(graph.failure('a')).toBe(reason);
      expect(reason).toBeInstanceOf(TaskTimeoutError);
      expect(stage.records('task:failed')).toMatchObject([{ atMs: startMs + 10, durationMs: 10 }]);
      expect(stage.clock.waiting).toBe(0);
    });

    it('fails with the timeout, its own error as the cause, if it throws another', async () => {
      const stage = new Stage(subject);
      const error = new Error('the socket is gone');
      const graph = stage.graph(
        task(
          'a',
          ({ signal }: TaskContext) =>
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(error))),
          {
            withContext: true,
            timeoutMs: 10,
          },
        ),
      );
      await stage.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(TaskTimeoutError);
      expect(graph.failure('a')).toMatchObject({ timeoutMs: 10, cause: error });
    });

    it('fails with the timeout, too, if it returns in spite of it: what it returns is dropped', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('a', () => stage.taking(20, 'half a result'), { timeoutMs: 10 }));
      await stage.run(graph);
      expect(graph.failure('a')).toBeInstanceOf(TaskTimeoutError);
      expect(graph.failure('a')).not.toHaveProperty('cause');
      expect(stage.records('task:failed')).toMatchObject([{ durationMs: 20 }]);
    });

    it('is given up after graceMs if it never settles, and what it does then is ignored', async () => {
      const stage = new Stage(subject, { graceMs: 50 });
      const gate = new Gate<string>();
      const uncaught = await uncaughtDuring(async () => {
        const graph = stage.graph(
          task('a', gate.pass, { timeoutMs: 10 }),
          task('b', () => 1, { after: ['a'] }),
        );
        const startMs = stage.clock.now();
        await stage.run(graph);
        expect(graph.failure('a')).toBeInstanceOf(TaskTimeoutError);
        expect(stage.records('task:failed')).toMatchObject([{ atMs: startMs + 60, durationMs: 60 }]);
        gate.fail(new Error('long after'));
        await stage.clock.advance(0);
        expect(graph.outcome('b')).toEqual({ status: 'skipped', because: 'a' });
        expect(stage.lines.at(-1)).toBe('run:finished');
      });
      expect(uncaught).toEqual([]);
    });

    it('is given up at once where graceMs is 0', async () => {
      const stage = new Stage(subject, { graceMs: 0 });
      const graph = stage.graph(task('a', () => new Promise(() => {}), { timeoutMs: 10, retry: 2 }));
      const startMs = stage.clock.now();
      await stage.run(graph);
      expect(graph.outcome('a')).toMatchObject({ status: 'failed', attempts: 2 });
      expect(stage.records('run:finished')).toMatchObject([{ atMs: startMs + 20 }]);
    });

    it('is done if it returns after all without ever having asked for its signal: nothing told it to stop', async () => {
      const stage = new Stage(subject, { graceMs: 1000 });
      const controller = new AbortController();
      const [paid, lost] = [new Gate<string>(), new Gate<string>()];
      const graph = stage.graph(task('pay', paid.pass), task('lose', lost.pass));
      const run = rejection(stage.finish((async () => stage.executor.run(graph, { signal: controller.signal }))()));
      await lost.started;
      controller.abort('enough');
      paid.open('receipt');
      lost.fail('out of money');
      expect(await run).toMatchObject({ code: 'run-aborted', cause: 'enough' });
      expect(graph.outcome('pay')).toEqual({ status: 'done', result: 'receipt', source: 'run' });
      expect(graph.outcome('lose')).toEqual({ status: 'failed', error: 'out of money', attempts: 1 });
      expect(stage.records('task:interrupted')).toEqual([]);
    });

    it('keeps its slot and its run until it settles', async () => {
      const stage = new Stage(subject, { graceMs: 1000 });
      const controller = new AbortController();
      const [gate, told] = [new Gate<string>(), new Gate()];
      const askForSignal = ({ signal }: TaskContext) => {
        expect(signal.aborted).toBe(false);
        signal.addEventListener('abort', () => void told.pass());
        return gate.pass();
      };
      const graph = stage.graph(task('a', askForSignal, { withContext: true }));
      const run = rejection(stage.finish((async () => stage.executor.run(graph, { signal: controller.signal }))()));
      await gate.started;
      controller.abort('enough');
      expect(graph.status('a')).toBe('running');
      expect(() => graph.reset('a')).toThrow(GraphBusyError);
      // Elsewhere it takes a while until it hears of it. What it has returned before is whole.
      await told.started;
      gate.open('half a result');
      expect(await run).toMatchObject({ code: 'run-aborted', cause: 'enough' });
      expect(graph.outcome('a')).toEqual({ status: 'pending' });
      expect(stage.records('task:interrupted')).toMatchObject([{ task: 'a', attempt: 1, reason: 'enough' }]);
      expect(stage.records('task:done')).toEqual([]);
    });

    it('sees the reason of the abort on its signal, also when it asks for the signal later', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      const gate = new Gate<void>();
      const seen: unknown[] = [];
      const graph = stage.graph(
        task(
          'a',
          async (context: TaskContext) => {
            await gate.pass();
            const { signal } = context;
            if (!signal.aborted) await new Promise((heard) => signal.addEventListener('abort', heard));
            seen.push(signal.aborted, signal.reason);
          },
          { withContext: true },
        ),
      );
      const run = rejection(stage.finish((async () => stage.executor.run(graph, { signal: controller.signal }))()));
      await gate.started;
      controller.abort('enough');
      gate.open();
      await run;
      expect(seen).toEqual([true, 'enough']);
    });

    it('by both its timeout and its run fails with the timeout, which came first', async () => {
      const stage = new Stage(subject, { graceMs: 1000 });
      const controller = new AbortController();
      const gate = new Gate<string>();
      const graph = stage.graph(task('a', gate.pass, { timeoutMs: 10 }));
      const run = rejection((async () => stage.executor.run(graph, { signal: controller.signal }))());
      await stage.clock.advance(10);
      controller.abort('enough');
      gate.open('late');
      expect(await run).toMatchObject({ code: 'run-aborted', cause: 'enough' });
      expect(graph.failure('a')).toBeInstanceOf(TaskTimeoutError);
      expect(stage.clock.waiting).toBe(0);
    });

    it('by its timeout has no further attempt once its run is stopped', async () => {
      const stage = new Stage(subject, { graceMs: 1000 });
      const controller = new AbortController();
      const gate = new Gate<string>();
      const graph = stage.graph(task('a', gate.pass, { timeoutMs: 10, retry: 2 }));
      const run = rejection((async () => stage.executor.run(graph, { signal: controller.signal }))());
      await stage.clock.advance(10);
      controller.abort('enough');
      gate.open('late');
      await run;
      expect(graph.outcome('a')).toEqual({ status: 'pending' });
      expect(gate.arrivals).toBe(1);
    });

    it('may tell progress until it ends', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task(
          'a',
          async ({ signal, progress }: TaskContext) => {
            signal.addEventListener('abort', () => progress(0.9, 'cleaning up'));
            await stage.taking(20, 1);
            progress(1);
            await Promise.resolve();
          },
          { withContext: true, timeoutMs: 10 },
        ),
      );
      await stage.run(graph);
      expect(stage.lines).toEqual([
        'run:started',
        'task:ready a',
        'task:started a',
        'task:progress a',
        'task:progress a',
        'task:failed a',
        'run:finished',
      ]);
    });

    it('may have listeners on its signal that throw, abort, or close: nothing is lost', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      let closed: Promise<void> | undefined;
      const graph = stage.graph(
        ...['a', 'b', 'c'].map((name) =>
          task(
            name,
            ({ signal }: TaskContext) =>
              new Promise((_, reject) => {
                signal.addEventListener('abort', () => {
                  controller.abort('again');
                  closed ??= stage.executor.close();
                  reject(signal.reason);
                  throw new Error(`${name} throws`);
                });
              }),
            { withContext: true, timeoutMs: name === 'a' ? 10 : 1000 },
          ),
        ),
      );
      const uncaught = await uncaughtDuring(async () => {
        expect(await rejection(stage.run(graph, { signal: controller.signal }))).toMatchObject({
          code: 'run-aborted',
          cause: 'again',
        });
        await closed;
      });
      expect(uncaught).toMatchObject([{ message: 'a throws' }, { message: 'b throws' }, { message: 'c throws' }]);
      expect(graph.counts()).toMatchObject({ failed: 1, pending: 2, running: 0 });
    });
  });

  describe('a run of promises', () => {
    it.each(['task', 'listener', 'close'])('that is aborted by a %s interrupts what is running', async (by) => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      const abort = () => {
        if (by === 'close') void stage.executor.close();
        else controller.abort('enough');
      };
      const graph = stage.graph(
        task('waits', ({ signal }: TaskContext) => stage.taking(100, 1, signal), { withContext: true, ioBound: true }),
        task('acts', async () => {
          await Promise.resolve();
          if (by !== 'listener') abort();
          return 1;
        }),
        task('never', () => 2, { dependsOn: ['waits'] }),
      );
      if (by === 'listener') stage.executor.on('task:done', abort);
      const error = await rejection(stage.run(graph, { signal: controller.signal }));
      expect(error).toMatchObject({
        code: 'run-aborted',
        cause: by === 'close' ? { code: 'executor-closed' } : 'enough',
      });
      expect(graph.status('waits')).toBe('pending');
      expect(stage.lines).toContain('task:interrupted waits');
      expect(stage.lines.at(-1)).toBe('run:finished');
      expect(stage.clock.waiting).toBe(0);
    });

    // a*     b ─► c
    it("with onFailure: 'stop' lets what is running end", async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => failing(stage, 10, 'broken')),
        task('b', () => stage.taking(20, 2)),
        task('c', () => 3, { dependsOn: ['b'] }),
      );
      expect(await rejection(stage.run(graph, { onFailure: 'stop' }))).toMatchObject({
        code: 'run-failed',
        cause: 'broken',
      });
      expect(graph.result('b')).toBe(2);
      expect(graph.status('c')).toBe('pending');
      expect(stage.lines).not.toContain('task:ready c');
    });

    it("with onFailure: 'abort' interrupts what is running with the failure", async () => {
      const stage = new Stage(subject);
      let reason: unknown;
      const graph = stage.graph(
        task('a', () => Promise.reject('broken')),
        task(
          'b',
          async ({ signal }: TaskContext) => {
            signal.addEventListener('abort', () => {
              reason = signal.reason;
            });
            return stage.taking(20, 2, signal);
          },
          { withContext: true },
        ),
      );
      expect(await rejection(stage.run(graph, { onFailure: 'abort' }))).toMatchObject({
        code: 'run-failed',
        cause: 'broken',
      });
      expect(reason).toBe('broken');
      expect(graph.outcome('b')).toEqual({ status: 'pending' });
      expect(stage.records('task:interrupted')).toMatchObject([{ task: 'b', reason: 'broken' }]);
    });

    it("with onFailure: 'stop' has no further attempts of what fails while it ends", async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => Promise.reject('first')),
        task('b', () => failing(stage, 20, 'second'), { retry: 3 }),
        task('c', () => failing(stage, 30, 'third')),
      );
      const error = await rejection(stage.run(graph, { onFailure: 'stop' }));
      expect((error as RunFailedError).failures).toEqual(
        new Map([
          ['a', 'first'],
          ['c', 'third'],
        ]),
      );
      expect(graph.outcome('b')).toEqual({ status: 'pending' });
      expect(stage.records('task:interrupted')).toMatchObject([{ task: 'b', reason: 'first' }]);
    });

    it('that is aborted while it stops interrupts the rest, and still says what failed', async () => {
      const stage = new Stage(subject);
      const controller = new AbortController();
      const graph = stage.graph(
        task('a', () => Promise.reject('first')),
        task('b', ({ signal }: TaskContext) => stage.taking(1000, 2, signal), { withContext: true }),
      );
      stage.executor.on('task:failed', () => stage.clock.after(5, () => controller.abort('enough')));
      const error = await rejection(stage.run(graph, { onFailure: 'stop', signal: controller.signal }));
      expect(error).toMatchObject({ code: 'run-failed', cause: 'first' });
      expect(stage.records('task:interrupted')).toMatchObject([{ task: 'b', reason: 'enough' }]);
    });

    it('keeps close() waiting until it has settled', async () => {
      const stage = new Stage(subject);
      const gate = new Gate();
      const order: string[] = [];
      const run = rejection((async () => stage.executor.run(stage.graph(task('a', gate.pass))))());
      await gate.started;
      stage.executor.on('run:finished', () => order.push('finished'));
      const closed = stage.executor.close().then(() => order.push('closed'));
      await stage.clock.advance(0);
      expect(order).toEqual([]);
      gate.open();
      await Promise.all([run, closed]);
      expect(order).toEqual(['finished', 'closed']);
    });

    it('settles only when nothing of it is running', async () => {
      const stage = new Stage(subject);
      let cleaned = false;
      const graph = stage.graph(
        task('a', () => Promise.reject('broken')),
        task(
          'b',
          ({ signal }: TaskContext) =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () =>
                stage.clock.after(50, () => {
                  cleaned = true;
                  reject(signal.reason);
                }),
              );
            }),
          { withContext: true },
        ),
      );
      await rejection(stage.run(graph, { onFailure: 'abort' }));
      expect(cleaned).toBe(true);
    });
  });
}
