import { type Copy, TwoCopiesError } from './errors.js';

/** This copy of the package. A program may load several: two versions, a linked one besides an installed one. */
export const COPY: Copy = { version: '0.1.0', url: import.meta.url };

/** Under this every copy finds of which copy an object is. */
const MARK = Symbol.for('taskmap-ts.copy');

/** Marks all objects of a class as made by this copy, or a function as its own. */
export function markAsOurs(marked: object): void {
  Object.defineProperty(marked, MARK, { value: COPY });
}

/** Whether it is a function or a class that was marked, by whichever copy. Classes that extend it are not. */
export function isOurs(fn: Function): boolean {
  const prototype: unknown = Object.getOwnPropertyDescriptor(fn, 'prototype')?.value;
  return [fn, prototype].some((one) => one !== undefined && Object.hasOwn(one as object, MARK));
}

/** The copy that has made an object: `undefined` if none has, or one that made no marks. */
export function copyOf(value: unknown): Copy | undefined {
  return (value as { readonly [MARK]?: Copy } | null | undefined)?.[MARK];
}

/**
 * Says what is wrong with an object that looks like one of ours and is none: it was made by another copy.
 *
 * @param className - what it should be
 * @throws {@link TwoCopiesError}
 */
export function refuseOtherCopy(value: unknown, className: string): void {
  const other = copyOf(value);
  const looksLikeOurs = (value as object | null | undefined)?.constructor?.name === className;
  if (other === COPY || (other === undefined && !looksLikeOurs)) return;
  throw new TwoCopiesError(className, COPY, other);
}
