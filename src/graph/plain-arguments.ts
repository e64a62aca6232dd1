import type { Topology } from './topology.js';

/** A value that goes along with a task as an argument, among the results of its dependencies. */
export interface PlainArgument {
  /** Where it stands among all of them, counted from 0. */
  readonly at: number;
  readonly value: unknown;
}

/** The plain arguments of those tasks that have any. */
export type PlainArguments = ReadonlyMap<number, readonly PlainArgument[]>;

/**
 * What a task takes, in order: a plain argument, or the number of a task whose result it is. `undefined` if it takes
 * results alone.
 */
export function mixedArguments(
  { plain, topology }: { readonly plain: PlainArguments | undefined; readonly topology: Topology },
  id: number,
): (PlainArgument | number)[] | undefined {
  const values = plain?.get(id);
  if (values === undefined) return undefined;
  const { starts, ids } = topology.inputs;
  const mixed: (PlainArgument | number)[] = [...ids.subarray(starts[id], starts[id + 1])];
  for (const value of values) mixed.splice(value.at, 0, value);
  return mixed;
}

/** What messages call the plain argument of this index. */
export function plainName(index: number): string {
  return `argument ${index + 1} of with()`;
}
