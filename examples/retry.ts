// Retries: how many attempts there may be, how long to wait in between, and which errors deserve another one.
// The pause holds no slot: other tasks run meanwhile. Here it is 10 ms, then 20, then 40.
// A task that has failed for good keeps the error of its last attempt, as it was thrown.
//
//   flaky (3 attempts are enough)        hopeless (not worth another attempt)
//
// npx tsx examples/retry.ts

import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

class NotFound extends Error {}

const retry = { attempts: 4, delayMs: 10, backoff: 2, when: (error: unknown) => !(error instanceof NotFound) };
const graph = new TaskGraphBuilder({ name: 'downloads' })
  .task('flaky')
  .withContext()
  .retry(retry)
  .run(({ attempt }) => {
    if (attempt < 3) throw new Error(`no answer ${attempt}`);
    return `answered in attempt ${attempt}`;
  })
  .task('hopeless')
  .retry(retry)
  .run(() => {
    throw new NotFound('there is no such page');
  })
  .build();

const executor = new AsyncExecutor();
executor.on('task:retrying', ({ task, error, delayMs }) =>
  console.log(`${task}: ${(error as Error).message}, again in ${delayMs} ms`),
);
await executor.run(graph);

console.log(graph.result('flaky'));
console.log(graph.outcome('hopeless').status, graph.failure('hopeless') instanceof NotFound);

// output:
// flaky: no answer 1, again in 10 ms
// flaky: no answer 2, again in 20 ms
// answered in attempt 3
// failed true
