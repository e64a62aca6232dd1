import { ATTEMPT_CODES, ATTEMPTS_MAX, type ShownAttempt, type ShownThread } from './messages.js';

const RUNNING = ATTEMPT_CODES.indexOf('running');
const CAPACITY_MIN = 16;

/**
 * The latest {@link ATTEMPTS_MAX} attempts of a run, in columns. Each has a place, counted from the first attempt of the run; the one that has begun that many
 * attempts later takes its room.
 */
export class AttemptRing {
  /** How many attempts have begun. */
  count = 0;
  #capacity: number;
  #tasks: Int32Array;
  #numbers: Int32Array;
  #threads: Int32Array;
  /** The names of workers; in the column the first one is -1, the second -2. */
  readonly #workers: string[] = [];
  #startsMs: Float64Array;
  #endsMs: Float64Array;
  #codes: Uint8Array;

  /** @param expected - how many attempts there will be, if none is made twice */
  constructor(expected: number) {
    this.#capacity = Math.min(Math.max(expected, CAPACITY_MIN), ATTEMPTS_MAX);
    this.#tasks = new Int32Array(this.#capacity);
    this.#numbers = new Int32Array(this.#capacity);
    this.#threads = new Int32Array(this.#capacity);
    this.#startsMs = new Float64Array(this.#capacity);
    this.#endsMs = new Float64Array(this.#capacity);
    this.#codes = new Uint8Array(this.#capacity);
  }

  /** How many attempts are no longer kept. */
  get dropped(): number {
    return Math.max(this.count - ATTEMPTS_MAX, 0);
  }

  /** @returns its place */
  begin(task: number, attempt: number, thread: ShownThread, startMs: number): number {
    if (this.count === this.#capacity && this.#capacity < ATTEMPTS_MAX) this.#grow();
    const place = this.count++;
    const at = place % this.#capacity;
    this.#tasks[at] = task;
    this.#numbers[at] = attempt;
    this.#threads[at] = typeof thread === 'number' ? thread : this.#numberOf(thread);
    this.#startsMs[at] = startMs;
    this.#endsMs[at] = -1;
    this.#codes[at] = RUNNING;
    return place;
  }

  end(place: number, endMs: number, code: number): void {
    if (place < this.dropped) return;
    const at = place % this.#capacity;
    this.#endsMs[at] = endMs;
    this.#codes[at] = code;
  }

  /** Those from this place on, as far as they are kept. */
  since(place: number): ShownAttempt[] {
    const shown: ShownAttempt[] = [];
    for (let next = Math.max(place, this.dropped); next < this.count; next++) {
      const at = next % this.#capacity;
      shown.push([
        this.#tasks[at]!,
        this.#numbers[at]!,
        this.#threadOf(this.#threads[at]!),
        this.#startsMs[at]!,
        this.#endsMs[at]!,
        this.#codes[at]!,
      ]);
    }
    return shown;
  }

  /** How one attempt ended, as `[place, endMs, status]`; nothing if it is no longer kept. */
  ending(place: number): [] | [place: number, endMs: number, status: number] {
    if (place < this.dropped) return [];
    const at = place % this.#capacity;
    return [place, this.#endsMs[at]!, this.#codes[at]!];
  }

  #numberOf(worker: string): number {
    const known = this.#workers.indexOf(worker);
    return known === -1 ? -this.#workers.push(worker) : -known - 1;
  }

  #threadOf(number: number): ShownThread {
    return number < 0 ? this.#workers[-number - 1]! : number;
  }

  #grow(): void {
    this.#capacity = Math.min(this.#capacity * 2, ATTEMPTS_MAX);
    this.#tasks = enlarged(new Int32Array(this.#capacity), this.#tasks);
    this.#numbers = enlarged(new Int32Array(this.#capacity), this.#numbers);
    this.#threads = enlarged(new Int32Array(this.#capacity), this.#threads);
    this.#startsMs = enlarged(new Float64Array(this.#capacity), this.#startsMs);
    this.#endsMs = enlarged(new Float64Array(this.#capacity), this.#endsMs);
    this.#codes = enlarged(new Uint8Array(this.#capacity), this.#codes);
  }
}

function enlarged<A extends { set(from: A): void }>(larger: A, from: A): A {
  larger.set(from);
  return larger;
}
