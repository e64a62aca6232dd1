// Progress bar: how far a run is, how many tasks end in a second, and how much time is left. On a terminal one line is drawn over and over,
// at most ten times a second; elsewhere, as where the output of this example is looked at, a line is written for each tenth of the tasks.
// It writes to process.stderr unless told otherwise, and nothing where the variable CI is set: `mode` is only given here to print the same anywhere.
//
//   page 1 ─┐
//   …       ├─► index
//   page 9 ─┘
//
// npx tsx examples/progress-bar.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncExecutor, ProgressBar, type ProgressBarOptions, TaskGraphBuilder } from 'taskmap-ts';

const builder = new TaskGraphBuilder({ name: 'pages' });
const pages = Array.from({ length: 9 }, (_, index) =>
  builder.task(`page ${index + 1}`, () => sleep(2, index)).ioBound(),
);
const graph = builder
  .task('index')
  .dependsOn(...pages)
  .run((...indexes) => indexes.length)
  .build();

// Where there is no terminal, the lines go to standard output, without how long it took: to have the example print the same each time.
const printed = { write: (text: string) => console.log(text.trimEnd().replace(/ in .*/, '')) };
const options: ProgressBarOptions = process.stderr.isTTY ? { mode: 'bar' } : { mode: 'lines', stream: printed };
const executor = new AsyncExecutor({ concurrency: 3 });
using _bar = new ProgressBar(options).listen(executor);
await executor.run(graph);

// output:
// pages 10 %, 1/10 tasks
// pages 20 %, 2/10 tasks
// pages 30 %, 3/10 tasks
// pages 40 %, 4/10 tasks
// pages 50 %, 5/10 tasks
// pages 60 %, 6/10 tasks
// pages 70 %, 7/10 tasks
// pages 80 %, 8/10 tasks
// pages 90 %, 9/10 tasks
// pages finished: 10 done
