import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  fileAt,
  InvalidGraphError,
  InvalidOptionError,
  MemoryStore,
  type OutcomeStore,
  type RunOptions,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rejection, toldBy } from '../contract/executor-harness.js';
import { Gate } from '../support/gate.js';
import { PromisedStore, STORE_KINDS } from '../support/stores.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-given-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(STORE_KINDS)('a given result that $name is to save', ({ make }) => {
  /** Processes that come one after another, with one store. */
  class Processes {
    readonly open = make(folder);
    readonly calls: string[] = [];
    text = 'Dear Ada';

    // letter ─► approved ─► sent
    graph(version = ''): TaskGraph {
      return new TaskGraphBuilder({ name: 'shop' })
        .task('letter', () => this.text)
        .version(this.text)
        .task('approved')
        .dependsOn('letter')
        .version(version)
        .run((): string => {
          this.calls.push('approved');
          throw new Error('nobody has read it yet');
        })
        .task('sent')
        .dependsOn('letter', 'approved')
        .run((letter, by) => {
          this.calls.push('sent');
          return `${letter}, approved by ${by}`;
        })
        .build() as TaskGraph;
    }

    async run(graph: TaskGraph, options: RunOptions = {}): Promise<string[]> {
      await this.with((executor) => executor.run(graph, options));
      return this.calls.splice(0);
    }

    async with<T>(use: (executor: AsyncExecutor, store: OutcomeStore) => Promise<T>): Promise<T> {
      const store = this.open();
      try {
        return await use(new AsyncExecutor({ store }), store);
      } finally {
        await store.close();
      }
    }
  }

  it('is kept for the next process, as if its task had returned it', async () => {
    const processes = new Processes();
    expect(await processes.run(processes.graph())).toEqual(['approved']);
    expect(await processes.run(processes.graph().markDone('approved', 'Eva', { save: true }))).toEqual(['sent']);
    const next = processes.graph();
    expect(await processes.run(next)).toEqual([]);
    expect(next.outcome('sent')).toEqual({ status: 'done', result: 'Dear Ada, approved by Eva', source: 'store' });
    expect(next.outcome('approved')).toEqual({ status: 'done', result: 'Eva', source: 'store' });
    expect(next.explain('approved')).toBe('kept: its result was given');
  });

  it('is kept no longer once what its task takes is another, or its version', async () => {
    const processes = new Processes();
    await processes.run(processes.graph().markDone('approved', 'Eva', { save: true }));
    processes.text = 'Dear Bob';
    const other = processes.graph();
    expect(await processes.run(other)).toEqual(['approved']);
    expect(other.explain('approved')).toContain('failed: Error: nobody has read it yet');
    processes.text = 'Dear Ada';
    expect(await processes.run(processes.graph())).toEqual([]);
    expect(await processes.run(processes.graph('2'))).toEqual(['approved']);
    expect(await processes.run(processes.graph().reset('approved'))).toEqual(['approved']);
  });

  it('goes for what the task had failed with, and what it had returned before', async () => {
    const processes = new Processes();
    for (const by of ['Eva', 'Ida']) await processes.run(processes.graph().markDone('approved', by, { save: true }));
    const next = processes.graph();
    expect(await processes.run(next)).toEqual([]);
    expect(next.result('sent')).toBe('Dear Ada, approved by Ida');
  });

  it('is saved by the first run in which all is known that its task takes', async () => {
    const processes = new Processes();
    const graph = processes.graph().markDone('approved', 'Eva', { save: true });
    await rejection(processes.run(graph, { signal: AbortSignal.abort() }));
    expect(await processes.run(processes.graph())).toEqual(['approved']);
    expect(await processes.run(graph, { only: ['letter'] })).toEqual([]);
    expect(await processes.run(processes.graph())).toEqual(['sent']);
  });

  it('is saved as soon as that is known', async () => {
    const processes = new Processes();
    const graph = processes.graph().markDone('approved', 'Eva', { save: true });
    await processes.with(async (executor) => {
      executor.on('task:done', ({ task }) => {
        if (task === 'letter') queueMicrotask(() => executor.abort(runId));
      });
      let runId = '';
      executor.on('run:started', (record) => {
        runId = record.runId;
      });
      await rejection(executor.run(graph));
    });
    processes.calls.length = 0;
    const next = processes.graph();
    await processes.run(next);
    expect(next.explain('approved')).toBe('kept: its result was given');
  });

  it('is saved as it was given, whatever the tasks that take it do to it', async () => {
    const processes = new Processes();
    // asked ─► names* ─► first
    const graph = (names?: string[]) => {
      const taken = new Gate();
      const built = new TaskGraphBuilder({ name: 'shop' })
        .task('asked', async () => {
          if (names !== undefined) await taken.pass();
          return 'who?';
        })
        .task('names')
        .dependsOn('asked')
        .run((): string[] => [])
        .task('first')
        .dependsOn('names')
        .run((names) => {
          taken.open();
          return names.shift();
        })
        .build();
      return (names === undefined ? built : built.markDone('names', names, { save: true })) as TaskGraph;
    };
    await processes.run(graph(['Ada', 'Bob']));
    const next = graph();
    await processes.run(next);
    expect(next.result('names')).toEqual(['Ada', 'Bob']);
    expect(next.outcome('first')).toEqual({ status: 'done', result: 'Ada', source: 'store' });
  });

  it('is not saved unless that is said, or once the task is given another, or reset', async () => {
    const processes = new Processes();
    const changes: ((graph: TaskGraph) => TaskGraph)[] = [
      (graph) => graph.markDone('approved', 'Eva'),
      (graph) => graph.markDone('approved', 'Eva', { save: false }),
      (graph) => graph.markDone('approved', 'Eva', { save: true }).markDone('approved', 'Ida'),
      (graph) => graph.markDone('approved', 'Eva', { save: true }).reset('approved'),
    ];
    for (const change of changes) {
      await processes.run(change(processes.graph()));
      expect(await processes.run(processes.graph())).toContain('approved');
    }
  });

  it('goes along with toJSON() until it is saved', async () => {
    const processes = new Processes();
    const graph = processes.graph().markDone('approved', 'Eva', { save: true });
    const known = JSON.parse(JSON.stringify(graph));
    expect(known.save).toEqual(['approved']);
    const taken = new TaskGraphBuilder({ name: 'shop' })
      .task('letter', () => 'Dear Ada')
      .version('Dear Ada')
      .task('approved', (_: string) => '')
      .dependsOn('letter')
      .build(known);
    await processes.run(taken as TaskGraph);
    expect(taken.toJSON().save).toBeUndefined();
    expect(await processes.run(processes.graph())).toEqual(['sent']);
  });

  it('is told of if it cannot be stored', async () => {
    const processes = new Processes();
    const graph = processes.graph().markDone('approved', () => 'Eva', { save: true });
    const told = await processes.with(async (executor) => {
      const seen = toldBy(executor);
      await executor.run(graph);
      return seen;
    });
    const refused = told.filter(({ event }) => event === 'store:refused');
    expect(refused.map(({ record }) => record['task'])).toContain('approved');
    expect(refused[0]!.record['error']).toMatchObject({ code: 'unstorable' });
  });
});

it('a given result hangs on what the function of its task uses, as a result that it returns', async () => {
  const { make } = STORE_KINDS[0]!;
  const open = make(folder);
  const run = async (rate: number, change = (graph: TaskGraph) => graph) => {
    const graph = new TaskGraphBuilder({ name: 'shop' }).task('tax', () => 100 * rate).build() as TaskGraph;
    await new AsyncExecutor({ store: open({ detect: 'closure' }) }).run(change(graph));
    return graph.explain('tax');
  };
  await run(1, (graph) => graph.markDone('tax', 7, { save: true }));
  expect(await run(1)).toBe('kept: its result was given');
  expect(await run(2)).toBe('ran: "rate", which its function uses, changed');
});

it('a given result is saved by SyncExecutor too', () => {
  const executor = new SyncExecutor({ store: new MemoryStore() });
  const graph = () => new TaskGraphBuilder({ name: 'shop' }).task('rate', () => 1).build();
  executor.run(graph().markDone('rate', 2, { save: true }));
  const next = graph();
  executor.run(next);
  expect(next.result('rate')).toBe(2);
});

it('what is to be saved must be given, and say so', () => {
  const builder = new TaskGraphBuilder({ name: 'shop' }).task('rate', () => 1);
  expect(() => builder.build({ save: ['rate'] })).toThrow(InvalidGraphError);
  expect(() => builder.build().markDone('rate', 2, { save: 1 as never })).toThrow(InvalidOptionError);
});

it('a given result is saved once the files are stored that its task takes', async () => {
  const begun = new Gate();
  const stored = new Gate();
  class SlowStore extends PromisedStore {
    override async save(graph: string, task: string, bytes: Uint8Array): Promise<void> {
      if (graph !== 'shop') begun.open();
      if (graph !== 'shop') await stored.pass();
      await super.save(graph, task, bytes);
    }
  }
  const store = Object.assign(new SlowStore(new Map()), { detect: 'version' as const });
  const executor = new AsyncExecutor({ store });
  // letter ─► approved*, other
  const build = () =>
    new TaskGraphBuilder({ name: 'shop' })
      .task('letter', () => {
        writeFileSync(join(folder, 'letter'), 'Dear Ada');
        return fileAt(join(folder, 'letter'), { restore: true });
      })
      .task('other', () => begun.pass())
      .task('approved')
      .dependsOn('letter')
      .run((): string => {
        throw new Error('nobody has read it yet');
      })
      .build();
  executor.on('task:done', ({ task }) => void (task === 'other' && stored.open()));
  await executor.run(build().markDone('approved', 'Eva', { save: true }));
  const next = build();
  await executor.run(next);
  expect(next.explain('approved')).toBe('kept: its result was given');
});
