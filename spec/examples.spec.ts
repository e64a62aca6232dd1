import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ParallelAsyncExecutor } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditGraph } from '../examples/dependency-audit/graph.js';
import { installedPackages } from '../examples/dependency-audit/packages.js';
import type { AuditReport } from '../examples/dependency-audit/report.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEMO = 'dependency-audit.ts';
const OUTPUT = '// output:\n';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an example as a reader would, and waits for its end. */
async function runExample(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  // Shows no progress, which takes more or fewer lines by the time; and finds nothing that an earlier one has kept.
  const { FORCE_COLOR, INIT_CWD, ...inherited } = process.env;
  const TMPDIR = await mkdtemp(join(tmpdir(), 'example-'));
  const options = { cwd: ROOT, env: { ...inherited, CI: 'true', TMPDIR, TEMP: TMPDIR, ...env } };
  const ended = await new Promise<Ended>((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', join('examples', file), ...args],
      options,
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
  // The loader may be writing its cache still.
  await rm(TMPDIR, { recursive: true, force: true, maxRetries: 20 });
  return ended;
}

const files = (await readdir(join(ROOT, 'examples'))).filter((file) => file.endsWith('.ts') && file !== DEMO);
files.push('http-place/main.ts');
/** Its bars and its seconds are those of a machine that has nothing else to do. */
const TIMED = 'quick-start.ts';

/** Of a bar and of a number of seconds, only that it is there. */
function untimed(text: string): string {
  return text.replaceAll(/ *█+ */g, ' █ ').replaceAll(/\d+ s\b/g, 'some s');
}

describe('the small examples', () => {
  it.concurrent.each(files)('%s prints what it says at its end', async (file) => {
    const text = await readFile(join(ROOT, 'examples', file), 'utf8');
    const [, comment] = text.split(OUTPUT);
    const promised = comment?.replaceAll(/^\/\/ ?/gm, '').trimEnd();
    const asPromised = file === TIMED ? untimed : (text: string) => text;
    const { code, stdout, stderr } = await runExample(file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(promised).toMatch(/\S/);
    expect(asPromised(stdout.trimEnd())).toBe(asPromised(promised!));
  });
});

describe('two machines', () => {
  const FOLDER = join(ROOT, 'examples/two-machines');
  const TASKS = 3 * 8 + 2;

  it('share the tasks of one graph, and come to what one machine comes to when two lines are changed back', async () => {
    const { code, stdout, stderr } = await runExample('two-machines/main.ts');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    const [, backend] = /^queue: (redis|postgres)$/.exec(lines[0]!)!;
    expect(lines.filter((line) => line.includes(`: ready on ${backend}: threads: 1`))).toHaveLength(2);
    const places = lines.slice(3, -1).map((line) => line.split(': '));
    expect(places.map(([place]) => place).filter((place) => place !== 'ox' && place !== 'cow')).toEqual([]);
    expect(places.flatMap(([, tasks]) => tasks!.split(', '))).toHaveLength(TASKS);

    const pipeline = await readFile(join(FOLDER, 'pipeline.ts'), 'utf8');
    const changed = /^\/\/ ((?:import|await using) .*)\n.*$/gm;
    expect(pipeline.match(changed)).toHaveLength(2);
    const local = join(ROOT, '.cache/two-machines.ts');
    await mkdir(dirname(local), { recursive: true });
    await writeFile(
      local,
      pipeline
        .replaceAll(changed, '$1')
        .replace("new URL('./tasks.ts', import.meta.url)", `new URL('file://${FOLDER}/tasks.ts')`),
    );
    const here = await runExample('../.cache/two-machines.ts');
    expect(here).toMatchObject({ code: 0, stderr: '' });
    expect(here.stdout).toMatch(/^main: read /m);
    expect(here.stdout.trimEnd().split('\n').at(-1)).toBe(lines.at(-1));
    // It starts six processes, on a machine that may be busy.
  }, 180_000);
});

describe('the dependency audit', () => {
  let folder: string;
  let project: string;

  /*
   *   node_modules/
   *     a-link ─► ../linked          a package that lies elsewhere, and links back to itself
   *     @scope/scoped
   *     bare                         no licence at all
   *     broken                       its package.json is cut off
   *     copyleft
   *     empty                        no package.json
   *     filed                        its licence is only in a file
   *     nested/node_modules/whole    another version
   *     patched/node_modules/whole   the same version with other sources
   *     whole
   *     .bin  .cache                 no packages
   */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'examples-spec-'));
    project = join(folder, 'project');
    const put = async (path: string, text: string) => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    };
    const putPackage = (path: string, manifest: object, source = 'export const one = 1;\n') =>
      Promise.all([put(`${path}/package.json`, JSON.stringify(manifest)), put(`${path}/lib/index.js`, source)]);
    const modules = 'project/node_modules';
    await putPackage('linked', { name: 'linked', version: '0.0.1', license: 'MIT' });
    await mkdir(join(folder, 'linked/node_modules'));
    await symlink(join(folder, 'linked'), join(folder, 'linked/node_modules/linked'), 'junction');
    await putPackage(`${modules}/@scope/scoped`, {
      name: '@scope/scoped',
      version: '1.2.3',
      license: '(MIT OR GPL-3.0)',
    });
    await putPackage(`${modules}/bare`, { name: 'bare', version: '1.0.0' });
    await put(`${modules}/broken/package.json`, '{ "name": "broken",\n');
    await putPackage(`${modules}/copyleft`, { name: 'copyleft', version: '3.0.0', licenses: [{ type: 'GPL-3.0' }] });
    await put(`${modules}/empty/index.js`, '');
    await putPackage(`${modules}/filed`, { name: 'filed', version: '1.0.0' });
    await put(`${modules}/filed/LICENSE.md`, 'Permission is hereby granted, free of charge, to any person …');
    await putPackage(`${modules}/nested`, { name: 'nested', version: '1.0.0', license: 'MIT' });
    await putPackage(`${modules}/nested/node_modules/whole`, { name: 'whole', version: '10.0.0', license: 'ISC' });
    await putPackage(`${modules}/patched`, { name: 'patched', version: '1.0.0', license: 'MIT' });
    await putPackage(
      `${modules}/patched/node_modules/whole`,
      { name: 'whole', version: '9.0.0', license: 'ISC' },
      'export const one = 2;\n',
    );
    await putPackage(`${modules}/whole`, { name: 'whole', version: '9.0.0', license: 'ISC' });
    await put(`${modules}/whole/README.md`, 'The whole of it.\n');
    await put(`${modules}/whole/lib/two.d.ts`, 'export declare const one: number;\nexport {}');
    await put(`${modules}/.bin/whole`, '#!/bin/sh\n');
    await put(`${modules}/.cache/package.json`, '{}');
    await symlink(join(folder, 'linked'), join(folder, modules, 'a-link'), 'junction');
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The rows of a section of the report, cell by cell, without the headings. */
  function rows(stdout: string, section: string): string[][] {
    const lines = stdout.slice(stdout.indexOf(`\n\n${section}\n`) + section.length + 3).split('\n\n', 1)[0]!;
    const cells = lines.split('\n').map((line) => line.trim().split(/ {2,}/));
    return cells.slice(1);
  }

  it('tells what is installed, and what could not be read', async () => {
    const { code, stdout, stderr } = await runExample(DEMO, [project]);
    expect(code).toBe(0);
    expect(stdout).toContain(`${join(project, 'node_modules')}: 10 packages audited, 2 failed\n\n23 files, `);
    expect(stdout).toContain('; 12 lines of source, ');
    expect(rows(stdout, 'Largest').map(([path, version]) => [path, version])).toContainEqual([
      '@scope/scoped',
      '1.2.3',
    ]);
    expect(rows(stdout, 'Largest')).toHaveLength(10);
    expect(rows(stdout, 'Licences')).toEqual([
      ['MIT', '4'],
      ['ISC', '3'],
      ['(MIT OR GPL-3.0)', '1'],
      ['GPL-3.0', '1'],
      ['none', '1'],
    ]);
    expect(rows(stdout, 'Licences to look at')).toEqual([
      ['bare', '1.0.0', 'none', 'no licence'],
      ['copyleft', '3.0.0', 'GPL-3.0', 'unusual licence'],
      ['filed', '1.0.0', 'MIT', 'licence only in a file'],
    ]);
    expect(rows(stdout, 'Installed more than once')).toEqual([
      ['whole', expect.any(String), '9.0.0 ×2, 10.0.0 (copies of one version differ)'],
    ]);
    expect(rows(stdout, 'Failed')).toEqual([
      ['broken', 'manifest', expect.stringMatching(/^package\.json is no JSON: /)],
      ['empty', 'manifest', 'There is no package.json.'],
    ]);
    expect(rows(stdout, 'Slowest (tasks added up, the time they wait included)')).toHaveLength(5);
    expect(stdout).toMatch(/\n70 tasks done, 2 failed, 12 skipped, in [\d.]+ m?s\n$/);
    expect(stderr).toBe('');
  });

  it('writes all of it to a file, one verdict for each package that could be read', async () => {
    const json = join(folder, 'report.json');
    const { code, stdout } = await runExample(DEMO, [join(project, 'node_modules'), '--json', json]);
    expect(code).toBe(0);
    expect(stdout.endsWith(`\n\nEverything is in ${json}.\n`)).toBe(true);
    const report = JSON.parse(await readFile(json, 'utf8')) as AuditReport;
    expect(report.totals).toMatchObject({ packages: 10, failed: 2, fileCount: 23, lines: 12 });
    expect(report.tasks).toEqual({ pending: 0, running: 0, done: 70, failed: 2, skipped: 12 });
    expect(report.failures.map(({ path, task }) => [path, task])).toEqual([
      ['broken', 'manifest broken'],
      ['empty', 'manifest empty'],
    ]);
    expect(report.verdicts.map(({ path }) => path)).toEqual([
      '@scope/scoped',
      'a-link',
      'bare',
      'copyleft',
      'filed',
      'nested',
      'nested/node_modules/whole',
      'patched',
      'patched/node_modules/whole',
      'whole',
    ]);
    const [nested, patched, whole] = report.verdicts.filter(({ name }) => name === 'whole');
    expect(whole).toMatchObject({
      version: '9.0.0',
      licence: { name: 'ISC', from: 'manifest' },
      fileCount: 4,
      sourceFileCount: 2,
      lines: 3,
      remarks: [],
    });
    expect(whole!.gzippedBytes).toBeGreaterThan(0);
    expect(whole!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set([nested!.sha256, patched!.sha256, whole!.sha256]).size).toBe(3);
    expect(nested!.sha256).toBe(report.verdicts.find(({ name }) => name === 'bare')!.sha256);
  });

  it('takes paths from where npm was called, and keeps a file until there is something to write to it', async () => {
    const json = join(project, 'kept.json');
    await writeFile(json, 'kept');
    const npm = { INIT_CWD: project };
    const { stderr } = await runExample(DEMO, ['nowhere', '--json', 'kept.json'], npm);
    expect(stderr).toBe(`error: There is no folder ${join(project, 'nowhere')}.\n`);
    expect(await readFile(json, 'utf8')).toBe('kept');
    const { code, stdout } = await runExample(DEMO, ['.', '--json', 'kept.json'], npm);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^node_modules: 10 packages audited, 2 failed\n[\s\S]*\n\nEverything is in kept\.json\.\n$/);
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({ folder: 'node_modules' });
  });

  it('runs again only what failed, and breaks only a copy', async () => {
    const temporary = join(folder, 'temporary');
    const manifest = join(project, 'node_modules/a-link/package.json');
    const scoped = join(project, 'node_modules/@scope/scoped/package.json');
    const before = await Promise.all([readFile(manifest, 'utf8'), readFile(scoped, 'utf8')]);
    await mkdir(temporary, { recursive: true });
    const { code, stdout } = await runExample(DEMO, [project, '--retry'], { TMPDIR: temporary, TEMP: temporary });
    expect(code).toBe(0);
    const lines = stdout.split('\n').map((line) => line.replace(/in [\d.]+ m?s/, 'in no time'));
    expect(lines.slice(0, 8)).toEqual([
      'First audit, the manifest of @scope/scoped broken: 66 attempts in no time; 63 tasks done, 3 failed, 18 skipped.',
      expect.stringMatching(/^ {2}package\.json is no JSON: /),
      'Mended. resetFailed() leaves 21 tasks to run.',
      'Second audit: 9 attempts in no time; 70 tasks done, 2 failed, 12 skipped.',
      '  7 attempts for @scope/scoped',
      '  1 attempt for broken',
      '  1 attempt for empty',
      '',
    ]);
    expect(stdout).toContain('10 packages audited, 2 failed\n');
    expect(await Promise.all([readFile(manifest, 'utf8'), readFile(scoped, 'utf8')])).toEqual(before);
    expect((await readdir(temporary)).filter((name) => name.startsWith('dependency-audit'))).toEqual([]);
  });

  it('breaks only a copy where a package is a link to another folder', async () => {
    const linking = join(folder, 'linking');
    await mkdir(join(linking, 'node_modules'), { recursive: true });
    await symlink(join(folder, 'linked'), join(linking, 'node_modules/linked'), 'junction');
    const manifest = join(folder, 'linked/package.json');
    const before = await readFile(manifest, 'utf8');
    const { code, stdout } = await runExample(DEMO, [linking, '--retry']);
    expect(code).toBe(0);
    expect(stdout).toContain('the manifest of linked broken');
    // The copy and, through the link that is inside it, what it is a copy of.
    expect(stdout).toContain('2 packages audited, 0 failed\n');
    expect(await readFile(manifest, 'utf8')).toBe(before);
  });

  it('says what is wrong with a folder or an option', async () => {
    const none = join(folder, 'none');
    const bare = join(project, 'node_modules/bare');
    const file = join(bare, 'package.json');
    const empty = join(folder, 'void/node_modules');
    await mkdir(empty, { recursive: true });
    const told = async (...args: string[]) => {
      const { code, stdout, stderr } = await runExample(DEMO, args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      return stderr;
    };
    expect(await told(none)).toBe(`error: There is no folder ${none}.\n`);
    expect(await told(file)).toBe(
      `error: ${file} is a file. Give the folder of a project, or a node_modules folder.\n`,
    );
    expect(await told(bare)).toBe(
      `error: There is no node_modules in ${bare}. Run npm install there, or give another folder.\n`,
    );
    expect(await told(dirname(empty))).toBe(`error: There are no packages in ${empty}.\n`);
    expect(await told(bare, none)).toBe('error: Give one folder, not 2.\nTry --help.\n');
    expect(await told(project, '--json', folder)).toMatch(/^error: The report cannot be written: EISDIR.*\n$/);
    expect(await told(project, '--json', join(none, 'report.json'))).toMatch(
      /^error: The report cannot be written: ENOENT.*\n$/,
    );
    expect(await told('--jsn')).toMatch(/^error: Unknown option '--jsn'.*\nTry --help\.\n$/);
  });

  it('shows help', async () => {
    const { code, stdout, stderr } = await runExample(DEMO, ['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const word of ['FOLDER', '--json FILE', '--retry', '--help']) expect(stdout).toContain(word);
  });

  it('measures on threads, reads on the main thread, and runs again what hangs on a task', async () => {
    const { graph } = auditGraph(await installedPackages(join(project, 'node_modules')));
    const executor = new ParallelAsyncExecutor({ workers: 2 });
    const onThreads = new Set<string>();
    executor.on('task:started', ({ task, thread }) => {
      if (thread !== 'main') onThreads.add(task.slice(0, task.indexOf(' ')));
    });
    await executor.run(graph);
    expect([...onThreads].sort()).toEqual(['gzip', 'hash', 'lines']);
    const before = graph.result('verdict whole');
    const { attemptCount } = await executor.run(graph.reset('hash whole'));
    expect(attemptCount).toBe(2);
    expect(graph.result('verdict whole')).toEqual(before);
    await executor.close();
  });

  it('keeps its results: the second time it does nothing, and says so', async () => {
    const store = join(folder, 'kept', 'results');
    const first = await runExample(DEMO, [project, '--store', store]);
    const second = await runExample(DEMO, [project, '--store', store]);
    // What could not be read is tried again.
    expect(second.stdout).toMatch(
      /^Going on: 70 results of the last audit still hold, 2 attempts made in [\d.]+ m?s \(.*\)\.\n\n/,
    );
    const withoutTimes = (text: string) => text.slice(text.indexOf('10 packages audited'), text.indexOf('\n\nSlowest'));
    expect(withoutTimes(second.stdout)).toBe(withoutTimes(first.stdout));
    const whole = join(folder, 'whole');
    await mkdir(join(whole, 'node_modules'), { recursive: true });
    await cp(join(project, 'node_modules/whole'), join(whole, 'node_modules/whole'), { recursive: true });
    await runExample(DEMO, [whole, '--store', store]);
    const { stdout } = await runExample(DEMO, [whole, '--store', store]);
    expect(stdout).toMatch(/^Nothing to do: 7 results of the last audit still hold, found in [\d.]+ m?s \(.*\)\.\n\n/);
    expect(stdout).not.toContain('Slowest');
  });

  it('reads a package again that was installed anew, and computes again what comes out otherwise', async () => {
    const copy = join(folder, 'again');
    const store = join(folder, 'again-results');
    await mkdir(join(copy, 'node_modules'), { recursive: true });
    for (const name of ['bare', 'whole'])
      await cp(join(project, 'node_modules', name), join(copy, 'node_modules', name), { recursive: true });
    await runExample(DEMO, [copy, '--store', store]);
    const explained = async (task: string) =>
      (await runExample(DEMO, [copy, '--store', store, '--explain', task])).stdout;
    expect(await explained('gzip whole')).toBe('gzip whole kept: same version and inputs\n');
    await writeFile(
      join(copy, 'node_modules/whole/package.json'),
      '{ "name": "whole", "version": "11.0.0", "license": "ISC" }',
    );
    expect(await explained('manifest whole')).toMatch(/^manifest whole runs: its version changed from ".*" to ".*"\n$/);
    expect(await explained('gzip whole')).toBe('gzip whole may run: the result of "files whole" may change\n');
    expect(await explained('verdict bare')).toBe('verdict bare kept: same version and inputs\n');
    const { stdout } = await runExample(DEMO, [copy, '--store', store]);
    expect(stdout).toMatch(/^Going on: \d+ results of the last audit still hold, \d attempts made in /);
    expect(stdout).toContain('11.0.0');
    const { code, stderr } = await runExample(DEMO, [copy, '--store', store, '--explain', 'gzp whole']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'error: Task "gzp whole" is not in graph "dependency audit". Did you mean "gzip whole"?\n',
    });
  });

  it('goes on where it was when it was killed', async () => {
    const store = join(folder, 'killed-results');
    const all = join(ROOT, 'node_modules');
    const child = spawn(process.execPath, ['--import', 'tsx', join('examples', DEMO), all, '--store', store], {
      cwd: ROOT,
      env: { ...process.env, CI: '' },
    });
    // What it has done so far is kept.
    await expect
      .poll(async () => (await stat(store).catch(() => undefined))?.size ?? 0, { timeout: 60_000, interval: 5 })
      .toBeGreaterThan(1000);
    child.kill('SIGKILL');
    await once(child, 'close');
    const { code, stdout } = await runExample(DEMO, [all, '--store', store]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Going on: [\d,]+ results? of the last audit still holds?, [\d,]+ attempts made in /);
  });

  it('says how much longer it takes without threads', async () => {
    const { code, stdout } = await runExample(DEMO, [project, '--compare']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\n\nWith \d+ worker threads? it took [\d.]+ m?s, on the main thread alone [\d.]+ m?s: \d+\.\d times as long\.\n$/,
    );
  });
});
