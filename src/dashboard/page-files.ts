import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { pageScript } from '../page/page-script.js';
import { pageHTML } from './page-html.js';

/** What is sent as it is. */
export interface PageFile {
  readonly type: string;
  readonly text: () => string;
}

/** What the scripts of the page import from beside their folder, and where that is. */
const SHARED = { messages: './messages', 'apply-changes': './apply-changes', lanes: '../drawing/lanes' } as const;

/**
 * All that may be asked for, by the path of the request: the page, its scripts, and no more. What is not listed here is not there, whatever a path says.
 *
 * ```
 *   /                     page-html.ts
 *   /page/<name>.js       page/<name>.ts
 *   /messages.js          messages.ts         as the scripts of the page import them: '../messages.js'
 *   /apply-changes.js     apply-changes.ts
 *   /lanes.js             ../drawing/lanes.ts
 * ```
 */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  const scripts = [
    ...Object.entries(SHARED),
    ...scriptNames().map((name) => [`page/${name}`, `./page/${name}`] as const),
  ];
  const html = pageHTML(scripts.map(([path]) => `${path}.js`));
  const files = new Map<string, PageFile>([['/', { type: 'text/html; charset=utf-8', text: () => html }]]);
  for (const [path, source] of scripts) files.set(`/${path}.js`, script(source));
  return files;
}

/**
 * What the browser may do for the page: run its scripts, ask its server, use the styles that are in it. All else is refused, whatever a name of a task may
 * have brought into it.
 */
export function contentSecurityPolicy(html: string): string {
  const styles = Array.from(html.matchAll(/<style>([\s\S]*?)<\/style>/g), ([, style]) => {
    const hash = createHash('sha256')
      .update(style ?? '')
      .digest('base64');
    return ` 'sha256-${hash}'`;
  });
  return [
    "default-src 'none'",
    "script-src 'self'",
    "connect-src 'self'",
    `style-src 'self'${styles.join('')}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function script(path: string): PageFile {
  let text: string | undefined;
  return {
    type: 'text/javascript; charset=utf-8',
    text: () => {
      text ??= pageScript(path, import.meta.url);
      return text;
    },
  };
}

function scriptNames(): string[] {
  let names: string[];
  try {
    names = readdirSync(new URL('./page/', import.meta.url));
  } catch {
    // pageScript() says what is missing, when the page is asked for.
    return [];
  }
  return names.flatMap((name) => /^([\w-]+)\.(?:js|ts)$/.exec(name)?.[1] ?? []);
}
