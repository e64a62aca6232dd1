import { type TaskGraph, TaskGraphBuilder, taskModule, UnsendableError } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BORDER_KEYS, expectedOf, portraitOf, valueFor } from '../support/border-values.js';
import { BACKENDS, QueueBench } from './queue-bench.js';

const MODULE = new URL('../support/border-values.ts', import.meta.url);
const work = taskModule<typeof import('../support/border-values.js')>(MODULE);

describe.each(BACKENDS.filter(({ backend }) => backend === 'redis'))('$backend', (backend) => {
  describe.runIf(backend.isThere)(backend.title, () => {
    const bench = new QueueBench(backend);
    let graph: TaskGraph;

    // key ─► result* ─► portrait of the result*         * on the worker: on its event loop, or on a thread
    //     └► argument ─► portrait of the argument*
    beforeAll(async () => {
      await bench.start();
      await bench.worker({ modules: [MODULE.href] });
      const builder = new TaskGraphBuilder<any>({ name: 'borders' });
      for (const key of BORDER_KEYS) {
        builder.add(
          { name: `key of ${key}`, run: () => key, onMainThread: true },
          { name: `argument of ${key}`, run: () => valueFor(key), onMainThread: true },
        );
        for (const [where, ioBound] of Object.entries({ thread: false, loop: true })) {
          const result = `result of ${key}, ${where}`;
          builder.add({ name: result, run: work.valueFor, dependsOn: [`key of ${key}`], ioBound });
          for (const of of [result, `argument of ${key}`])
            builder.add({
              name: `portrait of ${of}, ${where}`,
              run: work.portraitOf,
              dependsOn: [`key of ${key}`, of],
              ioBound,
            });
        }
      }
      graph = builder.build() as TaskGraph;
      await bench.executor().run(graph);
    }, 60_000);

    afterAll(async () => {
      await bench.close();
      await bench.stop();
    });

    it.each(BORDER_KEYS)('carries it both ways as the table says: %s', (key) => {
      const expected = expectedOf(key, 'bytes');
      for (const where of ['thread', 'loop']) {
        const result = `result of ${key}, ${where}`;
        const portraits = [`portrait of ${result}, ${where}`, `portrait of argument of ${key}, ${where}`];
        if (typeof expected === 'string') {
          expect(portraitOf(key, graph.result(result))).toBe(expected);
          for (const portrait of portraits) expect(graph.result(portrait)).toBe(expected);
        } else
          for (const task of [result, portraits[1]!]) {
            expect(graph.failure(task)).toBeInstanceOf(UnsendableError);
            expect(refusedPart(graph.failure(task) as Error)).toMatch(expected);
          }
      }
    });
  });
});

function refusedPart({ message }: Error): string {
  return message
    .replace(/^.* cannot be sent: (the result of ".*")?(.*)\. (Return|Pass) .*$/s, '$2')
    .replace(/^\W/, 'result$&');
}
