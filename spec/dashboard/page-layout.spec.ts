import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Boxes, type Edges, type Layout, layoutOf } from '../../src/dashboard/page/layout.js';

const BOXES: Boxes = { width: 100, height: 20, gapX: 40, gapY: 10 };

/** @param needs - of each box, those that it needs */
function edgesOf(needs: readonly (readonly number[])[]): Edges {
  const starts = [0];
  const ids: number[] = [];
  for (const one of needs) starts.push(ids.push(...one));
  return { size: needs.length, starts, ids };
}

const acyclic = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 60 })
  .map((drawn) => drawn.map((one, index) => (index === 0 ? [] : one.map((place) => place % index))));
const any = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 20 })
  .map((drawn) => drawn.map((one) => one.map((place) => place % drawn.length)));

function overlaps({ x, y }: Layout): string[] {
  const found: string[] = [];
  for (let a = 0; a < x.length; a++) {
    for (let b = 0; b < a; b++) {
      const isApart = Math.abs(x[a]! - x[b]!) >= BOXES.width - 1e-6 || Math.abs(y[a]! - y[b]!) >= BOXES.height - 1e-6;
      if (!isApart) found.push(`${a} and ${b}`);
    }
  }
  return found;
}

describe('the layout of a graph', () => {
  it('puts each box behind all that it needs, and none onto another or beyond the edge', () => {
    fc.assert(
      fc.property(acyclic, fc.constantFrom(0.5, 1, 3), (needs, aspect) => {
        const layout = layoutOf(edgesOf(needs), BOXES, aspect);
        expect(overlaps(layout)).toEqual([]);
        for (const { from, to } of layout.edges)
          expect(layout.x[to]! - layout.x[from]!).toBeGreaterThanOrEqual(BOXES.width + BOXES.gapX - 1e-6);
        for (let box = 0; box < needs.length; box++) {
          expect(Math.min(layout.x[box]!, layout.y[box]!)).toBeGreaterThanOrEqual(-1e-6);
          expect(layout.x[box]! + BOXES.width).toBeLessThanOrEqual(layout.width + 1e-6);
          expect(layout.y[box]! + BOXES.height).toBeLessThanOrEqual(layout.height + 1e-6);
        }
      }),
    );
  });

  it('has a place for boxes that need each other in circles, too', () => {
    fc.assert(
      fc.property(any, (needs) => {
        const layout = layoutOf(edgesOf(needs), BOXES, 2);
        expect(overlaps(layout)).toEqual([]);
        expect(layout.edges).toHaveLength(needs.flatMap((one, index) => one.filter((other) => other !== index)).length);
      }),
    );
  });

  // a ─► b ─► c ─► d
  // └─────────────►┘
  it('lets a long edge run between boxes, not behind them', () => {
    const { edges, y } = layoutOf(edgesOf([[], [0], [1], [2, 0]]), BOXES, 2);
    const long = edges.find(({ from, to }) => from === 0 && to === 3)!;
    expect(long.through).toHaveLength(4);
    for (const [place, box] of [1, 2].entries())
      expect(Math.abs(long.through[2 * place + 1]! - (y[box]! + BOXES.height / 2))).toBeGreaterThan(BOXES.height / 2);
  });

  // a ─► c    declared so that the edges would cross
  // b ─► d
  it('orders boxes so that edges do not cross where they need not', () => {
    const { y } = layoutOf(edgesOf([[], [], [1], [0]]), BOXES, 2);
    expect(Math.sign(y[0]! - y[1]!)).toBe(Math.sign(y[3]! - y[2]!));
  });

  it('stands a crowded layer in several columns', () => {
    const { width, height } = layoutOf(edgesOf(Array.from({ length: 100 }, () => [])), BOXES, 2);
    expect(width / height).toBeGreaterThan(1);
    expect(width / height).toBeLessThan(4);
  });

  it('places ten thousand boxes without comparing each with each', () => {
    const needs = Array.from({ length: 10_000 }, (_, box) => (box < 100 ? [] : [box - 100, box - 99]));
    expect(layoutOf(edgesOf(needs), BOXES, 2).edges).toHaveLength(19_800);
  });
});
