import { LOOKS } from '../drawing/palette.js';

/** The statuses that pages tell apart. */
export type PageStatus =
  | 'pending'
  | 'ready'
  | 'running'
  | 'delayed'
  | 'done'
  | 'kept'
  | 'failed'
  | 'skipped'
  | 'interrupted';

/** How text upon the fill of a status is coloured, with a contrast of at least 4.5 : 1. Fills and lines are those of pictures. */
const INKS: Readonly<Record<PageStatus, { readonly light: string; readonly dark: string }>> = {
  pending: { light: '#4b5563', dark: '#c3cad5' },
  ready: { light: '#4338ca', dark: '#c7d2fe' },
  running: { light: '#1d4ed8', dark: '#bfdbfe' },
  delayed: { light: '#9a3412', dark: '#fed7aa' },
  done: { light: '#166534', dark: '#a7f3c2' },
  kept: { light: '#115e59', dark: '#99f6e4' },
  failed: { light: '#b91c1c', dark: '#fecaca' },
  skipped: { light: '#854d0e', dark: '#fef08a' },
  interrupted: { light: '#7e22ce', dark: '#e9d5ff' },
};

/** Beside its colour each status has a mark of its own, for those who do not see colours and for printers that have none. */
const STATUS_MARKS: Readonly<Record<PageStatus, string>> = {
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
const COLOUR_STYLE = [
  `:root{color-scheme:light dark;${properties(LIGHT_PAGE, 'light')}}`,
  `@media screen and (prefers-color-scheme:dark){:root{${properties(DARK_PAGE, 'dark')}}}`,
].join('\n');

/** A class for each status: `status-done` gives an element, and what is in it, the three colours as `--fill`, `--edge` and `--text`, and the mark of chips. */
const STATUS_STYLE = Object.entries(STATUS_MARKS)
  .map(
    ([status, mark]) =>
      `.status-${status}{--fill:var(--${status}-fill);--edge:var(--${status}-line);--text:var(--${status}-ink);--mark:"${mark}"}`,
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
.skip-link:focus{top:0}`;

function properties(page: Readonly<Record<string, string>>, ground: 'light' | 'dark'): string {
  const ofPage = Object.entries(page).map(([name, value]) => `--${name}:${value}`);
  const ofStatuses = Object.entries(INKS).map(([status, ink]) => {
    const { fill, stroke } = LOOKS[status as PageStatus][ground];
    return `--${status}-fill:${fill};--${status}-line:${stroke};--${status}-ink:${ink[ground]}`;
  });
  return [...ofPage, ...ofStatuses].join(';');
}
