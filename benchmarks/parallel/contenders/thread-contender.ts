import type { Results } from '../../contenders/contender.js';
import type { ThreadGraph } from '../thread-graph.js';

/** One way to run graphs on threads. */
export interface ThreadContender {
  readonly name: string;
  /** Starts its threads. */
  open(): OpenContender | Promise<OpenContender>;
}

export interface OpenContender {
  /** Builds whatever is run again and again. Not timed. */
  prepare(graph: ThreadGraph): PreparedGraph;
  close(): Promise<void>;
}

export interface PreparedGraph {
  /** Undoes the run before. Not timed. */
  reset?(): void;
  /** Runs every task once. Timed. */
  run(): Promise<Results>;
  /** What counts instead of the whole of the last run, in milliseconds. */
  tookMs?(): number;
}

/** Every contender has so many threads. */
export const THREADS = 2;
