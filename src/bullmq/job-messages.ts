/*
 * All that crosses the border between machines: the order that a job is, what its worker tells meanwhile, and the answer that it leaves behind. Everything is
 * JSON, as the queue wants it; values and errors are bytes in base64, see carried-values.ts.
 */

/** Goes up with every change that a worker of another version would not understand. */
export const PROTOCOL = 2;

/** A value on its way: its bytes in base64, or its JSON behind a `=` if it is small, or where it is in the value store, and how many bytes it has. */
export type CarriedValue = string | readonly [key: string, size: number];

/**
 * How a worker finds a function: as an export of a module, with the hash of that file if it is one; or as its text, with
 * what else it takes to make one of it, see `functionOf()`.
 */
export type CarriedFunction =
  | readonly [kind: 'module', moduleUrl: string, exportName: string, digest: string | null]
  | readonly [kind: 'source', text: string, more: string];

/** A task of a job. */
export interface OrderedTask {
  readonly name: string;
  /** Its place among the functions of the order. */
  readonly fn: number;
  readonly withContext: boolean;
  readonly timeoutMs: number | null;
  /** Its arguments, as places among the values of the order; those that are `undefined` are left out. */
  readonly inputs: readonly number[];
  readonly headers: Readonly<Record<string, string>> | null;
}

/** The data of a job. The order is text, since names may be any strings, and not every database takes any string in its JSON. */
export interface JobData {
  readonly protocol: number;
  /** A {@link JobOrder} in JSON. */
  readonly order: string;
  /** Nobody wants it any more. */
  readonly cancelled?: true;
  /**
   * A worker was lost that had its task beside others: it is to run alone. Once it has begun so, a worker that is lost was
   * lost by it.
   */
  readonly alone?: 'waiting' | 'begun';
}

/** What a job is to do: tasks that do not depend on each other. */
export interface JobOrder {
  /** The run, as events tell it. */
  readonly runId: string;
  readonly graph: string;
  /** Which try of the tasks it is. */
  readonly attempt: number;
  readonly functions: readonly CarriedFunction[];
  readonly values: readonly CarriedValue[];
  readonly tasks: readonly OrderedTask[];
}

/** How an attempt ended on a worker. */
export const JobEnd = { returned: 0, threw: 1, timedOut: 2, unsendable: 3, interrupted: 4 } as const;

/** When an attempt began that never did. */
export const NEVER = 0;

/** When it began, by the worker's clock, and how long it took, in milliseconds; what it returned or threw, or why that cannot be sent. */
export type EndedTask = readonly [end: number, startedAtMs: number, tookMs: number, value: CarriedValue];

/** What a worker tells while a job runs: of its tasks, by their places. */
export type JobNews =
  | readonly [what: 'started', task: number, atMs: number]
  | readonly [what: 'progress', task: number, atMs: number, fraction: number, note: string | null];

/** The data of a `progress` event. */
export interface JobReport {
  readonly worker: string;
  /** A list of {@link JobNews} in JSON. */
  readonly news: string;
}

/** What a job leaves behind, in JSON as the text that it returns. */
export interface JobAnswer {
  readonly worker: string;
  /** How many cpu-bound and io-bound jobs the worker has room for. */
  readonly room: readonly [cpu: number, io: number];
  /** Why the worker cannot run it; then there is nothing else. */
  readonly refused?: string;
  /** Nobody wanted it any more, and nothing of it has run. */
  readonly dropped?: true;
  /** A worker was lost by it, which had nothing else. It has not run again. */
  readonly lostWorker?: true;
  /** What was not told yet. */
  readonly news: readonly JobNews[];
  /** One for each task of the order. */
  readonly ends: readonly EndedTask[];
}

/** On the control queue: a job is to come to an end. */
export const CANCEL_EVENT = 'taskmap-cancel';

export interface CancelEvent {
  readonly jobId: string;
  /** An encoded error. */
  readonly reason: string;
}
