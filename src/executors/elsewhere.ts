import type { LiveAttempt } from './attempt.js';

/** Where attempts run that do not run on the thread that called `run()`. */
export interface Elsewhere {
  /** A 1 for each task that runs there. */
  readonly tasks: Uint8Array;
  /** Whether something of the run may still be running there. */
  readonly isBusy: boolean;
  /** Takes of what is ready as much as there is room for. */
  fill(): void;
  /** Nothing new is to begin. */
  stop(): void;
  /** An attempt is to come to an end. */
  abort(attempt: LiveAttempt, reason: unknown): void;
  /** An attempt that was to come to an end has not. */
  giveUp(attempt: LiveAttempt): void;
  /** The run has settled. */
  end(): void;
}
