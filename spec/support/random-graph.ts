import fc from 'fast-check';
import { type TaskFunction, TaskGraphBuilder } from 'taskmap-ts';

/** One task of a random graph. Other tasks are meant by their place in `tasks`. */
export interface RandomTask {
  readonly id: number;
  readonly name: string;
  /** Tasks whose results are the arguments: anywhere in the graph, also twice. */
  readonly dependsOn: readonly number[];
  /** Tasks to wait for without taking their results. */
  readonly after: readonly number[];
  readonly ioBound: boolean;
  readonly priority: number;
  /** How often the task is tried. */
  readonly attempts: number;
  /** How many of the first calls of its function fail. The task fails if they use up its attempts. */
  readonly failures: number;
  /** What the function returns: a number worked out from its arguments, or nothing, or `null`. */
  readonly returns: 'number' | 'undefined' | 'null';
}

/** A graph without cycles, its tasks in order of declaration: dependencies stand before or behind those that need them. */
export interface RandomGraph {
  readonly size: number;
  readonly tasks: readonly RandomTask[];
}

export interface RandomGraphConstraints {
  /** Default 0. */
  readonly sizeMin?: number;
  /** Default 12. */
  readonly sizeMax?: number;
  /** How many tasks one task may name in `dependsOn`, and again in `after`. Default 4. */
  readonly fanInMax?: number;
  /** Whether functions fail. Default true. */
  readonly failing?: boolean;
}

/** Names that break careless code. */
export const HOSTILE_NAMES: readonly string[] = [
  '',
  '__proto__',
  'constructor',
  'then',
  'toString',
  'hasOwnProperty',
  'prototype',
  'valueOf',
  '0',
  '-1',
  ' ',
  'a"b',
  "a'b",
  'line\nline',
  'tab\there',
  '\0',
  '\\',
  'é',
  'e\u0301',
  '任务',
  '👩‍👩‍👧',
  '\ud83d',
  '\u202egnp',
  '<img src=x onerror=alert(1)>',
  'n'.repeat(10_000),
];

/** How many cases a property spec tries: `PROPERTY_RUNS`, else the number given. With `PROPERTY_SEED` it tries the cases of that seed. */
export function propertyOptions(runs: number): { numRuns: number; seed?: number } {
  const { PROPERTY_RUNS, PROPERTY_SEED } = process.env;
  return {
    numRuns: Number(PROPERTY_RUNS ?? runs),
    ...(PROPERTY_SEED === undefined ? {} : { seed: Number(PROPERTY_SEED) }),
  };
}

/** For `vi.setConfig({ testTimeout })`: long enough for as many cases as anybody asks for. */
export const PROPERTY_TIMEOUT_MS = 3_600_000;

/** Shrinks towards fewer tasks with fewer edges and plain names, declared in the order in which they can run. */
export function randomGraph({
  sizeMin = 0,
  sizeMax = 12,
  fanInMax = 4,
  failing = true,
}: RandomGraphConstraints = {}): fc.Arbitrary<RandomGraph> {
  // How far back a dependency is, among the tasks that stand before this one in an order that makes cycles impossible.
  const backwards = fc.array(fc.nat(sizeMax), { maxLength: fanInMax, size: 'max' });
  const task = fc.record({
    dependsOn: backwards,
    after: fc.oneof({ weight: 3, arbitrary: fc.constant<number[]>([]) }, { weight: 1, arbitrary: backwards }),
    declaredAt: fc.nat(sizeMax),
    ioBound: fc.boolean(),
    priority: fc.constantFrom(0, 0, 0, 1, -1, 2.5),
    attempts: fc.constantFrom(1, 1, 2, 3),
    failures: failing ? fc.constantFrom(0, 0, 0, 0, 1, 2, 3) : fc.constant(0),
    returns: fc.constantFrom(
      'number' as const,
      'number' as const,
      'number' as const,
      'undefined' as const,
      'null' as const,
    ),
  });
  return fc
    .tuple(fc.boolean(), fc.array(task, { minLength: sizeMin, maxLength: sizeMax, size: 'max' }))
    .map(([hostile, drawn]) => {
      const placed = drawn.map((one, place) => ({ ...one, place })).sort((a, b) => a.declaredAt - b.declaredAt);
      const idByPlace = new Map(placed.map(({ place }, id) => [place, id]));
      const idsBehind = (place: number, distances: number[]) =>
        place === 0 ? [] : distances.map((distance) => idByPlace.get(place - 1 - (distance % place))!);
      const tasks = placed.map(({ place, declaredAt: _, ...one }, id) => ({
        ...one,
        id,
        name: (hostile ? HOSTILE_NAMES[id] : undefined) ?? `t${id}`,
        dependsOn: idsBehind(place, one.dependsOn),
        after: idsBehind(place, one.after),
      }));
      return { size: tasks.length, tasks };
    });
}

/** A builder that holds the tasks of a random graph. */
export function builderOf(
  { tasks }: RandomGraph,
  functionOf: (task: RandomTask) => TaskFunction = drawnFunction,
): TaskGraphBuilder<any> {
  const nameOf = (id: number) => tasks[id]!.name;
  return new TaskGraphBuilder<any>({ name: 'random' }).add(
    ...tasks.map((task) => ({
      name: task.name,
      run: functionOf(task),
      dependsOn: task.dependsOn.map(nameOf),
      after: task.after.map(nameOf),
      ioBound: task.ioBound,
      priority: task.priority,
      retry: task.attempts,
    })),
  );
}

/** What a task of a random graph throws. */
export class DrawnError extends Error {
  readonly task: string;
  /** Which call of the function threw it, counted from 1. */
  readonly call: number;

  constructor(task: string, call: number) {
    super(`call ${call} fails`);
    this.task = task;
    this.call = call;
  }
}

/** A function that fails and returns as its task says. It counts its own calls. */
export function drawnFunction(task: RandomTask): (...args: unknown[]) => unknown {
  let calls = 0;
  return (...args) => {
    calls++;
    if (calls <= task.failures) throw new DrawnError(task.name, calls);
    return resultOf(task, args);
  };
}

/** What a task of a random graph returns for these arguments: another number for other arguments, or for the same in another order. */
export function resultOf({ id, returns }: RandomTask, args: readonly unknown[]): unknown {
  if (returns === 'undefined') return undefined;
  if (returns === 'null') return null;
  return args.reduce<number>((hash, arg) => (Math.imul(hash, 31) + (arg === null ? 7 : (arg as number))) | 0, id + 1);
}
