import v8 from 'node:v8';
import { AsyncExecutor, MemoryStore, ParallelAsyncExecutor, ParallelExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import * as valueHash from '../../src/codec/value-hash.js';

const EXECUTORS = [new ParallelExecutor({ workers: 2 }), new ParallelAsyncExecutor({ workers: 2 })];
afterAll(async () => {
  for (const executor of EXECUTORS) await executor.close();
});
afterEach(() => vi.restoreAllMocks());

// rows ─► ids ─► count      few
const rowsGraph = () =>
  new TaskGraphBuilder({ name: 'encoded' })
    .task('rows', () => Array.from({ length: 2_000 }, (_, id) => ({ id, at: new Date(id), why: new Map([[id, 1n]]) })))
    .task('ids')
    .dependsOn('rows')
    .run((rows) => rows.map(({ id, at, why }) => ({ id, ms: at.getTime(), big: why.get(id) })))
    .task('count')
    .dependsOn('ids')
    .run((ids) => ids.length)
    .task('few', () => [1, 2, 3])
    .build();

/** How many values are made from bytes here: each says first which form it has. */
const decodes = () => vi.spyOn(v8.Deserializer.prototype, 'readUint32');

describe.each(EXECUTORS.map((executor) => [executor.constructor.name, executor] as const))('with %s', (_, executor) => {
  it('a large result is made here only if somebody asks for it, and once', async () => {
    const decoded = decodes();
    const graph = rowsGraph();
    await executor.run(graph);
    expect([graph.result('count'), graph.result('few')]).toEqual([2_000, [1, 2, 3]]);
    expect(decoded).not.toHaveBeenCalled();
    const rows = graph.result('rows');
    expect(rows[7]).toEqual({ id: 7, at: new Date(7), why: new Map([[7, 1n]]) });
    expect(graph.result('rows')).toBe(rows);
    const { status } = graph.outcome('ids');
    expect(status).toBe('done');
    expect(decoded).toHaveBeenCalledTimes(1);
  });

  it('is what a listener sees, the same as the graph has', async () => {
    const seen = new Map<string, unknown>();
    const listener = ({ task, result }: { task: string; result: unknown }) => seen.set(task, result);
    executor.on('task:done', listener);
    const graph = rowsGraph();
    await executor.run(graph);
    executor.off('task:done', listener);
    for (const name of graph.names()) expect(seen.get(name)).toBe(graph.result(name));
  });

  it('goes on to another thread, and to a task here', async () => {
    const graph = new TaskGraphBuilder()
      .task('rows', () => Array.from({ length: 2_000 }, (_, id) => ({ id })))
      .task('here')
      .dependsOn('rows')
      .onMainThread()
      .run((rows) => rows.filter(({ id }) => id % 2 === 0).length)
      .task('there')
      .dependsOn('rows')
      .run((rows) => rows.length)
      .build();
    await executor.run(graph, { only: ['rows'] });
    await executor.run(graph);
    expect([graph.result('here'), graph.result('there')]).toEqual([1_000, 2_000]);
  });
});

it.each([ParallelExecutor, ParallelAsyncExecutor])(
  'with a store, hash and bytes of a large result are made by %o where it was made, and are those of the same made here',
  async (Executor) => {
    const [there, here] = [new MemoryStore(), new MemoryStore()];
    const encoded = vi.spyOn(v8.Serializer.prototype, 'writeUint32');
    const executor = new Executor({ workers: 2, store: there });
    const graph = rowsGraph();
    await executor.run(graph);
    // What is small is written here: the count and the few.
    expect(encoded).toHaveBeenCalledTimes(2);
    await executor.close();
    const elsewhere = rowsGraph();
    await new AsyncExecutor({ store: there }).run(elsewhere);
    expect(elsewhere.names().map((name) => elsewhere.explain(name))).toEqual(
      Array(4).fill('kept: same version and inputs'),
    );
    await new AsyncExecutor({ store: here }).run(rowsGraph());
    expect(valueHash.hashValue(elsewhere.results)).toBe(valueHash.hashValue(graph.results));
    const value = (store: MemoryStore, task: string) => {
      const bytes = Buffer.from([...store.load('encoded').outcomes].find(([name]) => name === task)![1]);
      return bytes.subarray(9 + bytes.readUInt32LE(5)).toString('hex');
    };
    for (const name of ['rows', 'ids']) expect(value(there, name)).toBe(value(here, name));
  },
);
