import { describe, expect, test } from 'vitest';
import { type RetrySettings, WAIT_MAX_MS } from '../../src/graph/task.js';
import { deservesAnother, retryDelayMs } from '../../src/schedule/retry-policy.js';

const policy = (settings: Partial<RetrySettings>): RetrySettings => ({
  attempts: 5,
  delayMs: 100,
  backoff: 1,
  jitter: 0,
  when: undefined,
  ...settings,
});
const delays = (settings: Partial<RetrySettings>, chance = 0.5) =>
  [1, 2, 3, 4, 5].map((attempt) => retryDelayMs(policy(settings), attempt, chance));

describe('retryDelayMs', () => {
  test('is the same pause after every attempt but the last', () => {
    expect(delays({})).toEqual([100, 100, 100, 100, -1]);
  });

  test('grows by the factor of backoff from pause to pause', () => {
    expect(delays({ backoff: 3 })).toEqual([100, 300, 900, 2700, -1]);
  });

  test('is 0 without a delay, whatever the backoff', () => {
    expect(delays({ delayMs: 0, backoff: 10 })).toEqual([0, 0, 0, 0, -1]);
    expect(retryDelayMs(policy({ delayMs: 0, backoff: Number.MAX_VALUE, attempts: 1e9 }), 1e8, 0.5)).toBe(0);
  });

  test('is -1 once there are no attempts left', () => {
    expect(retryDelayMs(policy({ attempts: 1 }), 1, 0)).toBe(-1);
    expect(retryDelayMs(policy({ attempts: 2 }), 3, 0)).toBe(-1);
  });

  test('never exceeds what timers can express', () => {
    expect(retryDelayMs(policy({ backoff: 2, attempts: 10_000 }), 5000, 0)).toBe(WAIT_MAX_MS);
    expect(retryDelayMs(policy({ delayMs: WAIT_MAX_MS, backoff: Number.MAX_VALUE }), 4, 0)).toBe(WAIT_MAX_MS);
  });

  test('leaves the part of jitter to chance', () => {
    expect(delays({ jitter: 0.5 }, 0)[0]).toBe(100);
    expect(delays({ jitter: 0.5 }, 0.5)[0]).toBe(75);
    expect(delays({ jitter: 1 }, 0.75)[0]).toBe(25);
    expect(delays({ jitter: 1 }, 1)[0]).toBe(0);
  });
});

describe('deservesAnother', () => {
  test('is what `when` says, as JavaScript takes it; nothing said is no objection', () => {
    const told = [true, 1, 'yes', undefined, null, false, 0, ''];
    const deserved = told.map((one) => deservesAnother(policy({ when: () => one as boolean }), 'error', 1, 'a'));
    expect(deserved).toEqual([true, true, true, true, true, false, false, false]);
    expect(deservesAnother(policy({}), 'error', 1, 'a')).toBe(true);
  });

  test('is no, unasked, once there are no attempts left', () => {
    const when = () => {
      throw new Error('asked');
    };
    expect(deservesAnother(policy({ attempts: 2, when }), 'error', 2, 'a')).toBe(false);
  });
});
