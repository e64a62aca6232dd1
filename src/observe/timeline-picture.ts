import { durationText } from '../drawing/duration-text.js';
import { cut, markupText, px, shortened, shownText, textWidth } from '../drawing/markup.js';
import { type DrawnStatus, LOOKS } from '../drawing/palette.js';
import {
  BETWEEN,
  FONT_SIZE,
  type LegendItem,
  MARGIN,
  markAt,
  type Picture,
  picture,
  statusItem,
} from '../drawing/picture.js';
import { ticksOf } from '../drawing/time-axis.js';
import type { ThreadId } from '../events.js';
import { measuredPath } from './critical-path.js';
import { type Lane, lanesOf } from './lanes.js';
import { ENDING_WORDS, reasonText } from './run-ending.js';
import type { AttemptTiming, RunSnapshot, TaskTiming } from './run-timing.js';

/** What is said of the run above its picture. */
export interface RunFigures {
  readonly attemptCount: number;
  readonly criticalPathMs: number;
  readonly workers: number;
  readonly efficiency: number;
}

type AttemptStatus = AttemptTiming['status'];

const AXIS_HEIGHT = 22;
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 16;
const TICK_WIDTH_MIN = 80;
/** Bars narrower than this have no border, which would be all that is seen of them. */
const BORDER_WIDTH_MIN = 4;
const MARK_WIDTH_MIN = 16;
const NAME_SIZE = 11;
/** About so many bars are drawn at most: more would make a picture of megabytes. */
const BARS_MAX = 10_000;
const NAME_LENGTH_MAX = 300;
/** Names of workers may be of any length. */
const LANE_WIDTH_MAX = 160;
const RULES = [
  '.taskmap-picture .n{font-size:11px}',
  '.taskmap-picture .w{stroke-width:2;stroke-dasharray:1 2}',
  '.taskmap-picture .r{stroke-dasharray:4 3}',
  '.taskmap-picture .k{stroke-width:2}',
  '.taskmap-picture .l{stroke-width:1;stroke-dasharray:2 2}',
].join('');

/** Attempts that are drawn as one, since each of them is narrower than a cell; or a single one. */
interface Bar {
  readonly fromX: number;
  toX: number;
  /** The one of its attempts that matters most. */
  status: AttemptStatus;
  isCritical: boolean;
  readonly attempts: AttemptTiming[];
}

/** What matters more is seen where attempts of several statuses share a pixel. */
const WEIGHTS: Readonly<Record<AttemptStatus, number>> = { done: 0, running: 1, interrupted: 2, retried: 3, failed: 4 };

/** How large the picture is, as {@link TimelinePictureOptions} of the same names say. */
export interface PictureSize {
  readonly width?: number | undefined;
  readonly rowsMax?: number | undefined;
}

/** A row for each lane, a bar for each attempt. */
export function timelinePictureOf(
  run: RunSnapshot,
  figures: RunFigures,
  { width = 960, rowsMax = 60 }: PictureSize = {},
): Picture {
  return new TimelineDrawing(run, width, rowsMax).picture(figures);
}

/** The picture of a timeline that has seen no run. */
export function emptyTimelinePicture(): Picture {
  const text = 'Nothing has run.';
  return picture(
    { title: '', summary: [text], label: text, statuses: [], legend: [] },
    { width: 0, height: 0, markup: '' },
  );
}

class TimelineDrawing {
  readonly #run: RunSnapshot;
  readonly #lanes: readonly Lane[];
  /** What each lane is called, as far as there is room for it. */
  readonly #labels: readonly string[];
  /** How many rows there are for which there was no room, and how many attempts are in them. */
  readonly #leftOut: { readonly rows: number; readonly attempts: number };
  readonly #left: number;
  readonly #right: number;
  /** What is narrower than this is drawn together, in pixels: 1, and more where there would be too many bars. */
  readonly #cell: number;
  readonly #criticalTasks: ReadonlySet<string>;
  readonly #path: readonly TaskTiming[];
  readonly #rowByAttempt = new Map<AttemptTiming, number>();
  readonly #statuses = new Set<AttemptStatus>();
  #hasWaits = false;
  #hasPauses = false;
  #hasCritical = false;

  constructor(run: RunSnapshot, width: number, rowsMax: number) {
    this.#run = run;
    const lanes = lanesOf(run.attempts);
    this.#lanes = firstLanesOfEach(lanes, rowsMax);
    const shown = new Set(this.#lanes);
    const leftOut = lanes.filter((lane) => !shown.has(lane));
    this.#leftOut = { rows: leftOut.length, attempts: leftOut.reduce((sum, { attempts }) => sum + attempts.length, 0) };
    this.#labels = this.#lanes.map(({ name }) => shortened(laneText(name), LANE_WIDTH_MAX, FONT_SIZE));
    const labelWidth = this.#labels.reduce((most, label) => Math.max(most, textWidth(label, FONT_SIZE)), 0);
    this.#left = Math.ceil(labelWidth) + 12;
    this.#right = Math.max(width - 2 * MARGIN, this.#left + 1);
    const isCrowded = this.#lanes.reduce((sum, { attempts }) => sum + attempts.length, 0) > BARS_MAX;
    const perBar = (this.#lanes.length * (this.#right - this.#left)) / BARS_MAX;
    this.#cell = isCrowded ? Math.max(perBar, 1) : 1;
    this.#path = measuredPath(run).tasks;
    this.#criticalTasks = new Set(this.#path.map(({ task }) => task));
    for (const [row, { attempts }] of this.#lanes.entries())
      for (const attempt of attempts) this.#rowByAttempt.set(attempt, row);
  }

  picture(figures: RunFigures): Picture {
    const { graph, status, startedAtMs, endedAtMs } = this.#run;
    const height = AXIS_HEIGHT + this.#lanes.length * ROW_HEIGHT + (this.#leftOut.rows > 0 ? ROW_HEIGHT : 0);
    const parts = [this.#axis(), this.#pauses()];
    for (const [row, lane] of this.#lanes.entries()) parts.push(this.#row(lane, row));
    parts.push(this.#pathLines(), this.#remark());
    const markup = parts.filter((part) => part !== '').join('\n');
    const { attemptCount, criticalPathMs, workers, efficiency } = figures;
    const summary = [
      `${ENDING_WORDS[status]}, ${durationText(endedAtMs - startedAtMs)}`,
      `${attemptCount} ${attemptCount === 1 ? 'attempt' : 'attempts'}`,
      `critical path ${durationText(criticalPathMs)}`,
      `efficiency ${Math.round(efficiency * 100)} % of ${workers} at once`,
    ];
    const reason = reasonText(this.#run);
    if (reason !== undefined) summary.push(shortened(shownText(reason), this.#right, FONT_SIZE));
    const statuses = (Object.keys(LOOKS) as DrawnStatus[]).filter((one) => this.#statuses.has(one as AttemptStatus));
    return picture(
      {
        title: graph,
        summary,
        label: `${graph}: ${summary.join(BETWEEN)}`,
        statuses,
        legend: this.#legend(statuses),
        rules: RULES,
        isFixed: true,
      },
      { width: this.#right, height, markup },
    );
  }

  #legend(statuses: readonly DrawnStatus[]): LegendItem[] {
    const items = statuses.map(statusItem);
    if (this.#hasCritical) items.push(CRITICAL);
    if (this.#hasWaits) items.push(WAITED);
    if (this.#hasPauses) items.push(PAUSED);
    return items;
  }

  #x(atMs: number): number {
    const { startedAtMs, endedAtMs } = this.#run;
    const span = endedAtMs - startedAtMs;
    return span <= 0 ? this.#left : this.#left + ((atMs - startedAtMs) / span) * (this.#right - this.#left);
  }

  #axis(): string {
    const { startedAtMs, endedAtMs } = this.#run;
    const bottom = AXIS_HEIGHT + this.#lanes.length * ROW_HEIGHT;
    const parts: string[] = [];
    for (const { atMs, label } of ticksOf(endedAtMs - startedAtMs, (this.#right - this.#left) / TICK_WIDTH_MIN)) {
      const x = this.#x(startedAtMs + atMs);
      // A name that would stick out to the right ends at its line.
      const anchor = x + textWidth(label, FONT_SIZE) / 2 > this.#right ? ' text-anchor="end"' : ' text-anchor="middle"';
      parts.push(
        `<path class="g" d="M${px(x)} ${AXIS_HEIGHT - 6}V${px(bottom)}"/><text class="f" x="${px(x)}" y="11"${anchor}>${label}</text>`,
      );
      if (endedAtMs === startedAtMs) break;
    }
    return parts.join('');
  }

  #row(lane: Lane, row: number): string {
    const top = AXIS_HEIGHT + row * ROW_HEIGHT;
    const label = this.#labels[row]!;
    const whole = label === lane.name ? '' : `<title>${markupText(laneText(lane.name))}</title>`;
    const parts = [
      `<text class="f" x="0" y="${px(top + 16)}">${whole}${markupText(label)}</text>`,
      this.#waits(lane, top),
    ];
    for (const bar of this.#bars(lane)) parts.push(this.#bar(bar, top));
    return parts.join('');
  }

  /**
   * Attempts that are narrower than a cell and begin within the cell of the one before, or next to one of the same
   * kind, are drawn with it.
   */
  #bars({ attempts }: Lane): Bar[] {
    const bars: Bar[] = [];
    let last: Bar | undefined;
    for (const attempt of attempts) {
      const fromX = this.#x(attempt.startedAtMs);
      const toX = this.#x(attempt.endedAtMs);
      const isCritical = this.#criticalTasks.has(attempt.task);
      const isThin = toX - fromX < this.#cell;
      if (isThin && last !== undefined) {
        const isSameCell = fromX < (Math.floor(last.fromX / this.#cell) + 1) * this.#cell;
        const isNext = fromX < last.toX + 1 && last.status === attempt.status && last.isCritical === isCritical;
        if (isSameCell || isNext) {
          last.attempts.push(attempt);
          last.toX = Math.max(last.toX, toX);
          if (WEIGHTS[attempt.status] > WEIGHTS[last.status]) last.status = attempt.status;
          last.isCritical ||= isCritical;
          continue;
        }
      }
      const bar: Bar = { fromX, toX, status: attempt.status, isCritical, attempts: [attempt] };
      bars.push(bar);
      last = isThin ? bar : undefined;
    }
    return bars;
  }

  #bar({ fromX, toX, status, isCritical, attempts }: Bar, top: number): string {
    this.#statuses.add(status);
    const width = Math.max(toX - fromX, 1);
    // What came to nothing sticks out, so that it is found also where it is too narrow for its mark.
    const sticksOut = status === 'done' || status === 'running' ? 0 : 2;
    const y = top + (ROW_HEIGHT - BAR_HEIGHT) / 2 - sticksOut;
    const height = BAR_HEIGHT + 2 * sticksOut;
    const isNarrow = width < BORDER_WIDTH_MIN;
    const place = `x="${px(fromX)}" y="${px(y)}" width="${px(width)}" height="${height}"`;
    const parts = [
      `<g class="${status}"><title>${markupText(toldOf(attempts))}</title><rect ${isNarrow ? 'class="s" ' : ''}${place}/>`,
    ];
    if (isCritical) {
      this.#hasCritical = true;
      // No rectangle, which would have the colours of the status.
      parts.push(`<path class="c k" d="M${px(fromX)} ${px(y)}h${px(width)}v${height}h-${px(width)}z"/>`);
    }
    if (width >= MARK_WIDTH_MIN && attempts.length === 1) {
      parts.push(markAt(status, fromX + 2, top + ROW_HEIGHT / 2 - 6));
      const name = shortened(
        shownText(attempts[0]!.task.slice(0, NAME_LENGTH_MAX)),
        width - MARK_WIDTH_MIN - 3,
        NAME_SIZE,
      );
      if (name.trim() !== '')
        parts.push(`<text class="n" x="${px(fromX + MARK_WIDTH_MIN)}" y="${px(top + 16)}">${markupText(name)}</text>`);
    }
    parts.push('</g>');
    return parts.join('');
  }

  /** A dotted line at the bottom of the row: from when attempts could have begun until they did. */
  #waits({ attempts }: Lane, top: number): string {
    const waits = attempts.map(({ readyAtMs, startedAtMs }) => [this.#x(readyAtMs), this.#x(startedAtMs)] as const);
    const long = waits.filter(([from, to]) => to - from >= 1).sort(([a], [b]) => a - b);
    const y = px(top + ROW_HEIGHT - 1.5);
    let way = '';
    let open: [from: number, to: number] | undefined;
    for (const [from, to] of long) {
      if (open !== undefined && from <= open[1] + 1) open[1] = Math.max(open[1], to);
      else {
        if (open !== undefined) way += `M${px(open[0])} ${y}H${px(open[1])}`;
        open = [from, to];
      }
    }
    if (open === undefined) return '';
    this.#hasWaits = true;
    return `<path class="e w" d="${way}M${px(open[0])} ${y}H${px(open[1])}"/>`;
  }

  /** A dashed line behind an attempt that is made again: until it may be. */
  #pauses(): string {
    const ways = new Set<string>();
    for (const { attempts } of this.#run.tasks.values()) {
      for (const [index, { endedAtMs }] of attempts.entries()) {
        const next = attempts[index + 1];
        const row = this.#rowByAttempt.get(attempts[index]!);
        if (next === undefined || row === undefined || this.#x(next.readyAtMs) - this.#x(endedAtMs) < 2) continue;
        // One for each pixel is enough.
        ways.add(`M${Math.round(this.#x(endedAtMs))} ${px(middleOf(row))}H${Math.round(this.#x(next.readyAtMs))}`);
      }
    }
    if (ways.size === 0) return '';
    this.#hasPauses = true;
    return `<path class="e r" d="${[...ways].join('')}"/>`;
  }

  /** From each task of the critical path to the next one, where they do not follow each other in a row anyway. */
  #pathLines(): string {
    const lines = new Set<string>();
    for (const [index, { attempts }] of this.#path.entries()) {
      const from = attempts.at(-1);
      const to = this.#path[index + 1]?.attempts[0];
      const fromRow = from === undefined ? undefined : this.#rowByAttempt.get(from);
      const toRow = to === undefined ? undefined : this.#rowByAttempt.get(to);
      if (fromRow === undefined || toRow === undefined || fromRow === toRow) continue;
      // A line for each pixel is enough.
      const fromX = Math.round(this.#x(from!.endedAtMs));
      const toX = Math.max(Math.round(this.#x(to!.startedAtMs)), fromX);
      lines.add(`M${fromX} ${px(middleOf(fromRow))}L${toX} ${px(middleOf(toRow))}`);
    }
    return lines.size === 0 ? '' : `<path class="c l" d="${[...lines].join('')}"/>`;
  }

  #remark(): string {
    const { rows, attempts } = this.#leftOut;
    if (rows === 0) return '';
    const y = AXIS_HEIGHT + this.#lanes.length * ROW_HEIGHT + 16;
    const text = `… and ${rows} more ${rows === 1 ? 'row' : 'rows'} with ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
    return `<text class="f" x="0" y="${px(y)}">${text}</text>`;
  }
}

/** As many rows as there is room for: the first one of each thread, then the second of each, and so on. */
function firstLanesOfEach(lanes: readonly Lane[], rowsMax: number): Lane[] {
  if (lanes.length <= rowsMax) return [...lanes];
  const seen = new Map<ThreadId, number>();
  const depths = lanes.map(({ thread }) => {
    const depth = seen.get(thread) ?? 0;
    seen.set(thread, depth + 1);
    return depth;
  });
  const byDepth = lanes.map((_, index) => index).sort((a, b) => depths[a]! - depths[b]! || a - b);
  return byDepth
    .slice(0, rowsMax)
    .sort((a, b) => a - b)
    .map((index) => lanes[index]!);
}

/** An empty name is seen as well. */
function laneText(name: string): string {
  return name.trim() === '' ? `"${shownText(name)}"` : shownText(cut(name, NAME_LENGTH_MAX));
}

function middleOf(row: number): number {
  return AXIS_HEIGHT + row * ROW_HEIGHT + ROW_HEIGHT / 2;
}

function toldOf(attempts: readonly AttemptTiming[]): string {
  const first = attempts[0]!;
  if (attempts.length > 1) {
    const counts = new Map<AttemptStatus, number>();
    for (const { status } of attempts) counts.set(status, (counts.get(status) ?? 0) + 1);
    const text = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
    return `${attempts.length} attempts, ${cut(first.task, 60)} first: ${text}`;
  }
  const { task, status, attempt, durationMs, waitedMs, ioBound } = first;
  const parts = [`${status} in ${durationText(durationMs)}`];
  if (attempt > 1) parts.push(`attempt ${attempt}`);
  if (waitedMs >= 0.05) parts.push(`waited ${durationText(waitedMs)}`);
  if (ioBound) parts.push('io-bound');
  return `${cut(task, NAME_LENGTH_MAX)}: ${parts.join(', ')}`;
}

const CRITICAL: LegendItem = {
  text: 'critical path',
  swatch: (x, y) => `<rect class="c k" x="${px(x)}" y="${px(y)}" width="26" height="16"/>`,
};
const WAITED: LegendItem = {
  text: 'waited for room',
  swatch: (x, y) => `<path class="e w" d="M${px(x)} ${px(y + 8)}h26"/>`,
};
const PAUSED: LegendItem = {
  text: 'pause before a retry',
  swatch: (x, y) => `<path class="e r" d="M${px(x)} ${px(y + 8)}h26"/>`,
};
