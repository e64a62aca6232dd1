import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

const graph = new TaskGraphBuilder().task('answer', () => 42).build();
new SyncExecutor().run(graph);
const answer: number = graph.result('answer');
console.log(answer);
