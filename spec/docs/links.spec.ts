import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const guide = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
const pages = ['README.md', 'CHANGELOG.md', ...guide.map((name) => `docs/${name}`)];

describe('every link to another page', () => {
  it.each(pages)('of %s leads to a file, and to a heading in it', (page) => {
    const links = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(
      (match) => match[1]!,
    );
    const dead = links.filter((link) => {
      const [path = '', heading] = link.split('#');
      const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
      return !existsSync(file) || (heading !== undefined && !headingsOf(file).includes(heading));
    });
    expect(dead).toEqual([]);
  });

  it('is found for each page of the guide in the README', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    expect(guide.filter((name) => !readme.includes(`](docs/${name})`))).toEqual([]);
  });
});

/** Headings as links name them: small letters, marks left out, a hyphen for each blank. */
function headingsOf(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...headings].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
