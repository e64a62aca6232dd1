/** All that a task or an attempt can be in a picture. */
export type DrawnStatus =
  | 'pending'
  | 'ready'
  | 'running'
  | 'delayed'
  | 'done'
  | 'kept'
  | 'failed'
  | 'skipped'
  | 'retried'
  | 'interrupted';

export interface Colours {
  readonly fill: string;
  /** Of borders and marks. */
  readonly stroke: string;
}

/** How a status looks. Each has a mark of its own, and those that matter a border of their own, so that none needs colours. */
export interface Look {
  /** On a light ground. Text stands on each fill with a contrast of at least 7 : 1. */
  readonly light: Colours;
  /** On a dark ground. */
  readonly dark: Colours;
  /** Lines within 12 by 12 pixels, as the data of an SVG path that goes on from their upper left corner. */
  readonly mark: string;
  /** How wide the border is, in pixels. */
  readonly strokeWidth: number;
  /** The dashes of the border, as in `stroke-dasharray`; empty for a line that is not broken. */
  readonly dashes: string;
}

/** In the order of a task's life. */
export const LOOKS: Readonly<Record<DrawnStatus, Look>> = {
  pending: {
    light: { fill: '#f3f4f6', stroke: '#9ca3af' },
    dark: { fill: '#1f2937', stroke: '#9ca3af' },
    mark: 'm6 2a4 4 0 1 0 .1 0z',
    strokeWidth: 1,
    dashes: '',
  },
  ready: {
    light: { fill: '#e0e7ff', stroke: '#6366f1' },
    dark: { fill: '#1e1b4b', stroke: '#818cf8' },
    mark: 'm2 6h8m-3-3l3 3-3 3',
    strokeWidth: 1,
    dashes: '',
  },
  running: {
    light: { fill: '#dbeafe', stroke: '#2563eb' },
    dark: { fill: '#172554', stroke: '#60a5fa' },
    mark: 'm3.5 2v8l6.5-4z',
    strokeWidth: 2.5,
    dashes: '',
  },
  delayed: {
    light: { fill: '#ffedd5', stroke: '#ea580c' },
    dark: { fill: '#431407', stroke: '#fb923c' },
    mark: 'm6 1.5a4.5 4.5 0 1 0 .1 0zm0 2v2.7l2 1.3',
    strokeWidth: 1,
    dashes: '1 3',
  },
  done: {
    light: { fill: '#dcfce7', stroke: '#16a34a' },
    dark: { fill: '#052e16', stroke: '#4ade80' },
    mark: 'm2 6.5l3 3 5-7',
    strokeWidth: 1,
    dashes: '',
  },
  kept: {
    light: { fill: '#ccfbf1', stroke: '#0d9488' },
    dark: { fill: '#042f2e', stroke: '#2dd4bf' },
    mark: 'm3.5 1.5h5v9l-2.5-2.5-2.5 2.5z',
    strokeWidth: 1,
    dashes: '',
  },
  failed: {
    light: { fill: '#fee2e2', stroke: '#dc2626' },
    dark: { fill: '#450a0a', stroke: '#f87171' },
    mark: 'm2.5 2.5l7 7m0-7l-7 7',
    strokeWidth: 2.5,
    dashes: '',
  },
  skipped: {
    light: { fill: '#fef9c3', stroke: '#ca8a04' },
    dark: { fill: '#422006', stroke: '#facc15' },
    mark: 'm2 2.5l4 3.5-4 3.5m4-7l4 3.5-4 3.5',
    strokeWidth: 1,
    dashes: '5 3',
  },
  retried: {
    light: { fill: '#ffe0cc', stroke: '#c2410c' },
    dark: { fill: '#3b1306', stroke: '#fdba74' },
    mark: 'm9.5 6a3.5 3.5 0 1 1-1-2.5m.3-2v2.3h-2.3',
    strokeWidth: 1,
    dashes: '3 2',
  },
  interrupted: {
    light: { fill: '#f3e8ff', stroke: '#9333ea' },
    dark: { fill: '#3b0764', stroke: '#c084fc' },
    mark: 'm4 2v8m4-8v8',
    strokeWidth: 1,
    dashes: '1 2',
  },
};

/** What a picture is drawn on and with. */
export interface Paper {
  readonly ground: string;
  readonly text: string;
  /** Of text that matters less. */
  readonly faint: string;
  /** Of edges. */
  readonly line: string;
  /** Of lines behind everything else. */
  readonly grid: string;
}

export const PAPERS: { readonly light: Paper; readonly dark: Paper } = {
  light: { ground: '#ffffff', text: '#111827', faint: '#4b5563', line: '#6b7280', grid: '#e5e7eb' },
  dark: { ground: '#0b1120', text: '#f3f4f6', faint: '#b4bcc9', line: '#8b95a5', grid: '#273244' },
};

/** The class of the root element of every picture. Rules begin with it, so that a picture within a page changes nothing else of the page. */
export const PICTURE_CLASS = 'taskmap-picture';

/**
 * The text of the style sheet of a picture in which these statuses occur: light, and dark where the reader prefers
 * that. An element whose class is a status colours what is directly in it: rectangles, `m` marks, `s` what is full of
 * its strong colour. Else `t` is a title, `f` faint text, `e` edges, `o` dashed ones, `a` arrowheads, `g` a line behind
 * everything, `c` a line around something.
 */
export function styleSheet(statuses: Iterable<DrawnStatus>, more = ''): string {
  const shown = [...statuses];
  const root = `.${PICTURE_CLASS}`;
  const shapes = shown.map((status) => {
    const { strokeWidth, dashes } = LOOKS[status];
    return `${root} .${status}>rect{stroke-width:${strokeWidth}${dashes === '' ? '' : `;stroke-dasharray:${dashes}`}}`;
  });
  const rules = [
    `${root} text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:12px;white-space:pre}`,
    `${root} .m{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}`,
    `${root} text.t{font-size:15px;font-weight:600}`,
    `${root} .e,${root} .g,${root} .c{fill:none;stroke-width:1.2}`,
    `${root} .o{stroke-dasharray:4 3}`,
    ...shapes,
    more,
    ...colourRules('light', shown),
  ];
  return `${rules.join('')}@media (prefers-color-scheme:dark){${colourRules('dark', shown).join('')}}`;
}

function colourRules(ground: 'light' | 'dark', statuses: readonly DrawnStatus[]): string[] {
  const root = `.${PICTURE_CLASS}`;
  const paper = PAPERS[ground];
  return [
    `${root} .paper{fill:${paper.ground}}`,
    `${root} text{fill:${paper.text}}`,
    `${root} text.f{fill:${paper.faint}}`,
    `${root} .e{stroke:${paper.line}}`,
    `${root} .a{fill:${paper.line}}`,
    `${root} .g{stroke:${paper.grid}}`,
    `${root} .c{stroke:${paper.text}}`,
    ...statuses.map((status) => {
      const { fill, stroke } = LOOKS[status][ground];
      return `${root} .${status}>rect{fill:${fill};stroke:${stroke}}${root} .${status}>.m{stroke:${stroke}}${root} .${status}>.s{fill:${stroke};stroke:none}`;
    }),
  ];
}
