import { durationText } from '../drawing/duration-text.js';
import type { PageStatus } from '../page/style.js';
import { ERROR_LENGTH_MAX } from './failures-section.js';
import { counted, cut, lineText, nameHTML, numberText } from './html.js';
import {
  barHTML,
  partOf,
  percent,
  rounded,
  STATUS_TEXTS,
  section,
  taskLink,
  threadHTML,
  timeHTML,
} from './page-parts.js';
import type { RunFacts } from './run-facts.js';
import { Budget, thrownHTML, thrownLine } from './thrown.js';

const PATH_ROWS_MAX = 20;
const THREAD_ROWS_MAX = 64;

/** What came of a run, as a status and in words: `finished, 3 failed`. */
export function endOf({ run, countByStatus }: RunFacts): { readonly status: PageStatus; readonly words: string } {
  const failed = countByStatus.get('failed') ?? 0;
  const failures = failed === 0 ? '' : `, ${numberText(failed)} failed`;
  switch (run.status) {
    case 'running':
      return { status: 'running', words: `under way${failures}` };
    case 'aborted':
      return { status: 'interrupted', words: `aborted${failures}` };
    case 'stopped':
      return { status: 'failed', words: `stopped${failures}` };
    case 'broken':
      return { status: 'failed', words: `broken off${failures}` };
    case 'finished':
      return { status: failed > 0 ? 'failed' : 'done', words: `finished${failures}` };
    default:
      return run.status satisfies never;
  }
}

const REASON_WORDS = {
  stopped: 'A failure stopped it',
  aborted: 'It was aborted',
  broken: 'What it runs on has failed',
} as const;
const REASON_CHARACTERS_MAX = 10_000;

/**
 * What ended the run before its tasks had; of one that broke off, nothing else in the page tells it, so all of it is
 * here.
 */
function reasonHTML({ run: { status, reason } }: RunFacts): string {
  if (reason === undefined || status === 'finished' || status === 'running') return '';
  const line = lineText(cut(thrownLine(reason), ERROR_LENGTH_MAX));
  const note = `${REASON_WORDS[status]}: <bdi>${line}</bdi>`;
  if (status !== 'broken') return `<p class="note">${note}</p>`;
  const inside = thrownHTML(reason, new Budget(REASON_CHARACTERS_MAX));
  return `<details class="note"><summary>${note}</summary><div class="inside">${inside}</div></details>`;
}

/** What the page is about. */
export function headerHTML(facts: RunFacts, title: string): string {
  const { run, summary, ranAgain } = facts;
  const { status, words } = endOf(facts);
  const took = run.status === 'running' ? 'has taken' : 'took';
  const lines = [
    `<h1>${nameHTML(title)} <span class="chip status-${status}">${words}</span></h1>`,
    `<p class="quiet">${counted(facts.tasks.length, 'task')}, begun ${timeHTML(run.startedAtMs)}, ${took} ${durationText(summary.durationMs)}, run <code>${lineText(run.runId)}</code></p>`,
  ];
  const reason = reasonHTML(facts);
  if (reason !== '') lines.push(reason);
  if (run.status === 'running')
    lines.push(
      '<p class="note">This run was under way when the report was written. What follows is what was known by then.</p>',
    );
  if (ranAgain)
    lines.push(
      '<p class="note">The graph has been run again since. Results and errors that are those of a later run are left out.</p>',
    );
  return `<header class="page">\n${lines.join('\n')}\n</header>`;
}

/** The run in numbers, how many tasks have which status, what determined how long it took, and who was busy. */
export function summaryHTML(facts: RunFacts): string {
  return section(
    'summary',
    'Summary',
    `${tilesHTML(facts)}\n${countsHTML(facts)}\n<div class="columns">\n<div>${pathHTML(facts)}</div>\n<div>${threadsHTML(facts)}</div>\n</div>`,
  );
}

function tilesHTML({ summary, run, path }: RunFacts): string {
  const inVain = run.attempts.filter(({ status }) => status !== 'done' && status !== 'running').length;
  const isBoundByPath = summary.criticalPathMs >= summary.workMs / summary.workers;
  const tiles: readonly (readonly [term: string, number: string, why: string])[] = [
    [
      'Duration',
      durationText(summary.durationMs),
      `tasks waited ${durationText(summary.waitedMs)} for room, all together`,
    ],
    ['Efficiency', percent(summary.efficiency), 'the lower bound as a part of the duration'],
    [
      'Lower bound',
      durationText(summary.lowerBoundMs),
      isBoundByPath
        ? 'the critical path: nothing can be shorter'
        : `the work, shared by ${counted(summary.workers, 'worker')}`,
    ],
    ['Critical path', durationText(summary.criticalPathMs), `${counted(path.tasks.length, 'task')}, one after another`],
    ['Work', durationText(summary.workMs), `all attempts together, at most ${numberText(summary.workers)} at once`],
    [
      'Attempts',
      numberText(summary.attemptCount),
      inVain === 0
        ? 'none was in vain'
        : `${numberText(inVain)} failed or ${inVain === 1 ? 'was' : 'were'} interrupted`,
    ],
  ];
  const items = tiles.map(
    ([term, number, why]) => `<div><dt>${term}</dt><dd class="number">${number}</dd><dd class="why">${why}</dd></div>`,
  );
  return `<dl class="tiles card">${items.join('')}</dl>`;
}

function countsHTML({ countByStatus, tasks }: RunFacts): string {
  const bars: string[] = [];
  const chips: string[] = [];
  let x = 0;
  for (const [status, words] of STATUS_TEXTS) {
    const count = countByStatus.get(status);
    if (count === undefined) continue;
    const width = (count / tasks.length) * 1000;
    bars.push(`<rect class="status-${status}" x="${rounded(x)}" width="${rounded(width)}" height="1"/>`);
    chips.push(`<li><span class="chip status-${status}">${numberText(count)} ${words}</span></li>`);
    x += width;
  }
  return `<svg class="share" viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">${bars.join('')}</svg>
<ul class="counts" aria-label="Tasks by status">${chips.join('')}</ul>`;
}

function pathHTML({ path, run, tasks }: RunFacts): string {
  if (path.tasks.length === 0) return '<h3>Critical path</h3>\n<p class="quiet">No task was run.</p>';
  const idByName = new Map(tasks.map(({ name, id }) => [name, id]));
  const wholeMs = run.endedAtMs - run.startedAtMs;
  const longest = new Set(path.tasks.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, PATH_ROWS_MAX));
  const rows = path.tasks
    .filter((task) => longest.has(task))
    .map(({ task, attempts, durationMs, delayedMs }) => {
      const first = attempts[0]!;
      const last = attempts.at(-1)!;
      const tookMs = durationMs + delayedMs;
      const bar = barHTML(
        partOf(first.startedAtMs - run.startedAtMs, wholeMs),
        partOf(last.endedAtMs - first.startedAtMs, wholeMs),
      );
      const cells = [durationText(tookMs), percent(partOf(tookMs, wholeMs)), threadHTML(last.thread)];
      return `<tr><th scope="row">${taskLink(idByName.get(task)!, task)}</th><td class="amount">${cells.join('</td><td class="amount">')}</td><td class="where">${bar}</td></tr>`;
    });
  const leftOut = path.tasks.length - rows.length;
  const others =
    leftOut > 0
      ? ` ${counted(leftOut, 'task')} of it, which took less time, ${leftOut === 1 ? 'is' : 'are'} left out.`
      : '';
  return `<h3>Critical path</h3>
${smallTable('The chain of tasks, each of which needs the one before it, that took longest', ['Task', 'Took', 'Share', 'Thread', 'When'], rows)}
<p class="quiet">Each task needs the one above it.${others}</p>`;
}

function threadsHTML({ threads, run }: RunFacts): string {
  if (threads.length === 0) return '';
  const rows = threads.slice(0, THREAD_ROWS_MAX).map(({ thread, attemptCount, busyMs, share }) => {
    const cells = [durationText(busyMs), percent(share), numberText(attemptCount)];
    return `<tr><th scope="row">${threadHTML(thread)}</th><td class="amount">${cells.join('</td><td class="amount">')}</td><td class="where">${barHTML(0, share)}</td></tr>`;
  });
  const leftOut = threads.length - rows.length;
  const others = leftOut > 0 ? ` ${counted(leftOut, 'thread')} more ${leftOut === 1 ? 'is' : 'are'} left out.` : '';
  return `<h3>Threads</h3>
${smallTable('What each thread did', ['Thread', 'Busy', 'Share', 'Attempts', ''], rows)}
<p class="quiet">A thread is busy while at least one attempt is under way there. The run took ${durationText(run.endedAtMs - run.startedAtMs)}.${others}</p>`;
}

/** The first column tells what a row is about, the last one is a picture, and those between are numbers. */
function smallTable(caption: string, headings: readonly string[], rows: readonly string[]): string {
  const last = headings.length - 1;
  const cells = headings.map((heading, index) =>
    index === last && heading === ''
      ? '<td class="where"></td>'
      : `<th scope="col"${index > 0 && index < last ? ' class="amount"' : ''}>${heading}</th>`,
  );
  return `<div class="card"><table class="small"><caption class="only-read">${caption}</caption>
<thead><tr>${cells.join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}
