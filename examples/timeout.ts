// Timeouts: each attempt may take so long, counted from its start. When time is up, context.signal is aborted: a function that hands it on
// ends at once. With .retry(…), the next attempt has the whole time again.
// What did not fit is a TaskTimeoutError that says which attempt was too slow.
//
//   slow once (2 attempts)        always slow (1 attempt) ─► next
//
// npx tsx examples/timeout.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncExecutor, TaskGraphBuilder, TaskTimeoutError } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'deadlines' })
  .task('slow once')
  .withContext()
  .timeout(100)
  .retry(2)
  .run(async ({ attempt, signal }) => (attempt === 1 ? sleep(60_000, 'too late', { signal }) : 'in time'))
  .task('always slow')
  .withContext()
  .timeout(100)
  .run(({ signal }) => sleep(60_000, 'too late', { signal }))
  .task('next')
  .dependsOn('always slow')
  .run((result) => result)
  .build();

await new AsyncExecutor().run(graph);

console.log(`slow once: ${graph.result('slow once')}`);
const error = graph.failure('always slow');
if (error instanceof TaskTimeoutError) console.log(error.message);
console.log(graph.outcome('next'));

// output:
// slow once: in time
// Task "always slow" took longer than 100 ms in attempt 1. Allow more with .timeout(ms), or let the function watch context.signal.
// { status: 'skipped', because: 'always slow' }
