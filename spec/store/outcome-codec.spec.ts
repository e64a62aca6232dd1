import { crc32 } from 'node:zlib';
import { registerErrors, TaskTimeoutError, UnreadableOutcomeError, UnstorableError } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { hashValue } from '../../src/codec/value-hash.js';
import { decodeOutcome, encodeOutcome, type NewOutcome } from '../../src/store/outcome-codec.js';
import { refusedValues, valuesByKind } from '../support/values.js';

function outcome(value: unknown, settings: Partial<NewOutcome> = {}): NewOutcome {
  return {
    task: 'rows',
    status: 'done',
    version: '',
    dependencies: ['a', 'b'],
    after: ['c'],
    inputHashes: ['h1', 'h2'],
    sourceHash: undefined,
    attempts: 1,
    durationMs: 12.5,
    atMs: 1_700_000_000_000.25,
    more: {},
    value,
    ...settings,
  };
}

/** What comes back of a result. */
function kept(value: unknown): any {
  return decodeOutcome('rows', encodeOutcome(outcome(value)).bytes).value();
}

/** What comes back of what a task threw. */
function keptError(value: unknown): any {
  return decodeOutcome('rows', encodeOutcome(outcome(value, { status: 'failed' })).bytes).value();
}

describe('a result that is stored', () => {
  it.each(valuesByKind())('comes back equal: %s', (kind, value) => {
    const { bytes, valueHash } = encodeOutcome(outcome(value));
    const there = decodeOutcome('rows', bytes).value();
    // Made in this realm, and without four thousand million places to look at.
    const comparable = kind === 'an object of another realm' ? structuredClone(value) : value;
    if (kind === 'an array that is mostly holes')
      expect(Object.entries(there as object)).toEqual(Object.entries(value as object));
    else expect(there).toStrictEqual(comparable);
    // The hash sees more than the comparison: classes of errors, holes, minus zero.
    expect(hashValue(there)).toBe(valueHash);
    expect(hashValue(value)).toBe(valueHash);
  });

  it.each(refusedValues())('is refused with the path: %s', (_, value, sentence) => {
    const refusal = thrownBy(() => encodeOutcome(outcome(value)));
    expect(refusal).toBeInstanceOf(UnstorableError);
    expect(refusal).toMatchObject({ code: 'unstorable', task: 'rows' });
    if (typeof sentence === 'string') expect((refusal as Error).message).toBe(messageOf(sentence));
  });

  it('keeps what is shared and what is a circle', () => {
    const shared = { n: 1 };
    const bare = Object.create(null);
    const error = new Error('shared', { cause: bare });
    bare.error = error;
    const there = kept([shared, shared, error, error, bare, new Map([[error, bare]])]);
    expect(there[0]).toBe(there[1]);
    expect(there[2]).toBe(there[3]);
    expect(there[2].cause).toBe(there[4]);
    expect(there[4].error).toBe(there[2]);
    expect(there[5].get(there[2])).toBe(there[4]);
    const circle = kept(new Map(valuesByKind()).get('a circle'));
    expect(circle.self).toBe(circle);
  });

  it('is no view of the bytes: who changes it changes nothing else', () => {
    const { bytes } = encodeOutcome(outcome({ a: new Float64Array([1, 2]), b: Buffer.from('abc') }));
    const before = Buffer.from(bytes);
    const there = decodeOutcome('rows', bytes).value() as { a: Float64Array; b: Buffer };
    expect(there.a.buffer.byteLength).toBe(16);
    there.a.fill(0);
    there.b.fill(0);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  it('keeps class, name, message, stack, causes and data of errors, wherever they are', () => {
    registerErrors(QuotaError);
    const error = new QuotaError(3);
    const inner = Object.assign(new TypeError('inner'), { request: { retry() {} }, code: 'E' });
    const there = kept({ rows: [{ error, inner }] }).rows[0];
    expect(there.error).toBeInstanceOf(QuotaError);
    expect(there.error).toMatchObject({ name: 'QuotaError', message: '3 left', left: 3, stack: error.stack });
    expect(there.inner).toBeInstanceOf(TypeError);
    expect({ ...there.inner }).toEqual({ code: 'E' });
    expect(Object.keys(kept(new Error('plain')))).toEqual([]);
  });

  it('may be nested 1000 levels deep, and no deeper', () => {
    const nested = (levels: number) => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { value };
      return value;
    };
    expect(hashValue(kept(nested(1_000)))).toEqual(hashValue(nested(1_000)));
    for (const levels of [1_001, 100_000]) {
      expect(() => kept(nested(levels))).toThrow(
        messageOf('result is nested more than 1000 levels deep: keep such a structure in a flat list'),
      );
    }
  });

  it('is refused if there is no stack left to write it', () => {
    const overflow = (): unknown => {
      try {
        return overflow();
      } catch {
        return thrownBy(() => encodeOutcome(outcome([[[1]]])));
      }
    };
    // Whatever gives up first: it is an error and no crash.
    expect(overflow()).toBeInstanceOf(Error);
  });
});

describe('what a task threw', () => {
  it('comes back as what it is', () => {
    const error = new TaskTimeoutError('rows', 2, 5, { cause: new DOMException('stopped', 'AbortError') });
    const there = keptError(error);
    expect(there).toBeInstanceOf(TaskTimeoutError);
    expect(there).toMatchObject({ task: 'rows', attempt: 2, timeoutMs: 5, stack: error.stack });
    expect(there.cause).toBeInstanceOf(DOMException);
    expect(keptError('text')).toBe('text');
    expect(keptError(undefined)).toBeUndefined();
  });

  it.each(refusedValues())('is told of as an error if it cannot be kept: %s', (_, value) => {
    expect(keptError(value)).toBeInstanceOf(Error);
    expect(keptError(value).message).toMatch(/^A value was thrown that cannot be carried: /);
    // Data of an error is left out, and a cause is described.
    const there = keptError(Object.assign(new RangeError('far', { cause: value }), { value, code: 7 }));
    expect(there).toBeInstanceOf(RangeError);
    expect({ ...there }).toEqual({ code: 7 });
    expect(there.cause.message).toMatch(/^A value was thrown that cannot be carried: /);
  });

  it('is kept whatever its getters do', () => {
    for (const key of ['name', 'message', 'stack', 'cause', 'errors', 'code']) {
      const hostile = Object.defineProperty(Object.create(new Error('hostile')), key, { get: fails, enumerable: true });
      expect(keptError(hostile)).toBeInstanceOf(Error);
    }
  });
});

describe('decodeOutcome()', () => {
  it('tells all that is known of the outcome without making its value', () => {
    const { bytes, valueHash } = encodeOutcome(
      outcome([1], { sourceHash: 's', version: '3\ud800', task: '__proto__\n\udfff', attempts: 2 }),
    );
    const { value, ...header } = decodeOutcome('__proto__\n\udfff', bytes);
    expect(header).toEqual({
      task: '__proto__\n\udfff',
      status: 'done',
      version: '3\ud800',
      dependencies: ['a', 'b'],
      after: ['c'],
      inputHashes: ['h1', 'h2'],
      sourceHash: 's',
      valueHash,
      attempts: 2,
      durationMs: 12.5,
      atMs: 1_700_000_000_000.25,
      more: { engine: process.versions.v8 },
    });
    expect(value()).toEqual([1]);
    expect(value()).not.toBe(value());
  });

  it('reads the bytes wherever they lie in memory', () => {
    const { bytes } = encodeOutcome(outcome({ a: new Float64Array([1, 2]) }));
    const elsewhere = new Uint8Array(bytes.length + 3);
    elsewhere.set(bytes, 3);
    expect(decodeOutcome('rows', elsewhere.subarray(3)).value()).toEqual({ a: new Float64Array([1, 2]) });
  });

  it('refuses what a newer version has saved, what is damaged at any place, and what is of another task', () => {
    const { bytes } = encodeOutcome(outcome({ a: 'some text' }));
    const newer = Buffer.from(bytes);
    newer[0] = 3;
    expect(() => decodeOutcome('rows', newer)).toThrow(
      'What is stored of task "rows" cannot be read. It was saved by a newer version of taskmap. graph.reset("rows") forgets it, and the task runs again.',
    );
    expect(() => decodeOutcome('cells', bytes)).toThrow('It is the outcome of "rows"');
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      expect(() => decodeOutcome('rows', flipped)).toThrow(UnreadableOutcomeError);
      expect(() => decodeOutcome('rows', bytes.subarray(0, at))).toThrow(UnreadableOutcomeError);
    }
  });
});

describe('a header of another shape, whose checksum holds', () => {
  const whole = ['rows', 'done', '', ['a'], [], ['h'], null, 'hash', 1, 1, 1];
  const changed = (at: number, field: unknown) => whole.map((one, index) => (index === at ? field : one));

  it('is read if it is the right one', () => {
    expect(decodeOutcome('rows', bytesWith(JSON.stringify(whole))).valueHash).toBe('hash');
  });

  it.each([
    '',
    'null',
    '7',
    '{}',
    '[[[',
    '["rows"]',
    JSON.stringify([...whole, 1]),
    JSON.stringify(changed(1, 'odd')),
    JSON.stringify(changed(2, 5)),
    JSON.stringify(changed(3, { length: -1 })),
    JSON.stringify(changed(3, ['a', 'b'])),
    JSON.stringify(changed(4, [1])),
    JSON.stringify(changed(5, null)),
    JSON.stringify(changed(6, {})),
    JSON.stringify(changed(7, [])),
    JSON.stringify(changed(8, '1')),
  ])('cannot be read: %s', (text) => {
    expect(() => decodeOutcome('rows', bytesWith(text))).toThrow(
      'What is stored of task "rows" cannot be read. Its header has another shape than an outcome has.',
    );
  });

  it('cannot be read if it is said to be longer than all there is', () => {
    const bytes = bytesWith('');
    bytes.writeUInt32LE(bytes.length, 5);
    bytes.writeUInt32LE(crc32(bytes.subarray(5)), 1);
    expect(() => decodeOutcome('rows', bytes)).toThrow('Its header has another shape');
  });
});

/** An outcome with this header and a checksum that holds. */
function bytesWith(header: string): Buffer {
  const bytes = Buffer.concat([Buffer.of(1), Buffer.alloc(8), Buffer.from(header), Buffer.alloc(10)]);
  bytes.writeUInt32LE(Buffer.byteLength(header), 5);
  bytes.writeUInt32LE(crc32(bytes.subarray(5)), 1);
  return bytes;
}

class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly left: number;

  constructor(left: number) {
    super(`${left} left`);
    this.left = left;
  }
}

function messageOf(culprit: string): string {
  return `The result of task "rows" cannot be stored: ${culprit}. Return plain data, and make of it what is needed in the tasks that take it.`;
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

function fails(): never {
  throw new Error('hostile getter');
}
