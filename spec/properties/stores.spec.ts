import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  AsyncExecutor,
  type Executor,
  MemoryStore,
  ParallelExecutor,
  SyncExecutor,
  type TaskFunction,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { PROPERTY_TIMEOUT_MS, propertyOptions, type RandomGraph, randomGraph } from '../support/random-graph.js';
import { validateRuns } from '../support/validated-runs.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });
validateRuns();

/** What is different about the tasks of a graph from one process to the next. */
interface Generation {
  /** By task: which version of its function there is. */
  readonly versions: readonly number[];
  /** The tasks that fail. */
  readonly failing: readonly number[];
  /** The tasks that are reset before the run. */
  readonly resets: readonly number[];
  /** The tasks whose results are transient. */
  readonly transient: readonly number[];
  /** After so many results the run is aborted. */
  readonly abortedAfter: number;
}

const SIZE_MAX = 12;

function generations(abort: boolean): fc.Arbitrary<Generation[]> {
  const task = fc.nat(SIZE_MAX - 1);
  return fc.array(
    fc.record({
      versions: fc.array(fc.constantFrom(0, 0, 0, 0, 1, 2), { minLength: SIZE_MAX, maxLength: SIZE_MAX }),
      failing: fc.oneof(
        { weight: 3, arbitrary: fc.constant<number[]>([]) },
        { weight: 1, arbitrary: fc.array(task, { maxLength: 2 }) },
      ),
      resets: fc.oneof(
        { weight: 3, arbitrary: fc.constant<number[]>([]) },
        { weight: 1, arbitrary: fc.array(task, { maxLength: 2 }) },
      ),
      transient: fc.oneof(
        { weight: 1, arbitrary: fc.constant<number[]>([]) },
        { weight: 1, arbitrary: fc.array(task, { maxLength: 6 }) },
      ),
      abortedAfter: abort ? fc.nat(SIZE_MAX) : fc.constant(Number.POSITIVE_INFINITY),
    }),
    { minLength: 2, maxLength: 5 },
  );
}

/** Few different results, so that a change often ends at the next task. */
function resultOf(id: number, version: number, args: readonly unknown[]): unknown {
  const sum = args.reduce<number>((total, arg) => total + (arg === null ? 5 : Number(arg)), id + version * 7);
  return [undefined, null, 0, 1, 2][sum % 5];
}

/** The same as text that a thread can make a function of. */
function sentFunction(id: number, version: number, fails: boolean): TaskFunction {
  const body = fails
    ? "throw new RangeError('fails');"
    : `return [undefined, null, 0, 1, 2][args.reduce((total, arg) => total + (arg === null ? 5 : Number(arg)), ${id + version * 7}) % 5];`;
  return new Function('...args', body) as TaskFunction;
}

function graphOf({ tasks }: RandomGraph, { versions, failing, transient }: Generation): TaskGraph {
  const names = (ids: readonly number[]) => ids.map((id) => tasks[id]!.name);
  return new TaskGraphBuilder<any>({ name: 'random' })
    .add(
      ...tasks.map(({ id, name, dependsOn, after, ioBound, priority }) => ({
        name,
        run: sentFunction(id, versions[id]!, failing.includes(id)),
        dependsOn: names(dependsOn),
        after: names(after),
        ioBound,
        priority,
        version: `${versions[id]}`,
        transient: isTransient(id, { failing, transient }),
      })),
    )
    .build() as TaskGraph;
}

/** Whether a result is needed hangs on when a failure is heard of, where what takes it is skipped because of that. */
function isTransient(id: number, { failing, transient }: Pick<Generation, 'failing' | 'transient'>): boolean {
  return failing.length === 0 && transient.includes(id);
}

interface Expected {
  readonly what: 'runs' | 'kept' | 'fails' | 'skipped' | 'not needed';
  readonly result: unknown;
}

interface Remembered {
  readonly version: number;
  readonly inputs: readonly unknown[];
  readonly result: unknown;
  /** There is the hash alone. */
  readonly isTransient: boolean;
}

/** What a store remembers, as anybody would write it who has no hurry: the inputs themselves, no hashes. */
class MemoModel {
  /** Of each task the outcomes that are kept, the oldest first. */
  readonly #memo = new Map<number, Remembered[]>();
  readonly #tasks: RandomGraph['tasks'];
  readonly #variants: number;

  constructor({ tasks }: RandomGraph, variants: number) {
    this.#tasks = tasks;
    this.#variants = variants;
  }

  /** What becomes of each task. */
  run(generation: Generation): Expected[] {
    for (const id of generation.resets) for (const one of this.#withDescendants(id)) this.#memo.delete(one);
    const found: Expected[] = [];
    const visit = (id: number): Expected => {
      found[id] ??= this.#visit(id, generation, visit);
      return found[id];
    };
    for (const { id } of this.#tasks) visit(id);
    // Until nothing changes: what is made again needs what it takes.
    for (let before = ''; before !== JSON.stringify(found); ) {
      before = JSON.stringify(found);
      for (const { id } of this.#tasks)
        if (found[id]!.what === 'not needed') this.#makeIfNeeded(id, generation.versions[id]!, found);
    }
    return found;
  }

  #makeIfNeeded(id: number, version: number, found: Expected[]): void {
    const takers = this.#tasks.filter(({ dependsOn }) => dependsOn.includes(id)).map((taker) => found[taker.id]!.what);
    if (takers.length > 0 && !takers.some((what) => what === 'runs' || what === 'fails')) return;
    found[id] = { what: 'runs', result: found[id]!.result };
    const memo = this.#memo.get(id)!;
    const inputs = this.#tasks[id]!.dependsOn.map((input) => found[input]!.result);
    const made = memo.find((one) => one.version === version && isDeepStrictEqual(one.inputs, inputs))!;
    this.#memo.set(id, [...memo.filter((one) => one !== made), made]);
  }

  #visit(id: number, generation: Generation, visit: (id: number) => Expected): Expected {
    const version = generation.versions[id]!;
    const { dependsOn, after } = this.#tasks[id]!;
    if ([...dependsOn, ...after].map(visit).some(({ what }) => what === 'fails' || what === 'skipped'))
      return { what: 'skipped', result: undefined };
    const inputs = dependsOn.map((input) => visit(input).result);
    const memo = this.#memo.get(id) ?? [];
    const found = memo.find((one) => one.version === version && isDeepStrictEqual(one.inputs, inputs));
    const transient = isTransient(id, generation);
    if (found !== undefined && (transient || !found.isTransient))
      return { what: found.isTransient ? 'not needed' : 'kept', result: found.result };
    // What fails spares no run, and puts out of its place nothing but what was made from the same.
    const others = memo.filter((one) => one !== found);
    if (generation.failing.includes(id)) {
      this.#memo.set(id, others);
      return { what: 'fails', result: undefined };
    }
    const args = inputs.filter((input) => input !== undefined);
    const result = resultOf(id, version, args);
    this.#memo.set(id, [...others, { version, inputs, result, isTransient: transient }].slice(-this.#variants));
    return { what: 'runs', result };
  }

  #withDescendants(id: number): Set<number> {
    const found = new Set(this.#tasks[id] === undefined ? [] : [id]);
    for (const one of found)
      for (const { id: task, dependsOn, after } of this.#tasks)
        if ([...dependsOn, ...after].includes(one)) found.add(task);
    return found;
  }
}

const EXECUTORS: readonly [string, number, (store: MemoryStore) => Executor][] = [
  ['SyncExecutor', 500, (store) => new SyncExecutor({ store })],
  ['AsyncExecutor', 500, (store) => new AsyncExecutor({ store })],
  ['ParallelExecutor', 30, (store) => new ParallelExecutor({ store, workers: 2 })],
];

const CASES = EXECUTORS.flatMap(([name, runs, make]) =>
  [1, 2, 4].map((variants) => ({ name, runs: Math.ceil(runs / 2), make, variants })),
);

describe.each(CASES)('$name with a store that keeps $variants results of a task', ({ runs, make, variants }) => {
  const store = new MemoryStore({ variants });
  const executor = make(store);
  afterAll(() => executor.close());
  const forgetAll = (graph: TaskGraph) => store.forget(graph.name, graph.names());

  test('runs what has changed and what that changes, nothing else, and comes to what a run without a store comes to', async () => {
    const property = fc.asyncProperty(randomGraph({ sizeMax: SIZE_MAX }), generations(false), async (drawn, all) => {
      const model = new MemoModel(drawn, variants);
      forgetAll(graphOf(drawn, all[0]!));
      for (const generation of all) {
        const graph = graphOf(drawn, generation);
        const expected = model.run(generation);
        graph.reset(...generation.resets.flatMap((id) => drawn.tasks[id]?.name ?? []));
        const plan = new Map((await executor.plan(graph)).map(({ task, verdict }) => [task, verdict]));
        await executor.run(graph);
        const plain = graphOf(drawn, generation);
        new SyncExecutor().run(plain as never);
        for (const { id, name } of drawn.tasks) {
          const outcome = graph.outcome(name);
          const { what, result } = expected[id]!;
          const sources = { runs: 'run', kept: 'store' } as Record<string, string>;
          if (what === 'not needed') {
            expect(outcome.status).toBe('pending');
            expect(['not needed', 'may run']).toContain(plan.get(name));
            continue;
          }
          if (outcome.status === 'done') expect([outcome.source, outcome.result]).toEqual([sources[what], result]);
          else expect(outcome.status).toBe(what === 'fails' ? 'failed' : what);
          // A kept result stands even where the function would fail by now.
          if (generation.failing.length === 0)
            expect(outcome.status === 'done' && outcome.result).toEqual(plain.result(name));
          if (what !== 'skipped') expect([what === 'kept' ? 'kept' : 'runs', 'may run']).toContain(plan.get(name));
        }
      }
    });
    await fc.assert(property, propertyOptions(runs));
  });

  test('runs nothing again that was told as done before a run was aborted', async () => {
    const property = fc.asyncProperty(randomGraph({ sizeMax: SIZE_MAX }), generations(true), async (drawn, all) => {
      forgetAll(graphOf(drawn, all[0]!));
      const same = { ...all[0]!, failing: [], transient: [] };
      const told = new Set<string>();
      for (const { abortedAfter } of all) {
        const graph = graphOf(drawn, same);
        const controller = new AbortController();
        let seen = 0;
        const onStarted = ({ task }: { task: string }) => expect(told.has(task)).toBe(false);
        const onDone = ({ task }: { task: string }) => {
          told.add(task);
          if (seen++ === abortedAfter) controller.abort(new Error('enough'));
        };
        executor.on('task:started', onStarted).on('task:done', onDone);
        await (async () => executor.run(graph, { signal: controller.signal }))().catch(() => {});
        executor.off('task:started', onStarted).off('task:done', onDone);
        expect(graph.counts().running).toBe(0);
      }
      const last = graphOf(drawn, same);
      await executor.run(last);
      const plain = graphOf(drawn, same);
      new SyncExecutor().run(plain as never);
      expect(last.results).toEqual(plain.results);
    });
    await fc.assert(property, propertyOptions(runs));
  });
});
