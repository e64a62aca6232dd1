import { resolvedPath } from './disk.js';
import { checkedPath, FileResult, withSlashes } from './file-result.js';
import { checkedGlobbing, type GlobOptions, globbed } from './glob.js';

/** The functions of tasks that only say which files there are. */
const SOURCES = new WeakSet<() => unknown>();

/** Whether a function only says which files there are: its task makes none of them. */
export function isFileSource(fn: (...args: never) => unknown): boolean {
  return SOURCES.has(fn as () => unknown);
}

/** The function of `.file()`. @throws {@link InvalidOptionError} */
export function fileSource(path: unknown, task: string): () => FileResult {
  const given = checkedPath('file', path, task);
  const name = withSlashes(given);
  const whole = resolvedPath(given);
  return source(() => new FileResult(name, whole, false));
}

/** The function of `.files()`. @throws {@link InvalidOptionError} */
export function filesSource(patterns: unknown, options: GlobOptions, task: string): () => readonly FileResult[] {
  const globbing = checkedGlobbing(patterns, options, task);
  const { folder } = globbing;
  return source(() => globbed(globbing, task).map((name) => new FileResult(name, resolvedPath(name, folder), false)));
}

function source<F extends () => unknown>(fn: F): F {
  SOURCES.add(fn);
  return fn;
}
