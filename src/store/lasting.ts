import type { TaskSettings } from '../graph/task.js';
import { failureText } from './fingerprint.js';
import type { OutcomeHeader, StoredOutcome } from './outcome-codec.js';

/** What says how long outcomes of a task hold. */
type Lasting = Pick<TaskSettings, 'expiresMs' | 'keepFailures'>;

/**
 * Why an outcome holds no longer although it was made from the same, as the second half of a sentence; `undefined` if
 * it holds.
 */
export function lapse(stored: StoredOutcome, lasting: Lasting, now: () => number): string | undefined {
  if (stored.status === 'failed') return isKeptFailure(stored, lasting, now) ? undefined : failureText(stored);
  const { expiresMs } = lasting;
  return expiresMs === undefined || isYounger(stored, expiresMs, now) ? undefined : 'it expired';
}

/** Whether this is a failure that need not be tried again yet. */
export function isKeptFailure(
  { status, more, atMs }: Pick<OutcomeHeader, 'status' | 'more' | 'atMs'>,
  { keepFailures }: Lasting,
  now: () => number,
): boolean {
  return (
    status === 'failed' &&
    keepFailures !== undefined &&
    more.retry !== true &&
    isYounger({ atMs }, keepFailures.forMs, now)
  );
}

/**
 * Whether a failure says something of the function and what it was given. The rest hangs on what no store compares: the
 * executor, the schema, other tasks, the disk, threads.
 */
export function isOfFunction(error: unknown): boolean {
  // By the code: what another loaded copy of this package throws has a class of its own.
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return !(error instanceof Error && typeof code === 'string' && AROUND.has(code));
}

const AROUND: ReadonlySet<string> = new Set([
  'async-task',
  'code-mismatch',
  'file',
  'file-overlap',
  'queue',
  'schema',
  'transfer',
  'uncarriable',
  'unsendable',
  'worker-crash',
  'worker-lost',
  'worker-start',
]);

/** What was made at a time that is still to come, by a clock that is wrong, must not hold for ever. */
function isYounger({ atMs }: Pick<OutcomeHeader, 'atMs'>, ms: number, now: () => number): boolean {
  return Math.abs(now() - atMs) < ms;
}
