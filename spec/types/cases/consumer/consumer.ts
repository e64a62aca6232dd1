// A program that uses taskmap, and a library made with it, through their declarations alone: no DOM, every declaration file checked.
import {
  AsyncExecutor,
  type Attempt,
  type Executor,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
  type TasksIn,
} from 'taskmap-ts';
import { builder, Counting, draft, graph, incomplete, makeExecutor, makeGraph, many } from '../library.js';
import { same } from '../support.js';

// Under isolatedDeclarations an exported graph has its type written down.
interface Pipeline {
  fetch(): Promise<string>;
  count(text: string): number;
}
export const pipeline: TaskGraph<Pipeline> = new TaskGraphBuilder<Pipeline>()
  .task('count')
  .dependsOn('fetch')
  .run((text) => text.length)
  .task('fetch', async () => 'text')
  .build();

// What the library exports is what it was.
const done = draft
  .run(({ signal }, sum, declared) => {
    same<[typeof signal, typeof sum, typeof declared], [AbortSignal, number, Date]>();
    return 'x';
  })
  .task('declared', () => new Date(0))
  .build();
same<ReturnType<typeof done.result<'more'>>, string>();
same<ReturnType<typeof done.result<'load'>>, number[]>();
const whole = incomplete
  .dependsOn('more' as never)
  .task('last')
  .dependsOn('checked')
  .run((text) => text.length);
same<typeof whole.name, 'last'>();
const sum = builder
  .task('twice')
  .dependsOn('sum')
  .run((n) => n * 2)
  .build();
same<ReturnType<typeof sum.result<'twice'>>, number>();
same<TasksIn<typeof graph>, { a: () => number; b: (a: number) => number; c: (b: number) => string }>();
const made = makeGraph(1);
same<ReturnType<typeof made.result<'n'>>, number>();
many
  .task('d')
  .dependsOn('b')
  .run((b) => b.toFixed());
// @ts-expect-error the library's graph has no such task
graph.result('d');

// Executors of one's own, with events of one's own.
declare module 'taskmap-ts' {
  interface ExecutorEvents<Tasks> {
    'task:throttled': [record: { readonly task: string; readonly waitMs: number }];
  }
}
export class Throttled<Tasks extends object = any> extends AsyncExecutor<Tasks> {
  protected override runAttempt(attempt: Attempt): unknown {
    this.emit('task:throttled', { task: attempt.task.name, waitMs: 5 });
    return super.runAttempt(attempt);
  }
}
const throttled = new Throttled<Pipeline>();
throttled.on('task:throttled', ({ task, waitMs }) => same<[typeof task, typeof waitMs], [string, number]>());
const executors: Executor[] = [throttled, new SyncExecutor(), new Counting(), makeExecutor()];
export async function main(): Promise<number> {
  await using executor = executors[0] as Throttled;
  const report = await executor.run(pipeline);
  return report.durationMs;
}
