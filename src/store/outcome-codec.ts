import { crc32 } from 'node:zlib';
import type { CodePart } from '../code/code-part.js';
import { insteadOf } from '../codec/error-record.js';
import { decodeValue, encodeValue } from '../codec/value-codec.js';
import { hashValue } from '../codec/value-hash.js';
import { described, quoted, UncarriableError, UnreadableOutcomeError, UnstorableError } from '../errors.js';
import type { Look } from '../files/file-result.js';

/** What a stored outcome says of its task, and of what it was made from. */
export interface OutcomeHeader {
  readonly task: string;
  readonly status: 'done' | 'failed';
  /** The task's `version`. */
  readonly version: string;
  /** The tasks whose results were its arguments, in order. */
  readonly dependencies: readonly string[];
  /** The tasks that it only waited for. */
  readonly after: readonly string[];
  /** For each dependency, the hash of the result that it was given. */
  readonly inputHashes: readonly string[];
  /** The hash of its function's text, if that was asked for. */
  readonly sourceHash: string | undefined;
  /** How many attempts were made, from 1. */
  readonly attempts: number;
  /** How long the last attempt took, in milliseconds. */
  readonly durationMs: number;
  /** When it finished, in milliseconds since 1970. */
  readonly atMs: number;
  /** What only some outcomes have. */
  readonly more: MoreFields;
}

/** What a task was given by `with()`: of each value, where it stands among the arguments and its hash. */
export type PlainHashes = readonly (readonly [at: number, hash: string])[];

/** Of what only some outcomes have: each is left out where there is none. Outcomes of format 1 have none of them. */
export interface MoreFields {
  /** What its function hung on, where that was looked at. */
  readonly code?: readonly CodePart[];
  /** What it was given by `with()`. */
  readonly plain?: PlainHashes;
  /** The files in the result of a done task. */
  readonly files?: readonly StoredFile[];
  /** The version of the engine that wrote the value, of which it is certain that it reads it. */
  readonly engine?: string;
  /** Which of the outcomes of its task that are kept it is, counted in the order in which they were made. */
  readonly generation?: number;
  /** Of a failure that is to be tried again, however young it is. */
  readonly retry?: true;
  /** The result was given by hand. */
  readonly given?: true;
  /** Of the result there is the hash alone. */
  readonly transient?: true;
  /**
   * The value is what the function returned. The hash is that of the result, which the schema of the task has made of
   * it.
   */
  readonly returned?: true;
  /** The value is what the schema of the task has made of something that cannot be stored. */
  readonly shaped?: true;
}

/** A file in a result, and what was seen of it. */
export interface StoredFile extends Look {
  readonly name: string;
  readonly path: string;
  /** Of how many parts its content is kept, if it is kept. */
  readonly parts?: number;
}

/** An outcome to be stored: `value` is the result of a done task, the error of a failed one. */
export interface NewOutcome extends OutcomeHeader {
  readonly value: unknown;
}

/** An outcome that was stored. */
export interface StoredOutcome extends OutcomeHeader {
  /** The hash of the result; of what it threw, if it failed. */
  readonly valueHash: string;
  /**
   * The result of a done task, the error of a failed one. Made from the bytes anew at each call: who needs it twice
   * keeps it.
   *
   * @throws {@link UnreadableOutcomeError} when this version of Node.js does not know what is in it
   */
  value(): unknown;
}

/** An outcome as bytes, with the hash of its value. */
export interface EncodedOutcome {
  readonly bytes: Uint8Array;
  readonly valueHash: string;
}

/*
 *   version (1 byte) │ CRC-32 of the rest (4) │ length of the header (4) │ header: a JSON array │ value
 *
 * The header can be read without the value: a run that finds ten thousand tasks done makes no value that nobody asks
 * for.
 */
const FORMAT = 2;
/** Those that are read. Outcomes of format 1 end their header with the time. */
const FORMATS: ReadonlySet<number> = new Set([1, FORMAT]);
const HEADER_AT = 9;
/** The version of the engine here. */
export const ENGINE: string = process.versions.v8;
const NO_BYTES = new Uint8Array(0);

/**
 * An outcome as bytes.
 *
 * An error is stored whatever it is: what cannot be kept of it is left out.
 *
 * @param encoded - its value, where that has been done already
 * @throws {@link UnstorableError} when the result of a done task has a part that cannot be kept
 */
export function encodeOutcome(outcome: NewOutcome, encoded: EncodedValue = encodedValue(outcome)): EncodedOutcome {
  const { valueHash } = encoded;
  const value = outcome.more.transient ? NO_BYTES : encoded.value;
  return { bytes: joined(outcome, valueHash, value), valueHash };
}

function joined(outcome: OutcomeHeader, valueHash: string, value: Uint8Array): Uint8Array {
  const { task, status, version, dependencies, after, inputHashes, sourceHash, attempts, durationMs, atMs, more } =
    outcome;
  const fields: Fields = [
    task,
    status,
    version,
    dependencies,
    after,
    inputHashes,
    sourceHash ?? null,
    valueHash,
    attempts,
    durationMs,
    atMs,
    { ...more, engine: ENGINE },
  ];
  // JSON escapes lone surrogates, so that any name comes back as it was.
  const header = Buffer.from(JSON.stringify(fields));
  const bytes = Buffer.allocUnsafeSlow(HEADER_AT + header.length + value.length);
  bytes[0] = FORMAT;
  bytes.writeUInt32LE(header.length, 5);
  bytes.set(header, HEADER_AT);
  bytes.set(value, HEADER_AT + header.length);
  bytes.writeUInt32LE(crc32(bytes.subarray(5)), 1);
  return bytes;
}

/** The bytes of a stored outcome of which more is known by now. */
export function withMore(outcome: StoredOutcome, bytes: Uint8Array, more: MoreFields): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = buffer.subarray(HEADER_AT + buffer.readUInt32LE(5));
  return joined({ ...outcome, more: { ...outcome.more, ...more } }, outcome.valueHash, value);
}

/**
 * Reads the header of a stored outcome.
 *
 * @param task - the name under which it was stored
 * @throws {@link UnreadableOutcomeError} when the bytes are not those of an outcome of this task, or of a newer version
 */
export function decodeOutcome(task: string, bytes: Uint8Array): StoredOutcome {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length > 0 && buffer[0]! > FORMAT)
    throw new UnreadableOutcomeError(task, 'It was saved by a newer version of taskmap');
  const whole =
    buffer.length > HEADER_AT && FORMATS.has(buffer[0]!) && buffer.readUInt32LE(1) === crc32(buffer.subarray(5));
  if (!whole) throw new UnreadableOutcomeError(task, 'Its bytes are not those that were saved');
  const valueAt = HEADER_AT + buffer.readUInt32LE(5);
  const fields = fieldsOf(buffer);
  if (fields === undefined) throw new UnreadableOutcomeError(task, 'Its header has another shape than an outcome has');
  if (fields[0] !== task) throw new UnreadableOutcomeError(task, `It is the outcome of ${quoted(fields[0])}`);
  return outcomeOf(fields, () => decodedValue(task, buffer.subarray(valueAt)));
}

/** The header of what may be a stored outcome, whose bytes are not looked at any further; `undefined` if it is none. */
export function headerOf(bytes: Uint8Array): OutcomeHeader | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = buffer.length > HEADER_AT && FORMATS.has(buffer[0]!) ? fieldsOf(buffer) : undefined;
  return fields && outcomeOf(fields, () => undefined);
}

function fieldsOf(buffer: Buffer): Fields | undefined {
  const valueAt = HEADER_AT + buffer.readUInt32LE(5);
  return valueAt > buffer.length ? undefined : fieldsIn(buffer.toString('utf8', HEADER_AT, valueAt));
}

function outcomeOf(
  [
    task,
    status,
    version,
    dependencies,
    after,
    inputHashes,
    sourceHash,
    valueHash,
    attempts,
    durationMs,
    atMs,
    more,
  ]: Fields,
  value: () => unknown,
): StoredOutcome {
  return {
    task,
    status,
    version,
    dependencies,
    after,
    inputHashes,
    sourceHash: sourceHash ?? undefined,
    valueHash,
    attempts,
    durationMs,
    atMs,
    more: more ?? {},
    value,
  };
}

type Fields = readonly [
  task: string,
  status: 'done' | 'failed',
  version: string,
  dependencies: readonly string[],
  after: readonly string[],
  inputHashes: readonly string[],
  sourceHash: string | null,
  valueHash: string,
  attempts: number,
  durationMs: number,
  atMs: number,
  more?: MoreFields,
];

/** The fields of a header; `undefined` if it is not one. That its checksum holds does not say who wrote it. */
function fieldsIn(text: string): Fields | undefined {
  try {
    const fields: unknown = JSON.parse(text);
    return isFields(fields) ? fields : undefined;
  } catch {
    return undefined;
  }
}

function isFields(fields: unknown): fields is Fields {
  if (!Array.isArray(fields)) return false;
  const [task, status, version, dependencies, after, inputHashes, sourceHash, valueHash, ...others] = fields;
  const [attempts, durationMs, atMs, more] = others;
  return (
    (status === 'done' || status === 'failed') &&
    [task, version, sourceHash ?? '', valueHash].every((field) => typeof field === 'string') &&
    [dependencies, after, inputHashes].every(isNames) &&
    inputHashes.length === dependencies.length &&
    others.length <= 4 &&
    [attempts, durationMs, atMs].every((field) => typeof field === 'number') &&
    (more === undefined || (typeof more === 'object' && more !== null && isPlainHashes(more)))
  );
}

function isPlainHashes({ plain = [] }: MoreFields): boolean {
  return (
    Array.isArray(plain) &&
    plain.every((one) => Array.isArray(one) && typeof one[0] === 'number' && typeof one[1] === 'string')
  );
}

function isNames(field: unknown): boolean {
  return Array.isArray(field) && field.every((name) => typeof name === 'string');
}

/** A value as bytes, and its hash. */
export interface EncodedValue {
  readonly valueHash: string;
  readonly value: Uint8Array;
}

function encodedValue({ task, status, value, more }: NewOutcome): EncodedValue {
  return status === 'done' ? encodedResult(task, value, more.transient) : encodedError(task, value);
}

/** The result of a done task as bytes, and its hash. @throws {@link UnstorableError} */
export function encodedResult(task: string, result: unknown, isHashAlone = false): EncodedValue {
  try {
    return { valueHash: hashValue(result), value: isHashAlone ? NO_BYTES : encodeValue(result, 'result') };
  } catch (error) {
    if (error instanceof UncarriableError) throw new UnstorableError(task, error.part);
    throw error;
  }
}

function encodedError(task: string, error: unknown): EncodedValue {
  try {
    return encodedResult(task, error);
  } catch {
    return encodedResult(task, insteadOf(error));
  }
}

function decodedValue(task: string, bytes: Uint8Array): unknown {
  try {
    return decodeValue(bytes);
  } catch (error) {
    throw new UnreadableOutcomeError(task, `Its value cannot be made again: ${described(error)}`, { cause: error });
  }
}
