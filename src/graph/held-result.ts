/**
 * The result of a done task that is there as bytes: it is made when somebody asks for it, once.
 *
 * ```
 *   bytes ─── value ───► made, and from then on the same for all that ask
 * ```
 */
export class HeldResult {
  /** By which stores tell whether two results are the same, if that is known. */
  readonly hash: string | undefined;
  #make: (() => unknown) | undefined;
  #result: unknown;

  /** @param make - throws if the bytes cannot be read; then it is asked again by the next one */
  constructor(make: () => unknown, hash?: string) {
    this.hash = hash;
    this.#make = make;
  }

  get value(): unknown {
    if (this.#make !== undefined) {
      this.#result = this.#make();
      // It holds the bytes.
      this.#make = undefined;
    }
    return this.#result;
  }
}
