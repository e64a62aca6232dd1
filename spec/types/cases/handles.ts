// Statements: each step is a handle, good wherever a name is.
import { type AnyTask, AsyncExecutor, TaskGraphBuilder, type TaskHandle } from 'taskmap-ts';
import { same } from './support.js';

const builder = new TaskGraphBuilder();
const user = builder.task('user', async () => ({ id: 7 })).ioBound();
const greeting = builder.task('greeting', ({ id }: { id: number }) => `Hello ${id}`).dependsOn(user);
const length = builder
  .task('length')
  .dependsOn(greeting, user)
  .after(user)
  .run((text, { id }) => {
    same<[typeof text, typeof id], [string, number]>();
    return text.length as 5;
  });
const graph = builder.build();
same<ReturnType<typeof graph.result<typeof length>>, 5>();
graph.reset(user).resetFailed().markDone(greeting, 'cached').markDoneExcept(length, greeting);
graph.replace(user, async () => ({ id: 8 })).replace(user, () => ({ id: 9 }));
new AsyncExecutor().run(graph, { only: [length, user] });
new AsyncExecutor().runTask(graph, length);
export const named: 'length' = length.name;

// Handles made in a loop, alone and among others, with a name that only run time knows.
const urls: readonly string[] = ['/a', '/b'];
const pages = urls.map((url) => builder.task(url, async () => url.length));
const flag = builder.task('flag', () => true);
const silent = urls.map((url) => builder.task(`${url} silent`, () => {}));
const maybes = urls.map((url) => builder.task(`${url} maybe`, () => (url.length > 1 ? url : undefined)));
const last = builder.task('last', () => 'x');
builder
  .task('all')
  .dependsOn(...pages)
  .run((...given) => same<typeof given, number[]>());
builder
  .task('flag and all')
  .dependsOn(flag, ...pages)
  .run((...given) => same<typeof given, [boolean, ...number[]]>());
builder
  .task('flag, all and last')
  .dependsOn(flag, ...pages, last)
  .run((...given) => same<typeof given, [boolean, ...number[], string]>());
builder
  .task('one list after another')
  .dependsOn(flag)
  .dependsOn(...pages)
  .dependsOn(last)
  .run((...given) => same<typeof given, [boolean, ...number[], string]>());
builder
  .task('nothing comes of them')
  .dependsOn(...silent, flag)
  .run((...given) => same<typeof given, [boolean]>());
builder
  .task('something may come of them')
  .dependsOn(...maybes)
  .run((...given) => same<typeof given, string[]>());
builder.task('checked', (...sizes: number[]) => Math.max(...sizes)).dependsOn(...pages);
builder
  .task('checked behind another', (on: boolean, ...sizes: number[]) => on && sizes.length)
  .dependsOn(flag, ...pages);
builder
  .task('checked in two calls', (on: boolean, ...sizes: number[]) => on && sizes.length)
  .dependsOn(flag)
  .dependsOn(...pages);
builder.task('checked before another', (...given: [...number[], string]) => given.length).dependsOn(...pages, last);

// Lists with a type of their own.
const pair = [flag, last] as const;
builder
  .task('tuple')
  .dependsOn(...pair)
  .run((...given) => same<typeof given, [boolean, string]>());
const mixed = [flag, last];
builder
  .task('mixed')
  .dependsOn(...mixed)
  .run((...given) => same<typeof given, (string | boolean)[]>());
const sizes: TaskHandle<string, any, Promise<number>>[] = [];
for (const url of urls) sizes.push(builder.task(url, async () => url.length));
builder
  .task('typed list')
  .dependsOn(...sizes)
  .run((...given) => same<typeof given, number[]>());
const anyTasks: AnyTask[] = [flag, last, user];
builder
  .task('any list')
  .dependsOn(...anyTasks)
  .run((...given) => same<typeof given, any[]>());

// Names in a list.
const chain = new TaskGraphBuilder().task('a', () => 1).task('s', () => 'x');
const names = ['a', 's'] as const;
chain
  .task('tuple of names')
  .dependsOn(...names)
  .run((...given) => same<typeof given, [number, string]>());
declare const some: ('a' | 's')[];
chain
  .task('list of names')
  .dependsOn(...some)
  .run((...given) => same<typeof given, (string | number)[]>());

// A handle of one statement in the chain of another, and a helper that adds tasks to any builder.
const joined = new TaskGraphBuilder()
  .task('sum')
  .dependsOn(user, last)
  .run(({ id }, text) => `${id} ${text}`)
  .build();
same<ReturnType<typeof joined.result<'sum'>>, string>();
function addPage<Declared extends object>(to: TaskGraphBuilder<Declared>, url: string) {
  return to.task(url, async () => url.length);
}
const added = [addPage(builder, '/c'), addPage(new TaskGraphBuilder<{ other(): number }>(), '/d')] as const;
builder
  .task('added')
  .dependsOn(added[0], added[1])
  .run((...given) => same<typeof given, [number, number]>());

// A builder with tasks of its own.
class Crawl extends TaskGraphBuilder {
  page(url: string) {
    return this.task('page', async () => url);
  }
}
const crawl = new Crawl()
  .page('/')
  .task('size')
  .dependsOn('page')
  .run((text) => text.length)
  .build();
same<ReturnType<typeof crawl.result<'size'>>, number>();

// A builder that knows no name makes a graph that takes any; what its tasks return is unknown.
const fromData = new TaskGraphBuilder().add({ name: 'rows', run: () => [1] }).build();
const rows = fromData.result('rows');
same<typeof rows, unknown>();
