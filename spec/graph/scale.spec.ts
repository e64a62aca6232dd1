import {
  AsyncExecutor,
  type CycleError,
  type InvalidGraphError,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OutcomeTable } from '../../src/graph/outcome.js';
import { criticalPath, ranks, startOrder } from '../../src/graph/rank.js';
import { DEFAULT_SETTINGS } from '../../src/graph/task.js';
import { type IdLists, Topology } from '../../src/graph/topology.js';
import { NONE, Schedule } from '../../src/schedule/schedule.js';

const MILLION = 1_000_000;

/** Adds tasks in a loop, each with the tasks that `dependenciesOf` names by number. */
function graphOf(size: number, run: (...args: any[]) => unknown, dependenciesOf: (id: number) => number[]): TaskGraph {
  const builder = new TaskGraphBuilder<any>();
  for (let id = 0; id < size; id++)
    builder.add({ name: `t${id}`, run: run as never, dependsOn: dependenciesOf(id).map((one) => `t${one}`) });
  return builder.build();
}

describe('a chain of a million tasks', () => {
  // t0 ─► t1 ─► … ─► t999999
  const LAST = `t${MILLION - 1}`;
  let calls = 0;
  let failsAt = -1;
  let graph: TaskGraph;

  beforeAll(() => {
    graph = graphOf(
      MILLION,
      (before = 0) => {
        if (calls++ === failsAt) throw new Error('no');
        return before + 1;
      },
      (id) => (id === 0 ? [] : [id - 1]),
    );
  }, 60_000);

  afterAll(() => {
    graph = undefined as never;
  });

  test('has an order, a critical path, ancestors and descendants', () => {
    expect(graph.size).toBe(MILLION);
    expect(graph.order().at(-1)).toBe(LAST);
    expect(graph.criticalPath()).toHaveLength(MILLION);
    expect(graph.descendants('t0')).toHaveLength(MILLION - 1);
    expect(graph.ancestors(LAST).slice(0, 2)).toEqual(['t0', 't1']);
    expect(graph.ready()).toEqual(['t0']);
  });

  test('runs in the caller’s stack, each function called once, one event of each kind for each task', () => {
    calls = 0;
    const events = { ready: 0, started: 0, done: 0 };
    new SyncExecutor()
      .on('task:ready', () => events.ready++)
      .on('task:started', () => events.started++)
      .on('task:done', () => events.done++)
      .run(graph);
    expect(calls).toBe(MILLION);
    expect(events).toEqual({ ready: MILLION, started: MILLION, done: MILLION });
    expect(graph.result(LAST)).toBe(MILLION);
    expect(graph.toJSON().done).toHaveLength(MILLION);
    expect((graph.results as Record<string, unknown>)[LAST]).toBe(MILLION);
  });

  test('is reset from its beginning, and runs on the event loop', async () => {
    calls = 0;
    expect(graph.reset('t0').counts().pending).toBe(MILLION);
    const report = await new AsyncExecutor().run(graph);
    expect(calls).toBe(MILLION);
    expect(report.attemptCount).toBe(MILLION);
    expect(graph.result(LAST)).toBe(MILLION);
  });

  test('runs from its end backwards: only the last task and what it needs', () => {
    calls = 0;
    new SyncExecutor().run(graph.resetAll(), { only: [LAST] });
    expect(calls).toBe(MILLION);
  });

  test('is skipped whole behind a task that fails, and runs from there after resetFailed', () => {
    calls = 0;
    failsAt = 10;
    let skipped = 0;
    new SyncExecutor().on('task:skipped', () => skipped++).run(graph.resetAll());
    expect(graph.counts()).toMatchObject({ done: 10, failed: 1, skipped: MILLION - 11 });
    expect(skipped).toBe(MILLION - 11);
    failsAt = -1;
    new SyncExecutor().run(graph.resetFailed());
    expect(calls).toBe(11 + MILLION - 10);
    expect(graph.result(LAST)).toBe(MILLION);
  });
});

describe('a million tasks that wait for nothing', () => {
  let calls = 0;
  let graph: TaskGraph;

  beforeAll(() => {
    graph = graphOf(
      MILLION,
      () => calls++,
      () => [],
    );
  }, 60_000);

  afterAll(() => {
    graph = undefined as never;
  });

  test('answer every question', () => {
    expect(graph.order()).toHaveLength(MILLION);
    expect(graph.ready()).toHaveLength(MILLION);
    expect(graph.criticalPath()).toEqual(['t0']);
    expect(graph.descendants('t0')).toEqual([]);
    expect(String(graph)).toContain('1000000 tasks (1000000 pending)');
  });

  test('run in the caller’s stack, in order of declaration', () => {
    calls = 0;
    new SyncExecutor().run(graph);
    expect(calls).toBe(MILLION);
    expect(graph.result('t999999')).toBe(MILLION - 1);
  });

  test('run on the event loop', async () => {
    calls = 0;
    await new AsyncExecutor({ concurrency: 1000 }).run(graph.resetAll());
    expect(calls).toBe(MILLION);
  });
});

test('a chain of 100 000 functions that return promises runs without filling the stack', async () => {
  const graph = graphOf(
    100_000,
    async (before = 0) => before + 1,
    (id) => (id === 0 ? [] : [id - 1]),
  );
  await new AsyncExecutor().run(graph);
  expect(graph.result('t99999')).toBe(100_000);
});

describe('a task with 100 000 dependencies', () => {
  const COUNT = 100_000;
  // t0 … t99999 ─► sum
  const names = Array.from({ length: COUNT }, (_, id) => `t${id}`);

  function wide(run: () => unknown): TaskGraph {
    const builder = new TaskGraphBuilder<any>();
    builder.add({ name: 'sum', run: ((...all: number[]) => all.reduce((a, b) => a + b)) as never, dependsOn: names });
    for (const name of names) builder.add({ name, run });
    return builder.build();
  }

  test('gets all their results', async () => {
    const graph = wide(() => 2);
    expect(graph.dependencies('sum')).toHaveLength(COUNT);
    expect(graph.ancestors('sum')).toHaveLength(COUNT);
    new SyncExecutor().run(graph);
    expect(graph.result('sum')).toBe(2 * COUNT);
    await new AsyncExecutor().run(graph.resetAll());
    expect(graph.result('sum')).toBe(2 * COUNT);
  });

  test('is skipped once, however many of them fail', () => {
    const graph = wide(() => {
      throw new Error('no');
    });
    let skipped = 0;
    new SyncExecutor().on('task:skipped', () => skipped++).run(graph);
    expect(skipped).toBe(1);
    expect(graph.counts()).toMatchObject({ failed: COUNT, skipped: 1 });
    expect(() => graph.throwIfFailed()).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^[\s\S]{0,3000}$/) }),
    );
  });
});

test('a task with 100 000 dependents passes them its result, or has them all skipped', () => {
  const builder = new TaskGraphBuilder<any>();
  let broken = true;
  builder.add({
    name: 'root',
    run: () => {
      if (broken) throw new Error('no');
      return 1;
    },
  });
  for (let id = 0; id < 100_000; id++)
    builder.add({ name: `t${id}`, run: ((root: number) => root + id) as never, dependsOn: ['root'] });
  const graph = builder.build();
  expect(graph.dependents('root')).toHaveLength(100_000);
  new SyncExecutor().run(graph);
  expect(graph.counts()).toMatchObject({ failed: 1, skipped: 100_000 });
  broken = false;
  new SyncExecutor().run(graph.resetFailed());
  expect(graph.result('t99999')).toBe(100_000);
});

test('a circle of 100 000 tasks is told whole, in a message that stays short', () => {
  const size = 100_000;
  let thrown: unknown;
  try {
    graphOf(
      size,
      () => 1,
      (id) => [(id + size - 1) % size],
    );
  } catch (error) {
    thrown = error;
  }
  const { problems, message } = thrown as InvalidGraphError;
  expect(problems).toHaveLength(1);
  expect((problems[0] as CycleError).cycle).toHaveLength(size + 1);
  expect(message.length).toBeLessThan(400);
});

test('100 000 names that are not in the graph are told without a search for each', () => {
  const builder = new TaskGraphBuilder<any>();
  for (let id = 0; id < 10_000; id++)
    builder.add({ name: `task number ${id}`, run: () => 1, after: [`missing ${id}`] });
  const done = Array.from({ length: 90_000 }, (_, id) => `unknown ${id}`);
  expect(() => builder.build({ done })).toThrow(
    expect.objectContaining({ problems: expect.objectContaining({ length: 100_000 }) }),
  );
});

// Work is counted where it is done: in looks at the lists of edges.

let looks = 0;

/** The same list, which counts how often one of its ids is looked at. */
function counted(ids: Int32Array): Int32Array {
  return new Proxy(ids, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value === 'function') {
        looks += target.length;
        return value.bind(target);
      }
      if (typeof key === 'string' && key !== 'length') looks++;
      return value;
    },
  });
}

const countedLists = ({ starts, ids }: IdLists): IdLists => ({ starts, ids: counted(ids) });

type Shape = (id: number) => number[];
const SHAPES: [string, Shape][] = [
  ['a chain', (id) => (id === 0 ? [] : [id - 1])],
  ['a graph where all wait for the first', (id) => (id === 0 ? [] : [0])],
  [
    'layers of ten, each task waiting for three',
    (id) => (id < 10 ? [] : [0, 3, 7].map((offset) => id - 10 - (id % 10) + ((id + offset) % 10))),
  ],
];

function listsOfShape(size: number, shape: Shape): IdLists {
  const lists = Array.from({ length: size }, (_, id) => shape(id));
  const starts = new Int32Array(size + 1);
  for (const [id, list] of lists.entries()) starts[id + 1] = starts[id]! + list.length;
  return { starts, ids: Int32Array.from(lists.flat()) };
}

/** What is done with a topology whose looks are counted. */
const WORK: [string, (topology: Topology) => void][] = [
  ['working out the ranks', (topology) => ranks(topology)],
  ['finding the critical path', (topology) => criticalPath(topology)],
  ['finding all descendants', (topology) => topology.descendants([0])],
  ['finding all ancestors', (topology) => topology.ancestors([topology.size - 1])],
  [
    'a run',
    (topology) => {
      const schedule = scheduleOf(topology);
      for (let id = schedule.next(); id !== NONE; id = schedule.next()) schedule.succeeded(id);
      expect(schedule.finished).toBe(true);
      expect(schedule.started).toBe(topology.size);
    },
  ],
  [
    'a run in which everything fails that can',
    (topology) => {
      const schedule = scheduleOf(topology);
      for (let id = schedule.next(); id !== NONE; id = schedule.next()) schedule.failed(id);
      expect(schedule.finished).toBe(true);
    },
  ],
  [
    'a run that takes up what failed before',
    (topology) => {
      const lost = topology.descendants([0]);
      const schedule = scheduleOf(topology, (outcomes) => {
        outcomes.failed(0, 'error', 1);
        for (const id of lost) outcomes.skipped(id, 0);
      });
      expect(schedule.hasSkipped).toBe(false);
    },
  ],
];

function scheduleOf(topology: Topology, known: (outcomes: OutcomeTable) => void = () => {}): Schedule {
  const settings = new Array(topology.size).fill(DEFAULT_SETTINGS);
  const outcomes = new OutcomeTable(topology.size);
  known(outcomes);
  return new Schedule({ topology, startOrder: startOrder(topology, settings), outcomes }, { total: 1, cpu: 1 });
}

describe('looks at the edges', () => {
  /** How many looks some work takes for a graph of so many tasks. */
  function looksFor(size: number, shape: Shape, work: (topology: Topology) => void): number {
    const lists = listsOfShape(size, shape);
    const topology = new Topology(size, lists, countedLists(lists));
    Object.defineProperty(topology, 'dependents', { value: countedLists(topology.dependents) });
    looks = 0;
    work(topology);
    return looks;
  }

  for (const [shapeName, shape] of SHAPES) {
    test(`while ${shapeName} is put in order are at most three for each edge`, () => {
      const lists = listsOfShape(3000, shape);
      looks = 0;
      const topology = new Topology(3000, lists, countedLists(lists));
      expect(topology.order).toHaveLength(3000);
      expect(looks).toBeGreaterThan(0);
      expect(looks).toBeLessThanOrEqual(3 * lists.ids.length);
    });

    for (const [workName, work] of WORK) {
      test(`during ${workName}, of ${shapeName}, are at most five for each edge, whatever the size`, () => {
        for (const size of [300, 3000]) {
          const looked = looksFor(size, shape, work);
          expect(looked).toBeGreaterThan(0);
          expect(looked).toBeLessThanOrEqual(5 * listsOfShape(size, shape).ids.length);
        }
      });
    }
  }
});
