import type { InvalidOptionError } from 'taskmap-ts';
import { describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS, settled } from '../../src/graph/task.js';

describe('settled', () => {
  test('is one shared object for all tasks that set nothing', () => {
    expect(settled({}, 'a', DEFAULT_SETTINGS)).toBe(DEFAULT_SETTINGS);
    expect(settled({ priority: 0, version: '', ioBound: false, retry: 1 }, 'a', DEFAULT_SETTINGS)).toBe(
      DEFAULT_SETTINGS,
    );
    expect(settled({ ioBound: true }, 'a', DEFAULT_SETTINGS)).toBe(settled({ ioBound: true }, 'b', DEFAULT_SETTINGS));
  });

  test('adds to the settings there are, and leaves those as they are', () => {
    const first = settled({ priority: 3 }, 'a', DEFAULT_SETTINGS);
    const second = settled({ timeoutMs: 10 }, 'a', first);
    expect(second).toMatchObject({ priority: 3, timeoutMs: 10 });
    expect(first.timeoutMs).toBeUndefined();
  });

  test('is frozen, whatever was set', () => {
    for (const options of [{}, { ioBound: true }, { retry: 3 }, { priority: 1, version: 'x' }]) {
      const settings = settled(options, 'a', DEFAULT_SETTINGS);
      expect(Object.isFrozen(settings)).toBe(true);
      expect(Object.isFrozen(settings.retry)).toBe(true);
    }
  });

  test('takes a number as a policy of so many attempts', () => {
    expect(settled({ retry: 4 }, 'a', DEFAULT_SETTINGS).retry).toEqual({
      attempts: 4,
      delayMs: 0,
      backoff: 1,
      jitter: 0,
      when: undefined,
    });
  });

  test('keeps no hold of the policy that it is given', () => {
    const retry = { attempts: 3, delayMs: 5 };
    const settings = settled({ retry }, 'a', DEFAULT_SETTINGS);
    retry.delayMs = 500;
    expect(settings.retry.delayMs).toBe(5);
  });

  test('ignores options that are undefined', () => {
    const base = settled(
      { priority: 3, timeoutMs: 5, retry: 2, version: 'x', ioBound: true, withContext: true },
      'a',
      DEFAULT_SETTINGS,
    );
    const nothing = {
      priority: undefined,
      timeoutMs: undefined,
      retry: undefined,
      version: undefined,
      ioBound: undefined,
      withContext: undefined,
    };
    expect(settled(nothing, 'a', base)).toEqual(base);
  });

  test('throws at the first bad option, or tells each to whoever asks', () => {
    const bad = { priority: Number.NaN, timeoutMs: -1 };
    expect(() => settled(bad, 'a', DEFAULT_SETTINGS)).toThrow(
      'Expected `priority` of task "a" to be a finite number, got NaN.',
    );
    const problems: InvalidOptionError[] = [];
    expect(settled(bad, 'a', DEFAULT_SETTINGS, (problem) => problems.push(problem))).toBe(DEFAULT_SETTINGS);
    expect(problems.map(({ message }) => message)).toEqual([
      'Expected `priority` of task "a" to be a finite number, got NaN.',
      'Expected `timeoutMs` of task "a" to be a number of milliseconds above 0 and up to 2147483647, got -1.',
    ]);
  });
});
