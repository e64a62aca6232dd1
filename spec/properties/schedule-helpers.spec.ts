import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { type RetrySettings, WAIT_MAX_MS } from '../../src/graph/task.js';
import { inverse } from '../../src/graph/topology.js';
import { NONE, ReadyQueue } from '../../src/schedule/ready-queue.js';
import { retryDelayMs } from '../../src/schedule/retry-policy.js';
import { PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

test('the ready queue gives what a sorted array gives, whatever is added and removed', () => {
  const drawn = fc.integer({ min: 1, max: 3000 }).chain((size) =>
    fc.record({
      // Places near each other share words and levels, places far apart do not.
      ids: fc.integer({ min: 1, max: size }).map((step) => shuffled(size, step)),
      steps: fc.array(fc.oneof(fc.nat(size - 1), fc.constant('first' as const)), { maxLength: 200, size: 'max' }),
    }),
  );
  fc.assert(
    fc.property(drawn, ({ ids, steps }) => {
      const places = inverse(ids);
      const queue = new ReadyQueue({ ids, places, ioBoundCount: 0 });
      const sorted: number[] = [];
      for (const step of steps) {
        const id = step === 'first' ? (sorted[0] ?? NONE) : step;
        if (id !== NONE && sorted.includes(id)) {
          queue.remove(id);
          sorted.splice(sorted.indexOf(id), 1);
        } else if (id !== NONE) {
          queue.add(id);
          sorted.push(id);
          sorted.sort((a, b) => places[a]! - places[b]!);
        }
        expect(queue.first()).toBe(sorted[0] ?? NONE);
        expect(queue.size).toBe(sorted.length);
      }
    }),
    propertyOptions(300),
  );
});

/** All ids below `size`, those that leave the same remainder side by side. */
function shuffled(size: number, step: number): Int32Array {
  return Int32Array.from({ length: size }, (_, id) => id).sort((a, b) => (a % step) - (b % step) || b - a);
}

test('a pause is within its policy: at most the whole one, at least what jitter leaves of it, and never longer than a timer can wait', () => {
  const policy: fc.Arbitrary<RetrySettings> = fc.record({
    attempts: fc.integer({ min: 1, max: 1000 }),
    delayMs: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: WAIT_MAX_MS, noNaN: true })),
    backoff: fc.double({ min: 1, max: Number.MAX_VALUE, noNaN: true }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    when: fc.constant(undefined),
  });
  fc.assert(
    fc.property(
      policy,
      fc.integer({ min: 1, max: 1100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (settings, attempt, chance) => {
        const delayMs = retryDelayMs(settings, attempt, chance);
        if (attempt >= settings.attempts) {
          expect(delayMs).toBe(-1);
          return;
        }
        let whole = settings.delayMs;
        for (let pause = 1; pause < attempt && whole < WAIT_MAX_MS; pause++)
          whole = Math.min(whole * settings.backoff, WAIT_MAX_MS);
        const tolerance = whole * 1e-9;
        expect(delayMs).toBeLessThanOrEqual(whole + tolerance);
        expect(delayMs).toBeGreaterThanOrEqual(whole * (1 - settings.jitter) - tolerance);
        expect(delayMs).toBeLessThanOrEqual(WAIT_MAX_MS);
        expect(retryDelayMs(settings, attempt, 0)).toBeGreaterThanOrEqual(delayMs);
      },
    ),
    propertyOptions(1000),
  );
});
