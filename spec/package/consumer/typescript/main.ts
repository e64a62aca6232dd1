// A program in TypeScript, run as it is: the module is named by what it will be once it is compiled.
import { ParallelExecutor, TaskGraphBuilder, taskModule } from 'taskmap-ts';

const work = taskModule<typeof import('./work.js')>(new URL('./work.js', import.meta.url));
const graph = new TaskGraphBuilder()
  .task('half', () => 21)
  .task('answer', work.double)
  .dependsOn('half')
  .build();
await using executor = new ParallelExecutor({ workers: 1 });
await executor.run(graph);
graph.throwIfFailed();
console.log(graph.result('answer'));
