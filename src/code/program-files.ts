import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Code, type CodePart, packagePart, UNCERTAIN, type UnseenPart } from './code-part.js';

/** A module that some file asks for. */
export interface ModuleRequest {
  readonly specifier: string;
  /** The file that asks. */
  readonly from: string;
}

/** What a module of the program is, by what is in its file. */
interface FileFacts {
  readonly identity: string;
  readonly requests: ModuleRequests;
}

/** Which modules a piece of code asks for, by the names that stand in it. */
export interface ModuleRequests {
  readonly specifiers: readonly string[];
  /** Those that stand in code for certain, and in no comment. */
  readonly certain: ReadonlySet<string>;
  /** It also imports by names that are worked out as it runs. */
  readonly areMore: boolean;
}

/** What a module turns out to be. */
type Found =
  | { readonly files: readonly string[] }
  | { readonly part: CodePart }
  | { readonly unseen: string }
  | undefined;

interface KnownFile extends FileFacts {
  readonly stamp: string;
}

/** Facts of files by their paths, as long as the files are those that were read. */
const knownFiles = new Map<string, KnownFile>();
/**
 * What each file was when this process first looked at it. Modules are loaded once, so if a file is another by now, the
 * code that runs may be either: from then on it is uncertain, also when the edit is undone.
 */
const firstIdentities = new Map<string, string>();
/** A file that was written so short a time ago may be written again without a new time, in milliseconds. */
const UNSETTLED_MS = 2_000;

const CODE = /\.[cm]?[jt]sx?$/;
const TEXT = /\.([cm]?[jt]sx?|json)$/;
const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json', '.d.ts'];
/** By what names a file goes before it is compiled. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
};
const BETWEEN = String.raw`(?:\s|/\*[\s\S]*?\*/|//[^\n]*\n)*`;
/** A name in quotes behind a word that imports, and whatever stands between them. */
const REQUEST = new RegExp(
  `(?:\\b(?:from|import|require)|__vite_ssr_dynamic_import__)${BETWEEN}\\(?${BETWEEN}(['"\`])([^'"\`\\n$]+)\\1`,
  'g',
);
/** Import by what is no name in quotes, of CommonJS too. */
const OTHER_REQUEST = /(?:\bimport|\brequire|__vite_ssr_dynamic_import__)\s*\((?!\s*(?:['"]|`[^`$]*`|\/[*/]))/;
const COMMENT_OR_STRING = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g;

/**
 * The modules that a piece of code asks for. What stands in comments and strings counts as well: a module too many has
 * a task run for nothing, one that is overlooked would have its result be kept wrongly.
 */
export function moduleRequestsIn(text: string): ModuleRequests {
  const specifiers = specifiersIn(text);
  const bare = text.replace(COMMENT_OR_STRING, (found) => (found.startsWith('/') ? ' ' : found));
  const certain = new Set(specifiers.length === 0 ? [] : specifiersIn(bare));
  return { specifiers, certain, areMore: OTHER_REQUEST.test(bare.replace(COMMENT_OR_STRING, "''")) };
}

function specifiersIn(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(REQUEST), ([, , specifier]) => specifier!))];
}

/** A hash, as 22 characters: what is told apart by it are some versions of one thing. */
export function shortHash(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64url').slice(0, 22);
}

/** Texts that differ in nothing but the ends of their lines are the same. */
export function sameLines(text: string): string {
  return text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
}

/** A file as labels name it, seen from a folder: the same wherever the program is. */
export function labelOf(file: string, folder: string): string {
  const path = relative(folder, file).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** The package that a file is part of, if it is one of those that are installed. */
export function installedPackageOf(file: string): { readonly name: string; readonly folder: string } | undefined {
  const [, folder, name] = /^(.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+))(?:[\\/]|$)/.exec(file) ?? [];
  return folder === undefined ? undefined : { folder, name: name!.replace('\\', '/') };
}

/** The files and packages of a program as they are during one run: each is looked at once. */
export class ProgramFiles {
  readonly #facts = new Map<string, FileFacts | string>();
  readonly #versions = new Map<string, string>();
  readonly #found = new Map<string, Found>();

  /**
   * What some modules hang on: each file of the program that is reached from them, and each package.
   *
   * @param folder - from where files are named
   */
  reachedFrom(requests: readonly ModuleRequest[], folder: string): Code {
    const parts: CodePart[] = [];
    const unseen: UnseenPart[] = [];
    const seen = new Set<string>();
    const queue: string[] = [];
    const follow = ({ specifier, from }: ModuleRequest, isCertain: boolean) => {
      const found = this.#find(specifier, from);
      if (found === undefined) return;
      if ('files' in found) {
        queue.push(...found.files.filter((file) => !seen.has(file)));
        for (const file of found.files) seen.add(file);
      } else if ('part' in found) {
        if (!seen.has(found.part[0])) parts.push(found.part);
        seen.add(found.part[0]);
      } else if (isCertain) unseen.push({ name: specifier, what: found.unseen });
    };
    for (const request of requests) follow(request, true);
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const facts = this.#factsOf(file);
      const label = labelOf(file, folder);
      if (typeof facts === 'string') {
        unseen.push({ name: label, what: facts });
        continue;
      }
      parts.push([label, facts.identity]);
      for (const specifier of facts.requests.specifiers)
        follow({ specifier, from: file }, facts.requests.certain.has(specifier));
      if (facts.requests.areMore)
        unseen.push({ name: label, what: 'it imports by names that are worked out as it runs' });
    }
    return { parts, unseen };
  }

  /** The version of a package, by its folder. */
  versionOf(folder: string): string {
    let version = this.#versions.get(folder);
    if (version === undefined) {
      version = String(manifestIn(folder)?.['version'] ?? 'unknown');
      this.#versions.set(folder, version);
    }
    return version;
  }

  #find(specifier: string, from: string): Found {
    const key = JSON.stringify([specifier, dirname(from)]);
    if (!this.#found.has(key)) this.#found.set(key, this.#findAnew(specifier, from));
    return this.#found.get(key);
  }

  #findAnew(specifier: string, from: string): Found {
    if (specifier.startsWith('data:') || nodeModule.isBuiltin(specifier)) return undefined;
    if (specifier.startsWith('file:')) return filesAt(pathOf(specifier), specifier);
    if (/^[a-z][a-z\d+.-]+:/i.test(specifier)) return { unseen: 'it is in no file' };
    if (/^(\.{1,2}$|\.{0,2}[\\/])/.test(specifier))
      return filesAt(resolve(dirname(from), withoutQuery(specifier)), specifier);
    const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];
    const folder = specifier.startsWith('#') ? undefined : folderOfPackage(name, from);
    const installed = folder === undefined ? undefined : installedPackageOf(folder);
    if (installed !== undefined) return { part: packagePart(name, this.versionOf(folder!)) };
    // Of the program itself: by its own name, by that of another folder of it which is linked, or by `#name`.
    let file: string;
    try {
      file = realpathSync(nodeModule.createRequire(from).resolve(specifier));
    } catch {
      return { unseen: 'it was not found' };
    }
    const other = installedPackageOf(file);
    return other === undefined ? { files: [file] } : { part: packagePart(other.name, this.versionOf(other.folder)) };
  }

  #factsOf(file: string): FileFacts | string {
    let facts = this.#facts.get(file);
    if (facts === undefined) {
      try {
        facts = factsOf(file);
      } catch (error) {
        facts = `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'no file'})`;
      }
      this.#facts.set(file, facts);
    }
    return facts;
  }
}

function factsOf(file: string): FileFacts {
  const { identity, requests } = readFactsOf(file);
  const first = firstIdentities.get(file) ?? identity;
  const certain = first === identity ? identity : UNCERTAIN;
  firstIdentities.set(file, certain);
  return { identity: certain, requests };
}

function readFactsOf(file: string): FileFacts {
  const { size, mtimeMs, ino } = statSync(file);
  const stamp = [size, mtimeMs, ino].join();
  const known = knownFiles.get(file);
  if (known?.stamp === stamp) return known;
  const isSettled = Date.now() - mtimeMs > UNSETTLED_MS;
  const bytes = readFileSync(file);
  const text = TEXT.test(file) ? sameLines(bytes.toString('utf8')) : '';
  const identity = shortHash(TEXT.test(file) ? text : bytes);
  const facts: KnownFile = { stamp, identity, requests: moduleRequestsIn(CODE.test(file) ? text : '') };
  if (isSettled) knownFiles.set(file, facts);
  else knownFiles.delete(file);
  return facts;
}

/** The file that a path means: itself, what it is compiled from, or what it means without its extension. */
function filesAt(path: string, specifier: string): Found {
  const extension = /\.[cm]?jsx?$/.exec(path)?.[0] ?? '';
  const sources = (SOURCES[extension] ?? []).map((one) => path.slice(0, -extension.length) + one);
  // Which of both a loader takes is its own affair.
  const exact = [path, ...sources].filter(isFile);
  const guessed = [path, join(path, 'index')].flatMap((stem) => EXTENSIONS.map((one) => stem + one));
  const files = exact.length > 0 ? exact : guessed.filter(isFile).slice(0, 1);
  return files.length > 0 ? { files } : { unseen: `${basename(withoutQuery(specifier))} was not found` };
}

function folderOfPackage(name: string, from: string): string | undefined {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(found)) return realpathSync(found);
    if (dirname(folder) === folder) return undefined;
  }
}

function manifestIn(folder: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** A path of an address or of what may be one. */
export function pathOf(file: string): string {
  return withoutQuery(file.startsWith('file:') ? fileURLToPath(withoutQuery(file)) : file);
}

function withoutQuery(address: string): string {
  return address.replace(/[?#].*$/, '');
}
