import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  AsyncExecutor,
  type LoggedRun,
  RunLog,
  RunLogError,
  readRunLog,
  SyncExecutor,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { settle } from '../support/fake-clock.js';
import { Gate } from '../support/gate.js';
import {
  builderOf,
  HOSTILE_NAMES,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  randomGraph,
} from '../support/random-graph.js';
import { ORIGIN_MS, Timed } from './timed.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'read-run-log-'));
  path = join(folder, 'cut.ndjson');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(folder, `${++files}.ndjson`);
const LISTS = ['inProgress', 'queued', 'delayed', 'interrupted', 'done', 'failed', 'skipped'] as const;
const namesIn = (run: LoggedRun) => Object.fromEntries(LISTS.map((list) => [list, run[list].map(({ task }) => task)]));
const NOTHING = Object.fromEntries(LISTS.map((list) => [list, []]));

describe('the log of a run that is under way', () => {
  // first ─► now        failing* ─► never        later: no room for it         retried: waits for its second attempt     (* fails)
  it('tells what is in progress, queued, delayed, done, failed and skipped, with times and errors', async () => {
    const path = newPath();
    const timed = new Timed(
      [
        { name: 'first', takesMs: 10 },
        { name: 'failing', takesMs: 15, failures: 1 },
        { name: 'retried', takesMs: 20, failures: 1, retry: { attempts: 2, delayMs: 500 } },
        { name: 'now', takesMs: 1000, dependsOn: ['first'], priority: 2 },
        { name: 'also now', takesMs: 1000, priority: -1 },
        { name: 'later', takesMs: 1000, priority: -2 },
        { name: 'never', takesMs: 1, dependsOn: ['failing'] },
      ],
      { concurrency: 2 },
    );
    using _ = new RunLog({ path }).listen(timed.executor);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(100);
    const run = readRunLog(path);
    expect(run).toMatchObject({
      graph: 'timed',
      taskCount: 7,
      pid: process.pid,
      status: 'running',
      startedAtMs: ORIGIN_MS,
      badLineCount: 0,
    });
    expect(run.finishedAtMs).toBeUndefined();
    expect(namesIn(run)).toEqual({
      inProgress: ['now', 'also now'],
      queued: ['later'],
      delayed: ['retried'],
      interrupted: [],
      done: ['first'],
      failed: ['failing'],
      skipped: ['never'],
    });
    expect(run.inProgress[0]).toEqual({ task: 'now', attempt: 1, thread: 'main', startedAtMs: ORIGIN_MS + 10 });
    expect(run.queued[0]).toEqual({ task: 'later', readyAtMs: ORIGIN_MS });
    expect(run.done[0]).toEqual({ task: 'first', attempt: 1, source: 'run', doneAtMs: ORIGIN_MS + 10, durationMs: 10 });
    expect(run.failed[0]).toMatchObject({
      task: 'failing',
      durationMs: 15,
      error: { type: 'Error', message: 'call 1 fails' },
    });
    expect(run.delayed[0]).toMatchObject({ attempt: 1, error: { message: 'call 1 fails' } });
    expect(run.delayed[0]!.dueAtMs).toBeGreaterThan(ORIGIN_MS + 500);
    expect(run.skipped[0]).toEqual({ task: 'never', because: 'failing' });
  });

  it('tells what an abort interrupted', async () => {
    const path = newPath();
    const timed = new Timed([{ name: 'a', takesMs: 1000, withContext: true }]);
    using _ = new RunLog({ path }).listen(timed.executor);
    const abort = new AbortController();
    const run = Promise.resolve(timed.executor.run(timed.graph, { signal: abort.signal }));
    const rejected = expect(run).rejects.toThrow();
    await settle();
    abort.abort(new Error('enough'));
    await timed.clock.advance(3000);
    await rejected;
    expect(readRunLog(path)).toMatchObject({
      status: 'aborted',
      interrupted: [{ task: 'a', attempt: 1, error: { message: 'enough' } }],
    });
  });
});

describe('a file with several runs', () => {
  it('is read for the one that began last, or for the one asked for', async () => {
    const path = newPath();
    const gate = new Gate();
    const executor = new AsyncExecutor();
    using _ = new RunLog({ path }).listen(executor);
    const long = executor.run(new TaskGraphBuilder({ name: 'long' }).task('a', gate.pass).build());
    await gate.started;
    await executor.run(new TaskGraphBuilder({ name: 'short' }).task('b', () => 1).build());
    gate.open();
    await long;
    const latest = readRunLog(path);
    expect(latest).toMatchObject({ graph: 'short', done: [{ task: 'b' }], status: 'finished' });
    const [first, second] = latest.runIds;
    expect(latest.runId).toBe(second);
    expect(readRunLog(path, { runId: first })).toMatchObject({ runId: first, graph: 'long', done: [{ task: 'a' }] });
    expect(readRunLog(path, { runId: 'no such run' })).toMatchObject({
      runId: undefined,
      runIds: [first, second],
      ...NOTHING,
    });
  });
});

describe('what is not of a run', () => {
  it('is passed over: lines of others, numbers, and events of no known name', () => {
    const path = newPath();
    const executor = new SyncExecutor();
    const others = [
      '{"level":30,"msg":"mine","task":"x"}',
      '7',
      'null',
      '[]',
      '"text"',
      '',
      '{"runId":"r","event":"task:exploded","task":"x"}',
    ];
    writeFileSync(path, `${others.join('\n')}\nnot JSON\n`);
    using _ = new RunLog({ path }).listen(executor);
    executor.run(new TaskGraphBuilder().task('a', () => 1).build());
    const run = readRunLog(path);
    expect(run).toMatchObject({ badLineCount: 1, done: [{ task: 'a' }] });
    expect(run.runIds).toHaveLength(1);
  });

  it('makes no difference where fields are missing or of another kind', () => {
    const path = newPath();
    const lines = [
      'task:ready',
      'task:started',
      'task:retrying',
      'task:interrupted',
      'task:done',
      'task:failed',
      'task:skipped',
      'run:started',
    ].map((event, index) => JSON.stringify({ runId: 'r', event, task: `t${index}`, err: index, time: 'noon' }));
    writeFileSync(path, `${lines.slice(0, -1).join('\n')}\n{"runId":"r","event":"task:done"}\n`);
    expect(namesIn(readRunLog(path))).toEqual({
      ...{ queued: ['t0'], inProgress: ['t1'], delayed: ['t2'], interrupted: ['t3'] },
      ...{ done: ['t4'], failed: ['t5'], skipped: ['t6'] },
    });
  });

  it('is a file that is not there', () => {
    expect(() => readRunLog(join(folder, 'nowhere'))).toThrow(RunLogError);
    expect(() => readRunLog(join(folder, 'nowhere'))).toThrow(
      /cannot be read: Error: ENOENT.* Give the file that a RunLog writes\.$/,
    );
  });
});

describe('a log that is cut off', () => {
  it('at any byte gives what its whole lines say', () => {
    const whole = newPath();
    const executor = new SyncExecutor();
    {
      using _ = new RunLog({ path: whole, name: '任务' }).listen(executor);
      const builder = new TaskGraphBuilder<any>({ name: '\ud83d任务' });
      builder.add({ name: '任务\n👩‍👩‍👧', run: () => 1 });
      const fail = () => {
        throw 'é';
      };
      executor.run(builder.task('fails', fail).build());
    }
    const bytes = readFileSync(whole);
    let byLines: LoggedRun | undefined;
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      const run = readRunLog(path);
      // A line that lacks only its end says all that it has to say.
      const isWhole = length === 0 || bytes[length - 1] === 0x0a || bytes[length] === 0x0a;
      if (isWhole) byLines = run;
      else if (!isDeepStrictEqual(run, { ...byLines, badLineCount: 1 }))
        expect(run).toEqual({ ...byLines, badLineCount: 1 });
    }
    expect(byLines).toMatchObject({ status: 'finished', taskCount: 2, failed: [{ error: { message: 'é' } }] });
  });

  it('and gone on with is read on both sides of the cut', () => {
    const whole = newPath();
    const executor = new SyncExecutor();
    const graph = new TaskGraphBuilder().task('a', () => 1).build();
    {
      using _ = new RunLog({ path: whole }).listen(executor);
      executor.run(graph);
    }
    const bytes = readFileSync(whole);
    writeFileSync(whole, bytes.subarray(0, bytes.length - 10));
    using _ = new RunLog({ path: whole }).listen(executor);
    executor.run(graph.resetAll());
    const [first] = readRunLog(whole).runIds;
    expect(readRunLog(whole)).toMatchObject({ status: 'finished', badLineCount: 1, done: [{ task: 'a' }] });
    expect(readRunLog(whole, { runId: first })).toMatchObject({ status: 'running', done: [{ task: 'a' }] });
  });
});

it('a log of any graph, of any names, tells what the graph knows', () => {
  fc.assert(
    fc.property(randomGraph({ sizeMax: 12 }), (drawn) => {
      const path = newPath();
      const executor = new SyncExecutor();
      const graph = builderOf(drawn).build();
      {
        using _ = new RunLog({ path }).listen(executor);
        executor.run(graph);
      }
      const run = readRunLog(path);
      rmSync(path);
      for (const status of ['done', 'failed', 'skipped'] as const) {
        expect(run[status].map(({ task }) => task).sort()).toEqual(
          graph
            .names()
            .filter((name) => graph.status(name) === status)
            .sort(),
        );
      }
      expect(namesIn(run)).toMatchObject({ inProgress: [], queued: [], delayed: [] });
      for (const { task, attempt } of run.failed) expect(graph.outcome(task)).toMatchObject({ attempts: attempt });
    }),
    propertyOptions(60),
  );
});

it('a name that is longer than what is read at a time comes back whole', () => {
  const path = newPath();
  const names = [...HOSTILE_NAMES, '任'.repeat(300_000)];
  const executor = new SyncExecutor();
  using _ = new RunLog({ path }).listen(executor);
  executor.run(new TaskGraphBuilder<any>().add(...names.map((name) => ({ name, run: () => 1 }))).build());
  const { done } = readRunLog(path);
  expect(done.map(({ task }) => task).sort()).toEqual(names.sort());
});

describe('a process that is killed', () => {
  it('leaves a log that has all it told, and says what was in progress', async () => {
    const path = newPath();
    const program = fileURLToPath(new URL('fixtures/logged-run.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, path], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    });
    let told = '';
    let complaints = '';
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      // In the middle of its work.
      if (told.length > 2_000) child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    const signal = await new Promise((resolve) => child.on('close', (_, by) => resolve(by)));
    expect({ signal, complaints }).toEqual({ signal: 'SIGKILL', complaints: '' });
    const run = readRunLog(path);
    expect(run).toMatchObject({ graph: 'endless', status: 'running', finishedAtMs: undefined, pid: child.pid });
    const toldDone = told.split('\n').slice(0, -1);
    expect(toldDone.length).toBeGreaterThan(100);
    const done = new Set(run.done.map(({ task }) => task));
    expect(toldDone.filter((task) => !done.has(task))).toEqual([]);
    // At most the one whose end was written, and not told any more.
    expect(done.size - toldDone.length).toBeLessThanOrEqual(1);
    expect(run.inProgress[0]?.task).toBe('forever');
    expect(run.inProgress.length).toBeLessThanOrEqual(2);
    expect(run.queued.map(({ task }) => task)).toContain('behind');
    // Of a line that crosses a page of memory, the kernel may have written the first part when the process died.
    expect(run.badLineCount).toBe(readFileSync(path, 'utf8').endsWith('\n') ? 0 : 1);
  });
});
