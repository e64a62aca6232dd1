import * as errors from '../errors.js';
import { described } from '../errors.js';

/*
 * All that crosses the border between threads. Messages are flat arrays, because the engine copies an array of a hundred entries several times faster
 * than ten objects of ten; the first entry says what kind it is.
 */

/** From the main thread to a worker. */
export const ToWorker = {
  /** run, its id as events tell it, who may run which task ({@link Claim}), then for each function: its number, how it is found ({@link FunctionReference}), two texts. */
  functions: 0,
  /** run, then for each task: id, token, function, flags ({@link TaskFlags}), with a context its name and the attempt, number of inputs, and for each input its kind ({@link InputKind}) and value. */
  tasks: 1,
  /** run, id, token, reason: abort this attempt. */
  abort: 2,
  /** run: forget all about it. */
  end: 3,
  /** Stop serving. */
  close: 4,
} as const;

/** From a worker to the main thread. */
export const FromWorker = {
  /** For each task: run, id, token, status ({@link TaskEnd}), when it began, how long it took (ms), value. */
  ended: 0,
  /** run, id, token, when it began, fraction, note. */
  progress: 1,
  /** An encoded error that belongs to no task that is running. */
  stray: 2,
  /** run, id, token, when: only from a thread that runs many at once; of the others one can see it. */
  started: 3,
} as const;

/** How an attempt on a worker ended. */
export const TaskEnd = { returned: 0, threw: 1, unsendable: 2, inputLost: 3 } as const;

/** Where an input is: in the message, or among the results that were made on this very worker; or it is only waited for, and made there too. */
export const InputKind = { value: 0, here: 1, after: 2 } as const;

/**
 * Who may run a task: an int32 for each task of a run, in memory that all threads share. The token of a sending means that the task stands in an inbox; its thread
 * changes it to `taken` as it begins, the main thread to `nobody` as it takes the task back. Whoever comes second leaves it alone.
 */
export const Claim = { nobody: 0, taken: -1 } as const;

/** What else there is to know of a task: it takes its context; others there take its result; what is done is told before it begins, since it takes long. */
export const TaskFlags = { withContext: 1, keep: 2, tellFirst: 4 } as const;

/** How a worker finds a function: the name of an export and the address of its module, or its text and the helpers in it. */
export const FunctionReference = { module: 0, source: 1 } as const;

/** The numbers in `ServeOptions.current`, as float64s. The version is odd while the others are being written. */
export const Current = { version: 0, run: 1, id: 2, startedAtMs: 3, length: 4 } as const;
export const NOTHING = -1;

/** Any thrown value, in a form that the engine can copy. */
export type EncodedError =
  | { readonly kind: 'error'; readonly error: EncodedErrorObject }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'text'; readonly text: string };

interface EncodedErrorObject {
  /** The names of its classes, the most special first. */
  readonly classes: readonly string[];
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: EncodedError | undefined;
  readonly errors: readonly EncodedError[] | undefined;
  readonly own: Readonly<Record<string, unknown>>;
}

type ErrorClass = abstract new (...args: never) => Error;

const CAUSES_MAX = 16;
const DOM_EXCEPTION = 'DOMException';
const KNOWN_ERRORS = new Map<string, ErrorClass>();
for (const known of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError])
  KNOWN_ERRORS.set(known.name, known);
for (const [name, known] of Object.entries(errors))
  if (typeof known === 'function' && known.prototype instanceof Error) KNOWN_ERRORS.set(name, known as unknown as ErrorClass);

/**
 * Makes errors of these classes arrive from worker threads as what they are. Others arrive as the nearest built-in class, with the name, message, stack,
 * cause and data that they had.
 *
 * @example
 * import { registerErrors } from 'taskmap-ts';
 *
 * class QuotaError extends Error {
 *   override readonly name = 'QuotaError';
 * }
 * registerErrors(QuotaError);
 */
export function registerErrors(...classes: readonly ErrorClass[]): void {
  for (const known of classes) KNOWN_ERRORS.set(known.name, known);
}

/** @param above - the errors that this one is the cause of, or among the errors of: a circle ends where it would come round again */
export function encodeError(thrown: unknown, above: readonly unknown[] = []): EncodedError {
  try {
    if (isDomException(thrown)) {
      return {
        kind: 'error',
        error: {
          classes: [DOM_EXCEPTION],
          name: thrown.name,
          message: thrown.message,
          stack: thrown.stack,
          cause: undefined,
          errors: undefined,
          own: {},
        },
      };
    }
    if (!(thrown instanceof Error) || above.length > CAUSES_MAX) return encodeValue(thrown);
    const below = [...above, thrown];
    const errors: unknown = (thrown as AggregateError).errors;
    const own: Record<string, unknown> = {};
    for (const key of Object.keys(thrown)) {
      const value = (thrown as unknown as Record<string, unknown>)[key];
      if (!['name', 'message', 'stack', 'cause', 'errors'].includes(key) && culprit(value) === undefined) own[key] = value;
    }
    return {
      kind: 'error',
      error: {
        classes: classNamesOf(thrown),
        name: String(thrown.name),
        message: String(thrown.message),
        stack: typeof thrown.stack === 'string' ? thrown.stack : undefined,
        cause: Object.hasOwn(thrown, 'cause') && !below.includes(thrown.cause) ? encodeError(thrown.cause, below) : undefined,
        errors: Array.isArray(errors) ? errors.filter((error) => !below.includes(error)).map((error) => encodeError(error, below)) : undefined,
        own,
      },
    };
  } catch (error) {
    return { kind: 'text', text: `An error that could not be sent: ${described(error)}` };
  }
}

/** @param calledFrom - the stack of the main thread, put below that of the worker */
export function decodeError(encoded: EncodedError, calledFrom = ''): unknown {
  switch (encoded.kind) {
    case 'value':
      return encoded.value;
    case 'text':
      return new Error(encoded.text);
    case 'error':
      return decodeErrorObject(encoded.error, calledFrom);
    default:
      return encoded satisfies never;
  }
}

function decodeErrorObject({ classes, name, message, stack, cause, errors, own }: EncodedErrorObject, calledFrom: string): unknown {
  if (classes[0] === DOM_EXCEPTION) return new DOMException(message, name);
  const known = KNOWN_ERRORS.get(classes.find((one) => KNOWN_ERRORS.has(one)) ?? '') ?? Error;
  const error = Object.create(known.prototype) as Error;
  const hidden = (key: string, value: unknown) => Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
  hidden('message', message);
  hidden('stack', `${stack ?? `${name}: ${message}`}${calledFrom}`);
  if (cause !== undefined) hidden('cause', decodeError(cause));
  if (errors !== undefined)
    hidden(
      'errors',
      errors.map((one) => decodeError(one)),
    );
  Object.assign(error, own);
  if (error.name !== name) hidden('name', name);
  return error;
}

function classNamesOf(error: Error): string[] {
  const names: string[] = [];
  for (let prototype = Object.getPrototypeOf(error); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const name: unknown = prototype.constructor?.name;
    if (typeof name === 'string') names.push(name);
  }
  return names;
}

function encodeValue(thrown: unknown): EncodedError {
  return culprit(thrown) === undefined
    ? { kind: 'value', value: thrown }
    : { kind: 'text', text: `A value was thrown that cannot be sent between threads: ${described(thrown)}` };
}

function isDomException(value: unknown): value is DOMException {
  return typeof DOMException === 'function' && value instanceof DOMException;
}

/**
 * The part of a value that cannot be sent between threads, as a sentence: `result.rows[3].format is a function`; `undefined` if all of it can.
 *
 * @param name - what the whole value is called
 */
export function culprit(value: unknown, name = 'result'): string | undefined {
  if (canBeCloned(value)) return undefined;
  const seen = new Set<unknown>();
  let path = name;
  let part = value;
  for (;;) {
    seen.add(part);
    try {
      const inner = partsOf(part, path).find(({ value: one }) => !seen.has(one) && !canBeCloned(one));
      if (inner === undefined) return `${path} is ${kindOf(part)}`;
      path = inner.path;
      part = inner.value;
    } catch (error) {
      // A getter of it, or the proxy that it is.
      return `${path} throws as it is read: ${described(error)}`;
    }
  }
}

interface Part {
  readonly path: string;
  readonly value: unknown;
}

function partsOf(value: unknown, path: string): Part[] {
  if (typeof value !== 'object' || value === null) return [];
  if (value instanceof Map)
    return [...value].flatMap(([key, one]) => [
      { path: `${path}.get(${described(key)})`, value: one },
      { path: `a key of ${path}`, value: key },
    ]);
  if (value instanceof Set) return [...value].map((one) => ({ path: `a member of ${path}`, value: one }));
  return Object.keys(value).map((key) => ({ path: `${path}${step(value, key)}`, value: (value as Record<string, unknown>)[key] }));
}

function step(value: object, key: string): string {
  if (Array.isArray(value)) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  return `of a kind that cannot be copied (${Object.prototype.toString.call(value).slice('[object '.length, -1)})`;
}

function canBeCloned(value: unknown): boolean {
  const type = typeof value;
  if (type === 'function' || type === 'symbol') return false;
  if (type !== 'object' || value === null) return true;
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
