import { Blob } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { inspect } from 'node:util';
import vm from 'node:vm';
import { MessageChannel } from 'node:worker_threads';

/** What becomes of values at a border. */
export type Answer =
  | 'equal'
  /** Says what of the value stands in the refusal. */
  | { readonly refused: RegExp }
  /** Something else: in words, and the values that stand for it, by name. */
  | { readonly as: string; readonly like: Readonly<Record<string, () => unknown>> };

/** A row of the table in docs/workers.md: values of one kind, and what becomes of them. */
export interface BorderRow {
  readonly kind: string;
  /** Makes the values, by name. */
  readonly values: Readonly<Record<string, () => unknown>>;
  readonly thread: Answer;
  /** In a store and on a queue, if that is something else. */
  readonly bytes?: Answer;
  /** A task on the thread that made it may still get the value itself, uncopied. */
  readonly mayStay?: true;
  /** What else is to be the same on either side. */
  readonly seen?: (value: any) => unknown;
}

const as = (words: string, like: Readonly<Record<string, () => unknown>>): Answer => ({ as: words, like });

export const BORDER_ROWS: readonly BorderRow[] = [
  {
    kind: 'numbers and bigints, `NaN`, `-0` and `Infinity` among them',
    values: { numbers: () => [1, 0.1, Number.NaN, -0, Infinity, 2n ** 80n] },
    thread: 'equal',
  },
  {
    kind: 'text, half of a surrogate pair too',
    values: { text: () => ['', 'tea ☃ 🦆', 'a\ud800b', 'x'.repeat(100)] },
    thread: 'equal',
  },
  {
    kind: '`undefined`, `null`, `true`, `false`, inside of data',
    values: { primitives: () => [undefined, null, { a: undefined, b: true, c: false }] },
    thread: 'equal',
  },
  {
    kind: 'a plain object; its keys keep their order',
    values: { object: () => ({ b: 1, a: { c: [2] }, 7: 'x', '': 0 }) },
    thread: 'equal',
    seen: (value) => Object.keys(value),
  },
  {
    kind: 'a property whose name is `__proto__`',
    values: { proto: () => JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}') },
    thread: 'equal',
    seen: (value) => [Object.keys(value), value.admin, Object.getPrototypeOf(value) === Object.prototype],
  },
  {
    kind: 'an object without a prototype',
    values: { bare: () => [Object.assign(Object.create(null), { a: 1 })] },
    thread: 'equal',
    seen: ([value]) => Object.getPrototypeOf(value),
  },
  {
    kind: 'an array, with holes and with names, as that of a match',
    values: {
      match: () => 'tea'.match(/(?<vowel>e)/),
      holes: () => Object.assign(new Array(5), { 3: 'x', name: 'holes' }),
      sparse: () => Object.assign([], { 4000000000: 'last' }),
    },
    thread: 'equal',
  },
  {
    kind: 'a circle; an object that stands in several places',
    values: { circle: circleOf, shared: sharedOf },
    thread: 'equal',
    seen: (value) => [value.self === value, value.list?.[0] === value.list?.[1]],
  },
  {
    kind: '`Map`, `Set`',
    values: {
      map: () => new Map<unknown, unknown>([['a', new Map([[{ k: 1 }, [1]]])]]),
      set: () => new Set<unknown>(['a', { b: 1 }, new Set()]),
    },
    thread: 'equal',
  },
  {
    kind: '`Date`, that of no time too',
    values: { dates: () => [new Date(1_700_000_000_000), new Date(Number.NaN)] },
    thread: 'equal',
  },
  {
    kind: '`RegExp`',
    values: { regexp: () => searched(/a(b)?/gu) },
    thread: as('equal, and `lastIndex` is 0', { regexp: () => /a(b)?/gu }),
    mayStay: true,
    seen: ({ lastIndex }) => lastIndex,
  },
  {
    kind: 'boxed primitives, such as `Object(1)`',
    values: { boxed: () => [Object(1), Object('1'), Object(true), Object(1n)] },
    thread: 'equal',
  },
  {
    kind: '`ArrayBuffer`, typed arrays, `DataView`',
    values: {
      buffer: () => new Uint8Array([1, 2]).buffer,
      views: () => [new Float64Array([1, -0, Number.NaN]), new BigInt64Array([-1n]), new DataView(new ArrayBuffer(3))],
    },
    thread: 'equal',
  },
  {
    kind: '`Buffer`',
    values: { buffer: () => Buffer.from('tea'), inside: () => ({ pages: [Buffer.from('tea'), Buffer.alloc(3)] }) },
    thread: 'equal',
  },
  {
    kind: 'a view of a part of a buffer',
    values: { part: () => new Uint8Array(1000).fill(7).subarray(2, 4), pooled: () => Buffer.from('tea') },
    thread: as('a view of a buffer of its own, which holds what the view shows', {
      part: () => new Uint8Array([7, 7]),
      pooled: () => Buffer.from(new Uint8Array([116, 101, 97]).buffer),
    }),
    seen: ({ buffer }) => buffer.byteLength,
  },
  {
    kind: 'views that each show all of one buffer',
    values: { views: () => viewsOf(new Float64Array([1, 2]).buffer) },
    thread: 'equal',
    seen: ({ floats, bytes, buffer }) => [floats.buffer === buffer, bytes.buffer === buffer],
  },
  {
    kind: 'a property that was set on a typed array or a Buffer',
    values: { view: () => Object.assign(new Uint8Array(2), { unit: 'px' }) },
    thread: as('stays behind', { view: () => new Uint8Array(2) }),
    mayStay: true,
  },
  {
    kind: '`SharedArrayBuffer`, and views of it',
    values: { memory: () => new SharedArrayBuffer(8), view: () => [new Int32Array(new SharedArrayBuffer(8))] },
    thread: as('the same memory; use `Atomics` to agree on it', {
      memory: () => new SharedArrayBuffer(8),
      view: () => [new Int32Array(new SharedArrayBuffer(8))],
    }),
    bytes: { refused: /shared memory \(SharedArrayBuffer\)$/ },
  },
  {
    kind: 'keys (`KeyObject`, `CryptoKey`), `Blob`, `WebAssembly.Module`',
    values: {
      key: () => createSecretKey(Buffer.from('tea')),
      blob: () => [new Blob(['tea'])],
      module: () => [wasmModule()],
    },
    thread: as('the same', {
      key: () => createSecretKey(Buffer.from('tea')),
      blob: () => [new Blob(['tea'])],
      module: () => [wasmModule()],
    }),
    bytes: { refused: /is an instance of (SecretKeyObject|Blob|Module)$/ },
  },
  {
    kind: 'an error of a built-in class, anywhere; its `cause`, `errors`, data and stack',
    values: {
      error: () => Object.assign(new TypeError('no tea', { cause: new RangeError('far') }), { code: 'E', at: [1] }),
      aggregate: () => [new AggregateError([new Error('one'), 'two', undefined], 'all')],
      settled: () => [{ status: 'rejected', reason: Object.assign(new Error('no'), { code: 'ENOENT' }) }],
      circle: () => ({ failure: ownCause() }),
    },
    thread: 'equal',
    seen: (value) => [value.cause?.message, value[0]?.errors, value[0]?.reason?.code, value.failure?.cause?.message],
  },
  {
    kind: '`DOMException`',
    values: { aborted: () => [new DOMException('stopped', 'AbortError')] },
    thread: 'equal',
    seen: ([{ name, message, code }]) => [name, message, code],
  },
  {
    kind: 'an error of a class of your own',
    values: { error: () => [new QuotaError(3)] },
    thread: as(
      'that class where `registerErrors()` was told of it, else the nearest built-in one, with name and data',
      {
        error: () => [Object.assign(new RangeError('3 left'), { name: 'QuotaError', left: 3 })],
      },
    ),
    seen: ([error]) => [error.name, error.left, Object.getPrototypeOf(error) === RangeError.prototype],
  },
  {
    kind: 'data of an error that cannot cross',
    values: {
      error: () => [Object.assign(new Error('no', { cause: () => 1 }), { code: 'E', request: { retry() {} } })],
    },
    thread: as('is left out; in the place of a `cause` stands an error that describes it', {
      error: () => [
        Object.assign(
          new Error('no', { cause: new Error(`A value was thrown that cannot be carried: function cause`) }),
          {
            code: 'E',
          },
        ),
      ],
    }),
    seen: ([{ cause, code }]) => [cause.message, code],
  },
  {
    kind: 'a getter',
    values: {
      getter: () => ({
        get sum() {
          return 1 + 1;
        },
      }),
    },
    thread: as('the value that it returned', { getter: () => ({ sum: 2 }) }),
    mayStay: true,
  },
  {
    kind: 'frozen and sealed objects',
    values: { frozen: () => Object.freeze({ a: Object.seal([1]) }) },
    thread: as('equal, and can be changed', { frozen: () => ({ a: [1] }) }),
    mayStay: true,
    seen: (value) => [Object.isFrozen(value), Object.isSealed(value.a)],
  },
  {
    kind: 'properties that are not enumerable',
    values: { hidden: () => Object.defineProperty({ a: 1 }, 'row', { value: 7 }) },
    thread: as('stay behind, as with `{ ...it }`', { hidden: () => ({ a: 1 }) }),
    mayStay: true,
    seen: ({ row }) => row,
  },
  {
    kind: 'plain objects, arrays, errors and such of another realm (`node:vm`)',
    values: { far: () => vm.runInNewContext('({ list: [1, new Map([[1, new Date(0)]])], why: new TypeError("no") })') },
    thread: as('those of this realm', {
      far: () => ({ list: [1, new Map([[1, new Date(0)]])], why: new TypeError('no') }),
    }),
    seen: (value) => [Object.getPrototypeOf(value) === Object.prototype, value.why instanceof TypeError],
  },
  {
    kind: 'a function, a symbol',
    values: { fn: () => ({ rows: [{ format: () => 1 }] }), symbol: () => [Symbol('s')] },
    thread: { refused: /^\w+(\.rows\[0\]\.format is a function|\[0\] is a symbol)$/ },
  },
  {
    kind: 'an instance of a class, of a subclass of `Array` or `Map` too',
    values: {
      instance: () => ({ at: new Point() }),
      rows: () => [new (class Rows extends Array {})()],
      dictionary: () => [new (class Dictionary extends Map {})()],
    },
    thread: { refused: / is an instance of (Point|Rows|Dictionary)$/ },
  },
  {
    kind: 'a property named by a symbol; an `arguments` object, which has one',
    values: {
      symbol: () => ({ a: { [Symbol('s')]: 1 } }),
      args: () =>
        (function () {
          // biome-ignore lint/complexity/noArguments: that is the value.
          return arguments;
        })(),
    },
    thread: { refused: / has a property named by a symbol, Symbol\(/ },
  },
  {
    kind: 'a property that was set on a `Map`, `Set`, `Date`, `RegExp` or `ArrayBuffer`',
    values: {
      map: () => [Object.assign(new Map(), { unit: 'px' })],
      date: () => Object.assign(new Date(0), { zone: 'UTC' }),
    },
    thread: { refused: / has a property "(unit|zone)", which a (Map|Date) loses where it is copied$/ },
  },
  {
    kind: 'a getter that throws',
    values: { getter: () => ({ rows: Object.defineProperty({}, 'first', { enumerable: true, get: fails }) }) },
    thread: { refused: /\.rows\.first throws as it is read: Error: hostile getter$/ },
  },
  {
    kind: '`Promise`, `WeakMap`, `WeakRef`, iterators, generators',
    values: {
      promise: () => [Promise.resolve(1)],
      weak: () => ({ cache: new WeakMap(), ref: new WeakRef({}) }),
      iterator: () => [[1].values()],
    },
    thread: { refused: / is an instance of / },
  },
  {
    kind: '`URL`, `URLSearchParams`, `Headers`, `Request`, `Response`, `FormData`',
    values: {
      url: () => ({ link: new URL('https://example.org') }),
      params: () => [new URLSearchParams('a=1')],
      headers: () => [new Headers({ a: '1' })],
      request: () => [new Request('https://example.org')],
      response: () => [new Response('tea')],
      form: () => [new FormData()],
    },
    thread: { refused: / is an instance of (URL|URLSearchParams|Headers|Request|Response|FormData)$/ },
  },
  {
    kind: '`AbortSignal`, events, streams, ports, `Intl` and `Temporal` objects',
    values: {
      signal: () => [new AbortController().signal],
      event: () => [new Event('tea')],
      stream: () => [new ReadableStream()],
      port: () => [closed(new MessageChannel()).port1],
      intl: () => ({ format: new Intl.NumberFormat() }),
    },
    thread: { refused: / is an instance of (AbortSignal|Event|ReadableStream|MessagePort|NumberFormat)$/ },
  },
  {
    kind: 'a `Proxy`',
    values: { proxy: () => ({ proxy: new Proxy({}, {}) }) },
    thread: { refused: /\.proxy is a Proxy$/ },
  },
  {
    kind: 'bytes that were moved away',
    values: { moved: () => [movedAway(new Uint8Array(4))] },
    thread: { refused: /\[0\] is a Uint8Array whose bytes were moved away$/ },
  },
  {
    kind: 'what is nested more than 1000 levels deep (a chain of causes is not)',
    values: { deep: () => nested(1_001) },
    thread: { refused: /^\w+ is nested more than 1000 levels deep: keep such a structure in a flat list$/ },
  },
];

const SEPARATOR = ' / ';

/** Of each value its key. */
export const BORDER_KEYS: readonly string[] = BORDER_ROWS.flatMap(({ kind, values }) =>
  Object.keys(values).map((name) => kind + SEPARATOR + name),
);

export function rowOf(key: string): BorderRow {
  return BORDER_ROWS.find(({ kind }) => key.startsWith(kind + SEPARATOR))!;
}

/** Makes the value of a key. */
export function valueFor(key: string): unknown {
  return rowOf(key).values[nameOf(key)]!();
}

/** What it should look like on the other side; of those that are refused by what. */
export function expectedOf(key: string, border: 'thread' | 'bytes'): string | RegExp {
  const row = rowOf(key);
  const answer = (border === 'bytes' ? row.bytes : undefined) ?? row.thread;
  if (answer === 'equal') return portraitOf(key, valueFor(key));
  return 'refused' in answer ? answer.refused : portraitOf(key, answer.like[nameOf(key)]!());
}

/** All that can be seen of a value, but for the files and lines of stacks, as text. */
export function portraitOf(key: string, value: unknown): string {
  const seen = rowOf(key).seen?.(value);
  return inspect([value, seen], { depth: 30, maxArrayLength: 100, compact: false }).replace(
    /\n\s+(at |\.\.\. \d+ lines matching) ?.*/g,
    '',
  );
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf(SEPARATOR) + SEPARATOR.length);
}

class Point {
  x = 1;
}

class QuotaError extends RangeError {
  override readonly name = 'QuotaError';
  readonly left: number;

  constructor(left: number) {
    super(`${left} left`);
    this.left = left;
  }
}

function circleOf(): unknown {
  const circle: Record<string, unknown> = { a: 1 };
  circle['self'] = circle;
  return circle;
}

function sharedOf(): unknown {
  const shared = { n: 1 };
  return { list: [shared, shared] };
}

function searched(pattern: RegExp): RegExp {
  pattern.exec('ab');
  return pattern;
}

function viewsOf(buffer: ArrayBuffer): unknown {
  return { floats: new Float64Array(buffer), bytes: new Uint8Array(buffer), buffer };
}

function ownCause(): Error {
  const error = new Error('no answer');
  error.cause = error;
  return error;
}

function wasmModule(): object {
  const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } })
    .WebAssembly;
  return new Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
}

function movedAway<V extends ArrayBufferView>(view: V): V {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

function closed(channel: MessageChannel): MessageChannel {
  channel.port1.close();
  return channel;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function fails(): never {
  throw new Error('hostile getter');
}
