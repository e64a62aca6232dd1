import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  AsyncExecutor,
  type Executor,
  MemoryStore,
  type OutcomeStore,
  ParallelAsyncExecutor,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { describe, expect, test, vi } from 'vitest';
import { FickleStore } from '../support/fickle-store.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions, type RandomGraph, randomGraph } from '../support/random-graph.js';
import { validateRuns } from '../support/validated-runs.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });
validateRuns();

const SIZE_MAX = 9;

/** What somebody does to a graph; tasks are told by their numbers, some of which are of no task. */
type Step =
  | { readonly kind: 'world' | 'breaks' | 'markDone'; readonly id: number; readonly to: number }
  | { readonly kind: 'run' | 'only' | 'reset' | 'again'; readonly ids: readonly number[] }
  | { readonly kind: 'resetFailed' };

const id = fc.nat(SIZE_MAX - 1);
const ids = fc.array(id, { minLength: 1, maxLength: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('run' as const), ids: fc.constant<number[]>([]) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('only' as const), ids }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('world' as const), id, to: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('breaks' as const), id, to: fc.nat(1) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('reset' as const, 'again' as const, 'again' as const), ids }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('markDone' as const), id, to: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'resetFailed' as const }) },
);
const always = fc.array(id, { maxLength: 2 });
const steps = fc.array(step, { minLength: 3, maxLength: 14 });

/** Few different results, so that a change often ends at the next task. */
function resultOf(task: number, world: number, args: readonly unknown[]): unknown {
  const sum = args.reduce<number>((total, arg) => total + (arg === null ? 5 : Number(arg)), task + world * 7);
  return [undefined, null, 0, 1, 2][sum % 5];
}

interface Result {
  readonly value: unknown;
  /** Results that are told apart although they are equal, since another came in between. */
  readonly version: number;
}

interface Known {
  status: 'pending' | 'done' | 'failed' | 'skipped';
  isGiven: boolean;
  /** The last result, and what it was made from: until it is reset. */
  last: (Result & { inputs: readonly Result[] }) | undefined;
  /** The same as a store keeps it. */
  stored: { readonly value: unknown; readonly inputs: readonly unknown[] } | undefined;
  calls: number;
}

/** What comes of it, as anybody would write it who has no hurry: values themselves, no hashes, no order, no masks. */
class Model {
  readonly known: Known[];
  readonly world: number[];
  readonly broken: Set<number> = new Set();
  readonly #tasks: RandomGraph['tasks'];
  readonly #always: ReadonlySet<number>;
  readonly #again: Set<number> = new Set();
  readonly #hasStore: boolean;
  #versions = 0;

  constructor({ tasks }: RandomGraph, alwaysIds: readonly number[], hasStore: boolean) {
    this.#tasks = tasks;
    this.#always = new Set(alwaysIds);
    this.#hasStore = hasStore;
    this.world = tasks.map(() => 0);
    this.known = tasks.map(() => ({
      status: 'pending',
      isGiven: false,
      last: undefined,
      stored: undefined,
      calls: 0,
    }));
  }

  run(only: readonly number[] | undefined): void {
    const named = only ?? this.#tasks.map((task) => task.id);
    const opened = this.#opened(this.#hangsOn(named));
    const before = new Map([...opened].map((one) => [one, { ...this.known[one]! }]));
    for (const one of opened) this.known[one]!.status = 'pending';
    const selected = only === undefined ? undefined : this.#needed(named);
    for (const one of opened) if (selected?.has(one) === false) this.known[one] = before.get(one)!;
    for (const one of this.#tasks) this.#settle(one.id, selected);
  }

  reset(ofThese: readonly number[]): void {
    for (const one of ofThese) for (const each of [one, ...this.#descendants(one)]) this.#forget(each);
  }

  again(ofThese: readonly number[]): void {
    for (const one of ofThese) this.#again.add(one);
    for (const one of ofThese) this.#forget(one);
    for (const one of ofThese)
      for (const each of this.#descendants(one))
        if (this.known[each]!.status !== 'done') this.known[each]!.status = 'pending';
  }

  resetFailed(): void {
    for (const one of this.known) if (one.status === 'failed' || one.status === 'skipped') one.status = 'pending';
  }

  markDone(one: number, value: unknown): void {
    const known = this.known[one]!;
    const hadFailed = known.status === 'failed' || known.status === 'skipped';
    Object.assign(known, { status: 'done', isGiven: true, last: { value, version: ++this.#versions, inputs: [] } });
    if (!hadFailed) return;
    for (const each of this.#descendants(one))
      if (this.known[each]!.status === 'skipped') this.known[each]!.status = 'pending';
  }

  #forget(one: number): void {
    Object.assign(this.known[one]!, { status: 'pending', isGiven: false, last: undefined, stored: undefined });
  }

  #inputs(one: number): Result[] {
    return this.#tasks[one]!.dependsOn.map((input) => this.known[input]!.last!);
  }

  #dependencies(one: number): number[] {
    return [...this.#tasks[one]!.dependsOn, ...this.#tasks[one]!.after];
  }

  #descendants(one: number): number[] {
    const found = new Set<number>();
    const visit = (from: number) => {
      for (const task of this.#tasks)
        if (!found.has(task.id) && this.#dependencies(task.id).includes(from)) {
          found.add(task.id);
          visit(task.id);
        }
    };
    visit(one);
    return [...found];
  }

  /** Whether it takes, directly or not, a result of a task that may run again by itself. */
  #isAffected(one: number): boolean {
    return this.#tasks[one]!.dependsOn.some(
      (input) => this.#always.has(input) || this.#again.has(input) || this.#isAffected(input),
    );
  }

  #hangsOn(named: readonly number[]): Set<number> {
    const isGiven = (one: number) => this.known[one]!.status === 'done' && this.known[one]!.isGiven;
    return new Set(named.flatMap((one) => (isGiven(one) ? [] : [one, ...this.#hangsOn(this.#dependencies(one))])));
  }

  /** What is looked at again. */
  #opened(within: ReadonlySet<number>): Set<number> {
    const memo = new Map<number, boolean>();
    const isOpen = (one: number): boolean => {
      if (!memo.has(one)) memo.set(one, within.has(one) && opens(one));
      return memo.get(one)!;
    };
    const waits = (one: number) =>
      this.#dependencies(one).some((other) => this.known[other]!.status === 'pending' || isOpen(other));
    const opens = (one: number): boolean => {
      const { status, isGiven, last } = this.known[one]!;
      if (status === 'pending' || (status === 'done' && isGiven)) return false;
      if (status === 'skipped') return waits(one);
      if (this.#always.has(one)) return true;
      if (!this.#isAffected(one)) return false;
      if (status === 'failed') return waits(one);
      return this.#tasks[one]!.dependsOn.some(
        (input, index) =>
          isOpen(input) ||
          this.known[input]!.status !== 'done' ||
          this.known[input]!.last!.version !== last!.inputs[index]!.version,
      );
    };
    return new Set(this.#tasks.map((task) => task.id).filter(isOpen));
  }

  #needed(named: readonly number[]): Set<number> {
    const isHopeless = (one: number): boolean => {
      const { status } = this.known[one]!;
      if (status === 'failed' || status === 'skipped') return true;
      return status === 'pending' && this.#dependencies(one).some(isHopeless);
    };
    return new Set(
      named
        .filter((one) => this.known[one]!.status === 'pending' && !isHopeless(one))
        .flatMap((one) => [one, ...this.#needed(this.#dependencies(one))]),
    );
  }

  #settle(one: number, selected: ReadonlySet<number> | undefined): void {
    const known = this.known[one]!;
    if (known.status !== 'pending') return;
    for (const dependency of this.#dependencies(one)) this.#settle(dependency, selected);
    const statuses = this.#dependencies(one).map((dependency) => this.known[dependency]!.status);
    if (statuses.some((status) => status === 'failed' || status === 'skipped')) known.status = 'skipped';
    else if (statuses.every((status) => status === 'done') && selected?.has(one) !== false) this.#decide(one);
  }

  #decide(one: number): void {
    const known = this.known[one]!;
    const inputs = this.#inputs(one);
    const values = inputs.map(({ value }) => value);
    known.isGiven = false;
    if (!this.#always.has(one)) {
      const isKept =
        known.last !== undefined &&
        isDeepStrictEqual(
          known.last.inputs.map(({ value }) => value),
          values,
        );
      if (isKept) {
        known.status = 'done';
        known.last = { ...known.last!, inputs };
        return;
      }
      if (this.#hasStore && known.stored !== undefined && isDeepStrictEqual(known.stored.inputs, values)) {
        known.status = 'done';
        known.last = { ...this.#result(one, known.stored.value), inputs };
        return;
      }
    }
    known.calls++;
    known.stored = undefined;
    if (this.broken.has(one)) {
      known.status = 'failed';
      return;
    }
    const value = resultOf(
      one,
      this.world[one]!,
      values.filter((each) => each !== undefined),
    );
    known.status = 'done';
    known.last = { ...this.#result(one, value), inputs };
    known.stored = { value, inputs: values };
  }

  /** One that is as it was is the same as before. */
  #result(one: number, value: unknown): Result {
    const { last } = this.known[one]!;
    return { value, version: last !== undefined && Object.is(last.value, value) ? last.version : ++this.#versions };
  }
}

const STORES: readonly [string, () => OutcomeStore | undefined][] = [
  ['no store', () => undefined],
  // As the model, which remembers what was made last.
  ['a MemoryStore', () => new MemoryStore({ variants: 1 })],
  [
    'a store that answers by promises',
    () => {
      const store = new FickleStore();
      store.begin('late', [0, 2, 1]);
      return store;
    },
  ],
];
const EXECUTORS: readonly [string, number, (store: OutcomeStore | undefined) => Executor][] = [
  ['SyncExecutor', 600, (store) => new SyncExecutor({ store })],
  ['AsyncExecutor', 300, (store) => new AsyncExecutor({ store })],
  ['ParallelAsyncExecutor', 60, (store) => new ParallelAsyncExecutor({ store, workers: 1 })],
];

describe.each(EXECUTORS)('%s', (name, runs, make) => {
  describe.each(STORES.filter(([, makeStore]) => name !== 'SyncExecutor' || !(makeStore() instanceof FickleStore)))(
    'with %s',
    (_, makeStore) => {
      test('runs again what runs in each run or was reset alone, and what hangs on a result that is another', async () => {
        const property = fc.asyncProperty(randomGraph({ sizeMax: SIZE_MAX }), always, steps, (drawn, ofThese, all) =>
          follows(drawn, ofThese, all, make, makeStore()),
        );
        await fc.assert(property, propertyOptions(runs));
      });
    },
  );
});

async function follows(
  drawn: RandomGraph,
  alwaysDrawn: readonly number[],
  all: readonly Step[],
  make: (store: OutcomeStore | undefined) => Executor,
  store: OutcomeStore | undefined,
): Promise<void> {
  const { tasks } = drawn;
  const there = (some: readonly number[]) => some.filter((one) => one < tasks.length);
  const model = new Model(drawn, there(alwaysDrawn), store !== undefined);
  const calls = tasks.map(() => 0);
  const nameOf = (one: number) => tasks[one]!.name;
  const graph = new TaskGraphBuilder<any>({ name: 'random' })
    .add(
      ...tasks.map(({ id: one, name, dependsOn, after, ioBound, priority }) => ({
        name,
        run: (...args: unknown[]) => {
          calls[one]!++;
          if (model.broken.has(one)) throw new RangeError('broken');
          return resultOf(one, model.world[one]!, args);
        },
        dependsOn: dependsOn.map(nameOf),
        after: after.map(nameOf),
        ioBound,
        priority,
        onMainThread: true,
        always: alwaysDrawn.includes(one),
      })),
    )
    .build() as TaskGraph;
  const executor = make(store);
  for (const one of all) {
    await take(one, graph, model, executor, { there, nameOf });
    expect(calls).toEqual(model.known.map((known) => known.calls));
    expect(tasks.map((task) => graph.status(task.name))).toEqual(model.known.map(({ status }) => status));
    for (const { id: task, name } of tasks)
      if (graph.status(name) === 'done')
        expect([name, graph.result(name)]).toEqual([name, model.known[task]!.last!.value]);
  }
  await executor.close();
}

async function take(
  one: Step,
  graph: TaskGraph,
  model: Model,
  executor: Executor,
  { there, nameOf }: { there: (some: readonly number[]) => number[]; nameOf: (id: number) => string },
): Promise<void> {
  switch (one.kind) {
    case 'world':
      model.world[one.id] = one.to;
      return;
    case 'breaks':
      if (one.to === 1) model.broken.add(one.id);
      else model.broken.delete(one.id);
      return;
    case 'markDone':
      if (there([one.id]).length === 0) return;
      graph.markDone(nameOf(one.id), one.to as never);
      model.markDone(one.id, one.to);
      return;
    case 'reset':
      graph.reset(...there(one.ids).map(nameOf));
      model.reset(there(one.ids));
      return;
    case 'again':
      if (there(one.ids).length === 0) return;
      graph.reset(...there(one.ids).map(nameOf), { descendants: false });
      model.again(there(one.ids));
      return;
    case 'resetFailed':
      graph.resetFailed();
      model.resetFailed();
      return;
    case 'run':
    case 'only': {
      const only = one.kind === 'only' ? there(one.ids) : undefined;
      const options = only && { only: only.map(nameOf) };
      const before = graph.names().map((name) => graph.outcome(name));
      const plan = await executor.plan(graph, options);
      expect(graph.names().map((name) => graph.outcome(name))).toEqual(before);
      const started: string[] = [];
      const onStarted = ({ task }: { task: string }) => void started.push(task);
      executor.on('task:started', onStarted);
      await executor.run(graph, options);
      executor.off('task:started', onStarted);
      model.run(only);
      const verdicts = new Map(plan.map(({ task, verdict }) => [task, verdict]));
      for (const task of started) expect([task, verdicts.get(task)]).not.toEqual([task, 'kept']);
      return;
    }
    default:
      one satisfies never;
  }
}
