/** What a run decides about a task that it finds pending, and why. */
export interface Decision {
  /**
   * `'may run'`, of a plan alone: whether it runs hangs on what tasks before it return. `'not needed'`: its result is not
   * stored, and nothing that takes it runs. `'fails'`: a failure was kept, and is not tried again yet. `'skipped'`, of a
   * plan alone: because of that.
   */
  readonly verdict: 'runs' | 'may run' | 'kept' | 'not needed' | 'fails' | 'skipped';
  /** The reason, as the second half of a sentence: `the result of "rows" changed`. */
  readonly why: string;
}

/** One task of a plan. */
export interface PlannedTask<Name extends string = string> extends Decision {
  /** The task's name. */
  readonly task: Name;
  /**
   * How long it is thought to take if it runs, in milliseconds: what it took before, or else the median of the tasks of
   * the same function, or of all. Not there if nothing is known of earlier runs, nor of a task that is kept.
   */
  readonly estimateMs?: number;
}

/** What is stored of a task cannot be read. */
export function unreadable(error: unknown): Decision & { readonly verdict: 'runs' } {
  return { verdict: 'runs', why: `what is stored of it cannot be read: ${(error as Error).message}` };
}

export const NOT_RUN_YET: Decision = Object.freeze({ verdict: 'runs', why: 'not run before' });
/** Of a task with `always`. */
export const EACH_RUN: Decision = Object.freeze({ verdict: 'runs', why: 'it runs in each run' });
export const NOT_NEEDED: Decision & { readonly verdict: 'not needed' } = Object.freeze({
  verdict: 'not needed',
  why: 'all that takes its result is kept',
});
export const WAS_RESET: Decision = Object.freeze({ verdict: 'runs', why: 'it was reset' });
