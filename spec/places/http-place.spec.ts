import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type TaskGraph,
  TaskGraphBuilder,
  type TaskSpec,
  TransferError,
  taskModule,
  UnsendableError,
} from 'taskmap-ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { HttpExecutor } from '../../examples/http-place/http-executor.js';
import { rejection } from '../contract/executor-harness.js';
import { build, builtFile } from '../support/built.js';
import type * as httpTasks from './fixtures/http-tasks.js';

const PROGRAM = 'examples/http-place/process.ts';
const TASKS = 'spec/places/fixtures/http-tasks.ts';

const { children, started } = vi.hoisted(() => ({
  children: [] as ChildProcess[],
  started: { program: '' },
}));
vi.mock('node:child_process', async (original) => {
  const actual = await original<typeof import('node:child_process')>();
  const fork = () => {
    const child = actual.fork(started.program, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    children.push(child);
    return child;
  };
  return { ...actual, fork };
});

const tasks = taskModule<typeof httpTasks>(pathToFileURL(builtFile(TASKS)));

let folder: string;
let executor: HttpExecutor;

beforeAll(() => {
  build(PROGRAM, TASKS);
  folder = mkdtempSync(join(tmpdir(), 'http-place-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  started.program = builtFile(PROGRAM);
  children.length = 0;
  executor = new HttpExecutor({ processes: 2 });
});
afterEach(() => executor.close());

function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder({ name: 'http' }).add(...specs).build() as TaskGraph;
}

/** A value that is there, for others to take. */
function given(name: string, value: unknown): TaskSpec {
  return { name, run: () => value, onMainThread: true };
}

/** A file in which processes note what they were called for. */
let files = 0;
function file(): { readonly path: string; readonly calls: () => string[] } {
  const path = join(folder, `${++files}`);
  writeFileSync(path, '');
  return { path, calls: () => readFileSync(path, 'utf8').split('\n').slice(0, -1) };
}

describe('a place by HTTP', () => {
  it('takes arguments and results to and fro as what they are', async () => {
    const values = [new Map([[new Date(5), new Set([1n])]]), new RangeError('far', { cause: 7 }), new Uint8Array([1])];
    const names = values.map((_, index) => `${index}`);
    const graph = graphOf(...names.map((name) => given(name, values[Number(name)])), {
      name: 'echo',
      run: tasks.echo,
      dependsOn: names,
    });
    await executor.run(graph);
    expect(graph.result('echo')).toEqual(values);
  });

  it('takes what a function throws', async () => {
    const graph = graphOf({ name: 'a', run: tasks.overdrawn });
    await executor.run(graph);
    expect(graph.failure('a')).toBeInstanceOf(RangeError);
    expect(graph.failure('a')).toMatchObject({ name: 'QuotaError', limit: 3, cause: { message: 'the cause' } });
  });

  it('gives functions their context', async () => {
    const graph = graphOf({ name: 'a', run: tasks.described, withContext: true, retry: 2 });
    executor.use({ headers: () => ({ tenant: 'seven' }) });
    const { runId } = await executor.run(graph);
    expect(graph.result('a')).toEqual({ task: 'a', attempt: 2, runId, headers: { tenant: 'seven' } });
  });

  it('drops what a function tells of its progress after its end', async () => {
    executor = new HttpExecutor({ processes: 1 });
    const told: unknown[] = [];
    executor.on('task:progress', ({ task }) => told.push(task));
    await executor.run(
      graphOf(
        { name: 'early', run: tasks.keepProgress, withContext: true },
        { name: 'late', run: tasks.tellLate, after: ['early'] },
      ),
    );
    expect(told).toEqual([]);
    expect(children).toHaveLength(1);
  });

  it('fails a task whose argument or result cannot be carried, names the part, and runs the others', async () => {
    const graph = graphOf(
      given('bad', { rows: [{ format: () => 1 }] }),
      given('good', 1),
      { name: 'argument', run: tasks.echo, dependsOn: ['bad'], ioBound: true, retry: 5 },
      { name: 'result', run: tasks.unlike, ioBound: true },
      ...['x', 'y', 'z'].map((name) => ({ name, run: tasks.echo, dependsOn: ['good'], ioBound: true })),
    );
    const { counts } = await executor.run(graph);
    expect(counts).toMatchObject({ done: 5, failed: 2 });
    for (const [name, part] of [
      ['argument', 'arguments[0].rows[0].format is a function'],
      ['result', 'result.rows[1].format is a function'],
    ] as const) {
      expect(graph.failure(name)).toBeInstanceOf(UnsendableError);
      expect(String(graph.failure(name))).toContain(`The ${name} of task "${name}" cannot be sent: ${part}.`);
    }
    expect(graph.outcome('argument')).toMatchObject({ attempts: 1 });
  });

  it('refuses what is no function of a module before anything starts', async () => {
    const here = vi.fn();
    const graph = graphOf(
      { name: 'here', run: here, onMainThread: true },
      { name: 'closure', run: () => 1 },
      { name: 'there', run: tasks.none },
    );
    const error = await rejection(executor.run(graph));
    expect(error).toBeInstanceOf(TransferError);
    expect([...(error as TransferError).problems.keys()]).toEqual(['closure']);
    expect(here).not.toHaveBeenCalled();
    expect(children).toEqual([]);
    expect(graph.counts()).toMatchObject({ pending: 3 });
    // What is done already needs not be sent.
    await executor.run(graph.markDone('closure', 1));
    expect(graph.counts()).toMatchObject({ done: 3 });
  });

  it('has io-bound tasks share a process, and gives each of the others one to itself', async () => {
    const { path } = file();
    const meeting = ['a', 'b', 'c'].map((name) => ({
      name,
      run: tasks.meet,
      dependsOn: ['file', 'count'],
      withContext: true,
      ioBound: true,
    }));
    const graph = graphOf(given('file', path), given('count', 3), ...meeting);
    await executor.run(graph);
    expect(new Set(['a', 'b', 'c'].map((name) => graph.result(name))).size).toBe(1);
    const names = [...'abcdefgh'];
    const others = graphOf(...names.map((name) => ({ name, run: tasks.alone })));
    await executor.run(others);
    expect(names.map((name) => others.result(name))).toEqual(names.map(() => 1));
  });

  it('runs again what was lost with its process', async () => {
    const { path, calls } = file();
    const interrupted: unknown[] = [];
    executor.on('task:interrupted', ({ task, reason }) => interrupted.push([task, String(reason)]));
    const graph = graphOf(given('file', path), { name: 'mortal', run: tasks.mortal, dependsOn: ['file'] });
    await executor.run(graph);
    expect(graph.result('mortal')).toBe('alive');
    expect(calls()).toEqual(['mortal', 'mortal']);
    const lost = `Error: Worker process ${children.find(({ signalCode }) => signalCode !== null)?.pid} was lost.`;
    expect(interrupted).toEqual([['mortal', lost]]);
  });

  it('fails a task that kills its process three times, alone in it, and no other', async () => {
    const [poisoned, others] = [file(), file()];
    const graph = graphOf(
      given('poisoned', poisoned.path),
      given('others', others.path),
      given('one', 1),
      { name: 'poison', run: tasks.poison, dependsOn: ['poisoned'], ioBound: true, retry: 9 },
      ...[...'abcdefgh'].map((name) => ({
        name,
        run: tasks.meet,
        dependsOn: ['others', 'one'],
        withContext: true,
        ioBound: true,
      })),
    );
    const { counts } = await executor.run(graph);
    expect(counts).toMatchObject({ done: 11, failed: 1 });
    expect(graph.outcome('poison')).toMatchObject({ attempts: 1, error: { code: 'worker-lost', task: 'poison' } });
    // At first it may not have been alone.
    expect([3, 4]).toContain(poisoned.calls().length);
  });

  it('ends a process that does not end an attempt, which is nobody else’s fault', async () => {
    const [stuck, marker] = [file(), join(folder, 'marker')];
    executor = new HttpExecutor({ processes: 1, graceMs: 20 });
    const graph = graphOf(
      given('stuck', stuck.path),
      given('marker', marker),
      { name: 'until', run: tasks.until, dependsOn: ['marker'], ioBound: true, timeoutMs: 60_000 },
      { name: 'forever', run: tasks.forever, dependsOn: ['stuck'], ioBound: true, timeoutMs: 500, retry: 2 },
    );
    executor.on('task:failed', () => writeFileSync(marker, ''));
    await executor.run(graph);
    expect(graph.failure('forever')).toMatchObject({ code: 'task-timeout', attempt: 2 });
    expect(stuck.calls()).toEqual(['forever', 'forever']);
    expect(graph.outcome('until')).toMatchObject({ status: 'done', result: 'there' });
  });

  it('tells a function that it is to end, and why', async () => {
    const graph = graphOf({ name: 'a', run: tasks.untilAborted, withContext: true });
    const controller = new AbortController();
    executor.on('task:progress', ({ fraction, note }) => controller.abort(new Error(`${note}: ${fraction}`)));
    expect(await rejection(executor.run(graph, { signal: controller.signal }))).toMatchObject({
      code: 'run-aborted',
      cause: { message: 'half: 0.5' },
    });
    expect(graph.status('a')).toBe('pending');
  });

  it('counts a timeout from when the function is called, not from when the process is started', async () => {
    const graph = graphOf({ name: 'a', run: tasks.untilAborted, withContext: true, timeoutMs: 1 });
    const started: unknown[] = [];
    executor.on('task:started', ({ thread }) => started.push(thread));
    await executor.run(graph);
    expect(graph.failure('a')).toMatchObject({ code: 'task-timeout' });
    expect(started).toEqual([`process ${children.find(({ pid }) => `process ${pid}` === started[0])?.pid}`]);
  });

  it('leaves no process behind, neither after a run nor after close()', async () => {
    await executor.run(graphOf({ name: 'a', run: tasks.pid }));
    await allEnded();
    const run = rejection(executor.run(graphOf({ name: 'a', run: tasks.untilAborted, withContext: true })));
    await once(executor as never, 'task:started');
    await executor.close();
    expect(await run).toMatchObject({ code: 'run-aborted', cause: { code: 'executor-closed' } });
    await allEnded();
  });

  it('rejects where its processes do not start', async () => {
    started.program = join(folder, 'is-not-there.js');
    const graph = graphOf({ name: 'a', run: tasks.none });
    expect(await rejection(executor.run(graph))).toMatchObject({
      message: 'A process ended before it could be used.',
    });
    expect(graph.status('a')).toBe('pending');
    started.program = builtFile(PROGRAM);
    await executor.run(graph);
    expect(graph.status('a')).toBe('done');
  });

  it('starts nothing for a run that was aborted before', async () => {
    const graph = graphOf({ name: 'a', run: tasks.none });
    await rejection(executor.run(graph, { signal: AbortSignal.abort() }));
    expect(children).toEqual([]);
  });
});

async function allEnded(): Promise<void> {
  expect(children.length).toBeGreaterThan(0);
  for (const child of children) if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
