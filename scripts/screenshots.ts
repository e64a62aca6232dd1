/*
 * The pictures of README and guide in `docs/pictures/`. Those of pages need a Chromium, as the specs of pages do.
 *
 *   npm run screenshots
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { chromiumPath, NO_BROWSER } from '../spec/support/browser.js';
import { serveDashboard } from '../src/dashboard/serve-dashboard.js';
import {
  ParallelAsyncExecutor,
  reportHTML,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskSpec,
  Timeline,
} from '../src/index.js';

const FOLDER = new URL('../docs/pictures/', import.meta.url);
const BYTES_MAX = 250_000;
const WORKERS = 4;
const IO = 4;
const SHOPS = ['berlin', 'lyon', 'porto', 'oslo', 'turin', 'ghent', 'krakow', 'vienna'];

/** Takes a while, always the same for a task of this name, and says how far it is. It is sent to threads as text, so it uses nothing from around it. */
async function work({ task, attempt, progress }: TaskContext): Promise<number> {
  let number = 7;
  for (const letter of task) number = (number * 31 + letter.charCodeAt(0)) % 9973;
  const rows = 1000 + (number % 7) * 800;
  const tells = number % 3 !== 0;
  for (let part = 0; part < 10; part++) {
    await new Promise((resolve) => setTimeout(resolve, 25 + (number % 110)));
    if (tells) progress((part + 1) / 10, `row ${((part + 1) * rows) / 10} of ${rows}`);
  }
  if (task === 'parse:ghent') throw new RangeError('row 1204: no price of “ink cartridge”');
  if (task === 'index:lyon') throw new SyntaxError('Unexpected end of JSON input');
  if (task === 'orders:oslo' && attempt === 1)
    throw new TypeError('fetch failed: https://oslo.shop.example/orders: 503 Service Unavailable');
  return number;
}

/** The same, in less time. */
async function quickWork({ task }: TaskContext): Promise<number> {
  let number = 7;
  for (const letter of task) number = (number * 31 + letter.charCodeAt(0)) % 9973;
  await new Promise((resolve) => setTimeout(resolve, 5 + (number % 40)));
  if (number % 487 === 3) throw new RangeError(`row ${number}: no price of “ink cartridge”`);
  return number;
}

//   config ─┬─► rates ──────────────────┬─► convert ─► bill ─► region ─► totals ─┬─► publish
//           └─► orders ─► parse ─► clean ─┤                                       │
//                                       └─► index ─► merge ──────────────────────┘
function sales(shops: readonly string[], run: (context: TaskContext) => Promise<number>): TaskGraph<any> {
  const specs: TaskSpec[] = [];
  const add = (name: string, dependsOn: readonly string[], options: Partial<TaskSpec> = {}): void => {
    specs.push({ name, run, dependsOn, withContext: true, ...options });
  };
  add('config', []);
  add('rates', ['config'], { ioBound: true });
  for (const shop of shops) {
    add(`orders:${shop}`, ['config'], { ioBound: true, retry: { attempts: 3, delayMs: 400 } });
    add(`parse:${shop}`, [`orders:${shop}`]);
    add(`clean:${shop}`, [`parse:${shop}`]);
    add(`convert:${shop}`, [`clean:${shop}`, 'rates']);
    add(`index:${shop}`, [`clean:${shop}`], { priority: 1 });
    add(`bill:${shop}`, [`convert:${shop}`]);
  }
  const third = Math.ceil(shops.length / 3);
  for (const [place, region] of ['north', 'middle', 'south'].entries()) {
    add(
      `region:${region}`,
      shops.slice(place * third, (place + 1) * third).map((shop) => `bill:${shop}`),
    );
  }
  add(
    'merge',
    shops.map((shop) => `index:${shop}`),
  );
  add('totals', ['region:north', 'region:middle', 'region:south']);
  add('publish', ['totals', 'merge'], { ioBound: true });
  return new TaskGraphBuilder<any>({ name: 'nightly sales' }).add(...specs).build();
}

interface Picture {
  readonly name: string;
  readonly graph: TaskGraph<any>;
  readonly colorScheme: 'light' | 'dark';
  readonly height: number;
  /** What is drawn once so many tasks are done. */
  readonly done: number;
  readonly before?: (page: Page) => Promise<void>;
}

async function take(browser: Browser, { name, graph, colorScheme, done, height, before }: Picture): Promise<void> {
  await using executor = new ParallelAsyncExecutor({ workers: WORKERS, ioConcurrency: IO });
  await using dashboard = await serveDashboard(executor, { port: 0, control: true, workers: WORKERS + IO });
  await executor.warmUp();
  const page = await browser.newPage({ viewport: { width: 1280, height }, colorScheme });
  await page.goto(dashboard.url);
  const stop = new AbortController();
  const run = executor.run(graph, { signal: stop.signal });
  run.catch(() => {});
  await page.waitForFunction(
    (least) => Number(document.querySelector('.count.done .number')?.textContent?.replace(/\D/g, '')) >= least,
    done,
  );
  await before?.(page);
  write(`${name}.png`, compressed(await page.screenshot()));
  stop.abort();
  await run.catch(() => {});
  await page.close();
}

/** What stays of a run: the graph and the timeline as they are, and the top of the report. */
async function takeRun(browser: Browser, graph: TaskGraph<any>): Promise<void> {
  await using executor = new ParallelAsyncExecutor({ workers: WORKERS, ioConcurrency: IO });
  using timeline = new Timeline().listen(executor);
  await executor.warmUp();
  await executor.run(graph);
  write('graph.svg', graph.toSVG({ durations: timeline.durations() }));
  write('timeline.svg', timeline.toSVG());
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await page.setContent(reportHTML({ timeline, workers: WORKERS + IO }));
  write('report.png', compressed(await page.screenshot()));
  await page.close();
}

function write(name: string, picture: Buffer | string): void {
  const path = fileURLToPath(new URL(name, FOLDER));
  const bytes = Buffer.byteLength(picture);
  if (bytes > BYTES_MAX) throw new Error(`${path} has ${bytes} bytes. No picture may have more than ${BYTES_MAX}.`);
  writeFileSync(path, picture);
  console.log(`${path}: ${bytes} bytes`);
}

const SIGNATURE_BYTES = 8;
const CHUNK_BYTES = 12;

/** The same picture in fewer bytes. Browsers filter each row as suits photographs; of pages, whole stretches come again and again. */
function compressed(png: Buffer): Buffer {
  const data: Buffer[] = [];
  const others: Buffer[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length; ) {
    const end = at + CHUNK_BYTES + png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(png.subarray(at + 8, end - 4));
    else others.push(png.subarray(at, end));
    at = end;
  }
  const header = others[0]!;
  const pixelBytes = header[17] === 6 ? 4 : 3;
  const body = deflateSync(
    unfiltered(inflateSync(Buffer.concat(data)), header.readUInt32BE(8) * pixelBytes, pixelBytes),
    { level: 9, memLevel: 9 },
  );
  const chunk = Buffer.alloc(CHUNK_BYTES + body.length);
  chunk.writeUInt32BE(body.length, 0);
  chunk.write('IDAT', 4, 'latin1');
  body.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + body.length)), 8 + body.length);
  return Buffer.concat([png.subarray(0, SIGNATURE_BYTES), ...others.slice(0, -1), chunk, ...others.slice(-1)]);
}

/** Rows of a PNG without their filters (W3C, Portable Network Graphics, section 9), in place. */
function unfiltered(rows: Buffer, rowBytes: number, pixelBytes: number): Buffer {
  for (let start = 0; start < rows.length; start += rowBytes + 1) {
    const filter = rows[start]!;
    rows[start] = 0;
    for (let at = start + 1; at <= start + rowBytes; at++) {
      const hasLeft = at - start > pixelBytes;
      const left = hasLeft ? rows[at - pixelBytes]! : 0;
      const above = start > 0 ? rows[at - rowBytes - 1]! : 0;
      const aboveLeft = hasLeft && start > 0 ? rows[at - rowBytes - 1 - pixelBytes]! : 0;
      rows[at] = rows[at]! + [0, left, above, (left + above) >> 1, paeth(left, above, aboveLeft)][filter]!;
    }
  }
  return rows;
}

function paeth(left: number, above: number, aboveLeft: number): number {
  const guess = left + above - aboveLeft;
  const [toLeft, toAbove, toAboveLeft] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - aboveLeft)];
  if (toLeft <= toAbove && toLeft <= toAboveLeft) return left;
  return toAbove <= toAboveLeft ? above : aboveLeft;
}

const executablePath = chromiumPath();
if (executablePath === undefined) throw new Error(NO_BROWSER);
mkdirSync(FOLDER, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const select = async (page: Page): Promise<void> => {
    await page.fill('#find', 'clean:ghent');
    await page.press('#find', 'Enter');
    await page.fill('#find', '');
    await page.locator('#detail-panel').waitFor();
  };
  await take(browser, {
    name: 'dashboard-light',
    graph: sales(SHOPS, work),
    colorScheme: 'light',
    done: 22,
    height: 1110,
  });
  await take(browser, {
    name: 'dashboard-dark',
    graph: sales(SHOPS, work),
    colorScheme: 'dark',
    done: 26,
    height: 1310,
    before: select,
  });
  const many = Array.from({ length: 499 }, (_, shop) => String(shop));
  await take(browser, {
    name: 'dashboard-3000',
    graph: sales(many, quickWork),
    colorScheme: 'light',
    done: 1100,
    height: 1010,
  });
  await takeRun(browser, sales(SHOPS, work));
} finally {
  await browser.close();
}
