import fc from 'fast-check';
import { decodeValue, encodeValue } from 'taskmap-ts/codec';
import { describe, expect, test, vi } from 'vitest';
import { pack, unpack } from '../../src/codec/crossing.js';
import { hashValue } from '../../src/codec/value-hash.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';
import { refusedValues, valuesByKind } from '../support/values.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

const KINDS = valuesByKind().filter(([kind]) => !['an array that is mostly holes', 'long text'].includes(kind));
const REFUSED = refusedValues().filter(([kind]) => !kind.includes('shared memory'));

/** How parts are put together: each step makes a container of what was made before, which so stands in many places. */
interface Step {
  readonly container: 'array' | 'object' | 'bare' | 'map' | 'keys' | 'set' | 'error' | 'circle';
  readonly parts: readonly number[];
}

const step: fc.Arbitrary<Step> = fc.record({
  container: fc.constantFrom('array', 'object', 'bare', 'map', 'keys', 'set', 'error', 'circle'),
  parts: fc.array(fc.nat(100), { maxLength: 4 }),
});

function randomValue(leaves: fc.Arbitrary<readonly [string, unknown]>): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.array(leaves, { minLength: 1, maxLength: 4 }), fc.array(step, { maxLength: 8 }))
    .map(([first, steps]) => {
      const made: unknown[] = first.map(([, value]) => value);
      for (const { container, parts } of steps)
        made.push(
          containerOf(
            container,
            parts.map((at) => made[at % made.length]),
          ),
        );
      return made.at(-1);
    });
}

function containerOf(container: Step['container'], parts: readonly unknown[]): unknown {
  const named = Object.fromEntries(parts.map((part, index) => [`k${index}`, part]));
  switch (container) {
    case 'array':
      return [...parts];
    case 'object':
      return { ...named, ['__proto__']: parts[0] };
    case 'bare':
      return Object.assign(Object.create(null), named);
    case 'map':
      return new Map(Object.entries(named));
    case 'keys':
      return new Map(parts.map((part, index) => [part, index]));
    case 'set':
      return new Set(parts);
    case 'error':
      return Object.assign(new AggregateError(parts, 'some', { cause: parts[0] }), named);
    case 'circle': {
      const circle: Record<string, unknown> = named;
      circle['self'] = [circle, new Map([[circle, circle]])];
      return circle;
    }
    default:
      return container satisfies never;
  }
}

function clonedOf(value: unknown): unknown {
  const packed = pack(value);
  return packed === undefined ? structuredClone(value) : unpack(structuredClone(packed));
}

describe('a random value', () => {
  const property = fc.property(randomValue(fc.constantFrom(...KINDS)), (value) => {
    const hash = hashValue(value);
    const bytes = encodeValue(value);
    for (const there of [clonedOf(value), decodeValue(bytes), decodeValue(encodeValue(clonedOf(value)))])
      expect(hashValue(there)).toBe(hash);
    // Neither of them has changed it.
    expect(hashValue(value)).toBe(hash);
    // Not byte by byte: the engine writes one number in either of two ways.
    expect(decodeValue(encodeValue(value))).toStrictEqual(decodeValue(bytes));
    expect(clonedOf(value)).toStrictEqual(decodeValue(bytes));
  });

  test('is the same on the other side of each border, and has the same hash there', () => {
    fc.assert(property, propertyOptions(1_000));
  });

  test('with something in it that cannot cross is refused at each border for the same part', () => {
    const leaves = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...KINDS) },
      fc.constantFrom(...REFUSED.map(([kind, value]) => [kind, value] as const)),
    );
    fc.assert(
      fc.property(randomValue(leaves), (value) => {
        const part = partRefusedBy(() => pack(value));
        expect(partRefusedBy(() => encodeValue(value, 'result'))).toBe(part);
        expect(partRefusedBy(() => hashValue(value))).toBe(part);
        if (part === undefined) expect(hashValue(clonedOf(value))).toBe(hashValue(value));
      }),
      propertyOptions(1_000),
    );
  });
});

function partRefusedBy(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { part: string }).part;
  }
}
