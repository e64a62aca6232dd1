import { MemoryStore, type TaskSpec } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { counted, type ExecutorSubject, Stage, task } from './executor-harness.js';

/** Values that are no results. */
export function argumentContract(subject: ExecutorSubject): void {
  describe('values given by with()', () => {
    it('are arguments, in front of results', async () => {
      const stage = new Stage(subject);
      const taken = counted(() => 'done');
      const graph = stage.graph(
        task('raw', () => 'pixels'),
        task('thumb', taken, { with: ['a.jpg', { width: 320 }, null], dependsOn: ['raw'] }),
      );
      await stage.run(graph);
      expect(taken.calls).toEqual([['a.jpg', { width: 320 }, null, 'pixels']]);
      expect(graph.names()).toEqual(['raw', 'thumb']);
    });

    it('leave out undefined, as results do', async () => {
      const stage = new Stage(subject);
      const taken = counted(() => 'done');
      const graph = stage.graph(
        task('nothing', () => undefined),
        task('a', taken, { with: [1, undefined, 2], dependsOn: ['nothing'] }),
      );
      await stage.run(graph);
      expect(taken.calls).toEqual([[1, 2]]);
    });

    it('come behind the context, in each attempt', async () => {
      const stage = new Stage(subject);
      const taken: unknown[] = [];
      const graph = stage.graph(
        task(
          'a',
          (({ attempt }: { attempt: number }, path: string, raw: number) => {
            taken.push([attempt, path, raw]);
            if (attempt < 3) throw new RangeError('not yet');
          }) as TaskSpec['run'],
          { with: ['a.jpg', 7], withContext: true, retry: 3 },
        ),
      );
      await stage.run(graph);
      expect(taken).toEqual([1, 2, 3].map((attempt) => [attempt, 'a.jpg', 7]));
    });

    it('are seen by a store, which says which of them changed', async () => {
      const stage = new Stage(subject, { store: new MemoryStore() });
      const run = async (given: readonly unknown[]) => {
        const graph = stage.graph(
          task('raw', () => 'pixels'),
          task('thumb', (...args: unknown[]) => args.length, { with: given, dependsOn: ['raw'] }),
        );
        await stage.run(graph);
        return graph.explain('thumb');
      };
      expect(await run(['a.jpg', { width: 320, height: 200 }])).toBe('ran: no stored result');
      expect(await run(['a.jpg', { height: 200, width: 320 }])).toMatch(/^kept: /);
      expect(await run(['a.jpg', { width: 640, height: 200 }])).toBe('ran: argument 2 of with() changed');
      expect(await run(['a.jpg'])).toBe('ran: it is given other arguments by with() than before');
      expect(await run([])).toBe('ran: it is given other arguments by with() than before');
      expect(await run([])).toMatch(/^kept: /);
    });
  });
}
