import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { componentsOf, edgesBetween } from '../../src/drawing/edge-lists.js';
import { groupsOf, type TaskGroups } from '../../src/drawing/groups.js';
import { openGraph } from '../../src/graph/task-graph.js';
import {
  builderOf,
  HOSTILE_NAMES,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  randomGraph,
} from '../support/random-graph.js';
import { idLists } from '../support/topologies.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** The group of each task by name, of tasks given with what they depend on. */
function grouped(
  tasks: Readonly<Record<string, readonly string[]>>,
  group?: (name: string) => string,
): TaskGroups & { readonly byTask: string[] } {
  const names = Object.keys(tasks);
  const { starts, ids } = idLists(
    Object.values(tasks).map((dependencies) => dependencies.map((name) => names.indexOf(name))),
  );
  const found = groupsOf(names, starts, ids, group);
  return { ...found, byTask: found.groups.map((place) => found.groupNames[place]!) };
}

/** The group of each of some names, none of which depends on another. */
function named(...names: string[]): string[] {
  const { groups, groupNames } = groupsOf(names, new Int32Array(names.length + 1), []);
  return groups.map((place) => groupNames[place]!);
}

describe('the group of a name', () => {
  it.each([
    ['resize:12', 'resize'],
    ['resize-12', 'resize'],
    ['resize_12', 'resize'],
    ['resize12', 'resize'],
    ['resize 12', 'resize'],
    ['resize(12)', 'resize'],
    ['resize[12]', 'resize'],
    ['resize', 'resize'],
    ['gzip left-pad', 'gzip'],
    ['step-3-4', 'step'],
    ['hello-world-1', 'hello-world'],
    ['sum-9f86d081', 'sum'],
    ['sum-deadbeef', 'sum-deadbeef'],
    ['sha256:left-pad', 'sha256'],
    ['/users/12', '/users'],
    ['a/b/c', 'a'],
    ['12', '#'],
    ['(1)', '#'],
    ['', ''],
    [':', ':'],
    ['任务1', '任务'],
    ['👩‍👩‍👧', '👩‍👩‍👧'],
    [`x${'1'.repeat(150)}y`, `x${'1'.repeat(150)}y`],
  ])('%j is %j', (name, group) => {
    expect(named(name, 'something else')[0]).toBe(group);
  });

  it('takes in a second or third word where all tasks have the same first ones', () => {
    expect(named('ci:lint:a', 'ci:lint:b', 'ci:test:a')).toEqual(['ci:lint', 'ci:lint', 'ci:test']);
    expect(named('a/b/c/1', 'a/b/d/1')).toEqual(['a/b/c', 'a/b/d']);
    expect(named('a/b/c/d', 'a/b/c/e')).toEqual(['a/b/c', 'a/b/c']);
    expect(named('t1', 't2', 't3')).toEqual(['t', 't', 't']);
    expect(named('a:1', 'a:2')).toEqual(['a', 'a']);
  });

  it('is what a function says, if one is given', () => {
    expect(grouped({ a: [], b: ['a'] }, (name) => name.toUpperCase()).byTask).toEqual(['A', 'B']);
  });
});

describe('the order of groups', () => {
  it('is topological, and where nothing is before anything, that of declaration', () => {
    // load ─► parse ─► save     log
    const tasks = {
      'save:1': ['parse:1'],
      'parse:1': ['load:1'],
      'load:1': [],
      log: [],
      'load:2': [],
      'parse:2': ['load:2'],
    };
    expect(grouped(tasks).groupNames).toEqual(['load', 'log', 'parse', 'save']);
    expect(grouped(tasks).groups).toEqual([3, 2, 0, 1, 0, 2]);
    expect(grouped({ 'b:1': [], 'a:1': [] }).groupNames).toEqual(['b', 'a']);
    expect(grouped({})).toMatchObject({ groups: [], groupNames: [] });
  });
});

describe('groups that wait for each other', () => {
  it('are cut where one begins again', () => {
    // a:1 ─► b:1 ─► a:2 ─► b:2 ─► c
    const { byTask, groupNames } = grouped({ 'a:1': [], 'b:1': ['a:1'], 'a:2': ['b:1'], 'b:2': ['a:2'], c: ['b:2'] });
    expect(byTask).toEqual(['a', 'b', 'a (2)', 'b (2)', 'c']);
    expect(groupNames).toEqual(['a', 'b', 'a (2)', 'b (2)', 'c']);
  });

  it('leave groups whole that only stand before or behind them', () => {
    // first:1 ─► a:1 ─► b:1 ─► a:2 ─► last:1, and first:2 ─► last:2
    const { byTask } = grouped({
      'first:1': [],
      'first:2': [],
      'a:1': ['first:1'],
      'b:1': ['a:1'],
      'a:2': ['b:1'],
      'last:1': ['a:2'],
      'last:2': ['first:2'],
    });
    expect(byTask).toEqual(['first', 'first', 'a', 'b', 'a (2)', 'last', 'last']);
  });

  it('are not cut where no edge goes back: the deeper one on average is the later one', () => {
    // a:1 ─► b:1     b:0 ─► a:9 goes against it
    const { byTask } = grouped({ 'b:0': [], 'a:9': ['b:0'], 'a:1': [], 'a:2': [], 'b:1': ['a:1'], 'b:2': ['a:2'] });
    expect(byTask).toEqual(['b', 'a (2)', 'a', 'a', 'b', 'b']);
  });

  it('are one if they take turns too often', () => {
    const tasks: Record<string, string[]> = { start: [] };
    let last = 'start';
    for (let turn = 0; turn < 30; turn++) {
      for (const name of ['forward', 'backward']) {
        tasks[`${name}:${turn}`] = [last];
        last = `${name}:${turn}`;
      }
    }
    tasks['end'] = [last];
    expect(grouped(tasks).groupNames).toEqual(['start', 'forward + backward', 'end']);
  });

  it('get no name that another group has', () => {
    const { byTask } = grouped({ 'a:1': [], 'b:1': ['a:1'], 'a:2': ['b:1'], other: [] }, (name) =>
      name === 'other' ? 'a (2)' : name[0]!,
    );
    expect(byTask).toEqual(['a', 'b', 'a (2) (2)', 'a (2)']);
  });
});

it('of any graph, groups stand in topological order and hold what was put into them together, or parts of it', () => {
  const cases = fc.tuple(randomGraph({ sizeMax: 40, fanInMax: 3 }), fc.integer({ min: 1, max: 6 }));
  fc.assert(
    fc.property(cases, ([drawn, count]) => {
      const { names, topology } = openGraph(builderOf(drawn).build());
      const { starts, ids } = topology.dependencies;
      const wanted = (name: string) => `g${names.indexOf(name) % count}`;
      const { groups, groupNames } = groupsOf(names, starts, ids, wanted);
      expect(groups).toHaveLength(names.length);
      expect(new Set(groupNames).size).toBe(groupNames.length);
      expect([...new Set(groups)].sort((a, b) => a - b)).toEqual(groupNames.map((_, place) => place));
      for (let task = 0; task < names.length; task++) {
        for (const dependency of ids.subarray(starts[task], starts[task + 1]))
          expect(groups[dependency]).toBeLessThanOrEqual(groups[task]!);
      }
      const between = edgesBetween(groups, groupNames.length, topology.dependencies);
      expect(new Set(componentsOf(between)).size).toBe(groupNames.length);
      for (const [task, group] of groups.entries()) {
        // Of more than three names the others are left out.
        if (groupNames[group]!.includes('…')) continue;
        expect(groupNames[group]!.split(' + ')).toContainEqual(expect.stringContaining(wanted(names[task]!)));
      }
    }),
    propertyOptions(300),
  );
});

it('takes any name, and long chains and wide graphs, without a call stack as deep as they are', () => {
  expect(named(...HOSTILE_NAMES)).toHaveLength(HOSTILE_NAMES.length);
  const size = 200_000;
  const names = Array.from({ length: size }, (_, id) => `t${id}`);
  const chain = idLists(names.map((_, id) => (id === 0 ? [] : [id - 1])));
  const own = groupsOf(names, chain.starts, chain.ids, (name) => name);
  expect(own.groupNames).toHaveLength(size);
  expect(own.groupNames.at(-1)).toBe(`t${size - 1}`);
  const turns = groupsOf(names, chain.starts, chain.ids, (name) => (Number(name.slice(1)) % 2 === 0 ? 'even' : 'odd'));
  expect(turns.groupNames).toEqual(['even + odd']);
});
