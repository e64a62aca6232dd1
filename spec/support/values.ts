import vm from 'node:vm';

/** Values of every kind that can be kept, each made anew, no two of them equal. */
export function valuesByKind(): [kind: string, value: unknown][] {
  const circle: Record<string, unknown> = { a: 1 };
  circle['self'] = circle;
  const shared = { n: 1 };
  const mapOfItself = new Map<unknown, unknown>();
  mapOfItself.set('self', mapOfItself);
  const sparse = holey([1, undefined, 3], 1);
  const veryLong: unknown[] = ['first'];
  veryLong.length = 4_000_000_000;
  const failure = Object.assign(
    new TypeError('out of paper', { cause: new RangeError('deep', { cause: { code: 7 } }) }),
    {
      code: 'E_PAPER',
      at: new Date(3),
    },
  );
  const own = new Error('knows itself') as Error & { self?: unknown };
  own.self = { of: own };
  return [
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['false', false],
    ['an integer', 1],
    ['text that looks like it', '1'],
    ['a bigint that looks like it', 1n],
    ['a fraction', 0.1],
    ['zero', 0],
    ['minus zero', -0],
    ['NaN', NaN],
    ['infinity', Infinity],
    ['minus infinity', -Infinity],
    ['a big bigint', 2n ** 200n],
    ['a negative bigint', -(2n ** 70n)],
    ['no text', ''],
    ['text beyond the basic plane', '☃ 🦆 e\u0301'],
    ['text with a lone surrogate', 'a\ud800b'],
    ['text with another lone surrogate', 'a\udbffb'],
    ['text with what stands for a lone surrogate', 'a\ufffdb'],
    ['long text', 'x'.repeat(10_000)],
    ['an empty array', []],
    ['an array of undefined', [undefined]],
    ['an array of a hole', new Array(1)],
    ['an array of two holes', new Array(2)],
    ['an array of null', [null]],
    ['an array with a hole', sparse],
    ['an array with undefined in that place', [1, undefined, 3]],
    ['an array that is mostly holes', veryLong],
    ['an array with names, as of a match', 'abc'.match(/(?<second>b)/)],
    ['nested arrays', [[1, 2], [3]]],
    ['the same numbers nested otherwise', [[1], [2, 3]]],
    ['doubles', [1.5, 2.5]],
    ['an empty object', {}],
    ['an object whose property is undefined', { a: undefined }],
    ['an object', { a: 1, b: 'x' }],
    ['an object whose key looks like two', { 'a:1,b': 'x' }],
    ['an object with hostile names', JSON.parse('{"__proto__": 1, "constructor": 2, "": 3, "7": 4}')],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1, b: 'x' })],
    [
      'one within another',
      Object.assign(Object.create(null), { inner: Object.assign(Object.create(null), { ['__proto__']: 1 }) }),
    ],
    ['entries', [['a', 1]]],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', 1],
        [{ k: 1 }, new Map()],
      ]),
    ],
    [
      'a Map in another order',
      new Map<unknown, unknown>([
        [{ k: 1 }, new Map()],
        ['a', 1],
      ]),
    ],
    ['an empty Map', new Map()],
    ['a Set', new Set<unknown>(['a', 1])],
    ['an empty Set', new Set()],
    ['a date', new Date(1_700_000_000_000)],
    ['the number of a date', 1_700_000_000_000],
    ['no date', new Date(Number.NaN)],
    ['a regular expression', /a(b)?/giu],
    ['one with other flags', /a(b)?/g],
    ['its text', '/a(b)?/g'],
    ['a boxed number', Object(1)],
    ['a boxed text', Object('1')],
    ['a boxed boolean', Object(true)],
    ['a boxed bigint', Object(1n)],
    ['a buffer of Node', Buffer.from('bytes')],
    ['bytes', new Uint8Array(Buffer.from('bytes'))],
    ['clamped bytes', new Uint8ClampedArray(Buffer.from('bytes'))],
    ['signed bytes', new Int8Array(Buffer.from('bytes'))],
    ['an ArrayBuffer', new Uint8Array(Buffer.from('bytes')).buffer],
    ['a DataView', new DataView(new Uint8Array(Buffer.from('bytes')).buffer)],
    ['a part of a buffer', new Uint8Array([9, 1, 2, 9]).subarray(1, 3)],
    ['no bytes', new Uint8Array(0)],
    ['float64s', new Float64Array([1, -0, Number.NaN])],
    ['bigints in 64 bits', new BigInt64Array([-1n, 2n])],
    ['two views', { a: new Uint16Array([1, 2]), b: new Int32Array([3]) }],
    ['a circle', circle],
    ['a Map of itself', mapOfItself],
    ['an object in two places', [shared, shared, [shared]]],
    ['an Error', new Error('plain')],
    ['an Error of another class', new TypeError('plain')],
    ['an Error with data and causes', failure],
    ['an AggregateError', new AggregateError([new TypeError('one'), 'two', undefined], 'all')],
    ['Errors within data', { rows: [1, { failed: new Map([['why', new SyntaxError('unexpected')]]) }] }],
    ['an Error whose cause is undefined', new Error('x', { cause: undefined })],
    ['an Error that knows itself', own],
    ['a DOMException', new DOMException('stopped', 'AbortError')],
    [
      'what settled promises say',
      [
        { status: 'fulfilled', value: 1 },
        { status: 'rejected', reason: new Error('no') },
      ],
    ],
    ['an object of another realm', vm.runInNewContext('({ far: [1, new Map([[1, 2]])] })')],
  ];
}

/** Values that cannot be kept, with what is said of them. */
export function refusedValues(): [kind: string, value: unknown, sentence: string | RegExp][] {
  class Point {
    x = 1;
  }
  class Rows extends Array<number> {}
  class Dictionary extends Map<string, number> {}
  class Bytes extends Uint8Array {}
  return [
    ['a function', () => 1, 'result is a function'],
    ['a class', Point, 'result is a function'],
    ['a symbol', Symbol('s'), 'result is a symbol'],
    ['a boxed symbol', [Object(Symbol('s'))], 'result[0] is a symbol'],
    ['a function far inside', { rows: [1, 2, 3, { format: () => 1 }] }, 'result.rows[3].format is a function'],
    ['one under a name that is none', { 'two words': { 7: () => 1 } }, 'result["two words"]["7"] is a function'],
    ['one in a Map', new Map([['a', { b: () => 1 }]]), 'result.get("a").b is a function'],
    ['one that is the key of a Map', { map: new Map([[() => 1, 1]]) }, 'a key of result.map is a function'],
    ['one in a Set', { tags: new Set([1, Symbol('s')]) }, 'a member of result.tags is a symbol'],
    ['one in an array with holes', holey([0, 1, () => 1], 0, 1), 'result[2] is a function'],
    ['one that is a property of an array', Object.assign([1], { format: () => 1 }), 'result.format is a function'],
    ['an instance', { at: new Point() }, 'result.at is an instance of Point'],
    ['an instance of no named class', new (class {})(), 'result is an instance of a class'],
    ['an array of a class', new Rows(), 'result is an instance of Rows'],
    ['a Map of a class', new Dictionary(), 'result is an instance of Dictionary'],
    ['bytes of a class', [new Bytes(1)], 'result[0] is an instance of Bytes'],
    ['an object of an object', Object.create({ a: 1 }), 'result is an instance of Object'],
    ['a promise', [Promise.resolve(1)], 'result[0] is an instance of Promise'],
    ['a WeakMap', { cache: new WeakMap() }, 'result.cache is an instance of WeakMap'],
    ['a WeakRef', new WeakRef({}), 'result is an instance of WeakRef'],
    ['a URL', { link: new URL('https://example.org') }, 'result.link is an instance of URL'],
    ['an iterator', [1].values(), /^result is an instance of /],
    ['shared memory', { memory: new SharedArrayBuffer(8) }, 'result.memory is shared memory (SharedArrayBuffer)'],
    [
      'a view of shared memory',
      new Int32Array(new SharedArrayBuffer(8)),
      'result is a Int32Array of shared memory (SharedArrayBuffer)',
    ],
    ['a Proxy', { proxy: new Proxy({}, {}) }, 'result.proxy is a Proxy'],
    [
      'a Proxy that throws',
      [new Proxy({}, { getPrototypeOf: fails, ownKeys: fails, get: fails })],
      'result[0] is a Proxy',
    ],
    [
      'a getter that throws',
      {
        rows: {
          get first() {
            return fails();
          },
        },
      },
      'result.rows.first throws as it is read: Error: hostile getter',
    ],
    [
      'a property named by a symbol',
      { a: { [Symbol('s')]: 1 } },
      'result.a has a property named by a symbol, Symbol(s)',
    ],
    [
      'a Map with a property',
      Object.assign(new Map(), { size2: 1 }),
      'result has a property "size2", which a Map loses where it is copied',
    ],
    [
      'a Date with a property',
      [Object.assign(new Date(0), { zone: 'UTC' })],
      'result[0] has a property "zone", which a Date loses where it is copied',
    ],
    ['something behind a circle', behindACircle(), 'result.self.fn is a function'],
  ];
}

/** The same array with holes in these places. */
export function holey(array: unknown[], ...places: number[]): unknown[] {
  for (const place of places) delete array[place];
  return array;
}

function behindACircle(): unknown {
  const circle: Record<string, unknown> = {};
  circle['back'] = circle;
  return { self: { back: circle, fn: () => 1 } };
}

function fails(): never {
  throw new Error('hostile getter');
}
