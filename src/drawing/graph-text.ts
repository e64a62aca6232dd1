import { type DrawnGraph, orderOnlyEdges } from './drawn-graph.js';
import { shownText } from './markup.js';
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
  for (const { from, to, orderOnly } of edges(graph))
    lines.push(`  t${from} -> t${to}${orderOnly ? ' [style=dashed]' : ''};`);
  return `${lines.join('\n')}\n}\n`;
}

/** The graph as a Mermaid flowchart: boxes coloured by outcome, io-bound ones rounded, order-only edges dotted. */
export function mermaidOf(graph: DrawnGraph): string {
  const { names } = graph;
  const lines = ['flowchart LR'];
  for (let id = 0; id < names.length; id++) {
    const label = mermaidText(names[id]!);
    const box = graph.isIoBound(id) ? `(${label})` : `[${label}]`;
    lines.push(`  t${id}${box}:::${graph.statusOf(id)}`);
  }
  for (const { from, to, orderOnly } of edges(graph)) lines.push(`  t${from} ${orderOnly ? '-.->' : '-->'} t${to}`);
  for (const status of STATUSES) {
    const { fill, stroke } = LOOKS[status].light;
    lines.push(`  classDef ${status} fill:${fill},stroke:${stroke},color:${TEXT_COLOUR}`);
  }
  return `${lines.join('\n')}\n`;
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly orderOnly: boolean;
}

function* edges(graph: DrawnGraph): Generator<Edge> {
  const { starts, ids } = graph.dependencies;
  const orderOnly = orderOnlyEdges(graph);
  for (let to = 0; to < graph.names.length; to++) {
    for (let edge = starts[to]!; edge < starts[to + 1]!; edge++)
      yield { from: ids[edge]!, to, orderOnly: orderOnly[edge] === 1 };
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
