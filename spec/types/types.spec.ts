import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { COMPILERS, type Compiler, compile, type Diagnostic, Workspace } from './compilers.js';
import { chain, declared, handles, record } from './large.js';

const CASES = 'spec/types/cases';
const MESSAGES = `${CASES}/messages/messages.ts`;
const CONSUMER = `${CASES}/consumer/consumer.ts`;
const LARGE: { readonly [file: string]: string } = {
  'large/chain.ts': chain(150),
  'large/handles.ts': handles(1000),
  'large/record.ts': record(150),
  'large/declared.ts': declared(150),
};

/** For machines that are busy with other things. */
const TIMEOUT_MS = 180_000;

/** What a program has that uses the package, and no more: no DOM, and every declaration file is checked. */
const PROGRAM_OPTIONS = {
  module: 'NodeNext',
  target: 'ES2022',
  lib: ['ES2022'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  declaration: true,
  isolatedDeclarations: true,
  skipLibCheck: false,
  emitDeclarationOnly: true,
  outDir: 'out',
  paths: { 'taskmap-ts': ['./src/index.d.ts'] },
};

/** Prints the declarations of the sources and of the cases, as `npm run build` does. What cannot be printed is a diagnostic. */
function declare(compiler: Compiler, { path }: Workspace): Promise<Diagnostic[]> {
  return compile(compiler, CASES, ['--noEmit', 'false', '--emitDeclarationOnly', '--outDir', path]);
}

describe.each(COMPILERS)('%s', (compiler) => {
  let cases: Diagnostic[];
  let programs: Diagnostic[];

  beforeAll(async () => {
    await using workspace = await Workspace.make();
    cases = await declare(compiler, workspace);
    for (const file of [CONSUMER, MESSAGES]) await workspace.copy(file);
    for (const [file, source] of Object.entries(LARGE)) await workspace.write(file, source);
    const files = [CONSUMER, MESSAGES, ...Object.keys(LARGE)];
    await workspace.write('tsconfig.json', JSON.stringify({ compilerOptions: PROGRAM_OPTIONS, files }));
    programs = await compile(compiler, '.', [], workspace.path);
  }, TIMEOUT_MS);

  it('accepts what must compile, refuses what must not, and prints the declarations of both', () => {
    expect(cases).toEqual([]);
  });

  it('lets a program without a DOM use these declarations, every one of them checked', () => {
    expect(programs.filter(({ file }) => file !== MESSAGES && !(file in LARGE))).toEqual([]);
  });

  it('takes a chain of 150 tasks, a dictionary or a declaration of as many, and 1 000 statements with handles', () => {
    expect(programs.filter(({ file }) => file in LARGE)).toEqual([]);
  });

  it('says in the first error of a line what does not fit', () => {
    const texts = new Map<number, string>();
    for (const { file, line, text } of programs) if (file === MESSAGES && !texts.has(line)) texts.set(line, text);
    const patterns = expectedMessages(MESSAGES);
    // A text that matches is shown as its pattern, so that what is left to compare is what differs.
    const shown = [...texts].map(
      ([line, text]) => [line, matches(text, patterns.get(line)) ? patterns.get(line) : text] as const,
    );
    expect(new Map(shown)).toEqual(patterns);
  });
});

/** By line, what the `// error: …` comment above it says. */
function expectedMessages(file: string): Map<number, string> {
  const lines = readFileSync(file, 'utf8').split('\n');
  return new Map(
    lines.flatMap((line, index) => {
      const pattern = /^\/\/ error: (.*)$/.exec(line)?.[1];
      return pattern === undefined ? [] : [[index + 2, pattern]];
    }),
  );
}

/** Whether a text is that of a pattern in which each … stands for any text. */
function matches(text: string, pattern: string | undefined): boolean {
  if (pattern === undefined) return false;
  const literally = pattern.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literally.join('.*')}$`).test(text);
}

describe('completion', () => {
  let offered: { [mark: string]: string[] };

  beforeAll(() => {
    offered = completions(`
      const chain = new TaskGraphBuilder().task('load', () => 1).task('parse', (n: number) => n).dependsOn('load');
      const graph = chain.build();
      const typed = new AsyncExecutor<TasksIn<typeof graph>>();
      chain.task('x').dependsOn('${mark('dependsOn')}');
      chain.task('x').dependsOn('load', '${mark('dependsOn, second')}');
      chain.task('x', (a: number) => a).dependsOn('${mark('dependsOn, checked')}');
      chain.task('x', (a: number) => a).after('${mark('after')}');
      graph.result('${mark('result')}');
      graph.reset('load', '${mark('reset')}');
      graph.replace('${mark('replace')}', () => 1);
      graph.results.${mark('results')};
      typed.run(graph, { only: ['${mark('only')}'] });
      typed.on('task:done', (record) => record.task === '${mark('record')}');
      new TaskGraphBuilder().tasks({ load: () => 1, parse: (n: number) => n }, { ${mark('tasks')} });
      new TaskGraphBuilder().tasks({ load: () => 1, parse: (n: number) => n }, { parse: ['${mark('tasks, list')}'] });
      new TaskGraphBuilder().tasks({ load: () => 1, parse: (n: number) => n }, {}, { ioBound: ['${mark('tasks, ioBound')}'] });
      new TaskGraphBuilder<{ load(): number; parse(n: number): number }>().task('${mark('task, declared')}');
      new TaskGraphBuilder<{ load(): number; parse(n: number): number }>().task('x').dependsOn('${mark('dependsOn, declared')}');
      new TaskGraphBuilder().${mark('a builder')};
      new TaskGraphBuilder().task('a').${mark('a draft')};
      new TaskGraphBuilder().task('a', () => 1).${mark('a step')};
      new AsyncExecutor().on('${mark('an event')}', () => {});
    `);
  }, TIMEOUT_MS);

  it('offers the names of the tasks wherever one is expected', () => {
    const names = ['load', 'parse'];
    expect(offered).toMatchObject({
      dependsOn: names,
      'dependsOn, second': names,
      'dependsOn, checked': names,
      'dependsOn, declared': names,
      after: names,
      result: names,
      results: names,
      reset: names,
      replace: names,
      only: names,
      record: names,
      tasks: names,
      'tasks, list': names,
      'tasks, ioBound': names,
      'task, declared': names,
    });
  });

  it('offers what can come next, and the events there are', () => {
    const options = [
      'after',
      'always',
      'build',
      'dependsOn',
      'expires',
      'ioBound',
      'keepFailures',
      'meta',
      'name',
      'onMainThread',
      'priority',
      'retry',
      'task',
      'timeout',
      'transient',
      'version',
      'with',
      'withContext',
    ];
    expect(offered['a builder']).toEqual(['add', 'build', 'file', 'files', 'task', 'tasks']);
    expect(offered['a draft']).toEqual([...options, 'run'].sort());
    expect(offered['a step']).toEqual([...options, 'file', 'files', 'returns'].sort());
    expect(offered['an event']).toEqual(expect.arrayContaining(['run:finished', 'task:done', 'task:failed']));
  });
});

/** A place in a source text at which to ask for completions. */
function mark(name: string): string {
  return `/*${name}*/`;
}

/** What an editor offers at each mark, sorted. */
function completions(body: string): { [mark: string]: string[] } {
  const path = `${process.cwd()}/${CASES}/completion.ts`;
  const text = `import { AsyncExecutor, TaskGraphBuilder, type TasksIn } from 'taskmap-ts';\n${body}`;
  const { options } = ts.getParsedCommandLineOfConfigFile(
    `${CASES}/tsconfig.json`,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  )!;
  const service = ts.createLanguageService({
    ...ts.sys,
    useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
    getScriptFileNames: () => [path],
    getScriptVersion: () => '1',
    getScriptSnapshot: (file) => {
      const source = file === path ? text : ts.sys.readFile(file);
      return source === undefined ? undefined : ts.ScriptSnapshot.fromString(source);
    },
    getCompilationSettings: () => options,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
  });
  return Object.fromEntries(
    [...text.matchAll(/\/\*(.*?)\*\//g)].map((found) => {
      const entries = service.getCompletionsAtPosition(path, found.index, {})?.entries ?? [];
      // The text of the mark itself stands in the string that is to be completed.
      return [found[1]!, entries.flatMap(({ name }) => (name === found[0] ? [] : [name])).sort()];
    }),
  );
}
