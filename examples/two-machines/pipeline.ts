// The pipeline of two machines: it decides what is to be done, and adds up what comes back. See main.ts, which starts all of it.
// From one machine to several, two lines change: those with a line above them that is commented out. Graph and functions stay as they are.
//
//   for each page:   read ─┬─► words ───────────────► most
//                          └─► squeeze ─────────────► tightest
//
// TASKMAP_QUEUE=redis://queue.example.com npx tsx examples/two-machines/pipeline.ts

import { TaskGraphBuilder, taskModule } from 'taskmap-ts';
// import { ParallelAsyncExecutor } from 'taskmap-ts';
import { BullMQExecutor } from 'taskmap-ts/bullmq';

const tasks = taskModule<typeof import('./tasks.js')>(new URL('./tasks.ts', import.meta.url));

const builder = new TaskGraphBuilder({ name: 'pages' });
const pages = ['graphs', 'running', 'workers', 'failures', 'resume', 'observe', 'extending', 'architecture'].map(
  (page) => {
    const text = builder.task(`read ${page}`).withContext().ioBound().run(tasks.read);
    return {
      words: builder.task(`words ${page}`).dependsOn(text).run(tasks.words),
      squeeze: builder.task(`squeeze ${page}`).dependsOn(text).run(tasks.squeeze),
    };
  },
);
const most = builder
  .task('most')
  .dependsOn(...pages.map(({ words }) => words))
  .run(tasks.most);
const tightest = builder
  .task('tightest')
  .dependsOn(...pages.map(({ squeeze }) => squeeze))
  .run(tasks.tightest);
const graph = builder.build();

// await using executor = new ParallelAsyncExecutor();
await using executor = new BullMQExecutor({ connection: process.env['TASKMAP_QUEUE'] ?? 'redis://127.0.0.1' });

const tasksByPlace = new Map<number | string, string[]>();
executor.on('task:started', ({ task, thread }) =>
  tasksByPlace.set(thread, [...(tasksByPlace.get(thread) ?? []), task]),
);
await executor.run(graph, { onFailure: 'abort' });
for (const [place, started] of [...tasksByPlace].sort()) console.log(`${place}: ${started.join(', ')}`);
console.log(`${pages.length} pages: ${graph.result(most)}; ${graph.result(tightest)}`);
