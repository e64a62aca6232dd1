import type { ThreadId } from '../events.js';
import { WrittenFiles } from '../files/written-files.js';
import { progressOf } from '../graph/attempt-context.js';
import { attemptController } from '../graph/attempt-signal.js';
import type { HeldResult } from '../graph/held-result.js';
import { mixedArguments } from '../graph/plain-arguments.js';
import type { Task, TaskContext, TaskFunction } from '../graph/task.js';
import type { OpenGraph, TaskGraph } from '../graph/task-graph.js';
import type { Ending, RemoteAttempt } from '../places/place.js';

/** One try of one task, as an executor's `runAttempt(attempt)` sees it. It may be destructured. */
export interface Attempt {
  /** The task and its options. */
  readonly task: Task;
  /** Which try it is, counted from 1. */
  readonly attempt: number;
  /**
   * The arguments: the context if the task asks for it, then the results of the dependencies and the values given by
   * `with()`, those that are `undefined` left out.
   */
  readonly args: readonly unknown[];
  /** Aborted when the attempt times out or its run is aborted. */
  readonly signal: AbortSignal;
  /** What the function gets as its first argument if the task asks for it. */
  readonly context: TaskContext;
  /** The graph that is being run. */
  readonly graph: TaskGraph;
  /** The run's id. */
  readonly runId: string;
  /**
   * Calls the task's function with its arguments, here and now. Bound, so it may be destructured.
   *
   * @returns what the function returns
   * @throws what the function throws; the abort reason, without calling the function, if the attempt was aborted before
   */
  readonly invoke: () => unknown;
}

/** What an attempt needs of the run that it belongs to. */
export interface AttemptRun {
  readonly id: string;
  readonly graph: TaskGraph;
  readonly open: OpenGraph;
  headersFor(id: number): Readonly<Record<string, string>> | undefined;
  progressed(attempt: LiveAttempt, fraction: number, note: string | undefined): void;
}

/** Why an attempt is to come to an end before it has. */
export interface Abortion {
  readonly reason: unknown;
  /** Its own timeout, and not the end of its run. */
  readonly timedOut: boolean;
}

/**
 * An attempt as its run sees it.
 *
 * ```
 *   live ──► ended                    returned or threw
 *     └────► aborting ──► ended       timed out, or its run was aborted: it is given a while to settle
 * ```
 */
export class LiveAttempt implements Attempt, RemoteAttempt {
  /** The task's number in its graph. */
  readonly id: number;
  readonly attempt: number;
  /** When it began, in milliseconds since 1970; -1 if nobody asked for the time, or if it has not begun yet. */
  startedAtMs: number;
  /** How long it took, in milliseconds, if that was measured where it ran. */
  tookMs: number | undefined;
  /** It runs at a place, and not here. */
  readonly isPlaced: boolean;
  /** The thread or worker that it runs on, once that is known. */
  where: ThreadId = 'main';
  /** It was sent to its place before its inputs were done, and they are not all done yet. */
  isAhead = false;
  /** Events have told that it began. Only of one at a place: of others that goes without saying. */
  wasToldStarted = false;
  /** What it said last while it was ahead, of how far it is: that is told once its inputs are done. */
  heldProgress: readonly [fraction: number, note: string | undefined] | undefined;
  /** Whether it knew where it ran that it was to come to an end, if that is known. */
  wasToldThere: boolean | undefined;
  /** What it returned, if that has come as bytes. */
  held: HeldResult | undefined;
  /** How it ended while it was ahead: that counts once its inputs are done. */
  heldEnding: Ending | undefined;
  /** What it was aborted with, while it is aborting. */
  abortedWith: Abortion | undefined;
  /** Calls off what ends the attempt at a certain time. */
  timer: (() => void) | undefined;
  /** Nothing that the function does from here on counts. */
  ended = false;
  /** Where it stands among the attempts whose ends are waited for; -1 if it is not among them. */
  liveIndex = -1;
  /** What it writes that is to be put in its place when it is done. */
  written: WrittenFiles | undefined;
  /** Its function has ended, and a while passes until it is known what to make of what it returned. */
  isLookedOver = false;
  /** What it returned was held against its schema. */
  isChecked = false;
  /** It returned, and the files in its result are being looked at, or have been. */
  filesSeen: 'not yet' | 'being looked at' | 'all' = 'not yet';
  /** What is around a call of its function, if that is made here. */
  around: ((attempt: LiveAttempt) => unknown) | undefined;
  readonly #run: AttemptRun;
  #controller: AbortController | undefined;
  /** Something knows that it is to come to an end, or would know. */
  #wasTold = false;
  /** Its function was called here: that it asks for its signal is seen. */
  #wasCalledHere = false;

  constructor(run: AttemptRun, id: number, attempt: number, startedAtMs: number, isPlaced = false) {
    this.#run = run;
    this.id = id;
    this.attempt = attempt;
    this.startedAtMs = startedAtMs;
    this.isPlaced = isPlaced;
  }

  get name(): string {
    return this.#run.open.names[this.id]!;
  }

  get task(): Task {
    const { names, functions, settings } = this.#run.open;
    return { name: names[this.id]!, fn: functions[this.id]!, ...settings[this.id]! };
  }

  get graph(): TaskGraph {
    return this.#run.graph;
  }

  get runId(): string {
    return this.#run.id;
  }

  get args(): readonly unknown[] {
    const results = this.inputs;
    if (this.#run.open.settings[this.id]!.withContext) results.unshift(this.context);
    return results;
  }

  get inputs(): unknown[] {
    return argumentsFor(this.#run.open, this.id);
  }

  get headers(): Readonly<Record<string, string>> | undefined {
    return this.#run.headersFor(this.id);
  }

  get isAborted(): boolean {
    return this.abortedWith !== undefined;
  }

  get isTimedOut(): boolean {
    return this.abortedWith?.timedOut === true;
  }

  get signal(): AbortSignal {
    this.#wasTold = true;
    if (this.#controller === undefined) {
      this.#controller = attemptController();
      if (this.abortedWith !== undefined) this.#controller.abort(this.abortedWith.reason);
    }
    return this.#controller.signal;
  }

  get context(): TaskContext {
    return new AttemptContext(this, this.#run);
  }

  get invoke(): () => unknown {
    return () => {
      if (this.abortedWith !== undefined) {
        this.#wasTold = true;
        throw this.abortedWith.reason;
      }
      this.#wasCalledHere = true;
      const { around } = this;
      // It calls this again.
      this.around = undefined;
      return around === undefined ? invoked(this.#run.open, this.id, this) : around(this);
    };
  }

  /**
   * What comes of it does not count any more. What a function returns that was told to come to an end may be half of a result; but one that never asked for
   * its signal was told nothing, and what it returns is whole.
   */
  get isInterrupted(): boolean {
    return this.abortedWith !== undefined && (this.abortedWith.timedOut || (this.wasToldThere ?? this.#wasTold));
  }

  /** Tells the function to come to an end. */
  abort(abortion: Abortion): void {
    this.abortedWith = abortion;
    // What a function asks for on another thread is not seen here.
    if (this.isPlaced && !this.#wasCalledHere && this.#run.open.settings[this.id]!.withContext) this.#wasTold = true;
    this.#controller?.abort(abortion.reason);
  }
}

/**
 * Calls a task's function with the results of its dependencies.
 *
 * @param attempt - whose context comes first, if the task asks for one
 */
export function invoked(open: OpenGraph, id: number, attempt: LiveAttempt | undefined): unknown {
  const { topology, outcomes, functions, plain } = open;
  // Detached from the array: a function must not find its neighbours under `this`.
  const fn = functions[id] as TaskFunction as (...args: unknown[]) => unknown;
  const { starts, ids } = topology.inputs;
  const first = starts[id]!;
  const count = starts[id + 1]! - first;
  if (attempt !== undefined && open.settings[id]!.withContext) return fn(...attempt.args);
  if (plain !== undefined) return fn(...argumentsFor(open, id));
  // Most tasks take few arguments, and such a call is several times cheaper without an array of them.
  switch (count) {
    case 0:
      return fn();
    case 1: {
      const a = outcomes.value(ids[first]!);
      return a === undefined ? fn() : fn(a);
    }
    case 2: {
      const a = outcomes.value(ids[first]!);
      const b = outcomes.value(ids[first + 1]!);
      if (a !== undefined && b !== undefined) return fn(a, b);
      break;
    }
    case 3: {
      const a = outcomes.value(ids[first]!);
      const b = outcomes.value(ids[first + 1]!);
      const c = outcomes.value(ids[first + 2]!);
      if (a !== undefined && b !== undefined && c !== undefined) return fn(a, b, c);
      break;
    }
    default:
  }
  return fn(...argumentsFor(open, id));
}

/** The results of a task's dependencies, in order, those that are `undefined` left out, and its plain arguments. */
function argumentsFor(open: OpenGraph, id: number): unknown[] {
  const { topology, outcomes } = open;
  const mixed = mixedArguments(open, id);
  if (mixed !== undefined) {
    const values = mixed.map((one) => (typeof one === 'number' ? outcomes.value(one) : one.value));
    return values.filter((value) => value !== undefined);
  }
  const { starts, ids } = topology.inputs;
  const results: unknown[] = [];
  for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
    const result = outcomes.value(ids[edge]!);
    if (result !== undefined) results.push(result);
  }
  return results;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

class AttemptContext implements TaskContext {
  readonly task: string;
  readonly attempt: number;
  readonly runId: string;
  readonly progress: TaskContext['progress'];
  readonly file: TaskContext['file'];
  readonly #attempt: LiveAttempt;
  readonly #run: AttemptRun;

  constructor(attempt: LiveAttempt, run: AttemptRun) {
    this.task = run.open.names[attempt.id]!;
    this.attempt = attempt.attempt;
    this.runId = run.id;
    this.progress = progressOf(this.task, (fraction, note) => {
      if (!attempt.ended) run.progressed(attempt, fraction, note);
    });
    this.file = (path) => {
      attempt.written ??= new WrittenFiles(attempt.name);
      if (attempt.ended) attempt.written.discard();
      return attempt.written.beside(path);
    };
    this.#attempt = attempt;
    this.#run = run;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#run.headersFor(this.#attempt.id) ?? NO_HEADERS;
  }
}
