import { markdownTable, numberText, textTable } from '../table.js';
import { PISCINA } from './contenders/piscina.js';
import { WORKERPOOL } from './contenders/workerpool.js';
import type { Timing } from './contest.js';
import type { Part } from './part.js';
import { CLOSURES } from './parts/closures.js';
import { EMPTY_TASKS } from './parts/empty-tasks.js';
import { KEPT } from './parts/kept.js';
import { efficiencies, METG, metgUs } from './parts/metg.js';
import { OBSERVED_RUN } from './parts/observed.js';

/** One graph, for the terminal. */
export function timingsText(timings: readonly Timing[]): string {
  return [titleOf(timings), textTable(rowsOf(timings)), ''].join('\n');
}

/** @param contests - the timings of each graph */
export function threadsMarkdown(parts: readonly Part[], contests: readonly (readonly Timing[])[]): string {
  return parts
    .map(({ name, title, legend }) => {
      const tables = contests
        .filter(([first]) => first!.part === name)
        .map((timings) => `#### ${titleOf(timings)}\n\n${markdownTable(rowsOf(timings))}\n`);
      return tables.length === 0 ? '' : [`### ${title}\n`, `${legend}\n`, ...tables].join('\n');
    })
    .filter((text) => text !== '')
    .join('\n');
}

function titleOf(timings: readonly Timing[]): string {
  const { part, graph, tasks } = timings[0]!;
  return `${part}: ${graph}, ${tasks} tasks`;
}

function rowsOf(timings: readonly Timing[]): string[][] {
  return timings[0]!.part === METG ? efficiencyRows(timings) : withoutEmptyColumns(timingRows(timings));
}

function timingRows(timings: readonly Timing[]): string[][] {
  const head = [
    '',
    'median ms',
    'us/task',
    'CPU us/task',
    `/ ${PISCINA}`,
    `/ ${WORKERPOOL}`,
    'ideal ms',
    '/ ideal',
    'rounds',
  ];
  const over = (ms: number, name: string) => {
    const peer = timings.find(({ contender }) => contender === name);
    return peer === undefined ? '' : `${numberText(ms / peer.medianMs)}x`;
  };
  const isPerTask = [EMPTY_TASKS, OBSERVED_RUN, CLOSURES, KEPT].includes(timings[0]!.part);
  const rows = timings.map(({ contender, tasks, medianMs, cpuMs, idealMs, rounds }) => [
    contender,
    numberText(medianMs),
    isPerTask ? numberText((medianMs * 1000) / tasks) : '',
    isPerTask ? numberText((cpuMs * 1000) / tasks) : '',
    over(medianMs, PISCINA),
    over(medianMs, WORKERPOOL),
    idealMs === undefined ? '' : numberText(idealMs),
    idealMs === undefined ? '' : numberText(medianMs / idealMs),
    `${rounds}`,
  ]);
  return [head, ...rows];
}

function efficiencyRows(timings: readonly Timing[]): string[][] {
  const contenders = [...new Set(timings.map(({ contender }) => contender))];
  const curves = contenders.map((name) => efficiencies(timings.filter(({ contender }) => contender === name)));
  return [
    ['task length', ...contenders],
    ...curves[0]!.map(({ taskUs }, index) => [
      `${taskUs} us`,
      ...curves.map((curve) => numberText(curve[index]!.efficiency)),
    ]),
    ['METG(50 %)', ...curves.map((curve) => `${numberText(metgUs(curve))} us`)],
  ];
}

function withoutEmptyColumns(rows: readonly (readonly string[])[]): string[][] {
  const isUsed = rows[0]!.map((_, column) => rows.some((row, index) => index > 0 && row[column] !== ''));
  return rows.map((row) => row.filter((_, column) => isUsed[column]));
}
