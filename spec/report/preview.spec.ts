import vm from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PREVIEW_LIMITS, type PreviewLimits, previewOf } from '../../src/report/preview.js';
import { propertyOptions } from '../support/random-graph.js';
import { refusedValues, valuesByKind } from '../support/values.js';

class Point {
  readonly x = 1;
  readonly #y = 2;
  get y(): number {
    return this.#y;
  }
}

function never(): never {
  throw new Error('code of the value was run');
}

/** An object whose every way to run its code throws. */
function hostile(): object {
  return Object.defineProperties(
    {
      toString: never,
      valueOf: never,
      toJSON: never,
      [Symbol.toPrimitive]: never,
      [Symbol.iterator]: never,
      [Symbol.for('nodejs.util.inspect.custom')]: never,
    },
    { trap: { get: never, set: never, enumerable: true }, [Symbol.toStringTag]: { get: never } },
  );
}

const TRAPS: ProxyHandler<any> = Object.fromEntries(
  [
    'get',
    'has',
    'ownKeys',
    'getPrototypeOf',
    'getOwnPropertyDescriptor',
    'isExtensible',
    'set',
    'apply',
    'construct',
    'defineProperty',
    'deleteProperty',
  ].map((trap) => [trap, never]),
);

describe('a preview', () => {
  const circle: Record<string, unknown> = { a: 1 };
  circle['self'] = circle;
  const shared = { n: 1 };

  const cases: readonly (readonly [value: unknown, preview: string])[] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [42, '42'],
    [-0, '-0'],
    [Number.NaN, 'NaN'],
    [12n, '12n'],
    [10n ** 70n, 'a bigint of more than 60 digits'],
    ['say "hi"\n', '"say \\"hi\\"\\n"'],
    [Symbol('s'), 'Symbol(s)'],
    [never, 'function never'],
    [
      (
        () => () =>
          1
      )(),
      'function',
    ],
    [[], '[]'],
    [[1, 'a', null], '[1, "a", null]'],
    [new Array(2), '[empty, empty]'],
    [{}, '{}'],
    [{ a: 1, 'b c': [2], '': 3 }, '{ a: 1, "b c": [2], "": 3 }'],
    [Object.assign(Object.create(null), { a: 1 }), '{ a: 1 }'],
    [JSON.parse('{"__proto__": 1, "constructor": 2}'), '{ __proto__: 1, constructor: 2 }'],
    [new Point(), 'Point { x: 1 }'],
    [new (class {})(), '{}'],
    [
      {
        get secret() {
          return never();
        },
      },
      '{ secret: [getter] }',
    ],
    [
      new Map<unknown, unknown>([
        ['a', 1],
        [{ k: 1 }, []],
      ]),
      'Map(2) { "a" => 1, { k: 1 } => [] }',
    ],
    [new Map(), 'Map(0) {}'],
    [new Set([1, 'b']), 'Set(2) { 1, "b" }'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(Number.NaN), 'Invalid Date'],
    [/a"b/giu, '/a"b/giu'],
    [Object('text'), 'Object("text")'],
    [Object(Symbol('s')), 'Object(Symbol(s))'],
    [new Float64Array([1, -0, 0.5]), 'Float64Array(3) [1, -0, 0.5]'],
    [new BigInt64Array([5n]), 'BigInt64Array(1) [5n]'],
    [Buffer.from('ab'), 'Buffer(2) [97, 98]'],
    [new ArrayBuffer(8), 'ArrayBuffer(8)'],
    [new SharedArrayBuffer(8), 'SharedArrayBuffer(8)'],
    [new DataView(new ArrayBuffer(4)), 'DataView(4)'],
    [new RangeError('too far'), 'RangeError: too far'],
    [Object.assign(new Error('gone'), { name: 'LostError' }), 'LostError: gone'],
    [new DOMException('stopped', 'AbortError'), 'AbortError: stopped'],
    [Promise.resolve(1), 'Promise {}'],
    [new WeakMap(), 'WeakMap {}'],
    [
      vm.runInNewContext('({ far: [1, new Map([[1, 2]]), new RangeError("there")] })'),
      '{ far: [1, Map(1) { 1 => 2 }, RangeError: there] }',
    ],
    [circle, '{ a: 1, self: [circular] }'],
    [[shared, shared], '[{ n: 1 }, { n: 1 }]'],
    [[[[['deep']]]], '[[[[…]]]]'],
    [{ a: { b: { c: { d: 1 } } } }, '{ a: { b: { c: {…} } } }'],
    [
      Array.from({ length: 100 }, (_, n) => n),
      '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, … 80 more]',
    ],
    [new Proxy({}, TRAPS), 'Proxy'],
    [new Proxy(never, TRAPS), 'Proxy'],
    [[new Proxy([], TRAPS)], '[Proxy]'],
    [Object.create(new Proxy({}, TRAPS)), '{}'],
    [Object.assign(Object.create({ constructor: new Proxy(Point, TRAPS) }), { a: 1 }), '{ a: 1 }'],
  ];
  // Not by it.each, which looks into values to make titles of them, and so runs their code.
  for (const [index, [value, preview]] of cases.entries())
    it(`is of the form ${preview} (${index})`, () => expect(previewOf(value)).toBe(preview));

  it('runs no code of what it shows', () => {
    const names = ['trap: [getter]', 'toString: function never'];
    for (const name of names) expect(previewOf(hostile(), { ...PREVIEW_LIMITS, charactersMax: 1_000 })).toContain(name);
    class Mine extends Map<string, number> {
      override get size(): number {
        return never();
      }
      override entries(): never {
        return never();
      }
      override [Symbol.iterator](): never {
        return never();
      }
    }
    expect(previewOf(new Mine([['a', 1]]))).toBe('Map(1) { "a" => 1 }');
    // The stack first: the engine writes it when it is first touched, and reads the message for that.
    const error = Object.defineProperties(new Error('seen'), {
      stack: { get: never },
      message: { get: never },
      name: { get: never },
    });
    expect(previewOf(error)).toBe('Error: (its message is not plain text)');
    const array = Object.defineProperty([1, 2], 1, { get: never, enumerable: true });
    expect(previewOf(array)).toBe('[1, [getter]]');
    const regexp = Object.defineProperties(/x/g, {
      flags: { get: never },
      global: { get: never },
      source: { get: never },
    });
    expect(previewOf(regexp)).toBe('/x/g');
    const date = Object.defineProperties(new Date(0), { toISOString: { get: never }, getTime: { get: never } });
    expect(previewOf(date)).toBe('1970-01-01T00:00:00.000Z');
    const bytes = Object.defineProperties(new Uint8Array([7]), {
      length: { get: never },
      [Symbol.toStringTag]: { get: never },
      constructor: { get: never },
    });
    expect(previewOf(bytes)).toBe('Uint8Array(1) [7]');
  });

  it('is no longer than it may be, and looks at no more of a value than that', () => {
    let read = 0;
    const rows = new Proxy([], { get: () => read++ });
    expect(previewOf({ rows })).toBe('{ rows: Proxy }');
    expect(read).toBe(0);
    const veryLong: unknown[] = [];
    veryLong.length = 4_000_000_000;
    expect(previewOf(veryLong)).toBe(`[${'empty, '.repeat(20)}… 3999999980 more]`);
    expect(previewOf('x'.repeat(1e6))).toBe(`"${'x'.repeat(198)}…`);
    expect(previewOf('🦆'.repeat(1000), { charactersMax: 5, entriesMax: 5, depthMax: 1 })).toBe('"🦆…');
  });

  it('of anything is a text within its limits, and nothing of the value was run', () => {
    // Values are made outside of fast-check, which looks into those that it draws.
    type Make = () => unknown;
    const values = [...valuesByKind(), ...refusedValues()].map(([, value]) => value);
    const leaf: fc.Arbitrary<Make> = fc.oneof(
      fc
        .anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
        })
        .map((value) => () => value),
      fc.string({ unit: 'binary', maxLength: 500 }).map((value) => () => value),
      fc.constantFrom<Make>(
        hostile,
        () => new Proxy({}, TRAPS),
        () => Object.create(new Proxy({}, TRAPS)),
      ),
      fc.nat(values.length - 1).map((index) => () => values[index]),
    );
    const nested = fc.letrec<{ value: Make }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value'), { maxLength: 30 }).map((all) => () => all.map((make) => make())),
        fc.array(tie('value'), { maxLength: 30 }).map((all) => () => new Set(all.map((make) => make()))),
        fc
          .array(fc.tuple(fc.string(), tie('value')))
          .map((all) => () => Object.fromEntries(all.map(([key, make]) => [key, make()]))),
        fc
          .array(fc.tuple(tie('value'), tie('value')))
          .map((all) => () => new Map(all.map(([key, make]) => [key(), make()]))),
      ),
    })).value;
    const limits: fc.Arbitrary<PreviewLimits> = fc.record({
      charactersMax: fc.integer({ min: 1, max: 300 }),
      entriesMax: fc.integer({ min: 0, max: 30 }),
      depthMax: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(nested, limits, (make, limit) => {
        const preview = previewOf(make(), limit);
        expect(preview.length).toBeGreaterThan(0);
        expect(preview.length).toBeLessThanOrEqual(limit.charactersMax);
      }),
      propertyOptions(150),
    );
  });
});
