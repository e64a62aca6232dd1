import v8 from 'node:v8';
import { described, UncarriableError } from '../errors.js';
import { type Packed, packFor, unpack } from './crossing.js';
import { emptyError } from './error-classes.js';
import { fillError, insteadOf, put } from './error-record.js';

/*
 *   header of the engine's serializer │ form (4 bytes) │ what it has written
 *
 *   0  the value
 *   1  shells and records: written by earlier versions
 *   2  the value packed, since something in it is special
 */
const PLAIN = 0;
const RECORDS = 1;
const PACKED = 2;

/**
 * A value as bytes, with types, circles, what is shared, and the errors in it.
 *
 * @param name - what the value is called where a part of it is named
 * @throws {@link UncarriableError} when a part of it cannot cross
 *
 * @example
 * import { decodeValue, encodeValue } from 'taskmap-ts/codec';
 *
 * const bytes = encodeValue({ at: new Date(0), why: new RangeError('too far', { cause: 7 }) });
 * const { at, why } = decodeValue(bytes) as { at: Date; why: RangeError };
 * at; // => new Date(0)
 * why.cause; // => 7
 */
export function encodeValue(value: unknown, name = 'value'): Uint8Array {
  return encodePacked(value, packFor('bytes', value, name), name);
}

/**
 * The same of a value that has been looked over. The buffer of the bytes is theirs alone: it can be moved to a thread.
 *
 * @param packed - the value packed, if something in it is special
 */
export function encodePacked(value: unknown, packed: Packed | undefined, name: string): Uint8Array<ArrayBuffer> {
  const writer = new v8.Serializer();
  writer.writeHeader();
  writer.writeUint32(packed === undefined ? PLAIN : PACKED);
  try {
    writer.writeValue(packed ?? value);
    return writer.releaseBuffer();
  } catch (error) {
    // Too little stack left, or too long for a buffer.
    throw new UncarriableError(`${name} cannot be written as bytes: ${described(error)}`);
  }
}

/**
 * What a task threw, as bytes that `decodeValue()` reads. It is written in any case: what cannot cross becomes an error
 * that describes it.
 *
 * @example
 * import { decodeValue, encodeThrown } from 'taskmap-ts/codec';
 *
 * decodeValue(encodeThrown(new RangeError('too far'))); // => new RangeError('too far')
 * decodeValue(encodeThrown(Symbol('tea'))); // => new Error('A value was thrown that cannot be carried: Symbol(tea)')
 */
export function encodeThrown(thrown: unknown): Uint8Array {
  try {
    return encodeValue(thrown);
  } catch {
    return encodeValue(insteadOf(thrown));
  }
}

/**
 * The value again. What it is made of is its own: no part of it is a view of the bytes. Take bytes only from where you
 * trust: the engine's reader, which makes the value, is not made for hostile ones.
 *
 * @throws Error when these are not the bytes of a value, or this version of Node.js does not know what is in it
 */
export function decodeValue(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  reader.readHeader();
  const form = reader.readUint32();
  switch (form) {
    case PLAIN:
      return reader.readValue();
    case RECORDS:
      return reader.readRecords();
    case PACKED:
      return unpack(reader.readValue() as Packed);
    default:
      throw new TypeError(`These bytes were written by a newer version of taskmap (form ${form}).`);
  }
}

/** What is known of a special object before it is filled: of an object without a prototype that it is one. */
type Shell = { readonly classes: readonly string[]; readonly name: string; readonly message: string } | null;

interface ShellRecord {
  readonly stack: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

const SPECIAL = 'special';
/** How earlier versions told views from each other in the bytes: by their position in this list. */
const VIEW_TYPES = [
  SPECIAL,
  'Buffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
];

class Reader extends v8.Deserializer {
  #special: object[] = [];

  /**
   * What earlier versions wrote of a value with special objects in it: placeholders in it, and apart from it what
   * belongs there.
   */
  readRecords(): unknown {
    const shells = this.readValue() as Shell[];
    this.#special = shells.map((shell) =>
      shell === null ? Object.create(null) : emptyError(shell.classes, shell.name, shell.message),
    );
    const [value, records] = this.readValue() as [unknown, ShellRecord[]];
    for (const [index, { stack, data }] of records.entries()) {
      const shell = shells[index]!;
      const object = this.#special[index]!;
      if (shell === null) for (const [key, one] of Object.entries(data)) put(object, key, one);
      else fillError(object as Error, { ...shell, stack, listed: [] }, data);
    }
    return value;
  }

  /** The engine asks for this by name, where earlier versions wrote a view of a buffer, or a placeholder. */
  _readHostObject(): unknown {
    const type = VIEW_TYPES[this.readUint32()];
    if (type === SPECIAL) return this.#special[this.readUint32()];
    const length = this.readUint32() * 2 ** 32 + this.readUint32();
    // Copied to a buffer of its own size, because those who get it may change it, or look at all of its buffer.
    const { buffer } = new Uint8Array(this.readRawBytes(length));
    if (type === 'Buffer') return Buffer.from(buffer);
    const known = (globalThis as unknown as Record<string, (new (buffer: ArrayBufferLike) => unknown) | undefined>)[
      type ?? ''
    ];
    if (known === undefined) throw new TypeError(`This version of Node.js has no ${type}.`);
    return new known(buffer);
  }
}
