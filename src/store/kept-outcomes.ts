import { escaped, InvalidOptionError, quoted, UnreadableOutcomeError } from '../errors.js';
import type { StoreRepair, Unseen } from '../events.js';
import { FileClaims } from '../files/file-claims.js';
import { isFileSource } from '../files/file-source.js';
import { goOn } from '../files/in-turn.js';
import { learn } from '../files/look.js';
import { type Decision, unreadable, WAS_RESET } from '../graph/decision.js';
import type { HeldResult } from '../graph/held-result.js';
import type { OpenGraph } from '../graph/task-graph.js';
import { difference, type Fingerprint, failureText, hashOfResult, NO_HASH } from './fingerprint.js';
import { encodedHeld, heldResult } from './held-outcome.js';
import { isSameFiles, KeptFiles } from './kept-files.js';
import { decodeOutcome, encodeOutcome, type StoredFile, type StoredOutcome, withFiles } from './outcome-codec.js';
import { plainDifference, plainHashesOf } from './plain-hashes.js';
import { promiseOf } from './promise-of.js';
import type { AttemptFacts, LoadedOutcomes, OutcomeKeeper, Recalled, RunMemory } from './run-memory.js';
import { TaskCode, withoutTold } from './task-code.js';

const KEPT: Decision = Object.freeze({ verdict: 'kept', why: 'same version and inputs' });
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
  readonly #store: OutcomeKeeper;
  readonly #graph: OpenGraph;
  readonly #isAsync: boolean;
  readonly #code: TaskCode;
  readonly #files: KeptFiles;
  readonly #bytes = new Map<number, Uint8Array>();
  readonly #stored = new Map<number, StoredOutcome>();
  readonly #unreadable = new Map<number, UnreadableOutcomeError>();
  /** The hash of each task's result, as far as they have been asked for. */
  readonly #hashes = new Map<number, string>();
  /** Why the store could not forget. */
  #forgetting: Promise<void> | undefined;

  constructor(
    store: OutcomeKeeper,
    graph: OpenGraph,
    loaded: LoadedOutcomes,
    isAsync: boolean,
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
    this.#code = new TaskCode(graph, store.detect);
    this.#files = new KeptFiles(store, graph.name, isAsync, (of, task, bytes) => this.#saveAs(of, task, bytes));
    this.repairs = withUntold(store, loaded.repairs);
    this.kept = new Uint8Array(graph.topology.size);
    for (const pair of loaded.outcomes) {
      if (!Array.isArray(pair))
        throw new InvalidOptionError('store', 'one whose load() returns pairs of a task and its bytes', pair);
      const [task, bytes] = pair;
      if (!(bytes instanceof Uint8Array))
        throw new InvalidOptionError('store', 'one whose load() returns what was saved, as a Uint8Array', bytes, task);
      const id = graph.idByName.get(task);
      if (id === undefined || selected?.[id] === 0 || !graph.isUndecided(id)) continue;
      this.#bytes.set(id, bytes);
      this.#read(id, bytes);
      if (this.#isSource(id)) for (const file of this.#filesBefore(id)) learn(file.path, file);
      else if (!graph.outcomes.wasReset(id)) this.kept[id] = 1;
    }
    for (let id = 0; id < this.kept.length; id++) {
      if (!graph.outcomes.isPending(id) || selected?.[id] === 0) continue;
      graph.decisions.set(id, graph.outcomes.wasReset(id) ? WAS_RESET : NOTHING_STORED);
    }
  }

  begin(): void {
    UNTOLD.delete(this.#store);
    this.unseen = withoutTold(this.#store, this.#graph.name, this.#code.unseen());
    const resets = this.#graph.outcomes.takeResets();
    if (resets === undefined) return;
    const names = this.#graph.names.filter((_, id) => resets[id] === 1);
    this.#forgetting = promiseOf(this.#store.forget(this.#graph.name, names));
    // Told by flush().
    this.#forgetting?.catch(() => {});
    for (const id of this.#bytes.keys())
      if (resets[id] === 1) void this.#files.forget(this.#graph.names[id]!, this.#filesBefore(id));
  }

  recall(id: number): Recalled | Promise<Recalled> {
    if (this.#judge(id, () => false) !== 'kept') {
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

  #recalled(id: number): Recalled {
    try {
      return { held: heldResult(this.#stored.get(id)!) };
    } catch (error) {
      this.#hashes.delete(id);
      this.#decide(id, unreadable(error));
      return { error };
    }
  }

  foresee(id: number, runs: (dependency: number) => boolean): 'runs' | 'may run' | 'kept' {
    const verdict = this.#judge(id, runs);
    const foreseen = verdict === 'kept' ? this.#files.foresee(this.#stored.get(id)!.more.files ?? []) : undefined;
    return foreseen === undefined ? verdict : this.#decide(id, foreseen);
  }

  keepResult(id: number, result: unknown, facts: AttemptFacts, held?: HeldResult): void | Promise<void> {
    // Until it is known: what cannot be kept equals nothing.
    this.#hashes.set(id, NO_HASH);
    return goOn(this.#files.keep(this.#graph.names[id]!, result), (files) => {
      if (files !== undefined && this.#isSourceAsBefore(id, result, files)) return undefined;
      const outcome = { ...this.#header(id, facts, files), status: 'done', value: result } as const;
      const { bytes, valueHash } = encodedHeld(outcome, held);
      this.#hashes.set(id, valueHash);
      return this.#save(id, bytes, files);
    });
  }

  keepFailure(id: number, error: unknown, facts: AttemptFacts): void | Promise<void> {
    const { bytes } = encodeOutcome({ ...this.#header(id, facts), status: 'failed', value: error });
    return this.#save(id, bytes);
  }

  moved(): readonly Unseen[] {
    return withoutTold(this.#store, this.#graph.name, this.#code.moved());
  }

  flush(): void | Promise<void> {
    if (!this.#isAsync) {
      const flushed = promiseOf(this.#store.flushSync === undefined ? this.#store.flush() : this.#store.flushSync());
      flushed?.catch(() => {});
      if (flushed !== undefined) throw notAtOnce();
      return;
    }
    return (async () => {
      await this.#forgetting;
      await this.#store.flush();
    })();
  }

  /** The outcome of a task, in place of the one before, of which no content is needed any more. */
  #save(id: number, bytes: Uint8Array, files: readonly StoredFile[] = []): void | Promise<void> {
    const task = this.#graph.names[id]!;
    const saved = this.#saveAs(this.#graph.name, task, bytes);
    const before = this.#filesBefore(id).filter(({ parts }) => parts !== undefined);
    return before.length === 0 ? saved : goOn(saved, () => this.#files.forget(task, before, files));
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

  /** The files of the outcome that is stored of a task. */
  #filesBefore(id: number): readonly StoredFile[] {
    // If it cannot be read, its contents are not known.
    return this.#stored.get(id)?.more.files ?? [];
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
      const bytes = withFiles(this.#stored.get(id)!, this.#bytes.get(id)!, files);
      promiseOf(this.#store.save(this.#graph.name, this.#graph.names[id]!, bytes))?.catch(() => {});
    } catch {
      // It holds all the same. If the store has failed, flush() tells.
    }
  }

  /** Notes whose the files of a kept outcome are. @returns why it does not hold, if one of them is that of another task */
  #claim(id: number, files: readonly StoredFile[]): string | undefined {
    const overlap = FileClaims.of(this.#graph).claim(id, files, false, this);
    return overlap && `the file ${escaped(overlap.path)} is that of ${quoted(this.#graph.names[overlap.other]!)}`;
  }

  /** Of a task that will run again, at least how long it took is of interest. */
  #read(id: number, bytes: Uint8Array): void {
    try {
      const stored = decodeOutcome(this.#graph.names[id]!, bytes);
      this.#stored.set(id, stored);
      if (stored.status === 'done') this.durations.set(id, stored.durationMs);
    } catch (error) {
      if (!(error instanceof UnreadableOutcomeError)) throw error;
      this.#unreadable.set(id, error);
    }
  }

  #judge(id: number, runs: (dependency: number) => boolean): 'runs' | 'may run' | 'kept' {
    const stored = this.#stored.get(id);
    if (stored === undefined) return this.#decide(id, unreadable(this.#unreadable.get(id)));
    const inputs = this.#inputsOf(id);
    const unknown = inputs.find(runs);
    const inputHashes = inputs.map((input) => (runs(input) ? undefined : this.#hashOf(input)));
    const why =
      difference(stored, { ...this.#identity(id), inputHashes }) ??
      plainDifference(stored.more.plain, plainHashesOf(this.#graph.plain, id));
    if (why !== undefined)
      return this.#decide(id, { verdict: 'runs', why: stored.status === 'failed' ? failureText(stored) : why });
    if (unknown !== undefined) {
      return this.#decide(id, {
        verdict: 'may run',
        why: `the result of ${quoted(this.#graph.names[unknown]!)} may change`,
      });
    }
    this.#hashes.set(id, stored.valueHash);
    return this.#decide(id, KEPT);
  }

  #decide(id: number, decision: Decision): Decision['verdict'] {
    this.#graph.decisions.set(id, decision);
    return decision.verdict;
  }

  #header(id: number, { attempts, durationMs, atMs }: AttemptFacts, files?: readonly StoredFile[]) {
    const plain = plainHashesOf(this.#graph.plain, id);
    const identity = this.#identity(id);
    return {
      task: this.#graph.names[id]!,
      ...identity,
      inputHashes: this.#inputsOf(id).map((input) => this.#hashOf(input)),
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
    const { starts, ids } = this.#graph.topology.inputs;
    return [...ids.subarray(starts[id], starts[id + 1])];
  }

  /** Of a task that is done. */
  #hashOf(id: number): string {
    let hash = this.#hashes.get(id);
    if (hash === undefined) {
      const { outcomes } = this.#graph;
      hash = outcomes.held(id)?.hash ?? hashOfResult(outcomes.value(id));
      this.#hashes.set(id, hash);
    }
    return hash;
  }
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

/** @throws {@link InvalidOptionError} if the store answers with a promise, and promises are not waited for */
export function openOutcomes(
  store: OutcomeKeeper,
  graph: OpenGraph,
  isAsync: boolean,
  selected: Uint8Array | undefined,
): RunMemory | Promise<RunMemory> {
  const loaded = store.load(graph.name, selected && graph.names.filter((_, id) => selected[id] === 1));
  const promised = promiseOf(loaded);
  if (promised === undefined) return new KeptOutcomes(store, graph, loaded as LoadedOutcomes, isAsync, selected);
  if (isAsync) return promised.then((outcomes) => new KeptOutcomes(store, graph, outcomes, isAsync, selected));
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
