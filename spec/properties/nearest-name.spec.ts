import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { editDistance, nearestName } from '../../src/graph/nearest-name.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** Words of few letters, so that they are often near each other. */
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A'), maxLength: 8 });

/** The same by plain recursion. */
function distanceBetween(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const shorter = (one: number, other: number) => distanceBetween(a.slice(one), b.slice(other));
  const costs = [shorter(1, 0) + 1, shorter(0, 1) + 1, shorter(1, 1) + (a[0] === b[0] ? 0 : 1)];
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]) costs.push(shorter(2, 2) + 1);
  return Math.min(...costs);
}

test('editDistance is that of plain recursion, up to the limit', () => {
  const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
  fc.assert(
    fc.property(short, short, fc.nat(8), (a, b, limit) => {
      const exact = distanceBetween(a, b);
      expect(editDistance(a, b)).toBe(exact);
      if (exact < limit) expect(editDistance(a, b, limit)).toBe(exact);
      else expect(editDistance(a, b, limit)).toBeGreaterThanOrEqual(limit);
    }),
    propertyOptions(500),
  );
});

test('nearestName is the first of the nearest names, if any is near enough', () => {
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 10 }), (wrong, names) => {
      const farthest = wrong.length <= 1 ? 0 : Math.max(1, Math.floor(wrong.length / 3));
      const candidates = names
        .filter((name) => name !== wrong)
        .map((name) => ({ name, distance: editDistance(wrong.toLowerCase(), name.toLowerCase()) }))
        .filter(({ distance }) => distance <= farthest);
      const smallest = Math.min(...candidates.map(({ distance }) => distance));
      expect(nearestName(wrong, names)).toBe(candidates.find(({ distance }) => distance === smallest)?.name);
    }),
    propertyOptions(500),
  );
});
