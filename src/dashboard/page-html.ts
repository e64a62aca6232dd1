import { PAGE_STYLE } from '../page/style.js';

/*
 *   ┌ header: which run, how it is, is this the truth, what can be done ┐
 *   ├ summary: how far, how long, how long still, how many of what ─────┤
 *   │ task stream                               │ the selected task     │
 *   │ failures                                  │ running now           │
 *   │ graph                                     │ progress by group     │
 *   │                                           │ tasks                 │
 *   └───────────────────────────────────────────┴───────────────────────┘
 *
 * What it shows is written by page/main.ts. There is no style attribute and no script in it: the browser is told to refuse both.
 */

const STYLE = `
:root{--lane:#f6f7f9;--edge:#b4bcc8;--retried-fill:var(--delayed-fill);--retried-line:var(--delayed-line);--retried-ink:var(--delayed-ink);--gap:12px}
@media screen and (prefers-color-scheme:dark){:root{--lane:#1b2129;--edge:#4a5564}}
html{font-size:14px;scroll-padding-top:1rem}
body{min-width:320px}
h1{font-size:1.15rem;font-weight:650}
h2{font-size:.95rem;font-weight:650}
h3{font-size:.86rem;font-weight:600;color:var(--quiet);margin:.9rem 0 .3rem}
button{padding:.28rem .7rem;line-height:1.35}
button:disabled{opacity:.5;cursor:default}
button:disabled:hover{background:var(--surface)}
button[aria-pressed=true]{background:var(--raised);border-color:var(--ink);font-weight:600}
button.danger{color:var(--failed-ink);border-color:var(--failed-line)}
button.danger:hover{background:var(--failed-fill)}
button.link{border:0;background:none;padding:0;color:inherit;text-align:start;border-radius:3px;max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;vertical-align:bottom}
button.link:hover{text-decoration:underline;color:var(--accent)}
ul{list-style:none;margin:0;padding:0}
.name{unicode-bidi:isolate;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}
.number{font-variant-numeric:tabular-nums}
.mark{width:1.15em;height:1.15em;flex:none;vertical-align:-.22em}
.mark circle{fill:var(--m)}
.mark .sign{fill:none;stroke:var(--surface);stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round}
.mark .filled{fill:var(--surface);stroke:none}
.mark.pending{--m:var(--pending-line)}.mark.ready{--m:var(--ready-line)}.mark.running{--m:var(--running-line)}.mark.delayed{--m:var(--delayed-line)}
.mark.done{--m:var(--done-line)}.mark.kept{--m:var(--kept-line)}.mark.failed{--m:var(--failed-line)}.mark.skipped{--m:var(--skipped-line)}
.mark.retried{--m:var(--retried-line)}.mark.interrupted{--m:var(--interrupted-line)}

.top{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem .9rem;padding:.6rem 1.1rem;background:var(--surface);border-bottom:1px solid var(--line)}
.brand{display:flex;align-items:center;gap:.6rem;min-width:0;flex:0 1 auto}
.brand svg{flex:none;width:26px;height:26px}
.brand h1{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:38vw}
.picker{display:flex;align-items:center;gap:.4rem;color:var(--quiet);min-width:0}
.picker select{color:var(--ink);background:var(--surface);border:1px solid var(--line-strong);border-radius:6px;padding:.28rem .5rem;max-width:17rem;min-width:0}
.space{flex:1 1 0}
.connection{display:inline-flex;align-items:center;gap:.45rem;font-weight:600;white-space:nowrap}
.connection::before{content:"";width:.65em;height:.65em;border-radius:50%;background:var(--pending-line)}
.connection.live{color:var(--done-ink)}.connection.live::before{background:var(--done-line)}
.connection.reconnecting,.connection.connecting{color:var(--delayed-ink)}.connection.reconnecting::before,.connection.connecting::before{background:none;border:2px solid var(--delayed-line)}
.connection.over{color:var(--quiet)}.connection.over::before{border-radius:1px}
.connection.paused{color:var(--interrupted-ink)}.connection.paused::before{border-radius:1px;background:linear-gradient(90deg,var(--interrupted-line) 35%,transparent 35% 65%,var(--interrupted-line) 65%)}
.buttons{display:flex;flex-wrap:wrap;gap:.5rem}
.answer{display:flex;align-items:baseline;gap:.8rem;margin:var(--gap) var(--gap) 0;padding:.5rem .9rem;border:1px solid var(--line-strong);border-radius:8px;background:var(--surface)}
.answer.wrong{background:var(--failed-fill);border-color:var(--failed-line);color:var(--failed-ink)}
.answer.right{background:var(--done-fill);border-color:var(--done-line);color:var(--done-ink)}
.answer p{margin:0;flex:1;min-width:0;white-space:pre-wrap}
.answer button{background:none;border:0;padding:0 .3rem;color:inherit}

.panel{background:var(--surface);border:1px solid var(--line);border-radius:10px;box-shadow:var(--shadow);min-width:0}
.panel>header{display:flex;flex-wrap:wrap;align-items:center;gap:.3rem .6rem;padding:.55rem .9rem .5rem}
.panel>header .number{color:var(--quiet);font-size:.9rem}
.panel .empty{margin:0;padding:.2rem .9rem .8rem;color:var(--quiet)}
.tools{display:flex;gap:.3rem;margin-inline-start:auto;flex-wrap:wrap}
.tools button{padding:.1rem .5rem;font-size:.86rem;min-width:1.9rem;border-color:var(--line)}
.tools button[aria-pressed=true]{border-color:var(--ink)}
.tools .together{display:flex}
.tools .together button{border-radius:0;margin-inline-start:-1px}
.tools .together button:first-child{border-radius:6px 0 0 6px}.tools .together button:last-child{border-radius:0 6px 6px 0}
.tools .together button[aria-pressed=true]{position:relative}
canvas{display:block;width:100%;touch-action:none;cursor:grab}
canvas.over{cursor:pointer}canvas.dragged{cursor:grabbing}
canvas:focus-visible{outline-offset:-2px}
.panel>canvas{border-radius:0 0 10px 10px}

.summary{margin:var(--gap);padding:.8rem 1.1rem .7rem}
.glance{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:center;gap:.5rem 2rem;margin-bottom:.7rem}
.figures{display:grid;grid-template-columns:repeat(4,auto);gap:.4rem 2.4rem;margin:0}
.figure dt{color:var(--quiet);font-size:.86rem}
.figure dd{margin:0}
.figure .value{font-size:1.65rem;font-weight:650;line-height:1.15;letter-spacing:-.01em;white-space:nowrap}
.figure .note{font-size:.82rem;color:var(--quiet);min-height:1.25em}
.reason{margin-top:.6rem;overflow-wrap:anywhere}
.reason summary{cursor:pointer}
.reason .stack{margin-top:.4rem}
.bar{display:flex;height:8px;border-radius:4px;overflow:hidden;background:var(--line)}
.summary .bar{height:12px;border-radius:6px}
.bar .part{flex:0 0 auto;min-width:2px}
.bar .none{min-width:0}
.part.done{background:var(--done-line)}.part.kept{background:var(--kept-line)}.part.failed{background:var(--failed-line)}.part.delayed{background:var(--delayed-line)}
.part.running{background:repeating-linear-gradient(-45deg,var(--running-line) 0 5px,color-mix(in srgb,var(--running-line) 72%,var(--surface)) 5px 9px)}
.part.skipped{background:repeating-linear-gradient(45deg,var(--skipped-line) 0 4px,color-mix(in srgb,var(--skipped-line) 55%,var(--surface)) 4px 7px)}
.counts{display:grid;grid-template-columns:repeat(4,auto);gap:.2rem .4rem}
.count{display:flex;align-items:center;gap:.4rem;border-color:transparent;background:none;padding:.2rem .55rem;border-radius:1rem}
.count .number{font-weight:650}
.count .word{color:var(--quiet)}
.count.none{opacity:.75}.count.none .number{font-weight:400}
.filter{display:flex;align-items:center;gap:.7rem;margin:0 var(--gap) var(--gap);padding:.35rem .9rem;border:1px dashed var(--line-strong);border-radius:8px}

.grid{display:grid;grid-template-columns:minmax(0,1fr) 384px;gap:var(--gap);margin:0 var(--gap) var(--gap)}
.column{display:flex;flex-direction:column;gap:var(--gap);min-width:0}
#graph{height:auto;flex:1 0 300px;min-height:0}
#graph-panel{display:flex;flex-direction:column;flex:1;max-height:600px}
.legend{color:var(--quiet);font-size:.82rem}

table{border-collapse:collapse;width:100%;font-size:.93rem}
th{font-weight:400;text-align:start}
thead th{color:var(--quiet);font-size:.82rem;padding:.15rem .5rem;border-bottom:1px solid var(--line);white-space:nowrap}
td,tbody th{padding:.32rem .5rem;vertical-align:top}
th:first-child,td:first-child{padding-inline-start:.9rem}
th:last-child,td:last-child{padding-inline-end:.9rem}
.centred{text-align:center}
.time{text-align:end;white-space:nowrap;font-variant-numeric:tabular-nums}
.selected{background:var(--raised)}
.scroll{max-height:300px;overflow:auto;border-radius:0 0 10px 10px}
.scroll thead th{position:sticky;top:0;background:var(--surface);z-index:1}

.failures{table-layout:fixed}
.failures tbody+tbody tr:first-child>*{border-top:1px solid var(--line)}
.failures .c-attempt{width:4.6rem}.failures .c-task{width:24%}.failures .c-next{width:11.5rem}.failures .c-more{width:6rem}
.failures .what{display:flex;gap:.45rem;align-items:center}
.failures .final .link{font-weight:600}
.failures .type{display:block;font-weight:600;color:var(--failed-ink);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.failures tbody:not(.final) .type{color:var(--delayed-ink)}
.failures .message{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden;white-space:pre-wrap}
.failures .next{color:var(--quiet);white-space:pre-line}
.failures .when{color:var(--quiet);font-size:.86rem;margin-inline-start:1.65em}
.toggle{white-space:nowrap;padding:.05rem .5rem;font-size:.86rem;border-color:var(--line)}
.toggle::after{content:" ▾"}.toggle[aria-expanded=true]::after{content:" ▴"}
.stack{margin:0;padding:.6rem .8rem;background:var(--raised);border-radius:6px;overflow:auto;max-height:16rem;font-size:.82rem;white-space:pre-wrap;unicode-bidi:plaintext}
.failures .stack-row td{padding-top:0}
.show-more{margin:.5rem .9rem .7rem}

.running .what{display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 .45rem;align-items:center}
.running .c-where{width:5.4rem}.running .c-for{width:5.6rem}.running td:nth-child(2){white-space:nowrap}
.running{table-layout:fixed}
.running .note,.delayed .note{grid-column:2;color:var(--quiet);font-size:.86rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.track{grid-column:2;height:4px;border-radius:2px;background:var(--line);overflow:hidden;margin:.15rem 0}
.track .fill{display:block;height:100%;background:var(--running-line)}
.delayed-part{border-top:1px solid var(--line);padding:0 0 .5rem}
.delayed-part h3{padding:0 .9rem;margin-top:.6rem;color:var(--delayed-ink)}
.delayed li{display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 .45rem;align-items:center;padding:.2rem .9rem}

.list-frame{overflow:auto;position:relative;border-radius:0 0 10px 10px}
.rows{position:relative;overflow:hidden}
.row{position:absolute;inset-inline:0;top:0}
.groups{max-height:19.4rem}
.groups .row{height:38px}
.group{display:grid;grid-template-columns:auto minmax(0,1fr) auto;gap:.2rem .45rem;align-items:center;width:100%;height:100%;border:0;border-radius:0;background:none;padding:.15rem .9rem;text-align:start}
.group .bar{grid-column:1/-1}
.group .number{color:var(--quiet);font-size:.86rem}
.group.dim{opacity:.7}
.group[aria-pressed=true]{font-weight:400;background:var(--raised)}
.group[aria-pressed=true] .name{font-weight:650}
.find{padding:0 .9rem .55rem}
.find input{width:100%}
.tasks-list{border-top:1px solid var(--line)}
.task{height:28px;display:flex;align-items:center;gap:.45rem;padding:0 .9rem;cursor:pointer}
.task .quiet{margin-inline-start:auto;white-space:nowrap;font-size:.86rem;font-variant-numeric:tabular-nums;padding-inline-start:.4rem}
.task:hover{background:var(--raised)}
.task[aria-selected=true]{background:var(--raised);box-shadow:inset 3px 0 var(--accent)}
.task.active{outline:2px solid var(--accent);outline-offset:-2px}

.detail{padding-bottom:.9rem;border-color:var(--line-strong)}
.detail .body{padding:0 .9rem}
.detail .title{display:flex;gap:.5rem;align-items:flex-start;font-size:1.05rem;font-weight:650}
.detail .title .name{white-space:normal;overflow-wrap:anywhere;max-height:8rem;overflow:auto}
.detail .title .mark{margin-top:.15em}
.detail p{margin:.25rem 0}
.detail table{margin:.5rem -.9rem 0;width:calc(100% + 1.8rem)}
.detail tbody td,.detail tbody th{padding-block:.18rem}
.detail .marked .mark{margin-inline-end:.35rem}
.error{margin-top:.7rem;padding:.55rem .8rem;border:1px solid var(--failed-line);border-radius:8px;background:var(--failed-fill);color:var(--failed-ink)}
.error .type{font-weight:650}
.error .message{display:block;white-space:pre-wrap;max-height:12rem;overflow:auto}
.error summary{cursor:pointer;margin-top:.3rem}
.error .stack{background:var(--surface);color:var(--ink);margin-top:.4rem}
.tasks li{display:flex;align-items:center;gap:.45rem;padding:.1rem 0;min-width:0}
.tasks .quiet{margin-inline-start:auto;font-size:.86rem;white-space:nowrap}
.link.more{color:var(--accent)}

.tip{position:fixed;left:0;top:0;z-index:20;pointer-events:none;max-width:24rem;padding:.4rem .65rem;border-radius:6px;background:var(--ink);color:var(--surface);font-size:.86rem;box-shadow:0 3px 12px rgb(0 0 0 / 25%)}
.tip strong,.tip span{display:block}
dialog{max-width:30rem;border:1px solid var(--line-strong);border-radius:12px;background:var(--surface);color:var(--ink);padding:1.2rem 1.4rem;box-shadow:0 12px 40px rgb(0 0 0 / 30%)}
dialog::backdrop{background:rgb(0 0 0 / 40%)}
dialog p{margin:.6rem 0 1.1rem;color:var(--quiet)}
dialog .buttons{justify-content:flex-end}
.foot{margin:0 calc(var(--gap) + .3rem) 1rem;color:var(--quiet);font-size:.86rem}
kbd{border:1px solid var(--line-strong);border-radius:4px;padding:0 .3em;font-size:.86em}

@media (max-width:1080px){
.grid{grid-template-columns:minmax(0,1fr)}
.column{display:contents}
#detail-panel{order:1}#stream-panel{order:2}#failures-panel{order:3}#running-panel{order:4}#groups-panel{order:5}#graph-panel{order:6}#tasks-panel{order:7}
}
@media (max-width:760px){
.figures{grid-template-columns:repeat(2,minmax(0,1fr));gap:.5rem 1.2rem;width:100%}
}
@media (max-width:520px){
.counts{grid-template-columns:repeat(2,auto)}
.brand h1{max-width:60vw}
.failures .c-next{width:8rem}
}
@media print{.tools,.buttons,.picker,#tasks-panel,.foot{display:none}}
`;

const tools = (name: string, extra: string): string => `<div class="tools">${extra}
<button type="button" id="${name}-out" title="Zoom out" aria-label="Zoom out">−</button>
<button type="button" id="${name}-in" title="Zoom in" aria-label="Zoom in">+</button>
<button type="button" id="${name}-fit" title="Show all of it">Fit</button></div>`;

const figure = (label: string, id: string, noteId: string, title: string): string =>
  `<div class="figure" title="${title}"><dt>${label}</dt><dd><div class="value" id="${id}">–</div><div class="note" id="${noteId}"></div></dd></div>`;

/** Where the addresses of scripts are put. */
const PRELOADS = '<!-- scripts -->\n';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>taskmap</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 26 26'%3E%3Cpath d='M6 6L20 13L6 20' fill='none' stroke='%232563eb' stroke-width='2.4'/%3E%3Cg fill='%232563eb'%3E%3Ccircle cx='6' cy='6' r='4.2'/%3E%3Ccircle cx='6' cy='20' r='4.2'/%3E%3Ccircle cx='20' cy='13' r='4.2'/%3E%3C/g%3E%3C/svg%3E">
<style>${PAGE_STYLE}
${STYLE}</style>
${PRELOADS}<script type="module" src="page/main.js"></script>
</head>
<body>
<a class="skip-link" href="#failures-panel">To what failed</a>
<header class="top">
<div class="brand">
<svg viewBox="0 0 26 26" aria-hidden="true"><path d="M6 6L20 13L6 20" fill="none" stroke="var(--bar)" stroke-width="2.4"/><g fill="var(--bar)"><circle cx="6" cy="6" r="4.2"/><circle cx="6" cy="20" r="4.2"/><circle cx="20" cy="13" r="4.2"/></g></svg>
<h1><bdi id="graph-name">taskmap</bdi></h1>
<span id="run-status" class="chip" hidden></span>
</div>
<label class="picker" hidden>Run <select id="run-picker"></select></label>
<div class="space"></div>
<span id="connection" class="connection connecting" role="status"><span id="connection-text">Connecting…</span></span>
<div class="buttons">
<button type="button" id="pause" aria-pressed="false" title="Holds the page, not the run (P)">Pause page</button>
<div id="control" class="buttons" hidden>
<button type="button" id="rerun">Reset failed and run again</button>
<button type="button" id="abort" class="danger">Abort run</button>
</div>
</div>
</header>
<noscript><p class="answer">This page needs JavaScript. The events of the runs are at <a href="events">events</a>.</p></noscript>
<div id="answer" class="answer" role="alert" hidden><p id="answer-text"></p><button type="button" id="answer-close" aria-label="Close this message">✕</button></div>
<p id="announcer" class="only-read" role="status"></p>
<section class="panel summary" aria-label="Summary">
<div class="glance">
<dl class="figures">
${figure('Finished', 'finished-part', 'finished-note', 'Tasks that are done, kept, failed or skipped')}
${figure('Elapsed', 'elapsed', 'began', 'Since the run began')}
${figure('Time left', 'left', 'left-note', 'If tasks go on taking what they took on average')}
${figure('Efficiency so far', 'efficiency', 'efficiency-note', 'What the run could not have been shorter than – its longest chain of tasks, or its work shared evenly by all slots – as a part of the time it took')}
</dl>
<ul id="counts" class="counts" aria-label="Tasks by status"></ul>
</div>
<div id="whole-bar"></div>
<details id="reason" class="reason" hidden><summary><span id="reason-word"></span> <bdi id="reason-text"></bdi></summary><pre class="stack" id="reason-stack" tabindex="0"></pre></details>
</section>
<div id="filter" class="filter" hidden><span id="filter-text"></span><button type="button" id="filter-clear">Show all</button></div>
<main class="grid">
<div class="column">
<section class="panel" id="stream-panel" aria-labelledby="stream-title">
<header><h2 id="stream-title">Task stream</h2><span class="legend">what ran where, and when</span>
${tools('stream', '<button type="button" id="stream-follow" title="Move on with the run (End)" hidden>Follow the run</button>')}</header>
<canvas id="stream" tabindex="0" role="img" aria-describedby="running-title"></canvas>
</section>
<section class="panel" id="failures-panel" aria-labelledby="failures-title" tabindex="-1">
<header><h2 id="failures-title">Failures</h2><span class="number" data-part="number"></span></header>
<div class="scroll"><table class="failures" data-part="table" aria-labelledby="failures-title" hidden>
<thead data-part="head"><tr><th class="c-task" scope="col">Task</th><th class="c-attempt centred" scope="col">Attempt</th><th scope="col">Error</th><th class="c-next" scope="col">What follows</th><th class="c-more" scope="col"><span class="only-read">Details</span></th></tr></thead>
</table>
<button type="button" class="show-more" data-part="more" hidden></button></div>
<p class="empty" data-part="empty">Nothing has failed so far.</p>
</section>
<section class="panel" id="graph-panel" aria-labelledby="graph-title">
<header><h2 id="graph-title">Graph</h2><span class="legend" id="graph-note" hidden></span>
${tools('graph', '<span class="together" role="group" aria-label="What is drawn"><button type="button" id="graph-tasks" aria-pressed="false">Tasks</button><button type="button" id="graph-groups" aria-pressed="false">Groups</button><button type="button" id="graph-near" aria-pressed="false" disabled>Around the selected task</button></span>')}</header>
<canvas id="graph" tabindex="0" role="img"></canvas>
</section>
</div>
<div class="column">
<section class="panel detail" id="detail-panel" aria-labelledby="detail-title" hidden>
<header><h2 id="detail-title">Selected task</h2><div class="tools"><button type="button" data-part="close" aria-label="Select no task">✕</button></div></header>
<div class="body">
<div class="title"><span data-part="mark"></span><bdi class="name" data-part="name"></bdi></div>
<p data-part="status"></p>
<p class="quiet" data-part="facts"></p>
<div class="error" data-part="error" hidden><div class="type" data-part="type"></div><bdi class="message" data-part="message"></bdi><details><summary>Stack</summary><pre class="stack" data-part="stack" tabindex="0"></pre></details></div>
<table><thead><tr><th class="centred" scope="col">Attempt</th><th scope="col">Status</th><th scope="col">Where</th><th scope="col">Began</th><th class="time" scope="col">Took</th></tr></thead><tbody data-part="attempts"></tbody></table>
<div data-part="lists"></div>
</div>
</section>
<section class="panel" id="running-panel" aria-labelledby="running-title">
<header><h2 id="running-title">Running now</h2><span class="number" data-part="number"></span></header>
<div class="scroll">
<table class="running" data-part="table" aria-labelledby="running-title" hidden><colgroup><col><col class="c-where"><col class="c-for"></colgroup><thead class="only-read"><tr><th scope="col">Task</th><th scope="col">Where</th><th scope="col">For</th></tr></thead><tbody data-part="body"></tbody></table>
<p class="empty" data-part="more" hidden></p>
</div>
<p class="empty" data-part="empty">No run yet.</p>
<div class="delayed-part" data-part="delayed-part" hidden><h3 data-part="delayed-title"></h3><ul class="delayed" data-part="delayed"></ul></div>
</section>
<section class="panel" id="groups-panel" aria-labelledby="groups-title">
<header><h2 id="groups-title">Progress by group</h2></header>
<div class="list-frame groups" id="groups" role="list" tabindex="-1"></div>
<p class="empty" id="groups-empty">No run yet.</p>
</section>
<section class="panel" id="tasks-panel" aria-labelledby="tasks-title">
<header><h2 id="tasks-title">Tasks</h2><span class="number" data-part="number"></span></header>
<div class="find"><input type="search" id="find" data-part="field" placeholder="Find a task ( / )" aria-label="Find a task" role="combobox" aria-expanded="true" aria-controls="tasks" aria-autocomplete="list" autocomplete="off" spellcheck="false"></div>
<p class="empty" data-part="empty" hidden></p>
<div class="list-frame tasks-list" id="tasks" data-part="list" role="listbox" aria-labelledby="tasks-title" tabindex="-1"></div>
</section>
</div>
</main>
<p class="foot"><kbd>/</kbd> finds a task, <kbd>P</kbd> pauses the page, <kbd>Esc</kbd> selects no task. On the stream and the graph: click, then the wheel or <kbd>+</kbd> <kbd>−</kbd> zoom, dragging or the arrows move, <kbd>Home</kbd> shows all.</p>
<div id="tip" class="tip" hidden></div>
<dialog id="confirm" aria-labelledby="confirm-question" aria-describedby="confirm-explanation">
<h2 id="confirm-question"></h2>
<p id="confirm-explanation"></p>
<div class="buttons"><button type="button" id="confirm-no">No, leave it</button><button type="button" id="confirm-yes">Yes</button></div>
</dialog>
</body>
</html>
`;

/**
 * The page, without what it shows: that comes from its scripts.
 *
 * @param scripts - the addresses of all of them, to be fetched at once, not one after the other as they import each other
 */
export function pageHTML(scripts: readonly string[]): string {
  return PAGE.replace(PRELOADS, scripts.map((address) => `<link rel="modulepreload" href="${address}">\n`).join(''));
}
