import type { BullMQExecutorOptions } from '../../src/bullmq/bullmq.js';
import { type TaskGraph, TaskGraphBuilder, type TaskOptions } from '../../src/index.js';

/** A task that can be written as JSON: its function is given as text. */
export interface TaskText extends Pick<TaskOptions, 'ioBound' | 'withContext' | 'timeoutMs' | 'onMainThread'> {
  readonly name: string;
  readonly text: string;
  readonly dependsOn?: readonly string[];
}

/** What a process is to run, and how. */
export interface GraphOrder {
  readonly executor: BullMQExecutorOptions;
  readonly tasks: readonly TaskText[];
}

export function graphOfTexts(tasks: readonly TaskText[], name = 'faults'): TaskGraph {
  const specs = tasks.map(({ text, ...rest }) => ({
    ...rest,
    run: new Function(`return ${text}`)() as (...args: unknown[]) => unknown,
  }));
  return new TaskGraphBuilder<any>({ name }).add(...specs).build() as TaskGraph;
}
