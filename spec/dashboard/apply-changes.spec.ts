import { describe, expect, it } from 'vitest';
import { applyChanges, applyToRuns } from '../../src/dashboard/apply-changes.js';
import {
  ATTEMPTS_MAX,
  FAILURES_MAX,
  type RunChanges,
  type ShownAttempt,
  type ShownFailure,
  type ShownRun,
} from '../../src/dashboard/messages.js';

const RUN: ShownRun = {
  runId: 'r',
  graph: 'graph',
  status: 'running',
  startedAtMs: 0,
  workers: 1,
  names: ['a', 'b'],
  groups: [0, 0],
  groupNames: ['all'],
  dependencyStarts: [0, 0, 0],
  dependencies: [],
  leftOutCount: 0,
  ioBound: [],
  metaTexts: [],
  metas: [],
  statuses: [2, 0],
  attemptsBefore: 0,
  attempts: [[0, 1, 0, 5, -1, 0]],
  workMs: 0,
  criticalPathMs: 0,
  failureCount: 0,
  failures: [],
  progress: [[0, 0.5, 'half']],
  remainingMs: 100,
};
const NOTHING: RunChanges = {
  runId: 'r',
  statuses: [],
  attemptsBefore: 0,
  attemptsBegun: [],
  attemptsEnded: [],
  failureCount: 0,
  failures: [],
  progress: [],
  status: 'running',
  workMs: 0,
  criticalPathMs: 0,
  workers: 1,
};
const failure = (task: number): ShownFailure => ({
  task,
  attempt: 1,
  atMs: task,
  willRetry: false,
  type: 'Error',
  message: '',
  stack: '',
});

describe('applyChanges', () => {
  it('gives tasks their statuses, and forgets what they had said', () => {
    const { statuses, progress } = applyChanges(RUN, { ...NOTHING, statuses: [0, 4, 1, 2] });
    expect({ statuses, progress }).toEqual({ statuses: [4, 2], progress: [] });
  });

  it('takes what tasks have said since, by their place', () => {
    const { progress } = applyChanges({ ...RUN, progress: [[1, 0.1, '']] }, { ...NOTHING, statuses: [0, 2], progress: [[0, 0.2, 'x'], [1, 0.3, 'y']] }); // biome-ignore format: one line
    expect(progress).toEqual([
      [0, 0.2, 'x'],
      [1, 0.3, 'y'],
    ]);
  });

  it('ends attempts by their place, also those that have just begun, and passes over those that are no longer kept', () => {
    const run = { ...RUN, attemptsBefore: 10 };
    const { attempts } = applyChanges(run, {
      ...NOTHING,
      attemptsBefore: 10,
      attemptsBegun: [[1, 1, 0, 6, -1, 0]],
      attemptsEnded: [3, 7, 1, 10, 8, 2, 11, 9, 1],
    });
    expect(attempts).toEqual([
      [0, 1, 0, 5, 8, 2],
      [1, 1, 0, 6, 9, 1],
    ]);
  });

  it('keeps no more attempts and failures than the server does', () => {
    const attemptsBegun = Array.from({ length: ATTEMPTS_MAX }, (_, task): ShownAttempt => [task, 1, 0, 1, -1, 0]);
    const failures = Array.from({ length: FAILURES_MAX }, (_, task) => failure(task));
    const after = applyChanges(
      { ...RUN, failures: [failure(-1)] },
      { ...NOTHING, attemptsBefore: 7, attemptsBegun, attemptsEnded: [7, 3, 1], failures },
    );
    expect(after.attempts).toHaveLength(ATTEMPTS_MAX);
    expect([after.attemptsBefore, after.attempts[0]]).toEqual([7, [0, 1, 0, 1, 3, 1]]);
    expect([after.failures.length, after.failures[0]?.task]).toEqual([FAILURES_MAX, 0]);
  });

  it('takes numbers as they are now: what is no longer said is no longer so', () => {
    const after = applyChanges(RUN, {
      ...NOTHING,
      status: 'finished',
      durationMs: 9,
      workMs: 8,
      criticalPathMs: 7,
      workers: 2,
      failureCount: 1,
    });
    expect(after).toMatchObject({
      status: 'finished',
      durationMs: 9,
      workMs: 8,
      criticalPathMs: 7,
      workers: 2,
      failureCount: 1,
      names: RUN.names,
    });
    expect(after.remainingMs).toBeUndefined();
  });

  it('leaves the run that it is given as it is, and shares what has not changed', () => {
    const before = structuredClone(RUN);
    const after = applyChanges(RUN, { ...NOTHING, attemptsEnded: [0, 9, 1] });
    expect(RUN).toEqual(before);
    expect(after.attempts).not.toBe(RUN.attempts);
    for (const same of ['names', 'statuses', 'failures', 'progress'] as const) expect(after[same]).toBe(RUN[same]);
  });
});

describe('applyToRuns', () => {
  it('forgets runs, adds those that have begun, and changes the others', () => {
    const [one, two, three] = ['one', 'two', 'three'].map((runId) => ({ ...RUN, runId }));
    const changes = {
      nowMs: 1,
      begun: [three!],
      forgotten: ['one'],
      runs: [{ ...NOTHING, runId: 'two', status: 'finished' as const }],
    };
    const runs = applyToRuns([one!, two!], changes);
    expect(runs.map(({ runId, status }) => [runId, status])).toEqual([
      ['two', 'finished'],
      ['three', 'running'],
    ]);
  });
});
