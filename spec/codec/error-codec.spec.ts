import { CycleError, registerErrors, TaskmapError, TaskTimeoutError } from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { decodeError, encodeError } from '../../src/codec/error-codec.js';

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
  it.each([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])(
    'is still a %o',
    (known) => {
      const error = new known('out of paper');
      const there = arrived(error);
      expect(there).toBeInstanceOf(known);
      expect(Object.getPrototypeOf(there)).toBe(known.prototype);
      expect(there).toMatchObject({ name: error.name, message: 'out of paper', stack: error.stack });
      expect(Object.keys(there)).toEqual([]);
      expect(String(there)).toBe(String(error));
    },
  );

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

  it('is of its own class where that is known, also by way of a place where it is not', () => {
    class ElsewhereError extends Error {
      override readonly name = 'ElsewhereError';
    }
    const onTheWay = arrived(new Error('outer', { cause: new ElsewhereError('inner') }));
    registerErrors(ElsewhereError);
    expect((onTheWay as Error).cause).not.toBeInstanceOf(ElsewhereError);
    expect((arrived(onTheWay) as Error).cause).toBeInstanceOf(ElsewhereError);
  });

  it('is of its own class also where another copy of the package was told of it', async () => {
    class CopiedError extends Error {}
    vi.resetModules();
    const copy = await import('../../src/codec/error-classes.js');
    expect(copy.registerErrors).not.toBe(registerErrors);
    copy.registerErrors(CopiedError);
    expect(arrived(new CopiedError('no'))).toBeInstanceOf(CopiedError);
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
    const there = arrived(
      Object.assign(new Error('no'), { code: 'E', request: { retry() {} }, key: Symbol('key'), n: 5n }),
    );
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
    expect(arrived(thrown).message).toMatch(/^A value was thrown that cannot be carried: /);
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
