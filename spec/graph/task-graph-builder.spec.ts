import {
  CycleError,
  DuplicateTaskError,
  InvalidGraphError,
  InvalidOptionError,
  MissingDependencyError,
  MissingFunctionError,
  SyncExecutor,
  type TaskContext,
  TaskGraph,
  TaskGraphBuilder,
  UnknownTaskError,
} from 'taskmap-ts';
import { describe, expect, test } from 'vitest';
import { openGraph } from '../../src/graph/task-graph.js';

/** What something throws. */
function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

/** The problems of a graph that cannot be built. */
function problemsOf(builder: { build(known?: any): unknown }, known?: unknown): readonly Error[] {
  const error = thrownBy(() => builder.build(known));
  expect(error).toBeInstanceOf(InvalidGraphError);
  return (error as InvalidGraphError).problems;
}

/** All settings of the task of this name. */
function settingsOf(graph: TaskGraph, name: string) {
  const { idByName, settings } = openGraph(graph);
  return settings[idByName.get(name)!]!;
}

function run<T extends object>(graph: TaskGraph<T>): TaskGraph<T> {
  new SyncExecutor<any>().run(graph as TaskGraph<any>);
  return graph;
}

const one = () => 1;

describe('new TaskGraphBuilder()', () => {
  test('names the graph "graph" unless told otherwise', () => {
    expect(new TaskGraphBuilder().build().name).toBe('graph');
    expect(new TaskGraphBuilder({}).build().name).toBe('graph');
    expect(new TaskGraphBuilder({ name: undefined }).build().name).toBe('graph');
    expect(new TaskGraphBuilder({ name: '' }).build().name).toBe('');
    expect(new TaskGraphBuilder({ name: 'nightly' }).build().name).toBe('nightly');
  });

  test.each([1, {}])('refuses %o as a name', (name) => {
    const error = thrownBy(() => new TaskGraphBuilder({ name: name as never }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option: 'name', value: name });
  });

  test('builds an empty graph', () => {
    const graph = new TaskGraphBuilder().build();
    expect(graph).toBeInstanceOf(TaskGraph);
    expect(graph.size).toBe(0);
    expect(graph.names()).toEqual([]);
    expect(graph.order()).toEqual([]);
    expect(graph.criticalPath()).toEqual([]);
    expect(graph.ready()).toEqual([]);
  });
});

describe('task', () => {
  test('takes a name, then dependencies, then the function', () => {
    // a ─► b
    const graph = new TaskGraphBuilder()
      .task('a')
      .run(() => 2)
      .task('b')
      .dependsOn('a')
      .run((a) => a + 1)
      .build();
    expect(run(graph).result('b')).toBe(3);
  });

  test('takes a name and a function, then dependencies', () => {
    // a ─► b
    const graph = new TaskGraphBuilder()
      .task('a', () => 2)
      .task('b', (a: number) => a + 1)
      .dependsOn('a')
      .build();
    expect(run(graph).result('b')).toBe(3);
  });

  test.each([undefined, null, 1, {}, Symbol('a')])('refuses %o as a name', (name) => {
    expect(() => new TaskGraphBuilder().task(name as never, one)).toThrow(InvalidOptionError);
    expect(() => new TaskGraphBuilder().task(name as never)).toThrow('Expected `name` to be a string');
  });

  test.each([undefined, null, 'fn', {}])('refuses %o as a function', (fn) => {
    expect(() => new TaskGraphBuilder().task('a', fn as never)).toThrow('Expected `run` of task "a" to be a function');
    expect(() => new TaskGraphBuilder().task('a').run(fn as never)).toThrow(InvalidOptionError);
  });

  test('refuses a second function', () => {
    const step = new TaskGraphBuilder().task('a', one) as any;
    expect(() => step.run(one)).toThrow('Expected `run` of task "a" to be given once');
  });

  test('may come in any order relative to what it depends on', () => {
    // b ─► a
    const graph = new TaskGraphBuilder<{ a: (b: number) => number; b: () => number }>()
      .task('a', (b: number) => b + 1)
      .dependsOn('b')
      .task('b', () => 1)
      .build();
    expect(graph.names()).toEqual(['a', 'b']);
    expect(graph.order()).toEqual(['b', 'a']);
    expect(run(graph).result('a')).toBe(2);
  });
});

describe('dependsOn', () => {
  test('passes results in its own order, whatever the order of declaration', () => {
    // a ─┐
    //    ├─► c
    // b ─┘
    const graph = new TaskGraphBuilder()
      .task('a', () => 'a')
      .task('b', () => 'b')
      .task('c', (b: string, a: string) => b + a)
      .dependsOn('b', 'a')
      .build();
    expect(graph.dependencies('c')).toEqual(['b', 'a']);
    expect(run(graph).result('c')).toBe('ba');
  });

  test('takes handles wherever it takes names', () => {
    const builder = new TaskGraphBuilder();
    const a = builder.task('a', () => 'a');
    const b = builder.task('b', () => 'b');
    const graph = builder
      .task('c')
      .dependsOn(b, a)
      .run((x, y) => x + y)
      .build();
    expect(graph.dependencies('c')).toEqual(['b', 'a']);
    expect(run(graph as TaskGraph).result('c')).toBe('ba');
  });

  test('mixes names and handles, and takes a spread list of handles', () => {
    const builder = new TaskGraphBuilder();
    const letters = ['a', 'b', 'c'].map((letter) => builder.task(letter, () => letter));
    const graph = builder
      .task('first', () => '>')
      .task('word')
      .dependsOn('first', ...letters)
      .run((first, ...rest) => first + rest.join(''))
      .build();
    expect(run(graph as TaskGraph).result('word')).toBe('>abc');
  });

  test('adds to what earlier calls named', () => {
    const graph = new TaskGraphBuilder()
      .task('a', () => 'a')
      .task('b', () => 'b')
      .task('c')
      .dependsOn('b')
      .dependsOn('a')
      .run((b, a) => b + a)
      .build();
    expect(graph.dependencies('c')).toEqual(['b', 'a']);
    expect(run(graph).result('c')).toBe('ba');
  });

  test('passes a result twice that is named twice, and waits for it once', () => {
    const graph = new TaskGraphBuilder()
      .task('a', () => 3)
      .task('square', (x: number, y: number) => x * y)
      .dependsOn('a', 'a')
      .build();
    expect(graph.dependencies('square')).toEqual(['a']);
    expect(graph.dependents('a')).toEqual(['square']);
    expect(run(graph).result('square')).toBe(9);
  });

  test('without arguments changes nothing', () => {
    expect(new TaskGraphBuilder().task('a', one).dependsOn().build().dependencies('a')).toEqual([]);
  });

  test.each([undefined, null, 1, {}, { name: 1 }, one, ['a']])('refuses %o', (reference) => {
    const step = new TaskGraphBuilder().task('a', one) as any;
    for (const method of ['dependsOn', 'after']) {
      const error = thrownBy(() => step[method](reference));
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(error).toMatchObject({ option: method, value: reference });
    }
  });
});

describe('after', () => {
  test('waits without passing anything', () => {
    // a ┄► b
    const order: string[] = [];
    const graph = new TaskGraphBuilder<any>()
      .task('b', (...args: unknown[]) => order.push(`b got ${args.length}`))
      .after('a')
      .task('a', () => order.push('a'))
      .build();
    expect(graph.dependencies('b')).toEqual(['a']);
    run(graph);
    expect(order).toEqual(['a', 'b got 0']);
  });

  test('comes behind the inputs among the dependencies, in either order of calls', () => {
    const builder = new TaskGraphBuilder();
    const a = builder.task('a', () => 'a');
    const b = builder.task('b', () => 'b');
    const graph = builder
      .task('c')
      .after(a)
      .dependsOn(b)
      .run((x) => x)
      .build();
    expect(graph.dependencies('c')).toEqual(['b', 'a']);
    expect(run(graph as TaskGraph).result('c')).toBe('b');
  });

  test('names a task besides dependsOn, and it is still one dependency', () => {
    const graph = new TaskGraphBuilder()
      .task('a', () => 1)
      .task('b')
      .dependsOn('a')
      .after('a', 'a')
      .run((a) => a)
      .build();
    expect(graph.dependencies('b')).toEqual(['a']);
    expect(run(graph).result('b')).toBe(1);
  });
});

describe('withContext', () => {
  test('puts the context before the results', () => {
    const graph = new TaskGraphBuilder()
      .task('a', () => 5)
      .task('b')
      .withContext()
      .dependsOn('a')
      .run((context, a) => `${context.task} ${context.attempt} ${a}`)
      .build();
    expect(run(graph).result('b')).toBe('b 1 5');
  });

  test('works on a task that has its function already', () => {
    const graph = new TaskGraphBuilder()
      .task('a', (context: TaskContext) => context.task)
      .withContext()
      .build();
    expect(run(graph).result('a')).toBe('a');
  });
});

describe('with', () => {
  test('mixes values and results in the order of the calls', () => {
    // a ─► b
    const graph = new TaskGraphBuilder()
      .task('a', () => 'a')
      .task('b')
      .with(1)
      .dependsOn('a')
      .with({ two: 2 }, undefined, [3])
      .dependsOn('a')
      .run((...given) => given)
      .build();
    expect(run(graph).result('b')).toEqual([1, 'a', { two: 2 }, [3], 'a']);
  });

  test('hands over the value itself, and each graph has a list of its own', () => {
    const value = new (class Point {})();
    const step = new TaskGraphBuilder().task('a', (...given: unknown[]) => given).with(value);
    const graph = step.build();
    step.with(2);
    expect(run(graph).result('a')).toEqual([value]);
    expect((run(graph).result('a') as unknown[])[0]).toBe(value);
  });

  test('refuses what is no list', () => {
    const build = (values: unknown) => () =>
      new TaskGraphBuilder().add({ name: 'a', run: one, with: values as never }).build();
    expect(build('ab')).toThrow('Expected `with` of task "a" to be a list of values, got "ab"');
    expect(build({})).toThrow(InvalidGraphError);
  });
});

describe('meta', () => {
  test('is a copy that stays as it is', () => {
    const owners = ['me'];
    const graph = new TaskGraphBuilder().task('a', one).meta({ owners, none: undefined }).build();
    owners.push('you');
    const { meta } = settingsOf(graph, 'a');
    expect(meta).toEqual({ owners: ['me'] });
    expect(Object.isFrozen((meta as { owners: string[] }).owners)).toBe(true);
  });

  test.each([
    [['a']],
    ['a'],
    [null],
    [new Date(0)],
    [{ when: new Date(0) }],
    [{ size: Number.NaN }],
    [{ f: one }],
    [{ n: 1n }],
  ])('refuses %o, which JSON cannot hold', (meta) => {
    expect(() => new TaskGraphBuilder().task('a', one).meta(meta as never)).toThrow(
      'Expected `meta` of task "a" to be an object of what JSON can hold',
    );
    expect(() => new TaskGraphBuilder().add({ name: 'a', run: one, meta: meta as never }).build()).toThrow(
      InvalidGraphError,
    );
  });
});

describe('options', () => {
  test('are all at their defaults if none is given', () => {
    const graph = new TaskGraphBuilder().task('a', one).build();
    expect(settingsOf(graph, 'a')).toEqual({
      withContext: false,
      ioBound: false,
      onMainThread: false,
      priority: 0,
      retry: { attempts: 1, delayMs: 0, backoff: 1, jitter: 0, when: undefined },
      timeoutMs: undefined,
      version: '',
      always: false,
      meta: undefined,
      returns: undefined,
      expiresMs: undefined,
      keepFailures: undefined,
      transient: false,
    });
  });

  test('stand in the settings of their task, and of no other', () => {
    const when = () => true;
    const graph = new TaskGraphBuilder()
      .task('a', one)
      .ioBound()
      .priority(-2.5)
      .retry({ attempts: 4, delayMs: 10, backoff: 2, jitter: 0.5, when })
      .timeout(500)
      .version('2')
      .always()
      .meta({ host: 'a' })
      .meta({ owners: ['me'], host: 'b' })
      .expires(60)
      .keepFailures({ forMs: 70 })
      .transient()
      .task('b', one)
      .build();
    expect(settingsOf(graph, 'a')).toEqual({
      withContext: false,
      ioBound: true,
      onMainThread: false,
      priority: -2.5,
      retry: { attempts: 4, delayMs: 10, backoff: 2, jitter: 0.5, when },
      timeoutMs: 500,
      version: '2',
      always: true,
      meta: { host: 'b', owners: ['me'] },
      returns: undefined,
      expiresMs: 60,
      keepFailures: { forMs: 70 },
      transient: true,
    });
    expect(settingsOf(graph, 'b').priority).toBe(0);
  });

  test('can be set on a draft that has no function yet', () => {
    const graph = new TaskGraphBuilder()
      .task('a')
      .ioBound()
      .priority(3)
      .retry(2)
      .timeout(9)
      .version('x')
      .run(one)
      .build();
    expect(settingsOf(graph, 'a')).toMatchObject({
      ioBound: true,
      priority: 3,
      retry: { attempts: 2 },
      timeoutMs: 9,
      version: 'x',
    });
  });

  test('the last call counts', () => {
    const graph = new TaskGraphBuilder()
      .task('a', one)
      .ioBound()
      .ioBound(false)
      .priority(1)
      .priority(2)
      .retry(5)
      .retry(1)
      .build();
    expect(settingsOf(graph, 'a')).toMatchObject({ ioBound: false, priority: 2, retry: { attempts: 1 } });
  });

  test.each([
    ['ioBound', 'ioBound', [true, false], [null, 1, 'yes']],
    ['priority', 'priority', [0, -1, 1.5, Number.MAX_VALUE], [Number.NaN, Number.POSITIVE_INFINITY, '1', null]],
    [
      'timeout',
      'timeoutMs',
      [1, 0.5, 2_147_483_647],
      [0, -1, 2_147_483_648, Number.POSITIVE_INFINITY, Number.NaN, '5', null],
    ],
    ['version', 'version', ['', '2', 'ü'], [1, null, {}]],
    ['expires', 'expiresMs', [1, 0.5, 1e12], [0, -1, Number.POSITIVE_INFINITY, Number.NaN, '5', null]],
    ['transient', 'transient', [true, false], [null, 1, 'yes']],
    ['retry', 'retry', [1, 2, 1000, { attempts: 3 }], [null, '3', true]],
    [
      'retry',
      'retry.attempts',
      [],
      [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, {}, { attempts: 0 }, { attempts: '2' }, { delayMs: 5 }],
    ],
    [
      'retry',
      'retry.delayMs',
      [
        { attempts: 2, delayMs: 0 },
        { attempts: 2, delayMs: 2_147_483_647 },
      ],
      [
        { attempts: 2, delayMs: -1 },
        { attempts: 2, delayMs: 2_147_483_648 },
        { attempts: 2, delayMs: Number.NaN },
        { attempts: 1, delayMs: '5' },
      ],
    ],
    [
      'retry',
      'retry.backoff',
      [
        { attempts: 2, backoff: 1 },
        { attempts: 2, backoff: 1.5 },
      ],
      [
        { attempts: 2, backoff: 0.5 },
        { attempts: 2, backoff: Number.POSITIVE_INFINITY },
        { attempts: 2, backoff: Number.NaN },
        { attempts: 2, backoff: '2' },
      ],
    ],
    [
      'retry',
      'retry.jitter',
      [
        { attempts: 2, jitter: 0 },
        { attempts: 2, jitter: 1 },
      ],
      [
        { attempts: 2, jitter: -0.1 },
        { attempts: 2, jitter: 1.1 },
        { attempts: 2, jitter: Number.NaN },
        { attempts: 2, jitter: true },
      ],
    ],
    [
      'retry',
      'retry.when',
      [{ attempts: 2, when: () => false }],
      [
        { attempts: 2, when: true },
        { attempts: 2, when: null },
      ],
    ],
  ] as [method: string, option: string, good: unknown[], bad: unknown[]][])(
    '.%s(…) checks %s',
    (method, option, good, bad) => {
      for (const value of good) {
        const step = new TaskGraphBuilder().task('a', one) as any;
        expect(step[method](value), String(value)).toBe(step);
      }
      for (const value of bad) {
        const step = new TaskGraphBuilder().task('a', one).priority(7) as any;
        const error = thrownBy(() => step[method](value));
        expect(error).toBeInstanceOf(InvalidOptionError);
        expect(error).toMatchObject({ option, code: 'invalid-option' });
        expect((error as Error).message).toContain(`\`${option}\` of task "a"`);
        // A refused option leaves what was there.
        expect(settingsOf(step.build(), 'a')).toMatchObject({
          priority: 7,
          retry: { attempts: 1 },
          timeoutMs: undefined,
        });
      }
    },
  );
});

describe('tasks', () => {
  test('adds functions by name, in any order, with the lists of their dependencies', () => {
    // a ─► b ─┐
    // └───────┴─► c
    const graph = new TaskGraphBuilder()
      .tasks(
        { c: (a: number, b: number) => a + b, b: (a: number) => a + 10, a: () => 5 },
        { c: ['a', 'b'], b: ['a'] },
        { ioBound: ['a'] },
      )
      .build();
    expect(graph.names()).toEqual(['c', 'b', 'a']);
    expect(graph.dependencies('c')).toEqual(['a', 'b']);
    expect(settingsOf(graph, 'a').ioBound).toBe(true);
    expect(settingsOf(graph, 'b').ioBound).toBe(false);
    expect(run(graph).result('c')).toBe(20);
  });

  test('takes handles of tasks added before, and mixes with the chain', () => {
    const builder = new TaskGraphBuilder();
    const rows = builder.task('rows', () => [1, 2]);
    const graph = rows.task('factor', () => 10).build();
    expect(graph.names()).toEqual(['rows', 'factor']);
    const more = builder.tasks({ sum: (all: number[]) => all.length }, { sum: [rows] }).build();
    expect(run(more as TaskGraph).result('sum')).toBe(2);
  });

  test('has build() tell of dependencies and ioBound names that are not among its functions', () => {
    const builder = new TaskGraphBuilder().tasks({ a: one }, { b: ['a'] } as never, { ioBound: ['c'] as never });
    const problems = problemsOf(builder);
    expect(problems).toMatchObject([
      { option: 'dependencies', value: 'b' },
      { option: 'ioBound', value: 'c' },
    ]);
    expect(problems[0]).toBeInstanceOf(InvalidOptionError);
  });

  test('has build() tell of a function that is missing or none', () => {
    const problems = problemsOf(new TaskGraphBuilder().tasks({ a: undefined, b: 5 } as never, {} as never));
    expect(problems).toMatchObject([{ option: 'run', value: 5 }, { task: 'a' }, { task: 'b' }]);
    expect(problems[1]).toBeInstanceOf(MissingFunctionError);
  });
});

describe('add', () => {
  test('takes tasks as data, several at once, in any order', () => {
    const builder = new TaskGraphBuilder();
    const handle = builder.task('seed', () => 1);
    const graph = builder
      .add(
        {
          name: 'b',
          run: ((a: number, seed: number) => a + seed) as never,
          dependsOn: ['a', handle],
          after: ['log'],
          ioBound: true,
        },
        { name: 'a', run: () => 10, priority: 2, retry: 3, timeoutMs: 100, version: 'v' },
        { name: 'log', run: () => undefined },
      )
      .build() as TaskGraph;
    expect(graph.dependencies('b')).toEqual(['a', 'seed', 'log']);
    expect(settingsOf(graph, 'a')).toMatchObject({ priority: 2, retry: { attempts: 3 }, timeoutMs: 100, version: 'v' });
    expect(run(graph).result('b')).toBe(11);
  });

  test('passes the context if the spec asks for it', () => {
    const graph = new TaskGraphBuilder()
      .add({ name: 'a', withContext: true, run: ((context: TaskContext) => context.task) as never })
      .build();
    expect(run(graph as TaskGraph).result('a')).toBe('a');
  });

  test('keeps nothing of the lists that it is given', () => {
    const dependsOn = ['a'];
    const builder = new TaskGraphBuilder().add({ name: 'a', run: one }, { name: 'b', run: one, dependsOn });
    dependsOn.push('nowhere');
    expect((builder.build() as TaskGraph).dependencies('b')).toEqual(['a']);
  });

  test('throws at once if there is no name to tell the problem of', () => {
    expect(() => new TaskGraphBuilder().add({ run: one } as never)).toThrow(InvalidOptionError);
  });

  test('leaves every other problem to build(), which tells all of them', () => {
    const builder = new TaskGraphBuilder().add(
      {
        name: 'a',
        run: 5 as never,
        dependsOn: [7] as never,
        after: 'b' as never,
        withContext: 1 as never,
        ioBound: 'no' as never,
        priority: Number.NaN,
        retry: { attempts: 0, delayMs: -1, backoff: 0, jitter: 2, when: 3 as never },
        timeoutMs: 0,
        version: 2 as never,
      },
      { name: 'b', run: one, retry: 'often' as never },
    );
    const problems = problemsOf(builder);
    expect(problems.map((problem) => (problem as InvalidOptionError).option ?? problem.constructor.name)).toEqual([
      'dependsOn',
      'after',
      'run',
      'withContext',
      'ioBound',
      'priority',
      'retry.attempts',
      'retry.delayMs',
      'retry.backoff',
      'retry.jitter',
      'retry.when',
      'timeoutMs',
      'version',
      'retry',
      'MissingFunctionError',
    ]);
  });
});

describe('build', () => {
  test('tells all problems of a graph in one error', () => {
    //  ┌─────────┐
    //  ▼         │
    //  a ─► b ─► c     d ─► d     e ─► (fech)     f twice     g without function
    const builder = new TaskGraphBuilder<any>({ name: 'broken' })
      .task('a', one)
      .after('c')
      .task('b', one)
      .after('a')
      .task('c', one)
      .after('b')
      .task('d', one)
      .after('d')
      .task('fetch', one)
      .task('e', one)
      .dependsOn('fech' as never)
      .task('f', one)
      .task('f' as string, one);
    builder.task('g');
    const error = thrownBy(() => builder.build({ done: ['nowhere'] })) as InvalidGraphError;
    expect(error).toBeInstanceOf(InvalidGraphError);
    expect(error.problems).toHaveLength(6);
    const byClass = (kind: Function) => error.problems.filter((problem) => problem instanceof kind);
    expect(byClass(CycleError)).toMatchObject([{ cycle: ['a', 'b', 'c', 'a'] }, { cycle: ['d', 'd'] }]);
    expect(byClass(MissingDependencyError)).toMatchObject([{ task: 'e', dependency: 'fech', nearest: 'fetch' }]);
    expect(byClass(DuplicateTaskError)).toMatchObject([{ task: 'f' }]);
    expect(byClass(MissingFunctionError)).toMatchObject([{ task: 'g' }]);
    expect(byClass(UnknownTaskError)).toMatchObject([{ task: 'nowhere', nearest: undefined }]);
    expect(error.cause).toBe(error.problems[0]);
    expect(error.message).toContain('Graph "broken" has 6 problems:');
    for (const problem of error.problems) expect(error.message).toContain(`\n  - ${problem.message}`);
  });

  test('tells what else is wrong with the second task of a name', () => {
    const builder = new TaskGraphBuilder().add(
      { name: 'a', run: one },
      { name: 'a', run: undefined as never, dependsOn: ['nope'] },
    );
    const error = thrownBy(() => builder.build()) as InvalidGraphError;
    expect(error.problems.map(({ code }) => code)).toEqual([
      'duplicate-task',
      'missing-function',
      'missing-dependency',
    ]);
  });

  test('refuses a handle of another builder, whose result may be of another type', () => {
    const foreign = new TaskGraphBuilder().task('rows', () => 'text');
    const builder = new TaskGraphBuilder();
    builder.task('rows', () => [1]);
    expect(() => builder.task('sum').dependsOn(foreign)).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringContaining('of the same builder, and "rows" is of another'),
      }),
    );
    expect(() => builder.task('later').after(foreign)).toThrow('of the same builder');
    expect(() => builder.add({ name: 'sum', run: one, dependsOn: [foreign] }).build()).toThrow('of the same builder');
  });

  test('tells of a task that takes more results than a call takes arguments', () => {
    const names = Array.from({ length: 100_001 }, (_, index) => `t${index}`);
    const builder = new TaskGraphBuilder();
    for (const name of names) builder.add({ name, run: one });
    builder.add({ name: 'all', run: one, dependsOn: names }, { name: 'after all', run: one, after: names });
    const error = thrownBy(() => builder.build()) as InvalidGraphError;
    expect(error.problems).toMatchObject([{ code: 'invalid-option', option: 'dependsOn' }]);
    expect(error.message).toContain('of task "all" to be a list of at most 100000 tasks');
  });

  test('says to spread a list that is given as it is', () => {
    expect(() => new TaskGraphBuilder().add([{ name: 'a', run: one }] as never)).toThrow('add(...specs)');
  });

  test('says what to do about each problem', () => {
    const problems = problemsOf(
      new TaskGraphBuilder<any>()
        .task('b', one)
        .dependsOn('a' as never)
        .task('c', one)
        .after('d')
        .task('d', one)
        .after('c')
        .task('d' as string, one),
    );
    expect(problems.map(({ message }) => message)).toEqual([
      'Task "d" is added more than once. Give each task a name of its own.',
      'Task "b" depends on "a", which is not in the graph. Add .task("a", …) or drop the dependency.',
      'Tasks wait for each other: "c" → "d" → "c". Drop one of these dependencies.',
    ]);
  });

  test('tells one problem in the singular, with the error itself as cause', () => {
    const error = thrownBy(() =>
      new TaskGraphBuilder()
        .task('a', one)
        .dependsOn('b' as never)
        .build(),
    ) as InvalidGraphError;
    expect(error.message).toContain('Graph "graph" has 1 problem:');
    expect(error.cause).toBeInstanceOf(MissingDependencyError);
  });

  test('names the task of a missing dependency once for dependsOn and once for after', () => {
    const problems = problemsOf(new TaskGraphBuilder<any>().task('a', one).dependsOn('x').after('y'));
    expect(problems).toMatchObject([
      { task: 'a', dependency: 'x' },
      { task: 'a', dependency: 'y' },
    ]);
  });

  test('tells many problems in a message that stays short, and keeps them all', () => {
    const builder = new TaskGraphBuilder<any>();
    for (let i = 0; i < 10_000; i++) builder.add({ name: `t${i}`, run: one, dependsOn: [`missing${i}`] });
    const error = thrownBy(() => builder.build()) as InvalidGraphError;
    expect(error.problems).toHaveLength(10_000);
    expect(error.message.split('\n')).toHaveLength(52);
    expect(error.message).toContain('… and 9950 more in error.problems');
  });

  test('tells at most 100 cycles, and says that there may be more', () => {
    const builder = new TaskGraphBuilder<any>();
    for (let i = 0; i < 150; i++) builder.add({ name: `t${i}`, run: one, after: [`t${i}`] });
    const error = thrownBy(() => builder.build()) as InvalidGraphError;
    expect(error.problems).toHaveLength(100);
    expect(error.message.endsWith('There may be more cycles.')).toBe(true);
  });

  test('leaves the middle of a long cycle out of the message, and keeps it in the error', () => {
    // t0 ─► t1 ─► … ─► t99 ─► t0
    const builder = new TaskGraphBuilder<any>();
    for (let i = 0; i < 100; i++) builder.add({ name: `t${i}`, run: one, after: [`t${(i + 99) % 100}`] });
    const [problem] = problemsOf(builder) as [CycleError];
    expect(problem.cycle).toHaveLength(101);
    expect(problem.message).toContain('"t8" → "t9" → (90 more) → "t0"');
  });

  test('can be repaired and called again', () => {
    const builder = new TaskGraphBuilder<any>().add({
      name: 'b',
      run: ((a: number) => a + 1) as never,
      dependsOn: ['a'],
    });
    expect(problemsOf(builder)).toHaveLength(1);
    builder.add({ name: 'a', run: one });
    expect(run(builder.build()).result('b')).toBe(2);
  });

  test('called twice makes two independent graphs', () => {
    const step = new TaskGraphBuilder()
      .task('a', () => 1)
      .task('b', (a: number) => a + 1)
      .dependsOn('a');
    const first = step.build();
    const second = step.build();
    run(first.replace('a', () => 10));
    expect(first.result('b')).toBe(11);
    expect(second.counts().pending).toBe(2);
    expect(run(second).result('b')).toBe(2);
  });

  test('keeps a graph apart from what its builder does later', () => {
    const builder = new TaskGraphBuilder<any>();
    const step = builder.task('a', one);
    const graph = builder.build();
    step.priority(5).after('b');
    builder.add({ name: 'b', run: one });
    expect(graph.names()).toEqual(['a']);
    expect(graph.dependencies('a')).toEqual([]);
    expect(settingsOf(graph, 'a').priority).toBe(0);
    expect(builder.build().dependencies('a')).toEqual(['b']);
  });

  describe('with what is known', () => {
    // a ─► b ─► c
    const builder = new TaskGraphBuilder<any>()
      .task('a', () => 'ran a')
      .task('b', (a: string) => `b of ${a}`)
      .dependsOn('a')
      .task('c', (b: string) => `c of ${b}`)
      .dependsOn('b');

    test('marks the tasks in `done` as done, without a result', () => {
      const graph = builder.build({ done: ['a', 'b'] });
      expect(graph.outcome('a')).toEqual({ status: 'done', result: undefined, source: 'given' });
      expect(graph.ready()).toEqual(['c']);
    });

    test.each([
      ['an object', { a: 'kept', b: null }],
      ['an object without a prototype', Object.assign(Object.create(null), { a: 'kept', b: null })],
      ['a Map', new Map([['a', 'kept'] as const, ['b', null] as const])],
      [
        'pairs',
        [
          ['a', 'kept'],
          ['b', null],
        ],
      ],
      ['entries that can be read once', Object.entries({ a: 'kept', b: null }).values()],
    ] as [string, any][])('takes results from %s', (_, results) => {
      const graph = builder.build({ results });
      expect(graph.outcome('a')).toEqual({ status: 'done', result: 'kept', source: 'given' });
      expect(graph.outcome('b')).toEqual({ status: 'done', result: null, source: 'given' });
      expect(run(graph).result('c')).toBe('c of null');
    });

    test('takes `done` from anything that can be iterated', () => {
      expect(builder.build({ done: new Set(['a', 'b', 'c']) }).counts().done).toBe(3);
      expect(builder.build({ done: ['a', 'b'].values() }).counts().done).toBe(2);
    });

    test('gives a task that is in both the result', () => {
      expect(builder.build({ done: ['a'], results: { a: 'kept' } }).result('a')).toBe('kept');
    });

    test('a result that is undefined makes its task done too', () => {
      expect(builder.build({ results: { a: undefined } }).status('a')).toBe('done');
    });

    test('takes the results of another graph', () => {
      const first = builder.build();
      new SyncExecutor().run(first, { only: ['b'] });
      const second = builder.build({ results: first.results });
      expect(second.results).toEqual(first.results);
      expect(second.counts()).toMatchObject({ done: 2, pending: 1 });
    });

    test('takes the JSON of another graph: failed and skipped tasks run again', () => {
      let broken = true;
      const flaky = new TaskGraphBuilder<any>()
        .task('quiet', () => undefined)
        .task('rows', () => [1, 2])
        .task('sum', (rows: number[]) => {
          if (broken) throw new Error('no electricity');
          return rows.length;
        })
        .dependsOn('rows')
        .task('report', (sum: number) => `sum ${sum}`)
        .dependsOn('sum');
      const first = run(flaky.build());
      expect(first.counts()).toMatchObject({ done: 2, failed: 1, skipped: 1 });
      broken = false;
      const second = flaky.build(JSON.parse(JSON.stringify(first)));
      expect(second.counts()).toMatchObject({ done: 2, pending: 2 });
      expect(second.outcome('quiet')).toEqual({ status: 'done', result: undefined, source: 'given' });
      expect(run(second).result('report')).toBe('sum 2');
    });

    test('tells of names that are not in the graph, each once, with the nearest that is', () => {
      const long = new TaskGraphBuilder<any>().task('fetchUsers', one);
      const problems = problemsOf(long, { done: ['fetchUser', 'nobody'], results: { fetchUser: 1 } });
      expect(problems).toMatchObject([
        { task: 'fetchUser', nearest: 'fetchUsers' },
        { task: 'nobody', nearest: undefined },
      ]);
      for (const problem of problems) expect(problem).toBeInstanceOf(UnknownTaskError);
    });
  });
});
