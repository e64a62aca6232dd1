import { Blob } from 'node:buffer';
import { inspect, types } from 'node:util';
import { isFileResult } from '../files/file-result.js';

/** What a value is to those who send, hash or keep it. */
export type ValueKind =
  | 'array'
  | 'bigint'
  | 'boolean'
  | 'boxed'
  | 'buffer'
  | 'date'
  | 'error'
  | 'file'
  | 'map'
  | 'null'
  | 'null-prototype'
  | 'number'
  | 'plain'
  | 'regexp'
  | 'set'
  | 'string'
  | 'undefined'
  | 'view'
  | Refused;

/** A value that cannot cross. */
export interface Refused {
  /** What it is, for people. */
  readonly refused: string;
  /** Between the threads of a process, the engine carries it as such. */
  readonly crossesThreads: boolean;
}

/** To list the keys of longer arrays takes longer than to ask whether there are names among them. */
const LISTED_MAX = 100;
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;
const viewName = Object.getOwnPropertyDescriptor(TYPED_ARRAY, Symbol.toStringTag)!.get!;
/** TypeScript knows of it only where it knows of browsers. */
const WebAssemblyModule = (globalThis as { WebAssembly?: { Module: new () => object } }).WebAssembly?.Module;

export function valueKind(value: unknown): ValueKind {
  const type = typeof value;
  switch (type) {
    case 'function':
      return refused('a function');
    case 'symbol':
      return refused('a symbol');
    case 'object':
      return value === null ? 'null' : objectKind(value as object);
    default:
      return type;
  }
}

export function objectKind(value: object): Exclude<ValueKind, Primitive> {
  // First, because a proxy answers for what it stands for, and may throw when it is asked anything.
  if (types.isProxy(value)) return refused('a Proxy');
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype) return 'plain';
  if (Array.isArray(value)) return Array.isArray(prototype) ? 'array' : instance(value);
  if (prototype === null) return 'null-prototype';
  if (types.isNativeError(value) || value instanceof Error) return 'error';
  if (ArrayBuffer.isView(value)) return viewKind(value, prototype);
  if (types.isSharedArrayBuffer(value)) return refused('shared memory (SharedArrayBuffer)', true);
  const builtIn = builtInKind(value);
  // Three steps to the end: the prototype of the class, that of all objects, none. A subclass has four. So too for
  // classes of another realm.
  if (builtIn !== undefined) return levelsAbove(prototype) === 2 ? builtIn : instance(value);
  // A plain object of another realm, which arrives as one of this.
  if (levelsAbove(prototype) === 1 && Object.hasOwn(prototype, 'isPrototypeOf')) return 'plain';
  return isFileResult(value) && levelsAbove(prototype) === 2 ? 'file' : instance(value);
}

type Primitive = 'bigint' | 'boolean' | 'null' | 'number' | 'string' | 'undefined';

function builtInKind(value: object): Exclude<ValueKind, Primitive> | undefined {
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isDate(value)) return 'date';
  if (types.isRegExp(value)) return 'regexp';
  if (types.isArrayBuffer(value)) return isDetached(value) ? refused('an ArrayBuffer that was moved away') : 'buffer';
  if (types.isSymbolObject(value)) return refused('a symbol');
  if (types.isBoxedPrimitive(value)) return 'boxed';
  return undefined;
}

function viewKind(value: ArrayBufferView, prototype: object): Exclude<ValueKind, Primitive> {
  if (types.isSharedArrayBuffer(value.buffer))
    return refused(`a ${viewType(value)} of shared memory (SharedArrayBuffer)`, true);
  const levels = types.isDataView(value) ? 2 : 3;
  const isOfItsClass = Buffer.isBuffer(value) ? prototype === Buffer.prototype : levelsAbove(prototype) === levels;
  if (!isOfItsClass) return instance(value);
  return isDetached(value.buffer) ? refused(`a ${viewType(value)} whose bytes were moved away`) : 'view';
}

/** What class of views of a buffer it is of: `Buffer`, `DataView`, `Float64Array` and so on. */
export function viewType(view: ArrayBufferView): string {
  if (Buffer.isBuffer(view)) return 'Buffer';
  return (viewName.call(view) as string | undefined) ?? 'DataView';
}

/** The bytes that a view shows. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/**
 * It shows all the bytes of its buffer, or its buffer goes along as it is: nothing is with it that it does not show.
 */
export function showsAll({ buffer, byteLength }: ArrayBufferView, moved: readonly ArrayBufferLike[]): boolean {
  return byteLength === buffer.byteLength || types.isSharedArrayBuffer(buffer) || moved.includes(buffer);
}

/** `false` if an array surely has no keys but numbers. */
export function mayHaveNames(array: readonly unknown[]): boolean {
  if (array.length <= LISTED_MAX) return true;
  // The engine can tell them apart without listing them all, but does so for nobody else.
  return !/^\[ \.\.\. \d+ more items? \]$/.test(inspect(array, { maxArrayLength: 0, depth: 0, customInspect: false }));
}

/** Node 20 has no `ArrayBuffer.prototype.detached`. */
function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function instance(value: object): Refused {
  const name = classNameOf(value);
  return refused(name === undefined ? 'an instance of a class' : `an instance of ${name}`, isCloneable(value));
}

/** Neither getters nor traps are called for it. */
function classNameOf(value: object): string | undefined {
  for (let above = prototypeOf(value); above !== null; above = prototypeOf(above)) {
    const made = Object.getOwnPropertyDescriptor(above, 'constructor');
    if (made === undefined) continue;
    if (typeof made.value !== 'function' || types.isProxy(made.value)) return undefined;
    const name: unknown = Object.getOwnPropertyDescriptor(made.value, 'name')?.value;
    return typeof name === 'string' && name !== '' ? name : undefined;
  }
  return undefined;
}

function prototypeOf(value: object): object | null {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return types.isProxy(prototype) ? null : prototype;
}

/** Not those of a subclass, such as a File, which would arrive as a Blob. */
function isCloneable(value: object): boolean {
  if (types.isKeyObject(value) || types.isCryptoKey(value)) return true;
  const prototype = Object.getPrototypeOf(value) as object;
  return prototype === Blob.prototype || prototype === WebAssemblyModule?.prototype;
}

function refused(what: string, crossesThreads = false): Refused {
  return { refused: what, crossesThreads };
}

function levelsAbove(prototype: object): number {
  let levels = 0;
  for (
    let above: object | null = prototype;
    above !== null && levels < 5;
    above = Object.getPrototypeOf(above) as object | null
  )
    levels++;
  return levels;
}
