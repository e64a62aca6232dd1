// Quick start: two tasks that wait for a second and two that compute for a second. Waiting overlaps on the event loop, computing on two
// worker threads: four seconds of work are done in two.
// A function that goes to a thread uses nothing from around it; one that waits stays here, and may.
//
//   io_bound_a ─► cpu_bound_a
//   cpu_bound_b ─► io_bound_b
//
// npx tsx examples/quick-start.ts

import { setTimeout as sleep } from 'node:timers/promises';
import { ParallelAsyncExecutor, TaskGraphBuilder, type TaskStarted } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'quick start' })
  .task('io_bound_a', () => sleep(1000, 'page'))
  .ioBound()
  .task('cpu_bound_b', () => {
    const endMs = performance.now() + 1000;
    let sum = 0;
    while (performance.now() < endMs) sum += Math.sqrt(sum + 1);
    return sum;
  })
  .task('cpu_bound_a')
  .dependsOn('io_bound_a')
  .run((page) => {
    const endMs = performance.now() + 1000;
    let letters = 0;
    while (performance.now() < endMs) letters += page.length;
    return letters;
  })
  .task('io_bound_b')
  .dependsOn('cpu_bound_b')
  .ioBound()
  .run((sum) => sleep(1000, `saved ${sum}`))
  .build();

const executor = new ParallelAsyncExecutor({ workers: 2 });
const started = new Map<string, TaskStarted>();
const durations = new Map<string, number>();
executor.on('task:started', (record) => started.set(record.task, record));
executor.on('task:done', ({ task, durationMs }) => durations.set(task, durationMs));
await executor.warmUp();
const report = await executor.run(graph);
await executor.close();

// In whole seconds, eight characters each: that two cores are busy with other things as well does not show.
const bar = (ms: number, mark: string) => mark.repeat(8 * Math.round(ms / 1000));
let workMs = 0;
for (const task of graph.names()) {
  const { atMs, thread } = started.get(task)!;
  const durationMs = durations.get(task)!;
  workMs += durationMs;
  const line = bar(atMs - report.startedAtMs, ' ') + bar(durationMs, '█');
  console.log(`${task.padEnd(12)}${line.padEnd(17)}${thread === 'main' ? 'main thread' : 'worker thread'}`);
}
console.log(`${Math.round(workMs / 1000)} s of work in ${Math.round(report.durationMs / 1000)} s`);

// output:
// io_bound_a  ████████         main thread
// cpu_bound_b ████████         worker thread
// cpu_bound_a         ████████ worker thread
// io_bound_b          ████████ main thread
// 4 s of work in 2 s
