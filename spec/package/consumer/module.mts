import { AsyncExecutor, type RunReport, SyncExecutor, TaskGraphBuilder, type TasksIn } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'consumer' })
  .task('a', () => 20)
  .task('b')
  .dependsOn('a')
  .retry(2)
  .run((a) => a + 1)
  .task('c', (a: number, b: number) => a + b + 1)
  .dependsOn('a', 'b')
  .build();

const executor = new SyncExecutor<TasksIn<typeof graph>>();
executor.on('task:done', (record) => {
  if (record.task === 'b') console.log(record.result.toFixed());
});
const report: RunReport = executor.run(graph);
const sum: number = graph.result('c');
// @ts-expect-error: there is no such task.
console.log(sum, report.status, graph.has('d') && graph.result('d'));

await using another = new AsyncExecutor();
await another.run(graph.resetAll());
