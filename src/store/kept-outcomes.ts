import { InvalidOptionError, quoted, UnreadableOutcomeError } from '../errors.js';
import type { StoreRepair } from '../events.js';
import { type Decision, NOT_NEEDED, WAS_RESET } from '../graph/decision.js';
import type { OpenGraph } from '../graph/task-graph.js';
import { difference, type Fingerprint, failureText, hashOfResult, NO_HASH, sourceHashOf } from './fingerprint.js';
import { isKeptFailure, lapse } from './lasting.js';
import {
  decodeOutcome,
  encodeOutcome,
  headerOf,
  type NewOutcome,
  type OutcomeHeader,
  type StoredOutcome,
} from './outcome-codec.js';
import type { AttemptFacts, Foreseen, LoadedOutcomes, OutcomeKeeper, Recalled, RunMemory } from './run-memory.js';
import {
  isComparable,
  isOfSame,
  newestFirst,
  placeOf,
  VARIANTS,
  type Variant,
  variantKey,
  variantOf,
} from './variants.js';

type Judgement = Decision & { readonly verdict: Foreseen };

const KEPT: Judgement = Object.freeze({ verdict: 'kept', why: 'same version and inputs' });
const GIVEN: Judgement = Object.freeze({ verdict: 'kept', why: 'its result was given' });
const NOTHING_STORED: Decision = Object.freeze({ verdict: 'runs', why: 'no stored result' });

/**
 * What a store keeps of one graph's tasks, as one run sees it.
 *
 * ```
 *   stored header ─┐ version, dependencies, source
 *                  ├─► the same? ─► the result, without running
 *   input hashes  ─┘ of what the dependencies returned, this time
 * ```
 *
 * A task whose inputs come out as before does not run, even if its dependencies did: that is where a change ends.
 */
export class KeptOutcomes implements RunMemory {
  readonly kept: Uint8Array;
  readonly repairs: readonly StoreRepair[];
  readonly refusals: { id: number; error: unknown }[] = [];
  readonly #store: OutcomeKeeper;
  readonly #graph: OpenGraph;
  readonly #isAsync: boolean;
  readonly #now: () => number;
  /** The tasks with given results that are to be saved, once it is known what they were made from. */
  readonly #given: Set<number>;
  /** The tasks whose kept failures count no longer. */
  readonly #retried: ReadonlySet<number>;
  /** What is kept under the names of tasks. */
  readonly #bytes = new Map<number, Uint8Array>();
  /** What is kept besides, of tasks that have more than one outcome, with its number. */
  readonly #further = new Map<number, [number: number, bytes: Uint8Array][]>();
  /** The keys of all that is kept of tasks that were reset. */
  readonly #resetKeys: string[] = [];
  readonly #variants = new Map<number, readonly Variant[]>();
  /** What is kept of tasks that the graph has no longer, if that is to go when it is old. */
  readonly #left = new Map<string, { readonly keys: string[]; atMs: number }>();
  /** The numbers of the outcomes that this run has made. */
  readonly #made = new Map<number, number>();
  readonly #stored = new Map<number, StoredOutcome>();
  readonly #unreadable = new Map<number, UnreadableOutcomeError>();
  /** The hash of each task's result, as far as they have been asked for. */
  readonly #hashes = new Map<number, string>();
  /** What the store was told of its own accord, and has not done yet. */
  readonly #waiting: Promise<void>[] = [];

  constructor(store: OutcomeKeeper, graph: OpenGraph, loaded: LoadedOutcomes, isAsync: boolean, now: () => number) {
    if (typeof loaded?.outcomes?.[Symbol.iterator] !== 'function') {
      throw new InvalidOptionError(
        'store',
        'one whose load() returns { outcomes }, a list of pairs of a task and its bytes',
        loaded,
      );
    }
    this.#store = store;
    this.#graph = graph;
    this.#isAsync = isAsync;
    this.#now = now;
    this.#retried = graph.outcomes.retried;
    this.#given = new Set(graph.outcomes.toSave);
    this.repairs = withUntold(store, loaded.repairs);
    this.kept = new Uint8Array(graph.topology.size);
    for (const pair of loaded.outcomes) {
      if (!Array.isArray(pair))
        throw new InvalidOptionError('store', 'one whose load() returns pairs of a task and its bytes', pair);
      const [key, bytes] = pair;
      if (!(bytes instanceof Uint8Array))
        throw new InvalidOptionError('store', 'one whose load() returns what was saved, as a Uint8Array', bytes, key);
      const { task, number } = variantOf(key);
      const id = graph.idByName.get(task);
      if (id === undefined) {
        if (store.maxAgeMs !== undefined) this.#hasLeft(task, key, bytes);
        continue;
      }
      if (graph.outcomes.wasReset(id)) this.#resetKeys.push(key);
      else if (graph.outcomes.isPending(id) || this.#given.has(id)) this.#found(id, number, bytes);
    }
    for (let id = 0; id < this.kept.length; id++) {
      if (graph.outcomes.isPending(id))
        graph.decisions.set(id, graph.outcomes.wasReset(id) ? WAS_RESET : NOTHING_STORED);
    }
  }

  begin(): void {
    UNTOLD.delete(this.#store);
    this.#forgetResets();
    this.#retryFailures();
    this.#saveGiven();
  }

  #forgetResets(): void {
    const resets = this.#graph.outcomes.takeResets();
    if (resets === undefined) return;
    const names = this.#graph.names.filter((_, id) => resets[id] === 1);
    const keys = new Set([...names.map((name) => variantKey(name, 1)), ...this.#resetKeys]);
    this.#wait(this.#store.forget(this.#graph.name, [...keys]));
  }

  /** Failures that are to be tried again are so for all that come after, should this run not come to them. */
  #retryFailures(): void {
    for (const id of this.#retried)
      for (const { number, stored } of this.#variantsOf(id)) {
        if (stored?.status !== 'failed' || stored.more.retry) continue;
        const { bytes } = encodeOutcome({
          ...stored,
          value: this.#errorOf(stored),
          more: { ...stored.more, retry: true },
        });
        this.#wait(this.#store.save(this.#graph.name, variantKey(stored.task, number), bytes));
      }
    this.#graph.outcomes.retriesTold();
  }

  #errorOf(stored: StoredOutcome): unknown {
    try {
      return stored.value();
    } catch (error) {
      return error;
    }
  }

  /** Saves the given results of which all that their tasks take is known. Of others this is tried again. */
  #saveGiven(): void {
    for (const id of this.#given) {
      const isKnown = this.#inputsOf(id).every(
        (input) => this.#hashes.has(input) || this.#graph.outcomes.isDone(input),
      );
      if (!isKnown) continue;
      this.#given.delete(id);
      this.#graph.outcomes.saveGiven(id, false);
      const header = this.#header(id, { attempts: 0, durationMs: 0, atMs: this.#now() });
      const outcome = { ...header, status: 'done', more: { ...header.more, given: true } } as const;
      try {
        this.#wait(this.#save(id, { ...outcome, value: this.#graph.outcomes.value(id) }));
      } catch (error) {
        if ((error as { readonly code?: unknown } | undefined)?.code !== 'unstorable') throw error;
        this.refusals.push({ id, error });
      }
    }
  }

  #hasLeft(task: string, key: string, bytes: Uint8Array): void {
    const left = this.#left.get(task) ?? { keys: [], atMs: Number.NEGATIVE_INFINITY };
    left.keys.push(key);
    // What no run has saved is left alone.
    left.atMs = Math.max(left.atMs, headerOf(bytes)?.atMs ?? Number.POSITIVE_INFINITY);
    this.#left.set(task, left);
  }

  /** Drops what is too old and no longer of this graph, and has the store drop what is too much. */
  #makeRoom(): void {
    const { maxAgeMs } = this.#store;
    if (maxAgeMs !== undefined) {
      const nowMs = this.#now();
      const old = [...this.#left.values()].filter(({ atMs }) => nowMs - atMs >= maxAgeMs);
      const keys = old.flatMap((left) => left.keys);
      if (keys.length > 0) this.#wait(this.#store.forget(this.#graph.name, keys));
    }
    this.#store.makeRoom?.(this.#graph.name, (key) => this.#isNeeded(key));
  }

  /** Whether this run has made or taken what is kept under a key, or has not looked at what is kept of its task. */
  #isNeeded(key: string): boolean {
    const { task, number } = variantOf(key);
    const id = this.#graph.idByName.get(task);
    if (id === undefined) return false;
    const taken = this.#stored.get(id);
    const used =
      this.#made.get(id) ?? (taken && this.#variantsOf(id).find(({ stored }) => stored === taken)?.number) ?? number;
    return used === number;
  }

  /** Told by flush(). */
  #wait(done: void | Promise<void>): void {
    const promise = promiseOf(done);
    promise?.catch(() => {});
    if (promise !== undefined) this.#waiting.push(promise);
  }

  recall(id: number): Recalled | undefined {
    const recalled = this.#recalled(id);
    if (this.#given.size > 0) this.#saveGiven();
    return recalled;
  }

  #recalled(id: number): Recalled | undefined {
    const verdict = this.#judge(id, () => false);
    if (verdict === 'not needed') return 'no value';
    if (verdict !== 'kept' && verdict !== 'fails') {
      const error = this.#unreadable.get(id);
      return error === undefined ? undefined : { error };
    }
    const stored = this.#stored.get(id)!;
    try {
      return verdict === 'kept' ? { result: stored.value() } : { failure: stored.value(), attempts: stored.attempts };
    } catch (error) {
      this.#hashes.delete(id);
      this.#decide(id, { verdict: 'runs', why: `what is stored of it cannot be read: ${(error as Error).message}` });
      return { error };
    }
  }

  foresee(id: number, runs: (dependency: number) => boolean): Foreseen {
    return this.#judge(id, runs);
  }

  keepResult(id: number, result: unknown, facts: AttemptFacts): void | Promise<void> {
    // Until it is known: what cannot be kept equals nothing.
    this.#hashes.set(id, NO_HASH);
    const header = this.#header(id, facts);
    const more = this.#graph.settings[id]!.transient ? { ...header.more, transient: true as const } : header.more;
    const saved = this.#save(id, { ...header, status: 'done', value: result, more });
    if (this.#given.size > 0) this.#saveGiven();
    return saved;
  }

  keepFailure(id: number, error: unknown, facts: AttemptFacts): void | Promise<void> {
    return this.#save(id, { ...this.#header(id, facts), status: 'failed', value: error });
  }

  flush(): void | Promise<void> {
    this.#saveGiven();
    this.#makeRoom();
    if (!this.#isAsync) {
      const flushed = promiseOf(this.#store.flushSync === undefined ? this.#store.flush() : this.#store.flushSync());
      flushed?.catch(() => {});
      if (flushed !== undefined) throw notAtOnce();
      return;
    }
    return (async () => {
      await Promise.all(this.#waiting);
      await this.#store.flush();
    })();
  }

  #save(id: number, outcome: NewOutcome): void | Promise<void> {
    const settings = this.#graph.settings[id]!;
    const isUseful = (one: OutcomeHeader) =>
      isComparable(one) && (one.status === 'done' || isKeptFailure(one, settings, this.#now));
    const { number, more } = placeOf(this.#variantsOf(id), outcome, this.#store.variants ?? VARIANTS, isUseful);
    const { bytes, valueHash } = encodeOutcome({ ...outcome, more: { ...outcome.more, ...more } });
    if (outcome.status === 'done') this.#hashes.set(id, valueHash);
    this.#made.set(id, number);
    const save = () => promiseOf(this.#store.save(this.#graph.name, variantKey(outcome.task, number), bytes));
    // What the store was told before may be about the same key.
    const saved = this.#isAsync && this.#waiting.length > 0 ? Promise.allSettled(this.#waiting).then(save) : save();
    if (this.#isAsync || saved === undefined) return saved;
    // Told by flushSync().
    saved.catch(() => {});
    if (this.#store.flushSync === undefined) throw notAtOnce();
    this.#store.flushSync();
  }

  #judge(id: number, runs: (dependency: number) => boolean): Foreseen {
    const outcomes = newestFirst(this.#variantsOf(id));
    if (outcomes.length === 0) {
      const { message } = this.#unreadable.get(id)!;
      return this.#decide(id, { verdict: 'runs', why: `what is stored of it cannot be read: ${message}` });
    }
    const inputs = this.#inputsOf(id);
    const unknown = inputs.find(runs);
    const inputHashes = inputs.map((input) => (runs(input) ? undefined : this.#hashOf(input)));
    const now = { ...this.#identity(id), inputHashes };
    const ofSame = outcomes.filter((outcome) => isOfSame(outcome, now));
    const whyNot = (outcome: StoredOutcome) =>
      this.#retried.has(id) && outcome.status === 'failed'
        ? failureText(outcome)
        : lapse(outcome, this.#graph.settings[id]!, this.#now);
    // As long as an input is not known, any of them may be the one.
    const stored = (unknown === undefined ? undefined : ofSame.find((one) => whyNot(one) === undefined)) ?? ofSame[0];
    const why = stored === undefined ? differenceText(outcomes[0]!, now) : whyNot(stored);
    if (stored === undefined || why !== undefined) return this.#decide(id, { verdict: 'runs', why: why! });
    if (unknown !== undefined) {
      return this.#decide(id, {
        verdict: 'may run',
        why: `the result of ${quoted(this.#graph.names[unknown]!)} may change`,
      });
    }
    this.#stored.set(id, stored);
    if (stored.status === 'failed') {
      const { forMs } = this.#graph.settings[id]!.keepFailures!;
      return this.#decide(id, { verdict: 'fails', why: `${failureText(stored)}, and that is kept for ${forMs} ms` });
    }
    if (stored.more.given) {
      this.#hashes.set(id, stored.valueHash);
      return this.#decide(id, GIVEN);
    }
    if (stored.more.transient && !this.#graph.settings[id]!.transient)
      return this.#decide(id, { verdict: 'runs', why: 'its result was not stored' });
    this.#hashes.set(id, stored.valueHash);
    return this.#decide(id, stored.more.transient ? NOT_NEEDED : KEPT);
  }

  #found(id: number, number: number, bytes: Uint8Array): void {
    if (this.#graph.outcomes.isPending(id)) this.kept[id] = 1;
    if (number === 1) {
      this.#bytes.set(id, bytes);
      return;
    }
    const further = this.#further.get(id) ?? [];
    further.push([number, bytes]);
    this.#further.set(id, further);
  }

  /** What is kept of a task, as far as it can be read. */
  #variantsOf(id: number): readonly Variant[] {
    let variants = this.#variants.get(id);
    if (variants !== undefined) return variants;
    const first = this.#bytes.get(id);
    variants = [...(first === undefined ? [] : [[1, first] as const]), ...(this.#further.get(id) ?? [])].map(
      ([number, bytes]) => ({ number, stored: this.#decoded(id, bytes) }),
    );
    this.#variants.set(id, variants);
    return variants;
  }

  #decoded(id: number, bytes: Uint8Array): StoredOutcome | undefined {
    try {
      return decodeOutcome(this.#graph.names[id]!, bytes);
    } catch (error) {
      if (!(error instanceof UnreadableOutcomeError)) throw error;
      this.#unreadable.set(id, error);
      return undefined;
    }
  }

  #decide(id: number, decision: Judgement): Foreseen {
    this.#graph.decisions.set(id, decision);
    return decision.verdict;
  }

  #header(id: number, { attempts, durationMs, atMs }: AttemptFacts) {
    return {
      task: this.#graph.names[id]!,
      ...this.#identity(id),
      inputHashes: this.#inputsOf(id).map((input) => this.#hashOf(input)),
      attempts,
      durationMs,
      atMs,
      more: {},
    };
  }

  /** What is known of a task before its dependencies have run. */
  #identity(id: number): Omit<Fingerprint, 'inputHashes'> {
    const { names, settings, functions, topology } = this.#graph;
    const { dependencies } = topology;
    const inputs = this.#inputsOf(id);
    const taken = new Set(inputs);
    const after = [...dependencies.ids.subarray(dependencies.starts[id], dependencies.starts[id + 1])].filter(
      (one) => !taken.has(one),
    );
    return {
      version: settings[id]!.version,
      dependencies: inputs.map((input) => names[input]!),
      after: after.map((one) => names[one]!),
      sourceHash: this.#store.detect === 'source' ? sourceHashOf(functions[id]!) : undefined,
    };
  }

  #inputsOf(id: number): number[] {
    const { starts, ids } = this.#graph.topology.inputs;
    return [...ids.subarray(starts[id], starts[id + 1])];
  }

  /** Of a task that is done. */
  #hashOf(id: number): string {
    let hash = this.#hashes.get(id);
    if (hash === undefined) {
      hash = hashOfResult(this.#graph.outcomes.value(id));
      this.#hashes.set(id, hash);
    }
    return hash;
  }
}

/** What is different about a task from what was made last. */
function differenceText(newest: StoredOutcome, now: Parameters<typeof difference>[1]): string {
  return newest.status === 'failed' ? failureText(newest) : difference(newest, now)!;
}

/**
 * What stores have mended, by what is told of it, until a run tells it: a plan finds damage as well, and tells nobody.
 */
const UNTOLD = new WeakMap<OutcomeKeeper, ReadonlyMap<string, StoreRepair>>();

/** What a store has just mended, and what it had mended before, as far as no run has begun to tell it. */
function withUntold(store: OutcomeKeeper, repairs: readonly StoreRepair[] = []): StoreRepair[] {
  // A store that only passes over what is damaged finds the same again each time.
  const untold = new Map([...(UNTOLD.get(store) ?? []), ...repairs.map((repair) => [repair.text, repair] as const)]);
  UNTOLD.set(store, untold);
  return [...untold.values()];
}

/** @throws {@link InvalidOptionError} if the store answers with a promise, and promises are not waited for */
export function openOutcomes(
  store: OutcomeKeeper,
  graph: OpenGraph,
  isAsync: boolean,
  now: () => number,
): RunMemory | Promise<RunMemory> {
  const loaded = store.load(graph.name);
  const promised = promiseOf(loaded);
  if (promised === undefined) return new KeptOutcomes(store, graph, loaded as LoadedOutcomes, isAsync, now);
  if (isAsync) return promised.then((outcomes) => new KeptOutcomes(store, graph, outcomes, isAsync, now));
  promised.catch(() => {});
  throw notAtOnce();
}

function notAtOnce(): InvalidOptionError {
  return new InvalidOptionError(
    'store',
    'one that answers at once, since SyncExecutor waits for no promise',
    'a store that returns promises',
  );
}

/** What a store answers may be any thenable, as query builders make them: of those it makes a promise. */
function promiseOf<T>(value: T | Promise<T>): Promise<T> | undefined {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function' ? Promise.resolve(value) : undefined;
}
