import vm from 'node:vm';
import { Engine, type FunctionFacts } from './engine.js';
import { type FunctionMaking, type FunctionSource, sourceOf } from './function-of-text.js';
import { EXPORT_IT, foreignNames, notInspected, OR_EXPORT_IT, type Refusal } from './refusal.js';

export type { FunctionSource, Refusal };

/** Words that look like names to the tokenizer but can never be the name of a variable. */
const RESERVED = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public ' +
    'return static super switch this throw true try typeof var void while with yield'
  ).split(' '),
);

/** Every thread has these: what the language brings, and what Node adds to it. */
const THREAD_GLOBALS: ReadonlySet<string> = new Set([
  // Who calls eval cannot do without the scope around it.
  ...(vm.runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[]).filter((name) => name !== 'eval'),
  ...(
    'AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy CompressionStream ' +
    'CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException DecompressionStream Event EventTarget File ' +
    'FormData Headers MessageChannel MessageEvent MessagePort Performance PerformanceEntry PerformanceMark ' +
    'PerformanceMeasure PerformanceObserver ReadableStream Request Response SubtleCrypto TextDecoder ' +
    'TextDecoderStream TextEncoder TextEncoderStream TransformStream URL URLSearchParams WebAssembly WebSocket ' +
    'WritableStream atob btoa clearImmediate clearInterval clearTimeout console crypto fetch global navigator ' +
    'performance process queueMicrotask setImmediate setInterval setTimeout structuredClone'
  )
    .split(' ')
    .filter((name) => name in globalThis),
]);

/**
 * What tools write into functions, and the thread supplies: esbuild's keepNames, vite's `import()`, the counters of
 * coverage tools.
 */
const HELPER = /^(__name|__vite_ssr_dynamic_import__|cov_\w+|__VITEST_COVERAGE__)$/;

/** Up to the first parenthesis that stands in no string and no comment. */
const HEAD = /^(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/.*\n|[^(])*/;

/** A function whose text stands alone, if its names do. */
interface Candidate {
  readonly fn: Function;
  readonly text: string;
  /** What stands before the parameters, where the engine says that a function begins; nothing of an arrow function. */
  readonly head: string;
  /** An expression of the text, and where in it that begins. */
  readonly expression: string;
  readonly offset: number;
  readonly strict: boolean;
  readonly names: ReadonlySet<string>;
}

/**
 * Finds out for many functions at once whether their text alone says what they do, and if not, why.
 *
 * Which names a function uses from the scope around it is not guessed: each name in the text is made a parameter of a
 * function around it, and the engine, which keeps just those variables that an inner function uses, is asked which it
 * kept. Of those that are called like a global it is asked whether there is a variable of that name around the function
 * itself. That costs a tenth of a millisecond for a function, some 25 ms when there are files it was never asked about,
 * and half a millisecond more for a function that is refused.
 */
export function functionSources(functions: readonly Function[]): Map<Function, FunctionSource | Refusal> {
  const found = new Map<Function, FunctionSource | Refusal>();
  const candidates: Candidate[] = [];
  for (const fn of new Set(functions)) {
    const known = sourceOf(fn) ?? candidateOf(fn);
    if ('expression' in known) candidates.push(known);
    else found.set(fn, known);
  }
  if (candidates.length === 0) return found;
  let engine: Engine | undefined;
  try {
    engine = new Engine();
    const allNames = new Set(candidates.flatMap(({ names }) => [...names]));
    const free = engine.freeNames(
      candidates.map(({ expression }) => expression),
      [...allNames].filter(isParameter),
    );
    const facts = engine.factsOf(
      candidates.map(({ fn }) => fn),
      [...free].filter((name) => THREAD_GLOBALS.has(name)),
    );
    for (const [index, candidate] of candidates.entries())
      found.set(candidate.fn, judged(candidate, facts[index]!, free, engine));
  } catch (error) {
    for (const { fn } of candidates) found.set(fn, notInspected(error));
  } finally {
    engine?.close();
  }
  return found;
}

export function isRefusal(source: FunctionSource | Refusal): source is Refusal {
  return 'why' in source;
}

/** @param free - the names that all functions together take from around them, which may be some of this one's */
function judged(
  { text, head, expression, offset, strict, names }: Candidate,
  { file, line, column, offset: before, around }: FunctionFacts,
  free: ReadonlySet<string>,
  engine: Engine,
): FunctionSource | Refusal {
  const isForeign = (name: string) => around.has(name) || !THREAD_GLOBALS.has(name);
  let taken = [...names].filter((name) => free.has(name) && isForeign(name));
  if (taken.length > 0) taken = [...engine.freeNames([expression], [...names].filter(isParameter))].filter(isForeign);
  const foreign = taken.filter((name) => !HELPER.test(name));
  if (foreign.length > 0) return foreignNames(foreign, text);
  // Where a head of several lines begins in its first one is not known.
  const lines = head.split('\n').length - 1;
  const begins = lines === 0 ? column - head.length : 0;
  const making: FunctionMaking = {
    helpers: taken,
    strict,
    file,
    line: line - lines,
    column: begins - offset,
    offset: before === undefined ? undefined : before - head.length - offset,
  };
  return { text: expression, more: JSON.stringify(making) };
}

/** The function's text as an expression that stands alone, or why there is none. */
function candidateOf(fn: Function): Candidate | Refusal {
  const text = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    return {
      why: 'is native or bound, so that its text is not available',
      todo: `Wrap it in a function of its own, ${OR_EXPORT_IT}`,
    };
  }
  if (isClass(fn))
    return { why: 'is a class', todo: 'Give a function that calls new on it inside a module, and use taskModule().' };
  if (/\bimport\s*\.\s*meta\b|__vite_ssr_import_meta__/.test(text))
    return { why: 'uses import.meta, which is another one in a worker thread', todo: EXPORT_IT };
  if (/(\bimport|__vite_ssr_dynamic_import__)\s*\(\s*["'`]\.{1,2}\//.test(text)) {
    return {
      why: 'imports by a relative path, which means another file in a worker thread',
      todo: `Import by an absolute URL, ${OR_EXPORT_IT}`,
    };
  }
  const plain = `(${text})`;
  // Sloppy functions that are called in the plain way have a property that no strict one has. Of others it is not
  // known.
  const strict = !Object.hasOwn(fn, 'caller') && compiles(plain, true);
  const candidate = { fn, text, head: HEAD.exec(text)![0], strict, names: namesIn(text) };
  if (strict || compiles(plain, false)) {
    const isArrow = !/^(async\s+)?function\b/.test(text);
    return { ...candidate, head: isArrow ? '' : candidate.head, expression: plain, offset: 1 };
  }
  if (/\bsuper\b/.test(text)) return { why: 'uses super, which only its own class can', todo: EXPORT_IT };
  // Its text names what the name is computed from, which is not there to be asked for again. Symbols that the language
  // brings are.
  if (/^(async\s*)?(\*\s*)?\[(?!Symbol\.\w+\])/.test(text))
    return { why: 'is a method with a computed name', todo: EXPORT_IT };
  // A method, async method or generator method: its text is a function only inside an object.
  const opening = '((methods) => methods[Reflect.ownKeys(methods)[0]])({ ';
  const method = `${opening}${text} })`;
  const isMethod = !/^(get|set|static)\s/.test(text);
  const strictMethod = isMethod && compiles(method, true);
  if (strictMethod || (isMethod && compiles(method, false)))
    return { ...candidate, strict: strictMethod, expression: method, offset: opening.length };
  return { why: 'uses private members or is an accessor, which only its own class can', todo: EXPORT_IT };
}

/** The prototype of a class cannot be replaced, that of any other function can. */
function isClass(fn: Function): boolean {
  return Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false;
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
function namesIn(text: string): ReadonlySet<string> {
  const names = text.match(/[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu) ?? [];
  return new Set(names.filter((name) => name === 'arguments' || !RESERVED.has(name)));
}

function isParameter(name: string): boolean {
  return name !== 'arguments';
}
