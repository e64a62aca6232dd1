import { refersTo } from '../code/module-reference.js';
import { InvalidOptionError } from '../errors.js';
import type { ParametersOf } from '../graph/signature.js';
import type { TaskFunction } from '../graph/task.js';

/** An exported function that worker threads can find. Called here, it imports its module and calls the export. */
export type ModuleTask<F extends TaskFunction = TaskFunction> = ((
  ...args: ParametersOf<F>
) => Promise<Awaited<ReturnType<F>>>) & {
  readonly moduleUrl: string;
  readonly exportName: string;
};

/** The functions that a module exports, as tasks; what is no function cannot be selected. */
export type TaskModule<M extends object> = {
  readonly [K in keyof M as M[K] extends TaskFunction ? K : never]: M[K] extends TaskFunction
    ? ModuleTask<M[K]>
    : never;
};

/**
 * Names the functions that a module exports, so that a worker thread can import them. Nothing is imported here until
 * one of them is called.
 *
 * ```text
 * const work = taskModule<typeof import('./work.js')>(new URL('./work.js', import.meta.url));
 * builder.task('small', work.resize).dependsOn('source')
 * ```
 *
 * @param url - the module's address, absolute: `new URL('./work.js', import.meta.url)`, or the name of a package
 * @throws {@link InvalidOptionError} if the address is relative
 */
export function taskModule<M extends object>(url: URL | string): TaskModule<M> {
  // Not asked of its class: test runners have a URL of their own.
  const moduleUrl = typeof url === 'string' ? url : url?.href;
  if (typeof moduleUrl !== 'string' || moduleUrl === '' || isPath(moduleUrl))
    throw new InvalidOptionError(
      'url',
      "an absolute URL, as new URL('./work.js', import.meta.url) is, or the name of a package; " +
        'pathToFileURL() of node:url makes one of a path',
      url,
    );
  const tasks = new Map<string, ModuleTask>();
  return new Proxy(Object.create(null) as TaskModule<M>, {
    get(_, exportName) {
      // A promise is recognized by its `then`, and inspection asks for symbols: neither is an export that anybody
      // means.
      if (typeof exportName === 'symbol' || exportName === 'then') return undefined;
      const known = tasks.get(exportName) ?? moduleTask(moduleUrl, exportName);
      tasks.set(exportName, known);
      return known;
    },
  });
}

/** Of a file, in the way of any system, and relative or not: it begins with dots, a slash or a drive. */
export function isPath(address: string): boolean {
  return /^(\.{1,2}$|(\.{0,2}|[a-z]:)[\\/])/i.test(address);
}

function moduleTask(moduleUrl: string, exportName: string): ModuleTask {
  // Kept: to ask for an imported module again takes longer than a small function does.
  let found: ((...args: unknown[]) => unknown) | undefined;
  const task = async (...args: never[]): Promise<unknown> => {
    found ??= exported(await import(moduleUrl), moduleUrl, exportName);
    return found(...args);
  };
  return Object.defineProperties(refersTo(task, { moduleUrl, exportName }), {
    name: { value: exportName },
    moduleUrl: { value: moduleUrl, enumerable: true },
    exportName: { value: exportName, enumerable: true },
  }) as unknown as ModuleTask;
}

/** The export that a module task means, or an error that names both. */
export function exported(module: object, moduleUrl: string, exportName: string): AnyFunction {
  const named: unknown = (module as Record<string, unknown>)[exportName];
  if (typeof named === 'function') return named as AnyFunction;
  // Of a CommonJS module Node sees those exports alone that stand in its text. All of them are on its default export.
  const whole = (module as { readonly default?: unknown }).default;
  const found = partsOf(whole)?.[exportName];
  const isEverybodys = [Object.prototype, Function.prototype].some((one) => partsOf(one)![exportName] === found);
  if (typeof found === 'function' && !isEverybodys) return found.bind(whole) as AnyFunction;
  const names = Object.keys(module).map((name) => (name === 'default' ? `default${keysIn(whole)}` : name));
  throw new TypeError(
    `Module ${moduleUrl} has no exported function "${exportName}"; it exports ${names.join(', ') || 'nothing'}.`,
  );
}

type AnyFunction = (...args: unknown[]) => unknown;

function partsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const hasParts = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return hasParts ? (value as Record<string, unknown>) : undefined;
}

function keysIn(value: unknown): string {
  const keys = Object.keys(partsOf(value) ?? {});
  return keys.length === 0 ? '' : ` with ${keys.join(', ')}`;
}
