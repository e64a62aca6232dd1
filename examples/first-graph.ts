// The first graph: each task gets the results of the tasks it depends on as its arguments, in that order.
// An executor runs whatever can be run; afterwards the graph knows the results.
// Names, arguments and results are all typed: misspell one, and this file does not compile.
//
//   user ─┬─► orders ──┬─► letter
//         └────────────┘
//
// npx tsx examples/first-graph.ts

import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'letters' })
  .task('user', async () => ({ id: 7, name: 'Ada' }))
  .task('orders')
  .dependsOn('user')
  .run(async (user) => [`${user.id}-1`, `${user.id}-2`])
  .task('letter')
  .dependsOn('user', 'orders')
  .run((user, orders) => `Dear ${user.name}, thank you for ${orders.length} orders.`)
  .build();

const report = await new AsyncExecutor().run(graph);

console.log(graph.result('letter'));
console.log(report.status, report.counts);

// output:
// Dear Ada, thank you for 2 orders.
// finished { pending: 0, running: 0, done: 3, failed: 0, skipped: 0 }
