import { types } from 'node:util';
import { described, UncarriableError } from '../errors.js';
import { type ErrorRecord, insteadOf, put, readError } from './error-record.js';
import { pathOf, type Step } from './path.js';
import { mayHaveNames, objectKind, type Refused, showsAll } from './value-kind.js';

/**
 * What a value is to cross: from thread to thread, where the engine carries some things that it cannot write, or as
 * bytes.
 */
export type Border = 'thread' | 'bytes';

/** What one look over a value finds. */
export interface Surveyed {
  /** There is something in it that the engine's clone would change. */
  readonly special: boolean;
  /** There is something in it that crosses to a thread, and cannot be written as bytes. */
  readonly threadOnly: boolean;
  /** No object stands in two places, and there are no errors, whose causes may be many. */
  readonly isTree: boolean;
  /** How many values there are in it, itself included: an object in each place that holds it. */
  readonly count: number;
  /** What is kept of each error in it. */
  readonly records: ReadonlyMap<Error, ErrorRecord>;
}

/**
 * How deep a value may be nested. A thread, whose stack is larger, writes some 15 000 levels, of which the main thread
 * reads 1 900. The other half of its stack may be in use.
 */
export const DEPTH_MAX = 1_000;
export const TOO_DEEP: string = `is nested more than ${DEPTH_MAX} levels deep: keep such a structure in a flat list`;
const NONE: readonly ArrayBufferLike[] = [];
/** What a file has of its own. */
const FILE_KEYS: ReadonlySet<string> = new Set(['name', 'path', 'restore']);
const NO_RECORDS: ReadonlyMap<Error, ErrorRecord> = new Map();

/**
 * Looks whether a value can cross as what it is. Here and in {@link objectKind} are the rules of all borders.
 *
 * @param name - what the value is called where a part of it is named
 * @param moved - buffers that are moved along, not copied
 * @throws {@link UncarriableError} when a part of it cannot
 */
export function survey(
  value: unknown,
  border: Border,
  name: string,
  moved: readonly ArrayBufferLike[] = NONE,
): Surveyed {
  return new Survey(border, moved).over(value, name);
}

/** Why a value cannot cross, and the way to the part that cannot, from the inside out. */
class Refusal extends Error {
  readonly steps: Step[] = [];
  readonly isOfDepth: boolean;

  constructor(why: string, isOfDepth = false) {
    super(why);
    this.isOfDepth = isOfDepth;
  }

  /** What was thrown as a part was read or visited, as a refusal. */
  static of(thrown: unknown): Refusal {
    if (thrown instanceof Refusal) return thrown;
    if (thrown instanceof RangeError && /call stack/i.test(thrown.message))
      return new Refusal('is nested too deep for what is left of the stack', true);
    return new Refusal(`throws as it is read: ${described(thrown)}`);
  }

  at(object: object, what: Step['what'], key?: unknown): Refusal {
    this.steps.unshift({ object, what, key });
    return this;
  }
}

/*
 * The parts of a value are visited in the order in which the engine writes them, so that each is found as deep as it
 * will be written. Errors wait until the rest has been seen, and then are looked into one by one: a chain of causes is
 * not deep.
 */
class Survey {
  readonly #border: Border;
  readonly #moved: readonly ArrayBufferLike[];
  readonly #seen = new Set<object>();
  readonly #errors: Error[] = [];
  /** What has been seen since the part of an error was begun that may yet turn out not to cross. */
  #tried: object[] | undefined;
  #special = false;
  #repeats = false;
  #threadOnly = false;
  #count = 0;

  constructor(border: Border, moved: readonly ArrayBufferLike[]) {
    this.#border = border;
    this.#moved = moved;
  }

  over(value: unknown, name: string): Surveyed {
    try {
      this.#visit(value, 0);
    } catch (thrown) {
      const { message, steps, isOfDepth } = Refusal.of(thrown);
      throw new UncarriableError(`${isOfDepth ? name : pathOf(name, steps)} ${message}`);
    }
    const records = this.#errors.length === 0 ? NO_RECORDS : this.#read();
    const isTree = !this.#repeats && records === NO_RECORDS;
    return { special: this.#special, threadOnly: this.#threadOnly, isTree, count: this.#count, records };
  }

  /** To read one may bring up others, which get their turn. */
  #read(): ReadonlyMap<Error, ErrorRecord> {
    const records = new Map<Error, ErrorRecord>();
    for (const error of this.#errors) records.set(error, this.#kept(readError(error)));
    return records;
  }

  #visit(value: unknown, depth: number): void {
    this.#count++;
    if (typeof value === 'object') {
      if (value === null) return;
      if (this.#seen.has(value)) this.#repeats = true;
      else this.#object(value, depth);
    } else if (typeof value === 'function' || typeof value === 'symbol') throw new Refusal(`is a ${typeof value}`);
  }

  #object(object: object, depth: number): void {
    if (depth >= DEPTH_MAX) throw new Refusal(TOO_DEEP, true);
    this.#seen.add(object);
    this.#tried?.push(object);
    const kind = objectKind(object);
    switch (kind) {
      case 'null-prototype':
        this.#special = true;
        this.#named(object, Object.keys(object), 0, depth);
        break;
      case 'plain':
        this.#named(object, Object.keys(object), 0, depth);
        break;
      case 'array':
        this.#array(object as unknown[], depth);
        break;
      case 'map':
        this.#checkBare(object, 'a Map');
        this.#map(object as Map<unknown, unknown>, depth);
        break;
      case 'set':
        this.#checkBare(object, 'a Set');
        this.#set(object as Set<unknown>, depth);
        break;
      case 'error':
        this.#special = true;
        this.#errors.push(object as Error);
        return;
      case 'view':
        this.#view(object as ArrayBufferView);
        return;
      case 'file':
        this.#special = true;
        this.#checkFile(object);
        break;
      case 'boxed':
        if (!types.isStringObject(object)) this.#checkBare(object, 'a boxed primitive');
        break;
      case 'buffer':
        this.#checkBare(object, 'an ArrayBuffer');
        break;
      case 'date':
        this.#checkBare(object, 'a Date');
        break;
      case 'regexp':
        this.#checkBare(object, 'a RegExp');
        break;
      default:
        this.#refused(object, kind);
        return;
    }
    const symbols = Object.getOwnPropertySymbols(object);
    if (symbols.length > 0) throw new Refusal(`has a property named by a symbol, ${String(symbols[0])}`);
  }

  #named(object: object, keys: readonly string[], first: number, depth: number): void {
    let at = first;
    try {
      for (; at < keys.length; at++) this.#visit((object as Record<string, unknown>)[keys[at]!], depth + 1);
    } catch (thrown) {
      throw Refusal.of(thrown).at(object, 'named', keys[at]);
    }
  }

  #array(array: readonly unknown[], depth: number): void {
    const { length } = array;
    let at = 0;
    try {
      for (; at < length; at++) {
        const value = array[at];
        if (value === undefined && !Object.hasOwn(array, at)) break;
        this.#visit(value, depth + 1);
      }
    } catch (thrown) {
      throw Refusal.of(thrown).at(array, 'named', at);
    }
    // Up to a hole, the keys are the numbers that have been visited.
    if (at < length || mayHaveNames(array)) this.#named(array, Object.keys(array), at, depth);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    for (const [key, value] of map) {
      try {
        this.#visit(key, depth + 1);
      } catch (thrown) {
        throw Refusal.of(thrown).at(map, 'key');
      }
      try {
        this.#visit(value, depth + 1);
      } catch (thrown) {
        throw Refusal.of(thrown).at(map, 'value', key);
      }
    }
  }

  #set(set: ReadonlySet<unknown>, depth: number): void {
    try {
      for (const one of set) this.#visit(one, depth + 1);
    } catch (thrown) {
      throw Refusal.of(thrown).at(set, 'member');
    }
  }

  #view(view: ArrayBufferView): void {
    if (Buffer.isBuffer(view) || !showsAll(view, this.#moved)) this.#special = true;
  }

  #refused(object: object, { refused, crossesThreads }: Refused): void {
    if (!crossesThreads || this.#border !== 'thread') throw new Refusal(`is ${refused}`);
    this.#threadOnly = true;
    if (ArrayBuffer.isView(object)) this.#view(object);
  }

  #checkFile(object: object): void {
    const added = Object.keys(object).find((key) => !FILE_KEYS.has(key));
    if (added !== undefined)
      throw new Refusal(`has a property ${JSON.stringify(added)}, which a file loses where it is copied`);
  }

  #checkBare(object: object, what: string): void {
    const [key] = Object.keys(object);
    if (key !== undefined)
      throw new Refusal(`has a property ${JSON.stringify(key)}, which ${what} loses where it is copied`);
  }

  /**
   * An error crosses whatever it holds: data that cannot is left out, and a cause that cannot becomes an error that
   * describes it.
   */
  #kept(record: ErrorRecord): ErrorRecord {
    const data: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(record.data)) {
      if (key === 'cause') data[key] = this.#orDescription(value);
      else if (key === 'errors' && Array.isArray(value) && !types.isProxy(value))
        data[key] = value.map((one) => this.#orDescription(one));
      else if (this.#canCross(value)) put(data, key, value);
    }
    return { ...record, data };
  }

  #orDescription(value: unknown): unknown {
    if (this.#canCross(value)) return value;
    const description = insteadOf(value);
    this.#errors.push(description);
    return description;
  }

  /** What has been seen in a value that cannot counts as not seen: it may lead to what cannot cross. */
  #canCross(value: unknown): boolean {
    const errorCount = this.#errors.length;
    const tried: object[] = [];
    this.#tried = tried;
    try {
      this.#visit(value, 0);
      return true;
    } catch {
      for (const object of tried) this.#seen.delete(object);
      this.#errors.length = errorCount;
      return false;
    }
  }
}
