import { AsyncExecutor, FolderStore, type TaskGraph, TaskGraphBuilder, taskModule } from 'taskmap-ts';
import { BullMQExecutor } from 'taskmap-ts/bullmq';
import type { Server } from '../../spec/support/servers.js';
import { makeShape, SHAPE_KINDS, type Shape } from '../shapes.js';
import { BareQueue } from './bare-queue.js';
import { cpuMs, memoryBytes } from './process-figures.js';
import { WorkerProcesses } from './worker-processes.js';

export type Backend = Server['backend'];
/** Where tasks run in a worker: io-bound ones on its event loop, as jobs of bare BullMQ do; the others on threads. */
export type TaskKind = 'io-bound' | 'cpu-bound';

/** What one contender came to. */
export interface Figure {
  readonly backend: Backend;
  readonly contender: string;
  readonly tasks: number;
  readonly ms: number;
  /** All processes together: ours, the workers, the server. */
  readonly cpuMs: number;
  readonly ourCpuMs: number;
  readonly workerCpuMs: number;
  readonly serverCpuMs: number;
}

export interface Latency {
  readonly backend: Backend;
  readonly kind: TaskKind;
  readonly medianMs: number;
}

export const BARE = 'bare BullMQ';
export const BARE_GRAPH = 'bare BullMQ, the graph by hand';
const CONCURRENCY = 50;
const THREADS = 2;
const CHAIN_STEPS = 200;
const LARGE_RESULTS = 20;
const tasks = taskModule<typeof import('./tasks.js')>(new URL('./tasks.js', import.meta.url));
let queues = 0;

export function contenderOf(kind: TaskKind, chunk: number | 'auto'): string {
  return `taskmap, ${kind}, chunk ${chunk}`;
}

/** What bare BullMQ takes for jobs that do nothing. */
export async function bareFigure(server: Server, size: number, warmUp: number): Promise<Figure> {
  return withBareQueue(server, async (bare, processes) => {
    await bare.runIndependent(warmUp);
    await bare.clear();
    return measured(server, BARE, size, processes, () => bare.runIndependent(size));
  });
}

/**
 * What it takes for the layered graph.
 *
 * @throws if a value differs from that of a local run
 */
export async function bareGraphFigure(server: Server, size: number, warmUp: number): Promise<Figure> {
  return withBareQueue(server, async (bare, processes) => {
    await bare.runGraph(layeredShape(warmUp).dependencyIds);
    await bare.clear();
    const { names, dependencyIds } = layeredShape(size);
    let values: readonly unknown[] = [];
    const figure = await measured(server, BARE_GRAPH, size, processes, async () => {
      values = await bare.runGraph(dependencyIds);
    });
    await compared(new Map(names.map((name, task) => [name, values[task]])), size, 'io-bound');
    return figure;
  });
}

async function withBareQueue<T>(
  server: Server,
  use: (bare: BareQueue, processes: WorkerProcesses) => Promise<T>,
): Promise<T> {
  const queue = nextQueue();
  const processes = await WorkerProcesses.start({ ...COMMON, kind: 'bullmq', url: server.url, queue });
  try {
    const bare = await BareQueue.open(server, queue);
    try {
      return await use(bare, processes);
    } finally {
      await bare.close();
    }
  } finally {
    await processes.stop();
  }
}

/**
 * The layered graph by us, with each of these chunks.
 *
 * @throws if a value differs from that of a local run, or a task is told as started more than once
 */
export async function* graphFigures(
  server: Server,
  kind: TaskKind,
  chunks: readonly (number | 'auto')[],
  size: number,
  warmUp: number,
): AsyncGenerator<Figure> {
  const queue = nextQueue();
  const processes = await WorkerProcesses.start({ ...COMMON, kind: 'taskmap', url: server.url, queue });
  try {
    for (const chunk of chunks) {
      const executor = new BullMQExecutor({ connection: server.url, queue, chunk });
      await executor.run(layered(warmUp, kind));
      const graph = layered(size, kind);
      let started = 0;
      executor.on('task:started', () => {
        started++;
      });
      yield await measured(server, contenderOf(kind, chunk), size, processes, () => executor.run(graph));
      if (started !== size) throw new Error(`${started} tasks were told as started, of ${size}.`);
      await compared(new Map(Object.entries(graph.results)), size, kind);
      await executor.close();
    }
  } finally {
    await processes.stop();
  }
}

/** How long a task waits for the one before it to be heard of, and for itself to be run. */
export async function chainLatency(server: Server, kind: TaskKind): Promise<Latency> {
  const queue = nextQueue();
  const processes = await WorkerProcesses.start({ ...COMMON, kind: 'taskmap', url: server.url, queue });
  const executor = new BullMQExecutor({ connection: server.url, queue });
  try {
    const builder = new TaskGraphBuilder();
    for (let step = 0; step < CHAIN_STEPS; step++)
      builder.add({
        name: `step-${step}`,
        run: tasks.mixed,
        dependsOn: step === 0 ? [] : [`step-${step - 1}`],
        ioBound: kind === 'io-bound',
      });
    const graph = builder.build();
    const doneAtMs: number[] = [];
    await executor.run(graph);
    graph.resetAll();
    executor.on('task:done', () => doneAtMs.push(performance.now()));
    await executor.run(graph);
    const steps = doneAtMs
      .slice(1)
      .map((atMs, index) => atMs - doneAtMs[index]!)
      .sort((a, b) => a - b);
    return { backend: server.backend, kind, medianMs: steps[Math.floor(steps.length / 2)]! };
  } finally {
    await executor.close();
    await processes.stop();
  }
}

/** By how much the memory of the server grows at most while results of 10 MB go through a store, in megabytes. */
export async function largeResultsMb(server: Server, storeFolder: string): Promise<number> {
  const queue = nextQueue();
  const processes = await WorkerProcesses.start({ ...COMMON, kind: 'taskmap', url: server.url, queue, storeFolder });
  const executor = new BullMQExecutor({ connection: server.url, queue, valueStore: new FolderStore(storeFolder) });
  try {
    await executor.run(layered(100, 'cpu-bound'));
    const builder = new TaskGraphBuilder();
    for (let index = 0; index < LARGE_RESULTS; index++)
      builder.add({ name: `large-${index}`, run: tasks.large, withContext: true });
    const graph = builder.build();
    const before = memoryBytes([server.pid]);
    let most = before;
    const look = setInterval(() => {
      most = Math.max(most, memoryBytes([server.pid]));
    }, 20);
    await executor.run(graph);
    clearInterval(look);
    for (let index = 0; index < LARGE_RESULTS; index++) {
      const result = graph.result(`large-${index}`) as Uint8Array;
      if (result.length !== 10 * 2 ** 20 || result.at(-1) !== index)
        throw new Error(`The result of large-${index} is wrong.`);
    }
    return (Math.max(most, memoryBytes([server.pid])) - before) / 2 ** 20;
  } finally {
    await executor.close();
    await processes.stop();
  }
}

const COMMON = { concurrency: CONCURRENCY, threads: THREADS, storeFolder: undefined };

function nextQueue(): string {
  return `bench-${++queues}`;
}

async function measured(
  server: Server,
  contender: string,
  size: number,
  processes: WorkerProcesses,
  run: () => Promise<unknown>,
): Promise<Figure> {
  const sides = [[process.pid], processes.pids, [server.pid]] as const;
  const before = sides.map(cpuMs);
  const startedAtMs = performance.now();
  await run();
  const ms = performance.now() - startedAtMs;
  const [ourCpuMs, workerCpuMs, serverCpuMs] = sides.map((pids, index) => cpuMs(pids) - before[index]!) as [
    number,
    number,
    number,
  ];
  return {
    backend: server.backend,
    contender,
    tasks: size,
    ms,
    cpuMs: ourCpuMs + workerCpuMs + serverCpuMs,
    ourCpuMs,
    workerCpuMs,
    serverCpuMs,
  };
}

function layered(size: number, kind: TaskKind): TaskGraph {
  const { names, dependencies } = layeredShape(size);
  const builder = new TaskGraphBuilder();
  for (let task = 0; task < size; task++) {
    const dependsOn = dependencies[task]!;
    const isFirst = dependsOn.length === 0;
    builder.add({
      name: names[task]!,
      run: isFirst ? tasks.first : tasks.mixed,
      withContext: isFirst,
      dependsOn,
      ioBound: kind === 'io-bound',
    });
  }
  return builder.build();
}

function layeredShape(size: number): Shape {
  return makeShape(SHAPE_KINDS.find(({ name }) => name === 'layered')!, size);
}

async function compared(results: ReadonlyMap<string, unknown>, size: number, kind: TaskKind): Promise<void> {
  const local = layered(size, kind);
  await new AsyncExecutor().run(local);
  for (const [name, expected] of Object.entries(local.results)) {
    const result = results.get(name);
    if (result !== expected) throw new Error(`The result of ${name} is ${String(result)}, not ${String(expected)}.`);
  }
}
