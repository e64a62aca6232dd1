import type { Worker } from 'node:worker_threads';
import { type Executor, type TaskGraph, TaskGraphBuilder, type TaskSpec } from 'taskmap-ts';

/** The threads of this process that live. */
export const threads: Set<Worker> = new Set();
process.on('worker', (thread: Worker) => {
  threads.add(thread);
  thread.once('exit', () => threads.delete(thread));
});

export function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder<any>({ name: 'threads' }).add(...specs).build() as TaskGraph;
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
