import { type LoadedOutcomes, MemoryStore, OutcomeStore } from 'taskmap-ts';

/** When a store answers: at once; by a promise, soon; by one that is fulfilled only after others have had so many turns. */
export type Answering = 'at once' | 'by promise' | 'late';

/** A store that keeps what it is given in another, and answers as the spec says. */
export class FickleStore extends OutcomeStore {
  inner: OutcomeStore = new MemoryStore();
  answering: Answering = 'at once';
  /** How many turns others have before the first save is answered, the second, and so on, over and over. */
  turns: readonly number[] = [0];
  /** After so many saves it fails. */
  savesMax: number = Number.POSITIVE_INFINITY;
  readonly failure: Error = new Error('the disk is full');
  /** The tasks whose outcomes it was asked to keep, and those of which it has said that they are safe. */
  readonly asked: string[] = [];
  readonly kept: string[] = [];
  /** How many saves are under way, and the most that were at once. */
  underWay = 0;
  underWayMax = 0;

  /** As if it were new. */
  begin(answering: Answering, turns: readonly number[] = [0], inner: OutcomeStore = new MemoryStore()): void {
    Object.assign(this, { answering, turns, inner, savesMax: Number.POSITIVE_INFINITY });
    this.asked.length = this.kept.length = 0;
    this.underWayMax = 0;
  }

  override load(graph: string): LoadedOutcomes | Promise<LoadedOutcomes> {
    return this.answering === 'at once' ? this.inner.load(graph) : this.#later(() => this.inner.load(graph));
  }

  override save(graph: string, task: string, bytes: Uint8Array): void | Promise<void> {
    this.asked.push(task);
    const isLost = this.asked.length > this.savesMax;
    const turns = this.turns[this.asked.length % this.turns.length]!;
    const keep = async () => {
      if (isLost) throw this.failure;
      await this.inner.save(graph, task, bytes);
      this.kept.push(task);
    };
    if (this.answering !== 'at once') return this.#later(keep, this.answering === 'late' ? turns : 0);
    if (isLost) throw this.failure;
    this.kept.push(task);
    return this.inner.save(graph, task, bytes);
  }

  override forget(graph: string, tasks: readonly string[]): void | Promise<void> {
    return this.inner.forget(graph, tasks);
  }

  override flush(): void | Promise<void> {
    return this.inner.flush();
  }

  override flushSync(): void {
    this.inner.flushSync?.();
  }

  override close(): void | Promise<void> {
    return this.inner.close();
  }

  async #later<R>(answer: () => R | Promise<R>, turns = 0): Promise<R> {
    this.underWay++;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.underWay--;
    return answer();
  }
}
