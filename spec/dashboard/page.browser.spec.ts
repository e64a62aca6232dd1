import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Page } from 'playwright-core';
import { AsyncExecutor, MemoryStore, TaskGraphBuilder } from 'taskmap-ts';
import { type Dashboard, type DashboardOptions, serveDashboard } from 'taskmap-ts/dashboard';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { chromiumPath, closeBrowser, NO_BROWSER, withPage } from '../support/browser.js';
import { Gate } from '../support/gate.js';
import { HOSTILE_NAMES } from '../support/random-graph.js';

const open: Dashboard[] = [];

async function dashboardOf(executor: AsyncExecutor, options: DashboardOptions = {}): Promise<Dashboard> {
  const dashboard = await serveDashboard(executor, { port: 0, ...options });
  open.push(dashboard);
  return dashboard;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((dashboard) => dashboard.close()));
});
afterAll(closeBrowser);

/** Waits until an element has this in its text, as it can be seen. */
async function shows(page: Page, selector: string, text: string): Promise<void> {
  await page.locator(selector, { hasText: text }).first().waitFor();
}

/** Waits until that is true in the page. It is asked for from here: the policy of the page forbids to evaluate text there. */
async function until(page: Page, expression: string): Promise<void> {
  await vi.waitUntil(() => page.evaluate<boolean>(expression), { timeout: 30_000, interval: 20 });
}

/** Waits until there are so many elements that can be seen. */
async function showsCount(page: Page, selector: string, count: number): Promise<void> {
  await until(page, `document.querySelectorAll(${JSON.stringify(selector)}).length === ${count}`);
}

async function select(page: Page, name: string): Promise<void> {
  await page.fill('#find', name);
  await page.press('#find', 'Enter');
  await shows(page, '#detail-panel', name);
}

/** What the page says of itself. What runs in the browser is text here: names of the browser are not known to this program. */
const counters = (
  page: Page,
): Promise<{ readonly redraws: number; readonly heard: number; readonly messages: number }> =>
  page.evaluate('({ ...taskmapDashboard })');

//   orders ─┬─► parse ─► bills ─► letters
//   prices ─┘
function shop(orders: Gate<string>, prices: Gate<string>) {
  return new TaskGraphBuilder({ name: 'shop' })
    .task('orders', orders.pass)
    .task('prices', prices.pass)
    .task('parse')
    .dependsOn('orders', 'prices')
    .run((a, b) => a + b)
    .task('bills')
    .dependsOn('parse')
    .run((text) => text.length)
    .task('letters')
    .dependsOn('bills')
    .run((count) => `${count} letters`)
    .build();
}

/** The dashboard of a run of the shop, which waits for its orders and prices. */
async function openShop(options?: DashboardOptions) {
  const executor = new AsyncExecutor();
  const { url } = await dashboardOf(executor, options);
  const orders = new Gate<string>();
  const prices = new Gate<string>();
  return { url, orders, prices, run: executor.run(shop(orders, prices)) };
}

describe.skipIf(chromiumPath() === undefined)(
  chromiumPath() === undefined ? `the page (${NO_BROWSER})` : 'the page',
  () => {
    it('says that nothing has run yet, and shows a run as soon as one begins', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      await withPage(async (page, { complaints }) => {
        await page.goto(url);
        await shows(page, '#graph-name', 'No run yet');
        await shows(page, '#failures-panel', 'No run yet');
        const orders = new Gate<string>();
        const prices = new Gate<string>();
        const run = executor.run(shop(orders, prices));
        await shows(page, '#graph-name', 'shop');
        await shows(page, '#run-status', 'Running');
        orders.open('o');
        prices.open('p');
        await run;
        await shows(page, '#run-status', 'Finished');
        await shows(page, '#finished-part', '100 %');
        await shows(page, '#running-panel', 'the run has ended');
        expect(complaints).toEqual([]);
      });
    });

    it('shows what runs, where, and what each task waits for', async () => {
      const { url, orders, prices, run } = await openShop();
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#running-panel tbody', 'orders');
        await shows(page, '#running-panel tbody', 'prices');
        await shows(page, '#running-panel tbody', 'main');
        await shows(page, '.count.running', '2');
        await shows(page, '.count.pending', '3');
        await shows(page, '#failures-panel', 'Nothing has failed so far.');
        orders.open('o');
        await shows(page, '.count.done', '1');
        await select(page, 'parse');
        await shows(page, '#detail-panel', 'waiting: for 1 task that it depends on');
        await shows(page, '#detail-panel', 'Waits for (1 of 2)');
        await shows(page, '#detail-panel', 'Needed by (1)');
        // What it waits for leads there.
        await page.click('#detail-panel .list:not([hidden]) button.link:has-text("prices")');
        await shows(page, '#detail-panel', 'running: for');
        await select(page, 'letters');
        await shows(page, '#detail-panel', 'Which is held up by (1)');
        prices.open('p');
        await shows(page, '#detail-panel', 'done: ran, and has a result');
      });
      await run;
    });

    it('shows what failed and why, with its stack, and what is skipped because of it', async () => {
      const { url, orders, prices, run } = await openShop();
      await withPage(async (page) => {
        await page.goto(url);
        orders.open('o');
        prices.fail(new RangeError('no price of ink'));
        await run;
        await shows(page, '#failures-panel tbody', 'prices');
        await shows(page, '#failures-panel tbody', 'RangeError');
        await shows(page, '#failures-panel tbody', 'no price of ink');
        await shows(page, '#failures-panel tbody', '3 tasks skipped');
        await shows(page, '#run-status', 'Finished, 1 failed');
        await shows(page, '.count.skipped', '3');
        expect(await page.locator('#failures-panel pre').isVisible()).toBe(false);
        await page.click('#failures-panel .toggle');
        await shows(page, '#failures-panel pre', 'page.browser.spec');
        await select(page, 'letters');
        await shows(page, '#detail-panel', 'skipped: because “prices” failed');
        await page.click('#detail-panel button.link:has-text("prices")');
        await shows(page, '#detail-panel .error', 'no price of ink');
      });
    });

    it('shows that a task is delayed, and why', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const fails = (): number => {
        throw new TypeError('not today');
      };
      const stop = new AbortController();
      const run = executor.run(
        new TaskGraphBuilder().task('flaky', fails).retry({ attempts: 2, delayMs: 1e6 }).build(),
        { signal: stop.signal },
      );
      run.catch(() => {});
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#running-panel .delayed-part', 'flaky');
        await shows(page, '#running-panel .delayed-part', 'attempt 1: TypeError: not today');
        await shows(page, '#failures-panel tbody', 'will be retried');
        await shows(page, '.count.delayed', '1');
        stop.abort();
        await shows(page, '#run-status', 'Aborted');
        await shows(page, '#failures-panel tbody', 'not retried: the run has ended');
      });
      await expect(run).rejects.toThrow();
    });

    it('shows what a run has broken off by, as text, with its stack', async () => {
      class Full extends MemoryStore {
        override save(): never {
          throw new RangeError('the disk is <b>full</b>');
        }
      }
      const executor = new AsyncExecutor({ store: new Full() });
      const { url } = await dashboardOf(executor);
      await withPage(async (page, { complaints }) => {
        await page.goto(url);
        await shows(page, '#graph-name', 'No run yet');
        expect(await page.locator('#reason').isVisible()).toBe(false);
        const graph = new TaskGraphBuilder({ name: 'kept' }).task('a', async () => 1).build();
        await expect(executor.run(graph)).rejects.toThrow();
        await shows(page, '#run-status', 'Broken off');
        await shows(page, '#reason', 'Broken off: RangeError: the disk is <b>full</b>');
        await page.click('#reason summary');
        await shows(page, '#reason pre', 'page.browser.spec');
        expect(await page.locator('#reason b').count()).toBe(0);
        expect(complaints).toEqual([]);
      });
    });

    it('counts the tasks that a run is about', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const orders = new Gate<string>();
      const prices = new Gate<string>();
      const run = executor.run(shop(orders, prices), { only: ['orders'] });
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#finished-note', '0 of 1 task, 4 left out');
        orders.open('o');
        await run;
        await shows(page, '#finished-part', '100 %');
        await shows(page, '#finished-note', '1 of 1 task, 4 left out');
      });
    });

    it('connects again, and then shows the truth', async () => {
      const executor = new AsyncExecutor();
      const { port } = await dashboardOf(executor);
      const line = await Line.to(port);
      const orders = new Gate<string>();
      const prices = new Gate<string>();
      const run = executor.run(shop(orders, prices));
      await withPage(async (page) => {
        await page.goto(line.url);
        await shows(page, '#connection', 'Live');
        await shows(page, '.count.running', '2');
        line.cut();
        await shows(page, '#connection', 'Reconnecting');
        prices.fail(new Error('gone'));
        orders.open('o');
        await run;
        await shows(page, '#connection', 'Over');
        await shows(page, '.count.running', '2');
        line.mend();
        await shows(page, '#connection', 'Live');
        await shows(page, '#run-status', 'Finished, 1 failed');
        await shows(page, '.count.running', '0');
      });
      await line.close();
    });

    it('shows names and errors as text, whatever they are', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const markup = '</script><img src=x onerror="alert(1)"><svg onload=alert(2)>&lt;b&gt;\u202egnp';
      const names = [...HOSTILE_NAMES, markup];
      const graph = new TaskGraphBuilder<any>({ name: markup })
        .add(
          ...names.map((name) => ({
            name,
            run: () => {
              throw Object.assign(new Error(`${name} ${markup}`), { name: markup, stack: markup });
            },
          })),
        )
        .build();
      await executor.run(graph);
      await withPage(async (page, { complaints, requests }) => {
        let dialogs = 0;
        page.on('dialog', (dialog) => {
          dialogs++;
          void dialog.dismiss();
        });
        await page.goto(url);
        await shows(page, '#graph-name', '</script><img src=x onerror="alert(1)">');
        await showsCount(page, '#failures-panel tbody', names.length);
        for (const toggle of await page.locator('#failures-panel .toggle').all()) await toggle.click();
        await shows(page, '#failures-panel pre', markup);
        await page.press('body', '/');
        for (let index = 0; index < names.length; index++) {
          await page.press('#find', 'ArrowDown');
          await page.press('#find', 'Enter');
        }
        await shows(page, '#detail-panel', '<img src=x onerror="alert(1)">');
        await page.hover('#stream');
        await page.click('#graph-groups');
        expect(await page.locator('img, script:not([src]), svg[onload], b').count()).toBe(0);
        expect(await page.locator('#tasks').evaluate((list) => /[\p{Cc}\u202e]/u.test(list.textContent ?? ''))).toBe(
          false,
        );
        expect(dialogs).toBe(0);
        expect(complaints).toEqual([]);
        expect(new Set(requests.map((request) => new URL(request).origin))).toEqual(new Set([new URL(url).origin]));
      });
    });

    it('finds tasks by the keyboard alone', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const names = Array.from({ length: 3000 }, (_, index) => `resize:${index}`).concat('Report');
      await executor.run(
        new TaskGraphBuilder<any>({ name: 'pictures' }).add(...names.map((name) => ({ name, run: () => 1 }))).build(),
      );
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#tasks-panel .number', '3,001');
        // Only rows that can be seen are elements.
        expect(await page.locator('#tasks [role=option]').count()).toBeLessThan(40);
        await page.press('body', '/');
        await page.keyboard.type('rEp');
        await shows(page, '#tasks-panel .number', '1 of 3,001');
        await page.keyboard.press('Enter');
        await shows(page, '#detail-panel', 'Report');
        await page.keyboard.press('Escape');
        await page.keyboard.type('resize:29');
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('ArrowDown');
        // The one that is marked is the one that is read aloud.
        await until(
          page,
          `document.querySelector('#tasks .active')?.id === document.getElementById('find').getAttribute('aria-activedescendant')`,
        );
        await page.keyboard.press('Enter');
        await shows(page, '#detail-panel', 'resize:290');
        await page.keyboard.type('nothing');
        await shows(page, '#tasks-panel .empty', 'No task has');
      });
    });

    it('lists only a group, or a status, when that is clicked, and all again', async () => {
      const { url, orders, prices, run } = await openShop();
      await withPage(async (page) => {
        await page.goto(url);
        await page.click('#groups .group:has-text("orders")');
        await shows(page, '#filter', 'Only group orders');
        await shows(page, '#tasks-panel .number', '1 of 5');
        await shows(page, '#running-panel .number', '1');
        await page.click('#filter-clear');
        await shows(page, '#tasks-panel .number', '5');
        await page.click('.count.pending');
        await shows(page, '#tasks-panel .number', '3 of 5');
        orders.open('o');
        prices.open('p');
        await run;
        await shows(page, '#tasks-panel .empty', 'No task is like this now.');
      });
    });

    it('holds still while it is paused, and catches up', async () => {
      const { url, orders, prices, run } = await openShop();
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '.count.running', '2');
        await page.click('#pause');
        await shows(page, '#connection', 'Page paused');
        const elapsed = await page.textContent('#elapsed');
        const { heard } = await counters(page);
        orders.open('o');
        prices.open('p');
        await run;
        await until(page, `taskmapDashboard.heard > ${heard}`);
        await shows(page, '.count.running', '2');
        expect(await page.textContent('#elapsed')).toBe(elapsed);
        await page.press('body', 'p');
        await shows(page, '#run-status', 'Finished');
        await shows(page, '.count.running', '0');
      });
    });

    it('draws nothing while nobody can see it', async () => {
      const { url, orders, prices, run } = await openShop();
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '.count.running', '2');
        await page.evaluate(`void Object.defineProperty(document, 'hidden', { value: true, configurable: true })`);
        // Those that were due before have been drawn once this is called back.
        await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
        const before = await counters(page);
        orders.open('o');
        prices.open('p');
        await run;
        await until(page, `taskmapDashboard.messages > ${before.messages}`);
        expect((await counters(page)).redraws).toBe(before.redraws);
        await page.evaluate(
          `Object.defineProperty(document, 'hidden', { value: false }); document.dispatchEvent(new Event('visibilitychange'))`,
        );
        await shows(page, '#run-status', 'Finished');
      });
    });

    it('follows the latest run, and stays with one that was picked', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const graphOf = (name: string) => new TaskGraphBuilder({ name }).task(`${name} task`, () => 1).build();
      await executor.run(graphOf('first'));
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#graph-name', 'first');
        await executor.run(graphOf('second'));
        await shows(page, '#graph-name', 'second');
        const first = await page.locator('#run-picker option', { hasText: 'first' }).getAttribute('value');
        await page.selectOption('#run-picker', first!);
        await shows(page, '#graph-name', 'first');
        await executor.run(graphOf('third'));
        await page.locator('#run-picker option', { hasText: 'third' }).waitFor({ state: 'attached' });
        expect(await page.textContent('#graph-name')).toBe('first');
        await page.selectOption('#run-picker', '');
        await shows(page, '#graph-name', 'third');
      });
    });

    it('has no buttons that control a run, unless the dashboard may', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      await executor.run(new TaskGraphBuilder().task('a', () => 1).build());
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#run-status', 'Finished');
        expect(await page.locator('#control').isVisible()).toBe(false);
      });
    });

    it('aborts a run once that is confirmed', async () => {
      const { url, orders, prices, run } = await openShop({ control: true });
      run.catch(() => {});
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '.count.running', '2');
        expect(await page.locator('#rerun').isDisabled()).toBe(true);
        await page.click('#abort');
        await shows(page, '#confirm', 'Abort the run of “shop”?');
        await page.click('#confirm-no');
        await shows(page, '#run-status', 'Running');
        await page.click('#abort');
        await page.click('#confirm-yes');
        await shows(page, '#answer', 'is being aborted');
        orders.open('o');
        prices.open('p');
        await expect(run).rejects.toMatchObject({ cause: { message: 'Aborted on the dashboard.' } });
        await shows(page, '#run-status', 'Aborted');
        expect(await page.locator('#abort').isDisabled()).toBe(true);
      });
    });

    it('resets what failed and runs it again, or says why that is refused', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor, { control: true });
      const again = new Gate<number>();
      let calls = 0;
      const graph = new TaskGraphBuilder({ name: 'flaky' })
        .task('sometimes', () => {
          if (++calls === 1) throw new Error('not yet');
          return again.pass();
        })
        .task('after')
        .dependsOn('sometimes')
        .run((number) => number)
        .build();
      await executor.run(graph);
      const elsewhere = new AsyncExecutor();
      const gate = new Gate();
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#run-status', 'Finished, 1 failed');
        graph.replace('after', gate.pass as never).resetFailed();
        graph.markDone('sometimes', 0);
        const other = elsewhere.run(graph);
        await gate.started;
        await page.click('#rerun');
        await shows(page, '#confirm', 'Reset what failed in “flaky”, and run it again?');
        await page.click('#confirm-yes');
        await shows(page, '#answer.wrong', 'Nothing was run again: ');
        gate.open();
        await other;
        graph.reset('sometimes');
        calls = 1;
        await page.click('#rerun');
        await page.click('#confirm-yes');
        await shows(page, '#answer.right', 'runs again');
        await shows(page, '#run-status', 'Running');
        await shows(page, '#running-panel tbody', 'sometimes');
        again.open(1);
        await shows(page, '#run-status', 'Finished');
      });
    });

    it('draws attempts and tasks on canvases, where a click selects them', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const gate = new Gate();
      const run = executor.run(new TaskGraphBuilder({ name: 'one' }).task('only', gate.pass).build());
      await withPage(async (page) => {
        // Nothing is to scroll, neither to what is clicked nor by the wheel: a click would meet what moves.
        await page.setViewportSize({ width: 1280, height: 1800 });
        await page.goto(url);
        await shows(page, '#running-panel tbody', 'only');
        // One attempt takes the whole of the first lane, and one box stands in the middle of the graph.
        const lane = { x: 300, y: 34 };
        await page.hover('#stream', { position: lane });
        await shows(page, '#tip', 'only');
        await page.click('#stream', { position: lane });
        await shows(page, '#detail-panel', 'running: for');
        await page.keyboard.press('Escape');
        await page.locator('#detail-panel').waitFor({ state: 'hidden' });
        const graph = (await page.locator('#graph').boundingBox())!;
        const middle = { x: graph.width / 2, y: graph.height / 2 };
        await page.click('#graph', { position: middle });
        await shows(page, '#detail-panel', 'only');
        await page.keyboard.press('Escape');
        await page.locator('#detail-panel').waitFor({ state: 'hidden' });
        // It stays under the pointer when it is made larger by the wheel, and does not when it is moved away.
        await page.hover('#graph', { position: middle });
        await page.mouse.wheel(0, -300);
        await page.click('#graph', { position: middle });
        await shows(page, '#detail-panel', 'only');
        for (let presses = 0; presses < 8; presses++) await page.keyboard.press('ArrowLeft');
        await page.click('#graph', { position: middle });
        await page.locator('#detail-panel').waitFor({ state: 'hidden' });
        gate.open();
        await run;
        for (const canvas of ['#stream', '#graph'])
          expect(await page.locator(canvas).getAttribute('aria-label')).toMatch(/1 (attempt|task)/);
      });
    });

    it('zooms into the stream and still follows the run, until it is moved', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const gate = new Gate();
      const run = executor.run(new TaskGraphBuilder({ name: 'one' }).task('only', gate.pass).build());
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#running-panel tbody', 'only');
        await page.focus('#stream');
        for (let presses = 0; presses < 4; presses++) await page.keyboard.press('+');
        expect(await page.locator('#stream-follow').isVisible()).toBe(false);
        await page.keyboard.press('ArrowLeft');
        await page.locator('#stream-follow').waitFor();
        await page.keyboard.press('End');
        await page.locator('#stream-follow').waitFor({ state: 'hidden' });
        gate.open();
        await run;
      });
    });

    it('draws large graphs by their groups, and a task that is selected among its neighbours', async () => {
      const executor = new AsyncExecutor();
      const { url } = await dashboardOf(executor);
      const loads = Array.from({ length: 600 }, (_, index) => ({ name: `load:${index}`, run: () => 1 }));
      const sum = { name: 'sum', dependsOn: loads.map(({ name }) => name), run: () => 2 };
      await executor.run(new TaskGraphBuilder<any>({ name: 'large' }).add(...loads, sum).build());
      await withPage(async (page) => {
        await page.goto(url);
        await shows(page, '#run-status', 'Finished');
        expect(await page.locator('#graph-tasks').isDisabled()).toBe(true);
        await page.locator('#graph[aria-label^="Graph of 2 groups"]').waitFor();
        await select(page, 'sum');
        await shows(page, '#graph-note', 'more neighbours');
        await page.locator('#graph[aria-label^="Graph of 25 tasks"]').waitFor();
      });
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`can be read where the system prefers ${colorScheme}: text stands out from what is behind it`, async () => {
        const { url, orders, prices, run } = await openShop({ control: true });
        await withPage(
          async (page) => {
            await page.goto(url);
            orders.open('o');
            prices.fail(new RangeError('no price of ink'));
            await run;
            await shows(page, '#failures-panel tbody', 'prices');
            await select(page, 'prices');
            expect(await page.evaluate(FAINT_TEXTS)).toEqual([]);
          },
          { colorScheme },
        );
      });
    }

    for (const width of [1440, 700]) {
      it(`fits into a window ${width} pixels wide`, async () => {
        const executor = new AsyncExecutor();
        const { url } = await dashboardOf(executor, { control: true });
        const fails = (): number => {
          throw new Error('x'.repeat(500));
        };
        await executor.run(new TaskGraphBuilder({ name: 'n'.repeat(300) }).task('t'.repeat(300), fails).build());
        await withPage(
          async (page) => {
            await page.goto(url);
            await shows(page, '#run-status', 'Finished');
            await page.click('#failures-panel .toggle');
            await page.click('#failures-panel button.link');
            await page.locator('#detail-panel').waitFor();
            expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
          },
          { viewport: { width, height: 900 } },
        );
      });
    }
  },
);

/** Texts whose contrast to the colour behind them is below 4.5 : 1 (WCAG 2.2, 1.4.3), other than on controls that are disabled. As text, for the browser. */
const FAINT_TEXTS = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (own.length === 0 || element.closest(':disabled, script, style, noscript, option, .only-read, .skip-link') || !element.checkVisibility()) continue;
    const grounds = [];
    for (let one = element; one !== null; one = one.parentElement) grounds.unshift(getComputedStyle(one).backgroundColor);
    const ground = over(grounds);
    const text = over([...grounds, getComputedStyle(element).color]);
    const [high, low] = [luminance(ground), luminance(text)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) faint.push(own[0].textContent + ': ' + contrast.toFixed(2));
  }
  return faint;
})()`;

/** A connection to a dashboard that can be cut and mended, as networks do. */
class Line {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(server: ReturnType<typeof createServer>, port: number) {
    this.#server = server;
    const own = (server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${own}/`;
    server.on('connection', (browser) => {
      this.#sockets.add(browser);
      browser.on('error', () => {}).on('close', () => this.#sockets.delete(browser));
      if (this.#isCut) {
        browser.destroy();
        return;
      }
      const dashboard = connect(port, '127.0.0.1');
      // A dashboard answers only to its own name.
      browser.on('data', (chunk) =>
        dashboard.write(chunk.toString('latin1').replaceAll(`127.0.0.1:${own}`, `127.0.0.1:${port}`), 'latin1'),
      );
      dashboard.pipe(browser);
      dashboard.on('error', () => {}).on('close', () => browser.destroy());
      browser.on('close', () => dashboard.destroy());
    });
  }

  static async to(port: number): Promise<Line> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Line(server, port);
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
