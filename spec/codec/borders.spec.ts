import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  FileStore,
  MemoryStore,
  type OutcomeStore,
  ParallelExecutor,
  type TaskGraph,
  TaskGraphBuilder,
  taskModule,
  UncarriableError,
  UnsendableError,
  type UnstorableError,
} from 'taskmap-ts';
import { decodeValue, encodeValue } from 'taskmap-ts/codec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CarriedValues } from '../../src/bullmq/carried-values.js';
import { pack, unpack } from '../../src/codec/crossing.js';
import {
  type Answer,
  BORDER_KEYS,
  BORDER_ROWS,
  expectedOf,
  portraitOf,
  rowOf,
  valueFor,
} from '../support/border-values.js';

it('the table of the documentation says what is checked here', () => {
  const page = readFileSync(new URL('../../docs/workers.md', import.meta.url), 'utf8');
  const [, table = ''] =
    /\| value \| between threads \| in stores, on queues \|\n\| --- .*\n((\|.*\n)+)/.exec(page) ?? [];
  const rows = BORDER_ROWS.map(
    ({ kind, thread, bytes }) => `| ${kind} | ${worded(thread)} |${bytes === undefined ? '' : ` ${worded(bytes)}`} |\n`,
  );
  expect(table).toBe(rows.join(''));
  expect(rows.length).toBeGreaterThanOrEqual(30);
});

describe('a value as bytes', () => {
  it.each(BORDER_KEYS)('%s', (key) => {
    expectAnswer(key, 'bytes', () => decodeValue(encodeValue(valueFor(key))));
  });
});

describe('a value in the form for threads', () => {
  it.each(BORDER_KEYS)('%s', (key) => {
    expectAnswer(key, 'thread', () => {
      const value = valueFor(key);
      const packed = pack(value);
      return packed === undefined ? structuredClone(value) : unpack(structuredClone(packed));
    });
  });
});

describe('a value on a queue', () => {
  const values = new CarriedValues({});

  it.each(BORDER_KEYS)('%s', (key) => {
    expectAnswer(key, 'bytes', () =>
      values.take(JSON.parse(JSON.stringify(values.carry(valueFor(key), 'result', 'key')))),
    );
  });
});

// key ─► result* ─► portrait of the result*         * on the thread
//     └► argument ─► portrait of the argument*
describe('a value on threads', () => {
  const work = taskModule<typeof import('../support/border-values.js')>(
    new URL('../support/border-values.ts', import.meta.url),
  );
  let graph: TaskGraph;

  beforeAll(async () => {
    const builder = new TaskGraphBuilder<any>({ name: 'borders' });
    for (const key of BORDER_KEYS) {
      builder.add(
        { name: `key of ${key}`, run: () => key, onMainThread: true },
        { name: `result of ${key}`, run: work.valueFor, dependsOn: [`key of ${key}`] },
        { name: `argument of ${key}`, run: () => valueFor(key), onMainThread: true },
      );
      for (const of of ['result', 'argument'])
        builder.add({
          name: `portrait of the ${of} of ${key}`,
          run: work.portraitOf,
          dependsOn: [`key of ${key}`, `${of} of ${key}`],
        });
    }
    graph = builder.build() as TaskGraph;
    await using executor = new ParallelExecutor({ workers: 1 });
    await executor.run(graph);
  });

  it.each(BORDER_KEYS)('is on the main thread what it is for a dependent on its own thread: %s', (key) => {
    expectAnswer(key, 'thread', () => given(`result of ${key}`));
    const right = [expectedOf(key, 'thread')];
    if (rowOf(key).mayStay) right.push(portraitOf(key, valueFor(key)));
    if (typeof right[0] === 'string') expect(right).toContain(graph.result(`portrait of the result of ${key}`));
  });

  it.each(BORDER_KEYS)('is the same as an argument: %s', (key) => {
    const expected = expectedOf(key, 'thread');
    const portrait = () => given(`portrait of the argument of ${key}`);
    if (typeof expected === 'string') expect(portrait()).toBe(expected);
    else expect(portrait).toThrow(UnsendableError);
  });

  function given(task: string): unknown {
    const outcome = graph.outcome(task);
    if (outcome?.status === 'failed') throw outcome.error;
    return graph.result(task);
  }
});

describe('a value in a store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskmap-borders-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'values.taskmap');

  it.each<[string, () => OutcomeStore]>([
    ['FileStore', () => new FileStore(file)],
    ['MemoryStore', constant(new MemoryStore())],
  ])('is the next time what it was, or is told as refused: %s', async (_, open) => {
    for (const run of [1, 2]) {
      const builder = new TaskGraphBuilder<any>({ name: 'borders' });
      builder.add(...BORDER_KEYS.map((key) => ({ name: key, run: () => valueFor(key) })));
      const graph = builder.build() as TaskGraph;
      const refused = new Map<string, UnstorableError>();
      const store = open();
      await using executor = new AsyncExecutor({ store });
      executor.on('store:refused', ({ task, error }) => refused.set(task, error as UnstorableError));
      await executor.run(graph);
      for (const key of BORDER_KEYS) {
        const expected = expectedOf(key, 'bytes');
        expect(refused.has(key)).toBe(typeof expected !== 'string');
        if (typeof expected !== 'string') continue;
        const { source, result } = graph.outcome(key) as { source: string; result: unknown };
        expect([key, source]).toEqual([key, run === 1 ? 'run' : 'store']);
        if (run === 2) expect(portraitOf(key, result)).toBe(expected);
      }
      if (store instanceof FileStore) await store.close();
    }
  });
});

/** What crosses, or what is said of what does not. */
function expectAnswer(key: string, border: 'thread' | 'bytes', cross: () => unknown): void {
  const expected = expectedOf(key, border);
  if (typeof expected === 'string') expect(portraitOf(key, cross())).toBe(expected);
  else expect(partRefusedBy(cross)).toMatch(expected);
}

function partRefusedBy(cross: () => unknown): string {
  try {
    cross();
  } catch (error) {
    if (error instanceof UncarriableError) return error.part;
    if (error instanceof UnsendableError) return error.message.replace(/^.* cannot be sent: (.*)\. Return .*$/, '$1');
    throw error;
  }
  return 'nothing was refused';
}

function constant<T>(value: T): () => T {
  return () => value;
}

function worded(answer: Answer): string {
  return answer === 'equal' ? 'equal' : 'refused' in answer ? 'refused' : answer.as;
}
