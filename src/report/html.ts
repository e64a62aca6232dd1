/**
 * What must not stand in a page as it is: markup; control characters, which HTML forbids; halves of characters; and what turns the direction of the text behind
 * it, so that a name could pretend to be another one.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNSAFE = /[&<>\p{Cs}\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]/gu;
const IN_ONE_LINE = /[\t\n]/g;
const CONTROL_PICTURES = 0x2400;
const NAME_LENGTH_MAX = 160;

/** Text of others between tags. It is never put into an attribute. */
export function text(value: string): string {
  return value.replace(UNSAFE, harmless);
}

/** Text of others that is to stay in one line. */
export function lineText(value: string): string {
  return text(value).replace(IN_ONE_LINE, picture);
}

/** A name, apart from the text around it, whatever direction it is written in. The middle of a very long one is left out. */
export function nameHTML(name: string): string {
  const shown =
    name.length > NAME_LENGTH_MAX ? `${cut(name, NAME_LENGTH_MAX / 2)}${name.slice(-NAME_LENGTH_MAX / 2)}` : name;
  return name.trim() === '' ? `<bdi>"${lineText(shown)}"</bdi>` : `<bdi>${lineText(shown)}</bdi>`;
}

/** The text itself if it is no longer than this; else its beginning and an ellipsis, together so long. */
export function cut(value: string, lengthMax: number): string {
  return value.length <= lengthMax ? value : `${value.slice(0, Math.max(lengthMax - 1, 0))}…`;
}

/** A number for people: `12,345`. */
export function numberText(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 task`, `2 tasks` */
export function counted(count: number, noun: string): string {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function harmless(character: string): string {
  if (character === '&') return '&amp;';
  if (character === '<') return '&lt;';
  if (character === '>') return '&gt;';
  return character < ' ' ? picture(character) : '\ufffd';
}

/** Unicode has a visible character for each control character of ASCII: `␊` for the end of a line. */
function picture(control: string): string {
  return String.fromCodePoint(CONTROL_PICTURES + control.codePointAt(0)!);
}
