import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  InvalidOptionError,
  MemoryStore,
  RunLog,
  RunLogError,
  type RunLogger,
  readRunLog,
  SyncExecutor,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { EVENT_BITS } from '../../src/executors/emitter.js';
import { FakeClock } from '../support/fake-clock.js';

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-log-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newPath = () => join(folder, `${++files}.ndjson`);
const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const recordsOf = (path: string) => linesOf(path).map((line) => JSON.parse(line) as Record<string, unknown>);

/** What any of the system's calls may say: the disk is full. Only a device that is always full says so when asked. */
const FULL = '/dev/full';

class QuotaError extends Error {
  readonly code = 'quota';
  readonly limit = 3n;
}

// a ─► b* ─► c      (* fails)
const failingGraph = () =>
  new TaskGraphBuilder({ name: 'sums' })
    .task('a', () => 'a secret')
    .task('b')
    .dependsOn('a')
    .run((): number => {
      throw new QuotaError('too many', { cause: new TypeError('the cause') });
    })
    .task('c')
    .dependsOn('b')
    .run(() => 3)
    .build();

describe('a run log', () => {
  it('tells of results that a store kept, and of those that it cannot keep', () => {
    const path = newPath();
    const store = new MemoryStore();
    const graph = () =>
      new TaskGraphBuilder({ name: 'stored' })
        .task('a', () => 1)
        .task('b', () => () => 1)
        .build();
    new SyncExecutor({ store }).run(graph());
    const executor = new SyncExecutor({ store });
    using _ = new RunLog({ path }).listen(executor);
    executor.run(graph());
    const records = recordsOf(path);
    expect(records.find(({ task, event }) => task === 'a' && event === 'task:done')).toMatchObject({
      source: 'store',
      attempt: 0,
    });
    expect(records.find(({ event }) => event === 'store:refused')).toMatchObject({
      level: 40,
      task: 'b',
      err: { type: 'UnstorableError', code: 'unstorable' },
    });
    expect(readRunLog(path)).toMatchObject({
      status: 'finished',
      done: [
        { task: 'a', source: 'store' },
        { task: 'b', source: 'run' },
      ],
    });
  });

  it('tells the plain data of a task in each line about it', () => {
    const path = newPath();
    const graph = new TaskGraphBuilder()
      .task('a', () => 1)
      .meta({ host: 'example.org' })
      .task('b', () => 2)
      .build();
    const executor = new SyncExecutor();
    const log = new RunLog({ path }).listen(executor);
    executor.run(graph);
    log.close();
    const lines = recordsOf(path).map(({ event, task, meta }) => [event, task, meta]);
    expect(lines).toEqual([
      ['run:started', undefined, undefined],
      ['task:ready', 'a', { host: 'example.org' }],
      ['task:ready', 'b', undefined],
      ...['task:started', 'task:done'].map((event) => [event, 'a', { host: 'example.org' }]),
      ...['task:started', 'task:done'].map((event) => [event, 'b', undefined]),
      ['run:finished', undefined, undefined],
    ]);
  });

  it('writes a line for each event, in the shape of pino', () => {
    const path = newPath();
    const executor = new SyncExecutor({ clock: new FakeClock() });
    using _ = new RunLog({ path, name: 'nightly' }).listen(executor);
    executor.run(failingGraph());
    const records = recordsOf(path);
    expect(records.map(({ level, event, task }) => [level, event, task])).toEqual([
      [30, 'run:started', undefined],
      [30, 'task:ready', 'a'],
      [30, 'task:started', 'a'],
      [30, 'task:done', 'a'],
      [30, 'task:ready', 'b'],
      [30, 'task:started', 'b'],
      [50, 'task:failed', 'b'],
      [40, 'task:skipped', 'c'],
      [30, 'run:finished', undefined],
    ]);
    const common = {
      time: 1_000_000,
      pid: process.pid,
      hostname: hostname(),
      name: 'nightly',
      runId: records[0]!['runId'],
    };
    for (const record of records) {
      expect(record).toMatchObject(common);
      expect(typeof record['msg']).toBe('string');
    }
    expect(Object.keys(records[0]!)).toEqual([
      ...['level', 'time', 'pid', 'hostname', 'name', 'runId', 'event'],
      ...['graph', 'taskCount', 'msg'],
    ]);
    expect(records[2]).toMatchObject({ attempt: 1, thread: 'main', ioBound: false, msg: '"a" started' });
    expect(records[8]).toMatchObject({
      graph: 'sums',
      status: 'finished',
      attemptCount: 2,
      counts: { done: 1, failed: 1, skipped: 1 },
    });
  });

  it('writes errors with class, message, stack, code and cause, and no results', () => {
    const path = newPath();
    const executor = new SyncExecutor();
    using _ = new RunLog({ path }).listen(executor);
    executor.run(failingGraph());
    const { err } = recordsOf(path).find(({ event }) => event === 'task:failed')!;
    expect(err).toEqual({
      type: 'QuotaError',
      message: 'too many',
      code: 'quota',
      stack: expect.stringContaining('too many\n    at '),
      cause: { type: 'TypeError', message: 'the cause', stack: expect.stringContaining('the cause\n') },
    });
    expect(readFileSync(path, 'utf8')).not.toContain('a secret');
  });

  it('copes with whatever is thrown', () => {
    const circular = new Error('circular');
    circular.cause = circular;
    const hostile = new Proxy(new Error('never seen'), {
      get() {
        throw new Error('no');
      },
    });
    const thrown = [
      'a text',
      undefined,
      null,
      7n,
      { rows: [] },
      Symbol('s'),
      circular,
      hostile,
      new AggregateError([new Error('one')], 'all'),
    ];
    const path = newPath();
    const executor = new SyncExecutor();
    using _ = new RunLog({ path }).listen(executor);
    for (const one of thrown) {
      const fail = () => {
        throw one;
      };
      executor.run(new TaskGraphBuilder().task('a', fail).build());
    }
    const errors = recordsOf(path).flatMap(({ event, err }) =>
      event === 'task:failed' ? [err as Record<string, unknown>] : [],
    );
    expect(errors.map(({ type, message }) => [type, message])).toEqual([
      ['string', 'a text'],
      ['undefined', 'undefined'],
      ['object', 'null'],
      ['bigint', '7'],
      ['object', '[object Object]'],
      ['symbol', 'Symbol(s)'],
      ['Error', 'circular'],
      ['Error', 'a value that cannot be shown'],
      ['AggregateError', 'all'],
    ]);
    expect(errors.at(-1)).toMatchObject({ aggregateErrors: [{ type: 'Error', message: 'one' }] });
  });

  it('adds to what is in the file, behind a line that was cut off as well', () => {
    const path = newPath();
    writeFileSync(path, '{"level":30,"msg":"cut of');
    const executor = new SyncExecutor();
    for (let round = 0; round < 2; round++) {
      using _ = new RunLog({ path }).listen(executor);
      executor.run(failingGraph());
    }
    const [first, ...others] = linesOf(path);
    expect(first).toBe('{"level":30,"msg":"cut of');
    expect(others).toHaveLength(18);
    for (const line of others) expect(() => JSON.parse(line)).not.toThrow();
  });

  it('has written each line before the run goes on', () => {
    const path = newPath();
    const executor = new SyncExecutor();
    using _ = new RunLog({ path }).listen(executor);
    const seen: number[] = [];
    executor.run(
      new TaskGraphBuilder()
        .task('a', () => seen.push(linesOf(path).length))
        .task('b', () => seen.push(linesOf(path).length))
        .build(),
    );
    expect(seen).toEqual([4, 6]);
  });

  it('writes nothing any more once it is closed, and refuses to listen again', () => {
    const path = newPath();
    const executor = new SyncExecutor();
    const log = new RunLog({ path }).listen(executor);
    log.close();
    log.close();
    executor.run(failingGraph());
    expect(readFileSync(path, 'utf8')).toBe('');
    expect(() => log.listen(executor)).toThrow(RunLogError);
  });
});

describe('the level', () => {
  const EVENTS_BY_LEVEL = [
    [
      'debug',
      ['run:started', 'task:ready', 'task:started', 'task:progress', 'task:done', 'task:failed', 'run:finished'],
    ],
    ['info', ['run:started', 'task:ready', 'task:started', 'task:done', 'task:failed', 'run:finished']],
    ['warn', ['task:failed']],
    ['error', ['task:failed']],
  ] as const;

  it.each(EVENTS_BY_LEVEL)('%s leaves out what matters less', (level, expected) => {
    const path = newPath();
    const executor = new SyncExecutor();
    using _ = new RunLog({ path, level }).listen(executor);
    const builder = new TaskGraphBuilder()
      .task('a')
      .withContext()
      .run(({ progress }) => progress(0.5, 'half'));
    executor.run(
      builder
        .task('b', () => {
          throw new Error('b');
        })
        .build(),
    );
    expect([...new Set(recordsOf(path).map(({ event }) => event))]).toEqual(expected);
  });

  it('listens to nothing that it leaves out, so that nothing is measured for it', () => {
    const executor = new SyncExecutor();
    using _ = new RunLog({ path: newPath(), level: 'error' }).listen(executor);
    expect(executor.listening & (EVENT_BITS['task:started'] | EVENT_BITS['task:done'] | EVENT_BITS['task:ready'])).toBe(
      0,
    );
  });

  it('of a run that was ended early is that of a warning', () => {
    const path = newPath();
    const executor = new SyncExecutor();
    using _ = new RunLog({ path, level: 'warn' }).listen(executor);
    expect(() => executor.run(failingGraph(), { onFailure: 'stop' })).toThrow();
    expect(recordsOf(path).map(({ level, event }) => [level, event])).toEqual([
      [50, 'task:failed'],
      [40, 'task:skipped'],
      [40, 'run:finished'],
    ]);
  });
});

describe('a logger', () => {
  /** A logger that keeps what it is told. */
  function keeper(): RunLogger & {
    readonly told: [method: string, fields: Record<string, unknown>, message: string][];
  } {
    const told: [string, Record<string, unknown>, string][] = [];
    const method = (name: string) => (fields: object, message: string) =>
      void told.push([name, fields as Record<string, unknown>, message]);
    return { told, info: method('info'), warn: method('warn'), error: method('error') };
  }

  it('is called with the fields, then with the message, errors as they were thrown', () => {
    const logger = keeper();
    const executor = new SyncExecutor();
    using _ = new RunLog({ logger, level: 'debug' }).listen(executor);
    executor.run(failingGraph());
    expect(logger.told.map(([method, { event }]) => `${method} ${event}`)).toEqual([
      ...[
        'info run:started',
        'info task:ready',
        'info task:started',
        'info task:done',
        'info task:ready',
        'info task:started',
      ],
      ...['error task:failed', 'warn task:skipped', 'info run:finished'],
    ]);
    const [, fields, message] = logger.told[6]!;
    expect(fields['err']).toBeInstanceOf(QuotaError);
    expect(message).toBe('"b" failed: Error: too many');
  });

  it('hears of progress only if it has a method for it', () => {
    const told: unknown[] = [];
    const graph = new TaskGraphBuilder()
      .task('a')
      .withContext()
      .run(({ progress }) => progress(0.25, 'note'))
      .build();
    const executor = new SyncExecutor();
    using _ = new RunLog({ logger: keeper(), level: 'debug' }).listen(executor);
    using __ = new RunLog({ logger: { ...keeper(), debug: (...args) => told.push(args) }, level: 'debug' }).listen(
      executor,
    );
    executor.run(graph);
    expect(told).toMatchObject([[{ event: 'task:progress', fraction: 0.25, note: 'note' }, '"a" at 25 %']]);
  });

  it('that throws disturbs no run, and is told of once', () => {
    const errors: unknown[] = [];
    const fail = () => {
      throw new Error('no logger today');
    };
    const executor = new SyncExecutor();
    using _ = new RunLog({
      logger: { info: fail, warn: fail, error: fail },
      onError: (error) => errors.push(error),
    }).listen(executor);
    const graph = failingGraph();
    executor.run(graph);
    expect(graph.counts()).toMatchObject({ done: 1, failed: 1, skipped: 1 });
    expect(errors).toEqual([new Error('no logger today')]);
  });
});

describe('a file that cannot be written', () => {
  it('is told of where the log is made', () => {
    expect(() => new RunLog({ path: join(folder, 'no such folder', 'run.ndjson') })).toThrow(
      /^The run log ".*no such folder.*" cannot be written: Error: ENOENT.* Give a file in a folder that exists and that may be written to\.$/,
    );
    expect(() => new RunLog({ path: folder })).toThrow(RunLogError);
  });

  it.runIf(existsSync(FULL))('later, since its disk is full, disturbs no run, and is told of once', () => {
    const errors: unknown[] = [];
    const executor = new SyncExecutor();
    using _ = new RunLog({ path: FULL, onError: (error) => errors.push(error) }).listen(executor);
    const graph = failingGraph();
    executor.run(graph);
    expect(graph.counts()).toMatchObject({ done: 1, failed: 1, skipped: 1 });
    expect(errors.map(String)).toEqual([
      expect.stringMatching(/^RunLogError: The run log "\/dev\/full" cannot be written: Error: ENOSPC/),
    ]);
  });

  it.runIf(existsSync(FULL))('is a warning of the process if nobody wants to be told', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const executor = new SyncExecutor();
    using _ = new RunLog({ path: FULL }).listen(executor);
    executor.run(failingGraph());
    expect(warn.mock.calls).toEqual([[expect.any(RunLogError)]]);
  });
});

it('options that make no sense are refused', () => {
  const path = newPath();
  const logger = { info() {}, warn() {}, error() {} };
  for (const options of [
    {},
    { path, logger },
    { path, level: 'loud' },
    { path: 7 },
    { path, name: 7 },
    { logger: { info() {} } },
    { path, onError: 7 },
  ]) {
    expect(() => new RunLog(options as never)).toThrow(InvalidOptionError);
  }
});

it('lines that others add meanwhile stay whole', () => {
  const path = newPath();
  const executor = new SyncExecutor();
  using _ = new RunLog({ path }).listen(executor);
  executor.on('task:done', () => appendFileSync(path, '{"level":30,"msg":"of another logger"}\n'));
  executor.run(failingGraph());
  expect(recordsOf(path).filter(({ msg }) => msg === 'of another logger')).toHaveLength(1);
  expect(readRunLog(path)).toMatchObject({ badLineCount: 0, status: 'finished' });
});
