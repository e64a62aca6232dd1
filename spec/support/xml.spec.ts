import { describe, expect, it } from 'vitest';
import { elementsIn, parsedXml, textIn } from './xml.js';

describe('parsedXml()', () => {
  it('reads elements, attributes and text', () => {
    const root = parsedXml('<a b="1 &quot;" c-d="">x &lt; y<e/><f g="&#10;">&#x41;</f ></a>\n');
    expect(root).toEqual({
      name: 'a',
      attributes: { b: '1 "', 'c-d': '' },
      children: [
        'x < y',
        { name: 'e', attributes: {}, children: [] },
        { name: 'f', attributes: { g: '\n' }, children: ['A'] },
      ],
    });
    expect([...elementsIn(root)].map(({ name }) => name)).toEqual(['a', 'e', 'f']);
    expect(textIn(root)).toBe('x < yA');
  });

  it.each([
    ['', 'nothing'],
    ['<a>', 'an open element'],
    ['<a></b>', 'another end'],
    ['<a/><b/>', 'two roots'],
    ['<a/>x', 'text behind the root'],
    ['<a b=1/>', 'an attribute without quotes'],
    ['<a b="1"c="2"/>', 'attributes without a blank'],
    ['<a b="1" b="2"/>', 'an attribute twice'],
    ['<a b="<"/>', 'markup in an attribute'],
    ['<a>&</a>', 'a lone ampersand'],
    ['<a>&nbsp;</a>', 'an entity of HTML'],
    ['<a>&#0;</a>', 'a reference to no character'],
    ['<a>\0</a>', 'a control character'],
    ['<a>\ud83d</a>', 'half a character'],
    ['<a>\ufffe</a>', 'what is no character'],
    ['<a>]]></a>', 'the end of a section'],
    ['<a><!-- --></a>', 'a comment'],
    ['<1a/>', 'a name that begins with a digit'],
  ])('refuses %j: %s', (text) => {
    expect(() => parsedXml(text)).toThrow(/Expected|character/);
  });
});
