// Functions that were not written to be tasks.
import { readFile } from 'node:fs/promises';
import { TaskGraphBuilder, type TaskModule } from 'taskmap-ts';
import { same } from './support.js';

const base = new TaskGraphBuilder()
  .task('n', () => 1)
  .task('m', async () => 2)
  .task('s', () => 'x')
  .task('list', () => [3, 1, 2]);

// Native ones.
const native = base
  .task('max', Math.max)
  .dependsOn('n', 'm', 'n')
  .task('random', Math.random)
  .task('parsed', Number.parseInt)
  .dependsOn('s')
  .task('based', Number.parseInt)
  .dependsOn('s', 'n')
  .task('json')
  .dependsOn('s')
  .run(JSON.parse)
  .task('text', JSON.stringify)
  .dependsOn('list')
  .task('file', readFile)
  .dependsOn('s')
  .build();
same<ReturnType<typeof native.result<'max'>>, number>();
same<ReturnType<typeof native.result<'json'>>, any>();
same<ReturnType<typeof native.result<'file'>>, Awaited<ReturnType<typeof readFile>>>();

// Default, optional and rest parameters.
base.task('default', (n: number, by = 10) => n * by).dependsOn('n');
base.task('default given', (n: number, by = 10) => n * by).dependsOn('n', 'm');
base.task('only defaults', (n = 1) => n).build();
base.task('optional', (n?: number) => n).build();
base.task('optional given', (n?: number) => n).dependsOn('n');
base.task('rest', (first: number, ...more: number[]) => more.length + first).dependsOn('n', 'm', 'n');
base.task('rest of none', (...more: number[]) => more.length).build();
base.task('rest to read', (...more: readonly number[]) => more.length).dependsOn('n', 'm');
declare const moduleTasks: TaskModule<{
  sum(...more: readonly number[]): number;
  label(text: string, ...more: readonly number[]): string;
}>;
const summed = base.task('sum', moduleTasks.sum).dependsOn('n', 'm').task('label', moduleTasks.label);
summed.dependsOn('s', 'sum');
// @ts-expect-error a number where a text is taken
summed.dependsOn('sum', 's');
base.task('tuple', (...[n, s]: [n: number, s: string]) => `${n}${s}`).dependsOn('n', 's');
base.task('wider', (n: number | string, s: unknown) => [n, s]).dependsOn('n', 's');
base.task('destructured', ([first]: readonly number[]) => first).dependsOn('list');

// Generic ones.
const sorted = <T>(list: readonly T[]): T[] => [...list].sort();
const generic = base
  .task('inferred')
  .dependsOn('list')
  .run(sorted)
  .task('told', sorted<number>)
  .dependsOn('list')
  .task('inside', (list: number[]) => sorted(list))
  .dependsOn('list')
  .build();
same<ReturnType<typeof generic.result<'inferred'>>, number[]>();
same<ReturnType<typeof generic.result<'told'>>, number[]>();
same<ReturnType<typeof generic.result<'inside'>>, number[]>();

// Overloaded ones count by their last overload; a lambda picks another.
function twice(x: number): number;
function twice(x: string): string;
function twice(x: number | string): number | string {
  return typeof x === 'number' ? x * 2 : x + x;
}
const overloaded = base
  .task('text twice', twice)
  .dependsOn('s')
  .task('number twice')
  .dependsOn('n')
  .run((n) => twice(n))
  .build();
same<ReturnType<typeof overloaded.result<'text twice'>>, string>();
same<ReturnType<typeof overloaded.result<'number twice'>>, number>();

// Methods, bound functions, generators and classes of results.
class Counter {
  readonly start = 1;
  readonly next = (n: number): number => n + this.start;
  static zero(): number {
    return 0;
  }
}
const counter = new Counter();
const methods = base
  .task('arrow', counter.next)
  .dependsOn('n')
  .task('static', Counter.zero)
  .task('bound', ((by: number, n: number) => n * by).bind(undefined, 2))
  .dependsOn('n')
  .task('made', () => counter)
  .task('used')
  .dependsOn('made')
  .run((made) => made.next(1))
  .task('stream', async function* () {
    yield 1;
  })
  .task('read')
  .dependsOn('stream')
  .run(async (stream) => {
    for await (const n of stream) return n;
    return 0;
  })
  .build();
same<ReturnType<typeof methods.result<'used'>>, number>();
same<ReturnType<typeof methods.result<'read'>>, number>();

// Promises of promises, thenables.
const awaited = base
  .task('deep', async () => Promise.resolve(1))
  .task('thenable', () => ({ then: (done: (value: string) => void) => done('x') }))
  .task('both', (n: number, s: string) => n + s)
  .dependsOn('deep', 'thenable')
  .build();
same<ReturnType<typeof awaited.result<'both'>>, string>();
