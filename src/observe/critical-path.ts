import { openGraph } from '../graph/task-graph.js';
import type { RunSnapshot, TaskTiming } from './run-timing.js';

/** What a run could not have been shorter than, however many tasks had run at once. */
export interface MeasuredPath {
  /** Each task behind the one that it needs. */
  readonly tasks: readonly TaskTiming[];
  /** What its attempts and the pauses between them took together, in milliseconds. */
  readonly durationMs: number;
}

const NONE = -1;

/**
 * The longest chain of dependencies by what its tasks took. Time spent waiting for room does not count, since it is not the graph's fault; a pause before a
 * retry does. Tasks that were not run here, such as those done before, are no part of it.
 */
export function measuredPath({ tasks, taskGraph }: RunSnapshot): MeasuredPath {
  const { names, idByName, topology } = openGraph(taskGraph);
  const { starts, ids } = topology.dependencies;
  const untilEndMs = new Float64Array(topology.size).fill(NONE);
  const before = new Int32Array(topology.size).fill(NONE);
  for (const { task, attempts, durationMs, delayedMs } of tasks.values()) {
    const id = idByName.get(task);
    if (id !== undefined && attempts.length > 0) untilEndMs[id] = durationMs + delayedMs;
  }
  let last = NONE;
  for (const id of topology.order) {
    if (untilEndMs[id] === NONE) continue;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const dependency = ids[edge]!;
      if (untilEndMs[dependency]! > (before[id] === NONE ? NONE : untilEndMs[before[id]!]!)) before[id] = dependency;
    }
    if (before[id] !== NONE) untilEndMs[id]! += untilEndMs[before[id]!]!;
    if (last === NONE || untilEndMs[id]! > untilEndMs[last]!) last = id;
  }
  const path: TaskTiming[] = [];
  for (let id = last; id !== NONE; id = before[id]!) path.push(tasks.get(names[id]!)!);
  return { tasks: path.reverse(), durationMs: last === NONE ? 0 : untilEndMs[last]! };
}
