import type { ShownAttempt } from '../messages.js';
import { CanvasPane } from './canvas-pane.js';
import { type Colours, colours } from './colours.js';
import { counted, duration, shownName, threadName } from './format.js';
import { attemptStatusOf, drawSign, STATUS_WORDS } from './marks.js';
import { type Actions, isFiltered, passes, type Shown } from './view.js';

const GUTTER = 76;
const AXIS = 22;
const ROW_MAX = 24;
const ROW_MIN = 4;
const HEIGHT_MIN = 72;
const HEIGHT_MAX = 320;
/** No less is shown from left to right, in milliseconds. */
const SPAN_MIN_MS = 0.5;
/** Of a name, the width of a letter, in pixels: as a rule. */
const LETTER = 6.1;

/** Which attempt ran where and when: a lane for each thread, time from left to right. It follows the run until it is moved. */
export class StreamView extends CanvasPane {
  readonly #actions: Actions;
  #shown: Shown | undefined;
  /** How much time is shown, in milliseconds; `undefined`: all of it. */
  #spanMs: number | undefined;
  /** Where the picture begins; `undefined`: it ends with what happens now. */
  #fromMs: number | undefined;
  #scrollY = 0;
  #runId = '';

  constructor(canvas: HTMLCanvasElement, tip: HTMLElement, actions: Actions) {
    super(canvas, tip, actions.changed);
    this.#actions = actions;
    this.label('No run yet.');
  }

  /** Whether the right edge is now. */
  get isFollowing(): boolean {
    return this.#fromMs === undefined;
  }

  override fit(): void {
    this.#spanMs = undefined;
    this.#fromMs = undefined;
    this.#scrollY = 0;
    this.changed();
  }

  follow(): void {
    this.#fromMs = undefined;
    this.changed();
  }

  draw(shown: Shown | undefined): void {
    this.#shown = shown;
    const colour = colours();
    const rowCount = shown?.state.lanes.rows.length ?? 0;
    const wanted = `${Math.min(Math.max(rowCount * ROW_MAX + AXIS + 2, HEIGHT_MIN), HEIGHT_MAX)}px`;
    // The observer of its size calls for another drawing.
    if (this.canvas.style.height !== wanted) this.canvas.style.height = wanted;
    if (!this.begin(colour.panel)) return;
    const { context } = this;
    context.textBaseline = 'middle';
    context.direction = 'ltr';
    if (shown === undefined || rowCount === 0) {
      this.#empty(
        shown === undefined ? 'No run yet. What runs is drawn here as soon as one begins.' : 'No task has started yet',
        colour,
      );
      return;
    }
    if (shown.state.run.runId !== this.#runId) {
      this.#runId = shown.state.run.runId;
      this.#spanMs = undefined;
      this.#fromMs = undefined;
      this.#scrollY = 0;
    }
    const rowHeight = this.#rowHeight(rowCount);
    const overflow = Math.max(rowCount * rowHeight - (this.height - AXIS), 0);
    this.#scrollY = Math.min(Math.max(this.#scrollY, 0), overflow);
    this.#drawLanes(shown, rowHeight, colour);
    this.#drawAxis(colour);
    context.save();
    context.beginPath();
    context.rect(GUTTER, AXIS, this.width - GUTTER, this.height - AXIS);
    context.clip();
    this.#drawAttempts(shown, rowHeight, colour);
    context.restore();
    const { attempts } = shown.state.run;
    this.label(
      `Task stream: ${counted(attempts.length, 'attempt')} in ${counted(shown.state.lanes.lanes.length, 'thread')}. Those that run now are in the table “Running now”. Plus and minus zoom, arrows move, End follows the run, Home shows all of it.`,
    );
  }

  protected override panned(x: number, y: number): void {
    this.#scrollY -= y;
    if (x === 0 || this.#spanMs === undefined) return;
    const { fromMs, spanMs, endMs } = this.#window();
    const moved = Math.max(fromMs - (x / (this.width - GUTTER)) * spanMs, 0);
    this.#fromMs = moved + spanMs >= endMs ? undefined : moved;
  }

  protected override zoomed(factor: number, x: number | undefined): void {
    const { fromMs, spanMs, endMs } = this.#window();
    const wanted = Math.max(spanMs / factor, SPAN_MIN_MS);
    if (wanted >= endMs) {
      this.#spanMs = undefined;
      this.#fromMs = undefined;
      return;
    }
    this.#spanMs = wanted;
    const part = x === undefined ? 0.5 : Math.min(Math.max((x - GUTTER) / (this.width - GUTTER), 0), 1);
    // What follows the run goes on following it, unless the pointer is at something of the past.
    const wasFollowing = this.#fromMs === undefined && (x === undefined || part > 0.85);
    const moved = Math.max(fromMs + part * (spanMs - wanted), 0);
    this.#fromMs = wasFollowing || moved + wanted >= endMs ? undefined : moved;
  }

  protected override clicked(x: number, y: number): void {
    const found = this.#attemptAt(x, y);
    this.#actions.select(found === undefined ? -1 : found[0]);
  }

  protected override tipAt(x: number, y: number): readonly string[] | undefined {
    const found = this.#attemptAt(x, y);
    if (found === undefined || this.#shown === undefined) return undefined;
    const [task, attempt, thread, startMs, endMs, status] = found;
    const { state, nowMs } = this.#shown;
    const took = endMs < 0 ? state.elapsedMs(nowMs) - startMs : endMs - startMs;
    const again = attempt > 1 ? `, attempt ${attempt}` : '';
    return [
      shownName(state.run.names[task] ?? ''),
      `${STATUS_WORDS[attemptStatusOf(status)]}${again} · ${duration(took)} · ${threadName(thread)}`,
      `began at ${duration(startMs)}`,
    ];
  }

  protected override pressed(key: string): boolean {
    if (key !== 'End') return false;
    this.follow();
    return true;
  }

  #rowHeight(rowCount: number): number {
    return Math.min(Math.max((this.height - AXIS - 2) / Math.max(rowCount, 1), ROW_MIN), ROW_MAX);
  }

  #window(): { readonly fromMs: number; readonly spanMs: number; readonly endMs: number } {
    const state = this.#shown?.state;
    const endMs = Math.max(state?.elapsedMs(this.#shown!.nowMs) ?? 0, 1) * 1.012;
    const spanMs = Math.min(this.#spanMs ?? endMs, endMs);
    return { fromMs: this.#fromMs ?? endMs - spanMs, spanMs, endMs };
  }

  #empty(text: string, colour: Colours): void {
    const { context } = this;
    context.fillStyle = colour.quiet;
    context.font = FONT;
    context.textAlign = 'center';
    context.fillText(text, this.width / 2, this.height / 2);
    context.textAlign = 'left';
    this.label(`${text}.`);
  }

  #drawLanes({ state }: Shown, rowHeight: number, colour: Colours): void {
    const { context } = this;
    context.font = FONT;
    context.textAlign = 'left';
    let labelledY = Number.NEGATIVE_INFINITY;
    for (const [index, { name, first, count }] of state.lanes.lanes.entries()) {
      const y = AXIS + first * rowHeight - this.#scrollY;
      const height = count * rowHeight;
      if (y + height < AXIS || y > this.height) continue;
      const top = Math.max(y, AXIS);
      if (index % 2 === 0) {
        context.fillStyle = colour.lane;
        context.fillRect(0, top, this.width, Math.min(y + height, this.height) - top);
      }
      const labelY = Math.max(y, AXIS) + Math.min(height, ROW_MAX) / 2;
      if (labelY - labelledY < 12) continue;
      labelledY = labelY;
      context.fillStyle = colour.quiet;
      context.fillText(name, 10, labelY, GUTTER - 14);
    }
  }

  #drawAxis(colour: Colours): void {
    const { context } = this;
    const { fromMs, spanMs } = this.#window();
    const perMs = (this.width - GUTTER) / spanMs;
    const stepMs = niceStep((90 / (this.width - GUTTER)) * spanMs);
    context.font = FONT;
    context.textAlign = 'left';
    for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= fromMs + spanMs; atMs += stepMs) {
      const x = Math.round(GUTTER + (atMs - fromMs) * perMs) + 0.5;
      context.strokeStyle = colour.line;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, AXIS - 5);
      context.lineTo(x, this.height);
      context.stroke();
      const text = axisTime(atMs, stepMs);
      if (x + text.length * LETTER > this.width) continue;
      context.fillStyle = colour.quiet;
      context.fillText(text, x + 4, AXIS / 2);
    }
  }

  #drawAttempts(shown: Shown, rowHeight: number, colour: Colours): void {
    const { state, selected, filter, nowMs } = shown;
    const { attempts } = state.run;
    const { fromMs, spanMs } = this.#window();
    const elapsedMs = state.elapsedMs(nowMs);
    const perMs = (this.width - GUTTER) / spanMs;
    const pad = rowHeight >= 12 ? 2 : rowHeight >= 6 ? 1 : 0.5;
    const filtered = isFiltered(filter);
    // Last, so that no neighbour hides them.
    const failures: [ShownAttempt, number, number, number, boolean][] = [];
    const { context } = this;
    context.font = FONT;
    for (const [rowIndex, row] of state.lanes.rows.entries()) {
      const y = AXIS + rowIndex * rowHeight - this.#scrollY;
      if (y + rowHeight < AXIS) continue;
      if (y > this.height) break;
      let drawnX = Number.NEGATIVE_INFINITY;
      let drawnStatus = -1;
      for (let place = firstEndingAfter(row, attempts, fromMs); place < row.length; place++) {
        const attempt = attempts[row[place]!]!;
        const [task, , , startMs, endMs, code] = attempt;
        if (startMs > fromMs + spanMs) break;
        const x = GUTTER + (startMs - fromMs) * perMs;
        const until = GUTTER + ((endMs < 0 ? Math.max(elapsedMs, startMs) : endMs) - fromMs) * perMs;
        // Of many that lie within one pixel, one of each kind is drawn.
        if (until < drawnX + 0.5 && code === drawnStatus && task !== selected) continue;
        drawnX = until;
        drawnStatus = code;
        const dim = filtered && !passes(filter, state, task);
        const width = Math.max(until - x, 1);
        if (isFailure(code)) failures.push([attempt, x, y + pad, width, dim]);
        else this.#drawAttempt(shown, attempt, x, y + pad, width, rowHeight - 2 * pad, dim, colour);
      }
    }
    for (const [attempt, x, y, width, dim] of failures)
      this.#drawAttempt(shown, attempt, x, y, width, rowHeight - 2 * pad, dim, colour);
    context.globalAlpha = 1;
  }

  #drawAttempt(
    { state, selected }: Shown,
    attempt: ShownAttempt,
    x: number,
    y: number,
    wide: number,
    height: number,
    dim: boolean,
    colour: Colours,
  ): void {
    const { context } = this;
    const task = attempt[0];
    const status = attemptStatusOf(attempt[5]);
    // A failure is seen however short it was.
    const width = isFailure(attempt[5]) ? Math.max(wide, 4) : wide > 3 ? wide - 1 : wide;
    const left = Math.max(x, GUTTER);
    const seen = Math.min(x + width, this.width) - left;
    context.globalAlpha = dim ? 0.18 : 1;
    const { solid, on } = colour.status[status];
    context.fillStyle = solid;
    const progress = status === 'running' ? state.progressOf(task) : undefined;
    box(context, x, y, width, height);
    if (progress !== undefined && width >= 8) {
      context.fillStyle = on;
      context.fillRect(x + 2, y + height - 4, (width - 4) * Math.min(Math.max(progress.fraction, 0), 1), 2.5);
    }
    let textX = left + 5;
    if (status !== 'done' && height >= 9 && seen >= 13) {
      const size = Math.min(height, 13);
      drawSign(context, status, left + 1, y + (height - size) / 2, size, on);
      textX = left + size + 2;
    }
    const letters = Math.floor((left + seen - textX - 4) / LETTER);
    const whole = state.run.names[task] ?? '';
    // The beginnings of many names say nothing: they are the same.
    if (height >= 12 && (letters >= 8 || (letters >= whole.length && whole !== ''))) {
      const name = shownName(whole, letters);
      context.fillStyle = on;
      context.fillText(name, textX, y + height / 2 + 0.5, left + seen - textX - 3);
    }
    if (task === selected) {
      context.globalAlpha = 1;
      context.strokeStyle = colour.text;
      context.lineWidth = 2;
      context.strokeRect(x, y, Math.max(width, 3), height);
    }
  }

  #attemptAt(x: number, y: number): ShownAttempt | undefined {
    const state = this.#shown?.state;
    if (state === undefined || x < GUTTER || y < AXIS) return undefined;
    const { rows } = state.lanes;
    const row = rows[Math.floor((y - AXIS + this.#scrollY) / this.#rowHeight(rows.length))];
    if (row === undefined) return undefined;
    const { fromMs, spanMs } = this.#window();
    const perPixelMs = spanMs / (this.width - GUTTER);
    const atMs = fromMs + (x - GUTTER) * perPixelMs;
    let nearest: ShownAttempt | undefined;
    let nearestMs = 3 * perPixelMs;
    for (let place = firstEndingAfter(row, state.run.attempts, atMs - nearestMs); place < row.length; place++) {
      const attempt = state.run.attempts[row[place]!]!;
      const endMs = attempt[4] < 0 ? Number.POSITIVE_INFINITY : attempt[4];
      const apartMs = Math.max(attempt[3] - atMs, atMs - endMs, 0);
      if (attempt[3] > atMs + nearestMs) break;
      if (apartMs < nearestMs) {
        nearest = attempt;
        nearestMs = apartMs;
      }
    }
    return nearest;
  }
}

function isFailure(code: number): boolean {
  const status = attemptStatusOf(code);
  return status === 'failed' || status === 'retried';
}

export const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

function box(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  if (width < 6 || height < 8) {
    context.fillRect(x, y, width, height);
    return;
  }
  context.beginPath();
  context.roundRect(x, y, width, height, 2.5);
  context.fill();
}

/** The place of the first attempt of a row that has not ended by then. */
function firstEndingAfter(row: readonly number[], attempts: readonly ShownAttempt[], atMs: number): number {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const endMs = attempts[row[middle]!]![4];
    if (endMs >= 0 && endMs < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.8e6, 3.6e6, 7.2e6,
  1.08e7, 2.16e7, 4.32e7, 8.64e7,
];

function niceStep(leastMs: number): number {
  return STEPS_MS.find((step) => step >= leastMs) ?? Math.ceil(leastMs / 8.64e7) * 8.64e7;
}

function axisTime(atMs: number, stepMs: number): string {
  if (atMs === 0) return '0 s';
  if (stepMs < 1_000) return atMs < 999.5 ? `${Math.round(atMs)} ms` : `${Number((atMs / 1000).toFixed(3))} s`;
  return atMs < 59_500 ? `${Math.round(atMs / 1000)} s` : duration(atMs);
}
