import { FileError } from '../errors.js';

/*
 * The door to the file system for all files that tasks take and make. What is needed of Node.js is asked for, and not
 * imported: a graph without files runs in browsers as well.
 */

/** What the system knows of a file. Times are in nanoseconds, since editors are quicker than a millisecond. */
export interface DiskStats {
  readonly size: bigint;
  readonly mode: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
}

interface Disk {
  /** Of what is at the end of all links; `undefined` if nothing is there. */
  stat(path: string): DiskStats | undefined;
  fstat(fd: number): DiskStats;
  realpath(path: string): string;
  /** What is in a folder. */
  list(path: string, options: object): unknown;
  open(path: string, flags: 'r' | 'wx'): number;
  close(fd: number): void;
  read(fd: number, into: Uint8Array, position: number): number;
  /** The same without blocking. */
  readSoon(fd: number, into: Uint8Array, position: number): Promise<number>;
  write(fd: number, bytes: Uint8Array): void;
  chmod(fd: number, mode: number): void;
  sync(fd: number): void;
  makeFolder(path: string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** In milliseconds since 1970. */
  now(): number;
}

// Taken at import, so that a clock that a test turns changes nothing of what is known of files.
const now = Date.now;

/** All that is asked of the file system, in one place, so that specs can count it and let it fail. */
export const disk: Disk = {
  stat: (path) => fs().statSync(path, { bigint: true, throwIfNoEntry: false }),
  fstat: (fd) => fs().fstatSync(fd, { bigint: true }),
  realpath: (path) => fs().realpathSync(path),
  list: (path, options) => fs().readdirSync(path, options),
  open: (path, flags) => fs().openSync(path, flags),
  close: (fd) => fs().closeSync(fd),
  read: (fd, into, position) => fs().readSync(fd, into, 0, into.length, position),
  readSoon: (fd, into, position) =>
    new Promise((resolve, reject) => {
      fs().read(fd, into, 0, into.length, position, (error, count) => (error ? reject(error) : resolve(count)));
    }),
  write: (fd, bytes) => {
    for (let at = 0; at < bytes.length; ) at += fs().writeSync(fd, bytes, at);
  },
  chmod: (fd, mode) => fs().fchmodSync(fd, mode),
  sync: (fd) => fs().fsyncSync(fd),
  makeFolder: (path) => void fs().mkdirSync(path, { recursive: true }),
  rename: (from, to) => fs().renameSync(from, to),
  unlink: (path) => fs().unlinkSync(path),
  now: () => now(),
};

function fs() {
  return globalThis.process?.getBuiltinModule?.('node:fs') ?? noFiles();
}

/** A path without `.` and `..`, from the root of the disk on. One that is relative starts from a folder. */
export function resolvedPath(path: string, folder = '.'): string {
  return paths().resolve(folder, path);
}

/** What `/` is called here. */
export function separator(): string {
  return paths().sep;
}

export function folderOf(path: string): string {
  return paths().dirname(path);
}

export function joined(folder: string, name: string): string {
  return paths().join(folder, name);
}

/** The last part of a path. */
export function lastOf(path: string): string {
  return paths().basename(path);
}

/** What the name of a file ends with, from its last dot on. */
export function extensionOf(path: string): string {
  return paths().extname(path);
}

/** The path that a `file:` address means. */
export function pathOfAddress(address: URL): string {
  return (globalThis.process?.getBuiltinModule?.('node:url') ?? noFiles()).fileURLToPath(address);
}

/** Takes in bytes, and gives their SHA-256. */
export interface ByteHash {
  update(bytes: Uint8Array): unknown;
  digest(encoding: 'base64url'): string;
}

export function newHash(): ByteHash {
  return (globalThis.process?.getBuiltinModule?.('node:crypto') ?? noFiles()).createHash('sha256');
}

/** Loads a package when it is first needed, without waiting. */
export function required(name: string): unknown {
  return (globalThis.process?.getBuiltinModule?.('node:module') ?? noFiles()).createRequire(import.meta.url)(name);
}

/** As many random characters as make a name that nobody else makes. */
export function randomName(): string {
  return globalThis.crypto.randomUUID().replaceAll('-', '').slice(0, 16);
}

/** The system's word for why it refused, or `''`. */
export function refusalOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** Removes a file that nobody needs. If it cannot be removed, it stays. */
export function discarded(path: string): void {
  try {
    disk.unlink(path);
  } catch {
    // Not there, or not to be removed.
  }
}

function paths() {
  return globalThis.process?.getBuiltinModule?.('node:path') ?? noFiles();
}

function noFiles(): never {
  throw new FileError(undefined, '', 'unsupported');
}
