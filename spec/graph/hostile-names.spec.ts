import { InvalidGraphError, SyncExecutor, type TaskContext, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { describe, expect, test } from 'vitest';
import { HOSTILE_NAMES } from '../support/random-graph.js';

/** All hostile names in one chain, each task returning its own name behind the names before it. */
function chain(): TaskGraph {
  const builder = new TaskGraphBuilder<any>({ name: '__proto__' });
  for (const [place, name] of HOSTILE_NAMES.entries()) {
    const before = place === 0 ? [] : [HOSTILE_NAMES[place - 1]!];
    builder.add({ name, run: ((list: string[] = []) => [...list, name]) as never, dependsOn: before });
  }
  return builder.build();
}

const LAST = HOSTILE_NAMES.at(-1)!;

describe('hostile names', () => {
  test('are names like any other in every question', () => {
    const graph = chain();
    expect(graph.names()).toEqual(HOSTILE_NAMES);
    expect(graph.order()).toEqual(HOSTILE_NAMES);
    expect(graph.criticalPath()).toEqual(HOSTILE_NAMES);
    expect(graph.ancestors(LAST)).toEqual(HOSTILE_NAMES.slice(0, -1));
    expect(graph.descendants('')).toEqual(HOSTILE_NAMES.slice(1));
    for (const [place, name] of HOSTILE_NAMES.entries()) {
      expect(graph.has(name)).toBe(true);
      expect(graph.dependencies(name)).toEqual(HOSTILE_NAMES.slice(Math.max(0, place - 1), place));
      expect(graph.dependents(name)).toEqual(HOSTILE_NAMES.slice(place + 1, place + 2));
    }
  });

  test('are not in a graph that does not have them', () => {
    const graph = new TaskGraphBuilder<any>().task('a', () => 1).build();
    for (const name of HOSTILE_NAMES) {
      expect(graph.has(name)).toBe(false);
      expect(() => graph.status(name)).toThrow('is not in graph "graph"');
    }
  });

  test('are run, and their results found', () => {
    const graph = chain();
    new SyncExecutor().run(graph);
    expect(graph.result(LAST)).toEqual(HOSTILE_NAMES);
    expect(Object.keys(graph.results).sort()).toEqual([...HOSTILE_NAMES].sort());
    for (const [place, name] of HOSTILE_NAMES.entries()) expect((graph.results as any)[name]).toHaveLength(place + 1);
  });

  test('hold when they fail, are skipped, reset, marked and replaced', () => {
    const graph = chain().replace('', () => {
      throw '';
    });
    new SyncExecutor().run(graph);
    expect([...graph.failures()]).toEqual([['', '']]);
    expect(graph.outcome('__proto__')).toEqual({ status: 'skipped', because: '' });
    expect(() => graph.result('__proto__')).toThrow('Task "" failed first');
    graph.resetFailed().markDone('', ['marked']).reset('constructor').markDoneExcept('then');
    expect(graph.counts()).toMatchObject({ pending: 1, done: HOSTILE_NAMES.length - 1 });
    expect(graph.ready()).toEqual(['then']);
    expect(graph.result('')).toEqual(['marked']);
  });

  test('survive JSON, and results given as an object or a Map', () => {
    const graph = chain();
    new SyncExecutor().run(graph);
    const builder = new TaskGraphBuilder<any>().add(...HOSTILE_NAMES.map((name) => ({ name, run: () => 1 })));
    const restored = builder.build(JSON.parse(JSON.stringify(graph)));
    expect(restored.results).toEqual(graph.results);
    expect(builder.build({ results: graph.results as Record<string, unknown> }).results).toEqual(graph.results);
    expect(builder.build({ results: new Map(Object.entries(graph.results)) }).counts().done).toBe(HOSTILE_NAMES.length);
  });

  test('can be keys of the dictionary form', () => {
    const functions = Object.fromEntries(HOSTILE_NAMES.map((name) => [name, () => name]));
    const dependencies = Object.fromEntries([['then', ['__proto__', '']]]);
    const graph = new TaskGraphBuilder<any>()
      .tasks({ ...functions, then: (a: string, b: string) => [a, b] } as any, dependencies as never, {
        ioBound: ['__proto__'],
      })
      .build() as TaskGraph;
    new SyncExecutor().run(graph);
    expect([...graph.names()].sort()).toEqual([...HOSTILE_NAMES].sort());
    expect(graph.result('then')).toEqual(['__proto__', '']);
    expect(graph.ready()).toEqual([]);
  });

  test('reach a task through its context and the events', () => {
    const graph = new TaskGraphBuilder<any>();
    for (const name of HOSTILE_NAMES)
      graph.add({ name, run: ((context: TaskContext) => context.task) as never, withContext: true });
    const seen: unknown[] = [];
    new SyncExecutor().on('task:done', ({ task, result }) => seen.push(task === result && task)).run(graph.build());
    expect(seen).toEqual(HOSTILE_NAMES);
  });

  test('are drawn, one line for each task and each edge', () => {
    const graph = chain();
    const edges = HOSTILE_NAMES.length - 1;
    expect(graph.toDot().split('\n')).toHaveLength(3 + HOSTILE_NAMES.length + edges + 2);
    expect(graph.toMermaid().split('\n')).toHaveLength(1 + HOSTILE_NAMES.length + edges + 5 + 1);
    expect(graph.toMermaid()).not.toMatch(/<img|onerror=/);
  });

  test('make the problems of a graph no longer, and no two of them alike', () => {
    const builder = new TaskGraphBuilder<any>({ name: LAST });
    // Each waits for itself, is there twice, and waits for what is not there.
    for (const name of HOSTILE_NAMES)
      builder.add({ name, run: () => 1, dependsOn: [name, `no ${name}`] }, { name, run: () => 1 });
    const thrown = (() => {
      try {
        return builder.build();
      } catch (error) {
        return error as InvalidGraphError;
      }
    })() as InvalidGraphError;
    expect(thrown).toBeInstanceOf(InvalidGraphError);
    expect(thrown.problems).toHaveLength(3 * HOSTILE_NAMES.length);
    for (const { message } of thrown.problems) {
      expect(message.length).toBeLessThan(600);
      expect(message).not.toContain('\n');
      expect(message).not.toContain('\0');
    }
    expect(new Set(thrown.problems.map(({ message }) => message)).size).toBe(thrown.problems.length);
  });
});

describe('a name of 10 000 characters', () => {
  const graph: TaskGraph = new TaskGraphBuilder<any>({ name: LAST })
    .task(LAST, () => {
      throw new Error('no');
    })
    .task('after', () => 1)
    .after(LAST)
    .build();
  new SyncExecutor().run(graph);
  const waiting: TaskGraph = new TaskGraphBuilder<any>()
    .task('first', () => 1)
    .task(LAST, () => 1)
    .after('first')
    .build();

  test.each([
    ['an unknown task', () => graph.status(`${LAST}!`)],
    ['a result that is not there', () => graph.result('after')],
    ['a failed run', () => graph.throwIfFailed()],
    ['a run of one task whose dependency is not done', () => new SyncExecutor().runTask(waiting, LAST)],
    ['an option', () => new TaskGraphBuilder<any>().task(LAST, () => 1).priority(Number.NaN)],
    ['a replacement', () => graph.replace(LAST, 1 as never)],
  ] as [string, () => unknown][])('makes the message of %s no longer than a paragraph', (_, action) => {
    expect(action).toThrow(expect.objectContaining({ message: expect.stringMatching(/^[\s\S]{20,600}$/) }));
  });

  test('is short in what console.log prints', () => {
    expect(String(graph).length).toBeLessThan(300);
  });
});
