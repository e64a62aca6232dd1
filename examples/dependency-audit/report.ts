import type { StatusCounts } from 'taskmap-ts';
import { type Audit, packageOf, type Verdict } from './graph.js';

/** All that an audit found. The JSON file is this, as it is. */
export interface AuditReport {
  readonly folder: string;
  readonly totals: {
    readonly packages: number;
    readonly failed: number;
    readonly fileCount: number;
    readonly bytes: number;
    readonly lines: number;
    readonly gzippedBytes: number;
  };
  /** How many packages have each licence, the most frequent first. */
  readonly licences: readonly { readonly name: string; readonly packages: number }[];
  /** Packages that are installed more than once. */
  readonly duplicates: readonly Duplicate[];
  /** One for each package that could not be audited. */
  readonly failures: readonly { readonly path: string; readonly task: string; readonly error: string }[];
  /** The packages with the most time between the start and the end of each of their tasks, added up: waits for the disk and for the thread count. */
  readonly slowest: readonly { readonly path: string; readonly taskMs: number }[];
  readonly tasks: StatusCounts;
  /** How long the runs took together. */
  readonly durationMs: number;
  readonly verdicts: readonly Verdict[];
}

interface Duplicate {
  readonly name: string;
  readonly copies: readonly { readonly version: string; readonly path: string }[];
  readonly bytes: number;
  /** Two copies of one version with different sources: somebody has changed one of them. */
  readonly differ: boolean;
}

/** Makes the report of what the graph knows when the run is over: of packages that were audited and of those that failed. */
export function auditReport(
  folder: string,
  { graph, verdicts: tasks }: Audit,
  durationMs: number,
  slowest: AuditReport['slowest'],
): AuditReport {
  const verdicts = tasks.flatMap((task) => (graph.status(task) === 'done' ? [graph.result(task)] : []));
  const failures = [...graph.failures()].map(([task, error]) => ({
    path: packageOf(task),
    task,
    error: errorText(error),
  }));
  return {
    folder,
    totals: {
      packages: verdicts.length,
      failed: tasks.length - verdicts.length,
      fileCount: sum(verdicts, ({ fileCount }) => fileCount),
      bytes: sum(verdicts, ({ bytes }) => bytes),
      lines: sum(verdicts, ({ lines }) => lines),
      gzippedBytes: sum(verdicts, ({ gzippedBytes }) => gzippedBytes),
    },
    licences: [...grouped(verdicts, ({ licence }) => licence.name)]
      .map(([name, { length }]) => ({ name, packages: length }))
      .sort((a, b) => b.packages - a.packages || (a.name < b.name ? -1 : 1)),
    duplicates: duplicatesIn(verdicts),
    failures,
    slowest,
    tasks: graph.counts(),
    durationMs,
    verdicts,
  };
}

function duplicatesIn(verdicts: readonly Verdict[]): Duplicate[] {
  const duplicates: Duplicate[] = [];
  for (const [name, copies] of grouped(verdicts, ({ name }) => name)) {
    if (copies.length === 1) continue;
    duplicates.push({
      name,
      copies: copies.map(({ version, path }) => ({ version, path })),
      bytes: sum(copies, ({ bytes }) => bytes),
      differ: [...grouped(copies, ({ version }) => version).values()].some(
        (same) => new Set(same.map(({ sha256 }) => sha256)).size > 1,
      ),
    });
  }
  return duplicates.sort((a, b) => b.bytes - a.bytes);
}

const LARGEST_SHOWN = 10;
const ROWS_SHOWN = 20;

/** The report for people. */
export function reportText(report: AuditReport): string {
  const { folder, totals, licences, duplicates, failures, slowest, tasks, verdicts } = report;
  const largest = [...verdicts].sort((a, b) => b.bytes - a.bytes).slice(0, LARGEST_SHOWN);
  const remarked = verdicts.filter(({ remarks }) => remarks.length > 0);
  const text = [
    `${folder}: ${counted(totals.packages, 'package')} audited, ${totals.failed} failed`,
    `${counted(totals.fileCount, 'file')}, ${size(totals.bytes)}; ${counted(totals.lines, 'line')} of source, ${size(totals.gzippedBytes)} gzipped`,
    section(
      'Largest',
      ['package', 'version', 'on disk', 'files', 'lines', 'gzipped', 'licence'],
      largest.map((one) => [
        one.path,
        one.version,
        size(one.bytes),
        number(one.fileCount),
        number(one.lines),
        size(one.gzippedBytes),
        one.licence.name,
      ]),
    ),
    section(
      'Licences',
      ['licence', 'packages'],
      licences.map(({ name, packages }) => [name, number(packages)]),
    ),
    section(
      'Licences to look at',
      ['package', 'version', 'licence', 'remark'],
      remarked.map(({ path, version, licence, remarks }) => [path, version, licence.name, remarks.join(', ')]),
    ),
    section(
      'Installed more than once',
      ['package', 'on disk', 'copies'],
      duplicates.map(({ name, bytes, copies, differ }) => [
        name,
        size(bytes),
        `${versions(copies)}${differ ? ' (copies of one version differ)' : ''}`,
      ]),
    ),
    section(
      'Failed',
      ['package', 'task', 'error'],
      failures.map(({ path, task, error }) => [path, task.slice(0, task.indexOf(' ')), error]),
    ),
    section(
      'Slowest (tasks added up, the time they wait included)',
      ['package', 'time in its tasks'],
      slowest.map(({ path, taskMs }) => [path, duration(taskMs)]),
    ),
    `${counted(tasks.done, 'task')} done, ${tasks.failed} failed, ${tasks.skipped} skipped, in ${duration(report.durationMs)}`,
  ];
  return `${text.filter((part) => part !== '').join('\n\n')}\n`;
}

/** `1.0.0, 2.0.0 ×2`: each version, the oldest first, and how often it is there. */
function versions(copies: Duplicate['copies']): string {
  const byAge = [...grouped(copies, ({ version }) => version)].sort(([a], [b]) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  return byAge.map(([version, { length }]) => (length === 1 ? version : `${version} ×${length}`)).join(', ');
}

/** A headed table; nothing at all if it has no rows. */
function section(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const lines = [headings, ...rows.slice(0, ROWS_SHOWN)];
  const widths = headings.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const isNumber = headings.map(
    (_, column) => rows.every((cells) => /^[\d.,]+( (B|kB|MB|ms|s))?$/.test(cells[column]!)) && column > 0,
  );
  const text = lines.map((cells) => {
    const padded = cells.map((cell, column) =>
      isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
    );
    return `  ${padded.join('  ').trimEnd()}`;
  });
  const rest = rows.length - ROWS_SHOWN;
  if (rest > 0) text.push(`  … and ${rest} more`);
  return [title, ...text].join('\n');
}

/** An error in one line: messages may quote a file, line breaks and all. */
function errorText(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `1 task`, `1,200 tasks`. */
export function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function sum<T>(all: readonly T[], pick: (one: T) => number): number {
  return all.reduce((total, one) => total + pick(one), 0);
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}
