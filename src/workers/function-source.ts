import { Session } from 'node:inspector';
import vm from 'node:vm';

/** A function as text that a thread can make a function of again. */
export interface FunctionSource {
  /** An expression. */
  readonly text: string;
  /** What else it takes to make a function of it there, as text: see `functionOf()`. Here nobody looks into it. */
  readonly more: string;
}

/** Why a function cannot be sent as text, as the second half of a sentence that begins with the task. */
export interface Refusal {
  readonly why: string;
  readonly todo: string;
}

const EXPORT_IT =
  'Export it from a module and use taskModule(), or keep the task on the main thread with .onMainThread().';

/** Words that look like names to the tokenizer but can never be the name of a variable. */
const RESERVED = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in instanceof ' +
    'interface let new null package private protected public return static super switch this throw true try typeof var void while with yield arguments'
  ).split(' '),
);

/** Every thread has these: what the language brings, and what Node adds to it. */
const THREAD_GLOBALS: ReadonlySet<string> = new Set([
  ...(vm.runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[]),
  ...(
    'AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent ' +
    'DOMException DecompressionStream Event EventTarget File FormData Headers MessageChannel MessageEvent MessagePort Performance PerformanceEntry PerformanceMark ' +
    'PerformanceMeasure PerformanceObserver ReadableStream Request Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream ' +
    'URL URLSearchParams WebAssembly WebSocket WritableStream atob btoa clearImmediate clearInterval clearTimeout console crypto fetch global navigator performance ' +
    'process queueMicrotask setImmediate setInterval setTimeout structuredClone'
  )
    .split(' ')
    .filter((name) => name in globalThis),
]);

/** What tools write into functions, and the thread supplies: esbuild's keepNames, vite's `import()`, the counters of coverage tools. */
const HELPER = /^(__name|__vite_ssr_dynamic_import__|cov_\w+|__VITEST_COVERAGE__)$/;
const COMPILER_HELPER =
  /^__(awaiter|generator|spreadArray|spread|read|values|rest|assign|extends|decorate|asyncGenerator|asyncValues|asyncDelegator)$/;
const IMPORT_BINDING = /^(__vite_ssr_import_\d+__|__vi_import_\d+__|_interop\w+|\w+_js_\d+|import_\w+)$/;

/**
 * Finds out for many functions at once whether their text alone says what they do, and if not, why.
 *
 * Which names a function uses from the scope around it is not guessed: each name in the text is made a parameter of a function around it, and the engine,
 * which keeps just those variables that an inner function uses, is asked which it kept. That costs a millisecond for a hundred functions together, and about
 * one for each that is refused.
 */
export function functionSources(functions: readonly Function[]): Map<Function, FunctionSource | Refusal> {
  const found = new Map<Function, FunctionSource | Refusal>();
  const candidates: { readonly fn: Function; readonly text: string; readonly names: readonly string[] }[] = [];
  for (const fn of new Set(functions)) {
    const text = expressionOf(fn);
    if (typeof text === 'string') candidates.push({ fn, text, names: namesIn(text) });
    else found.set(fn, text);
  }
  if (candidates.length === 0) return found;
  const free = new FreeNames();
  try {
    const allNames = new Set(candidates.flatMap(({ names }) => names));
    const together = free.of(`[${candidates.map(({ text }) => text).join(',\n')}]`, [...allNames], true);
    for (const { fn, text, names } of candidates) {
      const kept = together.length === 0 ? [] : free.of(text, names, false);
      found.set(fn, sourceOrRefusal(text, kept));
    }
  } finally {
    free.close();
  }
  return found;
}

export function isRefusal(source: FunctionSource | Refusal): source is Refusal {
  return 'why' in source;
}

function sourceOrRefusal(text: string, free: readonly string[]): FunctionSource | Refusal {
  // A direct call of it makes the engine keep every name there is.
  if (free.includes('eval')) return { why: 'calls eval, so that no one can tell which names it uses', todo: EXPORT_IT };
  const foreign = free.filter((name) => !HELPER.test(name));
  if (foreign.length === 0) return { text, more: free.join(' ') };
  const compilerHelper = foreign.find((name) => COMPILER_HELPER.test(name));
  if (compilerHelper !== undefined) {
    return {
      why: `uses the compiler helper ${compilerHelper}`,
      todo: 'Compile for ES2018 or later, or export the function from a module and use taskModule().',
    };
  }
  const imported = foreign.filter((name) => IMPORT_BINDING.test(name));
  if (imported.length === foreign.length) {
    return {
      why: 'uses something that its file imports, which a worker thread cannot see',
      todo: `Import it inside the function with await import(…), ${lowerFirst(EXPORT_IT)}`,
    };
  }
  const names = foreign.filter((name) => !IMPORT_BINDING.test(name)).map((name) => `"${name}"`);
  return {
    why: `uses ${names.join(', ')} from the scope around it, which a worker thread cannot see`,
    todo: `Import or define ${names.length === 1 ? 'it' : 'them'} inside the function, ${lowerFirst(EXPORT_IT.replace('Export it', 'export the function'))}`,
  };
}

/** The function's text as an expression that stands alone, or why there is none. */
function expressionOf(fn: Function): string | Refusal {
  const text = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    return {
      why: 'is native or bound, so that its text is not available',
      todo: `Wrap it in a function of its own, or ${lowerFirst(EXPORT_IT.replace('Export it', 'export it'))}`,
    };
  }
  if (isClass(fn))
    return { why: 'is a class', todo: 'Give a function that calls new on it inside a module, and use taskModule().' };
  if (/\bimport\s*\.\s*meta\b|__vite_ssr_import_meta__/.test(text))
    return { why: 'uses import.meta, which is another one in a worker thread', todo: EXPORT_IT };
  if (/(\bimport|__vite_ssr_dynamic_import__)\s*\(\s*["'`]\.{1,2}\//.test(text)) {
    return {
      why: 'imports by a relative path, which means another file in a worker thread',
      todo: `Import by an absolute URL, or ${lowerFirst(EXPORT_IT.replace('Export it', 'export it'))}`,
    };
  }
  if (/\bsuper\b/.test(text) && !compiles(`(${text})`))
    return { why: 'uses super, which only its own class can', todo: EXPORT_IT };
  if (compiles(`(${text})`)) return `(${text})`;
  // Its text names what the name is computed from, which is not there to be asked for again. Symbols that the language brings are.
  if (/^(async\s*)?(\*\s*)?\[(?!Symbol\.\w+\])/.test(text))
    return { why: 'is a method with a computed name', todo: EXPORT_IT };
  // A method, async method or generator method: its text is a function only inside an object.
  const method = `((methods) => methods[Reflect.ownKeys(methods)[0]])({ ${text} })`;
  if (!/^(get|set|static)\s/.test(text) && compiles(method)) return method;
  return { why: 'uses private members or is an accessor, which only its own class can', todo: EXPORT_IT };
}

/** The prototype of a class cannot be replaced, that of any other function can. */
function isClass(fn: Function): boolean {
  return Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false;
}

function compiles(expression: string): boolean {
  try {
    new Function(`return ${expression}`);
    return true;
  } catch {
    return false;
  }
}

/** Everything in the text that could be the name of a variable; more than that does no harm. */
function namesIn(text: string): string[] {
  const names = new Set(text.match(/[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu));
  return [...names].filter((name) => name === 'eval' || (!RESERVED.has(name) && !THREAD_GLOBALS.has(name)));
}

/** Asks the engine which of some names a function takes from around it. */
class FreeNames {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
  }

  /** @param isList - whether the expression is a list of functions */
  of(expression: string, names: readonly string[], isList: boolean): string[] {
    const made = new Function(...names, `return ${expression}`)() as unknown;
    const functions = isList ? (made as Function[]) : [made as Function];
    // They share one scope, so that the first one's is everybody's; one that uses nothing from it has none.
    const found = new Set<string>();
    for (const fn of functions) {
      for (const name of this.#closureOf(fn)) found.add(name);
      if (found.size > 0) break;
    }
    return names.filter((name) => found.has(name));
  }

  close(): void {
    this.#session.disconnect();
  }

  #closureOf(fn: Function): string[] {
    const key = '__taskmapProbe';
    (globalThis as Record<string, unknown>)[key] = fn;
    try {
      const { objectId } = this.#post('Runtime.evaluate', { expression: `globalThis.${key}` }).result;
      const { internalProperties } = this.#post('Runtime.getProperties', { objectId, ownProperties: true });
      const scopes = internalProperties?.find(({ name }: { name: string }) => name === '[[Scopes]]')?.value?.objectId;
      const names: string[] = [];
      for (const { value } of this.#post('Runtime.getProperties', { objectId: scopes, ownProperties: true }).result) {
        if (!value?.description?.startsWith('Closure')) continue;
        names.push(
          ...this.#post('Runtime.getProperties', { objectId: value.objectId, ownProperties: true }).result.map(
            ({ name }: { name: string }) => name,
          ),
        );
      }
      return names;
    } finally {
      delete (globalThis as Record<string, unknown>)[key];
    }
  }

  /** In the same thread the inspector answers before `post` returns. */
  #post(method: string, params: object): any {
    let answer: unknown;
    this.#session.post(method, params, (error: Error | null, result?: object) => {
      if (error !== null) throw new Error(`The inspector refused ${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
