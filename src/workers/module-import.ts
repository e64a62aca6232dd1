import { existsSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { pathToFileURL } from 'node:url';
import { exported } from './task-module.js';

/** The function that a module exports, for this thread to call. */
export async function imported(moduleUrl: string, exportName: string): Promise<(...args: unknown[]) => unknown> {
  return exported(await importModule(moduleUrl), moduleUrl, exportName);
}

/** Node 20 imports no TypeScript in threads, even when the program runs under a loader for it: then `require` has one, or tsx is asked for its own. */
async function importModule(moduleUrl: string): Promise<object> {
  try {
    return await import(moduleUrl);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION' && !isToBeCompiled(moduleUrl))
      throw error;
  }
  const require = nodeModule.createRequire(moduleUrl);
  try {
    // As an ES module, which require.resolve() does not find: the other form of this file looks for its loader in the wrong folder (tsx 4).
    const manifest = require.resolve('tsx/package.json');
    const { exports } = require(manifest) as { exports: { './esm/api': { import: { default: string } } } };
    const { register } = (await import(new URL(exports['./esm/api'].import.default, pathToFileURL(manifest)).href)) as {
      register: () => void;
    };
    register();
    return await import(moduleUrl);
  } catch (cause) {
    throw new Error(
      `Cannot import ${moduleUrl} in a worker thread: this Node does not read TypeScript there. Install tsx, or point taskModule() to the compiled .js file.`,
      { cause },
    );
  }
}

/** A module by the name that it will have when it is compiled: a loader for TypeScript finds it, Node does not. */
function isToBeCompiled(moduleUrl: string): boolean {
  if (!moduleUrl.startsWith('file:') || existsSync(new URL(moduleUrl))) return false;
  return existsSync(new URL(moduleUrl.replace(/\.([cm]?)js(x?)([?#].*)?$/, '.$1ts$2')));
}
