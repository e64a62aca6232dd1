import { type Bar, isMet, worst } from './bars.js';
import type { Machine } from './machine.js';
import type { Measurement } from './measure.js';
import type { Timing } from './parallel/contest.js';
import type { Part } from './parallel/part.js';
import { threadsMarkdown } from './parallel/thread-report.js';
import { markdownTable, numberText, sizeText, textTable } from './table.js';

const HEAD = ['', 'median ms', 'ratio', 'ns/task', 'bytes/task built', 'bytes/task held', 'rounds'];

/** Below this size what the engine itself keeps would show as bytes of the tasks. */
const MEMORY_SIZE_MIN = 100_000;

const LEGEND = `\
- **median ms**: of all rounds; contenders take turns round by round in one process, and garbage is collected before each turn.
- **ratio**: to the bare loop for all that is synchronous, to memoised promises for all that is asynchronous.
- **bytes/task**: memory added over the caller's own names, functions and dependency lists: *built* before the first run, *held* after a run, with its results.
- **taskmap sync, built and run**: building the graph is timed too. Everybody else runs again what has been built before.
- **memoised promises** are asked for in topological order. Asked for from the end of a long chain, they overflow the stack.
- The functions add up their arguments. Asynchronous contenders run the same ones as async functions. Every result of everybody is compared with the bare loop's.`;

const THREADS_LEGEND = `\
Two threads for everybody, started before. The peers know no dependencies: a few lines around them call a task when the promises of its dependencies have been
fulfilled. The tasks are the same functions of one module for all; results are compared with those of a plain loop. **CPU** is that of all threads together. **/ piscina** is the
median over that of piscina.`;

/** One shape at one size, for the terminal. */
export function contestText(contest: readonly Measurement[]): string {
  return [titleOf(contest), textTable([HEAD, ...contest.map(row)]), ...notes(contest), ''].join('\n');
}

export function barsText(bars: readonly Bar[]): string {
  return textTable(barRows(bars));
}

export function barsMarkdown(bars: readonly Bar[]): string {
  return markdownTable(barRows(bars));
}

export function machineText({ cpu, cores, memoryGb, platform, node, loadBefore, loadAfter }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}, load average ${loadBefore} before and ${loadAfter} after`;
}

/** What was measured on threads: the timings of each graph. */
export interface ThreadResults {
  readonly parts: readonly Part[];
  readonly contests: readonly (readonly Timing[])[];
}

export function markdownReport(
  contests: readonly (readonly Measurement[])[],
  threads: ThreadResults,
  bars: readonly Bar[],
  machine: Machine,
): string {
  const tables = contests.map((contest) =>
    [`### ${titleOf(contest)}\n`, markdownTable([HEAD, ...contest.map(row)]), ...notes(contest), ''].join('\n'),
  );
  return [
    '# Benchmark results\n',
    'Written by `npm run bench -- --markdown benchmarks/RESULTS.md`.\n',
    `${machineText(machine)}.\n`,
    '## Bars\n',
    `${barsMarkdown(bars)}\n`,
    '## Figures\n',
    `${LEGEND}\n`,
    ...tables,
    '## Threads\n',
    `${THREADS_LEGEND}\n`,
    threadsMarkdown(threads.parts, threads.contests),
  ].join('\n');
}

function titleOf(contest: readonly Measurement[]): string {
  const { shape, size } = contest[0]!;
  return `${shape} ${sizeText(size)}`;
}

function notes(contest: readonly Measurement[]): string[] {
  return contest.filter(({ note }) => note !== '').map(({ contender, note }) => `\n${contender}: ${note}.`);
}

function row({ size, contender, figures }: Measurement): string[] {
  if (figures === undefined) return [contender, '-', '-', '-', '-', '-', '-'];
  const bytes = (perTask: number) => (size >= MEMORY_SIZE_MIN ? numberText(Math.round(perTask)) : '');
  return [
    contender,
    numberText(figures.medianMs),
    figures.ratio === undefined ? '' : `${numberText(figures.ratio)}x`,
    numberText(figures.nsPerTask),
    bytes(figures.builtBytesPerTask),
    bytes(figures.heldBytesPerTask),
    `${figures.rounds}`,
  ];
}

function barRows(bars: readonly Bar[]): string[][] {
  return [['bar', 'at most', 'reached', '', 'where'], ...bars.map(barRow)];
}

function barRow(bar: Bar): string[] {
  const figure = worst(bar);
  const met = isMet(bar);
  return [
    bar.what,
    `${bar.atMost}${bar.unit}`,
    figure === undefined ? '' : `${numberText(figure)}${bar.unit}`,
    met === undefined ? 'not measured' : met ? 'met' : 'NOT met',
    bar.reached.map(({ where, figure: one }) => `${where} ${numberText(one)}`).join(', '),
  ];
}
