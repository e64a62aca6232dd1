import type { CodePiece } from './engine.js';
import { expressionOf, HELPER, isNative, namesIn } from './function-text.js';
import { type ModuleRequests, moduleRequestsIn, sameLines, shortHash } from './program-files.js';

/** What the text of a function says: the same for all functions of one text. */
export interface TextFacts {
  readonly identity: string;
  readonly isNative: boolean;
  /** What is to be asked of the engine for its names; `undefined` once they are known, and where nothing can be asked. */
  piece: CodePiece | undefined;
  /** The names that it takes from around it, as far as they are known. */
  names: readonly string[];
  readonly requests: ModuleRequests;
  /** It is an arrow function that says `this`: that of the function around it, which cannot be seen. */
  readonly takesThis: boolean;
  /** It says `this` at all, so that it may look at more of an object than it is taken from. */
  readonly saysThis: boolean;
  /** For each name the members that are all it takes of it; `undefined` if it may take the whole. */
  readonly membersByName: Map<string, readonly string[] | undefined>;
  readonly text: string;
}

/** So many texts are remembered: of functions that are made of text, there may be ever more. */
const TEXTS_MAX = 20_000;
const factsByText = new Map<string, TextFacts>();

export function textFactsOf(fn: Function): TextFacts {
  const text = Function.prototype.toString.call(fn);
  // Of two functions of one text, one may be strict.
  const key = (Object.hasOwn(fn, 'caller') ? 'sloppy ' : '') + text;
  let facts = factsByText.get(key);
  if (facts === undefined) {
    facts = factsOf(fn, text);
    if (factsByText.size >= TEXTS_MAX) factsByText.clear();
    factsByText.set(key, facts);
  }
  return facts;
}

function factsOf(fn: Function, text: string): TextFacts {
  const native = isNative(text);
  const names = native ? [] : [...namesIn(text)].filter((name) => name !== 'arguments' && !HELPER.test(name)).sort();
  const form = native ? undefined : expressionOf(fn, text);
  const saysThis = /\b(this|super)\b/.test(text);
  return {
    identity: shortHash(sameLines(text)),
    isNative: native,
    piece: form === undefined ? undefined : { expression: form.expression, strict: form.strict, names },
    // Of what does not stand alone, each name may be one.
    names,
    requests: moduleRequestsIn(native ? '' : text),
    takesThis: saysThis && form?.isMember === false && !/^((async\s+)?function|class)\b/.test(text),
    saysThis,
    membersByName: new Map(),
    text,
  };
}

/** The members that a function takes of a variable; `undefined` if it may do anything with it. */
export function membersOf(facts: TextFacts, name: string): readonly string[] | undefined {
  if (!facts.membersByName.has(name)) facts.membersByName.set(name, membersIn(facts.text, name));
  return facts.membersByName.get(name);
}

function membersIn(text: string, name: string): readonly string[] | undefined {
  const escaped = name.replaceAll('$', String.raw`\$`);
  const uses = new RegExp(
    String.raw`(?<![\p{ID_Continue}$])${escaped}(?![\p{ID_Continue}$])(?:\s*\??\.\s*([\p{ID_Start}$_][\p{ID_Continue}$]*))?`,
    'gu',
  );
  const members = new Set<string>();
  for (const [, member] of text.matchAll(uses)) {
    if (member === undefined) return undefined;
    members.add(member);
  }
  return [...members].sort();
}
