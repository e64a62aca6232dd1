// Going on after a crash: results are kept in a file, and the next process takes those that still hold.
// Here the process is killed in the middle of its second task; started again, it runs what was not done.
//
//   fetch ─► parse ─► print
//
// npx tsx examples/resume.ts

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AsyncExecutor, FileStore, TaskGraphBuilder } from 'taskmap-ts';

const [path, crash] = process.argv.slice(2);
if (path === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'resume-'));
  for (const how of ['crash', 'go on']) {
    console.log(`${how}:`);
    const args = ['--import', 'tsx', fileURLToPath(import.meta.url), join(folder, 'results'), how];
    spawnSync(process.execPath, args, { stdio: 'inherit' });
  }
  rmSync(folder, { recursive: true });
} else {
  const graph = new TaskGraphBuilder({ name: 'resume' })
    .task('fetch', async () => 'tea,ink')
    .task('parse')
    .dependsOn('fetch')
    .run((text) => {
      if (crash === 'crash') process.kill(process.pid, 'SIGKILL');
      return text.split(',');
    })
    .task('print')
    .dependsOn('parse')
    .run((items) => `${items.length} items`)
    .build();
  const executor = new AsyncExecutor({ store: new FileStore(path, { durability: 'each' }) });
  executor.on('task:done', ({ task, result, source }) => console.log(`  ${task}: ${result} (from ${source})`));
  await executor.run(graph);
}

// output:
// crash:
//   fetch: tea,ink (from run)
// go on:
//   fetch: tea,ink (from store)
//   parse: tea,ink (from run)
//   print: 2 items (from run)
