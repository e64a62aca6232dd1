import { EventEmitter } from 'eventemitter3';
import type { ExecutorEvents } from '../events.js';

type EventName = keyof ExecutorEvents;
type Listener = (...args: any[]) => void;

/** One bit for each event, so that one look tells whether anybody listens. */
export const EVENT_BITS: Readonly<Record<EventName, number>> = {
  'run:started': 1 << 0,
  'task:ready': 1 << 1,
  'task:started': 1 << 2,
  'task:progress': 1 << 3,
  'task:retrying': 1 << 4,
  'task:interrupted': 1 << 5,
  'task:done': 1 << 6,
  'task:failed': 1 << 7,
  'task:skipped': 1 << 8,
  'run:finished': 1 << 9,
  'store:repaired': 1 << 10,
  'store:refused': 1 << 11,
  'store:unseen': 1 << 12,
};

/**
 * eventemitter3 with two things added. A listener that throws changes nothing: the error goes to where uncaught errors go, the other listeners are
 * called, and the run carries on; to that end each listener is registered behind a guard, and removed by the listener it was added as. And `listening`
 * tells in one number which events have listeners, so that no record is made for nobody.
 */
export abstract class Emitter<Tasks extends object = any> extends EventEmitter<ExecutorEvents<Tasks>> {
  /** @internal The {@link EVENT_BITS} of the events that have listeners. */
  listening = 0;
  readonly #guards = new WeakMap<Listener, Listener>();
  readonly #guarding = new WeakMap<Listener, Listener>();

  override on<E extends keyof ExecutorEvents<Tasks> & string>(
    event: E,
    listener: (...args: ExecutorEvents<Tasks>[E]) => void,
    context?: unknown,
  ): this {
    super.on(event, this.#guarded(listener), context);
    return this.#count(event);
  }

  override addListener<E extends keyof ExecutorEvents<Tasks> & string>(
    event: E,
    listener: (...args: ExecutorEvents<Tasks>[E]) => void,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  override once<E extends keyof ExecutorEvents<Tasks> & string>(
    event: E,
    listener: (...args: ExecutorEvents<Tasks>[E]) => void,
    context?: unknown,
  ): this {
    super.once(event, this.#guarded(listener), context);
    return this.#count(event);
  }

  override off<E extends keyof ExecutorEvents<Tasks> & string>(
    event: E,
    listener?: (...args: ExecutorEvents<Tasks>[E]) => void,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.removeListener(event, listener, context, once);
  }

  override removeListener<E extends keyof ExecutorEvents<Tasks> & string>(
    event: E,
    listener?: (...args: ExecutorEvents<Tasks>[E]) => void,
    context?: unknown,
    once?: boolean,
  ): this {
    super.removeListener(event, listener && ((this.#guards.get(listener) ?? listener) as never), context, once);
    return this.#count(event);
  }

  override listeners<E extends keyof ExecutorEvents<Tasks> & string>(
    event: E,
  ): ((...args: ExecutorEvents<Tasks>[E]) => void)[] {
    return (super.listeners(event) as Listener[]).map((guard) => this.#guarding.get(guard) ?? guard);
  }

  override removeAllListeners(event?: keyof ExecutorEvents<Tasks> & string): this {
    super.removeAllListeners(event);
    for (const name of Object.keys(EVENT_BITS)) this.#count(name as EventName);
    return this;
  }

  #count(event: keyof ExecutorEvents<Tasks>): this {
    // A subclass may have events of its own, which runs know nothing of.
    const bit = EVENT_BITS[event] ?? 0;
    this.listening = this.listenerCount(event) > 0 ? this.listening | bit : this.listening & ~bit;
    return this;
  }

  #guarded(listener: unknown): never {
    // eventemitter3 has the clear error for what is no function.
    if (typeof listener !== 'function') return listener as never;
    const known = this.#guards.get(listener as Listener);
    if (known !== undefined) return known as never;
    const guard = function (this: unknown, record: unknown, ...more: unknown[]): void {
      try {
        const returned: unknown =
          more.length === 0 ? listener.call(this, record) : listener.call(this, record, ...more);
        if (returned instanceof Promise) returned.catch(reportUncaught);
      } catch (error) {
        reportUncaught(error);
      }
    };
    this.#guards.set(listener as Listener, guard);
    this.#guarding.set(guard, listener as Listener);
    return guard as never;
  }
}

/** To where uncaught errors go: `uncaughtException` under Node, `window.onerror` in browsers. */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
