// Timeline: where and when each attempt ran, and what determined how long the run took. The picture shows two tasks at once, as many as
// there are slots; dots are tasks that could have run and had to wait for one.
// toChromeTrace() gives the same as a file for https://ui.perfetto.dev, toMermaid() as a chart for a page.
//
//   fetch ─┬─► parse ─┬─► page       Times are those of a clock that jumps from one event to the next, so that the example
//          ├─► style ─┤              prints the same on any machine. Leave the clock out, and they are real.
//          └─► image ─┘
//
// npx tsx examples/timeline.ts

import { AsyncExecutor, type Clock, TaskGraphBuilder, Timeline } from 'taskmap-ts';

let nowMs = 0;
const timers: { readonly atMs: number; readonly callback: () => void }[] = [];
const clock: Clock = {
  now: () => nowMs,
  after(delayMs, callback) {
    const timer = { atMs: nowMs + delayMs, callback };
    timers.push(timer);
    timers.sort((a, b) => a.atMs - b.atMs);
    return () => timers.splice(timers.indexOf(timer), 1);
  },
  soon: (callback) => setImmediate(callback),
  block: (delayMs) => {
    nowMs += delayMs;
  },
};
const takes = (ms: number) => () => new Promise<void>((resolve) => clock.after(ms, resolve));

const graph = new TaskGraphBuilder({ name: 'site' })
  .task('fetch', takes(40))
  .task('parse', takes(60))
  .after('fetch')
  .task('style', takes(20))
  .after('fetch')
  .task('image', takes(30))
  .after('fetch')
  .task('page', takes(20))
  .after('parse', 'style', 'image')
  .build();

const executor = new AsyncExecutor({ clock, concurrency: 2 });
const timeline = new Timeline().listen(executor);
const run = executor.run(graph);
for (let timer = timers.shift(); timer !== undefined; timer = timers.shift()) {
  nowMs = timer.atMs;
  timer.callback();
  await new Promise((resolve) => setImmediate(resolve));
}
await run;

console.log(timeline.toText({ width: 48 }));
const { durationMs, criticalPathMs, efficiency } = timeline.summary()!;
const path = timeline.criticalPath().map(({ task }) => task);
console.log(
  `${durationMs} ms, ${path.join(' > ')} took ${criticalPathMs} ms: ${Math.round(100 * efficiency)} % of what is possible`,
);

// output:
// fetch █████████                    main 1, 40 ms
// parse          ██████████████      main 2, 60 ms
// style          █████               main 1, 20 ms
// image          ·····███████        main 1, 30 ms
// page                         █████ main 1, 20 ms
// 120 ms, fetch > parse > page took 120 ms: 100 % of what is possible
