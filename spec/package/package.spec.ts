import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CONSUMER = fileURLToPath(new URL('consumer/', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const COMPILERS = ['typescript59', 'typescript', 'typescript7'];

/** What Node tells of a script. */
interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

let folder: string;
/** A copy of the project, so that building it disturbs nobody who uses dist meanwhile. */
let project: string;
let tarball: string;
/** A project that has installed the tarball. */
let consumer: string;
/** The package as it was installed there. */
let installed: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'taskmap-package-')));
  project = join(folder, 'project');
  const configurations = ['tsconfig.json', 'tsconfig.page.json', 'tsconfig.build.json', 'tsconfig.build.page.json'];
  for (const name of ['package.json', ...configurations, 'README.md', 'CHANGELOG.md', 'LICENSE', 'src']) {
    cpSync(join(ROOT, name), join(project, name), { recursive: true });
  }
  symlinkSync(MODULES, join(project, 'node_modules'), 'dir');
  npm(project, 'run', 'build');
  consumer = join(folder, 'consumer');
  cpSync(CONSUMER, consumer, { recursive: true });
  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true }');
  // What it depends on is packed as well, so that nothing has to be fetched.
  const dependencies = ['eventemitter3', 'fdir', 'picomatch', 'tinyglobby', 'uuid', 'workerpool'];
  for (const packed of [project, ...dependencies.map((name) => join(MODULES, name))]) {
    npm(consumer, 'pack', packed, '--ignore-scripts');
  }
  const tarballs = readdirSync(consumer).filter((name) => name.endsWith('.tgz'));
  tarball = join(consumer, tarballs.find((name) => name.startsWith('taskmap-ts-'))!);
  npm(consumer, 'install', '--offline', '--ignore-scripts', '--no-audit', ...tarballs.map((name) => `./${name}`));
  installed = join(consumer, 'node_modules', 'taskmap-ts');
  mkdirSync(join(consumer, 'node_modules', '@types'));
  for (const types of ['@types/node', 'undici-types'])
    symlinkSync(join(MODULES, types), join(consumer, 'node_modules', types), 'dir');
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds the compiled package, its source, and what tells about it', () => {
    const unexpected = filesOf(installed).filter((file) => !/^(dist\/.+\.(js|d\.ts)(\.map)?|src\/.+\.ts)$/.test(file));
    expect(unexpected.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
    const modules = filesOf(join(installed, 'src')).map((file) => file.replace(/\.ts$/, ''));
    expect(modules).toContain('index');
    // Scripts of pages are for browsers to load, not for anybody to import.
    const isForPages = (module: string) => /^\w+\/page\//.test(module);
    const compiled = modules.flatMap((module) => [
      ...(isForPages(module) ? [] : [`${module}.d.ts`, `${module}.d.ts.map`]),
      `${module}.js`,
      `${module}.js.map`,
    ]);
    expect(modules.some(isForPages)).toBe(true);
    expect(filesOf(join(installed, 'dist')).sort()).toEqual(compiled.sort());
  });

  it('has source maps that lead to the source', () => {
    const maps = filesOf(join(installed, 'dist')).filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(0);
    const lost = maps.flatMap((map) => {
      const file = join(installed, 'dist', map);
      const { sources } = JSON.parse(readFileSync(file, 'utf8')) as { sources: string[] };
      return sources
        .map((source) => join(dirname(file), source))
        .filter((source) => !existsSync(source) || relative(installed, source).startsWith('..'));
    });
    expect(lost).toEqual([]);
  });

  it('pleases publint', () => {
    expect(node(consumer, join(MODULES, 'publint/src/cli.js'), 'run', tarball, '--strict')).toContain('All good!');
  });

  it('has types that every way of importing a module finds', () => {
    const cli = join(MODULES, '@arethetypeswrong/cli/dist/index.js');
    expect(node(consumer, cli, tarball, '--profile', 'esm-only', '--no-emoji', '--no-color')).toContain('(ESM)');
  });
});

describe('a project that installed the package', () => {
  it.each(COMPILERS)('compiles with %s, library declarations included', (compiler) => {
    expect(node(consumer, join(MODULES, compiler, 'bin/tsc'), '-p', 'tsconfig.json')).toBe('');
  });

  it('compiles without the types of Node where there are those of a browser', () => {
    expect(node(consumer, join(MODULES, 'typescript/bin/tsc'), '-p', 'tsconfig.browser.json')).toBe('');
  });

  it.each(['module.mjs', 'commonjs.cjs'])('runs %s without a word of warning', (file) => {
    expect(node(consumer, file)).toBe('42\n');
  });

  it('runs TypeScript by tsx, on threads too, whether or not the program was started by it', () => {
    symlinkSync(join(MODULES, 'tsx'), join(consumer, 'node_modules', 'tsx'), 'dir');
    expect(node(consumer, '--import', 'tsx', 'typescript/main.ts')).toBe('42\n');
    expect(node(consumer, 'typed-threads.mjs')).toBe('42\n');
  });

  it('sends functions as text from a context that a test runner has made', () => {
    const vitest = join(MODULES, 'vitest/vitest.mjs');
    const told = node(consumer, vitest, 'run', '--pool=vmThreads', '--globals', '--reporter=json', 'text.test.mjs');
    expect(JSON.parse(told)).toMatchObject({ numPassedTests: 1, numTotalTests: 1 });
  });

  it('has what measures which code was run find functions on threads where they stand', () => {
    const measured = join(folder, 'coverage');
    vi.stubEnv('NODE_V8_COVERAGE', measured);
    node(consumer, 'threads.mjs');
    vi.unstubAllEnvs();
    const scripts = readdirSync(measured).flatMap((file) => {
      const { result } = JSON.parse(readFileSync(join(measured, file), 'utf8')) as { result: ScriptCoverage[] };
      return result.filter(({ url }) => url.endsWith('/threads.mjs'));
    });
    const text = readFileSync(join(consumer, 'threads.mjs'), 'utf8');
    const run = scripts.flatMap(({ functions }) => functions).flatMap(({ ranges }) => ranges);
    const counted = run.filter(({ count }) => count > 0).map((range) => text.slice(range.startOffset, range.endOffset));
    expect(counted).toContain('() => 6');
    expect(counted).toContainEqual(expect.stringMatching(/^async \(six\) => \{[\s\S]*7 \* six;\s+\}$/));
  });

  it.each<[string, string, string[]]>([
    ['sends functions as text', '--disallow-code-generation-from-strings', []],
    [
      'says what keeps functions as text from threads',
      process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission',
      ['--allow-fs-read=*', '--allow-worker', '--no-warnings'],
    ],
  ])('%s under %s', (_, flag, more) => {
    const isFree = more.length === 0;
    expect(node(consumer, flag, ...more, 'threads.mjs')).toMatch(
      isFree ? /^42\n$/ : /^TransferError: [\s\S]*the permission model of Node.js \(--permission\) keeps/,
    );
  });

  it('runs tasks on threads in a program that is given on the command line', () => {
    const program = readFileSync(join(consumer, 'threads.mjs'), 'utf8');
    expect(node(consumer, '--expose-gc', '--input-type=module', '-e', program)).toBe('42\n');
  });

  it('has the command', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(node(consumer, realpathSync(join(consumer, 'node_modules', '.bin', 'taskmap-ts')), '--version')).toBe(
      `${version}\n`,
    );
  });

  it('runs where there is nothing that only Node has', () => {
    expect(node(consumer, '--conditions=browser', 'browser.mjs')).toBe('slow 42\n');
  });
});

describe('a program that is bundled into one file', () => {
  /** Bundles a program of the consumer's, and says where the bundle is. */
  function bundled(entry: string, outfile: string, options: BuildOptions): string {
    // workerpool is CommonJS: in an ES module its calls of require() need one.
    const banner =
      options.format === 'esm'
        ? "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
        : '';
    buildSync({
      banner: { js: banner },
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      logLevel: 'error',
      absWorkingDir: consumer,
      ...options,
    });
    return outfile;
  }

  it.each<[string, BuildOptions]>([
    ['ES modules', { format: 'esm' }],
    ['ES modules, minified', { format: 'esm', minify: true }],
    ['CommonJS', { format: 'cjs', logOverride: { 'empty-import-meta': 'silent' } }],
  ])('finds the script of its threads where the package is installed: %s', (name, options) => {
    const file = bundled(
      'threads.mjs',
      join(consumer, 'bundles', `${name.replaceAll(/\W/g, '-')}.${options.format === 'cjs' ? 'cjs' : 'mjs'}`),
      options,
    );
    expect(node(consumer, file)).toBe('42\n');
  });

  it('takes a script that was bundled too, and says so where there is none', () => {
    const elsewhere = join(folder, 'elsewhere');
    const program = bundled('threads.mjs', join(elsewhere, 'program.mjs'), { format: 'esm' });
    const script = bundled('taskmap-ts/worker', join(elsewhere, 'worker.cjs'), {
      format: 'cjs',
      logOverride: { 'empty-import-meta': 'silent' },
    });
    expect(node(elsewhere, program, script)).toBe('42\n');
    expect(node(elsewhere, program)).toMatch(
      /^WorkerStartError: .*Bundle 'taskmap-ts\/worker' into a file of its own, and name it by the `workerScript` option\.\n$/,
    );
  });
});

function filesOf(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

function npm(cwd: string, ...args: string[]): string {
  // With what it has kept of optional peers, it would want to fetch them.
  const env = { ...process.env, npm_config_cache: join(folder, 'npm-cache') };
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd,
    env,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** What the program printed. It must end well, and complain of nothing. */
function node(cwd: string, ...args: string[]): string {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' });
  expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout });
  return stdout;
}
