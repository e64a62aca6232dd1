import * as errors from '../errors.js';

type ErrorClass = abstract new (...args: never) => Error;

/** What all copies of this module in a process share. */
interface Registry {
  /** By name, those that programs have registered. */
  readonly classes: Map<string, ErrorClass>;
  /**
   * What errors of classes that are not known here are where they come from: they may go on to where they are known.
   */
  readonly namesByError: WeakMap<Error, readonly string[]>;
}

/** Under a name that every copy of this module finds, should a program have loaded two. */
const REGISTRY = Symbol.for('taskmap.errors');
const shared = globalThis as { [REGISTRY]?: Registry };
shared[REGISTRY] ??= { classes: new Map(), namesByError: new WeakMap() };
const { classes: registered, namesByError } = shared[REGISTRY];

const DOM_EXCEPTION = 'DOMException';
const known = new Map<string, ErrorClass>();
for (const one of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError])
  known.set(one.name, one);
for (const [name, one] of Object.entries(errors))
  if (typeof one === 'function' && one.prototype instanceof Error) known.set(name, one as unknown as ErrorClass);

/**
 * Makes errors of these classes arrive from worker threads, stores and queues as what they are. Others arrive as the
 * nearest built-in class, with the name, message, stack, cause and data that they had. Classes are told apart by their
 * names; of two with one name the last counts.
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
  for (const one of classes) registered.set(one.name, one);
}

/**
 * An error of the nearest class that is known, with nothing in it yet; a DOMException, which cannot be filled later,
 * with its name and message.
 */
export function emptyError(classes: readonly string[], name: string, message: string): Error {
  if (classes[0] === DOM_EXCEPTION) return withoutStack(() => new DOMException(message, name));
  const nearest = classes.find((one) => classOf(one) !== undefined) ?? 'Error';
  // Born an Error, so that the engine takes it for one: an object that only inherits from Error is copied like any
  // other, without its message.
  const error: Error = withoutStack(() => new Error(message));
  Object.setPrototypeOf(error, classOf(nearest)!.prototype);
  if (classes[0] !== nearest) namesByError.set(error, classes);
  return error;
}

/**
 * It will be given the stack of the error that it stands for. To write one of its own takes longer than all the rest.
 */
function withoutStack<E>(make: () => E): E {
  const { stackTraceLimit } = Error;
  // No assignment: where the language's own objects are frozen, that throws.
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return make();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

function classOf(name: string): ErrorClass | undefined {
  return registered.get(name) ?? known.get(name);
}

/** The most special first. */
export function classNamesOf(error: Error): readonly string[] {
  const elsewhere = namesByError.get(error);
  if (elsewhere !== undefined) return elsewhere;
  const names: string[] = [];
  for (let prototype = Object.getPrototypeOf(error); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const name: unknown = prototype.constructor?.name;
    if (typeof name === 'string') names.push(name);
  }
  return names;
}

export function isDomException(value: unknown): value is DOMException {
  return typeof DOMException === 'function' && value instanceof DOMException;
}
