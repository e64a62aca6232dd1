import type { Executor } from 'taskmap-ts';
import { packageOf } from './graph.js';

/** Adds up how long the tasks of each package take, and counts the results that a store kept. */
export class PackageTimes {
  keptCount = 0;
  /**
   * How long the tasks of each package took together, in milliseconds. Tasks overlap and wait for the disk and for each other: that counts too, so the
   * packages together take longer than the run.
   */
  readonly #taskMsByPackage = new Map<string, number>();

  constructor(executor: Executor) {
    executor.on('task:done', ({ task, durationMs, source }) => {
      if (source === 'store') this.keptCount++;
      else this.#add(task, durationMs);
    });
    executor.on('task:failed', ({ task, durationMs }) => this.#add(task, durationMs));
  }

  /** The packages whose tasks took longest together, the slowest first. */
  slowest(count: number): { readonly path: string; readonly taskMs: number }[] {
    const all = [...this.#taskMsByPackage].map(([path, taskMs]) => ({ path, taskMs }));
    return all.sort((a, b) => b.taskMs - a.taskMs).slice(0, count);
  }

  #add(task: string, durationMs: number): void {
    const path = packageOf(task);
    this.#taskMsByPackage.set(path, (this.#taskMsByPackage.get(path) ?? 0) + durationMs);
  }
}
