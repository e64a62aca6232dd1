import { cut, markupText, px, shortened, shownText, textWidth } from './markup.js';
import { type DrawnStatus, LOOKS, PICTURE_CLASS, styleSheet } from './palette.js';

/** Font sizes, in pixels. */
export const FONT_SIZE = 12;
const TITLE_SIZE = 15;
/** A title may be as wide as the drawing, and so wide in any case. */
const TITLE_WIDTH_MIN = 640;
const LABEL_LENGTH_MAX = 300;
/** Around everything, in pixels. */
export const MARGIN = 16;
const SUMMARY_LINE = 17;
/** Between the parts of a summary. */
export const BETWEEN = ' · ';
const LEGEND_GAP = 16;
const LEGEND_LINE = 22;
const SWATCH_WIDTH = 26;
const SWATCH_HEIGHT = 16;

/** What stands above and below a drawing. */
export interface PictureFrame {
  /** Empty for none. */
  readonly title: string;
  /** What stands below the title: in one line, or in several between these parts. */
  readonly summary: readonly string[];
  /** What the picture is called where it cannot be seen. */
  readonly label: string;
  /** What the style sheet has to know. */
  readonly statuses: readonly DrawnStatus[];
  readonly legend: readonly LegendItem[];
  /** Further rules of the style sheet. */
  readonly rules?: string;
  /** Whether the picture is as wide as the drawing, whatever its title and its legend take. Default false. */
  readonly isFixed?: boolean;
}

export interface LegendItem {
  readonly text: string;
  /** Markup within 26 by 16 pixels whose upper left corner is here. */
  swatch(x: number, y: number): string;
}

/** The drawing itself: markup whose upper left corner is at 0. */
export interface Content {
  readonly width: number;
  readonly height: number;
  readonly markup: string;
}

/** A whole picture: a file of its own, which refers to nothing and runs nothing, and can stand in a page as it is. */
export interface Picture {
  readonly svg: string;
  /** The text of the one style sheet in it, for the policy of a page that allows no others. */
  readonly style: string;
}

export function picture(
  { label, statuses, legend, rules = '', isFixed = false, ...frame }: PictureFrame,
  content: Content,
): Picture {
  const style = styleSheet(statuses, rules);
  const title = shortened(
    shownText(frame.title),
    isFixed ? content.width : Math.max(content.width, TITLE_WIDTH_MIN),
    TITLE_SIZE,
  );
  const summary = summaryLines(frame.summary, content.width);
  const titleHeight = title === '' ? 0 : 24;
  const headHeight = titleHeight + (summary.length === 0 ? 0 : 5 + summary.length * SUMMARY_LINE);
  const headWidth = summary.reduce(
    (most, line) => Math.max(most, textWidth(line, FONT_SIZE)),
    textWidth(title, TITLE_SIZE) * 1.05,
  );
  const innerWidth = isFixed ? content.width : Math.max(content.width, headWidth, Math.min(legendWidth(legend), 480));
  const drawn = legendOf(legend, innerWidth, headHeight + MARGIN + content.height + MARGIN);
  const width = Math.ceil(innerWidth + 2 * MARGIN);
  const height = Math.ceil(headHeight + content.height + drawn.height + 2 * MARGIN + (drawn.height > 0 ? MARGIN : 0));
  const called = markupText(cut(label, LABEL_LENGTH_MAX));
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="${PICTURE_CLASS}" role="img" aria-label="${called}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${called}</title>`,
    `<style>${style}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
  ];
  if (title !== '') lines.push(`<text class="t" x="${MARGIN}" y="${MARGIN + 13}">${markupText(title)}</text>`);
  for (const [place, line] of summary.entries())
    lines.push(
      `<text class="f" x="${MARGIN}" y="${MARGIN + titleHeight + 10 + place * SUMMARY_LINE}">${markupText(line)}</text>`,
    );
  lines.push(
    `<g transform="translate(${MARGIN} ${MARGIN + headHeight})">`,
    content.markup,
    '</g>',
    drawn.markup,
    '</svg>',
  );
  return { svg: `${lines.filter((line) => line !== '').join('\n')}\n`, style };
}

/** As many parts in a line as there is room for. */
function summaryLines(parts: readonly string[], widthMax: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length === 0 ? part : `${lines[lines.length - 1]}${BETWEEN}${part}`;
    if (lines.length === 0 || textWidth(longer, FONT_SIZE) > widthMax) lines.push(part);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** A mark whose upper left corner is here. */
export function markAt(status: DrawnStatus, x: number, y: number): string {
  return `<path class="m" d="M${px(x)} ${px(y)}${LOOKS[status].mark}"/>`;
}

/** A status as a legend shows it. */
export function statusItem(status: DrawnStatus): LegendItem {
  return {
    text: status,
    swatch: (x, y) =>
      `<g class="${status}"><rect x="${px(x)}" y="${px(y)}" width="${SWATCH_WIDTH}" height="${SWATCH_HEIGHT}" rx="3"/>${markAt(status, x + 7, y + 2)}</g>`,
  };
}

function itemWidth({ text }: LegendItem): number {
  return SWATCH_WIDTH + 6 + textWidth(text, FONT_SIZE) + LEGEND_GAP;
}

function legendWidth(items: readonly LegendItem[]): number {
  return items.reduce((sum, item) => sum + itemWidth(item), 0);
}

function legendOf(items: readonly LegendItem[], widthMax: number, top: number): { height: number; markup: string } {
  if (items.length === 0) return { height: 0, markup: '' };
  const parts: string[] = [];
  let x = MARGIN;
  let y = top;
  for (const item of items) {
    if (x > MARGIN && x + itemWidth(item) - LEGEND_GAP > MARGIN + widthMax) {
      x = MARGIN;
      y += LEGEND_LINE;
    }
    parts.push(
      `${item.swatch(x, y)}<text class="f" x="${px(x + SWATCH_WIDTH + 6)}" y="${px(y + 12)}">${markupText(item.text)}</text>`,
    );
    x += itemWidth(item);
  }
  return { height: y - top + SWATCH_HEIGHT, markup: `<g class="legend">${parts.join('')}</g>` };
}
