import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type FunctionMaking, type FunctionSource, functionOf } from '../../src/workers/function-of-text.js';
import { functionSources, isRefusal } from '../../src/workers/function-source.js';

type AnyFunction = (...args: unknown[]) => any;

/** A file of a program with a package of its own, which no compiler has changed. */
const TASKS = `'use strict';
exports.which = async () => (await import('only-here')).which;
exports.fails = (a) =>
  a === 0 ? 1 : null.length;
exports.failing = async   function /* ( */ failing(a) { await a; null.length; };
exports.methods = {
  fails(a) { return a.b.c; },
  async 'fails (later)'(a) { return a.b.c; },
};
exports.head = function
  ofTwoLines() {
    null.length;
};
`;

let folder: string;
let tasks: Record<string, any>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-functions-'));
  program('own', 'of the program');
  program('other', 'of another program');
  tasks = createRequire(import.meta.url)(join(folder, 'own', 'tasks.cjs')) as Record<string, any>;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, which: string): void {
  const packaged = join(folder, name, 'node_modules', 'only-here');
  mkdirSync(packaged, { recursive: true });
  writeFileSync(join(packaged, 'package.json'), '{ "name": "only-here", "type": "module", "exports": "./index.js" }');
  writeFileSync(join(packaged, 'index.js'), `export const which = '${which}';`);
  if (name === 'own') for (const file of ['tasks.cjs', 'measured.cjs']) writeFileSync(join(folder, name, file), TASKS);
}

function sourceOf(fn: Function): FunctionSource {
  const source = functionSources([fn]).get(fn)!;
  if (isRefusal(source)) throw new Error(`Refused: it ${source.why}.`);
  return source;
}

function remade(fn: Function, change: Partial<FunctionMaking> = {}, there?: string): AnyFunction {
  const { text, more } = sourceOf(fn);
  return functionOf(text, JSON.stringify({ ...JSON.parse(more), ...change }), there);
}

/** Where it threw: file, line and column. */
async function placeOf(fn: AnyFunction, ...args: unknown[]): Promise<string> {
  try {
    await fn(...args);
  } catch (error) {
    return /\(?((\/|file:)\S+:\d+:\d+)/.exec((error as Error).stack!)![1]!;
  }
  throw new Error('It did not throw.');
}

describe('functionOf()', () => {
  it('makes functions that throw where they were written', async () => {
    const { fails, failing, methods, head } = tasks;
    for (const fn of [fails, failing, methods.fails, methods['fails (later)']])
      expect(await placeOf(remade(fn), 1)).toBe(await placeOf(fn, 1));
    expect(await placeOf(remade(head))).toBe(await placeOf(head));
    expect(await placeOf(fails, 1)).toBe(`${join(folder, 'own', 'tasks.cjs')}:4:22`);
  });

  it('makes functions of this very file that throw where they were written', async () => {
    const fails = () => {
      throw new Error('here');
    };
    expect(await placeOf(remade(fails))).toBe(await placeOf(fails));
  });

  it('has functions import the packages of the program that they are of, without a word', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => void warnings.push(warning);
    process.on('warning', warned);
    expect(await remade(tasks['which'])()).toBe('of the program');
    expect(warnings).toEqual([]);
    process.off('warning', warned);
  });

  it('has functions of a file that is not on this machine import what the program there has', async () => {
    const there = join(folder, 'other');
    expect(await remade(tasks['which'], { file: '/nowhere/at/all/tasks.cjs' }, there)()).toBe('of another program');
    expect(await remade(tasks['which'], {}, there)()).toBe('of the program');
  });

  it('has what vite makes of an import() do what was meant', async () => {
    const importing = new Function('return () => __vite_ssr_dynamic_import__("only-here")')() as AnyFunction;
    const { text, more } = sourceOf(importing);
    const file = join(folder, 'own', 'tasks.cjs');
    expect(await functionOf(text, JSON.stringify({ ...JSON.parse(more), file }))()).toMatchObject({
      which: 'of the program',
    });
  });

  it('has strict functions be strict, and sloppy ones sloppy', () => {
    const strict = remade(() => {
      const settings = Object.freeze({ price: 1 }) as { price: number };
      settings.price = 2;
    });
    expect(strict).toThrow(TypeError);
    expect(remade(new Function('Object.freeze({}).price = 2; return this'))()).toBe(globalThis);
  });

  it('puts a function where it stands in its file, to the character, where Node measures which code is run', () => {
    vi.stubEnv('NODE_V8_COVERAGE', folder);
    const offsetOf = (fn: Function) => (JSON.parse(sourceOf(fn).more) as FunctionMaking).offset;
    const again = createRequire(import.meta.url)(join(folder, 'own', 'measured.cjs')) as Record<string, any>;
    // One of a file that is known already, and one of another.
    expect(offsetOf(tasks['which'])).toBe(TASKS.indexOf('async () =>') - '('.length);
    expect(offsetOf(tasks['failing'])).toBe(TASKS.indexOf('async   function') - '('.length);
    expect(offsetOf(again['which'])).toBe(TASKS.indexOf('async () =>') - '('.length);
    vi.unstubAllEnvs();
  });

  it('makes functions that can be sent on as they came', () => {
    const source = sourceOf(tasks['which']);
    expect(
      functionSources([functionOf(source.text, source.more)])
        .values()
        .next().value,
    ).toEqual(source);
  });
});
