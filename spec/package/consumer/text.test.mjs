// For a test runner that loads modules into contexts of their own.
import { ParallelExecutor, TaskGraphBuilder, TransferError } from 'taskmap-ts';

const rate = 2;

test('functions as text', async () => {
  const executor = new ParallelExecutor({ workers: 1 });
  const graph = new TaskGraphBuilder()
    .task('half', () => 21)
    .task('answer')
    .dependsOn('half')
    .run((half) => 2 * half)
    .build();
  await executor.run(graph);
  expect(graph.result('answer')).toBe(42);
  const closing = new TaskGraphBuilder().task('rate', () => rate).build();
  await expect(executor.run(closing)).rejects.toThrow(TransferError);
  await executor.close();
});
