/** A rate limit: a place on this very thread, which takes an attempt only when its turn has come. */

import { type AsyncExecutorOptions, type Clock, systemClock } from 'taskmap-ts';
import { type Place, PlacedExecutor, type PlacedRun, type RemoteAttempt } from 'taskmap-ts/places';

export interface PacedExecutorOptions extends Omit<AsyncExecutorOptions, 'cpuConcurrency'> {
  /** How much time lies between the starts of two attempts at least, in milliseconds. */
  readonly gapMs: number;
}

export class PacedExecutor extends PlacedExecutor {
  readonly #turns: Turns;

  constructor({ gapMs, clock = systemClock, ...options }: PacedExecutorOptions) {
    super({ clock, ...options });
    this.#turns = new Turns(gapMs, clock);
  }

  protected override staysHere(): boolean {
    return false;
  }

  protected override placeFor(run: PlacedRun): Place {
    return new PacedPlace(run, this.#turns, this.concurrency);
  }
}

/** Until its turn has come a task is only ready: no slot, no timeout, and one that is more urgent goes first. */
class PacedPlace implements Place {
  readonly run: PlacedRun;
  readonly #turns: Turns;
  readonly #concurrency: number;
  readonly #running = new Set<RemoteAttempt>();

  constructor(run: PlacedRun, turns: Turns, concurrency: number) {
    this.run = run;
    this.#turns = turns;
    this.#concurrency = concurrency;
  }

  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  fill(): void {
    const canTake = this.run.readyCount > 0 && this.#running.size < this.#concurrency;
    if (!canTake) this.#turns.leave(this);
    else if (this.#turns.take(this)) void this.#call(this.run.take()!);
  }

  stop(): void {
    this.#turns.leave(this);
  }

  /** The run has told the function by its signal. */
  abort(): void {}

  giveUp(attempt: RemoteAttempt): void {
    this.#running.delete(attempt);
    this.run.ended(attempt, { kind: 'lost' });
  }

  end(): void {
    this.#turns.leave(this);
  }

  async #call(attempt: RemoteAttempt): Promise<void> {
    const startedAtMs = this.run.now();
    const ended = (kind: 'returned' | 'threw', value: unknown) => {
      if (!this.#running.delete(attempt)) return;
      const tookMs = this.run.now() - startedAtMs;
      this.run.ended(attempt, { kind, value, startedAtMs, tookMs, where: 'main' });
    };
    this.#running.add(attempt);
    this.run.began(attempt, startedAtMs, 'main');
    try {
      ended('returned', await attempt.invoke());
    } catch (error) {
      ended('threw', error);
    }
  }
}

/** One turn every `gapMs`, for all runs of an executor: they take turns in the order in which they ask. */
class Turns {
  readonly #clock: Clock;
  readonly #gapMs: number;
  readonly #waiting = new Set<PacedPlace>();
  #nextAtMs = 0;
  #callOff: (() => void) | undefined;

  constructor(gapMs: number, clock: Clock) {
    this.#gapMs = gapMs;
    this.#clock = clock;
  }

  /** Takes a turn if there is one now. If not, the run is woken when there is. */
  take(place: PacedPlace): boolean {
    this.#waiting.add(place);
    const [first] = this.#waiting;
    const nowMs = this.#clock.now();
    if (first !== place || nowMs < this.#nextAtMs) {
      this.#wakeFirst();
      return false;
    }
    this.#nextAtMs = nowMs + this.#gapMs;
    this.leave(place);
    return true;
  }

  leave(place: PacedPlace): void {
    this.#waiting.delete(place);
    this.#wakeFirst();
  }

  #wakeFirst(): void {
    this.#callOff?.();
    const [first] = this.#waiting;
    const leftMs = Math.max(this.#nextAtMs - this.#clock.now(), 0);
    this.#callOff = first && this.#clock.after(leftMs, () => first.run.wake());
  }
}
