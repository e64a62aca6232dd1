import { types } from 'node:util';

/*
 * Looking at values that may be anything, without running any of their code: no getter, no method, no trap of a proxy. Each function takes what is no proxy, unless
 * it says otherwise.
 */

const CHAIN_MAX = 50;
const CLASS_NAME_LENGTH_MAX = 60;
const STACK_GETTER = Object.getOwnPropertyDescriptor(new Error(), 'stack')?.get;
const DOM_EXCEPTION: object | undefined = typeof DOMException === 'function' ? DOMException.prototype : undefined;

/** A property that is a plain value, its own or inherited; `undefined` if it is a getter or not there. */
function dataOf(object: object, key: string): unknown {
  let holder: object | null = object;
  for (let level = 0; holder !== null && level < CHAIN_MAX; level++) {
    if (types.isProxy(holder)) return undefined;
    const property = Object.getOwnPropertyDescriptor(holder, key);
    if (property !== undefined) return property.value;
    holder = Object.getPrototypeOf(holder) as object | null;
  }
  return undefined;
}

/** A property of its own that is a plain value; `undefined` if it is a getter or not there. */
export function ownDataOf(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

/** The name of the class that an object is of; `undefined` if it has none. */
export function classNameOf(object: object): string | undefined {
  const made: unknown = dataOf(object, 'constructor');
  if (typeof made !== 'function' || types.isProxy(made)) return undefined;
  const name = ownDataOf(made, 'name');
  return typeof name === 'string' && name !== '' ? name.slice(0, CLASS_NAME_LENGTH_MAX) : undefined;
}

/** Whether it is an error of any realm, or inherits from one. Takes anything. */
export function isError(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  if (types.isNativeError(value)) return true;
  let holder = Object.getPrototypeOf(value) as object | null;
  for (let level = 0; holder !== null && level < CHAIN_MAX; level++) {
    if (holder === Error.prototype) return true;
    if (types.isProxy(holder)) return false;
    holder = Object.getPrototypeOf(holder) as object | null;
  }
  return false;
}

/** What kind of error it is: the name of its class, or the one that it bears if its class says nothing. */
export function errorType(error: object): string {
  const className = classNameOf(error);
  if (className !== undefined && className !== 'Error' && className !== 'DOMException') return className;
  const name = textOf(error, 'name');
  return name === undefined || name === '' ? (className ?? 'Error') : name.slice(0, CLASS_NAME_LENGTH_MAX);
}

/** What an error says. */
export function errorMessage(error: object): string {
  return textOf(error, 'message') ?? '(its message is not plain text)';
}

/** The calls that led to an error, one to a line, without what it says. `''` if they are not known. */
export function stackFrames(error: object): string {
  let stack: unknown;
  try {
    // The engine writes the stack when it is first looked at; whoever has a hook for that may get it wrong.
    const property = Object.getOwnPropertyDescriptor(error, 'stack');
    // Some engines keep it behind a getter of their own, the same for all errors.
    const isEngines = property?.get !== undefined && property.get === STACK_GETTER;
    stack = isEngines ? property.get!.call(error) : property?.value;
  } catch {
    return '';
  }
  if (typeof stack !== 'string') return '';
  // A message of several lines may itself look like a call.
  const message = errorMessage(error);
  const behind = message === '' ? -1 : stack.indexOf(message);
  const rest = behind < 0 ? stack : stack.slice(behind + message.length);
  const first = rest.search(/^[ \t]+at /m);
  return first < 0 ? '' : rest.slice(first).replace(/^[ \t]+/gm, '');
}

function textOf(error: object, key: 'name' | 'message'): string | undefined {
  const isDomException = DOM_EXCEPTION !== undefined && Object.getPrototypeOf(error) === DOM_EXCEPTION;
  if (isDomException && !Object.hasOwn(error, key)) {
    try {
      const value: unknown = Object.getOwnPropertyDescriptor(DOM_EXCEPTION, key)!.get!.call(error);
      return typeof value === 'string' ? value : undefined;
    } catch {
      // Not one, for all that it says.
      return undefined;
    }
  }
  const value = dataOf(error, key);
  return typeof value === 'string' ? value : undefined;
}
