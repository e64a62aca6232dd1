import { createHash, type Hash, hash } from 'node:crypto';
import { described, UncarriableError } from '../errors.js';
import type { FileResult } from '../files/file-result.js';
import type { ErrorRecord } from './error-record.js';
import { DEPTH_MAX, type Surveyed, survey } from './survey.js';
import { bytesOf, mayHaveNames, type Refused, type ValueKind, valueKind, viewType } from './value-kind.js';

/**
 * The hash of what a value *is*, however it came to be: SHA-256, as 43 characters. Equal values have the same hash, in
 * whatever order their keys were set, and values of different kinds never have. Two places that hold one object count
 * like two that hold equal ones. The stack of an error does not count.
 *
 * ```
 *   value ─► kind tag, then length or count, then the parts ─► SHA-256   prefix-free: no value's bytes begin another's
 *            a part that is being walked already ─► how many levels up it is
 * ```
 *
 * @param name - what the whole value is called where a part of it is named
 * @throws {@link UncarriableError} when a part of it cannot be kept, and so not compared with what was kept
 */
export function hashValue(value: unknown, name = 'result'): string {
  return hashSurveyed(value, survey(value, 'bytes', name), name);
}

/** The same of a value that has been looked over. */
export function hashSurveyed(value: unknown, { records, isTree }: Surveyed, name: string): string {
  try {
    return new Walk(records, 'tree', isTree).over(value);
  } catch (error) {
    if (error instanceof TooManyRepeats) return new Walk(records, 'graph', false).over(value);
    if (error instanceof UncarriableError) throw error;
    // Whatever was in it a moment ago.
    throw new UncarriableError(`${name} changes as it is read: ${described(error)}`);
  }
}

/** An object that is being walked. */
interface Frame {
  readonly object: object;
  /** The parts, in order, where they are not named: of an array itself, of a Map by turns its keys and values. */
  readonly parts: readonly unknown[] | undefined;
  /** The names of the parts of `named`. */
  readonly keys: readonly string[];
  readonly named: Readonly<Record<string, unknown>>;
  readonly count: number;
  /** How many parts have been begun. */
  begun: number;
}

class TooManyRepeats extends Error {}

/**
 * How many parts may be walked again because their object is held in several places, until places count instead: 2^60
 * of them fit into 60 small arrays.
 */
const REPEATED_MAX = 1_000_000;
const CHUNK = 2_000;
/** Texts up to this length are written letter by letter, which is quicker than to ask the engine. */
const SHORT = 32;
const LEFT = -1;
const NOTHING: Readonly<Record<string, unknown>> = {};

class Walk {
  /** Made when it is needed: most values fit into one chunk. */
  #hash: Hash | undefined;
  readonly #chunk: Buffer;
  readonly #view: DataView;
  readonly #records: ReadonlyMap<Error, ErrorRecord>;
  readonly #mode: 'tree' | 'graph';
  /** Each object is met once. */
  readonly #isTree: boolean;
  readonly #frames: Frame[] = [];
  /**
   * In a tree, at what depth an object is being walked, or that it has been left; in a graph, the how manieth object it
   * is.
   */
  readonly #placeByObject = new Map<object, number>();
  #filled = 0;
  #repeated = 0;

  constructor(records: ReadonlyMap<Error, ErrorRecord>, mode: 'tree' | 'graph', isTree: boolean) {
    this.#records = records;
    this.#mode = mode;
    this.#isTree = isTree;
    const { chunk, view } = spare ?? newChunk();
    // A getter may have another value hashed meanwhile.
    spare = undefined;
    this.#chunk = chunk;
    this.#view = view;
  }

  over(value: unknown): string {
    this.#tag(TAGS[this.#mode]);
    this.#visit(value);
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      if (frame.begun < frame.count) this.#visit(this.#next(frame));
      else this.#leave(frame);
    }
    const digest = this.#digest();
    spare = { chunk: this.#chunk, view: this.#view };
    return digest;
  }

  #digest(): string {
    if (this.#hash === undefined) return hash('sha256', this.#chunk.subarray(0, this.#filled), 'base64url');
    this.#flush();
    return this.#hash.digest('base64url');
  }

  #next(frame: Frame): unknown {
    const at = frame.begun++;
    if (frame.parts !== undefined) return frame.parts[at];
    const key = frame.keys[at]!;
    this.#text(key);
    return frame.named[key];
  }

  #leave(frame: Frame): void {
    this.#frames.pop();
    if (this.#mode === 'tree' && !this.#isTree) this.#placeByObject.set(frame.object, LEFT);
  }

  #visit(value: unknown): void {
    // What most values are made of, before the question of what kind it is.
    if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'number') this.#number(value);
    else {
      const kind = valueKind(value);
      if (typeof kind === 'object') throw new TypeError(`it holds ${kind.refused}`);
      if (typeof value === 'object' && value !== null) this.#object(value, kind);
      else this.#primitive(value);
    }
  }

  #primitive(value: unknown): void {
    if (typeof value === 'bigint') {
      this.#tag(TAGS.bigint);
      this.#text(value.toString(16));
    } else this.#tag(TAGS[String(value) as 'undefined' | 'null' | 'true' | 'false']);
  }

  #object(value: object, kind: Exclude<ValueKind, Refused>): void {
    switch (kind) {
      case 'plain':
      case 'null-prototype':
        this.#named(kind, value as Record<string, unknown>);
        break;
      case 'array':
        this.#array(value as unknown[]);
        break;
      case 'map':
        this.#enter(kind, value, [...(value as Map<unknown, unknown>)].flat());
        break;
      case 'set':
        this.#enter(kind, value, [...(value as Set<unknown>)]);
        break;
      case 'error':
        this.#error(value as Error);
        break;
      case 'view':
        this.#tag(TAGS[kind]);
        this.#text(viewType(value as ArrayBufferView));
        this.#bytes(value, bytesOf(value as ArrayBufferView));
        break;
      case 'buffer':
        this.#tag(TAGS[kind]);
        this.#bytes(value, new Uint8Array(value as ArrayBuffer));
        break;
      case 'file':
        this.#file(value as FileResult);
        break;
      default:
        this.#leaf(value, kind);
    }
  }

  /** An object without parts. */
  #leaf(value: object, kind: 'boxed' | 'date' | 'regexp' | Primitive): void {
    if (kind === 'date') {
      this.#tag(TAGS[kind]);
      this.#number((value as Date).getTime());
    } else if (kind === 'regexp') {
      this.#tag(TAGS[kind]);
      this.#text((value as RegExp).source);
      this.#text((value as RegExp).flags);
    } else {
      this.#tag(TAGS.boxed);
      this.#visit((value as { valueOf(): unknown }).valueOf());
    }
  }

  /** Whatever it is called and whenever it was written, a file is its path and its content. */
  #file({ path, hash }: FileResult): void {
    if (hash === undefined) throw new UncarriableError(`the file ${JSON.stringify(path)} in it has not been looked at`);
    this.#tag(TAGS.file);
    this.#text(path);
    this.#text(hash);
  }

  #array(array: unknown[]): void {
    const { length } = array;
    if (!mayHaveNames(array) && !array.includes(undefined)) {
      this.#enter('array', array, array);
      return;
    }
    const keys = Object.keys(array);
    // Indices come before names, in order: if the last of as many keys as there are places is that of the last place,
    // there is neither hole nor name.
    if (keys.length === length && (length === 0 || keys[length - 1] === String(length - 1))) {
      this.#enter('array', array, array);
      return;
    }
    if (this.#meets(array, keys.length)) return;
    this.#tag(TAGS.holes);
    this.#count(length);
    this.#count(keys.length);
    const named = array as unknown as Record<string, unknown>;
    this.#frames.push({ object: array, parts: undefined, keys, named, count: keys.length, begun: 0 });
  }

  #enter(kind: 'array' | 'map' | 'set', object: object, parts: readonly unknown[]): void {
    if (this.#meets(object, parts.length)) return;
    this.#tag(TAGS[kind]);
    this.#count(parts.length);
    this.#frames.push({ object, parts, keys: [], named: NOTHING, count: parts.length, begun: 0 });
  }

  #error(error: Error): void {
    const { classes, name, message, data } = this.#records.get(error)!;
    if (this.#meets(error, 1)) return;
    this.#tag(TAGS.error);
    this.#count(classes.length);
    for (const one of classes) this.#text(one);
    this.#text(name);
    this.#text(message);
    this.#pushNamed(error, data);
  }

  #named(kind: 'plain' | 'null-prototype', object: Readonly<Record<string, unknown>>): void {
    if (this.#meets(object, 1)) return;
    this.#tag(TAGS[kind]);
    this.#pushNamed(object, object);
  }

  #pushNamed(object: object, named: Readonly<Record<string, unknown>>): void {
    const keys = Object.keys(named);
    for (let at = 1; at < keys.length; at++) {
      if (keys[at - 1]! < keys[at]!) continue;
      keys.sort();
      break;
    }
    this.#count(keys.length);
    this.#frames.push({ object, parts: undefined, keys, named, count: keys.length, begun: 0 });
  }

  /**
   * Whether this object needs no walk, because one is under way (or, in a graph, has been made). Else it counts as
   * being walked from now on.
   */
  #meets(object: object, weight: number): boolean {
    if (this.#isTree) {
      // A getter may give now what it did not give before, and so a circle.
      if (this.#frames.length > DEPTH_MAX) throw new TypeError('it is nested deeper than it was');
      return false;
    }
    const place = this.#placeByObject.get(object);
    if (this.#mode === 'graph') {
      if (place === undefined) this.#placeByObject.set(object, this.#placeByObject.size);
      else this.#reference(place);
      return place !== undefined;
    }
    if (place !== undefined && place !== LEFT) {
      this.#reference(this.#frames.length - place);
      return true;
    }
    if (place === LEFT) this.#repeat(weight);
    this.#placeByObject.set(object, this.#frames.length);
    return false;
  }

  #repeat(weight: number): void {
    this.#repeated += 1 + weight;
    if (this.#repeated > REPEATED_MAX) throw new TooManyRepeats();
  }

  #reference(number: number): void {
    this.#tag(TAGS.reference);
    this.#count(number);
  }

  #bytes(object: object, bytes: Uint8Array): void {
    if (this.#mode === 'graph') {
      if (this.#meets(object, 0)) return;
    } else if (this.#isTree) {
      // It stands nowhere else.
    } else if (this.#placeByObject.has(object)) this.#repeat(bytes.length / 64);
    else this.#placeByObject.set(object, LEFT);
    this.#count(bytes.length);
    this.#flush();
    this.#hashed.update(bytes);
  }

  #text(text: string): void {
    if (text.length > SHORT || !this.#ascii(text)) this.#anyText(text);
  }

  /** @returns `false` if that is not what it is, and nothing was written */
  #ascii(text: string): boolean {
    const { length } = text;
    if (this.#filled + 9 + length > CHUNK) this.#flush();
    const chunk = this.#chunk;
    let at = this.#filled + 9;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      chunk[at++] = code;
    }
    this.#tag(TAGS.utf8);
    this.#count(length);
    this.#filled = at;
    return true;
  }

  #anyText(text: string): void {
    // UTF-8 knows no lone surrogates: two different ones would be the same bytes.
    const encoding = isWellFormed(text) ? 'utf8' : 'utf16le';
    this.#tag(TAGS[encoding]);
    this.#count(text.length);
    if (text.length * 3 > CHUNK - this.#filled) {
      this.#flush();
      if (text.length * 3 > CHUNK) {
        this.#hashed.update(text, encoding);
        return;
      }
    }
    this.#filled += this.#chunk.write(text, this.#filled, encoding);
  }

  #number(value: number): void {
    this.#tag(TAGS.number);
    this.#float(value);
  }

  #count(count: number): void {
    this.#float(count);
  }

  #float(value: number): void {
    if (this.#filled + 8 > CHUNK) this.#flush();
    // There are many NaNs in bits, and one in the language.
    if (Number.isNaN(value)) this.#chunk.set(NAN_BYTES, this.#filled);
    else this.#view.setFloat64(this.#filled, value, true);
    this.#filled += 8;
  }

  #tag(tag: number): void {
    if (this.#filled === CHUNK) this.#flush();
    this.#chunk[this.#filled++] = tag;
  }

  #flush(): void {
    if (this.#filled > 0) this.#hashed.update(this.#chunk.subarray(0, this.#filled));
    this.#filled = 0;
  }

  get #hashed(): Hash {
    this.#hash ??= createHash('sha256');
    return this.#hash;
  }
}

/** What was written into by the last walk, for the next one. */
let spare: { readonly chunk: Buffer; readonly view: DataView } | undefined;

function newChunk(): { readonly chunk: Buffer; readonly view: DataView } {
  const chunk = Buffer.alloc(CHUNK);
  return { chunk, view: new DataView(chunk.buffer, chunk.byteOffset, CHUNK) };
}

/**
 * One byte for each kind of what is hashed. They are part of every hash that was ever stored: a change makes all stored
 * outcomes count as changed.
 */
const TAGS = {
  tree: 1,
  graph: 2,
  undefined: 3,
  null: 4,
  true: 5,
  false: 6,
  number: 7,
  bigint: 8,
  utf8: 9,
  utf16le: 10,
  plain: 11,
  'null-prototype': 12,
  array: 13,
  holes: 14,
  map: 15,
  set: 16,
  error: 17,
  date: 18,
  regexp: 19,
  boxed: 20,
  buffer: 21,
  view: 22,
  reference: 23,
  file: 24,
} as const;
type Primitive = 'undefined' | 'boolean' | 'number' | 'string' | 'bigint' | 'null';

const NAN_BYTES = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f];

function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
