import { AsyncExecutor, systemClock, TaskGraphBuilder } from 'taskmap-ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WAIT_MAX_MS } from '../../src/graph/task.js';

/** One that was loaded just now: it takes the globals that are there. */
async function freshClock(): Promise<typeof systemClock> {
  vi.resetModules();
  return (await import('../../src/executors/clock.js')).systemClock;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('systemClock', () => {
  describe('now', () => {
    it('never goes back, even when the wall clock is set', () => {
      const beforeMs = systemClock.now();
      vi.spyOn(Date, 'now').mockReturnValue(0);
      expect(systemClock.now()).toBeGreaterThanOrEqual(beforeMs);
    });

    it('counts from 1970', () => {
      expect(new Date(systemClock.now()).getUTCFullYear()).toBe(new Date().getUTCFullYear());
    });
  });

  describe('after', () => {
    it('calls back once', async () => {
      const callback = vi.fn();
      await new Promise<void>((resolve) => {
        systemClock.after(0, () => {
          callback();
          resolve();
        });
      });
      expect(callback).toHaveBeenCalledTimes(1);
    });

    it('can be called off, also when it is too late', async () => {
      const callback = vi.fn();
      const callOff = systemClock.after(0, callback);
      callOff();
      callOff();
      await new Promise<void>((resolve) => systemClock.after(1, resolve));
      expect(callback).not.toHaveBeenCalled();
    });

    it('does not call back early: fractions are rounded up, and what timers cannot express is cut', async () => {
      const setTimer = vi.fn();
      vi.stubGlobal('setTimeout', setTimer);
      const clock = await freshClock();
      clock.after(0.2, () => {});
      clock.after(7, () => {});
      clock.after(Number.POSITIVE_INFINITY, () => {});
      expect(setTimer.mock.calls.map(([, delayMs]) => delayMs)).toEqual([1, 7, WAIT_MAX_MS]);
    });
  });

  describe('soon', () => {
    it('calls back after promises have had their turn', async () => {
      const order: string[] = [];
      const soon = new Promise<void>((resolve) =>
        systemClock.soon(() => {
          order.push('soon');
          resolve();
        }),
      );
      await Promise.resolve();
      order.push('promise');
      await soon;
      expect(order).toEqual(['promise', 'soon']);
    });

    it('works without setImmediate, as in browsers', async () => {
      vi.stubGlobal('setImmediate', undefined);
      const clock = await freshClock();
      await new Promise<void>((resolve) => clock.soon(resolve));
      expect(setImmediate).toBeUndefined();
    });
  });

  describe('block', () => {
    it('sleeps', () => {
      const wait = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
      systemClock.block(25);
      expect(wait).toHaveBeenCalledTimes(1);
      expect(wait.mock.calls[0]!.slice(1)).toEqual([0, 0, 25]);
    });

    it('goes round and round where a thread may not sleep', async () => {
      vi.stubGlobal('SharedArrayBuffer', undefined);
      const times = [0, 1, 2, 3, 4];
      vi.stubGlobal('performance', { timeOrigin: 0, now: () => times.shift()! });
      const clock = await freshClock();
      clock.block(3);
      expect(times).toEqual([4]);
    });
  });

  it('does not stand still where a test has put its own timers in the place of those of its program', async () => {
    vi.useFakeTimers();
    try {
      let calls = 0;
      const builder = new TaskGraphBuilder<any>();
      // Turns, a delay and a timeout: each asks for another timer.
      const compute = () => {
        for (const endMs = systemClock.now() + 3; systemClock.now() < endMs; );
        calls++;
      };
      for (let i = 0; i < 10; i++) builder.add({ name: `turn ${i}`, run: compute });
      const failing = () => {
        if (++calls < 12) throw new Error('again');
      };
      builder.add({
        name: 'again',
        after: ['turn 9'],
        retry: { attempts: 3, delayMs: 1 },
        timeoutMs: 1000,
        run: failing,
      });
      const report = await new AsyncExecutor({ concurrency: 1 }).run(builder.build());
      expect(report.counts.done).toBe(11);
      expect(calls).toBe(12);
    } finally {
      vi.useRealTimers();
    }
  });
});
