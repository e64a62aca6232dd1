import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  codeOf,
  discard,
  discardFolder,
  type FileStats,
  FileWindow,
  makeFile,
  makeFolder,
  namesIn,
  syncFolderOf,
  system,
  writeWhole,
} from './file-system.js';
import { isValueFileName, type ValueFile } from './journal-format.js';

/**
 * Large values, each in a file of its own, in a folder beside the file of the store. A file gets its name at random and
 * its record only once it is safe, so that a record never names one that is not whole; one that no record names is left
 * over from a process that ended, or from a value that was replaced.
 */
export class ValueFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Writes a value, and returns when it is safe.
   *
   * @param store - the file of the store: who may not read that may not read the value
   */
  write(bytes: Uint8Array, store: FileStats): ValueFile {
    const name = randomBytes(12).toString('hex');
    const path = join(this.path, name);
    // Who may read may also look into the folder.
    makeFolder(this.path, 0o700 | (store.mode & 0o777) | ((store.mode & 0o444) >> 2));
    try {
      const fd = makeFile(path, store);
      try {
        writeWhole(fd, bytes, 0);
        system.fsync(fd);
      } finally {
        system.close(fd);
      }
      syncFolderOf(path);
    } catch (error) {
      discard(path);
      throw error;
    }
    return { name, size: bytes.length, crc: crc32(bytes) };
  }

  /** The value, if the file is there and what it was. */
  read({ name, size, crc }: ValueFile): Uint8Array | undefined {
    let fd: number;
    try {
      fd = system.open(join(this.path, name), 'r');
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
    try {
      const found = system.fstat(fd).size;
      if (found !== size) return undefined;
      const bytes = new FileWindow(fd, found).at(0, found);
      return bytes.length === size && crc32(bytes) === crc ? bytes : undefined;
    } finally {
      system.close(fd);
    }
  }

  remove({ name }: ValueFile): void {
    discard(join(this.path, name));
    discardFolder(this.path);
  }

  /** Removes the files that are none of these. What has another kind of name is not ours, and stays. */
  removeAllBut(files: readonly ValueFile[]): void {
    const kept = new Set(files.map(({ name }) => name));
    for (const name of namesIn(this.path)) if (isValueFileName(name) && !kept.has(name)) discard(join(this.path, name));
    discardFolder(this.path);
  }
}
