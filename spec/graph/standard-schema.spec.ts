import {
  AsyncExecutor,
  InvalidGraphError,
  InvalidOptionError,
  MemoryStore,
  ParallelExecutor,
  SchemaError,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isSchema } from '../../src/graph/standard-schema.js';
import { graphOf, made } from '../executors/thread-harness.js';

const json = (text: string): unknown => JSON.parse(text);

describe('.returns() with zod', () => {
  const user = z.object({ id: z.number(), name: z.string().trim().default('nobody') });

  it('makes the result what the schema makes of it, and types it so', () => {
    const graph = new TaskGraphBuilder()
      .task('user', () => json('{ "id": 7, "more": 1 }'))
      .returns(user)
      .task('name')
      .dependsOn('user')
      .run(({ id, name }) => `${name} ${id.toFixed(1)}`)
      .build();
    new SyncExecutor().run(graph);
    expect(graph.result('user')).toEqual({ id: 7, name: 'nobody' });
    expect(graph.result('name')).toBe('nobody 7.0');
  });

  it('names what does not fit by its path', () => {
    const graph = new TaskGraphBuilder()
      .task('users', () => json('[{ "id": 7 }, { "id": "8" }]'))
      .returns(z.array(user))
      .build();
    new SyncExecutor().run(graph);
    const error = graph.failure('users') as SchemaError;
    expect(error).toBeInstanceOf(SchemaError);
    expect(error.issues.map(({ path }) => path)).toEqual([[1, 'id']]);
    expect(error.message).toMatch(
      /^Task "users" returned what does not fit its schema: result\[1\]\.id: Invalid input/,
    );
  });

  it('waits for a schema that asks somebody', async () => {
    const known = user.refine(async ({ id }) => id === 7, 'not known');
    const graph = new TaskGraphBuilder()
      .task('known', async () => ({ id: 7, name: ' me ' }))
      .returns(known)
      .task('unknown', () => ({ id: 8 }))
      .returns(known)
      .build();
    await new AsyncExecutor().run(graph);
    expect(graph.result('known')).toEqual({ id: 7, name: 'me' });
    expect(String(graph.failure('unknown'))).toContain('result: not known');
  });
});

describe('.returns() with valibot', () => {
  const point = v.pipe(v.object({ x: v.number(), y: v.optional(v.number(), 0) }));

  it('makes the result what the schema makes of it, and names what does not fit by its path', () => {
    const graph = new TaskGraphBuilder()
      .task('point', () => json('{ "x": 1 }'))
      .returns(point)
      .task('sum')
      .dependsOn('point')
      .run(({ x, y }) => x + y)
      .task('points', () => json('{ "all": [{ "x": 1 }, { "x": "2" }] }'))
      .returns(v.object({ all: v.array(point) }))
      .build();
    new SyncExecutor().run(graph);
    expect(graph.result('sum')).toBe(1);
    const error = graph.failure('points') as SchemaError;
    expect(error.issues.map(({ path }) => path)).toEqual([['all', 1, 'x']]);
    expect(error.message).toContain('result.all[1].x: Invalid type');
  });
});

describe('.returns()', () => {
  it('takes schemas that are functions', () => {
    const schema = Object.assign(() => 1, {
      '~standard': { version: 1 as const, vendor: 'spec', validate: (value: unknown) => ({ value }) },
    });
    expect(isSchema(schema)).toBe(true);
  });

  it.each([null, {}, () => 1, { '~standard': {} }, { '~standard': { version: 2, validate() {} } }])(
    'refuses %o, which is no schema',
    (schema) => {
      const message = 'Expected `returns` of task "a" to be a Standard Schema, such as those of zod and valibot';
      expect(() => new TaskGraphBuilder().task('a', () => 1).returns(schema as never)).toThrow(message);
      expect(() => new TaskGraphBuilder().task('a', () => 1).returns(schema as never)).toThrow(InvalidOptionError);
      const spec = { name: 'a', run: () => 1, returns: schema as never };
      expect(() => new TaskGraphBuilder().add(spec).build()).toThrow(InvalidGraphError);
    },
  );

  it('is held against results of threads, whose other tasks get what the schema makes of them', async () => {
    const executor = new ParallelExecutor({ workers: 1 });
    const returns = z.array(z.coerce.number());
    const graph = graphOf(
      { name: 'rows', run: made("() => ['3', '4']"), returns },
      { name: 'sum', run: made('(rows) => rows[0] + rows[1]'), dependsOn: ['rows'] },
      { name: 'twice', run: made('(sum) => sum * 2'), dependsOn: ['sum'] },
      { name: 'bad', run: made("() => [['x']]"), returns },
    );
    // The second time it is known how long they take, and what is short is sent ahead.
    for (let round = 0; round < 2; round++) {
      await executor.run(graph.resetAll());
      expect(graph.result('sum')).toBe(7);
      expect(graph.result('twice')).toBe(14);
      expect(graph.failure('bad')).toBeInstanceOf(SchemaError);
    }
    await executor.close();
  });

  it('is held against large results of threads as well, and what the schema makes of them is stored', async () => {
    const store = new MemoryStore();
    const executor = new ParallelExecutor({ workers: 2, store });
    const graph = () =>
      new TaskGraphBuilder<any>({ name: 'large' })
        .add(
          {
            name: 'rows',
            run: made('() => Array.from({ length: 100_000 }, (_, index) => ({ id: index, more: index }))'),
            returns: z.array(z.object({ id: z.number() })),
          },
          { name: 'keys', run: made('(rows) => Object.keys(rows[7])'), dependsOn: ['rows'] },
        )
        .build() as TaskGraph;
    const first = graph();
    await executor.run(first);
    expect(first.result('keys')).toEqual(['id']);
    const second = graph();
    expect((await executor.run(second)).attemptCount).toBe(0);
    expect((second.result('rows') as unknown[])[7]).toEqual({ id: 7 });
    await executor.close();
  });
});
