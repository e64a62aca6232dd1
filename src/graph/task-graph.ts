import { COPY, copyOf, markAsOurs, refuseOtherCopy } from '../copy.js';
import type { DrawnGraph } from '../drawing/drawn-graph.js';
import { type GraphPictureOptions, graphPictureOf } from '../drawing/graph-picture.js';
import { dotOf, type MermaidOptions, mermaidOf } from '../drawing/graph-text.js';
import type { Picture } from '../drawing/picture.js';
import {
  described,
  GraphBusyError,
  InvalidOptionError,
  quoted,
  ResultUnavailableError,
  RunFailedError,
  UnknownTaskError,
} from '../errors.js';
import { type Decision, EACH_RUN, NOT_RUN_YET, WAS_RESET } from './decision.js';
import { Lineage } from './lineage.js';
import { nearestName } from './nearest-name.js';
import { type Outcome, OutcomeTable, type StatusCounts, type TaskStatus } from './outcome.js';
import type { PlainArguments } from './plain-arguments.js';
import { criticalPath, type StartOrder, startOrder } from './rank.js';
import type { AnyTask, MarkedOptions, MarkedResult, Replacement, ResultOf, SignatureOf } from './signature.js';
import type { TaskFunction, TaskSettings } from './task.js';
import type { Topology } from './topology.js';

/** All that a graph is made of. The builder hands it over and keeps nothing of it. */
export interface GraphPlan {
  readonly name: string;
  readonly names: readonly string[];
  readonly idByName: ReadonlyMap<string, number>;
  readonly functions: TaskFunction[];
  readonly settings: readonly TaskSettings[];
  readonly topology: Topology;
  /** The tasks that run in each run. */
  readonly always: readonly number[];
  /** `undefined` if no task has any. */
  readonly plain: PlainArguments | undefined;
}

/** How `reset()` is meant. */
export interface ResetOptions {
  /**
   * Whether everything that depends on the tasks is pending again too. If not, it stays as it is until the next run, and
   * runs only if what it was made from is another then. Default true.
   */
  readonly descendants?: boolean | undefined;
}

/** What a run works on: the parts of a graph that its public methods keep to themselves. */
export class OpenGraph implements GraphPlan {
  readonly name: string;
  readonly names: readonly string[];
  readonly idByName: ReadonlyMap<string, number>;
  readonly functions: TaskFunction[];
  readonly settings: readonly TaskSettings[];
  readonly topology: Topology;
  readonly outcomes: OutcomeTable;
  readonly always: readonly number[];
  readonly plain: PlainArguments | undefined;
  #lineage: Lineage | undefined;
  /** Why tasks run or are kept, as the latest run or plan with a store found. */
  readonly decisions: Map<number, Decision> = new Map<number, Decision>();
  #startOrder: StartOrder | undefined;

  constructor({ name, names, idByName, functions, settings, topology, always, plain }: GraphPlan) {
    this.name = name;
    this.names = names;
    this.idByName = idByName;
    this.functions = functions;
    this.settings = settings;
    this.topology = topology;
    this.outcomes = new OutcomeTable(names.length);
    this.always = always;
    this.plain = plain;
  }

  /** What its results were made from, if a task may run again without all that depends on it. */
  get lineage(): Lineage | undefined {
    return this.#lineage ?? (this.always.length === 0 ? undefined : this.traced());
  }

  /** The same, and from now on a task may. */
  traced(): Lineage {
    const { topology, outcomes } = this;
    this.#lineage ??= new Lineage({ topology, outcomes, always: this.always });
    return this.#lineage;
  }

  /** Whether a run may come to decide about a task: it is pending, or may become so. */
  isUndecided(id: number): boolean {
    return this.outcomes.isPending(id) || (this.lineage?.mayLookAt(id) ?? false);
  }

  /**
   * What a run decides about, in the order of a run of which it is known how long tasks take.
   *
   * @param estimates - in milliseconds, by task id; `undefined` if nothing is known
   */
  orderedBy(estimates: Float64Array | undefined): Pick<OpenGraph, 'topology' | 'outcomes' | 'startOrder'> {
    if (estimates === undefined) return this;
    const { topology, outcomes, settings } = this;
    return { topology, outcomes, startOrder: startOrder(topology, settings, estimates) };
  }

  /** Worked out when it is first asked for: many graphs are only drawn, or asked who depends on whom. */
  get startOrder(): StartOrder {
    this.#startOrder ??= startOrder(this.topology, this.settings);
    return this.#startOrder;
  }
}

/** What is known of a graph, as plain data. `build()` takes it as it is: `builder.build(JSON.parse(text))`. */
export interface GraphJSON {
  readonly name: string;
  /** The names of all tasks that are done. */
  readonly done: readonly string[];
  /** The results that are not `undefined`, as pairs, so that any name is safe. */
  readonly results: readonly (readonly [name: string, result: unknown])[];
  readonly failed: readonly (readonly [name: string, error: string])[];
  readonly skipped: readonly (readonly [name: string, because: string])[];
  /** The names of those whose given results are still to be saved in a store, if there are any. */
  readonly save?: readonly string[];
}

/** What executors and pictures reach of a graph, which its public methods keep to themselves. */
interface Inside {
  open(graph: TaskGraph): OpenGraph;
  refuseBusy(graph: TaskGraph): void;
  claim(graph: TaskGraph): void;
  release(graph: TaskGraph): void;
  picture(graph: TaskGraph, options: GraphPictureOptions): Picture;
}

/** Under this every copy of the package finds the inside of a graph. Copies of one version are the same there. */
const INSIDE = Symbol.for('taskmap-ts.graph');

/** @throws {@link TwoCopiesError} if it was made by a copy of another version */
function insideOf(graph: TaskGraph): Inside {
  if (copyOf(graph)?.version !== COPY.version) refuseOtherCopy(graph, TaskGraph.name);
  return (graph as unknown as { readonly [INSIDE]: Inside })[INSIDE];
}

/** Makes a graph. For the builder. */
export let createGraph: (plan: GraphPlan) => TaskGraph;

/**
 * Whether it is a graph that can be run here.
 *
 * @throws {@link TwoCopiesError} if it is one, made by a copy of another version
 */
export function isGraph(value: unknown): value is TaskGraph {
  if (value instanceof TaskGraph) return true;
  if (typeof value !== 'object' || value === null) return false;
  return insideOf(value as TaskGraph) !== undefined;
}

/** The inside of a graph. For executors. */
export function openGraph(graph: TaskGraph): OpenGraph {
  return insideOf(graph).open(graph);
}

/** Throws {@link GraphBusyError} if the graph is being run. For executors. */
export function refuseBusyGraph(graph: TaskGraph): void {
  insideOf(graph).refuseBusy(graph);
}

/** Makes a graph busy until {@link releaseGraph}. For executors. */
export function claimGraph(graph: TaskGraph): void {
  insideOf(graph).claim(graph);
}

/** Ends what {@link claimGraph} began. For executors. */
export function releaseGraph(graph: TaskGraph): void {
  insideOf(graph).release(graph);
}

/** What `toSVG` returns, and the style sheet in it. For reports. */
export function pictureOf(graph: TaskGraph, options: GraphPictureOptions): Picture {
  return insideOf(graph).picture(graph, options);
}

/** What a graph is called that was given no name. */
export const UNNAMED = 'graph';

const FAILURES_INSPECTED = 5;

/**
 * Tasks, who depends on whom, and what is known of each task so far. A {@link TaskGraphBuilder} makes it, an executor runs it, and it can be run
 * again: only what is pending runs. Wherever a task is meant, its name or the handle that `.task(…)` returned will do.
 *
 * `Tasks` maps each name to the signature of its function.
 *
 * @example
 * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * let broken = true;
 * const graph = new TaskGraphBuilder()
 *   .task('rows', () => [3, 4])
 *   .task('sum').dependsOn('rows').run((rows) => {
 *     if (broken) throw new Error('no electricity');
 *     return rows.reduce((a, b) => a + b);
 *   })
 *   .build();
 * const executor = new SyncExecutor();
 * executor.run(graph);
 * graph.status('sum'); // => 'failed'
 * broken = false;
 * executor.run(graph.resetFailed());
 * graph.result('sum'); // => 7
 */
export class TaskGraph<Tasks extends object = any> {
  /** The name given to the builder; `'graph'` if none was. */
  readonly name: string;
  /** How many tasks there are. */
  readonly size: number;
  readonly #open: OpenGraph;
  readonly #outcomes: OutcomeTable;
  #busy = false;

  static {
    createGraph = (plan) => new TaskGraph(plan);
    const inside: Inside = {
      open: (graph) => graph.#open,
      refuseBusy: (graph) => graph.#refuseIfBusy('run'),
      claim: (graph) => {
        graph.#refuseIfBusy('run');
        graph.#busy = true;
      },
      release: (graph) => {
        graph.#busy = false;
      },
      picture: (graph, options) => graph.#picture(options),
    };
    Object.defineProperty(TaskGraph.prototype, INSIDE, { value: inside });
    markAsOurs(TaskGraph.prototype);
    // What console.log prints under Node; browsers have no such hook.
    Object.defineProperty(TaskGraph.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: TaskGraph) {
        return this.toString();
      },
    });
  }

  private constructor(plan: GraphPlan) {
    this.name = plan.name;
    this.size = plan.names.length;
    this.#open = new OpenGraph(plan);
    this.#outcomes = this.#open.outcomes;
  }

  // Questions about the tasks.

  /** All task names, as declared. */
  names(): (keyof Tasks & string)[] {
    return [...this.#open.names] as (keyof Tasks & string)[];
  }

  /** Whether there is a task of this name. */
  has(name: string): name is keyof Tasks & string {
    return this.#open.idByName.has(name);
  }

  /** All names, each behind the names it depends on. */
  order(): (keyof Tasks & string)[] {
    return this.#named(this.#open.topology.order);
  }

  /**
   * What must be done before this task starts: those whose results it takes, in the order of its arguments, then those it only waits for.
   *
   * @throws {@link UnknownTaskError}
   */
  dependencies(task: (keyof Tasks & string) | AnyTask): (keyof Tasks & string)[] {
    const { starts, ids } = this.#open.topology.dependencies;
    const id = this.#id(task);
    return this.#named(ids.subarray(starts[id], starts[id + 1]));
  }

  /**
   * The tasks that depend on this one directly, as declared.
   *
   * @throws {@link UnknownTaskError}
   */
  dependents(task: (keyof Tasks & string) | AnyTask): (keyof Tasks & string)[] {
    const { starts, ids } = this.#open.topology.dependents;
    const id = this.#id(task);
    return this.#named(ids.subarray(starts[id], starts[id + 1]));
  }

  /**
   * Everything this task depends on, directly or not, in topological order.
   *
   * @throws {@link UnknownTaskError}
   */
  ancestors(task: (keyof Tasks & string) | AnyTask): (keyof Tasks & string)[] {
    return this.#named(this.#open.topology.ancestors([this.#id(task)]));
  }

  /**
   * Everything that depends on this task, directly or not, in topological order.
   *
   * @throws {@link UnknownTaskError}
   */
  descendants(task: (keyof Tasks & string) | AnyTask): (keyof Tasks & string)[] {
    return this.#named(this.#open.topology.descendants([this.#id(task)]));
  }

  /** The longest way through the graph, counted in tasks: what no number of workers can shorten. */
  criticalPath(): (keyof Tasks & string)[] {
    return this.#named(criticalPath(this.#open.topology));
  }

  /** What could start now: pending tasks whose dependencies are all done, in the order in which an executor would start them. */
  ready(): (keyof Tasks & string)[] {
    const { starts, ids } = this.#open.topology.dependencies;
    const ready: number[] = [];
    for (const id of this.#open.startOrder.ids) {
      if (!this.#outcomes.isPending(id)) continue;
      let edge = starts[id]!;
      while (edge < starts[id + 1]! && this.#outcomes.isDone(ids[edge]!)) edge++;
      if (edge === starts[id + 1]!) ready.push(id);
    }
    return this.#named(ready);
  }

  // Questions about what is known of them.

  /**
   * All that is known of a task.
   *
   * @throws {@link UnknownTaskError}
   */
  outcome<const K extends (keyof Tasks & string) | AnyTask>(task: K): Outcome<ResultOf<SignatureOf<Tasks, never, K>>> {
    return this.#outcome(this.#id(task)) as Outcome<ResultOf<SignatureOf<Tasks, never, K>>>;
  }

  /**
   * Where a task is in its life.
   *
   * @throws {@link UnknownTaskError}
   */
  status(task: (keyof Tasks & string) | AnyTask): TaskStatus {
    return this.#outcomes.status(this.#id(task));
  }

  /**
   * What a task returned.
   *
   * @throws {@link ResultUnavailableError} if the task is not done; its `cause` is what the task threw, if it failed
   * @throws {@link UnknownTaskError}
   */
  result<const K extends (keyof Tasks & string) | AnyTask>(task: K): ResultOf<SignatureOf<Tasks, never, K>> {
    const id = this.#id(task);
    if (!this.#outcomes.isDone(id)) throw this.#noResult(id);
    return this.#outcomes.value(id) as ResultOf<SignatureOf<Tasks, never, K>>;
  }

  /** The results of all tasks that are done, as they are now: a frozen object without a prototype, so that any name is safe. */
  get results(): { readonly [K in keyof Tasks]?: ResultOf<Tasks[K]> } {
    const results = Object.create(null) as Record<string, unknown>;
    for (let id = 0; id < this.size; id++) {
      if (this.#outcomes.isDone(id)) results[this.#open.names[id]!] = this.#outcomes.value(id);
    }
    return Object.freeze(results) as { readonly [K in keyof Tasks]?: ResultOf<Tasks[K]> };
  }

  /**
   * What a failed task threw in its last attempt; `undefined` for a task that has not failed.
   *
   * @throws {@link UnknownTaskError}
   */
  failure(task: (keyof Tasks & string) | AnyTask): unknown {
    const id = this.#id(task);
    return this.#outcomes.isFailed(id) ? this.#outcomes.value(id) : undefined;
  }

  /** What each failed task threw, by name, as declared. Skipped tasks are not in it: nothing was thrown there. */
  failures(): Map<keyof Tasks & string, unknown> {
    const failures = new Map<string, unknown>();
    for (let id = 0; id < this.size; id++) {
      if (this.#outcomes.isFailed(id)) failures.set(this.#open.names[id]!, this.#outcomes.value(id));
    }
    return failures as Map<keyof Tasks & string, unknown>;
  }

  /** How many tasks are pending, running, done, failed and skipped. */
  counts(): StatusCounts {
    return this.#outcomes.counts();
  }

  /**
   * For those who want a failure to be an error.
   *
   * @throws {@link RunFailedError} if any task has failed
   */
  throwIfFailed(): this {
    const failures = this.failures();
    if (failures.size > 0) throw new RunFailedError(this.name, failures);
    return this;
  }

  /**
   * Which tasks an executor cannot run as they are, and why: what its `run()` would throw, without running anything. Empty if it can run all of them.
   *
   * A store tells which tasks use something that it cannot see change, and what.
   *
   * @param asked - an executor with worker threads, to which functions have to be sent, or a store
   */
  check(asked: { check(graph: TaskGraph): ReadonlyMap<string, string> }): ReadonlyMap<string, string> {
    return asked.check(this);
  }

  /**
   * Why a task will run, or will not, in one line. With a store, a run and `executor.plan()` find that out:
   *
   * ```text
   * runs: the result of "rows" changed
   * may run: the result of "rows" may change
   * kept: same version and inputs
   * ```
   *
   * @throws {@link UnknownTaskError}
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const graph = new TaskGraphBuilder().task('rows', () => [3, 4]).build();
   * graph.explain('rows'); // => 'runs: not run before'
   * new SyncExecutor().run(graph);
   * graph.explain('rows'); // => 'ran: not run before'
   * graph.reset('rows').explain('rows'); // => 'runs: it was reset'
   */
  explain(task: (keyof Tasks & string) | AnyTask): string {
    const id = this.#id(task);
    const { verdict, why } = this.#open.decisions.get(id) ?? this.#undecided(id);
    const status = this.#outcomes.status(id);
    switch (status) {
      case 'pending':
      case 'running':
        return `${verdict}: ${why}`;
      case 'done': {
        const source = this.#outcomes.source(id);
        if (source === 'given') return 'kept: its result was given';
        if (source !== 'run') return `kept: ${why}`;
        // A run without a store finds nothing out: what the one before had found was not why.
        return `ran: ${verdict === 'runs' || verdict === 'may run' ? why : NOT_RUN_YET.why}`;
      }
      case 'failed': {
        const what = verdict === 'fails' ? why : described(this.#outcomes.value(id));
        return `failed: ${what}. It runs again ${this.#whenTriedAgain(id)}`;
      }
      case 'skipped':
        return `skipped: ${quoted(this.#open.names[this.#outcomes.because(id)]!)} failed. It runs again ${this.#whenTriedAgain(id)}`;
      default:
        return status satisfies never;
    }
  }

  // Changes. Each refuses while the graph is being run.

  /**
   * Makes these tasks, and everything that depends on them, pending again. Without names it changes nothing.
   *
   * With `{ descendants: false }` behind the tasks, they alone run again for sure. What depends on them and is done runs
   * only if what it takes is another then.
   *
   * @throws {@link UnknownTaskError}
   * @throws {@link GraphBusyError}
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const graph = new TaskGraphBuilder()
   *   .task('rows', () => [3, 4])
   *   .task('sum').dependsOn('rows').run(([a, b]) => a! + b!)
   *   .build();
   * const executor = new SyncExecutor();
   * executor.run(graph);
   * executor.run(graph.reset('rows', { descendants: false })).attemptCount; // => 1
   * graph.explain('sum'); // => 'kept: same inputs'
   */
  reset(
    ...tasks: readonly ((keyof Tasks & string) | AnyTask)[] | [...((keyof Tasks & string) | AnyTask)[], ResetOptions]
  ): this {
    this.#refuseIfBusy('reset');
    const last = tasks.at(-1);
    const options = isResetOptions(last) ? last : {};
    const ids = (options === last ? tasks.slice(0, -1) : tasks).map((task) => this.#id(task as string | AnyTask));
    if (flagOf(options)) {
      for (const id of ids) this.#reset(id);
      for (const id of this.#open.topology.descendants(ids)) this.#reset(id);
      return this;
    }
    this.#open.traced().beforeReset(ids);
    for (const id of ids) this.#reset(id);
    for (const id of this.#open.topology.descendants(ids)) this.#retry(id);
    return this;
  }

  /**
   * Makes every task pending again.
   *
   * @throws {@link GraphBusyError}
   */
  resetAll(): this {
    this.#refuseIfBusy('reset');
    for (let id = 0; id < this.size; id++) this.#reset(id);
    return this;
  }

  /**
   * Makes every failed and every skipped task pending again, and no other. Failures that a store keeps count no longer.
   *
   * @throws {@link GraphBusyError}
   */
  resetFailed(): this {
    this.#refuseIfBusy('reset');
    for (let id = 0; id < this.size; id++) this.#retry(id);
    return this;
  }

  /**
   * Gives a task another function, for the runs to come. What is known of the task stays: reset it to have the new function run.
   *
   * @param fn - takes the same arguments and returns the same type as the one it replaces
   * @throws {@link UnknownTaskError}
   * @throws {@link GraphBusyError}
   */
  replace<const K extends (keyof Tasks & string) | AnyTask>(
    task: K,
    fn: Replacement<SignatureOf<Tasks, never, K>>,
  ): this {
    this.#refuseIfBusy('change');
    const id = this.#id(task);
    if (typeof fn !== 'function')
      throw new TypeError(
        `Expected the new function of task ${quoted(this.#open.names[id]!)} to be a function, got ${described(fn)}.`,
      );
    this.#open.functions[id] = fn as TaskFunction;
    return this;
  }

  /**
   * Makes a task done without running it. Tasks that were skipped because of it can run again.
   *
   * @param result - the result, which may be left out where it may be `undefined`; behind it `{ save: true }` has the next
   * run with a store save it, as if the task had returned it: for what a person decides, and other processes go on with
   * @throws {@link UnknownTaskError}
   * @throws {@link GraphBusyError}
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { MemoryStore, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const executor = new SyncExecutor({ store: new MemoryStore() });
   * const build = () => new TaskGraphBuilder({ name: 'order' }).task('approved', (): boolean => false).build();
   * executor.run(build().markDone('approved', true, { save: true }));
   * const next = build();
   * executor.run(next).attemptCount; // => 0
   * next.result('approved'); // => true
   * next.explain('approved'); // => 'kept: its result was given'
   */
  markDone<const K extends (keyof Tasks & string) | AnyTask>(
    task: K,
    ...result: MarkedResult<ResultOf<SignatureOf<Tasks, never, K>>>
  ): this {
    this.#refuseIfBusy('change');
    const [given, options = {}] = result as [unknown?, MarkedOptions?];
    const { save = false } = options;
    if (typeof save !== 'boolean') throw new InvalidOptionError('save', 'true or false', save);
    const id = this.#id(task);
    this.#markDone(id, given);
    this.#outcomes.saveGiven(id, save);
    return this;
  }

  /**
   * Makes these tasks pending and all others done. What is done already keeps its result; what was not gets `undefined`.
   *
   * @throws {@link UnknownTaskError}
   * @throws {@link GraphBusyError}
   */
  markDoneExcept(...tasks: readonly ((keyof Tasks & string) | AnyTask)[]): this {
    this.#refuseIfBusy('change');
    const excepted = new Set(tasks.map((task) => this.#id(task)));
    for (let id = 0; id < this.size; id++) {
      if (excepted.has(id)) this.#beforeChange(id);
      if (excepted.has(id)) this.#reset(id);
      else if (!this.#outcomes.isDone(id)) this.#give(id, undefined);
    }
    return this;
  }

  // The graph as text.

  /**
   * What is known, for `JSON.stringify`. `builder.build(JSON.parse(text))` takes it up again, as far as JSON can hold the
   * results. What the next run would look at again is left out: tasks with `always`, and what hangs on them.
   */
  toJSON(): GraphJSON {
    const done: string[] = [];
    const results: [string, unknown][] = [];
    const failed: [string, string][] = [];
    const skipped: [string, string][] = [];
    const lookedAt = this.#lookedAtAgain();
    for (let id = 0; id < this.size; id++) {
      if (lookedAt?.has(id)) continue;
      const name = this.#open.names[id]!;
      const outcome = this.#outcome(id);
      if (outcome.status === 'done') done.push(name);
      if (outcome.status === 'done' && outcome.result !== undefined) results.push([name, outcome.result]);
      if (outcome.status === 'failed') failed.push([name, described(outcome.error)]);
      if (outcome.status === 'skipped') skipped.push([name, outcome.because]);
    }
    const save = this.#named(this.#outcomes.toSave);
    return { name: this.name, done, results, failed, skipped, ...(save.length === 0 ? {} : { save }) };
  }

  /** The graph in the DOT language of Graphviz, boxes coloured by outcome. */
  toDot(): string {
    return dotOf(this.#drawn((id) => this.#outcomes.status(id)));
  }

  /**
   * The graph as a Mermaid flowchart, boxes coloured by outcome. What would be more than renderers take, 500 edges or
   * 50 000 characters, is drawn in groups, as in {@link toSVG}, and each box tells how many tasks it is; `group`
   * decides that otherwise.
   *
   * @throws {@link InvalidOptionError}
   */
  toMermaid(options: MermaidOptions = {}): string {
    return mermaidOf(
      this.#drawn((id) => this.#outcomes.status(id)),
      options,
    );
  }

  /**
   * The graph as a picture: SVG that is a file of its own, refers to nothing, and follows whether its reader prefers a
   * light or a dark ground. Statuses are told by mark and border as well as by colour, io-bound tasks have round ends,
   * edges that only order are dashed. Of more than 500 tasks or 5000 edges, those whose names begin alike are drawn as
   * one box that tells how many of them have which status; `group` decides that otherwise.
   *
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';
   *
   * const graph = new TaskGraphBuilder({ name: 'feed' })
   *   .task('fetch', () => '<rss>')
   *   .task('parse').dependsOn('fetch').run((text) => text.length)
   *   .build();
   * const executor = new SyncExecutor();
   * const timeline = new Timeline().listen(executor);
   * executor.run(graph);
   * const svg = graph.toSVG({ title: 'Last night', durations: timeline.durations() });
   * svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"'); // => true
   */
  toSVG(options: GraphPictureOptions = {}): string {
    return this.#picture(options).svg;
  }

  /** A few lines for people, also what `console.log` prints: how far the graph is, what failed first, and what could start. */
  toString(): string {
    const counts = Object.entries(this.counts()).filter(([, count]) => count > 0);
    const lines = [`TaskGraph ${quoted(this.name)}: ${this.size} ${this.size === 1 ? 'task' : 'tasks'}`];
    if (counts.length > 0) lines[0] += ` (${counts.map(([status, count]) => `${count} ${status}`).join(', ')})`;
    const failures = [...this.failures()];
    for (const [name, error] of failures.slice(0, FAILURES_INSPECTED))
      lines.push(`  failed: ${quoted(name)}, ${described(error)}`);
    if (failures.length > FAILURES_INSPECTED)
      lines.push(`  … and ${failures.length - FAILURES_INSPECTED} more failures`);
    const ready = this.ready();
    if (ready.length > 0)
      lines.push(
        `  ready: ${ready.slice(0, FAILURES_INSPECTED).map(quoted).join(', ')}${ready.length > FAILURES_INSPECTED ? ', …' : ''}`,
      );
    return lines.join('\n');
  }

  // Helpers.

  #picture(options: GraphPictureOptions): Picture {
    // A result that was not made by a run is shown as one that was kept.
    const statusOf = (id: number) =>
      this.#outcomes.isDone(id) && this.#outcomes.source(id) !== 'run' ? 'kept' : this.#outcomes.status(id);
    return graphPictureOf(this.#drawn(statusOf), options);
  }

  #drawn(statusOf: DrawnGraph['statusOf']): DrawnGraph {
    const { name, names, topology, settings } = this.#open;
    return {
      name,
      names,
      dependencies: topology.dependencies,
      inputs: topology.inputs,
      isIoBound: (id) => settings[id]!.ioBound,
      statusOf,
    };
  }

  #id(task: string | AnyTask): number {
    const name = typeof task === 'string' ? task : (task as AnyTask | undefined)?.name;
    const id = this.#open.idByName.get(name as string);
    if (id === undefined)
      throw new UnknownTaskError(String(name), this.name, nearestName(String(name), this.#open.names));
    return id;
  }

  #named(ids: Iterable<number>): (keyof Tasks & string)[] {
    return Array.from(ids, (id) => this.#open.names[id]!) as (keyof Tasks & string)[];
  }

  #outcome(id: number): Outcome {
    const status = this.#outcomes.status(id);
    switch (status) {
      case 'pending':
      case 'running':
        return { status };
      case 'done': {
        const source = this.#outcomes.source(id);
        const held = this.#outcomes.held(id);
        if (held === undefined) return { status, result: this.#outcomes.value(id), source };
        return {
          status,
          get result() {
            return held.value;
          },
          source,
        };
      }
      case 'failed':
        return { status, error: this.#outcomes.value(id), attempts: this.#outcomes.attempts(id) };
      case 'skipped':
        return { status, because: this.#open.names[this.#outcomes.because(id)]! };
      default:
        return status satisfies never;
    }
  }

  #noResult(id: number): ResultUnavailableError {
    const outcome = this.#outcome(id);
    const name = this.#open.names[id]!;
    switch (outcome.status) {
      case 'failed':
        return new ResultUnavailableError(
          name,
          'failed',
          `It threw ${described(outcome.error)}. Mend the cause, then graph.resetFailed() and run again.`,
          {
            cause: outcome.error,
          },
        );
      case 'skipped':
        return new ResultUnavailableError(
          name,
          'skipped',
          `Task ${quoted(outcome.because)} failed first: graph.failure(${quoted(outcome.because)}) says why.`,
        );
      case 'running':
        return new ResultUnavailableError(name, 'running', 'Wait until run() has settled.');
      default:
        return new ResultUnavailableError(
          name,
          'pending',
          this.#open.decisions.get(id)?.verdict === 'not needed'
            ? `It is transient, and was not needed: all that takes its result is kept. An executor's run(graph, { only: [${quoted(name)}] }) makes it.`
            : 'Run the graph with an executor first.',
        );
    }
  }

  #reset(id: number): void {
    const { decisions } = this.#open;
    this.#outcomes.reset(id);
    this.#open.lineage?.forget(id);
    if (decisions.size > 0) decisions.delete(id);
  }

  /** What was made from its result stays: should that be asked for later, it is known from what. */
  #beforeChange(id: number): void {
    if (!this.#outcomes.isDone(id)) return;
    const { starts, ids } = this.#open.topology.dependents;
    const hasMade = (dependent: number) =>
      this.#outcomes.isDone(dependent) && this.#outcomes.source(dependent) !== 'given';
    if (ids.subarray(starts[id], starts[id + 1]).some(hasMade)) this.#open.traced().beforeChange(id);
  }

  #retry(id: number): void {
    if (this.#outcomes.isFailed(id) && this.#open.settings[id]!.keepFailures !== undefined) this.#outcomes.retry(id);
    else if (this.#outcomes.isFailed(id) || this.#outcomes.isSkipped(id)) this.#outcomes.pending(id);
  }

  #give(id: number, result: unknown): void {
    this.#beforeChange(id);
    this.#outcomes.done(id, result, 'given');
    this.#open.lineage?.forget(id);
  }

  /** Why a task runs of which neither a run nor a plan has decided anything. */
  #undecided(id: number): Decision {
    if (this.#open.lineage?.isAlways(id)) return EACH_RUN;
    return this.#outcomes.wasReset(id) ? WAS_RESET : NOT_RUN_YET;
  }

  /** The tasks that the next run would look at again. */
  #lookedAtAgain(): ReadonlySet<number> | undefined {
    const before = this.#open.lineage?.lookAgain(undefined);
    for (const outcome of before ?? []) this.#outcomes.putBack(outcome);
    return before && new Set(before.map(({ id }) => id));
  }

  #whenTriedAgain(id: number): string {
    return this.#open.lineage?.mayLookAt(id) ? 'in the next run' : 'after graph.resetFailed()';
  }

  #markDone(id: number, result: unknown): void {
    const hadFailed = this.#outcomes.isFailed(id) || this.#outcomes.isSkipped(id);
    this.#give(id, result);
    if (!hadFailed) return;
    for (const descendant of this.#open.topology.descendants([id])) {
      if (this.#outcomes.isSkipped(descendant)) this.#outcomes.pending(descendant);
    }
  }

  #refuseIfBusy(action: string): void {
    if (this.#busy) throw new GraphBusyError(this.name, action);
  }
}

function isResetOptions(value: unknown): value is ResetOptions {
  return typeof value === 'object' && value !== null && !('name' in value);
}

function flagOf({ descendants = true }: ResetOptions): boolean {
  if (typeof descendants !== 'boolean') throw new InvalidOptionError('descendants', 'true or false', descendants);
  return descendants;
}

/** The tasks of a graph type: each name with the signature of its function. */
export type TasksIn<G> = G extends TaskGraph<infer Tasks> ? Tasks : never;
