import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  FolderStore,
  InvalidOptionError,
  MemoryStore,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { variantKey, variantOf } from '../../src/store/variants.js';
import { FakeClock } from '../support/fake-clock.js';
import { type AnyStoreOptions, STORE_KINDS } from '../support/stores.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-variants-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(STORE_KINDS)('$name', ({ make }) => {
  /** Processes that come one after another, with one store. The clock stands still: what is newest is not told by it. */
  class Processes {
    readonly open = make(folder);
    readonly clock = new FakeClock();
    calls: string[] = [];
    options: AnyStoreOptions | undefined;

    constructor(options?: AnyStoreOptions) {
      this.options = options;
    }

    /** What the next one calls, of a graph that is made with this version, and of which some tasks fail. */
    async run(
      version: string,
      {
        failing = [],
        change = (graph) => graph,
      }: { failing?: string[]; change?: (graph: TaskGraph) => TaskGraph } = {},
    ): Promise<{ readonly graph: TaskGraph; readonly calls: string[] }> {
      const calls: string[] = [];
      const called = <R>(name: string, result: R): R => {
        calls.push(name);
        if (failing.includes(name)) throw new RangeError(`${name} fails`);
        return result;
      };
      // source ─► size ─► report
      const graph = new TaskGraphBuilder({ name: 'shop' })
        .task('source', () => called('source', version))
        .version(version)
        .task('size')
        .dependsOn('source')
        .run((text) => called('size', text.repeat(2)))
        .task('report')
        .dependsOn('size')
        .run((text) => called('report', `<${text}>`))
        .build();
      const store = this.open(this.options);
      await new AsyncExecutor({ store, clock: this.clock }).run(change(graph as TaskGraph));
      await store.close();
      return { graph: graph as TaskGraph, calls };
    }

    /** The keys under which something is kept. */
    async keys(): Promise<string[]> {
      const store = this.open(this.options);
      const { outcomes } = await store.load('shop');
      await store.close();
      return [...outcomes].map(([key]) => key).sort();
    }
  }

  it('runs nothing again for A, B, A, B', async () => {
    const processes = new Processes();
    for (const version of ['A', 'B'])
      expect((await processes.run(version)).calls).toEqual(['source', 'size', 'report']);
    for (const version of ['A', 'B', 'A']) {
      const { graph, calls } = await processes.run(version);
      expect(calls).toEqual([]);
      expect(graph.result('report')).toBe(`<${version}${version}>`);
      for (const name of graph.names()) expect(graph.explain(name)).toBe('kept: same version and inputs');
    }
  });

  it('runs nothing again for a constant that is edited, and whose edit is undone', async () => {
    const open = make(folder);
    let attempts = 0;
    for (const rate of [1, 2, 1, 2]) {
      const store = open({ detect: 'closure' });
      const graph = new TaskGraphBuilder({ name: 'shop' }).task('tax', () => 100 * rate).build();
      attempts += (await new AsyncExecutor({ store }).run(graph)).attemptCount;
      await store.close();
      expect(graph.result('tax')).toBe(100 * rate);
    }
    expect(attempts).toBe(2);
  });

  it('keeps the last four results of each task, and no more', async () => {
    const processes = new Processes();
    for (const version of ['A', 'B', 'C', 'D', 'E']) await processes.run(version);
    expect(await processes.keys()).toHaveLength(12);
    for (const version of ['E', 'D', 'C', 'B']) expect((await processes.run(version)).calls).toEqual([]);
    expect((await processes.run('A')).calls).toEqual(['source', 'size', 'report']);
    // In the place of the oldest.
    for (const version of ['C', 'D', 'E', 'A']) expect((await processes.run(version)).calls).toEqual([]);
    expect((await processes.run('B')).calls).toEqual(['source', 'size', 'report']);
  });

  it('keeps as many as it is told to', async () => {
    const processes = new Processes({ variants: 1 });
    for (const version of ['A', 'B', 'A']) expect((await processes.run(version)).calls).toHaveLength(3);
    expect(await processes.keys()).toEqual(['report', 'size', 'source']);
    processes.options = { variants: 2 };
    await processes.run('B');
    expect((await processes.run('A')).calls).toEqual([]);
    expect((await processes.run('B')).calls).toEqual([]);
  });

  it('explains by the newest one what is different', async () => {
    const processes = new Processes();
    for (const version of ['A', 'B', 'C']) await processes.run(version);
    // What was not made anew stays as old as it is.
    await processes.run('A');
    const { graph } = await processes.run('D');
    expect(graph.explain('source')).toBe('ran: its version changed from "C" to "D"');
    expect(graph.explain('size')).toBe('ran: the result of "source" changed');
  });

  it('plans by whichever may hold', async () => {
    const processes = new Processes();
    for (const version of ['A', 'B']) await processes.run(version);
    const store = processes.open();
    const planned = async (version: string) => {
      const graph = new TaskGraphBuilder({ name: 'shop' })
        .task('source', () => version)
        .version(version)
        .task('size')
        .dependsOn('source')
        .run((text) => text.repeat(2))
        .build();
      return (await new AsyncExecutor({ store }).plan(graph)).map(({ verdict, why }) => `${verdict}: ${why}`);
    };
    expect(await planned('A')).toEqual(['kept: same version and inputs', 'kept: same version and inputs']);
    expect(await planned('C')).toEqual([
      'runs: its version changed from "B" to "C"',
      'may run: the result of "source" may change',
    ]);
    await store.close();
  });

  it('takes a failure for the newest, and no result goes for it', async () => {
    const processes = new Processes({ variants: 2 });
    for (const version of ['A', 'B']) await processes.run(version);
    for (const version of ['C', 'C', 'D']) {
      const { graph } = await processes.run(version, { failing: ['source'] });
      expect(graph.status('source')).toBe('failed');
    }
    for (const version of ['A', 'B']) expect((await processes.run(version)).calls).toEqual([]);
    const { graph, calls } = await processes.run('E');
    expect(calls).toEqual(['source', 'size', 'report']);
    expect(graph.explain('source')).toBe('ran: it failed the last time: RangeError: source fails');
    for (const version of ['B', 'E']) expect((await processes.run(version)).calls).toEqual([]);
    expect((await processes.keys()).filter((key) => key.endsWith('source'))).toHaveLength(3);
  });

  it('runs again what failed with the same inputs, and keeps what comes of it', async () => {
    for (const variants of [1, 2]) {
      const processes = new Processes({ variants });
      await processes.run('A');
      await processes.run('B', { failing: ['size'] });
      const { graph, calls } = await processes.run('B');
      expect(calls).toEqual(['size', 'report']);
      expect(graph.explain('size')).toBe('ran: it failed the last time: RangeError: size fails');
      expect((await processes.run('B')).calls).toEqual([]);
      expect((await processes.run('A')).calls).toEqual(variants === 1 ? ['source', 'size', 'report'] : []);
    }
  });

  it('forgets all of them where a task is reset, and nothing of the others', async () => {
    const processes = new Processes();
    for (const version of ['A', 'B', 'C']) await processes.run(version);
    expect((await processes.run('B', { change: (graph) => graph.reset('size') })).calls).toEqual(['size', 'report']);
    expect(await processes.keys()).toEqual(['report', 'size', 'source', 'variant 2 of source', 'variant 3 of source']);
    expect((await processes.run('A')).calls).toEqual(['size', 'report']);
  });

  it.each(['in a run of other tasks', 'after a run without a store'])('forgets all of them %s', async (when) => {
    const processes = new Processes();
    for (const version of ['A', 'B']) await processes.run(version);
    const { graph } = await processes.run('B');
    const store = processes.open();
    const executor = new AsyncExecutor({ store });
    graph.reset('size');
    if (when === 'in a run of other tasks') await executor.run(graph, { only: ['source'] });
    else {
      await new AsyncExecutor().run(graph);
      await executor.run(graph);
    }
    await store.close();
    expect(await processes.keys()).toEqual(['source', 'variant 2 of source']);
    expect((await processes.run('B')).calls).toEqual(['size', 'report']);
  });

  it('keeps none for which there is no hash in the place of those that may be of use', async () => {
    const open = make(folder);
    const calls: string[] = [];
    for (const input of [1, () => 1, () => 2, () => 3, 1]) {
      const store = open({ variants: 1 });
      const graph = new TaskGraphBuilder({ name: 'shop' })
        .task('input', (): unknown => input)
        .version(typeof input)
        .task('taker')
        .dependsOn('input')
        .run((given) => void calls.push(typeof given))
        .build();
      await new AsyncExecutor({ store }).run(graph);
      await store.close();
    }
    expect(calls).toEqual(['number', 'function', 'function', 'function']);
  });

  it('keeps tasks apart whose names look like the key of another', async () => {
    const open = make(folder);
    const names = [
      'rows',
      'variant 2 of rows',
      'variant 1 of rows',
      'variant 2 of variant 2 of rows',
      'variant of',
      '',
    ];
    const calls: string[] = [];
    const run = async (version: string, change = (graph: TaskGraph) => graph) => {
      const store = open();
      const graph = new TaskGraphBuilder({ name: 'shop' })
        .add(...names.map((name) => ({ name, version, run: () => void calls.push(name) })))
        .build();
      await new AsyncExecutor({ store }).run(change(graph as TaskGraph));
      await store.close();
      return calls.splice(0).sort();
    };
    for (const version of ['A', 'B']) expect(await run(version)).toEqual([...names].sort());
    for (const version of ['A', 'B']) expect(await run(version)).toEqual([]);
    for (const name of names) {
      expect(await run('A', (graph) => graph.reset(name))).toEqual([name]);
      expect(await run('A')).toEqual([]);
    }
  });
});

it.each([
  'rows',
  '',
  'variant',
  'variant 2 of ',
  'variant 2 of rows',
  'variant 02 of rows',
  'variant 1 of variant 2 of \n',
])('no other task has the keys of %j', (task) => {
  const keys = [1, 2, 3, 101].map((number) => variantKey(task, number));
  expect(keys.map(variantOf)).toEqual([1, 2, 3, 101].map((number) => ({ task, number })));
});

it.each(STORE_KINDS.filter(({ isSync }) => isSync))('$name forgets all outcomes of a task', async ({ make }) => {
  const store = make(folder)();
  const bytes = new Uint8Array([1]);
  for (const task of ['rows', 'cells'])
    for (const number of [1, 2, 7]) await store.save('shop', variantKey(task, number), bytes);
  await store.forget('shop', ['rows', 'never saved']);
  const left = [...(await store.load('shop')).outcomes].map(([key]) => key).sort();
  expect(left).toEqual(['cells', 'variant 2 of cells', 'variant 7 of cells']);
  await store.forget('shop', ['cells']);
  expect([...(await store.load('shop')).outcomes]).toEqual([]);
  await store.close();
});

it('refuses a number of outcomes that none can be', () => {
  for (const variants of [0, -1, 1.5, 101, Number.NaN, '4'] as number[]) {
    expect(() => new MemoryStore({ variants })).toThrow(InvalidOptionError);
    expect(() => new FolderStore('x', { variants })).toThrow('an integer from 1 to 100');
  }
});
