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
  /** A bit for each place. */
  readonly #words: Int32Array;
  /** The levels over the words, the top last. */
  readonly #upper: readonly Int32Array[];
  /** Before this word there is nothing: most often the first task is in it, and no level need be asked. */
  #firstWord = 0;
  #size = 0;

  constructor({ places, ids, ioBoundCount }: StartOrder) {
    this.#places = places;
    this.#ids = ids;
    this.#ioBoundCount = ioBoundCount;
    this.#words = new Int32Array(wordCount(ids.length));
    const upper: Int32Array[] = [];
    for (let words = this.#words.length; words > 1; ) {
      words = wordCount(words);
      upper.push(new Int32Array(words));
    }
    this.#upper = upper;
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
    if (this.#size === 0) return NONE;
    let word = this.#words[this.#firstWord]!;
    if (word === 0) {
      this.#firstWord = this.#findFirstWord();
      word = this.#words[this.#firstWord]!;
    }
    return this.#ids[(this.#firstWord << BITS) | lowestBit(word)]!;
  }

  has(id: number): boolean {
    const place = this.#places[id]!;
    return (this.#words[place >> BITS]! & (1 << (place & LAST_BIT))) !== 0;
  }

  add(id: number): void {
    const place = this.#places[id]!;
    const word = place >> BITS;
    const before = this.#words[word]!;
    this.#size++;
    this.#words[word] = before | (1 << (place & LAST_BIT));
    if (word < this.#firstWord) this.#firstWord = word;
    // The levels above know already that this word is not empty.
    if (before === 0) this.#raise(word);
  }

  remove(id: number): void {
    const place = this.#places[id]!;
    const word = place >> BITS;
    const after = this.#words[word]! & ~(1 << (place & LAST_BIT));
    this.#size--;
    this.#words[word] = after;
    if (after === 0) this.#lower(word);
  }

  #findFirstWord(): number {
    let place = 0;
    for (let level = this.#upper.length - 1; level >= 0; level--)
      place = (place << BITS) | lowestBit(this.#upper[level]![place]!);
    return place;
  }

  /** Tells the levels above that a word is no longer empty. */
  #raise(word: number): void {
    let place = word;
    for (const words of this.#upper) {
      const before = words[place >> BITS]!;
      words[place >> BITS] = before | (1 << (place & LAST_BIT));
      if (before !== 0) return;
      place >>= BITS;
    }
  }

  /** Tells the levels above that a word is empty. */
  #lower(word: number): void {
    let place = word;
    for (const words of this.#upper) {
      const after = words[place >> BITS]! & ~(1 << (place & LAST_BIT));
      words[place >> BITS] = after;
      if (after !== 0) return;
      place >>= BITS;
    }
  }
}

function wordCount(bits: number): number {
  return Math.max(1, Math.ceil(bits / (1 << BITS)));
}

/** The number of the lowest bit that is set, of those that are. */
function lowestBit(word: number): number {
  return LAST_BIT - Math.clz32(word & -word);
}
