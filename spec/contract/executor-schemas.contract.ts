import { AsyncTaskError, MemoryStore, SchemaError, type StandardSchema, type TaskGraph } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { counted, type ExecutorSubject, Stage, task } from './executor-harness.js';

type Verdict = ReturnType<StandardSchema['~standard']['validate']>;

function schema(validate: (value: unknown) => Verdict): StandardSchema<any, any> {
  return { '~standard': { version: 1, vendor: 'spec', validate } };
}

const numbers = schema((value) => {
  const wrong = (value as unknown[]).findIndex((one) => typeof one !== 'number');
  if (wrong < 0) return { value };
  return { issues: [{ message: 'Expected a number', path: ['rows', { key: wrong }] }, { message: 'and more' }] };
});
/** One that takes text as well, and makes numbers of it. */
const lenient = schema((value) => ({ value: (value as unknown[]).map(Number) }));
/** One that knows these fields, and leaves out all others. */
const only = (...fields: string[]) =>
  schema((value) => ({
    value: Object.fromEntries(Object.entries(value as object).filter(([key]) => fields.includes(key))),
  }));
const keysOf = (user: object) => Object.keys(user);
const later = (one: StandardSchema) => schema(async (value) => one['~standard'].validate(value));

/** What a schema makes of results. */
export function schemaContract(subject: ExecutorSubject): void {
  const kinds: [string, (one: StandardSchema<any, any>) => StandardSchema<any, any>][] = [['at once', (one) => one]];
  if (subject.isAsync) kinds.push(['by a promise', later]);

  describe.each(kinds)('a schema that answers %s', (_, kind) => {
    it('makes the result that dependents get', async () => {
      const stage = new Stage(subject);
      const sum = counted(() => 'done');
      const graph = stage.graph(
        task('rows', () => ['3', 4], { returns: kind(lenient) }),
        task('sum', sum, { dependsOn: ['rows'] }),
      );
      await stage.run(graph);
      expect(graph.result('rows')).toEqual([3, 4]);
      expect(sum.calls).toEqual([[[3, 4]]]);
      expect(stage.records('task:done').map(({ result }) => result)).toEqual([[3, 4], 'done']);
    });

    it('fails the attempt that it does not fit, and says where', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(
        task('rows', () => [3, 'x'], { returns: kind(numbers) }),
        task('sum', () => 1, { dependsOn: ['rows'] }),
      );
      await stage.run(graph);
      const error = graph.failure('rows') as SchemaError;
      expect(error).toBeInstanceOf(SchemaError);
      expect(error).toMatchObject({ code: 'schema', task: 'rows' });
      expect(error.issues).toEqual([
        { message: 'Expected a number', path: ['rows', 1] },
        { message: 'and more', path: [] },
      ]);
      expect(error.message).toBe(
        'Task "rows" returned what does not fit its schema: result.rows[1]: Expected a number; result: and more',
      );
      expect(graph.status('sum')).toBe('skipped');
    });

    it('lets `retry.when` decide, and the next attempt may fit', async () => {
      const stage = new Stage(subject);
      const when = counted((): boolean => true);
      const rows = counted((call) => (call < 3 ? ['x'] : [call]));
      const graph = stage.graph(task('rows', rows, { returns: kind(numbers), retry: { attempts: 3, when } }));
      await stage.run(graph);
      expect(graph.result('rows')).toEqual([3]);
      expect(when.calls.map(([error, attempt]) => [(error as Error).name, attempt])).toEqual([
        ['SchemaError', 1],
        ['SchemaError', 2],
      ]);
    });

    it('fails the attempt with what it throws itself', async () => {
      const stage = new Stage(subject);
      const broken = schema(() => {
        throw new RangeError('no schema at all');
      });
      const graph = stage.graph(task('rows', () => [3], { returns: kind(broken) }));
      await stage.run(graph);
      expect(graph.failure('rows')).toEqual(new RangeError('no schema at all'));
    });

    it('is asked whether a stored result still fits', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const rows = counted(() => [3, 'x']);
      const run = async (returns: StandardSchema | undefined, result = rows): Promise<TaskGraph> => {
        const graph = stage.graph(task('rows', result, { ...(returns && { returns: kind(returns) }) }));
        await stage.run(graph);
        return graph;
      };
      await run(undefined);
      const misfit = await run(numbers);
      expect(rows.calls).toHaveLength(2);
      expect(misfit.status('rows')).toBe('failed');
      await run(undefined);
      const other = await run(
        lenient,
        counted(() => ['5']),
      );
      expect(other.explain('rows')).toBe(
        'ran: what is stored of it does not fit its schema: the schema makes something else of it',
      );
      expect(other.result('rows')).toEqual([5]);
      const kept = await run(lenient);
      expect(kept.outcome('rows')).toEqual({ status: 'done', result: [5], source: 'store' });
      expect(rows.calls).toHaveLength(3);
      // What it was asked about is ['5'].
      expect((await run(numbers)).status('rows')).toBe('failed');
      expect(rows.calls).toHaveLength(4);
    });

    it('makes the result of what the function returned, if that is stored', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const user = counted(() => ({ name: 'Ada', age: 36 }));
      const run = async (...returns: StandardSchema[]): Promise<[unknown, unknown]> => {
        const graph = stage.graph(
          task('user', user, returns.length === 0 ? {} : { returns: kind(returns[0]!) }),
          task('fields', keysOf, { dependsOn: ['user'] }),
        );
        await stage.run(graph);
        return [graph.result('fields'), graph.explain('fields')];
      };
      const KEPT = 'kept: same version and inputs';
      const CHANGED = 'ran: the result of "user" changed';
      expect(await run(only('name'))).toEqual([['name'], 'ran: no stored result']);
      expect(await run(only('name'))).toEqual([['name'], KEPT]);
      expect(await run(only('name', 'age'))).toEqual([['name', 'age'], CHANGED]);
      expect(await run()).toEqual([['name', 'age'], KEPT]);
      expect(await run(only('age'))).toEqual([['age'], CHANGED]);
      expect(user.calls).toHaveLength(1);
    });

    it('has a task run again of which nothing is stored that it could be asked about', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const user = counted(() => ({ name: 'Ada', age: 36 }));
      const run = async (returns: StandardSchema): Promise<TaskGraph> => {
        const graph = stage.graph(
          task('user', user, { transient: true, returns: kind(returns) }),
          task('fields', keysOf, { dependsOn: ['user'] }),
        );
        await stage.run(graph);
        return graph;
      };
      await run(only('name'));
      const same = await run(only('name'));
      expect(same.explain('user')).toBe(
        'ran: what its function returned is not stored, so its schema cannot be asked about it',
      );
      expect(same.explain('fields')).toBe('kept: same version and inputs');
      expect((await run(only('age'))).result('fields')).toEqual(['age']);
      expect(user.calls).toHaveLength(3);
    });

    it('says why a stored result runs again', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      await stage.run(stage.graph(task('rows', () => ['x'])));
      const graph = stage.graph(task('rows', () => [3], { returns: kind(numbers) }));
      await stage.run(graph);
      expect(graph.explain('rows')).toBe(
        'ran: what is stored of it does not fit its schema: result.rows[0]: Expected a number; result: and more',
      );
    });
  });

  if (subject.isAsync) {
    it('a schema that answers by a promise counts for the timeout, and is given up with its attempt', async () => {
      const stage = new Stage(subject, { graceMs: 0 });
      const never = schema(() => new Promise(() => {}));
      const graph = stage.graph(
        task('rows', () => [3], { returns: never, timeoutMs: 50 }),
        task('other', () => [4], { returns: later(lenient), timeoutMs: 1_000_000 }),
      );
      await stage.run(graph);
      expect(String(graph.failure('rows'))).toMatch(/^TaskTimeoutError: /);
      expect(graph.result('other')).toEqual([4]);
    });
  } else {
    it('a schema that answers by a promise is refused', async () => {
      const stage = new Stage(subject);
      const graph = stage.graph(task('rows', () => [3], { returns: later(lenient) }));
      await stage.run(graph);
      expect(graph.failure('rows')).toBeInstanceOf(AsyncTaskError);
      expect(String(graph.failure('rows'))).toBe(
        'AsyncTaskError: Task "rows" has a schema that returns a promise, which SyncExecutor does not wait for. Run this graph with AsyncExecutor.',
      );
    });
  }
}
