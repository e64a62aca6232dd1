import * as errors from '../errors.js';
import { described } from '../errors.js';
import { culprit } from './culprit.js';

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

/** What errors of classes that are not known here are where they come from: they may go on to where they are known. */
const CLASSES_ELSEWHERE = new WeakMap<Error, readonly string[]>();
const CAUSES_MAX = 16;
const DOM_EXCEPTION = 'DOMException';
const KNOWN_ERRORS = new Map<string, ErrorClass>();
for (const known of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError])
  KNOWN_ERRORS.set(known.name, known);
for (const [name, known] of Object.entries(errors))
  if (typeof known === 'function' && known.prototype instanceof Error)
    KNOWN_ERRORS.set(name, known as unknown as ErrorClass);

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
      if (!['name', 'message', 'stack', 'cause', 'errors'].includes(key) && culprit(value) === undefined)
        own[key] = value;
    }
    return {
      kind: 'error',
      error: {
        classes: classNamesOf(thrown),
        name: String(thrown.name),
        message: String(thrown.message),
        stack: typeof thrown.stack === 'string' ? thrown.stack : undefined,
        cause:
          Object.hasOwn(thrown, 'cause') && !below.includes(thrown.cause)
            ? encodeError(thrown.cause, below)
            : undefined,
        errors: Array.isArray(errors)
          ? errors.filter((error) => !below.includes(error)).map((error) => encodeError(error, below))
          : undefined,
        own,
      },
    };
  } catch (error) {
    return { kind: 'text', text: `An error that could not be sent: ${described(error)}` };
  }
}

/** @param calledFrom - lines to go below the error's own stack: where on this side the work was asked for */
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

function decodeErrorObject(
  { classes, name, message, stack, cause, errors, own }: EncodedErrorObject,
  calledFrom: string,
): unknown {
  const error = emptyError(classes, name, message);
  const hidden = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
  hidden('stack', `${stack ?? `${name}: ${message}`}${calledFrom}`);
  if (classes[0] === DOM_EXCEPTION) return error;
  hidden('message', message);
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

/** An error of the nearest class that is known, with nothing in it yet; a DOMException, which cannot be filled later, with all it has. */
export function emptyError(classes: readonly string[], name: string, message: string): Error {
  if (classes[0] === DOM_EXCEPTION) return new DOMException(message, name);
  const nearest = classes.find((one) => KNOWN_ERRORS.has(one)) ?? 'Error';
  // Born an Error, so that the engine takes it for one: an object that only inherits from Error is copied like any other, without its message.
  const error: Error = Object.setPrototypeOf(new Error(message), KNOWN_ERRORS.get(nearest)!.prototype);
  if (classes[0] !== nearest) CLASSES_ELSEWHERE.set(error, classes);
  return error;
}

/** The most special first. */
export function classNamesOf(error: Error): readonly string[] {
  const elsewhere = CLASSES_ELSEWHERE.get(error);
  if (elsewhere !== undefined) return elsewhere;
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
    : { kind: 'text', text: `A value was thrown that cannot be sent: ${described(thrown)}` };
}

export function isDomException(value: unknown): value is DOMException {
  return typeof DOMException === 'function' && value instanceof DOMException;
}
