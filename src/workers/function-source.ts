import vm from 'node:vm';
import { Engine, type FunctionFacts, placeOf } from '../code/engine.js';
import { expressionOf, HELPER, isClass, isNative, namesIn } from '../code/function-text.js';
import { type FunctionMaking, type FunctionSource, sourceOf } from './function-of-text.js';
import { EXPORT_IT, foreignNames, notInspected, OR_EXPORT_IT, type Refusal } from './refusal.js';

export type { FunctionSource, Refusal };

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
 * itself. That costs a tenth of a millisecond for a function, and some 25 ms when there are files it was never asked
 * about.
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
    const free = engine.freeNames(candidates).map((names, index) => names ?? candidates[index]!.names);
    const facts = engine.factsOf(
      candidates.map(({ fn }) => fn),
      free.map((names) => [...names].filter((name) => THREAD_GLOBALS.has(name))),
    );
    for (const [index, candidate] of candidates.entries())
      found.set(candidate.fn, judged(candidate, facts[index]!, free[index]!));
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

/** @param free - the names that it takes from around it */
function judged(
  { text, head, expression, offset, strict }: Candidate,
  facts: FunctionFacts,
  free: ReadonlySet<string>,
): FunctionSource | Refusal {
  const taken = [...free].filter((name) => facts.around.has(name) || !THREAD_GLOBALS.has(name));
  const foreign = taken.filter((name) => !HELPER.test(name));
  if (foreign.length > 0) return foreignNames(foreign, text);
  const { file, line, column, offset: before } = placeOf(facts);
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
  if (isNative(text)) {
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
  const form = expressionOf(fn, text);
  if (form?.isMember !== false && /\bsuper\b/.test(text))
    return { why: 'uses super, which only its own class can', todo: EXPORT_IT };
  // Its text names what the name is computed from, which is not there to be asked for again. Symbols that the language
  // brings are.
  if (form?.isMember !== false && /^(async\s*)?(\*\s*)?\[(?!Symbol\.\w+\])/.test(text))
    return { why: 'is a method with a computed name', todo: EXPORT_IT };
  if (form === undefined || (form.isMember && /^(get|set|static)\s/.test(text)))
    return { why: 'uses private members or is an accessor, which only its own class can', todo: EXPORT_IT };
  const isArrow = !form.isMember && !/^(async\s+)?function\b/.test(text);
  const head = isArrow ? '' : HEAD.exec(text)![0];
  return { fn, text, head, names: namesIn(text), ...form };
}
