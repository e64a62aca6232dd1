import { AsyncLocalStorage } from 'node:async_hooks';

// Taken as this module is loaded: a test that replaces the globals later stops no store.
const { clearImmediate, clearInterval, clearTimeout, performance, setImmediate, setInterval, setTimeout } = globalThis;

/** Enters the context in which this module was loaded: that of no run. */
const inNoRun = AsyncLocalStorage.snapshot();

/**
 * Time, as stores see it, in one place, so that specs can move it. None of its timers keeps the process open; each
 * method that calls back later returns a function that calls it off.
 */
export const clock = {
  /** Milliseconds since some moment, never going back. */
  now: (): number => performance.now(),

  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },

  every(periodMs: number, callback: () => void): () => void {
    const timer = inNoRun(() => setInterval(callback, periodMs).unref());
    return () => clearInterval(timer);
  },

  /** Calls back once the events that wait already have had their turn. Until then the process stays open. */
  soon(callback: () => void): () => void {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },

  /** Returns after a delay and lets nothing else run meanwhile. */
  block(delayMs: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
  },
};
