const NAMES_EXAMINED_MAX = 10_000;
const LENGTH_MAX = 100;

/**
 * The name that a mistyped one was probably meant to be, or `undefined` if none is near enough. Looks at the first 10 000 names only,
 * so that a wrong name in a huge graph does not cost more than the graph itself.
 */
export function nearestName(wrong: string, names: Iterable<string>): string | undefined {
  if (wrong.length > LENGTH_MAX) return undefined;
  let nearest: string | undefined;
  // Of a name of one letter nothing would be left that the two have in common.
  let smallest = Math.min(Math.max(1, Math.floor(wrong.length / 3)) + 1, Math.max(1, wrong.length));
  let examined = 0;
  for (const name of names) {
    if (++examined > NAMES_EXAMINED_MAX) break;
    if (Math.abs(name.length - wrong.length) >= smallest || name === wrong) continue;
    const distance = editDistance(wrong.toLowerCase(), name.toLowerCase(), smallest);
    if (distance < smallest) {
      smallest = distance;
      nearest = name;
    }
  }
  return nearest;
}

/**
 * How many letters must be put in, dropped, replaced, or swapped with their neighbour (optimal string alignment: Boytsov, JEA 16, 2011).
 *
 * @param limit - from here on the exact number does not matter, and any number of at least `limit` may be returned
 */
export function editDistance(a: string, b: string, limit: number = Number.POSITIVE_INFINITY): number {
  let beforePrevious: number[] = [];
  let previous: number[] = [];
  let current: number[] = [];
  for (let column = 0; column <= b.length; column++) previous.push(column);
  for (let row = 1; row <= a.length; row++) {
    const letter = a.charCodeAt(row - 1);
    let smallest = row;
    current[0] = row;
    for (let column = 1; column <= b.length; column++) {
      const same = letter === b.charCodeAt(column - 1);
      let cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1));
      const swapped =
        row > 1 &&
        column > 1 &&
        letter === b.charCodeAt(column - 2) &&
        a.charCodeAt(row - 2) === b.charCodeAt(column - 1);
      if (swapped) cost = Math.min(cost, beforePrevious[column - 2]! + 1);
      current[column] = cost;
      if (cost < smallest) smallest = cost;
    }
    // No later row gets below this one, and a swap, which costs 1, starts from the row before it, which is lower by 1 at most.
    if (smallest >= limit) return limit;
    const free = beforePrevious;
    beforePrevious = previous;
    previous = current;
    current = free;
  }
  return previous[b.length]!;
}
