import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, builtFile } from '../support/built.js';
import { Random } from '../support/seeded-random.js';

/** How many programs there are; `CLOSURE_PROGRAMS=100` makes more. */
const PROGRAMS = Number(process.env['CLOSURE_PROGRAMS'] ?? 3);
const MODULES = 4;
const EDITS = 3;
const KEPT = 'kept: same version and inputs';

/** Something that a program is made of, and that may be edited. */
interface Leaf {
  readonly name: string;
  readonly module: number;
  readonly form: 'number' | 'object' | 'arrow' | 'function' | 'class' | 'held';
  /** Those that it uses, also in circles. */
  readonly uses: readonly Leaf[];
  edits: number;
}

/** A random program: leaves in modules that import from one another, and tasks that use some of them. */
class RandomProgram {
  readonly #random: Random;
  readonly leaves: readonly Leaf[];
  readonly tasks: readonly (readonly Leaf[])[];

  constructor(random: Random) {
    this.#random = random;
    this.leaves = Array.from({ length: 14 }, (_, index) => ({
      name: `leaf${index}`,
      module: random.upTo(MODULES - 1),
      form: random.oneOf(['number', 'object', 'arrow', 'function', 'class', 'held'] as const),
      uses: [] as Leaf[],
      edits: 0,
    }));
    for (const leaf of this.leaves)
      if (isCode(leaf)) (leaf.uses as Leaf[]).push(...this.#some(3).filter((used) => used !== leaf));
    this.tasks = Array.from({ length: 8 }, () => this.#some(2));
  }

  /** The tasks that hang on a leaf. */
  tasksOn(leaf: Leaf): string[] {
    return this.tasks.flatMap((used, index) => (reached(used).has(leaf) ? [`task${index}`] : []));
  }

  /** The text of each file. In which order keys stand, and how lines end, is left to chance: it changes nothing. */
  files(): Record<string, string> {
    const files: Record<string, string> = {};
    for (let module = 0; module < MODULES; module++) {
      const own = this.leaves.filter((leaf) => leaf.module === module);
      const imports = importsFor(
        own.flatMap(({ uses }) => uses),
        module,
      );
      files[`m${module}.mjs`] = [...imports, ...own.map((leaf) => this.#textOf(leaf))].join('\n');
    }
    const tasks = this.tasks.map((used, index) => `builder.task('task${index}', () => ${usesOf(used, MODULES)});`);
    files['main.mjs'] = [
      ...importsFor(this.tasks.flat(), MODULES),
      "export function build({ TaskGraphBuilder }) { const builder = new TaskGraphBuilder({ name: 'random' });",
      ...tasks,
      'return builder.build(); }',
    ].join('\n');
    const end = this.#random.oneOf(['\n', '\r\n']);
    return Object.fromEntries(Object.entries(files).map(([file, text]) => [file, text.replaceAll('\n', end)]));
  }

  #textOf({ name, form, uses, edits, module }: Leaf): string {
    const body = `${usesOf(uses, module)}.length + ${edits}`;
    switch (form) {
      case 'number':
        return `export const ${name} = ${edits};`;
      case 'object': {
        const keys = this.#random.oneOf(['a: 1, b: [', 'b: [']);
        return `export const ${name} = { ${keys}${edits}, new Map([[1, 'x']])]${keys.startsWith('a') ? '' : ', a: 1'} };`;
      }
      case 'arrow':
        return `export const ${name} = () =>\n  ${body};`;
      case 'function':
        return `export function ${name}() {\n  return ${body};\n}`;
      case 'class':
        return `export class ${name} { run() { return ${body}; } }`;
      case 'held':
        return `export const ${name} = { run: () => ${body} };`;
      default:
        return form satisfies never;
    }
  }

  #some(most: number): Leaf[] {
    return [...new Set(Array.from({ length: 1 + this.#random.upTo(most - 1) }, () => this.#random.oneOf(this.leaves)))];
  }
}

function isCode({ form }: Leaf): boolean {
  return form !== 'number' && form !== 'object';
}

function reached(from: readonly Leaf[]): ReadonlySet<Leaf> {
  const met = new Set(from);
  for (const leaf of met) for (const used of leaf.uses) met.add(used);
  return met;
}

/** An expression that uses leaves and calls none of them, since they may use one another in circles. */
function usesOf(leaves: readonly Leaf[], module: number): string {
  return `[${leaves.map((leaf) => `typeof ${nameIn(leaf, module)}`).join(', ')}]`;
}

/** Every other module is imported whole. */
function nameIn(leaf: Leaf, module: number): string {
  return leaf.module !== module && leaf.module % 2 === 1 ? `all${leaf.module}.${leaf.name}` : leaf.name;
}

function importsFor(leaves: readonly Leaf[], module: number): string[] {
  const foreign = new Set(leaves.filter((leaf) => leaf.module !== module));
  const lines = [...foreign].map((leaf) =>
    leaf.module % 2 === 1
      ? `import * as all${leaf.module} from './m${leaf.module}.mjs';`
      : `import { ${leaf.name} } from './m${leaf.module}.mjs';`,
  );
  return [...new Set(lines)].sort();
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskmap-closures-'));
  build('src/index.ts', 'spec/store/fixtures/start-program.mts');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a process that is started now runs, of the tasks of a program. */
async function ran(program: RandomProgram, place: string): Promise<string[]> {
  mkdirSync(place, { recursive: true });
  for (const [file, text] of Object.entries(program.files())) writeFileSync(join(place, file), text);
  const { stdout } = await promisify(execFile)(process.execPath, [
    builtFile('spec/store/fixtures/start-program.ts'),
    builtFile('src/index.ts'),
    join(place, 'main.mjs'),
    place,
    'SyncExecutor',
  ]);
  const { said } = JSON.parse(stdout) as { said: Record<string, Record<string, string>> };
  return Object.entries(said['SyncExecutor with file']!).flatMap(([task, why]) => (why === KEPT ? [] : [task]));
}

describe('a random program of several modules', () => {
  it.each(Array.from({ length: PROGRAMS }, (_, index) => index + 1))(
    'of seed %i keeps all if nothing was edited, and runs what hangs on what was',
    async (seed) => {
      const random = new Random(seed);
      const program = new RandomProgram(random);
      const place = join(folder, String(seed));
      expect(await ran(program, place)).toHaveLength(program.tasks.length);
      expect(await ran(program, place)).toEqual([]);
      const leaves = program.leaves.filter((leaf) => program.tasksOn(leaf).length > 0);
      for (let edit = 0; edit < EDITS; edit++) {
        const leaf = random.oneOf(leaves);
        leaf.edits++;
        expect([leaf.name, leaf.form, await ran(program, place)]).toEqual([
          leaf.name,
          leaf.form,
          program.tasksOn(leaf),
        ]);
      }
    },
    240_000,
  );
});
