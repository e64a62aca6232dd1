import type { Lineage } from '../graph/lineage.js';
import type { SavedOutcome } from '../graph/outcome.js';
import type { OpenGraph } from '../graph/task-graph.js';
import { OwnOutcomes } from '../store/own-outcomes.js';
import type { RunMemory } from '../store/run-memory.js';

/** What a run has made pending because it has to look at it again. */
export class LookedAgain {
  readonly #graph: OpenGraph;
  readonly #lineage: Lineage;
  readonly #before: readonly SavedOutcome[];

  constructor(graph: OpenGraph, lineage: Lineage, within: Uint8Array | undefined) {
    this.#graph = graph;
    this.#lineage = lineage;
    this.#before = lineage.lookAgain(within);
  }

  /**
   * What is known of the graph's tasks, for the run.
   *
   * @param selected - a 1 for each task that the run is of; what it leaves alone is as it was
   */
  memory(selected: Uint8Array | undefined, stored: RunMemory | undefined): RunMemory {
    for (const outcome of this.#before) if (selected?.[outcome.id] === 0) this.#graph.outcomes.putBack(outcome);
    return new OwnOutcomes(this.#graph, this.#lineage, stored);
  }

  /** All is as it was. */
  undo(): void {
    for (const outcome of this.#before) this.#graph.outcomes.putBack(outcome);
  }
}

/**
 * Makes pending what a run has to look at again.
 *
 * @param named - the tasks that it is to come to; all if `undefined`
 * @param isAlone - whether it takes what they need as it is
 * @returns `undefined` if there is nothing of the kind in the graph
 */
export function lookAgain(
  graph: OpenGraph,
  named: readonly number[] | undefined,
  isAlone = false,
): LookedAgain | undefined {
  const { lineage } = graph;
  if (lineage === undefined) return undefined;
  if (named === undefined) return new LookedAgain(graph, lineage, undefined);
  return new LookedAgain(graph, lineage, isAlone ? only(named, graph.topology.size) : lineage.neededFor(named));
}

/** Does what a run would do, and has the graph be as it was. */
export function undone<R>({ outcomes, decisions, topology }: OpenGraph, plan: () => R): R {
  const before = Array.from({ length: topology.size }, (_, id) => outcomes.saved(id));
  const decided = new Map(decisions);
  try {
    return plan();
  } finally {
    for (const outcome of before) {
      outcomes.putBack(outcome);
      // Of what is not pending, it is said why it is as it is.
      if (outcomes.isPending(outcome.id)) continue;
      const decision = decided.get(outcome.id);
      if (decision === undefined) decisions.delete(outcome.id);
      else decisions.set(outcome.id, decision);
    }
  }
}

function only(ids: readonly number[], size: number): Uint8Array {
  const within = new Uint8Array(size);
  for (const id of ids) within[id] = 1;
  return within;
}
