import { createHash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** What the audit needs of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  /** The SPDX expression, or whatever stands there in its place; `undefined` if nothing does. */
  readonly licence: string | undefined;
}

/** A licence and where it was found. */
export interface Licence {
  /** `'none'` if neither the manifest nor a file says anything. */
  readonly name: string;
  readonly from: 'manifest' | 'file' | 'nowhere';
}

/** What lies in a package's folder, other packages left out. */
export interface FileList {
  readonly fileCount: number;
  readonly bytes: number;
  /** The paths of the source files, relative to the package, sorted. */
  readonly sources: readonly string[];
}

const SOURCE = /\.[cm]?[jt]sx?$/;
const LICENCE_FILE = /^(licen[cs]e|copying|unlicense)/i;
/** Words that tell a licence by its text. The first that fits counts. */
const LICENCE_TEXTS: readonly (readonly [name: string, words: RegExp])[] = [
  ['MIT', /permission is hereby granted, free of charge/i],
  ['ISC', /permission to use, copy, modify,? and(\/or)? distribute this software/i],
  ['Apache-2.0', /apache license\s+version 2\.0/i],
  ['BSD-3-Clause', /redistribution and use in source and binary forms[\s\S]*neither the name/i],
  ['BSD-2-Clause', /redistribution and use in source and binary forms/i],
  ['MPL-2.0', /mozilla public license,? version 2\.0/i],
  ['Unlicense', /free and unencumbered software released into the public domain/i],
];

/** @throws if there is no package.json, or it is no JSON, or has no name */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error('There is no package.json.', { cause: error }) : error;
  });
  let manifest: { name?: unknown; version?: unknown; license?: unknown; licenses?: unknown } | null;
  try {
    manifest = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`package.json is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof manifest?.name !== 'string') throw new Error('package.json has no name.');
  return {
    name: manifest.name,
    version: typeof manifest.version === 'string' ? manifest.version : '(none)',
    licence: licenceText(manifest.license ?? manifest.licenses),
  };
}

/** The forms that a manifest's licence takes: a string; in old ones, an object with a type, or a list of such. */
function licenceText(licence: unknown): string | undefined {
  if (typeof licence === 'string') return licence.trim() || undefined;
  if (Array.isArray(licence)) return licence.flatMap((one) => licenceText(one) ?? []).join(' OR ') || undefined;
  const type = (licence as { type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' ? licenceText(type) : undefined;
}

/** The licence in the manifest; failing that, the one that a licence file in the folder looks like. */
export async function findLicence(folder: string, manifest: Manifest): Promise<Licence> {
  if (manifest.licence !== undefined && !/^see licen[cs]e in/i.test(manifest.licence)) return { name: manifest.licence, from: 'manifest' };
  const entries = await readdir(folder, { withFileTypes: true });
  const file = entries.find((entry) => entry.isFile() && LICENCE_FILE.test(entry.name));
  if (file === undefined) return { name: manifest.licence ?? 'none', from: manifest.licence === undefined ? 'nowhere' : 'manifest' };
  const text = await readFile(join(folder, file.name), 'utf8');
  return { name: LICENCE_TEXTS.find(([, words]) => words.test(text))?.[0] ?? `see ${file.name}`, from: 'file' };
}

export async function listFiles(folder: string): Promise<FileList> {
  let fileCount = 0;
  let bytes = 0;
  const sources: string[] = [];
  const folders = [''];
  for (let inside = folders.pop(); inside !== undefined; inside = folders.pop()) {
    for (const entry of await readdir(join(folder, inside), { withFileTypes: true })) {
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
      // What is installed inside a package is a package of its own.
      if (entry.isDirectory() && path !== 'node_modules') folders.push(path);
      if (!entry.isFile()) continue;
      fileCount++;
      bytes += (await lstat(join(folder, path))).size;
      if (SOURCE.test(path)) sources.push(path);
    }
  }
  return { fileCount, bytes, sources: sources.sort() };
}

/**
 * The source files of a package. What is in them is held until `release()`, and read again if it is asked for after that: then a single task of the
 * package is being run once more.
 */
export class Sources {
  readonly paths: readonly string[];
  readonly #folder: string;
  #held: readonly Buffer[] | undefined;

  private constructor(folder: string, paths: readonly string[]) {
    this.#folder = folder;
    this.paths = paths;
  }

  static async read(folder: string, paths: readonly string[]): Promise<Sources> {
    const sources = new Sources(folder, paths);
    await sources.contents();
    return sources;
  }

  /** What is in the files, in the order of `paths`. */
  async contents(): Promise<readonly Buffer[]> {
    if (this.#held !== undefined) return this.#held;
    const contents: Buffer[] = [];
    // One file at a time: as many files are open as there are packages being read, which is what the executor limits.
    for (const path of this.paths) contents.push(await readFile(join(this.#folder, path)));
    this.#held = contents;
    return contents;
  }

  release(): void {
    this.#held = undefined;
  }
}

/** One hash over the names and contents of all source files. */
export async function hashOf(sources: Sources): Promise<string> {
  const hash = createHash('sha256');
  for (const [index, content] of (await sources.contents()).entries()) hash.update(`${sources.paths[index]}\0${content.length}\0`).update(content);
  return hash.digest('hex');
}

export async function linesOf(sources: Sources): Promise<number> {
  let lines = 0;
  for (const content of await sources.contents()) {
    for (let end = content.indexOf('\n'); end >= 0; end = content.indexOf('\n', end + 1)) lines++;
    if (content.length > 0 && content.at(-1) !== 0x0a) lines++;
  }
  return lines;
}

/** How many bytes the source files take, each compressed on its own. */
export async function gzippedBytesOf(sources: Sources): Promise<number> {
  let bytes = 0;
  for (const content of await sources.contents()) bytes += (await promisify(gzip)(content)).length;
  return bytes;
}
