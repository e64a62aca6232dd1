import { escaped, FileError } from '../errors.js';
import { discarded, disk, folderOf, joined, newHash, randomName, refusalOf, resolvedPath } from '../files/disk.js';
import { type FileResult, filesIn, type Look, lookOf, mayHoldFiles } from '../files/file-result.js';
import { goOn, inTurn, othersTurn } from '../files/in-turn.js';
import { glance, LARGE, learn, type Seen, see } from '../files/look.js';
import type { StoredFile } from './outcome-codec.js';
import { promiseOf } from './promise-of.js';
import type { LoadedOutcomes, OutcomeKeeper } from './run-memory.js';

/** What became of the files of a kept outcome: why it holds no longer, or what there is to know of them now. */
export type CheckedFiles =
  | { readonly why: string }
  | {
      readonly files: readonly StoredFile[];
      /** More is known of one of them than before. */
      readonly isNews: boolean;
      /** Those that were put back. */
      readonly restored: readonly string[];
    };

/** As a store's own `save`. */
type SaveBytes = (graph: string, task: string, bytes: Uint8Array) => void | Promise<void>;

/** So many bytes of a content go into a store at once. */
const PART = 4 * 1024 * 1024;
/** What a part of a content is called where the task stands; it has a graph of its own, to be loaded alone. */
const CONTENT = 'content';
const FILE = 'taskmap file ';

/**
 * The files of the outcomes that a store keeps of a graph: whether they still are what they were, and the contents of
 * those that can be put back.
 */
export class KeptFiles {
  readonly #store: OutcomeKeeper;
  readonly #graph: string;
  readonly #isAsync: boolean;
  readonly #save: SaveBytes;

  /** @param save - saves something in the store, so that it is safe at once where promises are not waited for */
  constructor(store: OutcomeKeeper, graph: string, isAsync: boolean, save: SaveBytes) {
    this.#store = store;
    this.#graph = graph;
    this.#isAsync = isAsync;
    this.#save = save;
  }

  /**
   * What is to be stored of the files in a result, which have been looked at; `undefined` if there are none. The contents
   * of those that can be put back are saved.
   */
  keep(task: string, result: unknown): readonly StoredFile[] | undefined | Promise<readonly StoredFile[]> {
    if (!mayHoldFiles(result)) return undefined;
    const files = filesIn(result);
    if (files.length === 0) return undefined;
    const stored: StoredFile[] = [];
    const kept = inTurn(files, (file) => {
      const one = storedFile(file);
      if (!file.restore) {
        stored.push(one);
        return undefined;
      }
      return goOn(
        this.#saveContent(task, one),
        (parts) => void stored.push(parts === undefined ? one : { ...one, parts }),
      );
    });
    return kept === undefined ? stored : kept.then(() => stored);
  }

  /** Looks at the files of a kept outcome, and puts back those that can be. */
  check(task: string, files: readonly StoredFile[]): CheckedFiles | Promise<CheckedFiles> {
    const checked: StoredFile[] = [];
    const restored: string[] = [];
    let why: string | undefined;
    let isNews = false;
    const strayed = files.find(isElsewhere);
    if (strayed !== undefined) return { why: elsewhere(strayed) };
    const problemWith = (file: StoredFile, seen: Seen | Error): string | undefined => {
      const problem = problemOf(file, seen);
      if (problem !== undefined) return problem;
      const look = seen as Look;
      learn(file.path, look);
      isNews ||= look.stamp !== file.stamp || look.isFresh !== file.isFresh;
      checked.push({ ...file, ...look });
      return undefined;
    };
    const putBack = (file: StoredFile, problem: string): void | Promise<void> =>
      goOn(this.#putBack(task, file), (isBack) => {
        if (!isBack) why = `${problem}, and cannot be put back`;
        if (!isBack) return undefined;
        restored.push(file.name);
        return goOn(this.#seen(file), (seen) => {
          why = problemWith(file, seen);
        });
      });
    const done = inTurn(files, (file) => {
      if (why !== undefined) return undefined;
      return goOn(this.#seen(file), (seen) => {
        const problem = problemWith(file, seen);
        if (problem !== undefined && file.parts !== undefined) return putBack(file, problem);
        why = problem;
        return undefined;
      });
    });
    const outcome = (): CheckedFiles => (why === undefined ? { files: checked, isNews, restored } : { why });
    return done === undefined ? outcome() : done.then(outcome);
  }

  /** The same without putting anything back, and without reading a file for long: of a plan. */
  foresee(files: readonly StoredFile[]): { readonly verdict: 'runs' | 'may run'; readonly why: string } | undefined {
    for (const file of files) {
      if (isElsewhere(file)) return { verdict: 'runs', why: elsewhere(file) };
      const seen = this.#glanced(file);
      if (typeof seen === 'number')
        return { verdict: 'may run', why: `the file ${escaped(file.name)} may have been changed` };
      const problem = problemOf(file, seen);
      if (problem !== undefined && file.parts === undefined) return { verdict: 'runs', why: problem };
    }
    return undefined;
  }

  /** Drops the contents of an outcome that is no longer kept, but for those that another one has. */
  forget(task: string, before: readonly StoredFile[], now: readonly StoredFile[] = []): void | Promise<void> {
    const needed = new Set(now.flatMap(({ hash, parts }) => (parts === undefined ? [] : [hash])));
    const gone = before.filter(({ hash, parts }) => parts !== undefined && !needed.has(hash));
    return inTurn(gone, ({ hash, parts }) =>
      inTurn(Array.from({ length: parts! }), (_, part) => {
        const forgotten = promiseOf(this.#store.forget(this.#keyOf(task, hash, part), [CONTENT]));
        // Told by flush().
        return this.#isAsync ? forgotten : void forgotten?.catch(() => {});
      }),
    );
  }

  #seen(file: StoredFile): Seen | Error | Promise<Seen | Error> {
    try {
      const seen = see(file.path, this.#isAsync, file);
      return seen instanceof Promise ? seen.catch((error: Error) => error) : seen;
    } catch (error) {
      return error as Error;
    }
  }

  /** How long the content is, if that would have to be read and is large. */
  #glanced(file: StoredFile): Seen | Error | number {
    try {
      const seen = glance(file.path, file);
      return typeof seen === 'number' && seen <= LARGE ? (see(file.path, false, file) as Seen) : seen;
    } catch (error) {
      return error as Error;
    }
  }

  /** @returns of how many parts it is; `undefined` if it is another by now, or cannot be read */
  #saveContent(task: string, { path, hash, size }: StoredFile): number | undefined | Promise<number | undefined> {
    const parts = Math.ceil(size / PART);
    const digest = newHash();
    let fd: number;
    try {
      fd = disk.open(path, 'r');
    } catch {
      return undefined;
    }
    const end = () => {
      disk.close(fd);
      return digest.digest('base64url') === hash ? parts : undefined;
    };
    try {
      const saved = inTurn(Array.from({ length: parts }), (_, part) => {
        const bytes = new Uint8Array(Math.min(PART, size - part * PART));
        const position = part * PART;
        const read = this.#isAsync ? disk.readSoon(fd, bytes, position) : disk.read(fd, bytes, position);
        return goOn(read, () => {
          digest.update(bytes);
          return this.#save(this.#keyOf(task, hash, part), CONTENT, bytes);
        });
      });
      if (saved === undefined) return end();
      return saved.then(end, (error) => {
        disk.close(fd);
        throw error;
      });
    } catch (error) {
      disk.close(fd);
      throw error;
    }
  }

  /** @returns whether the content is in its place again */
  #putBack(task: string, { path, hash, mode, parts }: StoredFile): boolean | Promise<boolean> {
    const folder = folderOf(path);
    const beside = joined(folder, `.taskmap-${randomName()}`);
    const digest = newHash();
    let fd: number;
    try {
      disk.makeFolder(folder);
      fd = disk.open(beside, 'wx');
    } catch {
      return false;
    }
    const end = (isWhole: boolean): boolean => {
      try {
        if (isWhole) {
          disk.chmod(fd, mode);
          disk.sync(fd);
        }
        disk.close(fd);
        if (!isWhole || digest.digest('base64url') !== hash) throw new FileError(task, path, 'unwritable');
        disk.rename(beside, path);
        return true;
      } catch {
        discarded(beside);
        return false;
      }
    };
    try {
      const written = inTurn(Array.from({ length: parts! }), (_, part) =>
        goOn(this.#load(this.#keyOf(task, hash, part)), (bytes) => {
          digest.update(bytes);
          disk.write(fd, bytes);
          return this.#isAsync ? othersTurn() : undefined;
        }),
      );
      if (written === undefined) return end(true);
      return written.then(
        () => end(true),
        () => end(false),
      );
    } catch {
      return end(false);
    }
  }

  #load(key: string): Uint8Array | Promise<Uint8Array> {
    const loaded = this.#store.load(key);
    const promised = promiseOf(loaded);
    if (promised !== undefined && !this.#isAsync) {
      promised.catch(() => {});
      throw new Error('Its store answers by a promise, for which nobody waits.');
    }
    return goOn(promised ?? (loaded as LoadedOutcomes), ({ outcomes }) => {
      for (const [, bytes] of outcomes) return bytes;
      throw new Error(`There is nothing under ${key}.`);
    });
  }

  #keyOf(task: string, hash: string, part: number): string {
    return `${FILE}${JSON.stringify([this.#graph, task, hash, part])}`;
  }
}

/** Whose content is kept where this graph would stand; `undefined` if that is a graph indeed. */
export function contentIn(
  graph: string,
): { readonly graph: string; readonly task: string; readonly hash: string } | undefined {
  if (!graph.startsWith(FILE)) return undefined;
  try {
    const [of, task, hash] = JSON.parse(graph.slice(FILE.length)) as readonly string[];
    return [of, task, hash].every((part) => typeof part === 'string')
      ? { graph: of!, task: task!, hash: hash! }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the same is known of the same files. */
export function isSameFiles(some: readonly StoredFile[], others: readonly StoredFile[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ path, hash, stamp, isFresh }, index) => {
      const other = others[index]!;
      return path === other.path && hash === other.hash && stamp === other.stamp && isFresh === other.isFresh;
    })
  );
}

function storedFile(file: FileResult): StoredFile {
  // A run looks at all files before it has them stored.
  const { hash, size, mode, stamp, isFresh } = lookOf(file)!;
  return { name: file.name, path: file.path, hash, size, mode, stamp, isFresh };
}

/** Whether the file would be another one if its task ran now: by a path that starts from the folder of the process. */
function isElsewhere({ name, path }: StoredFile): boolean {
  return resolvedPath(name) !== path;
}

function elsewhere({ name }: StoredFile): string {
  return `the file ${escaped(name)} was made from another folder`;
}

function problemOf({ name, hash }: StoredFile, seen: Seen | Error): string | undefined {
  if (seen === 'missing') return `the file ${escaped(name)} is gone`;
  if (seen instanceof Error) {
    const refusal = refusalOf(seen);
    return `the file ${escaped(name)} cannot be read${refusal === '' ? '' : ` (${refusal})`}`;
  }
  if (typeof seen === 'object' && seen.hash === hash) return undefined;
  return `the file ${escaped(name)} was changed by somebody else`;
}
