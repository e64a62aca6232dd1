import { codeDifference } from '../code/code-part.js';
import { hashValue } from '../codec/value-hash.js';
import { described, FileError, quoted, UncarriableError } from '../errors.js';
import { filesIn, lookOf } from '../files/file-result.js';
import { lookAtFiles } from '../files/look.js';
import type { TaskFunction } from '../graph/task.js';
import type { OutcomeHeader, StoredOutcome } from './outcome-codec.js';

/** What an outcome hangs on: as long as it is the same, running the task again would come to the same. */
export type Fingerprint = Pick<
  OutcomeHeader,
  'version' | 'dependencies' | 'after' | 'inputHashes' | 'sourceHash' | 'more'
>;

/** The hash of a result of which none can be made: it equals no other, so that whoever takes it runs again. */
export const NO_HASH = '';

/**
 * Why a stored outcome is not that of this task any more, as the second half of a sentence; `undefined` if it is.
 *
 * @param now - the task as it is; an input's hash is `undefined` if it is not known yet, and then counts as the same
 */
export function difference(
  stored: StoredOutcome,
  now: Omit<Fingerprint, 'inputHashes'> & { readonly inputHashes: readonly (string | undefined)[] },
): string | undefined {
  if (stored.status === 'failed') return 'it failed the last time';
  if (stored.version !== now.version)
    return `its version changed from ${quoted(stored.version)} to ${quoted(now.version)}`;
  if (!isSame(stored.dependencies, now.dependencies)) return 'it takes the results of other tasks than before';
  if (!isSame([...stored.after].sort(), [...now.after].sort())) return 'it waits for other tasks than before';
  const { code } = now.more;
  if (code !== undefined && stored.more.code === undefined) return 'what its function uses was not kept';
  const changedCode = code === undefined ? undefined : codeDifference(stored.more.code!, code);
  if (changedCode !== undefined) return changedCode;
  if (now.sourceHash !== undefined && stored.sourceHash === undefined) return 'the text of its function was not kept';
  if (now.sourceHash === NO_HASH) return 'the text of its function cannot be seen: it is native or bound';
  if (now.sourceHash !== undefined && stored.sourceHash !== now.sourceHash) return 'the text of its function changed';
  const changed = now.inputHashes.findIndex(
    (hash, index) => hash !== undefined && (hash === NO_HASH || hash !== stored.inputHashes[index]),
  );
  if (changed < 0) return undefined;
  const how = now.inputHashes[changed] === NO_HASH ? 'cannot be compared' : 'changed';
  return `the result of ${quoted(now.dependencies[changed]!)} ${how}`;
}

/**
 * The hash of a function's text, {@link NO_HASH} if it is native or bound: then the text says nothing. A module task
 * has its export's name instead: its text is in a file that is not looked at.
 */
export function sourceHashOf(fn: TaskFunction): string {
  const { exportName } = fn as { exportName?: unknown };
  const text = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) return NO_HASH;
  return hashValue(typeof exportName === 'string' ? ['export', exportName] : ['text', text]);
}

/**
 * The hash of a result, {@link NO_HASH} if a part of it cannot be kept.
 *
 * @param isGiven - no task has returned it: the files in it are what they are now, whoever has looked at them before
 */
export function hashOfResult(result: unknown, isGiven = false): string {
  try {
    const files = filesIn(result);
    void lookAtFiles(isGiven ? files : files.filter((file) => lookOf(file) === undefined), undefined, false);
    return hashValue(result);
  } catch (error) {
    if (error instanceof UncarriableError || error instanceof FileError) return NO_HASH;
    throw error;
  }
}

/** What a failed task had thrown, for people. */
export function failureText(stored: StoredOutcome): string {
  try {
    return `it failed the last time: ${described(stored.value())}`;
  } catch {
    return 'it failed the last time';
  }
}

function isSame(before: readonly string[], now: readonly string[]): boolean {
  return before.length === now.length && before.every((name, index) => name === now[index]);
}
