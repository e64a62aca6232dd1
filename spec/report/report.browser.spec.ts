import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { reportHTML, SyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, closeBrowser, NO_BROWSER, type Watched, withPage } from '../support/browser.js';

const COUNT = 10_000;
const SETUP_TIMEOUT_MS = 120_000;
const HOSTILE = '<img src=x onerror="document.title=\'run\'">';

/** Tasks that are declared in another order than their names and numbers have, one of ten of which fails; and one that is skipped for each of those. */
function manyTasks(count: number): Timeline {
  const builder = new TaskGraphBuilder<any>({ name: HOSTILE });
  for (let index = 0; index < count; index++) {
    const name = `task ${(index * 7919) % count}`;
    const run = () => {
      if (index % 10 === 3) throw new RangeError(`out of ink ${index}`);
      return { index };
    };
    builder.add({ name, run, after: index % 10 === 4 ? [`task ${((index - 1) * 7919) % count}`] : [] });
  }
  const executor = new SyncExecutor();
  const timeline = new Timeline().listen(executor);
  executor.run(builder.build());
  return timeline;
}

describe.skipIf(chromiumPath() === undefined)(`a report in a browser (${chromiumPath() ?? NO_BROWSER})`, () => {
  let folder: string;
  const urlByCount = new Map<number, string>();

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'report-browser-'));
    for (const count of [40, 400, COUNT]) {
      const path = join(folder, `${count}.html`);
      writeFileSync(path, reportHTML({ timeline: manyTasks(count) }));
      urlByCount.set(count, pathToFileURL(path).href);
    }
  }, SETUP_TIMEOUT_MS);
  afterAll(async () => {
    await closeBrowser();
    rmSync(folder, { recursive: true, force: true });
  }, SETUP_TIMEOUT_MS);

  /** Opens a report; at the end, nothing must have been complained about, nor asked for but the report. */
  async function open(
    count: number,
    use: (page: Page, watched: Watched) => Promise<void>,
    options?: BrowserContextOptions,
  ): Promise<void> {
    await withPage(async (page, watched) => {
      const url = urlByCount.get(count)!;
      await page.goto(url);
      await use(page, watched);
      expect(watched.complaints).toEqual([]);
      expect(watched.requests.map((request) => request.replace(/#.*/, ''))).toEqual([url]);
      expect(await page.title()).not.toBe('run');
    }, options);
  }

  const column = (page: Page, index: number) =>
    page.locator(`table.tasks tbody tr > :nth-child(${index})`).allTextContents();
  const told = (page: Page) => page.locator('form.tools output').textContent();
  const headingOf = (page: Page, name: string) =>
    page.locator('table.tasks thead th', { has: page.getByRole('button', { name, exact: true }) });

  it('shows all tasks, as declared, and hostile names as text', () =>
    open(40, async (page) => {
      expect((await column(page, 1)).slice(0, 3)).toEqual(['task 0', 'task 39', 'task 38']);
      expect(await column(page, 1)).toHaveLength(40);
      expect(await told(page)).toBe('40 tasks');
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(HOSTILE);
      expect(await page.locator('img').count()).toBe(0);
    }));

  it('sorts by a heading that is clicked: upwards, downwards, as declared', () =>
    open(40, async (page) => {
      const heading = headingOf(page, 'Task');
      const button = page.getByRole('button', { name: 'Task', exact: true });
      await button.click();
      expect(await heading.getAttribute('aria-sort')).toBe('ascending');
      expect((await column(page, 1)).slice(0, 3)).toEqual(['task 0', 'task 1', 'task 2']);
      await button.click();
      expect(await heading.getAttribute('aria-sort')).toBe('descending');
      expect((await column(page, 1)).slice(0, 3)).toEqual(['task 39', 'task 38', 'task 37']);
      await page.getByRole('button', { name: 'Status' }).click();
      expect(await heading.getAttribute('aria-sort')).toBeNull();
      expect(await column(page, 2)).toEqual([
        ...Array(4).fill('failed'),
        ...Array(4).fill('skipped'),
        ...Array(32).fill('done'),
      ]);
      await page.getByRole('button', { name: 'Status' }).click();
      await page.getByRole('button', { name: 'Status' }).click();
      expect((await column(page, 1)).slice(0, 3)).toEqual(['task 0', 'task 39', 'task 38']);
    }));

  it('sorts by the keyboard, and puts last what has no such number', () =>
    open(40, async (page) => {
      await page.getByRole('button', { name: 'Took' }).focus();
      await page.keyboard.press('Enter');
      await page.keyboard.press('Space');
      expect(await headingOf(page, 'Took').getAttribute('aria-sort')).toBe('descending');
      const took = await column(page, 7);
      expect(took.slice(-4)).toEqual(['', '', '', '']);
      expect(took.slice(0, -4)).not.toContain('');
    }));

  it('searches names, results and errors, and clears by Escape', () =>
    open(40, async (page) => {
      const search = page.getByRole('searchbox');
      await search.fill('OUT OF INK');
      expect(await told(page)).toBe('4 of 40 tasks');
      await search.fill('task 3');
      expect(await told(page)).toBe('11 of 40 tasks');
      await search.fill('{ index: 7 }');
      expect(await told(page)).toBe('1 of 40 tasks');
      await search.press('Escape');
      expect(await search.inputValue()).toBe('');
      expect(await told(page)).toBe('40 tasks');
      await search.fill('nothing like it');
      expect(await told(page)).toBe('0 of 40 tasks');
    }));

  it('filters by status, also by the keyboard, together with the search', () =>
    open(40, async (page) => {
      await page.getByRole('radio', { name: 'all 40' }).focus();
      await page.keyboard.press('ArrowRight');
      expect(await column(page, 2)).toEqual(Array(4).fill('failed'));
      await page.keyboard.press('ArrowRight');
      expect(await column(page, 2)).toEqual(Array(4).fill('skipped'));
      await page.getByText('done 32').click();
      await page.getByRole('searchbox').fill('task 1');
      const names = await column(page, 1);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(name).toContain('task 1');
      expect(new Set(await column(page, 2))).toEqual(new Set(['done']));
    }));

  it('goes from a skipped task to the one that failed, and from there to its error', () =>
    open(40, async (page) => {
      const row = page.locator('table.tasks tbody tr', { hasText: 'skipped' }).first();
      const link = row.locator('td').last().getByRole('link');
      const failed = await link.textContent();
      await link.click();
      const target = page.locator(':target');
      expect(await target.locator('th').textContent()).toBe(failed);
      await target.getByRole('link', { name: 'more' }).click();
      const details = page.locator('details:target');
      await expect.poll(() => details.getAttribute('open')).toBe('');
      expect(await details.locator('pre').isVisible()).toBe(true);
    }));

  it('is reached by the keyboard: the skip link first, then the sections', () =>
    open(40, async (page) => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('To the table of tasks');
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Summary');
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    }));

  it('has a name for each landmark, control and picture', () =>
    open(40, async (page) => {
      for (const role of ['banner', 'navigation', 'main', 'contentinfo', 'search'] as const)
        expect(await page.getByRole(role).count()).toBe(1);
      for (const name of ['Summary', 'What failed (4)', 'Graph', 'Timeline', 'Tasks (40)'])
        expect(await page.getByRole('region', { name, exact: true }).count()).toBe(1);
      const unnamed =
        await page.evaluate(`[...document.querySelectorAll('button,input,a,svg:not([aria-hidden]),[role=region]')]
        .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.getAttribute('aria-labelledby') || one.closest('label')))
        .map((one) => one.outerHTML.slice(0, 100))`);
      expect(unnamed).toEqual([]);
    }));

  it('is light or dark as the reader likes it, and light on paper', () =>
    open(
      40,
      async (page) => {
        const brightness = async () => {
          const [ground, text] = await page.evaluate<string[]>(
            '[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]',
          );
          const green = (colour: string) => Number(/, (\d+)/.exec(colour)![1]);
          return green(ground!) > green(text!) ? 'light' : 'dark';
        };
        expect(await brightness()).toBe('dark');
        await page.emulateMedia({ colorScheme: 'light' });
        expect(await brightness()).toBe('light');
        await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
        expect(await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--page')")).toBe(
          '#f8f9fb',
        );
      },
      { colorScheme: 'dark' },
    ));

  it('fits a narrow screen without scrolling sideways', () =>
    open(
      40,
      async (page) => {
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
        await page.getByRole('button', { name: 'Task', exact: true }).click();
        expect((await column(page, 1))[1]).toBe('task 1');
      },
      { viewport: { width: 400, height: 800 } },
    ));

  it('shows everything without scripts', () =>
    open(
      400,
      async (page) => {
        expect(await page.locator('table.tasks tbody tr').count()).toBe(400);
        expect(await page.locator('table.tasks tbody tr').last().isVisible()).toBe(true);
        expect(await page.locator('form.tools').isVisible()).toBe(false);
        await page.locator('details').first().locator('summary').click();
        expect(await page.locator('details pre').first().isVisible()).toBe(true);
      },
      { javaScriptEnabled: false },
    ));

  it('lays out no more of ten thousand rows than are asked for, whatever is sorted, searched and filtered', () =>
    open(COUNT, async (page) => {
      const laidOut = () => page.locator('table.tasks tbody tr').count();
      expect(await laidOut()).toBe(200);
      expect(await told(page)).toBe('10,000 tasks, the first 200 are shown');
      await page.getByText('failed 1,000').click();
      expect(await told(page)).toBe('1,000 of 10,000 tasks, the first 200 are shown');
      expect(new Set(await column(page, 2))).toEqual(new Set(['failed']));
      await page.getByRole('searchbox').fill('out of ink 123');
      expect(await told(page)).toBe('2 of 10,000 tasks');
      await page.getByRole('searchbox').fill('');
      await page.getByText('all 10,000').click();
      await page.getByRole('button', { name: 'Task', exact: true }).click();
      await page.getByRole('button', { name: 'Task', exact: true }).click();
      expect((await column(page, 1))[0]).toBe('task 9999');
      await page.getByRole('button', { name: 'Show 200 more' }).click();
      expect(await laidOut()).toBe(400);
      expect(await page.evaluate('document.activeElement.textContent')).toBe('task 9799');
      expect(await page.getByRole('button', { name: 'Show all' }).isVisible()).toBe(false);
      await page.getByText('failed 1,000').click();
      await page.getByRole('button', { name: 'Show all' }).click();
      expect(await laidOut()).toBe(1_000);
      expect(await page.locator('.more:visible').count()).toBe(0);
    }));

  it('goes to a row that is not laid out, whatever is searched for', () =>
    open(COUNT, async (page) => {
      await page.getByRole('searchbox').fill('no such task');
      await page.evaluate("location.hash = '#t9990'");
      const row = page.locator('#t9990');
      await row.waitFor();
      await expect
        .poll(() => page.evaluate("document.querySelector('#t9990').getBoundingClientRect().top < innerHeight"))
        .toBe(true);
      expect(await page.getByRole('searchbox').inputValue()).toBe('');
      expect(await told(page)).toBe('10,000 tasks, 9,801 to 10,000 are shown');
      await page.getByRole('button', { name: 'Show 200 before' }).click();
      expect(await told(page)).toBe('10,000 tasks, 9,601 to 10,000 are shown');
    }));

  it('prints all rows that were found', () =>
    open(COUNT, async (page) => {
      await page.getByText('failed 1,000').click();
      await page.evaluate("void dispatchEvent(new Event('beforeprint'))");
      expect(await page.locator('table.tasks tbody tr').count()).toBe(1_000);
    }));
});
