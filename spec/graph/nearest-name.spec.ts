import { describe, expect, test } from 'vitest';
import { editDistance, nearestName } from '../../src/graph/nearest-name.js';

describe('nearestName', () => {
  const names = ['fetchUsers', 'fetchOrders', 'report'];

  test.each([
    ['fetchUser', 'fetchUsers'],
    ['fetchusers', 'fetchUsers'],
    ['fecthUsers', 'fetchUsers'],
    ['FETCHORDERS', 'fetchOrders'],
    ['reprot', 'report'],
    ['repot', 'report'],
  ])('of %s is %s', (wrong, nearest) => {
    expect(nearestName(wrong, names)).toBe(nearest);
  });

  test.each(['', 'x', 'send', 'completely different'])('of "%s" is none', (wrong) => {
    expect(nearestName(wrong, names)).toBeUndefined();
  });

  test('is the first of several that are as near', () => {
    expect(nearestName('tas', ['task', 'tax', 'tasks'])).toBe('task');
  });

  test('is another name of one letter only if it is the same letter', () => {
    expect(nearestName('b', ['a', ''])).toBeUndefined();
    expect(nearestName('b', ['a', 'B'])).toBe('B');
    expect(nearestName('ab', ['cd', 'ac'])).toBe('ac');
  });

  test('is never the name itself', () => {
    expect(nearestName('task', ['task'])).toBeUndefined();
  });

  test('is not looked for if the wrong name is very long', () => {
    expect(nearestName('n'.repeat(101), ['n'.repeat(100)])).toBeUndefined();
    expect(nearestName('n'.repeat(100), ['n'.repeat(99)])).toBe('n'.repeat(99));
  });

  test('is looked for among the first 10 000 names only', () => {
    let read = 0;
    function* endless() {
      for (;;) {
        read++;
        yield 'nothing like it';
      }
    }
    expect(nearestName('fetch', endless())).toBeUndefined();
    expect(read).toBe(10_001);
  });
});

describe('editDistance', () => {
  test.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['abc', 'abc', 0],
    ['abc', 'abd', 1],
    ['abc', 'bac', 1],
    ['abc', 'ab', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
    ['abcdef', 'badcfe', 3],
  ])('between "%s" and "%s" is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  test('need not be exact from the limit on, and is below it', () => {
    expect(editDistance('kitten', 'sitting', 4)).toBe(3);
    expect(editDistance('kitten', 'sitting', 2)).toBeGreaterThanOrEqual(2);
    expect(editDistance('aaaaaaaaaa', 'bbbbbbbbbb', 3)).toBeGreaterThanOrEqual(3);
  });
});
