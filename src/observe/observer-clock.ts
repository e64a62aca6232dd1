/** Time, as those who look on see it. The clock of an executor will do. */
export interface ProgressClock {
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Calls back after a delay, in milliseconds.
   *
   * @returns a function that calls it off
   */
  after(delayMs: number, callback: () => void): () => void;
}

/** The clock of the machine, with timers that keep no process alive: whoever only looks on is no reason to go on. */
export const observerClock: ProgressClock = {
  now: () => performance.timeOrigin + performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
