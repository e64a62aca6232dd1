import { type BullMQExecutor, WorkerLostError } from 'taskmap-ts/bullmq';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { JobChannel } from '../../src/bullmq/job-channel.js';
import { graphOfTexts } from './graphs.js';
import { describeScenes, type Scene } from './processes.js';

/** What BullMQ says of a job whose workers were lost, and what something else may. */
const LOST = 'job stalled more than allowable limit';
const MISHAP = 'the connection was lost';

describeScenes(['redis', 'postgres'], (spec) => {
  const graphOf = (scene: Scene, ...names: readonly string[]) =>
    graphOfTexts(names.map((name) => ({ name, text: scene.text(name, `${scene.gate('all')} return 1;`) })));

  spec('a mishap of a job that runs alone is no loss', async (scene) => {
    const graph = graphOf(scene, 'a');
    const run = scene.executor().run(graph);
    const given = await scene.failNext(LOST, MISHAP, MISHAP);
    expect(given.map(({ alone }) => alone)).toEqual([undefined, 'waiting', 'waiting']);
    scene.open('all');
    await scene.worker();
    await run;
    expect(graph.outcome('a')).toMatchObject({ status: 'done', result: 1 });
    expect(scene.runsByTask).toEqual({ a: 1 });
  });

  spec(
    'a worker that is lost with several jobs is blamed on none of them, and one with a job alone on that',
    async (scene) => {
      const graph = graphOf(scene, 'a', 'b');
      const run = scene.executor().run(graph);
      const given = await scene.failNext(LOST, LOST, LOST);
      expect(given.map(({ alone }) => alone)).toEqual([undefined, undefined, 'waiting']);
      const [blamed, other] = String(given[2]!.order).includes('"name":"a"') ? ['a', 'b'] : ['b', 'a'];
      scene.open('all');
      await scene.worker();
      await run;
      expect([...graph.failures().keys()]).toEqual([blamed]);
      expect(graph.failure(blamed!)).toBeInstanceOf(WorkerLostError);
      expect(scene.runsByTask).toEqual({ [other!]: 1 });
    },
  );

  describe('a run that is taken up while a suspect', () => {
    /** An executor whose process dies once `a` is a suspect. */
    async function died(scene: Scene, isBegun: boolean): Promise<void> {
      const tasks = ['a', 'b'].map((name) => ({ name, text: scene.text(name, `${scene.gate('all')} return 1;`) }));
      const program = scene.orchestrator(tasks, { runId: 'nightly', maxInFlight: 1 });
      const alone = scene.failNext(LOST);
      await alone;
      await expect
        .poll(() => scene.withQueues(async ([cpu]) => (await cpu!.getWaiting()).map(({ data }) => data.alone)), {
          timeout: 10_000,
        })
        .toEqual(['waiting']);
      if (isBegun) {
        await scene.worker({ threads: 2, name: 'first' });
        await scene.begun('a');
      }
      await program.killed();
    }

    const takenUp = (
      scene: Scene,
    ): { readonly executor: BullMQExecutor; readonly graph: ReturnType<typeof graphOf> } => ({
      executor: scene.executor({ runId: 'nightly' }),
      graph: graphOf(scene, 'a', 'b'),
    });

    spec('waits has it run alone, and blames it alone if that costs a worker', async (scene) => {
      await died(scene, false);
      const { executor, graph } = takenUp(scene);
      const read = vi.spyOn(JobChannel.prototype, 'read');
      onTestFinished(() => read.mockRestore());
      const run = executor.run(graph);
      // As it is taken up, and then in a sweep: by then the run has it.
      await expect.poll(() => read.mock.calls.length, { timeout: 10_000 }).toBeGreaterThan(1);
      const [given] = await scene.failNext(LOST);
      expect(given!.alone).toBe('waiting');
      scene.open('all');
      await scene.worker();
      await run;
      expect([...graph.failures().keys()]).toEqual(['a']);
      expect(graph.failure('a')).toBeInstanceOf(WorkerLostError);
      expect(scene.runsByTask).toEqual({ b: 1 });
      // Whoever begins the run once more has it tried again.
      graph.resetFailed();
      await executor.run(graph);
      expect(graph.counts()).toMatchObject({ done: 2, failed: 0 });
    });

    spec('runs waits for it, and adds it as one that has not begun if the server forgets it', async (scene) => {
      await died(scene, true);
      const { executor, graph } = takenUp(scene);
      const started = new Promise<void>((resolve) =>
        executor.on('task:started', ({ task }) => task === 'a' && resolve()),
      );
      const run = executor.run(graph);
      await started;
      await scene.withQueues(([cpu]) => cpu!.obliterate({ force: true }));
      scene.open('all');
      await run;
      expect(graph.counts()).toMatchObject({ done: 2, failed: 0 });
    });
  });
});
