/**
 * What tells the function of one attempt to come to an end. A function may hand its signal on to as many as it likes:
 * under Node, which takes more than ten listeners for a leak, this one has no such bound, as it goes with its attempt.
 */
export function attemptController(): AbortController {
  const controller = new AbortController();
  // Asked for in this way, and not imported, since browsers run this as well.
  globalThis.process?.getBuiltinModule?.('node:events')?.setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * Tells the function of one attempt to come to an end. One that never asked for its signal was told nothing, and what
 * it returns is whole.
 */
export class AttemptSignal {
  #controller: AbortController | undefined;
  #abortion: { readonly reason: unknown } | undefined;

  /** Made when it is asked for: most functions never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = attemptController();
      if (this.#abortion !== undefined) this.#controller.abort(this.#abortion.reason);
    }
    return this.#controller.signal;
  }

  get isAborted(): boolean {
    return this.#abortion !== undefined;
  }

  get wasTold(): boolean {
    return this.isAborted && this.#controller !== undefined;
  }

  abort(reason: unknown): void {
    this.#abortion = { reason };
    this.#controller?.abort(reason);
  }
}
