import { InvalidOptionError, SyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../support/random-graph.js';
import { type TimedSpec, timelineOf } from './timed.js';
import { arrowsOf, eventsOf, expectSoundTrace } from './trace.js';

// fetch 40 ─► parse 30, whose first attempt fails ─► page 10
//    └──────► style 10 ────────────────────────────────┘
const SITE: readonly TimedSpec[] = [
  { name: 'fetch', takesMs: 40 },
  { name: 'parse', takesMs: 10, failures: 1, retry: { attempts: 2, delayMs: 10 }, dependsOn: ['fetch'] },
  { name: 'style', takesMs: 10, dependsOn: ['fetch'] },
  { name: 'page', takesMs: 10, dependsOn: ['parse', 'style'] },
];

function timelineOfNames(names: readonly string[]): Timeline {
  const executor = new SyncExecutor();
  const timeline = new Timeline().listen(executor);
  executor.run(
    new TaskGraphBuilder<any>({ name: names[0]! }).add(...names.map((name) => ({ name, run: () => 1 }))).build(),
  );
  return timeline;
}

describe('toText()', () => {
  it('draws a line for each task: where it ran, failed, and paused', async () => {
    const timeline = await timelineOf(SITE);
    expect(timeline.toText({ width: 52 }).split('\n')).toEqual([
      'fetch ██████████           main 1, 40 ms',
      'parse           ▒▒▒  ███   main 1, 20 ms, 2 attempts',
      'style           ███        main 2, 10 ms',
      'page                    ██ main 1, 10 ms',
    ]);
  });

  it('draws where a task could have run and had to wait for room', async () => {
    const timeline = await timelineOf(
      [
        { name: 'a', takesMs: 30 },
        { name: 'b', takesMs: 10, failures: 1 },
      ],
      { concurrency: 1 },
    );
    expect(timeline.toText({ width: 42 }).split('\n')).toEqual([
      'a ███████████████      main, 30 ms',
      'b ···············█████ main, 10 ms, failed'.replaceAll('█', '▒'),
    ]);
  });

  it('shows at least a mark of what is too short to be seen, and no more tasks than asked for: those that took longest', async () => {
    const timeline = await timelineOf([
      { name: 'short', takesMs: 1 },
      { name: 'shorter', takesMs: 0 },
      { name: 'long', takesMs: 500 },
    ]);
    const lines = timeline.toText({ rowsMax: 2 }).split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['short', 'long', '…']);
    expect(lines[0]).toContain(' █ ');
    expect(lines[2]).toBe('… and 1 more task, each of which took less time');
  });

  it('keeps to the width, as terminals count columns, and lets no name move the cursor', async () => {
    const text = timelineOfNames(HOSTILE_NAMES.concat('\x1b[2J', '任务'.repeat(30))).toText({ width: 70 });
    expect(text).not.toMatch(/[\p{Cf}\p{Cs}]|(?!\n)\p{Cc}/u);
    const lines = text.split('\n');
    expect(lines).toHaveLength(HOSTILE_NAMES.length + 2);
    for (const line of lines)
      expect(line.replace(/\p{M}/gu, '').replace(/[任务]/gu, '..').length).toBeLessThanOrEqual(70);
  });

  it('says so if nothing has run, and refuses a width that is none', () => {
    expect(new Timeline().toText()).toBe('Nothing has run.');
    expect(timelineOfNames(['a']).toText()).toContain('a ');
    for (const options of [{ width: 0 }, { width: 1.5 }, { rowsMax: -1 }])
      expect(() => timelineOfNames(['a']).toText(options)).toThrow(InvalidOptionError);
  });
});

describe('toMermaid()', () => {
  it('draws a section for each lane and a bar for each attempt', async () => {
    const timeline = await timelineOf(SITE);
    expect(timeline.toMermaid()).toBe(
      [
        'gantt',
        '  title timed',
        '  dateFormat x',
        '  axisFormat %S.%L',
        '  section main 1',
        '    fetch :done, 1000000, 1000040',
        '    parse :crit, 1000040, 1000050',
        '    parse (attempt 2) :done, 1000060, 1000070',
        '    page :done, 1000070, 1000080',
        '  section main 2',
        '    style :done, 1000040, 1000050',
        '',
      ].join('\n'),
    );
  });

  it('lets no name be taken for a part of the chart', () => {
    const words = [
      'gantt',
      'title x',
      'section x',
      'dateFormat x',
      'click',
      'accDescr {',
      '2024-01-01',
      '%% note',
      'a: b',
      'a;b#c',
      'GANTT',
    ];
    const lines = timelineOfNames([...words, ...HOSTILE_NAMES.filter((name) => !words.includes(name))])
      .toMermaid()
      .split('\n')
      .slice(5, -1);
    expect(lines).toHaveLength(words.length + HOSTILE_NAMES.length);
    // Letters, digits, blanks, a few marks and entities, and never a word of Mermaid at the beginning.
    for (const line of lines) {
      expect(line).toMatch(/^ {4}(?:[\p{L}\p{N} .,()/…-]|#\d+;)+ :done, \d+, \d+$/u);
      expect(line).not.toMatch(/^ {4}(gantt|title|section|date|click|acc|\d)/i);
    }
  });

  it('draws no more than renderers take: of the tasks that took longest, the latest attempts', async () => {
    const retry = { attempts: 900 };
    const timeline = await timelineOf([
      { name: 'long', takesMs: 2, failures: 899, retry },
      { name: `<${'>'.repeat(80)}`, takesMs: 1, failures: 599, retry },
    ]);
    const text = timeline.toMermaid();
    expect(text.length).toBeLessThanOrEqual(50_000);
    expect(text).toContain('long (attempt 900)');
    expect(text).toContain('long :crit');
    expect(text).toContain('#60;#62;');
    expect(text).not.toMatch(/^ {4}#60.*;… :crit/m);
    expect(text).toMatch(/^ {2}%% and \d+ more attempts, for which there is no room$/m);
    expect(text.match(/^ {4}/gm)!.length + Number(/(\d+) more attempts/.exec(text)![1])).toBe(1_500);
  });

  it('draws no more tasks than asked for, and says how many it leaves out', async () => {
    const timeline = await timelineOf(SITE);
    const text = timeline.toMermaid({ rowsMax: 1 });
    expect(text).toContain('    fetch :done');
    expect(text).not.toContain('page');
    expect(text).toContain('  %% and 3 more');
    expect(new Timeline().toMermaid()).toBe('gantt\n');
  });
});

describe('toChromeTrace()', () => {
  it('has a named row for each lane, a slice for each attempt, and an arrow along each dependency', async () => {
    const trace = (await timelineOf(SITE)).toChromeTrace();
    const events = eventsOf(trace);
    expect(events.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args!['name']])).toEqual([
      [1, 'main 1'],
      [2, 'main 2'],
    ]);
    expect(events.filter(({ ph }) => ph === 'X').map(({ name, tid, ts, dur }) => [name, tid, ts, dur])).toEqual([
      ['fetch', 1, 0, 40_000],
      ['parse', 1, 40_000, 10_000],
      ['parse', 1, 60_000, 10_000],
      ['page', 1, 70_000, 10_000],
      ['style', 2, 40_000, 10_000],
    ]);
    expect(arrowsOf(trace)).toEqual(['fetch -> parse', 'fetch -> style', 'parse -> page', 'style -> page']);
    expectSoundTrace(trace);
  });

  it('is a trace also where nothing has run, and holds any name', () => {
    expect(eventsOf(new Timeline().toChromeTrace())).toEqual([]);
    const names = eventsOf(timelineOfNames(HOSTILE_NAMES).toChromeTrace()).flatMap(({ ph, name }) =>
      ph === 'X' ? [name] : [],
    );
    expect(names.sort()).toEqual([...HOSTILE_NAMES].sort());
  });
});
