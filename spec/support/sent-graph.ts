import { type TaskFunction, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { expect } from 'vitest';
import { Model } from './model.js';
import type { RandomGraph, RandomTask } from './random-graph.js';

/** What `drawnFunction` and `resultOf` do, as text that a thread or a worker can make a function of: it closes over nothing. */
function sentFunction({ id, failures, returns }: RandomTask, waits: boolean): TaskFunction {
  const body = `
    if (context.attempt <= ${failures}) throw new RangeError('attempt ' + context.attempt + ' fails');
    return ${returns === 'number' ? `args.reduce((hash, arg) => (Math.imul(hash, 31) + (arg === null ? 7 : arg)) | 0, ${id + 1})` : returns};`;
  if (!waits) return new Function('context', '...args', body) as TaskFunction;
  return new Function(
    'context',
    '...args',
    `return new Promise((resolve) => setTimeout(resolve, 1)).then(() => { ${body} });`,
  ) as TaskFunction;
}

/** The graph that was drawn, with functions that can be sent. */
export function graphOf({ tasks }: RandomGraph): TaskGraph {
  const names = (ids: readonly number[]) => ids.map((id) => tasks[id]!.name);
  return new TaskGraphBuilder({ name: 'random' })
    .add(
      ...tasks.map((task) => ({
        name: task.name,
        run: sentFunction(task, task.ioBound),
        dependsOn: names(task.dependsOn),
        after: names(task.after),
        ioBound: task.ioBound,
        priority: task.priority,
        retry: task.attempts,
        withContext: true,
      })),
    )
    .build() as TaskGraph;
}

/** Every task of the graph came to what the model comes to. */
export function expectModel(graph: TaskGraph, drawn: RandomGraph): void {
  const model = new Model(drawn);
  model.run();
  for (const [id, { name }] of drawn.tasks.entries()) {
    const expected = model.outcomes[id]!;
    const outcome = graph.outcome(name);
    expect(outcome.status, name).toBe(expected.status);
    if (outcome.status === 'done' && expected.status === 'done') expect(outcome.result).toEqual(expected.result);
    if (outcome.status === 'failed') expect(outcome.error).toBeInstanceOf(RangeError);
    if (outcome.status === 'failed' && expected.status === 'failed') expect(outcome.attempts).toBe(expected.attempts);
  }
}
