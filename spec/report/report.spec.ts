import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  AsyncExecutor,
  InvalidOptionError,
  MemoryStore,
  ReportError,
  type ReportOptions,
  reportHTML,
  SyncExecutor,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  Timeline,
  writeReport,
} from 'taskmap-ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Timed, type TimedSpec, timelineOf as timelineOfTimed } from '../observe/timed.js';
import { Gate } from '../support/gate.js';
import { HOSTILE_NAMES, propertyOptions } from '../support/random-graph.js';
import { type CheckedElement, checkedElements, requestsIn, taskRows } from './html-check.js';

//   load 20 ─► parse 60, whose first attempt fails ─► page 10
//      ├─────► style 5 ──────────────────────────────────┘
//      └─────► spell 5, which fails ─► print
const SITE: readonly TimedSpec[] = [
  { name: 'load', takesMs: 20 },
  { name: 'parse', takesMs: 30, failures: 1, retry: { attempts: 2, delayMs: 10 }, dependsOn: ['load'] },
  { name: 'style', takesMs: 5, dependsOn: ['load'] },
  { name: 'spell', takesMs: 5, failures: 9, dependsOn: ['load'] },
  { name: 'page', takesMs: 10, dependsOn: ['parse', 'style'] },
  { name: 'print', takesMs: 1, dependsOn: ['spell'] },
];

const siteTimeline = (): Promise<Timeline> => timelineOfTimed(SITE);

function timelineOf(graph: TaskGraph, executor: SyncExecutor = new SyncExecutor()): Timeline {
  const timeline = new Timeline().listen(executor);
  executor.run(graph);
  return timeline;
}

/** A report that has stood the strict check. */
function read(options: ReportOptions): CheckedElement[] {
  const elements = checkedElements(reportHTML(options));
  expect(requestsIn(elements)).toEqual([]);
  return elements;
}

function rowOf(elements: readonly CheckedElement[], name: string): Record<string, string> {
  const row = taskRows(elements).find((one) => one.get('Task') === name);
  return Object.fromEntries(row ?? []);
}

function sectionText(elements: readonly CheckedElement[], id: string): string | undefined {
  return elements.find(({ tag, attributes }) => tag === 'section' && attributes.get('id') === id)?.text;
}

const throwing = (thrown: unknown) => (): never => {
  throw thrown;
};

describe('a report', () => {
  it('tells the run in numbers', async () => {
    const elements = read({ timeline: await siteTimeline() });
    const tiles = elements
      .filter(({ tag, attributes }) => tag === 'dt' || attributes.get('class') === 'number')
      .map(({ text }) => text);
    expect(tiles).toEqual([
      ...['Duration', '100 ms', 'Efficiency', '100 %', 'Lower bound', '100 ms', 'Critical path', '100 ms'],
      ...['Work', '100 ms', 'Attempts', '6'],
    ]);
    const counts = elements.find(({ attributes }) => attributes.get('class') === 'counts')!;
    const chips = elements
      .filter(({ tag, inside }) => tag === 'span' && inside.includes(counts))
      .map(({ text }) => text);
    expect(chips).toEqual(['1 failed', '1 skipped', '4 done']);
    expect(elements.find(({ tag }) => tag === 'h1')!.text).toBe('timed finished, 1 failed');
    expect(elements.find(({ tag }) => tag === 'time')!.text).toBe('1970-01-01, 00:16:40 UTC');
  });

  it('shows the plain data of tasks beside their names, as text', () => {
    const executor = new SyncExecutor();
    const timeline = new Timeline().listen(executor);
    executor.run(
      new TaskGraphBuilder()
        .task('page', () => 1)
        .meta({ host: '<b>' })
        .task('rest', () => 2)
        .build(),
    );
    const html = reportHTML({ timeline });
    expect(html).toContain('<bdi>page</bdi> <small class="quiet">{"host":"&lt;b&gt;"}</small></th>');
    expect(html).toContain('<bdi>rest</bdi></th>');
  });

  it('has a row for each task: status, attempts, thread, times, what it waited for, and what came of it', async () => {
    const rows = taskRows(read({ timeline: await siteTimeline() }));
    expect(rows.map((row) => [...row.values()])).toEqual([
      ['load', 'done', '1', 'main', '0.0 ms', '0.0 ms', '20 ms', '', '"load"'],
      ['parse', 'done', '2', 'main', '20 ms', '0.0 ms', '60 ms', 'load', '"parse" more'],
      ['style', 'done', '1', 'main', '20 ms', '0.0 ms', '5.0 ms', 'load', '"style"'],
      ['spell', 'failed', '1', 'main', '20 ms', '0.0 ms', '5.0 ms', 'load', 'Error: call 1 fails more'],
      ['page', 'done', '1', 'main', '90 ms', '0.0 ms', '10 ms', 'parse, style', '"page"'],
      ['print', 'skipped', '', '', '', '', '', 'spell', 'spell failed'],
    ]);
  });

  it('tells the critical path with its times, and how busy threads were', async () => {
    const elements = read({ timeline: await siteTimeline() });
    const [path, threads] = elements.filter(
      ({ tag, attributes }) => tag === 'table' && attributes.get('class') === 'small',
    );
    const cells = (table: CheckedElement) =>
      elements
        .filter(
          ({ tag, inside }) => tag === 'tr' && inside.includes(table) && inside.some((one) => one.tag === 'tbody'),
        )
        .map((row) =>
          elements
            .filter(({ tag, inside }) => ['th', 'td'].includes(tag) && inside.at(-1) === row)
            .map(({ text }) => text),
        );
    expect(cells(path!)).toEqual([
      ['load', '20 ms', '20 %', 'main', ''],
      ['parse', '70 ms', '70 %', 'main', ''],
      ['page', '10 ms', '10 %', 'main', ''],
    ]);
    expect(cells(threads!)).toEqual([['main', '90 ms', '90 %', '6', '']]);
  });

  it('tells of each failure its class, message, stack and causes, folded away', () => {
    class PriceError extends RangeError {}
    const root = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
    const error = new PriceError('no price of tea\nnor of ink', { cause: new TypeError('no rows', { cause: root }) });
    const graph = new TaskGraphBuilder()
      .task('bills', throwing(error))
      .task('all', throwing(new AggregateError([new SyntaxError('one'), 'two'], 'both')))
      .build();
    const elements = read({ timeline: timelineOf(graph) });
    const failures = elements.filter(({ tag }) => tag === 'details');
    expect(failures.map(({ attributes }) => [attributes.get('id'), attributes.has('open')])).toEqual([
      ['f0', false],
      ['f1', false],
    ]);
    const [bills, all] = failures.map(({ text }) => text);
    expect(bills).toContain('failed bills PriceError: no price of tea… 1 attempt');
    expect(bills).toContain('PriceError: no price of tea\nnor of ink');
    expect(bills).toMatch(/at .*report\.spec\.ts/);
    expect(bills).toContain('caused byTypeError: no rows');
    expect(bills).toContain('caused byError: connection refused (code ECONNREFUSED)');
    expect(all).toContain('AggregateError: both');
    expect(all).toContain('SyntaxError: onethrown: "two"');
    expect(rowOf(elements, 'bills')['Result or error']).toBe('PriceError: no price of tea… more');
  });

  it('tells of each attempt why it failed, the last one first; also of a task that was done in the end', async () => {
    const elements = read({ timeline: await siteTimeline() });
    const failures = sectionText(elements, 'failures')!;
    expect(failures).toContain('What failed (1)');
    expect(failures).toContain('Failed at first, and tried again');
    expect(failures).toContain('done parse Error: call 1 fails 2 attempts');
    let calls = 0;
    const graph = new TaskGraphBuilder()
      .task('flaky', () => {
        calls++;
        throw new Error(`call ${calls}`);
      })
      .retry(3)
      .build();
    const again = read({ timeline: timelineOf(graph) });
    const summaries = again.filter(({ tag }) => tag === 'summary').map(({ text }) => text.replace(/ \(.*/, ''));
    expect(summaries).toEqual([
      'failed flaky Error: call 3 3 attempts',
      'Attempt 3: failed',
      'Attempt 2: failed, another one followed',
      'Attempt 1: failed, another one followed',
    ]);
  });

  it('has no section of failures if there are none, and says what is skipped because of what', () => {
    expect(
      sectionText(read({ timeline: timelineOf(new TaskGraphBuilder().task('a', () => 1).build()) }), 'failures'),
    ).toBeUndefined();
    const graph = new TaskGraphBuilder()
      .task('a', throwing(new Error('no')))
      .task('b', () => 1)
      .after('a')
      .task('c', () => 1)
      .after('b')
      .build();
    expect(rowOf(read({ timeline: timelineOf(graph) }), 'c')).toMatchObject({
      Status: 'skipped',
      'Waited for': 'b',
      'Result or error': 'a failed',
    });
  });

  it('tells where results come from that were there before', async () => {
    const store = new MemoryStore();
    const build = () =>
      new TaskGraphBuilder({ name: 'kept' })
        .task('a', () => 'kept')
        .task('b', () => 2)
        .task('c', (a: string) => a)
        .dependsOn('a')
        .build();
    new SyncExecutor({ store }).run(build().reset('b') as TaskGraph, { only: ['a'] });
    const graph = build();
    graph.markDone('b', 3);
    const elements = read({ timeline: timelineOf(graph, new SyncExecutor({ store })) });
    expect(rowOf(elements, 'a')).toMatchObject({
      Status: 'kept from a store',
      Attempts: '',
      'Result or error': '"kept"',
    });
    expect(rowOf(elements, 'b')).toMatchObject({ Status: 'kept given', 'Result or error': '3' });
    expect(rowOf(elements, 'c')).toMatchObject({ Status: 'done', 'Result or error': '"kept"' });
  });

  it('tells what was interrupted, and that the run was aborted', async () => {
    const gate = new Gate();
    const controller = new AbortController();
    const graph = new TaskGraphBuilder()
      .task('waits', ({ signal }: TaskContext) => {
        void gate.pass();
        return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      })
      .withContext()
      .task('after', () => 1)
      .after('waits')
      .build() as TaskGraph;
    const executor = new AsyncExecutor();
    const timeline = new Timeline().listen(executor);
    const run = executor.run(graph, { signal: controller.signal });
    await gate.started;
    controller.abort(new Error('enough'));
    await run.catch(() => {});
    const elements = read({ timeline });
    expect(elements.find(({ tag }) => tag === 'h1')!.text).toBe('graph aborted');
    expect(rowOf(elements, 'waits')).toMatchObject({ Status: 'interrupted', Attempts: '1' });
    expect(rowOf(elements, 'waits')['Result or error']).toContain('enough');
    expect(rowOf(elements, 'after')).toMatchObject({ Status: 'pending', Attempts: '' });
  });

  it('can be made of a run that is under way', async () => {
    const gate = new Gate();
    const graph = new TaskGraphBuilder()
      .task('first', () => 1)
      .task('second', gate.pass)
      .after('first')
      .task('third', () => 3)
      .after('second')
      .build();
    const executor = new AsyncExecutor();
    const timeline = new Timeline().listen(executor);
    const run = executor.run(graph);
    await gate.started;
    const elements = read({ timeline });
    expect(elements.find(({ tag }) => tag === 'h1')!.text).toBe('graph under way');
    expect(elements.filter(({ attributes }) => attributes.get('class') === 'note')).toHaveLength(1);
    expect(taskRows(elements).map((row) => row.get('Status'))).toEqual(['done', 'running', 'pending']);
    gate.open();
    await run;
    expect(taskRows(read({ timeline })).map((row) => row.get('Status'))).toEqual(['done', 'done', 'done']);
  });

  it('of a run that others followed leaves out what they replaced, and says so', () => {
    let broken = true;
    const graph = new TaskGraphBuilder({ name: 'again' })
      .task('steady', () => 'same')
      .task('flaky', () => {
        if (broken) throw new Error('at first');
        return 'in the end';
      })
      .task('last', () => 'last')
      .after('flaky')
      .build();
    const executor = new SyncExecutor();
    const timeline = new Timeline().listen(executor);
    executor.run(graph);
    broken = false;
    executor.run(graph.resetFailed());
    const [first, second] = timeline.runIds();
    const before = read({ timeline, runId: first });
    expect(taskRows(before).map((row) => [row.get('Status'), row.get('Result or error')])).toEqual([
      ['done', '"same"'],
      ['failed', 'Error: at first more'],
      ['skipped', 'an ancestor failed'],
    ]);
    expect(before.find(({ attributes }) => attributes.get('class') === 'note')!.text).toContain('run again since');
    const after = read({ timeline, runId: second });
    expect(taskRows(after).map((row) => [row.get('Status'), row.get('Result or error')])).toEqual([
      ['kept from an earlier run', '"same"'],
      ['done', '"in the end"'],
      ['done', '"last"'],
    ]);
    expect(after.some(({ attributes }) => attributes.get('class') === 'note')).toBe(false);
  });

  it('is of the last run, of the last one of a graph, or of the one that is asked for', () => {
    const executor = new SyncExecutor();
    const timeline = new Timeline().listen(executor);
    const tea = new TaskGraphBuilder({ name: 'tea' }).task('a', () => 1).build();
    const ink = new TaskGraphBuilder({ name: 'ink' }).task('a', () => 1).build();
    for (const graph of [tea, ink]) executor.run(graph);
    const titleOf = (options: Omit<ReportOptions, 'timeline'>) =>
      read({ timeline, ...options }).find(({ tag }) => tag === 'title')!.text;
    expect(titleOf({})).toBe('ink: finished');
    expect(titleOf({ graph: tea })).toBe('tea: finished');
    expect(titleOf({ runId: timeline.runIds()[0] })).toBe('tea: finished');
    expect(titleOf({ title: 'A <b>title</b>' })).toBe('A <b>title</b>: finished');
  });

  it('of no run is an error that says what to do', () => {
    const timeline = new Timeline();
    expect(() => reportHTML({ timeline })).toThrow(ReportError);
    expect(() => reportHTML({ timeline })).toThrow(
      'the timeline has heard of none. Call timeline.listen(executor) before executor.run(graph).',
    );
    const known = timelineOf(new TaskGraphBuilder().task('a', () => 1).build());
    expect(() => reportHTML({ timeline: known, runId: 'x' })).toThrow(
      'the timeline knows no run "x". timeline.runIds() lists those it knows',
    );
    const other = new TaskGraphBuilder({ name: 'other' }).task('a', () => 1).build();
    expect(() => reportHTML({ timeline: known, graph: other })).toThrow('the timeline knows no run of graph "other".');
  });

  it('refuses what is no option', () => {
    const timeline = timelineOf(new TaskGraphBuilder().task('a', () => 1).build());
    for (const wrong of [
      { timeline: undefined },
      { timeline: {} },
      { title: 1 },
      { results: 'no' },
      { workers: 0 },
      { graph: {} },
    ]) {
      expect(() => reportHTML({ timeline, ...wrong } as ReportOptions)).toThrow(InvalidOptionError);
    }
  });

  it('of an empty graph is a report all the same', () => {
    const elements = read({ timeline: timelineOf(new TaskGraphBuilder({ name: '' }).build()) });
    expect(taskRows(elements)).toEqual([]);
    expect(elements.find(({ tag }) => tag === 'h1')!.text).toBe('"" finished');
  });

  it('shows results, and leaves them out where that is asked for', () => {
    const secret = 's3cret';
    const timeline = timelineOf(new TaskGraphBuilder().task('a', () => ({ secret })).build());
    expect(reportHTML({ timeline })).toContain(secret);
    expect(reportHTML({ timeline, results: false })).not.toContain(secret);
  });

  it('never shows more of a result than 200 characters', () => {
    const timeline = timelineOf(new TaskGraphBuilder().task('a', () => 'x'.repeat(1e6)).build());
    expect(rowOf(read({ timeline }), 'a')['Result or error']).toHaveLength(200);
  });

  it('measures efficiency by the workers that it is told of', async () => {
    const timed = new Timed([
      { name: 'a', takesMs: 10 },
      { name: 'b', takesMs: 10, after: ['a'] },
    ]);
    const timeline = new Timeline().listen(timed.executor);
    await timed.run();
    expect(sectionText(read({ timeline, workers: 4 }), 'summary')).toContain('at most 4 at once');
  });
});

describe('a report is text, and nothing in it is run or loaded', () => {
  const MARKUP = '<img src=x onerror=alert(1)></script></style></title><script>alert(2)</script>"\'`&lt;]]>-->';

  it('has a policy that allows its own style and script alone', async () => {
    const elements = read({ timeline: await siteTimeline() });
    const policy = elements
      .find(({ attributes }) => attributes.get('http-equiv') === 'Content-Security-Policy')!
      .attributes.get('content')!;
    expect(policy).toMatch(
      /^default-src 'none'; style-src ('sha256-[\w+/=]+' ?)+; script-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'$/,
    );
    expect(elements.filter(({ tag }) => tag === 'script')).toHaveLength(1);
    for (const attribute of ['src', 'style'])
      expect(elements.filter(({ attributes }) => attributes.has(attribute))).toEqual([]);
    expect(
      elements
        .map(({ attributes }) => attributes.get('href'))
        .filter((href) => href !== undefined && !href.startsWith('#')),
    ).toEqual([]);
  });

  it('shows hostile names as what they are', () => {
    const names = [...HOSTILE_NAMES, MARKUP, '\u2066x', '\ufffe', '\x1b[2J', 'العربية'];
    const builder = new TaskGraphBuilder<any>({ name: MARKUP });
    for (const [index, name] of names.entries())
      builder.add({
        name,
        run: index % 2 === 0 ? () => name : throwing(new Error(name)),
        after: names.slice(0, index).slice(-1),
      });
    const timeline = timelineOf(builder.build());
    const elements = read({ timeline });
    expect(elements.find(({ tag }) => tag === 'title')!.text).toBe(`${MARKUP}: finished, 1 failed`);
    const rows = taskRows(elements).map((row) => row.get('Task')!);
    expect(rows).toHaveLength(names.length);
    expect(rows.slice(0, 4)).toEqual(['""', '__proto__', 'constructor', 'then']);
    for (const name of [
      '<img src=x onerror=alert(1)>',
      MARKUP,
      '👩‍👩‍👧',
      '任务',
      'العربية',
      'line␊line',
      '␀',
      '�gnp',
      '�x',
      '␛[2J',
    ])
      expect(rows).toContain(name);
    for (const row of rows) expect(row.length).toBeLessThan(200);
  });

  it('shows hostile errors as far as they can be read', () => {
    const never = () => {
      throw new Error('code of the error was run');
    };
    class HostileError extends Error {
      override get message(): string {
        return never() as never;
      }
      override toString(): string {
        return never() as never;
      }
    }
    // The stack first: the engine writes it when it is first touched, and reads the message for that.
    const unreadable = Object.defineProperties(new Error('x'), {
      stack: { get: never },
      message: { get: never },
      cause: { get: never },
      name: { get: never },
    });
    const circular = new Error('of itself');
    circular.cause = circular;
    const manyErrors: readonly (readonly [string, unknown, string])[] = [
      ['markup', new Error(MARKUP), `Error: ${MARKUP}`],
      ['getter', Object.assign(new HostileError(), { code: MARKUP }), 'HostileError: (its message is not plain text)'],
      ['unreadable', unreadable, 'Error: (its message is not plain text)'],
      [
        'proxy',
        new Proxy(new Error('x'), {
          get: never,
          getPrototypeOf: never,
          getOwnPropertyDescriptor: never,
          ownKeys: never,
        }),
        'thrown: Proxy',
      ],
      ['text', MARKUP, `thrown: ${JSON.stringify(MARKUP)}`],
      ['nothing', undefined, 'thrown: undefined'],
      ['object', { toString: never, toJSON: never }, 'thrown: { toString: function never, toJSON: function never }'],
      ['circular', circular, 'Error: of itself'],
      ['long', new Error('x'.repeat(100_000)), `Error: ${'x'.repeat(192)}…`],
      ['named', Object.defineProperty(new Error('x'), 'name', { value: MARKUP }), undefined as never],
      [
        'stack',
        Object.assign(new Error('x'), { stack: `Error: x\n    at <script>${MARKUP}\n    at \0\ud800` }),
        'Error: x',
      ],
      [
        'errors',
        Object.assign(new Error('x'), {
          errors: new Proxy([], { get: never, getOwnPropertyDescriptor: never }),
          cause: new Proxy({}, { get: never }),
        }),
        'Error: x',
      ],
    ];
    const builder = new TaskGraphBuilder<any>();
    for (const [name, thrown] of manyErrors) builder.add({ name, run: throwing(thrown) });
    const elements = read({ timeline: timelineOf(builder.build()) });
    for (const [name, , shown] of manyErrors) {
      if (shown !== undefined) expect(rowOf(elements, name)['Result or error']).toBe(`${shown} more`);
    }
    expect(rowOf(elements, 'named')['Result or error']).toContain('<img src=x');
  });

  it('whatever names, results and errors there are', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 40 });
    const ugly = fc
      .array(
        fc.constantFrom(
          '<',
          '>',
          '&',
          '"',
          "'",
          '</script>',
          '<!--',
          '\0',
          '\ud800',
          '\u202e',
          '\n',
          'x',
          '&lt;',
          ']]>',
        ),
        { maxLength: 12 },
      )
      .map((all) => all.join(''));
    const text = fc.oneof(anyText, ugly);
    const task = fc.record({
      name: text,
      result: fc.oneof(text, fc.anything()),
      thrown: fc.option(
        fc.oneof(
          text,
          text.map((message) => new Error(message)),
          fc.anything(),
        ),
      ),
    });
    fc.assert(
      fc.property(text, fc.uniqueArray(task, { selector: ({ name }) => name, maxLength: 6 }), (name, tasks) => {
        const builder = new TaskGraphBuilder<any>({ name });
        for (const { name: one, result, thrown } of tasks)
          builder.add({ name: one, run: thrown === null ? () => [result] : throwing(thrown) });
        expect(taskRows(read({ timeline: timelineOf(builder.build()) }))).toHaveLength(tasks.length);
      }),
      propertyOptions(60),
    );
  });
});

describe('a report of many tasks', () => {
  function timelineOfMany(count: number, run: (index: number) => unknown): Timeline {
    const builder = new TaskGraphBuilder<any>({ name: 'many' });
    for (let index = 0; index < count; index++) {
      const after = [index - 1, index - 7, index >> 1]
        .filter((one) => one >= 0 && one < index && index % 10 !== 0)
        .map((one) => `resize image ${one}`);
      builder.add({ name: `resize image ${index}`, run: () => run(index), after: [...new Set(after)] });
    }
    return timelineOf(builder.build());
  }

  it('is less than a megabyte for a thousand of them', () => {
    const html = reportHTML({
      timeline: timelineOfMany(1_000, (index) => ({ width: index, height: index * 2, path: `/images/${index}.png` })),
    });
    expect(taskRows(checkedElements(html))).toHaveLength(1_000);
    expect(Buffer.byteLength(html)).toBeLessThan(1_000_000);
  });

  it('is less than a megabyte if all of them fail, too', () => {
    const builder = new TaskGraphBuilder<any>({ name: 'failing' });
    for (let index = 0; index < 1_000; index++)
      builder.add({ name: `t${index}`, run: throwing(new Error(`no ${index}: ${'x'.repeat(2_000)}`)) });
    const html = reportHTML({ timeline: timelineOf(builder.build()) });
    expect(sectionText(checkedElements(html), 'failures')).toMatch(
      /… and \d+ more\. The table of tasks tells what each of them threw\./,
    );
    expect(Buffer.byteLength(html)).toBeLessThan(1_000_000);
  });

  it('has a row for each of ten thousand', () => {
    const elements = checkedElements(reportHTML({ timeline: timelineOfMany(10_000, (index) => index) }));
    expect(taskRows(elements)).toHaveLength(10_000);
    expect(
      elements.filter(({ tag, inside }) => tag === 'tr' && inside.at(-1)?.attributes.get('class') === 'rest'),
    ).toHaveLength(9_800);
  });

  it('draws the groups that it is told', () => {
    const timeline = timelineOfMany(600, (index) => index);
    const group = (name: string) => (name.endsWith('0') ? 'tens' : 'others');
    expect(sectionText(read({ timeline, group }), 'graph')).toMatch(/tens[\s\S]*others|others[\s\S]*tens/);
    expect(sectionText(read({ timeline }), 'graph')).not.toContain('others');
  });

  it('leaves out the shortest tasks of a long critical path, and says so', async () => {
    // By a clock that the spec moves: a task that took no time at all would be no part of the path.
    const chain = Array.from({ length: 100 }, (_, index) => ({
      name: `t${index}`,
      takesMs: 1,
      after: index === 0 ? [] : [`t${index - 1}`],
    }));
    expect(sectionText(read({ timeline: await timelineOfTimed(chain) }), 'summary')).toContain(
      '80 tasks of it, which took less time, are left out.',
    );
  });
});

describe('writeReport()', () => {
  let folder: string;
  let timeline: Timeline;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'report-spec-'));
    timeline = timelineOf(new TaskGraphBuilder({ name: 'sums' }).task('one', () => 1).build());
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('writes the report, in place of what was there, and leaves nothing else behind', () => {
    const path = join(folder, 'run.html');
    writeFileSync(path, 'an older one');
    writeReport(path, { timeline });
    expect(readFileSync(path, 'utf8')).toBe(reportHTML({ timeline }));
    expect(readdirSync(folder)).toEqual(['run.html']);
  });

  it('says so if there is no such folder, or the path is one', () => {
    const nowhere = join(folder, 'nowhere', 'run.html');
    expect(() => writeReport(nowhere, { timeline })).toThrow(ReportError);
    expect(() => writeReport(nowhere, { timeline })).toThrow(
      `there is no folder ${JSON.stringify(join(folder, 'nowhere'))}. Make it first, or give another path.`,
    );
    const directory = join(folder, 'directory');
    mkdirSync(directory);
    expect(() => writeReport(directory, { timeline })).toThrow('it is a folder. Give the path of a file.');
    expect(readdirSync(folder).sort()).toEqual(['directory', 'run.html']);
    expect(() => writeReport('', { timeline })).toThrow(InvalidOptionError);
  });

  it('is as private as what it replaces, and writes through links', () => {
    const path = join(folder, 'private.html');
    writeFileSync(path, 'an older one', { mode: 0o600 });
    const link = join(folder, 'link.html');
    symlinkSync(path, link);
    const dangling = join(folder, 'dangling.html');
    symlinkSync(join(folder, 'made.html'), dangling);
    for (const one of [link, dangling]) {
      writeReport(one, { timeline });
      expect(lstatSync(one).isSymbolicLink()).toBe(true);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const one of ['private.html', 'made.html'])
      expect(readFileSync(join(folder, one), 'utf8')).toBe(reportHTML({ timeline }));
    for (const one of [link, dangling, path, join(folder, 'made.html')]) rmSync(one);
  });

  it('writes to what is no file as it is', () => {
    writeReport('/dev/null', { timeline });
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('refuses a path that no file can have', () => {
    expect(() => writeReport(join(folder, 'a\0b'), { timeline })).toThrow(ReportError);
  });

  it('leaves what was there as it was if it cannot be replaced, and writes nothing if there is no run', () => {
    const path = join(folder, 'none.html');
    expect(() => writeReport(path, { timeline: new Timeline() })).toThrow(ReportError);
    expect(existsSync(path)).toBe(false);
    if (process.getuid?.() === 0) return;
    const locked = mkdtempSync(join(folder, 'locked-'));
    writeFileSync(join(locked, 'run.html'), 'an older one');
    chmodSync(locked, 0o500);
    expect(() => writeReport(join(locked, 'run.html'), { timeline })).toThrow('may be written to');
    expect(readFileSync(join(locked, 'run.html'), 'utf8')).toBe('an older one');
    chmodSync(locked, 0o700);
  });
});
