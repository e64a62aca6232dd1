import { componentsOf, type EdgeLists, edgesBetween, levelsOf } from './edge-lists.js';

/** Tasks put together, so that many of them can be shown as few. */
export interface TaskGroups {
  /** The group of each task, as a place in `groupNames`. */
  readonly groups: number[];
  /** Each name once, in topological order: no task depends on one whose group stands behind its own. */
  readonly groupNames: string[];
}

/** A group that would have to be cut into more parts than this is put together with those it takes turns with. */
const PARTS_MAX = 8;
const NAMES_JOINED_MAX = 3;

/**
 * Puts tasks into groups by their names, so that no group waits for itself by way of others.
 *
 * ```
 *   load:1 ─► parse:1          load ─► parse
 *   load:2 ─► parse:2
 *
 *   a:1 ─► b:1 ─► a:2          a ─► b ─► a (2)       a group that would be before and behind another one is cut into parts;
 *   a:1 ─► b:1 ─► … ─► a:99    a + b                 groups that take turns too often are one
 * ```
 *
 * @param names - of all tasks
 * @param dependencyStarts - where in `dependencies` the list of each task begins; one more at the end
 * @param dependencies - what each task depends on, one list after the other; there must be no cycle
 * @param group - the group of a task by its name. Default: what its name begins with, `resize` for `resize:12`, `resize 12` and `resize-12`
 */
export function groupsOf(
  names: readonly string[],
  dependencyStarts: ArrayLike<number>,
  dependencies: ArrayLike<number>,
  group: (name: string) => string = commonBeginnings(names),
): TaskGroups {
  const edges: EdgeLists = { starts: dependencyStarts, ids: dependencies };
  const wanted = numbered(names, group);
  const parts = withoutCycles(wanted.groups, wanted.groupNames, edges);
  return inTopologicalOrder(parts, edges);
}

function numbered(names: readonly string[], group: (name: string) => string): TaskGroups {
  const placeByName = new Map<string, number>();
  const groups = names.map((name) => {
    const groupName = group(name);
    let place = placeByName.get(groupName);
    if (place === undefined) {
      place = placeByName.size;
      placeByName.set(groupName, place);
    }
    return place;
  });
  return { groups, groupNames: [...placeByName.keys()] };
}

/**
 * Groups that wait for each other get an order, by how deep in the graph their tasks stand on average. Wherever an edge goes against that order, the next part
 * of the group begins. Then every edge goes to the same part and a later group of the order, or to a later part, so that no edges close a circle.
 */
function withoutCycles(groups: readonly number[], groupNames: readonly string[], edges: EdgeLists): TaskGroups {
  const cycleOf = componentsOf(edgesBetween(groups, groupNames.length, edges));
  const { order, levels } = levelsOf(edges);
  const places = placesByDepth(groups, groupNames.length, levels);
  const parts = new Int32Array(groups.length);
  const partCounts = new Int32Array(groupNames.length).fill(1);
  for (const task of order) {
    const own = groups[task]!;
    let part = 0;
    for (let edge = edges.starts[task]!; edge < edges.starts[task + 1]!; edge++) {
      const dependency = edges.ids[edge]!;
      const other = groups[dependency]!;
      if (cycleOf[other] === cycleOf[own])
        part = Math.max(part, parts[dependency]! + (places[other]! > places[own]! ? 1 : 0));
    }
    parts[task] = part;
    partCounts[cycleOf[own]!] = Math.max(partCounts[cycleOf[own]!]!, part + 1);
  }
  const joinedNames = namesByCycle(groupNames, cycleOf);
  const taken = new Set(groupNames);
  const nameByKey = new Map<string, string>();
  const nameOf = (key: string, wanted: string): string => {
    let name = nameByKey.get(key);
    if (name === undefined) {
      name = unused(wanted, taken);
      taken.add(name);
      nameByKey.set(key, name);
    }
    return name;
  };
  const partNames = groups.map((own, task) => {
    const cycle = cycleOf[own]!;
    if (partCounts[cycle]! > PARTS_MAX) return nameOf(`${cycle}`, joinedNames.get(cycle)!);
    const part = parts[task]!;
    return part === 0 ? groupNames[own]! : nameOf(`${own} ${part}`, `${groupNames[own]} (${part + 1})`);
  });
  return numbered(partNames, (name) => name);
}

/** The place of each group among all of them by the average level of its tasks; the one that was declared first, if they are equal. */
function placesByDepth(groups: readonly number[], groupCount: number, levels: Int32Array): Int32Array {
  const sums = new Float64Array(groupCount);
  const counts = new Int32Array(groupCount);
  for (const [task, group] of groups.entries()) {
    sums[group]! += levels[task]!;
    counts[group]!++;
  }
  const byDepth = Int32Array.from(sums, (_, group) => group).sort(
    (a, b) => sums[a]! / counts[a]! - sums[b]! / counts[b]! || a - b,
  );
  const places = new Int32Array(groupCount);
  for (const [place, group] of byDepth.entries()) places[group] = place;
  return places;
}

function namesByCycle(groupNames: readonly string[], cycleOf: Int32Array): Map<number, string> {
  const members = new Map<number, string[]>();
  for (const [group, name] of groupNames.entries()) {
    const known = members.get(cycleOf[group]!);
    if (known === undefined) members.set(cycleOf[group]!, [name]);
    else known.push(name);
  }
  const joined = (names: string[]) =>
    (names.length > NAMES_JOINED_MAX ? [...names.slice(0, NAMES_JOINED_MAX), '…'] : names).join(' + ');
  return new Map([...members].map(([cycle, names]) => [cycle, joined(names)]));
}

function unused(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count++) name = `${wanted} (${count})`;
  return name;
}

/** By level, and within a level the group first whose first task was declared first. */
function inTopologicalOrder({ groups, groupNames }: TaskGroups, edges: EdgeLists): TaskGroups {
  const { order } = levelsOf(edgesBetween(groups, groupNames.length, edges));
  const places = new Int32Array(groupNames.length);
  for (const [place, group] of order.entries()) places[group] = place;
  return {
    groups: groups.map((group) => places[group]!),
    groupNames: Array.from(order, (group) => groupNames[group]!),
  };
}

/** What ends a word of a name: `load:users`, `load/users`, `load users`, `load(users)`. */
const BETWEEN_WORDS = /[\s:/\\#|([{<,;=]+/g;
/** What tells tasks of one kind apart, as Dask's `key_split` sees it: a number, or a hash of eight digits or more. */
const COUNTER = /[-_.~@:/\\#|\s]?(?:\d+|\b(?=[a-f]*\d)[\da-f]{8,40})[\])}>]*$/i;
const HAS_WORD = /[^\p{P}\p{Z}]/u;
const NAME_LENGTH_MAX = 200;
const WORDS_MAX = 3;
/** For names that are nothing but numbers. */
const NUMBERS = '#';

/**
 * The group of a name is its first word, or all of it without the numbers at its end. If all tasks have the same first word, it says nothing, and two words are
 * taken; and three, if they have the same two.
 */
function commonBeginnings(names: readonly string[]): (name: string) => string {
  for (let words = 1; words < WORDS_MAX; words++) {
    const first = names.length === 0 ? '' : beginning(names[0]!, words);
    if (names.some((name) => beginning(name, words) !== first)) return (name) => beginning(name, words);
  }
  return (name) => beginning(name, WORDS_MAX);
}

function beginning(name: string, words: number): string {
  const text = name.slice(0, NAME_LENGTH_MAX);
  let word = 0;
  for (const { index, 0: between } of text.matchAll(BETWEEN_WORDS)) {
    // What a name begins or ends with is between no words: `/users/12`, `#1`.
    if (index > 0 && index + between.length < text.length && ++word === words) return text.slice(0, index);
  }
  return withoutCounters(text);
}

function withoutCounters(text: string): string {
  let kept = text;
  for (let shorter = kept.replace(COUNTER, ''); shorter !== kept; shorter = kept.replace(COUNTER, '')) kept = shorter;
  return kept !== text && !HAS_WORD.test(kept) ? NUMBERS : kept;
}
