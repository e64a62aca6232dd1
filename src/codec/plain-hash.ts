import { type FileResult, isFileResult } from '../files/file-result.js';

/** As far as it is needed here of `node:crypto`, which is asked for and not imported: browsers have no such thing. */
interface Crypto {
  createHash(algorithm: string): { update(text: string, encoding: string): { digest(encoding: string): string } };
}

const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
const crypto = process?.getBuiltinModule?.('node:crypto') as Crypto | undefined;

/** How often objects may come again: a value that holds its parts many times over has far more parts than memory. */
const REPEATS_MAX = 100_000;

/**
 * The hash of what a value of plain data *is*, with nothing but what the language has: two equal values have the same,
 * in whatever order their keys were set, and no others. Where there is no `node:crypto`, it is the whole text of what
 * would be hashed.
 *
 * Plain data is what is made of primitives, arrays, plain objects, Maps, Sets, dates, regular expressions, bytes and
 * files.
 *
 * @returns `undefined` if a part of it is anything else, or is inside of itself: such a value equals no other
 */
export function plainHash(value: unknown): string | undefined {
  try {
    const { text } = new Writer(value);
    return crypto === undefined ? text : crypto.createHash('sha256').update(text, 'utf16le').digest('base64url');
  } catch {
    // It is too deep or too long, or reading it throws.
    return undefined;
  }
}

class NotPlain extends Error {}

/** Writes each part as a tag, then its length or count, then its parts: the text of no value begins that of another. */
class Writer {
  text = '';
  /** The objects that are being written. */
  readonly #around = new Set<object>();
  readonly #seen = new Set<object>();
  #repeats = 0;

  constructor(value: unknown) {
    this.#write(value);
  }

  #write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#put('s', value);
        return;
      case 'number':
        this.#put('n', Object.is(value, -0) ? '-0' : String(value));
        return;
      case 'bigint':
        this.#put('i', String(value));
        return;
      case 'boolean':
      case 'undefined':
        this.#put('c', String(value));
        return;
      case 'object':
        if (value === null) this.#put('c', 'null');
        else this.#object(value);
        return;
      default:
        throw new NotPlain();
    }
  }

  #put(tag: string, text: string): void {
    this.text += `${tag}${text.length}:${text}`;
  }

  #object(value: object): void {
    if (this.#around.has(value) || Object.getOwnPropertySymbols(value).length > 0) throw new NotPlain();
    if (this.#seen.has(value) && ++this.#repeats > REPEATS_MAX) throw new NotPlain();
    this.#seen.add(value);
    this.#around.add(value);
    if (ArrayBuffer.isView(value)) this.#bytes(className(value), value);
    else this.#whole(value);
    this.#around.delete(value);
  }

  #whole(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    switch (prototype) {
      case null:
      case Object.prototype:
        this.#named(prototype === null ? 'b' : 'o', value as Record<string, unknown>);
        return;
      case Array.prototype:
        this.#array(value as unknown[]);
        return;
      case Map.prototype:
        this.#bare('M', value, (value as Map<unknown, unknown>).size);
        for (const [key, one] of value as Map<unknown, unknown>) {
          this.#write(key);
          this.#write(one);
        }
        return;
      case Set.prototype:
        this.#bare('S', value, (value as Set<unknown>).size);
        for (const one of value as Set<unknown>) this.#write(one);
        return;
      case Date.prototype:
        this.#bare('D', value, (value as Date).getTime());
        return;
      case RegExp.prototype:
        this.#bare('R', value, (value as RegExp).lastIndex);
        this.#put('r', String(value));
        return;
      case ArrayBuffer.prototype:
        this.#bytes('ArrayBuffer', new Uint8Array(value as ArrayBuffer));
        return;
      default:
        this.#file(value);
    }
  }

  /** A file is its path and its content, once somebody has looked at it. */
  #file(value: object): void {
    const hash = isFileResult(value) ? value.hash : undefined;
    if (hash === undefined) throw new NotPlain();
    this.#put('f', (value as FileResult).path);
    this.#put('h', hash);
  }

  #named(tag: string, value: Readonly<Record<string, unknown>>): void {
    const keys = Object.keys(value).sort();
    this.#put(tag, String(keys.length));
    for (const key of keys) {
      this.#put('k', key);
      this.#write(value[key]);
    }
  }

  #array(value: readonly unknown[]): void {
    // Indices come first: if the last key is one, there are no others.
    const keys = Object.keys(value);
    const last = keys.at(-1);
    if (last !== undefined && !(Number(last) < value.length)) throw new NotPlain();
    this.#put('a', String(value.length));
    // Not hole by hole: it may be long, and nearly empty.
    const hasHoles = keys.length < value.length;
    for (const at of hasHoles ? keys : value.keys()) {
      if (hasHoles) this.#put('i', String(at));
      this.#write(value[at as number]);
    }
    if (hasHoles) this.#put('c', 'holes');
  }

  /** What has no names of its own. */
  #bare(tag: string, value: object, size: number): void {
    if (Object.keys(value).length > 0) throw new NotPlain();
    this.#put(tag, String(size));
  }

  #bytes(kind: string, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
    if (!(buffer instanceof ArrayBuffer)) throw new NotPlain();
    this.#put('v', kind);
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    let text = '';
    for (let at = 0; at < bytes.length; at += 0x2000) text += String.fromCharCode(...bytes.subarray(at, at + 0x2000));
    this.#put('y', text);
  }
}

/** Of a view: what its class is called. */
function className(view: ArrayBufferView): string {
  return (Object.getPrototypeOf(view) as { readonly constructor: { readonly name: string } }).constructor.name;
}
