import type { Timing } from './contest.js';

/** One question about threads. */
export interface Part {
  /** What it is called on the command line. */
  readonly name: string;
  readonly title: string;
  /** What is run and how its figures are to be read. */
  readonly legend: string;
  /** Measures graph by graph, and hands over the timings of each. */
  run(): AsyncGenerator<Timing[]>;
}
