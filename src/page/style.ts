/** How a status looks: the ground of a mark, the line around it, and text upon it. */
interface StatusColours {
  readonly fill: string;
  readonly line: string;
  readonly ink: string;
}

/** The statuses that pages tell apart. Text stands on each ground with a contrast above 4.5 : 1, and lines stand out from the page with 3 : 1. */
const LIGHT: Readonly<Record<PageStatus, StatusColours>> = {
  pending: { fill: '#f3f4f6', line: '#7c8594', ink: '#4b5563' },
  ready: { fill: '#e0e7ff', line: '#6366f1', ink: '#4338ca' },
  running: { fill: '#dbeafe', line: '#2563eb', ink: '#1d4ed8' },
  delayed: { fill: '#ffedd5', line: '#ea580c', ink: '#9a3412' },
  done: { fill: '#dcfce7', line: '#16a34a', ink: '#166534' },
  kept: { fill: '#ccfbf1', line: '#0d9488', ink: '#115e59' },
  failed: { fill: '#fee2e2', line: '#dc2626', ink: '#b91c1c' },
  skipped: { fill: '#fef9c3', line: '#a16207', ink: '#854d0e' },
  interrupted: { fill: '#f3e8ff', line: '#9333ea', ink: '#7e22ce' },
};

const DARK: Readonly<Record<PageStatus, StatusColours>> = {
  pending: { fill: '#262d38', line: '#7d8796', ink: '#b6bfcc' },
  ready: { fill: '#262a55', line: '#818cf8', ink: '#c7d2fe' },
  running: { fill: '#15305e', line: '#60a5fa', ink: '#bfdbfe' },
  delayed: { fill: '#47240f', line: '#fb923c', ink: '#fed7aa' },
  done: { fill: '#10341f', line: '#34c46a', ink: '#a7f3c2' },
  kept: { fill: '#0c3733', line: '#2dd4bf', ink: '#99f6e4' },
  failed: { fill: '#4c1719', line: '#f87171', ink: '#fecaca' },
  skipped: { fill: '#3d3008', line: '#eab308', ink: '#fef08a' },
  interrupted: { fill: '#361a55', line: '#c084fc', ink: '#e9d5ff' },
};

export type PageStatus = 'pending' | 'ready' | 'running' | 'delayed' | 'done' | 'kept' | 'failed' | 'skipped' | 'interrupted';

/** Beside its colour each status has a mark of its own, for those who do not see colours and for printers that have none. */
export const STATUS_MARKS: Readonly<Record<PageStatus, string>> = {
  pending: '○',
  ready: '◔',
  running: '▶',
  delayed: '↻',
  done: '✓',
  kept: '≡',
  failed: '✗',
  skipped: '↷',
  interrupted: '⏸',
};

const LIGHT_PAGE = {
  page: '#f8f9fb',
  surface: '#ffffff',
  raised: '#f1f3f6',
  line: '#dfe3e9',
  'line-strong': '#7c8594',
  ink: '#111827',
  quiet: '#4f5968',
  accent: '#1d4ed8',
  'on-accent': '#ffffff',
  bar: '#2563eb',
  shadow: '0 1px 2px rgb(17 24 39 / 6%), 0 1px 6px rgb(17 24 39 / 4%)',
};

const DARK_PAGE: typeof LIGHT_PAGE = {
  page: '#0f1318',
  surface: '#171c23',
  raised: '#1f2630',
  line: '#2d3641',
  'line-strong': '#7d8796',
  ink: '#e8ebf0',
  quiet: '#a4aebb',
  accent: '#8ab4ff',
  'on-accent': '#0f1318',
  bar: '#60a5fa',
  shadow: 'none',
};

/**
 * The colours of a page as custom properties, light and dark by what the reader's system asks for, and light on paper: `--page`, `--surface`, `--raised`,
 * `--line`, `--line-strong`, `--ink`, `--quiet`, `--accent`, `--on-accent`, `--bar`, `--shadow`, and for each status `--done-fill`, `--done-line`, `--done-ink`.
 */
export const COLOUR_STYLE: string = [
  `:root{color-scheme:light dark;${properties(LIGHT_PAGE, LIGHT)}}`,
  `@media screen and (prefers-color-scheme:dark){:root{${properties(DARK_PAGE, DARK)}}}`,
].join('\n');

/** A class for each status: `status-done` gives an element, and what is in it, the three colours as `--fill`, `--edge` and `--text`, and the mark of chips. */
const STATUS_STYLE = Object.entries(STATUS_MARKS)
  .map(
    ([status, mark]) => `.status-${status}{--fill:var(--${status}-fill);--edge:var(--${status}-line);--text:var(--${status}-ink);--mark:"${mark}"}`,
  )
  .join('\n');

/**
 * What all pages have in common: {@link COLOUR_STYLE}, type, links, buttons, fields, where the focus is, text for screen readers alone, and chips that tell a
 * status: `<span class="chip status-done">done</span>`. The mark before the text is not read aloud.
 */
export const PAGE_STYLE: string = `${COLOUR_STYLE}
${STATUS_STYLE}
*,*::before,*::after{box-sizing:border-box}
html{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%;scroll-padding-top:4.5rem}
body{margin:0;background:var(--page);color:var(--ink);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1,h2,h3{line-height:1.2;margin:0;text-wrap:balance}
code,pre,kbd{font:.92em/1.45 ui-monospace,SFMono-Regular,"Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
button,input,select{font:inherit;color:inherit}
button{background:var(--surface);border:1px solid var(--line-strong);border-radius:6px;padding:.3rem .75rem;cursor:pointer}
button:hover{background:var(--raised)}
input[type=search],input[type=text]{background:var(--surface);border:1px solid var(--line-strong);border-radius:6px;padding:.4rem .7rem}
[hidden]{display:none!important}
.chip{display:inline-flex;align-items:center;gap:.35em;padding:.05em .55em;border:1px solid var(--edge);border-radius:1em;background:var(--fill);color:var(--text);font-weight:600;font-size:.86em;white-space:nowrap}
.chip::before{content:var(--mark);content:var(--mark) / ""}
.quiet{color:var(--quiet)}
.only-read{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip-link{position:absolute;left:.5rem;top:-4rem;z-index:10;padding:.5rem 1rem;background:var(--accent);color:var(--on-accent);border-radius:0 0 6px 6px}
.skip-link:focus{top:0}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}`;

function properties(page: Readonly<Record<string, string>>, statuses: Readonly<Record<string, StatusColours>>): string {
  const ofPage = Object.entries(page).map(([name, value]) => `--${name}:${value}`);
  const ofStatuses = Object.entries(statuses).flatMap(([status, colours]) =>
    Object.entries(colours).map(([name, value]) => `--${status}-${name}:${value}`),
  );
  return [...ofPage, ...ofStatuses].join(';');
}
