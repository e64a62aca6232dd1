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

/** What is asked of the graph whose files these are. */
export interface ClaimingGraph {
  /** Whether a task has its result still: what another has that is to run again is not its own any more. */
  readonly outcomes: { isDone(task: number): boolean };
  /** Which tasks have come before the one whose files these are. */
  readonly topology: { ancestors(tasks: readonly number[]): readonly number[] };
}

const CLAIMS = new WeakMap<object, FileClaims>();

/** Whose file each is, of one graph: two tasks that make one file would each undo what the other did. */
export class FileClaims {
  readonly #graph: ClaimingGraph;
  /** By the path of the file, that of its folder without links. */
  readonly #claims = new Map<string, Claim>();
  readonly #keysByTask = new Map<number, string[]>();
  readonly #folders = new Map<string, string>();

  private constructor(graph: ClaimingGraph) {
    this.#graph = graph;
  }

  static of(graph: ClaimingGraph): FileClaims {
    const claims = CLAIMS.get(graph) ?? new FileClaims(graph);
    CLAIMS.set(graph, claims);
    return claims;
  }

  /**
   * Notes that these files are in the result of a task. A task may return what it was given as it is, and a source as it
   * was found.
   *
   * @param run - what was noted in the same one stands, although the result may not be safe yet
   * @returns the first of them that is that of another, and whose
   */
  claim(
    task: number,
    files: readonly ClaimedFile[],
    isSource: boolean,
    run: object,
  ): { readonly path: string; readonly other: number } | undefined {
    const { outcomes, topology } = this.#graph;
    let ancestors: ReadonlySet<number> | undefined;
    const isAncestor = (other: number) => {
      ancestors ??= new Set(topology.ancestors([task]));
      return ancestors.has(other);
    };
    const keys: string[] = [];
    for (const key of this.#keysByTask.get(task) ?? [])
      if (this.#claims.get(key)?.task === task) this.#claims.delete(key);
    this.#keysByTask.set(task, keys);
    for (const { path, hash } of files) {
      const key = this.#keyOf(path);
      const claim = this.#claims.get(key);
      const isOfOther = claim !== undefined && claim.task !== task && (claim.of === run || outcomes.isDone(claim.task));
      if (!isOfOther || (claim.isSource && isSource)) {
        this.#claims.set(key, { of: run, task, hash, isSource });
        keys.push(key);
      } else if (claim.hash !== hash || !(claim.isSource || isAncestor(claim.task))) return { path, other: claim.task };
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
