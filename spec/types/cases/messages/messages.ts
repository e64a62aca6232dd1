// What the compiler prints for the mistakes that are made most. Each comment is the first error of the line below it; … stands for any text.
import { AsyncExecutor, SyncExecutor, type TaskContext, TaskGraphBuilder, type TasksIn } from 'taskmap-ts';

const base = new TaskGraphBuilder()
  .task('loadRows', async () => 'text')
  .task('maybeRows', () => 1 as number | undefined)
  .task('rowCount', () => 1);
const empty = new TaskGraphBuilder();
const builder = new TaskGraphBuilder();

// A typo is answered with the names there are.
// error: Argument of type '"loadRow"' is not assignable to parameter of type '…"loadRows" | "maybeRows" | "rowCount"…'.
base.task('z').dependsOn('loadRow');
// error: Argument of type '"loadRow"' is not assignable to parameter of type '…"loadRows" | "maybeRows" | "rowCount"…'.
base.task('z', (text: string) => text).dependsOn('loadRow');
// error: Argument of type '"loadRow"' is not assignable to parameter of type '…"loadRows" | "maybeRows" | "rowCount"…'.
base.task('z', () => 1).after('loadRow');
// error: Argument of type '"loadRow"' is not assignable to parameter of type '…"loadRows" | "maybeRows" | "rowCount"…'.
base.build().result('loadRow');
// error: Type '"loadRow"' is not assignable to type '…"loadRows" | "maybeRows" | "rowCount"…
new AsyncExecutor().run(base.build(), { only: ['loadRow'] });
// error: Argument of type '"task:don"' is not assignable to parameter of type '…"task:done"…'.
new AsyncExecutor().on('task:don', () => {});
// error: Argument of type 'string' is not assignable to parameter of type 'AnyTask'.
builder.task('z').dependsOn('loadRows');

// Results that do not fit parameters are shown beside each other.
// error: …'ArgumentMismatch<{ given: [number]; takes: [text: string]; }>'.
base.task('z', (text: string) => text).dependsOn('rowCount');
// error: …'ArgumentMismatch<{ given: [string, number]; takes: [text: string, flag: boolean]; }>'.
base.task('z', (text: string, flag: boolean) => text.repeat(+flag)).dependsOn('loadRows', 'rowCount');
// error: …'ArgumentMismatch<{ given: …[string]…; takes: [n: number | undefined, text: string]; }>'.
base.task('z', (n: number | undefined, text: string) => text.repeat(n ?? 1)).dependsOn('maybeRows', 'loadRows');
// error: …'ArgumentMismatch<{ given: [string, number]; takes: number[]; }>'.
base.task('z', Math.max).dependsOn('loadRows', 'rowCount');
const first = base.task('z', (n: number, text: string) => text.repeat(n)).dependsOn('rowCount');
// error: …'ArgumentMismatch<{ given: [number, number]; takes: [n: number, text: string]; }>'.
first.dependsOn('rowCount');
const texts = ['a', 'b'].map((name) => builder.task(name, () => name));
// error: …'ArgumentMismatch<{ given: string[]; takes: number[]; }>'….
builder.task('z', (...sizes: number[]) => sizes.length).dependsOn(...texts);
const given = base.task('z').dependsOn('loadRows', 'rowCount');
// error: …Types of parameters 'n' and 'results_0' are incompatible. Type 'string' is not assignable to type 'number'.
given.run((n: number) => n);
// error: …Target signature provides too few arguments. Expected 3 or more, but got 2.
given.run((text: string, n: number, more: number) => text.repeat(n + more));
const context = base.task('z', (n: number, by = 10) => n * by).withContext();
// error: …'ArgumentMismatch<{ given: [TaskContext, …]; takes: [n: number, by?: number | undefined]; }>'.
context.dependsOn('rowCount');

// What is missing is shown where the chain goes on without it.
const unfed = base.task('z', (text: string) => text);
// error: …Type 'MissingArguments<{ given: []; takes: [text: string]; }>' has no call signatures.
unfed.task('y');
const halfFed = base.task('z', (n: number, text: string) => text.repeat(n)).dependsOn('rowCount');
// error: …Type 'MissingArguments<{ given: [number]; takes: [n: number, text: string]; }>' has no call signatures.
halfFed.build();
const contextless = base.task('z', ({ attempt }: TaskContext) => attempt);
// error: …Type 'MissingArguments<{ given: []; takes: [TaskContext]; }>' has no call signatures.
contextless.build();
const draft = base.task('z').dependsOn('loadRows');
// error: …Type 'MissingFunction<"z">' has no call signatures.
draft.build();
// error: …Type 'MissingFunction<"z">' has no call signatures.
draft.task('y');
// error: Argument of type 'number' is not assignable to parameter of type 'TaskFunction'.
base.task('z', 5);

// Names and declarations.
// error: …'NameTaken<"loadRows">'.
base.task('loadRows', () => 2);
// error: …'NameTaken<"rowCount">'.
base.task('rowCount');
// error: …'ResultMismatch<{ declared: number; returned: string; }>'.
new TaskGraphBuilder<{ rowCount(): number }>().task('rowCount', () => 'x');
// error: Type 'string' is not assignable to type 'number | PromiseLike<number>'.
new TaskGraphBuilder<{ rowCount(): number }>().task('rowCount').run(() => 'x');

// The dictionary form.
// error: …'ArgumentMismatch<{ given: [number]; takes: [text: string]; }>'.
empty.tasks({ b: (text: string) => text, a: () => 5 }, { b: ['a'] });
// error: …'ArgumentMismatch<{ given: [number]; takes: [x: number, y: number]; }>'.
empty.tasks({ b: (x: number, y: number) => x + y, a: () => 5 }, { b: ['a'] });
// error: …Property 'b' is missing in type '{}' but required in type …
empty.tasks({ b: (x: number) => x, a: () => 5 }, {});
// error: Type '"c"' is not assignable to type '…"a" | "b"…'.
empty.tasks({ b: (x: number) => x, a: () => 5 }, { b: ['c'] });
// error: Object literal may only specify known properties, and 'c' does not exist in type …
empty.tasks({ a: () => 5 }, { c: ['a'] });

// Graphs and executors.
const graph = base.build();
const numbers = empty.tasks({ n: () => 1, t: (n: number) => n }, { t: ['n'] }).build();
// error: …Types of parameters 'text' and 'n' are incompatible. Type 'number' is not assignable to type 'string'.
numbers.replace('t', (text: string) => text.length);
// error: Type 'string' is not assignable to type 'number'.
graph.replace('rowCount', () => 'x');
// error: Type 'Promise<number>' is not assignable to type 'number'.
graph.replace('rowCount', async () => 1);
// error: Argument of type 'string' is not assignable to parameter of type 'number'.
graph.markDone('rowCount', 'x');
// error: Expected 2-3 arguments, but got 1.
graph.markDone('rowCount');
// error: …Property ''these tasks are async: use an AsyncExecutor'' is missing in type … but required in type 'AsyncTasks<"loadRows">'.
new SyncExecutor().run(graph);
// error: …Type '"other"' is not assignable to type '"loadRows" | "maybeRows" | "rowCount"'.
new AsyncExecutor<TasksIn<typeof graph>>().run(empty.task('other', () => 1).build());
