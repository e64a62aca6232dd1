// A rate limit in a few lines: an executor that lets a while pass between the starts of two attempts, for a service that asks for it.
// How many run at once is the option `concurrency`; this is how many start in a second.
// Waiting for one's turn ends when the run is aborted, because the attempt's signal is handed on.
//
//   page 1    page 2    page 3    page 4
//
// npx tsx examples/rate-limit.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncExecutor, type Attempt, TaskGraphBuilder } from 'taskmap-ts';

class RateLimitedExecutor extends AsyncExecutor {
  readonly pauseMs = 25;
  #nextStartMs = 0;

  protected override async runAttempt({ signal, invoke }: Attempt): Promise<unknown> {
    const nowMs = performance.now();
    const startMs = Math.max(nowMs, this.#nextStartMs);
    this.#nextStartMs = startMs + this.pauseMs;
    await sleep(startMs - nowMs, undefined, { signal });
    return invoke();
  }
}

const pages = [1, 2, 3, 4].map((page) => ({
  name: `page ${page}`,
  run: async () => `text of page ${page}`,
  ioBound: true,
}));
const graph = new TaskGraphBuilder({ name: 'pages' }).add(...pages).build();
const { counts, durationMs } = await new RateLimitedExecutor().run(graph);

console.log(`${counts.done} pages`);
console.log(`3 pauses of 25 ms: ${durationMs > 70 ? 'kept' : 'not kept'}`);

// output:
// 4 pages
// 3 pauses of 25 ms: kept
