// What happens when a task fails is for the caller to say. 'continue', the default, skips what depends on it and runs all else; the report says
// what failed. 'stop' starts nothing new and lets running attempts end; 'abort' interrupts them too. The last two make run() reject.
// graph.throwIfFailed() turns failures into an error after a run that has gone on.
//
//   broken ─► hopeless        slow ─► later
//
// npx tsx examples/on-failure.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncExecutor, RunFailedError, TaskGraphBuilder } from 'taskmap-ts';

const executor = new AsyncExecutor();
for (const onFailure of ['continue', 'stop', 'abort'] as const) {
  const graph = new TaskGraphBuilder()
    .task('slow')
    .withContext()
    .run(({ signal }) => sleep(20, 'slow but sure', { signal }))
    .task('later')
    .dependsOn('slow')
    .run((slow) => slow)
    .task('broken')
    .run((): string => {
      throw new Error('out of paper');
    })
    .task('hopeless')
    .dependsOn('broken')
    .run((broken) => broken)
    .build();
  try {
    const report = await executor.run(graph, { onFailure });
    console.log(`${onFailure}: run() resolves, failures: ${[...report.failures.keys()].join(', ')}`);
  } catch (error) {
    if (error instanceof RunFailedError)
      console.log(`${onFailure}: run() rejects, cause: ${(error.cause as Error).message}`);
  }
  for (const name of graph.names()) console.log(`  ${name} is ${graph.status(name)}`);
}

// output:
// continue: run() resolves, failures: broken
//   slow is done
//   later is done
//   broken is failed
//   hopeless is skipped
// stop: run() rejects, cause: out of paper
//   slow is done
//   later is pending
//   broken is failed
//   hopeless is skipped
// abort: run() rejects, cause: out of paper
//   slow is pending
//   later is pending
//   broken is failed
//   hopeless is skipped
