import type { HeldResult } from './held-result.js';

/** Where a task is in its life, as its graph knows it. */
export type TaskStatus = 'pending' | 'running' | 'done' | 'failed' | 'skipped';

/**
 * Where the result of a done task comes from: the function ran in the latest run, the caller gave it, a store kept it,
 * or the graph had it from an earlier run, and what it was made from came out as before.
 */
export type ResultSource = 'run' | 'given' | 'store' | 'graph';

/**
 * What is known of a task.
 *
 * ```
 *   pending ─► running ─► done | failed
 *      ▲  └──────────────► skipped          an ancestor failed
 *      └── reset, interrupted
 * ```
 */
export type Outcome<R = unknown> =
  | { readonly status: 'pending' | 'running' }
  | { readonly status: 'done'; readonly result: R; readonly source: ResultSource }
  | {
      readonly status: 'failed';
      /** What the function threw in its last attempt, as it was thrown. */
      readonly error: unknown;
      /** How many attempts were made. */
      readonly attempts: number;
    }
  | {
      readonly status: 'skipped';
      /** The ancestor that failed. */
      readonly because: string;
    };

/** How many tasks of a graph have each status. */
export type StatusCounts = Readonly<Record<TaskStatus, number>>;

/** Stands for the result of a done task that is held as bytes, and has not been made yet. */
const HELD: unique symbol = Symbol('held');
const PENDING = 0;
const RUNNING = 1;
const DONE = 2;
const FAILED = 3;
const SKIPPED = 4;
const STATUSES: readonly TaskStatus[] = ['pending', 'running', 'done', 'failed', 'skipped'];
const SOURCES: readonly ResultSource[] = ['run', 'given', 'store', 'graph'];

/** What was known of one task, to be put back. */
export interface SavedOutcome {
  readonly id: number;
  readonly status: number;
  readonly value: unknown;
  /** The result, if it is held as bytes. */
  readonly held: HeldResult | undefined;
  readonly detail: number;
}

const NONE_RETRIED: ReadonlySet<number> = new Set();

/** The outcomes of all the tasks of a graph, in columns by task id: a million tasks are four arrays, not a million objects. */
export class OutcomeTable {
  readonly #statuses: Uint8Array;
  /** The result of a done task, the error of a failed one. */
  readonly #values: unknown[];
  /** The source of a done task's result (0 is a run), the attempts of a failed one, the ancestor that failed of a skipped one. */
  readonly #details: Int32Array;
  /** The results that {@link HELD} stands for; `undefined` if there never were any. */
  #held: Map<number, HeldResult> | undefined;
  /** A 1 for each task that was reset since a store was last told; `undefined` if none was. */
  #resets: Uint8Array | undefined;
  /** The tasks with given results that a store is to save; `undefined` if there are none. */
  #toSave: Set<number> | undefined;
  /** The tasks whose failures are to be tried again although a store keeps them; `undefined` if there are none. */
  #retried: Set<number> | undefined;

  constructor(size: number) {
    this.#statuses = new Uint8Array(size);
    this.#values = new Array<unknown>(size).fill(undefined);
    this.#details = new Int32Array(size);
  }

  get size(): number {
    return this.#statuses.length;
  }

  /** Nothing is known of any task. */
  get allPending(): boolean {
    const statuses = this.#statuses;
    for (let id = 0; id < statuses.length; id++) if (statuses[id] !== PENDING) return false;
    return true;
  }

  status(id: number): TaskStatus {
    return STATUSES[this.#statuses[id]!]!;
  }

  isPending(id: number): boolean {
    return this.#statuses[id] === PENDING;
  }

  isDone(id: number): boolean {
    return this.#statuses[id] === DONE;
  }

  isFailed(id: number): boolean {
    return this.#statuses[id] === FAILED;
  }

  isSkipped(id: number): boolean {
    return this.#statuses[id] === SKIPPED;
  }

  /**
   * The result of a done task or the error of a failed one, else `undefined`.
   *
   * @throws what reading a result throws that is held as bytes
   */
  value(id: number): unknown {
    const value = this.#values[id];
    return value === HELD ? this.#made(id) : value;
  }

  /** Whether any result is held as bytes, or was. */
  get hasHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The result of a done task, if it is held as bytes and nobody has asked for it yet. */
  held(id: number): HeldResult | undefined {
    return this.#values[id] === HELD ? this.#held!.get(id) : undefined;
  }

  source(id: number): ResultSource {
    return SOURCES[this.#details[id]!]!;
  }

  attempts(id: number): number {
    return this.#details[id]!;
  }

  because(id: number): number {
    return this.#details[id]!;
  }

  counts(): StatusCounts {
    const statuses = this.#statuses;
    const counts = new Int32Array(STATUSES.length);
    for (let id = 0; id < statuses.length; id++) counts[statuses[id]!]!++;
    return {
      pending: counts[PENDING]!,
      running: counts[RUNNING]!,
      done: counts[DONE]!,
      failed: counts[FAILED]!,
      skipped: counts[SKIPPED]!,
    };
  }

  /** What is known of a task, for {@link putBack}. */
  saved(id: number): SavedOutcome {
    const value = this.#values[id];
    return { id, status: this.#statuses[id]!, value, held: this.held(id), detail: this.#details[id]! };
  }

  putBack({ id, status, value, held, detail }: SavedOutcome): void {
    this.#write(id, status, value, detail);
    if (held !== undefined) this.#held!.set(id, held);
  }

  pending(id: number): void {
    this.#write(id, PENDING, undefined, 0);
  }

  /** Makes a task pending because somebody wants it to run again: what a store keeps of it counts no longer. */
  reset(id: number): void {
    this.pending(id);
    this.#resets ??= new Uint8Array(this.size);
    this.#resets[id] = 1;
  }

  wasReset(id: number): boolean {
    return this.#resets?.[id] === 1;
  }

  /** A 1 for each task that was reset; `undefined` if none was. From here on none has been. */
  takeResets(): Uint8Array | undefined {
    const resets = this.#resets;
    this.#resets = undefined;
    return resets;
  }

  /** Whether the next run with a store is to save the result that a task was given. */
  saveGiven(id: number, isToBeSaved: boolean): void {
    if (!isToBeSaved) {
      this.#toSave?.delete(id);
      return;
    }
    this.#toSave ??= new Set();
    this.#toSave.add(id);
  }

  /** The tasks whose given results are to be saved. */
  get toSave(): number[] {
    return [...(this.#toSave ?? [])].filter((id) => this.isDone(id) && this.source(id) === 'given');
  }

  /** Makes a failed task pending: if a store keeps its failure, that counts no longer. */
  retry(id: number): void {
    this.pending(id);
    this.#retried ??= new Set();
    this.#retried.add(id);
  }

  /** The tasks whose kept failures count no longer, as far as no store has been told. */
  get retried(): ReadonlySet<number> {
    return this.#retried ?? NONE_RETRIED;
  }

  /** A store has been told. */
  retriesTold(): void {
    this.#retried = undefined;
  }

  running(id: number): void {
    this.#statuses[id] = RUNNING;
  }

  done(id: number, result: unknown, source: ResultSource = 'run'): void {
    this.#statuses[id] = DONE;
    this.#values[id] = result;
    // Most results come from a run, and what is not done has a 0 there already.
    if (source !== 'run') this.#details[id] = SOURCES.indexOf(source);
  }

  /** The same with a result that is not made until somebody asks for it. */
  doneHeld(id: number, result: HeldResult, source: ResultSource): void {
    this.#held ??= new Map();
    this.#held.set(id, result);
    this.done(id, HELD, source);
  }

  failed(id: number, error: unknown, attempts: number): void {
    this.#write(id, FAILED, error, attempts);
  }

  skipped(id: number, because: number): void {
    this.#write(id, SKIPPED, undefined, because);
  }

  #made(id: number): unknown {
    const result = this.#held!.get(id)!.value;
    this.#values[id] = result;
    this.#held!.delete(id);
    return result;
  }

  #write(id: number, status: number, value: unknown, detail: number): void {
    this.#held?.delete(id);
    this.#statuses[id] = status;
    this.#values[id] = value;
    this.#details[id] = detail;
  }
}
