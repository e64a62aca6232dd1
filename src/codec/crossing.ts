import { UncarriableError } from '../errors.js';
import { FileResult, type Look, lookOf } from '../files/file-result.js';
import { emptyError } from './error-classes.js';
import { type ErrorRecord, fillError, put, stackOf } from './error-record.js';
import { type Border, DEPTH_MAX, type Surveyed, survey, TOO_DEEP } from './survey.js';
import { bytesOf, objectKind, showsAll, viewType } from './value-kind.js';

/**
 * A value of which the engine's clone would change something, in a form of which it changes nothing: special objects,
 * such as errors, stand in a list of their own, and a note for each place that holds one says where it goes.
 *
 * ```
 *   { at: 1, why: Error }  ─►  shells: [{ kind: 'error', … }]      what is special,
 *                              contents: [{ code: 'E', … }]        and what is in it
 *                              whole: [{ at: 1, why: undefined }]  the value, in a list,
 *                              places: [that object, 'why', 0]     and where what is special belongs
 * ```
 */
export interface Packed {
  readonly whole: readonly unknown[];
  /** For each shell, what is in it: an object, or a list of entries or members; `undefined` for a Buffer. */
  readonly contents: readonly (object | undefined)[];
  /**
   * By threes: an object or array of `whole` or `contents`, a key of it, the number of the shell that belongs there.
   */
  readonly places: readonly unknown[];
  readonly shells: readonly Shell[];
}

type Shell =
  | { readonly kind: 'buffer'; readonly bytes: Uint8Array }
  | { readonly kind: 'map' | 'set' | 'null-prototype' }
  | ({ readonly kind: 'file'; readonly look: Look | undefined } & Pick<FileResult, 'name' | 'path' | 'restore'>)
  | ({ readonly kind: 'error'; readonly stack: string | undefined } & Omit<ErrorRecord, 'data'>);

/** How a value is to be packed. */
export interface PackOptions {
  /** What the whole is called where a part of it is named. Default `'result'`. */
  readonly name?: string;
  /** Buffers that are moved along, not copied: views of them stay views of them. Default: none. */
  readonly moved?: readonly ArrayBuffer[];
}

const NO_BUFFERS: readonly ArrayBuffer[] = [];

/**
 * Makes a value ready for another thread of this process, to which the engine's clone carries it.
 *
 * @returns `undefined` if the clone carries the value as it is
 * @throws {@link UncarriableError} when a part of it cannot cross
 */
export function pack(value: unknown, { name = 'result', moved = NO_BUFFERS }: PackOptions = {}): Packed | undefined {
  return packFor('thread', value, name, moved);
}

/** The same for either border. */
export function packFor(
  border: Border,
  value: unknown,
  name: string,
  moved: readonly ArrayBuffer[] = NO_BUFFERS,
): Packed | undefined {
  return packSurveyed(value, survey(value, border, name, moved), name, moved);
}

/** The same of a value that has been looked over. */
export function packSurveyed(
  value: unknown,
  surveyed: Surveyed,
  name: string,
  moved: readonly ArrayBuffer[] = NO_BUFFERS,
): Packed | undefined {
  return surveyed.special ? new Packer(name, surveyed, moved).packed(value) : undefined;
}

/** The value again. It is made of the parts of the packed one, which is used up. */
export function unpack({ whole, contents, places, shells }: Packed): unknown {
  const made = shells.map(madeOf);
  // Each of these keys is there already, even `__proto__`.
  for (let at = 0; at < places.length; at += 3)
    (places[at] as Record<string, unknown>)[places[at + 1] as string] = made[places[at + 2] as number];
  for (const [index, shell] of shells.entries()) fill(made[index]!, shell, contents[index]);
  return whole[0];
}

/** Takes a copy of a value, from which special objects are taken out. */
class Packer {
  readonly #name: string;
  readonly #records: Surveyed['records'];
  readonly #moved: readonly ArrayBuffer[];
  readonly #copyByObject = new Map<object, object>();
  readonly #shellByObject = new Map<object, number>();
  readonly #shells: Shell[] = [];
  readonly #places: unknown[] = [];

  constructor(name: string, { records }: Surveyed, moved: readonly ArrayBuffer[]) {
    this.#name = name;
    this.#records = records;
    this.#moved = moved;
  }

  packed(value: unknown): Packed {
    const whole: unknown[] = [];
    this.#put(whole, 0, value, 0);
    const contents: (object | undefined)[] = [];
    // What is in one may bring up others, which get their turn.
    for (const object of this.#shellByObject.keys()) contents.push(this.#content(object));
    return { whole, contents, places: this.#places, shells: this.#shells };
  }

  #put(target: object, key: string | number, value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) {
      put(target, key, value);
      return;
    }
    const shell = this.#shellByObject.get(value) ?? this.#newShell(value);
    if (shell === undefined) put(target, key, this.#copyByObject.get(value) ?? this.#copy(value, depth));
    else {
      // Its key has its place in the order of keys.
      put(target, key, undefined);
      this.#places.push(target, key, shell);
    }
  }

  /** `undefined` if it is not special. */
  #newShell(object: object): number | undefined {
    const shell = this.#shellFor(object);
    if (shell === undefined) return undefined;
    const number = this.#shells.push(shell) - 1;
    this.#shellByObject.set(object, number);
    return number;
  }

  #shellFor(object: object): Shell | undefined {
    const kind = objectKind(object);
    switch (kind) {
      case 'error': {
        const { classes, name, message, listed } = this.#records.get(object as Error)!;
        return { kind, classes, name, message, listed, stack: stackOf(object as Error) };
      }
      case 'map':
      case 'set':
      case 'null-prototype':
        return { kind };
      case 'file': {
        const { name, path, restore } = object as FileResult;
        return { kind, name, path, restore, look: lookOf(object as FileResult) };
      }
      default:
        if (!Buffer.isBuffer(object)) return undefined;
        return { kind: 'buffer', bytes: showsAll(object, this.#moved) ? bytesOf(object) : bytesOf(object).slice() };
    }
  }

  #content(object: object): object | undefined {
    switch (objectKind(object)) {
      case 'error':
        return this.#named({}, this.#records.get(object as Error)!.data, 0);
      case 'null-prototype':
        return this.#named({}, object, 0);
      case 'map':
        return this.#listed([...(object as Map<unknown, unknown>)].flat());
      case 'set':
        return this.#listed([...(object as Set<unknown>)]);
      default:
        return undefined;
    }
  }

  #copy(object: object, depth: number): object {
    if (depth >= DEPTH_MAX) throw new UncarriableError(`${this.#name} ${TOO_DEEP}`);
    switch (objectKind(object)) {
      case 'plain':
        return this.#named(this.#remembered(object, {}), object, depth);
      case 'array':
        return this.#named(this.#remembered(object, new Array((object as unknown[]).length)), object, depth);
      case 'view': {
        const view = object as ArrayBufferView;
        return this.#remembered(view, showsAll(view, this.#moved) ? view : alone(view));
      }
      default:
        return object;
    }
  }

  #remembered<T extends object>(object: object, copy: T): T {
    this.#copyByObject.set(object, copy);
    return copy;
  }

  #named(target: object, source: object, depth: number): object {
    for (const key of Object.keys(source)) this.#put(target, key, (source as Record<string, unknown>)[key], depth + 1);
    return target;
  }

  #listed(parts: readonly unknown[]): unknown[] {
    const list: unknown[] = [];
    for (const [index, part] of parts.entries()) this.#put(list, index, part, 1);
    return list;
  }
}

/** The same view of a buffer that holds what it shows, and no more. */
function alone(view: ArrayBufferView): ArrayBufferView {
  const { buffer } = bytesOf(view).slice();
  const type = viewType(view) as 'DataView';
  return new globalThis[type](buffer);
}

function madeOf(shell: Shell): object {
  switch (shell.kind) {
    case 'buffer': {
      const { buffer, byteOffset, length } = shell.bytes;
      return Buffer.from(buffer, byteOffset, length);
    }
    case 'error':
      return emptyError(shell.classes, shell.name, shell.message);
    case 'file':
      return new FileResult(shell.name, shell.path, shell.restore, shell.look);
    case 'map':
      return new Map();
    case 'set':
      return new Set();
    case 'null-prototype':
      return Object.create(null) as object;
    default:
      return shell satisfies never;
  }
}

function fill(made: object, shell: Shell, content: object | undefined): void {
  switch (shell.kind) {
    case 'buffer':
    case 'file':
      break;
    case 'error':
      fillError(made as Error, shell, content as Readonly<Record<string, unknown>>);
      break;
    case 'map': {
      const parts = content as readonly unknown[];
      for (let at = 0; at < parts.length; at += 2) (made as Map<unknown, unknown>).set(parts[at], parts[at + 1]);
      break;
    }
    case 'set':
      for (const member of content as readonly unknown[]) (made as Set<unknown>).add(member);
      break;
    case 'null-prototype':
      for (const [key, value] of Object.entries(content!)) put(made, key, value);
      break;
    default:
      shell satisfies never;
  }
}
