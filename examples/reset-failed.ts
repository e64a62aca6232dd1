// After a failure: mend the cause, reset what failed, run again. resetFailed() makes failed and skipped tasks pending, and no other:
// what is done does not run a second time.
// The cause may be outside, or it is the function itself: replace() gives the task another one, of the same type.
//
//   rows ─┬─► sum ─────┬─► report
//         └─► longest ─┘
//
// npx tsx examples/reset-failed.ts

import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'statistics' })
  .task('rows', () => ['3', '4', 'five'])
  .task('sum')
  .dependsOn('rows')
  .run((rows) => {
    const sum = rows.reduce((total, row) => total + Number(row), 0);
    if (Number.isNaN(sum)) throw new Error('not all rows are numbers');
    return sum;
  })
  .task('longest')
  .dependsOn('rows')
  .run((rows) => Math.max(...rows.map((row) => row.length)))
  .task('report')
  .dependsOn('sum', 'longest')
  .run((sum, longest) => `sum ${sum}, longest ${longest}`)
  .build();

const executor = new SyncExecutor();
const ran: string[] = [];
executor.on('task:started', ({ task }) => ran.push(task));

executor.run(graph);
console.log(`ran ${ran.splice(0).join(', ')}`);
console.log(graph.toString());

graph.replace('sum', (rows) => rows.reduce((total, row) => total + (Number(row) || 0), 0)).resetFailed();
executor.run(graph);
console.log(`ran ${ran.splice(0).join(', ')}`);
console.log(graph.result('report'));

// A task that is done runs again when it is reset, and so does everything that depends on it.
executor.run(graph.reset('longest'));
console.log(`ran ${ran.splice(0).join(', ')}`);

// output:
// ran rows, sum, longest
// TaskGraph "statistics": 4 tasks (2 done, 1 failed, 1 skipped)
//   failed: "sum", Error: not all rows are numbers
// ran sum, report
// sum 7, longest 4
// ran longest, report
