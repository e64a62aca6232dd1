// What starts first, where several tasks are ready and there is room for one: io-bound ones, since they wait elsewhere while others compute;
// then higher priority; then the longer way to the end of the graph; then the order of declaration.
// graph.ready() tells it without running anything.
//
//   plain    long ─► longer ─► longest    urgent    download
//
// npx tsx examples/priorities.ts

import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

const nothing = () => {};
const graph = new TaskGraphBuilder({ name: 'queue' })
  .task('plain', nothing)
  .task('long', nothing)
  .task('longer', nothing)
  .after('long')
  .task('longest', nothing)
  .after('longer')
  .task('urgent', nothing)
  .priority(10)
  .task('download', nothing)
  .ioBound()
  .build();

console.log(`ready: ${graph.ready().join(', ')}`);
console.log(`critical path: ${graph.criticalPath().join(' → ')}`);

const executor = new SyncExecutor();
executor.on('task:started', ({ task }) => console.log(task));
executor.run(graph);

// output:
// ready: download, urgent, long, plain
// critical path: long → longer → longest
// download
// urgent
// long
// longer
// plain
// longest
