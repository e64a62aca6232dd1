import { markAsOurs } from '../copy.js';
import { InvalidOptionError } from '../errors.js';
import { pathOfAddress, resolvedPath, separator } from './disk.js';

/** Under this every loaded copy of the package finds the inside of a file. */
const INSIDE = Symbol.for('taskmap-ts.file');
/** How many files this thread has made or been given, through whichever copy of the package. */
const COUNT = Symbol.for('taskmap-ts.files');
const shared = globalThis as unknown as Record<symbol, { made: number } | undefined>;
const FILES = shared[COUNT] ?? { made: 0 };
shared[COUNT] = FILES;

/** What was seen of a file. */
export interface Look {
  /** SHA-256 of the content, in base64url. */
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
  /** Who may read, write and execute it. */
  readonly mode: number;
  /** Size, times and number of the file: as long as they are the same, so is the content, unless it is fresh. */
  readonly stamp: string;
  /**
   * It had been written a moment before. It may be written again at the same time, as far as clocks of disks can tell,
   * so its stamp says nothing.
   */
  readonly isFresh: boolean;
}

/** What a file is to be besides a result. */
export interface FileOptions {
  /**
   * The store keeps the content as well. A kept task whose file is gone or was changed does not run then: the file is
   * put back. Default false.
   */
  readonly restore?: boolean | undefined;
}

/**
 * A file as a result. What it *is* is its content: two results with the same path and the same bytes are equal, whenever
 * they were written. `fileAt()` makes one, and so do the builder's `.file()` and `.files()`.
 */
export class FileResult {
  /** The file as it was given, with `/` between its parts. */
  readonly name: string;
  /** The whole path of the file, good in any thread and any folder: what to open. */
  readonly path: string;
  /** The store keeps the content as well. */
  readonly restore: boolean;
  #look: Look | undefined;
  #isOfHere = false;

  static {
    const inside: Inside = {
      look: (file) => file.#look,
      isOfHere: (file) => file.#isOfHere,
      fill: (file, look) => {
        file.#look = look;
        file.#isOfHere = true;
      },
    };
    Object.defineProperty(FileResult.prototype, INSIDE, { value: inside });
  }

  /** @internal See {@link fileAt}. */
  constructor(name: string, path: string, restore: boolean, look?: Look) {
    this.name = name;
    this.path = path;
    this.restore = restore;
    this.#look = look;
    FILES.made++;
  }

  /** SHA-256 of the content, in base64url. It is known once the task that returned the file is done, else `undefined`. */
  get hash(): string | undefined {
    return this.#look?.hash;
  }

  /** How long the content is, in bytes. It is known once the task that returned the file is done, else `undefined`. */
  get size(): number | undefined {
    return this.#look?.size;
  }

  /** What `JSON.stringify` makes of it: for people, since JSON knows no files. */
  toJSON(): { readonly name: string; readonly path: string; readonly hash: string | undefined } {
    return { name: this.name, path: this.path, hash: this.hash };
  }
}

/**
 * A file as the result of a task, or as a part of it, anywhere in arrays, objects, Maps and Sets. It is looked at when
 * the function has returned, so it may be called before the file is written.
 *
 * What depends on the task runs again only if the content is another. With a store, the task itself runs again if the
 * file is gone or was changed by somebody else; with `{ restore: true }` the file is put back instead.
 *
 * @param path - from the current folder of the process on, if it is relative
 * @throws {@link InvalidOptionError}
 *
 * @example
 * import { readFileSync, rmSync, writeFileSync } from 'node:fs';
 * import { fileAt, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const path = `letter-${process.pid}.txt`;
 * const graph = new TaskGraphBuilder()
 *   .task('letter', () => {
 *     writeFileSync(path, 'Dear reader');
 *     return fileAt(path);
 *   })
 *   .task('words').dependsOn('letter').run((letter) => readFileSync(letter.path, 'utf8').split(' '))
 *   .build();
 * new SyncExecutor().run(graph);
 * graph.result('words'); // => ['Dear', 'reader']
 * graph.result('letter').size; // => 11
 * rmSync(path);
 */
export function fileAt(path: string | URL, { restore = false }: FileOptions = {}): FileResult {
  if (typeof restore !== 'boolean') throw new InvalidOptionError('restore', 'true or false', restore);
  const given = checkedPath('path', path);
  return new FileResult(withSlashes(given), resolvedPath(given), restore);
}

// What they are in a bundle is no part of the program either.
markAsOurs(fileAt);
markAsOurs(FileResult.prototype);

/** @throws {@link InvalidOptionError} */
export function checkedPath(option: string, path: unknown, task?: string): string {
  if (path instanceof URL && path.protocol === 'file:') return pathOfAddress(path);
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new InvalidOptionError(option, 'the path of a file', path, task);
  return path;
}

/** A path with `/` between its parts, on every system. */
export function withSlashes(path: string): string {
  const mark = separator();
  return mark === '/' ? path : path.replaceAll(mark, '/');
}

/** Whether it is a file, also one that another loaded copy of this package has made. */
export function isFileResult(value: object): value is FileResult {
  return INSIDE in value;
}

/** What was seen of the file; `undefined` before anybody has looked. */
export function lookOf(file: FileResult): Look | undefined {
  return insideOf(file).look(file);
}

/** Whether it was looked at by this thread, and did not come from another or out of a store. */
export function isOfHere(file: FileResult): boolean {
  return insideOf(file).isOfHere(file);
}

/** Notes what was seen of the file. */
export function fill(file: FileResult, look: Look): void {
  insideOf(file).fill(file, look);
}

/** Whether there may be files in a value: whoever never made any pays nothing. */
export function mayHoldFiles(value: unknown): value is object {
  return typeof value === 'object' && value !== null && FILES.made > 0;
}

/** The files in a value, each once: itself, or anywhere in arrays, plain objects, Maps and Sets. */
export function filesIn(value: unknown): FileResult[] {
  if (!mayHoldFiles(value)) return [];
  const files: FileResult[] = [];
  const seen = new Set<object>();
  const left: unknown[] = [value];
  while (left.length > 0) {
    const one = left.pop();
    if (typeof one !== 'object' || one === null || seen.has(one)) continue;
    seen.add(one);
    if (isFileResult(one)) files.push(one);
    else for (const part of partsOf(one)) left.push(part);
  }
  return files.reverse();
}

function partsOf(object: object): readonly unknown[] {
  try {
    // Of an array not its holes: it may be long, and nearly empty.
    if (Array.isArray(object)) return Object.values(object);
    if (object instanceof Map) return [...object].flat();
    if (object instanceof Set) return [...object];
    const prototype: unknown = Object.getPrototypeOf(object);
    return prototype === Object.prototype || prototype === null ? Object.values(object) : [];
  } catch {
    // A getter that throws. What such a value holds cannot be stored either.
    return [];
  }
}

interface Inside {
  look(file: FileResult): Look | undefined;
  isOfHere(file: FileResult): boolean;
  fill(file: FileResult, look: Look): void;
}

function insideOf(file: FileResult): Inside {
  return (file as unknown as { readonly [INSIDE]: Inside })[INSIDE];
}
