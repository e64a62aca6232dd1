import { escaped, InvalidOptionError, quoted, UnreadableOutcomeError, UnstorableError } from '../errors.js';
import type { StoreRepair, Unseen } from '../events.js';
import { FileClaims } from '../files/file-claims.js';
import { filesIn, lookOf } from '../files/file-result.js';
import { isFileSource } from '../files/file-source.js';
import { goOn } from '../files/in-turn.js';
import { learn } from '../files/look.js';
import { type Decision, NOT_NEEDED, unreadable, WAS_RESET } from '../graph/decision.js';
import { HeldResult } from '../graph/held-result.js';
import type { OpenGraph } from '../graph/task-graph.js';
import { type Fingerprint, failureText, hashOfResult, NO_HASH } from './fingerprint.js';
import { bytesOf, encodedHeld, encodedShaped, heldResult } from './held-outcome.js';
import { isSameFiles, KeptFiles } from './kept-files.js';
import { isKeptFailure, isOfFunction, lapse } from './lasting.js';
import {
  decodeOutcome,
  type EncodedOutcome,
  headerOf,
  type NewOutcome,
  type OutcomeHeader,
  type PlainHashes,
  type StoredFile,
  type StoredOutcome,
  withMore,
} from './outcome-codec.js';
import { plainHashesOf } from './plain-hashes.js';
import { promiseOf } from './promise-of.js';
import type { AttemptFacts, Foreseen, LoadedOutcomes, OutcomeKeeper, Recalled, RunMemory } from './run-memory.js';
import { type Shaped, shapedBy } from './shaped.js';
import { TaskCode, withoutTold } from './task-code.js';
import {
  changeSince,
  isComparable,
  type MadeFrom,
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
const NONE: readonly Variant[] = [];
const NO_BYTES = new Uint8Array(0);
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
  readonly durations: Map<number, number> = new Map<number, number>();
  readonly repairs: readonly StoreRepair[];
  unseen: readonly Unseen[] = [];
  readonly refusals: { id: number; error: unknown }[] = [];
  readonly #store: OutcomeKeeper;
  readonly #graph: OpenGraph;
  readonly #isAsync: boolean;
  readonly #code: TaskCode;
  readonly #files: KeptFiles;
  readonly #now: () => number;
  /** The tasks with given results that are to be saved, once it is known what they were made from. */
  readonly #given: Set<number>;
  /** As what they were given. */
  readonly #heldGiven = new Map<number, HeldResult>();
  /** The tasks whose results are being kept, and their hashes not known yet. */
  readonly #keeping = new Set<number>();
  /** The tasks whose kept failures count no longer. */
  readonly #retried: ReadonlySet<number>;
  /** The keys of all that is kept of tasks that were reset. */
  readonly #resetKeys: string[] = [];
  /** What is kept of each task. */
  readonly #variants = new Map<number, readonly Variant[]>();
  /** What is kept of tasks that the graph has no longer, if that is to go when it is old. */
  readonly #left = new Map<string, { readonly keys: string[]; readonly files: StoredFile[]; atMs: number }>();
  /** The numbers of the outcomes that this run has made. */
  readonly #made = new Map<number, number>();
  readonly #stored = new Map<number, StoredOutcome>();
  readonly #unreadable = new Map<number, UnreadableOutcomeError>();
  /** The hash of each task's result, as far as they have been asked for. */
  readonly #hashes = new Map<number, string>();
  /** What tasks are given by `with()`, as far as that has been asked for. */
  readonly #plainHashes = new Map<number, PlainHashes | undefined>();
  /** What functions have returned whose results their schemas make. */
  readonly #returned = new Map<number, { readonly value: unknown; readonly bytes: Uint8Array | undefined }>();
  /** What the store was told of its own accord, and has not done yet. */
  readonly #waiting: Promise<void>[] = [];

  constructor(
    store: OutcomeKeeper,
    graph: OpenGraph,
    loaded: LoadedOutcomes,
    isAsync: boolean,
    now: () => number,
    selected: Uint8Array | undefined,
  ) {
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
    this.#code = new TaskCode(graph, store.detect);
    this.#files = new KeptFiles(store, graph.name, isAsync, (of, task, bytes) => this.#saveAs(of, task, bytes));
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
      const isAsked = selected?.[id] !== 0 && graph.isUndecided(id);
      const isReset = graph.outcomes.wasReset(id);
      if (isReset) this.#resetKeys.push(key);
      if (isAsked || isReset || this.#given.has(id) || this.#retried.has(id)) this.#found(id, number, bytes);
      if (isAsked && !isReset && !this.#isSource(id)) this.kept[id] = 1;
    }
    for (let id = 0; id < this.kept.length; id++) {
      if (!graph.outcomes.isPending(id) || selected?.[id] === 0) continue;
      graph.decisions.set(id, graph.outcomes.wasReset(id) ? WAS_RESET : NOTHING_STORED);
    }
  }

  begin(): void {
    UNTOLD.delete(this.#store);
    this.unseen = withoutTold(this.#store, this.#graph.name, this.#code.unseen());
    this.#forgetResets();
    this.#retryFailures();
    this.#saveGiven();
    // Those that have to wait are saved as they were given, whatever tasks that take them do to them.
    for (const id of this.#given) {
      const value = this.#graph.outcomes.value(id);
      const bytes = filesIn(value).length > 0 ? undefined : bytesOf(value);
      const hash = this.#hashOf(id);
      if (bytes !== undefined && hash !== NO_HASH)
        this.#heldGiven.set(id, new HeldResult(() => value, { bytes, hash }));
    }
  }

  #forgetResets(): void {
    const resets = this.#graph.outcomes.takeResets();
    if (resets === undefined) return;
    const names = this.#graph.names.filter((_, id) => resets[id] === 1);
    const keys = new Set([...names.map((name) => variantKey(name, 1)), ...this.#resetKeys]);
    this.#wait(this.#store.forget(this.#graph.name, [...keys]));
    for (const [id, variants] of this.#variants) {
      if (resets[id] !== 1) continue;
      const files = variants.flatMap(({ stored }) => stored?.more.files ?? []);
      void this.#files.forget(this.#graph.names[id]!, files);
      this.#variants.delete(id);
    }
  }

  /** Failures that are to be tried again are so for all that come after, should this run not come to them. */
  #retryFailures(): void {
    for (const id of this.#retried)
      for (const { number, bytes, stored } of this.#variantsOf(id)) {
        if (stored?.status !== 'failed' || stored.more.retry) continue;
        const more = withMore(stored, bytes, { retry: true });
        this.#wait(this.#store.save(this.#graph.name, variantKey(stored.task, number), more));
      }
    this.#graph.outcomes.retriesTold();
  }

  /** Saves the given results of which all that their tasks take is known. Of others this is tried again. */
  #saveGiven(): void {
    for (const id of this.#given) {
      const isKnown = this.#inputsOf(id).every(
        (input) => !this.#keeping.has(input) && (this.#hashes.has(input) || this.#graph.outcomes.isDone(input)),
      );
      if (!isKnown) continue;
      this.#given.delete(id);
      this.#graph.outcomes.saveGiven(id, false);
      const header = this.#header(id, { attempts: 0, durationMs: 0, atMs: this.#now() });
      const outcome = { ...header, status: 'done', more: { ...header.more, given: true } } as const;
      const value = this.#graph.outcomes.value(id);
      try {
        // Nobody has looked at them as they were when it was given.
        if (filesIn(value).length > 0) throw new UnstorableError(header.task, 'a result that is given has files in it');
        this.#wait(this.#save(id, { ...outcome, value }, this.#heldGiven.get(id)));
      } catch (error) {
        if ((error as { readonly code?: unknown } | undefined)?.code !== 'unstorable') throw error;
        this.refusals.push({ id, error });
      }
    }
  }

  #hasLeft(task: string, key: string, bytes: Uint8Array): void {
    const left = this.#left.get(task) ?? { keys: [], files: [], atMs: Number.NEGATIVE_INFINITY };
    const header = headerOf(bytes);
    left.keys.push(key);
    left.files.push(...(header?.more.files ?? []));
    // What no run has saved is left alone.
    left.atMs = Math.max(left.atMs, header?.atMs ?? Number.POSITIVE_INFINITY);
    this.#left.set(task, left);
  }

  /** Drops what is too old and no longer of this graph, and has the store drop what is too much. */
  #makeRoom(): void {
    const { maxAgeMs } = this.#store;
    if (maxAgeMs !== undefined) {
      const nowMs = this.#now();
      for (const [task, { keys, files, atMs }] of this.#left) {
        if (nowMs - atMs < maxAgeMs) continue;
        this.#wait(this.#store.forget(this.#graph.name, keys));
        this.#wait(this.#files.forget(task, files));
      }
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

  recall(id: number): Recalled | Promise<Recalled> {
    if (this.#given.size === 0) return this.#looked(id);
    return goOn(this.#looked(id), (recalled) => {
      this.#saveGiven();
      return recalled;
    });
  }

  #looked(id: number): Recalled | Promise<Recalled> {
    const verdict = this.#judge(id, () => false);
    if (verdict === 'not needed') return { isSpared: true };
    if (verdict !== 'kept' && verdict !== 'fails') {
      const error = this.#unreadable.get(id);
      return error === undefined ? undefined : { error };
    }
    const { files } = this.#stored.get(id)!.more;
    if (files === undefined) return this.#recalled(id);
    return goOn(this.#files.check(this.#graph.names[id]!, files), (checked) => {
      const why = 'why' in checked ? checked.why : this.#claim(id, checked.files);
      if (why !== undefined || 'why' in checked) {
        this.#hashes.delete(id);
        this.#decide(id, { verdict: 'runs', why: why! });
        return undefined;
      }
      if (checked.isNews) this.#refresh(id, checked.files);
      const { restored } = checked;
      if (restored.length > 0) this.#decide(id, { verdict: 'kept', why: `${KEPT.why}; ${putBack(restored)}` });
      return this.#recalled(id);
    });
  }

  #recalled(id: number): Recalled | Promise<Recalled> {
    const stored = this.#stored.get(id)!;
    const { returns } = this.#graph.settings[id]!;
    try {
      if (stored.status === 'failed') return { failure: stored.value(), attempts: stored.attempts };
      if (returns !== undefined)
        return goOn(shapedBy(returns, stored, this.#isAsync), (shaped) => this.#shaped(id, shaped));
      return stored.more.returned ? this.#shaped(id, { result: stored.value() }) : { held: heldResult(stored) };
    } catch (error) {
      this.#hashes.delete(id);
      this.#decide(id, unreadable(error));
      return { error };
    }
  }

  /** Of a result that need not be the one whose hash was stored. */
  #shaped(id: number, shaped: Shaped): Recalled {
    this.#hashes.delete(id);
    if ('why' in shaped) {
      this.#decide(id, { verdict: 'runs', why: shaped.why });
      return undefined;
    }
    const { result } = shaped;
    if (filesIn(result).some((file) => lookOf(file) === undefined)) {
      this.#decide(id, { verdict: 'runs', why: 'there was another file in what its function returned' });
      return undefined;
    }
    const hash = hashOfResult(result);
    this.#hashes.set(id, hash);
    return { held: new HeldResult(() => result, { hash }) };
  }

  foresee(id: number, runs: (dependency: number) => boolean): Foreseen {
    const verdict = this.#judge(id, runs);
    const foreseen = verdict === 'kept' ? this.#files.foresee(this.#stored.get(id)!.more.files ?? []) : undefined;
    return foreseen === undefined ? verdict : this.#decide(id, foreseen);
  }

  attemptBegins(id: number): void {
    try {
      for (const input of this.#inputsOf(id)) if (this.#graph.outcomes.isDone(input)) this.#hashOf(input);
    } catch {
      // It cannot be read, and the attempt fails as it tries to.
    }
    this.#plainHashesOf(id);
  }

  functionReturned(id: number, returned: unknown, held?: HeldResult): void {
    // Now, as far as that can be: a schema may change what it is asked about. Files have not been looked at yet.
    const isLater = filesIn(returned).length > 0;
    const made = () => held?.bytes ?? (isLater ? undefined : bytesOf(returned));
    this.#returned.set(id, { value: returned, bytes: this.#graph.settings[id]!.transient ? NO_BYTES : made() });
  }

  keepResult(id: number, result: unknown, facts: AttemptFacts, held?: HeldResult): void | Promise<void> {
    // Until it is known: what cannot be kept equals nothing.
    this.#hashes.set(id, NO_HASH);
    this.#keeping.add(id);
    return goOn(this.#files.keep(this.#graph.names[id]!, result), (files) => {
      if (files !== undefined && this.#isSourceAsBefore(id, result, files)) {
        this.#keeping.delete(id);
        return undefined;
      }
      const header = this.#header(id, facts, files);
      const more = this.#graph.settings[id]!.transient ? { ...header.more, transient: true as const } : header.more;
      const saved = this.#save(id, { ...header, status: 'done', value: result, more }, held);
      this.#keeping.delete(id);
      if (this.#given.size > 0) this.#saveGiven();
      return saved;
    });
  }

  keepFailure(id: number, error: unknown, facts: AttemptFacts): void | Promise<void> {
    const header = this.#header(id, facts);
    const more = isOfFunction(error) ? header.more : { ...header.more, retry: true as const };
    return this.#save(id, { ...header, status: 'failed', value: error, more });
  }

  moved(): readonly Unseen[] {
    return withoutTold(this.#store, this.#graph.name, this.#code.moved());
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

  /** The outcome of a task, in the place of another one, of which no content is needed any more. */
  #save(id: number, outcome: NewOutcome, held?: HeldResult): void | Promise<void> {
    const settings = this.#graph.settings[id]!;
    const isUseful = (one: OutcomeHeader) =>
      isComparable(one) && (one.status === 'done' || isKeptFailure(one, settings, this.#now));
    const variants = this.#variantsOf(id);
    const { number, more } = placeOf(variants, outcome, this.#store.variants ?? VARIANTS, isUseful);
    const { bytes, valueHash } = this.#encoded(id, { ...outcome, more: { ...outcome.more, ...more } }, held);
    if (outcome.status === 'done') this.#hashes.set(id, valueHash);
    this.#made.set(id, number);
    const save = () => this.#saveAs(this.#graph.name, variantKey(outcome.task, number), bytes);
    // What the store was told before may be about the same key.
    const saved = this.#isAsync && this.#waiting.length > 0 ? Promise.allSettled(this.#waiting).then(save) : save();
    const filesOf = (one: OutcomeHeader | undefined) => one?.more.files ?? [];
    const before = filesOf(variants.find((one) => one.number === number)?.stored);
    const others = variants.flatMap((one) => (one.number === number ? [] : filesOf(one.stored)));
    if (before.every(({ parts }) => parts === undefined)) return saved;
    return goOn(saved, () => this.#files.forget(outcome.task, before, [...filesOf(outcome), ...others]));
  }

  #encoded(id: number, outcome: NewOutcome, held: HeldResult | undefined): EncodedOutcome {
    const returned = this.#returned.get(id);
    this.#returned.delete(id);
    if (returned === undefined || outcome.status === 'failed') return encodedHeld(outcome, held);
    return encodedShaped(outcome, returned.bytes ?? bytesOf(returned.value));
  }

  #saveAs(graph: string, task: string, bytes: Uint8Array): void | Promise<void> {
    const saved = promiseOf(this.#store.save(graph, task, bytes));
    if (this.#isAsync || saved === undefined) return saved;
    // Told by flushSync().
    saved.catch(() => {});
    if (this.#store.flushSync === undefined) throw notAtOnce();
    this.#store.flushSync();
  }

  #isSource(id: number): boolean {
    return this.#graph.settings[id]!.always && isFileSource(this.#graph.functions[id]!);
  }

  /** The files of the newest outcome that is stored of a task. */
  #filesBefore(id: number): readonly StoredFile[] {
    return newestFirst(this.#variantsOf(id))[0]?.more.files ?? [];
  }

  /** Nothing is to be stored of a source that was found as it was. */
  #isSourceAsBefore(id: number, result: unknown, files: readonly StoredFile[]): boolean {
    if (!this.#isSource(id) || !isSameFiles(files, this.#filesBefore(id))) return false;
    const hash = hashOfResult(result);
    this.#hashes.set(id, hash);
    return true;
  }

  /** More is known of the files of an outcome that holds: to store that spares the next run a look at their contents. */
  #refresh(id: number, files: readonly StoredFile[]): void {
    try {
      const { number, bytes, stored } = this.#variantsOf(id).find((one) => one.stored === this.#stored.get(id))!;
      const more = withMore(stored!, bytes, { files });
      promiseOf(this.#store.save(this.#graph.name, variantKey(stored!.task, number), more))?.catch(() => {});
    } catch {
      // It holds all the same. If the store has failed, flush() tells.
    }
  }

  /** Notes whose the files of a kept outcome are. @returns why it does not hold, if one of them is that of another task */
  #claim(id: number, files: readonly StoredFile[]): string | undefined {
    const overlap = FileClaims.of(this.#graph).claim(id, files, false, this);
    return overlap && `the file ${escaped(overlap.path)} is that of ${quoted(this.#graph.names[overlap.other]!)}`;
  }

  #judge(id: number, runs: (dependency: number) => boolean): Foreseen {
    const outcomes = newestFirst(this.#variantsOf(id));
    if (outcomes.length === 0) return this.#decide(id, unreadable(this.#unreadable.get(id)));
    const inputs = this.#inputsOf(id);
    const unknown = inputs.find(runs);
    const inputHashes = inputs.map((input) => (runs(input) ? undefined : this.#hashOf(input)));
    const { version, dependencies, after, sourceHash, more } = this.#identity(id);
    const plain = this.#plainHashesOf(id);
    const now: MadeFrom = { version, dependencies, after, sourceHash, more, inputHashes, plain };
    const isOfSame = (outcome: StoredOutcome) => changeSince(outcome, now) === undefined;
    // As long as an input is not known, any of them may be the one.
    const stored =
      (unknown === undefined
        ? undefined
        : outcomes.find((one) => isOfSame(one) && this.#lapse(id, one) === undefined)) ?? outcomes.find(isOfSame);
    if (stored === undefined) return this.#decide(id, { verdict: 'runs', why: differenceText(outcomes[0]!, now) });
    const why = this.#lapse(id, stored);
    if (why !== undefined) return this.#decide(id, { verdict: 'runs', why });
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
    const { transient, returns } = this.#graph.settings[id]!;
    if (stored.more.transient && !transient)
      return this.#decide(id, { verdict: 'runs', why: 'its result was not stored' });
    if (stored.more.shaped || (stored.more.transient && (returns !== undefined || stored.more.returned)))
      return this.#decide(id, {
        verdict: 'runs',
        why: 'what its function returned is not stored, so its schema cannot be asked about it',
      });
    this.#hashes.set(id, stored.valueHash);
    return this.#decide(id, stored.more.transient ? NOT_NEEDED : KEPT);
  }

  /** Why an outcome does not hold although it was made from the same. */
  #lapse(id: number, outcome: StoredOutcome): string | undefined {
    if (outcome.status === 'failed' && this.#retried.has(id)) return failureText(outcome);
    return lapse(outcome, this.#graph.settings[id]!, this.#now);
  }

  #found(id: number, number: number, bytes: Uint8Array): void {
    const stored = this.#decoded(id, bytes);
    const variant = { number, bytes, stored };
    const others = this.#variants.get(id);
    const variants = others === undefined ? [variant] : [...others, variant];
    this.#variants.set(id, variants);
    // Of a task that will run again, at least how long it took is of interest.
    const lastDone = others === undefined ? stored : newestFirst(variants).find(({ status }) => status === 'done');
    if (lastDone?.status === 'done') this.durations.set(id, lastDone.durationMs);
    if (this.#isSource(id)) for (const file of stored?.more.files ?? []) learn(file.path, file);
  }

  /** What is kept of a task. */
  #variantsOf(id: number): readonly Variant[] {
    return this.#variants.get(id) ?? NONE;
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

  #header(id: number, { attempts, durationMs, atMs, movedInputs }: AttemptFacts, files?: readonly StoredFile[]) {
    const plain = this.#plainHashesOf(id);
    const identity = this.#identity(id);
    return {
      task: this.#graph.names[id]!,
      ...identity,
      inputHashes: this.#inputsOf(id).map((input) => (movedInputs?.has(input) ? NO_HASH : this.#hashOf(input))),
      attempts,
      durationMs,
      atMs,
      more: { ...identity.more, ...(plain && { plain }), ...(files && { files }) },
    };
  }

  /** What is known of a task before its dependencies have run. */
  #identity(id: number): Omit<Fingerprint, 'inputHashes'> {
    const { names, settings, topology } = this.#graph;
    const { dependencies } = topology;
    const { sourceHash, code } = this.#code.of(id);
    const inputs = this.#inputsOf(id);
    const taken = new Set(inputs);
    const after = [...dependencies.ids.subarray(dependencies.starts[id], dependencies.starts[id + 1])].filter(
      (one) => !taken.has(one),
    );
    return {
      version: settings[id]!.version,
      dependencies: inputs.map((input) => names[input]!),
      after: after.map((one) => names[one]!),
      sourceHash,
      more: code === undefined ? {} : { code },
    };
  }

  #inputsOf(id: number): number[] {
    return [...this.#graph.topology.inputsOf(id)];
  }

  #plainHashesOf(id: number): PlainHashes | undefined {
    if (this.#graph.plain === undefined) return undefined;
    if (!this.#plainHashes.has(id)) this.#plainHashes.set(id, plainHashesOf(this.#graph.plain, id));
    return this.#plainHashes.get(id);
  }

  /** Of a task that is done. */
  #hashOf(id: number): string {
    let hash = this.#hashes.get(id);
    if (hash === undefined) {
      const { outcomes } = this.#graph;
      const isGiven = outcomes.source(id) === 'given';
      hash = outcomes.held(id)?.hash ?? hashOfResult(outcomes.value(id), isGiven);
      this.#hashes.set(id, hash);
    }
    return hash;
  }
}

/** What is different about a task from what was made last. */
function differenceText(newest: StoredOutcome, now: MadeFrom): string {
  return newest.status === 'failed' ? failureText(newest) : changeSince(newest, now)!;
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

function putBack(files: readonly string[]): string {
  return files.length === 1
    ? `its file ${escaped(files[0]!)} was put back`
    : `${files.length} of its files were put back`;
}

/** Under which keys there may be something that a run of these tasks needs to know. */
function keysOf(store: OutcomeKeeper, { names, outcomes }: OpenGraph, selected: Uint8Array): string[] {
  const given = new Set(outcomes.toSave);
  // What they have to be told of the others has to be told in this run.
  const isAsked = (id: number) =>
    selected[id] === 1 || given.has(id) || outcomes.wasReset(id) || outcomes.retried.has(id);
  // One more than there are results, for a failure.
  const numbers = Array.from({ length: (store.variants ?? VARIANTS) + 1 }, (_, index) => index + 1);
  return names.flatMap((name, id) => (isAsked(id) ? numbers.map((number) => variantKey(name, number)) : []));
}

/** @throws {@link InvalidOptionError} if the store answers with a promise, and promises are not waited for */
export function openOutcomes(
  store: OutcomeKeeper,
  graph: OpenGraph,
  isAsync: boolean,
  now: () => number,
  selected: Uint8Array | undefined,
): RunMemory | Promise<RunMemory> {
  const loaded = store.load(graph.name, selected && keysOf(store, graph, selected));
  const promised = promiseOf(loaded);
  const opened = (outcomes: LoadedOutcomes) => new KeptOutcomes(store, graph, outcomes, isAsync, now, selected);
  if (promised === undefined) return opened(loaded as LoadedOutcomes);
  if (isAsync) return promised.then(opened);
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
