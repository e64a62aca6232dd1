import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidOptionError } from '../errors.js';
import type { TaskFunction } from '../graph/task.js';
import { functionOf } from '../workers/function-of-text.js';
import { isPath, taskModule } from '../workers/task-module.js';
import { fileDigest } from './file-digest.js';
import type { CarriedFunction } from './job-messages.js';

/** A worker will not run what it was sent: why, and what to do about it, as a sentence. */
export class Refused extends Error {}

/** The functions that a worker has for what is sent to it: those of its modules, and those that come as text. */
export class WorkerModules {
  /** The addresses of its modules. */
  readonly #modules: readonly string[];
  readonly #acceptsSource: boolean;
  readonly #functions = new Map<string, TaskFunction>();

  /** @throws {@link InvalidOptionError} */
  constructor(modules: readonly (URL | string)[], acceptsSource: boolean) {
    this.#modules = modules.map(moduleUrlOf);
    this.#acceptsSource = acceptsSource;
  }

  /** @throws {@link Refused} */
  find(carried: CarriedFunction): TaskFunction {
    const key = carried.join('\0');
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const found =
      carried[0] === 'module'
        ? this.#exported(carried[1], carried[2], carried[3])
        : this.#compiled(carried[1], carried[2]);
    this.#functions.set(key, found);
    return found;
  }

  #exported(moduleUrl: string, exportName: string, digest: string | null): TaskFunction {
    const here = this.#here(moduleUrl);
    if (here === undefined) {
      const has = this.#modules.length === 0 ? 'no modules' : this.#modules.join(', ');
      throw new Refused(
        `they are in ${moduleUrl}, and it has ${has}. Start it with that module: \`modules\`, or --module.`,
      );
    }
    const digestHere = fileDigest(here);
    if (digest !== null && digestHere !== null && digest !== digestHere) {
      throw new Refused(
        `its ${here} is not the ${moduleUrl} of this process: their contents differ. Deploy the same files to both, and start it again.`,
      );
    }
    return taskModule<Record<string, TaskFunction>>(here)[exportName]!;
  }

  #compiled(text: string, more: string): TaskFunction {
    if (!this.#acceptsSource) {
      throw new Refused(
        'it takes no functions as text, as it was told by `acceptsSource: false`. Export them from a module, use taskModule(), and give it that module.',
      );
    }
    // Packages are this program's own, wherever the function was written.
    return functionOf(text, more, process.cwd()) as TaskFunction;
  }

  /** The module of its own that is meant: the very same, or the file whose path has most of its end in common. */
  #here(moduleUrl: string): string | undefined {
    if (this.#modules.includes(moduleUrl)) return moduleUrl;
    let best: string | undefined;
    let longest = 0;
    for (const one of this.#modules) {
      const common = commonEnd(one, moduleUrl);
      if (common > longest) [best, longest] = [one, common];
    }
    return best;
  }
}

/** @throws {@link InvalidOptionError} */
function moduleUrlOf(module: URL | string): string {
  const text = typeof module === 'string' || module instanceof URL ? String(module) : '';
  const url = isAbsolute(text) ? pathToFileURL(text).href : text;
  if (text === '' || isPath(url))
    throw new InvalidOptionError(
      'modules',
      "absolute addresses, as new URL('./tasks.js', import.meta.url) is, absolute paths, or names of packages",
      module,
    );
  if (!isThere(url)) throw new InvalidOptionError('modules', 'modules that this process can import', text);
  return url;
}

function isThere(moduleUrl: string): boolean {
  if (moduleUrl.startsWith('file:')) return fileDigest(moduleUrl) !== null;
  if (/^[a-z][a-z+.-]+:/i.test(moduleUrl)) return true;
  try {
    return import.meta.resolve(moduleUrl) !== '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND';
  }
}

/** How many names two paths have in common, from the last one on: none, if not even the files are called the same. */
function commonEnd(one: string, other: string): number {
  if (!one.startsWith('file:') || !other.startsWith('file:')) return 0;
  const [a, b] = [one, other].map((url) =>
    url
      .replace(/[?#].*$/, '')
      .split('/')
      .reverse(),
  ) as [string[], string[]];
  let count = 0;
  while (count < a.length && count < b.length && a[count] === b[count]) count++;
  return count;
}
