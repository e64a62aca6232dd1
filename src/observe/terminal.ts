/** What would move the cursor, turn the direction of the line, or is no character at all: control, format, surrogate and separator characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const NO_COLUMN = /^\p{M}$/u;
/** The wide and full-width characters of Unicode's East Asian Width (UAX 11), by their blocks. */
const TWO_COLUMNS =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u;

/** A text that a terminal shows in one line and takes for no command. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}

/** How many columns of a terminal a printable text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

/** The text itself if it takes no more columns than these; else as much of it as fits, with an ellipsis. */
export function fitted(text: string, columns: number): string {
  // No character takes more than two columns, so there is no need to look at all of a text that is short enough anyway.
  if (text.length * 2 <= columns || (text.length <= 4 * columns && columnsOf(text) <= columns)) return text;
  if (columns < 1) return '';
  let taken = 1;
  let end = 0;
  for (const character of text) {
    taken += columnsOfCharacter(character);
    if (taken > columns) break;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

/** The text, cut or filled with blanks to exactly so many columns. */
export function filled(text: string, columns: number): string {
  const shown = fitted(text, columns);
  return shown + ' '.repeat(Math.max(columns - columnsOf(shown), 0));
}

function columnsOfCharacter(character: string): number {
  // Nearly all names are plain ASCII.
  if (character < '\u0300') return 1;
  if (NO_COLUMN.test(character)) return 0;
  return TWO_COLUMNS.test(character) ? 2 : 1;
}
