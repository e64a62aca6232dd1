import { types } from 'node:util';

/** What a value is to those who hash or keep it. `refused` says what it is that cannot be kept. */
export type ValueKind =
  | 'array'
  | 'bigint'
  | 'boolean'
  | 'boxed'
  | 'buffer'
  | 'date'
  | 'error'
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
  | { readonly refused: string };

const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;
const viewName = Object.getOwnPropertyDescriptor(TYPED_ARRAY, Symbol.toStringTag)!.get!;

export function valueKind(value: unknown): ValueKind {
  const type = typeof value;
  switch (type) {
    case 'function':
      return { refused: 'a function' };
    case 'symbol':
      return { refused: 'a symbol' };
    case 'object':
      return value === null ? 'null' : objectKind(value as object);
    default:
      return type;
  }
}

function objectKind(value: object): ValueKind {
  // First, because a proxy answers for what it stands for, and may throw when it is asked anything.
  if (types.isProxy(value)) return { refused: 'a Proxy' };
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype) return 'plain';
  if (Array.isArray(value)) return Array.isArray(prototype) ? 'array' : instance(value);
  if (prototype === null) return 'null-prototype';
  if (types.isNativeError(value) || value instanceof Error) return 'error';
  if (ArrayBuffer.isView(value)) return viewKind(value, prototype);
  if (types.isSharedArrayBuffer(value)) return { refused: 'shared memory (SharedArrayBuffer)' };
  const builtIn = builtInKind(value);
  // Three steps to the end: the prototype of the class, that of all objects, none. A subclass has four. So too for classes of another realm.
  if (builtIn !== undefined) return levelsAbove(prototype) === 2 ? builtIn : instance(value);
  // A plain object of another realm, which comes back as one of this.
  if (levelsAbove(prototype) === 1 && Object.hasOwn(prototype, 'isPrototypeOf')) return 'plain';
  return instance(value);
}

function builtInKind(value: object): ValueKind | undefined {
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isDate(value)) return 'date';
  if (types.isRegExp(value)) return 'regexp';
  if (types.isArrayBuffer(value)) return 'buffer';
  if (types.isSymbolObject(value)) return { refused: 'a symbol' };
  if (types.isBoxedPrimitive(value)) return 'boxed';
  return undefined;
}

function viewKind(value: ArrayBufferView, prototype: object): ValueKind {
  if (types.isSharedArrayBuffer(value.buffer))
    return { refused: `a ${viewType(value)} of shared memory (SharedArrayBuffer)` };
  const levels = value instanceof DataView || types.isDataView(value) ? 2 : 3;
  return Buffer.isBuffer(value)
    ? prototype === Buffer.prototype
      ? 'view'
      : instance(value)
    : levelsAbove(prototype) === levels
      ? 'view'
      : instance(value);
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

function instance(value: object): ValueKind {
  let name: unknown;
  try {
    name = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } }).constructor?.name;
  } catch {
    // A getter of its class. It is refused all the same.
  }
  return { refused: typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class' };
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
