import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { nameEnd, nameSize, readName, writeName } from './name-codec.js';

/*
 * The file of one outcome:
 *
 *   89 'TMAO' 0D 0A 1A │ CRC-32 of all that follows (4) │ version (4) │ size of the file (8) │ graph │ task │ outcome
 *
 * All numbers are little-endian. Up to the size it stays so in every version: thus a file of a newer one is told from
 * one that was damaged.
 */
const FORMAT = 1;
const MAGIC = Buffer.from([0x89, 0x54, 0x4d, 0x41, 0x4f, 0x0d, 0x0a, 0x1a]);
const CRC_AT = 8;
const VERSION_AT = 12;
const SIZE_AT = 16;
const NAMES_AT = 24;

/** The beginning of the file of an outcome. The bytes of the outcome follow. */
export function outcomeFileHead(graph: string, task: string, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(NAMES_AT + nameSize(graph) + nameSize(task));
  MAGIC.copy(head);
  head.writeUInt32LE(FORMAT, VERSION_AT);
  head.writeDoubleLE(head.length + bytes.length, SIZE_AT);
  writeName(head, writeName(head, NAMES_AT, graph), task);
  head.writeUInt32LE(crc32(bytes, crc32(head.subarray(VERSION_AT))), CRC_AT);
  return head;
}

/** What a file was found to be. */
export type OutcomeFile =
  | { readonly state: 'whole'; readonly graph: string; readonly task: string; readonly bytes: Uint8Array }
  /** Whole, and written by a newer version. */
  | { readonly state: 'newer'; readonly version: number }
  /** `task` is what its beginning says, if it says anything. It may be wrong as well. */
  | { readonly state: 'torn' | 'damaged'; readonly task: string | undefined };

export function readOutcomeFile(file: Buffer): OutcomeFile {
  const isOurs = file.length >= NAMES_AT && file.subarray(0, MAGIC.length).equals(MAGIC);
  const isWhole =
    isOurs &&
    file.readDoubleLE(SIZE_AT) === file.length &&
    crc32(file.subarray(VERSION_AT)) === file.readUInt32LE(CRC_AT);
  if (!isWhole)
    return { state: isTorn(file, isOurs) ? 'torn' : 'damaged', task: isOurs ? taskSaidIn(file) : undefined };
  const version = file.readUInt32LE(VERSION_AT);
  if (version !== FORMAT) return { state: 'newer', version };
  // Whoever wrote the checksum need not have written names.
  if (taskSaidIn(file) === undefined) return { state: 'damaged', task: undefined };
  const graph = readName(file, NAMES_AT);
  const task = readName(file, graph.end);
  return { state: 'whole', graph: graph.name, task: task.name, bytes: file.subarray(task.end) };
}

/**
 * Whether a file ends too early, or only its length was written: what a machine that lost power leaves of it, or a copy
 * that did not come to its end.
 */
function isTorn(file: Buffer, isOurs: boolean): boolean {
  if (isOurs) return file.readDoubleLE(SIZE_AT) > file.length;
  const beginning = file.subarray(0, MAGIC.length);
  return (
    (file.length < NAMES_AT && beginning.equals(MAGIC.subarray(0, beginning.length))) ||
    file.every((byte) => byte === 0)
  );
}

function taskSaidIn(file: Buffer): string | undefined {
  const at = nameEnd(file, NAMES_AT, file.length);
  return nameEnd(file, at, file.length) <= file.length ? readName(file, at).name : undefined;
}

/**
 * What the file of a task, or the folder of a graph, is called: what can be read of its name, and a hash of all of it.
 * No two names share one, not even on disks that do not tell capitals from small letters, or that write accents in
 * another way than they are given.
 */
export function fileNameOf(name: string): string {
  const readable = name
    .slice(0, READABLE_MAX)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, READABLE_MAX)
    .replaceAll(/^-|-$/g, '');
  // UTF-16, since UTF-8 says the same of all lone surrogates.
  const hash = createHash('sha256').update(name, 'utf16le').digest('hex');
  return readable === '' ? hash : `${readable}-${hash}`;
}

/** Whether this may be the name of a file of an outcome. */
export function isOutcomeFileName(name: string): boolean {
  return /^([a-z0-9-]+-)?[0-9a-f]{64}$/.test(name);
}

const READABLE_MAX = 24;
