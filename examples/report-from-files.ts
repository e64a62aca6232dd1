// A report from a folder of CSV files: a run looks at all of them, and runs again what hangs on one that has changed.
//
//   jan.csv ─► jan ─┐
//   feb.csv ─► feb ─┼─► report ─► report.txt
//   mar.csv ─► mar ─┘
//
// npx tsx examples/report-from-files.ts

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { AsyncExecutor, type FileResult, fileAt, MemoryStore, TaskGraphBuilder } from 'taskmap-ts';

const folder = mkdtempSync(join(tmpdir(), 'report-'));
const months = ['jan', 'feb', 'mar'];
for (const month of months) writeFileSync(join(folder, `${month}.csv`), 'tea,3\nink,4\n');
// For the next process: new FileStore(path).
const store = new MemoryStore();

async function makeReport(): Promise<void> {
  const builder = new TaskGraphBuilder<any>({ name: 'report' });
  const sums = months.map((month) =>
    builder
      .file(`${month}.csv`, join(folder, `${month}.csv`))
      .task(month)
      .dependsOn(`${month}.csv`)
      .run((file) => {
        const rows = readFileSync(file.path, 'utf8').trim().split('\n');
        return rows.reduce((sum, row) => sum + Number(row.split(',')[1]), 0);
      }),
  );
  const graph = builder
    .task('report')
    .dependsOn(...sums)
    .withContext()
    .run(({ file }, ...results) => {
      const path = join(folder, 'report.txt');
      writeFileSync(file(path), months.map((month, index) => `${month} ${results[index]}`).join(', '));
      return fileAt(path);
    })
    .build();
  await new AsyncExecutor({ store }).run(graph);
  for (const name of [...months, 'report']) console.log(`  ${name} ${graph.explain(name).replace(folder, '…')}`);
  const { path } = graph.result('report') as FileResult;
  console.log(`  ${basename(path)}: ${readFileSync(path, 'utf8')}`);
}

console.log('the first time:');
await makeReport();

console.log('another sale in February:');
writeFileSync(join(folder, 'feb.csv'), 'tea,3\nink,4\ntea,5\n');
await makeReport();

console.log('the report was removed:');
rmSync(join(folder, 'report.txt'));
await makeReport();
rmSync(folder, { recursive: true });

// output:
// the first time:
//   jan ran: no stored result
//   feb ran: no stored result
//   mar ran: no stored result
//   report ran: no stored result
//   report.txt: jan 7, feb 7, mar 7
// another sale in February:
//   jan kept: same version and inputs
//   feb ran: the result of "feb.csv" changed
//   mar kept: same version and inputs
//   report ran: the result of "feb" changed
//   report.txt: jan 7, feb 12, mar 7
// the report was removed:
//   jan kept: same version and inputs
//   feb kept: same version and inputs
//   mar kept: same version and inputs
//   report ran: the file …/report.txt is gone
//   report.txt: jan 7, feb 12, mar 7
