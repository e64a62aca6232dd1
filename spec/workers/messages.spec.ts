import { CycleError, registerErrors, TaskmapError, TaskTimeoutError } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { culprit, decodeError, encodeError } from '../../src/workers/messages.js';

/** What arrives on the other thread when this is thrown. */
function arrived(thrown: unknown): any {
  return decodeError(structuredClone(encodeError(thrown)));
}

class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly left: number;

  constructor(left: number) {
    super(`${left} left`);
    this.left = left;
  }
}

class HiddenError extends RangeError {}

describe('an error that crosses the border', () => {
  it.each([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])('is still a %o', (known) => {
    const error = new known('out of paper');
    const there = arrived(error);
    expect(there).toBeInstanceOf(known);
    expect(Object.getPrototypeOf(there)).toBe(known.prototype);
    expect(there).toMatchObject({ name: error.name, message: 'out of paper', stack: error.stack });
    expect(Object.keys(there)).toEqual([]);
    expect(String(there)).toBe(String(error));
  });

  it('is the nearest built-in class if its own is not known, and has its name and data', () => {
    const there = arrived(Object.assign(new HiddenError('too far'), { code: 'E_FAR', at: new Date(5) }));
    expect(Object.getPrototypeOf(there)).toBe(RangeError.prototype);
    expect(there).toMatchObject({ message: 'too far', code: 'E_FAR', at: new Date(5) });
    const named = arrived(new QuotaError(3));
    expect(Object.getPrototypeOf(named)).toBe(Error.prototype);
    expect(named).toMatchObject({ name: 'QuotaError', message: '3 left', left: 3 });
  });

  it('is of its own class once that is registered, and so is one of a subclass', () => {
    class DiskQuotaError extends RegisteredError {}
    registerErrors(RegisteredError);
    const there = arrived(new RegisteredError(3));
    expect(there).toBeInstanceOf(RegisteredError);
    expect(there).toMatchObject({ message: '3 left', left: 3, hasRoom: true });
    expect(arrived(new DiskQuotaError(0))).toBeInstanceOf(RegisteredError);
  });

  it('is of its own class if it is one of ours', () => {
    const there = arrived(new CycleError(['a', 'b', 'a']));
    expect(there).toBeInstanceOf(CycleError);
    expect(there).toBeInstanceOf(TaskmapError);
    expect(there).toMatchObject({ name: 'CycleError', code: 'cycle', cycle: ['a', 'b', 'a'] });
    expect(arrived(new TaskTimeoutError('slow', 2, 5))).toMatchObject({ task: 'slow', attempt: 2 });
  });

  it('keeps the errors of an AggregateError', () => {
    const there = arrived(new AggregateError([new TypeError('one'), 'two', undefined], 'all'));
    expect(there).toBeInstanceOf(AggregateError);
    expect(there.errors).toHaveLength(3);
    expect(there.errors[0]).toBeInstanceOf(TypeError);
    expect(there.errors.slice(1)).toEqual(['two', undefined]);
  });

  it('keeps its causes', () => {
    const there = arrived(new Error('a', { cause: new TypeError('b', { cause: { code: 7 } }) }));
    expect(there.cause).toBeInstanceOf(TypeError);
    expect(there.cause.message).toBe('b');
    expect(there.cause.cause).toEqual({ code: 7 });
    expect(Object.hasOwn(arrived(new Error('none')), 'cause')).toBe(false);
  });

  it('arrives whatever its causes are, be they a hundred or a circle', () => {
    let chain = new Error('0');
    for (let depth = 1; depth <= 100; depth++) chain = new Error(String(depth), { cause: chain });
    expect(arrived(chain)).toMatchObject({ message: '100', cause: { message: '99' } });
    const self = new Error('self');
    self.cause = self;
    expect(arrived(self).message).toBe('self');
    const a = new Error('a');
    a.cause = new Error('b', { cause: a });
    expect(arrived(a)).toMatchObject({ message: 'a', cause: { message: 'b' } });
  });

  it('arrives if it is the cause of all the errors in it', () => {
    const errors = Array.from({ length: 10 }, (_, index) => new Error(String(index)));
    const all = new AggregateError(errors, 'all');
    for (const error of errors) error.cause = all;
    const there = arrived(all);
    expect(there.errors.map((error: Error) => error.message)).toEqual(errors.map(({ message }) => message));
  });

  it('loses what cannot be sent, and no more', () => {
    const there = arrived(Object.assign(new Error('no'), { code: 'E', request: { retry() {} }, key: Symbol('key'), n: 5n }));
    expect({ ...there }).toEqual({ code: 'E', n: 5n });
  });

  it('is still a DOMException', () => {
    const there = arrived(new DOMException('stopped', 'AbortError'));
    expect(there).toBeInstanceOf(DOMException);
    expect(there).toMatchObject({ name: 'AbortError', message: 'stopped', code: 20 });
  });

  it.each([
    ['whose message throws', { message: { get: fails } }],
    ['whose name throws', { name: { get: fails } }],
    ['whose stack throws', { stack: { get: fails } }],
    ['whose data throws', { code: { get: fails, enumerable: true } }],
    ['whose causes throw', { cause: { get: fails } }],
    ['whose errors throw', { errors: { get: fails } }],
    ['whose name cannot be text', { name: { value: Object.create(null) } }],
    ['whose constructor throws', { constructor: { get: fails } }],
  ])('is told of as an error, %s', (_, properties) => {
    const hostile = Object.defineProperties(Object.create(new Error('hostile')), properties as PropertyDescriptorMap);
    expect(arrived(hostile)).toBeInstanceOf(Error);
  });

  it('is told of as an error, a proxy that refuses everything', () => {
    const { proxy, revoke } = Proxy.revocable(new Error('gone'), {});
    revoke();
    expect(arrived(proxy)).toBeInstanceOf(Error);
  });
});

describe('what is thrown and is no error', () => {
  it.each([undefined, null, 'text', 0, 7n, false, { code: 7 }, [1, 2]])('arrives as it is: %o', (thrown) => {
    expect(arrived(thrown)).toEqual(thrown);
  });

  it.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an object with a method', { retry() {} }],
    ['a promise', Promise.resolve()],
  ])('arrives as an error that says so: %s', (_, thrown) => {
    expect(arrived(thrown)).toBeInstanceOf(Error);
    expect(arrived(thrown).message).toMatch(/^A value was thrown that cannot be sent between threads: /);
  });
});

describe('culprit()', () => {
  const circle: Record<string, unknown> = { a: 1 };
  circle['self'] = circle;

  it.each([
    ['nothing', undefined],
    ['a circle', circle],
    ['a Map of Sets', new Map([[{ a: 1 }, new Set([new Date(0), /x/])]])],
    [
      'an instance with private state',
      new (class {
        readonly #a = 1;
        read = this.#a;
      })(),
    ],
    ['shared memory', new SharedArrayBuffer(8)],
  ])('finds none in %s', (_, value) => {
    expect(culprit(value)).toBeUndefined();
  });

  it.each([
    ['the whole', () => 1, 'result is a function'],
    ['an entry', { rows: [1, 2, 3, { format: () => 1 }] }, 'result.rows[3].format is a function'],
    ['a symbol', { key: Symbol('s') }, 'result.key is a symbol'],
    ['a name that is none', { 'two words': { 7: () => 1 } }, 'result["two words"]["7"] is a function'],
    ['a value in a Map', new Map([['a', { b: () => 1 }]]), 'result.get("a").b is a function'],
    ['a key of a Map', new Map([[() => 1, 1]]), 'a key of result is a function'],
    ['a member of a Set', { tags: new Set([Symbol('s')]) }, 'a member of result.tags is a symbol'],
    ['a promise', { later: Promise.resolve() }, 'result.later is of a kind that cannot be copied (Promise)'],
    ['a WeakMap', [new WeakMap()], 'result[0] is of a kind that cannot be copied (WeakMap)'],
    ['something behind a circle', Object.assign({ ...circle }, { self: { back: circle, fn: () => 1 } }), 'result.self.fn is a function'],
  ])('names it: %s', (_, value, sentence) => {
    expect(culprit(value)).toBe(sentence);
  });

  it('calls the whole what it is told', () => {
    expect(culprit([() => 1], 'the result of "a"')).toBe('the result of "a"[0] is a function');
  });

  it('says where reading a value throws', () => {
    expect(
      culprit({
        rows: {
          get first() {
            return fails();
          },
        },
      }),
    ).toMatch(/^result\.rows throws as it is read: .*hostile getter/);
    expect(culprit({ proxy: new Proxy({}, { ownKeys: fails }) })).toMatch(/^result\.proxy /);
  });
});

class RegisteredError extends Error {
  readonly left: number;

  constructor(left: number) {
    super(`${left} left`);
    this.left = left;
  }

  get hasRoom(): boolean {
    return this.left > 0;
  }
}

function fails(): never {
  throw new Error('hostile getter');
}
