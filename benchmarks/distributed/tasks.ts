/* What the workers of taskmap run: nothing that takes any time. */
import type { TaskContext } from 'taskmap-ts';

/** A number of its own for each task without dependencies. */
export function first({ task }: Pick<TaskContext, 'task'>): number {
  return Number(task.slice(task.indexOf('-') + 1));
}

/** Depends on the order of its arguments: no two of them can be mixed up unseen. */
export function mixed(...results: number[]): number {
  return results.reduce((sum, one) => (Math.imul(sum, 31) + one) | 0, 7);
}

const LARGE_BYTES = 10 * 2 ** 20;

export function large({ task }: TaskContext): Uint8Array {
  return new Uint8Array(LARGE_BYTES).fill(Number(task.slice(task.indexOf('-') + 1)));
}
