import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParallelAsyncExecutor, ParallelExecutor, RunLog, readRunLog, Timeline } from 'taskmap-ts';
import { afterAll, expect, it } from 'vitest';
import { STATUS_CODES } from '../../src/dashboard/messages.js';
import { RunFeed } from '../../src/dashboard/run-feed.js';
import { graphOf, made } from '../executors/thread-harness.js';

const folder = mkdtempSync(join(tmpdir(), 'order-'));
afterAll(() => rmSync(folder, { recursive: true }));

// Two chains, of which threads are sent the next tasks before the results of those before are here.
it.each([ParallelExecutor, ParallelAsyncExecutor])(
  'a task that runs on a thread is told as ready, then as started, whatever was sent ahead: %o',
  async (executorClass) => {
    const path = join(folder, `${executorClass.name}.ndjson`);
    await using executor = new executorClass({ workers: 2 });
    using _log = new RunLog({ path }).listen(executor);
    using timeline = new Timeline().listen(executor);
    const feed = new RunFeed({ runsMax: 1, control: false, workers: 2, group: undefined }).listen(executor);
    const ready = new Set<string>();
    const wrong: string[] = [];
    executor.on('task:ready', ({ task }) => ready.add(task));
    executor.on('task:started', ({ task }) => {
      const [run] = JSON.parse(feed.snapshotText(0)).runs;
      const status = STATUS_CODES[run.statuses[run.names.indexOf(task)]];
      if (!ready.has(task) || status !== 'running') wrong.push(`${task} is ${status}`);
    });
    const specs = Array.from({ length: 40 }, (_, id) => ({
      name: `t${id}`,
      run: made('(sum = 0) => sum + 1'),
      dependsOn: id < 2 ? [] : [`t${id - 2}`],
    }));
    await executor.run(graphOf(...specs));
    expect(wrong).toEqual([]);
    expect(ready.size).toBe(40);
    expect(readRunLog(path)).toMatchObject({ queued: [], inProgress: [], done: { length: 40 } });
    expect(timeline.tasks().every(({ status, waitedMs }) => status === 'done' && waitedMs >= 0)).toBe(true);
  },
);
