/** What is found out about a package. The last three compute, and run on worker threads: they import this file. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

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
  readonly folder: string;
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
  if (manifest.licence !== undefined && !/^see licen[cs]e in/i.test(manifest.licence))
    return { name: manifest.licence, from: 'manifest' };
  const entries = await readdir(folder, { withFileTypes: true });
  const file = entries.find((entry) => entry.isFile() && LICENCE_FILE.test(entry.name));
  if (file === undefined)
    return { name: manifest.licence ?? 'none', from: manifest.licence === undefined ? 'nowhere' : 'manifest' };
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
  return { folder, fileCount, bytes, sources: sources.sort() };
}

/** One hash over the names and contents of all source files. */
export function hashOf(files: FileList): string {
  const hash = createHash('sha256');
  for (const [path, content] of sourcesOf(files)) hash.update(`${path}\0${content.length}\0`).update(content);
  return hash.digest('hex');
}

export function linesOf(files: FileList): number {
  let lines = 0;
  for (const [, content] of sourcesOf(files)) {
    for (let end = content.indexOf('\n'); end >= 0; end = content.indexOf('\n', end + 1)) lines++;
    if (content.length > 0 && content.at(-1) !== 0x0a) lines++;
  }
  return lines;
}

/** How many bytes the source files take, each compressed on its own. */
export function gzippedBytesOf(files: FileList): number {
  let bytes = 0;
  for (const [, content] of sourcesOf(files)) bytes += gzipSync(content).length;
  return bytes;
}

/** One file at a time is read: what a package holds need not be in memory at once. */
function* sourcesOf({ folder, sources }: FileList): Generator<[path: string, content: Buffer]> {
  for (const path of sources) yield [path, readFileSync(join(folder, path))];
}
