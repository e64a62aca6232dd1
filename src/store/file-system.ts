import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { StoreError, StoreFailedError } from '../errors.js';
import { clock } from './clock.js';

interface FileSystem {
  close: typeof fs.closeSync;
  copy: typeof fs.copyFileSync;
  fchmod: typeof fs.fchmodSync;
  fchown: typeof fs.fchownSync;
  fdatasync: typeof fs.fdatasync;
  fdatasyncSync: typeof fs.fdatasyncSync;
  fstat: typeof fs.fstatSync;
  fsync: typeof fs.fsyncSync;
  ftruncate: typeof fs.ftruncateSync;
  link: typeof fs.linkSync;
  lstat: typeof fs.lstatSync;
  mkdir: typeof fs.mkdirSync;
  open: typeof fs.openSync;
  read: typeof fs.readSync;
  readFile: typeof fs.readFileSync;
  readdir: typeof fs.readdirSync;
  readlink: (path: string) => string;
  realpath: typeof fs.realpathSync;
  rename: typeof fs.renameSync;
  rmdir: typeof fs.rmdirSync;
  stat: typeof fs.statSync;
  unlink: typeof fs.unlinkSync;
  write: typeof fs.write;
  writeSync: typeof fs.writeSync;
}

/** All that the store asks of the file system, in one place, so that specs can let each of it fail. */
export const system: FileSystem = {
  close: fs.closeSync,
  copy: fs.copyFileSync,
  fchmod: fs.fchmodSync,
  fchown: fs.fchownSync,
  fdatasync: fs.fdatasync,
  fdatasyncSync: fs.fdatasyncSync,
  fstat: fs.fstatSync,
  fsync: fs.fsyncSync,
  ftruncate: fs.ftruncateSync,
  link: fs.linkSync,
  lstat: fs.lstatSync,
  mkdir: fs.mkdirSync,
  open: fs.openSync,
  read: fs.readSync,
  readFile: fs.readFileSync,
  readdir: fs.readdirSync,
  readlink: fs.readlinkSync,
  realpath: fs.realpathSync,
  rename: fs.renameSync,
  rmdir: fs.rmdirSync,
  stat: fs.statSync,
  unlink: fs.unlinkSync,
  write: fs.write,
  writeSync: fs.writeSync,
};

/** To read and write, made if it is not there, as it is if it is. */
export const OPEN_OR_MAKE: number = fs.constants.O_RDWR | fs.constants.O_CREAT;
/** To make, and to fail if anything of that name is there, be it a link that leads nowhere. */
const MAKE: number = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL;
/** To read what is there itself, and not what a link leads to; not to wait for another end, if it is a pipe. */
export const READ_ITSELF: number =
  fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);
/** The same, and to write to it. */
export const UPDATE_ITSELF: number = READ_ITSELF | fs.constants.O_RDWR;
/** For a copy: to fail if there is a file of that name. */
export const COPY_NEW: number = fs.constants.COPYFILE_EXCL;

/** What the system knows of a file. */
export type FileStats = fs.Stats;

/** The system's word for why it refused, or `''`. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** What the system threw as an error that says what to do. */
export function storeFailure(path: string, action: string, error: unknown): StoreError {
  return failure(path, action, error, ADVICE, 'What could not be written is kept in memory and tried again.');
}

/** The same of a store that is a folder, and keeps nothing in memory. */
export function folderFailure(path: string, action: string, error: unknown): StoreError {
  return failure(
    path,
    action,
    error,
    FOLDER_ADVICE,
    'What could not be written is not kept: its task runs again in the next process.',
  );
}

function failure(
  path: string,
  action: string,
  error: unknown,
  advice: Readonly<Record<string, string>>,
  unwritten: string,
): StoreError {
  if (error instanceof StoreError) return error;
  const reason = codeOf(error) || 'unknown reason';
  const text = advice[reason] ?? 'The cause says more.';
  return new StoreFailedError(path, action, reason, OF_THE_DISK.has(reason) ? `${text} ${unwritten}` : text, {
    cause: error,
  });
}

const PERMISSION = 'Allow this user to write to the file and its folder, or use another path.';
const FOLDER_PERMISSION = 'Allow this user to use the folder and all that is in it, or give the store another.';
const TOO_MANY = 'Too many files are open: close some, or allow the process more (ulimit -n).';
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: 'This file system can only be read: use a path on another.',
  EISDIR: 'There is a folder of this name: give the store the path of a file.',
  ENOTDIR: 'A part of the path is a file: use a path whose folders are folders.',
  EEXIST: 'A part of the path is a file: use a path whose folders are folders.',
  ENOSPC: 'The disk is full: make room.',
  EDQUOT: 'The disk quota is used up: make room.',
  EFBIG: 'The file may not grow any more: raise the limit (ulimit -f).',
  EIO: 'The disk fails: look at the system log.',
  EMFILE: TOO_MANY,
  ENFILE: TOO_MANY,
  ENAMETOOLONG: 'The path is too long: use a shorter one.',
};
const FOLDER_ADVICE: Readonly<Record<string, string>> = {
  ...ADVICE,
  EACCES: FOLDER_PERMISSION,
  EPERM: FOLDER_PERMISSION,
  EISDIR: 'There is a folder where a file belongs: remove it, or give the store another folder.',
};
/** Those that hit what is being written. */
const OF_THE_DISK: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

/**
 * Makes a file, and fails if anything of that name is there. If it is made in place of another one or beside it,
 * whoever may not read that one may not read this one.
 */
export function makeFile(path: string, like: FileStats | undefined): number {
  if (like === undefined) return system.open(path, MAKE, 0o666);
  const fd = system.open(path, MAKE, 0o600);
  try {
    system.fchmod(fd, withOwnerOf(fd, like) ? like.mode & 0o777 : like.mode & 0o707);
  } catch {
    // Where modes cannot be set, it stays as private as it was made.
  }
  return fd;
}

/** Whether the file belongs to the same group now. To the same user as well, where that can be given away. */
function withOwnerOf(fd: number, { uid, gid }: FileStats): boolean {
  const own = system.fstat(fd);
  if (own.uid === uid && own.gid === gid) return true;
  for (const user of [uid, own.uid]) {
    try {
      system.fchown(fd, user, gid);
      return true;
    } catch {
      // Only the superuser may give a file away, and its owner only to a group of his.
    }
  }
  return own.gid === gid;
}

/** Writes all of the bytes; the system may take fewer at a time. */
export function writeWhole(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += system.writeSync(fd, bytes, at, bytes.length - at, position + at);
}

/** The same without blocking. */
export function writeWholeSoon(fd: number, bytes: Uint8Array, position: number, done: (error: unknown) => void): void {
  const next = (at: number): void => {
    if (at === bytes.length) done(undefined);
    else
      system.write(fd, bytes, at, bytes.length - at, position + at, (error, written) =>
        error ? done(error) : next(at + written),
      );
  };
  next(0);
}

/** Makes safe that a file has its name. */
export function syncFolderOf(path: string): void {
  syncFolder(dirname(path));
}

/**
 * Makes safe what the files of a folder are called. Where folders cannot be synced, as on Windows, names are safe
 * without.
 */
export function syncFolder(path: string): void {
  let fd: number;
  try {
    fd = system.open(path, 'r');
  } catch (error) {
    if (['EISDIR', 'EPERM', 'EACCES'].includes(codeOf(error))) return;
    throw error;
  }
  try {
    system.fsync(fd);
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EBADF', 'ENOTSUP', 'EISDIR'].includes(codeOf(error))) throw error;
  } finally {
    system.close(fd);
  }
}

/**
 * Makes a folder and those above it, as far as they are not there, and makes safe that they are. Not by the system's
 * own recursion, which never comes back from folders in which none can be made, such as those of /proc.
 */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    makeLastFolder(path, mode);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    makeFolder(dirname(path));
    makeLastFolder(path, mode);
  }
}

function makeLastFolder(path: string, mode: number): void {
  try {
    system.mkdir(path, mode);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && system.stat(path).isDirectory()) return;
    throw error;
  }
  syncFolderOf(path);
}

/** What is in a folder, by name; nothing if it is not there. */
export function namesIn(path: string): string[] {
  try {
    return system.readdir(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Does what another process may be in the way of, again and again for a tenth of a second: Windows refuses a file that
 * is being replaced, and a file server one that has just been.
 */
export function patiently<T>(act: () => T): T {
  for (let tries = 1; ; tries++) {
    try {
      return act();
    } catch (error) {
      if (tries === TRIES_MAX || !['EACCES', 'EBUSY', 'EPERM', 'ESTALE'].includes(codeOf(error))) throw error;
      clock.block(TRIED_AGAIN_AFTER_MS);
    }
  }
}

const TRIES_MAX = 11;
const TRIED_AGAIN_AFTER_MS = 10;

/** Removes a file that nobody needs any more. If it cannot be removed, it stays. */
export function discard(path: string): void {
  try {
    system.unlink(path);
  } catch {
    // Not there, or not to be removed: it is tried again when the store is opened the next time.
  }
}

/** Removes a folder in which there is nothing. One that holds anything, that is a link or that is in use stays. */
export function discardFolder(path: string): boolean {
  try {
    system.rmdir(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * A file as bytes at places, read in large blocks. Each block is memory of its own, so that what was handed out stays
 * as it is.
 */
export class FileWindow {
  readonly size: number;
  /** Bytes of the file, those that were asked for last among them. */
  block: Buffer = Buffer.alloc(0);
  readonly #fd: number;
  #from = 0;

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  /** The bytes there; fewer if the file ends before. */
  at(offset: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const at = this.locate(offset, wanted);
    return at < 0 ? this.block.subarray(0, 0) : this.block.subarray(at, at + wanted);
  }

  /** Where in `block` these bytes begin; -1 if the file ends before they do. */
  locate(offset: number, length: number): number {
    if (offset + length > this.size) return -1;
    if (offset < this.#from || offset + length > this.#from + this.block.length)
      this.#read(offset, Math.max(length, BLOCK));
    return offset + length > this.#from + this.block.length ? -1 : offset - this.#from;
  }

  #read(offset: number, length: number): void {
    const block = Buffer.allocUnsafeSlow(Math.min(length, this.size - offset));
    let filled = 0;
    for (let count = -1; count !== 0 && filled < block.length; filled += count)
      count = system.read(this.#fd, block, filled, block.length - filled, offset + filled);
    this.block = filled === block.length ? block : block.subarray(0, filled);
    this.#from = offset;
  }
}

const BLOCK = 4 * 1024 * 1024;
