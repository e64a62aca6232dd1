import {
  ATTEMPTS_MAX,
  type Changes,
  FAILURES_MAX,
  type RunChanges,
  type ShownAttempt,
  type ShownProgress,
  type ShownRun,
} from './messages.js';

/** A run as it is once these changes have happened to it. The run that is given stays as it is; what has not changed is shared. */
export function applyChanges(run: ShownRun, changes: RunChanges): ShownRun {
  const { runId: _, statuses, attemptsBegun, attemptsEnded, failures, progress, ...rest } = changes;
  return {
    ...run,
    ...rest,
    reason: changes.reason,
    durationMs: changes.durationMs,
    remainingMs: changes.remainingMs,
    statuses: statuses.length === 0 ? run.statuses : withStatuses(run.statuses, statuses),
    attempts: attemptsAfter(run.attempts, attemptsBegun, attemptsEnded, changes.attemptsBefore),
    failures: failures.length === 0 ? run.failures : [...run.failures, ...failures].slice(-FAILURES_MAX),
    progress:
      statuses.length === 0 && progress.length === 0 ? run.progress : progressAfter(run.progress, statuses, progress),
  };
}

/** All runs as they are after a message, in the order in which they began. */
export function applyToRuns(runs: readonly ShownRun[], { begun, forgotten, runs: changed }: Changes): ShownRun[] {
  const changesByRun = new Map(changed.map((changes) => [changes.runId, changes]));
  const kept = runs.filter(({ runId }) => !forgotten.includes(runId));
  return [...kept, ...begun].map((run) => {
    const changes = changesByRun.get(run.runId);
    return changes === undefined ? run : applyChanges(run, changes);
  });
}

function withStatuses(before: readonly number[], pairs: readonly number[]): number[] {
  const statuses = [...before];
  for (let at = 0; at < pairs.length; at += 2) statuses[pairs[at]!] = pairs[at + 1]!;
  return statuses;
}

/** @param before - how many attempts are no longer kept, once those that have begun are added */
function attemptsAfter(
  attempts: readonly ShownAttempt[],
  begun: readonly ShownAttempt[],
  ended: readonly number[],
  before: number,
): readonly ShownAttempt[] {
  if (begun.length === 0 && ended.length === 0) return attempts;
  const all = [...attempts, ...begun].slice(-ATTEMPTS_MAX);
  for (let at = 0; at < ended.length; at += 3) {
    const place = ended[at]! - before;
    const attempt = all[place];
    // It may be no longer kept.
    if (attempt !== undefined)
      all[place] = [attempt[0], attempt[1], attempt[2], attempt[3], ended[at + 1]!, ended[at + 2]!];
  }
  return all;
}

/** By the place of the task. */
function progressAfter(
  before: readonly ShownProgress[],
  statuses: readonly number[],
  said: readonly ShownProgress[],
): ShownProgress[] {
  const byTask = new Map(before.map((one) => [one[0], one]));
  for (let at = 0; at < statuses.length; at += 2) byTask.delete(statuses[at]!);
  for (const one of said) byTask.set(one[0], one);
  return [...byTask.values()].sort((a, b) => a[0] - b[0]);
}
