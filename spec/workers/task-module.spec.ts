import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidOptionError, taskModule } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { moduleReference } from '../../src/code/module-reference.js';
import { functionOf } from '../../src/workers/function-of-text.js';
import { exported } from '../../src/workers/task-module.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-modules-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A module of CommonJS whose exports cannot be read from its text, as Node imports it: what runs these specs would show them. */
function hiding(name: string, made: string): Promise<object> {
  const file = join(folder, `${name}.cjs`);
  writeFileSync(file, `const make = () => (${made}); module.exports = make();`);
  const making = { helpers: [], strict: true, file, line: 0, column: 0 };
  return functionOf('(file) => import(file)', JSON.stringify(making))(file) as Promise<object>;
}

describe('taskModule()', () => {
  it.each([
    './work.js',
    '../work.js',
    '..',
    '/work.js',
    'C:\\work\\tasks.js',
    'c:/app/tasks.js',
    '\\\\host\\share\\tasks.js',
    '.\\tasks.js',
    '',
  ])('refuses %s, which is no address', (path) => {
    expect(() => taskModule(path)).toThrow(InvalidOptionError);
    expect(() => taskModule(path)).toThrow(/Expected `url` to be an absolute URL.*pathToFileURL\(\)/);
  });

  it.each([undefined, null, 7, {}])('refuses %s, which is no text at all', (url) => {
    expect(() => taskModule(url as unknown as string)).toThrow(InvalidOptionError);
  });

  it.each(['node:os', 'yaml', '@scope/package/part', 'file:///C:/app/tasks.js', 'data:text/javascript,'])(
    'takes %s',
    (address) => {
      expect(moduleReference(taskModule<Record<string, () => number>>(address)['cpus']!)).toEqual({
        moduleUrl: address,
        exportName: 'cpus',
      });
    },
  );

  it('makes functions that another copy of the package knows', async () => {
    vi.resetModules();
    const other = await import('../../src/code/module-reference.js');
    expect(other.moduleReference).not.toBe(moduleReference);
    const fn = taskModule<typeof import('node:os')>('node:os').cpus;
    expect(other.moduleReference(fn)).toEqual({ moduleUrl: 'node:os', exportName: 'cpus' });
  });
});

describe('exported()', () => {
  it('finds an export that Node cannot see from outside on the default export, and calls it as its method', async () => {
    const work = await hiding('work', '{ factor: 3, triple(n) { return this.factor * n; } }');
    expect(exported(work, 'work', 'triple')(2)).toBe(6);
  });

  it('says what there is where there is no such function', async () => {
    const work = await hiding('other', '{ triple: (n) => 3 * n, LIMIT: 7 }');
    for (const name of ['double', 'LIMIT'])
      expect(() => exported(work, 'work', name)).toThrow(
        new RegExp(`^Module work has no exported function "${name}"; it exports default with triple, LIMIT\\b`),
      );
  });

  it('takes no method that every function or object has for an export', async () => {
    const fn = await hiding('function', '() => 1');
    const object = await hiding('object', '{}');
    for (const name of ['call', 'toString']) expect(() => exported(fn, 'work', name)).toThrow(TypeError);
    expect(() => exported(object, 'work', 'toString')).toThrow(TypeError);
  });
});
