import type { Marked } from './marks.js';

/** The colours of the style sheet, for canvases. */
export interface Colours {
  readonly panel: string;
  readonly lane: string;
  readonly line: string;
  readonly text: string;
  readonly muted: string;
  readonly accent: string;
  readonly onStatus: string;
  readonly edge: string;
  readonly status: Readonly<Record<Marked, string>>;
}

const STATUSES: readonly Marked[] = ['pending', 'ready', 'running', 'delayed', 'done', 'kept', 'failed', 'skipped', 'retried', 'interrupted'];

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
  const status = Object.fromEntries(STATUSES.map((one) => [one, of(one)])) as Record<Marked, string>;
  return {
    panel: of('panel'),
    lane: of('lane'),
    line: of('line'),
    text: of('text'),
    muted: of('muted'),
    accent: of('accent'),
    onStatus: of('on-status'),
    edge: of('edge'),
    status,
  };
}
