import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

/** A package as it lies in a node_modules folder. */
export interface InstalledPackage {
  /** Where it is below the outermost node_modules, with forward slashes: `chalk`, `@types/node`, `tar/node_modules/chalk`. */
  readonly path: string;
  /** The same as an absolute folder. */
  readonly folder: string;
  /** When its package.json was last written, and how long it is: an installation writes it anew. */
  readonly stamp: string;
}

/** What the user can mend: told in one line, without a stack. */
export class UserError extends Error {}

/**
 * The node_modules folder that is meant by a folder: the one inside it, or the folder itself.
 *
 * @throws {@link UserError} if there is none
 */
export async function nodeModulesOf(folder: string): Promise<string> {
  const path = resolve(folder);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new UserError(`There is no folder ${path}.`);
  if (!found.isDirectory())
    throw new UserError(`${path} is a file. Give the folder of a project, or a node_modules folder.`);
  if (basename(path) === 'node_modules') return path;
  const inside = join(path, 'node_modules');
  if (await isFolder(inside)) return inside;
  throw new UserError(`There is no node_modules in ${path}. Run npm install there, or give another folder.`);
}

/** All packages below a node_modules folder, those in scopes and in nested node_modules folders too, in the order of their paths. */
export async function installedPackages(nodeModules: string): Promise<InstalledPackage[]> {
  const packages: InstalledPackage[] = [];
  // A linked package may be reached in several ways, and in circles.
  const seen = new Set<string>();
  const folders = [{ folder: nodeModules, prefix: '' }];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await readdir(next.folder, { withFileTypes: true })) {
      if (!entry.isDirectory() && !entry.isSymbolicLink()) continue;
      const folder = join(next.folder, entry.name);
      const path = `${next.prefix}${entry.name}`;
      if (entry.name === '.pnpm') {
        // pnpm keeps each package in a node_modules of its own in here, and links to it.
        for (const name of await readdir(folder)) {
          const inside = join(folder, name, 'node_modules');
          if (await isFolder(inside)) folders.push({ folder: inside, prefix: `${path}/${name}/node_modules/` });
        }
      } else if (entry.name.startsWith('@')) {
        folders.push({ folder, prefix: `${path}/` });
      } else if (!entry.name.startsWith('.')) {
        const real = await realpath(folder).catch(() => folder);
        if (seen.has(real)) continue;
        seen.add(real);
        packages.push({ path, folder, stamp: await stampOf(folder) });
        const nested = join(folder, 'node_modules');
        if (await isFolder(nested)) folders.push({ folder: nested, prefix: `${path}/node_modules/` });
      }
    }
  }
  return packages.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function stampOf(folder: string): Promise<string> {
  const manifest = await stat(join(folder, 'package.json')).catch(() => undefined);
  return manifest === undefined ? '' : `${manifest.mtimeMs} ${manifest.size}`;
}

/** Whether there is a folder at this path, or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
