import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { plainHash } from '../../src/codec/plain-hash.js';
import { hashValue } from '../../src/codec/value-hash.js';

const plain = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withNullPrototype: true,
});

describe('plainHash()', () => {
  it('tells apart what the hash of stores tells apart, and nothing that this does not', () => {
    const property = fc.property(plain, plain, (a, b) => {
      expect(plainHash(a) === plainHash(b)).toBe(hashValue(a) === hashValue(b));
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('counts the order of lists, Maps and Sets, and not that of keys', () => {
    expect(plainHash({ a: 1, b: [2] })).toBe(plainHash({ b: [2], a: 1 }));
    expect(plainHash([1, 2])).not.toBe(plainHash([2, 1]));
    expect(plainHash(new Set([1, 2]))).not.toBe(plainHash(new Set([2, 1])));
    expect(plainHash(new Map([[1, 2]]))).not.toBe(plainHash(new Map([[2, 1]])));
  });

  it.each<[string, unknown, unknown]>([
    ['zeros', 0, -0],
    ['nothings', null, undefined],
    ['a number and its text', 1, '1'],
    ['a number and a bigint', 1, 1n],
    ['lone surrogates', '\ud800', '\ud801'],
    ['a hole and undefined', new Array(1), [undefined]],
    ['holes in several places', Object.assign(new Array(3), { 0: 1 }), Object.assign(new Array(3), { 1: 1 })],
    ['a list and one that is nearly empty', [1], Object.assign([], { 4000000000: 1 })],
    ['lists of lists', [[1], []], [[], [1]]],
    ['texts that hold each other', ['s1:a'], ['a', 'a']],
    ['bytes and a list', new Uint8Array([1]), [1]],
    ['bytes of two kinds', new Uint8Array([1]), new Int8Array([1])],
    ['a Buffer and its bytes', Buffer.from([1]), new Uint8Array([1])],
    ['a plain object and one without a prototype', {}, Object.create(null)],
    ['patterns', /a/g, /a/i],
    ['dates', new Date(1), new Date(2)],
  ])('tells apart %s', (_, a, b) => {
    expect(plainHash(a)).not.toBe(plainHash(b));
  });

  const circle: unknown[] = [];
  circle.push(circle);
  let doubled: unknown[] = [1];
  for (let level = 0; level < 60; level++) doubled = [doubled, doubled];
  let deep: unknown[] = [];
  for (let level = 0; level < 100_000; level++) deep = [deep];
  it.each<[string, unknown]>([
    ['a function', { then: [() => {}] }],
    ['a symbol', Symbol('s')],
    ['an instance of a class', new (class Point {})()],
    ['an error', new Error('no')],
    ['a promise', Promise.resolve()],
    ['a boxed number', Object(1)],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(1))],
    ['names on a list', Object.assign([1], { more: 1 })],
    ['names on a Map', Object.assign(new Map(), { more: 1 })],
    ['a name that is a symbol', { [Symbol('s')]: 1 }],
    ['itself', circle],
    [
      'what throws when it is read',
      {
        get rows() {
          throw new Error('no');
        },
      },
    ],
    ['more parts than memory', doubled],
    ['more levels than the stack', deep],
  ])('says of a value that has %s that it equals no other', (_, value) => {
    expect(plainHash(value)).toBeUndefined();
  });

  it('is the whole text where there is no node:crypto', async () => {
    vi.stubGlobal('process', undefined);
    vi.resetModules();
    const { plainHash: inBrowsers } = await import('../../src/codec/plain-hash.js');
    vi.unstubAllGlobals();
    expect(inBrowsers({ b: [1, null], a: '\ud800' })).toBe('o1:2k1:as1:\ud800k1:ba1:2n1:1c4:null');
  });
});
