/** A place of a time axis that is named. */
export interface Tick {
  /** From the beginning of the axis, in milliseconds. */
  readonly atMs: number;
  readonly label: string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Steps that people count in, above those of the decimal system. */
const ROUND_STEPS = [
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  24 * HOUR,
];
const STEP_MIN = 0.001;

/**
 * Round times from 0 up to the end of an axis, each with its unit, in steps that people count in.
 *
 * @param spanMs - how long the axis is
 * @param ticksMax - at most so many steps
 */
export function ticksOf(spanMs: number, ticksMax: number): Tick[] {
  const stepMs = stepOf(spanMs / Math.max(ticksMax, 1));
  const ticks: Tick[] = [];
  // Times are multiples, not sums, which would be less exact the longer the axis is.
  for (let index = 0; index * stepMs <= spanMs * (1 + 1e-9); index++)
    ticks.push({ atMs: index * stepMs, label: tickLabel(index * stepMs, stepMs) });
  return ticks;
}

/** The least round step that is no shorter than this. */
function stepOf(atLeastMs: number): number {
  if (atLeastMs > 30 * SECOND)
    return ROUND_STEPS.find((step) => step >= atLeastMs) ?? Math.ceil(atLeastMs / (24 * HOUR)) * 24 * HOUR;
  const power = 10 ** Math.floor(Math.log10(Math.max(atLeastMs, STEP_MIN)));
  const step = [1, 2, 5, 10].find((digit) => digit * power >= atLeastMs * (1 - 1e-9)) ?? 10;
  // After 20 seconds come 30 and 60, not 50 and 100.
  return step * power === 50 * SECOND ? MINUTE : step * power;
}

/** In the unit in which the time itself is told: 900 ms, and then 1 s. */
function tickLabel(atMs: number, stepMs: number): string {
  if (atMs === 0) return '0';
  if (stepMs >= MINUTE) return clockText(atMs);
  if (stepMs < 0.1 && atMs < 0.999) return `${decimal(atMs * 1000, stepMs * 1000)} µs`;
  if (stepMs < SECOND / 2 && atMs < 0.999 * SECOND) return `${decimal(atMs, stepMs)} ms`;
  return `${decimal(atMs / SECOND, stepMs / SECOND)} s`;
}

/** Without the noise of binary fractions. */
function decimal(value: number, step: number): string {
  return String(Number(value.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)))));
}

function clockText(ms: number): string {
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}
