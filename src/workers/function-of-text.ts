import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

/** A function as text that a thread can make a function of again. */
export interface FunctionSource {
  /** An expression. */
  readonly text: string;
  /**
   * What else it takes to make the function there: a {@link FunctionMaking} in JSON. On its way nobody looks into it.
   */
  readonly more: string;
}

/** How a function is made of its text. */
export interface FunctionMaking {
  /** Names in the text that are to be supplied: what compilers and coverage tools have put into it. */
  readonly helpers: readonly string[];
  /** Whether it is strict code, as that of modules is. */
  readonly strict: boolean;
  /** Where the function was written: what stacks and breakpoints say, and where names of packages are resolved from. */
  readonly file: string;
  /** Where in the file the text begins, counted from 0. */
  readonly line: number;
  readonly column: number;
  /**
   * How many characters of the file stand before the text, where that matters: what measures which code was run counts
   * them.
   */
  readonly offset?: number | undefined;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** What functions were made of that are themselves to be sent on. */
const sources = new WeakMap<Function, FunctionSource>();

/**
 * Makes a function of its text again, at the place in the file where it was written.
 *
 * @param folder - of a program on another machine: without such a file the function counts as written in this folder
 */
export function functionOf(text: string, more: string, folder?: string): AnyFunction {
  const said = JSON.parse(more) as FunctionMaking;
  const making = folder === undefined || isThere(said.file) ? said : { ...said, file: join(folder, nameOf(said.file)) };
  const made = compiled(text, making) as AnyFunction;
  sources.set(made, { text, more: making === said ? more : JSON.stringify(making) });
  return made;
}

/** What a function was made of, if {@link functionOf} made it. */
export function sourceOf(fn: Function): FunctionSource | undefined {
  return sources.get(fn);
}

function compiled(text: string, { helpers, strict, file, line, column, offset }: FunctionMaking): unknown {
  const directive = strict ? '"use strict"; return ' : 'return ';
  const head = directive.padEnd(offset ?? 0);
  // Where there is no room for it in front, better of no file than at a wrong place of this one.
  const isMisplaced = offset !== undefined && offset < head.length;
  const imports = /\bimport\b/.test(text);
  if (imports) expectImports();
  const make = vm.compileFunction(head + text, [...helpers], {
    filename: isMisplaced ? `${file}-${line}` : file,
    lineOffset: line,
    columnOffset: column - head.length,
    // Node's own import(), from where the file is.
    ...(imports ? { importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER } : {}),
  });
  return make(...helpers.map((name) => helperFor(name, file)));
}

/** What helpers do here is nothing that anybody would notice, but for those that import. */
function helperFor(name: string, file: string): unknown {
  if (name === '__name') return (fn: unknown) => fn;
  if (name === '__vite_ssr_dynamic_import__')
    return compiled('(module) => import(module)', { helpers: [], strict: true, file, line: 0, column: 0 });
  // The counters of a coverage tool: whatever is asked of them, there is something to count with.
  const counter: unknown = new Proxy(() => counter, {
    get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : counter),
    set: () => true,
  });
  return counter;
}

let expectsImports = false;

/**
 * With the first import() of such a function Node warns that its option is experimental, once, and of nothing that the
 * program could change.
 */
function expectImports(): void {
  if (expectsImports) return;
  expectsImports = true;
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    void (vm.compileFunction("return import('node:vm')", [], {
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    })() as Promise<unknown>);
  } finally {
    process.emitWarning = emitWarning;
  }
}

function isThere(file: string): boolean {
  return existsSync(file.startsWith('file:') ? fileURLToPath(file) : file);
}

function nameOf(file: string): string {
  return basename(file.replace(/[?#].*$/, '').replaceAll('\\', '/'));
}
