// Run log: a line of JSON for each event, written before the run goes on. Whatever becomes of the process, the file tells what it was doing.
// Here the log is read while the run is under way, as another process could do; after a kill -9 the answer would be the same.
// The lines have the shape of pino's, so its tools read them, and new RunLog({ logger }) takes a logger of your own instead of a file.
//
//   members ───────────┐
//   orders ─► totals ──┴─► bills      one at a time
//
// npx tsx examples/run-log.ts

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AsyncExecutor, RunLog, readRunLog, TaskGraphBuilder } from 'taskmap-ts';

const folder = mkdtempSync(join(tmpdir(), 'run-log-'));
const path = join(folder, 'bills.ndjson');

function look(): void {
  const { inProgress, queued, done, failed, skipped } = readRunLog(path);
  for (const [title, tasks] of Object.entries({ inProgress, queued, done, failed, skipped })) {
    console.log(`${title.padEnd(10)} ${tasks.map(({ task }) => task).join(', ')}`.trimEnd());
  }
}

const graph = new TaskGraphBuilder({ name: 'bills' })
  .task('orders', async () => [3, 4])
  .task('members', async () => look())
  .task('totals')
  .dependsOn('orders')
  .run((): number => {
    throw new RangeError('no prices');
  })
  .task('bills')
  .after('members', 'totals')
  .run(() => 'bills')
  .build();

const executor = new AsyncExecutor({ concurrency: 1 });
executor.on('run:finished', ({ status }) => console.log(`-- ${status}`));
const log = new RunLog({ path, name: 'shop' }).listen(executor);
await executor.run(graph);
log.close();
look();
console.log(readRunLog(path).failed[0]?.error.message);
rmSync(folder, { recursive: true });

// output:
// inProgress members
// queued     totals
// done       orders
// failed
// skipped
// -- finished
// inProgress
// queued
// done       orders, members
// failed     totals
// skipped    bills
// no prices
