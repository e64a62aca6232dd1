import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { RunAbortedError, WorkerStartError } from 'taskmap-ts';
import type { BullMQExecutor } from 'taskmap-ts/bullmq';
import { describe, expect } from 'vitest';
import { rejection } from '../contract/executor-harness.js';
import { graphOfTexts } from './graphs.js';
import { describeScenes, type Scene } from './processes.js';

const LOST = 'job stalled more than allowable limit';

describeScenes(['redis', 'postgres'], (spec) => {
  describe('threads that do not start', () => {
    /** A script for threads, as it is or of no use. */
    function script(scene: Scene, isUseful: boolean): string {
      const file = join(scene.folder, 'thread.mjs');
      const real = new URL('../../src/workers/worker-main.dev.mjs', import.meta.url).href;
      writeFileSync(file, isUseful ? `import ${JSON.stringify(real)};` : 'throw new Error("not today");');
      return file;
    }

    spec('keep a worker from starting', async (scene) => {
      for (const threads of [1, 4]) {
        const error = await rejection(scene.worker({ threads, workerScript: script(scene, false) }));
        expect(error).toBeInstanceOf(WorkerStartError);
      }
    });

    spec('later on end a worker, which gives back what it has', async (scene) => {
      const log: string[] = [];
      const onLog = (line: string) => void log.push(line);
      const worker = await scene.worker({ threads: 1, workerScript: script(scene, true), onLog, name: 'poor' });
      script(scene, false);
      const isFirst = `fs.readFileSync(${JSON.stringify(join(scene.folder, 'ran'))}, 'utf8') === 'a\\n'`;
      // It ends its thread.
      const ends = `if (${isFirst}) process.reallyExit();`;
      const graph = graphOfTexts([
        { name: 'a', text: scene.text('a', `${ends} return 1;`) },
        { name: 'b', text: scene.text('b', 'return args[0] + 1;'), dependsOn: ['a'] },
      ]);
      const run = scene.executor().run(graph);
      expect(await worker.ended).toBeInstanceOf(WorkerStartError);
      expect(log).toContainEqual(expect.stringMatching(/^error: .*threads do not start.*takes no more jobs\.$/));
      expect(worker.health()).toMatchObject({ isReady: false, running: 0, failed: 0, refused: 1 });
      expect(graph.counts()).toMatchObject({ failed: 0, done: 0 });
      await scene.worker({ name: 'rich' });
      await run;
      expect(graph.result('b')).toBe(2);
      expect(scene.runsByTask).toEqual({ a: 2, b: 1 });
    });
  });
});

describeScenes(['redis'], (spec) => {
  describe('a job that comes again to the worker that still runs it', () => {
    /** The server forgets who has the jobs that are under way. */
    async function loseLocks(scene: Scene): Promise<void> {
      const redis = new Redis(scene.server.url);
      try {
        for (const key of await redis.keys(`bull:${scene.queue}.*:lock`)) await redis.del(key);
      } finally {
        redis.disconnect();
      }
    }

    /** Fulfilled once the executor has heard that its job was lost, and then that a worker has it. */
    function comingAgain(executor: BullMQExecutor): Promise<void> {
      return new Promise((resolve) => {
        executor.once('task:interrupted', () => executor.once('task:started', () => resolve()));
      });
    }

    const options = { threads: 2, lockMs: 600_000, stalledCheckMs: 100 };

    spec('runs once', async (scene) => {
      const worker = await scene.worker(options);
      const executor = scene.executor();
      const graph = graphOfTexts([{ name: 'a', text: scene.text('a', `${scene.gate('a')} return 1;`) }]);
      const again = comingAgain(executor);
      const started = new Promise((resolve) => executor.once('task:started', resolve));
      const run = executor.run(graph);
      await started;
      await loseLocks(scene);
      await again;
      expect(worker.health().running).toBe(1);
      scene.open('a');
      await run;
      expect(graph.result('a')).toBe(1);
      expect(scene.runsByTask).toEqual({ a: 1 });
      expect(worker.health()).toMatchObject({ running: 0, done: 1 });
    });

    spec('hears of an abort', async (scene) => {
      const worker = await scene.worker(options);
      const executor = scene.executor({ graceMs: 600_000 });
      const hears = "args[0].signal.addEventListener('abort', () => reject(args[0].signal.reason))";
      const graph = graphOfTexts([
        { name: 'a', text: scene.text('a', `return new Promise((_, reject) => ${hears});`), withContext: true },
      ]);
      const again = comingAgain(executor);
      const started = new Promise((resolve) => executor.once('task:started', resolve));
      const controller = new AbortController();
      const run = rejection(executor.run(graph, { signal: controller.signal }));
      await started;
      await loseLocks(scene);
      await again;
      controller.abort(new Error('enough'));
      expect(await run).toBeInstanceOf(RunAbortedError);
      await expect.poll(() => worker.health().running).toBe(0);
      expect(scene.runsByTask).toEqual({ a: 1 });
    });

    spec('is not to blame for a loss, though it runs alone', async (scene) => {
      const executor = scene.executor();
      const graph = graphOfTexts([{ name: 'a', text: scene.text('a', `${scene.gate('a')} return 1;`) }]);
      const run = executor.run(graph);
      await scene.failNext(LOST);
      await scene.worker(options);
      const again = comingAgain(executor);
      await scene.begun('a');
      await loseLocks(scene);
      await again;
      scene.open('a');
      await run;
      expect(graph.outcome('a')).toMatchObject({ status: 'done', result: 1 });
      expect(scene.runsByTask).toEqual({ a: 1 });
    });
  });
});
