// A rate limit: so many attempts start in a second, for a service that asks for it. How many run at once is another
// matter: `concurrency`. rate-limit/paced-executor.ts is a place on this thread that takes an attempt when its turn has
// come. Until then a task is ready and no more than that: no slot, no timeout, and one that is more urgent goes first.
//
//   page 1    page 2    page 3    page 4
//
// npx tsx examples/rate-limit.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { TaskGraphBuilder } from 'taskmap-ts';
import { PacedExecutor } from './rate-limit/paced-executor.js';

const pages = [1, 2, 3, 4].map((page) => ({
  name: `page ${page}`,
  run: () => sleep(5, `text of page ${page}`),
  timeoutMs: 10_000,
  priority: page,
}));
const graph = new TaskGraphBuilder({ name: 'pages' }).add(...pages).build();
const executor = new PacedExecutor({ gapMs: 50 });
const started: string[] = [];
executor.on('task:started', ({ task }) => started.push(task));
const { counts, durationMs } = await executor.run(graph);

console.log(`${counts.done} pages, none of which timed out`);
console.log(`the most urgent first: ${started.join(', ')}`);
console.log(`3 gaps of 50 ms: ${durationMs >= 150 ? 'kept' : 'not kept'}`);

// output:
// 4 pages, none of which timed out
// the most urgent first: page 4, page 3, page 2, page 1
// 3 gaps of 50 ms: kept
