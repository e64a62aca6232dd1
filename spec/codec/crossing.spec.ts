import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../src/codec/crossing.js';
import { hashValue } from '../../src/codec/value-hash.js';
import { refusedValues, valuesByKind } from '../support/values.js';

/** What arrives in another thread. */
function arrived(value: unknown, moved: readonly ArrayBuffer[] = []): any {
  const packed = pack(value, { moved });
  const transfer = [...moved];
  return packed === undefined ? structuredClone(value, { transfer }) : unpack(structuredClone(packed, { transfer }));
}

describe('a value that crosses to a thread', () => {
  it.each(valuesByKind())('arrives equal, and its hash is the same: %s', (kind, value) => {
    const there = arrived(value);
    // Made in this realm, and without four thousand million positions to look at.
    const comparable = kind === 'an object of another realm' ? structuredClone(value) : value;
    if (kind === 'an array that is mostly holes')
      expect(Object.entries(there as object)).toEqual(Object.entries(value as object));
    else expect(there).toStrictEqual(comparable);
    expect(hashValue(there)).toBe(hashValue(value));
  });

  const withoutSharedMemory = refusedValues().filter(([kind]) => !kind.includes('shared memory'));

  it.each(withoutSharedMemory)('is refused with the path: %s', (_, value, sentence) => {
    if (typeof sentence === 'string') expect(refusedPartOf(value)).toBe(sentence);
    else expect(refusedPartOf(value)).toMatch(sentence);
  });

  it('is carried by the engine as it is unless something in it would change', () => {
    const rows = [{ id: 1, tags: ['a'], at: new Date(0), by: new Map([[1, new Set([2])]]), bytes: new Uint8Array(2) }];
    expect(pack(rows)).toBeUndefined();
    for (const special of [new Error('no'), Buffer.from('bytes'), Object.create(null)])
      expect(pack({ rows, special })).toBeDefined();
  });

  it('is not changed by being packed', () => {
    const error = Object.freeze(new Error('no'));
    const value = Object.freeze({ list: Object.freeze([error]), bytes: Buffer.from('bytes') });
    expect(arrived(value)).toStrictEqual({ list: [error], bytes: Buffer.from('bytes') });
    expect(value.list[0]).toBe(error);
  });

  it('keeps what is shared and what is a circle', () => {
    const shared = { n: 1 };
    const bare = Object.create(null);
    const error = new Error('shared', { cause: bare });
    bare.error = error;
    const bytes = Buffer.from('bytes');
    const map = new Map<unknown, unknown>([[error, bare]]);
    map.set('self', map);
    const there = arrived([shared, shared, error, error, bare, map, bytes, bytes]);
    expect(there[0]).toBe(there[1]);
    expect(there[2]).toBe(there[3]);
    expect(there[2].cause).toBe(there[4]);
    expect(there[4].error).toBe(there[2]);
    expect(there[5].get(there[2])).toBe(there[4]);
    expect(there[5].get('self')).toBe(there[5]);
    expect(there[6]).toBe(there[7]);
  });

  it('is packed once for each of its parts, however often they are shared', () => {
    const errors: Error[] = [];
    for (let index = 0; index < 40; index++) errors.push(new AggregateError([...errors], `attempt ${index}`));
    const packed = pack(errors.at(-1))!;
    expect(packed.shells).toHaveLength(40);
    expect((unpack(packed) as AggregateError).errors).toHaveLength(39);
  });

  it('is refused above 1000 levels, be it also by another way than that by which it was looked over', () => {
    const nested = (levels: number) => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { value };
      return value;
    };
    const tooDeep = 'result is nested more than 1000 levels deep: keep such a structure in a flat list';
    expect(hashValue(arrived(nested(1_000)))).toBe(hashValue(nested(1_000)));
    for (const levels of [1_001, 100_000]) {
      expect(refusedPartOf(nested(levels))).toBe(tooDeep);
      expect(refusedPartOf([new Error('no'), nested(levels)])).toBe(tooDeep);
    }
    // Looked over from its end, which is first; packed from its beginning, since what is special is packed last.
    const chain: { next?: object }[] = [{}];
    for (let length = 1; length < 5_000; length++) chain.push({ next: chain[length - 1]! });
    expect(refusedPartOf([Object.assign(Object.create(null), { chain }), chain.at(-1)])).toBe(tooDeep);
  });

  it('may hold a chain of causes of any length', () => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    let cause: unknown = 'first';
    for (let length = 0; length < 20_000; length++) cause = new Error(`${length}`, { cause });
    let there = arrived(cause);
    for (let length = 0; length < 20_000; length++) there = there.cause;
    expect(there).toBe('first');
    Error.stackTraceLimit = stackTraceLimit;
  });

  it('is refused if there is no stack left to look at it', () => {
    const overflow = (): unknown => {
      try {
        return overflow();
      } catch {
        return refusedPartOf([[[[[[[[1]]]]]]]]);
      }
    };
    const part = overflow();
    if (part !== undefined) expect(part).toMatch(/^result is nested too deep for what is left of the stack/);
  });

  it('is looked into also where a long array has names', () => {
    const long = Object.assign(
      Array.from({ length: 1_000 }, (_, index) => index),
      { why: new RangeError('far') },
    );
    expect(arrived(long).why).toBeInstanceOf(RangeError);
    expect(refusedPartOf(Object.assign([...long], { 'a-b': () => 1 }))).toBe('result["a-b"] is a function');
  });

  it('reads the keys of a sparse array, not its positions', () => {
    const sparse: unknown[] = [1, new Error('first')];
    sparse[4_000_000_000] = Buffer.from('last');
    const there = arrived(sparse);
    expect(Object.keys(there)).toEqual(['0', '1', '4000000000']);
    expect(there[4_000_000_000]).toEqual(Buffer.from('last'));
    sparse[3_000_000_000] = () => 1;
    expect(refusedPartOf(sparse)).toBe('result[3000000000] is a function');
  });

  it('has keys in the order in which they were set, hostile ones too', () => {
    const hostile = JSON.parse('{"b": 1, "__proto__": 2, "constructor": 3, "a": 4}');
    const there = arrived({ ...hostile, ['__proto__']: new Error('proto'), toString: Buffer.from('b') });
    expect(Object.keys(there)).toEqual(['b', '__proto__', 'constructor', 'a', 'toString']);
    expect(Object.getOwnPropertyDescriptor(there, '__proto__')!.value).toBeInstanceOf(Error);
    expect(Object.getPrototypeOf(there)).toBe(Object.prototype);
  });

  it('names the whole as it is told', () => {
    expect(() => pack([() => 1], { name: 'the result of "a"' })).toThrow(
      'the result of "a"[0] is a function. Pass plain data (of an instance, `{ ...it }`), ' +
        'and make of it what is needed where it arrives.',
    );
  });

  it('has its path shortened where that is too long to be read', () => {
    let deep: object = { fn: () => 1 };
    for (let level = 0; level < 500; level++) deep = { n: deep };
    expect(refusedPartOf(deep)).toMatch(/^result(\.n){97}….*\.n\.fn is a function$/);
  });
});

describe('bytes that cross to a thread', () => {
  it('are those that a view shows, and none of its neighbours', () => {
    const pooled = Buffer.from('0123456789');
    expect(pooled.buffer.byteLength).toBeGreaterThan(1_000);
    const there = arrived({
      pooled,
      floats: new Float64Array(100).fill(7).subarray(1, 3),
      view: new DataView(new ArrayBuffer(10), 2, 3),
    });
    expect(there.pooled).toStrictEqual(pooled);
    expect(there.floats).toStrictEqual(new Float64Array([7, 7]));
    expect(there.view).toBeInstanceOf(DataView);
    expect(Object.values(there).map((view) => (view as DataView).buffer.byteLength)).toEqual([10, 16, 3]);
  });

  it('are shared still by views that show the whole of one buffer', () => {
    const { buffer } = new Float64Array([1, 2]);
    const there = arrived({
      buffer,
      bytes: new Uint8Array(buffer),
      floats: new Float64Array(buffer),
      of: Buffer.from(buffer),
    });
    expect(new Set([there.buffer, there.bytes.buffer, there.floats.buffer, there.of.buffer]).size).toBe(1);
    expect(there.of).toBeInstanceOf(Buffer);
  });

  it('are moved with their buffer where that was asked for, whatever part of it views show', () => {
    const { buffer } = new Uint8Array([1, 2, 3, 4]);
    const there = arrived({ part: new Uint8Array(buffer, 1, 2), bytes: Buffer.from(buffer, 2, 1) }, [buffer]);
    expect(buffer.byteLength).toBe(0);
    expect(there.part.buffer).toBe(there.bytes.buffer);
    expect(there.part).toStrictEqual(new Uint8Array([2, 3]));
    expect(there.bytes).toStrictEqual(Buffer.from([3]));
  });

  it('are refused once they were moved away', () => {
    const { buffer } = new Uint8Array(4);
    const values = { bytes: new Uint8Array(buffer), view: new DataView(buffer), buffer };
    structuredClone(buffer, { transfer: [buffer] });
    expect(refusedPartOf(values.bytes)).toBe('result is a Uint8Array whose bytes were moved away');
    expect(refusedPartOf([values.view])).toMatch(/^result\[0\] /);
    expect(refusedPartOf([buffer])).toBe('result[0] is an ArrayBuffer that was moved away');
  });

  it('stay shared memory, whatever part of it views show', () => {
    const memory = new SharedArrayBuffer(8);
    const there = arrived({ memory, part: new Uint8Array(memory, 2, 2), bytes: Buffer.from(memory, 4, 1) });
    new Uint8Array(memory).fill(7);
    expect([...there.part, ...there.bytes, there.memory.byteLength]).toEqual([7, 7, 7, 8]);
    expect(there.bytes).toBeInstanceOf(Buffer);
  });
});

describe('an error within a value', () => {
  it('keeps which of its parts are listed among its keys', () => {
    class Listed extends Error {
      override name = 'Listed';
      override cause: unknown = 7;
      errors = { field: ['required'] };
    }
    const there = arrived(new Listed('no'));
    expect({ ...there }).toEqual({ name: 'Listed', cause: 7, errors: { field: ['required'] } });
    expect(Object.keys(arrived(new AggregateError([1], 'all', { cause: 2 })))).toEqual([]);
  });

  it.each([
    ['detail', { message: 'disk is full', code: 'E' }],
    ['code', { message: 'disk is full', detail: 'D' }],
    ['cause', { message: 'disk is full', code: 'E' }],
    ['stack', { message: 'disk is full', code: 'E' }],
  ])('loses a part that throws as it is read, and no other: %s', (part, rest) => {
    const error = Object.assign(new RangeError('disk is full', { cause: 1 }), { code: 'E', detail: 'D' });
    Object.defineProperty(error, part, { get: fails, enumerable: true });
    const there = arrived([error])[0];
    expect(there).toBeInstanceOf(RangeError);
    expect(there).toMatchObject(rest);
    if (part !== 'stack') expect(there[part]).toBeUndefined();
  });

  it('loses data that cannot cross, and describes a cause that cannot, wherever else these stand', () => {
    const circle: Record<string, unknown> = {};
    const request = { circle, retry() {} };
    circle['request'] = request;
    const error = Object.assign(new Error('no', { cause: request }), { request, code: 'E' });
    expect({ ...arrived(error) }).toEqual({ code: 'E' });
    expect(arrived(error).cause).toEqual(new Error('A value was thrown that cannot be carried: [object Object]'));
    const { errors } = arrived(new AggregateError([1, request, error]));
    expect(errors.slice(0, 2)).toEqual([1, new Error('A value was thrown that cannot be carried: [object Object]')]);
    expect({ ...errors[2] }).toEqual({ code: 'E' });
    // What leads to it from elsewhere is refused, although an error had it too.
    expect(refusedPartOf([error, circle])).toBe('result[1].request.retry is a function');
  });
});

function refusedPartOf(value: unknown): string | undefined {
  try {
    pack(value);
    return undefined;
  } catch (error) {
    return (error as { part?: string }).part;
  }
}

function fails(): never {
  throw new Error('hostile getter');
}
