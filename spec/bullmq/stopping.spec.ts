import { MemoryStore, RunAbortedError, RunFailedError, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { afterEach, expect, vi } from 'vitest';
import { JobChannel } from '../../src/bullmq/job-channel.js';
import { rejection } from '../contract/executor-harness.js';
import { Gate } from '../support/gate.js';
import { graphOfTexts } from './graphs.js';
import { describeScenes, type Scene } from './processes.js';

/** Nothing is given up within a spec: what ends has been taken back. */
const GRACE_MS = 600_000;

/** A store of values that takes none before the spec says so. */
class SlowStore extends MemoryStore {
  readonly saving: Gate = new Gate();

  override async save(graph: string, task: string, bytes: Uint8Array): Promise<void> {
    await this.saving.pass();
    await super.save(graph, task, bytes);
  }
}

/** `a` is for a worker; `fails` is here, and does so when the spec says so. */
function graphWith(scene: Scene, failing: Gate): TaskGraph {
  const run = new Function(`return ${scene.text('a', 'return args[0].length;')}`)() as (text: string) => number;
  return new TaskGraphBuilder<any>({ name: 'stopping' })
    .add(
      { name: 'text', run: () => 'x'.repeat(100), onMainThread: true },
      { name: 'a', run, dependsOn: ['text'] },
      { name: 'fails', run: failing.pass, onMainThread: true },
    )
    .build() as TaskGraph;
}

describeScenes(['redis', 'postgres'], (spec) => {
  afterEach(() => void vi.restoreAllMocks());

  /** Requests to add jobs wait at this gate, on their way to the server or on their way back. */
  function slowAdding(isOnWayBack: boolean): Gate {
    const adding = new Gate();
    const { add } = JobChannel.prototype;
    vi.spyOn(JobChannel.prototype, 'add').mockImplementation(async function (this: JobChannel, ...args) {
      if (isOnWayBack) await add.apply(this, args);
      await adding.pass();
      if (!isOnWayBack) await add.apply(this, args);
    });
    return adding;
  }

  /** A worker that comes later finds nothing to do but what is new. */
  async function expectNothingBegins(scene: Scene): Promise<void> {
    vi.restoreAllMocks();
    await scene.expectNothingLeft();
    await scene.worker();
    await scene.executor().run(graphOfTexts([{ name: 'new', text: scene.text('new') }]));
    expect(scene.ran).toEqual(['new']);
  }

  for (const isOnWayBack of [false, true]) {
    const when = isOnWayBack ? 'is in the queue, though that is not confirmed,' : 'is on its way into the queue';

    spec(`a job that ${when} as the run stops is taken back`, async (scene) => {
      const [failing, adding] = [new Gate(), slowAdding(isOnWayBack)];
      const graph = graphWith(scene, failing);
      const run = rejection(scene.executor().run(graph, { onFailure: 'stop' }));
      await adding.started;
      failing.fail(new Error('broken'));
      await expect.poll(() => graph.status('fails')).toBe('failed');
      adding.open();
      expect(await run).toBeInstanceOf(RunFailedError);
      expect([...graph.failures().keys()]).toEqual(['fails']);
      expect(graph.status('a')).toBe('pending');
      await expectNothingBegins(scene);
    });

    spec(`a job that ${when} as the run is aborted is taken back`, async (scene) => {
      const [failing, adding] = [new Gate(), slowAdding(isOnWayBack)];
      const graph = graphWith(scene, failing);
      const controller = new AbortController();
      const executor = scene.executor({ graceMs: GRACE_MS });
      const run = rejection(executor.run(graph, { signal: controller.signal }));
      await adding.started;
      controller.abort(new Error('enough'));
      failing.open();
      adding.open();
      expect(await run).toBeInstanceOf(RunAbortedError);
      expect(graph.counts()).toMatchObject({ failed: 0, running: 0 });
      expect(graph.status('a')).toBe('pending');
      await expectNothingBegins(scene);
    });
  }

  spec('a job that the server did not take as the run stops is not added again', async (scene) => {
    await scene.worker();
    const [failing, adding] = [new Gate(), new Gate()];
    const added = vi.spyOn(JobChannel.prototype, 'add').mockImplementationOnce(async () => {
      await adding.pass();
      throw Object.assign(new Error('the connection was lost'), { code: 'ECONNRESET' });
    });
    const graph = graphWith(scene, failing);
    const run = rejection(scene.executor().run(graph, { onFailure: 'stop' }));
    await adding.started;
    failing.fail(new Error('broken'));
    await expect.poll(() => graph.status('fails')).toBe('failed');
    adding.open();
    expect(await run).toBeInstanceOf(RunFailedError);
    expect(graph.status('a')).toBe('pending');
    expect(added).toHaveBeenCalledTimes(1);
    await expectNothingBegins(scene);
  });

  for (const end of ['stops', 'is aborted'] as const) {
    spec(`a job whose arguments are being stored as the run ${end} is not added`, async (scene) => {
      const valueStore = new SlowStore();
      scene.whenClosed(async () => valueStore.saving.open());
      await scene.worker({ valueStore });
      const failing = new Gate();
      const graph = graphWith(scene, failing);
      const added = vi.spyOn(JobChannel.prototype, 'add');
      const controller = new AbortController();
      const executor = scene.executor({ valueStore, inlineLimit: 10, graceMs: GRACE_MS });
      const run = rejection(executor.run(graph, { onFailure: 'stop', signal: controller.signal }));
      await valueStore.saving.started;
      if (end === 'stops') failing.fail(new Error('broken'));
      else controller.abort(new Error('enough'));
      failing.open();
      await expect.poll(() => graph.status('a')).toBe('pending');
      valueStore.saving.open();
      expect(await run).toBeInstanceOf(end === 'stops' ? RunFailedError : RunAbortedError);
      expect(added).not.toHaveBeenCalled();
      await expectNothingBegins(scene);
    });
  }
});
