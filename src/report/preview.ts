import { types } from 'node:util';
import { classNameOf, errorMessage, errorType, isError, ownDataOf } from './safe-read.js';

/** How much of a value a preview shows. */
export interface PreviewLimits {
  /** The preview is no longer than this. */
  readonly charactersMax: number;
  /** Of an array, an object and so on, so many entries. */
  readonly entriesMax: number;
  /** What is nested deeper is left out. */
  readonly depthMax: number;
}

/** What a report shows of each result. */
export const PREVIEW_LIMITS: PreviewLimits = { charactersMax: 200, entriesMax: 20, depthMax: 3 };

/** Numbers beyond these limits would take long to write down. */
const BIGINT_MAX = 10n ** 60n;
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;
const typedArrayName = getterOf(TYPED_ARRAY, Symbol.toStringTag);
const typedArrayLength = getterOf(TYPED_ARRAY, 'length');
const mapSize = getterOf(Map.prototype, 'size');
const setSize = getterOf(Set.prototype, 'size');
const bufferLength = getterOf(ArrayBuffer.prototype, 'byteLength');
const sharedLength = getterOf(SharedArrayBuffer.prototype, 'byteLength');
const viewLength = getterOf(DataView.prototype, 'byteLength');
const regexpSource = getterOf(RegExp.prototype, 'source');
const REGEXP_FLAGS = Object.entries({
  d: 'hasIndices',
  g: 'global',
  i: 'ignoreCase',
  m: 'multiline',
  s: 'dotAll',
  u: 'unicode',
  v: 'unicodeSets',
  y: 'sticky',
}).flatMap(([flag, key]) =>
  Object.hasOwn(RegExp.prototype, key) ? [{ flag, isSet: getterOf(RegExp.prototype, key) }] : [],
);

/**
 * A value in one line for people, as one would write it: `{ rows: [1, 2, … 98 more], at: 2026-11-24T11:00:00.000Z }`. No code of the value is run, whatever it
 * is: no getter, no `toString`, no `toJSON`, no trap of a proxy.
 */
export function previewOf(value: unknown, limits: PreviewLimits = PREVIEW_LIMITS): string {
  const preview = new Preview(limits);
  try {
    preview.value(value, 0);
  } catch {
    // A binding of a module that is not there yet, for one. What was written so far is shown.
    preview.write('…');
  }
  return preview.text;
}

class Preview {
  readonly #limits: PreviewLimits;
  /** Objects that are being written: one that comes again within itself is not written again. */
  readonly #open = new Set<object>();
  #text = '';

  constructor(limits: PreviewLimits) {
    this.#limits = limits;
  }

  get text(): string {
    const { charactersMax } = this.#limits;
    if (this.#text.length <= charactersMax) return this.#text;
    // Not in the middle of a character.
    return `${this.#text.slice(0, Math.max(charactersMax - 1, 0)).replace(/[\ud800-\udbff]$/, '')}…`.slice(
      0,
      charactersMax,
    );
  }

  get #isFull(): boolean {
    return this.#text.length > this.#limits.charactersMax;
  }

  write(text: string): void {
    this.#text += text;
  }

  value(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) this.write(this.#primitive(value));
    else if (types.isProxy(value)) this.write('Proxy');
    else if (this.#open.has(value)) this.write('[circular]');
    else {
      this.#open.add(value);
      this.#object(value, depth);
      this.#open.delete(value);
    }
  }

  #primitive(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(this.#clipped(value));
      case 'bigint':
        return value > BIGINT_MAX || value < -BIGINT_MAX ? 'a bigint of more than 60 digits' : `${value}n`;
      case 'number':
        return Object.is(value, -0) ? '-0' : String(value);
      case 'symbol':
        return `Symbol(${this.#clipped(value.description ?? '')})`;
      case 'function':
        return this.#function(value);
      default:
        return String(value);
    }
  }

  #function(value: object): string {
    if (types.isProxy(value)) return 'Proxy';
    const name = ownDataOf(value, 'name');
    return typeof name === 'string' && name !== '' ? `function ${this.#clipped(name)}` : 'function';
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) this.#array(value, depth);
    else if (types.isTypedArray(value)) this.#typedArray(value, depth);
    else if (types.isMap(value)) this.#map(value, depth);
    else if (types.isSet(value)) this.#set(value, depth);
    else if (isError(value)) this.write(`${errorType(value)}: ${this.#clipped(errorMessage(value))}`);
    else if (types.isDate(value)) this.#date(value);
    else if (types.isRegExp(value)) this.#regexp(value);
    else if (types.isBoxedPrimitive(value)) this.write(`Object(${this.#primitive(unboxed(value))})`);
    else if (types.isSharedArrayBuffer(value)) this.write(`SharedArrayBuffer(${sharedLength.call(value)})`);
    else if (types.isArrayBuffer(value)) this.write(`ArrayBuffer(${bufferLength.call(value)})`);
    else if (types.isDataView(value)) this.write(`DataView(${viewLength.call(value)})`);
    else this.#properties(value, depth);
  }

  #array(value: readonly unknown[], depth: number): void {
    const length = ownDataOf(value, 'length') as number;
    this.#list('[', ']', length, depth, (index) =>
      this.#property(Object.getOwnPropertyDescriptor(value, index), depth, 'empty'),
    );
  }

  #typedArray(value: NodeJS.TypedArray, depth: number): void {
    const length = typedArrayLength.call(value) as number;
    const name = classNameOf(value) === 'Buffer' ? 'Buffer' : typedArrayName.call(value);
    this.#list(`${name}(${length}) [`, ']', length, depth, (index) => this.value(value[index], depth + 1));
  }

  #map(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    const size = mapSize.call(value) as number;
    const entries = Map.prototype.entries.call(value);
    this.#list(`Map(${size}) { `, ' }', size, depth, () => {
      const [key, one] = entries.next().value as [unknown, unknown];
      this.value(key, depth + 1);
      this.write(' => ');
      this.value(one, depth + 1);
    });
  }

  #set(value: ReadonlySet<unknown>, depth: number): void {
    const size = setSize.call(value) as number;
    const members = Set.prototype.values.call(value);
    this.#list(`Set(${size}) { `, ' }', size, depth, () => this.value(members.next().value, depth + 1));
  }

  #date(value: Date): void {
    const atMs = Date.prototype.getTime.call(value);
    this.write(Number.isNaN(atMs) ? 'Invalid Date' : Date.prototype.toISOString.call(value));
  }

  #regexp(value: RegExp): void {
    const flags = REGEXP_FLAGS.filter(({ isSet }) => isSet.call(value) === true).map(({ flag }) => flag);
    this.write(`/${this.#clipped(regexpSource.call(value) as string)}/${flags.join('')}`);
  }

  #properties(value: object, depth: number): void {
    const prototype = Object.getPrototypeOf(value) as object | null;
    const className = prototype === null || prototype === Object.prototype ? undefined : classNameOf(value);
    const keys = Object.keys(value);
    const name = className === undefined || className === 'Object' ? '' : `${className} `;
    this.#list(`${name}{ `, ' }', keys.length, depth, (index) => {
      const key = keys[index]!;
      this.write(
        /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,40}$/u.test(key)
          ? `${key}: `
          : `${JSON.stringify(this.#clipped(key))}: `,
      );
      this.#property(Object.getOwnPropertyDescriptor(value, key), depth, 'undefined');
    });
  }

  #property(property: PropertyDescriptor | undefined, depth: number, otherwise: string): void {
    if (property === undefined) this.write(otherwise);
    else if (property.get !== undefined || property.set !== undefined) this.write('[getter]');
    else this.value(property.value, depth + 1);
  }

  #list(open: string, close: string, count: number, depth: number, entry: (index: number) => void): void {
    if (count === 0 || depth >= this.#limits.depthMax)
      this.write(`${open.trimEnd()}${count === 0 ? '' : '…'}${close.trimStart()}`);
    else {
      this.write(open);
      const shown = Math.min(count, this.#limits.entriesMax);
      for (let index = 0; index < shown && !this.#isFull; index++) {
        if (index > 0) this.write(', ');
        entry(index);
      }
      if (count > shown) this.write(`${shown > 0 ? ', ' : ''}… ${count - shown} more`);
      this.write(close);
    }
  }

  /** No more of a text than can be shown. */
  #clipped(text: string): string {
    const { charactersMax } = this.#limits;
    return text.length > charactersMax ? text.slice(0, charactersMax + 1) : text;
  }
}

function unboxed(value: object): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  return types.isBigIntObject(value) ? BigInt.prototype.valueOf.call(value) : Symbol.prototype.valueOf.call(value);
}

function getterOf(prototype: object, key: PropertyKey): () => unknown {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}
