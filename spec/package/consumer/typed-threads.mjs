// A program in JavaScript whose threads run a module of TypeScript.
import { ParallelExecutor, TaskGraphBuilder, taskModule } from 'taskmap-ts';

const work = taskModule(new URL('./typescript/work.ts', import.meta.url));
const graph = new TaskGraphBuilder()
  .task('half', () => 21)
  .task('answer', work.double)
  .dependsOn('half')
  .build();
const executor = new ParallelExecutor({ workers: 1 });
await executor.run(graph);
await executor.close();
graph.throwIfFailed();
console.log(graph.result('answer'));
