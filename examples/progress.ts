// The context: the first argument of a function that asks for it. It knows the task, the attempt, the run and the signal, and it can tell
// how far the function is.
// Listeners of task:progress hear of it while the task runs; nothing is made of it if nobody listens.
//
//   import ─► index
//
// npx tsx examples/progress.ts

import { AsyncExecutor, type TaskContext, TaskGraphBuilder } from 'taskmap-ts';

async function importFiles({ progress }: TaskContext): Promise<string[]> {
  const files = ['a.csv', 'b.csv', 'c.csv', 'd.csv'];
  for (const [index, file] of files.entries()) {
    await Promise.resolve();
    progress((index + 1) / files.length, file);
  }
  return files;
}

const graph = new TaskGraphBuilder({ name: 'import' })
  .task('import', importFiles)
  .withContext()
  .task('index')
  .withContext()
  .dependsOn('import')
  .run(({ task, attempt }, files) => `${task}, attempt ${attempt}: ${files.length} files`)
  .build();

const executor = new AsyncExecutor();
executor.on('task:progress', ({ task, fraction, note }) => {
  const filled = Math.round(fraction * 8);
  console.log(`${task} ${'#'.repeat(filled)}${'-'.repeat(8 - filled)} ${note}`);
});
await executor.run(graph);
console.log(graph.result('index'));

// output:
// import ##------ a.csv
// import ####---- b.csv
// import ######-- c.csv
// import ######## d.csv
// index, attempt 1: 4 files
