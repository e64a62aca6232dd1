import { existsSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

/** What the engine knows of a function. */
export interface FunctionFacts {
  readonly location: Location;
  /** The script that it is written in. */
  readonly script: Script;
  /** The variables and imports around it, of those whose names were asked for, with their values. */
  readonly around: ReadonlyMap<string, unknown>;
  /** What it hands its calls on to, if it is a bound function. */
  readonly bound: BoundFunction | undefined;
}

export interface BoundFunction {
  readonly target: unknown;
  readonly boundThis: unknown;
  readonly boundArgs: unknown;
}

/** Where a function was written. */
export interface FunctionPlace {
  /** A file as stacks name it; where there is none, a name in the folder of the program. */
  readonly file: string;
  /** Where in the file it begins, counted from 0: as the engine counts, in what it was given to run. */
  readonly line: number;
  readonly column: number;
  /** How many characters stand before it, if Node measures which code was run: that is told by positions. */
  readonly offset: number | undefined;
}

/** A piece of code that is an expression, and the names that it may take from around it. */
export interface CodePiece {
  readonly expression: string;
  readonly strict: boolean;
  readonly names: Iterable<string>;
}

/** A script, as the inspector tells of it. */
export interface Script {
  /** `''` if it was made of text that has no name. */
  readonly url: string;
  readonly isModule?: boolean;
}

interface Location {
  readonly scriptId: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** One scope of a function, as the inspector shows it. */
interface Scope {
  readonly description: string;
  readonly object: object;
}

/** A program that is an argument: its text is the next one. */
export const PROGRAM: RegExp = /^(-e|--eval|-p|-pe|--print)$/;

/** Runs in the inspector, which hands over what it only has handles of. */
const HAND_OVER = 'function (...given) { this.push(...given); }';
/** So many functions are asked about at once. */
const BATCH = 500;
const OBJECT_GROUP = 'taskmap';
/** So many pieces of code are nested in one another. */
const NESTED = 50;
/** The parameters that are used for certain, so that there is a scope to look at. */
const ANCHOR = '$taskmapAnchor$';
const ASKED = Symbol.for('taskmap.asked');
const NO_VARIABLES: ReadonlyMap<string, unknown> = new Map();
const NO_SCRIPT: Script = { url: '' };
/** Of what the engine brings. */
const NO_LOCATION: Location = { scriptId: '', lineNumber: 0, columnNumber: 0 };
/** What the inspector tells of the inside of a function. */
const PARTS = ['[[Scopes]]', '[[TargetFunction]]', '[[BoundThis]]', '[[BoundArgs]]'];

/** What was learned of scripts, by their ids. They never change. */
const scriptById = new Map<string, Script>([[NO_LOCATION.scriptId, NO_SCRIPT]]);
const lineStartsByScript = new Map<string, readonly number[]>([[NO_LOCATION.scriptId, []]]);

/**
 * Asks the engine about functions, by the inspector of this very thread: which variables are around them, and where
 * they were written. Nothing of this can be had from their text. It is told of within the call, and nobody else's
 * session notices.
 */
export class Engine {
  readonly #session: import('node:inspector').Session;
  /**
   * The global object of the thread, where the inspector looks; this module may have been loaded with another one, as
   * test runners do.
   */
  readonly #global = vm.runInThisContext('globalThis') as Record<symbol, unknown>;

  /** @throws Error if this process has no inspector, or must not use it */
  constructor() {
    // Not imported: where there is none, as in some builds of Node, the whole package would fail to load.
    const inspector = process.getBuiltinModule('node:inspector');
    this.#session = new inspector.Session();
    this.#session.connect();
  }

  /**
   * Which of its names each piece of code takes from around it: made parameters of a function around it, the engine
   * keeps just those that are used further inside. The pieces are compiled, and not run.
   *
   * Each one is nested in the function around the one before, which takes none of its names for that, since it has
   * parameters of all of its own: so one look at the scopes of the innermost function tells of many pieces.
   *
   * @returns for each piece the names, `undefined` if it is no code that stands alone
   */
  freeNames(pieces: readonly CodePiece[]): (ReadonlySet<string> | undefined)[] {
    const nests: Nest[] = [];
    for (let first = 0; first < pieces.length; first += NESTED) {
      const some = pieces.slice(first, first + NESTED);
      const nest = nestOf(some);
      if (nest.innermost === undefined) nests.push(...some.map((piece) => nestOf([piece])));
      else nests.push(nest);
    }
    const scopes = this.#scopesOf(nests.flatMap(({ innermost }) => innermost ?? []));
    return nests.flatMap((nest) => namesIn(nest, nest.innermost === undefined ? undefined : scopes.shift()!));
  }

  /** @param names - for each function the names that matter; it is told of no other */
  factsOf(functions: readonly Function[], names: readonly Iterable<string>[]): FunctionFacts[] {
    const facts: FunctionFacts[] = [];
    for (let first = 0; first < functions.length; first += BATCH)
      facts.push(...this.#ask(functions.slice(first, first + BATCH), names.slice(first, first + BATCH)));
    return facts;
  }

  /** What a Proxy stands for. */
  targetOf(proxy: object): unknown {
    return this.#handling([proxy], ([handle], handedOver) => {
      const { internalProperties } = this.#propertiesOf(handle!);
      return handedOver([internalProperties.find(({ name }: any) => name === '[[Target]]').value])[0];
    });
  }

  close(): void {
    this.#session.disconnect();
  }

  /** The scopes of each function, without the methods that an array has. */
  #scopesOf(functions: readonly Function[]): ArrayLike<Scope>[] {
    return this.#handling(functions, (handles, handedOver) => {
      const inside = handles.map((handle) => this.#propertiesOf(handle).internalProperties);
      return handedOver(
        inside.map((parts) => parts.find(({ name }: any) => name === PARTS[0]).value),
      ) as ArrayLike<Scope>[];
    });
  }

  #ask(functions: readonly Function[], namesOf: readonly Iterable<string>[]): FunctionFacts[] {
    return this.#handling(functions, (handles, handedOver) => {
      const inside = handles.map((handle) => {
        const { internalProperties } = this.#propertiesOf(handle);
        return new Map<string, any>(internalProperties.map(({ name, value }: any) => [name, value]));
      });
      const locations = inside.map((parts): Location => parts.get('[[FunctionLocation]]')?.value ?? NO_LOCATION);
      this.#learnScripts(locations);
      // Of most functions that is the list of scopes alone.
      const parts = inside.map((one) => PARTS.filter((part) => one.has(part)));
      const given = handedOver(parts.flatMap((names, index) => names.map((part) => inside[index]!.get(part))));
      let at = 0;
      return parts.map((names, index) => {
        const told = Object.fromEntries(names.map((part) => [part, given[at++]]));
        const location = locations[index]!;
        const scopes = told['[[Scopes]]'] as ArrayLike<Scope> | undefined;
        return {
          location,
          script: scriptById.get(location.scriptId)!,
          around: scopes === undefined ? NO_VARIABLES : variablesIn(scopes, namesOf[index]!),
          bound: names.includes('[[TargetFunction]]')
            ? {
                target: told['[[TargetFunction]]'],
                boundThis: told['[[BoundThis]]'],
                boundArgs: told['[[BoundArgs]]'],
              }
            : undefined,
        };
      });
    });
  }

  #propertiesOf(objectId: string): any {
    return this.#post('Runtime.getProperties', { objectId, ownProperties: true });
  }

  /**
   * @param ask - is given what the inspector calls these objects, and a function that turns handles into what they
   *   stand for; `undefined` stays what it is
   */
  #handling<T>(
    objects: readonly object[],
    ask: (handles: readonly string[], handedOver: (handles: readonly any[]) => unknown[]) => T,
  ): T {
    const given: unknown[] = [];
    this.#global[ASKED] = [...objects, given];
    try {
      const { result } = this.#post('Runtime.evaluate', {
        expression: `globalThis[Symbol.for('taskmap.asked')]`,
        objectGroup: OBJECT_GROUP,
      });
      const list = this.#propertiesOf(result.objectId).result.slice(0, objects.length + 1);
      const handles: string[] = list.map(({ value }: any) => value.objectId);
      const objectId = handles.pop()!;
      return ask(handles, (asked) => {
        this.#post('Runtime.callFunctionOn', {
          functionDeclaration: HAND_OVER,
          objectId,
          arguments: asked.map(passed),
        });
        return given;
      });
    } finally {
      delete this.#global[ASKED];
      this.#post('Runtime.releaseObjectGroup', { objectGroup: OBJECT_GROUP });
    }
  }

  /**
   * Only a debugger is told which file a script is. It is told of all scripts there are, so this is done once for many
   * functions.
   */
  #learnScripts(locations: readonly Location[]): void {
    const known = isMeasured() ? lineStartsByScript : scriptById;
    const wanted = new Set(locations.map(({ scriptId }) => scriptId).filter((scriptId) => !known.has(scriptId)));
    if (wanted.size === 0) return;
    const learn = ({ params }: { params: Script & { readonly scriptId: string } }) =>
      void scriptById.set(params.scriptId, params);
    this.#session.on('Debugger.scriptParsed', learn);
    this.#post('Debugger.enable', {});
    for (const scriptId of wanted) {
      if (!scriptById.has(scriptId)) scriptById.set(scriptId, NO_SCRIPT);
      if (isMeasured()) {
        const { scriptSource } = this.#post('Debugger.getScriptSource', { scriptId });
        const breaks = (scriptSource as string).matchAll(/\r\n|[\n\r\u2028\u2029]/g);
        lineStartsByScript.set(scriptId, [0, ...Array.from(breaks, ({ index, 0: text }) => index + text.length)]);
      }
    }
    this.#post('Debugger.disable', {});
    this.#session.off('Debugger.scriptParsed', learn);
  }

  /** In the same thread the inspector answers before `post` returns. */
  #post(method: string, params: object): any {
    let answer: any;
    this.#session.post(method, params, (error: Error | null, result?: object) => {
      if (error !== null) throw new Error(`The inspector refused ${method}: ${error.message}`);
      answer = result;
    });
    if (answer?.exceptionDetails !== undefined)
      throw new Error(`The inspector failed at ${method}: ${JSON.stringify(answer.exceptionDetails)}`);
    return answer;
  }
}

/** Whether Node measures which code is run here, and in threads. */
function isMeasured(): boolean {
  return Boolean(process.env['NODE_V8_COVERAGE']);
}

/** Functions around pieces of code, in one another. */
interface Nest {
  readonly pieces: readonly CodePiece[];
  /** `undefined` if there is none, since some piece is no code that stands alone. */
  readonly innermost: Function | undefined;
}

function nestOf(pieces: readonly CodePiece[]): Nest {
  let text = `return () => [${pieces.map((_, index) => ANCHOR + index).join()}];`;
  for (const [index, { expression, strict, names }] of pieces.entries()) {
    const parameters = [...names].filter((name) => name !== 'arguments');
    // No strict code has a parameter of that name, which is asked for to see whether it is called.
    const isStrict = strict && !parameters.includes('eval');
    text =
      `return (function (${[...parameters, ANCHOR + index].join()}) { ${isStrict ? "'use strict'; " : ''}` +
      `false && [${expression}\n]; ${text} })();`;
  }
  try {
    return { pieces, innermost: vm.compileFunction(text)() as Function };
  } catch {
    return { pieces, innermost: undefined };
  }
}

/** The names of each piece that are in the scope around it. */
function namesIn({ pieces }: Nest, scopes: ArrayLike<Scope> | undefined): (ReadonlySet<string> | undefined)[] {
  if (scopes === undefined) return pieces.map(() => undefined);
  const around = Array.from(scopes, ({ object }) => object);
  return pieces.map(({ names }, index) => {
    const scope = around.find((one) => Object.hasOwn(one, ANCHOR + index))!;
    return new Set([...names].filter((name) => Object.hasOwn(scope, name)));
  });
}

/** A handle of the inspector as an argument. */
function passed({ objectId, unserializableValue, value }: any = {}): object {
  if (objectId !== undefined) return { objectId };
  return unserializableValue === undefined ? { value } : { unserializableValue };
}

/** The variables of these names in a list of scopes, the innermost first. Globals are none. */
function variablesIn(scopes: ArrayLike<Scope>, names: Iterable<string>): ReadonlyMap<string, unknown> {
  const wanted = new Set(names);
  const found = new Map<string, unknown>();
  for (let index = 0; index < scopes.length && wanted.size > 0; index++) {
    const { description, object } = scopes[index]!;
    if (description === 'Global') break;
    for (const name of wanted) {
      const variable = Object.getOwnPropertyDescriptor(object, name);
      if (variable === undefined) continue;
      found.set(name, variable.value);
      wanted.delete(name);
    }
  }
  return found;
}

/** Where a function begins. Of what a loader has compiled it is the place in the source, if Node maps lines back. */
export function placeOf({ location, script }: FunctionFacts): FunctionPlace {
  const { scriptId, lineNumber, columnNumber } = location;
  const file = fileOf(script);
  const lineStart = lineStartsByScript.get(scriptId)?.[lineNumber];
  const offset = lineStart === undefined ? undefined : lineStart + columnNumber;
  const entry = nodeModule.findSourceMap(file)?.findEntry(lineNumber, columnNumber);
  // What is measured is the code that runs, not its source.
  if (offset !== undefined || entry === undefined || !('originalSource' in entry))
    return { file, line: lineNumber, column: columnNumber, offset };
  const { originalSource, originalLine: line, originalColumn: column } = entry;
  const source = originalSource.startsWith('file:') ? fileURLToPath(originalSource) : originalSource;
  return { file: isAbsolute(source) && existsSync(source) ? source : file, line, column, offset };
}

/** As stacks name it: modules by their address, other scripts by their path. */
export function fileOf({ url, isModule }: Script): string {
  if (!url.startsWith('file:')) return fileNamed(url);
  return isModule ? url : fileURLToPath(url);
}

/** What was made of text has no file. It belongs to the program: its imports are looked for from there. */
function fileNamed(url: string): string {
  const program = process.execArgv.some((flag) => PROGRAM.test(flag)) ? '' : (process.argv[1] ?? '');
  const folder = isAbsolute(program) && existsSync(program) ? dirname(program) : process.cwd();
  return join(folder, url.replace(/^.*[\\/]/, '') || '<anonymous>');
}
