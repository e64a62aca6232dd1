import { FileError, InvalidOptionError } from '../errors.js';
import { disk, refusalOf, required, resolvedPath } from './disk.js';

/** Which files patterns mean. */
export interface GlobOptions {
  /** Patterns of files to leave out. Default: none. */
  readonly ignore?: string | readonly string[] | undefined;
  /** Names that begin with a dot, of files and folders, count as well. Default false. */
  readonly dot?: boolean | undefined;
}

/** Patterns that were checked, and the folder that they start from. */
export interface Globbing {
  readonly patterns: readonly string[];
  readonly ignore: readonly string[];
  readonly dot: boolean;
  readonly folder: string;
}

/** As far as it is needed here of `tinyglobby`, which is loaded when the first pattern is looked up. */
interface Glob {
  globSync(
    patterns: readonly string[],
    options: Omit<Globbing, 'patterns' | 'folder'> & {
      readonly cwd: string;
      readonly onlyFiles: true;
      readonly expandDirectories: false;
      readonly fs: { readdirSync(path: string, options: object): unknown };
    },
  ): string[];
}

/**
 * The files that patterns mean, by their paths from the folder on, with `/`, each once, ordered by code units.
 *
 * @throws {@link FileError} if a folder cannot be read, or a pattern without wildcards means one
 */
export function globbed({ patterns, ignore, dot, folder }: Globbing, task: string): string[] {
  for (const pattern of patterns) {
    if (!WILDCARD.test(pattern) && disk.stat(resolvedPath(pattern, folder))?.isDirectory())
      throw new FileError(task, pattern, 'folder');
  }
  const { globSync } = required('tinyglobby') as Glob;
  let unread: FileError | undefined;
  const readdirSync = (path: string, options: object) => {
    try {
      return disk.list(path, options);
    } catch (cause) {
      // It is passed over there. A folder that was never there, or has just gone, holds nothing.
      if (refusalOf(cause) !== 'ENOENT') unread ??= new FileError(task, path, 'unreadable', { cause });
      throw cause;
    }
  };
  const options = { ignore, dot, cwd: folder, onlyFiles: true, expandDirectories: false, fs: { readdirSync } } as const;
  const found = globSync(patterns, options);
  if (unread !== undefined) throw unread;
  return [...new Set(found)].sort();
}

const WILDCARD = /[*?[\]{}()!+@\\]/;

/** @throws {@link InvalidOptionError} */
export function checkedGlobbing(patterns: unknown, { ignore = [], dot = false }: GlobOptions, task: string): Globbing {
  if (typeof dot !== 'boolean') throw new InvalidOptionError('dot', 'true or false', dot, task);
  const checked = patternList('files', patterns, task);
  if (checked.length === 0) throw new InvalidOptionError('files', EXPECTED, patterns, task);
  return { patterns: checked, ignore: patternList('ignore', ignore, task), dot, folder: resolvedPath('.') };
}

const EXPECTED = "a pattern such as 'docs/**/*.md', or a list of them";

function patternList(option: string, patterns: unknown, task: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(patterns) ? [...patterns] : [patterns];
  if (list.some((one) => typeof one !== 'string' || one === ''))
    throw new InvalidOptionError(option, EXPECTED, patterns, task);
  return list as readonly string[];
}
