import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { EdgeLists } from '../../src/drawing/edge-lists.js';
import { type Layout, layeredLayout } from '../../src/drawing/layered-layout.js';
import { edgeEnds, overlap, overlaps, type Point, type Rectangle } from '../support/geometry.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';
import { idLists } from '../support/topologies.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** Boxes of some sizes, each of which depends on some of those before it; numbers do not follow the edges. */
const anyGraph = (sizeMax: number) =>
  fc
    .array(
      fc.record({
        behind: fc.uniqueArray(fc.nat(sizeMax), { maxLength: 4 }),
        width: fc.integer({ min: 1, max: 90 }),
        height: fc.integer({ min: 1, max: 60 }),
      }),
      {
        maxLength: sizeMax,
        size: 'max',
      },
    )
    .chain((boxes) =>
      fc.tuple(
        fc.constant(boxes),
        fc.shuffledSubarray(
          boxes.map((_, place) => place),
          { minLength: boxes.length },
        ),
      ),
    )
    .map(([boxes, numbers]) => {
      const dependencies: number[][] = boxes.map(() => []);
      for (const [place, { behind }] of boxes.entries()) {
        if (place > 0)
          dependencies[numbers[place]!] = [
            ...new Set(behind.map((distance) => numbers[place - 1 - (distance % place)]!)),
          ];
      }
      return { dependencies, widths: boxes.map(({ width }) => width), heights: boxes.map(({ height }) => height) };
    });

const rectanglesOf = ({ x, y, widths, heights }: Layout): Rectangle[] =>
  Array.from(x, (left, box) => ({ x: left, y: y[box]!, width: widths[box]!, height: heights[box]! }));

/** The points of each edge, with the boxes at its ends. */
function edgesOf(layout: Layout, { starts, ids }: EdgeLists): { from: number; to: number; points: Point[] }[] {
  const edges: { from: number; to: number; points: Point[] }[] = [];
  for (let to = 0; to + 1 < starts.length; to++) {
    for (let edge = starts[to]!; edge < starts[to + 1]!; edge++) {
      const points: Point[] = [];
      for (let point = layout.routes.starts[edge]!; point < layout.routes.starts[edge + 1]!; point++)
        points.push([layout.routes.x[point]!, layout.routes.y[point]!]);
      edges.push({ from: ids[edge]!, to, points });
    }
  }
  return edges;
}

const shared = 1e-6;

/** What is wrong with a layout. Collected, since there are too many things to look at for an assertion each. */
function problemsOf(dependencies: EdgeLists, layout: Layout, direction: 'right' | 'down'): string[] {
  const problems: string[] = [];
  const boxes = rectanglesOf(layout);
  for (const [one, other] of overlaps(boxes, shared)) problems.push(`boxes ${one} and ${other} overlap`);
  for (const [box, { x, y, width, height }] of boxes.entries()) {
    const isInside =
      x >= -shared && y >= -shared && x + width <= layout.width + shared && y + height <= layout.height + shared;
    if (!isInside) problems.push(`box ${box} is outside`);
  }
  const [along, across] = direction === 'right' ? ([0, 1] as const) : ([1, 0] as const);
  const isSame = (a: Point, b: Point) => Math.abs(a[0] - b[0]) < shared && Math.abs(a[1] - b[1]) < shared;
  for (const { from, to, points } of edgesOf(layout, dependencies)) {
    const edge = `edge ${from} to ${to}`;
    const [begin, end] = edgeEnds(boxes[from]!, boxes[to]!, direction);
    if (points.length < 2 || points.length % 2 !== 0) problems.push(`${edge} has ${points.length} points`);
    if (!isSame(points[0]!, begin) || !isSame(points.at(-1)!, end))
      problems.push(`${edge} does not begin or end at its boxes`);
    for (const [place, point] of points.entries()) {
      const next = points[place + 1];
      if (next === undefined) break;
      if (next[along] <= point[along]) problems.push(`${edge} goes back`);
      if (place % 2 === 1 && next[across] !== point[across]) problems.push(`${edge} is not straight past a layer`);
      // Whatever bend leads from here to there, it keeps within this rectangle; a straight line is one as well.
      const field = widened({
        x: Math.min(point[0], next[0]),
        y: Math.min(point[1], next[1]),
        width: Math.abs(next[0] - point[0]),
        height: Math.abs(next[1] - point[1]),
      });
      for (const [box, rectangle] of boxes.entries())
        if (overlap(field, rectangle, shared)) problems.push(`${edge} passes through box ${box}`);
    }
  }
  return problems;
}

/** A line as a rectangle that overlaps with what it passes through. */
function widened({ x, y, width, height }: Rectangle): Rectangle {
  return {
    x: x - (width === 0 ? 0.01 : 0),
    y: y - (height === 0 ? 0.01 : 0),
    width: width === 0 ? 0.02 : width,
    height: height === 0 ? 0.02 : height,
  };
}

const layoutOf = (dependencies: readonly (readonly number[])[], direction: 'right' | 'down' = 'right') =>
  layeredLayout({
    dependencies: idLists(dependencies),
    widths: dependencies.map(() => 80),
    heights: dependencies.map(() => 30),
    direction,
  });

describe.each(['right', 'down'] as const)('to the %s', (direction) => {
  it('no boxes overlap, edges begin and end at their boxes and pass through none, whatever the graph', () => {
    fc.assert(
      fc.property(anyGraph(24), ({ dependencies, widths, heights }) => {
        const lists = idLists(dependencies);
        expect(
          problemsOf(lists, layeredLayout({ dependencies: lists, widths, heights, direction }), direction),
        ).toEqual([]);
      }),
      propertyOptions(200),
    );
  });
});

describe('layeredLayout()', () => {
  it('of nothing is nothing, and of one box that box', () => {
    expect(layoutOf([])).toMatchObject({ width: 0, height: 0 });
    expect(layoutOf([[]])).toMatchObject({ width: 80, height: 30 });
  });

  it('draws a chain as a straight line', () => {
    const layout = layoutOf([[], [0], [1], [2]]);
    expect(new Set(layout.y).size).toBe(1);
    expect([...layout.x]).toEqual([...layout.x].sort((a, b) => a - b));
    expect(new Set(layout.routes.y).size).toBe(1);
  });

  it('draws the same to the right and down, but for the axes', () => {
    const dependencies = idLists([[], [0], [0], [1, 2], [0, 3]]);
    const sizes = [50, 50, 50, 50, 50];
    const right = layeredLayout({ dependencies, widths: sizes, heights: sizes, direction: 'right' });
    const down = layeredLayout({ dependencies, widths: sizes, heights: sizes, direction: 'down' });
    expect([...right.x]).toEqual([...down.y]);
    expect([...right.y]).toEqual([...down.x]);
    expect([...right.routes.x]).toEqual([...down.routes.y]);
  });

  it('puts a box in the middle of those on which it depends', () => {
    // 0 ─┐
    // 1 ─┼─► 3
    // 2 ─┘
    const { y } = layoutOf([[], [], [], [0, 1, 2]]);
    expect(y[3]).toBeCloseTo([...y.slice(0, 3)].sort((a, b) => a - b)[1]!, 3);
  });

  it('stands a box next to the only one that needs it', () => {
    // 0 ─► 1 ─► 2 ─► 3
    //           4 ──► 3
    const { x } = layoutOf([[], [0], [1], [2, 4], []]);
    expect(x[4]).toBe(x[2]);
  });

  it('draws trees without a crossing, in whatever order they are numbered', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 1, maxLength: 30 }), (parents) => {
        const dependencies = [[], ...parents.map((parent, place) => [parent % (place + 1)])];
        const lists = idLists(dependencies);
        expect(crossings(layoutOf(dependencies), lists)).toBe(0);
      }),
      propertyOptions(200),
    );
  });

  it('leaves no crossing where exchanging neighbours takes it away', () => {
    // 0 ─► 3, 1 ─► 2: crossed as declared
    const dependencies = [[], [], [1], [0], [2, 3]];
    expect(crossings(layoutOf(dependencies), idLists(dependencies))).toBe(0);
  });

  it('keeps the line past other boxes straight', () => {
    // 0 ─► 1 ─► 2 ─► 3 ─► 4, and 0 ─► 4
    const { routes } = layoutOf([[], [0], [1], [2], [3, 0]]);
    const past = [...routes.y.slice(routes.starts[4], routes.starts[5])].slice(1, -1);
    expect(past.length).toBe(6);
    for (const place of past) expect(place).toBeCloseTo(past[0]!, 0);
  });

  it('puts parts side by side that have nothing to do with each other, and boxes alone into rows', () => {
    const { x, y, width, height } = layoutOf([[1], [], ...Array.from({ length: 60 }, () => [])]);
    expect(new Set(x).size).toBeGreaterThan(4);
    expect(new Set(y).size).toBeGreaterThan(4);
    expect(width / height).toBeGreaterThan(1);
    expect(width / height).toBeLessThan(3);
  });

  it('says the same again', () => {
    fc.assert(
      fc.property(anyGraph(40), ({ dependencies, widths, heights }) => {
        const input = { dependencies: idLists(dependencies), widths, heights, direction: 'right' } as const;
        expect(layeredLayout(input)).toEqual(layeredLayout(input));
      }),
      propertyOptions(30),
    );
  });

  it('leads edges around everything where there would be too many lines past layers', () => {
    // a chain in which each box also needs the one that is half as far from the beginning
    const size = 1_500;
    const dependencies = Array.from({ length: size }, (_, box) =>
      box < 3 ? (box === 0 ? [] : [box - 1]) : [box - 1, box >> 1],
    );
    const lists = idLists(dependencies);
    const layout = layeredLayout({
      dependencies: lists,
      widths: dependencies.map(() => 80),
      heights: dependencies.map(() => 30),
      direction: 'right',
    });
    const top = Math.min(...layout.y);
    // Boxes of a chain stand in layers of their own, so an edge that passes several of them in one go goes around.
    const isAround = ({ from, to, points }: ReturnType<typeof edgesOf>[0]) => points.length === 4 && to - from > 2;
    const around = edgesOf(layout, lists).filter(isAround);
    expect(around.length).toBeGreaterThan(100);
    // Around lines as well, and within the picture.
    const others = edgesOf(layout, lists).filter((edge) => !isAround(edge));
    const lineTop = others.reduce(
      (least, { points }) => points.reduce((lesser, [, y]) => Math.min(lesser, y), least),
      Number.POSITIVE_INFINITY,
    );
    for (const { points } of around) expect(points[1]![1] >= 0 && points[1]![1] < Math.min(lineTop, top)).toBe(true);
    expect(layout.routes.x.length).toBeLessThan(200_000);
    for (const { from, to, points } of around) {
      expect(points[0]).toEqual([layout.x[from]! + layout.widths[from]!, layout.y[from]! + 15]);
      expect(points[3]).toEqual([layout.x[to]!, layout.y[to]! + 15]);
    }
    expect(overlaps(rectanglesOf(layout))).toEqual([]);
  });

  it('takes a chain of 100 000 boxes, and a hub of as many', () => {
    const chain = layoutOf(Array.from({ length: 100_000 }, (_, box) => (box === 0 ? [] : [box - 1])));
    expect(new Set(chain.y).size).toBe(1);
    const hub = layoutOf(Array.from({ length: 100_000 }, (_, box) => (box === 0 ? [] : [0])));
    expect(overlaps(rectanglesOf(hub))).toEqual([]);
  });
});

/** How many pairs of edges cross in a gap: both go from the same layer to the next one, and end in another order than they begin. */
function crossings(layout: Layout, dependencies: EdgeLists): number {
  const pieces = edgesOf(layout, dependencies).flatMap(({ points }) =>
    points.flatMap((point, place) =>
      place % 2 === 0 ? [{ gap: point[0], from: point[1], to: points[place + 1]![1] }] : [],
    ),
  );
  let count = 0;
  for (const [index, one] of pieces.entries()) {
    for (const other of pieces.slice(index + 1))
      if (one.gap === other.gap && (one.from - other.from) * (one.to - other.to) < -shared) count++;
  }
  return count;
}
