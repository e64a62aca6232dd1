import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, builtFile } from '../support/built.js';

const INDEX = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
const START = fileURLToPath(new URL('fixtures/start-program.mts', import.meta.url));
const EXECUTORS = 'SyncExecutor,AsyncExecutor,ParallelExecutor,ParallelAsyncExecutor';
const KEPT = 'kept: same version and inputs';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-closure-'));
  build('src/index.ts', 'spec/store/fixtures/start-program.mts');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program, by its files. */
const PROGRAM: Readonly<Record<string, string>> = {
  'package.json': '{ "type": "module", "name": "program" }',
  'main.mjs': `
    import leftPad from 'left-pad';
    import { round } from './lib/money.mjs';
    import * as names from './lib/names.mjs';

    const rate = 2;
    const options = { deep: { list: [1, 2], format: (text) => text + '!' }, other: 1 };
    class Parser {
      static kinds = ['a'];
      parse(text) { return Parser.kinds.length + text.length; }
    }
    const parser = new Parser();

    export function build({ TaskGraphBuilder, taskModule }, isAsync) {
      const builder = new TaskGraphBuilder({ name: 'program' });
      let count = 0;
      const add = (name, fn) => builder.task(name, fn).onMainThread();
      add('alone', () => 'rate, round');
      add('constant', () => rate);
      add('object', () => options.deep.list.length);
      add('held', () => options.deep.format('x'));
      add('helper', () => round(1.234));
      add('through', () => names.upper('x'));
      add('class', () => new Parser().parse('xx'));
      add('instance', () => parser.parse('xx'));
      add('package', () => leftPad('x'));
      add('counter', () => ++count);
      add('versioned', () => rate).version('1');
      if (!isAsync) return builder.build();
      const work = taskModule(new URL('./work.mjs', import.meta.url));
      builder.task('module', work.total);
      builder.task('other export', work.twice);
      add('lazy', async () => (await import('./lib/lazy.mjs')).lazy());
      return builder.build();
    }
  `,
  'lib/money.mjs': `
    const places = 2;
    export const round = (x) => Number(x.toFixed(places));
    export const unused = 1;
  `,
  'lib/names.mjs': `
    import { trim } from './trim.mjs';
    export function upper(text) { return trim(text).toUpperCase(); }
    export function lower(text) { return text.toLowerCase(); }
  `,
  'lib/trim.mjs': `
    import { upper } from './names.mjs';
    export const trim = (text) => (text === '' ? upper(' ') : text.trim());
  `,
  'lib/lazy.mjs': 'export const lazy = () => 1;',
  'work.mjs': `
    export { twice } from './lib/twice.mjs';
    import { round } from './lib/money.mjs';
    import { cpus } from 'node:os';
    export const total = () => round(1.5) + Math.min(1, cpus().length);
  `,
  'lib/twice.mjs': "import leftPad from 'left-pad'; export const twice = () => leftPad('x') + 'x';",
  'node_modules/left-pad/package.json': '{ "name": "left-pad", "version": "1.0.0", "main": "index.js" }',
  'node_modules/left-pad/index.js': 'module.exports = function leftPad(text) { return " " + text; };',
};

function write(place: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), text);
  }
}

function edit(place: string, file: string, from: string, to: string): void {
  const text = readFileSync(join(place, file), 'utf8');
  expect(text).toContain(from);
  writeFileSync(join(place, file), text.replaceAll(from, to));
}

type Said = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What a process says that is started now. */
async function started(
  place: string,
  executors = EXECUTORS,
): Promise<{ said: Said; unseen: Readonly<Record<string, string[]>> }> {
  const isPlain = executors === 'AsyncExecutor';
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...(isPlain ? [builtFile('spec/store/fixtures/start-program.ts')] : ['--import', 'tsx', START]),
    isPlain ? builtFile('src/index.ts') : INDEX,
    join(place, 'main.mjs'),
    join(place, '..', `stores-${isPlain}`),
    executors,
  ]);
  return JSON.parse(stdout);
}

/** Those tasks that were not kept, with what explain() said, the same of all executors and stores. */
function ran(said: Said): Record<string, string> {
  const reasons: Record<string, string> = {};
  for (const tasks of Object.values(said)) {
    for (const [task, why] of Object.entries(tasks)) {
      if (why !== KEPT) reasons[task] = why;
    }
  }
  for (const tasks of Object.values(said)) {
    for (const [task, why] of Object.entries(tasks)) expect(`${task} ${why}`).toBe(`${task} ${reasons[task] ?? KEPT}`);
  }
  return reasons;
}

describe.each([
  ['under tsx, on all executors', EXECUTORS],
  ['under plain Node', 'AsyncExecutor'],
])('a program of several modules, %s', (title, executors) => {
  it('runs again what hangs on an edit, and nothing else, and says what was edited', async () => {
    const place = join(folder, title, 'program');
    write(place, PROGRAM);
    const first = await started(place, executors);
    expect(new Set(Object.values(ran(first.said)))).toEqual(new Set(['ran: no stored result']));
    expect(first.unseen).toEqual({ instance: ['parser'], counter: ['count'] });
    expect(ran((await started(place, executors)).said)).toEqual({});

    edit(place, 'main.mjs', 'const rate = 2', 'const rate = 3');
    edit(place, 'main.mjs', 'list: [1, 2]', 'list: [1, 2, 3]');
    edit(place, 'main.mjs', "text + '!'", "text + '?'");
    edit(place, 'main.mjs', 'parse(text) { return', 'parse(text) { return 1 +');
    expect(ran((await started(place, executors)).said)).toEqual({
      constant: 'ran: "rate", which its function uses, changed',
      object: 'ran: "options.deep", which its function uses, changed',
      held: 'ran: "options.deep", which its function uses, changed',
      class: 'ran: "Parser", which its function uses, changed',
      instance: 'ran: "Parser", which its function uses, changed',
    });

    edit(place, 'lib/money.mjs', 'places = 2', 'places = 1');
    edit(place, 'lib/trim.mjs', 'text.trim()', 'text.trimStart()');
    edit(place, 'lib/names.mjs', 'toLowerCase', 'toLocaleLowerCase');
    edit(place, 'lib/lazy.mjs', '=> 1', '=> 2');
    expect(ran((await started(place, executors)).said)).toEqual({
      helper: 'ran: "places", which "round" uses, changed',
      through: 'ran: "trim" of ./lib/trim.mjs, which "upper" calls, changed',
      module: 'ran: ./lib/money.mjs changed',
      'other export': 'ran: ./lib/money.mjs changed',
      lazy: 'ran: ./lib/lazy.mjs changed',
    });

    edit(place, 'lib/money.mjs', 'unused = 1', 'unused = 2');
    edit(place, 'lib/money.mjs', 'Number(', '+(');
    edit(place, 'work.mjs', 'round(1.5)', 'round(1.6)');
    expect(ran((await started(place, executors)).said)).toEqual({
      helper: 'ran: "round" of ./lib/money.mjs, which its function calls, changed',
      module: 'ran: ./work.mjs changed',
      'other export': 'ran: ./work.mjs changed',
    });

    edit(place, 'node_modules/left-pad/package.json', '1.0.0', '1.1.0');
    expect(ran((await started(place, executors)).said)).toEqual({
      package: 'ran: the package left-pad changed from 1.0.0 to 1.1.0',
      module: 'ran: the package left-pad changed from 1.0.0 to 1.1.0',
      'other export': 'ran: the package left-pad changed from 1.0.0 to 1.1.0',
    });

    // Other ends of lines, and another order of keys, in another folder.
    edit(place, 'main.mjs', 'other: 1 }', '}');
    edit(place, 'main.mjs', 'options = {', 'options = { other: 1,');
    const moved = join(folder, title, 'moved');
    cpSync(place, moved, { recursive: true });
    for (const file of Object.keys(PROGRAM)) {
      const text = readFileSync(join(moved, file), 'utf8');
      writeFileSync(join(moved, file), text.replaceAll('\n', '\r\n'));
    }
    expect(ran((await started(moved, executors)).said)).toEqual({});
    // Many processes, one after another, with threads in them.
  }, 240_000);
});
