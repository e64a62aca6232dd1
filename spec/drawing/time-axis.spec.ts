import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ticksOf } from '../../src/drawing/time-axis.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

describe('ticksOf()', () => {
  it.each([
    [0.05, 5, ['0', '10 µs', '20 µs', '30 µs', '40 µs', '50 µs']],
    [1.2, 6, ['0', '0.2 ms', '0.4 ms', '0.6 ms', '0.8 ms', '1 ms', '1.2 ms']],
    [80, 8, ['0', '10 ms', '20 ms', '30 ms', '40 ms', '50 ms', '60 ms', '70 ms', '80 ms']],
    [1_100, 3, ['0', '0.5 s', '1 s']],
    [1_000, 10, ['0', '100 ms', '200 ms', '300 ms', '400 ms', '500 ms', '600 ms', '700 ms', '800 ms', '900 ms', '1 s']],
    [12_000, 3, ['0', '5 s', '10 s']],
    [60_000, 3, ['0', '20 s', '40 s', '60 s']],
    [130_000, 3, ['0', '1 min', '2 min']],
    [7_500_000, 5, ['0', '30 min', '1 h', '1 h 30 min', '2 h']],
    [86_400_000 * 3, 3, ['0', '24 h', '48 h', '72 h']],
    [0, 5, ['0']],
  ])('of %d ms in at most %d steps', (spanMs, ticksMax, labels) => {
    expect(ticksOf(spanMs, ticksMax).map(({ label }) => label)).toEqual(labels);
  });

  it('are never more than there is room for, within the axis, at even steps, and named differently', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1e9, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        (spanMs, ticksMax) => {
          const ticks = ticksOf(spanMs, ticksMax);
          expect(ticks.length).toBeLessThanOrEqual(ticksMax + 1);
          expect(ticks[0]!.atMs).toBe(0);
          expect(ticks.at(-1)!.atMs).toBeLessThanOrEqual(spanMs * 1.0001);
          const stepMs = ticks[1]?.atMs ?? 0;
          for (const [place, { atMs }] of ticks.entries()) expect(atMs).toBeCloseTo(place * stepMs, 6);
          expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
        },
      ),
      propertyOptions(300),
    );
  });
});
