import v8 from 'node:v8';
import { emptyError } from './error-codec.js';
import { ErrorRecords, stackOf } from './error-record.js';
import { isStorable } from './value-hash.js';
import { bytesOf, valueKind, viewType } from './value-kind.js';

/**
 * A value as bytes, by the engine's own serializer, which keeps types, cycles and what is shared. It is told two things that it does not know: what is in an error,
 * and objects without a prototype. Both are kept aside, and the value has a placeholder in their stead.
 *
 * ```
 *   { at: 1, why: Error }  ─►  [shells: what classes they are of]  [{ at: 1, why: #0 }, records: what is in #0]
 * ```
 *
 * @param special - that there are such objects in it; `hashValue()` finds it out
 */
export function encodeValue(value: unknown, special: boolean): Uint8Array {
  const writer = new Writer();
  writer.writeHeader();
  writer.writeUint32(special ? 1 : 0);
  if (!special) {
    writer.writeValue(value);
    return writer.releaseBuffer();
  }
  const stand = new Stand(writer);
  const replaced = stand.replaced(value);
  const records = stand.records();
  writer.writeValue(stand.shells);
  writer.writeValue([replaced, records]);
  return writer.releaseBuffer();
}

/** The value again. What it is made of is its own: no part of it is a view of the bytes. */
export function decodeValue(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  reader.readHeader();
  if (reader.readUint32() === 0) return reader.readValue();
  const shells = reader.readValue() as Shell[];
  reader.special = shells.map((shell) =>
    shell === null ? Object.create(null) : emptyError(shell.classes, shell.name, shell.message),
  );
  const [value, records] = reader.readValue() as [unknown, SpecialRecord[]];
  for (const [index, record] of records.entries()) fill(reader.special[index]!, shells[index]!, record);
  return value;
}

/** What is known of a special object before it is filled: of an object without a prototype that it is one. */
type Shell = { readonly classes: readonly string[]; readonly name: string; readonly message: string } | null;

interface SpecialRecord {
  readonly stack: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

const PLACEHOLDER = 'special';
/** How views are told from each other in the bytes: by their place in this list, which may only grow at its end. */
const VIEW_TYPES = [
  PLACEHOLDER,
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

class Writer extends v8.Serializer {
  readonly indexByPlaceholder = new Map<object, number>();

  constructor() {
    super();
    (
      this as unknown as { _setTreatArrayBufferViewsAsHostObjects(value: boolean): void }
    )._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /** The engine asks for this by name, for each view of a buffer. */
  _writeHostObject(view: ArrayBufferView): void {
    const index = this.indexByPlaceholder.get(view);
    if (index !== undefined) {
      this.writeUint32(0);
      this.writeUint32(index);
      return;
    }
    const bytes = bytesOf(view);
    this.writeUint32(VIEW_TYPES.indexOf(viewType(view)));
    this.writeUint32(Math.floor(bytes.length / 2 ** 32));
    this.writeUint32(bytes.length % 2 ** 32);
    this.writeRawBytes(bytes);
  }
}

class Reader extends v8.Deserializer {
  special: object[] = [];

  /** The engine asks for this by name, where a view of a buffer was written. */
  _readHostObject(): unknown {
    const type = VIEW_TYPES[this.readUint32()];
    if (type === PLACEHOLDER) return this.special[this.readUint32()];
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

/** Takes a copy of a value in which placeholders stand for what the engine does not copy as it is. */
class Stand {
  readonly shells: Shell[] = [];
  readonly #writer: Writer;
  readonly #errors = new ErrorRecords(isStorable);
  readonly #special: object[] = [];
  readonly #replacementByObject = new Map<object, object>();

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  replaced(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#replacementByObject.get(value);
    if (known !== undefined) return known;
    switch (valueKind(value)) {
      case 'plain':
        return this.#filled(value, {}, value as Record<string, unknown>);
      case 'array': {
        const copy: unknown[] = new Array((value as unknown[]).length);
        return this.#filled(value, copy, value as unknown as Record<string, unknown>);
      }
      case 'map': {
        const copy = this.#remembered(value, new Map<unknown, unknown>());
        for (const [key, one] of value as Map<unknown, unknown>) copy.set(this.replaced(key), this.replaced(one));
        return copy;
      }
      case 'set': {
        const copy = this.#remembered(value, new Set<unknown>());
        for (const one of value as Set<unknown>) copy.add(this.replaced(one));
        return copy;
      }
      case 'error':
      case 'null-prototype':
        return this.#placeholder(value);
      default:
        return value;
    }
  }

  /** What is in the special objects. To fill one may bring up others, which get their turn. */
  records(): SpecialRecord[] {
    const records: SpecialRecord[] = [];
    for (let index = 0; index < this.#special.length; index++) {
      const object = this.#special[index]!;
      const isError = this.shells[index] !== null;
      const data = isError ? this.#errors.of(object as Error).data : (object as Record<string, unknown>);
      const stack = isError ? stackOf(object as Error) : undefined;
      records.push({ stack, data: copyOf({}, data, (value) => this.replaced(value)) as Record<string, unknown> });
    }
    return records;
  }

  #placeholder(object: object): object {
    const placeholder = this.#remembered(object, new Uint8Array(0));
    this.#writer.indexByPlaceholder.set(placeholder, this.#special.length);
    this.#special.push(object);
    if (valueKind(object) === 'error') {
      const { classes, name, message } = this.#errors.of(object as Error);
      this.shells.push({ classes, name, message });
    } else this.shells.push(null);
    return placeholder;
  }

  #filled(object: object, copy: object, parts: Readonly<Record<string, unknown>>): object {
    return copyOf(this.#remembered(object, copy), parts, (value) => this.replaced(value));
  }

  #remembered<T extends object>(object: object, replacement: T): T {
    this.#replacementByObject.set(object, replacement);
    return replacement;
  }
}

function fill(object: object, shell: Shell, { stack, data }: SpecialRecord): void {
  if (shell === null) {
    copyOf(object, data, (value) => value);
    return;
  }
  // A DOMException was made with all that it has.
  if (shell.classes[0] === 'DOMException') return;
  const hidden = (key: string, value: unknown) =>
    Object.defineProperty(object, key, { value, writable: true, configurable: true, enumerable: false });
  hidden('message', shell.message);
  hidden('stack', stack ?? `${shell.name}: ${shell.message}`);
  const { cause, errors, ...own } = data;
  if (Object.hasOwn(data, 'cause')) hidden('cause', cause);
  if (Object.hasOwn(data, 'errors')) hidden('errors', errors);
  copyOf(object, own, (value) => value);
  if ((object as Error).name !== shell.name) hidden('name', shell.name);
}

/** Sets each property, even `__proto__`, as one of its own. */
function copyOf(
  target: object,
  source: Readonly<Record<string, unknown>>,
  copied: (value: unknown) => unknown,
): object {
  for (const key of Object.keys(source)) {
    Object.defineProperty(target, key, {
      value: copied(source[key]),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return target;
}
