// A graph taken up again: toJSON() tells what is done and with which results, and build() takes that as it is.
// It is for results that JSON can hold. What had failed or was skipped is pending in the new graph.
// The tasks are described by the program, not by the file: a function is never stored.
//
//   rows ─► sum ─► mail
//
// npx tsx examples/restore.ts

import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

let online = false;
const builder = new TaskGraphBuilder({ name: 'monthly' })
  .task('rows', () => [3, 4, 5])
  .task('sum')
  .dependsOn('rows')
  .run((rows) => rows.reduce((a, b) => a + b))
  .task('mail')
  .dependsOn('sum')
  .run((sum) => {
    if (!online) throw new Error('no connection');
    return `sent ${sum}`;
  });

const graph = builder.build();
new SyncExecutor().run(graph);
const file = JSON.stringify(graph);
console.log(file);

// The next day, in another process:
online = true;
const restored = builder.build(JSON.parse(file));
console.log(restored.toString());
const executor = new SyncExecutor();
executor.on('task:started', ({ task }) => console.log(`runs ${task}`));
executor.run(restored);
console.log(restored.result('mail'), restored.outcome('sum'));

// output:
// {"name":"monthly","done":["rows","sum"],"results":[["rows",[3,4,5]],["sum",12]],"failed":[["mail","Error: no connection"]],"skipped":[]}
// TaskGraph "monthly": 3 tasks (1 pending, 2 done)
//   ready: "mail"
// runs mail
// sent 12 { status: 'done', result: 12, source: 'given' }
