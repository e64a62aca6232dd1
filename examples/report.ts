// writeReport: a run as one HTML file that stays, to open in a browser, mail to somebody, or keep beside the output of a build. It shows numbers, the critical
// path, pictures of the graph and of who ran when, what failed and why, and a table of all tasks that can be sorted and searched. It loads nothing from
// anywhere. Leave `results: false` out, and it shows the beginning of each result as well.
//
//   orders ─► bills* ─► letters       * fails
//      └────► stock
//
// npx tsx examples/report.ts

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AsyncExecutor, TaskGraphBuilder, Timeline, writeReport } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'shop' })
  .task('orders', async () => ['tea', 'ink'])
  .task('bills')
  .dependsOn('orders')
  .run((orders): string => {
    throw new RangeError(`no price of ${orders[0]}`);
  })
  .task('letters')
  .dependsOn('bills')
  .run((bills) => `Dear ${bills}`)
  .task('stock')
  .dependsOn('orders')
  .run((orders) => orders.length)
  .build();

const folder = mkdtempSync(join(tmpdir(), 'report-'));
const path = join(folder, 'shop.html');
try {
  const executor = new AsyncExecutor();
  using timeline = new Timeline().listen(executor);
  await executor.run(graph);
  writeReport(path, { timeline, results: false });

  const html = readFileSync(path, 'utf8');
  console.log(/<title>(.*)<\/title>/.exec(html)?.[1]);
  for (const [, status, name] of html.matchAll(/<tr id="t\d+" class="status-(\w+)".*?<bdi>(.*?)<\/bdi>/g))
    console.log(`${name}: ${status}`);
  console.log(`loads from elsewhere: ${/ src=| href="[^#]/.test(html)}`);
} finally {
  rmSync(folder, { recursive: true });
}

// output:
// shop: finished, 1 failed
// orders: done
// bills: failed
// letters: skipped
// stock: done
// loads from elsewhere: false
