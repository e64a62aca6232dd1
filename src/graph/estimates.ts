import { InvalidOptionError } from '../errors.js';
import type { TaskFunction } from './task.js';
import type { GraphPlan } from './task-graph.js';

/**
 * How long each task is thought to take, in milliseconds, by what is known of earlier runs: what it took itself; else the
 * median of the tasks of the same function, or of all that are known.
 *
 * @param known - by task id
 * @returns `undefined` if nothing is known
 */
export function estimatesFrom(
  { functions }: Pick<GraphPlan, 'functions'>,
  known: ReadonlyMap<number, number>,
): Float64Array | undefined {
  if (known.size === 0) return undefined;
  const estimates = new Float64Array(functions.length);
  if (known.size < functions.length) {
    const knownByFunction = new Map<TaskFunction, number[]>();
    for (const [id, durationMs] of known) {
      const others = knownByFunction.get(functions[id]!);
      if (others === undefined) knownByFunction.set(functions[id]!, [durationMs]);
      else others.push(durationMs);
    }
    const medians = new Map([...knownByFunction].map(([fn, all]) => [fn, median(all)] as const));
    const ofAll = median([...known.values()]);
    for (const [id, fn] of functions.entries()) estimates[id] = medians.get(fn) ?? ofAll;
  }
  for (const [id, durationMs] of known) estimates[id] = durationMs;
  return estimates;
}

/**
 * What was given of how long tasks took, by task id. Names that are not in the graph are passed over: they are of an
 * earlier form of it.
 *
 * @throws {@link InvalidOptionError}
 */
export function givenDurations(
  { idByName }: Pick<GraphPlan, 'idByName'>,
  durations: ReadonlyMap<string, number>,
): Map<number, number> {
  if (!(durations instanceof Map))
    throw new InvalidOptionError('durations', 'a Map of task names and milliseconds', durations);
  const known = new Map<number, number>();
  for (const [task, durationMs] of durations as Map<string, unknown>) {
    if (typeof durationMs !== 'number' || !(durationMs >= 0) || durationMs === Number.POSITIVE_INFINITY)
      throw new InvalidOptionError('durations', 'a Map of task names and milliseconds of 0 or more', durationMs, task);
    const id = idByName.get(task);
    if (id !== undefined) known.set(id, durationMs);
  }
  return known;
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
