/** What a store answers may be any thenable, as query builders make them: of those it makes a promise. */
export function promiseOf<T>(value: T | Promise<T>): Promise<T> | undefined {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function' ? Promise.resolve(value) : undefined;
}
