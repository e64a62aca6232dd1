import { described } from '../errors.js';
import type { RunFinished, RunStatus } from '../events.js';

/** How a run is, or has ended, in words. */
export const ENDING_WORDS: Readonly<Record<'running' | RunStatus, string>> = {
  running: 'running',
  finished: 'finished',
  stopped: 'stopped',
  aborted: 'aborted',
  broken: 'broken off',
};

/**
 * What ended a run before its tasks had, in one short line: `StoreError: the disk is full`; `undefined` if it finished.
 */
export function reasonText({ reason }: Pick<RunFinished, 'reason'>): string | undefined {
  return reason === undefined ? undefined : described(reason);
}
