/** Attempts of one thread or worker, in rows of which none overlaps itself. */
export interface ThreadLanes<Thread> {
  readonly thread: Thread;
  /** Each row holds attempts as indices into the list of all, by their start. */
  readonly rows: readonly (readonly number[])[];
}

/**
 * Who ran where and when, in rows: those of the thread that called `run()` first, then threads by number, then workers
 * by name. Each attempt goes to the first row of its thread that is free, or to a new one if none is, so there are no
 * more rows than attempts that overlap.
 *
 * Takes n log n steps for n attempts, however many of them overlap. Pages in browsers use it as well: it imports
 * nothing.
 *
 * @param threads - where each attempt ran: `'main'` or 0 is the thread that called `run()`, any other text the name of
 *   a worker
 * @param starts - when it began
 * @param ends - when it ended; `Infinity` for one that is under way
 */
export function lanesOf<Thread extends string | number>(
  threads: readonly Thread[],
  starts: ArrayLike<number>,
  ends: ArrayLike<number>,
): ThreadLanes<Thread>[] {
  const byThread = new Map<Thread, number[]>();
  for (const index of sorted(threads.length, (index) => starts[index]!)) {
    const known = byThread.get(threads[index]!);
    if (known === undefined) byThread.set(threads[index]!, [index]);
    else known.push(index);
  }
  return [...byThread]
    .sort(([a], [b]) => byPlace(a, b))
    .map(([thread, indices]) => ({ thread, rows: rowsOf(indices, starts, ends) }));
}

/** The main thread, then numbers, then names. */
function byPlace(a: string | number, b: string | number): number {
  if (a === 'main' || b === 'main') return Number(b === 'main') - Number(a === 'main');
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number' || typeof b === 'number') return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : 1;
}

/** @param indices - of attempts, by their start */
function rowsOf(indices: readonly number[], starts: ArrayLike<number>, ends: ArrayLike<number>): number[][] {
  const startOf = (place: number) => starts[indices[place]!]!;
  // Clocks of threads differ a little: what ended before it began took no time.
  const endOf = (place: number) => Math.max(ends[indices[place]!]!, startOf(place));
  const byEnd = sorted(indices.length, endOf);
  const rowAt = new Int32Array(indices.length);
  const rows: number[][] = [];
  const free = new LeastFirst(indices.length);
  let ended = 0;
  for (const [place, index] of indices.entries()) {
    // Of those that end at this very time, some may not have begun: they begin now and take no time.
    for (; byEnd[ended]! < place && endOf(byEnd[ended]!) <= startOf(place); ended++) free.add(rowAt[byEnd[ended]!]!);
    const row = free.size > 0 ? free.take() : rows.push([]) - 1;
    rowAt[place] = row;
    rows[row]!.push(index);
  }
  return rows;
}

/** The numbers up to `size`, by what they stand for; equal ones in order. */
function sorted(size: number, valueAt: (index: number) => number): Int32Array {
  const values = Float64Array.from({ length: size }, (_, index) => valueAt(index));
  const indices = Int32Array.from({ length: size }, (_, index) => index);
  // Nearly all are told in the order in which they began.
  if (values.every((value, index) => index === 0 || values[index - 1]! <= value)) return indices;
  // Two that are under way have the same end, and their difference is no number.
  return indices.sort((a, b) => (values[a]! < values[b]! ? -1 : values[a]! > values[b]! ? 1 : a - b));
}

/** Numbers, the least of which comes out first: a binary heap. */
class LeastFirst {
  readonly #heap: Int32Array;
  size = 0;

  constructor(capacity: number) {
    this.#heap = new Int32Array(capacity);
  }

  add(number: number): void {
    const heap = this.#heap;
    let at = this.size++;
    for (let above = (at - 1) >> 1; at > 0 && heap[above]! > number; above = (at - 1) >> 1) {
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = number;
  }

  take(): number {
    const heap = this.#heap;
    const least = heap[0]!;
    const last = heap[--this.size]!;
    let at = 0;
    for (let below = 1; below < this.size; below = 2 * at + 1) {
      if (below + 1 < this.size && heap[below + 1]! < heap[below]!) below++;
      if (heap[below]! >= last) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return least;
  }
}
