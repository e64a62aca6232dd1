import { described } from '../errors.js';
import { classNamesOf, isDomException } from './error-classes.js';

/** What is kept of an error. Its parts are values as they are in the program: errors among them are errors still. */
export interface ErrorRecord {
  /** The names of its classes, the most special first. */
  readonly classes: readonly string[];
  readonly name: string;
  readonly message: string;
  /** What else it holds: `cause` and `errors`, if it has them, and its own data, but for what cannot cross. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Which of `name`, `cause` and `errors` are listed among its keys, as they are where a class declares them. */
  readonly listed: readonly string[];
}

/** Of an error, all that can be read. A part that throws as it is read is lost, and no other. */
export function readError(error: Error): ErrorRecord {
  const keys = tried(() => Object.keys(error)) ?? [];
  const data: Record<string, unknown> = {};
  for (const key of new Set([...UNLISTED, ...keys])) {
    if (TEXTS.has(key) || !Object.hasOwn(error, key)) continue;
    const part = tried(() => ({ value: (error as unknown as Record<string, unknown>)[key] }));
    if (part !== undefined) put(data, key, part.value);
  }
  return {
    classes: isDomException(error) ? ['DOMException'] : (tried(() => classNamesOf(error)) ?? ['Error']),
    name: tried(() => String(error.name)) ?? 'Error',
    message: tried(() => String(error.message)) ?? 'The message of this error could not be read.',
    data,
    listed: ['name', ...UNLISTED].filter((key) => keys.includes(key)),
  };
}

/** Apart from the rest, because the engine writes it as it is first read, which takes longer than all the rest. */
export function stackOf(error: Error): string | undefined {
  return tried(() => (typeof error.stack === 'string' ? error.stack : undefined));
}

/** Gives an error that was made empty what it holds. */
export function fillError(
  error: Error,
  {
    name,
    message,
    stack,
    listed,
  }: Pick<ErrorRecord, 'name' | 'message' | 'listed'> & { readonly stack: string | undefined },
  data: Readonly<Record<string, unknown>>,
): void {
  const set = (key: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable });
  set('stack', stack ?? `${name}: ${message}`, false);
  // A DOMException has its name and message from its constructor.
  if (!isDomException(error)) {
    set('message', message, false);
    if (error.name !== name || listed.includes('name')) set('name', name, listed.includes('name'));
  }
  for (const [key, value] of Object.entries(data)) set(key, value, !UNLISTED.includes(key) || listed.includes(key));
}

/** What goes in the place of something that was thrown and cannot cross. */
export function insteadOf(thrown: unknown): Error {
  return new Error(`A value was thrown that cannot be carried: ${described(thrown)}`);
}

/** Sets a property of its own, whatever its name: `__proto__` as well. */
export function put(target: object, key: string | number, value: unknown): void {
  if (key in target)
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else (target as Record<string | number, unknown>)[key] = value;
}

const TEXTS = new Set(['name', 'message', 'stack']);
/** Parts that the language does not list among the keys of an error. */
const UNLISTED = ['cause', 'errors'];

function tried<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
