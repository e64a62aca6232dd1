import { InvalidOptionError, MemoryStore, type TaskSpec } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { counted, type ExecutorSubject, rejection, Stage, task } from './executor-harness.js';

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

  describe('what meta() says', () => {
    it('is in each record about the task', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const meta = { host: 'a' };
      const flaky = counted((call) => {
        if (call === 1) throw new RangeError('not yet');
        return call;
      });
      const make = () =>
        stage.graph(
          task('a', flaky, { meta, retry: 2 }),
          task(
            'b',
            () => {
              throw new RangeError('never');
            },
            { meta },
          ),
          task('c', () => 3, { meta, dependsOn: ['b'] }),
          task('d', () => 4),
        );
      await stage.run(make());
      await stage.run(make());
      const about = stage.told.filter(({ record }) => record['task'] !== undefined);
      expect(new Set(about.map(({ event }) => event))).toEqual(
        new Set(['task:ready', 'task:started', 'task:retrying', 'task:done', 'task:failed', 'task:skipped']),
      );
      for (const { record } of about) expect(record['meta']).toEqual(record['task'] === 'd' ? undefined : meta);
      expect(flaky.calls).toEqual([[], []]);
    });

    it('tells which tasks a run is of', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('a', () => 1, { meta: { host: 'a', depth: 0 } }),
        task('b', () => 2, { meta: { host: 'b', depth: 0, more: { list: [1] } }, dependsOn: ['a'] }),
        task('c', () => 3, { meta: { host: 'c', depth: 1 } }),
        task('d', () => 4),
      );
      await stage.run(graph, { only: { meta: { host: 'b', more: { list: [1] } } } });
      expect(graph.names().filter((name) => graph.status(name) === 'done')).toEqual(['a', 'b']);
      await stage.run(graph, { only: { meta: { depth: 1 } } });
      expect(graph.status('c')).toBe('done');
      for (const only of [{ meta: { depth: 2 } }, { meta: { more: { list: [2] } } }, { meta: 'x' }, {}, 'a', null])
        expect(await rejection(stage.run(graph, { only: only as never }))).toBeInstanceOf(InvalidOptionError);
      expect(graph.status('d')).toBe('pending');
    });
  });
}
