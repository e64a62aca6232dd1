import { getEventListeners } from 'node:events';
import { AsyncExecutor, SyncExecutor, type TaskContext, TaskGraphBuilder } from 'taskmap-ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { rejection } from '../contract/executor-harness.js';
import { Gate } from '../support/gate.js';
import { runProgram } from './thread-harness.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a signal that many runs share', () => {
  it('has one listener, of however many executors they are, until the last of them has ended', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const gates = Array.from({ length: 20 }, () => new Gate());
    const runs = gates.map((gate) =>
      new AsyncExecutor().run(new TaskGraphBuilder().task('a', () => gate.pass()).build(), { signal }),
    );
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const gate of gates.slice(1)) gate.open();
    await Promise.all(runs.slice(1));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort('closing time');
    gates[0]!.open();
    expect(await rejection(runs[0]!)).toMatchObject({ code: 'run-aborted', cause: 'closing time' });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('bounds a run also where its timer and the tasks keep no process alive', async () => {
    const { stdout } = await runProgram('bounded.mts');
    expect(stdout).toBe('run-aborted\n');
  });

  it('aborts all of them, whatever executors they are of', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = () =>
      new AsyncExecutor()
        .run(
          new TaskGraphBuilder()
            .task('a')
            .withContext()
            .run((context) => new Promise((_, reject) => context.signal.addEventListener('abort', reject)))
            .build(),
          { signal },
        )
        .catch(({ cause }) => cause);
    const runs = Array.from({ length: 3 }, run);
    controller.abort('closing time');
    expect(await Promise.all(runs)).toEqual(['closing time', 'closing time', 'closing time']);
  });
});

describe('context.signal', () => {
  it('may have any number of listeners: Node warns of none', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const graph = new TaskGraphBuilder()
      .task('a')
      .withContext()
      .run(({ signal }: TaskContext) => {
        for (let count = 0; count < 20; count++) signal.addEventListener('abort', () => {});
      })
      .build();
    new SyncExecutor().run(graph);
    expect(graph.status('a')).toBe('done');
    expect(warn).not.toHaveBeenCalled();
  });

  it('is there also where nothing of Node is', () => {
    const { process } = globalThis;
    const graph = new TaskGraphBuilder()
      .task('a')
      .withContext()
      .run(({ signal }) => signal.aborted)
      .build();
    const executor = new SyncExecutor();
    for (const without of [undefined, {}, { getBuiltinModule: () => undefined }]) {
      globalThis.process = without as never;
      try {
        executor.run(graph.resetAll());
      } finally {
        globalThis.process = process;
      }
      expect(graph.result('a')).toBe(false);
    }
  });
});
