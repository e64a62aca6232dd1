import type { ThreadId } from '../events.js';
import type { HeldResult } from '../graph/held-result.js';
import type { Task } from '../graph/task.js';
import type { OpenGraph, TaskGraph } from '../graph/task-graph.js';

/*
 * A place is where attempts run that do not run on the thread that called `run()`: worker threads, a queue, a service.
 * This is all that a run and a place say to each other.
 *
 * ```
 *   run ── fill() ────────► place          there may be something to take
 *   run ◄── take() ──────── place          a ready task is its own from now on
 *   run ◄── began() ─────── place ─┐
 *   run ◄── progressed() ── place  │ of each attempt at most once, at most now and then, and exactly once
 *   run ◄── ended() ─────── place ─┘
 *   run ── abort() ───────► place          it is to come to an end; the place says how it ended, as of any other
 *   run ── giveUp() ──────► place          it has not come to an end: end it whatever it takes, and say `lost`
 *   run ── stop() ────────► place          nothing new is to begin: what has not begun comes back by `never-began`
 *   run ── end() ─────────► place          the run has settled; nothing that is said from here on is heard
 * ```
 *
 * Whoever speaks first does not matter, as each answer is the whole truth: what a run makes of an ending is what
 * `ended()` returns, and nobody looks at anything else to find out. An attempt that the run has done with meanwhile is
 * `void`, and what is said of it changes nothing.
 */

/** Where attempts run that do not run on the thread that called `run()`. Made for one run. */
export interface Place {
  /** Whether something of the run may still be running there. The run settles only when nothing is. */
  readonly isBusy: boolean;
  /** Takes of what is ready as much as there is room for. Called whenever something may have become ready. */
  fill(): void;
  /** Nothing new is to begin. What has not begun is handed back, as `never-began`. */
  stop(): void;
  /** An attempt is to come to an end: it timed out, or its run was aborted. It has a while for it. */
  abort(attempt: RemoteAttempt, reason: unknown): void;
  /** An attempt that was to come to an end has not. It is to be ended, or left to itself, and told as `lost`. */
  giveUp(attempt: RemoteAttempt): void;
  /**
   * The run has settled. Whoever waits for it, by `run()` or `close()`, waits for what this returns as well: until
   * whatever it has left elsewhere is cleared away, for example. `run()` rejects with what that rejects with.
   */
  end(): void | Promise<void>;
}

/** What a {@link Place} needs of the run that it serves, and tells it. */
export interface PlacedRun {
  /** The run's id, as events tell it. */
  readonly id: string;
  /** The graph that is being run. Only to be read. */
  readonly graph: TaskGraph;
  /** The stack of whoever began the run, as lines to be put below those of errors from elsewhere; or `''`. */
  readonly calledFrom: string;
  /** How many tasks for this place are ready and can be taken. */
  readonly readyCount: number;
  /** Whether anything may go along with attempts, as {@link RemoteAttempt.headers}. */
  readonly hasHeaders: boolean;
  /** @internal */
  readonly open: OpenGraph;
  /** @internal Results go into a store, which needs their bytes and hashes. */
  readonly keepsResults: boolean;
  /** @internal A 1 for each task that is for this place. */
  readonly placed: Uint8Array;
  /** The time, in milliseconds since 1970, by the clock here. */
  now(): number;
  /**
   * The next ready task for this place, in the order in which tasks start: its attempt is the place's from now on.
   * Asked for in `fill()`, so that what runs for the run finds the context of whoever called `run()`.
   *
   * @param ioBound - only if the next one is io-bound, or only if it is not
   */
  take(ioBound?: boolean): RemoteAttempt | undefined;
  /**
   * @internal
   * A task that is not ready yet, to be sent to where all the inputs that it lacks are being made, in front of it.
   * `undefined` if it is to wait until it is ready.
   */
  takeAhead(id: number): RemoteAttempt | undefined;
  /**
   * An attempt has begun. Its timeout counts from here: what has not begun does not time out, nor does what has but is
   * not told.
   *
   * @param atMs - when, by the clock here: see {@link now}
   * @param where - the thread or worker that it runs on
   */
  began(attempt: RemoteAttempt, atMs: number, where: ThreadId): void;
  /** The function has said how far it is: from 0 to 1. */
  progressed(attempt: RemoteAttempt, fraction: number, note?: string): void;
  /** An attempt has ended, or will not begin. Told once of each that was taken. Returns what the run makes of it. */
  ended(attempt: RemoteAttempt, ending: Ending): Fate;
  /**
   * Has the run go on after what it was told, and call `fill()`. It does so by itself soon after each `ended`; to call
   * it is for news that are no endings, such as room that has come, or for many endings that belong together.
   *
   * @param tell - tells the run what has come, in one go, before it goes on
   */
  wake(tell?: () => void): void;
  /** Ends the run at once: what it runs on has failed, and `run()` rejects with this error. */
  breakOff(error: unknown): void;
}

/** One try of one task, as the place sees it on which it runs. */
export interface RemoteAttempt {
  /** The task's number in its graph, from 0. */
  readonly id: number;
  /** The task's name. */
  readonly name: string;
  /** The task and its options. */
  readonly task: Task;
  /** Which try it is, counted from 1. */
  readonly attempt: number;
  /** The results of its dependencies and the values given by `with()`, in order, those that are `undefined` left out. */
  readonly inputs: readonly unknown[];
  /**
   * Calls its function with its arguments, here and now: for a place on this thread. Bound, so it may be destructured.
   *
   * @returns what the function returns
   * @throws what the function throws; the abort reason, without calling the function, if it was aborted before
   */
  readonly invoke: () => unknown;
  /** What goes along with it, for the context of its function, if anything does. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** The run has said `abort()` of it. */
  readonly isAborted: boolean;
  /** It was aborted since it took too long, and not with its run. */
  readonly isTimedOut: boolean;
  /** It was sent before its inputs were done, and they are not all done yet. */
  readonly isAhead: boolean;
}

/** How an attempt ended. */
export type Ending = FunctionEnding | UnsendableEnding | LostEnding | HopelessEnding;

/** The function has come to its end. */
export interface FunctionEnding {
  /** It returned; it threw; or it was ended there since it took longer than its timeout. */
  readonly kind: 'returned' | 'threw' | 'timed-out';
  /** What it returned or threw. */
  readonly value: unknown;
  /** @internal What it returned, where it has come as bytes: then `value` is `undefined`. */
  readonly held?: HeldResult | undefined;
  /** When it began, by the clock here: see {@link PlacedRun.now}. */
  readonly startedAtMs: number;
  /** How long it took there, in milliseconds. */
  readonly tookMs: number;
  /** The thread or worker that it ran on. */
  readonly where: ThreadId;
  /**
   * Whether the function knew that it was to come to an end: what it returned may be half of a result then. Left out, an
   * attempt that was aborted counts as told if its function has a context.
   */
  readonly wasTold?: boolean | undefined;
}

/** What it takes or returns cannot be sent. */
export interface UnsendableEnding {
  readonly kind: 'unsendable';
  readonly what: 'argument' | 'result';
  /** Which part of it, as a sentence without its end: `result.rows[3].format is a function`. */
  readonly part: string;
}

/**
 * It ended before its function had, through no fault of its own; or it never began. It runs again, and that costs no
 * attempt; one that is lost after `abort()` ends as aborted. The run does not count how often: see
 * {@link HopelessEnding}. A task that comes back twice in one turn of the event loop is offered again in the next one.
 */
export interface LostEnding {
  readonly kind: 'lost' | 'never-began';
  readonly reason?: unknown;
}

/** It fails for good, however many attempts it has left: it has ended worker after worker, for example. */
export interface HopelessEnding {
  readonly kind: 'hopeless';
  readonly error: unknown;
}

/**
 * What a run makes of an ending.
 *
 * - `'done'`: the task is done. `'saving'`: it will be, once its result is safe or its inputs are.
 * - `'failed'`: it has no outcome that others could take, and will have none in this run.
 * - `'again'`: it will be ready again, now or after a pause.
 * - `'void'`: nobody was interested any more.
 */
export type Fate = 'done' | 'saving' | 'failed' | 'again' | 'void';
