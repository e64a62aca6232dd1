import { types } from 'node:util';
import { described } from '../errors.js';
import { classNamesOf, isDomException } from './error-codec.js';

/** What is kept of an error. Its parts are values as they are in the program: errors among them are errors still. */
export interface ErrorRecord {
  /** The names of its classes, the most special first. */
  readonly classes: readonly string[];
  readonly name: string;
  readonly message: string;
  /** What else it holds: `cause` and `errors`, if it has them, and its own data, but for what cannot be kept. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Apart from the rest, because the engine writes it as it is first read, which takes longer than all the rest. */
export function stackOf(error: Error): string | undefined {
  try {
    return typeof error.stack === 'string' ? error.stack : undefined;
  } catch {
    return undefined;
  }
}

const TEXTS = new Set(['name', 'message', 'stack']);

/**
 * What is kept of each error of a value: made once for each, so that an error that comes round again is the same.
 *
 * An error is kept whatever it holds. Data of it that cannot be kept is left out; a cause that cannot be kept becomes an error that describes it.
 */
export class ErrorRecords {
  readonly #recordByError = new Map<object, ErrorRecord>();
  readonly #isStorable: (value: unknown, records: ErrorRecords) => boolean;
  #depth = 0;

  constructor(isStorable: (value: unknown, records: ErrorRecords) => boolean) {
    this.#isStorable = isStorable;
  }

  of(error: Error): ErrorRecord {
    const known = this.#recordByError.get(error);
    if (known !== undefined) return known;
    const data: Record<string, unknown> = {};
    let record: ErrorRecord;
    try {
      record = {
        classes: isDomException(error) ? ['DOMException'] : classNamesOf(error),
        name: String(error.name),
        message: String(error.message),
        data,
      };
    } catch (thrown) {
      record = {
        classes: ['Error'],
        name: 'Error',
        message: `An error that could not be read: ${described(thrown)}`,
        data,
      };
    }
    // Before its data is looked at, which may lead back to it.
    this.#recordByError.set(error, record);
    this.#depth++;
    try {
      if (!isDomException(error)) this.#collect(error, data);
    } catch {
      // A getter of it threw. What was read before is kept.
    }
    this.#depth--;
    return record;
  }

  #collect(error: Error, data: Record<string, unknown>): void {
    if (Object.hasOwn(error, 'cause')) data['cause'] = this.#orDescription(error.cause);
    const errors: unknown = Object.hasOwn(error, 'errors') ? (error as AggregateError).errors : undefined;
    if (Array.isArray(errors)) data['errors'] = Array.from(errors, (one) => this.#orDescription(one));
    for (const key of Object.keys(error)) {
      if (TEXTS.has(key) || Object.hasOwn(data, key)) continue;
      const value = (error as unknown as Record<string, unknown>)[key];
      if (this.#canKeep(value))
        Object.defineProperty(data, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }

  #orDescription(value: unknown): unknown {
    return this.#canKeep(value) ? value : new Error(`A value that cannot be kept: ${described(value)}`);
  }

  #canKeep(value: unknown): boolean {
    // An error can be kept in any case. What it holds is looked at when its turn comes, so that a long chain of causes is no deep recursion.
    if (typeof value !== 'object' || value === null || (!types.isProxy(value) && value instanceof Error))
      return !['function', 'symbol'].includes(typeof value);
    return this.#depth < DEPTH_MAX && this.#isStorable(value, this);
  }
}

/** How deep errors may be nested in the data of errors. */
const DEPTH_MAX = 20;
