// Executors: what they accept, what they return, what their events say, and how one makes one's own.
import {
  AsyncExecutor,
  type Attempt,
  Executor,
  type RunReport,
  SyncExecutor,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  type TasksIn,
} from 'taskmap-ts';
import { same } from './support.js';

const graph = new TaskGraphBuilder()
  .task('a', () => 1)
  .task('s')
  .dependsOn('a')
  .run((n) => String(n))
  .build();
type Tasks = TasksIn<typeof graph>;
same<Tasks, { a: () => number; s: (n: number) => string }>();

// The sync one returns the report, the others a promise of it; a variable for any of them may return either.
same<ReturnType<SyncExecutor['run']>, RunReport>();
same<ReturnType<AsyncExecutor['run']>, Promise<RunReport>>();
declare const flag: boolean;
const either: Executor = flag ? new SyncExecutor() : new AsyncExecutor<Tasks>();
const report: RunReport = await either.run(graph);
same<typeof report.failures, ReadonlyMap<string, unknown>>();
await either.runTask(graph, 's');
await using closed = new AsyncExecutor({ concurrency: 2 });

// The sync one takes every graph that is not known to have async tasks.
const open = new TaskGraphBuilder()
  .task('any', () => JSON.parse('1'))
  .task('broken', () => {
    throw new Error('always');
  })
  .task('late', () => 1 as unknown)
  .build();
new SyncExecutor().run(open);
new SyncExecutor().runTask(open, 'any');

// Options that are undefined are options that are not given.
new AsyncExecutor({ concurrency: undefined, cpuConcurrency: undefined, graceMs: undefined, clock: undefined });
closed.run(graph, { signal: undefined, onFailure: undefined, only: undefined });
new SyncExecutor().run(graph, { onFailure: 'stop', only: ['a'], signal: new AbortController().signal });

// An executor without a graph says what it can.
new AsyncExecutor().on('task:done', ({ task, result, durationMs, attempt }) => {
  same<[typeof task, typeof result, typeof durationMs, typeof attempt], [string, unknown, number, number]>();
});

// One with a graph tells its tasks apart.
const typed = new AsyncExecutor<TasksIn<typeof graph>>();
typed.on('task:done', (record) => {
  same<typeof record.task, 'a' | 's'>();
  if (record.task === 'a') same<typeof record.result, number>();
  else same<typeof record.result, string>();
});
typed.once('task:done', ({ task, result }) => {
  if (task === 's') same<typeof result, string>();
});
typed.on('task:skipped', ({ task, because }) => same<[typeof task, typeof because], ['a' | 's', 'a' | 's']>());
typed
  .on('task:failed', ({ error }) => same<typeof error, unknown>())
  .on('run:finished', ({ counts }) => same<typeof counts.done, number>());
const listener = ({ task }: { task: string }) => void task;
typed
  .on('task:started', listener)
  .off('task:started', listener)
  .removeAllListeners('task:started')
  .removeAllListeners();
typed.run(graph);
const untyped: Executor = typed;
untyped.run(new TaskGraphBuilder().build());

// One's own: where an attempt runs is the one thing to say.
class Doubling extends AsyncExecutor {
  protected override async runAttempt(attempt: Attempt): Promise<unknown> {
    return Number(await super.runAttempt(attempt)) * 2;
  }
}
class Remote<Tasks extends object = any> extends AsyncExecutor<Tasks> {
  readonly seen: string[] = [];
  constructor(readonly_url: string) {
    super({ concurrency: 10 });
    this.on('task:started', (record) => this.seen.push(`${record.task} at ${readonly_url}`));
  }
  protected override runAttempt({ task, args, signal, context }: Attempt): unknown {
    same<typeof context, TaskContext>();
    return [task.name, args, signal.aborted];
  }
}
new Doubling().run(graph);
new Remote<Tasks>('here').on('task:ready', ({ task }) => same<typeof task, 'a' | 's'>()).run(graph);
abstract class Odd extends Executor {
  abstract override run(graph: TaskGraph): Promise<RunReport>;
}
same<ReturnType<Odd['run']>, Promise<RunReport>>();
