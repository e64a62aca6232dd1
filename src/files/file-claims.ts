import { disk, folderOf, joined, lastOf } from './disk.js';

/** A file as far as it matters whose it is. */
interface ClaimedFile {
  readonly path: string;
  readonly hash: string | undefined;
}

interface Claim {
  /** The run in which it was noted. */
  readonly of: object;
  readonly task: number;
  readonly hash: string | undefined;
  readonly isSource: boolean;
}

/** What is asked of the run and of the graph whose files these are. */
export interface ClaimRules {
  /** The run. What was noted in it stands, although the result may not be safe yet. */
  readonly of: object;
  /** Whether a task has its result still: what another has that is to run again is not its own any more. */
  isDone(task: number): boolean;
  /** Whether another has come before the one whose files these are. */
  isAncestor(task: number): boolean;
}

const CLAIMS = new WeakMap<object, FileClaims>();

/** Whose file each is, of one graph: two tasks that make one file would each undo what the other did. */
export class FileClaims {
  /** By the path of the file, that of its folder without links. */
  readonly #claims = new Map<string, Claim>();
  readonly #keysByTask = new Map<number, string[]>();
  readonly #folders = new Map<string, string>();

  static of(graph: object): FileClaims {
    const claims = CLAIMS.get(graph) ?? new FileClaims();
    CLAIMS.set(graph, claims);
    return claims;
  }

  /**
   * Notes that these files are in the result of a task. A task may return what it was given as it is, and a source as it
   * was found.
   *
   * @returns the first of them that is that of another, and whose
   */
  claim(
    task: number,
    files: readonly ClaimedFile[],
    isSource: boolean,
    rules: ClaimRules,
  ): { readonly path: string; readonly other: number } | undefined {
    const keys: string[] = [];
    for (const key of this.#keysByTask.get(task) ?? [])
      if (this.#claims.get(key)?.task === task) this.#claims.delete(key);
    this.#keysByTask.set(task, keys);
    for (const { path, hash } of files) {
      const key = this.#keyOf(path);
      const claim = this.#claims.get(key);
      const isOfOther =
        claim !== undefined && claim.task !== task && (claim.of === rules.of || rules.isDone(claim.task));
      if (!isOfOther || (claim.isSource && isSource)) {
        this.#claims.set(key, { of: rules.of, task, hash, isSource });
        keys.push(key);
      } else if (claim.hash !== hash || !(claim.isSource || rules.isAncestor(claim.task)))
        return { path, other: claim.task };
    }
    return undefined;
  }

  #keyOf(path: string): string {
    const folder = folderOf(path);
    let real = this.#folders.get(folder);
    if (real === undefined) {
      try {
        real = disk.realpath(folder);
      } catch {
        real = folder;
      }
      this.#folders.set(folder, real);
    }
    return joined(real, lastOf(path));
  }
}
