import { durationText } from '../drawing/duration-text.js';
import type { TaskMeta } from '../graph/task-meta.js';
import { ERROR_LENGTH_MAX } from './failures-section.js';
import { cut, lineText, nameHTML, numberText } from './html.js';
import { rounded, STATUS_TEXTS, section, taskLink, threadHTML } from './page-parts.js';
import { previewOf } from './preview.js';
import type { RunFacts, TaskFacts } from './run-facts.js';
import { thrownLine } from './thrown.js';

/** Where scripts run, so many rows are laid out at first: a browser takes long for thousands. The script of the page goes on in steps of as many. */
const ROWS_AT_ONCE = 200;
const DEPENDENCIES_MAX = 3;
const META_LENGTH_MAX = 200;

const HEADINGS = ['Task', 'Status', 'Attempts', 'Thread', 'Began', 'Waited', 'Took', 'Waited for', 'Result or error'];
const AMOUNTS = new Set(['Attempts', 'Began', 'Waited', 'Took']);
/** By these a table is not sorted. */
const UNSORTED = new Set(['Waited for', 'Result or error']);

const FROM_TEXTS = {
  run: '',
  given: 'given',
  store: 'from a store',
  graph: 'as before',
  before: 'from an earlier run',
} as const;

/**
 * A row for each task. All of them are in the page; where scripts run, it can be sorted, searched and filtered.
 *
 * @param failures - the tasks of which the section of failures tells more
 */
export function tasksHTML(facts: RunFacts, failures: ReadonlySet<number>, results: boolean): string {
  const { tasks } = facts;
  const rows = tasks.map((task) => rowHTML(task, facts, failures.has(task.id), results));
  const bodies = [`<tbody>\n${rows.slice(0, ROWS_AT_ONCE).join('\n')}\n</tbody>`];
  if (rows.length > ROWS_AT_ONCE) bodies.push(`<tbody class="rest">\n${rows.slice(ROWS_AT_ONCE).join('\n')}\n</tbody>`);
  const headings = HEADINGS.map((heading) => {
    const sorts = UNSORTED.has(heading) ? '' : ' data-sort';
    return `<th scope="col"${AMOUNTS.has(heading) ? ' class="amount"' : ''}${sorts}><span class="plain">${heading}</span></th>`;
  });
  return section(
    'tasks',
    `Tasks (${numberText(tasks.length)})`,
    `${toolsHTML(facts)}
<div class="card">
<div class="more" hidden><button type="button" data-more="before">Show ${ROWS_AT_ONCE} before</button></div>
<table class="tasks" data-step="${ROWS_AT_ONCE}"><caption class="only-read">All tasks, with how they went</caption>
<thead><tr>${headings.join('')}</tr></thead>
${bodies.join('\n')}
</table>
<div class="more" hidden><button type="button" data-more="after">Show ${ROWS_AT_ONCE} more</button><button type="button" data-more="all">Show all</button></div>
</div>`,
  );
}

/** What a script is needed for, so a script shows it. */
function toolsHTML({ countByStatus, tasks }: RunFacts): string {
  const choices = [
    `<label class="chip all"><input type="radio" name="status" value="" checked>all ${numberText(tasks.length)}</label>`,
  ];
  for (const [status, words] of STATUS_TEXTS) {
    const count = countByStatus.get(status);
    if (count === undefined) continue;
    choices.push(
      `<label class="chip status-${status}"><input type="radio" name="status" value="${status}">${words} ${numberText(count)}</label>`,
    );
  }
  return `<form class="tools" role="search" aria-label="Tasks" hidden>
<input type="search" aria-label="Search names, results and errors" placeholder="Search names, results and errors" autocomplete="off" spellcheck="false">
<fieldset><legend class="only-read">Status</legend>${choices.join('')}</fieldset>
<output class="quiet" aria-live="polite"></output>
</form>`;
}

function rowHTML(task: TaskFacts, facts: RunFacts, hasMore: boolean, results: boolean): string {
  const { id, name, meta, status, attempts, timing, ending } = task;
  const words = STATUS_TEXTS.get(status)!;
  const note =
    ending.kind === 'result' && status === 'kept' ? ` <span class="quiet">${FROM_TEXTS[ending.from]}</span>` : '';
  const count = ending.kind === 'error' ? ending.attemptCount : attempts.length;
  const cells = [
    `<td><span class="chip">${words}</span>${note}</td>`,
    `<td class="amount">${count === 0 ? '' : numberText(count)}</td>`,
  ];
  // What a column is sorted by: attempts, and three times in milliseconds.
  const numbers: (number | undefined)[] = [count];
  const first = attempts[0];
  if (first === undefined || timing === undefined) cells.push('<td></td><td></td><td></td><td></td>');
  else {
    const beganMs = first.startedAtMs - facts.run.startedAtMs;
    numbers.push(beganMs, timing.waitedMs, timing.durationMs);
    const times = [beganMs, timing.waitedMs, timing.durationMs].map(
      (ms) => `<td class="amount">${durationText(ms)}</td>`,
    );
    cells.push(`<td>${threadHTML(attempts.at(-1)!.thread)}</td>`, ...times);
  }
  cells.push(`<td>${dependenciesHTML(task, facts)}</td>`, `<td>${endingHTML(task, facts, hasMore, results)}</td>`);
  const sortBy = numbers.map((number) => rounded(number!)).join();
  return `<tr id="t${id}" class="status-${status}" data-n="${sortBy}"><th scope="row">${nameHTML(name)}${metaHTML(meta)}</th>${cells.join('')}</tr>`;
}

function metaHTML(meta: TaskMeta | undefined): string {
  return meta === undefined
    ? ''
    : ` <small class="quiet">${lineText(cut(JSON.stringify(meta), META_LENGTH_MAX))}</small>`;
}

function dependenciesHTML({ dependencies }: TaskFacts, { tasks }: RunFacts): string {
  const shown = dependencies.slice(0, DEPENDENCIES_MAX).map((id) => taskLink(id, tasks[id]!.name));
  const leftOut = dependencies.length - shown.length;
  return `${shown.join(', ')}${leftOut > 0 ? ` and ${numberText(leftOut)} more` : ''}`;
}

function endingHTML(
  { id, attempts, ending, status }: TaskFacts,
  { tasks }: RunFacts,
  hasMore: boolean,
  results: boolean,
): string {
  const more = hasMore ? ` <a href="#f${id}">more</a>` : '';
  switch (ending.kind) {
    case 'result':
      return results ? `<code>${lineText(previewOf(ending.result))}</code>${more}` : more;
    case 'error':
      return `<span class="error">${lineText(cut(thrownLine(ending.error), ERROR_LENGTH_MAX))}</span>${more}`;
    case 'skipped':
      return ending.because === undefined
        ? 'an ancestor failed'
        : `${taskLink(ending.because, tasks[ending.because]!.name)} failed`;
    case 'forgotten':
      return `<span class="quiet">not known any more</span>${more}`;
    case 'open': {
      const last = attempts.at(-1);
      if (last?.error === undefined) return more;
      const what = status === 'interrupted' && last.status === 'interrupted' ? 'interrupted by' : 'failed with';
      return `<span class="quiet">${what}</span> ${lineText(cut(thrownLine(last.error), ERROR_LENGTH_MAX))}${more}`;
    }
    default:
      return ending satisfies never;
  }
}
