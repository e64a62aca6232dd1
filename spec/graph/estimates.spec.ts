import { InvalidOptionError } from 'taskmap-ts';
import { describe, expect, test } from 'vitest';
import { estimatesFrom, givenDurations } from '../../src/graph/estimates.js';

const parse = () => 1;
const join = () => 2;
const functions = [parse, parse, parse, join, parse];

describe('estimatesFrom', () => {
  test('takes what a task took, else the median of its function, else that of all', () => {
    const known = new Map([
      [0, 10],
      [1, 30],
      [2, 500],
    ]);
    expect([...estimatesFrom({ functions }, known)!]).toEqual([10, 30, 500, 30, 30]);
    known.delete(2);
    expect([...estimatesFrom({ functions }, known)!]).toEqual([10, 30, 20, 20, 20]);
  });

  test('says nothing where nothing is known', () => {
    expect(estimatesFrom({ functions }, new Map())).toBeUndefined();
  });
});

describe('givenDurations', () => {
  const idByName = new Map([
    ['a', 0],
    ['b', 1],
  ]);

  test('passes over tasks that are not in the graph', () => {
    const given = new Map([
      ['b', 2],
      ['gone', 3],
    ]);
    expect([...givenDurations({ idByName }, given)]).toEqual([[1, 2]]);
  });

  test('refuses what is no Map of milliseconds', () => {
    expect(() => givenDurations({ idByName }, { a: 1 } as never)).toThrow(InvalidOptionError);
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1'])
      expect(() => givenDurations({ idByName }, new Map([['a', wrong as number]]))).toThrow(InvalidOptionError);
  });
});
