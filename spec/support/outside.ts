import fc from 'fast-check';
import {
  type Executor,
  type RunReport,
  type TaskFunction,
  type TaskGraph,
  TaskGraphBuilder,
  TaskTimeoutError,
  UnsendableError,
} from 'taskmap-ts';
import { toldBy } from '../contract/executor-harness.js';
import { type CallFile, type CallLine, type Failing, notedFunction, numberIn } from './calls.js';
import { Model } from './model.js';
import { propertyOptions, type RandomGraph, type RandomTask, randomGraph } from './random-graph.js';

/** What is drawn of a task besides its edges. */
interface Traits {
  readonly onMainThread: boolean;
  readonly failing: Failing;
  readonly shape: 'plain' | 'object' | 'large' | 'sealed';
  readonly turns: number;
  readonly busyMs: number;
  /** It has a timeout that it does not reach. */
  readonly isTimed: boolean;
  readonly tellsProgress: boolean;
}

export interface DrawnCase {
  readonly graph: RandomGraph;
  readonly traits: readonly Traits[];
}

/** What there is to know of an executor, to say what must come of a graph under it. */
export interface Setting {
  readonly isAsync: boolean;
  /** Whether a task runs on the thread that called `run()`. */
  staysHere(task: { readonly ioBound: boolean; readonly onMainThread: boolean }): boolean;
  /** Whether it shares its thread with others who must not be harmed. Default: if it stays here. */
  sharesThread?(task: { readonly ioBound: boolean; readonly onMainThread: boolean }): boolean;
  /** How many attempts of some of its tasks there may be at once. */
  readonly limits: readonly { readonly of: (task: OutsideTask) => boolean; readonly max: number }[];
  /** Tasks of which there is one at a time on each thread. */
  readonly runsAlone: (task: OutsideTask) => boolean;
  /** Whether each start is that of the first task which is ready; or only those of tasks that wait for nothing, among themselves; or neither. */
  readonly order: 'of all' | 'of the first' | 'none';
}

/** A task as it is under one executor. */
export interface OutsideTask extends RandomTask, Traits {
  readonly isHere: boolean;
  readonly timeoutMs: number | undefined;
  readonly withContext: boolean;
  /** One of its arguments cannot be sent to where it runs: it is never called. */
  readonly isUncallable: boolean;
}

const REACHED_MS = 20;
const NEVER_REACHED_MS = 600_000;
const TIMED: ReadonlySet<Failing> = new Set(['never settles', 'never lets go', 'is late']);

/**
 * How many cases are tried. To make one smaller that is wrong takes a while where threads die in it: unless somebody has asked
 * for a number of cases, that is given up after a minute.
 */
export function caseOptions(runs: number): fc.Parameters<any> {
  const limit = process.env['PROPERTY_RUNS'] === undefined ? { interruptAfterTimeLimit: 60_000 } : {};
  return { ...propertyOptions(runs), ...limit };
}

/** A graph of some shape, with tasks of every kind. */
export function drawnCase(sizeMax: number): fc.Arbitrary<DrawnCase> {
  const traits: fc.Arbitrary<Traits> = fc.record({
    onMainThread: fc.constantFrom(false, false, false, false, true),
    failing: fc.oneof(
      { weight: 20, arbitrary: fc.constant<Failing>('throws') },
      { weight: 6, arbitrary: fc.constantFrom<Failing>('unsendable', 'exits') },
      { weight: 3, arbitrary: fc.constantFrom<Failing>('is late', 'never settles', 'never lets go') },
    ),
    shape: fc.constantFrom('plain', 'plain', 'plain', 'object', 'object', 'large', 'sealed'),
    turns: fc.constantFrom(0, 0, 0, 1, 3),
    busyMs: fc.constantFrom(0, 0, 0, 0, 0.3, 1),
    isTimed: fc.constantFrom(false, false, true),
    tellsProgress: fc.constantFrom(false, false, false, true),
  });
  const shape = fc.constantFrom<Shape>('drawn', 'drawn', 'chain', 'layers', 'join', 'order');
  return fc.record({
    graph: fc.tuple(randomGraph({ sizeMin: 1, sizeMax }), shape).map(([graph, shape]) => shaped(graph, shape)),
    traits: fc.array(traits, { minLength: sizeMax, maxLength: sizeMax }),
  });
}

type Shape = 'drawn' | 'chain' | 'layers' | 'join' | 'order';

/** The same tasks with other edges: one after another; three beside each other that need all three before; all into one; in order, and no results. */
function shaped(graph: RandomGraph, shape: Shape): RandomGraph {
  if (shape === 'drawn') return graph;
  const behind = (id: number): number[] => {
    if (shape === 'join') return id > 0 && id === graph.size - 1 ? [...Array(id).keys()] : [];
    if (shape !== 'layers') return id === 0 ? [] : [id - 1];
    const first = 3 * Math.floor(id / 3) - 3;
    return first < 0 ? [] : [first, first + 1, first + 2];
  };
  const tasks = graph.tasks.map((task) => {
    const edges = behind(task.id);
    return shape === 'order' ? { ...task, dependsOn: [], after: edges } : { ...task, dependsOn: edges, after: [] };
  });
  return { ...graph, tasks };
}

/** A drawn graph under one executor: what it is made of, and what must come of it. */
export class OutsideGraph {
  readonly tasks: readonly OutsideTask[];
  readonly drawn: RandomGraph;
  readonly setting: Setting;
  #functions: readonly TaskFunction[] | undefined;

  constructor({ graph, traits }: DrawnCase, setting: Setting) {
    this.setting = setting;
    const isSealed = (id: number) =>
      traits[id]!.shape === 'sealed' && graph.tasks[id]!.returns === 'number' && this.#isHere(graph, traits, id);
    this.tasks = graph.tasks.map((task): OutsideTask => {
      const trait = traits[task.id]!;
      const isHere = this.#isHere(graph, traits, task.id);
      const isShared = setting.sharesThread?.({ ...task, ...trait }) ?? isHere;
      const failing = failingUnder(trait.failing, isHere, isShared, setting.isAsync);
      const isLate = TIMED.has(failing) && task.failures > 0;
      const isUncallable = !isHere && task.dependsOn.some(isSealed);
      // A timeout that is reached in one attempt and not in the next would depend on how busy the machine is.
      const attempts = isLate ? Math.min(task.attempts, 2) : task.attempts;
      const failures = isLate ? attempts : task.failures;
      return {
        ...task,
        ...trait,
        attempts: isUncallable ? 1 : attempts,
        failures: isUncallable ? 1 : failures,
        failing,
        isHere,
        isUncallable,
        shape: trait.shape === 'sealed' && !isHere ? 'object' : trait.shape,
        turns: setting.isAsync ? trait.turns : 0,
        timeoutMs: isLate ? REACHED_MS : trait.isTimed ? NEVER_REACHED_MS : undefined,
        withContext: failures > 0 || trait.tellsProgress,
      };
    });
    this.drawn = { ...graph, tasks: this.tasks };
  }

  #isHere(graph: RandomGraph, traits: readonly Traits[], id: number): boolean {
    return this.setting.staysHere({ ioBound: graph.tasks[id]!.ioBound, onMainThread: traits[id]!.onMainThread });
  }

  /** Whether a store can keep the result of a task, and tell the next time that its inputs are still the same. */
  isKept({ id, dependsOn }: OutsideTask): boolean {
    return [id, ...dependsOn].every(
      (one) => this.tasks[one]!.shape !== 'sealed' || this.tasks[one]!.returns !== 'number',
    );
  }

  /** What the graph must come to. */
  model(): Model {
    const model = new Model(this.drawn);
    model.run();
    return model;
  }

  /** A graph of which nothing is known. All that are built have the same functions. */
  build({ path }: CallFile, name: string): TaskGraph {
    this.#functions ??= this.tasks.map((task) =>
      notedFunction({ ...task, file: path, task: task.name, salt: task.id + 1 }, task.withContext),
    );
    const names = (ids: readonly number[]) => ids.map((id) => this.tasks[id]!.name);
    const specs = this.tasks.map((task) => ({
      name: task.name,
      run: this.#functions![task.id]!,
      dependsOn: names(task.dependsOn),
      after: names(task.after),
      ioBound: task.ioBound,
      onMainThread: task.onMainThread,
      priority: task.priority,
      retry: task.attempts,
      withContext: task.withContext,
      ...(task.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
    }));
    return new TaskGraphBuilder<any>({ name }).add(...specs).build() as TaskGraph;
  }
}

/** What cannot fail so, or would do harm, fails in another way. */
function failingUnder(failing: Failing, isHere: boolean, isShared: boolean, isAsync: boolean): Failing {
  switch (failing) {
    case 'unsendable':
      return isHere ? 'throws' : failing;
    case 'exits':
      return isShared ? 'throws' : failing;
    case 'never lets go':
      return isShared ? 'is late' : failing;
    case 'never settles':
      return isAsync ? failing : 'is late';
    default:
      return failing;
  }
}

/** What was seen of one run: what the functions noted, what was told, and what `run()` came to. */
export interface Seen {
  readonly graph: TaskGraph;
  readonly lines: readonly CallLine[];
  readonly told: readonly { readonly event: string; readonly record: { readonly [field: string]: unknown } }[];
  readonly report: RunReport | undefined;
  readonly rejected: unknown;
}

/** Runs a graph, and sees what happens. */
export async function see(executor: Executor, graph: TaskGraph, calls: CallFile): Promise<Seen> {
  calls.take();
  const told = toldBy(executor);
  let report: RunReport | undefined;
  let rejected: unknown;
  try {
    report = await executor.run(graph as never);
  } catch (error) {
    rejected = error;
  }
  executor.removeAllListeners();
  return { graph, lines: calls.take(), told: [...told], report, rejected };
}

const LETTERS: Readonly<Record<string, string>> = {
  'task:ready': 'r',
  'task:started': 's',
  'task:progress': 'p',
  'task:retrying': 't',
  'task:interrupted': 'i',
  'task:done': 'd',
  'task:failed': 'f',
  'task:skipped': 'k',
};
/** What may be told of a task, in order, by its status in the end. */
const STORIES: Readonly<Record<string, RegExp>> = {
  done: /^(r(sp*[ti])*sp*)?d$/,
  failed: /^r(sp*[ti])*sp*f$/,
  skipped: /^k$/,
  pending: /^(r(sp*[ti])*)?$/,
};

/** Holds what was seen of a run against each of the rules of behaviour. Returns a sentence for each that is broken. */
export class Witness {
  readonly broken: string[] = [];
  readonly #outside: OutsideGraph;
  readonly #seen: Seen;
  readonly #idByName: ReadonlyMap<string, number>;

  constructor(outside: OutsideGraph, seen: Seen) {
    this.#outside = outside;
    this.#seen = seen;
    this.#idByName = new Map(outside.tasks.map(({ name, id }) => [name, id]));
  }

  /** What holds of every run, also of one that breaks off. */
  expectRules(): this {
    this.#expectCalls();
    this.#expectSlots();
    this.#expectStories();
    return this;
  }

  /** Every task has come to what the model comes to. Rules 1, 3, 4 and 9. */
  expectModel(model: Model): this {
    const { graph, rejected, report } = this.#seen;
    this.#hold(rejected === undefined, `run() rejects with ${rejected}`);
    this.#hold(rejected !== undefined || report?.status === 'finished', `the run is ${report?.status}`);
    const failed = this.#namesOf('task:failed');
    for (const task of this.#outside.tasks) {
      const expected = model.outcomes[task.id]!;
      const outcome = graph.outcome(task.name);
      this.#hold(outcome.status === expected.status, `${task.name} is ${outcome.status}, not ${expected.status}`);
      if (outcome.status === 'done' && expected.status === 'done') {
        const result = outcome.result === undefined ? undefined : numberIn(outcome.result);
        this.#hold(result === expected.result, `${task.name} has the result ${result}, not ${expected.result}`);
      }
      if (outcome.status === 'failed' && expected.status === 'failed') {
        this.#hold(
          outcome.attempts === expected.attempts,
          `${task.name} had ${outcome.attempts} attempts, not ${expected.attempts}`,
        );
        const wrong = wrongError(task, outcome.error, expected.attempts);
        this.#hold(wrong === undefined, `${task.name} failed with ${wrong}`);
      }
      if (outcome.status === 'skipped' && expected.status === 'skipped') {
        const first = failed.find((name) => expected.because.has(this.#idByName.get(name)!));
        this.#hold(outcome.because === first, `${task.name} is skipped because of ${outcome.because}, not ${first}`);
      }
    }
    return this;
  }

  /** Each function was called once for each attempt that it takes, but for those of which there was a result before. */
  expectCallCounts(model: Model, wasKept: (task: OutsideTask) => boolean = () => false): this {
    const { report } = this.#seen;
    for (const task of this.#outside.tasks) {
      const attempts = task.isUncallable || wasKept(task) ? 0 : model.calls[task.id]!;
      const expected = attempts + this.#count('task:interrupted', task.name);
      const calls = this.#linesOf(task.name, 'begins').length;
      this.#hold(calls === expected, `${task.name} was called ${calls} times, not ${expected}`);
    }
    const started = this.#namesOf('task:started').length - this.#namesOf('task:interrupted').length;
    this.#hold(report?.attemptCount === started, `${report?.attemptCount} attempts by the report, not ${started}`);
    return this;
  }

  /** Rule 7. Of a run before which nothing was known: what is kept has to be looked at first. */
  expectOrder(): this {
    const { order } = this.#outside.setting;
    if (order === 'none') return this;
    const begun = new Set<string>();
    const called = new Set(this.#seen.lines.map(({ task }) => task));
    const done = new Set<string>();
    const returned = new Map<string, number>();
    const model = new Model(this.#outside.drawn);
    const isFree = (id: number) =>
      model.dependencies(id).every((dependency) => done.has(this.#outside.tasks[dependency]!.name));
    for (const { what, task: name } of this.#seen.lines) {
      const task = this.#outside.tasks[this.#idByName.get(name)!]!;
      if (what === 'returns') returned.set(name, (returned.get(name) ?? 0) + 1);
      if (this.#hasSucceeded(task, returned.get(name) ?? 0)) done.add(name);
      if (what !== 'begins' || begun.has(name)) continue;
      begun.add(name);
      if (order === 'of the first' && (task.isHere || model.dependencies(task.id).length > 0)) continue;
      for (const other of this.#outside.tasks) {
        if (begun.has(other.name) || !called.has(other.name) || other.isHere !== task.isHere) continue;
        const isReady = order === 'of all' ? isFree(other.id) : model.dependencies(other.id).length === 0;
        if (isReady) this.#hold(compare(model, task, other) < 0, `${name} begins before ${other.name}`);
      }
    }
    return this;
  }

  /** Rules 2 and 6: once for each start, behind all dependencies, with what they returned. */
  #expectCalls(): void {
    const returned = new Map<string, number>();
    const known = this.#knownBefore();
    for (const { what, task: name, args } of this.#seen.lines) {
      const task = this.#outside.tasks[this.#idByName.get(name)!]!;
      if (what === 'returns') returned.set(name, (returned.get(name) ?? 0) + 1);
      if (what !== 'begins') continue;
      for (const id of [...task.dependsOn, ...task.after]) {
        const dependency = this.#outside.tasks[id]!;
        const isThere =
          known.has(dependency.name) || this.#hasSucceeded(dependency, returned.get(dependency.name) ?? 0);
        this.#hold(isThere, `${name} is called before ${dependency.name} is done`);
      }
      const isAgain = this.#hasSucceeded(task, returned.get(name) ?? 0);
      this.#hold(!isAgain, `${name} is called again after it has returned`);
      const expected = this.#argsOf(task);
      const [taken, given] = [JSON.stringify(args), JSON.stringify(expected)];
      this.#hold(taken === given, `${name} is called with ${taken}, not with ${given}`);
    }
    for (const { name, isUncallable } of this.#outside.tasks) {
      const begins = this.#linesOf(name, 'begins').length;
      const starts = isUncallable ? 0 : this.#count('task:started', name);
      this.#hold(begins === starts, `${name} was called ${begins} times, and told as started ${starts} times`);
    }
  }

  /** Whether so many returns are those of failed attempts and one more. */
  #hasSucceeded({ failing, failures, attempts }: OutsideTask, returns: number): boolean {
    const returnsInVain = failing === 'unsendable' || failing === 'is late' ? Math.min(failures, attempts) : 0;
    return returns > returnsInVain;
  }

  /** What the results of its dependencies stand for, by what is in the graph. */
  #argsOf(task: OutsideTask): unknown[] {
    const { graph } = this.#seen;
    const results = task.dependsOn.map((id) => graph.outcome(this.#outside.tasks[id]!.name));
    return results.flatMap((one) => (one.status === 'done' && one.result !== undefined ? [numberIn(one.result)] : []));
  }

  /** Tasks whose results were there before the run, or came from a store. */
  #knownBefore(): Set<string> {
    const records = this.#seen.told.filter(
      ({ event, record }) => event === 'task:done' && record['source'] === 'store',
    );
    return new Set(records.map(({ record }) => record['task'] as string));
  }

  /** Rule 5. A call that does not come to an end is not counted: nobody can see from outside when it was ended. */
  #expectSlots(): void {
    const { lines } = this.#seen;
    const { limits, runsAlone } = this.#outside.setting;
    const taskOf = (name: string) => this.#outside.tasks[this.#idByName.get(name)!]!;
    const running = new Map<string, CallLine>();
    const callOf = ({ task, thread }: CallLine) => `${thread} ${task}`;
    const ends = (line: CallLine, from: number) =>
      lines.slice(from + 1).some((later) => later.what !== 'begins' && callOf(later) === callOf(line));
    const lastOn = new Map<string, string>();
    for (const [index, line] of lines.entries()) {
      const task = taskOf(line.task);
      if (line.what !== 'begins') {
        running.delete(callOf(line));
        if (runsAlone(task)) lastOn.delete(line.thread);
        continue;
      }
      if (runsAlone(task)) {
        const other = lastOn.get(line.thread);
        this.#hold(other === undefined, `${line.task} begins on a thread where ${other} has not ended`);
        lastOn.set(line.thread, line.task);
      }
      if (!ends(line, index)) continue;
      running.set(callOf(line), line);
      for (const { of, max } of limits) {
        const count = [...running.values()].filter((one) => of(taskOf(one.task))).length;
        this.#hold(count <= max, `${count} calls at once where ${max} are allowed: ${[...running.keys()]}`);
      }
    }
  }

  /** Rule 8. */
  #expectStories(): void {
    const { told, graph } = this.#seen;
    const storyByTask = new Map<string, string>();
    for (const { event, record } of told) {
      const task = record['task'] as string | undefined;
      if (task !== undefined) storyByTask.set(task, (storyByTask.get(task) ?? '') + (LETTERS[event] ?? ''));
    }
    for (const { name } of this.#outside.tasks) {
      const status = graph.status(name);
      const story = storyByTask.get(name) ?? '';
      this.#hold(STORIES[status]?.test(story) === true, `${name} is ${status}, and its story is "${story}"`);
    }
    const events = told.map(({ event }) => event);
    this.#hold(events[0] === 'run:started', `the first event is ${events[0]}`);
    this.#hold(events.at(-1) === 'run:finished', `the last event is ${events.at(-1)}`);
    this.#hold(events.filter((event) => event.startsWith('run:')).length === 2, 'a run is told of twice');
    const done = new Set<string>();
    for (const { event, record } of told) {
      const name = record['task'] as string;
      if (event === 'task:done') done.add(name);
      if (event !== 'task:ready' && event !== 'task:started') continue;
      for (const dependency of graph.dependencies(name))
        this.#hold(done.has(dependency), `${event} is told of ${name} before ${dependency} is told as done`);
    }
  }

  #linesOf(task: string, what: CallLine['what']): CallLine[] {
    return this.#seen.lines.filter((line) => line.task === task && line.what === what);
  }

  #namesOf(event: string): string[] {
    return this.#seen.told.filter((one) => one.event === event).map(({ record }) => record['task'] as string);
  }

  #count(event: string, task: string): number {
    return this.#namesOf(event).filter((name) => name === task).length;
  }

  #hold(holds: boolean, otherwise: string): void {
    if (!holds) this.broken.push(otherwise);
  }
}

function compare(model: Model, one: OutsideTask, other: OutsideTask): number {
  return (
    Number(other.ioBound) - Number(one.ioBound) ||
    other.priority - one.priority ||
    model.rank(other.id) - model.rank(one.id) ||
    one.id - other.id
  );
}

/** What is wrong with the error of a task that has failed; `undefined` if it is what the task threw, or ours with all its facts. */
function wrongError(task: OutsideTask, error: unknown, attempts: number): string | undefined {
  const is = (holds: boolean) => (holds ? undefined : describe(error));
  if (task.isUncallable || task.failing === 'unsendable') {
    const part = task.isUncallable ? '.get is a function' : 'result.rows[0].format is a function';
    return is(error instanceof UnsendableError && error.task === task.name && error.message.includes(part));
  }
  if (TIMED.has(task.failing)) {
    const isTimeout = error instanceof TaskTimeoutError;
    return is(isTimeout && error.task === task.name && error.attempt === attempts && error.timeoutMs === REACHED_MS);
  }
  if (task.failing === 'exits') return is(error instanceof Error && error.message.includes('process.exit(3)'));
  const { message, stack, cause, code, at } = error as RangeError & { code: unknown; at: { row: number; when: Date } };
  return is(
    error instanceof RangeError &&
      message === `attempt ${attempts} of ${task.name} fails` &&
      stack?.includes(`RangeError: ${message}`) === true &&
      cause instanceof TypeError &&
      cause.message === 'no such table' &&
      cause.cause === 'closed' &&
      code === 'E_DRAWN' &&
      at.row === 3 &&
      at.when instanceof Date,
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.stack} ${JSON.stringify(error)}` : String(error);
}
