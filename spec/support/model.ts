import type { RandomGraph } from './random-graph.js';
import { resultOf } from './random-graph.js';

export type ModelOutcome =
  | { readonly status: 'pending' }
  | { readonly status: 'done'; readonly result: unknown }
  | { readonly status: 'failed'; readonly attempts: number }
  | {
      readonly status: 'skipped';
      /** The failed ancestors, any of which may be named as the reason: which of them failed first depends on the executor. */
      readonly because: ReadonlySet<number>;
    };

const PENDING: ModelOutcome = { status: 'pending' };

/**
 * What runs of a random graph must come to, worked out by plain recursion: no queue, no counters, no order. It knows nothing of slots and time, so all
 * executors must agree with it.
 */
export class Model {
  readonly #graph: RandomGraph;
  readonly #outcomes: ModelOutcome[];
  readonly #calls: number[];

  constructor(graph: RandomGraph) {
    this.#graph = graph;
    this.#outcomes = graph.tasks.map(() => PENDING);
    this.#calls = graph.tasks.map(() => 0);
  }

  get outcomes(): readonly ModelOutcome[] {
    return this.#outcomes;
  }

  /** How often each function has been called in all runs so far. */
  get calls(): readonly number[] {
    return this.#calls;
  }

  /** The tasks that must be done before this one, each once: those whose results it takes first. */
  dependencies(id: number): number[] {
    const { dependsOn, after } = this.#graph.tasks[id]!;
    return [...new Set([...dependsOn, ...after])];
  }

  ancestors(id: number): Set<number> {
    return new Set(this.dependencies(id).flatMap((dependency) => [dependency, ...this.ancestors(dependency)]));
  }

  descendants(id: number): Set<number> {
    return new Set(this.#graph.tasks.filter((task) => this.ancestors(task.id).has(id)).map((task) => task.id));
  }

  /** How long the way from a task to the end of the graph is, in tasks. */
  rank(id: number): number {
    const dependents = this.#graph.tasks.filter((task) => this.dependencies(task.id).includes(id));
    return 1 + Math.max(0, ...dependents.map((task) => this.rank(task.id)));
  }

  /** These tasks and what they depend on, as far as it is pending and can come to a result. */
  needed(only: readonly number[]): Set<number> {
    return new Set(
      only
        .filter((id) => this.#outcomes[id]!.status === 'pending' && !this.#isHopeless(id))
        .flatMap((id) => [id, ...this.needed(this.dependencies(id))]),
    );
  }

  #isHopeless(id: number): boolean {
    const { status } = this.#outcomes[id]!;
    return (
      status === 'failed' ||
      status === 'skipped' ||
      (status === 'pending' && this.dependencies(id).some((dependency) => this.#isHopeless(dependency)))
    );
  }

  /** Runs all that is pending, or these tasks and what they need. */
  run(only: readonly number[] = this.#graph.tasks.map(({ id }) => id)): void {
    const needed = this.needed(only);
    for (const { id } of this.#graph.tasks) this.#settle(id, needed);
  }

  reset(...ids: readonly number[]): void {
    for (const id of ids) for (const one of [id, ...this.descendants(id)]) this.#outcomes[one] = PENDING;
  }

  resetFailed(): void {
    for (const [id, { status }] of this.#outcomes.entries())
      if (status === 'failed' || status === 'skipped') this.#outcomes[id] = PENDING;
  }

  markDone(id: number, result?: unknown): void {
    const { status } = this.#outcomes[id]!;
    this.#outcomes[id] = { status: 'done', result };
    if (status !== 'failed' && status !== 'skipped') return;
    for (const descendant of this.descendants(id))
      if (this.#outcomes[descendant]!.status === 'skipped') this.#outcomes[descendant] = PENDING;
  }

  /** A run was broken off, and left this task pending after so many calls in all runs so far. */
  left(id: number, calls: number): void {
    this.#outcomes[id] = PENDING;
    this.#calls[id] = calls;
  }

  #settle(id: number, needed: ReadonlySet<number>): void {
    if (this.#outcomes[id]!.status !== 'pending') return;
    const dependencies = this.dependencies(id);
    for (const dependency of dependencies) this.#settle(dependency, needed);
    const because = new Set(dependencies.flatMap((dependency) => this.#lostTo(dependency)));
    const ready = dependencies.every((dependency) => this.#outcomes[dependency]!.status === 'done');
    if (because.size > 0) this.#outcomes[id] = { status: 'skipped', because };
    else if (ready && needed.has(id)) this.#outcomes[id] = this.#attempt(id);
  }

  #lostTo(dependency: number): number[] {
    const outcome = this.#outcomes[dependency]!;
    if (outcome.status === 'failed') return [dependency];
    return outcome.status === 'skipped' ? [...outcome.because] : [];
  }

  #attempt(id: number): ModelOutcome {
    const task = this.#graph.tasks[id]!;
    for (let attempt = 1; attempt <= task.attempts; attempt++) {
      this.#calls[id]!++;
      if (this.#calls[id]! > task.failures) return { status: 'done', result: resultOf(task, this.#args(id)) };
    }
    return { status: 'failed', attempts: task.attempts };
  }

  #args(id: number): unknown[] {
    return this.#graph.tasks[id]!.dependsOn.map((dependency) => {
      const outcome = this.#outcomes[dependency]!;
      return outcome.status === 'done' ? outcome.result : undefined;
    }).filter((result) => result !== undefined);
  }
}
