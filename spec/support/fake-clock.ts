import type { Clock } from 'taskmap-ts';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until the spec moves it. */
export class FakeClock implements Clock {
  #nowMs: number;
  /** By the time at which they are due; those of the same time in the order in which they were set. */
  #timers: Timer[] = [];

  constructor(startMs = 1_000_000) {
    this.#nowMs = startMs;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    this.#timers.sort((a, b) => a.dueMs - b.dueMs);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  /** Nobody else can run meanwhile, so no timer fires: time passes, that is all. */
  block(delayMs: number): void {
    this.#nowMs += delayMs;
  }

  /** Lets time pass, calls what becomes due, and lets promises settle after each call. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await settle();
    for (let timer = this.#timers[0]; timer !== undefined && timer.dueMs <= untilMs; timer = this.#timers[0]) {
      this.#timers.shift();
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets everything that can go on without a timer go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
