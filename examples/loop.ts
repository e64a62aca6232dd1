// A graph made in a loop: .task(…) returns a handle, which is good wherever a task's name is.
// The types go along: `total` knows that it is given numbers, as many as there are pages.
// The names need not be known when the program is written.
//
//   fetch a ─► length a ─┐
//   fetch b ─► length b ─┼─► total
//   fetch c ─► length c ─┘
//
// npx tsx examples/loop.ts

import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

const pages: Record<string, string> = { a: 'to be', b: 'or not', c: 'to be' };

const builder = new TaskGraphBuilder({ name: 'pages' });
const lengths = Object.keys(pages).map((name) => {
  const page = builder.task(`fetch ${name}`, async () => pages[name] ?? '').ioBound();
  return builder
    .task(`length ${name}`)
    .dependsOn(page)
    .run((text) => text.length);
});
const total = builder
  .task('total')
  .dependsOn(...lengths)
  .run((...all) => all.reduce((sum, length) => sum + length, 0));
const graph = builder.build();

await new AsyncExecutor({ concurrency: 2 }).run(graph);
for (const length of lengths) console.log(length.name, graph.result(length));
console.log(total.name, graph.result(total));

// output:
// length a 5
// length b 6
// length c 5
// total 16
