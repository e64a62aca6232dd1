import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { hashValue } from '../codec/value-hash.js';
import { isOurs } from '../copy.js';
import { UncarriableError } from '../errors.js';
import { boundedParts, type Code, type CodePart, packagePart, type UnseenPart } from './code-part.js';
import { Engine, type FunctionFacts, fileOf } from './engine.js';
import { membersOf, type TextFacts, textFactsOf } from './function-facts.js';
import { isClass } from './function-text.js';
import { type ModuleReference, moduleReference } from './module-reference.js';
import { builtInFunctionName, builtInName, type HeldFunction, nameOf, plainCopyOf } from './plain-copy.js';
import { installedPackageOf, labelOf, type ModuleRequest, ProgramFiles, pathOf, shortHash } from './program-files.js';

/** A function of the program, or one that it uses, as it is now. */
interface Seen {
  readonly fn: Function;
  readonly origin: 'program' | 'package' | 'built in' | 'module task';
  /** Of what its own text is; of what is Node's own its name; `undefined` of what is of this package. */
  readonly identity: string | undefined;
  /** The file that it was written in, if it is known. */
  readonly file: string | undefined;
  readonly variables: readonly Variable[];
  readonly requests: readonly ModuleRequest[];
  readonly unseen: readonly UnseenPart[];
}

/** Something that a function uses from around it. */
interface Variable {
  readonly name: string;
  /** `undefined` if it is nothing but a function. */
  readonly identity: string | undefined;
  readonly functions: readonly HeldFunction[];
  readonly unseen: readonly UnseenPart[];
}

const OWN_TEXT = 'the text of its function';
const NOTHING: readonly never[] = [];
/** Where this package is, unless it was made part of a bundle. What it is itself, no result hangs on. */
const OWN_FOLDER = /[\\/]code[\\/]closure\.[jt]s$/.test(import.meta.url)
  ? fileURLToPath(new URL('../', import.meta.url))
  : '\0';
/** What stands for an imported module in test runners, which put a Proxy around those that are not of the program. */
const IMPORTED = /^(__vite_ssr_import_\d+__|__vi_import_\d+__)$/;

/** What was seen of functions that use nothing from around them: that stays as it is. */
const finallySeen = new WeakMap<Function, Seen>();

/**
 * What functions hang on, as all of it is now: their own text, the plain data that they use from around them, and the
 * same of the functions that they use, in whatever module those were written. Of a module task it is its file with all
 * that this imports of the program; of packages their versions.
 *
 * ```
 *   functions ─► free names of their texts ─► values of these, of the engine ─► functions in them ─┐
 *        ▲                                                                                         │
 *        └───────────────────────────────── until there are no new ones ───────────────────────────┘
 * ```
 *
 * All functions are asked about together, level by level: that takes some 40 us for each one, and for those that use
 * nothing from around them, nothing the next time.
 *
 * @throws Error if the engine cannot be asked
 */
export function codeOf(functions: Iterable<Function>): Map<Function, Code> {
  return new ClosureReader().read(new Set(functions));
}

class ClosureReader {
  readonly #seen = new Map<Function, Seen>();
  readonly #files = new ProgramFiles();
  readonly #identityOfPrimitive = new Map<unknown, string>();
  readonly #variableOfObject = new Map<object, Variable>();
  readonly #codeOfModule = new Map<string, Code>();
  #engine: Engine | undefined;

  read(functions: ReadonlySet<Function>): Map<Function, Code> {
    try {
      let level: Set<Function> = new Set(functions);
      while (level.size > 0) {
        const found = this.#look([...level]);
        level = new Set(
          found.flatMap(({ variables }) => variables.flatMap((one) => one.functions.map(({ fn }) => fn))),
        );
        for (const fn of level) if (this.#seen.has(fn)) level.delete(fn);
      }
    } finally {
      this.#engine?.close();
      this.#engine = undefined;
    }
    return new Map([...functions].map((fn) => [fn, this.#codeOf(fn)]));
  }

  /** Looks at functions, and not at those that they use. */
  #look(functions: readonly Function[]): Seen[] {
    const asked: { readonly fn: Function; readonly text: TextFacts }[] = [];
    const found: Seen[] = [];
    for (const fn of functions) {
      const known = finallySeen.get(fn);
      if (known !== undefined && ownNames(fn).length === 0) found.push(known);
      else if (moduleReference(fn) !== undefined) found.push(moduleTask(fn));
      else asked.push({ fn, text: textFactsOf(fn) });
    }
    this.#learnNames(asked.map(({ text }) => text));
    const told =
      asked.length === 0
        ? []
        : this.#open().factsOf(
            asked.map(({ fn }) => fn),
            asked.map(({ text }) => text.names),
          );
    for (const [index, { fn, text }] of asked.entries()) found.push(this.#seenOf(fn, text, told[index]!));
    for (const seen of found) this.#seen.set(seen.fn, seen);
    return found;
  }

  #open(): Engine {
    this.#engine ??= new Engine();
    return this.#engine;
  }

  #learnNames(texts: readonly TextFacts[]): void {
    const unknown = [...new Set(texts)].filter(({ piece }) => piece !== undefined && [...piece.names].length > 0);
    if (unknown.length > 0) {
      const names = this.#open().freeNames(unknown.map(({ piece }) => piece!));
      for (const [index, facts] of unknown.entries()) facts.names = [...(names[index] ?? facts.names)];
    }
    for (const facts of unknown) facts.piece = undefined;
  }

  #seenOf(fn: Function, text: TextFacts, facts: FunctionFacts): Seen {
    const { identity, requests, isNative } = text;
    const { url } = facts.script;
    const file = url === '' ? undefined : pathOf(fileOf(facts.script));
    if (isOurs(fn) || file?.startsWith(OWN_FOLDER)) return { ...EMPTY, fn, origin: 'built in', identity: undefined };
    if (/^node:/.test(url)) return { ...EMPTY, fn, origin: 'built in', identity: builtInFunctionName(fn) };
    if (file !== undefined && installedPackageOf(file) !== undefined)
      return { ...EMPTY, fn, origin: 'package', identity, file };
    const variables: Variable[] = [];
    if (facts.bound !== undefined) {
      const { target, boundThis, boundArgs } = facts.bound;
      for (const [name, value] of Object.entries({
        'bound function': target,
        'bound this': boundThis,
        'bound arguments': boundArgs,
      }))
        variables.push(this.#variable(name, value));
    }
    for (const [name, value] of facts.around) variables.push(...this.#taken(text, name, value));
    for (const name of ownNames(fn)) {
      const { value, get } = Object.getOwnPropertyDescriptor(fn, name)!;
      variables.push(this.#variable(`${nameOf(fn)}.${name}`, get ?? value, get === undefined ? undefined : 'property'));
    }
    const base: unknown = Object.getPrototypeOf(fn);
    if (typeof base === 'function' && isClass(fn) && base !== Function.prototype)
      variables.push(this.#variable(types.isProxy(base) ? 'base class' : nameOf(base), base));
    const prototype = isClass(fn) ? undefined : Object.getOwnPropertyDescriptor(fn, 'prototype')?.value;
    if (prototype !== undefined && Reflect.ownKeys(prototype).length > 1)
      variables.push(this.#variable(`${nameOf(fn)}.prototype`, prototype));
    if (isClass(fn))
      for (const [name, member] of membersNotIn(text.text, fn))
        variables.push(this.#variable(`${nameOf(fn)}.${name}`, member, 'property'));
    const unseen = text.takesThis ? [{ name: 'this', what: 'that of the function around it' }] : [];
    const calledEval = text.names.includes('eval') ? [{ name: 'eval', what: 'code that is made as it runs' }] : [];
    const seen: Seen = {
      fn,
      origin: 'program',
      identity,
      file,
      variables,
      requests: file === undefined ? NOTHING : requests.specifiers.map((specifier) => ({ specifier, from: file })),
      unseen: [
        ...unseen,
        ...calledEval,
        ...(requests.areMore ? [{ name: 'import()', what: 'a module whose name is worked out as it runs' }] : []),
      ],
    };
    // To a class, methods may still be added.
    const isFinal = text.names.length === 0 && variables.length === 0 && seen.requests.length === 0;
    if (isFinal && !isNative && !isClass(fn)) finallySeen.set(fn, seen);
    return seen;
  }

  /** What a function takes of a variable: the whole, or some members. */
  #taken(text: TextFacts, name: string, given: unknown): Variable[] {
    const value = types.isProxy(given) && IMPORTED.test(name) ? this.#open().targetOf(given as object) : given;
    const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
    if (!isObject || types.isProxy(value)) return [this.#variable(name, value)];
    const builtIn = builtInName(value);
    if (builtIn !== undefined) return builtInVariable(name, builtIn);
    const members = membersOf(text, name);
    const parts = members?.map((member) => partOf(value as object, member));
    if (parts === undefined || parts.some((part) => part === undefined)) return [this.#variable(name, value)];
    const isImport = isNamespace(value as object);
    return parts.flatMap((part, index) => {
      const label = isImport ? members![index]! : `${name}.${members![index]}`;
      const builtInPart = builtInName(part!.value);
      if (builtInPart !== undefined) return builtInVariable(label, builtInPart);
      if (part!.get === undefined) return [this.#variable(label, part!.value)];
      return [this.#variable(label, part!.get, isImport ? 'import' : 'property')];
    });
  }

  #variable(name: string, value: unknown, reads?: HeldFunction['reads']): Variable {
    const isObject = typeof value === 'object' && value !== null;
    if (!isObject && typeof value !== 'function' && typeof value !== 'symbol') {
      let identity = this.#identityOfPrimitive.get(value);
      // Minus zero is another number, and the same key.
      if (identity === undefined || value === 0) {
        identity = shortHash(hashValue(value));
        this.#identityOfPrimitive.set(value, identity);
      }
      return { name, identity, functions: NOTHING, unseen: NOTHING };
    }
    if (typeof value === 'function' && !types.isProxy(value))
      return { name, identity: undefined, functions: [{ name, fn: value, reads }], unseen: NOTHING };
    const known = isObject ? this.#variableOfObject.get(value) : undefined;
    if (known?.name === name) return known;
    const { value: copy, functions, unseen } = plainCopyOf(value, name);
    let variable: Variable;
    try {
      variable = { name, identity: shortHash(hashValue(copy)), functions, unseen };
    } catch (error) {
      if (!(error instanceof UncarriableError)) throw error;
      variable = { name, identity: 'unseen', functions, unseen: [...unseen, { name, what: error.part }] };
    }
    if (isObject) this.#variableOfObject.set(value, variable);
    return variable;
  }

  /** All that a function hangs on, itself first, then what it uses, in the order of the names. */
  #codeOf(fn: Function): Code {
    const own = this.#seen.get(fn)!;
    if (own.origin === 'module task') return this.#moduleCode(moduleReference(fn)!);
    const parts: CodePart[] = [];
    const unseen: UnseenPart[] = [...own.unseen];
    const folder = own.file === undefined ? undefined : dirname(own.file);
    /** By their numbers: a variable may come to mean another one of them. */
    const met = new Map<Function, number>([[fn, 0]]);
    const queue: Met[] = [{ seen: own, subject: OWN_TEXT, name: '', owner: 'its function', reads: undefined }];
    for (const { seen, subject, name, owner, reads } of queue) {
      if (seen.origin === 'built in') {
        const { identity } = seen;
        if (identity !== undefined && !isExportOf(name, identity)) parts.push([subject, `${identity} of Node`]);
        continue;
      }
      if (seen.origin === 'module task') {
        const { parts: more, unseen: others } = this.#moduleCode(moduleReference(seen.fn)!);
        parts.push(...more);
        unseen.push(...others);
        continue;
      }
      if (seen.origin === 'package') {
        const { name: installed, folder: inside } = installedPackageOf(seen.file!)!;
        parts.push(packagePart(installed, this.#files.versionOf(inside)));
      }
      if (reads !== 'import') parts.push([subject, seen.identity!]);
      if (seen.requests.length > 0) {
        const reached = this.#files.reachedFrom(seen.requests, folder ?? dirname(seen.file!));
        parts.push(...reached.parts);
        unseen.push(...reached.unseen);
      }
      const user = reads !== undefined || seen === own ? owner : `"${name}"`;
      for (const variable of seen.variables) {
        const label = reads === undefined ? variable.name : name;
        if (variable.identity !== undefined) parts.push([`"${label}", which ${user} uses,`, variable.identity]);
        unseen.push(...variable.unseen);
        for (const held of variable.functions) {
          const next = this.#seen.get(held.fn)!;
          const called = reads === undefined ? held.name : name;
          const isElsewhere = folder !== undefined && next.origin === 'program' && (next.file ?? own.file) !== own.file;
          const place = isElsewhere ? ` of ${labelOf(next.file!, folder)}` : '';
          const isCalled = !isClass(held.fn) && held.reads === undefined;
          const what = `"${called}"${place}, which ${user} ${isCalled ? 'calls' : 'uses'},`;
          const number = met.get(held.fn);
          if (number !== undefined) {
            parts.push([what, `number ${number}`]);
            continue;
          }
          met.set(held.fn, met.size);
          queue.push({ seen: next, subject: what, name: called, owner: user, reads: held.reads });
          unseen.push(...next.unseen.map((one) => ({ name: called, what: `${one.name}: ${one.what}` })));
        }
      }
    }
    return { parts: boundedParts(parts, (rest) => shortHash(JSON.stringify(rest))), unseen: distinct(unseen) };
  }

  #moduleCode({ moduleUrl, exportName }: ModuleReference): Code {
    let code = this.#codeOfModule.get(moduleUrl);
    if (code === undefined) {
      const isFile = moduleUrl.startsWith('file:');
      const from = isFile ? pathOf(moduleUrl) : (process.argv[1] ?? `${process.cwd()}/program`);
      code = this.#files.reachedFrom([{ specifier: moduleUrl, from }], dirname(from));
      this.#codeOfModule.set(moduleUrl, code);
    }
    // Of a module that is its own address, this says what it is; what is behind a # is no part of it.
    const text = moduleUrl.startsWith('data:') ? moduleUrl.replace(/#.*$/s, '') : '';
    const parts = boundedParts(
      [['the export that it calls', shortHash(exportName, '\n', text)], ...code.parts],
      (rest) => shortHash(JSON.stringify(rest)),
    );
    return { parts, unseen: code.unseen };
  }
}

/** A function on the way from a task to all that it uses. */
interface Met {
  readonly seen: Seen;
  /** How its text is told of. */
  readonly subject: string;
  readonly name: string;
  /** Who uses it, for sentences. */
  readonly owner: string;
  readonly reads: HeldFunction['reads'];
}

const EMPTY = { file: undefined, variables: NOTHING, requests: NOTHING, unseen: NOTHING };

function moduleTask(fn: Function): Seen {
  return { ...EMPTY, fn, origin: 'module task', identity: undefined };
}

/** Most of what is built in goes by its own name. Only where it does not, it is said which one it is. */
function builtInVariable(name: string, builtIn: string): Variable[] {
  if (name === builtIn || IMPORTED.test(name)) return [];
  return [{ name, identity: `${builtIn} of Node`, functions: NOTHING, unseen: NOTHING }];
}

/** Whether a module of Node exports it by the name that the program has for it, and is not one within another. */
function isExportOf(name: string, builtIn: string): boolean {
  const parts = builtIn.split('.');
  return parts.length <= 2 && !builtIn.includes('/') && parts.at(-1) === name.split('.').at(-1);
}

/** A property of its own of an object; `undefined` if taking it may mean to take more of the object. */
function partOf(object: object, member: string): PropertyDescriptor | undefined {
  let part: PropertyDescriptor | undefined;
  try {
    part = Object.getOwnPropertyDescriptor(object, member);
  } catch {
    // An export that has no value yet.
    return undefined;
  }
  const fn: unknown = part?.get ?? part?.value;
  if (typeof fn !== 'function' || types.isProxy(fn) || types.isModuleNamespaceObject(object)) return part;
  const { saysThis, isNative } = textFactsOf(fn);
  return saysThis && !isNative && moduleReference(fn) === undefined && !isClass(fn) ? undefined : part;
}

/** An object that has what a module exports, as the engine or a compiler has made it. */
function isNamespace(object: object): boolean {
  if (types.isModuleNamespaceObject(object)) return true;
  const [tag, isModule] = [Symbol.toStringTag, '__esModule'].map(
    (key) => Object.getOwnPropertyDescriptor(object, key)?.value,
  );
  return tag === 'Module' || isModule === true;
}

/** The properties that a function was given: static fields of classes, and what was set from outside. */
function ownNames(fn: Function): string[] {
  return Object.keys(fn).sort();
}

/** The methods and accessors of a class that are not those of its text: decorators and mixins have put them there. */
function membersNotIn(text: string, fn: Function): [name: string, member: Function][] {
  return [fn, fn.prototype as object].flatMap((holder) => {
    const properties = Object.entries(Object.getOwnPropertyDescriptors(holder));
    return properties.flatMap(([name, { value, get, set, enumerable }]) => {
      // What can be listed of a class counts in any case.
      const members: unknown[] = name === 'constructor' || (holder === fn && enumerable) ? [] : [value, get, set];
      const isPut = (member: unknown): member is Function =>
        typeof member === 'function' &&
        !types.isProxy(member) &&
        !text.includes(Function.prototype.toString.call(member));
      return members.filter(isPut).map((member) => [name, member] as [string, Function]);
    });
  });
}

function distinct(unseen: readonly UnseenPart[]): UnseenPart[] {
  return [...new Map(unseen.map((one) => [`${one.name}: ${one.what}`, one])).values()];
}
