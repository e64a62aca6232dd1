import { AsyncExecutor, type Executor, ParallelAsyncExecutor, ParallelExecutor, SyncExecutor } from 'taskmap-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { graphOf, made } from '../executors/thread-harness.js';

const EXECUTORS: readonly Executor[] = [
  new SyncExecutor(),
  new AsyncExecutor(),
  new ParallelExecutor({ workers: 1 }),
  new ParallelAsyncExecutor({ workers: 1, io: 'thread' }),
];

describe.each(EXECUTORS.map((executor) => [executor.constructor.name, executor] as const))(
  'what a function is given under %s',
  (_, executor) => {
    afterAll(() => executor.close());

    it('refuses a fraction that is no number, and names the task', async () => {
      const run = made("({ progress }) => progress('half')");
      const graph = graphOf(
        ...[false, true].map((ioBound) => ({ name: `${ioBound}`, run, ioBound, withContext: true })),
      );
      await executor.run(graph);
      for (const name of ['false', 'true'])
        expect(String(graph.failure(name))).toBe(
          `InvalidOptionError: Expected \`fraction\` of task "${name}" to be a number from 0 to 1, got "half".`,
        );
    });

    it('tells a note as text, whatever it is', async () => {
      const told: unknown[] = [];
      executor.on('task:progress', ({ fraction, note }) => told.push([fraction, note]));
      const run = made('({ progress }) => progress(7, 42)');
      await executor.run(graphOf({ name: 'a', run, withContext: true }));
      expect(told).toEqual([[1, '42']]);
    });
  },
);
