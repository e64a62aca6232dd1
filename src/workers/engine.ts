import { existsSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { PROGRAM } from './thread-flags.js';

/** What the engine knows of a function. */
export interface FunctionFacts {
  /** Where it was written: a file as stacks name it; where there is none, a name in the folder of the program. */
  readonly file: string;
  /** Where in the file it begins, counted from 0: as the engine counts, in what it was given to run. */
  readonly line: number;
  readonly column: number;
  /** How many characters stand before it, if Node measures which code was run: that is told by positions. */
  readonly offset: number | undefined;
  /** Those of the names asked for that are variables or imports around it. */
  readonly around: ReadonlySet<string>;
}

/** A script, as the inspector tells of it. */
interface Script {
  readonly url: string;
  readonly isModule?: boolean;
}

interface Location {
  readonly scriptId: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** What the inspector has told of a function. */
interface Asked {
  readonly location: Location;
  readonly around: readonly string[];
}

/**
 * Those of the names that each list of scopes has, globals left out, or in scopes of one kind. Runs in the inspector,
 * over lists of its own.
 */
const NAMES_IN_SCOPES = `function (names, kind, ...lists) {
  const has = Object.prototype.hasOwnProperty;
  return lists.map((scopes) => {
    const found = [];
    for (let index = 0; index < scopes.length; index++) {
      const { description, object } = scopes[index];
      if (description !== 'Global' && description.startsWith(kind))
        found.push(...names.filter((name) => has.call(object, name)));
    }
    return found;
  });
}`;
/** So many functions are asked about at once. */
const BATCH = 500;
const OBJECT_GROUP = 'taskmap';
/** The parameter that is used for certain, so that there is a scope to look at. */
const ANCHOR = '$taskmapAnchor$';

/** What was learned of scripts, by their ids. They never change. */
const fileByScript = new Map<string, string>();
const lineStartsByScript = new Map<string, readonly number[]>();

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
   * Which of some names a piece of code takes from around it: made parameters of a function around it, the engine keeps
   * just those that are used further inside.
   *
   * @param expressions - they are compiled, and not run
   */
  freeNames(expressions: readonly string[], names: readonly string[]): ReadonlySet<string> {
    const text = `return (() => ${ANCHOR}) || [${expressions.join(',\n')}]`;
    const anchor = vm.compileFunction(text, [...names, ANCHOR])() as Function;
    // Only what it holds itself: behind it are constants of other scripts, which are no names of this code.
    return new Set(this.#ask([anchor], [...names, 'arguments'], 'Closure')[0]!.around);
  }

  /** @param names - the names that matter; others around a function are not told of */
  factsOf(functions: readonly Function[], names: readonly string[]): FunctionFacts[] {
    const asked: Asked[] = [];
    for (let first = 0; first < functions.length; first += BATCH)
      asked.push(...this.#ask(functions.slice(first, first + BATCH), names));
    const known = isMeasured() ? lineStartsByScript : fileByScript;
    const unknown = new Set(asked.map(({ location }) => location.scriptId).filter((script) => !known.has(script)));
    if (unknown.size > 0) this.#learnScripts(unknown);
    return asked.map(({ location, around }) => ({ ...placeOf(location), around: new Set(around) }));
  }

  close(): void {
    this.#session.disconnect();
  }

  #ask(functions: readonly Function[], names: readonly string[], kind = ''): Asked[] {
    const places: { location: Location; scopes: string }[] = [];
    for (const objectId of this.#handlesOf(functions)) {
      const { internalProperties } = this.#post('Runtime.getProperties', { objectId, ownProperties: true });
      const inside = new Map<string, any>(internalProperties.map(({ name, value }: any) => [name, value]));
      places.push({ location: inside.get('[[FunctionLocation]]').value, scopes: inside.get('[[Scopes]]').objectId });
    }
    const { result } = this.#post('Runtime.callFunctionOn', {
      functionDeclaration: NAMES_IN_SCOPES,
      objectId: places[0]!.scopes,
      arguments: [{ value: names }, { value: kind }, ...places.map(({ scopes }) => ({ objectId: scopes }))],
      returnByValue: true,
    });
    this.#post('Runtime.releaseObjectGroup', { objectGroup: OBJECT_GROUP });
    return places.map(({ location }, index) => ({ location, around: result.value[index] }));
  }

  /** What the inspector calls these functions. */
  #handlesOf(functions: readonly Function[]): string[] {
    const key = Symbol.for('taskmap.asked');
    this.#global[key] = functions;
    try {
      const { result } = this.#post('Runtime.evaluate', {
        expression: `globalThis[Symbol.for('taskmap.asked')]`,
        objectGroup: OBJECT_GROUP,
      });
      const list = this.#post('Runtime.getProperties', { objectId: result.objectId, ownProperties: true });
      return list.result.slice(0, functions.length).map(({ value }: any) => value.objectId);
    } finally {
      delete this.#global[key];
    }
  }

  /**
   * Only a debugger is told which file a script is. It is told of all scripts there are, so this is done once for many
   * functions.
   */
  #learnScripts(wanted: ReadonlySet<string>): void {
    const learn = ({ params }: { params: Script & { readonly scriptId: string } }) =>
      void fileByScript.set(params.scriptId, fileOf(params));
    this.#session.on('Debugger.scriptParsed', learn);
    this.#post('Debugger.enable', {});
    for (const scriptId of wanted) {
      if (!fileByScript.has(scriptId)) fileByScript.set(scriptId, fileNamed(''));
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

/** Where a function begins. Of what a loader has compiled it is the place in the source, if Node maps lines back. */
function placeOf({ scriptId, lineNumber, columnNumber }: Location): Omit<FunctionFacts, 'around'> {
  const file = fileByScript.get(scriptId)!;
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
function fileOf({ url, isModule }: Script): string {
  if (!url.startsWith('file:')) return fileNamed(url);
  return isModule ? url : fileURLToPath(url);
}

/** What was made of text has no file. It belongs to the program: its imports are looked for from there. */
function fileNamed(url: string): string {
  const program = process.execArgv.some((flag) => PROGRAM.test(flag)) ? '' : (process.argv[1] ?? '');
  const folder = isAbsolute(program) && existsSync(program) ? dirname(program) : process.cwd();
  return join(folder, url.replace(/^.*[\\/]/, '') || '<anonymous>');
}
