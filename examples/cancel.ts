// Cancelling: an aborted signal ends a run. Nothing new starts, running attempts see it on their context.signal, and run() rejects
// once nothing is running any more.
// What had been done stays done, what was interrupted is pending again: a second run goes on from there.
//
//   one ─► two ─► three
//
// npx tsx examples/cancel.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncExecutor, RunAbortedError, TaskGraphBuilder } from 'taskmap-ts';

const controller = new AbortController();
let patience = 60_000;
const graph = new TaskGraphBuilder({ name: 'steps' })
  .task('one', () => 1)
  .task('two')
  .withContext()
  .dependsOn('one')
  .run(({ signal }, one) => sleep(patience, one + 1, { signal }))
  .task('three')
  .dependsOn('two')
  .run((two) => two + 1)
  .build();

const executor = new AsyncExecutor();
executor.on('task:started', ({ task }) => {
  console.log(`${task} starts`);
  if (task === 'two') controller.abort(new Error('the user has left'));
});
executor.on('task:interrupted', ({ task }) => console.log(`${task} is interrupted`));

try {
  await executor.run(graph, { signal: controller.signal });
} catch (error) {
  if (error instanceof RunAbortedError) console.log(`aborted: ${(error.cause as Error).message}`);
}
console.log(graph.toString());

patience = 0;
await executor.run(graph);
console.log(graph.result('three'));

// output:
// one starts
// two starts
// two is interrupted
// aborted: the user has left
// TaskGraph "steps": 3 tasks (2 pending, 1 done)
//   ready: "two"
// two starts
// three starts
// 3
