import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShownAttempt, ShownRun } from '../../src/dashboard/messages.js';
import { ATTEMPT_CODES, type ShownStatus, STATUS_CODES } from '../../src/dashboard/messages.js';
import {
  count,
  counted,
  duration,
  percent,
  runningFor,
  shownName,
  wholeSeconds,
} from '../../src/dashboard/page/format.js';
import { lanesOf } from '../../src/dashboard/page/lanes.js';
import { RunState, Structure } from '../../src/dashboard/page/run-state.js';
import { HOSTILE_NAMES } from '../support/random-graph.js';

/** A run of tasks named by letters: what each needs, and its status. */
function stateOf(
  tasks: Readonly<Record<string, readonly [needs: string, status: ShownStatus]>>,
  more: Partial<ShownRun> = {},
): RunState {
  const names = Object.keys(tasks);
  const starts = [0];
  const dependencies: number[] = [];
  for (const name of names) starts.push(dependencies.push(...Array.from(tasks[name]![0], (one) => names.indexOf(one))));
  const run: ShownRun = {
    runId: 'r',
    graph: 'g',
    status: 'running',
    startedAtMs: 1000,
    workers: 2,
    names,
    groups: names.map((_, task) => task % 2),
    groupNames: ['even', 'odd'],
    dependencyStarts: starts,
    dependencies,
    leftOutCount: 0,
    ioBound: [1],
    metaTexts: [],
    metas: [],
    statuses: names.map((name) => STATUS_CODES.indexOf(tasks[name]![1])),
    attemptsBefore: 0,
    attempts: [],
    workMs: 0,
    criticalPathMs: 0,
    failureCount: 0,
    failures: [],
    progress: [],
    ...more,
  };
  return new RunState(run, new Structure(run));
}

const lettersOf = ({ run }: RunState, tasks: Iterable<number>) => Array.from(tasks, (task) => run.names[task]).join('');

describe('the state of a run', () => {
  it('knows who needs whom, both ways, and the tasks of each group', () => {
    const state = stateOf({ a: ['', 'done'], b: ['a', 'done'], c: ['ab', 'running'], d: ['a', 'pending'] });
    expect(lettersOf(state, state.structure.dependencies(2))).toBe('ab');
    expect(lettersOf(state, state.structure.dependents(0))).toBe('bcd');
    expect(lettersOf(state, state.structure.dependents(3))).toBe('');
    expect(lettersOf(state, state.structure.tasksOfGroup(0))).toBe('ac');
    expect([0, 1].map((task) => state.structure.isIoBound(task))).toEqual([false, true]);
  });

  it('counts tasks by status, in all and in each group', () => {
    const state = stateOf({ a: ['', 'done'], b: ['', 'kept'], c: ['', 'failed'], d: ['c', 'skipped'] });
    expect(state.finished).toBe(4);
    expect(state.counts.reduce((sum, one) => sum + one, 0)).toBe(4);
    expect(Array.from(state.groupCounts.subarray(0, STATUS_CODES.length))).toEqual([0, 0, 0, 0, 1, 0, 1, 0]);
  });

  // a* ─► b ─► d      e, which runs, is what holds up d
  // e ───► c ──┘
  it('tells what a task waits for, and what that is held up by', () => {
    const state = stateOf({
      a: ['', 'done'],
      b: ['a', 'ready'],
      e: ['', 'running'],
      c: ['e', 'pending'],
      d: ['bc', 'pending'],
    });
    expect(lettersOf(state, state.waitsFor(4))).toBe('bc');
    expect(lettersOf(state, state.heldUpBy(4, 10))).toBe('eb');
  });

  it('tells which failures a task is skipped for, and not what else it waits for', () => {
    const state = stateOf({ a: ['', 'failed'], b: ['a', 'skipped'], c: ['', 'running'], d: ['bc', 'skipped'] });
    expect(lettersOf(state, state.heldUpBy(3, 10))).toBe('a');
  });

  it('lists what runs by how long it has, and the attempts of a task in their order', () => {
    const attempts: ShownAttempt[] = [
      [1, 1, 0, 5, -1, 0],
      [0, 1, 1, 0, 2, ATTEMPT_CODES.indexOf('retried')],
      [0, 2, 1, 3, -1, 0],
    ];
    const state = stateOf({ a: ['', 'running'], b: ['', 'running'] }, { attempts });
    expect(lettersOf(state, state.running)).toBe('ab');
    expect(state.attemptsOf(0).map(([, attempt]) => attempt)).toEqual([1, 2]);
  });

  it('measures the time, and what part of it was needed', () => {
    expect(stateOf({ a: ['', 'running'] }).elapsedMs(1250)).toBe(250);
    expect(stateOf({ a: ['', 'done'] }, { durationMs: 100 }).elapsedMs(9999)).toBe(100);
    expect(stateOf({ a: ['', 'done'] }, { durationMs: 100, workMs: 120, criticalPathMs: 50 }).efficiency(0)).toBe(0.6);
    expect(stateOf({ a: ['', 'done'] }, { durationMs: 100, workMs: 120, criticalPathMs: 90 }).efficiency(0)).toBe(0.9);
    expect(stateOf({ a: ['', 'pending'] }).efficiency(1100)).toBeUndefined();
  });
});

describe('the lanes of the task stream', () => {
  it('hold each attempt once, those of one row one after another, and need no more rows than overlap', () => {
    const attempt = fc.record({ thread: fc.nat(2), startMs: fc.nat(50), forMs: fc.integer({ min: -1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 60 }), (drawn) => {
        const attempts = drawn.map(
          ({ thread, startMs, forMs }, task): ShownAttempt => [
            task,
            1,
            thread,
            startMs,
            forMs < 0 ? -1 : startMs + forMs,
            0,
          ],
        );
        const { lanes, rows } = lanesOf(attempts);
        expect(rows.flat().sort((a, b) => a - b)).toEqual(attempts.map((_, index) => index));
        const untilMs = (index: number) => (attempts[index]![4] < 0 ? Number.POSITIVE_INFINITY : attempts[index]![4]);
        for (const row of rows)
          for (let place = 1; place < row.length; place++)
            expect(attempts[row[place]!]![3]).toBeGreaterThanOrEqual(untilMs(row[place - 1]!));
        expect(lanes.reduce((sum, { count }) => sum + count, 0)).toBe(rows.length);
        for (const { first, count } of lanes) {
          const ofLane = rows.slice(first, first + count).flat();
          const under = (atMs: number) =>
            ofLane.filter((index) => attempts[index]![3] <= atMs && untilMs(index) > atMs).length;
          // An attempt that takes no time needs a row as well.
          const most = ofLane.reduce((so, index) => Math.max(so, under(attempts[index]![3]), 1), 0);
          expect(count).toBeLessThanOrEqual(
            most + ofLane.filter((index) => untilMs(index) === attempts[index]![3]).length,
          );
        }
      }),
    );
  });

  it('have the main thread first, and the names of threads', () => {
    const { lanes } = lanesOf([
      [0, 1, 2, 0, 1, 1],
      [1, 1, 0, 0, 5, 1],
      [2, 1, 0, 1, 5, 1],
    ]);
    expect(lanes).toEqual([
      { name: 'main', first: 0, count: 2 },
      { name: 'thread 2', first: 2, count: 1 },
    ]);
  });
});

describe('numbers, times and names on the page', () => {
  it('are short', () => {
    expect([count(12_345), counted(1, 'task'), counted(2, 'task')]).toEqual(['12,345', '1 task', '2 tasks']);
    expect([0, 0.4, 999, 999.6, 4_240, 9_960, 59_600, 192_000, 7_500_000, 360_000_000].map(duration)).toEqual([
      '0 ms',
      '<1 ms',
      '999 ms',
      '1.0 s',
      '4.2 s',
      '10 s',
      '1 min',
      '3 min 12 s',
      '2 h 5 min',
      '4 d 4 h',
    ]);
    expect([runningFor(-1), runningFor(4_260), runningFor(61_000), wholeSeconds(4_600)]).toEqual([
      '0.0 s',
      '4.3 s',
      '1 min 1 s',
      '5 s',
    ]);
    expect([0, 0.001, 0.5, 0.9999, 1].map(percent)).toEqual(['0 %', '1 %', '50 %', '99 %', '100 %']);
    expect(duration(Number.NaN)).toBe('–');
  });

  it('show what cannot be seen, and stay on one line', () => {
    expect(shownName('')).toBe('""');
    expect(shownName('a\nb\0\u202egnp\ud83d')).toBe('a\\nb\\0\\u{202e}gnp\\u{d83d}');
    expect(shownName('👩‍👩‍👧 任务')).toBe('👩‍👩‍👧 任务');
    for (const name of HOSTILE_NAMES) {
      const shown = shownName(name, 50);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u202e]/u);
      expect(shown).not.toBe('');
      expect([...shown].length).toBeLessThanOrEqual(60);
    }
  });
});
