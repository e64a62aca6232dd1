/** How a {@link HeldResult} is known before it is made. */
export interface HeldFacts {
  /** By which stores tell whether two results are the same. */
  readonly hash?: string | undefined;
  /** The bytes of `encodeValue()`, if it is certain that the result can be made of them. */
  readonly bytes?: Uint8Array | undefined;
}

/**
 * The result of a done task that is there as bytes: it is made when somebody asks for it, once.
 *
 * ```
 *   bytes ─── value ───► made, and from then on the same for all that ask
 * ```
 */
export class HeldResult {
  readonly hash: string | undefined;
  #bytes: Uint8Array | undefined;
  #make: (() => unknown) | undefined;
  #result: unknown;

  /** @param make - throws if the bytes cannot be read; then it is asked again by the next one */
  constructor(make: () => unknown, { hash, bytes }: HeldFacts = {}) {
    this.hash = hash;
    this.#bytes = bytes;
    this.#make = make;
  }

  /** One that is made already. */
  static of(result: unknown): HeldResult {
    return new HeldResult(() => result);
  }

  /** As long as it has not been made: see {@link HeldFacts}. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  get value(): unknown {
    if (this.#make !== undefined) {
      this.#result = this.#make();
      // They may be large.
      this.#make = undefined;
      this.#bytes = undefined;
    }
    return this.#result;
  }
}
