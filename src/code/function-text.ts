import vm from 'node:vm';

/** Words that look like names to the tokenizer but can never be the name of a variable. */
const RESERVED = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public ' +
    'return static super switch this throw true try typeof var void while with yield'
  ).split(' '),
);

/**
 * What tools write into functions, and the thread supplies: esbuild's keepNames, vite's `import()`, the counters of
 * coverage tools.
 */
export const HELPER: RegExp = /^(__name|__vite_ssr_dynamic_import__|cov_\w+|__VITEST_COVERAGE__)$/;

/** The prototype of a class cannot be replaced, that of any other function can. */
export function isClass(fn: Function): boolean {
  return Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false;
}

/** Whether its text says nothing: it is of the engine, or bound. */
export function isNative(text: string): boolean {
  return /\{\s*\[native code\]\s*\}\s*$/.test(text);
}

/** The text of a function as an expression. */
export interface FunctionExpression {
  readonly expression: string;
  /** Where in it the text begins. */
  readonly offset: number;
  readonly strict: boolean;
  /** A method or an accessor: its text is a function only inside an object. */
  readonly isMember: boolean;
}

const OPENING = '((methods) => methods[Reflect.ownKeys(methods)[0]])({ ';

/** The text of a function as an expression, `undefined` if it stands alone in no way: it uses private members. */
export function expressionOf(fn: Function, text: string): FunctionExpression | undefined {
  // Sloppy functions that are called in the plain way have a property that no strict one has. Of others it is not
  // known.
  const mayBeStrict = !Object.hasOwn(fn, 'caller');
  for (const isMember of [false, true]) {
    const expression = isMember ? `${OPENING}${text} })` : `(${text})`;
    const offset = isMember ? OPENING.length : 1;
    if (mayBeStrict && compiles(expression, true)) return { expression, offset, strict: true, isMember };
    if (compiles(expression, false)) return { expression, offset, strict: false, isMember };
  }
  return undefined;
}

function compiles(expression: string, strictly: boolean): boolean {
  try {
    vm.compileFunction(`${strictly ? '"use strict"; ' : ''}return ${expression}`);
    return true;
  } catch {
    return false;
  }
}

/** Everything in the text that could be the name of a variable; more than that does no harm. */
export function namesIn(text: string): ReadonlySet<string> {
  const names = text.match(/[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu) ?? [];
  return new Set(names.filter((name) => name === 'arguments' || !RESERVED.has(name)));
}
