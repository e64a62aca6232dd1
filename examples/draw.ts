// Drawings: a graph as a picture in SVG, as a Mermaid flowchart, for Markdown and GitHub, and in the DOT language of Graphviz.
// Boxes are coloured by what is known of each task; io-bound tasks are round, order-only edges dotted.
// Write what toSVG() returns to a file, and any browser shows it. A timeline has a picture of the run.
// Questions about the shape have methods of their own.
//
//   fetch ─► parse ─► save
//     └┄┄┄┄┄┄► log
//
// npx tsx examples/draw.ts

import { SyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'feed' })
  .task('fetch', () => '<rss>')
  .ioBound()
  .task('parse')
  .dependsOn('fetch')
  .run((): string[] => {
    throw new SyntaxError('the feed is cut off');
  })
  .task('save')
  .dependsOn('parse')
  .run((entries) => entries.length)
  .task('log', () => 'fetched')
  .after('fetch')
  .build();

const executor = new SyncExecutor();
const timeline = new Timeline().listen(executor);
executor.run(graph);

// What each box says when it is pointed at, and who cannot see the picture is told of it.
const titlesOf = (svg: string) => [...svg.matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title).join('\n');
console.log(titlesOf(graph.toSVG({ title: 'Last night' })));
console.log(`${[...timeline.toSVG().matchAll(/<g class="(done|failed)"><title>/g)].length} bars\n`);
console.log(graph.toMermaid());
console.log(graph.toDot());
console.log(`order: ${graph.order().join(', ')}`);
console.log(`behind fetch: ${graph.descendants('fetch').join(', ')}`);

// output:
// Last night: 4 tasks: 2 done, 1 failed, 1 skipped
// fetch: done, io-bound
// parse: failed
// save: skipped
// log: done
// 3 bars
//
// flowchart LR
//   t0("fetch"):::done
//   t1["parse"]:::failed
//   t2["save"]:::skipped
//   t3["log"]:::done
//   t0 --> t1
//   t1 --> t2
//   t0 -.-> t3
//   classDef pending fill:#f3f4f6,stroke:#9ca3af,color:#111827
//   classDef running fill:#dbeafe,stroke:#2563eb,color:#111827
//   classDef done fill:#dcfce7,stroke:#16a34a,color:#111827
//   classDef failed fill:#fee2e2,stroke:#dc2626,color:#111827
//   classDef skipped fill:#fef9c3,stroke:#ca8a04,color:#111827
//
// digraph "feed" {
//   rankdir=LR;
//   node [shape=box, style=filled, fontname="sans-serif", fontcolor="#111827"];
//   t0 [label="fetch", fillcolor="#dcfce7", color="#16a34a", style="filled,rounded"];
//   t1 [label="parse", fillcolor="#fee2e2", color="#dc2626"];
//   t2 [label="save", fillcolor="#fef9c3", color="#ca8a04"];
//   t3 [label="log", fillcolor="#dcfce7", color="#16a34a"];
//   t0 -> t1;
//   t1 -> t2;
//   t0 -> t3 [style=dashed];
// }
//
// order: fetch, parse, log, save
// behind fetch: parse, log, save
