import { FileError } from '../errors.js';
import { type DiskStats, disk, newHash, refusalOf } from './disk.js';
import { type FileResult, fill, isOfHere, type Look, lookOf } from './file-result.js';
import { inTurn, othersTurn } from './in-turn.js';

/** What is at a path. */
export type Seen = Look | 'missing' | 'folder' | 'special';

/**
 * What was seen of each path last, for the next time. It says nothing wrong of whatever graph it is asked by, and when
 * there is too much of it, what was seen longest ago goes.
 */
const LOOKS = new Map<string, Look>();
const LOOKS_MAX = 200_000;
/** For so long a file is fresh, in milliseconds: more than the clock of any disk needs for its next step. */
const FRESH_MS = 2_000n;
/** Files above this many bytes are hashed without blocking where that can be waited for. */
export const LARGE = 1_048_576;
const CHUNK = 1_048_576;
const TRIES_MAX = 3;
/** For so long files are looked at before other events get their turn, in milliseconds. */
const SLICE_MS = 10;
// Taken at import, so that a faked clock stops nobody.
const elapsedMs = performance.now.bind(performance);

/** Notes what was seen of a file, by this process or one before. */
export function learn(path: string, look: Look): void {
  LOOKS.delete(path);
  LOOKS.set(path, look);
  if (LOOKS.size > LOOKS_MAX) LOOKS.delete(LOOKS.keys().next().value!);
}

/** Forgets all that was seen. For specs. */
export function forgetLooks(): void {
  LOOKS.clear();
}

/**
 * Looks at a file: at its stamp, and at its content only if the stamp does not tell what it is.
 *
 * @param isAsync - whether a promise may be returned, as it is for the content of a large file
 * @param known - what was seen of it last
 * @throws what the system throws
 */
export function see(path: string, isAsync: boolean, known?: Look): Seen | Promise<Seen> {
  const glanced = glance(path, known, LOOKS.get(path));
  if (typeof glanced !== 'number') return glanced;
  const fd = opened(path);
  if (fd === undefined) return 'missing';
  if (isAsync && glanced > LARGE) return seenSoon(path, fd);
  try {
    for (let tries = 1; ; tries++) {
      const begun = begin(fd);
      let position = 0;
      for (let count = -1; count !== 0 && position <= begun.size; position += count) {
        count = disk.read(fd, begun.chunk, position);
        begun.hash.update(begun.chunk.subarray(0, count));
      }
      const look = ended(fd, begun, tries);
      if (look !== undefined) return learned(path, look);
    }
  } finally {
    disk.close(fd);
  }
}

/** The same without reading: if that does not tell, how long the content is that is to be read, in bytes. */
export function glance(path: string, ...known: readonly (Look | undefined)[]): Seen | number {
  const stats = disk.stat(path);
  if (stats === undefined) return 'missing';
  if (!stats.isFile()) return stats.isDirectory() ? 'folder' : 'special';
  const stamp = stampOf(stats);
  return known.find((look) => look !== undefined && !look.isFresh && look.stamp === stamp) ?? Number(stats.size);
}

/**
 * Whether nobody has written a file since it was found to be what a result says: then who was given the result has read
 * just that. A file that was written and written back may have been read in between, whatever is in it now.
 */
export function isAsSeen(file: FileResult): boolean {
  const look = lookOf(file);
  // One that was given is looked at once it matters what it is.
  if (look === undefined) return true;
  const last = LOOKS.get(file.path);
  // One that was put back has another stamp than when its result was stored.
  const looks = [look, last?.hash === look.hash ? last : undefined].filter((one) => one !== undefined);
  try {
    const stats = disk.stat(file.path);
    if (stats === undefined) return false;
    if (looks.some(({ stamp }) => stamp === stampOf(stats))) return true;
    // It may have been linked to, or its mode changed. Or it was written, and its times were set back.
    if (!looks.some(({ stamp }) => isSameButEntry(stamp, stats)) || stats.size > LARGE) return false;
    return (see(file.path, false) as Look).hash === look.hash;
  } catch {
    return false;
  }
}

/** `undefined` if it was removed a moment ago. */
function opened(path: string): number | undefined {
  try {
    return disk.open(path, 'r');
  } catch (error) {
    if (refusalOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function seenSoon(path: string, fd: number): Promise<Seen> {
  try {
    for (let tries = 1; ; tries++) {
      const begun = begin(fd);
      let position = 0;
      for (let count = -1; count !== 0 && position <= begun.size; position += count) {
        count = await disk.readSoon(fd, begun.chunk, position);
        begun.hash.update(begun.chunk.subarray(0, count));
      }
      const look = ended(fd, begun, tries);
      if (look !== undefined) return learned(path, look);
    }
  } finally {
    disk.close(fd);
  }
}

/** A content that is being hashed. */
interface Begun {
  readonly before: DiskStats;
  /** In bytes: of one that grows all the time nothing behind that is read. */
  readonly size: number;
  readonly atMs: number;
  readonly hash: ReturnType<typeof newHash>;
  readonly chunk: Uint8Array;
}

function begin(fd: number): Begun {
  const atMs = disk.now();
  const before = disk.fstat(fd);
  const size = Number(before.size);
  return { atMs, before, size, hash: newHash(), chunk: new Uint8Array(Math.min(size + 1, CHUNK)) };
}

/** `undefined` if the file was changed meanwhile, and is to be read again. If it never comes to rest, it is fresh. */
function ended(fd: number, { before, atMs, hash }: Begun, tries: number): Look | undefined {
  const stamp = stampOf(before);
  const isSteady = stampOf(disk.fstat(fd)) === stamp;
  if (!isSteady && tries < TRIES_MAX) return undefined;
  const { mtimeNs, ctimeNs, mode, size } = before;
  const writtenAtMs = (mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n;
  return {
    hash: hash.digest('base64url'),
    size: Number(size),
    mode: Number(mode & 0o7777n),
    stamp,
    isFresh: !isSteady || BigInt(Math.trunc(atMs)) - writtenAtMs <= FRESH_MS,
  };
}

function learned(path: string, look: Look): Look {
  learn(path, look);
  return look;
}

function stampOf({ size, mtimeNs, ctimeNs, ino }: Pick<DiskStats, 'size' | 'mtimeNs' | 'ctimeNs' | 'ino'>): string {
  return `${size} ${mtimeNs} ${ctimeNs} ${ino}`;
}

/** Whether nothing is another but the time of the entry. */
function isSameButEntry(stamp: string, { size, mtimeNs, ino }: DiskStats): boolean {
  const ctimeNs = BigInt(stamp.split(' ')[2]!);
  return stampOf({ size, mtimeNs, ctimeNs, ino }) === stamp;
}

/**
 * Looks at the files in a result, each of which knows its content from then on.
 *
 * @param isAsync - whether a promise may be returned, which it is if there is much to look at
 * @throws {@link FileError} if one of them is no file that can be read; a promise is rejected with it
 */
export function lookAtFiles(
  files: readonly FileResult[],
  task: string | undefined,
  isAsync: boolean,
): void | Promise<void> {
  let turnEndMs = elapsedMs() + SLICE_MS;
  return inTurn(files, (file) => {
    const seen = lookAt(file, task, isAsync);
    if (seen !== undefined) return seen;
    if (!isAsync || elapsedMs() < turnEndMs) return undefined;
    return othersTurn().then(() => {
      turnEndMs = elapsedMs() + SLICE_MS;
    });
  });
}

function lookAt(file: FileResult, task: string | undefined, isAsync: boolean): void | Promise<void> {
  const refused = (cause: unknown): never => {
    if (cause instanceof FileError) throw cause;
    throw new FileError(task, file.name, 'unreadable', { cause });
  };
  const take = (seen: Seen): void => {
    if (typeof seen === 'string') throw new FileError(task, file.name, seen);
    fill(file, seen);
  };
  try {
    const look = lookOf(file);
    // Another thread has just looked: whether that is fresh matters to those who come later.
    const known = look?.isFresh && !isOfHere(file) ? { ...look, isFresh: false } : look;
    const seen = see(file.path, isAsync, known);
    if (seen instanceof Promise) return seen.then(take).catch(refused);
    take(seen === known ? look! : seen);
  } catch (error) {
    refused(error);
  }
  return undefined;
}
