import type { Executor, RunReport } from 'taskmap-ts';
import type { Audit } from './graph.js';

/** What came of the runs of all batches together. */
export type BatchesReport = Pick<RunReport, 'attemptCount' | 'durationMs' | 'counts'>;

export interface BatchOptions {
  /** Ends the batch that is being run, and with it the audit. */
  readonly signal?: AbortSignal;
  /** How many packages one run audits: an integer of 1 or more. Default 32. */
  readonly packagesMax?: number;
}

/** What is io-bound starts first, so that all sources of a run are in memory before they are used: a batch bounds how many packages that is. */
const PACKAGES_MAX = 32;

/** Runs the audit a batch of packages at a time. What is done already does not run again, whatever batch it is in. */
export async function runInBatches(
  { graph, verdicts }: Audit,
  executor: Executor,
  { signal, packagesMax = PACKAGES_MAX }: BatchOptions = {},
): Promise<BatchesReport> {
  let attemptCount = 0;
  let durationMs = 0;
  for (let first = 0; first < verdicts.length; first += packagesMax) {
    const report = await executor.run(graph, { only: verdicts.slice(first, first + packagesMax), signal });
    attemptCount += report.attemptCount;
    durationMs += report.durationMs;
  }
  return { attemptCount, durationMs, counts: graph.counts() };
}
