import fc from 'fast-check';
import {
  type GraphPictureOptions,
  InvalidOptionError,
  SyncExecutor,
  type TaskGraph,
  TaskGraphBuilder,
} from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { shownText } from '../../src/drawing/markup.js';
import { type Drawn, type DrawnBox, drawnIn } from '../support/drawn.js';
import { edgeEnds, isWithin, overlaps, type Point, pointsAlong } from '../support/geometry.js';
import {
  builderOf,
  HOSTILE_NAMES,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  randomGraph,
} from '../support/random-graph.js';
import { elementsIn } from '../support/xml.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** a done and io-bound, b failed, c skipped, d done, e pending; a ─► b ─► c, a ┄► d ┄► e */
function known(): TaskGraph {
  const graph = new TaskGraphBuilder<any>({ name: 'known' })
    .add(
      { name: 'a', run: () => 1, ioBound: true },
      {
        name: 'b',
        dependsOn: ['a'],
        run: () => {
          throw new Error('no');
        },
      },
      { name: 'c', dependsOn: ['b'], run: () => 1 },
      { name: 'd', after: ['a'], run: () => 1 },
      { name: 'e', after: ['d'], run: () => 1 },
    )
    .build() as TaskGraph;
  new SyncExecutor().run(graph, { only: ['c', 'd'] });
  return graph;
}

function ofNames(names: readonly string[], name = 'names'): TaskGraph {
  return new TaskGraphBuilder<any>({ name })
    .add(...names.map((one) => ({ name: one, run: () => 1 })))
    .build() as TaskGraph;
}

const drawn = (graph: TaskGraph, options?: GraphPictureOptions): Drawn => drawnIn(graph.toSVG(options));
const boxNamed = ({ boxes }: Drawn, name: string): DrawnBox =>
  boxes.find(({ title }) => title === name || title.startsWith(`${name}: `))!;

/** What is wrong with where things are in a picture of a graph, each task of which has a box. */
function problemsOf(picture: Drawn, graph: TaskGraph, direction: 'right' | 'down'): string[] {
  const { boxes } = picture;
  const problems = overlaps(boxes, 0.2).map(([one, other]) => `boxes ${one} and ${other} overlap`);
  const names = graph.names();
  const rounded = 0.2;
  const isNear = (a: Point, b: Point) => Math.abs(a[0] - b[0]) <= rounded && Math.abs(a[1] - b[1]) <= rounded;
  const open = { solid: [...picture.edges], dashed: [...picture.orderOnlyEdges] };
  for (const [to, name] of names.entries()) {
    for (const dependency of graph.dependencies(name)) {
      const from = names.indexOf(dependency);
      const [begin, end] = edgeEnds(boxes[from]!, boxes[to]!, direction);
      const isEdge = (way: string) => isNear(pointsAlong(way)[0]!, begin) && isNear(pointsAlong(way).at(-1)!, end);
      const ways = open.solid.some(isEdge) ? open.solid : open.dashed;
      const [way] = ways.splice(ways.findIndex(isEdge), 1);
      if (way === undefined || !isEdge(way)) {
        problems.push(`there is no edge ${from} to ${to}`);
        continue;
      }
      if (!picture.arrows.some((head) => isNear(head, end))) problems.push(`edge ${from} to ${to} has no arrowhead`);
      for (const point of pointsAlong(way)) {
        for (const [box, rectangle] of boxes.entries())
          if (isWithin(point, rectangle, rounded)) problems.push(`edge ${from} to ${to} is in box ${box}`);
      }
    }
  }
  if (open.solid.length + open.dashed.length > 0) problems.push('there are edges that belong to nothing');
  return problems;
}

describe('toSVG()', () => {
  it('tells the status of each task by class and mark, io-bound tasks by round ends, and what only orders by dashes', () => {
    const picture = drawn(known());
    expect(picture.boxes.map(({ title, status, isRound, markCount }) => [title, status, isRound, markCount])).toEqual([
      ['a: done, io-bound', 'done', true, 1],
      ['b: failed', 'failed', false, 1],
      ['c: skipped', 'skipped', false, 1],
      ['d: done', 'done', false, 1],
      ['e: pending', 'pending', false, 1],
    ]);
    expect(picture.boxes.map(({ texts }) => texts)).toEqual([['a'], ['b'], ['c'], ['d'], ['e']]);
    expect([picture.edges.length, picture.orderOnlyEdges.length]).toEqual([2, 2]);
    expect(picture.legend).toEqual(['pending', 'done', 'failed', 'skipped', 'io-bound', 'order only']);
    expect(picture.title).toBe('known: 5 tasks: 1 pending, 2 done, 1 failed, 1 skipped');
  });

  it('is a picture for those who cannot see it, and a file of its own', () => {
    const svg = known().toSVG();
    const { root } = drawnIn(svg);
    expect(root.attributes).toMatchObject({
      role: 'img',
      'aria-label': 'known: 5 tasks: 1 pending, 2 done, 1 failed, 1 skipped',
    });
    expect(root.attributes['viewBox']).toBe(`0 0 ${root.attributes['width']} ${root.attributes['height']}`);
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
      /http|url\(|href|<script|<foreignObject|\son\w+=|@import/i,
    );
    expect(svg).toContain('@media (prefers-color-scheme:dark)');
    // Names of elements would meet those of the page around it.
    expect([...elementsIn(root)].filter(({ attributes }) => 'id' in attributes)).toEqual([]);
  });

  it('tells a task that is running, and one whose result was given', () => {
    const pictures: Drawn[] = [];
    const graph: TaskGraph = new TaskGraphBuilder<any>()
      .add({ name: 'a', run: () => pictures.push(drawn(graph)) }, { name: 'b', run: () => 1 })
      .build({ done: ['b'] }) as TaskGraph;
    new SyncExecutor().run(graph);
    expect(pictures[0]!.boxes.map(({ status }) => status)).toEqual(['running', 'kept']);
  });

  it('leaves out what is known of tasks, if asked to', () => {
    const picture = drawn(known(), { outcomes: false });
    expect(picture.boxes.map(({ status, markCount }) => `${status} ${markCount}`)).toEqual(
      Array.from({ length: 5 }, () => 'pending 0'),
    );
    expect(picture.title).toBe('known: 5 tasks');
    expect(picture.legend).toEqual(['io-bound', 'order only']);
  });

  it('shows how long tasks took, of those that are known', () => {
    const picture = drawn(known(), {
      durations: new Map([
        ['a', 1234],
        ['b', 5],
        ['c', Number.NaN],
        ['x', 9],
      ]),
    });
    expect(picture.boxes.map(({ texts }) => texts)).toEqual([['a', '1.2 s'], ['b', '5.0 ms'], ['c'], ['d'], ['e']]);
    expect(boxNamed(picture, 'a').title).toBe('a: done, io-bound, 1.2 s');
  });

  it('has the title that is asked for, or none, and the legend unless it is not wanted', () => {
    expect(drawn(known()).texts).toContain('known');
    const titled = drawn(known(), { title: 'Last night', legend: false });
    expect(titled.texts).toContain('Last night');
    expect(titled.texts).not.toContain('known');
    expect(titled.legend).toEqual([]);
    expect(titled.title).toMatch(/^Last night: /);
    const untitled = drawn(known(), { title: '' });
    expect(untitled.texts).not.toContain('known');
    expect(untitled.title).toMatch(/^known: /);
  });

  it('of no task and of one is a picture', () => {
    const nothing = drawn(ofNames([]));
    expect(nothing.boxes).toEqual([]);
    expect(nothing.title).toBe('names: 0 tasks');
    const one = drawn(ofNames(['only']));
    expect(one.boxes).toHaveLength(1);
    expect(one.title).toBe('names: 1 task: 1 pending');
    expect(one.edges).toEqual([]);
  });

  it('is wide enough for what is in it', () => {
    const { root, boxes, texts } = drawn(ofNames(['a'], 'a graph with quite a long name'));
    expect(texts[0]).toBe('a graph with quite a long name');
    expect(Number(root.attributes['width'])).toBeGreaterThan(200);
    for (const { x, y, width, height } of boxes) {
      expect(x + width).toBeLessThan(Number(root.attributes['width']));
      expect(y + height).toBeLessThan(Number(root.attributes['height']));
    }
  });

  it.each([
    [{ direction: 'left' }, 'direction'],
    [{ title: 5 }, 'title'],
    [{ group: true }, 'group'],
    [{ group: () => 5 }, 'group'],
    [{ durations: { a: 5 } }, 'durations'],
  ])('refuses %o', (options, option) => {
    expect(() => known().toSVG(options as unknown as GraphPictureOptions)).toThrow(InvalidOptionError);
    expect(() => known().toSVG(options as unknown as GraphPictureOptions)).toThrow(`\`${option}\``);
  });
});

describe.each(['right', 'down'] as const)('to the %s', (direction) => {
  it('no boxes overlap, edges begin and end at their boxes and pass through none, whatever the graph', () => {
    fc.assert(
      fc.property(randomGraph({ sizeMax: 20, fanInMax: 3 }), (random) => {
        const graph = builderOf(random).build() as TaskGraph;
        expect(problemsOf(drawn(graph, { direction }), graph, direction)).toEqual([]);
      }),
      propertyOptions(60),
    );
  });
});

describe('names', () => {
  it('are text, whatever they are', () => {
    for (const options of [
      {},
      { direction: 'down' },
      { group: (name: string) => name },
      { group: () => '</title><script>' },
    ] as const) {
      for (const name of ['</svg><script>alert(1)</script>', HOSTILE_NAMES.at(-1)!, '']) {
        const svg = ofNames(HOSTILE_NAMES, name).toSVG(options);
        expect(new Set([...elementsIn(drawnIn(svg).root)].map((element) => element.name))).toEqual(
          new Set(['svg', 'title', 'style', 'rect', 'text', 'g', 'path']),
        );
        expect(svg.length).toBeLessThan(30_000);
      }
    }
  });

  it('are seen as they are, long ones by their beginning', () => {
    const picture = drawn(ofNames(HOSTILE_NAMES));
    expect(picture.boxes).toHaveLength(HOSTILE_NAMES.length);
    for (const [place, name] of HOSTILE_NAMES.entries()) {
      const [label] = picture.boxes[place]!.texts;
      if (name.length > 300) expect(label).toMatch(/^n+…$/);
      else if (name.trim() === '') expect(label).toBe(`"${shownText(name)}"`);
      else expect(label).toBe(shownText(name));
    }
    const long = boxNamed(picture, `${'n'.repeat(300)}…`);
    expect(long.width).toBeLessThan(300);
  });
});

/** So many tasks of each kind: load:0 ─► parse:0 ─► save:0, and so on. */
function kinds(count: number): TaskGraph {
  const specs = Array.from({ length: count }, (_, id) => [
    { name: `load:${id}`, ioBound: true, run: () => 1 },
    {
      name: `parse:${id}`,
      dependsOn: [`load:${id}`],
      run: () => {
        if (id === 0) throw new Error('no');
        return 1;
      },
    },
    { name: `save:${id}`, after: [`parse:${id}`], run: () => 1 },
  ]);
  return new TaskGraphBuilder<any>({ name: 'kinds' })
    .add(...specs.flat(), { name: 'end', after: ['save:0'], run: () => 1 })
    .build() as TaskGraph;
}

describe('groups', () => {
  it('are levels also where there is no room for as many as names tell, or for their edges', () => {
    const words = Array.from({ length: 700 }, (_, id) => `${String.fromCodePoint(0x4e00 + id)} x`);
    const distinct = new TaskGraphBuilder<any>().add(...words.map((name) => ({ name, run: () => 1 }))).build();
    expect(drawn(distinct as TaskGraph).boxes.map(({ title }) => title)).toEqual(['level 1: 700 tasks, 700 pending']);
    const dense = new TaskGraphBuilder<any>()
      .add(...words.slice(0, 144).map((name, id) => ({ name, after: id < 72 ? [] : words.slice(0, 72), run: () => 1 })))
      .build();
    expect(drawn(dense as TaskGraph).boxes.map(({ title }) => title)).toEqual([
      'level 1: 72 tasks, 72 pending',
      'level 2: 72 tasks, 72 pending',
    ]);
    expect(drawn(dense as TaskGraph, { group: false }).boxes).toHaveLength(144);
  });

  it('are drawn of more than 500 tasks, each with how many of them have which status', () => {
    expect(drawn(kinds(166)).boxes).toHaveLength(499);
    const graph = kinds(167);
    new SyncExecutor().run(graph);
    const picture = drawn(graph, {
      durations: new Map([
        ['load:0', 1000],
        ['load:1', 2000],
      ]),
    });
    expect(picture.boxes.map(({ title, status }) => [title, status])).toEqual([
      ['load: 167 tasks, 167 done; 3.0 s', 'done'],
      ['parse: 167 tasks, 166 done, 1 failed', 'failed'],
      ['save: 167 tasks, 166 done, 1 skipped', 'done'],
      ['end: skipped', 'skipped'],
    ]);
    expect(picture.texts).toEqual(expect.arrayContaining(['load', '167 tasks', '167', '166', '1', '3.0 s']));
    expect([picture.edges.length, picture.orderOnlyEdges.length]).toEqual([1, 2]);
    expect(picture.legend).toEqual(['done', 'failed', 'skipped', 'order only', 'several tasks']);
  });

  it('have a bar whose parts are as long as their share of tasks', () => {
    const graph = kinds(200);
    new SyncExecutor().run(graph);
    const bars = [...elementsIn(drawn(graph).root)]
      .filter(({ attributes }) => attributes['class'] === 's')
      .map(({ attributes }) => Number(attributes['width']));
    // Of load: all done; of parse and save: all but one, and that one.
    expect(bars).toHaveLength(5);
    for (const at of [1, 3]) {
      expect(bars[at]! + bars[at + 1]!).toBeCloseTo(bars[0]!, 0);
      expect(bars[at + 1]! / bars[0]!).toBeCloseTo(1 / 200, 2);
    }
  });

  it('are those that a function tells, also of few tasks; and none if they are not wanted', () => {
    const picture = drawn(known(), { group: (name) => (name < 'c' ? 'first' : 'rest') });
    expect(picture.boxes.map(({ title }) => title)).toEqual([
      'first: 2 tasks, 1 done, 1 failed',
      'rest: 3 tasks, 1 pending, 1 done, 1 skipped',
    ]);
    expect(drawn(known(), { group: (name) => (name < 'c' ? 'first' : 'rest'), outcomes: false }).boxes[0]!.title).toBe(
      'first: 2 tasks',
    );
    expect(drawn(kinds(200), { group: false }).boxes).toHaveLength(601);
  });

  it('are levels where names tell nothing', () => {
    const size = 600;
    const specs = Array.from({ length: size }, (_, id) => ({
      name: `t${id}`,
      after: id < 200 ? [] : [`t${id - 200}`],
      run: () => 1,
    }));
    const graph = new TaskGraphBuilder<any>().add(...specs).build() as TaskGraph;
    const picture = drawn(graph);
    expect(picture.boxes.map(({ title }) => title)).toEqual(
      [1, 2, 3].map((level) => `t, level ${level}: 200 tasks, 200 pending`),
    );
    expect(picture.edges).toHaveLength(2);
    const chain = new TaskGraphBuilder<any>()
      .add(
        ...Array.from({ length: size }, (_, id) => ({
          name: `t${id}`,
          after: id === 0 ? [] : [`t${id - 1}`],
          run: () => 1,
        })),
      )
      .build() as TaskGraph;
    // The picture says why it does not show all of them.
    const said = (...args: Parameters<typeof drawn>) =>
      drawn(...args).texts.filter((text) => text.includes('too many'));
    expect(said(graph)[0]).toMatch(/too many to be drawn one by one: a box for those of a level$/);
    expect(said(kinds(200))[0]).toMatch(/too many to be drawn one by one: a box for those whose names begin alike$/);
    expect(said(graph, { group: false })).toEqual([]);
    expect(said(graph, { group: () => 'all' })).toEqual([]);
    const levels = drawn(chain).boxes.map(({ title }) => title);
    expect(levels[0]).toBe('t, levels 1 to 25: 25 tasks, 25 pending');
    expect(levels.at(-1)).toBe('t, levels 576 to 600: 25 tasks, 25 pending');
  });
});

it('a picture of 10 000 tasks has a box for each and an edge for each dependency, and of as many in groups it is small', () => {
  // Rows of 100, each of which waits for three of the row above.
  const width = 100;
  const nameOf = (id: number) => `kind${Math.floor(id / width) % 7}:${id}`;
  const specs = Array.from({ length: 10_000 }, (_, id) => {
    const above = id - (id % width) - width;
    return {
      name: nameOf(id),
      after: above < 0 ? [] : [1, 7, 29].map((step) => nameOf(above + ((id * step) % width))),
      run: () => 1,
    };
  });
  const graph = new TaskGraphBuilder<any>().add(...specs).build() as TaskGraph;
  const all = drawn(graph, { group: false });
  expect(all.boxes).toHaveLength(10_000);
  expect(all.edges.length + all.orderOnlyEdges.length).toBe(
    graph.names().reduce((sum, name) => sum + graph.dependencies(name).length, 0),
  );
  expect(all.orderOnlyEdges.length).toBeGreaterThan(20_000);
  expect(overlaps(all.boxes, 0.2)).toEqual([]);
  // For each box a group, title, rectangle, mark and text; for each edge a path; and a few around them.
  expect(all.elementCount).toBeLessThan(10_000 * 5 + all.orderOnlyEdges.length + 100);
  expect(drawn(graph).elementCount).toBeLessThan(1_000);
});
