import fc from 'fast-check';
import { CycleError, InvalidGraphError, TaskGraphBuilder } from 'taskmap-ts';
import { expect, test, vi } from 'vitest';
import { criticalPath, ranks, startOrder } from '../../src/graph/rank.js';
import { openGraph } from '../../src/graph/task-graph.js';
import { CYCLES_TOLD_MAX } from '../../src/graph/topology.js';
import { Model } from '../support/model.js';
import {
  builderOf,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  type RandomGraph,
  randomGraph,
} from '../support/random-graph.js';
import { listsOf, topologyOf } from '../support/topologies.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const open = (drawn: RandomGraph) => openGraph(builderOf(drawn).build());
const sorted = (ids: Iterable<number>) => [...ids].sort((a, b) => a - b);

test('order holds each task once, behind all its dependencies', () => {
  fc.assert(
    fc.property(randomGraph({ sizeMax: 30 }), (drawn) => {
      const order = [...open(drawn).topology.order];
      expect(sorted(order)).toEqual(drawn.tasks.map(({ id }) => id));
      for (const { id, dependsOn, after } of drawn.tasks) {
        for (const dependency of [...dependsOn, ...after])
          expect(order.indexOf(dependency)).toBeLessThan(order.indexOf(id));
      }
    }),
    propertyOptions(300),
  );
});

test('inputs, dependencies and dependents are the edges that were declared', () => {
  fc.assert(
    fc.property(randomGraph({ sizeMax: 30 }), (drawn) => {
      const { topology } = open(drawn);
      const model = new Model(drawn);
      expect(listsOf(topology.inputs)).toEqual(drawn.tasks.map(({ dependsOn }) => dependsOn));
      expect(listsOf(topology.dependencies)).toEqual(drawn.tasks.map(({ id }) => model.dependencies(id)));
      expect(listsOf(topology.dependents)).toEqual(
        drawn.tasks.map(({ id }) =>
          drawn.tasks.filter((task) => model.dependencies(task.id).includes(id)).map((task) => task.id),
        ),
      );
    }),
    propertyOptions(300),
  );
});

test('ancestors and descendants are those that recursion finds, in topological order', () => {
  fc.assert(
    fc.property(randomGraph({ fanInMax: 3 }), fc.array(fc.nat(11), { maxLength: 3 }), (drawn, roots) => {
      const { topology } = open(drawn);
      const model = new Model(drawn);
      const from = roots.filter((id) => id < drawn.size);
      const order = [...topology.order];
      for (const relation of ['ancestors', 'descendants'] as const) {
        const found = topology[relation](from);
        const expected = new Set(from.flatMap((id) => [...model[relation](id)]));
        for (const id of from) expected.delete(id);
        expect(sorted(found)).toEqual(sorted(expected));
        expect(found).toEqual(order.filter((id) => expected.has(id)));
      }
    }),
    propertyOptions(300),
  );
});

test('the rank of a task is the longest way that recursion finds, and the critical path is one of that length', () => {
  fc.assert(
    fc.property(randomGraph({ fanInMax: 3 }), (drawn) => {
      const { topology } = open(drawn);
      const model = new Model(drawn);
      const expected = drawn.tasks.map(({ id }) => model.rank(id));
      expect([...ranks(topology)]).toEqual(expected);
      const path = criticalPath(topology);
      expect(path).toHaveLength(Math.max(0, ...expected));
      for (const [place, id] of path.slice(1).entries()) expect(model.dependencies(id)).toContain(path[place]);
    }),
    propertyOptions(300),
  );
});

test('the order in which tasks start is that of a plain sort', () => {
  fc.assert(
    fc.property(randomGraph({ fanInMax: 3 }), (drawn) => {
      const { topology, settings } = open(drawn);
      const model = new Model(drawn);
      const rank = drawn.tasks.map(({ id }) => model.rank(id));
      const expected = [...drawn.tasks]
        .sort(
          (a, b) =>
            Number(b.ioBound) - Number(a.ioBound) ||
            b.priority - a.priority ||
            rank[b.id]! - rank[a.id]! ||
            a.id - b.id,
        )
        .map(({ id }) => id);
      const { ids, places, ioBoundCount } = startOrder(topology, settings);
      expect([...ids]).toEqual(expected);
      expect(expected.map((id) => places[id])).toEqual(expected.map((_, place) => place));
      expect(ioBoundCount).toBe(drawn.tasks.filter(({ ioBound }) => ioBound).length);
    }),
    propertyOptions(300),
  );
});

/** For each task whom it depends on, cycles and all. */
const anyEdges = fc
  .integer({ min: 0, max: 10 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.nat(Math.max(0, size - 1)), { maxLength: 3 }), { minLength: size, maxLength: size }),
  );

/** Which tasks can be reached from which, by trying all ways of up to as many edges as there are tasks (Warshall, JACM 9(1), 1962). */
function reaches(edges: readonly (readonly number[])[]): boolean[][] {
  const reached = edges.map((dependencies) => edges.map((_, id) => dependencies.includes(id)));
  for (const [between] of edges.entries()) {
    for (const row of reached) if (row[between]) for (const [to] of edges.entries()) row[to] ||= reached[between]![to]!;
  }
  return reached;
}

test('cycles tells closed paths along edges, and none if and only if no task needs itself', () => {
  fc.assert(
    fc.property(anyEdges, (edges) => {
      const topology = topologyOf(edges);
      const cycles = topology.cycles();
      const needsItself = reaches(edges).map((row, id) => row[id]);
      expect(cycles.length > 0).toBe(needsItself.includes(true));
      expect(cycles.length).toBeLessThanOrEqual(CYCLES_TOLD_MAX);
      for (const cycle of cycles) {
        expect(cycle.at(-1)).toBe(cycle[0]);
        expect(new Set(cycle).size).toBe(cycle.length - 1);
        for (const [place, id] of cycle.slice(1).entries()) expect(edges[id]).toContain(cycle[place]);
      }
      expect(new Set(cycles.map(String)).size).toBe(cycles.length);
    }),
    propertyOptions(500),
  );
});

test('without one edge of each cycle that was told, again and again, a graph has no cycle', () => {
  fc.assert(
    fc.property(anyEdges, (drawn) => {
      let edges: readonly (readonly number[])[] = drawn;
      for (let left = drawn.flat().length; ; left--) {
        const cycles = topologyOf(edges).cycles();
        if (cycles.length === 0) break;
        expect(left).toBeGreaterThan(0);
        for (const [first, second] of cycles)
          edges = edges.map((dependencies, id) =>
            id === second ? dependencies.filter((one) => one !== first) : dependencies,
          );
      }
      expect(reaches(edges).some((row, id) => row[id])).toBe(false);
    }),
    propertyOptions(300),
  );
});

test('build() refuses a graph if and only if it has a cycle', () => {
  fc.assert(
    fc.property(anyEdges, (edges) => {
      const builder = new TaskGraphBuilder<any>();
      for (const [id, dependencies] of edges.entries())
        builder.add({ name: `t${id}`, run: () => id, after: dependencies.map((one) => `t${one}`) });
      const hasCycle = reaches(edges).some((row, id) => row[id]);
      if (!hasCycle) {
        expect(builder.build().size).toBe(edges.length);
        return;
      }
      expect(() => builder.build()).toThrow(InvalidGraphError);
      expect(() => builder.build()).toThrow(expect.objectContaining({ cause: expect.any(CycleError) }));
    }),
    propertyOptions(300),
  );
});
