import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderStore, MemoryStore, type OutcomeStore, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-durations-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STORES: Record<string, () => OutcomeStore> = {
  MemoryStore: () => new MemoryStore(),
  FolderStore: () => new FolderStore(folder),
};

const make = (clock: FakeClock, store: OutcomeStore) => new SyncExecutor({ clock, store });

describe('a store', () => {
  it.each(Object.keys(STORES))('%s knows how long tasks took, also of those that were reset', async (name) => {
    const clock = new FakeClock();
    const executor = make(clock, STORES[name]!());
    const calls: string[] = [];
    const estimates: unknown[] = [];
    executor.on('run:started', (record) => estimates.push(record.estimates));
    const graph = (version: string) => {
      const builder = new TaskGraphBuilder<any>({ name: 'durations' });
      const took = { short: 20, long: 900, fresh: 1 };
      for (const [task, ms] of Object.entries(took)) {
        const run = () => {
          calls.push(task);
          clock.block(ms);
        };
        builder.add({ name: task, run, version });
      }
      return builder.build();
    };
    await executor.run(graph('1'), { only: ['short', 'long'] });
    expect(calls.splice(0)).toEqual(['short', 'long']);
    const changed = graph('2');
    const planned = (await executor.plan(changed)) as readonly { task: string; estimateMs?: number }[];
    expect(planned.map(({ task, estimateMs }) => [task, estimateMs])).toEqual([
      ['long', 900],
      ['fresh', 460],
      ['short', 20],
    ]);
    await executor.run(changed);
    expect(calls.splice(0)).toEqual(['long', 'fresh', 'short']);
    await executor.run(changed.reset('long', 'short'));
    expect(calls.splice(0)).toEqual(['long', 'short']);
    expect(estimates.slice(0, 2)).toEqual([
      undefined,
      new Map([
        ['short', 20],
        ['long', 900],
        ['fresh', 460],
      ]),
    ]);
  });

  it('tells no estimate of what is kept', async () => {
    const clock = new FakeClock();
    const executor = make(clock, new MemoryStore());
    const graph = () => new TaskGraphBuilder({ name: 'kept' }).task('a', () => clock.block(5)).build();
    await executor.run(graph());
    expect(await executor.plan(graph())).toEqual([{ task: 'a', verdict: 'kept', why: 'same version and inputs' }]);
  });
});
