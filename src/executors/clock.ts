import { WAIT_MAX_MS } from '../graph/task.js';

/** Time, as executors see it: the one place where it enters. Give an executor a clock of your own to test with time that stands still. */
export interface Clock {
  /** Milliseconds since 1970, with fractions, never going back. */
  now(): number;
  /**
   * Calls back after a delay.
   *
   * @param delayMs - milliseconds, 0 or more
   * @returns a function that calls it off
   */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back once the events that wait already have had their turn. */
  soon(callback: () => void): void;
  /**
   * Returns after a delay and lets nothing else run meanwhile.
   *
   * @param delayMs - milliseconds, 0 or more
   */
  block(delayMs: number): void;
}

/** Taken once: a test that replaces the clock of its program means its own timers, and must not stop a run. */
const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = globalThis;
const sinceOriginMs = performance.now.bind(performance);
const ORIGIN_MS = performance.timeOrigin;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => ORIGIN_MS + sinceOriginMs(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.ceil(delayMs), WAIT_MAX_MS));
    return () => clearTimeout(timer);
  },
  soon(callback) {
    // Browsers have no setImmediate; a timer of 0 ms is the nearest they have.
    if (typeof setImmediate === 'function') setImmediate(callback);
    else setTimeout(callback, 0);
  },
  block(delayMs) {
    const endMs = systemClock.now() + delayMs;
    try {
      const nobodyWakesThis = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      Atomics.wait(nobodyWakesThis, 0, 0, delayMs);
    } catch {
      // The main thread of a browser may not sleep, or has no shared memory.
      while (systemClock.now() < endMs);
    }
  },
};

/** Keeps the process from ending, until the function that is returned is called. */
export function holdProcessOpen(): () => void {
  const timer = setInterval(() => {}, WAIT_MAX_MS);
  return () => clearInterval(timer);
}
