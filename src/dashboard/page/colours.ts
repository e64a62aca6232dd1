import type { Marked } from './marks.js';

/** The colours of the style sheet, for canvases. */
export interface Colours {
  readonly panel: string;
  readonly lane: string;
  readonly line: string;
  readonly text: string;
  readonly quiet: string;
  readonly accent: string;
  readonly edge: string;
  readonly status: Readonly<Record<Marked, StatusColours>>;
}

export interface StatusColours {
  readonly solid: string;
  readonly tint: string;
  /** Of text and signs on the solid colour. */
  readonly on: string;
}

const STATUSES: readonly Marked[] = [
  'pending',
  'ready',
  'running',
  'delayed',
  'done',
  'kept',
  'failed',
  'skipped',
  'retried',
  'interrupted',
];

let known: Colours | undefined;

/** As the style sheet has them now: they differ where the system prefers dark. */
export function colours(): Colours {
  known ??= read();
  return known;
}

/** The system has changed its mind. */
export function forgetColours(): void {
  known = undefined;
}

function read(): Colours {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim() || '#888';
  const status = {} as Record<Marked, StatusColours>;
  for (const one of STATUSES) {
    const solid = of(`${one}-line`);
    status[one] = { solid, tint: of(`${one}-fill`), on: readableOn(solid) };
  }
  return {
    panel: of('surface'),
    lane: of('lane'),
    line: of('line'),
    edge: of('edge'),
    text: of('ink'),
    quiet: of('quiet'),
    accent: of('accent'),
    status,
  };
}

/** Black or white, whichever is easier to read on a colour (WCAG 2.2, relative luminance). */
function readableOn(colour: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.055 ? '#ffffff' : '#0b0f14';
}
