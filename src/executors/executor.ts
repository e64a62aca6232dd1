import { v7 as uuid } from 'uuid';
import { markAsOurs } from '../copy.js';
import { ExecutorClosedError, InvalidOptionError, InvariantError, quoted, ResultUnavailableError } from '../errors.js';
import type { RunReport } from '../events.js';
import type { PlannedTask } from '../graph/decision.js';
import { estimatesFrom, givenDurations } from '../graph/estimates.js';
import type { AnyTask } from '../graph/signature.js';
import {
  claimGraph,
  isGraph,
  type OpenGraph,
  openGraph,
  refuseBusyGraph,
  releaseGraph,
  type TaskGraph,
  UNNAMED,
} from '../graph/task-graph.js';
import { frozenMeta, matches, type TaskMeta } from '../graph/task-meta.js';
import type { Slots } from '../schedule/schedule.js';
import type { Memory, RunMemory } from '../store/run-memory.js';
import type { Attempt, LiveAttempt } from './attempt.js';
import { type Clock, systemClock } from './clock.js';
import { Emitter } from './emitter.js';
import { type LookedAgain, lookAgain, undone } from './looked-again.js';
import { checkMiddleware, headersFrom, type Middleware, surrounded } from './middleware.js';
import { Plan } from './plan.js';
import { type OnFailure, type Placing, Run, type RunHost } from './run.js';

/** How a graph is run. */
export interface RunOptions<Tasks extends object = any> {
  /** Aborts the run: nothing new starts, running attempts see it on their `context.signal`, and `run()` fails with {@link RunAbortedError}. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What to do when a task fails for good. `'continue'`, the default, skips what depends on it and runs all else. `'stop'` starts nothing new and lets
   * running attempts end. `'abort'` interrupts them too. The last two make `run()` fail with {@link RunFailedError}.
   */
  readonly onFailure?: OnFailure | undefined;
  /**
   * Run just these tasks and what they need. `{ meta }` means those of which `.meta()` says all of this, of which there
   * must be one. Default: all that are pending.
   */
  readonly only?: readonly ((keyof Tasks & string) | AnyTask)[] | { readonly meta: TaskMeta } | undefined;
  /**
   * How long tasks took in an earlier run, in milliseconds, by name: `timeline.durations()`, also of a run log. Of tasks that are ready, those start first
   * from which the way to the end takes longest. It goes before what a store knows of that; without either, the way counts in tasks.
   */
  readonly durations?: ReadonlyMap<string, number> | undefined;
}

/** What every executor can be given. */
export interface ExecutorOptions {
  /** Where the time comes from. Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
  /**
   * Where outcomes are kept: results that still hold are taken from it instead of running their tasks, and those of tasks that run are put into it. An
   * {@link OutcomeStore}, such as a {@link FileStore}; whoever made it closes it. Default: none.
   */
  readonly store?: Memory | undefined;
}

/** What tells one executor from another, besides where an attempt runs. */
export interface ExecutorSettings extends ExecutorOptions {
  readonly slots: Slots;
  readonly graceMs: number;
  readonly isAsync: boolean;
}

/** A run that is under way, and what it was asked for. */
interface ActiveRun {
  readonly run: Run;
  readonly options: RunOptions;
}

/** A run that is being begun, from before its graph is claimed for it. */
interface BegunRun {
  readonly graph: TaskGraph;
  isClaimed: boolean;
  run: Run | undefined;
}

/**
 * The runs that one signal aborts, behind one listener: a signal that ends a whole server may have any number of runs,
 * of any number of executors.
 */
interface SharedSignal {
  readonly runs: Set<Run>;
  readonly stopListening: () => void;
}

const sharedSignals = new WeakMap<AbortSignal, SharedSignal>();

const ON_FAILURE: readonly unknown[] = ['continue', 'stop', 'abort'] satisfies OnFailure[];

/**
 * Runs graphs. What is common to all executors is here: the order of things, retries, timeouts, aborts, events. They differ in where an attempt runs,
 * and in how many may run at once.
 *
 * An executor can be used again and again, also for several graphs at once. `Tasks` types its events by one graph: `new AsyncExecutor<TasksIn<typeof
 * graph>>()`.
 */
export abstract class Executor<Tasks extends object = any> extends Emitter<Tasks> implements AsyncDisposable {
  readonly #host: RunHost;
  readonly #slots: Slots;
  readonly #store: Memory | undefined;
  readonly #clock: Clock;
  /** Those that are under way, by their ids. */
  readonly #runs = new Map<string, ActiveRun>();
  readonly #middleware = new Set<{ readonly middleware: Middleware }>();
  /** Runs that are being begun, and synchronous ones until they have settled: an exception may leave them. */
  readonly #begun = new Set<BegunRun>();
  #closed = false;

  static {
    markAsOurs(Executor.prototype);
  }

  /** @internal */
  protected constructor({ clock = systemClock, store, slots, graceMs, isAsync }: ExecutorSettings) {
    super();
    if (store !== undefined && typeof store?.open !== 'function')
      throw new InvalidOptionError('store', 'a store: an instance of a class that extends OutcomeStore', store);
    this.#store = store;
    this.#clock = clock;
    this.#slots = slots;
    this.#host = { emitter: this, graceMs, isAsync };
  }

  /**
   * Runs every pending task of a graph whose dependencies can be done. What is done, failed or skipped already stays as it is.
   *
   * @returns what came of it, once nothing of the run is running any more
   * @throws {@link GraphBusyError} if the graph is being run
   * @throws {@link RunFailedError} if a task failed and `onFailure` is `'stop'` or `'abort'`
   * @throws {@link RunAbortedError} if the signal was aborted or the executor closed
   * @throws {@link ExecutorClosedError} if the executor was closed before
   */
  abstract run<T extends Tasks>(graph: TaskGraph<T>, options?: RunOptions<T>): RunReport | Promise<RunReport>;

  /**
   * Runs this one task with the results that its dependencies have. If it has failed or was skipped, it and what depends on it are reset first; if it is
   * done, nothing runs.
   *
   * @throws {@link ResultUnavailableError} if one of its dependencies is not done
   * @throws all that `run` throws
   */
  abstract runTask<T extends Tasks>(
    graph: TaskGraph<T>,
    task: (keyof T & string) | AnyTask,
    options?: Omit<RunOptions<T>, 'only'>,
  ): RunReport | Promise<RunReport>;

  /**
   * What a run would do, without running anything: the tasks that are pending, in the order in which they would start one after another, and of each whether it
   * runs and why. Without a store all of them run. With one, a task whose dependencies run may run or not: that hangs on what they return.
   *
   * @throws {@link GraphBusyError} if the graph is being run
   */
  abstract plan<T extends Tasks>(
    graph: TaskGraph<T>,
    options?: Pick<RunOptions<T>, 'only' | 'durations'>,
  ): readonly PlannedTask<keyof T & string>[] | Promise<readonly PlannedTask<keyof T & string>[]>;

  /**
   * Aborts one run, as its signal would: nothing new starts, running attempts see it on their `context.signal`, and its `run()` fails with
   * {@link RunAbortedError}. All other runs go on. For those who hear of a run by its events and have no signal of it.
   *
   * @param runId - as the events and the context of a function tell it
   * @param reason - what the run was aborted for: the `cause` of the error. Default: an `AbortError`, as of a signal
   * @returns whether such a run was under way here
   *
   * @example
   * import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const graph = new TaskGraphBuilder().task('rows', () => [3, 4]).task('sum', () => 7).build();
   * const executor = new AsyncExecutor({ concurrency: 1 });
   * executor.once('task:done', ({ runId }) => executor.abort(runId, new Error('closing time')));
   * const run = executor.run(graph);
   * await run.catch(({ code, cause }) => `${code}: ${cause.message}`); // => 'run-aborted: closing time'
   * graph.status('sum'); // => 'pending'
   */
  abort(runId: string, reason: unknown = AbortSignal.abort().reason): boolean {
    const active = this.#runs.get(runId);
    if (active === undefined || active.run.settled) return false;
    active.run.abort(reason);
    return true;
  }

  /**
   * Has what is said here go along with the attempts of every run that begins from now on: see {@link Middleware}. Whoever is added first is outermost.
   *
   * @returns a function that takes it away again. Runs that are under way go on with what they began with
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { AsyncLocalStorage } from 'node:async_hooks';
   * import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const current = new AsyncLocalStorage<string>();
   * const executor = new AsyncExecutor();
   * executor.use({
   *   around: ({ task }, call) => current.run(task, call),
   *   headers: ({ runId }) => ({ 'x-run': runId }),
   * });
   * const graph = new TaskGraphBuilder()
   *   .task('name', () => current.getStore())
   *   .task('headers').withContext().run(({ headers }) => Object.keys(headers))
   *   .build();
   * await executor.run(graph);
   * graph.result('name'); // => 'name'
   * graph.result('headers'); // => ['x-run']
   */
  use(middleware: Middleware): () => void {
    checkMiddleware(middleware);
    const added = { middleware };
    this.#middleware.add(added);
    return () => void this.#middleware.delete(added);
  }

  /**
   * Ends the executor: runs that are under way are aborted, further ones refused. Closing twice does no harm.
   *
   * @returns a promise that is fulfilled once nothing of the executor is running any more
   */
  async close(): Promise<void> {
    this.#closed = true;
    const runs = [...this.#runs.values()];
    for (const { run } of runs) run.abort(new ExecutorClosedError(this.constructor.name));
    await Promise.all(runs.map(({ run }) => run.whenSettled));
  }

  /** Closes at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Override point: where an attempt runs. The default calls the task's function here. Whatever this returns or throws is what the attempt returned or
   * threw; a promise is waited for, except by {@link SyncExecutor}.
   *
   * @example
   * import { type Attempt, AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * class Doubling extends AsyncExecutor {
   *   protected override async runAttempt(attempt: Attempt) {
   *     return 2 * Number(await super.runAttempt(attempt));
   *   }
   * }
   * const graph = new TaskGraphBuilder().task('answer', () => 21).build();
   * await new Doubling().run(graph);
   * graph.result('answer'); // => 42
   */
  protected runAttempt(attempt: Attempt): unknown {
    return attempt.invoke();
  }

  /** @internal Begins a run of what is pending, or of `only` and what that needs. */
  protected begin(graph: TaskGraph, options: RunOptions = {}, memory?: RunMemory, clock?: Clock): Run {
    return this.#begin(graph, options, {}, memory, clock);
  }

  /** @internal Begins a run of one task. */
  protected beginTask(
    graph: TaskGraph,
    task: string | AnyTask,
    options: Omit<RunOptions, 'only'> = {},
    memory?: RunMemory,
    clock?: Clock,
  ): Run {
    // Before anything is reset: a run that is refused changes nothing.
    this.#check(graph, options);
    refuseBusyGraph(graph);
    for (const dependency of graph.dependencies(task)) {
      const status = graph.status(dependency);
      if (status === 'done') continue;
      const name = quoted(typeof task === 'string' ? task : task.name);
      const reset = status === 'pending' ? '' : ', after graph.resetFailed()';
      throw new ResultUnavailableError(
        dependency,
        status,
        `Task ${name} needs it: run(graph, { only: [${name}] }) runs both${reset}.`,
      );
    }
    const status = graph.status(task);
    if (status === 'failed' || status === 'skipped') graph.reset(task);
    return this.#begin(graph, { ...options, only: [task] }, { isAlone: true }, memory, clock);
  }

  /** @internal What a run that is under way was asked for, to have it made again. */
  optionsOf(runId: string): RunOptions | undefined {
    return this.#runs.get(runId)?.options;
  }

  /**
   * @internal Refuses what `run()` would refuse, before anything is changed for it.
   *
   * @throws {@link GraphBusyError}
   * @throws {@link ExecutorClosedError}
   */
  refuse(graph: TaskGraph, options: RunOptions): void {
    this.#check(graph, options);
    refuseBusyGraph(graph);
  }

  /** @internal What the store keeps of a graph, or of `only` and what that needs, if there is a store. */
  protected recall(graph: TaskGraph, only: RunOptions['only']): RunMemory | Promise<RunMemory> | undefined {
    if (this.#store === undefined) return undefined;
    this.#check(graph, {});
    if (graph.name === UNNAMED) {
      throw new InvalidOptionError(
        'name',
        'given to new TaskGraphBuilder({ name }), since a store tells graphs apart by their names',
        undefined,
      );
    }
    refuseBusyGraph(graph);
    const open = openGraph(graph);
    // Where tasks are looked at again that are done, nobody knows yet which.
    const isOfAll = only === undefined || open.lineage !== undefined;
    const selected = isOfAll ? undefined : neededFor(open, idsOf(open, graph, only));
    return this.#store.open(open, this.#host.isAsync, () => this.#clock.now(), selected);
  }

  /** @internal What a run would do, by what is kept. */
  protected planned(
    graph: TaskGraph,
    { only, durations }: Pick<RunOptions, 'only' | 'durations'>,
    memory: RunMemory | undefined,
  ): PlannedTask[] {
    this.#check(graph, {});
    refuseBusyGraph(graph);
    const open = openGraph(graph);
    const named = only === undefined ? undefined : idsOf(open, graph, only);
    const planned = (selected: Uint8Array | undefined, known: RunMemory | undefined) =>
      new Plan(open, selected, known, estimatesOf(open, durations, known)).tasks();
    if (open.lineage === undefined) return planned(named && neededFor(open, named), memory);
    return undone(open, () => {
      const again = lookAgain(open, named)!;
      const selected = named && neededFor(open, named);
      return planned(selected, again.memory(selected, memory));
    });
  }

  #begin(
    graph: TaskGraph,
    options: RunOptions,
    which: { readonly isAlone?: boolean },
    stored: RunMemory | undefined,
    clock = this.#clock,
  ): Run {
    this.#check(graph, options);
    const { signal, onFailure = 'continue', only } = options;
    const open = openGraph(graph);
    const named = only === undefined ? undefined : idsOf(open, graph, only);
    const middleware = [...this.#middleware].map((added) => added.middleware);
    const runAttempt = this.#runsAttempts(middleware, clock);
    const headers = headersFrom(middleware);
    const placed = this.placing(graph);
    const { slots } = this;
    const runId = uuid();
    const begun: BegunRun = { graph, isClaimed: false, run: undefined };
    let release: (() => void) | undefined;
    const onSettled = () => {
      this.#runs.delete(runId);
      this.#begun.delete(begun);
      release?.();
    };
    this.#guard(begun);
    let run: Run;
    let again: LookedAgain | undefined;
    try {
      claimGraph(graph);
      begun.isClaimed = true;
      again = lookAgain(open, named, which.isAlone);
      const selected = named && neededFor(open, named);
      const memory = again === undefined ? stored : again.memory(selected, stored);
      run = new Run(this.#host, {
        runId,
        graph,
        clock,
        slots,
        runAttempt,
        headers,
        signal,
        onFailure,
        selected,
        placed,
        memory,
        estimates: estimatesOf(open, options.durations, memory),
        onSettled,
      });
    } catch (error) {
      again?.undo();
      if (begun.isClaimed) releaseGraph(graph);
      this.#begun.delete(begun);
      throw error;
    }
    begun.run = run;
    this.#runs.set(runId, { run, options });
    if (signal !== undefined) release = abortWith(signal, run);
    run.start();
    if (this.#host.isAsync) this.#begun.delete(begun);
    return run;
  }

  /**
   * A stack that overflows can throw anywhere, also where the run would be brought to its end. Then that is done once the
   * stack is free again. Asked for once for all runs of a turn: what is asked for in each would hold its graph until then.
   */
  #guard(begun: BegunRun): void {
    this.#begun.add(begun);
    if (this.#begun.size > 1) return;
    queueMicrotask(() => {
      for (const { graph, isClaimed, run } of this.#begun) {
        if (run === undefined && isClaimed) releaseGraph(graph);
        else run?.breakOff(new InvariantError(`run ${run.id} was left by an exception.`));
      }
      this.#begun.clear();
    });
  }

  #runsAttempts(middleware: readonly Middleware[], clock: Clock): ((attempt: LiveAttempt) => unknown) | undefined {
    // An attempt that nobody sees need not be made: calling the function is all that the default does with it.
    const runAttempt = this.overridesRunAttempt ? (attempt: Attempt) => this.runAttempt(attempt) : undefined;
    if (middleware.every(({ around }) => around === undefined)) return runAttempt;
    return surrounded(middleware, clock, runAttempt ?? ((attempt) => attempt.invoke()));
  }

  /** @internal How many attempts may be under way here at once. */
  protected get slots(): Slots {
    return this.#slots;
  }

  /** @internal A subclass says where attempts run. */
  protected get overridesRunAttempt(): boolean {
    return this.runAttempt !== Executor.prototype.runAttempt;
  }

  /** @internal Which tasks run at a place, if any do. */
  protected placing(_graph: TaskGraph): Placing | undefined {
    return undefined;
  }

  #check(graph: TaskGraph, { signal, onFailure }: Omit<RunOptions, 'only'>): void {
    if (!isGraph(graph)) throw new InvalidOptionError('graph', 'a TaskGraph, made by TaskGraphBuilder.build()', graph);
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw new InvalidOptionError('signal', 'an AbortSignal', signal);
    if (onFailure !== undefined && !ON_FAILURE.includes(onFailure)) {
      throw new InvalidOptionError('onFailure', "'continue', 'stop' or 'abort'", onFailure);
    }
    if (this.#closed) throw new ExecutorClosedError(this.constructor.name);
  }
}

/** @returns a function that ends it */
function abortWith(signal: AbortSignal, run: Run): () => void {
  const { runs, stopListening } = sharedSignals.get(signal) ?? shared(signal);
  runs.add(run);
  return () => {
    runs.delete(run);
    if (runs.size > 0) return;
    stopListening();
    sharedSignals.delete(signal);
  };
}

function shared(signal: AbortSignal): SharedSignal {
  const runs = new Set<Run>();
  const onAbort = () => {
    for (const run of [...runs]) run.abort(signal.reason);
  };
  signal.addEventListener('abort', onAbort);
  const made = { runs, stopListening: () => signal.removeEventListener('abort', onAbort) };
  sharedSignals.set(signal, made);
  return made;
}

/** How long each task is thought to take; `undefined` if nothing is known of earlier runs. */
function estimatesOf(
  open: OpenGraph,
  given: RunOptions['durations'],
  memory: RunMemory | undefined,
): Float64Array | undefined {
  if (given === undefined) return memory && estimatesFrom(open, memory.durations);
  return estimatesFrom(open, new Map([...(memory?.durations ?? []), ...givenDurations(open, given)]));
}

/** The tasks that `only` names. */
function idsOf({ idByName, settings }: OpenGraph, graph: TaskGraph, only: NonNullable<RunOptions['only']>): number[] {
  if (!Array.isArray(only)) return idsWith(settings, only as { readonly meta?: unknown } | null);
  return only.map((task: string | AnyTask) => {
    // Asking for the status throws the graph's own error, with the nearest name, where there is no such task.
    graph.status(task);
    return idByName.get(typeof task === 'string' ? task : task.name)!;
  });
}

/** The tasks of which `.meta()` says all of this. That there are none is taken for a mistake, as is a name that there is not. */
function idsWith(settings: OpenGraph['settings'], only: { readonly meta?: unknown } | null): number[] {
  const wanted = typeof only === 'object' && only !== null ? frozenMeta(only.meta) : undefined;
  if (wanted === undefined)
    throw new InvalidOptionError('only', 'a list of task names or handles, or { meta } to find them by', only);
  const ids = [...settings.keys()].filter((id) => matches(settings[id]!.meta, wanted));
  if (ids.length === 0) throw new InvalidOptionError('only.meta', 'what .meta() says of some task', wanted);
  return ids;
}

/**
 * A 1 for each of these tasks and for all that must still be done before them, as far as they are pending and can come
 * to a result: what depends on a task that has failed will be skipped, so nothing need run for it.
 */
function neededFor({ topology, outcomes }: OpenGraph, tasks: readonly number[]): Uint8Array {
  const selected = new Uint8Array(topology.size);
  const hopeless = hopelessTasks({ topology, outcomes });
  const stack: number[] = [];
  const select = (id: number) => {
    if (selected[id] === 1 || !outcomes.isPending(id) || hopeless?.[id] === 1) return;
    selected[id] = 1;
    stack.push(id);
  };
  for (const id of tasks) select(id);
  const { starts, ids } = topology.dependencies;
  for (let id = stack.pop(); id !== undefined; id = stack.pop())
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) select(ids[edge]!);
  return selected;
}

/**
 * A 1 for each pending task that depends, directly or not, on one that has failed or was skipped; `undefined` if none
 * has.
 */
function hopelessTasks({ topology, outcomes }: Pick<OpenGraph, 'topology' | 'outcomes'>): Uint8Array | undefined {
  const stack: number[] = [];
  for (let id = 0; id < topology.size; id++) if (outcomes.isFailed(id) || outcomes.isSkipped(id)) stack.push(id);
  if (stack.length === 0) return undefined;
  const hopeless = new Uint8Array(topology.size);
  const { starts, ids } = topology.dependents;
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const dependent = ids[edge]!;
      // One that is done keeps its result, and what depends on it can run.
      if (hopeless[dependent] === 1 || !outcomes.isPending(dependent)) continue;
      hopeless[dependent] = 1;
      stack.push(dependent);
    }
  }
  return hopeless;
}
