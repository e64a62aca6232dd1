import type { UntypedEvents } from '../events.js';

/** What can be listened to: every executor, and whatever else tells of runs by the same events. */
export interface Observed {
  on<E extends keyof UntypedEvents>(event: E, listener: (...args: UntypedEvents[E]) => void): unknown;
  off<E extends keyof UntypedEvents>(event: E, listener: (...args: UntypedEvents[E]) => void): unknown;
}

/** A function for each event that is to be heard. What is left out is not listened to, and costs nothing. */
export type EventListeners = { readonly [E in keyof UntypedEvents]?: (...args: UntypedEvents[E]) => void };

/**
 * Sees from outside what executors do: it only listens, and changes nothing of a run. {@link RunLog}, {@link Timeline} and {@link ProgressBar} are
 * observers. One observer may listen to several executors.
 *
 * @example
 * import { Observer, type EventListeners, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * class FailureCounter extends Observer {
 *   failures = 0;
 *   protected override readonly listeners: EventListeners = { 'task:failed': () => this.failures++ };
 * }
 * const counter = new FailureCounter();
 * const executor = new SyncExecutor();
 * counter.listen(executor);
 * executor.run(new TaskGraphBuilder().task('answer', () => { throw new Error('41'); }).build());
 * counter.failures; // => 1
 */
export abstract class Observer implements Disposable {
  readonly #observed = new Set<Observed>();

  /** Override point: what is listened to. */
  protected abstract readonly listeners: EventListeners;

  /** Listens to this executor from now on. To listen to the same one twice changes nothing. */
  listen(executor: Observed): this {
    if (this.#observed.has(executor)) return this;
    this.#observed.add(executor);
    this.#forEachListener((event, listener) => executor.on(event, listener));
    return this;
  }

  /** Listens to nothing any more. Closing twice does no harm. */
  close(): void {
    for (const executor of this.#observed) this.#forEachListener((event, listener) => executor.off(event, listener));
    this.#observed.clear();
  }

  /** Closes at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #forEachListener(act: (event: keyof UntypedEvents, listener: (...args: any[]) => void) => void): void {
    for (const [event, listener] of Object.entries(this.listeners)) act(event as keyof UntypedEvents, listener);
  }
}
