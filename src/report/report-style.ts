import { PAGE_STYLE } from '../page/style.js';

/** Below this width, a table becomes a list of cards. */
const CARDS_BELOW = '60rem';

/** How wide the columns of the table are; the last one has the rest. */
const COLUMN_WIDTHS = ['17%', '7.6rem', '6rem', '6rem', '5.7rem', '5.8rem', '5.5rem', '14%'];

/** What cards call the cells of a row: the headings of the table, which have no room beside them there. */
const CARD_LABELS = ['status', 'attempts', 'thread', 'began', 'waited', 'took', 'waited for', ''];

/** All of the looks of a report. */
export const REPORT_STYLE: string = `${PAGE_STYLE}
.page{max-width:86rem;margin-inline:auto;padding-inline:1.5rem}
header{padding-block:2rem 1.1rem}
header h1{font-size:1.9rem;letter-spacing:-.01em;display:flex;flex-wrap:wrap;gap:.35em .6em;align-items:center}
header .chip{font-size:.95rem;letter-spacing:0}
header p{margin:.5rem 0 0;max-width:none}
header code{overflow-wrap:normal;white-space:nowrap}
nav{position:sticky;top:0;z-index:5;background:var(--page);border-bottom:1px solid var(--line)}
nav ul{display:flex;gap:1.5rem;list-style:none;margin-block:0;padding-block:.7rem;overflow-x:auto;white-space:nowrap}
nav a{color:var(--quiet);text-decoration:none;font-weight:600}
nav a:hover,nav a:focus-visible{color:var(--ink);text-decoration:underline}
main>section{margin:2.25rem 0}
section>h2{font-size:1.25rem;margin-bottom:.9rem}
h3{font-size:1rem;margin:1.5rem 0 .6rem}
p{max-width:75ch}
.note{border-left:3px solid var(--accent);padding:.5rem .9rem;background:var(--raised);border-radius:0 6px 6px 0}
.card{background:var(--surface);border:1px solid var(--line);border-radius:10px;box-shadow:var(--shadow)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11.5rem,1fr));gap:1px;margin:0;overflow:hidden;background:var(--line)}
.tiles>div{background:var(--surface);padding:.9rem 1.1rem;display:flex;flex-direction:column}
.tiles dt{color:var(--quiet);font-size:.86rem}
.tiles dd{margin:0}
.tiles .number{font-size:1.6rem;font-weight:650;line-height:1.25;letter-spacing:-.01em}
.tiles .why{color:var(--quiet);font-size:.82rem;line-height:1.35;margin-top:.15rem}
.share{display:block;width:100%;height:.7rem;border-radius:.35rem;background:var(--raised);margin:1.1rem 0 .6rem}
.share rect{fill:var(--edge)}
.counts{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;padding:0;margin:0 0 1.75rem}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.5rem;align-items:start}
.columns h3:first-child{margin-top:0}
.small{width:100%;border-collapse:collapse;font-size:.92rem}
.small th,.small td{text-align:left;padding:.4rem .9rem;border-top:1px solid var(--line);font-weight:400;vertical-align:middle}
.small thead th,.small thead td{border-top:0;color:var(--quiet);font-size:.82rem;font-weight:600;padding-top:.6rem}
.small .amount{text-align:right;white-space:nowrap}
.small .where{width:34%;min-width:5rem}
.small th:first-child{min-width:6rem}
.bar{display:block;width:100%;height:.6rem;border-radius:2px;background:var(--raised)}
.bar rect{fill:var(--bar)}
.small a,.tasks a,details a{color:inherit;text-decoration-color:var(--line-strong)}
.small a:hover,.tasks a:hover{text-decoration-color:currentColor}
details{margin:.2rem 0}
.card>details{margin:0;border-top:1px solid var(--line)}
.card>details:first-child{border-top:0}
summary{cursor:pointer;padding:.55rem .9rem;border-radius:9px}
summary:hover{background:var(--raised)}
.failure>summary{display:flex;flex-wrap:wrap;gap:.3rem .7rem;align-items:baseline}
.failure>summary::before{content:"▸";content:"▸" / "";color:var(--quiet);width:.8em}
.failure[open]>summary::before{content:"▾";content:"▾" / ""}
.failure>summary::-webkit-details-marker{display:none}
.failure>summary b{font-weight:650}
.failure .inside{padding:.2rem .9rem .8rem 2.2rem}
.failure .inside details{border-left:2px solid var(--line);padding-left:.9rem}
.failure .inside summary{padding-left:.3rem}
.message{white-space:pre-wrap;margin:.35rem 0;max-width:none}
.cause{color:var(--quiet);margin:.6rem 0 .2rem;font-style:italic}
pre{margin:.3rem 0;padding:.6rem .8rem;overflow:auto;max-height:22rem;background:var(--raised);border-radius:6px;overflow-wrap:normal;tab-size:2}
.picture{margin:0}
.picture figcaption{display:flex;flex-wrap:wrap;gap:.5rem 1rem;justify-content:space-between;align-items:center;margin-bottom:.7rem}
.scroll{overflow:auto;max-height:80vh;padding:1rem}
.scroll svg{display:block;margin:0 auto;max-width:none}
.scroll .taskmap-picture .paper{fill:none}
.scroll.fit svg{max-width:100%;height:auto}
.tools{display:flex;flex-wrap:wrap;gap:.8rem 1.25rem;align-items:center;margin-bottom:.8rem}
.tools input[type=search]{flex:1 1 16rem;max-width:26rem}
.tools fieldset{display:flex;flex-wrap:wrap;gap:.4rem;border:0;margin:0;padding:0}
.tools label.chip{cursor:pointer;background:var(--surface);border-color:var(--line);color:var(--ink);padding:.22em .75em}
.tools label.chip::before{color:var(--edge)}
.tools label.chip:has(:checked){background:var(--fill,var(--raised));border-color:var(--edge,var(--line-strong));color:var(--text,var(--ink))}
.tools label.chip:has(:checked)::before{color:inherit}
.tools label.chip:has(:focus-visible){outline:2px solid var(--accent);outline-offset:2px}
.tools .all::before{content:none}
.tools input[type=radio]{position:absolute;opacity:0;pointer-events:none}
.tasks{width:100%;border-collapse:separate;border-spacing:0;table-layout:fixed;font-size:.88rem}
.tasks th,.tasks td{text-align:left;vertical-align:top;padding:.45rem .7rem;border-top:1px solid var(--line)}
.tasks tbody th{font-weight:600}
.tasks thead th{position:sticky;top:2.85rem;z-index:3;background:var(--surface);border-top:0;border-bottom:1px solid var(--line);color:var(--quiet);font-size:.94em;padding:0 .2rem;vertical-align:bottom}
.tasks thead th:first-child{border-radius:10px 0 0}
.tasks thead th:last-child{border-radius:0 10px 0 0}
.tasks thead .plain,.tasks thead button{display:block;width:100%;text-align:inherit;padding:.55rem .5rem;font-weight:600;color:inherit;background:none;border:0}
.tasks thead button:hover{background:var(--raised)}
.tasks thead button::after{content:"↕";content:"↕" / "";opacity:.35;margin-left:.35em}
.tasks thead [aria-sort] button::after{opacity:1}
.tasks thead [aria-sort=ascending] button::after{content:"↑";content:"↑" / ""}
.tasks thead [aria-sort=descending] button::after{content:"↓";content:"↓" / ""}
.tasks .amount{text-align:right;white-space:nowrap}
.tasks tbody tr:hover>*{background:var(--raised)}
.tasks tbody tr:target>*{background:var(--fill)}
.tasks code{display:block;white-space:pre-wrap}
.tasks .error{color:var(--failed-ink)}
.tasks .chip{white-space:normal;border-radius:.8em}
.more{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:center;padding:.8rem}
footer{margin-top:3rem;padding-block:1.2rem 2.5rem;font-size:.88rem}
${COLUMN_WIDTHS.map((width, index) => `.tasks thead th:nth-child(${index + 1}){width:${width}}`).join('\n')}
@media (scripting:enabled){.rest{display:none}}
@media screen and (max-width:${CARDS_BELOW}){
.page{padding-inline:1rem}
header{padding-block-start:1.25rem}
.tasks,.tasks tbody{display:block}
.tasks thead{display:block}
.tasks thead tr{display:flex;flex-wrap:wrap;padding:.4rem .5rem;border-bottom:1px solid var(--line)}
.tasks thead th{position:static;border:0;width:auto!important}
.tasks thead .plain{display:none}
.tasks thead button{padding:.3rem .5rem}
.tasks tbody.rest{display:block}
.tasks tbody tr{display:flex;flex-wrap:wrap;gap:.15rem 1rem;align-items:baseline;padding:.7rem .9rem;border-top:1px solid var(--line)}
.tasks tbody tr:first-child{border-top:0}
.tasks tbody th,.tasks tbody td{display:block;padding:0;border:0;text-align:left}
.tasks tbody tr:hover>*{background:none}
.tasks tbody th{flex:1 1 60%;font-size:1.05em}
.tasks tbody td:empty{display:none}
.tasks tbody td:nth-child(n+8){flex:1 1 100%}
${CARD_LABELS.map((label, index) => (label === '' || label === 'status' ? '' : `.tasks td:nth-child(${index + 2})::before{content:"${label} ";color:var(--quiet)}\n`)).join('')}}
@media (max-width:40rem){.small th:last-child,.small .where,.small td:last-child{display:none}.small th,.small td{padding-inline:.7rem}}
@media (scripting:enabled) and (max-width:${CARDS_BELOW}){.tasks tbody.rest{display:none}}
@media print{
:root{color-scheme:light}
html{font-size:11px}
body{background:#fff}
nav,.tools,.more,.skip-link,.picture button{display:none!important}
.rest{display:table-row-group!important}
.card{box-shadow:none}
.page{padding-inline:0;max-width:none}
.taskmap-picture text{fill:var(--ink)!important}
.scroll{overflow:visible;max-height:none}
.scroll svg{max-width:100%!important;height:auto!important;max-height:24cm}
.tasks thead th{position:static}
.tasks thead{display:table-header-group}
.tasks thead button::after{content:none}
tr,.failure,figure,.tiles>div{break-inside:avoid}
h2,h3{break-after:avoid}
pre{max-height:none;white-space:pre-wrap}
*{print-color-adjust:exact}
}`;
