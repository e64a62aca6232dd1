import { durationText } from '../drawing/duration-text.js';
import { MERMAID_LENGTH_MAX } from '../drawing/graph-text.js';
import { type Lane, lanesOf } from './lanes.js';
import type { AttemptTiming, RunSnapshot, TaskTiming } from './run-timing.js';
import { columnsOf, filled, fitted, printable } from './terminal.js';

const NAME_COLUMNS_MAX = 32;
const CHART_COLUMNS_MIN = 8;
const LABEL_LENGTH_MAX = 60;
/** What stands above the first section of a Mermaid chart takes no more characters. */
const HEAD_LENGTH_MAX = 1_000;
/** Names of workers may be of any length. */
const LANE_COLUMNS_MAX = 24;

/** The tasks that took longest, by their start, and how many others there are. */
interface Shown {
  readonly tasks: readonly TaskTiming[];
  readonly leftOut: number;
}

/**
 * A line for each task: `█` where an attempt ran, `▒` where it came to nothing, `·` where the task could have run and had to wait for room.
 *
 * @param width - columns, the longest line included
 * @param rowsMax - for so many tasks, those that took longest
 */
export function textGanttOf(run: RunSnapshot, width: number, rowsMax: number): string {
  const { tasks, leftOut } = shownOf(run, rowsMax);
  if (tasks.length === 0) return 'Nothing has run.';
  const laneNames = new Map(
    lanesOf(run.attempts).flatMap(({ name, attempts }) => attempts.map((attempt) => [attempt, name])),
  );
  const rows = tasks.map((task) => ({ task, name: printable(task.task), remark: remarkOf(task, laneNames) }));
  const widest = (texts: readonly string[]) => texts.reduce((most, text) => Math.max(most, columnsOf(text)), 0);
  const remarkColumns = widest(rows.map(({ remark }) => remark));
  const nameColumns = Math.min(widest(rows.map(({ name }) => name)), NAME_COLUMNS_MAX, Math.max(width >> 2, 1));
  const chartColumns = Math.max(width - nameColumns - remarkColumns - 2, CHART_COLUMNS_MIN);
  const lines = rows.map(({ task, name, remark }) =>
    `${filled(name, nameColumns)} ${chartOf(task, run, chartColumns)} ${remark}`.trimEnd(),
  );
  if (leftOut > 0)
    lines.push(`… and ${leftOut} more ${leftOut === 1 ? 'task' : 'tasks'}, each of which took less time`);
  return lines.join('\n');
}

/**
 * The run as a Mermaid Gantt chart: a section for each lane, a bar for each attempt, those in red that came to nothing.
 * No more than renderers take: of many attempts, those of the tasks that took longest, and of each of these the latest.
 */
export function mermaidGanttOf(run: RunSnapshot, rowsMax: number): string {
  const { tasks, leftOut } = shownOf(run, rowsMax);
  const { shown, attemptsLeftOut } = barsWithin(MERMAID_LENGTH_MAX - HEAD_LENGTH_MAX, tasks, run);
  const format = run.endedAtMs - run.startedAtMs < 60_000 ? '%S.%L' : '%H:%M:%S';
  const lines = ['gantt', `  title ${mermaidLine(run.graph)}`, '  dateFormat x', `  axisFormat ${format}`];
  if (leftOut > 0) lines.push(`  %% and ${leftOut} more, each of which took less time`);
  if (attemptsLeftOut > 0) lines.push(`  %% and ${attemptsLeftOut} more attempts, for which there is no room`);
  for (const { name, attempts } of lanesOf(run.attempts)) {
    const bars = attempts.filter((attempt) => shown.has(attempt)).map(mermaidBar);
    if (bars.length === 0) continue;
    lines.push(sectionLine(name));
    for (const bar of bars) lines.push(bar);
  }
  return `${lines.join('\n')}\n`;
}

/**
 * The attempts for which there is room, in so many characters: those of the longest tasks first, and of each the latest
 * first.
 */
function barsWithin(
  lengthMax: number,
  tasks: readonly TaskTiming[],
  run: RunSnapshot,
): { readonly shown: ReadonlySet<AttemptTiming>; readonly attemptsLeftOut: number } {
  const lanes = lanesOf(run.attempts);
  const laneByAttempt = new Map(lanes.flatMap((lane) => lane.attempts.map((attempt) => [attempt, lane] as const)));
  const opened = new Set<Lane>();
  const shown = new Set<AttemptTiming>();
  const byDuration = tasks.toSorted((a, b) => b.durationMs - a.durationMs);
  const wanted = byDuration.flatMap(({ attempts }) => attempts.toReversed());
  let length = 0;
  for (const attempt of wanted) {
    const lane = laneByAttempt.get(attempt)!;
    length += mermaidBar(attempt).length + 1 + (opened.has(lane) ? 0 : sectionLine(lane.name).length + 1);
    if (length > lengthMax) break;
    opened.add(lane);
    shown.add(attempt);
  }
  return { shown, attemptsLeftOut: wanted.length - shown.size };
}

function sectionLine(name: string): string {
  return `  section ${mermaidLine(name)}`;
}

function shownOf({ tasks }: RunSnapshot, rowsMax: number): Shown {
  const ran = [...tasks.values()].filter(({ attempts }) => attempts.length > 0);
  const longest = new Set(ran.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, rowsMax));
  // Sorting keeps the order of those that started at the same time: the one in which they were heard of.
  const shown = ran
    .filter((task) => longest.has(task))
    .sort((a, b) => a.attempts[0]!.startedAtMs - b.attempts[0]!.startedAtMs);
  return { tasks: shown, leftOut: ran.length - shown.length };
}

function chartOf({ attempts }: TaskTiming, { startedAtMs, endedAtMs }: RunSnapshot, columns: number): string {
  const cells = new Array<string>(columns).fill(' ');
  const cellOf = (atMs: number) =>
    endedAtMs === startedAtMs ? 0 : Math.round(((atMs - startedAtMs) / (endedAtMs - startedAtMs)) * columns);
  for (const { readyAtMs, startedAtMs, endedAtMs, status } of attempts) {
    // What is short is seen all the same.
    const first = Math.min(cellOf(startedAtMs), columns - 1);
    cells.fill('·', cellOf(readyAtMs), first);
    cells.fill(status === 'done' || status === 'running' ? '█' : '▒', first, Math.max(cellOf(endedAtMs), first + 1));
  }
  return cells.join('');
}

function remarkOf({ attempts, durationMs, status }: TaskTiming, laneNames: ReadonlyMap<AttemptTiming, string>): string {
  const lane = fitted(printable(laneNames.get(attempts.at(-1)!)!), LANE_COLUMNS_MAX);
  const remarks = [lane, durationText(durationMs)];
  if (attempts.length > 1) remarks.push(`${attempts.length} attempts`);
  if (status !== 'done') remarks.push(status === 'pending' ? 'interrupted' : status);
  return remarks.join(', ');
}

function mermaidBar({ task, attempt, status, startedAtMs, endedAtMs }: AttemptTiming): string {
  const label = `${mermaidLine(task)}${attempt > 1 ? ` (attempt ${attempt})` : ''}`;
  const tag = status === 'done' ? 'done, ' : status === 'running' ? 'active, ' : 'crit, ';
  return `    ${label} :${tag}${Math.floor(startedAtMs)}, ${Math.ceil(endedAtMs)}`;
}

/** What Mermaid takes for something else if a line begins with it. */
const MERMAID_WORDS =
  /^(?:gantt|date|inclusive|top|axis|tick|includes|excludes|today|week|title|acc|section|click|call|href|vert|display|\d)/i;

/** A name as text of a Mermaid chart, in which nothing but letters, digits, blanks and a few marks stands for itself. */
function mermaidLine(name: string): string {
  const shown = name.length > LABEL_LENGTH_MAX ? `${name.slice(0, LABEL_LENGTH_MAX)}…` : name;
  const text = shown.trim() === '' ? '""' : shown;
  const entity = (mark: string) => `#${mark.codePointAt(0)};`;
  const escaped = text.replace(/[^\p{L}\p{N} .,()/…-]/gu, entity);
  return MERMAID_WORDS.test(escaped) ? entity(escaped) + escaped.slice(1) : escaped;
}
