import { InvalidOptionError } from '../errors.js';
import type { WrittenFiles } from '../files/written-files.js';
import type { AttemptSignal } from './attempt-signal.js';
import type { TaskContext } from './task.js';

/** What a context tells of its attempt. */
export type AttemptFacts = Omit<TaskContext, 'signal' | 'progress' | 'file'>;

/** What an attempt says of how far it is: from 0 to 1, and a note for people. */
export type TellProgress = (fraction: number, note: string | undefined) => void;

/** The context of an attempt whose function is called elsewhere than its run is. */
export function contextOf(
  facts: AttemptFacts,
  aborting: AttemptSignal,
  tell: TellProgress,
  written: WrittenFiles,
): TaskContext {
  const { task, attempt, runId, headers } = facts;
  return {
    task,
    attempt,
    runId,
    headers,
    get signal(): AbortSignal {
      return aborting.signal;
    },
    progress: progressOf(task, tell),
    file: (path) => written.beside(path),
  };
}

/** What an attempt of a task tells its progress by, wherever it runs. */
export function progressOf(task: string, tell: TellProgress): TaskContext['progress'] {
  return (fraction, note) => {
    if (typeof fraction !== 'number' || Number.isNaN(fraction))
      throw new InvalidOptionError('fraction', 'a number from 0 to 1', fraction, task);
    tell(Math.min(Math.max(fraction, 0), 1), note === undefined ? undefined : String(note));
  };
}
