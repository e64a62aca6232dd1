// Names and signatures told up front: forward references, loops, types written by hand.
import { AsyncExecutor, SyncExecutor, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { same } from './support.js';

interface Pipeline {
  fetch(): Promise<string>;
  count(text: string): number;
  report(count: number, text: string): void;
}

// Any order, in a chain and in statements, in both forms.
const chain = new TaskGraphBuilder<Pipeline>()
  .task('count')
  .dependsOn('fetch')
  .run((text) => {
    same<typeof text, string>();
    return text.length;
  })
  .task('report', (count: number, text: string) => console.log(count, text))
  .dependsOn('count', 'fetch')
  .task('fetch', async () => 'text')
  .build();
export const same1: TaskGraph<Pipeline> = chain;
const statements = new TaskGraphBuilder<Pipeline>();
statements
  .task('report')
  .dependsOn('count', 'fetch')
  .run((count, text) => console.log(count.toFixed(), text.trim()));
statements.task('count', (text: string) => text.length).dependsOn('fetch');
statements.task('fetch', async () => 'text');
const graph: TaskGraph<Pipeline> = statements.build();
same<ReturnType<typeof graph.result<'fetch'>>, string>();
same<ReturnType<typeof graph.result<'report'>>, void>();

// A declaration says what comes out; whether it is waited for is up to the function, and the chain knows.
const swapped = new TaskGraphBuilder<{ a(): number; b(a: number): Promise<number> }>()
  .task('a', async () => 1)
  .task('b', (a: number) => a + 1)
  .dependsOn('a')
  .build();
same<typeof swapped, TaskGraph<{ a: () => Promise<number>; b: (a: number) => number }>>();

// Names that are not declared come on top.
const more = new TaskGraphBuilder<{ a(): number }>()
  .task('extra', () => 'x')
  .task('a', () => 1)
  .build();
same<typeof more, TaskGraph<{ extra: () => string; a: () => number }>>();

// A type written by hand fits a graph made without declarations.
export const undeclared: TaskGraph<Pipeline> = new TaskGraphBuilder()
  .task('fetch', async () => 'text')
  .task('count', (text: string) => text.length)
  .dependsOn('fetch')
  .task('report')
  .dependsOn('count', 'fetch')
  .run(() => {})
  .build();

// Loops: one kind of result under names of any kind, or names of one pattern.
const fibonacci = new TaskGraphBuilder<Record<string, (...terms: number[]) => number>>();
fibonacci.task('0', () => 0);
fibonacci.task('1', () => 1);
for (let i = 2; i <= 50; i++)
  fibonacci
    .task(`${i}`)
    .dependsOn(`${i - 2}`, `${i - 1}`)
    .run((a, b) => a + b);
const numbers = fibonacci.build();
same<ReturnType<typeof numbers.result<'50'>>, number>();
new SyncExecutor().run(numbers);
const patterns = new TaskGraphBuilder<{
  [page: `page ${number}`]: () => Promise<string>;
  join: (...texts: string[]) => string;
}>();
for (let i = 0; i < 3; i++) patterns.task(`page ${i}`, async () => 'text');
patterns
  .task('join')
  .dependsOn('page 0', 'page 1')
  .run((...texts) => texts.join());
const paged = patterns.build();
same<ReturnType<typeof paged.result<'page 7'>>, string>();

// Functions over graphs ask for the tasks that they use.
function needsCount<T extends { count(text: string): number }>(graph: TaskGraph<T>): number {
  return graph.result('count');
}
needsCount(graph);
needsCount(chain);
function anyGraph(graph: TaskGraph): number {
  return graph.size;
}
anyGraph(graph);
anyGraph(chain);
const loose: TaskGraph<Record<string, (...args: any) => unknown>> = chain;
same<ReturnType<typeof loose.result<'fetch'>>, unknown>();

// A graph of which nothing is known.
declare const untyped: TaskGraph;
same<ReturnType<typeof untyped.names>, string[]>();
same<ReturnType<typeof untyped.result<'anything'>>, unknown>();
untyped
  .reset('anything')
  .replace('anything', (n: number) => n)
  .markDone('anything', 1);
new SyncExecutor().run(untyped);
new AsyncExecutor().run(untyped);

// Tasks from data.
const specs = [
  { name: 'x', run: () => 1, ioBound: true },
  { name: 'y', dependsOn: ['x'], after: undefined, run: (x: number) => x + 1, retry: { attempts: 2, delayMs: 10 } },
];
const fromData = new TaskGraphBuilder<Record<string, () => number>>().add(...specs).build();
same<ReturnType<typeof fromData.result<'y'>>, number>();
