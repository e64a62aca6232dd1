import { describe, expect, test } from 'vitest';
import { described, quoted } from '../src/errors.js';

describe('described', () => {
  test.each([
    [new RangeError('too far'), 'RangeError: too far'],
    [new Error('first line\nsecond line'), 'Error: first line…'],
    ['text', '"text"'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [function named() {}, 'function named'],
    [new Map(), '[object Map]'],
    [Object.create(null), '[object Object]'],
  ])('says %o in one line', (value, line) => {
    expect(described(value)).toBe(line);
  });

  test('keeps a long message short', () => {
    expect(described(new Error('x'.repeat(100_000)))).toHaveLength(301);
  });

  test('survives what cannot be shown', () => {
    const hostile = new Proxy(new Error('never seen'), {
      get() {
        throw new Error('no');
      },
    });
    expect(described(hostile)).toBe('a value that cannot be shown');
  });
});

describe('quoted', () => {
  test('leaves out the middle of a long name, and escapes what ends a line', () => {
    expect(quoted('a\nb"c')).toBe('"a\\nb\\"c"');
    expect(quoted(`${'a'.repeat(5_000)}${'b'.repeat(5_000)}`)).toBe(`"${'a'.repeat(30)}…${'b'.repeat(30)}"`);
  });
});
