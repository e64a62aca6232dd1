import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import {
  FolderStore,
  RunAbortedError,
  RunFailedError,
  type TaskFunction,
  type TaskGraph,
  TaskGraphBuilder,
  TaskTimeoutError,
  taskModule,
} from 'taskmap-ts';
import { CodeMismatchError, QueueError, WorkerLostError } from 'taskmap-ts/bullmq';
import { describe, expect } from 'vitest';
import { PROTOCOL } from '../../src/bullmq/job-messages.js';
import { rejection } from '../contract/executor-harness.js';
import { type Server, startRedis } from '../support/servers.js';
import { graphOfTexts, type TaskText } from './graphs.js';
import { describeScenes, type Program, Scene } from './processes.js';

describeScenes(['redis', 'postgres'], (spec, backend) => {
  /** Tasks that each return their number after some time, and `last`, which returns their sum. */
  function wide(
    scene: Scene,
    count: number,
    ms: number,
  ): { readonly tasks: TaskText[]; readonly names: string[]; readonly sum: number } {
    const names = Array.from({ length: count }, (_, index) => `t${index}`);
    const tasks: TaskText[] = names.map((name, index) => ({
      name,
      text: scene.text(name, `sleep(${ms}); return ${index};`),
    }));
    tasks.push({
      name: 'last',
      text: scene.text('last', 'return args.reduce((sum, one) => sum + one, 0);'),
      dependsOn: names,
    });
    return { tasks, names, sum: (count * (count - 1)) / 2 };
  }

  const once = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 1]));

  describe('a worker that is killed', () => {
    spec('costs no more than the tasks that it had', async (scene) => {
      const workers = await Promise.all([0, 1, 2].map(() => scene.workerProcess()));
      const { tasks, names, sum } = wide(scene, 36, 150);
      const graph = graphOfTexts(tasks);
      const run = scene.executor().run(graph);
      await scene.begun(12);
      await Promise.all([workers[0]!.killed(), workers[2]!.killed()]);
      await run;
      expect(graph.result('last')).toBe(sum);
      expect(graph.counts()).toMatchObject({ done: names.length + 1, failed: 0 });
      expect(new Set(scene.ran)).toEqual(new Set([...names, 'last']));
      // Each had two at once.
      expect(scene.ran.length - names.length - 1).toBeLessThanOrEqual(4);
    });

    /** Starts a worker whenever there is none, as whoever runs workers does. */
    function supervised(
      scene: Scene,
      { concurrency = 1 } = {},
    ): { stop(): Promise<void>; readonly lost: () => number } {
      let isOver = false;
      let lost = 0;
      let current: Program | undefined;
      const watching = (async () => {
        while (!isOver) {
          current = await scene.workerProcess({ threads: 1, concurrency, maxLost: 2 });
          await current.ended;
          if (!isOver) lost++;
        }
      })();
      const stop = async () => {
        isOver = true;
        await current?.killed();
        await watching.catch(() => {});
      };
      scene.whenClosed(stop);
      return { stop, lost: () => lost };
    }

    spec('by its task each time is not given that task for ever', async (scene) => {
      const supervisor = supervised(scene);
      const names = ['a', 'b', 'c'];
      const tasks = names.map((name) => ({ name, text: scene.text(name, 'return 1;') }));
      const graph = graphOfTexts([
        ...tasks,
        { name: 'killer', text: scene.text('killer', "process.kill(process.pid, 'SIGKILL'); sleep(10000);") },
        { name: 'after', text: scene.text('after'), dependsOn: ['killer'] },
      ]);
      await scene.executor().run(graph);
      await supervisor.stop();
      expect(graph.failure('killer')).toBeInstanceOf(WorkerLostError);
      expect(graph.failure('killer')).toMatchObject({ task: 'killer', message: expect.stringContaining('"killer"') });
      expect(graph.counts()).toMatchObject({ done: 3, failed: 1, skipped: 1 });
      // Twice as any task, and once more alone: then nobody else can have done it.
      expect(scene.runsByTask).toMatchObject({ ...once(names), killer: 3 });
      expect(supervisor.lost()).toBe(3);
    });

    spec('by one of its tasks each time has no other of them fail, however many it had', async (scene) => {
      const supervisor = supervised(scene, { concurrency: 20 });
      const names = Array.from({ length: 12 }, (_, index) => `innocent ${index}`);
      const waits = 'return new Promise((settle) => setTimeout(settle, 300, 1));';
      const graph = graphOfTexts([
        {
          name: 'killer',
          text: scene.text('killer', "process.kill(process.pid, 'SIGKILL'); sleep(10000);"),
          ioBound: true,
        },
        ...names.map((name) => ({ name, text: scene.text(name, waits), ioBound: true })),
      ]);
      await scene.executor({ chunk: 1 }).run(graph);
      await supervisor.stop();
      expect([...graph.failures().keys()]).toEqual(['killer']);
      expect(graph.failure('killer')).toBeInstanceOf(WorkerLostError);
      expect(graph.counts()).toMatchObject({ done: names.length, failed: 1 });
    });

    spec('and one that gives its task back, which ran alone there, leave it to a third', async (scene) => {
      const graph = graphOfTexts([{ name: 'a', text: scene.text('a', `${scene.gate('a')} return 1;`) }]);
      const options = { threads: 1, maxLost: 1, graceMs: 10 };
      const killed = await scene.workerProcess(options);
      const run = scene.executor().run(graph);
      await scene.begun(1);
      await killed.killed();
      const closed = await scene.worker(options);
      await scene.begun(2);
      await closed.close(10);
      scene.open('a');
      await scene.worker(options);
      await run;
      expect(graph.outcome('a')).toMatchObject({ status: 'done', result: 1 });
    });

    spec('by one task of a job costs the others of it nothing but time', async (scene) => {
      const supervisor = supervised(scene);
      const names = ['a', 'b', 'c', 'd'];
      const tasks = names.map((name) => ({ name, text: scene.text(name, 'return 1;'), ioBound: true }));
      tasks.splice(2, 0, { name: 'killer', text: scene.text('killer', 'process.exit(1);'), ioBound: true });
      const graph = graphOfTexts(tasks);
      await scene.executor({ chunk: 5 }).run(graph);
      await supervisor.stop();
      expect(graph.failure('killer')).toMatchObject({ name: 'WorkerLostError', task: 'killer' });
      expect(graph.counts()).toMatchObject({ done: 4, failed: 1 });
    });
  });

  describe('an executor that is killed', () => {
    for (const chunk of [1, 10]) {
      spec(`is taken up by another with the same runId, with ${chunk} tasks a job`, async (scene) => {
        await scene.worker();
        const { tasks, names, sum } = wide(scene, 40, 30);
        const flaky = scene.text(
          'flaky',
          `if (!fs.existsSync(${JSON.stringify(`${scene.folder}/gate repaired`)})) throw new Error('not yet');`,
        );
        tasks.unshift({ name: 'flaky', text: flaky });
        const first = scene.orchestrator(tasks, { chunk, runId: 'nightly' });
        await first.line('failed "flaky"');
        await scene.begun(20);
        await first.killed();
        scene.open('repaired');
        const second = scene.orchestrator(tasks, { chunk, runId: 'nightly' });
        expect(await second.said('result')).toMatchObject({ counts: { done: 42, failed: 0 }, last: sum });
        expect(await second.ended).toBe(0);
        expect(scene.runsByTask).toEqual({ ...once([...names, 'last']), flaky: 2 });
      });
    }
  });

  describe('a server that is killed and started again', () => {
    spec('costs time', async (scene) => {
      const worker = await scene.worker();
      const { tasks, names, sum } = wide(scene, 40, 40);
      const graph = graphOfTexts(tasks);
      const run = scene.executor().run(graph);
      await scene.begun(10);
      await scene.server.kill();
      await expect.poll(() => worker.health().isReady, { timeout: 10_000 }).toBe(false);
      await scene.server.restart();
      await expect.poll(() => worker.health().isReady, { timeout: 10_000 }).toBe(true);
      await run;
      expect(graph.result('last')).toBe(sum);
      expect(graph.counts()).toMatchObject({ done: names.length + 1, failed: 0 });
      expect(new Set(scene.ran)).toEqual(new Set([...names, 'last']));
    });

    spec('too late ends the run, and the next one goes on', async (scene) => {
      await scene.worker();
      const graph = graphOfTexts([
        { name: 'a', text: scene.text('a', 'return 1;') },
        { name: 'b', text: scene.text('b', `${scene.gate('b')} return args[0] + 1;`), dependsOn: ['a'] },
        { name: 'c', text: scene.text('c', 'return args[0] + 1;'), dependsOn: ['b'] },
      ]);
      const executor = scene.executor({ serverTimeoutMs: 500 });
      const run = rejection(executor.run(graph));
      await scene.begun('b');
      await scene.server.kill();
      const error = await run;
      expect(error).toBeInstanceOf(QueueError);
      expect(String(error)).toContain('cannot be reached');
      expect(graph.counts()).toMatchObject({ done: 1, pending: 2, running: 0 });
      scene.open('b');
      await scene.server.restart();
      await executor.run(graph);
      expect(graph.result('c')).toBe(3);
      expect(scene.runsByTask['a']).toBe(1);
    });
  });

  spec('a server that is shut down while all that uses it closes ends no process', async (scene) => {
    const unheard: unknown[] = [];
    const onUncaught = (error: unknown) => unheard.push(error);
    process.on('uncaughtExceptionMonitor', onUncaught);
    scene.whenClosed(async () => void process.off('uncaughtExceptionMonitor', onUncaught));
    const workers = [await scene.worker(), await scene.worker()];
    const executors = [scene.executor(), scene.executor(), scene.executor()];
    await Promise.all(executors.map((executor) => executor.run(graphOfTexts(wide(scene, 4, 1).tasks))));
    const restarted = scene.server.restart();
    await Promise.all([...workers, ...executors].map((one) => one.close()));
    await restarted;
    expect(unheard).toEqual([]);
  });

  spec('a server that is gone for good keeps no worker and no executor from closing', async (scene) => {
    const worker = await scene.worker();
    const executor = scene.executor();
    await executor.run(graphOfTexts(wide(scene, 4, 1).tasks));
    await scene.server.kill();
    await expect.poll(() => worker.health().isReady, { timeout: 10_000 }).toBe(false);
    await Promise.all([worker.close(), executor.close()]);
    await scene.server.restart();
  });

  spec(
    'what ends while the server is away, on a worker that is closed then, runs again on another one',
    async (scene) => {
      const log: string[] = [];
      const worker = await scene.worker({ onLog: (line) => log.push(line) });
      const graph = graphOfTexts([{ name: 'a', text: scene.text('a', `${scene.gate('a')} return 1;`) }]);
      const run = scene.executor().run(graph);
      await scene.begun('a');
      await scene.server.kill();
      await expect.poll(() => worker.health().isReady, { timeout: 10_000 }).toBe(false);
      const closed = worker.close();
      scene.open('a');
      await closed;
      expect(log.slice(-2)).toEqual([
        'the server did not come back: what ended last could not be told, and runs again elsewhere',
        'closed',
      ]);
      await scene.server.restart();
      await scene.worker({ name: 'other' });
      await run;
      expect(graph.result('a')).toBe(1);
      expect(scene.runsByTask).toEqual({ a: 2 });
    },
  );

  spec('a run without events finds everything by itself', async (scene) => {
    await scene.worker();
    const { tasks, names, sum } = wide(scene, 20, 1);
    const graph = graphOfTexts(tasks);
    await scene.executor({ events: false }).run(graph);
    expect(graph.result('last')).toBe(sum);
    expect(scene.runsByTask).toEqual(once([...names, 'last']));
  });

  spec('a task that keeps its thread busy for longer than a lock holds runs once', async (scene) => {
    await scene.worker({ lockMs: 1000, stalledCheckMs: 100 });
    await scene.worker({ lockMs: 1000, stalledCheckMs: 100, name: 'other' });
    const graph = graphOfTexts([{ name: 'long', text: scene.text('long', 'sleep(2500); return 7;') }]);
    await scene.executor().run(graph);
    expect(graph.result('long')).toBe(7);
    expect(scene.runsByTask).toEqual({ long: 1 });
  });

  spec('jobs that others have put into the queue fail with the reason, and ours do not mind', async (scene) => {
    await scene.withQueues(async (queues) => {
      for (const queue of queues)
        for (const data of [{ mail: 1 }, null, 'text', 7, [], { protocol: PROTOCOL }]) await queue.add('theirs', data);
      const worker = await scene.worker();
      const { tasks, sum } = wide(scene, 6, 1);
      const graph = graphOfTexts([...tasks, { name: 'io', text: scene.text('io', 'return 5;'), ioBound: true }]);
      await scene.executor().run(graph);
      expect([graph.result('last'), graph.result('io')]).toEqual([sum, 5]);
      for (const queue of queues) {
        await expect.poll(() => queue.getFailedCount(), { timeout: 10_000 }).toBe(6);
        for (const { failedReason } of await queue.getFailed())
          expect(failedReason).toBe('This is no job of taskmap. Give each program a queue of its own.');
        for (const job of await queue.getFailed()) await job.remove();
      }
      expect(worker.health()).toMatchObject({ isReady: true, running: 0, done: 8, failed: 0, refused: 12 });
    });
  });

  describe('a server that cannot be used', () => {
    const PAIR = (scene: Scene): TaskText[] => [
      { name: 'here', text: "() => 'here'", onMainThread: true },
      { name: 'last', text: scene.text('last', 'return args.length;'), dependsOn: ['here'] },
    ];

    spec('because it is not there ends the run, and the process ends by itself', async (scene) => {
      const { port } = new URL(scene.server.url);
      const connection = scene.server.url.replace(port, '1');
      const program = scene.orchestrator(PAIR(scene), { connection });
      expect(await program.said('error')).toMatch(
        /^QueueError: The server of the queue cannot be reached: .*ECONNREFUSED.*Start it, or check the `connection` option\.$/,
      );
      expect(await program.said('result')).toMatchObject({ counts: { done: 1, pending: 1, running: 0 } });
      expect(await program.ended).toBe(0);
    });

    spec('because it does not know us ends the run, and the next one goes on', async (scene) => {
      const connection =
        backend === 'redis'
          ? scene.server.url.replace('//', '//:wrong@')
          : scene.server.url.replace(/postgres$/, 'nowhere');
      const strict = backend === 'redis' ? await startRedis({ password: 'right' }) : scene.server;
      try {
        const wrong = backend === 'redis' ? strict.url.replace('right', 'wrong') : connection;
        const graph = graphOfTexts(PAIR(scene));
        const error = await rejection(scene.executor({ connection: wrong }).run(graph));
        expect(error).toBeInstanceOf(QueueError);
        expect(String(error)).toMatch(
          backend === 'redis' ? /WRONGPASS.*Check user, password/ : /"nowhere" does not exist.*Create the database/,
        );
        expect(graph.counts()).toMatchObject({ done: 1, pending: 1, running: 0 });
        await expect(scene.worker({ connection: wrong })).rejects.toThrow(QueueError);
        await scene.worker();
        await scene.executor().run(graph);
        expect(graph.result('last')).toBe(1);
      } finally {
        if (strict !== scene.server) await strict.stop();
      }
    });
  });

  if (backend === 'redis') {
    describe('a server that is full', () => {
      /** Runs a graph of which something is too large for the server, and again when there is room. */
      async function runTwice(
        tasks: (scene: Scene) => readonly TaskText[],
      ): Promise<{ readonly graph: TaskGraph; readonly runsByTask: Scene['runsByTask'] }> {
        const full = await startRedis({ maxmemory: '6mb' });
        const scene = new Scene(full);
        try {
          await scene.worker();
          const graph = graphOfTexts(tasks(scene));
          const executor = scene.executor();
          const error = await rejection(executor.run(graph));
          expect(error).toBeInstanceOf(QueueError);
          expect(String(error)).toMatch(/OOM.*The server is full: give it more memory/);
          expect(graph.counts()).toMatchObject({ failed: 0, running: 0 });
          await asked(full, (redis) => redis.config('SET', 'maxmemory', '100mb'));
          await executor.run(graph);
          await scene.expectNothingLeft();
          return { graph, runsByTask: scene.runsByTask };
        } finally {
          await scene.close();
          await full.stop();
        }
      }

      spec('by an argument ends the run, and the next one goes on', async () => {
        const { graph, runsByTask } = await runTwice((scene) => [
          { name: 'small', text: scene.text('small', 'return 1;') },
          { name: 'large', text: "() => 'x'.repeat(5e6)", onMainThread: true, dependsOn: ['small'] },
          { name: 'last', text: scene.text('last', 'return args[0].length;'), dependsOn: ['large'] },
        ]);
        expect(graph.result('last')).toBe(5e6);
        expect(runsByTask).toEqual({ small: 1, last: 1 });
      });

      spec('by a result, which it still takes, ends the run, and the next one goes on', async () => {
        const { graph, runsByTask } = await runTwice((scene) => [
          { name: 'large', text: scene.text('large', "return 'x'.repeat(8e6);") },
          { name: 'last', text: scene.text('last', 'return args[0].length;'), dependsOn: ['large'] },
        ]);
        expect(graph.result('last')).toBe(8e6);
        expect(runsByTask).toEqual({ large: 1, last: 1 });
      });
    });
  }

  describe('a worker that has other code', () => {
    /** A module in a folder of its own, and the graph that uses it. */
    function moduleIn(scene: Scene, folder: string, text: string): URL {
      mkdirSync(join(scene.folder, folder));
      const file = join(scene.folder, folder, 'tasks.mjs');
      writeFileSync(file, text);
      return pathToFileURL(file);
    }

    const graphOf = (module: URL) => {
      const { answer } = taskModule<{ answer: TaskFunction }>(module);
      return new TaskGraphBuilder<any>({ name: 'code' }).add({ name: 'answer', run: answer }).build();
    };
    const CODE = 'export const answer = () => 42;';

    spec('refuses, whether it has another version, no module at all, or takes no text', async (scene) => {
      const [ours, same, other] = ['ours', 'same', 'other'].map((name) =>
        moduleIn(scene, name, name === 'other' ? CODE.replace('42', '41') : CODE),
      );
      const executor = scene.executor();
      for (const [options, why] of [
        [{ modules: [other!] }, 'their contents differ'],
        [{ modules: [] }, 'it has no modules'],
      ] as const) {
        const worker = await scene.worker({ ...options, name: 'stranger' });
        const error = await rejection(executor.run(graphOf(ours!)));
        expect(error).toBeInstanceOf(CodeMismatchError);
        expect(error).toMatchObject({ worker: 'stranger', message: expect.stringContaining(why) });
        await worker.close();
      }
      await scene.worker({ modules: [same!], acceptsSource: false });
      const graph = graphOf(ours!);
      await executor.run(graph);
      expect(graph.result('answer')).toBe(42);
      const refused = rejection(executor.run(graphOfTexts([{ name: 'a', text: scene.text('a') }])));
      expect(await refused).toMatchObject({
        code: 'code-mismatch',
        message: expect.stringContaining('`acceptsSource: false`'),
      });
      expect(scene.ran).toEqual([]);
    });

    spec('of another protocol refuses', async (scene) => {
      const run = rejection(scene.executor().run(graphOfTexts([{ name: 'a', text: scene.text('a') }])));
      await scene.withQueues(async ([queue]) => {
        await expect.poll(() => queue!.getWaitingCount(), { timeout: 10_000 }).toBe(1);
        const [job] = await queue!.getWaiting();
        await job!.updateData({ ...job!.data, protocol: 99 });
      });
      await scene.worker();
      expect(await run).toMatchObject({ code: 'code-mismatch', message: expect.stringContaining('speaks 99') });
      expect(scene.ran).toEqual([]);
    });
  });

  describe('an abort', () => {
    /** The worker takes jobs of others. */
    async function expectHealthy(scene: Scene): Promise<void> {
      const graph = graphOfTexts([{ name: 'healthy', text: '() => 2' }]);
      await scene.executor().run(graph);
      expect(graph.result('healthy')).toBe(2);
    }

    spec('reaches tasks that wait, that listen, and that do not', async (scene) => {
      await scene.worker({ threads: 2, graceMs: 1000 });
      const heard = scene
        .text(
          'listens',
          'return new Promise((_, reject) => args[0].signal.addEventListener("abort", () => { fs.appendFileSync(LEDGER, "heard\\n"); reject(args[0].signal.reason); }));',
        )
        .replace('LEDGER', JSON.stringify(join(scene.folder, 'ran')));
      const graph = graphOfTexts([
        { name: 'listens', text: heard, withContext: true },
        { name: 'ignores', text: scene.text('ignores', 'for (;;);') },
        ...Array.from({ length: 20 }, (_, index) => ({
          name: `waits ${index}`,
          text: scene.text(`waits ${index}`),
          dependsOn: ['begun'],
        })),
        { name: 'begun', text: '() => {}', onMainThread: true },
      ]);
      const controller = new AbortController();
      const executor = scene.executor({ graceMs: 2000 });
      const run = rejection(executor.run(graph, { signal: controller.signal }));
      await scene.begun('listens');
      await scene.begun('ignores');
      controller.abort(new RangeError('enough'));
      const error = await run;
      expect(error).toBeInstanceOf(RunAbortedError);
      expect(error).toMatchObject({ cause: { message: 'enough' } });
      expect(graph.counts()).toMatchObject({ pending: 22, done: 1, running: 0 });
      await scene.begun('heard');
      await expectHealthy(scene);
    });

    for (const onFailure of ['stop', 'abort'] as const) {
      spec(`by onFailure: '${onFailure}' leaves nothing in the queue`, async (scene) => {
        await scene.worker({ threads: 2 });
        const graph = graphOfTexts([
          { name: 'long', text: scene.text('long', onFailure === 'stop' ? scene.gate('long') : 'for (;;);') },
          { name: 'fails', text: scene.text('fails', `${scene.gate('fails')} throw new Error('broken');`) },
          ...Array.from({ length: 20 }, (_, index) => ({ name: `waits ${index}`, text: scene.text(`waits ${index}`) })),
        ]);
        const run = rejection(scene.executor({ graceMs: 2000 }).run(graph, { onFailure }));
        await scene.begun('long');
        await scene.begun('fails');
        scene.open('fails');
        if (onFailure === 'stop') scene.open('long');
        expect(await run).toBeInstanceOf(RunFailedError);
        expect(graph.status('fails')).toBe('failed');
        expect(graph.status('long')).toBe(onFailure === 'stop' ? 'done' : 'pending');
        expect(graph.counts().running).toBe(0);
        await expectHealthy(scene);
      });
    }

    spec('by a timeout ends the thread of a task that does not listen', async (scene) => {
      await scene.worker({ threads: 1 });
      const graph = graphOfTexts([{ name: 'slow', text: scene.text('slow', 'for (;;);'), timeoutMs: 100 }]);
      await scene.executor().run(graph);
      expect(graph.failure('slow')).toBeInstanceOf(TaskTimeoutError);
      await expectHealthy(scene);
    });

    spec('by close() in mid-run leaves nothing in the queue', async (scene) => {
      await scene.worker({ threads: 1 });
      const executor = scene.executor();
      const graph = graphOfTexts(['a', 'b', 'c'].map((name) => ({ name, text: scene.text(name, 'for (;;);') })));
      const run = rejection(executor.run(graph));
      await scene.begun(1);
      await executor.close();
      expect(await run).toBeInstanceOf(RunAbortedError);
      expect(graph.counts()).toMatchObject({ pending: 3, running: 0 });
      await expectHealthy(scene);
    });
  });

  describe('a worker that is closed in mid-task', () => {
    spec('lets it end', async (scene) => {
      const worker = await scene.worker();
      const graph = graphOfTexts([{ name: 'a', text: scene.text('a', `${scene.gate('a')} return 1;`) }]);
      const run = scene.executor().run(graph);
      await scene.begun('a');
      const closed = worker.close();
      scene.open('a');
      await Promise.all([closed, run]);
      expect(graph.result('a')).toBe(1);
      expect(scene.runsByTask).toEqual({ a: 1 });
    });

    spec('without time for that gives it back, and another one does it', async (scene) => {
      const worker = await scene.worker({ threads: 1 });
      const graph = graphOfTexts([{ name: 'a', text: scene.text('a', `${scene.gate('a')} return 1;`) }]);
      const run = scene.executor().run(graph);
      await scene.begun('a');
      await worker.close(0);
      scene.open('a');
      await scene.worker({ name: 'other' });
      await run;
      expect(graph.result('a')).toBe(1);
      expect(scene.runsByTask).toEqual({ a: 2 });
    });
  });

  spec('large results go by the value store, and nothing stays there', async (scene) => {
    const folder = join(scene.folder, 'values');
    const valueStore = new FolderStore(folder);
    await scene.worker({ valueStore });
    const names = Array.from({ length: 20 }, (_, index) => `large ${index}`);
    const graph = graphOfTexts([
      ...names.map((name, index) => ({
        name,
        text: scene.text(name, `return new Uint8Array(10 * 2 ** 20).fill(${index});`),
      })),
      ...names.map((name) => ({
        name: `use ${name}`,
        text: scene.text(`use ${name}`, 'return args[0].length + args[0][7];'),
        dependsOn: [name],
      })),
    ]);
    const bytesUsed = () => bytesUsedBy(scene.server);
    const before = await bytesUsed();
    let most = before;
    const looks: Promise<void>[] = [];
    const executor = scene.executor({ valueStore });
    executor.on('task:done', () => {
      const look = async () => {
        most = Math.max(most, await bytesUsed());
      };
      if (looks.length < 10) looks.push(look());
    });
    await executor.run(graph);
    await Promise.all(looks);
    most = Math.max(most, await bytesUsed());
    for (const [index, name] of names.entries()) expect(graph.result(`use ${name}`)).toBe(10 * 2 ** 20 + index);
    expect(most - before).toBeLessThan(20e6);
    expect(readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())).toEqual([]);
    await valueStore.close();
  });

  spec('several runs of several executors share a queue', async (scene) => {
    await scene.worker();
    await scene.worker({ name: 'other' });
    const executors = [scene.executor(), scene.executor({ chunk: 5 })];
    const graphs = Array.from({ length: 6 }, (_, index) =>
      graphOfTexts(wide(scene, 10 + index, 1).tasks, index < 4 ? 'same' : `graph ${index}`),
    );
    await Promise.all(graphs.map((graph, index) => executors[index % 2]!.run(graph)));
    for (const [index, graph] of graphs.entries()) expect(graph.result('last')).toBe(((10 + index) * (9 + index)) / 2);
    expect(scene.ran.length).toBe(10 + 11 + 12 + 13 + 14 + 15 + 6);
  });
});

async function asked<T>({ url }: Server, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

async function bytesUsedBy(server: Server): Promise<number> {
  if (server.backend === 'redis')
    return Number(/used_memory:(\d+)/.exec(await asked(server, (redis) => redis.info('memory')))![1]);
  const client = new Client(server.url);
  await client.connect();
  try {
    return Number((await client.query('SELECT pg_database_size(current_database()) AS size')).rows[0].size);
  } finally {
    await client.end();
  }
}
