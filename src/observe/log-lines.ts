import { described, quoted } from '../errors.js';
import type { UntypedEvents } from '../events.js';
import { ENDING_WORDS } from './run-ending.js';

/** How much a line matters, by the names that pino gives its levels. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The same as pino's numbers. */
export const LEVEL_NUMBERS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

/** The level of each event. That of a run which did not finish is higher: see {@link levelOf}. */
export const LEVEL_BY_EVENT: Readonly<Record<keyof UntypedEvents, LogLevel>> = {
  'run:started': 'info',
  'task:ready': 'info',
  'task:started': 'info',
  'task:progress': 'debug',
  'task:retrying': 'warn',
  'task:interrupted': 'warn',
  'task:done': 'info',
  'task:failed': 'error',
  'task:skipped': 'warn',
  'run:finished': 'info',
  'store:repaired': 'warn',
  'store:refused': 'warn',
  'store:unseen': 'info',
};

/**
 * The level of one line: a run that was stopped or aborted matters more than one that finished, and one that broke off
 * as much as a failure.
 */
export function levelOf<E extends keyof UntypedEvents>(event: E, record: UntypedEvents[E][0]): LogLevel {
  if (event !== 'run:finished') return LEVEL_BY_EVENT[event];
  const { status } = record as UntypedEvents['run:finished'][0];
  if (status === 'finished') return LEVEL_BY_EVENT[event];
  return status === 'broken' ? 'error' : 'warn';
}

/** A thrown value as it stands in a log: the shape that pino gives errors, causes nested. */
export interface LoggedError {
  /** The name of its class; of what is no error, its `typeof`. */
  readonly type: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** Of errors of the system and of taskmap, the kind of error. */
  readonly code?: string | number | undefined;
  readonly cause?: LoggedError | undefined;
  /** The errors of an `AggregateError`, the first ones. */
  readonly aggregateErrors?: readonly LoggedError[] | undefined;
}

const CAUSES_MAX = 8;
const ERRORS_MAX = 10;

/** Fit for `JSON.stringify`, whatever was thrown. */
export function loggedError(thrown: unknown, depth = 0): LoggedError {
  try {
    if (!(thrown instanceof Error))
      return { type: typeof thrown, message: typeof thrown === 'string' ? thrown : described(thrown) };
    const { stack, cause } = thrown;
    const { code, errors } = thrown as { code?: unknown; errors?: unknown };
    const isDeep = depth >= CAUSES_MAX;
    return {
      type: String(thrown.constructor?.name || thrown.name),
      message: String(thrown.message),
      ...(typeof stack === 'string' ? { stack } : {}),
      ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
      ...(cause === undefined || isDeep ? {} : { cause: loggedError(cause, depth + 1) }),
      ...(Array.isArray(errors) && !isDeep
        ? { aggregateErrors: errors.slice(0, ERRORS_MAX).map((error) => loggedError(error, CAUSES_MAX)) }
        : {}),
    };
  } catch {
    return { type: 'Error', message: described(thrown) };
  }
}

/** What one event says, besides the run, in the order in which it stands in a line. */
export interface LogEntry {
  readonly event: keyof UntypedEvents;
  readonly level: LogLevel;
  readonly runId: string;
  readonly atMs: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly msg: string;
}

type EntryMakers = {
  readonly [E in keyof UntypedEvents]: (
    record: UntypedEvents[E][0],
  ) => Omit<LogEntry, 'event' | 'runId' | 'atMs' | 'level'>;
};

/** What a line says of each event. Results are left out: they may be large, and none of the log's business. */
export const ENTRY_BY_EVENT: EntryMakers = {
  'run:started': ({ graph, taskCount }) => ({ fields: { graph, taskCount }, msg: `run of ${quoted(graph)} started` }),
  'task:ready': ({ task }) => ({ fields: { task }, msg: `${quoted(task)} ready` }),
  'task:started': ({ task, attempt, thread, ioBound }) => ({
    fields: { task, attempt, thread, ioBound },
    msg: `${quoted(task)} started`,
  }),
  'task:progress': ({ task, attempt, fraction, note }) => ({
    fields: { task, attempt, fraction, note },
    msg: `${quoted(task)} at ${Math.floor(fraction * 100)} %`,
  }),
  'task:retrying': ({ task, attempt, delayMs, error }) => ({
    fields: { task, attempt, delayMs, err: error },
    msg: `${quoted(task)} failed in attempt ${attempt}, again in ${Math.round(delayMs)} ms`,
  }),
  'task:interrupted': ({ task, attempt, reason }) => ({
    fields: { task, attempt, err: reason },
    msg: `${quoted(task)} interrupted`,
  }),
  'task:done': ({ task, attempt, durationMs, source }) => ({
    fields: { task, attempt, durationMs, source },
    msg: `${quoted(task)} done`,
  }),
  'task:failed': ({ task, attempt, durationMs, source, error }) => ({
    fields: { task, attempt, durationMs, source, err: error },
    msg: `${quoted(task)} failed: ${described(error)}`,
  }),
  'task:skipped': ({ task, because }) => ({
    fields: { task, because },
    msg: `${quoted(task)} skipped, because ${quoted(because)} failed`,
  }),
  'run:finished': ({ graph, status, durationMs, attemptCount, counts, reason }) => ({
    fields: {
      graph,
      status,
      durationMs,
      attemptCount,
      counts,
      ...(reason === undefined ? {} : { err: reason }),
    },
    msg: `run of ${quoted(graph)} ${ENDING_WORDS[status]}${reason === undefined ? '' : `: ${described(reason)}`}`,
  }),
  'store:repaired': ({ text, reason, path, offset, bytesDropped, recordsLost, tasks, copy }) => ({
    fields: { reason, path, offset, bytesDropped, recordsLost, tasks, copy },
    msg: text,
  }),
  'store:refused': ({ task, error }) => ({
    fields: { task, err: error },
    msg: `${quoted(task)} not stored: ${described(error)}`,
  }),
  'store:unseen': ({ task, names, text }) => ({
    fields: { ...(task === undefined ? {} : { task }), names },
    msg: text,
  }),
};
