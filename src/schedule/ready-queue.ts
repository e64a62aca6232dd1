import type { StartOrder } from '../graph/rank.js';

/** No task. */
export const NONE = -1;

const BITS = 5;
const LAST_BIT = 31;

/**
 * The tasks that are ready, in the order in which they start. A bit for each place in the order, and over every 32 bits one that says whether any of
 * them is set, up to a single word: adding, removing and finding the first take as many steps as there are levels, which is 4 for a million tasks.
 *
 * ```
 *   top                 1
 *   words      1 0 0 … 0 1 0 … 0
 *   places   0 0 1 0 …     0 1 0 …        first(): 2
 * ```
 */
export class ReadyQueue {
  readonly #places: Int32Array;
  readonly #ids: Int32Array;
  readonly #ioBoundCount: number;
  readonly #levels: readonly Int32Array[];
  #size = 0;

  constructor({ places, ids, ioBoundCount }: StartOrder) {
    this.#places = places;
    this.#ids = ids;
    this.#ioBoundCount = ioBoundCount;
    const levels: Int32Array[] = [];
    let words = ids.length;
    do {
      words = Math.max(1, Math.ceil(words / (1 << BITS)));
      levels.push(new Int32Array(words));
    } while (words > 1);
    this.#levels = levels;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether this task is started before those that are cpu-bound. */
  isIoBound(id: number): boolean {
    return this.#places[id]! < this.#ioBoundCount;
  }

  /** The task to start next, or {@link NONE}. */
  first(): number {
    const levels = this.#levels;
    let place = 0;
    for (let level = levels.length - 1; level >= 0; level--) {
      const word = levels[level]![place]!;
      if (word === 0) return NONE;
      place = (place << BITS) | (LAST_BIT - Math.clz32(word & -word));
    }
    return this.#ids[place]!;
  }

  add(id: number): void {
    const levels = this.#levels;
    let place = this.#places[id]!;
    this.#size++;
    for (let level = 0; level < levels.length; level++) {
      const words = levels[level]!;
      const before = words[place >> BITS]!;
      words[place >> BITS] = before | (1 << (place & LAST_BIT));
      // The words above know already that this one is not empty.
      if (before !== 0) return;
      place >>= BITS;
    }
  }

  remove(id: number): void {
    const levels = this.#levels;
    let place = this.#places[id]!;
    this.#size--;
    for (let level = 0; level < levels.length; level++) {
      const words = levels[level]!;
      const after = words[place >> BITS]! & ~(1 << (place & LAST_BIT));
      words[place >> BITS] = after;
      if (after !== 0) return;
      place >>= BITS;
    }
  }
}
