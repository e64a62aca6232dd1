import { AsyncTaskError } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { type ExecutorSubject, Stage, task, thrower, uncaughtDuring } from './executor-harness.js';

/** What every executor does that waits for no promise. */
export function noPromiseContract(subject: ExecutorSubject): void {
  describe('promises', () => {
    it('fail their tasks with an error that says what to use instead', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', async () => 1),
        task('b', () => Promise.reject(new Error('nobody sees this'))),
        task('c', () => ({ then: thrower('nor this') })),
        task('d', () => Object.assign(Promise.reject(new Error('nor that')), { then: thrower('nor the other') })),
      );
      const uncaught = await uncaughtDuring(() => stage.run(graph));
      for (const name of ['a', 'b', 'c', 'd']) {
        expect(graph.failure(name)).toBeInstanceOf(AsyncTaskError);
        expect(graph.failure(name)).toMatchObject({ task: name });
      }
      expect((graph.failure('a') as Error).message).toContain('AsyncExecutor');
      expect(uncaught).toEqual([]);
    });
  });
}
