import { systemClock } from 'taskmap-ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WAIT_MAX_MS } from '../../src/graph/task.js';

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

    it('does not call back early: fractions are rounded up, and what timers cannot express is cut', () => {
      const setTimer = vi.spyOn(globalThis, 'setTimeout').mockReturnValue(0 as never);
      systemClock.after(0.2, () => {});
      systemClock.after(7, () => {});
      systemClock.after(Number.POSITIVE_INFINITY, () => {});
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
      await new Promise<void>((resolve) => systemClock.soon(resolve));
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

    it('goes round and round where a thread may not sleep', () => {
      vi.stubGlobal('SharedArrayBuffer', undefined);
      const times = [0, 1, 2, 3, 4];
      vi.spyOn(performance, 'now').mockImplementation(() => times.shift()!);
      systemClock.block(3);
      expect(times).toEqual([4]);
    });
  });
});
