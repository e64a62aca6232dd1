import { InvalidOptionError } from '../errors.js';
import { BOXES_MAX, type Boxes, boxesOf, type Counts, countsOf, countsText, lookOf } from './boxes.js';
import type { DrawnGraph } from './drawn-graph.js';
import { durationText } from './duration-text.js';
import type { EdgeLists } from './edge-lists.js';
import { type Layout, layeredLayout } from './layered-layout.js';
import { cut, markupText, px, shortened, shownText, textWidth } from './markup.js';
import type { DrawnStatus } from './palette.js';
import { type Content, FONT_SIZE, type LegendItem, markAt, type Picture, picture, statusItem } from './picture.js';

/** How a graph is drawn. */
export interface GraphPictureOptions {
  /** What stands above it; an empty one is left out. Default: the name of the graph. */
  readonly title?: string | undefined;
  /** Where tasks stand from those on which they depend. Default `'right'`. */
  readonly direction?: 'right' | 'down' | undefined;
  /** Whether to show what is known of each task. Default true. */
  readonly outcomes?: boolean | undefined;
  /**
   * Which tasks are drawn as one box: those for whose names this returns the same text; `false` for none. A group that
   * would stand both before and behind another is drawn in parts. Default: of more than 500 tasks, or 5000 edges, those
   * whose names begin alike, such as `resize:1` and `resize:2`, `resize-1` and `resize-2`; and if there are more such
   * groups than that, those of a level.
   */
  readonly group?: ((name: string) => string) | false | undefined;
  /** How long tasks took, in milliseconds, by name, to be shown with them: `timeline.durations()` knows it. Default: nothing is shown. */
  readonly durations?: ReadonlyMap<string, number> | undefined;
  /** Whether to say below what marks and lines mean. Default true. */
  readonly legend?: boolean | undefined;
}

/**
 * More than this is drawn in groups, unless somebody says otherwise: pictures would be megabytes, of which nobody could
 * make out anything.
 */
const EDGES_MAX = 5_000;
const NAME_LENGTH_MAX = 300;
const LABEL_WIDTH_MAX = 220;
const BOX_HEIGHT = 30;
const LINE_HEIGHT = 15;
const PADDING = 9;
const MARK_WIDTH = 18;
const GROUP_HEIGHT = 58;
const GROUP_WIDTH_MIN = 150;
const ARROW = 7;
/** More edges than this are drawn thinner, or there would be nothing else to be seen. */
const MANY_EDGES = 1_000;

/** A box as it is drawn. */
interface PlacedBox {
  readonly label: string;
  /** The tasks in it. */
  readonly tasks: readonly number[];
  readonly isGroup: boolean;
  readonly width: number;
  readonly height: number;
}

/** @throws {@link InvalidOptionError} */
export function graphPictureOf(graph: DrawnGraph, options: GraphPictureOptions = {}): Picture {
  const { title = graph.name, direction = 'right', outcomes = true, group, durations, legend = true } = options;
  if (typeof title !== 'string') throw new InvalidOptionError('title', 'a text', title);
  if (direction !== 'right' && direction !== 'down')
    throw new InvalidOptionError('direction', "'right' or 'down'", direction);
  if (durations !== undefined && typeof durations?.get !== 'function')
    throw new InvalidOptionError('durations', 'a Map of names and milliseconds', durations);
  const drawn = boxesOf(
    graph,
    group,
    ({ boxes, orderOnly }) => boxes.length <= BOXES_MAX && orderOnly.length <= EDGES_MAX,
  );
  const drawing = new GraphDrawing(graph, drawn, outcomes, durations, direction);
  const shown = legend ? drawing.legend() : [];
  const summary = drawing.summary();
  const named = title === '' ? graph.name : title;
  return picture(
    {
      title,
      summary: drawn.groupedBy === undefined ? [summary] : [summary, GROUPED_TEXTS[drawn.groupedBy]],
      label: `${named}: ${summary}`,
      statuses: drawing.statuses(),
      legend: shown,
    },
    drawing.content(),
  );
}

/** Why some boxes stand for several tasks, where nobody has asked for it. */
const GROUPED_TEXTS = {
  name: 'too many to be drawn one by one: a box for those whose names begin alike',
  level: 'too many to be drawn one by one: a box for those of a level',
} as const;

/** One drawing of one graph. */
class GraphDrawing {
  readonly #graph: DrawnGraph;
  readonly #outcomes: boolean;
  readonly #durations: ReadonlyMap<string, number> | undefined;
  readonly #boxes: readonly PlacedBox[];
  readonly #dependencies: EdgeLists;
  readonly #orderOnly: Uint8Array;
  readonly #direction: 'right' | 'down';

  constructor(
    graph: DrawnGraph,
    { boxes, dependencies, orderOnly }: Boxes,
    outcomes: boolean,
    durations: ReadonlyMap<string, number> | undefined,
    direction: 'right' | 'down',
  ) {
    this.#graph = graph;
    this.#outcomes = outcomes;
    this.#durations = durations;
    this.#direction = direction;
    this.#dependencies = dependencies;
    this.#orderOnly = orderOnly;
    this.#boxes = boxes.map(({ name, tasks }) =>
      tasks.length === 1 ? this.#taskBox(tasks[0]!) : this.#groupBox(name, tasks),
    );
  }

  summary(): string {
    const { names } = this.#graph;
    const tasks = `${names.length} ${names.length === 1 ? 'task' : 'tasks'}`;
    if (!this.#outcomes || names.length === 0) return tasks;
    return `${tasks}: ${countsText(this.#counts(names.map((_, task) => task)))}`;
  }

  /** The statuses that occur. */
  statuses(): DrawnStatus[] {
    if (!this.#outcomes) return ['pending'];
    return [...this.#counts(this.#graph.names.map((_, task) => task)).keys()];
  }

  legend(): LegendItem[] {
    const items: LegendItem[] = this.#outcomes ? this.statuses().map(statusItem) : [];
    if (this.#boxes.some(({ isGroup, tasks }) => !isGroup && this.#graph.isIoBound(tasks[0]!))) items.push(IO_BOUND);
    if (this.#orderOnly.includes(1)) items.push(ORDER_ONLY);
    if (this.#boxes.some(({ isGroup }) => isGroup)) items.push(GROUP);
    return items;
  }

  content(): Content {
    const layout = layeredLayout({
      dependencies: this.#dependencies,
      widths: this.#boxes.map(({ width }) => width),
      heights: this.#boxes.map(({ height }) => height),
      direction: this.#direction,
    });
    const markup = [this.#edges(layout, false), this.#edges(layout, true), this.#arrows(layout)];
    for (const [index, box] of this.#boxes.entries())
      markup.push(box.isGroup ? this.#group(box, index, layout) : this.#task(box, index, layout));
    return {
      width: layout.width + STACK,
      height: layout.height + STACK,
      markup: markup.filter((line) => line !== '').join('\n'),
    };
  }

  #taskBox(task: number): PlacedBox {
    const label = shortened(labelOf(this.#graph.names[task]!), LABEL_WIDTH_MAX, FONT_SIZE);
    const mark = this.#outcomes ? MARK_WIDTH : 0;
    // Round ends take some room from the text.
    const ends = this.#graph.isIoBound(task) ? 8 : 0;
    const text = Math.max(textWidth(label, FONT_SIZE), textWidth(this.#durationOf([task]), FONT_SIZE));
    return {
      label,
      tasks: [task],
      isGroup: false,
      width: Math.ceil(text + mark + 2 * PADDING + ends),
      height: BOX_HEIGHT + (this.#durations === undefined ? 0 : LINE_HEIGHT),
    };
  }

  #groupBox(name: string, tasks: readonly number[]): PlacedBox {
    const label = shortened(labelOf(name), LABEL_WIDTH_MAX, FONT_SIZE);
    const first = textWidth(label, FONT_SIZE) + 12 + textWidth(sizeText(tasks), FONT_SIZE);
    const last = [...this.#counts(tasks).values()].reduce(
      (sum, count) => sum + MARK_WIDTH + textWidth(String(count), FONT_SIZE) + 8,
      0,
    );
    const width =
      Math.max(first, this.#outcomes ? last + textWidth(this.#durationOf(tasks), FONT_SIZE) : 0, GROUP_WIDTH_MIN) +
      2 * PADDING;
    return {
      label,
      tasks,
      isGroup: true,
      width: Math.ceil(width),
      height: this.#outcomes ? GROUP_HEIGHT : BOX_HEIGHT,
    };
  }

  #counts(tasks: readonly number[]): Counts {
    return countsOf(this.#graph, tasks);
  }

  /** Empty if nothing is known of it. */
  #durationOf(tasks: readonly number[]): string {
    let known = false;
    let sumMs = 0;
    for (const task of tasks) {
      const durationMs = this.#durations?.get(this.#graph.names[task]!);
      if (typeof durationMs !== 'number' || !(durationMs >= 0)) continue;
      known = true;
      sumMs += durationMs;
    }
    return known ? durationText(sumMs) : '';
  }

  #edges({ routes }: Layout, orderOnly: boolean): string {
    const paths: string[] = [];
    for (let edge = 0; edge < this.#orderOnly.length; edge++) {
      if ((this.#orderOnly[edge] === 1) === orderOnly) paths.push(`<path d="${this.#way(routes, edge)}"/>`);
    }
    if (paths.length === 0) return '';
    const many = this.#orderOnly.length > MANY_EDGES ? ' stroke-opacity=".45"' : '';
    return `<g class="e${orderOnly ? ' o' : ''}"${many}>${paths.join('\n')}</g>`;
  }

  /** Through each gap between layers in a bend that begins and ends straight, and past each layer in a straight line. */
  #way({ starts, x, y }: Layout['routes'], edge: number): string {
    const isRight = this.#direction === 'right';
    const along = isRight ? x : y;
    const across = isRight ? y : x;
    const ahead = isRight ? 'H' : 'V';
    const at = (a: number, b: number) => (isRight ? `${px(a)} ${px(b)}` : `${px(b)} ${px(a)}`);
    const first = starts[edge]!;
    const end = starts[edge + 1]!;
    let way = `M${at(along[first]!, across[first]!)}`;
    let drawnTo = along[first]!;
    for (let point = first; point < end; point += 2) {
      const [a0, a1, b0, b1] = [along[point]!, along[point + 1]!, across[point]!, across[point + 1]!];
      if (px(b0) === px(b1)) continue;
      if (a0 !== drawnTo) way += `${ahead}${px(a0)}`;
      way += `C${at((a0 + a1) / 2, b0)} ${at((a0 + a1) / 2, b1)} ${at(a1, b1)}`;
      drawnTo = a1;
    }
    return along[end - 1] === drawnTo ? way : `${way}${ahead}${px(along[end - 1]!)}`;
  }

  /** One for each box that depends on others: all edges come in at the same place. */
  #arrows({ x, y, widths, heights }: Layout): string {
    const { starts } = this.#dependencies;
    let way = '';
    for (let box = 0; box < this.#boxes.length; box++) {
      if (starts[box] === starts[box + 1]) continue;
      way +=
        this.#direction === 'right'
          ? `M${px(x[box]!)} ${px(y[box]! + heights[box]! / 2)}l-${ARROW}-3.5v7z`
          : `M${px(x[box]! + widths[box]! / 2)} ${px(y[box]!)}l-3.5-${ARROW}h7z`;
    }
    return way === '' ? '' : `<path class="a" d="${way}"/>`;
  }

  #task({ label, tasks }: PlacedBox, index: number, layout: Layout): string {
    const task = tasks[0]!;
    const status = this.#outcomes ? this.#graph.statusOf(task) : 'pending';
    const { x, y, width, height } = boxAt(layout, index);
    const isRound = this.#graph.isIoBound(task);
    const duration = this.#durationOf(tasks);
    const told = [this.#outcomes ? status : '', isRound ? 'io-bound' : '', duration]
      .filter((part) => part !== '')
      .join(', ');
    const name = markupText(cut(this.#graph.names[task]!, NAME_LENGTH_MAX));
    const left = x + PADDING + (isRound ? 4 : 0);
    const textLeft = left + (this.#outcomes ? MARK_WIDTH : 0);
    const firstLine = y + height / 2 + 4 - (duration === '' ? 0 : LINE_HEIGHT / 2);
    const parts = [
      `<g class="${status}"><title>${name}${told === '' ? '' : `: ${told}`}</title>`,
      `<rect x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" rx="${isRound ? px(height / 2) : 4}"/>`,
      this.#outcomes ? markAt(status, left, y + height / 2 - 6) : '',
      `<text x="${px(textLeft)}" y="${px(firstLine)}">${markupText(label)}</text>`,
      duration === ''
        ? ''
        : `<text class="f" x="${px(textLeft)}" y="${px(firstLine + LINE_HEIGHT)}">${duration}</text>`,
      '</g>',
    ];
    return parts.join('');
  }

  #group({ label, tasks }: PlacedBox, index: number, layout: Layout): string {
    const { x, y, width, height } = boxAt(layout, index);
    const counts = this.#counts(tasks);
    const status = this.#outcomes ? lookOf(counts) : 'pending';
    const duration = this.#durationOf(tasks);
    const told = [this.#outcomes ? countsText(counts) : '', duration].filter((part) => part !== '').join('; ');
    const middle = this.#outcomes ? y + 19 : y + height / 2 + 4;
    const parts = [
      `<path class="e" d="M${px(x + STACK)} ${px(y + height)}v${STACK}h${px(width)}v-${px(height)}h-${STACK}"/>`,
      `<g class="${status}"><title>${markupText(cut(label, NAME_LENGTH_MAX))}: ${sizeText(tasks)}${told === '' ? '' : `, ${told}`}</title>`,
      `<rect x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" rx="4"/>`,
      `<text x="${px(x + PADDING)}" y="${px(middle)}">${markupText(label)}</text>`,
      `<text class="f" x="${px(x + width - PADDING)}" y="${px(middle)}" text-anchor="end">${sizeText(tasks)}</text></g>`,
    ];
    if (this.#outcomes) parts.push(this.#bar(counts, tasks.length, x + PADDING, y + 26, width - 2 * PADDING));
    if (this.#outcomes && duration !== '')
      parts.push(
        `<text class="f" x="${px(x + width - PADDING)}" y="${px(y + 49)}" text-anchor="end">${duration}</text>`,
      );
    return parts.join('');
  }

  /** How many tasks have which status, as parts of a bar, and below it as numbers. */
  #bar(counts: Counts, total: number, left: number, top: number, width: number): string {
    const parts: string[] = [];
    let x = left;
    let textX = left;
    for (const [status, count] of counts) {
      const length = (count / total) * width;
      parts.push(
        `<g class="${status}"><rect class="s" x="${px(x)}" y="${px(top)}" width="${px(length)}" height="5"/>${markAt(status, textX, top + 12)}</g>`,
        `<text x="${px(textX + MARK_WIDTH - 3)}" y="${px(top + 23)}">${count}</text>`,
      );
      x += length;
      textX += MARK_WIDTH + textWidth(String(count), FONT_SIZE) + 5;
    }
    return parts.join('');
  }
}

/** How far behind a group's box the one shows that stands for the others, in pixels. */
const STACK = 3;

const IO_BOUND: LegendItem = {
  text: 'io-bound',
  swatch: (x, y) => `<rect class="c" x="${px(x)}" y="${px(y)}" width="26" height="16" rx="8"/>`,
};
const ORDER_ONLY: LegendItem = {
  text: 'order only',
  swatch: (x, y) =>
    `<path class="e o" d="M${px(x)} ${px(y + 8)}h20"/><path class="a" d="M${px(x + 26)} ${px(y + 8)}l-7-3.5v7z"/>`,
};
const GROUP: LegendItem = {
  text: 'several tasks',
  swatch: (x, y) => `<path class="e" d="M${px(x)} ${px(y)}h23v13h-23zm3 13v3h23v-13h-3"/>`,
};

function sizeText(tasks: readonly number[]): string {
  return `${tasks.length} tasks`;
}

/** An empty name is seen as well. */
function labelOf(name: string): string {
  return name.trim() === '' ? `"${shownText(name)}"` : shownText(cut(name, NAME_LENGTH_MAX));
}

function boxAt(
  { x, y, widths, heights }: Layout,
  box: number,
): { x: number; y: number; width: number; height: number } {
  return { x: x[box]!, y: y[box]!, width: widths[box]!, height: heights[box]! };
}
