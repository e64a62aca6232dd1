import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { heldCount } from './checker.js';
import { type Program, programsOf } from './programs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = `${ROOT}.cache/snippets/`;

const pages = ['README.md', ...filesIn('docs', '.md'), ...filesIn('src', '.ts')];
const programs = pages.flatMap((page) => programsOf(page, readFileSync(ROOT + page, 'utf8')));

describe('each program of the documentation compiles and does what it says', () => {
  const complaintsByFile = compiled(programs);

  it.each(programs.map((program) => [titleOf(program), program] as const))('%s', async (title, program) => {
    expect(complaintsByFile.get(fileOf(program)) ?? []).toEqual([]);
    await import(fileOf(program));
    expect(heldCount(title)).toBe(program.assertionCount);
  });
});

describe('a program of the documentation', () => {
  const page = (...lines: string[]) => ['# Page', ...lines].join('\n');

  it('begins at a block that imports, and takes in the blocks that do not', () => {
    const text = page(
      '```ts',
      "import 'a';",
      '```',
      'Prose.',
      '```ts',
      'f();',
      '```',
      '```text',
      'g();',
      '```',
      '```ts',
      "import 'b';",
      '```',
    );
    const [first, second] = programsOf('page.md', text);
    expect(first?.module.split('\n').slice(1)).toEqual(['', "import 'a';", '', '', '', 'f();', '']);
    expect(second?.line).toBe(13);
  });

  it('is refused if its first block has no import', () => {
    expect(() => programsOf('page.md', page('```ts', 'f();', '```'))).toThrow(
      'page.md:3 goes on with a program, but there is none above it',
    );
  });

  it('has an assertion for each arrow behind an expression', () => {
    const text = page('```ts', "import 'a';", 'if (x) {', '  x.y; // => { z: 1 }', '}', '```');
    const [program] = programsOf('page.md', text);
    expect(program?.module).toContain('\n  __same(0, x.y, { z: 1 }); // => { z: 1 }\n');
    expect(program?.assertionCount).toBe(1);
  });

  it('is refused if an arrow stands behind something else', () => {
    const text = page('```ts', "import 'a';", 'const x = 1; // => 1', '```');
    expect(() => programsOf('page.md', text)).toThrow('page.md:3 has 1 arrows, but 0 of them are of the form');
  });

  it('is also an example in a doc comment', () => {
    const text = [
      '/**',
      ' * Doubles.',
      ' *',
      ' * @example',
      " * import 'a';",
      ' *',
      ' * f(1); // => 2',
      ' */',
      'export function f() {}',
    ].join('\n');
    const [program] = programsOf('src/page.ts', text);
    expect(program?.module.split('\n').slice(4)).toEqual(["import 'a';", '', '__same(0, f(1), 2); // => 2', '']);
  });
});

function filesIn(folder: string, ending: string): string[] {
  const names = readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' });
  return names
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith(ending) && !path.startsWith('docs/api/'))
    .sort();
}

function titleOf({ page, line }: Program): string {
  return `${page}:${line}`;
}

function fileOf({ page, line }: Program): string {
  return `${FOLDER}${page.replaceAll('/', '-')}-${line}.ts`;
}

/** Writes the modules, and has the compiler look at all of them at once. */
function compiled(modules: readonly Program[]): Map<string, string[]> {
  mkdirSync(FOLDER, { recursive: true });
  const files = new Set(modules.map(fileOf));
  for (const name of readdirSync(FOLDER)) if (!files.has(FOLDER + name)) rmSync(FOLDER + name);
  for (const program of modules) {
    const file = fileOf(program);
    // Writing what is there already would wake up those who watch the file.
    if (!existsSync(file) || readFileSync(file, 'utf8') !== program.module) writeFileSync(file, program.module);
  }
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile);
  // An example may name something that it does not go on to use.
  const overrides = {
    noUnusedLocals: false,
    noUnusedParameters: false,
    declaration: false,
    isolatedDeclarations: false,
  };
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, ...overrides },
    ROOT,
    'tsconfig.json',
  );
  const complaintsByFile = new Map<string, string[]>();
  for (const { file, start, messageText } of ts.getPreEmitDiagnostics(ts.createProgram([...files], options))) {
    if (file === undefined) throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
    const line = ts.getLineAndCharacterOfPosition(file, start ?? 0).line + 1;
    const complaints = complaintsByFile.get(file.fileName) ?? [];
    complaints.push(`line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
    complaintsByFile.set(file.fileName, complaints);
  }
  return complaintsByFile;
}
