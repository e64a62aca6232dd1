import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, '.cache/built');

/**
 * Compiles files of the project, each to one that Node runs as it is: to have every process of a spec do that takes
 * longer than all else.
 *
 * @param files - relative to the root of the project
 */
export function build(...files: readonly string[]): void {
  const { outputFiles } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: [...files],
    outdir: FOLDER,
    outbase: ROOT,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    tsconfig: 'tsconfig.json',
  });
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    // Whole or not at all: another spec may be building it, and running what was built.
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
}

/** Where `build()` puts what comes of a file. */
export function builtFile(file: string): string {
  return join(FOLDER, file.replace(/\.ts$/, '.js'));
}
