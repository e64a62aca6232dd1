import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { componentsOf, type EdgeLists, edgesBetween, levelsOf, reversed } from '../../src/drawing/edge-lists.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';
import { idLists } from '../support/topologies.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const listed = ({ starts, ids }: EdgeLists) =>
  Array.from({ length: starts.length - 1 }, (_, id) => Array.from(ids).slice(starts[id], starts[id + 1]));

/** For each vertex some of up to ten, itself among them, also twice. */
const anyEdges = fc
  .integer({ min: 0, max: 10 })
  .chain((size) =>
    fc.array(fc.array(fc.nat(Math.max(0, size - 1)), { maxLength: 3 }), { minLength: size, maxLength: size }),
  );

describe('reversed()', () => {
  it('lists the same edges at their other ends', () => {
    expect(listed(reversed(idLists([[], [0], [1, 0], []])))).toEqual([[1, 2], [2], [], []]);
    expect(listed(reversed(idLists([])))).toEqual([]);
  });
});

describe('edgesBetween()', () => {
  it('has each edge between groups once, and none within a group', () => {
    // 0 and 1 in group 1, 2 in group 0, 3 in group 2
    expect(listed(edgesBetween([1, 1, 0, 2], 3, idLists([[], [0], [0, 1], [2, 0, 1]])))).toEqual([[1], [], [0, 1]]);
  });
});

describe('levelsOf()', () => {
  it('counts what stands before each on the longest way', () => {
    // 3 ─► 0 ─► 2 ─► 4
    // └─────────► 2     1
    const { order, levels } = levelsOf(idLists([[3], [], [0, 3], [], [2]]));
    expect([...levels]).toEqual([1, 0, 2, 0, 3]);
    expect([...order]).toEqual([1, 3, 0, 2, 4]);
  });

  it('ends also where there is a cycle, and leaves it out', () => {
    expect([...levelsOf(idLists([[1], [0], []])).order]).toEqual([2]);
  });
});

describe('componentsOf()', () => {
  it('puts those together that can reach each other, behind those that they reach', () => {
    fc.assert(
      fc.property(anyEdges, (edges) => {
        const reaches = edges.map((dependencies, id) =>
          edges.map((_, other) => id === other || dependencies.includes(other)),
        );
        for (const between of edges.keys())
          for (const row of reaches)
            if (row[between]) for (const to of edges.keys()) row[to] ||= reaches[between]![to]!;
        const components = componentsOf(idLists(edges));
        for (const a of edges.keys()) {
          for (const b of edges.keys()) {
            expect(components[a] === components[b]).toBe(reaches[a]![b]! && reaches[b]![a]!);
            if (reaches[a]![b]) expect(components[a]).toBeGreaterThanOrEqual(components[b]!);
          }
        }
      }),
      propertyOptions(300),
    );
  });
});
