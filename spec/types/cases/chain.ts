// One chain: what a task is given, in both forms, and what the graph says of it.
import {
  type FileResult,
  SyncExecutor,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  type TasksIn,
} from 'taskmap-ts';
import { same } from './support.js';

const load = async (): Promise<number> => 1;
const show = (n: number): string => String(n);
const pair = (n: number, s: string) => ({ n, s });
const identity = <T>(x: T): T => x;

// Both forms in one chain, options at any place of it.
const graph = new TaskGraphBuilder({ name: 'both forms' })
  .task('loaded', load)
  .ioBound()
  .retry(3)
  .task('large')
  .dependsOn('loaded')
  .run((loaded) => {
    same<typeof loaded, number>();
    return loaded > 1;
  })
  .task('shown', show)
  .dependsOn('loaded')
  .after('large')
  .task('pair', pair)
  .timeout(10)
  .dependsOn('loaded', 'shown')
  .version('2')
  .task('alone')
  .priority(1)
  .run(() => 'alone')
  .task('object')
  .run(() => ({ text: 'x', list: [1, 2] as const }))
  .build();
same<
  typeof graph,
  TaskGraph<{
    loaded: () => Promise<number>;
    large: (loaded: number) => boolean;
    shown: (n: number) => string;
    pair: (n: number, s: string) => { n: number; s: string };
    alone: () => string;
    object: () => { text: string; list: readonly [1, 2] };
  }>
>();
same<ReturnType<typeof graph.result<'pair'>>, { n: number; s: string }>();
same<(typeof graph.results)['loaded'], number | undefined>();

const base = new TaskGraphBuilder()
  .task('a', () => 1)
  .task('s', async () => 'x')
  .task('nothing', () => {})
  .task('maybe', () => 1 as number | undefined)
  .task('perhaps', async (): Promise<string | void> => {})
  .task('none', () => null)
  .task('whatever', () => JSON.parse('1'))
  .task('unknown', () => 1 as unknown)
  .task('broken', () => {
    throw new Error('always');
  });

// dependsOn may be called more than once, in both forms.
const split = base
  .task('inferred')
  .dependsOn('a')
  .dependsOn('s')
  .run((n, s) => {
    same<[typeof n, typeof s], [number, string]>();
  })
  .task('checked', pair)
  .dependsOn('a')
  .dependsOn('s')
  .task('more than it takes', show)
  .dependsOn('a', 's')
  .build();
same<ReturnType<typeof split.result<'checked'>>, { n: number; s: string }>();

// A result that is always undefined vanishes, null does not.
base.task('z', pair).dependsOn('a', 'nothing', 's');
base
  .task('z')
  .dependsOn('nothing', 'a', 'nothing', 'none')
  .run((...given) => same<typeof given, [number, null]>());

// One that is sometimes undefined is optional in last place; elsewhere what follows may move up.
base
  .task('z')
  .dependsOn('maybe')
  .run((...given) => same<typeof given, [number | undefined]>());
base
  .task('z')
  .dependsOn('a', 'perhaps')
  .run((...given) => same<typeof given, [number, string | undefined]>());
base
  .task('z')
  .dependsOn('maybe', 's')
  .run((...given) => same<typeof given, [string] | [number, string]>());
base.task('z', (s?: string) => s).dependsOn('perhaps');
base.task('z', (...given: [string] | [number, string]) => given.length).dependsOn('maybe', 's');

// any and unknown count as one argument, and so does never: nobody is called with the result of a function that always throws.
base
  .task('z')
  .dependsOn('whatever', 'unknown', 'broken', 'a')
  .run((...given) => same<typeof given, [any, unknown, never, number]>());
base.task('z', (text: string, n: number) => text.repeat(n)).dependsOn('broken', 'a');

// Values go along in the order of the calls, typed as results are.
const scaled = (path: string, width: number, raw: number) => `${path} ${width} ${raw}`;
const given = base
  .task('checked')
  .with('a.jpg', 320)
  .dependsOn('a')
  .run((...all) => {
    same<typeof all, [string, number, number]>();
    return all;
  })
  .task('all at once', scaled)
  .with('a.jpg', 320, 1)
  .task('in front', scaled)
  .with('a.jpg', 320)
  .dependsOn('a')
  .task('between', (s: string, list: readonly number[], n: number) => s.length + list.length + n)
  .dependsOn('s')
  .with([1, 2])
  .dependsOn('a')
  .task('behind the context', ({ attempt }: TaskContext, path: string) => [attempt, path])
  .withContext()
  .with('a.jpg')
  .build();
same<ReturnType<typeof given.result<'in front'>>, string>();
same<ReturnType<typeof given.result<'checked'>>, [string, number, number]>();
base
  .task('z')
  .with(undefined, { width: 1 }, 'x' as string | undefined)
  .run((...all) => same<typeof all, [{ width: number }, string | undefined]>());

// A generic function keeps its type where it is inferred; where it is checked, its result is what it says of an unknown type.
const generic = base.task('kept').dependsOn('a').run(identity).task('lost', identity).dependsOn('a').build();
same<ReturnType<typeof generic.result<'kept'>>, number>();
same<ReturnType<typeof generic.result<'lost'>>, unknown>();

// Many results that may be undefined.
const m = () => 1 as number | undefined;
const wide = new TaskGraphBuilder()
  .tasks({ a: m, b: m, c: m, d: m, e: m, f: m, g: m, h: m, i: m, j: m }, {})
  .task('sum')
  .dependsOn('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j')
  .run((...given) => given.length)
  .build();
same<TasksIn<typeof wide>['a'], () => number | undefined>();

// Files are results of a type of their own, on the builder and on the chain.
const filed = new TaskGraphBuilder()
  .file('orders', 'orders.csv')
  .files('docs', ['docs/**/*.md'], { ignore: 'docs/old/**' })
  .task('lengths')
  .dependsOn('orders', 'docs')
  .run((orders, docs) => {
    same<typeof orders, FileResult>();
    same<typeof docs, readonly FileResult[]>();
    return docs.map(({ path }) => path.length + orders.path.length);
  })
  .file('last', new URL('file:///last.csv'))
  .build();
same<ReturnType<typeof filed.result<'last'>>, FileResult>();
new SyncExecutor().run(filed);
// @ts-expect-error: the name is taken.
new TaskGraphBuilder().file('a', 'a.csv').files('a', '*.csv');
new TaskGraphBuilder()
  .file('a', 'a.csv')
  .task('text', (text: string) => text)
  // @ts-expect-error: a file is no text.
  .dependsOn('a');
// @ts-expect-error: it is declared as something else.
new TaskGraphBuilder<{ a(): string }>().file('a', 'a.csv');
new TaskGraphBuilder().add({ name: 'a', file: 'a.csv' }, { name: 'b', files: '*.csv', dot: true });
// @ts-expect-error: patterns are texts.
new TaskGraphBuilder().add({ name: 'b', files: 7 });
