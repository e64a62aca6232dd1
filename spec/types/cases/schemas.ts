// What a schema makes of a result, and what does not fit.
import { type StandardSchema, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { same } from './support.js';

declare const user: StandardSchema<{ id: number; name?: string }, { id: number; name: string }>;
declare const text: StandardSchema<unknown, string>;
declare const size: StandardSchema<string, number>;

const graph = new TaskGraphBuilder()
  .task('user', () => ({ id: 1 }))
  .returns(user)
  .retry(2)
  .task('text', async (): Promise<unknown> => 'x')
  .returns(text)
  .task('unknown', () => JSON.parse('1') as unknown)
  .returns(user)
  .task('any', () => JSON.parse('1'))
  .returns(user)
  .task('size', (s: string) => s)
  .returns(size)
  .dependsOn('text')
  .task('inferred')
  .dependsOn('user', 'text', 'size')
  .run((one, two, three) => {
    same<[typeof one, typeof two, typeof three], [{ id: number; name: string }, string, number]>();
    return one;
  })
  .build();
same<ReturnType<typeof graph.result<'user'>>, { id: number; name: string }>();
same<ReturnType<typeof graph.result<'text'>>, string>();
same<ReturnType<typeof graph.result<'size'>>, number>();

const sync = new TaskGraphBuilder().task('user', () => ({ id: 1 })).returns(user);
new SyncExecutor().run(sync.build());
// @ts-expect-error an async function stays one
new SyncExecutor().run(graph);

const builder = new TaskGraphBuilder();
// @ts-expect-error the schema takes something else
builder.task('a', () => ({ id: 'x' })).returns(user);
// @ts-expect-error nothing is nothing
builder.task('b', () => {}).returns(user);
// @ts-expect-error the dependent takes something else than the schema gives
sync.task('c', (name: number) => name).dependsOn('user');
// @ts-expect-error no schema
builder.task('d', () => 1).returns({});
// @ts-expect-error a schema before there is a function
builder.task('e').returns(text);

const declared = new TaskGraphBuilder<{ size: () => number }>();
declared.task('size', () => JSON.parse('"x"')).returns(size);
// @ts-expect-error the declaration says something else than the schema
declared.task('size', () => JSON.parse('"x"')).returns(text);
