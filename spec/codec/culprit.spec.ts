import { describe, expect, it } from 'vitest';
import { culprit } from '../../src/codec/culprit.js';

describe('culprit()', () => {
  const circle: Record<string, unknown> = { a: 1 };
  circle['self'] = circle;

  it.each([
    ['nothing', undefined],
    ['a circle', circle],
    ['a Map of Sets', new Map([[{ a: 1 }, new Set([new Date(0), /x/])]])],
    [
      'an instance with private state',
      new (class {
        readonly #a = 1;
        read = this.#a;
      })(),
    ],
    ['shared memory', new SharedArrayBuffer(8)],
  ])('finds none in %s', (_, value) => {
    expect(culprit(value)).toBeUndefined();
  });

  it.each([
    ['the whole', () => 1, 'result is a function'],
    ['an entry', { rows: [1, 2, 3, { format: () => 1 }] }, 'result.rows[3].format is a function'],
    ['a symbol', { key: Symbol('s') }, 'result.key is a symbol'],
    ['a name that is none', { 'two words': { 7: () => 1 } }, 'result["two words"]["7"] is a function'],
    ['a value in a Map', new Map([['a', { b: () => 1 }]]), 'result.get("a").b is a function'],
    ['a key of a Map', new Map([[() => 1, 1]]), 'a key of result is a function'],
    ['a member of a Set', { tags: new Set([Symbol('s')]) }, 'a member of result.tags is a symbol'],
    ['a promise', { later: Promise.resolve() }, 'result.later is of a kind that cannot be copied (Promise)'],
    ['a WeakMap', [new WeakMap()], 'result[0] is of a kind that cannot be copied (WeakMap)'],
    [
      'something behind a circle',
      Object.assign({ ...circle }, { self: { back: circle, fn: () => 1 } }),
      'result.self.fn is a function',
    ],
  ])('names it: %s', (_, value, sentence) => {
    expect(culprit(value)).toBe(sentence);
  });

  it('calls the whole what it is told', () => {
    expect(culprit([() => 1], 'the result of "a"')).toBe('the result of "a"[0] is a function');
  });

  it('does not look for the level at which a value is nested too deep', () => {
    let deep: object = {};
    for (let level = 0; level < 20_000; level++) deep = { n: deep };
    expect(culprit(deep)).toBe('result is nested too deep to be copied: keep such a structure in a flat list');
  });

  it('shortens a path that is too long to be read', () => {
    let deep: object = { fn: () => 1 };
    for (let level = 0; level < 500; level++) deep = { n: deep };
    expect(culprit(deep)).toMatch(/^result(\.n){97}….*\.n\.fn is a function$/);
  });

  it('says where reading a value throws', () => {
    expect(
      culprit({
        rows: {
          get first() {
            return fails();
          },
        },
      }),
    ).toMatch(/^result\.rows throws as it is read: .*hostile getter/);
    expect(culprit({ proxy: new Proxy({}, { ownKeys: fails }) })).toMatch(/^result\.proxy /);
  });
});

function fails(): never {
  throw new Error('hostile getter');
}
