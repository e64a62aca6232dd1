import fs, { promises, readFile, readFileSync } from 'node:fs';
import os, { homedir, tmpdir } from 'node:os';
import * as path from 'node:path';
import { posix, win32 } from 'node:path';
import { pipeline } from 'node:stream';
import * as promised from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/code/closure.js';
import { codeDifference, type UnseenPart } from '../../src/code/code-part.js';
import * as money from './fixtures/money.js';
import { round, vat } from './fixtures/money.js';

const partsOf = (fn: Function) => codeOf([fn]).get(fn)!.parts;
const whatOf = (fn: Function): string[] => partsOf(fn).map(([what]) => what);
const unseenOf = (fn: Function): readonly UnseenPart[] => codeOf([fn]).get(fn)!.unseen;
/** What is said where the second function is in the place of the first. */
const said = (before: Function, now: Function) => codeDifference(partsOf(before), partsOf(now));

/** Functions of one text, with other variables around them. */
const made = (text: string, around: Readonly<Record<string, unknown>>): Function =>
  new Function(...Object.keys(around), `return ${text}`)(...Object.values(around)) as Function;
const OWN = 'the text of its function';

describe('codeOf()', () => {
  it('tells of a function itself, what it uses, and what that uses in turn', () => {
    expect(whatOf(() => 1)).toEqual([OWN]);
    expect(whatOf(() => round(1) + vat)).toEqual([
      OWN,
      '"vat", which its function uses,',
      '"round" of ./fixtures/money.ts, which its function calls,',
      '"places", which "round" uses,',
      '"half" of ./fixtures/half.ts, which "round" calls,',
      '"round" of ./fixtures/money.ts, which "half" uses,',
    ]);
  });

  it('takes of a module, or of an object, what is used of it', () => {
    expect(whatOf(() => money.vat)).toEqual([OWN, '"vat", which its function uses,']);
    const rates = { vat: 1, other: 2, sum: () => 1 };
    expect(whatOf(() => rates.vat)).toEqual([OWN, '"rates.vat", which its function uses,']);
    const used = (all: unknown) => made('() => rates.vat', { rates: all });
    expect(said(used(rates), used({ ...rates, other: 3 }))).toBeUndefined();
    expect(said(used(rates), used({ ...rates, vat: 3 }))).toBe('"rates.vat", which its function uses, changed');
    const whole = (all: unknown) => made('() => sum(rates) + rates.vat', { rates: all, sum: rates.sum });
    expect(said(whole(rates), whole({ ...rates, other: 3 }))).toBe('"rates", which its function uses, changed');
    // A method may look at the rest.
    const method = (all: unknown) => made('() => rates.of()', { rates: all });
    const of = made('function () { return this.vat; }', {});
    expect(said(method({ of, vat: 1 }), method({ of, vat: 2 }))).toBe('"rates", which its function uses, changed');
  });

  it.each<[string, unknown, unknown]>([
    ['a number', 1, 2],
    ['a sign', 0, -0],
    ['no number', Number.NaN, 0],
    ['a text for a number', 1, '1'],
    ['a nested value', { list: [{ a: 1 }] }, { list: [{ a: 2 }] }],
    ['a Map', new Map([['a', 1]]), new Map([['a', 2]])],
    ['a Set', new Set([1]), new Set([2])],
    ['bytes', new Uint8Array([1]), new Uint8Array([2])],
    ['a Date', new Date(1), new Date(2)],
    ['a RegExp', /a/, /a/g],
    ['a symbol', Symbol('a'), Symbol('b')],
    ['a function for data', () => 1, 1],
    ['a function in data', { format: () => 1 }, { format: () => 2 }],
    ['what a function in data uses', { format: made('() => x', { x: 1 }) }, { format: made('() => x', { x: 2 }) }],
    ['a class', made('class { a() { return 1; } }', {}), made('class { a() { return 2; } }', {})],
    ['a field of a class', made('class { static a = 1; }', {}), made('class { static a = 2; }', {})],
    [
      'a base class',
      made('class extends Base {}', { Base: made('class A { a() {} }', {}) }),
      made('class extends Base {}', { Base: made('class A { b() {} }', {}) }),
    ],
    ['a function of the language', Math.floor, Math.ceil],
    ['a function of Node', homedir, tmpdir],
    ['a function of Node of the same name', posix.join, win32.join],
    ['a function of Node in data', [readFile], [promises.readFile]],
    ['a part of a module of Node', posix, win32],
    ['a module of Node', os, path],
    ['a global object', Math, JSON],
    ['a global object in data', [Math], [JSON]],
    ['an argument that is bound', round.bind(undefined, 1), round.bind(undefined, 2)],
    ['a function that is bound', round.bind(undefined), money.other.bind(undefined)],
    [
      'the code of an instance',
      new (made('class A { a() { return 1; } }', {}) as any)(),
      new (made('class A { a() { return 2; } }', {}) as any)(),
    ],
    [
      'a property that a getter makes',
      {
        get a() {
          return 1;
        },
      },
      {
        get a() {
          return 2;
        },
      },
    ],
  ])('sees that %s is another', (_, before, now) => {
    const [first, second] = [before, now].map((value) => made('() => [value]', { value }));
    expect(said(first!, first!)).toBeUndefined();
    expect(said(first!, second!)).toMatch(/^".+", which .+ (uses|calls), changed$/);
  });

  it('sees what decorators and mixins have put on a class', () => {
    const classWith = (where: 'prototype' | 'itself', name: string, member: PropertyDescriptor) => {
      const Parser = made('class Parser { parse() { return 1; } static of() { return 1; } get a() { return 1; } }', {});
      const holder = where === 'itself' ? Parser : (Parser as { prototype: object }).prototype;
      Object.defineProperty(holder, name, { configurable: true, ...member });
      return made('() => [Parser]', { Parser });
    };
    const around = (extra: number) => made('() => extra', { extra });
    for (const [where, name] of [
      ['prototype', 'parse'],
      ['prototype', 'format'],
      ['itself', 'of'],
    ] as const) {
      const before = classWith(where, name, { value: around(1) });
      expect(said(before, classWith(where, name, { value: around(1) }))).toBeUndefined();
      expect(said(before, classWith(where, name, { value: around(2) }))).toMatch(/^"Parser\..+ changed$/);
    }
    const read = (extra: number) => classWith('prototype', 'a', { get: around(extra) as () => unknown });
    expect(said(read(1), read(2))).toMatch(/^"Parser\.a", .+ changed$/);
    // Also if it was seen before that.
    const Late = made('class Late { parse() { return 1; } }', {}) as unknown as { prototype: { parse: unknown } };
    const using = made('() => [Late]', { Late });
    const before = codeOf([using]).get(using)!.parts;
    Late.prototype.parse = around(1);
    expect(codeOf([using]).get(using)!.parts).not.toEqual(before);
  });

  it('sees what was set on a function and on its prototype', () => {
    const parser = (limit: number, text: string) => {
      const Parser = made('function Parser() {}', {}) as Function & { limit?: number };
      Parser.limit = limit;
      Parser.prototype.parse = made(text, {});
      return made('() => new Parser().parse()', { Parser });
    };
    expect(said(parser(1, '() => 1'), parser(2, '() => 1'))).toBe('"Parser.limit", which "Parser" uses, changed');
    expect(said(parser(1, '() => 1'), parser(1, '() => 2'))).toMatch(
      /^"Parser.prototype.parse", which "Parser" calls,/,
    );
  });

  it('tells apart which of the functions that it knows a variable means', () => {
    const functions = { a: made('() => 1', {}), b: made('() => 2', {}) };
    const used = (c: Function) => made('() => [a, b, c]', { ...functions, c });
    expect(said(used(functions.a), used(functions.b))).toBe('"c", which its function calls, changed');
  });

  it('is the same for the same: in any order of keys, with any ends of lines, with cycles', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle, { cycle });
    const functions = [
      { a: 1, b: cycle },
      { b: cycle, a: 1 },
    ].map((data, index) => {
      const end = index === 0 ? '\n' : '\r\n';
      const even: Function = made(`(n) =>${end} n === 0 || odd()(n - 1)`, { odd: () => odd });
      const odd: Function = made('(n) => n !== 0 && even(n - 1)', { even });
      return made('() => [data, odd]', { data, odd });
    });
    expect(said(functions[0]!, functions[1]!)).toBeUndefined();
  });

  it('looks at nothing of Node and of the language', () => {
    expect(whatOf(() => [fs.readFileSync, readFileSync, path.join, path, process.pid, console, Math.max])).toEqual([
      OWN,
    ]);
    expect(unseenOf(() => [fs, path, process])).toEqual([]);
  });

  it('says which part of Node it is that goes by a name of the program', () => {
    const own = process;
    const read = readFileSync;
    expect(partsOf(() => [own.pid, read]).slice(1)).toEqual([
      ['"own", which its function uses,', 'process of Node'],
      ['"read", which its function calls,', 'fs.readFileSync of Node'],
    ]);
    expect(unseenOf(() => [own, read])).toEqual([]);
    const piping = (value: unknown) => made('() => pipeline()', { pipeline: value });
    expect(said(piping(pipeline), piping(pipeline))).toBeUndefined();
    expect(said(piping(pipeline), piping(promised.pipeline))).toBeDefined();
  });

  it('takes a package by its version', () => {
    expect(partsOf(() => expect)).toContainEqual([
      expect.stringMatching(/^the package (@?[\w/-]+)$/),
      expect.stringMatching(/^\d/),
    ]);
  });

  it('tells what it cannot see, and calls nothing of it', () => {
    const fail = () => {
      throw new Error('called');
    };
    class Socket {
      static get name() {
        return fail();
      }

      send() {}
    }
    const around = {
      socket: new Socket(),
      proxy: new Proxy({}, { get: fail, ownKeys: fail, getOwnPropertyDescriptor: fail, getPrototypeOf: fail }),
      callable: new Proxy(fail, { get: fail, ownKeys: fail, getOwnPropertyDescriptor: fail }),
      weak: new WeakMap(),
      held: {
        deep: [new Promise(() => {})],
        get value() {
          return fail();
        },
      },
      error: new Error('x'),
    };
    expect(unseenOf(made(`() => [${Object.keys(around)}]`, around))).toEqual([
      { name: 'callable', what: 'a Proxy' },
      { name: 'error', what: 'an error' },
      { name: 'held.deep', what: 'an instance of Promise' },
      { name: 'proxy', what: 'a Proxy' },
      { name: 'socket', what: 'an instance of a class' },
      { name: 'weak', what: 'an instance of WeakMap' },
    ]);
    expect(unseenOf(made('() => this', {}))).toEqual([{ name: 'this', what: 'that of the function around it' }]);
    expect(unseenOf(made('() => eval("1")', {}))).toEqual([{ name: 'eval', what: 'code that is made as it runs' }]);
    for (const importing of ['import', 'require'])
      expect(unseenOf(made(`(name) => ${importing}(name)`, {}))).toEqual([
        { name: 'import()', what: 'a module whose name is worked out as it runs' },
      ]);
  });

  it('names the first parts, and folds the rest', () => {
    const around = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`v${index}`, index]));
    const first = made(`() => [${Object.keys(around)}]`, around);
    const last = made(`() => [${Object.keys(around)}]`, { ...around, v9: 'new' });
    expect(partsOf(first)).toHaveLength(32);
    expect(said(first, last)).toBe('something else that its function uses changed');
    const long = `v${'x'.repeat(1000)}`;
    expect(whatOf(made(`() => ${long}`, { [long]: 1 }))[1]!.length).toBeLessThan(200);
  });

  it('asks the engine about many functions at once, and not again about those that use nothing', async () => {
    const inspector = await import('node:inspector');
    let posts = 0;
    const { post } = inspector.Session.prototype;
    inspector.Session.prototype.post = function (this: unknown, ...args: unknown[]) {
      posts++;
      return (post as Function).apply(this, args);
    } as typeof post;
    try {
      const functions = Array.from({ length: 1_000 }, (_, index) => made(`() => ${index}`, {}));
      codeOf(functions);
      expect(posts).toBeLessThan(1_100);
      posts = 0;
      codeOf(functions);
      expect(posts).toBe(0);
    } finally {
      inspector.Session.prototype.post = post;
    }
  });
});
