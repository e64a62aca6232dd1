import { existsSync, readFileSync } from 'node:fs';
// By its default export: bundles of ES modules commonly begin with a line that takes the name createRequire.
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * The text of a script for browsers: the compiled file, or, where the project runs from its sources, what the source compiles to.
 *
 * @param path - relative to `base`, without an extension
 * @param base - the `import.meta.url` of whoever asks
 * @throws Error if there is neither, as happens when the package was bundled into one file
 */
export function pageScript(path: string, base: string): string {
  const compiled = new URL(`${path}.js`, base);
  if (existsSync(compiled)) return readFileSync(compiled, 'utf8');
  const source = new URL(`${path}.ts`, base);
  if (!existsSync(source)) {
    throw new Error(
      `The script of a page is missing: ${fileURLToPath(compiled)}. Where a program is bundled into one file, leave taskmap-ts out of the bundle and install it beside.`,
    );
  }
  const { transformSync } = nodeModule.createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  return transformSync(readFileSync(source, 'utf8'), { loader: 'ts', format: 'esm', target: 'es2022' }).code;
}
