import { quoted } from '../errors.js';
import type { StoreRepair, Unseen } from '../events.js';
import { filesIn } from '../files/file-result.js';
import { goOn } from '../files/in-turn.js';
import { type Decision, EACH_RUN, unreadable } from '../graph/decision.js';
import { HeldResult } from '../graph/held-result.js';
import { isSameResult, type Lineage, type Made } from '../graph/lineage.js';
import type { OpenGraph } from '../graph/task-graph.js';
import type { AttemptFacts, Foreseen, Recalled, RunMemory } from './run-memory.js';

type Judgement = Decision & { readonly verdict: 'runs' | 'may run' | 'kept' };

const KEPT: Judgement = Object.freeze({ verdict: 'kept', why: 'same inputs' });
const NOTHING_KNOWN: ReadonlyMap<number, number> = new Map();
const WAS_NOT_DONE: Decision = Object.freeze({ verdict: 'runs', why: 'it was not done in the last run' });

/**
 * What a graph itself knows of its pending tasks, as one run sees it: their last results, and what those were made from.
 * Where that does not hold any more, it is asked what a store keeps.
 */
export class OwnOutcomes implements RunMemory {
  readonly kept: Uint8Array;
  readonly #graph: OpenGraph;
  readonly #lineage: Lineage;
  readonly #stored: RunMemory | undefined;

  constructor(graph: OpenGraph, lineage: Lineage, stored: RunMemory | undefined) {
    this.#graph = graph;
    this.#lineage = lineage;
    this.#stored = stored;
    const { outcomes, decisions } = graph;
    this.kept = new Uint8Array(graph.topology.size);
    for (let id = 0; id < this.kept.length; id++) {
      if (!outcomes.isPending(id)) continue;
      if (lineage.isAlways(id)) decisions.set(id, EACH_RUN);
      else if (lineage.lastOf(id) !== undefined || stored?.kept[id] === 1) this.kept[id] = 1;
      else if (stored === undefined && decisions.has(id)) decisions.set(id, WAS_NOT_DONE);
    }
  }

  get durations(): ReadonlyMap<number, number> {
    return this.#stored?.durations ?? NOTHING_KNOWN;
  }

  get repairs(): readonly StoreRepair[] {
    return this.#stored?.repairs ?? [];
  }

  get unseen(): readonly Unseen[] {
    return this.#stored?.unseen ?? [];
  }

  moved(): readonly Unseen[] {
    return this.#stored?.moved() ?? [];
  }

  get refusals(): RunMemory['refusals'] {
    return this.#stored?.refusals ?? [];
  }

  begin(): void {
    this.#stored?.begin();
  }

  recall(id: number): Recalled | Promise<Recalled> {
    const last = this.#lastOf(id);
    if (last !== undefined && this.#judge(id, last, () => false) === 'kept') {
      this.#lineage.keep(id);
      return { held: HeldResult.of(last.result), source: 'graph' };
    }
    if (this.#stored?.kept[id] !== 1) return undefined;
    return goOn(this.#stored.recall(id), (recalled) => {
      if (recalled === undefined || !('held' in recalled)) return recalled;
      try {
        // Made now: whether it comes out as before is asked of what it is.
        this.#lineage.note(id, recalled.held.value);
        return recalled;
      } catch (error) {
        this.#decide(id, unreadable(error));
        return { error };
      }
    });
  }

  foresee(id: number, runs: (dependency: number) => boolean): Foreseen {
    const last = this.#lastOf(id);
    const verdict = last === undefined ? 'runs' : this.#judge(id, last, runs);
    // What hangs on it is to find the result.
    if (verdict === 'kept') this.#graph.outcomes.done(id, last!.result, 'graph');
    const asksStore = verdict === 'runs' || this.#lineage.inputsOf(id).some((input) => this.#isStored(input, runs));
    return asksStore && this.#stored?.kept[id] === 1 ? this.#stored.foresee(id, runs) : verdict;
  }

  attemptBegins(id: number): void {
    this.#stored?.attemptBegins(id);
  }

  functionReturned(id: number, returned: unknown, held?: HeldResult): void {
    this.#stored?.functionReturned(id, returned, held);
  }

  keepResult(id: number, result: unknown, facts: AttemptFacts, held?: HeldResult): void | Promise<void> {
    try {
      // First, while there are bytes.
      return this.#stored?.keepResult(id, result, facts, held);
    } finally {
      this.#lineage.note(id, held === undefined ? result : held.value, facts.movedInputs);
    }
  }

  keepFailure(id: number, error: unknown, facts: AttemptFacts): void | Promise<void> {
    return this.#stored?.keepFailure(id, error, facts);
  }

  flush(): void | Promise<void> {
    return this.#stored?.flush();
  }

  /** Not a result with files in it if there is a store, which looks at them, and can put them back. */
  #lastOf(id: number): Made | undefined {
    const last = this.#lineage.lastOf(id);
    const isForStore = this.#stored?.kept[id] === 1 && filesIn(last?.result).length > 0;
    return isForStore ? undefined : last;
  }

  #judge(id: number, { inputs }: Made, runs: (dependency: number) => boolean): Judgement['verdict'] {
    const ids = this.#lineage.inputsOf(id);
    let unknown: number | undefined;
    for (const [index, input] of ids.entries()) {
      if (runs(input) || this.#isStored(input, runs)) {
        unknown ??= input;
        continue;
      }
      const isSame = isSameResult(inputs?.[index], this.#lineage.madeBy(input));
      if (isSame === true) continue;
      const how = isSame === null ? 'cannot be compared' : 'changed';
      return this.#decide(id, { verdict: 'runs', why: `the result of ${this.#named(input)} ${how}` });
    }
    if (unknown === undefined) return this.#decide(id, KEPT);
    return this.#decide(id, { verdict: 'may run', why: `the result of ${this.#named(unknown)} may change` });
  }

  #named(id: number): string {
    return quoted(this.#graph.names[id]!);
  }

  /** Of a plan: a task whose result will come from the store. */
  #isStored(id: number, runs: (dependency: number) => boolean): boolean {
    return !runs(id) && !this.#graph.outcomes.isDone(id);
  }

  #decide(id: number, decision: Judgement): Judgement['verdict'] {
    this.#graph.decisions.set(id, decision);
    return decision.verdict;
  }
}
