/** What XML has no place for, or turns the direction of the text around it: lone surrogates, characters that are none, marks of direction. */
const FORBIDDEN = /[\p{Cs}\ufffe\uffff\u0080-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
/** Control characters, for which Unicode has pictures. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\0-\x1f\x7f]/g;
const MARKUP = /[&<>"']/g;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text as it is shown: one line, in which control characters are seen as `␊` or `␀`, and which turns nothing around. */
export function shownText(text: string): string {
  return text.replace(CONTROLS, controlPicture).replace(FORBIDDEN, '\ufffd');
}

/** A text as content or as an attribute's value in quotes, of XML and of HTML. No name can end it or begin a tag. */
export function markupText(text: string): string {
  return shownText(text).replace(MARKUP, (mark) => ENTITIES[mark]!);
}

/**
 * The beginning of a text, as it stands in a tooltip: long names would make a picture of many tasks large.
 *
 * @param lengthMax - in characters; the ellipsis is one more
 */
export function cut(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, wholeCharacters(text, lengthMax))}…`;
}

/** How wide a text is likely to be in a sans-serif font, in pixels: rather more than less, since nobody knows which font it will be. */
export function textWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width * fontSize;
}

/** The text itself if it is likely to be no wider than this; else as much of it as is, with an ellipsis, and empty if there is no room for any. */
export function shortened(text: string, widthMax: number, fontSize: number): string {
  const ellipsisWidth = characterWidth('…');
  const room = widthMax / fontSize;
  let width = 0;
  let end = 0;
  // Where the text ends if an ellipsis has to follow.
  let endWithEllipsis = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > room) return endWithEllipsis === 0 ? '' : `${text.slice(0, wholeCharacters(text, endWithEllipsis))}…`;
    end += character.length;
    if (width + ellipsisWidth <= room) endWithEllipsis = end;
  }
  return text;
}

/** A number of a picture: to a tenth of a pixel. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** The place nearest to `end` and not behind it at which no character is cut in two, nor what joins it to others. */
function wholeCharacters(text: string, end: number): number {
  for (let place = end; place > Math.max(end - CHARACTER_LENGTH_MAX, 0); place--) {
    if (!JOINED_TO_BEFORE.test(characterAt(text, place)) && text[place - 1] !== JOINER) return place;
  }
  if (end <= CHARACTER_LENGTH_MAX) return 0;
  return isHighSurrogate(text, end - 1) ? end - 1 : end;
}

/** A family of emoji is long, and so is a letter with many accents. What is longer than this is cut anywhere but within a pair of surrogates. */
const CHARACTER_LENGTH_MAX = 16;
const JOINER = '\u200d';
const JOINED_TO_BEFORE = /^(?:\p{M}|\u200d|[\udc00-\udfff]|\p{Emoji_Modifier})/u;

function characterAt(text: string, place: number): string {
  const code = text.codePointAt(place);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function isHighSurrogate(text: string, place: number): boolean {
  const code = text.charCodeAt(place);
  return code >= 0xd800 && code <= 0xdbff && text.charCodeAt(place + 1) >= 0xdc00;
}

function controlPicture(control: string): string {
  const code = control.charCodeAt(0);
  return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
}

/** The widths of ASCII in parts of the font size, as Verdana and DejaVu Sans have them, which are wider than most. */
const ASCII_WIDTHS: Float64Array = Float64Array.from({ length: 128 }, (_, code) =>
  asciiWidth(String.fromCharCode(code)),
);
const NO_WIDTH = /^[\p{M}\p{Cf}]$/u;
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{20000}-\u{3fffd}]$/u;
const UPPER = /^\p{Lu}$/u;

function characterWidth(character: string): number {
  const code = character.charCodeAt(0);
  if (code < 128) return ASCII_WIDTHS[code]!;
  if (NO_WIDTH.test(character)) return 0;
  if (character === '…') return 0.9;
  if (WIDE.test(character)) return 1.1;
  return UPPER.test(character) ? 0.75 : 0.68;
}

function asciiWidth(character: string): number {
  if ("ijl|'!,.:;".includes(character)) return 0.33;
  if ('ftrI()[]/\\- "`'.includes(character)) return 0.41;
  if ('mwMW@%'.includes(character)) return 0.98;
  if (/[A-Z]/.test(character)) return 0.72;
  // Control characters are shown as pictures of two or three letters.
  return character < ' ' || character === '\x7f' ? 1 : 0.64;
}
