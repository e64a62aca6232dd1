// As near to a browser as Node comes: what only Node has is gone before the package is loaded.
const { log } = console;
for (const name of ['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate']) delete globalThis[name];

const { AsyncExecutor, TaskGraphBuilder } = await import('taskmap-ts');
const graph = new TaskGraphBuilder()
  .task('slow', async () => 42)
  .timeout(1000)
  .retry(2)
  .build();
const executor = new AsyncExecutor();
executor.on('task:done', ({ task, result }) => log(task, result));
await executor.run(graph);
