import { expect, test } from 'vitest';
import { HeldResult } from '../../src/graph/held-result.js';

test('is made when it is asked for, once, and is the same for all that ask', () => {
  let madeCount = 0;
  const held = new HeldResult(() => ({ made: ++madeCount }));
  expect(madeCount).toBe(0);
  expect(held.value).toEqual({ made: 1 });
  expect(held.value).toBe(held.value);
  expect(madeCount).toBe(1);
});

test('says each time why it cannot be made', () => {
  let isThere = false;
  const held = new HeldResult(() => {
    if (!isThere) throw new Error('no disk');
    return 7;
  });
  expect(() => held.value).toThrow('no disk');
  expect(() => held.value).toThrow('no disk');
  isThere = true;
  expect(held.value).toBe(7);
});
