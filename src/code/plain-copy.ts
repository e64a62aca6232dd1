import nodeModule from 'node:module';
import { types } from 'node:util';
import { valueKind } from '../codec/value-kind.js';
import type { UnseenPart } from './code-part.js';

/** A function that is in a value, and what it is called there. */
export interface HeldFunction {
  readonly name: string;
  readonly fn: Function;
  /** It is called to read a property: of an object, or an import, of which only what it returns counts. */
  readonly reads: 'property' | 'import' | undefined;
}

/** A value as plain data, which can be hashed. */
export interface PlainCopy {
  readonly value: unknown;
  /** The functions in it: where they stood, the copy has their numbers. */
  readonly functions: readonly HeldFunction[];
  readonly unseen: readonly UnseenPart[];
}

const DEPTH_MAX = 500;
const UNSEEN_MAX = 10;

/** What every program has: of that, nothing is looked at. */
const GLOBALS =
  'globalThis process console performance crypto navigator Atomics JSON Math Reflect Intl WebAssembly'.split(' ');
let builtIns: ReadonlyMap<unknown, string> | undefined;
let builtInFunctions: ReadonlyMap<unknown, string> | undefined;

/**
 * Copies a value, as far as it is plain data, without calling anything that the program has written: of accessors the
 * functions are taken, of Proxies and instances of classes nothing.
 *
 * @param name - what the program calls it
 */
export function plainCopyOf(value: unknown, name: string): PlainCopy {
  const copying = new Copying();
  return { value: copying.copy(value, name, 0), functions: copying.functions, unseen: copying.unseen };
}

/**
 * What it is called, if it is a part of Node or of the language: one of its modules, or a global object. No result hangs
 * on what it is, but on which of them it is.
 */
export function builtInName(value: unknown): string | undefined {
  builtIns ??= new Map(loadedBuiltIns());
  const name = builtIns.get(value);
  // All that a module of Node exports is on its default export as well.
  if (name !== undefined || !types.isModuleNamespaceObject(value)) return name;
  return builtIns.get(propertyOf(value as object, 'default')?.value ?? Number.NaN);
}

/** What a function of Node is called, by the module that exports it: `os.tmpdir`, `path.win32.join`. */
export function builtInFunctionName(fn: Function): string {
  builtInFunctions ??= new Map(
    loadedBuiltIns().flatMap(([value, name]) => (value === process ? [] : functionsIn(value, name, true))),
  );
  return builtInFunctions.get(fn) ?? nameOf(fn);
}

function functionsIn(value: unknown, name: string, isModule: boolean): [Function, string][] {
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (!isModule && !isPlain) return [];
  // Accessors are not called: some warn of themselves.
  const found = Object.entries(Object.getOwnPropertyDescriptors(value as object)).map(([key, { value: member }]) => {
    const itsName = `${name}.${key}`;
    if (typeof member === 'function') return [[member as Function, itsName] as [Function, string]];
    return isModule ? functionsIn(member, itsName, false) : [];
  });
  // Of two names the shorter one counts, which is the last in a Map.
  return found.flat().sort(([, one], [, other]) => other.split('.').length - one.split('.').length);
}

/** What has been loaded by now; to ask for others would load them. */
function loadedBuiltIns(): (readonly [value: unknown, name: string])[] {
  const { moduleLoadList = [] } = process as { readonly moduleLoadList?: readonly string[] };
  const loaded = new Set(moduleLoadList.map((entry) => entry.replace(/^NativeModule /, '')));
  const names = nodeModule.builtinModules.filter((name) => loaded.has(name) && !name.startsWith('_'));
  const globals = GLOBALS.map((name) => [Object.getOwnPropertyDescriptor(globalThis, name)?.value, name] as const);
  const modules = names.map((name) => [process.getBuiltinModule(name) as unknown, name] as const);
  // Some modules have two names: the first one counts, which is the last in a Map.
  return [...modules.reverse(), ...globals, [process, 'process'] as const].filter(([value]) => value !== undefined);
}

class Copying {
  readonly functions: HeldFunction[] = [];
  readonly unseen: UnseenPart[] = [];
  readonly #numbers = new Map<Function, number>();
  readonly #copies = new Map<object, unknown>();

  copy(value: unknown, name: string, depth: number): unknown {
    if (typeof value === 'symbol') return tagged('symbol', String(value));
    if (typeof value === 'function') return this.#function(value, name, undefined);
    if (typeof value !== 'object' || value === null) return value;
    if (this.#copies.has(value)) return this.#copies.get(value);
    const builtIn = builtInName(value);
    if (builtIn !== undefined) return tagged('built in', builtIn);
    if (depth >= DEPTH_MAX) return this.#refuse(name, 'it is nested too deep');
    return this.#object(value, name, depth);
  }

  #object(value: object, name: string, depth: number): unknown {
    const kind = valueKind(value);
    if (typeof kind === 'object') {
      const made = classOf(value);
      this.#refuse(name, kind.refused);
      return tagged(
        kind.refused,
        made === undefined ? undefined : this.#function(made, nameOf(made) || name, undefined),
      );
    }
    switch (kind) {
      case 'plain':
      case 'null-prototype':
        return this.#named(value, this.#keep(value, kind === 'plain' ? {} : Object.create(null)), name, depth);
      case 'array':
        return this.#named(value, this.#keep(value, new Array((value as unknown[]).length)), name, depth);
      case 'map': {
        const copy = this.#keep(value, new Map<unknown, unknown>());
        Map.prototype.forEach.call(value, (one, key) =>
          copy.set(this.copy(key, name, depth + 1), this.copy(one, name, depth + 1)),
        );
        return copy;
      }
      case 'set': {
        const copy = this.#keep(value, new Set<unknown>());
        Set.prototype.forEach.call(value, (one) => copy.add(this.copy(one, name, depth + 1)));
        return copy;
      }
      case 'error':
        return this.#refuse(name, 'an error');
      default:
        return Object.keys(value).length > 0 && !ArrayBuffer.isView(value) && !types.isStringObject(value)
          ? this.#refuse(name, `a ${kind} with properties of its own`)
          : value;
    }
  }

  #named(object: object, copy: object, name: string, depth: number): unknown {
    const isArray = Array.isArray(object);
    // In an order that does not hang on when which of them was set.
    for (const key of isArray ? Reflect.ownKeys(object) : Reflect.ownKeys(object).sort(byName)) {
      if (isArray && key === 'length') continue;
      const property = propertyOf(object, key);
      const path = isArray ? name : `${name}.${String(key)}`;
      const part =
        property === undefined
          ? this.#refuse(path, 'it has no value yet')
          : 'value' in property
            ? this.copy(property.value, path, depth + 1)
            : this.#accessor(property, path);
      put(copy, typeof key === 'symbol' ? `${key.description ?? ''} (symbol)` : key, part);
    }
    return copy;
  }

  #accessor({ get, set }: PropertyDescriptor, name: string): unknown {
    return tagged(
      'accessor',
      [get, set].map((fn) => (fn === undefined ? undefined : this.#function(fn, name, 'property'))),
    );
  }

  #function(fn: Function, name: string, reads: HeldFunction['reads']): unknown {
    if (types.isProxy(fn)) return this.#refuse(name, 'a Proxy');
    let number = this.#numbers.get(fn);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(fn, number);
      this.functions.push({ name, fn, reads });
    }
    return tagged('function', number);
  }

  #refuse(name: string, what: string): unknown {
    if (this.unseen.length < UNSEEN_MAX && !this.unseen.some((one) => one.name === name && one.what === what))
      this.unseen.push({ name, what });
    return tagged('unseen', what);
  }

  #keep<C>(value: object, copy: C): C {
    this.#copies.set(value, copy);
    return copy;
  }
}

/** What stands in a copy for what is no plain data. No program has such a thing. */
function tagged(kind: string, what: unknown): unknown {
  return new Map<unknown, unknown>([
    ['taskmap', kind],
    ['is', what],
  ]);
}

/** The name of a function, if it was not given one that would have to be asked for. */
export function nameOf(fn: Function): string {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, 'name')?.value;
  return typeof name === 'string' ? name : '';
}

/** The class of an instance: what it has in it is not seen, but what its methods do is. */
function classOf(value: object): Function | undefined {
  if (types.isProxy(value)) return undefined;
  for (
    let above = Object.getPrototypeOf(value) as object | null;
    above !== null;
    above = Object.getPrototypeOf(above)
  ) {
    if (types.isProxy(above)) return undefined;
    const made = Object.getOwnPropertyDescriptor(above, 'constructor');
    if (made !== undefined)
      return typeof made.value === 'function' && !types.isProxy(made.value) ? made.value : undefined;
  }
  return undefined;
}

/** Exports of a module throw as long as they have no value. */
function propertyOf(object: object, key: string | symbol): PropertyDescriptor | undefined {
  try {
    return Object.getOwnPropertyDescriptor(object, key);
  } catch {
    return undefined;
  }
}

/** Not assigned where that would set a prototype. */
function put(copy: object, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  else (copy as Record<string, unknown>)[key] = value;
}

function byName(a: string | symbol, b: string | symbol): number {
  return String(a) < String(b) ? -1 : 1;
}
