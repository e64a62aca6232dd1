import type { Shape } from '../shapes.js';

/** What a run came to: the result of each task by its index. */
export type Results = (task: number) => unknown;

/** One way to run a shape. */
export interface Contender {
  readonly name: string;
  /** The name of the contender it is compared with; its own name if it is that one. */
  readonly peer: string;
  /** Larger shapes are not tried, and why. */
  readonly limit?: { readonly size: number; readonly why: string };
  /** Builds whatever the contender runs again and again. Not timed. */
  prepare(shape: Shape): Prepared;
}

export interface Prepared {
  /** Undoes the run before. Not timed. */
  reset?(): void;
  /** Runs every task once. Timed. */
  run(): Results | Promise<Results>;
}
