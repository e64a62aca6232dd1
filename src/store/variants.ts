import { isCertain } from '../code/code-part.js';
import { InvalidOptionError } from '../errors.js';
import { difference, NO_HASH } from './fingerprint.js';
import type { MoreFields, OutcomeHeader, PlainHashes, StoredOutcome } from './outcome-codec.js';
import { plainDifference } from './plain-hashes.js';

/** How many results of a task are kept unless a store is told otherwise. */
export const VARIANTS = 4;
/** How many a store can be told to keep. */
export const VARIANTS_MAX = 100;

const PREFIX = 'variant ';
const FURTHER = /^variant ([1-9]\d{0,8}) of (.*)$/s;

/**
 * The key under which a store keeps one of the outcomes of a task: of the first one the task's name, of each further
 * one `variant 2 of rows`. A task whose own name looks like that has a key of that kind for its first one too, so that
 * no two tasks ever share a key.
 *
 * @param number - from 1
 */
export function variantKey(task: string, number: number): string {
  return number === 1 && !isKey(task) ? task : `${PREFIX}${number} of ${task}`;
}

/** Whether this is the key of an outcome in any case, be there a task of this name or not. */
export function isKey(name: string): boolean {
  return FURTHER.test(name);
}

/** The task that a key is of, and the number of its outcome. */
export function variantOf(key: string): { readonly task: string; readonly number: number } {
  const found = key.startsWith(PREFIX) ? FURTHER.exec(key) : null;
  return found === null ? { task: key, number: 1 } : { task: found[2]!, number: Number(found[1]) };
}

/** @throws {@link InvalidOptionError} */
export function checkedVariants(variants: unknown = VARIANTS): number {
  if (typeof variants === 'number' && Number.isInteger(variants) && variants >= 1 && variants <= VARIANTS_MAX)
    return variants;
  throw new InvalidOptionError('variants', `an integer from 1 to ${VARIANTS_MAX}`, variants);
}

/** These keys, and those of all further outcomes of the tasks whose names are among them. */
export function withFurther(tasks: readonly string[], keys: Iterable<string>): string[] {
  const wanted = new Set(tasks.filter((task) => !isKey(task)));
  const found = new Set(tasks);
  for (const key of keys) if (key.startsWith(PREFIX) && wanted.has(variantOf(key).task)) found.add(key);
  return [...found];
}

/** One of the outcomes that are kept of a task. */
export interface Variant {
  readonly number: number;
  readonly bytes: Uint8Array;
  /** `undefined` if it cannot be read. */
  readonly stored: StoredOutcome | undefined;
}

/** Those that can be read, the newest first. */
export function newestFirst(variants: readonly Variant[]): StoredOutcome[] {
  // As good as always there is one.
  if (variants.length === 1) return variants[0]!.stored === undefined ? [] : [variants[0]!.stored];
  return variants.flatMap(({ stored }) => stored ?? []).sort((one, other) => ageOf(other, one));
}

/** Below 0 if the first one was made before the other one. */
export function ageOf(one: OutcomeHeader, other: OutcomeHeader): number {
  return generationOf(one) - generationOf(other) || one.atMs - other.atMs;
}

function generationOf({ more }: OutcomeHeader): number {
  return more.generation ?? 0;
}

/** What an outcome would be made from now. An input's hash is `undefined` if it is not known yet. */
export type MadeFrom = Parameters<typeof difference>[1] & { readonly plain: PlainHashes | undefined };

/** What is different from what an outcome was made from, be it a result or a failure, as the second half of a sentence. */
export function changeSince(stored: StoredOutcome, now: MadeFrom): string | undefined {
  const change = difference(stored.status === 'done' ? stored : { ...stored, status: 'done' }, now);
  if (change !== undefined || (stored.more.plain === undefined && now.plain === undefined)) return change;
  return plainDifference(stored.more.plain, now.plain);
}

/** Whether all that an outcome was made from can be compared: otherwise it never spares a run. */
export function isComparable({ inputHashes, sourceHash, more: { plain = [], code = [] } }: OutcomeHeader): boolean {
  const isKnown = !inputHashes.includes(NO_HASH) && sourceHash !== NO_HASH;
  return isKnown && plain.every(([, hash]) => hash !== NO_HASH) && code.every(isCertain);
}

/** Where a new outcome of a task goes, and what it says of that. */
export interface VariantPlace {
  readonly number: number;
  readonly more: Pick<MoreFields, 'generation'>;
}

/**
 * Where a new outcome goes: in the place of the one that was made from the same, else where nothing is that is of use,
 * else in the place of the oldest. One that spares no run, such as a failure, puts none of those out of its place that
 * may: there is room for one of them besides.
 *
 * @param limit - how many are kept that may spare a run
 */
export function placeOf(
  variants: readonly Variant[],
  outcome: OutcomeHeader,
  limit: number,
  isUseful: (outcome: OutcomeHeader) => boolean,
): VariantPlace {
  if (variants.length === 0) return { number: 1, more: {} };
  const newest = variants.reduce(
    (most, { stored }) => Math.max(most, stored === undefined ? 0 : generationOf(stored)),
    0,
  );
  return { number: numberFor(variants, outcome, limit, isUseful), more: { generation: newest + 1 } };
}

function numberFor(
  variants: readonly Variant[],
  outcome: OutcomeHeader,
  limit: number,
  isUseful: (outcome: OutcomeHeader) => boolean,
): number {
  const now = { ...outcome, plain: outcome.more.plain };
  const same = variants.find(({ stored }) => stored !== undefined && changeSince(stored, now) === undefined);
  const useful = variants.filter(({ stored }) => stored !== undefined && isUseful(stored));
  if (same !== undefined && useful.includes(same)) return same.number;
  if (isUseful(outcome) && useful.length >= limit)
    return useful.reduce((oldest, one) => (ageOf(one.stored!, oldest.stored!) < 0 ? one : oldest)).number;
  const useless = same ?? variants.find((one) => !useful.includes(one));
  return useless?.number ?? firstFree(variants);
}

function firstFree(variants: readonly Variant[]): number {
  const taken = new Set(variants.map(({ number }) => number));
  let number = 1;
  while (taken.has(number)) number++;
  return number;
}
