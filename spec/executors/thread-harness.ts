import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { type Executor, type TaskGraph, TaskGraphBuilder, type TaskSpec } from 'taskmap-ts';

/** The threads of this process that live. */
export const threads: Set<Worker> = new Set();
process.on('worker', (thread: Worker) => {
  threads.add(thread);
  thread.once('exit', () => threads.delete(thread));
});

export function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return namedGraph('threads', ...specs);
}

export function namedGraph(name: string, ...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder<any>({ name }).add(...specs).build() as TaskGraph;
}

/** A function of its text, as a thread makes it: nothing that runs these specs has changed it. */
export function made(text: string): (...args: unknown[]) => any {
  return new Function(`return ${text}`)() as (...args: unknown[]) => any;
}

/** A task that keeps its thread busy until another thread opens it. */
export class ThreadGate {
  readonly view: Int32Array = new Int32Array(new SharedArrayBuffer(4));

  /** What the task takes, to wait at: see {@link waitAtGate}. */
  readonly task: TaskSpec = { name: 'gate', run: () => this.view, onMainThread: true };

  open(): void {
    Atomics.store(this.view, 0, 1);
    Atomics.notify(this.view, 0);
  }
}

export const waitAtGate: (...args: unknown[]) => any = made("(gate) => { Atomics.wait(gate, 0, 0); return 'opened'; }");

/** Fulfilled with the record when a task, by its name, has begun. */
export function started(executor: Executor, task: string): Promise<{ readonly thread: number | 'main' }> {
  return new Promise((resolve) => {
    executor.on('task:started', (record) => {
      if (record.task === task) resolve(record as { readonly thread: number | 'main' });
    });
  });
}

/** The thread of each task, as events tell it. */
export function threadsIn(executor: Executor): Map<string, number | 'main'> {
  const found = new Map<string, number | 'main'>();
  executor.on('task:started', ({ task, thread }) => found.set(task, thread as number | 'main'));
  return found;
}

/** Bytes that are still used after a collection, on the thread where it is called. */
export const bytesUsed: () => number = made(`() => {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  process.getBuiltinModule('node:vm').runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}`);

/** Runs one of the programs in spec/workers/fixtures to its end. Rejected if it does not end well. */
export function runProgram(
  name: string,
  ...args: string[]
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const program = fileURLToPath(new URL(`../workers/fixtures/${name}`, import.meta.url));
  return promisify(execFile)(process.execPath, ['--import', 'tsx', program, ...args], { timeout: 50_000 });
}
