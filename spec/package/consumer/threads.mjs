// A program to be bundled. Its one argument is the script that threads run.
import { ParallelExecutor, TaskGraphBuilder } from 'taskmap-ts';

async function main() {
  const graph = new TaskGraphBuilder()
    .task('six', () => 6)
    .task('answer')
    .dependsOn('six')
    .run(async (six) => {
      const { isMainThread } = await import('node:worker_threads');
      return isMainThread ? 'on the main thread' : 7 * six;
    })
    .build();
  const executor = new ParallelExecutor({ workers: 1, workerScript: process.argv[2] });
  try {
    await executor.run(graph);
    console.log(graph.result('answer'));
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
  await executor.close();
}

main();
