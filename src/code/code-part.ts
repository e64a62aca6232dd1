/**
 * One part of what a function hangs on: what it is, as the beginning of a sentence whose next word is "changed"; and
 * what is the same as long as it is.
 */
export type CodePart = readonly [what: string, identity: string];

/** The identity of what may be something else than it seems to be: it is the same as no other, and not as itself. */
export const UNCERTAIN = '';

/** Something that a function uses and that cannot be compared with what it was. */
export interface UnseenPart {
  /** What the program calls it. */
  readonly name: string;
  /** What it is, or what is the matter with it, for people. */
  readonly what: string;
}

/** What a function hangs on. */
export interface Code {
  readonly parts: readonly CodePart[];
  readonly unseen: readonly UnseenPart[];
}

const PACKAGE = 'the package ';

/** A package, whose version says what it is. */
export function packagePart(name: string, version: string): CodePart {
  return [PACKAGE + name, version];
}

/** Why a function is not what it was, as the second half of a sentence; `undefined` if it is. */
export function codeDifference(before: readonly CodePart[], now: readonly CodePart[]): string | undefined {
  const at = now.findIndex(
    ([what, identity], index) => what !== before[index]?.[0] || identity !== before[index][1] || identity === UNCERTAIN,
  );
  const [what, identity] = now[at] ?? [];
  if (what === undefined || identity === undefined)
    return now.length < before.length ? `${before[now.length]![0]} is gone` : undefined;
  const known = before.find(([one]) => nameIn(one) === nameIn(what));
  if (known === undefined) return `${what} is new`;
  return what.startsWith(PACKAGE) && known[1] !== identity
    ? `${what} changed from ${known[1]} to ${identity}`
    : `${what} changed`;
}

/** What was data may be a function now, or have come from another file. */
function nameIn(what: string): string {
  return /^".*?"/.exec(what)?.[0] ?? what;
}

/** Those parts that are others than before, by what they are. */
export function changedParts(before: readonly CodePart[], now: readonly CodePart[]): string[] {
  const known = new Set(before.map((part) => JSON.stringify(part)));
  return [...new Set(now.filter((part) => !known.has(JSON.stringify(part))).map(([what]) => what))];
}

const PARTS_MAX = 32;
const LENGTH_MAX = 120;

/**
 * The parts as they are kept: long names are cut short, and what is behind the first ones is folded into one.
 *
 * @param fold - makes one identity of many
 */
export function boundedParts(parts: readonly CodePart[], fold: (rest: readonly CodePart[]) => string): CodePart[] {
  const bounded = parts.slice(0, parts.length > PARTS_MAX ? PARTS_MAX - 1 : PARTS_MAX).map(shortened);
  if (parts.length > PARTS_MAX)
    bounded.push(['something else that its function uses', folded(parts.slice(PARTS_MAX - 1), fold)]);
  return bounded;
}

function folded(rest: readonly CodePart[], fold: (rest: readonly CodePart[]) => string): string {
  return rest.every(isCertain) ? fold(rest) : UNCERTAIN;
}

/** Whether it can be compared with what it was, or will be. */
export function isCertain([, identity]: CodePart): boolean {
  return identity !== UNCERTAIN;
}

/** Names begin with what tells more. */
function shortened([what, identity]: CodePart): CodePart {
  return [what.length > LENGTH_MAX ? `${what.slice(0, LENGTH_MAX)}…` : what, identity];
}
