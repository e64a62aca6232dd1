import {
  CycleError,
  DuplicateTaskError,
  InvalidGraphError,
  InvalidOptionError,
  MissingDependencyError,
  MissingFunctionError,
  quoted,
  type TaskmapError,
  UnknownTaskError,
} from '../errors.js';
import type { FileResult } from '../files/file-result.js';
import { fileSource, filesSource } from '../files/file-source.js';
import type { GlobOptions } from '../files/glob.js';
import { nearestName } from './nearest-name.js';
import type { PlainArgument } from './plain-arguments.js';
import type {
  Accepted,
  Add,
  AnyName,
  AnySchema,
  AnyTask,
  DependencyLists,
  Fed,
  FittingSchema,
  MissingArguments,
  MissingFunction,
  NewName,
  ParametersOf,
  ResultOf,
  ResultsFor,
  Returned,
  Returning,
  ReturnOf,
  Takes,
  TaskHandle,
  TasksOf,
} from './signature.js';
import {
  DEFAULT_SETTINGS,
  type FailureKeeping,
  type RetryPolicy,
  settled,
  type TaskContext,
  type TaskFunction,
  type TaskOptions,
  type TaskSettings,
} from './task.js';
import { createGraph, type TaskGraph, UNNAMED } from './task-graph.js';
import type { TaskMeta } from './task-meta.js';
import { CYCLES_TOLD_MAX, type IdLists, Topology } from './topology.js';

/** A task as plain data, for `add()`. Nothing of it is known to the compiler; `build()` checks all of it. */
export interface TaskSpec extends TaskOptions {
  readonly name: string;
  readonly run: TaskFunction;
  /** The tasks whose results are the arguments, in this order. */
  readonly dependsOn?: readonly (string | AnyTask)[] | undefined;
  /** The tasks to wait for without taking their results. */
  readonly after?: readonly (string | AnyTask)[] | undefined;
  /** Values that are arguments too, in front of those results; one that is `undefined` is left out. */
  readonly with?: readonly unknown[] | undefined;
}

/** A source as plain data, for `add()`: see {@link TaskGraphBuilder.file} and {@link TaskGraphBuilder.files}. */
export type SourceSpec = { readonly name: string } & (
  | { readonly file: string | URL }
  | ({ readonly files: string | readonly string[] } & GlobOptions)
);

/** What is known before the first run. A graph's own `toJSON()` has this shape. */
export interface KnownOutcomes<Tasks extends object = any> {
  /** Names of tasks that are done. Their result is the one in `results`, or `undefined`. */
  readonly done?: Iterable<string> | undefined;
  /** Results by name, as an object, a Map, or pairs. A task with a result is done. */
  readonly results?:
    | { readonly [K in keyof Tasks]?: ResultOf<Tasks[K]> | undefined }
    | Iterable<readonly [name: string, result: unknown]>
    | undefined;
  /** Names of tasks among them whose results the next run with a store is to save, as `markDone` does with `save`. */
  readonly save?: Iterable<string> | undefined;
}

/** The options that every task on the chain has, whatever else is known of it. */
export interface TaskSetters<Names extends string> {
  /** The task waits rather than computes: it starts before those that compute. `ioBound(false)` takes it back. */
  ioBound(on?: boolean): this;
  /** The task runs on the thread that called `run()`, whatever the executor; it may use what is around it. `onMainThread(false)` takes it back. */
  onMainThread(on?: boolean): this;
  /**
   * Higher starts earlier among the tasks that are ready.
   *
   * @param value - any finite number; 0 if never called
   * @throws {@link InvalidOptionError}
   */
  priority(value: number): this;
  /**
   * How often the task is tried.
   *
   * @param policy - the number of attempts in all, or a whole {@link RetryPolicy}
   * @throws {@link InvalidOptionError}
   */
  retry(policy: number | RetryPolicy): this;
  /**
   * How long one attempt may take.
   *
   * @param timeoutMs - milliseconds, above 0
   * @throws {@link InvalidOptionError}
   */
  timeout(timeoutMs: number): this;
  /**
   * Names the meaning of the function, for whoever keeps results: it is to be changed when the same inputs give another result. It is part of
   * `attempt.task`; nothing here compares it.
   *
   * @throws {@link InvalidOptionError}
   */
  version(version: string): this;
  /**
   * The task runs in each run, whatever is known of it: for what looks at something outside, such as a folder or a
   * clock. What takes its result runs only if that is another than before. `always(false)` takes it back.
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * let files = ['a.csv'];
   * const graph = new TaskGraphBuilder()
   *   .task('files', () => files).always()
   *   .task('count').dependsOn('files').run((files) => files.length)
   *   .build();
   * const executor = new SyncExecutor();
   * executor.run(graph);
   * executor.run(graph);
   * graph.explain('files'); // => 'ran: it runs in each run'
   * graph.explain('count'); // => 'kept: same inputs'
   * files = ['a.csv', 'b.csv'];
   * executor.run(graph);
   * graph.explain('count'); // => 'ran: the result of "files" changed'
   */
  always(on?: boolean): this;
  /**
   * Says something about the task, for whoever looks on: records of events have it, and `run(graph, { only: { meta } })`
   * finds tasks by it. Called again, it adds to what was said. The function does not get it, and no result hangs on it.
   *
   * @param meta - what JSON can hold
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const graph = new TaskGraphBuilder()
   *   .task('page 1', () => '<p>').meta({ host: 'a.example' })
   *   .task('page 2', () => '<q>').meta({ host: 'b.example' })
   *   .build();
   * const executor = new SyncExecutor();
   * const seen: unknown[] = [];
   * executor.on('task:done', ({ task, meta }) => seen.push([task, meta?.['host']]));
   * executor.run(graph, { only: { meta: { host: 'b.example' } } });
   * seen; // => [['page 2', 'b.example']]
   */
  meta(meta: TaskMeta): this;
  /** Waits for these tasks without taking their results. */
  after(...tasks: readonly (Names | AnyTask)[]): this;
  /**
   * How long a result that a store keeps holds: after that the task runs again, whatever is the same.
   *
   * @param expiresMs - milliseconds, above 0, counted from when the task ended
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { MemoryStore, SyncExecutor, systemClock, TaskGraphBuilder } from 'taskmap-ts';
   *
   * let nowMs = 0;
   * const clock = { ...systemClock, now: () => nowMs };
   * const executor = new SyncExecutor({ store: new MemoryStore(), clock });
   * const weather = () => new TaskGraphBuilder({ name: 'day' }).task('weather', () => 'rain').expires(60_000).build();
   * executor.run(weather());
   * nowMs = 59_999;
   * executor.run(weather()).attemptCount; // => 0
   * nowMs = 60_000;
   * executor.run(weather()).attemptCount; // => 1
   */
  expires(expiresMs: number): this;
  /**
   * Has a store keep failures as well: for so long, the task is failed in further runs without being tried again.
   * `graph.resetFailed()` has it tried again at once.
   *
   * @param keeping - `forMs`: milliseconds, above 0, counted from when the task failed
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { MemoryStore, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const store = new MemoryStore();
   * const refuse = () => {
   *   throw new Error('no such page');
   * };
   * const graph = () =>
   *   new TaskGraphBuilder({ name: 'site' }).task('page', refuse).keepFailures({ forMs: 3_600_000 }).build();
   * new SyncExecutor({ store }).run(graph()).attemptCount; // => 1
   * const next = graph();
   * new SyncExecutor({ store }).run(next).attemptCount; // => 0
   * next.status('page'); // => 'failed'
   * new SyncExecutor({ store }).run(next.resetFailed()).attemptCount; // => 1
   */
  keepFailures(keeping: FailureKeeping): this;
  /**
   * Has a store keep no more of the result than its hash, since it is large, or quickly made. On a rerun the task does
   * not run if all that takes its result is kept, and then it stays pending; if something of that has to run, so does
   * the task. `transient(false)` takes it back.
   *
   * @example
   * import { MemoryStore, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const executor = new SyncExecutor({ store: new MemoryStore() });
   * const photo = () =>
   *   new TaskGraphBuilder({ name: 'photo' })
   *     .task('pixels', () => new Uint8Array(1_000_000)).transient()
   *     .task('size').dependsOn('pixels').run((pixels) => pixels.length)
   *     .build();
   * executor.run(photo()).attemptCount; // => 2
   * const again = photo();
   * executor.run(again).attemptCount; // => 0
   * again.explain('pixels'); // => 'not needed: all that takes its result is kept'
   */
  transient(on?: boolean): this;
}

/** A task that has no function yet: `.dependsOn(…)`, then `.run(fn)`. */
export interface TaskDraft<
  Declared extends object,
  Added extends AnyTask,
  N extends string,
  Rs extends readonly unknown[],
> extends TaskSetters<(keyof Declared & string) | Added['name']> {
  readonly name: N;
  /** The results of these tasks are the arguments, in this order; one that is `undefined` is left out. */
  dependsOn<const D extends readonly ((keyof Declared & string) | Added['name'] | AnyTask)[]>(
    ...dependencies: D
  ): TaskDraft<Declared, Added, N, [...Rs, ...ResultsFor<Declared, Added, D>]>;
  /**
   * These values are arguments too, in the order of the calls of `with` and `dependsOn`; one that is `undefined` is left
   * out, as of results. They are handed over as they are, to threads and queues as copies, and stores look at them.
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const scaled = (path: string, width: number, raw: string) => `${path}: ${raw} at ${width}`;
   * const graph = new TaskGraphBuilder()
   *   .task('raw', () => 'pixels')
   *   .task('thumb', scaled).with('a.jpg', 320).dependsOn('raw')
   *   .build();
   * new SyncExecutor().run(graph);
   * graph.result('thumb'); // => 'a.jpg: pixels at 320'
   */
  with<Vs extends readonly unknown[]>(...values: Vs): TaskDraft<Declared, Added, N, [...Rs, ...Vs]>;
  /** Passes a {@link TaskContext} as the first argument. */
  withContext(): TaskDraft<Declared, Added, N, [TaskContext, ...Rs]>;
  /** Gives the function. Its parameters are inferred from the dependencies. */
  run<R extends Returned<Declared, N>>(
    fn: (...results: Fed<Rs>) => R,
  ): TaskStep<Declared, Added, N, (...results: Fed<Rs>) => R, Rs>;
  readonly task: MissingFunction<N>;
  readonly build: MissingFunction<N>;
}

/** A task whose function takes more than its dependencies give so far: `.dependsOn(…)` comes next. */
export interface IncompleteTask<
  Declared extends object,
  Added extends AnyTask,
  N extends string,
  F,
  Rs extends readonly unknown[],
> extends TaskSetters<(keyof Declared & string) | Added['name']> {
  readonly name: N;
  /** The results of these tasks are the arguments, in this order; one that is `undefined` is left out. */
  dependsOn<const D extends readonly ((keyof Declared & string) | Added['name'] | AnyTask)[]>(
    ...dependencies: Accepted<F, [...Rs, ...ResultsFor<Declared, Added, D>], D>
  ): TaskStage<Declared, Added, N, F, [...Rs, ...ResultsFor<Declared, Added, D>]>;
  /** These values are arguments too: see {@link TaskDraft.with}. */
  with<Vs extends readonly unknown[]>(
    ...values: Accepted<F, [...Rs, ...Vs], Vs>
  ): TaskStage<Declared, Added, N, F, [...Rs, ...Vs]>;
  /** Passes a {@link TaskContext} as the first argument. Call it before `dependsOn`. */
  withContext(): TaskStage<Declared, Added, N, F, [TaskContext, ...Rs]>;
  /** What the result has to fit: see {@link TaskStep.returns}. */
  returns<S extends AnySchema>(
    schema: FittingSchema<Declared, N, F, S> & S,
  ): TaskStage<Declared, Added, N, Returning<F, S>, Rs>;
  readonly task: MissingArguments<{ given: Fed<Rs>; takes: ParametersOf<F> }>;
  readonly build: MissingArguments<{ given: Fed<Rs>; takes: ParametersOf<F> }>;
}

/** A complete task: more options, the next `.task(…)`, or `.build()`. It is also a handle, good wherever a task's name is. */
export interface TaskStep<
  Declared extends object,
  Added extends AnyTask,
  N extends string,
  F,
  Rs extends readonly unknown[],
> extends TaskSetters<(keyof Declared & string) | Added['name']>,
    TaskHandle<N, Fed<Rs>, ReturnOf<F>> {
  /** The results of these tasks are the arguments, in this order; one that is `undefined` is left out. */
  dependsOn<const D extends readonly ((keyof Declared & string) | Added['name'] | AnyTask)[]>(
    ...dependencies: Accepted<F, [...Rs, ...ResultsFor<Declared, Added, D>], D>
  ): TaskStage<Declared, Added, N, F, [...Rs, ...ResultsFor<Declared, Added, D>]>;
  /** These values are arguments too: see {@link TaskDraft.with}. */
  with<Vs extends readonly unknown[]>(
    ...values: Accepted<F, [...Rs, ...Vs], Vs>
  ): TaskStage<Declared, Added, N, F, [...Rs, ...Vs]>;
  /** Passes a {@link TaskContext} as the first argument. Call it before `dependsOn`. */
  withContext(): TaskStage<Declared, Added, N, F, [TaskContext, ...Rs]>;
  /**
   * What the result has to fit: a schema of zod, valibot or any other library that follows
   * {@link https://standardschema.dev | Standard Schema}. It is held against what the function returned, on the thread
   * that called `run()`, and what it makes of it is the result. What does not fit fails the attempt with a
   * {@link SchemaError}, which `retry.when` sees; a stored result that does not fit any more is not taken.
   *
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { type StandardSchema, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * // With zod: z.object({ id: z.number() })
   * const user: StandardSchema<unknown, { id: number }> = {
   *   '~standard': {
   *     version: 1,
   *     vendor: 'me',
   *     validate: (value) => {
   *       const { id } = value as { id?: unknown };
   *       return typeof id === 'number' ? { value: { id } } : { issues: [{ message: 'Expected a number', path: ['id'] }] };
   *     },
   *   },
   * };
   * const graph = new TaskGraphBuilder()
   *   .task('good', (): unknown => JSON.parse('{ "id": 7 }')).returns(user)
   *   .task('bad', (): unknown => JSON.parse('{ "id": "7" }')).returns(user)
   *   .build();
   * new SyncExecutor().run(graph);
   * graph.result('good').id; // => 7
   * String(graph.failure('bad')); // => 'SchemaError: Task "bad" returned what does not fit its schema: result.id: Expected a number'
   */
  returns<S extends AnySchema>(
    schema: FittingSchema<Declared, N, F, S> & S,
  ): TaskStage<Declared, Added, N, Returning<F, S>, Rs>;
  /** Starts the next task: see {@link TaskGraphBuilder.task}. */
  task<const M extends AnyName<Declared>>(
    name: NewName<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M>,
  ): TaskDraft<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M, []>;
  task<const M extends AnyName<Declared>, G extends TaskFunction>(
    name: NewName<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M, ResultOf<G>>,
    fn: G,
  ): TaskStage<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M, G, []>;
  /** Adds a file as a source: see {@link TaskGraphBuilder.file}. */
  file<const M extends AnyName<Declared>>(
    name: NewName<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M, FileResult>,
    path: string | URL,
  ): TaskStage<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M, () => FileResult, []>;
  /** Adds files as a source: see {@link TaskGraphBuilder.files}. */
  files<const M extends AnyName<Declared>>(
    name: NewName<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M, readonly FileResult[]>,
    patterns: string | readonly string[],
    options?: GlobOptions,
  ): TaskStage<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>, M, () => readonly FileResult[], []>;
  /** Checks and makes the graph: see {@link TaskGraphBuilder.build}. */
  build(
    known?: KnownOutcomes<TasksOf<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>>>,
  ): TaskGraph<TasksOf<Declared, Add<Added, N, Fed<Rs>, ReturnOf<F>>>>;
}

/** A task with a function: complete if its dependencies give all that the function takes. */
export type TaskStage<
  Declared extends object,
  Added extends AnyTask,
  N extends string,
  F,
  Rs extends readonly unknown[],
> = Takes<F, Fed<Rs>> extends true ? TaskStep<Declared, Added, N, F, Rs> : IncompleteTask<Declared, Added, N, F, Rs>;

/**
 * The fluent way to a {@link TaskGraph}.
 *
 * `Declared` maps names to signatures that are known up front, for forward references and for graphs made in loops. `Added` is kept by the
 * compiler: the handles of the tasks added on this chain.
 *
 * @example
 * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const graph = new TaskGraphBuilder()
 *   .task('price', () => 40)
 *   .task('tax').dependsOn('price').run((price) => price / 20)
 *   .task('total', (price: number, tax: number) => price + tax).dependsOn('price', 'tax')
 *   .build();
 * new SyncExecutor().run(graph);
 * graph.result('total'); // => 42
 */
export class TaskGraphBuilder<Declared extends object = {}, Added extends AnyTask = never> {
  readonly #name: string;
  readonly #drafts: Draft[] = [];
  /** What `add()` found wrong, for `build()` to tell. */
  readonly #problems: TaskmapError[] = [];

  /**
   * @param options - `name`: what errors, events and drawings call the graph. Default `'graph'`
   * @throws {@link InvalidOptionError}
   */
  constructor(options: { readonly name?: string | undefined } = {}) {
    this.#name = options.name ?? UNNAMED;
    if (typeof this.#name !== 'string') throw new InvalidOptionError('name', 'a string', this.#name);
  }

  /**
   * Starts a task. With a name alone, `.dependsOn(…)` and `.run(fn)` follow, and the parameters of `fn` are inferred. With a function too,
   * `.dependsOn(…)` follows, and the parameters are checked.
   *
   * @param name - any string that no other task has
   * @throws {@link InvalidOptionError} if `name` is no string or `fn` no function
   */
  task<const N extends AnyName<Declared>>(name: NewName<Declared, Added, N>): TaskDraft<Declared, Added, N, []>;
  task<const N extends AnyName<Declared>, F extends TaskFunction>(
    name: NewName<Declared, Added, N, ResultOf<F>>,
    fn: F,
  ): TaskStage<Declared, Added, N, F, []>;
  task(name: unknown, ...fn: unknown[]): unknown {
    const draft = new Draft(this, stringName(name));
    this.#drafts.push(draft);
    return fn.length === 0 ? draft : draft.run(fn[0]);
  }

  /**
   * Adds many tasks at once, in any order.
   *
   * @param functions - the functions by task name
   * @param dependencies - for each task that takes arguments, the names of the tasks that give them, in order
   * @param options - `ioBound`: the names of the tasks that wait rather than compute
   *
   * @example
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const graph = new TaskGraphBuilder()
   *   .tasks({ c: (a: number, b: number) => a + b, b: (a: number) => a + 10, a: () => 5 }, { c: ['a', 'b'], b: ['a'] })
   *   .build();
   * new SyncExecutor().run(graph);
   * graph.result('c'); // => 20
   */
  tasks<
    const F extends { readonly [name: string]: TaskFunction },
    const D extends { readonly [K in keyof F]?: readonly (keyof F | keyof Declared | Added['name'] | AnyTask)[] },
  >(
    functions: F,
    dependencies: D & DependencyLists<Declared & F, Added, F, D>,
    options: { readonly ioBound?: readonly (keyof F)[] | undefined } = {},
  ): TaskGraphBuilder<
    Declared,
    Added | { [K in keyof F]: TaskHandle<K & string, ParametersOf<F[K]>, ReturnOf<F[K]>> }[keyof F]
  > {
    const ioBound = new Set<unknown>(options.ioBound);
    const dependenciesByTask = new Map(
      Object.entries(dependencies as { [name: string]: readonly (string | AnyTask)[] }),
    );
    for (const [name, run] of Object.entries(functions)) {
      this.add({ name, run, dependsOn: dependenciesByTask.get(name), ioBound: ioBound.has(name) });
    }
    const known = new Set<unknown>(Object.keys(functions));
    for (const [option, names] of [
      ['dependencies', dependenciesByTask.keys()],
      ['ioBound', ioBound],
    ] as const) {
      for (const name of names)
        if (!known.has(name))
          this.#problems.push(new InvalidOptionError(option, 'about the tasks given with it', name));
    }
    return this as never;
  }

  /**
   * Adds a file as a source: a task whose result is this file, and that looks at it in each run. What depends on it runs
   * again when the content is another, and not because somebody has written the same once more. A file that is not there
   * fails the task.
   *
   * @param path - from the current folder of the process on, if it is relative. Links are followed
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { readFileSync, rmSync, writeFileSync } from 'node:fs';
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const path = `orders-${process.pid}.csv`;
   * writeFileSync(path, 'tea\nink\n');
   * const graph = new TaskGraphBuilder()
   *   .file('orders', path)
   *   .task('lines').dependsOn('orders').run((orders) => readFileSync(orders.path, 'utf8').split('\n').length)
   *   .build();
   * new SyncExecutor().run(graph);
   * graph.result('lines'); // => 3
   * rmSync(path);
   */
  file<const N extends AnyName<Declared>>(
    name: NewName<Declared, Added, N, FileResult>,
    path: string | URL,
  ): TaskStage<Declared, Added, N, () => FileResult, []> {
    return this.#source(name, (task) => fileSource(path, task)) as never;
  }

  /**
   * Adds files as a source: a task whose result is a list of all files that these patterns mean, looked up in each run and
   * ordered by the code units of their names. None at all is an empty list.
   *
   * @param patterns - such as `'docs/**' + '/*.md'`, with `/` on every system, from the current folder of the process on
   * @throws {@link InvalidOptionError}
   *
   * @example
   * import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
   * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
   *
   * const folder = `docs-${process.pid}`;
   * mkdirSync(folder);
   * for (const name of ['b.md', 'a.md', 'notes.txt']) writeFileSync(`${folder}/${name}`, name);
   * const graph = new TaskGraphBuilder().files('docs', `${folder}/*.md`).build();
   * new SyncExecutor().run(graph);
   * graph.result('docs').map((file) => file.name.split('/')[1]); // => ['a.md', 'b.md']
   * rmSync(folder, { recursive: true });
   */
  files<const N extends AnyName<Declared>>(
    name: NewName<Declared, Added, N, readonly FileResult[]>,
    patterns: string | readonly string[],
    options: GlobOptions = {},
  ): TaskStage<Declared, Added, N, () => readonly FileResult[], []> {
    return this.#source(name, (task) => filesSource(patterns, options, task)) as never;
  }

  #source(name: unknown, make: (task: string) => TaskFunction): Draft {
    const task = stringName(name);
    const fn = make(task);
    const draft = new Draft(this, task);
    this.#drafts.push(draft);
    return draft.run(fn).onMainThread().always();
  }

  /**
   * Adds tasks from data, for graphs that are read from somewhere or made in a loop. Nothing is inferred; `build()` tells what is wrong.
   *
   * @throws {@link InvalidOptionError} if a `name` is no string
   */
  add(...specs: readonly (TaskSpec | SourceSpec)[]): this {
    for (const spec of specs) {
      if (Array.isArray(spec))
        throw new InvalidOptionError('add', 'given specs, and not a list of them: add(...specs)', spec);
      const draft = new Draft(this, stringName(spec.name));
      this.#drafts.push(draft);
      this.#problems.push(...draft.fill(asTask(spec, this.#problems)));
    }
    return this;
  }

  /**
   * Checks everything and makes the graph. The builder keeps nothing of it: building twice makes two independent graphs.
   *
   * @param known - what is done already: names, results, or what another graph's `toJSON()` said
   * @throws {@link InvalidGraphError} with every problem there is: cycles, missing dependencies, duplicates, missing functions, bad options
   */
  build(known: KnownOutcomes<TasksOf<Declared, Added>> = {}): TaskGraph<TasksOf<Declared, Added>> {
    const problems = [...this.#problems];
    const names: string[] = [];
    const functions: TaskFunction[] = [];
    const allSettings: TaskSettings[] = [];
    const idByName = new Map<string, number>();
    const always: number[] = [];
    const plain = new Map<number, readonly PlainArgument[]>();
    for (const { name, fn, settings, plain: values } of this.#drafts) {
      // A second task of the same name stays in the lists: what else is wrong with it is to be told as well.
      if (idByName.has(name)) problems.push(new DuplicateTaskError(name));
      else idByName.set(name, names.length);
      names.push(name);
      allSettings.push(settings);
      if (settings.always) always.push(names.length - 1);
      if (values !== NO_VALUES) plain.set(names.length - 1, [...values]);
      if (fn === undefined) problems.push(new MissingFunctionError(name));
      else functions.push(fn);
    }
    const topology = topologyOf(this.#drafts, idByName, problems);
    for (const { name, argumentCount } of this.#drafts) {
      const expected = `a list of at most ${INPUTS_MAX} tasks, since a call takes no more arguments; gather them in several tasks, or use after()`;
      if (argumentCount > INPUTS_MAX)
        problems.push(new InvalidOptionError('dependsOn', expected, `${argumentCount} tasks`, name));
    }
    const cycles = topology.cycles();
    for (const cycle of cycles) problems.push(new CycleError(cycle.map((id) => names[id]!)));
    const results = resultPairs(known.results);
    const done = [...(known.done ?? [])];
    const saved = [...(known.save ?? [])];
    const given = new Set([...done, ...results.keys()]);
    for (const name of saved)
      if (!given.has(name)) problems.push(new InvalidOptionError('save', 'the names of tasks that are done', name));
    for (const name of given) {
      if (!idByName.has(name)) problems.push(new UnknownTaskError(name, this.#name, hint(name, idByName, problems)));
    }
    if (problems.length > 0)
      throw new InvalidGraphError(
        this.#name,
        problems,
        cycles.length === CYCLES_TOLD_MAX ? 'There may be more cycles.' : '',
      );
    const graph = createGraph({
      name: this.#name,
      names,
      idByName,
      functions,
      settings: allSettings,
      topology,
      always,
      plain: plain.size === 0 ? undefined : plain,
    });
    for (const name of done) graph.markDone(name, undefined);
    for (const [name, result] of results) graph.markDone(name, result);
    for (const name of saved) graph.markDone(name, results.get(name), { save: true });
    return graph as TaskGraph<TasksOf<Declared, Added>>;
  }
}

/** The stack holds the arguments of a call, and it has room for little more than these. */
const INPUTS_MAX = 100_000;

/** Looking for the name that was meant costs a walk over the names for every problem anew: no more are compared than this, and one walk more. */
const NAMES_COMPARED_MAX = 100_000;

type Reference = string | AnyTask;

const NONE_NAMED: string[] = [];
const NO_VALUES: PlainArgument[] = [];

/** The one class behind {@link TaskDraft}, {@link IncompleteTask} and {@link TaskStep}: what tells them apart is only what the compiler knows. */
class Draft {
  readonly name: string;
  fn: TaskFunction | undefined;
  settings: TaskSettings = DEFAULT_SETTINGS;
  /** Names of the tasks whose results are the arguments. */
  inputs: string[] = NONE_NAMED;
  /** Names of the tasks to wait for without taking their results. */
  predecessors: string[] = NONE_NAMED;
  plain: PlainArgument[] = NO_VALUES;
  readonly #builder: TaskGraphBuilder<any, any>;

  constructor(builder: TaskGraphBuilder<any, any>, name: string) {
    this.#builder = builder;
    this.name = name;
  }

  dependsOn(...dependencies: readonly Reference[]): this {
    this.inputs = withNames(this.inputs, dependencies, 'dependsOn', this.name, this.#builder);
    return this;
  }

  after(...tasks: readonly Reference[]): this {
    this.predecessors = withNames(this.predecessors, tasks, 'after', this.name, this.#builder);
    return this;
  }

  get argumentCount(): number {
    return this.inputs.length + this.plain.length;
  }

  with(...values: readonly unknown[]): this {
    // As of results.
    for (const value of values) if (value !== undefined) this.#give(value);
    return this;
  }

  run(fn: unknown): this {
    if (typeof fn !== 'function') throw new InvalidOptionError('run', 'a function', fn, this.name);
    if (this.fn !== undefined)
      throw new InvalidOptionError(
        'run',
        'given once; use graph.replace() to change the function later',
        fn,
        this.name,
      );
    this.fn = fn as TaskFunction;
    return this;
  }

  withContext(): this {
    return this.#set({ withContext: true });
  }

  ioBound(on = true): this {
    return this.#set({ ioBound: on });
  }

  onMainThread(on = true): this {
    return this.#set({ onMainThread: on });
  }

  priority(priority: number): this {
    return this.#set({ priority });
  }

  retry(retry: number | RetryPolicy): this {
    return this.#set({ retry });
  }

  timeout(timeoutMs: number): this {
    return this.#set({ timeoutMs });
  }

  version(version: string): this {
    return this.#set({ version });
  }

  always(on = true): this {
    return this.#set({ always: on });
  }

  returns(returns: AnySchema): this {
    return this.#set({ returns });
  }

  meta(meta: TaskMeta): this {
    return this.#set({ meta });
  }

  expires(expiresMs: number): this {
    return this.#set({ expiresMs });
  }

  keepFailures(keepFailures: FailureKeeping): this {
    return this.#set({ keepFailures });
  }

  transient(on = true): this {
    return this.#set({ transient: on });
  }

  task(...args: [name: never]): unknown {
    return this.#builder.task(...args);
  }

  file(...args: [name: never, path: never]): unknown {
    return this.#builder.file(...args);
  }

  files(...args: [name: never, patterns: never, options: never]): unknown {
    return this.#builder.files(...args);
  }

  build(known?: KnownOutcomes): TaskGraph {
    return this.#builder.build(known);
  }

  isOf(builder: object): boolean {
    return this.#builder === builder;
  }

  /** Takes all that a spec says, and returns what is wrong with it instead of throwing. */
  fill(spec: TaskSpec): InvalidOptionError[] {
    const problems: InvalidOptionError[] = [];
    const attempt = (take: () => void) => {
      try {
        take();
      } catch (error) {
        if (!(error instanceof InvalidOptionError)) throw error;
        problems.push(error);
      }
    };
    attempt(() => {
      const { with: values = [] } = spec;
      if (!Array.isArray(values)) throw new InvalidOptionError('with', 'a list of values', values, this.name);
      this.with(...values);
    });
    attempt(() => {
      this.inputs = withNames(this.inputs, spec.dependsOn ?? [], 'dependsOn', this.name, this.#builder);
    });
    attempt(() => {
      this.predecessors = withNames(this.predecessors, spec.after ?? [], 'after', this.name, this.#builder);
    });
    if (spec.run !== undefined) attempt(() => this.run(spec.run));
    this.settings = settled(spec, this.name, this.settings, (problem) => problems.push(problem));
    return problems;
  }

  #give(value: unknown): void {
    if (this.plain === NO_VALUES) this.plain = [];
    this.plain.push({ at: this.argumentCount, value });
  }

  #set(options: TaskOptions): this {
    this.settings = settled(options, this.name, this.settings);
    return this;
  }
}

/** A source as the task that it stands for; without a function, if something is wrong with it. */
function asTask(spec: TaskSpec | SourceSpec, problems: TaskmapError[]): TaskSpec {
  if (!('file' in spec || 'files' in spec)) return spec as TaskSpec;
  try {
    const run = 'file' in spec ? fileSource(spec.file, spec.name) : filesSource(spec.files, spec, spec.name);
    return { ...spec, run, onMainThread: true, always: true };
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error;
    problems.push(error);
    return { ...spec, run: () => undefined };
  }
}

function withNames(
  names: string[],
  references: readonly Reference[],
  option: string,
  task: string,
  builder: object,
): string[] {
  if (!Array.isArray(references))
    throw new InvalidOptionError(option, 'a list of task names or handles', references, task);
  if (references.length === 0) return names;
  const added = names === NONE_NAMED ? [] : names;
  for (const reference of references) {
    const name = typeof reference === 'string' ? reference : (reference as AnyTask | undefined)?.name;
    const isReference = typeof name === 'string' && typeof reference !== 'function';
    if (!isReference) throw new InvalidOptionError(option, 'a list of task names or handles', reference, task);
    const isForeign = reference instanceof Draft && !reference.isOf(builder);
    if (isForeign)
      throw new InvalidOptionError(
        option,
        `a list of tasks of the same builder, and ${quoted(name)} is of another`,
        reference,
        task,
      );
    added.push(name);
  }
  return added;
}

function stringName(name: unknown): string {
  if (typeof name !== 'string') throw new InvalidOptionError('name', 'a string', name);
  return name;
}

function resultPairs(results: KnownOutcomes['results'] = []): Map<string, unknown> {
  const isIterable = typeof (results as Iterable<unknown>)[Symbol.iterator] === 'function';
  return new Map(isIterable ? (results as Iterable<readonly [string, unknown]>) : Object.entries(results));
}

/** Names become ids. A name that is not there is a problem, told with the task that asked for it. */
function topologyOf(
  drafts: readonly Draft[],
  idByName: ReadonlyMap<string, number>,
  problems: TaskmapError[],
): Topology {
  const inputs = idLists(drafts, (draft) => draft.inputs, idByName, problems);
  const predecessors = drafts.some((draft) => draft.predecessors.length > 0)
    ? idLists(drafts, (draft) => draft.predecessors, idByName, problems)
    : undefined;
  return new Topology(drafts.length, inputs, eachOnce(drafts.length, inputs, predecessors));
}

function idLists(
  drafts: readonly Draft[],
  namesOf: (draft: Draft) => readonly string[],
  idByName: ReadonlyMap<string, number>,
  problems: TaskmapError[],
): IdLists {
  const starts = new Int32Array(drafts.length + 1);
  const ids = new Int32Array(drafts.reduce((sum, draft) => sum + namesOf(draft).length, 0));
  let length = 0;
  for (const [task, draft] of drafts.entries()) {
    for (const name of namesOf(draft)) {
      const id = idByName.get(name);
      if (id !== undefined) ids[length++] = id;
      else problems.push(new MissingDependencyError(draft.name, name, hint(name, idByName, problems)));
    }
    starts[task + 1] = length;
  }
  return { starts, ids: length === ids.length ? ids : ids.slice(0, length) };
}

/** The name that was probably meant, as long as not too much is wrong. */
function hint(
  name: string,
  idByName: ReadonlyMap<string, number>,
  problems: readonly TaskmapError[],
): string | undefined {
  return problems.length * idByName.size < NAMES_COMPARED_MAX ? nearestName(name, idByName.keys()) : undefined;
}

/** Two lists for each task as one, without repetitions; the very same lists where there is nothing to add or to leave out. */
function eachOnce(size: number, first: IdLists, second: IdLists | undefined): IdLists {
  const starts = new Int32Array(size + 1);
  const ids = new Int32Array(first.ids.length + (second?.ids.length ?? 0));
  const listedFor = new Int32Array(size).fill(-1);
  let length = 0;
  for (let task = 0; task < size; task++) {
    for (const lists of second === undefined ? [first] : [first, second]) {
      for (let edge = lists.starts[task]!; edge < lists.starts[task + 1]!; edge++) {
        const id = lists.ids[edge]!;
        if (listedFor[id] === task) continue;
        listedFor[id] = task;
        ids[length++] = id;
      }
    }
    starts[task + 1] = length;
  }
  if (length === first.ids.length && second === undefined) return first;
  return { starts, ids: ids.slice(0, length) };
}
