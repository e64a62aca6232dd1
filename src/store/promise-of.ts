import { isThenable } from '../graph/thenable.js';

/** What a store answers may be any thenable, as query builders make them: of those it makes a promise. */
export function promiseOf<T>(value: T | Promise<T>): Promise<T> | undefined {
  return isThenable(value) ? (Promise.resolve(value) as Promise<T>) : undefined;
}
