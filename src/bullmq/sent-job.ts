import type { RemoteAttempt } from '../places/place.js';
import type { JobData } from './job-messages.js';
import type { JobKind } from './queue-server.js';

/** A job of ours in the queue, and who waits for it. */
export class SentJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly tasks: readonly number[];
  readonly sentAtMs: number;
  checkedAtMs: number;
  state: 'adding' | 'queued' | 'finished' = 'adding';
  /** What is added to the queue; `undefined` until it is made, and once it has finished. */
  data: JobData | undefined;
  worker: string | undefined;
  /** Of each task how it ended, where nobody has asked for it yet. */
  ends: (TakenEnd | undefined)[] = [];
  cancelReason: string | undefined;
  /** It runs alone, since a worker was lost that had its task beside others. */
  readonly isAlone: boolean;
  /** How often the queue has failed it without giving a task the blame. */
  mishaps = 0;
  /** The attempts that wait for it, at the places of their tasks; `undefined` where none does, or no longer. */
  readonly #attempts: (RemoteAttempt | undefined)[];

  constructor(id: string, kind: JobKind, tasks: readonly number[], sentAtMs: number, isAlone = false) {
    this.id = id;
    this.kind = kind;
    this.tasks = tasks;
    this.isAlone = isAlone;
    this.sentAtMs = this.checkedAtMs = sentAtMs;
    this.#attempts = new Array<RemoteAttempt | undefined>(tasks.length).fill(undefined);
  }

  get isWaitedFor(): boolean {
    return this.state !== 'finished' && this.#attempts.some((attempt) => attempt !== undefined);
  }

  /** Whether any attempt that waits for it has not been aborted. */
  get isWanted(): boolean {
    return this.#attempts.some((attempt) => attempt !== undefined && !attempt.isAborted);
  }

  attemptAt(place: number): RemoteAttempt | undefined {
    return this.#attempts[place];
  }

  /** @returns the place of its task */
  attach(attempt: RemoteAttempt, place: number = this.tasks.indexOf(attempt.id)): number {
    this.#attempts[place] = attempt;
    return place;
  }

  detach(attempt: RemoteAttempt): void {
    this.#attempts[this.tasks.indexOf(attempt.id)] = undefined;
  }

  /** From now on none of them waits for it. */
  takeAttempts(): RemoteAttempt[] {
    const attempts = this.#attempts.filter((attempt) => attempt !== undefined);
    this.#attempts.fill(undefined);
    return attempts;
  }
}

/** How a task ended, its value made again. */
export interface TakenEnd {
  readonly end: number;
  readonly startedAtMs: number;
  readonly tookMs: number;
  readonly value: unknown;
  readonly worker: string;
}
