import { decodeValue, encodeThrown, encodeValue, UncarriableError } from 'taskmap-ts/codec';
import { describe, expect, it } from 'vitest';
import { refusedValues, valuesByKind } from '../support/values.js';

function arrived(value: unknown): any {
  return decodeValue(encodeValue(value));
}

describe('a value as bytes', () => {
  it.each(refusedValues())('is refused with the path: %s', (_, value, sentence) => {
    const refusal = thrownBy(() => encodeValue(value, 'result')) as UncarriableError;
    expect(refusal).toBeInstanceOf(UncarriableError);
    expect(refusal.code).toBe('uncarriable');
    if (typeof sentence === 'string') expect(refusal.part).toBe(sentence);
    else expect(refusal.part).toMatch(sentence);
  });

  it('comes back as it was: what an error holds, what is shared, what is a circle', () => {
    const circle = new Map(valuesByKind()).get('a circle');
    const error = new RangeError('far', { cause: circle });
    const there = arrived([error, error, circle]);
    expect(there[0]).toBe(there[1]);
    expect(there[0].cause).toBe(there[2]);
    expect(there[2].self).toBe(there[2]);
  });

  it('is made of its own memory: neither of the bytes nor of what stood beside it', () => {
    const bytes = encodeValue({ floats: new Float64Array([0, 1, 2]).subarray(1), pooled: Buffer.from('tea') });
    const before = Buffer.from(bytes);
    const there = decodeValue(bytes) as { floats: Float64Array; pooled: Buffer };
    expect([there.floats.buffer.byteLength, there.pooled.buffer.byteLength]).toEqual([16, 3]);
    there.floats.fill(7);
    there.pooled.fill(7);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  it('is called a value where nobody says what it is', () => {
    expect(() => encodeValue([() => 1])).toThrow(/^value\[0\] is a function\. Pass plain data /);
  });

  it('is read from wherever its bytes lie', () => {
    const bytes = encodeValue({ floats: new Float64Array([1]), why: new Error('no') });
    const elsewhere = new Uint8Array(bytes.length + 3);
    elsewhere.set(bytes, 3);
    expect(decodeValue(elsewhere.subarray(3))).toEqual(decodeValue(bytes));
  });

  it('is read as earlier versions wrote it', () => {
    // With errors and objects without a prototype in it.
    const special = decodeValue(
      Buffer.from(
        `/w8BQQNvIgdjbGFzc2VzQQMiCVR5cGVFcnJvciIFRXJyb3IiBk9iamVjdCQAAyIEbmFtZSIJVHlwZUVycm9yIgdtZXNzYWdlIgZubyB0ZWF7
        AzBvIgdjbGFzc2VzQQEiDERPTUV4Y2VwdGlvbiQAASIEbmFtZSIKQWJvcnRFcnJvciIHbWVzc2FnZSIHc3RvcHBlZHsDJAADQQJvIgVlcnJv
        clwAACIFYnl0ZXNcAQADdGVhIgZmbG9hdHNcCgAEAADAPyIEYmFyZVwAASIEc2VsZl4GewVBA28iBXN0YWNrIh5UeXBlRXJyb3I6IG5vIHRl
        YQogICAgYXQgdGhlcmUiBGRhdGFvIgVjYXVzZVwAAiIEY29kZSIBRXsCewJvIgVzdGFja18iBGRhdGFvIgVlcnJvcl4HewF7Am8iBXN0YWNr
        IgF4IgRkYXRhb3sAewIkAAMkAAI=`,
        'base64',
      ),
    ) as any;
    expect(special.error).toBeInstanceOf(TypeError);
    expect(special.error).toMatchObject({ message: 'no tea', code: 'E', stack: 'TypeError: no tea\n    at there' });
    expect(Object.keys(special.error)).toEqual(['code']);
    expect(special.error.cause).toBeInstanceOf(DOMException);
    expect(special.bytes).toStrictEqual(Buffer.from('tea'));
    expect(special.floats).toStrictEqual(new Float32Array([1.5]));
    expect(Object.getPrototypeOf(special.bare)).toBeNull();
    expect(special.bare.error).toBe(special.error);
    expect(special.self).toBe(special);
    // Without.
    expect(decodeValue(Buffer.from('/w8AbyIFYnl0ZXNcAQADdGVhIgR2aWV3XAIAAgAAewI=', 'base64'))).toStrictEqual({
      bytes: Buffer.from('tea'),
      view: new DataView(new ArrayBuffer(2)),
    });
  });

  it('is not read where a newer version wrote it, or nobody', () => {
    const bytes = Buffer.from(encodeValue({ a: new Error('no') }));
    const newer = Buffer.from(bytes);
    newer[2] = 3;
    expect(() => decodeValue(newer)).toThrow('These bytes were written by a newer version of taskmap (form 3).');
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeValue(bytes.subarray(0, length))).toThrow(Error);
  });
});

describe('encodeThrown()', () => {
  it.each(refusedValues())('describes what cannot cross: %s', (_, value) => {
    const there = decodeValue(encodeThrown(value)) as Error;
    expect(there).toBeInstanceOf(Error);
    expect(there.message).toMatch(/^A value was thrown that cannot be carried: /);
  });

  it('keeps what can', () => {
    expect(decodeValue(encodeThrown(undefined))).toBeUndefined();
    expect(decodeValue(encodeThrown({ code: 7 }))).toEqual({ code: 7 });
    expect(decodeValue(encodeThrown(new AggregateError([1], 'all')))).toEqual(new AggregateError([1], 'all'));
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
