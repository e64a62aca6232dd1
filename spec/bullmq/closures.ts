import vm from 'node:vm';
import type { TaskFunction, TaskSpec } from 'taskmap-ts';

/** Functions that tasks on a worker in this very process find again, by number. */
const CLOSURES = Symbol.for('taskmap.spec.closures');
const closures: TaskFunction[] = [];
(globalThis as { [CLOSURES]?: TaskFunction[] })[CLOSURES] = closures;

const TEXT = `(...args) => {
  const [, line] = /:(\\d+):\\d+\\)?$/.exec(new Error().stack.split('\\n')[1]);
  const closure = globalThis[Symbol.for('taskmap.spec.closures')][line - 2];
  return closure(...args);
}`;

/** A task that reaches a worker as text, and there calls the function that it had: the worker must be in this process, and the task io-bound. */
export function sentToThisProcess(spec: TaskSpec): TaskSpec {
  const number = closures.push(spec.run as TaskFunction) - 1;
  // The same text for all of them, since it is looked at: which one it is stands in the line where it was written.
  const run = vm.runInThisContext(TEXT, { filename: 'closures', lineOffset: number }) as TaskFunction;
  return { ...spec, run, ioBound: true };
}
