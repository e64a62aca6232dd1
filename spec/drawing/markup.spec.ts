import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { cut, markupText, px, shortened, shownText, textWidth } from '../../src/drawing/markup.js';
import { HOSTILE_NAMES, PROPERTY_TIMEOUT_MS, propertyOptions } from '../support/random-graph.js';
import { parsedXml, textIn } from '../support/xml.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** Any string of UTF-16, halves of characters and control characters often among them. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes)),
  fc
    .array(fc.constantFrom('\ud83d', '\ude00', 'a', '\u0301', '\u200d', '👩', '\u202e', '<', '&', '\0'), {
      maxLength: 20,
    })
    .map((units) => units.join('')),
  fc.constantFrom(...HOSTILE_NAMES),
);

describe('markupText()', () => {
  it.each([
    ['<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    [`"&'`, '&quot;&amp;&#39;'],
    ['a\nb\tc\0\x7f', 'a␊b␉c␀␡'],
    ['\ud83d', '�'],
    ['\ude00x', '�x'],
    ['👩‍👩‍👧 任务 é', '👩‍👩‍👧 任务 é'],
    ['\u202egnp\u2066', '�gnp�'],
    ['\ufffe\uffff\u0085\u2028', '����'],
    [']]>', ']]&gt;'],
  ])('of %j is %j', (text, markup) => {
    expect(markupText(text)).toBe(markup);
  });

  it('is read back as what is shown, in an element and in an attribute, whatever the text is', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const element = parsedXml(`<a b="${markupText(text)}">${markupText(text)}</a>`);
        expect(textIn(element)).toBe(shownText(text));
        expect(element.attributes['b']).toBe(shownText(text));
      }),
      propertyOptions(500),
    );
  });
});

describe('textWidth()', () => {
  it('is larger for wide characters than for narrow ones, and none for what has none', () => {
    expect(textWidth('', 12)).toBe(0);
    expect(textWidth('iii', 12)).toBeLessThan(textWidth('aaa', 12));
    expect(textWidth('aaa', 12)).toBeLessThan(textWidth('mmm', 12));
    expect(textWidth('aaa', 12)).toBeLessThan(textWidth('任任任', 12));
    expect(textWidth('e\u0301', 12)).toBe(textWidth('e', 12));
    expect(textWidth('ab', 24)).toBeCloseTo(2 * textWidth('ab', 12));
  });
});

describe('shortened()', () => {
  it('leaves alone what fits, and else takes as much as does', () => {
    expect(shortened('resize', textWidth('resize', 12), 12)).toBe('resize');
    expect(shortened('resize', textWidth('resize', 12) - 0.1, 12)).toBe('resi…');
    expect(shortened('任务任务', textWidth('任务…', 12), 12)).toBe('任务…');
    expect(shortened('abc', 3, 12)).toBe('');
    expect(shortened('', 3, 12)).toBe('');
  });

  it('cuts no family and no accented letter in two', () => {
    const family = '👩‍👩‍👧';
    for (let width = 0; width < textWidth(family.repeat(3), 12); width += 1) {
      expect(['', '…', `${family}…`, `${family.repeat(2)}…`]).toContain(shortened(family.repeat(3), width, 12));
    }
    expect(shortened(`${'e\u0301'.repeat(9)}`, textWidth('eee…', 12), 12)).toBe(`${'e\u0301'.repeat(3)}…`);
  });

  it('of any text is a beginning of it that is no wider than there is room, and splits no character', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 120 }), (text, width) => {
        const short = shortened(text, width, 12);
        if (textWidth(text, 12) <= width) {
          expect(short).toBe(text);
          return;
        }
        expect(textWidth(short, 12)).toBeLessThanOrEqual(width + 1e-9);
        const kept = short.replace(/…$/, '');
        expect(text.startsWith(kept)).toBe(true);
        const isSplit = /[\ud800-\udbff]$/.test(kept) && /^[\udc00-\udfff]/.test(text.slice(kept.length));
        expect(isSplit).toBe(false);
      }),
      propertyOptions(500),
    );
  });
});

describe('cut()', () => {
  it('takes a beginning of so many characters, and splits none', () => {
    expect(cut('abc', 3)).toBe('abc');
    expect(cut('abcd', 3)).toBe('abc…');
    expect(cut('ab😀d', 3)).toBe('ab…');
    expect(cut('a'.repeat(10_000), 300)).toHaveLength(301);
    expect(cut('\u0301'.repeat(100), 30)).toHaveLength(31);
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 10 }), (text, length) => {
        const short = cut(text, length);
        expect(short.length).toBeLessThanOrEqual(length + 1);
        const kept = short === text ? text : short.slice(0, -1);
        expect(text.startsWith(kept)).toBe(true);
        expect(/[\ud800-\udbff]$/.test(kept) && /^[\udc00-\udfff]/.test(text.slice(kept.length))).toBe(false);
      }),
      propertyOptions(500),
    );
  });
});

describe('px()', () => {
  it('is a number to a tenth, without what is not needed', () => {
    expect([px(1), px(1.25), px(0.04), px(-0.01), px(1234.56)]).toEqual(['1', '1.3', '0', '0', '1234.6']);
  });
});
