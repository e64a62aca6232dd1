import { InvalidOptionError } from '../errors.js';
import { type DrawnGraph, orderOnlyEdges } from './drawn-graph.js';
import { type EdgeLists, edgesBetween, levelsOf } from './edge-lists.js';
import { groupsOf } from './groups.js';
import { cut } from './markup.js';
import { type DrawnStatus, LOOKS } from './palette.js';

/** Which tasks are drawn as one box: those for whose names a function returns the same text; `false` for none. */
export type DrawnGroups = ((name: string) => string) | false | undefined;

/** A box of a drawing: a task, or a group of several. */
export interface Box {
  readonly name: string;
  /** The tasks in it. */
  readonly tasks: readonly number[];
}

/** What a drawing shows of a graph. */
export interface Boxes {
  readonly boxes: readonly Box[];
  /** The boxes that each box waits for. */
  readonly dependencies: EdgeLists;
  /** For each edge, in the order of `dependencies.ids`, a 1 if it only orders: no result goes along it. */
  readonly orderOnly: Uint8Array;
  /** What the tasks of a group have in common, if they were put together for want of room. */
  readonly groupedBy: 'name' | 'level' | undefined;
}

/** Of more boxes nobody could tell one from another. */
export const BOXES_MAX = 500;
/** Where names tell no groups apart, tasks are put together by their level, into so many groups at most. */
const LEVEL_GROUPS_MAX = 24;
/** So that there is room for the level behind it. */
const LEVEL_NAME_LENGTH_MAX = 20;

/**
 * A box for each task, if there is room for that; else for each group of tasks whose names begin alike; and if there
 * are too many of those as well, one for each level of the graph, or for some levels together, which there is always
 * room for.
 *
 * @param group - decides it otherwise, whatever room there is
 * @param fits - whether there is room for these boxes
 * @throws {@link InvalidOptionError}
 */
export function boxesOf(graph: DrawnGraph, group: DrawnGroups, fits: (boxes: Boxes) => boolean): Boxes {
  const { names, dependencies } = graph;
  if (group !== undefined && group !== false && typeof group !== 'function')
    throw new InvalidOptionError('group', 'a function that returns the group of a name, or false', group);
  if (group === undefined) {
    const single = singleBoxes(graph);
    if (fits(single)) return single;
    const { groups, groupNames } = groupsOf(names, dependencies.starts, dependencies.ids);
    if (groupNames.length === 1) return levelBoxes(graph, `${cut(groupNames[0]!, LEVEL_NAME_LENGTH_MAX)}, `);
    const grouped = groupedBoxes(graph, groups, groupNames, 'name');
    return fits(grouped) ? grouped : levelBoxes(graph, '');
  }
  if (group === false) return singleBoxes(graph);
  const checked = (name: string) => {
    const told = group(name);
    if (typeof told !== 'string') throw new InvalidOptionError('group', 'a function that returns a text', told, name);
    return told;
  };
  const { groups, groupNames } = groupsOf(names, dependencies.starts, dependencies.ids, checked);
  return groupedBoxes(graph, groups, groupNames, undefined);
}

function singleBoxes(graph: DrawnGraph): Boxes {
  const boxes = graph.names.map((name, task) => ({ name, tasks: [task] }));
  return { boxes, dependencies: graph.dependencies, orderOnly: orderOnlyEdges(graph), groupedBy: undefined };
}

function groupedBoxes(
  graph: DrawnGraph,
  groups: readonly number[],
  groupNames: readonly string[],
  groupedBy: 'name' | undefined,
): Boxes {
  const between = (edges: EdgeLists) => edgesBetween(groups, groupNames.length, edges);
  const dependencies = between(graph.dependencies);
  const orderOnly = orderOnlyEdges({ dependencies, inputs: between(graph.inputs) });
  return { boxes: boxesFor(graph, groups, groupNames), dependencies, orderOnly, groupedBy };
}

/**
 * By how many tasks stand before each on the longest way to it: every level waits for the one before it, and that is
 * all there is to be said.
 */
function levelBoxes(graph: DrawnGraph, before: string): Boxes {
  const { levels } = levelsOf(graph.dependencies);
  const levelCount = levels.reduce((most, level) => Math.max(most, level), 0) + 1;
  const groupCount = Math.min(levelCount, LEVEL_GROUPS_MAX);
  const groups = Array.from(levels, (level) => Math.floor((level * groupCount) / levelCount));
  const lastOf = (group: number) => Math.ceil(((group + 1) * levelCount) / groupCount);
  const groupNames = Array.from({ length: groupCount }, (_, group) => {
    const [first, last] = [lastOf(group - 1) + 1, lastOf(group)];
    return `${before}${first === last ? `level ${first}` : `levels ${first} to ${last}`}`;
  });
  const ids = Int32Array.from({ length: groupCount - 1 }, (_, place) => place);
  const starts = Int32Array.from({ length: groupCount + 1 }, (_, place) => Math.max(place - 1, 0));
  const boxes = boxesFor(graph, groups, groupNames);
  return { boxes, dependencies: { starts, ids }, orderOnly: new Uint8Array(ids.length), groupedBy: 'level' };
}

/** A group of one task is that task. */
function boxesFor({ names }: DrawnGraph, groups: readonly number[], groupNames: readonly string[]): Box[] {
  const members: number[][] = groupNames.map(() => []);
  for (const [task, group] of groups.entries()) members[group]!.push(task);
  return members.map((tasks, group) => ({
    name: tasks.length === 1 ? names[tasks[0]!]! : groupNames[group]!,
    tasks,
  }));
}

/** How many of some tasks have which status, those of a task's life in order. */
export type Counts = ReadonlyMap<DrawnStatus, number>;

export function countsOf({ statusOf }: DrawnGraph, tasks: readonly number[]): Counts {
  const counts = new Map<DrawnStatus, number>();
  for (const task of tasks) {
    const status = statusOf(task);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  const inOrder = (Object.keys(LOOKS) as DrawnStatus[]).filter((status) => counts.has(status));
  return new Map(inOrder.map((status) => [status, counts.get(status)!]));
}

/** What a group looks like as a whole: failed or running if anything in it is, else as most of it. */
export function lookOf(counts: Counts): DrawnStatus {
  if (counts.has('failed')) return 'failed';
  if (counts.has('running')) return 'running';
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}

/** `2 done, 1 failed` */
export function countsText(counts: Counts): string {
  return [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
}
