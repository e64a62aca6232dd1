import type {
  Clock,
  Executor,
  OutcomeStore,
  RunOptions,
  RunReport,
  TaskGraph,
  TaskOptions,
  TaskSpec,
} from 'taskmap-ts';
import { TaskGraphBuilder } from 'taskmap-ts';
import { EVENT_BITS } from '../../src/executors/emitter.js';
import { FakeClock } from '../support/fake-clock.js';

/** An executor as the contract sees it. */
export interface ExecutorSubject {
  readonly name: string;
  /** `run()` gives a promise, and what tasks promise is waited for. */
  readonly isAsync: boolean;
  /** Added to every task of the contract, all of which are closures: an executor that owns threads keeps them on the calling one. */
  readonly taskOptions?: TaskOptions;
  /** Makes of a task of the contract one that can leave this process. */
  readonly sendable?: (spec: TaskSpec) => TaskSpec;
  make(options: SubjectOptions): Executor;
}

export interface SubjectOptions {
  readonly clock?: Clock;
  readonly graceMs?: number;
  readonly store?: OutcomeStore;
}

/** An event with its record, as it was told. */
export interface Told {
  readonly event: string;
  readonly record: { readonly [field: string]: unknown };
}

const EVENTS = Object.keys(EVENT_BITS) as (keyof typeof EVENT_BITS)[];

/** Everything that an executor tells from here on, in order. */
export function toldBy(executor: Executor): Told[] {
  const told: Told[] = [];
  for (const event of EVENTS)
    executor.on(event, (record: unknown) => told.push({ event, record: record as Told['record'] }));
  return told;
}

/** One executor, the time it lives in, and what it tells. */
export class Stage {
  readonly clock: FakeClock = new FakeClock();
  readonly executor: Executor;
  readonly told: Told[];
  readonly #subject: ExecutorSubject;

  constructor(subject: ExecutorSubject, options: Omit<SubjectOptions, 'clock'> = {}) {
    this.#subject = subject;
    this.executor = subject.make({ clock: this.clock, ...options });
    this.told = toldBy(this.executor);
  }

  /** What was told, as lines: the event and the task. */
  get lines(): string[] {
    return this.told.map(({ event, record }) => (record['task'] === undefined ? event : `${event} ${record['task']}`));
  }

  /** The records of one event. */
  records(event: keyof typeof EVENT_BITS): Told['record'][] {
    return this.told.filter((one) => one.event === event).map(({ record }) => record);
  }

  graph(...specs: readonly TaskSpec[]): TaskGraph {
    return this.named('contract', ...specs);
  }

  named(name: string, ...specs: readonly TaskSpec[]): TaskGraph {
    return new TaskGraphBuilder({ name })
      .add(...specs.map((spec) => ({ ...this.#subject.taskOptions, ...(this.#subject.sendable?.(spec) ?? spec) })))
      .build() as TaskGraph;
  }

  /** Runs to the end, however much time that takes. Where `run()` throws, the promise is rejected. */
  run(graph: TaskGraph, options?: RunOptions): Promise<RunReport> {
    return this.finish((async () => this.executor.run(graph, options))());
  }

  runTask(graph: TaskGraph, task: string, options?: Omit<RunOptions, 'only'>): Promise<RunReport> {
    return this.finish((async () => this.executor.runTask(graph, task, options))());
  }

  /** Lets time pass until a promise settles. */
  finish<T>(promise: Promise<T>): Promise<T> {
    return untilSettled(this.clock, promise, this.#subject.sendable !== undefined);
  }

  /** What a function returns that takes so long: under executors that wait for promises, one that ends early when it is aborted. */
  taking<R>(durationMs: number, result: R, signal?: AbortSignal): R | Promise<R> {
    if (this.#subject.isAsync) return waited(this.clock, durationMs, result, signal);
    this.clock.block(durationMs);
    return result;
  }
}

/** A promise that is fulfilled after a time, or rejected with the reason of an abort before. */
export function waited<R>(clock: Clock, durationMs: number, result: R, signal?: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    const callOff = clock.after(durationMs, () => resolve(result));
    signal?.addEventListener('abort', () => {
      callOff();
      reject(signal.reason);
    });
  });
}

const ROUNDS_MAX = 100_000;

/**
 * Lets time pass until a promise settles.
 *
 * @param isReal - whether something outside of this process has to have its time as well
 */
export async function untilSettled<T>(clock: FakeClock, promise: Promise<T>, isReal = false): Promise<T> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  for (let round = 0; !settled; round++) {
    if (round > ROUNDS_MAX) throw new Error('The run does not end.');
    await clock.advance(10);
    if (isReal) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return promise;
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('Expected a rejection.');
}

/** A promise was rejected, and nobody waited for it. */
export class UnhandledRejection extends Error {}

/** What reached the process meanwhile: uncaught errors as they are, unhandled rejections as the cause of an {@link UnhandledRejection}. */
export async function uncaughtDuring(action: () => unknown): Promise<unknown[]> {
  const uncaught: unknown[] = [];
  const noteByChannel = {
    uncaughtException: (error: unknown) => uncaught.push(error),
    unhandledRejection: (cause: unknown) => uncaught.push(new UnhandledRejection('unhandled rejection', { cause })),
  };
  const channels = Object.keys(noteByChannel) as 'uncaughtException'[];
  const usual = channels.map((channel) => process.listeners(channel));
  for (const channel of channels) process.removeAllListeners(channel).on(channel, noteByChannel[channel]);
  try {
    await action();
    // Node tells of a rejection once the microtasks after it have run.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  } finally {
    for (const [index, channel] of channels.entries()) {
      process.removeListener(channel, noteByChannel[channel]);
      for (const listener of usual[index]!) process.on(channel, listener);
    }
  }
  return uncaught;
}

/** A task as data: a name, a function, and how to run it. */
export function task(name: string, run: TaskSpec['run'], options: Omit<TaskSpec, 'name' | 'run'> = {}): TaskSpec {
  return { name, run, ...options };
}

/** A function that notes what it is called with. It returns what `result` says for its first call, its second, and so on. */
export function counted<R>(result: (call: number) => R): { (...args: unknown[]): R; readonly calls: unknown[][] } {
  const calls: unknown[][] = [];
  const fn = (...args: unknown[]) => {
    calls.push(args);
    return result(calls.length);
  };
  return Object.assign(fn, { calls });
}

/** A function that throws this. */
export function thrower(error: unknown): () => never {
  return () => {
    throw error;
  };
}

/** A promise that is rejected after a time. */
export async function failing(stage: Stage, durationMs: number, error: unknown): Promise<never> {
  await stage.taking(durationMs, undefined);
  throw error;
}
