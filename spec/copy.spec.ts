import { readFileSync } from 'node:fs';
import * as own from 'taskmap-ts';
import { serveDashboard } from 'taskmap-ts/dashboard';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { COPY } from '../src/copy.js';
import { Gate } from './support/gate.js';

let other: typeof own;
let otherCopy: { version: string; url: string };

beforeEach(async () => {
  vi.resetModules();
  other = await import('taskmap-ts');
  otherCopy = (await import('../src/copy.js')).COPY as typeof otherCopy;
  otherCopy.url = 'file:///elsewhere/copy.js';
});

const graphBy = ({ TaskGraphBuilder }: typeof own): own.TaskGraph => {
  const builder = new TaskGraphBuilder({ name: 'shared' }).task('a', () => 20);
  return builder
    .task('b', (a: number) => a + 1)
    .dependsOn('a')
    .build() as own.TaskGraph;
};

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

it('a copy has the version of its package', () => {
  expect(COPY.version).toBe(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
});

describe('two loaded copies of one version', () => {
  it('run the graphs of each other, and see each other', () => {
    expect(other.TaskGraph).not.toBe(own.TaskGraph);
    const graph = graphBy(other);
    const executor = new own.SyncExecutor();
    const timeline = new other.Timeline().listen(executor);
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) };
    using _bar = new other.ProgressBar({ mode: 'lines', stream }).listen(executor);
    executor.run(graph);
    expect(graph.result('b')).toBe(21);
    expect(timeline.criticalPath().map(({ task }) => task)).toEqual(['a', 'b']);
    expect(timeline.toSVG()).toContain('shared: finished');
    expect(other.reportHTML({ timeline, graph })).toContain('shared');
    expect(written.at(-1)).toContain('shared finished: 2 done');
  });

  it('refuse a graph that the other is running', async () => {
    const gate = new Gate();
    const graph = new own.TaskGraphBuilder().task('a', () => gate.pass()).build();
    const run = new own.AsyncExecutor().run(graph);
    await expect(new other.AsyncExecutor().run(graph)).rejects.toMatchObject({ code: 'graph-busy' });
    gate.open();
    await run;
  });

  it('say where both are from if they are given what they cannot share', async () => {
    const timeline = new other.Timeline();
    const error = thrownBy(() => own.reportHTML({ timeline: timeline as never }));
    expect(error).toBeInstanceOf(own.TwoCopiesError);
    expect(error).toMatchObject({ code: 'two-copies', own: COPY, other: otherCopy });
    expect(String(error)).toContain(COPY.url);
    expect(String(error)).toContain('file:///elsewhere/copy.js');
    const executor = new other.AsyncExecutor();
    await expect(serveDashboard(executor as never, { port: 0, control: true })).rejects.toMatchObject({
      code: 'two-copies',
    });
  });
});

describe('two loaded copies of different versions', () => {
  beforeEach(() => {
    otherCopy.version = '0.0.9';
  });

  it('run no graphs of each other, and say so before anything runs', async () => {
    const graph = graphBy(other);
    for (const executor of [new own.SyncExecutor(), new own.AsyncExecutor()]) {
      const error = await Promise.resolve()
        .then(() => executor.run(graph))
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(own.TwoCopiesError);
      expect(String(error)).toContain('the copy of taskmap-ts 0.0.9 at file:///elsewhere/copy.js');
    }
    expect(graph.counts().pending).toBe(2);
    expect(() => own.reportHTML({ timeline: new own.Timeline(), graph })).toThrow(own.TwoCopiesError);
  });

  it('say so of a graph of a version that made no marks', () => {
    class TaskGraph {}
    const error = thrownBy(() => new own.SyncExecutor().run(new TaskGraph() as never));
    expect(error).toMatchObject({ code: 'two-copies', other: undefined });
    for (const graph of [{}, null, 'graph', undefined, new (class Graph {})()])
      expect(thrownBy(() => new own.SyncExecutor().run(graph as never))).toMatchObject({ code: 'invalid-option' });
  });

  it('listen to each other, as long as that needs no graph', () => {
    const executor = new other.SyncExecutor();
    const timeline = new own.Timeline().listen(executor);
    const lines: string[] = [];
    const keep = (_: object, line: string) => void lines.push(line);
    new own.RunLog({ logger: { info: keep, warn: keep, error: keep } }).listen(executor);
    executor.run(graphBy(other) as never);
    expect(lines.at(-1)).toBe('run of "shared" finished');
    expect(timeline.attempts()).toHaveLength(2);
    expect(() => timeline.toSVG()).toThrow(own.TwoCopiesError);
  });
});
