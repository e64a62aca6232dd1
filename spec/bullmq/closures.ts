import type { TaskFunction, TaskSpec } from 'taskmap-ts';

/** Functions that tasks on a worker in this very process find again, by number. */
const CLOSURES = Symbol.for('taskmap.spec.closures');
const closures: TaskFunction[] = [];
(globalThis as { [CLOSURES]?: TaskFunction[] })[CLOSURES] = closures;

/** A task that reaches a worker as text, and there calls the function that it had: the worker must be in this process, and the task io-bound. */
export function sentToThisProcess(spec: TaskSpec): TaskSpec {
  const number = closures.push(spec.run as TaskFunction) - 1;
  const run = new Function(
    '...args',
    `const closure = globalThis[Symbol.for('taskmap.spec.closures')][${number}]; return closure(...args)`,
  ) as TaskFunction;
  return { ...spec, run, ioBound: true };
}
