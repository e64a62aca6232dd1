const { SyncExecutor, TaskGraphBuilder } = require('taskmap-ts');

const graph = new TaskGraphBuilder().task('answer', () => 42).build();
new SyncExecutor().run(graph);
console.log(graph.result('answer'));
