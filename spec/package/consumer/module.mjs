import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

const graph = new TaskGraphBuilder().task('answer', async () => 42).build();
await new AsyncExecutor().run(graph);
console.log(graph.result('answer'));
