import { cp, lstat, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readManifest } from './measures.js';
import { type InstalledPackage, isFolder, UserError } from './packages.js';

/** A second node_modules with the same packages, one of them with a broken manifest. */
export interface BrokenCopy {
  readonly nodeModules: string;
  /** The package whose manifest is broken. */
  readonly path: string;
  readonly mend: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

/** Links every package into a temporary folder, but for one: that is copied, and half of its package.json cut off. The packages given are not touched. */
export async function brokenCopy(packages: readonly InstalledPackage[]): Promise<BrokenCopy> {
  const outermost = packages.filter(({ path }) => !path.includes('node_modules/'));
  const victim = await firstWhole(outermost);
  const folder = await mkdtemp(join(tmpdir(), 'dependency-audit-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const nodeModules = join(folder, 'node_modules');
    for (const { path, folder } of outermost) {
      const copy = join(nodeModules, path);
      await mkdir(dirname(copy), { recursive: true });
      if (path === victim.path) await copyPackage(folder, copy);
      else await link(folder, copy);
    }
    const manifest = join(nodeModules, victim.path, 'package.json');
    const whole = await readFile(join(victim.folder, 'package.json'), 'utf8');
    await writeFile(manifest, whole.slice(0, whole.length / 2));
    return { nodeModules, path: victim.path, mend: () => writeFile(manifest, whole), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Copies what belongs to the package itself. Its links are left out: to write through one would be to write to what it leads to. */
async function copyPackage(folder: string, copy: string): Promise<void> {
  const source = await realpath(folder);
  const nested = join(source, 'node_modules');
  await cp(source, copy, {
    recursive: true,
    filter: async (path) => path !== nested && !(await lstat(path)).isSymbolicLink(),
  });
  if (await isFolder(nested)) await link(nested, join(copy, 'node_modules'));
}

/** A junction is the one link to a folder that Windows allows everybody to make; elsewhere the word changes nothing. */
function link(folder: string, at: string): Promise<void> {
  return symlink(folder, at, 'junction');
}

/** The first package whose manifest can be read: the others would still be broken when this one is mended. */
async function firstWhole(packages: readonly InstalledPackage[]): Promise<InstalledPackage> {
  for (const one of packages) {
    const isWhole = await readManifest(one.folder).then(
      () => true,
      () => false,
    );
    if (isWhole) return one;
  }
  throw new UserError('There is no package here whose manifest could be broken and mended.');
}
