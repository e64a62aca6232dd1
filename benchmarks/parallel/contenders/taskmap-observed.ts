import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParallelExecutor, RunLog } from 'taskmap-ts';
import { serveDashboard } from 'taskmap-ts/dashboard';
import { graphOf } from './taskmap-threads.js';
import { THREADS, type ThreadContender } from './thread-contender.js';

export const OBSERVED = 'taskmap parallel, dashboard and run log';

/** With everything that looks on: a log on the disk, and a page that is told of each change. */
export const observed: ThreadContender = {
  name: OBSERVED,
  async open() {
    const executor = new ParallelExecutor({ workers: THREADS });
    await executor.warmUp();
    const folder = mkdtempSync(join(tmpdir(), 'observed-'));
    const log = new RunLog({ path: join(folder, 'run.ndjson') }).listen(executor);
    const dashboard = await serveDashboard(executor, { port: 0, runsMax: 1 });
    let bytesHeard = 0;
    const page = await new Promise<{ destroy(): void }>((resolve, reject) => {
      const request = get(new URL('events', dashboard.url), (response) => {
        response.on('data', (chunk: Buffer) => {
          bytesHeard += chunk.length;
        });
        resolve(request);
      }).on('error', reject);
    });
    return {
      prepare(threadGraph) {
        const graph = graphOf(threadGraph);
        return {
          reset: () => graph.resetAll(),
          async run() {
            const before = bytesHeard;
            await executor.run(graph);
            if (bytesHeard === before) throw new Error('The page has heard nothing of the run.');
            return (task) => graph.result(threadGraph.tasks[task]!.name);
          },
        };
      },
      async close() {
        page.destroy();
        log.close();
        await dashboard.close();
        await executor.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};
