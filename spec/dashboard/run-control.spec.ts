import {
  AsyncExecutor,
  type Executor,
  MemoryStore,
  ParallelExecutor,
  SyncExecutor,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { type Dashboard, type DashboardOptions, serveDashboard } from 'taskmap-ts/dashboard';
import { afterEach, describe, expect, it } from 'vitest';
import { rejection, uncaughtDuring } from '../contract/executor-harness.js';
import { ask, EventReader, post } from '../support/event-reader.js';
import { Gate } from '../support/gate.js';

const open: (Dashboard | Executor)[] = [];

async function controlled<E extends Executor>(
  executor: E,
  options: DashboardOptions = {},
): Promise<{ executor: E; url: string }> {
  const dashboard = await serveDashboard(executor, { port: 0, control: true, ...options });
  open.push(executor, dashboard);
  return { executor, url: dashboard.url };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

const replyOf = ({ status, text }: { readonly status: number; readonly text: string }) => [status, JSON.parse(text)];

/** A task that fails until it is mended, and one that needs it. */
function mendable(name = 'mendable'): { graph: TaskGraph; mend: () => void; calls: () => number } {
  let broken = true;
  let calls = 0;
  const fails = () => {
    calls++;
    if (broken) throw new Error('broken');
    return calls;
  };
  const graph = new TaskGraphBuilder({ name })
    .task('a', fails)
    .task('b', (a: number) => a)
    .dependsOn('a')
    .task('c', () => 3)
    .build();
  const mend = () => {
    broken = false;
  };
  return { graph, mend, calls: () => calls };
}

/** What a run of this graph comes to that is begun from now on. */
function ending(executor: Executor, graph: TaskGraph): Promise<string> {
  return new Promise((resolve) => {
    executor.on('run:finished', (record) => {
      if (record.graph === graph.name) resolve(record.runId);
    });
  });
}

describe('POST /abort', () => {
  it('aborts one run, and leaves the others alone', async () => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const gates = [new Gate(), new Gate()];
    const ids: string[] = [];
    const graphs = gates.map((gate, index) =>
      new TaskGraphBuilder({ name: `g${index}` })
        .task('a', ({ runId, signal }: TaskContext) => {
          ids[index] = runId;
          return Promise.race([
            gate.pass(),
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
          ]);
        })
        .withContext()
        .build(),
    );
    const runs = graphs.map((graph) => executor.run(graph));
    const aborted = rejection(runs[0]!);
    const reader = await new EventReader(url).connected();
    expect(reader.control).toBe(true);
    expect(replyOf(await post(`${url}abort`, { runId: ids[0] }))).toEqual([202, { runId: ids[0] }]);
    expect(await aborted).toMatchObject({
      code: 'run-aborted',
      cause: { name: 'AbortError', message: 'Aborted on the dashboard.' },
    });
    await reader.until(() => reader.run(ids[0]!)?.status === 'aborted');
    gates[1]!.open();
    expect((await runs[1]!).status).toBe('finished');
    expect(replyOf(await post(`${url}abort`, { runId: ids[0] }))).toEqual([
      409,
      { error: 'This run has ended already.' },
    ]);
    reader.close();
  });

  it('reaches worker threads', async () => {
    const { executor, url } = await controlled(new ParallelExecutor({ workers: 1, graceMs: 50 }));
    const graph = new TaskGraphBuilder({ name: 'endless' })
      .task('a', () => {
        for (;;);
      })
      .build();
    const started = new Promise<string>((resolve) => void executor.on('task:started', ({ runId }) => resolve(runId)));
    const run = rejection(executor.run(graph));
    const runId = await started;
    expect(replyOf(await post(`${url}abort`, { runId }))).toEqual([202, { runId }]);
    expect(await run).toMatchObject({ code: 'run-aborted' });
  });
});

describe('POST /rerun', () => {
  it('runs again what failed and what was skipped, and nothing else', async () => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const { graph, mend } = mendable();
    const { runId } = await executor.run(graph);
    mend();
    const ended = ending(executor, graph);
    const [status, reply] = replyOf(await post(`${url}rerun`, { runId }));
    expect([status, reply]).toEqual([202, { runId: await ended }]);
    expect(reply.runId).not.toBe(runId);
    expect(graph.counts()).toMatchObject({ done: 3 });
    const reader = await new EventReader(url).connected();
    expect(reader.run(reply.runId)?.statuses).toEqual([4, 4, 5]);
    reader.close();
  });

  it.each<[string, () => Executor]>([
    ['SyncExecutor', () => new SyncExecutor()],
    ['a store', () => new AsyncExecutor({ store: new MemoryStore() })],
  ])('works with %s', async (_, make) => {
    const { executor, url } = await controlled(make());
    const { graph, mend } = mendable();
    const { runId } = await executor.run(graph);
    mend();
    const ended = ending(executor, graph);
    expect(replyOf(await post(`${url}rerun`, { runId }))).toEqual([202, { runId: await ended }]);
    expect(graph.counts()).toMatchObject({ done: 3 });
  });

  it('runs as that run did: what was not asked for then is not run now', async () => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const { graph, mend, calls } = mendable();
    const { runId } = await executor.run(graph, { only: ['a'] });
    mend();
    const ended = ending(executor, graph);
    await post(`${url}rerun`, { runId });
    await ended;
    expect([graph.status('a'), graph.status('c'), calls()]).toEqual(['done', 'pending', 2]);
    const task = await executor.runTask(graph, 'c');
    expect(replyOf(await post(`${url}rerun`, { runId: task.runId }))[0]).toBe(202);
    expect(graph.status('b')).toBe('pending');
  });

  it('has no use for a signal that has been aborted, and obeys one that has not', async () => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const { graph, mend } = mendable();
    const controller = new AbortController();
    const { runId } = await executor.run(graph, { signal: controller.signal });
    const ended = ending(executor, graph);
    controller.abort();
    mend();
    await post(`${url}rerun`, { runId });
    await ended;
    expect(graph.counts()).toMatchObject({ done: 3 });

    const other = mendable('other');
    const live = new AbortController();
    const first = await executor.run(other.graph, { signal: live.signal, onFailure: 'continue' });
    executor.once('run:started', () => live.abort());
    const aborted = new Promise((resolve) => void executor.once('run:finished', ({ status }) => resolve(status)));
    await post(`${url}rerun`, { runId: first.runId });
    expect(await aborted).toBe('aborted');
  });

  it('of a run that fails again is no unhandled rejection', async () => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const { graph } = mendable();
    let runId = '';
    executor.on('run:started', (record) => {
      runId = record.runId;
    });
    await rejection(executor.run(graph, { onFailure: 'stop' }));
    const uncaught = await uncaughtDuring(async () => {
      const ended = ending(executor, graph);
      expect((await post(`${url}rerun`, { runId })).status).toBe(202);
      await ended;
    });
    expect(uncaught).toEqual([]);
    expect(graph.status('a')).toBe('failed');
  });

  it('is refused while the graph is being run, and changes nothing', async () => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const { graph } = mendable();
    const { runId } = await executor.run(graph);
    const gate = new Gate();
    graph.replace('c', gate.pass as never).reset('c');
    const run = new AsyncExecutor().run(graph);
    await gate.started;
    const [status, { error }] = replyOf(await post(`${url}rerun`, { runId }));
    expect([status, error]).toEqual([
      409,
      expect.stringContaining('Cannot run graph "mendable" while it is being run.'),
    ]);
    gate.open();
    await run;
    expect(graph.status('a')).toBe('failed');
  });

  it('is refused once the executor is closed, and changes nothing', async () => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const { graph } = mendable();
    const { runId } = await executor.run(graph);
    await executor.close();
    expect(replyOf(await post(`${url}rerun`, { runId }))).toEqual([
      409,
      { error: expect.stringContaining('This AsyncExecutor is closed.') },
    ]);
    expect(graph.status('a')).toBe('failed');
  });

  it('says what a run throws that does not begin', async () => {
    const { executor, url } = await controlled(new ParallelExecutor({ workers: 1 }));
    const graph = new TaskGraphBuilder({ name: 'sent' }).task('a', () => 1).build();
    const { runId } = await executor.run(graph);
    const outside = { value: 1 };
    graph.replace('a', () => outside.value).resetAll();
    const [status, { error }] = replyOf(await post(`${url}rerun`, { runId }));
    expect([status, error]).toEqual([500, expect.stringContaining('uses "outside"')]);
  });
});

describe('a request to control', () => {
  it('of a run that is not kept is answered with 404', async () => {
    const { executor, url } = await controlled(new AsyncExecutor(), { runsMax: 1 });
    const { graph } = mendable();
    const { runId } = await executor.run(graph);
    await executor.run(mendable('another').graph);
    for (const path of ['abort', 'rerun']) {
      for (const unknown of [runId, '', '__proto__', '<img src=x>']) {
        expect(replyOf(await post(url + path, { runId: unknown }))).toEqual([
          404,
          { error: expect.stringContaining('There is no run "') },
        ]);
      }
    }
  });

  it('is refused where the dashboard only shows, whatever it says', async () => {
    const executor = new AsyncExecutor();
    const { url } = await controlled(executor, { control: false });
    const { runId } = await executor.run(mendable().graph);
    for (const path of ['abort', 'rerun']) {
      expect(replyOf(await post(url + path, { runId }))).toEqual([
        403,
        { error: expect.stringContaining('{ control: true }') },
      ]);
    }
  });

  it.each<[string, number, string, string?]>([
    ['no JSON', 400, '{'],
    ['nothing', 400, ''],
    ['null', 400, 'null'],
    ['a list', 400, '[]'],
    ['a number for a name', 400, '{"runId":1}'],
    ['too much', 413, JSON.stringify({ runId: 'x'.repeat(5000) })],
    ['far too much', 413, JSON.stringify({ runId: 'x'.repeat(5_000_000) })],
    ['a form', 415, 'runId=x', 'application/x-www-form-urlencoded'],
    ['plain text', 415, '{"runId":"x"}', 'text/plain'],
    ['a type that begins alike', 415, '{"runId":"x"}', 'application/jsonx'],
  ])('is refused where its body is %s', async (_, status, body, type = 'application/json') => {
    const { url } = await controlled(new AsyncExecutor());
    for (const path of ['abort', 'rerun']) {
      const answer = await ask(url + path, { method: 'POST', headers: { 'content-type': type }, body });
      expect(replyOf(answer)).toEqual([status, { error: expect.any(String) }]);
    }
    expect((await ask(url)).status).toBe(200);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['another site', { origin: 'http://evil.example' }],
    ['a page in a frame', { origin: 'null' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['another port of this machine', { 'sec-fetch-site': 'same-site' }],
    ['another name', { host: 'evil.example' }],
  ])('is refused from %s, and does nothing', async (_, headers) => {
    const { executor, url } = await controlled(new AsyncExecutor());
    const { graph } = mendable();
    const { runId } = await executor.run(graph);
    for (const path of ['abort', 'rerun'])
      expect(replyOf(await post(url + path, { runId }, headers))).toEqual([403, { error: expect.any(String) }]);
    expect(graph.status('a')).toBe('failed');
  });

  it('needs the token where there is one', async () => {
    const { executor, url } = await controlled(new AsyncExecutor(), { host: '0.0.0.0' });
    const { graph } = mendable();
    const { runId } = await executor.run(graph);
    const { origin, search } = new URL(url);
    expect(replyOf(await post(`${origin}/rerun`, { runId }))).toEqual([401, { error: expect.any(String) }]);
    expect(graph.status('a')).toBe('failed');
    expect((await post(`${origin}/rerun${search}`, { runId })).status).toBe(202);
  });

  it('cannot be meant for what is no executor', async () => {
    const observed = { on: () => {}, off: () => {} };
    expect(await rejection(serveDashboard(observed, { control: true }))).toMatchObject({
      code: 'invalid-option',
      option: 'control',
    });
  });
});
