import { ATTEMPT_CODES, type ShownStatus, STATUS_CODES } from '../messages.js';

/*
 * A mark for each status, so that none is told by its colour alone. One drawing for the text of the page and for its canvases: fonts do not have the same signs everywhere.
 */

export type AttemptStatus = (typeof ATTEMPT_CODES)[number];
export type Marked = ShownStatus | AttemptStatus;

interface Shape {
  /** As in SVG, in a square of 12 × 12. */
  readonly path: string;
  readonly filled?: boolean;
}

const SHAPES: Readonly<Record<Marked, Shape>> = {
  pending: { path: 'M6 4.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 1 0 0 -3.2z', filled: true },
  ready: { path: 'M6 3.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0 -5.6z' },
  running: { path: 'M4.3 3.1L9 6L4.3 8.9z', filled: true },
  delayed: { path: 'M6 2.9V6.1L8.1 7.4' },
  done: { path: 'M3.2 6.3L5.2 8.3L8.9 4' },
  kept: { path: 'M6 2.8V6.8M4 5.1L6 7.1L8 5.1M3.6 9H8.4' },
  failed: { path: 'M3.8 3.8L8.2 8.2M8.2 3.8L3.8 8.2' },
  skipped: { path: 'M3.3 3.8L5.5 6L3.3 8.2M6.5 3.8L8.7 6L6.5 8.2' },
  retried: { path: 'M8.6 4.4A3 3 0 1 0 9 6.4M8.9 2.6V4.7H6.8' },
  interrupted: { path: 'M4.1 4.1H7.9V7.9H4.1z', filled: true },
};

/** What statuses are called on the page. */
export const STATUS_WORDS: Readonly<Record<Marked, string>> = {
  pending: 'waiting',
  ready: 'ready',
  running: 'running',
  delayed: 'delayed',
  done: 'done',
  kept: 'kept',
  failed: 'failed',
  skipped: 'skipped',
  retried: 'failed, retried',
  interrupted: 'interrupted',
};

export const STATUS_HINTS: Readonly<Record<ShownStatus, string>> = {
  pending: 'waits for tasks that it depends on',
  ready: 'could run, as soon as there is room',
  running: 'runs now',
  delayed: 'failed, and will be tried again after a pause',
  done: 'ran, and has a result',
  kept: 'its result was kept from an earlier run',
  failed: 'failed for good',
  skipped: 'will not run, because a task that it depends on failed',
};

export function statusOf(code: number): ShownStatus {
  return STATUS_CODES[code] ?? 'pending';
}

export function attemptStatusOf(code: number): AttemptStatus {
  return ATTEMPT_CODES[code] ?? 'running';
}

const SVG = 'http://www.w3.org/2000/svg';

/** The mark of a status as an element: a disc in its colour with its sign. Text beside it says the same. */
export function markElement(status: Marked): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 12 12');
  svg.setAttribute('class', `mark ${status}`);
  svg.setAttribute('aria-hidden', 'true');
  const disc = document.createElementNS(SVG, 'circle');
  for (const name of ['cx', 'cy', 'r']) disc.setAttribute(name, '6');
  const sign = document.createElementNS(SVG, 'path');
  sign.setAttribute('d', SHAPES[status].path);
  sign.setAttribute('class', SHAPES[status].filled === true ? 'sign filled' : 'sign');
  svg.append(disc, sign);
  return svg;
}

/** Gives a mark that is there another status. */
export function setMark(mark: SVGSVGElement, status: Marked): void {
  const className = `mark ${status}`;
  if (mark.getAttribute('class') === className) return;
  mark.setAttribute('class', className);
  const sign = mark.lastElementChild!;
  sign.setAttribute('d', SHAPES[status].path);
  sign.setAttribute('class', SHAPES[status].filled === true ? 'sign filled' : 'sign');
}

const paths = new Map<Marked, Path2D>();

/** Draws the sign of a status into a square of `size` whose upper left corner is at `x`, `y`. */
export function drawSign(
  context: CanvasRenderingContext2D,
  status: Marked,
  x: number,
  y: number,
  size: number,
  colour: string,
): void {
  const path = paths.get(status) ?? new Path2D(SHAPES[status].path);
  paths.set(status, path);
  context.save();
  context.translate(x, y);
  context.scale(size / 12, size / 12);
  if (SHAPES[status].filled === true) {
    context.fillStyle = colour;
    context.fill(path);
  } else {
    context.strokeStyle = colour;
    context.lineWidth = 1.6;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.stroke(path);
  }
  context.restore();
}
