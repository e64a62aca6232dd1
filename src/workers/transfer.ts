/** What can be moved from one thread to another. */
export type Movable = ArrayBuffer;

/** Under a name that every copy of this module finds, should a program have loaded two. */
const LISTS = Symbol.for('taskmap.transfer');

function lists(): WeakMap<object, readonly Movable[]> {
  const shared = globalThis as { [LISTS]?: WeakMap<object, readonly Movable[]> };
  shared[LISTS] ??= new WeakMap();
  return shared[LISTS];
}

/**
 * Marks a result, so that these of its buffers are moved out of the thread that made them instead of copied. The thread must not use them any more. Outside
 * a worker thread it changes nothing.
 *
 * @param result - what the task returns; the buffers are somewhere in it
 * @returns the same result
 *
 * @example
 * import { transfer } from 'taskmap-ts';
 *
 * const pixels = new Uint8Array(8);
 * transfer(pixels, [pixels.buffer]) === pixels; // => true
 */
export function transfer<R extends object>(result: R, buffers: readonly Movable[]): R {
  // Each once, and none that is shared anyway: the engine would refuse to send the whole.
  lists().set(result, [...new Set(buffers)].filter(isBuffer));
  return result;
}

/** What of a result is to be moved. */
export function movables(result: unknown): readonly Movable[] {
  return typeof result === 'object' && result !== null ? (lists().get(result) ?? []) : [];
}

function isBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}
