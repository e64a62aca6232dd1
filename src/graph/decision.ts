/** What a run decides about a task that it finds pending, and why. */
export interface Decision {
  /** `'may run'`, of a plan alone: whether it runs hangs on what tasks before it return. */
  readonly verdict: 'runs' | 'may run' | 'kept';
  /** The reason, as the second half of a sentence: `the result of "rows" changed`. */
  readonly why: string;
}

/** One task of a plan. */
export interface PlannedTask<Name extends string = string> extends Decision {
  /** The task's name. */
  readonly task: Name;
}

export const NOT_RUN_YET: Decision = Object.freeze({ verdict: 'runs', why: 'not run before' });
/** Of a task with `always`. */
export const EACH_RUN: Decision = Object.freeze({ verdict: 'runs', why: 'it runs in each run' });
export const WAS_RESET: Decision = Object.freeze({ verdict: 'runs', why: 'it was reset' });
