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
/** One that leaves out all that it does not know of. */
const only = (...names: readonly string[]) =>
  schema((value) => ({ value: Object.fromEntries(names.map((name) => [name, (value as any)[name]])) }));
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
    });

    it('is asked what it makes of what the function had returned, where another one had made something else of it', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const user = counted(() => ({ id: 7, mail: 'ada@here' }));
      const run = async (returns: StandardSchema | undefined): Promise<TaskGraph> => {
        const graph = stage.graph(task('user', user, { ...(returns && { returns: kind(returns) }) }));
        await stage.run(graph);
        return graph;
      };
      expect((await run(only('id'))).result('user')).toEqual({ id: 7 });
      expect((await run(only('id'))).explain('user')).toBe('kept: same version and inputs');
      const more = await run(only('id', 'mail'));
      expect(more.result('user')).toEqual({ id: 7, mail: 'ada@here' });
      expect(more.explain('user')).toMatch(/: the schema makes something else of it$/);
      await run(only('mail'));
      const none = await run(undefined);
      expect(none.result('user')).toEqual({ id: 7, mail: 'ada@here' });
      expect(none.explain('user')).toBe(
        'ran: its schema had made something else of what it returned, and it has none any more',
      );
      expect(user.calls).toHaveLength(4);
    });

    it('spares no run where it had made something of what cannot be stored, but for a version that says what', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const user = counted(() => ({ id: 7, since: () => 2020 }));
      const run = async (version?: string): Promise<TaskGraph> => {
        // On the main thread, since nothing of it can be sent either.
        const options = { returns: kind(only('id')), onMainThread: true, ...(version && { version }) };
        const graph = stage.graph(task('user', user, options));
        await stage.run(graph);
        return graph;
      };
      await run();
      expect((await run()).explain('user')).toBe(
        'ran: its schema had made something else of what it returned, and what its function returned could not be stored',
      );
      await run('1');
      expect((await run('1')).explain('user')).toBe('kept: same version and inputs');
    });

    it('spares no run of a task whose result is not stored', async () => {
      const stage = new Stage(subject, { store: new MemoryStore({ detect: 'version' }) });
      const user = counted(() => ({ id: 7, mail: 'ada@here' }));
      const run = async (returns: StandardSchema): Promise<TaskGraph> => {
        const graph = stage.graph(
          task('user', user, { returns: kind(returns), transient: true }),
          task('text', (one: object) => JSON.stringify(one), { dependsOn: ['user'] }),
        );
        await stage.run(graph);
        return graph;
      };
      await run(only('id'));
      const more = await run(only('id', 'mail'));
      expect(more.result('text')).toBe('{"id":7,"mail":"ada@here"}');
      expect(more.explain('user')).toBe('ran: its result is not stored, to be held against its schema');
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
