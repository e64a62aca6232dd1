import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

// errors ◄─ graph ◄─ events ◄─ schedule ◄─ executors ◄─ index
//
// A room imports from those to its left and from itself, and from no other: types count as well.

const SRC = fileURLToPath(new URL('../src/', import.meta.url));
const ROOMS = ['errors', 'graph', 'events', 'schedule', 'executors', 'index'];
const DOORS = ['eventemitter3 in executors/emitter.ts', 'uuid in executors/executor.ts'];

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
  it('comes in by one door for each package, and nothing comes from Node, so that browsers can run it', () => {
    const found = files.flatMap((file) =>
      importsByFile
        .get(file)!
        .filter((name) => !name.startsWith('.'))
        .map((name) => `${name} in ${file}`),
    );
    expect(found.sort()).toEqual(DOORS);
  });
});

/** All that a file imports, types included. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(SRC + file, 'utf8')).importedFiles.map(({ fileName }) => fileName);
}

function filesImportedBy(file: string): string[] {
  const inside = importsByFile.get(file)!.filter((name) => name.startsWith('.'));
  return inside.map((name) => posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts'));
}

/** The folder, or the name of a file that is a room of its own. */
function roomOf(file: string): string {
  return file.split('/')[0]!.replace(/\.ts$/, '');
}
