// Events: an executor tells what happens, each event with one flat record. The order for a task is ready, started, any progress and retries,
// then done or failed; run:finished comes last.
// Typed by one graph, the records are told apart by the task's name: the result of "price" is a number here.
//
//   price ─► label ─► print
//
// npx tsx examples/events.ts

import { AsyncExecutor, TaskGraphBuilder, type TasksIn } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'labels' })
  .task('price', async () => 19.5)
  .task('label')
  .dependsOn('price')
  .run((price): string => {
    throw new RangeError(`no label for ${price}`);
  })
  .task('print')
  .dependsOn('label')
  .run((label) => label.length)
  .build();

const executor = new AsyncExecutor<TasksIn<typeof graph>>();
executor.on('run:started', ({ graph, taskCount }) => console.log(`run:started   ${graph}, ${taskCount} tasks`));
executor.on('task:ready', ({ task }) => console.log(`task:ready    ${task}`));
executor.on('task:started', ({ task, attempt, thread }) =>
  console.log(`task:started  ${task}, attempt ${attempt} on ${thread}`),
);
executor.on('task:done', (record) => {
  if (record.task === 'price') console.log(`task:done     price is ${record.result.toFixed(2)}`);
});
executor.on('task:failed', ({ task, error }) => console.log(`task:failed   ${task}: ${error}`));
executor.on('task:skipped', ({ task, because }) => console.log(`task:skipped  ${task}, because ${because} failed`));
executor.once('run:finished', ({ status, counts }) => console.log(`run:finished  ${status}, ${counts.done} done`));
await executor.run(graph);

// output:
// run:started   labels, 3 tasks
// task:ready    price
// task:started  price, attempt 1 on main
// task:done     price is 19.50
// task:ready    label
// task:started  label, attempt 1 on main
// task:failed   label: RangeError: no label for 19.5
// task:skipped  print, because label failed
// run:finished  finished, 1 done
