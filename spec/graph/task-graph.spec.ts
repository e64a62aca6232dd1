import { inspect } from 'node:util';
import {
  GraphBusyError,
  ResultUnavailableError,
  RunFailedError,
  SyncExecutor,
  TaskGraph,
  TaskGraphBuilder,
  type TaskHandle,
  UnknownTaskError,
} from 'taskmap-ts';
import { beforeEach, describe, expect, test } from 'vitest';

const BROKEN = new Error('no electricity');

let broken: boolean;
let calls: string[];

/**
 * ```
 *   a ─► b* ─► c ─► d        * fails while `broken`
 *   └────────► e
 *   f ┄┄┄┄┄┄┄► e
 * ```
 */
function sample() {
  const call = <R>(name: string, result: R): R => {
    calls.push(name);
    return result;
  };
  return new TaskGraphBuilder({ name: 'sample' })
    .task('a', () => call('a', 1))
    .task('f', (): number | undefined => call('f', undefined))
    .task('b', (a: number) => {
      if (broken) throw BROKEN;
      return call('b', a + 1);
    })
    .dependsOn('a')
    .task('c', (b: number) => call('c', b + 1))
    .dependsOn('b')
    .task('d', (c: number) => call('d', c + 1))
    .dependsOn('c')
    .task('e', (a: number) => call('e', `e${a}`))
    .dependsOn('a')
    .after('f')
    .build();
}

/** The sample with every task at its end: a, e and f done, b failed, c and d skipped. */
function ranSample() {
  const graph = sample();
  new SyncExecutor().run(graph);
  calls = [];
  return graph;
}

function statuses(graph: TaskGraph): string {
  return graph
    .names()
    .map((name) => `${name} ${graph.status(name)}`)
    .join(', ');
}

beforeEach(() => {
  broken = true;
  calls = [];
});

describe('names, size and has', () => {
  test('tell the tasks in order of declaration', () => {
    const graph = sample();
    expect(graph.name).toBe('sample');
    expect(graph.size).toBe(6);
    expect(graph.names()).toEqual(['a', 'f', 'b', 'c', 'd', 'e']);
    expect(graph.has('a')).toBe(true);
    expect(graph.has('z')).toBe(false);
  });

  test('hand out fresh arrays', () => {
    const graph = sample();
    graph.names().length = 0;
    graph.order().length = 0;
    graph.dependencies('b').length = 0;
    graph.dependents('a').length = 0;
    expect(graph.names()).toHaveLength(6);
    expect(graph.order()).toHaveLength(6);
    expect(graph.dependencies('b')).toEqual(['a']);
    expect(graph.dependents('a')).toEqual(['b', 'e']);
  });
});

describe('questions about edges', () => {
  test('order puts each task behind its dependencies', () => {
    const graph = sample();
    expect(graph.order()).toEqual(['a', 'f', 'b', 'e', 'c', 'd']);
  });

  test('dependencies tells inputs in the order of the arguments, then the others', () => {
    expect(sample().dependencies('e')).toEqual(['a', 'f']);
    expect(sample().dependencies('a')).toEqual([]);
  });

  test('dependents tells those one edge away, as declared', () => {
    expect(sample().dependents('a')).toEqual(['b', 'e']);
    expect(sample().dependents('f')).toEqual(['e']);
    expect(sample().dependents('d')).toEqual([]);
  });

  test('ancestors and descendants tell those any number of edges away, in topological order', () => {
    const graph = sample();
    expect(graph.ancestors('d')).toEqual(['a', 'b', 'c']);
    expect(graph.ancestors('e')).toEqual(['a', 'f']);
    expect(graph.ancestors('a')).toEqual([]);
    expect(graph.descendants('a')).toEqual(['b', 'e', 'c', 'd']);
    expect(graph.descendants('d')).toEqual([]);
  });

  test('criticalPath is the longest way in tasks', () => {
    expect(sample().criticalPath()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('criticalPath is the one declared first among equally long ones', () => {
    const graph = new TaskGraphBuilder<any>()
      .tasks({ x: () => 1, y: () => 1, x2: () => 1, y2: () => 1 } as any, { y2: ['y'], x2: ['x'] } as never)
      .build() as TaskGraph;
    expect(graph.criticalPath()).toEqual(['x', 'x2']);
  });
});

describe('ready', () => {
  test('tells pending tasks whose dependencies are done', () => {
    const graph = sample();
    expect(graph.ready()).toEqual(['a', 'f']);
    expect(graph.markDone('a', 1).ready()).toEqual(['b', 'f']);
    expect(graph.markDone('f').ready()).toEqual(['b', 'e']);
  });

  test('tells them in the order in which an executor starts them', () => {
    const one = () => 1;
    // short, long ─► end, urgent, io
    const graph = new TaskGraphBuilder()
      .task('short', one)
      .task('long', one)
      .task('urgent', one)
      .priority(1)
      .task('io', one)
      .ioBound()
      .task('end')
      .dependsOn('long')
      .run(one)
      .build();
    expect(graph.ready()).toEqual(['io', 'urgent', 'long', 'short']);
    const started: string[] = [];
    new SyncExecutor().on('task:started', ({ task }) => started.push(task)).run(graph);
    expect(started).toEqual(['io', 'urgent', 'long', 'short', 'end']);
  });

  test('tells nothing once all has ended', () => {
    expect(ranSample().ready()).toEqual([]);
  });
});

describe('outcome and status', () => {
  test('tell what is known of a task', () => {
    const graph = ranSample();
    expect(graph.outcome('a')).toEqual({ status: 'done', result: 1, source: 'run' });
    expect(graph.outcome('f')).toEqual({ status: 'done', result: undefined, source: 'run' });
    expect(graph.outcome('b')).toEqual({ status: 'failed', error: BROKEN, attempts: 1 });
    expect(graph.outcome('d')).toEqual({ status: 'skipped', because: 'b' });
    expect(graph.status('d')).toBe('skipped');
    expect(sample().outcome('a')).toEqual({ status: 'pending' });
  });

  test('tell of a running task that it is running', () => {
    const seen: unknown[] = [];
    const graph: TaskGraph = new TaskGraphBuilder()
      .task('a', () => seen.push(graph.outcome('a'), graph.counts().running))
      .build();
    new SyncExecutor().run(graph);
    expect(seen).toEqual([{ status: 'running' }, 1]);
  });

  test('count the attempts of a failed task', () => {
    const graph = new TaskGraphBuilder()
      .task('a', () => {
        throw BROKEN;
      })
      .retry(3)
      .build();
    new SyncExecutor().run(graph);
    expect(graph.outcome('a')).toEqual({ status: 'failed', error: BROKEN, attempts: 3 });
  });

  test('keep the error that was thrown, even if it is no error', () => {
    const graph = new TaskGraphBuilder()
      .task('a', () => {
        throw undefined;
      })
      .build();
    new SyncExecutor().run(graph);
    expect(graph.outcome('a')).toEqual({ status: 'failed', error: undefined, attempts: 1 });
    expect(graph.failures()).toEqual(new Map([['a', undefined]]));
  });
});

describe('result', () => {
  test('is what the function returned', () => {
    const graph = ranSample();
    expect(graph.result('a')).toBe(1);
    expect(graph.result('e')).toBe('e1');
    expect(graph.result('f')).toBeUndefined();
  });

  test('of a task that is not done throws an error that says why and what to do', () => {
    const graph = ranSample();
    expect(() => graph.result('b')).toThrow(
      expect.objectContaining({
        name: 'ResultUnavailableError',
        code: 'result-unavailable',
        task: 'b',
        status: 'failed',
        cause: BROKEN,
        message:
          'Task "b" has no result: it is failed. It threw Error: no electricity. Mend the cause, then graph.resetFailed() and run again.',
      }),
    );
    expect(() => graph.result('c')).toThrow(
      'Task "c" has no result: it is skipped. Task "b" failed first: graph.failure("b") says why.',
    );
    expect(() => sample().result('a')).toThrow(
      'Task "a" has no result: it is pending. Run the graph with an executor first.',
    );
    expect(() => sample().result('a')).toThrow(ResultUnavailableError);
  });

  test('of a running task says to wait', () => {
    const graph: TaskGraph = new TaskGraphBuilder().task('a', () => graph.result('a')).build();
    new SyncExecutor().run(graph);
    expect(graph.failure('a')).toMatchObject({
      status: 'running',
      message: expect.stringContaining('Wait until run() has settled.'),
    });
  });
});

describe('results', () => {
  test('holds what is done, frozen and without a prototype', () => {
    const { results } = ranSample();
    expect(Object.getPrototypeOf(results)).toBeNull();
    expect(Object.isFrozen(results)).toBe(true);
    expect({ ...results }).toEqual({ a: 1, e: 'e1', f: undefined });
    expect(Object.keys(results)).toEqual(['a', 'f', 'e']);
  });

  test('is a picture of now: a later reset does not change it', () => {
    const graph = ranSample();
    const before = graph.results;
    graph.resetAll();
    expect(before.a).toBe(1);
    expect(Object.keys(graph.results)).toEqual([]);
  });
});

describe('failure, failures and throwIfFailed', () => {
  test('tell what was thrown', () => {
    const graph = ranSample();
    expect(graph.failure('b')).toBe(BROKEN);
    expect(graph.failure('c')).toBeUndefined();
    expect(graph.failure('a')).toBeUndefined();
    expect(graph.failures()).toEqual(new Map([['b', BROKEN]]));
  });

  test('throwIfFailed throws one error that holds all failures', () => {
    const graph = ranSample();
    expect(() => graph.throwIfFailed()).toThrow(RunFailedError);
    expect(() => graph.throwIfFailed()).toThrow(
      expect.objectContaining({
        failures: new Map([['b', BROKEN]]),
        cause: BROKEN,
        message:
          '1 task of graph "sample" failed:\n  - "b": Error: no electricity\nMend the cause, then graph.resetFailed() and run again.',
      }),
    );
  });

  test('throwIfFailed returns the graph if nothing has failed', () => {
    broken = false;
    const graph = ranSample();
    expect(graph.throwIfFailed()).toBe(graph);
    expect(graph.failures().size).toBe(0);
  });
});

describe('counts', () => {
  test('count every status', () => {
    expect(sample().counts()).toEqual({ pending: 6, running: 0, done: 0, failed: 0, skipped: 0 });
    expect(ranSample().counts()).toEqual({ pending: 0, running: 0, done: 3, failed: 1, skipped: 2 });
  });
});

describe('reset', () => {
  test('makes a task and its descendants pending, and no other', () => {
    const graph = ranSample();
    expect(graph.reset('a')).toBe(graph);
    expect(statuses(graph)).toBe('a pending, f done, b pending, c pending, d pending, e pending');
  });

  test('takes several tasks', () => {
    broken = false;
    expect(statuses(ranSample().reset('c', 'f'))).toBe('a done, f pending, b done, c pending, d pending, e pending');
  });

  test('without names changes nothing', () => {
    const graph = ranSample();
    const before = statuses(graph);
    expect(statuses(graph.reset())).toBe(before);
  });

  test('with an unknown name among the known ones changes nothing', () => {
    const graph = ranSample();
    expect(() => graph.reset('a', 'z' as never)).toThrow(UnknownTaskError);
    expect(graph.status('a')).toBe('done');
  });

  test('reruns what it reset, and nothing else', () => {
    broken = false;
    const graph = ranSample().reset('c');
    new SyncExecutor().run(graph);
    expect(calls).toEqual(['c', 'd']);
    expect(graph.result('d')).toBe(4);
  });

  test('of a skipped task alone lets the next run skip it again, for the same reason', () => {
    const graph = ranSample().reset('d');
    expect(statuses(graph)).toBe('a done, f done, b failed, c skipped, d pending, e done');
    const skipped: unknown[] = [];
    new SyncExecutor().on('task:skipped', ({ task, because }) => skipped.push([task, because])).run(graph);
    expect(skipped).toEqual([['d', 'b']]);
    expect(graph.outcome('d')).toEqual({ status: 'skipped', because: 'b' });
  });

  test('resetAll makes every task pending', () => {
    const graph = ranSample();
    expect(graph.resetAll()).toBe(graph);
    expect(graph.counts().pending).toBe(6);
    expect(graph.outcome('b')).toEqual({ status: 'pending' });
  });
});

describe('resetFailed', () => {
  test('makes failed and skipped tasks pending, and no other', () => {
    const graph = ranSample();
    expect(graph.resetFailed()).toBe(graph);
    expect(statuses(graph)).toBe('a done, f done, b pending, c pending, d pending, e done');
  });

  test('reruns the failed task and its descendants, and no other', () => {
    const graph = ranSample().resetFailed();
    broken = false;
    new SyncExecutor().run(graph);
    expect(calls).toEqual(['b', 'c', 'd']);
    expect(graph.counts().done).toBe(6);
  });
});

describe('replace', () => {
  test('gives later runs another function, and keeps what is known', () => {
    const graph = ranSample();
    expect(graph.replace('b', (a) => a + 100)).toBe(graph);
    expect(graph.status('b')).toBe('failed');
    new SyncExecutor().run(graph.resetFailed());
    expect(graph.result('d')).toBe(103);
  });

  test('refuses what is no function', () => {
    const graph = sample();
    expect(() => graph.replace('b', 5 as never)).toThrow(
      'Expected the new function of task "b" to be a function, got 5.',
    );
    expect(() => graph.replace('b', undefined as never)).toThrow(TypeError);
  });
});

describe('markDone', () => {
  test('makes a task done without running it', () => {
    broken = false;
    const graph = sample();
    expect(graph.markDone('a', 41)).toBe(graph);
    expect(graph.outcome('a')).toEqual({ status: 'done', result: 41, source: 'given' });
    new SyncExecutor().run(graph);
    expect(calls).not.toContain('a');
    expect(graph.result('b')).toBe(42);
  });

  test('leaves the result out where it may be undefined', () => {
    const graph = sample().markDone('f');
    expect(graph.outcome('f')).toEqual({ status: 'done', result: undefined, source: 'given' });
  });

  test('of a failed task lets those run that were skipped because of it', () => {
    const graph = ranSample().markDone('b', 7);
    expect(statuses(graph)).toBe('a done, f done, b done, c pending, d pending, e done');
    new SyncExecutor().run(graph);
    expect(graph.result('d')).toBe(9);
  });

  test('of a skipped task lets its descendants run though an ancestor has failed', () => {
    const graph = ranSample().markDone('c', 7);
    expect(statuses(graph)).toBe('a done, f done, b failed, c done, d pending, e done');
    new SyncExecutor().run(graph);
    expect(graph.result('d')).toBe(8);
    expect(graph.status('b')).toBe('failed');
  });

  test('of a done task changes its result and nothing else', () => {
    broken = false;
    const graph = ranSample().markDone('c', 70);
    expect(graph.counts().done).toBe(6);
    expect(graph.result('c')).toBe(70);
    expect(graph.result('d')).toBe(4);
  });

  test('forgets where an earlier result came from once the task has run', () => {
    const graph = sample().markDone('a', 1).reset('a');
    new SyncExecutor().run(graph);
    expect(graph.outcome('a')).toEqual({ status: 'done', result: 1, source: 'run' });
  });
});

describe('markDoneExcept', () => {
  test('makes these tasks pending and all others done', () => {
    const graph = ranSample();
    expect(graph.markDoneExcept('c', 'f')).toBe(graph);
    expect(statuses(graph)).toBe('a done, f pending, b done, c pending, d done, e done');
  });

  test('keeps the results there are, and gives undefined to the others', () => {
    const graph = ranSample().markDoneExcept('c');
    expect(graph.outcome('a')).toEqual({ status: 'done', result: 1, source: 'run' });
    expect(graph.outcome('b')).toEqual({ status: 'done', result: undefined, source: 'given' });
  });

  test('without names makes all tasks done', () => {
    expect(sample().markDoneExcept().counts().done).toBe(6);
  });
});

describe('a graph that is being run', () => {
  test.each([
    ['reset', (graph: TaskGraph) => graph.reset('a')],
    ['resetAll', (graph: TaskGraph) => graph.resetAll()],
    ['resetFailed', (graph: TaskGraph) => graph.resetFailed()],
    ['replace', (graph: TaskGraph) => graph.replace('a', () => 1)],
    ['markDone', (graph: TaskGraph) => graph.markDone('a', 1)],
    ['markDoneExcept', (graph: TaskGraph) => graph.markDoneExcept('a')],
    ['run', (graph: TaskGraph) => new SyncExecutor().run(graph)],
  ] as [string, (graph: TaskGraph) => unknown][])('refuses %s', (_, change) => {
    const graph: TaskGraph = new TaskGraphBuilder({ name: 'busy' })
      .task('a', () => 1)
      .task('b', () => change(graph))
      .after('a')
      .build();
    new SyncExecutor().run(graph);
    expect(graph.failure('b')).toBeInstanceOf(GraphBusyError);
    expect(graph.failure('b')).toMatchObject({
      graph: 'busy',
      message: expect.stringContaining('while it is being run'),
    });
    expect(graph.status('a')).toBe('done');
    // The run is over, and the graph is free.
    expect(() => change(graph)).not.toThrow();
  });
});

describe('an unknown name', () => {
  test.each([
    ['dependencies', (graph: TaskGraph) => graph.dependencies('fetchUser')],
    ['dependents', (graph: TaskGraph) => graph.dependents('fetchUser')],
    ['ancestors', (graph: TaskGraph) => graph.ancestors('fetchUser')],
    ['descendants', (graph: TaskGraph) => graph.descendants('fetchUser')],
    ['outcome', (graph: TaskGraph) => graph.outcome('fetchUser')],
    ['status', (graph: TaskGraph) => graph.status('fetchUser')],
    ['result', (graph: TaskGraph) => graph.result('fetchUser')],
    ['failure', (graph: TaskGraph) => graph.failure('fetchUser')],
    ['reset', (graph: TaskGraph) => graph.reset('fetchUser')],
    ['replace', (graph: TaskGraph) => graph.replace('fetchUser', () => 1)],
    ['markDone', (graph: TaskGraph) => graph.markDone('fetchUser', 1)],
    ['markDoneExcept', (graph: TaskGraph) => graph.markDoneExcept('fetchUser')],
    ['only', (graph: TaskGraph) => new SyncExecutor().run(graph, { only: ['fetchUser'] })],
  ] as [string, (graph: TaskGraph) => unknown][])('given to %s is told with the nearest one', (_, ask) => {
    const graph: TaskGraph = new TaskGraphBuilder({ name: 'users' }).task('fetchUsers', () => 1).build();
    expect(() => ask(graph)).toThrow(
      expect.objectContaining({
        name: 'UnknownTaskError',
        code: 'unknown-task',
        task: 'fetchUser',
        nearest: 'fetchUsers',
        message: 'Task "fetchUser" is not in graph "users". Did you mean "fetchUsers"?',
      }),
    );
  });

  test('that is like no other is told without a guess', () => {
    expect(() => sample().status('entirely different' as never)).toThrow(
      'Task "entirely different" is not in graph "sample". graph.names() lists those that are.',
    );
  });

  test.each([undefined, null, 5, Symbol('a'), {}])('may even be %o', (task) => {
    expect(() => sample().status(task as never)).toThrow(UnknownTaskError);
  });
});

describe('a handle', () => {
  test('is good wherever a name is', () => {
    const builder = new TaskGraphBuilder();
    const a = builder.task('a', () => 2);
    const b = builder
      .task('b')
      .dependsOn(a)
      .run((x) => x + 1);
    const graph = builder.build() as TaskGraph;
    expect(graph.dependencies(b)).toEqual(['a']);
    expect(graph.dependents(a)).toEqual(['b']);
    expect(graph.ancestors(b)).toEqual(['a']);
    expect(graph.descendants(a)).toEqual(['b']);
    new SyncExecutor().run(graph, { only: [a] });
    expect(graph.result(a)).toBe(2);
    expect(graph.status(b)).toBe('pending');
    expect(graph.markDone(b, 9).outcome(b)).toEqual({ status: 'done', result: 9, source: 'given' });
    expect(graph.reset(a as TaskHandle<string>).counts().pending).toBe(2);
    expect(graph.failure(a)).toBeUndefined();
    expect(graph.markDoneExcept(a).ready()).toEqual(['a']);
    graph.replace(a, () => 5);
    new SyncExecutor().run(graph);
    expect(graph.result(a)).toBe(5);
  });
});

describe('toJSON', () => {
  test('tells what is known as plain data', () => {
    const graph = ranSample();
    expect(JSON.parse(JSON.stringify(graph))).toEqual({
      name: 'sample',
      done: ['a', 'f', 'e'],
      results: [
        ['a', 1],
        ['e', 'e1'],
      ],
      failed: [['b', 'Error: no electricity']],
      skipped: [
        ['c', 'b'],
        ['d', 'b'],
      ],
    });
  });

  test('of a graph that nothing is known of is empty', () => {
    expect(sample().toJSON()).toEqual({ name: 'sample', done: [], results: [], failed: [], skipped: [] });
  });
});

describe('toString', () => {
  test('tells how far the graph is, what failed and what could start', () => {
    expect(String(sample())).toBe('TaskGraph "sample": 6 tasks (6 pending)\n  ready: "a", "f"');
    expect(String(ranSample())).toBe(
      'TaskGraph "sample": 6 tasks (3 done, 1 failed, 2 skipped)\n  failed: "b", Error: no electricity',
    );
    expect(String(new TaskGraphBuilder().build())).toBe('TaskGraph "graph": 0 tasks');
    expect(String(new TaskGraphBuilder().task('a', () => 1).build())).toBe(
      'TaskGraph "graph": 1 task (1 pending)\n  ready: "a"',
    );
  });

  test('is what console.log prints, also of a graph inside something else', () => {
    const graph = sample();
    expect(inspect(graph)).toBe(String(graph));
    expect(inspect({ graph })).toContain('TaskGraph "sample"');
  });

  test('tells the first few of many', () => {
    const builder = new TaskGraphBuilder<any>();
    for (let i = 0; i < 8; i++) {
      builder.add({ name: `f${i}`, run: () => Promise.reject(BROKEN) }, { name: `r${i}`, run: () => 1 });
    }
    const graph = builder.build();
    new SyncExecutor().run(graph, { only: Array.from({ length: 8 }, (_, i) => `f${i}`) });
    const lines = String(graph).split('\n');
    expect(lines.filter((line) => line.startsWith('  failed:'))).toHaveLength(5);
    expect(lines).toContain('  … and 3 more failures');
    expect(lines.at(-1)).toBe('  ready: "r0", "r1", "r2", "r3", "r4", …');
  });
});

describe('the constructor', () => {
  test('is for the builder alone, and no graph is made without it', () => {
    expect(() => new (TaskGraph as any)()).toThrow(TypeError);
  });
});
