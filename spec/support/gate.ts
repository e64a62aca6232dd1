/**
 * A function for a task that waits until the spec lets it go on.
 *
 * ```
 *   task calls pass() ─► started is fulfilled ─► the spec calls open(result) or fail(error) ─► pass() settles
 * ```
 */
export class Gate<R = void> {
  /** Fulfilled once a task waits at the gate. */
  readonly started: Promise<void>;
  /** How many tasks have come to the gate. */
  arrivals = 0;
  #tellStarted: () => void = () => {};
  #open: (result: R) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  readonly #opened: Promise<R>;

  constructor() {
    this.started = new Promise((resolve) => {
      this.#tellStarted = resolve;
    });
    this.#opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    // A gate that fails before anybody waits at it is no unhandled rejection.
    this.#opened.catch(() => {});
  }

  readonly pass = (): Promise<R> => {
    this.arrivals++;
    this.#tellStarted();
    return this.#opened;
  };

  open(result: R): void {
    this.#open(result);
  }

  fail(error: unknown): void {
    this.#fail(error);
  }
}
