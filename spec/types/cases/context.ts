// Only a function that asks for its context gets one, as the first argument.
import { type TaskContext, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { same } from './support.js';

const base = new TaskGraphBuilder().task('a', () => 1).task('nothing', () => {});

const graph = base
  .task('first')
  .withContext()
  .dependsOn('a')
  .run((context, a) => {
    same<[typeof context, typeof a], [TaskContext, number]>();
    context.progress(0.5, 'halfway');
    return context.attempt;
  })
  .task('in any order')
  .dependsOn('nothing', 'a')
  .withContext()
  .run(async ({ signal, progress }, a) => {
    same<typeof a, number>();
    progress(1);
    return signal.aborted;
  })
  .task('alone')
  .withContext()
  .run(({ task, runId }) => `${task} of ${runId}`)
  .task('checked', (context: TaskContext, a: number) => context.attempt + a)
  .withContext()
  .dependsOn('a')
  .task('part of it', ({ signal }: { signal: AbortSignal }) => signal.aborted)
  .withContext()
  .task('takes none', () => 'x')
  .withContext()
  .build();
same<
  typeof graph,
  TaskGraph<{
    a: () => number;
    nothing: () => void;
    first: (context: TaskContext, a: number) => number;
    'in any order': (context: TaskContext, a: number) => Promise<boolean>;
    alone: (context: TaskContext) => string;
    checked: (context: TaskContext, a: number) => number;
    'part of it': (context: TaskContext) => boolean;
    'takes none': (context: TaskContext) => string;
  }>
>();
graph.replace('first', ({ attempt }, a) => attempt + a).replace('first', () => 1);
