import type { OutcomeTable, TaskStatus } from './outcome.js';
import type { TaskSettings } from './task.js';
import type { Topology } from './topology.js';

/** What a drawing shows of a graph. */
export interface Drawable {
  readonly name: string;
  readonly names: readonly string[];
  readonly settings: readonly TaskSettings[];
  readonly topology: Topology;
  readonly outcomes: OutcomeTable;
}

interface Colours {
  readonly fill: string;
  readonly stroke: string;
}

/** Dark text stands on each of these fills with a contrast above 7 : 1. */
const COLOURS: Readonly<Record<TaskStatus, Colours>> = {
  pending: { fill: '#f3f4f6', stroke: '#9ca3af' },
  running: { fill: '#dbeafe', stroke: '#2563eb' },
  done: { fill: '#dcfce7', stroke: '#16a34a' },
  failed: { fill: '#fee2e2', stroke: '#dc2626' },
  skipped: { fill: '#fef9c3', stroke: '#ca8a04' },
};

/** The graph in the DOT language of Graphviz: boxes coloured by outcome, io-bound ones rounded, order-only edges dashed. */
export function dotOf(graph: Drawable): string {
  const { names, settings, topology, outcomes } = graph;
  const lines = [
    `digraph ${dotText(graph.name)} {`,
    '  rankdir=LR;',
    '  node [shape=box, style=filled, fontname="sans-serif", fontcolor="#111827"];',
  ];
  for (let id = 0; id < topology.size; id++) {
    const { fill, stroke } = COLOURS[outcomes.status(id)];
    const style = settings[id]!.ioBound ? ', style="filled,rounded"' : '';
    lines.push(`  t${id} [label=${dotText(names[id]!)}, fillcolor="${fill}", color="${stroke}"${style}];`);
  }
  for (const { from, to, orderOnly } of edges(topology)) lines.push(`  t${from} -> t${to}${orderOnly ? ' [style=dashed]' : ''};`);
  return `${lines.join('\n')}\n}\n`;
}

/** The graph as a Mermaid flowchart: boxes coloured by outcome, io-bound ones rounded, order-only edges dotted. */
export function mermaidOf({ names, settings, topology, outcomes }: Drawable): string {
  const lines = ['flowchart LR'];
  for (let id = 0; id < topology.size; id++) {
    const label = mermaidText(names[id]!);
    const box = settings[id]!.ioBound ? `(${label})` : `[${label}]`;
    lines.push(`  t${id}${box}:::${outcomes.status(id)}`);
  }
  for (const { from, to, orderOnly } of edges(topology)) lines.push(`  t${from} ${orderOnly ? '-.->' : '-->'} t${to}`);
  for (const [status, { fill, stroke }] of Object.entries(COLOURS)) lines.push(`  classDef ${status} fill:${fill},stroke:${stroke},color:#111827`);
  return `${lines.join('\n')}\n`;
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly orderOnly: boolean;
}

function* edges({ size, inputs, dependencies }: Topology): Generator<Edge> {
  for (let to = 0; to < size; to++) {
    const fed = new Set(inputs.ids.subarray(inputs.starts[to], inputs.starts[to + 1]));
    for (const from of dependencies.ids.subarray(dependencies.starts[to], dependencies.starts[to + 1])) yield { from, to, orderOnly: !fed.has(from) };
  }
}

/** A DOT string: a backslash would begin one of DOT's own escapes. */
function dotText(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\r', '\\r').replaceAll('\n', '\\n').replaceAll('\0', '␀');
  return `"${escaped}"`;
}

/**
 * A Mermaid string: everything but letters, digits, blanks and a few marks as an entity, so that no name can end the label or begin HTML; and what some
 * renderers take for Markdown, `_so_` or `1. so`, likewise.
 */
function mermaidText(text: string): string {
  if (text === '') return '" "';
  return `"${text.replace(/^(\d+)\.|^-|[^\p{L}\p{N} .,:/-]/gu, (mark, digits = '') => `${digits}#${mark.codePointAt(digits.length)};`)}"`;
}
