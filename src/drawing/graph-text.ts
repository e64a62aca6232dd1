import { BOXES_MAX, type Boxes, boxesOf, countsOf, countsText, lookOf } from './boxes.js';
import { type DrawnGraph, orderOnlyEdges } from './drawn-graph.js';
import type { EdgeLists } from './edge-lists.js';
import { cut, shownText } from './markup.js';
import { type DrawnStatus, LOOKS, PAPERS } from './palette.js';

/** All that a graph knows of its tasks, as the texts name it. */
const STATUSES: readonly DrawnStatus[] = ['pending', 'running', 'done', 'failed', 'skipped'];
const TEXT_COLOUR = PAPERS.light.text;

/** The graph in the DOT language of Graphviz: boxes coloured by outcome, io-bound ones rounded, order-only edges dashed. */
export function dotOf(graph: DrawnGraph): string {
  const { names } = graph;
  const lines = [
    `digraph ${dotText(graph.name)} {`,
    '  rankdir=LR;',
    `  node [shape=box, style=filled, fontname="sans-serif", fontcolor="${TEXT_COLOUR}"];`,
  ];
  for (let id = 0; id < names.length; id++) {
    const { fill, stroke } = LOOKS[graph.statusOf(id)].light;
    const style = graph.isIoBound(id) ? ', style="filled,rounded"' : '';
    lines.push(`  t${id} [label=${dotText(names[id]!)}, fillcolor="${fill}", color="${stroke}"${style}];`);
  }
  for (const { from, to, isOrderOnly } of edgesOf(graph.dependencies, orderOnlyEdges(graph)))
    lines.push(`  t${from} -> t${to}${isOrderOnly ? ' [style=dashed]' : ''};`);
  return `${lines.join('\n')}\n}\n`;
}

/** How a graph is drawn as a Mermaid flowchart. */
export interface MermaidOptions {
  /**
   * Which tasks are drawn as one box: those for whose names this returns the same text; `false` for none, whatever
   * renderers take. Default: of more than 500 tasks, 500 edges or 50 000 characters, which is where renderers stop,
   * those whose names begin alike; and if that is still more, those of a level.
   */
  readonly group?: ((name: string) => string) | false | undefined;
}

/** What renderers take: the defaults of Mermaid, which no text can change. */
const MERMAID_EDGES_MAX = 500;
export const MERMAID_LENGTH_MAX = 50_000;
const NAME_LENGTH_MAX = 300;
/** Shorter, so that those of all levels together are within what renderers take. */
const GROUP_NAME_LENGTH_MAX = 60;

/**
 * The graph as a Mermaid flowchart: boxes coloured by outcome, io-bound ones rounded, order-only edges dotted. A group
 * tells how many tasks it is.
 *
 * @throws {@link InvalidOptionError}
 */
export function mermaidOf(graph: DrawnGraph, { group }: MermaidOptions = {}): string {
  const fits = (boxes: Boxes) =>
    boxes.boxes.length <= BOXES_MAX &&
    boxes.orderOnly.length <= MERMAID_EDGES_MAX &&
    flowchartOf(graph, boxes).length <= MERMAID_LENGTH_MAX;
  return flowchartOf(graph, boxesOf(graph, group, fits));
}

function flowchartOf(graph: DrawnGraph, { boxes, dependencies, orderOnly }: Boxes): string {
  const lines = ['flowchart LR'];
  for (const [id, { name, tasks }] of boxes.entries()) {
    const counts = countsOf(graph, tasks);
    const isGroup = tasks.length > 1;
    const text = isGroup
      ? `${cut(name, GROUP_NAME_LENGTH_MAX)}: ${tasks.length} tasks, ${countsText(counts)}`
      : cut(name, NAME_LENGTH_MAX);
    const label = mermaidText(text);
    const box = !isGroup && graph.isIoBound(tasks[0]!) ? `(${label})` : `[${label}]`;
    lines.push(`  t${id}${box}:::${lookOf(counts)}`);
  }
  for (const { from, to, isOrderOnly } of edgesOf(dependencies, orderOnly))
    lines.push(`  t${from} ${isOrderOnly ? '-.->' : '-->'} t${to}`);
  for (const status of STATUSES) {
    const { fill, stroke } = LOOKS[status].light;
    lines.push(`  classDef ${status} fill:${fill},stroke:${stroke},color:${TEXT_COLOUR}`);
  }
  return `${lines.join('\n')}\n`;
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly isOrderOnly: boolean;
}

function* edgesOf({ starts, ids }: EdgeLists, orderOnly: Uint8Array): Generator<Edge> {
  for (let to = 0; to + 1 < starts.length; to++) {
    for (let edge = starts[to]!; edge < starts[to + 1]!; edge++)
      yield { from: ids[edge]!, to, isOrderOnly: orderOnly[edge] === 1 };
  }
}

/** A DOT string: a backslash would begin one of DOT's own escapes. */
function dotText(text: string): string {
  const lines = text
    .split(/([\r\n])/)
    .map((part) => (part === '\r' ? '\\r' : part === '\n' ? '\\n' : shownText(part).replace(/["\\]/g, '\\$&')));
  return `"${lines.join('')}"`;
}

/**
 * A Mermaid string: everything but letters, digits, blanks and a few marks as an entity, so that no name can end the label or begin HTML; and what some
 * renderers take for Markdown, `_so_` or `1. so`, likewise.
 */
function mermaidText(text: string): string {
  if (text === '') return '" "';
  return `"${text.replace(/^(\d+)\.|^-|[^\p{L}\p{N} .,:/-]/gu, (mark, digits = '') => `${digits}#${mark.codePointAt(digits.length)};`)}"`;
}
