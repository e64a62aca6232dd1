import fc from 'fast-check';
import { UncarriableError } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { hashValue } from '../../src/codec/value-hash.js';
import { holey, refusedValues, valuesByKind } from '../support/values.js';

const hashOf = hashValue;

describe('hashValue()', () => {
  const again = new Map(valuesByKind());
  const kindByHash = new Map(valuesByKind().map(([kind, value]) => [hashOf(value), kind]));

  it.each(valuesByKind())('tells it from all others, and is the same for an equal one: %s', (kind, value) => {
    expect(kindByHash.get(hashOf(value))).toBe(kind);
    expect(hashOf(again.get(kind))).toBe(hashOf(value));
    expect(hashOf([value])).not.toBe(hashOf(value));
  });

  it.each(refusedValues())('names what cannot be kept: %s', (_, value, sentence) => {
    if (typeof sentence === 'string') expect(refusedPartOf(value)).toBe(sentence);
    else expect(refusedPartOf(value)).toMatch(sentence);
  });

  it('is part of stored files: a change of it makes all that is stored count as changed', () => {
    expect(hashOf({ rows: [1, 'two', 3n, null], at: new Date(0), tags: new Set(['a']) })).toMatchInlineSnapshot(
      `"r7Tvqbu6Lbjv-CzkG-bp62g-7rCn3jUfYzDViwKbwqg"`,
    );
    expect(hashOf(new RangeError('far', { cause: new Uint8Array([1, 2]) }))).toMatchInlineSnapshot(
      `"hQnHxwMSJpCCdeH3O71Wmjqw7JqQurjN0SMAYZK-Yac"`,
    );
  });

  it('does not depend on the order in which keys were set', () => {
    expect(hashOf({ b: 1, a: { d: 2, c: 3 } })).toBe(hashOf({ a: { c: 3, d: 2 }, b: 1 }));
    expect(hashOf(new TypeError('a'))).toBe(hashOf(Object.assign(new TypeError('a'), { stack: 'elsewhere' })));
  });

  it('does not depend on what an array has held before', () => {
    const history = holey([1.5, 'x', 2, 3], 2);
    history.splice(0, 4, 1, 2);
    expect(hashOf(history)).toBe(hashOf([1, 2]));
    const filled: unknown[] = new Array(2);
    filled[1] = 2;
    filled[0] = 1;
    expect(hashOf(filled)).toBe(hashOf([1, 2]));
  });

  it('does not depend on whether places share an object or hold equal ones, within circles too', () => {
    const one = { n: 1 };
    expect(hashOf([one, one])).toBe(hashOf([{ n: 1 }, { n: 1 }]));
    const bytes = new Uint8Array([1, 2]);
    expect(hashOf([bytes, bytes])).toBe(hashOf([bytes, new Uint8Array([1, 2])]));
    const circle = (): unknown => {
      const made: Record<string, unknown> = { one: [] };
      made['self'] = made;
      return made;
    };
    const same = circle();
    expect(hashOf([same, same])).toBe(hashOf([circle(), circle()]));
  });

  it('knows one NaN, of whatever bits', () => {
    const [odd] = new Float64Array(new BigUint64Array([0x7ff8000000000001n]).buffer);
    expect(odd).toBeNaN();
    expect(hashOf([odd])).toBe(hashOf([Number.NaN]));
  });

  it('tells two circles of different length from each other', () => {
    const short: unknown[] = [];
    short.push([short]);
    const long: unknown[] = [];
    const inner: unknown[] = [];
    inner.push(inner);
    long.push(inner);
    expect(hashOf(short)).not.toBe(hashOf(long));
  });

  it('does not walk 2^60 ways through 60 arrays', () => {
    let value: unknown = 'end';
    for (let level = 0; level < 60; level++) value = [value, value];
    expect(hashOf(value)).toBe(hashOf(value));
    let other: unknown = 'other end';
    for (let level = 0; level < 60; level++) other = [other, other];
    expect(hashOf(other)).not.toBe(hashOf(value));
  });

  it('reaches the end of 100 000 causes', () => {
    // The stacks of so many errors would take longer than all the rest.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const chain = (end: unknown) => {
      let cause = end;
      for (let length = 0; length < 100_000; length++) cause = new Error('outer', { cause });
      return cause;
    };
    expect(hashOf(chain(1))).not.toBe(hashOf(chain(2)));
    Error.stackTraceLimit = stackTraceLimit;
  });

  it('looks into a long array whose values are all there as it does into a short one', () => {
    const long = Array.from({ length: 20_000 }, (_, index) => index);
    expect(hashOf(Object.assign([...long], { name: 'x' }))).not.toBe(hashOf(long));
    const holes = [...long];
    delete holes[7];
    expect(hashOf(holes)).not.toBe(hashOf(Object.assign([...long], { 7: undefined })));
  });

  it('is not fooled by values that hold the marks of others, whatever their lengths', () => {
    // As texts and lists of texts, cut in different places.
    const parts = fc.array(fc.string({ unit: fc.constantFrom('a', '\u0000', '\u0009', '"', ',', '\ud800') }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(hashOf(one) === hashOf(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same for equal JSON in any order of keys, and another for other JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(hashOf(shuffled(one))).toBe(hashOf(one));
        expect(hashOf(one) === hashOf(other)).toBe(sorted(one) === sorted(other));
      }),
      { numRuns: 1_000 },
    );
  });
});

function refusedPartOf(value: unknown): string | undefined {
  try {
    hashValue(value);
  } catch (error) {
    if (error instanceof UncarriableError) return error.part;
  }
  return undefined;
}

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, shuffled(one)] as const);
  return Object.fromEntries(entries.reverse());
}

/** As text; JSON itself takes -0 for 0. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted)}]`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : JSON.stringify(value);
  const entries = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}:${sorted(one)}`);
  return `{${entries.sort()}}`;
}
