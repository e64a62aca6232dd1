import { plainHash } from '../codec/plain-hash.js';
import type { OutcomeTable, SavedOutcome } from './outcome.js';
import type { Topology } from './topology.js';

/** A result, and the results that it was made from. */
export interface Made {
  readonly result: unknown;
  /** Those of the task's inputs, in order; `undefined` if nobody has asked yet. */
  inputs: readonly Made[] | undefined;
  /** Of what the result is; `null` if it cannot be compared, `undefined` if nobody has asked yet. */
  hash: string | null | undefined;
}

/** What a result was made from that is not there any more: it equals no other. */
const LOST: Made = { result: undefined, inputs: undefined, hash: null };

/** What it says of a graph. */
interface Described {
  readonly topology: Topology;
  readonly outcomes: OutcomeTable;
  /** The tasks that run in each run. */
  readonly always: readonly number[];
}

/**
 * What the results of a graph were made from, so that a task may run again without all that depends on it. A graph has
 * it only if that can happen, with `.always()` or after `reset(name, { descendants: false })`; or once a result was
 * replaced, and what was made from the one before stays.
 *
 * ```
 *   files* ─► count ─► letter        files ran again: is what it returned what count was made from?
 *              │                     if so, count is done as it was, and letter with it
 *              └ made from files     if not, count runs, and the same is asked for letter
 * ```
 *
 * A result that comes out as before is the same {@link Made} as before: what was made from it need not be looked at.
 */
export class Lineage {
  readonly #topology: Topology;
  readonly #outcomes: OutcomeTable;
  readonly #always: Uint8Array;
  /** A 1 for each task that takes, directly or not, the result of one that may run again by itself. */
  readonly #affected: Uint8Array;
  readonly #made = new Map<number, Made>();

  constructor({ topology, outcomes, always }: Described) {
    this.#topology = topology;
    this.#outcomes = outcomes;
    this.#always = new Uint8Array(topology.size);
    for (const id of always) this.#always[id] = 1;
    this.#affected = new Uint8Array(topology.size);
    this.#spread(always);
  }

  /** Whether a task runs in each run. */
  isAlways(id: number): boolean {
    return this.#always[id] === 1;
  }

  /** Whether a run may have to look at a task that is done. */
  mayLookAt(id: number): boolean {
    return this.#always[id] === 1 || this.#affected[id] === 1;
  }

  inputsOf(id: number): Int32Array {
    return this.#topology.inputsOf(id);
  }

  /** The last result of a task that is known, whether or not the task is done now. */
  lastOf(id: number): Made | undefined {
    return this.#made.get(id);
  }

  /** The result of a task that is done. */
  madeBy(id: number): Made {
    let made = this.#made.get(id);
    if (made === undefined) {
      made = { result: this.#outcomes.value(id), inputs: undefined, hash: undefined };
      this.#made.set(id, made);
    }
    return made;
  }

  /**
   * A task has come to a result by what its inputs are now.
   *
   * @param lost - the inputs of which it is not known what they were
   */
  note(id: number, result: unknown, lost?: ReadonlySet<number>): void {
    const before = this.#made.get(id);
    const made: Made = { result, inputs: this.#inputsNow(id, lost), hash: undefined };
    // Now, since whoever takes it may change it.
    const isTheSame = this.#feeds(id) && hashOf(made) !== null && before !== undefined && hashOf(before) === made.hash;
    if (isTheSame) this.#made.set(id, Object.assign(before, { result, inputs: made.inputs }));
    else this.#made.set(id, made);
  }

  /** A task is done as it was. */
  keep(id: number): void {
    this.#made.get(id)!.inputs = this.#inputsNow(id);
  }

  /** What is known of a task counts no longer: it was reset, or its result was given. */
  forget(id: number): void {
    this.#made.delete(id);
  }

  /** The result of a task is about to be another, or none, and those of its dependents stay: they were made from this. */
  beforeChange(id: number): void {
    const { starts, ids } = this.#topology.dependents;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) this.#remember(ids[edge]!);
  }

  /** These tasks are about to be reset, and what depends on them is not. */
  beforeReset(ids: readonly number[]): void {
    this.#spread(ids);
    for (const id of this.#topology.order) if (this.#affected[id] === 1) this.#remember(id);
    for (const id of ids) if (this.#outcomes.isDone(id)) hashOf(this.madeBy(id));
  }

  /**
   * Makes pending what a run has to look at: tasks that run in each run, and what hangs on what is pending or has
   * changed.
   *
   * @param within - a 1 for each task that it may do that to; to all if `undefined`
   * @returns what they were before
   */
  lookAgain(within: Uint8Array | undefined): SavedOutcome[] {
    const before: SavedOutcome[] = [];
    for (const id of this.#topology.order) {
      if (within?.[id] === 0 || !this.#isOpen(id)) continue;
      before.push(this.#outcomes.saved(id));
      this.#outcomes.pending(id);
    }
    return before;
  }

  /** A 1 for each of these tasks and for all that their results hang on. A result that was given hangs on nothing. */
  neededFor(ids: readonly number[]): Uint8Array {
    const needed = new Uint8Array(this.#topology.size);
    const { starts, ids: dependencies } = this.#topology.dependencies;
    const stack = [...ids];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (needed[id] === 1 || this.#isGiven(id)) continue;
      needed[id] = 1;
      for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) stack.push(dependencies[edge]!);
    }
    return needed;
  }

  #isOpen(id: number): boolean {
    const outcomes = this.#outcomes;
    if (outcomes.isPending(id) || this.#isGiven(id)) return false;
    if (outcomes.isSkipped(id)) return this.#waitsForPending(id);
    if (this.#always[id] === 1) return true;
    if (this.#affected[id] === 0) return false;
    if (outcomes.isFailed(id)) return this.#waitsForPending(id);
    const { inputs } = this.madeBy(id);
    return this.inputsOf(id).some((input, index) => !outcomes.isDone(input) || this.madeBy(input) !== inputs?.[index]);
  }

  #waitsForPending(id: number): boolean {
    const { starts, ids } = this.#topology.dependencies;
    return ids.subarray(starts[id], starts[id + 1]).some((dependency) => this.#outcomes.isPending(dependency));
  }

  #isGiven(id: number): boolean {
    return this.#outcomes.isDone(id) && this.#outcomes.source(id) === 'given';
  }

  /** Of a task that was done before anybody asked, and of whose inputs none has changed since. */
  #remember(id: number): void {
    if (!this.#outcomes.isDone(id) || this.#isGiven(id)) return;
    const made = this.madeBy(id);
    made.inputs ??= this.#inputsNow(id);
  }

  #inputsNow(id: number, lost?: ReadonlySet<number>): Made[] {
    const isThere = (input: number) => this.#outcomes.isDone(input) && !lost?.has(input);
    return Array.from(this.inputsOf(id), (input) => (isThere(input) ? this.madeBy(input) : LOST));
  }

  /** Whether it will be asked whether the result of a task has changed. */
  #feeds(id: number): boolean {
    if (!this.mayLookAt(id)) return false;
    const { starts, ids } = this.#topology.dependents;
    return ids.subarray(starts[id], starts[id + 1]).some((dependent) => this.inputsOf(dependent).includes(id));
  }

  #spread(from: readonly number[]): void {
    const sources = new Set(from);
    for (const id of this.#topology.order)
      if (this.inputsOf(id).some((input) => sources.has(input) || this.#affected[input] === 1)) this.#affected[id] = 1;
  }
}

/** Whether two results are the same; `null` if that cannot be told. */
export function isSameResult(before: Made | undefined, now: Made): boolean | null {
  if (before === now) return true;
  if (before === undefined) return null;
  const hash = hashOf(now);
  if (hash === null || hashOf(before) === null) return null;
  return hash === before.hash;
}

function hashOf(made: Made): string | null {
  if (made.hash === undefined) made.hash = plainHash(made.result) ?? null;
  return made.hash;
}
