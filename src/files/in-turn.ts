// Taken at import, so that faked timers stop nobody.
const { setImmediate, setTimeout } = globalThis;

/** Does something for one after another, and waits only where there is something to wait for. */
export function inTurn<T>(
  items: readonly T[],
  act: (item: T, index: number) => void | Promise<void>,
  first = 0,
): void | Promise<void> {
  for (let index = first; index < items.length; index++) {
    const done = act(items[index]!, index);
    if (done !== undefined) return done.then(() => inTurn(items, act, index + 1));
  }
  return undefined;
}

/** Goes on with what came of something, at once if it is there at once. */
export function goOn<T, R>(value: T | Promise<T>, act: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(act) : act(value);
}

/** Lets timers, sockets and other promises have their turn. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => {
    // Browsers have no setImmediate.
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
