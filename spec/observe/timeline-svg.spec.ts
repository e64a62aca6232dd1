import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import {
  AsyncExecutor,
  InvalidOptionError,
  type Observed,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
  Timeline,
  type TimelinePictureOptions,
} from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { shownText } from '../../src/drawing/markup.js';
import { type Drawn, drawnIn } from '../support/drawn.js';
import { FakeClock } from '../support/fake-clock.js';
import { overlaps } from '../support/geometry.js';
import {
  builderOf,
  HOSTILE_NAMES,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  randomGraph,
} from '../support/random-graph.js';
import { elementsIn } from '../support/xml.js';
import { type TimedSpec, timelineOf } from './timed.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

// fetch 40 ─► parse 10, whose first attempt fails, again after 10 ─► page 10
//    └──────► style 10 ────────────────────────────────────────────────┘
const SITE: readonly TimedSpec[] = [
  { name: 'fetch', takesMs: 40, ioBound: true },
  { name: 'parse', takesMs: 10, failures: 1, retry: { attempts: 2, delayMs: 10 }, dependsOn: ['fetch'] },
  { name: 'style', takesMs: 10, dependsOn: ['fetch'] },
  { name: 'page', takesMs: 10, dependsOn: ['parse', 'style'] },
];

function timelineOfNames(names: readonly string[], name = 'names'): Timeline {
  const executor = new SyncExecutor();
  const timeline = new Timeline().listen(executor);
  executor.run(new TaskGraphBuilder<any>({ name }).add(...names.map((one) => ({ name: one, run: () => 1 }))).build());
  return timeline;
}

const drawn = (timeline: Timeline, options?: TimelinePictureOptions): Drawn => drawnIn(timeline.toSVG(options));

/** The ways of all paths of a class that are not in the legend. */
function waysOf(picture: Drawn, name: string): string[] {
  const legend = new Set(
    [...elementsIn(picture.root)]
      .filter(({ attributes }) => attributes['class'] === 'legend')
      .flatMap((one) => [...elementsIn(one)]),
  );
  const paths = [...elementsIn(picture.root)].filter(({ attributes }) =>
    attributes['class']?.split(' ').includes(name),
  );
  return paths.filter((path) => !legend.has(path)).map(({ attributes }) => attributes['d']!);
}

describe('toSVG()', () => {
  it('has a row for each lane and a bar for each attempt, as long as it took', async () => {
    const picture = drawn(await timelineOf(SITE));
    const bars = [...picture.boxes].sort((a, b) => a.x - b.x || a.y - b.y);
    expect(bars.map(({ title, status }) => [title, status])).toEqual([
      ['fetch: done in 40 ms, io-bound', 'done'],
      ['parse: retried in 10 ms', 'retried'],
      ['style: done in 10 ms', 'done'],
      ['parse: done in 10 ms, attempt 2', 'done'],
      ['page: done in 10 ms', 'done'],
    ]);
    const [fetch, retried, style, parse, page] = bars as [
      (typeof bars)[0],
      (typeof bars)[0],
      (typeof bars)[0],
      (typeof bars)[0],
      (typeof bars)[0],
    ];
    const perMs = fetch.width / 40;
    for (const bar of [retried, style, parse, page]) expect(bar.width / perMs).toBeCloseTo(10, 0);
    expect((parse.x - retried.x) / perMs).toBeCloseTo(20, 0);
    expect(new Set(bars.map(({ y, height }) => y + height / 2)).size).toBe(2);
    expect(picture.texts).toEqual(expect.arrayContaining(['main 1', 'main 2', 'fetch', '0', '10 ms', '80 ms']));
    expect(picture.title).toBe(
      'timed: finished, 80 ms · 5 attempts · critical path 80 ms · efficiency 100 % of 2 at once',
    );
    expect(picture.legend).toEqual(['done', 'retried', 'critical path', 'pause before a retry']);
  });

  it('makes what came to nothing stick out, so that it is seen without colours', async () => {
    const picture = drawn(
      await timelineOf([
        { name: 'good', takesMs: 10 },
        { name: 'bad', takesMs: 10, failures: 1 },
      ]),
    );
    const [good, bad] = ['good', 'bad'].map((name) => picture.boxes.find(({ title }) => title.startsWith(name))!);
    expect(bad!.status).toBe('failed');
    expect(bad!.height).toBeGreaterThan(good!.height);
    expect([good!.markCount, bad!.markCount]).toEqual([1, 1]);
  });

  it('outlines the critical path, and leads from one task of it to the next', async () => {
    // a 10 ─► b 20     c 10
    const picture = drawn(
      await timelineOf([
        { name: 'c', takesMs: 10 },
        { name: 'a', takesMs: 10 },
        { name: 'b', takesMs: 20, dependsOn: ['a'] },
      ]),
    );
    const outlined = waysOf(picture, 'k').map((way) => /^M([\d.]+) ([\d.]+)/.exec(way)!.slice(1).map(Number));
    const critical = picture.boxes.filter(({ title }) => /^[ab]:/.test(title)).map(({ x, y }) => [x, y]);
    expect(outlined.sort()).toEqual(critical.sort());
    // a is in the second row, b in the first.
    expect(waysOf(picture, 'l')).toHaveLength(1);
  });

  it('draws where tasks waited for room, and where they paused before a retry', async () => {
    const waited = drawn(
      await timelineOf(
        [
          { name: 'a', takesMs: 30 },
          { name: 'b', takesMs: 10 },
        ],
        { concurrency: 1 },
      ),
    );
    const [a, b] = waited.boxes as [Drawn['boxes'][0], Drawn['boxes'][0]];
    expect(waysOf(waited, 'w').map((way) => /^M([\d.]+) [\d.]+H([\d.]+)$/.exec(way)!.slice(1).map(Number))).toEqual([
      [a.x, b.x],
    ]);
    expect(b.title).toBe('b: done in 10 ms, waited 30 ms');
    expect(waited.legend).toContain('waited for room');
    const paused = drawn(await timelineOf(SITE));
    const [first, second] = paused.boxes.filter(({ title }) => title.startsWith('parse'));
    const [from, to] = /^M([\d.]+) [\d.]+H([\d.]+)$/.exec(waysOf(paused, 'r')[0]!)!.slice(1).map(Number);
    expect(from).toBeCloseTo(first!.x + first!.width, 0);
    expect(to).toBeCloseTo(second!.x, 0);
    expect(waysOf(paused, 'w')).toEqual([]);
  });

  it('is as wide as asked for, and names what does not fit where it is pointed at', async () => {
    const timeline = await timelineOf([
      { name: 'short', takesMs: 1 },
      { name: 'long', takesMs: 500 },
    ]);
    const narrow = drawn(timeline, { width: 400 });
    expect(narrow.root.attributes['width']).toBe('400');
    expect(narrow.texts.slice(1, 3)).toEqual([
      'finished, 500 ms · 2 attempts · critical path 500 ms',
      'efficiency 100 % of 2 at once',
    ]);
    expect(drawn(timeline, { width: 1200 }).root.attributes['width']).toBe('1200');
    expect(narrow.boxes.map(({ title, texts }) => [title.split(':')[0], texts])).toEqual([
      ['short', []],
      ['long', ['long']],
    ]);
  });

  it('draws the run that is asked for', async () => {
    const executor = new SyncExecutor();
    const timeline = new Timeline().listen(executor);
    for (const name of ['first', 'second']) executor.run(new TaskGraphBuilder({ name }).task('a', () => 1).build());
    expect(drawn(timeline).title).toMatch(/^second: /);
    expect(drawn(timeline, { runId: timeline.runIds()[0] }).title).toMatch(/^first: /);
    expect(drawn(timeline, { runId: 'none' }).title).toBe('Nothing has run.');
    expect(drawn(new Timeline()).title).toBe('Nothing has run.');
  });

  it('has no more rows than asked for, those of each thread in turn, and says what is left out', async () => {
    const timeline = await timelineOf(Array.from({ length: 9 }, (_, id) => ({ name: `t${id}`, takesMs: 10 })));
    const picture = drawn(timeline, { rowsMax: 4 });
    expect(picture.boxes).toHaveLength(4);
    expect(picture.texts).toEqual(expect.arrayContaining(['main 1', 'main 4', '… and 5 more rows with 5 attempts']));
    expect(picture.texts).not.toContain('main 5');
    expect(drawn(timeline).boxes).toHaveLength(9);
  });

  it('shows the first row of each thread before the second one of any', () => {
    const names = ['a', 'b', 'c', 'd'];
    const taskGraph = new TaskGraphBuilder<any>()
      .add(...names.map((name) => ({ name, run: () => 1 })))
      .build() as TaskGraph;
    const told = new EventEmitter();
    const timeline = new Timeline().listen(told as Observed);
    told.emit('run:started', { runId: 'r', atMs: 0, graph: 'threads', taskCount: 4, taskGraph });
    const threads = [1, 1, 1, 2];
    for (const [id, task] of names.entries())
      told.emit('task:started', { runId: 'r', atMs: 0, task, attempt: 1, ioBound: true, thread: threads[id] });
    for (const task of names) told.emit('task:done', { runId: 'r', atMs: 10, task, attempt: 1, durationMs: 10 });
    told.emit('run:finished', { runId: 'r', atMs: 10, status: 'finished' });
    expect(drawn(timeline, { rowsMax: 2 }).texts).toEqual(expect.arrayContaining(['thread 1.1', 'thread 2']));
    expect(drawn(timeline, { rowsMax: 3 }).texts).toEqual(
      expect.arrayContaining(['thread 1.1', 'thread 1.2', 'thread 2', '… and 1 more row with 1 attempt']),
    );
  });

  it('refuses a size that is none', () => {
    for (const options of [{ width: 299 }, { width: 500.5 }, { rowsMax: 0 }])
      expect(() => timelineOfNames(['a']).toSVG(options)).toThrow(InvalidOptionError);
  });

  it('takes any name as text', () => {
    const names = [...HOSTILE_NAMES, '</title></svg><script>alert(1)</script>'];
    for (const name of ['</svg><script>', '']) {
      const picture = drawn(timelineOfNames(names, name));
      expect(new Set([...elementsIn(picture.root)].map((element) => element.name))).not.toContain('script');
      expect(picture.boxes.length).toBeGreaterThan(0);
    }
    const one = drawn(timelineOfNames(['a\0b<i>']));
    expect(one.boxes[0]!.title).toMatch(/^a␀b<i>: done in /);
    expect(shownText('a\0b')).toBe('a␀b');
  });
});

describe('attempts that are narrower than a pixel', () => {
  it('or than some pixels, where there are too many to be drawn one by one', async () => {
    const specs: TimedSpec[] = Array.from({ length: 30_000 }, (_, id) => ({
      name: `t${id}`,
      takesMs: 1 + (id % 2),
      failures: id % 3 === 0 ? 1 : 0,
    }));
    const timeline = await timelineOf(specs, { concurrency: 60 });
    const picture = drawn(timeline, { width: 2_000 });
    expect(picture.boxes.length).toBeLessThan(11_000);
    const counted = picture.boxes.map(({ title }) => Number(/^(\d+) attempts, /.exec(title)?.[1] ?? 1));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(30_000);
    expect(drawn(timeline, { width: 2_000, rowsMax: 5 }).boxes.length).toBeGreaterThan(2_000);
  });

  it('are drawn together, so that a long run is small; and one that failed is seen among them', async () => {
    const specs: TimedSpec[] = Array.from({ length: 3_000 }, (_, id) => ({
      name: `t${id}`,
      takesMs: 1,
      failures: id === 1_500 ? 1 : 0,
    }));
    const timeline = await timelineOf(specs, { concurrency: 1 });
    const picture = drawn(timeline, { width: 600 });
    expect(picture.boxes.length).toBeLessThan(10);
    expect(picture.boxes.filter(({ status }) => status === 'failed')).toHaveLength(1);
    const counted = picture.boxes.map(({ title }) => Number(/^(\d+) attempts/.exec(title)?.[1] ?? 1));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(3_000);
    expect(timeline.toSVG({ width: 600 }).length).toBeLessThan(6_000);
  });

  it('make no more bars than there are pixels, however they alternate', async () => {
    const specs: TimedSpec[] = Array.from({ length: 3_000 }, (_, id) => ({
      name: `t${id}`,
      takesMs: 1,
      failures: id % 2,
    }));
    const picture = drawn(await timelineOf(specs, { concurrency: 1 }), { width: 600 });
    expect(picture.boxes.length).toBeLessThanOrEqual(600);
    expect(picture.boxes.length).toBeGreaterThan(100);
    // In each pixel there are some of both, and what failed is not hidden.
    expect(new Set(picture.boxes.map(({ status }) => status))).toEqual(new Set(['failed']));
  });
});

it('no bars overlap but by the pixel that each has at least, whatever ran', async () => {
  const cases = fc.record({
    graph: randomGraph({ sizeMax: 14 }),
    durationsMs: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 14 }),
    concurrency: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ graph: random, durationsMs, concurrency }) => {
      const clock = new FakeClock();
      const executor = new AsyncExecutor({ clock, concurrency });
      const timeline = new Timeline().listen(executor);
      const graph = builderOf(random, (task) => {
        let calls = 0;
        return async () => {
          await new Promise<void>((resolve) => clock.after(durationsMs[task.id % durationsMs.length]!, resolve));
          if (++calls <= task.failures) throw new Error('no');
        };
      }).build();
      let ended = false;
      const run = Promise.resolve(executor.run(graph)).finally(() => {
        ended = true;
      });
      while (!ended) await clock.advance(5);
      await run;
      const picture = drawn(timeline);
      expect(overlaps(picture.boxes, 1.2)).toEqual([]);
      const counted = picture.boxes.map(({ title }) => Number(/^(\d+) attempts, /.exec(title)?.[1] ?? 1));
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(timeline.attempts().length);
    }),
    propertyOptions(40),
  );
});

describe('durations()', () => {
  it('are what the attempts of each task took together, of those that ran', async () => {
    const timeline = await timelineOf([
      ...SITE,
      { name: 'bad', takesMs: 5, failures: 1 },
      { name: 'skipped', takesMs: 5, dependsOn: ['bad'] },
    ]);
    expect([...timeline.durations()].sort()).toEqual([
      ['bad', 5],
      ['fetch', 40],
      ['page', 10],
      ['parse', 20],
      ['style', 10],
    ]);
    expect(timeline.durations({ runId: 'none' }).size).toBe(0);
    expect(new Timeline().durations().size).toBe(0);
  });
});
