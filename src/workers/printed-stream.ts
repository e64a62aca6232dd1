import type { Board } from './board.js';

/**
 * What is printed is waited for as long as something of it comes at least so often, in milliseconds: it may have been
 * written to nowhere.
 */
const PRINTED_MS = 1000;

/**
 * One of the two streams of a thread: how much its tasks have printed there, and how much of that has been passed on.
 * Counts are of bytes, and wrap around.
 */
export class PrintedStream {
  readonly #board: Board;
  readonly #index: number;
  #passedCount = 0;
  /** When something of it was passed on, or nothing was missing, in milliseconds since 1970. */
  #passedAtMs = 0;

  /** @param index - which one of its thread: see {@link Board.printed} */
  constructor(board: Board, index: number) {
    this.#board = board;
    this.#index = index;
  }

  get printedCount(): number {
    return this.#board.printed(this.#index);
  }

  /** Something has not been passed on yet. What was printed before it counted may be passed on besides. */
  get isMissing(): boolean {
    return !this.hasPassed(this.printedCount);
  }

  /** Whether all has been passed on that had been printed when the count stood there. */
  hasPassed(printedCount: number): boolean {
    return ((printedCount - this.#passedCount) | 0) <= 0;
  }

  passed(byteCount: number, atMs: number): void {
    this.#passedCount = (this.#passedCount + byteCount) | 0;
    this.#passedAtMs = atMs;
  }

  /** What is missing is waited for from now on. */
  waitFrom(atMs: number): void {
    this.#passedAtMs = atMs;
  }

  /**
   * A task may have closed the stream that it and others print to, or been refused what it wrote: what does not come is
   * not waited for any more.
   *
   * @returns whether something was missing until now
   */
  forgetIfLost(nowMs: number): boolean {
    if (!this.isMissing) this.#passedAtMs = nowMs;
    if (nowMs - this.#passedAtMs < PRINTED_MS) return false;
    this.#passedCount = this.printedCount;
    return true;
  }
}
