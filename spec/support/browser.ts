import { existsSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a Chromium is installed: the variable `CHROMIUM_PATH`, or where Linux distributions put it; `undefined` if there is none. */
export function chromiumPath(): string | undefined {
  const { CHROMIUM_PATH } = process.env;
  return [...(CHROMIUM_PATH ? [CHROMIUM_PATH] : []), ...PLACES].find((path) => existsSync(path));
}

/** What a spec that needs a browser is called where there is none. It is skipped then. */
export const NO_BROWSER = 'no browser found: set CHROMIUM_PATH, or install Debian’s chromium';

/** What a page did that a spec may have to look at. */
export interface Watched {
  /** What was written to the console as an error or a warning, and what was thrown and not caught. */
  readonly complaints: readonly string[];
  /** The addresses of all requests, the page's own among them. */
  readonly requests: readonly string[];
}

/** Far longer than anything takes that happens at all. */
const TIMEOUT_MS = 15_000;

let browser: Promise<Browser> | undefined;

/** Calls back with an empty page of its own, and closes it. The browser is shared by the specs of a file: `afterAll(closeBrowser)`. */
export async function withPage<T>(
  use: (page: Page, watched: Watched) => Promise<T>,
  options: BrowserContextOptions = {},
): Promise<T> {
  browser ??= launch();
  const context = await (await browser).newContext(options);
  try {
    context.setDefaultTimeout(TIMEOUT_MS);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
    return await use(page, { complaints, requests });
  } finally {
    await context.close();
  }
}

/** Ends the browser, if one was started. */
export async function closeBrowser(): Promise<void> {
  const open = browser;
  browser = undefined;
  await (await open)?.close();
}

async function launch(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error(NO_BROWSER);
  const { chromium } = await import('playwright-core');
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
