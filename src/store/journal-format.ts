import { crc32 } from 'node:zlib';
import type { FileWindow } from './file-system.js';
import { nameEnd, nameSize, readName, writeName } from './name-codec.js';

/*
 * The file of a store: a header, then records, only ever added to.
 *
 *   header   89 'TMAP' 0D 0A 1A │ version (4) │ CRC-32 of these (4)
 *   record   mark (4) │ CRC-32 (4) │ sequence (4) │ length of the body (4) │ body
 *   body     kind (1) │ graph │ task │ what was saved
 *     save       … the bytes of an outcome
 *     large      … the file that has them: name, size (8), CRC-32 (4)
 *     forget     …
 *     index      the sequence of the first (4) │ for each record since the last index, a hash of graph and task (4)
 *   name     as name-codec.ts has it
 *
 * All numbers are little-endian. The CRC is of the record's place in the file and all that follows the CRC: so a record
 * that was copied into the result of a task, as part of a file, is never taken for one of the file in which that result
 * is. Each write ends with an index. If a record is lost, the index tells of which task it was, whose older outcome
 * must not come to light again.
 */
export const FORMAT = 1;
export const HEADER_SIZE = 16;
export const RECORD_HEADER_SIZE = 16;
export const Kind = { save: 1, large: 2, forget: 3, index: 4 } as const;
const MAGIC = Buffer.from([0x89, 0x54, 0x4d, 0x41, 0x50, 0x0d, 0x0a, 0x1a]);
const MARK = Buffer.from([0xc3, 0x54, 0x4d, 0x9a]);
const MARK_NUMBER = MARK.readUInt32LE();

export function journalHeader(): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** What the first bytes of a file say: the version, or that they are not quite those of a store, or not at all. */
export function headerVersion(header: Buffer): number | 'damaged' | 'foreign' {
  const whole = header.length >= HEADER_SIZE && header.readUInt32LE(12) === crc32(header.subarray(0, 12));
  if (!header.subarray(0, 8).equals(MAGIC)) return 'foreign';
  return whole ? header.readUInt32LE(8) : 'damaged';
}

/** Whether a file of this name may be that of a large value: made at random, and in no other folder. */
export function isValueFileName(name: string): boolean {
  return /^[0-9a-f]{24}$/.test(name);
}

/** The file that has a large value. */
export interface ValueFile {
  readonly name: string;
  readonly size: number;
  readonly crc: number;
}

/** A record that is to be written. */
export type Draft =
  | { readonly kind: typeof Kind.save; readonly graph: string; readonly task: string; readonly bytes: Uint8Array }
  | { readonly kind: typeof Kind.large; readonly graph: string; readonly task: string; readonly file: ValueFile }
  | { readonly kind: typeof Kind.forget; readonly graph: string; readonly task: string };

/** A record that was read. */
export type JournalRecord = (
  | Draft
  | {
      readonly kind: typeof Kind.index;
      /** The sequence of the record that the first hash is of. */
      readonly first: number;
      readonly hashes: readonly number[];
    }
) & { readonly sequence: number; readonly size: number };

/** How many bytes a draft becomes. */
export function draftSize(draft: Draft): number {
  const names = RECORD_HEADER_SIZE + 1 + nameSize(draft.graph) + nameSize(draft.task);
  switch (draft.kind) {
    case Kind.save:
      return names + draft.bytes.length;
    case Kind.large:
      return names + nameSize(draft.file.name) + 12;
    case Kind.forget:
      return names;
    default:
      return draft satisfies never;
  }
}

export function indexSize(recordCount: number): number {
  return RECORD_HEADER_SIZE + 5 + 4 * recordCount;
}

/** @param offset - where in the file the record will be; `at`, where in the buffer */
export function writeDraft(buffer: Buffer, at: number, offset: number, sequence: number, draft: Draft): number {
  let end = at + RECORD_HEADER_SIZE;
  buffer[end++] = draft.kind;
  end = writeName(buffer, end, draft.graph);
  end = writeName(buffer, end, draft.task);
  if (draft.kind === Kind.save) {
    buffer.set(draft.bytes, end);
    end += draft.bytes.length;
  } else if (draft.kind === Kind.large) {
    end = writeName(buffer, end, draft.file.name);
    end = buffer.writeDoubleLE(draft.file.size, end);
    end = buffer.writeUInt32LE(draft.file.crc, end);
  }
  return sealed(buffer, at, end, offset, sequence);
}

export function writeIndex(
  buffer: Buffer,
  at: number,
  offset: number,
  sequence: number,
  first: number,
  hashes: readonly number[],
): number {
  let end = at + RECORD_HEADER_SIZE;
  buffer[end++] = Kind.index;
  end = buffer.writeUInt32LE(first, end);
  for (const hash of hashes) end = buffer.writeUInt32LE(hash, end);
  return sealed(buffer, at, end, offset, sequence);
}

/**
 * The record at this place, if there is a whole one.
 *
 * @param first - the number that it has, if none was lost before it
 * @param lostMax - how many may have been lost
 */
export function readRecord(
  file: FileWindow,
  offset: number,
  first: number,
  lostMax: number,
): JournalRecord | undefined {
  const at = file.locate(offset, RECORD_HEADER_SIZE + 1);
  if (at < 0 || file.block.readUInt32LE(at) !== MARK_NUMBER) return undefined;
  // Before the checksum, which takes long where marks are many and records none.
  const sequence = file.block.readUInt32LE(at + 8);
  if (sequence < first || sequence > first + lostMax) return undefined;
  const size = RECORD_HEADER_SIZE + file.block.readUInt32LE(at + 12);
  const body = checkedBody(file, offset, size);
  return body === undefined ? undefined : recordOf(file.block, body, sequence, size);
}

/** What was saved by the record that is known to be at this place, if it is still what it was. */
export function readSaved(file: FileWindow, offset: number, size: number): Uint8Array | undefined {
  const body = checkedBody(file, offset, size);
  if (body === undefined) return undefined;
  const { block } = file;
  const task = body + 1 + 4 + (block.readUInt32LE(body + 1) >>> 1);
  return block.subarray(task + 4 + (block.readUInt32LE(task) >>> 1), body - RECORD_HEADER_SIZE + size);
}

/** Where in the block the body of a record begins, if the record is whole. */
function checkedBody(file: FileWindow, offset: number, size: number): number | undefined {
  const at = file.locate(offset, size);
  if (at < 0) return undefined;
  return file.block.readUInt32LE(at + 4) === recordCrc(file.block, at + 8, at + size, offset)
    ? at + RECORD_HEADER_SIZE
    : undefined;
}

/**
 * Whether the file ends here, or within the record that begins here: a write that did not come to its end. So does one
 * of which only the length was written.
 */
export function isTorn(file: FileWindow, offset: number): boolean {
  const header = file.at(offset, RECORD_HEADER_SIZE);
  const begins = header.subarray(0, MARK.length).equals(MARK.subarray(0, header.length));
  const incomplete =
    header.length < RECORD_HEADER_SIZE || offset + RECORD_HEADER_SIZE + header.readUInt32LE(12) > file.size;
  return (begins && incomplete) || isZero(file, offset);
}

/** Where the next record may begin, or the end. */
export function nextMark(file: FileWindow, offset: number, end: number = file.size): number {
  for (let from = offset; from < end; from += STRIDE) {
    const found = file.at(from, STRIDE + MARK.length - 1).indexOf(MARK);
    if (found >= 0) return Math.min(from + found, end);
  }
  return end;
}

/** A short hash of graph and task. That two tasks have the same is harmless: one loss then counts as that of both. */
export function taskHash(graph: string, task: string): number {
  return crc32(task, crc32(`${graph}\n`));
}

export function isZero(file: FileWindow, offset: number): boolean {
  for (let from = offset; from < file.size; from += STRIDE)
    if (file.at(from, STRIDE).some((byte) => byte !== 0)) return false;
  return true;
}

const STRIDE = 1024 * 1024;

function sealed(buffer: Buffer, at: number, end: number, offset: number, sequence: number): number {
  buffer.writeUInt32LE(MARK_NUMBER, at);
  buffer.writeUInt32LE(sequence, at + 8);
  buffer.writeUInt32LE(end - at - RECORD_HEADER_SIZE, at + 12);
  buffer.writeUInt32LE(recordCrc(buffer, at + 8, end, offset), at + 4);
  return end;
}

const PLACE = Buffer.alloc(8);

function recordCrc(buffer: Buffer, from: number, to: number, offset: number): number {
  PLACE.writeDoubleLE(offset);
  return crc32(buffer.subarray(from, to), crc32(PLACE));
}

/** The record with this body, if it is one: that its checksum holds does not say who wrote it. */
function recordOf(buffer: Buffer, at: number, sequence: number, size: number): JournalRecord | undefined {
  const kind = buffer[at]!;
  const end = at - RECORD_HEADER_SIZE + size;
  if (kind === Kind.index) {
    if (size < indexSize(0)) return undefined;
    const hashes: number[] = [];
    for (let next = at + 5; next + 4 <= end; next += 4) hashes.push(buffer.readUInt32LE(next));
    return { kind, first: buffer.readUInt32LE(at + 1), hashes, sequence, size };
  }
  const graphEnd = nameEnd(buffer, at + 1, end);
  const taskEnd = nameEnd(buffer, graphEnd, end);
  if (taskEnd > end) return undefined;
  const { name: graph } = readName(buffer, at + 1);
  const { name: task } = readName(buffer, graphEnd);
  if (kind === Kind.save) return { kind, graph, task, bytes: buffer.subarray(taskEnd, end), sequence, size };
  if (kind === Kind.forget) return { kind, graph, task, sequence, size };
  const fileEnd = nameEnd(buffer, taskEnd, end);
  if (kind !== Kind.large || fileEnd + 12 > end) return undefined;
  const { name } = readName(buffer, taskEnd);
  if (!isValueFileName(name)) return undefined;
  const file = { name, size: buffer.readDoubleLE(fileEnd), crc: buffer.readUInt32LE(fileEnd + 8) };
  return { kind, graph, task, file, sequence, size };
}
