import { expect } from 'vitest';

const heldByProgram = new Map<string, Set<number>>();

/** What a program of the documentation checks its assertions with, which are numbered from 0. */
export function checkerOf(program: string): (assertion: number, actual: unknown, expected: unknown) => void {
  const held = new Set<number>();
  heldByProgram.set(program, held);
  return (assertion, actual, expected) => {
    expect(actual).toEqual(expected);
    held.add(assertion);
  };
}

/** How many different assertions of a program have held: fewer than it has if one stands where nothing ever gets to. */
export function heldCount(program: string): number {
  return heldByProgram.get(program)?.size ?? 0;
}
