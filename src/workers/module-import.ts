import { existsSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { pathToFileURL } from 'node:url';
import { exported } from './task-module.js';

/** An entry of the manifest of tsx, which is what this thread is given to load TypeScript with. */
interface LoaderEntry {
  readonly import: { readonly types: string; readonly default: string };
}

/** Fulfilled when this thread has what it takes to load TypeScript, if it is there at all. */
let prepared: Promise<void> | undefined;

/** The function that a module exports, for this thread to call. */
export async function imported(moduleUrl: string, exportName: string): Promise<(...args: unknown[]) => unknown> {
  return exported(await importModule(moduleUrl), moduleUrl, exportName);
}

/**
 * A loader has to be there before the first import: Node remembers one that has failed, that of an imported file as
 * well. Without it a thread may read no TypeScript though the program does: Node 20 hands loaders on to no thread, and
 * the program itself may never load a module that only threads run.
 */
async function importModule(moduleUrl: string): Promise<object> {
  if (mayNeedLoader(moduleUrl)) await prepare(moduleUrl);
  try {
    return await import(moduleUrl);
  } catch (error) {
    if (!isToBeCompiled(moduleUrl, error)) throw explained(moduleUrl, error);
  }
  // Node does not remember that a file was not there.
  await prepare(moduleUrl);
  return import(moduleUrl).catch((error) => {
    throw explained(moduleUrl, error);
  });
}

/**
 * Whether a loader is to be looked for before the import: for files of TypeScript, and for all where the program runs
 * under one.
 */
function mayNeedLoader(moduleUrl: string): boolean {
  if (!moduleUrl.startsWith('file:') || readsTypeScript()) return false;
  return /\.[cm]?tsx?([?#].*)?$/.test(moduleUrl) || requireReadsTypeScript(moduleUrl);
}

function prepare(moduleUrl: string): Promise<void> {
  prepared ??= prepareLoader(moduleUrl);
  return prepared;
}

/** Has tsx load TypeScript in this thread, if it is installed where the module is, and nothing else does so already. */
async function prepareLoader(moduleUrl: string): Promise<void> {
  const require = nodeModule.createRequire(moduleUrl);
  let manifest: string;
  try {
    manifest = require.resolve('tsx/package.json');
  } catch {
    return;
  }
  // As an ES module, which require.resolve() does not find: the other form of this file looks for its loader in the
  // wrong folder (tsx 4).
  const entry = (require(manifest) as { exports: Record<'./esm/api', LoaderEntry> }).exports['./esm/api'].import;
  const addressOf = (file: string) => new URL(file, pathToFileURL(manifest)).href;
  if (!readsTypeScript() && (await isLoaded(addressOf(entry.types)))) return;
  const { register } = (await import(addressOf(entry.default))) as { register: () => void };
  register();
  // Files of packages that are no ES modules.
  if (!requireReadsTypeScript(moduleUrl)) (require('tsx/cjs/api') as { register: () => void }).register();
}

/**
 * Whether a loader takes this file of TypeScript. It is asked for as what it is not, so that it never runs, and is
 * never kept as what it is.
 */
async function isLoaded(address: string): Promise<boolean> {
  try {
    await import(address, { with: { type: 'json' } });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION';
  }
}

function readsTypeScript(): boolean {
  return Boolean((process.features as { readonly typescript?: string | false }).typescript);
}

/** So it does under loaders that were started with the program. */
function requireReadsTypeScript(moduleUrl: string): boolean {
  return '.ts' in nodeModule.createRequire(moduleUrl).extensions;
}

/**
 * Whether an import has failed since the module goes by the name that it will have when it is compiled: loaders for
 * TypeScript find it, Node does not.
 */
function isToBeCompiled(moduleUrl: string, error: unknown): boolean {
  if (!moduleUrl.startsWith('file:') || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') return false;
  const source = new URL(moduleUrl.replace(/\.([cm]?)js(x?)([?#].*)?$/, '.$1ts$2'));
  return !existsSync(new URL(moduleUrl)) && existsSync(source);
}

function explained(moduleUrl: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isUnread = code === 'ERR_UNKNOWN_FILE_EXTENSION' && /"\.[cm]?tsx?"/.test(message);
  if (!isUnread && !isToBeCompiled(moduleUrl, cause)) return cause;
  return new Error(
    `Cannot import ${moduleUrl} in a worker thread: this Node does not read TypeScript there. ` +
      'Install tsx, or point taskModule() to the compiled .js file.',
    { cause },
  );
}
