// Dashboard: a page in the browser that shows a run while it is under way. Open the address that is printed: it is there until close() is called.
// Here, the example looks at its own page and is done; a program leaves it open as long as somebody wants to look. With `{ control: true }` the
// page can also abort runs, and have failed tasks run again.
//
//   page 1 ─┐
//   …       ├─► index
//   page 9 ─┘
//
// npx tsx examples/dashboard.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { serveDashboard } from 'taskmap-ts/dashboard';

const builder = new TaskGraphBuilder({ name: 'pages' });
const pages = Array.from({ length: 9 }, (_, index) =>
  builder.task(`page ${index + 1}`, () => sleep(2, index)).ioBound(),
);
const graph = builder
  .task('index')
  .dependsOn(...pages)
  .run((...indexes) => indexes.length)
  .build();

const executor = new AsyncExecutor({ concurrency: 3 });
const dashboard = await serveDashboard(executor, { workers: 3 });
// Where the default port is in use, it takes another one: to have the example print the same each time.
console.log(`open ${dashboard.url.replace(/:\d+/, ':7878')}`);

await executor.run(graph);
const page = await fetch(dashboard.url);
console.log(`the page answers with ${page.status}`);
await dashboard.close();

// output:
// open http://127.0.0.1:7878/
// the page answers with 200
