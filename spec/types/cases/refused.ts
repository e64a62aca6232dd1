// What must not compile: each comment stands above the one line that is wrong.
import {
  AsyncExecutor,
  type Attempt,
  Executor,
  SyncExecutor,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskHandle,
  type TasksIn,
} from 'taskmap-ts';

const base = new TaskGraphBuilder()
  .task('a', () => 1)
  .task('s', async () => 'x')
  .task('nothing', () => {})
  .task('maybe', () => 1 as number | undefined);
const empty = new TaskGraphBuilder();
const builder = new TaskGraphBuilder();

// Dependencies that are not there.
// @ts-expect-error a name that no task has
base.task('z').dependsOn('typo');
// @ts-expect-error also behind one that a task has
base.task('z', (n: number) => n).dependsOn('a', 'typo');
// @ts-expect-error the task itself
base.task('z').dependsOn('z');
// @ts-expect-error names of Object.prototype
base.task('z').dependsOn('toString');
// @ts-expect-error names of Object.prototype
base.task('z').dependsOn('constructor');
// @ts-expect-error names of Object.prototype
base.task('z').dependsOn('__proto__');
// @ts-expect-error a graph without tasks
empty.task('z').dependsOn('a');
// @ts-expect-error a function is no handle
base.task('z').dependsOn(() => 1);
// @ts-expect-error a class is no handle
base.task('z').dependsOn(Date);
// @ts-expect-error what merely has a name is no handle
base.task('z').dependsOn({ name: 'a' });
// @ts-expect-error a list is spread
base.task('z').dependsOn(['a', 's']);
// @ts-expect-error a name that only run time knows
base.task('z').dependsOn('a' as string);
// @ts-expect-error the same for order alone
base.task('z', () => 1).after('typo');
// @ts-expect-error a statement knows no names of other statements
builder.task('z').dependsOn('a');

// Values that do not fit their function.
// @ts-expect-error another type
base.task('z', (path: string) => path).with(1);
// @ts-expect-error the other way round
base.task('z', (path: string, n: number) => [path, n]).with(1, 'a.jpg');
const behind = base.task('z', (n: number, m: number) => n + m).dependsOn('a');
// @ts-expect-error behind a result
behind.with('a.jpg');
// @ts-expect-error undefined is left out
base.task('z', (flag: undefined, path: string) => [flag, path]).with(undefined, 'a.jpg');
// @ts-expect-error a promise is not waited for
base.task('z', (n: number) => n).with(Promise.resolve(1));
const begun = base.task('z', (path: string, n: number) => [path, n]).with('a.jpg');
// @ts-expect-error too few
begun.build();

// What is said of tasks.
// @ts-expect-error a date is no JSON
base.task('z', () => 1).meta({ when: new Date() });
// @ts-expect-error a function neither
base.task('z', () => 1).meta({ when: () => 1 });
// @ts-expect-error no list
base.task('z', () => 1).meta(['a']);
// @ts-expect-error no list
new SyncExecutor().run(base.build(), { only: { meta: ['a'] } });

// Functions that do not fit their dependencies.
// @ts-expect-error another type
base.task('z', (n: string) => n).dependsOn('a');
// @ts-expect-error the second is of another type
base.task('z', (n: number, flag: boolean) => [n, flag]).dependsOn('a', 's');
// @ts-expect-error the other way round
base.task('z', (s: string, n: number) => s.repeat(n)).dependsOn('a', 's');
// @ts-expect-error the promise itself is not passed, its result is
base.task('z', (s: Promise<string>) => s).dependsOn('s');
// @ts-expect-error nothing is passed for what is always undefined
base.task('z', (x: undefined, n: number) => [x, n]).dependsOn('nothing', 'a');
// @ts-expect-error what may be undefined may not be passed at all
base.task('z', (x: number | undefined, s: string) => [x, s]).dependsOn('maybe', 's');
// @ts-expect-error in last place it may be undefined
base.task('z', (x: number) => x).dependsOn('maybe');
// @ts-expect-error a native one
base.task('z', Math.max).dependsOn('a', 's');
const first = base.task('z', (n: number, s: string) => s.repeat(n)).dependsOn('a');
// @ts-expect-error the second call of dependsOn counts behind the first
first.dependsOn('a');
// @ts-expect-error a handle of another result
base.task('z', (n: number) => n).dependsOn(builder.task('h', () => 'x'));
const strings = ['1', '2'].map((name) => builder.task(name, () => name));
// @ts-expect-error handles in a list
base.task('z', (...ns: number[]) => ns).dependsOn(...strings);
// @ts-expect-error handles in a list behind another
base.task('z', (n: number, ...ns: number[]) => [n, ns]).dependsOn('a', ...strings);
// @ts-expect-error an overload that is not the last
base.task('z', overloaded).dependsOn('a');
declare function overloaded(x: number): number;
declare function overloaded(x: string): string;

// Functions given to run().
const onePassed = base.task('z').dependsOn('a');
const twoPassed = base.task('z').dependsOn('a', 's');
// @ts-expect-error another type
twoPassed.run((n: number, flag: number) => n + flag);
// @ts-expect-error more parameters than dependencies
onePassed.run((n: number, more: number) => n + more);
// @ts-expect-error no function
onePassed.run(5);
// @ts-expect-error given twice
onePassed.run((n) => n).run((n) => n);
// @ts-expect-error a parameter has no type here: nothing is known yet of the dependencies
base.task('z', (n) => n.toFixed());
// @ts-expect-error no function
base.task('z', 5);
// @ts-expect-error no name
base.task(5, () => 1);

// Tasks that are not complete.
const draft = base.task('z').dependsOn('a');
// @ts-expect-error no function yet
draft.build();
// @ts-expect-error no function yet
draft.task('y');
const unfed = base.task('z', (n: number, s: string) => s.repeat(n));
const halfFed = unfed.dependsOn('a');
// @ts-expect-error two arguments are missing
unfed.task('y');
// @ts-expect-error one argument is missing
halfFed.task('y');
// @ts-expect-error one argument is missing
halfFed.build();
// @ts-expect-error a task that is not complete is no handle
base.task('y').dependsOn(unfed);

// Names.
// @ts-expect-error taken
base.task('a', () => 2);
// @ts-expect-error taken, in the other form
base.task('maybe');

// Contexts.
const by = base.task('z', (n: number, by = 10) => n * by).withContext();
// @ts-expect-error the context would land in a parameter that is meant for something else
by.dependsOn('a');
const withoutContext = base.task('z', (context: TaskContext) => context.attempt);
// @ts-expect-error nobody passes the context
withoutContext.build();
const withContext = base.task('z').withContext().dependsOn('a');
// @ts-expect-error the context comes first
withContext.run((n: number) => n);
// @ts-expect-error a context is read
withContext.run((context) => (context.attempt = 2));

// Declarations.
type Declared = { a(): number; s(a: number): Promise<string> };
const declared = new TaskGraphBuilder<Declared>();
// @ts-expect-error returns something else
declared.task('a', () => 'x');
// @ts-expect-error returns something else
declared.task('a').run(() => 'x');
// @ts-expect-error a promise of something else
declared.task('s', async (n: number) => n);
// @ts-expect-error takes something else
declared.task('s', async (n: string) => n).dependsOn('a');
// @ts-expect-error depends on what is not declared
declared.task('s').dependsOn('b');
// @ts-expect-error the type is no map of signatures
export const noMap: TaskGraphBuilder<string> = declared;
// @ts-expect-error a graph of other tasks
export const otherTasks: TaskGraph<{ b(): number }> = declared.build();
// @ts-expect-error a graph whose results are others
export const otherResults: TaskGraph<{ a(): string; s(a: string): string }> = declared.build();

// The dictionary form.
// @ts-expect-error another type
empty.tasks({ b: (x: string) => x, a: () => 5 }, { b: ['a'] });
// @ts-expect-error no list for a function that takes arguments
empty.tasks({ b: (x: number) => x, a: () => 5 }, {});
// @ts-expect-error a list that is too short
empty.tasks({ b: (x: number, y: number) => x + y, a: () => 5 }, { b: ['a'] });
// @ts-expect-error a name that no task has
empty.tasks({ b: (x: number) => x, a: () => 5 }, { b: ['z'] });
// @ts-expect-error a list for no task
empty.tasks({ a: () => 5 }, { z: ['a'] });
// @ts-expect-error io-bound is no task
empty.tasks({ a: () => 5 }, {}, { ioBound: ['z'] });
// @ts-expect-error no function
empty.tasks({ a: 5 }, {});
// @ts-expect-error a parameter has no type here
empty.tasks({ b: (x) => x, a: () => 5 }, { b: ['a'] });

// Options.
// @ts-expect-error no number
base.task('z', () => 1).priority('high');
// @ts-expect-error a policy says how many attempts
base.task('z', () => 1).retry({ delayMs: 5 });
// @ts-expect-error no such option
base.task('z', () => 1).retry({ attempts: 2, delay: 5 });
// @ts-expect-error data without a function
empty.add({ name: 'z' });

// Graphs.
const graph = base.build();
// @ts-expect-error a name that no task has
graph.result('typo');
// @ts-expect-error a name that no task has, behind one that a task has
graph.reset('a', 'typo');
// @ts-expect-error of another type
export const wrongResult: string = graph.result('a');
// @ts-expect-error a result may not be there yet
export const missingResult: string = graph.results.s;
// @ts-expect-error results are read
graph.results.a = 5;
// @ts-expect-error other parameters
graph.replace('a', (n: string) => Number(n));
// @ts-expect-error another result
graph.replace('a', () => 'x');
// @ts-expect-error async where it was not
graph.replace('a', async () => 1);
// @ts-expect-error a result of another type
graph.markDone('a', 'x');
// @ts-expect-error a result is needed
graph.markDone('a');
// @ts-expect-error there is no result to give
graph.markDone('nothing', 1);
// @ts-expect-error no such option
graph.markDone('a', 1, { keep: true });
// @ts-expect-error no such status
export const finished: boolean = graph.status('a') === 'finished';
// @ts-expect-error only what is done has a result
graph.outcome('s').result;
// @ts-expect-error known results are by name
base.build({ results: 5 });
// @ts-expect-error graphs are built
new TaskGraph();

// Executors.
const syncGraph = empty.task('a', () => 1).build();
type Tasks = TasksIn<typeof graph>;
const typed = new AsyncExecutor<Tasks>();
// @ts-expect-error it has async tasks
new SyncExecutor().run(graph);
// @ts-expect-error it has async tasks
new SyncExecutor().runTask(graph, 'a');
// @ts-expect-error a graph of other tasks than those of the executor
typed.run(empty.task('q', () => 1).build());
// @ts-expect-error a name that no task has
typed.run(graph, { only: ['typo'] });
// @ts-expect-error a name that no task has
new SyncExecutor().runTask(syncGraph, 'typo');
// @ts-expect-error no such way
typed.run(graph, { onFailure: 'ignore' });
// @ts-expect-error no graph
typed.run(base);
// @ts-expect-error no such option
new AsyncExecutor({ threads: 2 });
// @ts-expect-error no such event
typed.on('task:don', () => {});
// @ts-expect-error a listener of something else
typed.on('task:done', (record: string) => record);
// @ts-expect-error a name that no task has
typed.on('task:done', ({ task }) => task === 'typo');
// @ts-expect-error records are read
typed.on('task:started', (record) => (record.task = 'a'));
// @ts-expect-error a result of a task that nobody told apart
typed.on('task:done', (record) => record.result.toFixed());
// @ts-expect-error nothing says how it runs
new Executor();
export class Own extends AsyncExecutor {
  // @ts-expect-error an attempt is what it gets
  protected override runAttempt(attempt: number): unknown {
    return attempt;
  }
}
export class Other extends AsyncExecutor {
  protected override runAttempt(attempt: Attempt): unknown {
    // @ts-expect-error attempts are read
    attempt.attempt = 2;
    return attempt.invoke();
  }
}

// Handles.
// @ts-expect-error a handle of an async task gives a promise
export const handle: TaskHandle<'s', [], string> = empty.task('s', async () => 'x');
// @ts-expect-error a handle of another name
export const otherName: TaskHandle<'q'> = empty.task('s', () => 'x');
