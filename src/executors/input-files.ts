import { type FileResult, filesIn, mayHoldFiles } from '../files/file-result.js';
import { isAsSeen } from '../files/look.js';
import type { OpenGraph } from '../graph/task-graph.js';

const NONE: readonly FileResult[] = [];

/** The files that the tasks of a run are given: somebody may write them while the run goes on. */
export class InputFiles {
  readonly #graph: OpenGraph;
  /** By the result that they are in, since many tasks may take one. */
  readonly #files = new WeakMap<object, readonly FileResult[]>();

  constructor(graph: OpenGraph) {
    this.#graph = graph;
  }

  /**
   * The inputs of a task that has just run of which a file was written since it was looked at. The task may have read
   * what the file was, or what it is: nobody knows.
   *
   * @returns `undefined` if there are none
   */
  moved(id: number): ReadonlySet<number> | undefined {
    let moved: Set<number> | undefined;
    for (const input of this.#graph.topology.inputsOf(id)) {
      if (this.#filesOf(input).every(isAsSeen)) continue;
      moved ??= new Set();
      moved.add(input);
    }
    return moved;
  }

  #filesOf(id: number): readonly FileResult[] {
    const { outcomes } = this.#graph;
    // One that is held as bytes has none.
    if (!outcomes.isDone(id) || outcomes.held(id) !== undefined) return NONE;
    const result = outcomes.value(id);
    if (!mayHoldFiles(result)) return NONE;
    let files = this.#files.get(result);
    if (files === undefined) {
      files = filesIn(result);
      this.#files.set(result, files);
    }
    return files;
  }
}
