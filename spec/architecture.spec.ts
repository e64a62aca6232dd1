import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

// errors ◄─ copy ◄─ files ◄─ codec ◄─ drawing ◄─ graph ◄─ events ◄─ places ◄─ schedule ◄─ observe ◄─ page ◄─ report ◄─ code
// ◄─ workers ◄─ store ◄─ executors ◄─ core ◄─ index ◄─ dashboard ◄─ otel ◄─ bullmq ◄─ cli
//
// A room imports from those to its left and from itself, and from no other: types count as well. What `core` holds runs in browsers, too.

const SRC = fileURLToPath(new URL('../src/', import.meta.url));
const ROOMS = [
  'errors',
  'copy',
  'files',
  'codec',
  'drawing',
  'graph',
  'events',
  'places',
  'schedule',
  'observe',
  'page',
  'report',
  'code',
  'workers',
  'store',
  'executors',
  'core',
  'index',
  'dashboard',
  'otel',
  'bullmq',
  'cli',
];
const DOORS = [
  '@opentelemetry/api in otel/traced-run.ts',
  '@opentelemetry/api in otel/tracing.ts',
  '@opentelemetry/api in workers/carried-context.ts',
  'bullmq in bullmq/queue-server.ts',
  'esbuild in page/page-script.ts',
  'eventemitter3 in executors/emitter.ts',
  'uuid in executors/executor.ts',
  'workerpool in workers/worker-main.ts',
  'workerpool in workers/worker-thread.ts',
];

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .sort();
const importsByFile = new Map(files.map((file) => [file, importsOf(file)]));

describe('the rooms of src', () => {
  it.each(files)('%s is in a known room and imports from none to the right of it', (file) => {
    const place = ROOMS.indexOf(roomOf(file));
    expect(place).toBeGreaterThanOrEqual(0);
    expect(filesImportedBy(file).filter((imported) => ROOMS.indexOf(roomOf(imported)) > place)).toEqual([]);
  });

  it('have one from which nothing is decided: what observes knows neither schedule nor executors, and none of them knows it', () => {
    const observing = files.filter((file) => roomOf(file) === 'observe');
    expect(observing.length).toBeGreaterThan(3);
    expect(new Set(observing.flatMap(filesImportedBy).map(roomOf))).toEqual(
      new Set(['observe', 'errors', 'copy', 'drawing', 'events', 'graph']),
    );
    const observed = files.filter((file) => filesImportedBy(file).some((imported) => roomOf(imported) === 'observe'));
    expect(new Set(observed.map(roomOf))).toEqual(new Set(['observe', 'report', 'core', 'index', 'dashboard', 'otel']));
  });

  it('have no index file but the one of the package', () => {
    expect(files.filter((file) => posix.basename(file) === 'index.ts')).toEqual(['index.ts']);
  });

  it('hold files that import files that are there', () => {
    expect(files.flatMap(filesImportedBy).filter((imported) => !importsByFile.has(imported))).toEqual([]);
  });

  it('have no circle of imports', () => {
    const left = new Set(files);
    const leaves = () => [...left].filter((file) => !filesImportedBy(file).some((imported) => left.has(imported)));
    for (let found = leaves(); found.length > 0; found = leaves()) for (const leaf of found) left.delete(leaf);
    expect([...left]).toEqual([]);
  });
});

describe('what comes from outside', () => {
  it('comes in by one door for each package; workerpool has one on each side of the thread border, OpenTelemetry a room and one in threads', () => {
    expect(
      files
        .flatMap(outsideImportsOf)
        .filter((one) => !one.startsWith('node:'))
        .sort(),
    ).toEqual(DOORS);
  });

  it('is the file system by one door for all stores, so that specs can let it fail', () => {
    const imports = files.filter((file) => roomOf(file) === 'store').flatMap(outsideImportsOf);
    expect(imports.filter((one) => one.startsWith('node:fs'))).toEqual(['node:fs in store/file-system.ts']);
  });

  it('is nothing of Node in what browsers run', () => {
    const reached = new Set(['core.ts']);
    for (const file of reached) for (const imported of filesImportedBy(file)) reached.add(imported);
    expect(reached.size).toBeGreaterThan(15);
    expect([...reached].flatMap(outsideImportsOf).filter((one) => one.startsWith('node:'))).toEqual([]);
  });
});

/** What a file imports from packages, with the file. */
function outsideImportsOf(file: string): string[] {
  const outside = importsByFile.get(file)!.filter((name) => !name.startsWith('.'));
  return outside.map((name) => `${name} in ${file}`);
}

/** All that a file imports, types included, each once. */
function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(SRC + file, 'utf8'));
  return [...new Set(importedFiles.map(({ fileName }) => fileName))];
}

function filesImportedBy(file: string): string[] {
  const inside = importsByFile.get(file)!.filter((name) => name.startsWith('.'));
  return inside.map((name) => posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts'));
}

/** The folder, or the name of a file that is a room of its own. */
function roomOf(file: string): string {
  return file.split('/')[0]!.replace(/\.ts$/, '');
}
