import { AsyncExecutor, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { BullMQExecutor, startWorker, type TaskWorker } from 'taskmap-ts/bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShape, SHAPE_KINDS } from '../../benchmarks/shapes.js';
import { ChunkSize } from '../../src/bullmq/chunk-size.js';
import { JobEnd } from '../../src/bullmq/job-messages.js';
import { hasRedis, NO_REDIS, type Server, startRedis } from '../support/servers.js';

const SIZE = 600;
const LAYERS = SIZE / 100;

describe.skipIf(!hasRedis)(hasRedis ? 'three workers on Redis' : NO_REDIS, () => {
  let server: Server;
  let workers: TaskWorker[];

  beforeAll(async () => {
    server = await startRedis();
    workers = await Promise.all(
      [1, 2, 3].map((number) =>
        startWorker({ connection: server.url, name: `worker ${number}`, threads: 1, concurrency: 20 }),
      ),
    );
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await server.stop();
  });

  for (const chunk of [1, 10, 'auto'] as const) {
    it(`chunk ${chunk} > has the values of a local run, and starts every task once`, async () => {
      await using executor = new BullMQExecutor({ connection: server.url, chunk });
      const graph = layered();
      const started = new Map<string, number>();
      const seen = new Set<unknown>();
      executor.on('task:started', ({ task, thread }) => {
        started.set(task, (started.get(task) ?? 0) + 1);
        seen.add(thread);
      });
      await executor.run(graph);
      const local = layered();
      await new AsyncExecutor().run(local);
      expect(graph.results).toEqual(local.results);
      expect(started.size).toBe(SIZE);
      expect([...started.values()].every((times) => times === 1)).toBe(true);
      expect(seen.size).toBe(3);
    });
  }
});

describe('ChunkSize', () => {
  it('a fixed chunk > cuts a layer into no more jobs than it takes', () => {
    const size = new ChunkSize<number>(10);
    const jobs = Array.from({ length: LAYERS }, () => size.cut(numbers(95), 'io', 0)).flat();
    expect(jobs).toHaveLength(LAYERS * 10);
    expect(jobs.flat()).toHaveLength(LAYERS * 95);
  });

  it('a fixed chunk > waits for more while workers have enough to do, and sends what there is when they have not', () => {
    const size = new ChunkSize<number>(10);
    for (const worker of ['a', 'b', 'c']) size.learn('io', answer(worker, 0.1));
    expect(size.cut(numbers(25), 'io', 6).map(({ length }) => length)).toEqual([10, 10]);
    expect(size.takeHeld()).toHaveLength(5);
    expect(size.cut(numbers(5), 'io', 5).map(({ length }) => length)).toEqual([5]);
    expect(size.takeHeld()).toEqual([]);
  });

  it("'auto' > sends a few tasks first to learn how long they take, and holds the others", () => {
    const size = new ChunkSize<number>('auto');
    const probes = size.cut(numbers(100), 'cpu', 0);
    expect(probes.every(({ length }) => length === 1)).toBe(true);
    expect(probes.length + size.takeHeld().length).toBe(100);
    expect(probes.length).toBeLessThan(100);
  });

  it("'auto' > puts short tasks together, and leaves each worker its share", () => {
    const size = new ChunkSize<number>('auto');
    for (const worker of ['a', 'b', 'c']) size.learn('io', answer(worker, 0.1));
    const jobs = size.cut(numbers(100), 'io', 0);
    expect(jobs.length).toBeGreaterThanOrEqual(3);
    expect(jobs.length).toBeLessThanOrEqual(6);
  });

  it("'auto' > sends tasks of 50 ms one by one", () => {
    const size = new ChunkSize<number>('auto');
    for (const worker of ['a', 'b', 'c']) size.learn('cpu', answer(worker, 50));
    expect(size.cut(numbers(100), 'cpu', 0)).toHaveLength(100);
    expect(size.takeHeld()).toEqual([]);
  });

  it("'auto' > is not led astray by one job that was slow", () => {
    const size = new ChunkSize<number>('auto');
    for (let job = 0; job < 20; job++) size.learn('io', answer('a', 0.02));
    size.learn('io', answer('a', 5));
    expect(size.cut(numbers(40), 'io', 0).length).toBeLessThanOrEqual(4);
  });
});

function layered(): TaskGraph {
  const { names, dependencies } = makeShape(SHAPE_KINDS.find(({ name }) => name === 'layered')!, SIZE);
  const builder = new TaskGraphBuilder();
  for (const [task, name] of names.entries()) {
    const dependsOn = dependencies[task]!;
    const isFirst = dependsOn.length === 0;
    builder.add({ name, run: isFirst ? numberOf : mixed, withContext: isFirst, dependsOn, ioBound: true });
  }
  return builder.build();
}

function numberOf({ task }: { readonly task: string }): number {
  return Number(task.slice(task.indexOf('-') + 1));
}

function mixed(...results: number[]): number {
  return results.reduce((sum, one) => (Math.imul(sum, 31) + one) | 0, 7);
}

function numbers(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** What a worker with 2 threads answers after a job of one task. */
function answer(worker: string, tookMs: number) {
  return { worker, room: [2, 50] as const, news: [], ends: [[JobEnd.returned, 0, tookMs, '=1'] as const] };
}
