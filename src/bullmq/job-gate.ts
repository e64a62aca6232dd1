/** Jobs run side by side, but for those that are to run alone: they wait until all others have ended, and others for them. */
export class JobGate {
  readonly #waiting: { readonly isAlone: boolean; readonly begin: () => void }[] = [];
  #running = 0;
  #isAlone = false;

  /** @returns a function to be called at the end of the job, once the job may begin */
  async enter(isAlone: boolean): Promise<() => void> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ isAlone, begin });
      this.#beginNext();
    });
    return () => {
      this.#running--;
      this.#isAlone = false;
      this.#beginNext();
    };
  }

  /** In the order in which they came, so that no job waits for ever. */
  #beginNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoomFor(next.isAlone); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#running++;
      this.#isAlone = next.isAlone;
      next.begin();
    }
  }

  #hasRoomFor(isAlone: boolean): boolean {
    return isAlone ? this.#running === 0 : !this.#isAlone;
  }
}
