import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { isThenable } from '../../src/graph/thenable.js';

const callable = Object.assign(() => 1, { then: () => {} });

describe('isThenable', () => {
  it.each([
    ['a promise', Promise.resolve(1)],
    ['a promise of another realm', runInNewContext('Promise.resolve(1)')],
    ['an object with a then of its own', { then() {} }],
    ['a function that has one', callable],
  ])('takes %s for what await waits for', (_, value) => {
    expect(isThenable(value)).toBe(true);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'then'],
    ['an object whose then cannot be called', { then: 1 }],
    ['a function', () => 1],
  ])('takes %s for a result', (_, value) => {
    expect(isThenable(value)).toBe(false);
  });
});
