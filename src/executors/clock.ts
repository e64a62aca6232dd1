import { WAIT_MAX_MS } from '../graph/task.js';
import { inNoContext } from '../places/caller-context.js';

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

/** A timer of Node.js, which keeps its process open while it is referred to. */
interface Keeper {
  ref(): void;
  unref(): void;
}

let keeper: Keeper | undefined;
let holders = 0;

/** Keeps the process from ending, until {@link letProcessEnd} has been called as often. Browsers have nothing to keep. */
export function holdProcessOpen(): void {
  if (holders++ > 0) return;
  keeper ??= inNoContext(() => {
    const timer: unknown = setInterval(() => {}, WAIT_MAX_MS);
    if (typeof timer === 'object') return timer as Keeper;
    clearInterval(timer as never);
    return { ref() {}, unref() {} };
  });
  keeper.ref();
}

export function letProcessEnd(): void {
  if (--holders === 0) keeper?.unref();
}
