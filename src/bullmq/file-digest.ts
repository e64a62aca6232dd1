import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The hash of the file that a module is; `null` if it is none, or not there. A file that is yet to be compiled counts for the one it will be. */
export function fileDigest(moduleUrl: string): string | null {
  if (!moduleUrl.startsWith('file:')) return null;
  const url = moduleUrl.replace(/[?#].*$/, '');
  for (const one of [url, url.replace(/\.([cm]?)js(x?)$/, '.$1ts$2')]) {
    try {
      return createHash('sha256')
        .update(readFileSync(new URL(one)))
        .digest('base64url')
        .slice(0, 22);
    } catch {}
  }
  return null;
}
