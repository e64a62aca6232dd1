import { type PlainArguments, plainName } from '../graph/plain-arguments.js';
import { hashOfResult, NO_HASH } from './fingerprint.js';
import type { PlainHashes } from './outcome-codec.js';

/** What a task is given by `with()`, as it is now; `undefined` if it is nothing. */
export function plainHashesOf(plain: PlainArguments | undefined, id: number): PlainHashes | undefined {
  return plain?.get(id)?.map(({ at, value }) => [at, hashOfResult(value, true)] as const);
}

/** Why that is not what it was given before, as the second half of a sentence; `undefined` if it is. */
export function plainDifference(before: PlainHashes = [], now: PlainHashes = []): string | undefined {
  const isAlike = before.length === now.length && now.every(([at], index) => before[index]![0] === at);
  if (!isAlike) return 'it is given other arguments by with() than before';
  const changed = now.findIndex(([, hash], index) => hash === NO_HASH || before[index]![1] !== hash);
  if (changed < 0) return undefined;
  return `${plainName(changed)} ${now[changed]![1] === NO_HASH ? 'cannot be compared' : 'changed'}`;
}
