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

/** Where a module task is to be found. */
export interface ModuleReference {
  readonly moduleUrl: string;
  readonly exportName: string;
}

const REFERENCES = new WeakMap<Function, ModuleReference>();

/**
 * Names the functions that a module exports, so that a worker thread can import them. Nothing is imported here until one of them is called.
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
  const moduleUrl = String(url);
  if (/^\.{0,2}\//.test(moduleUrl))
    throw new InvalidOptionError('url', "an absolute URL, as new URL('./work.js', import.meta.url) is", moduleUrl);
  const tasks = new Map<string, ModuleTask>();
  return new Proxy(Object.create(null) as TaskModule<M>, {
    get(_, exportName) {
      // A promise is recognized by its `then`, and inspection asks for symbols: neither is an export that anybody means.
      if (typeof exportName === 'symbol' || exportName === 'then') return undefined;
      const known = tasks.get(exportName) ?? moduleTask(moduleUrl, exportName);
      tasks.set(exportName, known);
      return known;
    },
  });
}

/** Where a function comes from, if `taskModule` made it. */
export function moduleReference(fn: Function): ModuleReference | undefined {
  return REFERENCES.get(fn);
}

function moduleTask(moduleUrl: string, exportName: string): ModuleTask {
  // Kept: to ask for an imported module again takes longer than a small function does.
  let found: ((...args: unknown[]) => unknown) | undefined;
  const task = async (...args: never[]): Promise<unknown> => {
    found ??= exported(await import(moduleUrl), moduleUrl, exportName);
    return found(...args);
  };
  REFERENCES.set(task, { moduleUrl, exportName });
  return Object.defineProperties(task, {
    name: { value: exportName },
    moduleUrl: { value: moduleUrl, enumerable: true },
    exportName: { value: exportName, enumerable: true },
  }) as unknown as ModuleTask;
}

/** The export that a module task means, or an error that names both. */
export function exported(module: object, moduleUrl: string, exportName: string): (...args: unknown[]) => unknown {
  const found = (module as Record<string, unknown>)[exportName];
  if (typeof found !== 'function')
    throw new TypeError(
      `Module ${moduleUrl} has no exported function "${exportName}"; it exports ${Object.keys(module).join(', ') || 'nothing'}.`,
    );
  return found as (...args: unknown[]) => unknown;
}
