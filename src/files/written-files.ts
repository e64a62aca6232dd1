import { FileError } from '../errors.js';
import { discarded, disk, extensionOf, folderOf, joined, randomName, resolvedPath } from './disk.js';
import { checkedPath } from './file-result.js';

/**
 * The files that one attempt writes. Each is written beside its place, and put there when the task is done: nobody ever
 * sees half of a file, and what a failed attempt has written goes.
 */
export class WrittenFiles {
  readonly #task: string | undefined;
  #isOver = false;
  /** Where each is written, and how it was given, by its place. */
  readonly #besideByPath = new Map<string, { readonly beside: string; readonly name: string }>();

  /** @param task - the name that errors tell */
  constructor(task: string | undefined) {
    this.#task = task;
  }

  /** The path to write to, in the same folder, which is made if it is not there. The same each time for one file. */
  beside(path: string | URL): string {
    const name = checkedPath('path', path, this.#task);
    if (this.#isOver) throw new FileError(this.#task, name, 'too-late');
    const place = behindLinks(resolvedPath(name));
    const known = this.#besideByPath.get(place);
    if (known !== undefined) return known.beside;
    // Programs tell from its end what kind of file they write.
    const beside = joined(folderOf(place), `.taskmap-${randomName()}${extensionOf(place).slice(-EXTENSION_MAX)}`);
    this.#trying(name, () => disk.makeFolder(folderOf(place)));
    this.#besideByPath.set(place, { beside, name });
    return beside;
  }

  /**
   * Puts all of them in their places.
   *
   * @throws {@link FileError} if one was not written, or cannot be put there
   */
  keep(): void {
    for (const { beside, name } of this.#besideByPath.values())
      if (disk.stat(beside) === undefined) throw new FileError(this.#task, name, 'not-written');
    for (const [place, { beside, name }] of this.#besideByPath) {
      this.#trying(name, () => disk.rename(beside, place));
      this.#besideByPath.delete(place);
    }
  }

  /** Removes those that were not put in their places. From here on there are no others. */
  discard(): void {
    this.#isOver = true;
    for (const { beside } of this.#besideByPath.values()) discarded(beside);
    this.#besideByPath.clear();
  }

  #trying(name: string, act: () => void): void {
    try {
      act();
    } catch (cause) {
      throw new FileError(this.#task, name, 'unwritable', { cause });
    }
  }
}

const EXTENSION_MAX = 20;

/** Where a path leads by links: the link stays, and the file that it leads to is written. */
function behindLinks(path: string): string {
  try {
    return disk.realpath(path);
  } catch {
    // Nothing is there yet.
    return path;
  }
}
