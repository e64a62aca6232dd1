import { TaskGraphBuilder } from 'taskmap-ts';
import { expect, it } from 'vitest';
import { openGraph } from '../../src/graph/task-graph.js';
import { TimeLeft } from '../../src/observe/time-left.js';

// a ─► b     c     d
const graph = new TaskGraphBuilder()
  .task('a', () => 1)
  .task('b')
  .dependsOn('a')
  .run((a) => a)
  .task('c', () => 3)
  .task('d', () => 4)
  .build();
const open = openGraph(graph);
const estimates = new Map([
  ['a', 100],
  ['b', 300],
  ['c', 50],
  ['d', 50],
]);

it('is the longest way that is left, or the work that is left by as many at once as up to now', () => {
  const left = new TimeLeft(open, undefined, estimates);
  expect(left.leftMs(0)).toBeUndefined();
  // Two at once.
  left.attemptEnded(100);
  left.finish(open.idByName.get('a')!);
  left.attemptEnded(100);
  left.finish(open.idByName.get('c')!);
  expect(left.leftMs(100)).toBe(300);
  // One after another.
  expect(left.leftMs(200)).toBe(350);
  left.attemptEnded(300);
  left.finish(open.idByName.get('b')!);
  expect(left.leftMs(500)).toBe(50);
  left.finish(open.idByName.get('d')!);
  expect(left.leftMs(550)).toBe(0);
});

it('is about what a run is about', () => {
  const left = new TimeLeft(open, new Set(['c', 'd']), estimates);
  left.attemptEnded(50);
  left.finish(open.idByName.get('c')!);
  expect([left.total, left.leftMs(50)]).toEqual([2, 50]);
});

it('goes by the average where nothing is known', () => {
  const left = new TimeLeft(open);
  left.attemptEnded(40);
  left.finish(open.idByName.get('c')!);
  expect(left.leftMs(40)).toBe(120);
});
