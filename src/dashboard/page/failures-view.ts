import type { ShownFailure } from '../messages.js';
import { make, setAttribute, setChildren, setHidden, setText } from './dom.js';
import { count, counted, duration, shownName } from './format.js';
import { markElement, setMark } from './marks.js';
import { FAILED, type RunState, SKIPPED } from './run-state.js';
import { type Actions, passes, type Shown } from './view.js';

const LISTED_MAX = 50;

interface Row {
  readonly body: HTMLTableSectionElement;
  readonly mark: SVGSVGElement;
  readonly name: HTMLButtonElement;
  readonly attempt: HTMLElement;
  readonly when: HTMLElement;
  readonly type: HTMLElement;
  readonly message: HTMLElement;
  readonly next: HTMLElement;
  readonly toggle: HTMLButtonElement;
  readonly stackRow: HTMLElement;
  readonly stack: HTMLElement;
  failure: ShownFailure | undefined;
}

/** What failed, and why; the latest first. Attempts that will be made again come behind what failed for good. */
export class FailuresView {
  readonly #actions: Actions;
  readonly #table: HTMLElement;
  readonly #head: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #number: HTMLElement;
  readonly #more: HTMLButtonElement;
  readonly #rows: Row[] = [];
  readonly #open = new Set<string>();
  #listedMax = LISTED_MAX;
  #drawn = '';

  constructor(panel: HTMLElement, actions: Actions) {
    const part = <E extends HTMLElement>(name: string): E => panel.querySelector<E>(`[data-part="${name}"]`)!;
    this.#actions = actions;
    this.#table = part('table');
    this.#head = part('head');
    this.#empty = part('empty');
    this.#number = part('number');
    this.#more = part<HTMLButtonElement>('more');
    this.#more.addEventListener('click', () => {
      this.#listedMax += LISTED_MAX * 2;
      this.#actions.changed();
    });
  }

  draw(shown: Shown | undefined): void {
    const found = shown === undefined ? [] : failuresOf(shown);
    const listed = found.slice(0, this.#listedMax);
    setHidden(this.#table, listed.length === 0);
    setHidden(this.#empty, listed.length > 0);
    setText(this.#empty, emptyText(shown));
    setText(this.#number, shown === undefined ? '0' : numbers(shown.state));
    setHidden(this.#more, found.length <= listed.length);
    setText(this.#more, `Show more (${counted(found.length - listed.length, 'other failure')})`);
    while (this.#rows.length < listed.length) this.#rows.push(this.#makeRow());
    // Rows that are being read must not be laid out again and again.
    setChildren(this.#table, [this.#head, ...listed.map((_, index) => this.#rows[index]!.body)]);
    for (const [index, failure] of listed.entries()) this.#fill(this.#rows[index]!, failure, shown!);
    const drawn = shown?.state.run.runId ?? '';
    if (drawn !== this.#drawn) this.#listedMax = LISTED_MAX;
    this.#drawn = drawn;
  }

  #fill(row: Row, failure: ShownFailure, { state, selected }: Shown): void {
    row.failure = failure;
    setMark(row.mark, failure.willRetry ? 'retried' : 'failed');
    setText(row.name, shownName(state.run.names[failure.task] ?? ''));
    setText(row.attempt, String(failure.attempt));
    setText(row.when, failure.atMs === 0 ? 'before this run' : `at ${duration(failure.atMs)}`);
    setText(row.type, shownName(failure.type));
    setText(row.message, failure.message === '' ? '(no message)' : failure.message);
    setText(row.next, whatNext(failure, state));
    row.body.classList.toggle('selected', failure.task === selected);
    row.body.classList.toggle('final', !failure.willRetry);
    const isOpen = this.#open.has(keyOf(failure, state));
    setHidden(row.stackRow, !isOpen);
    setAttribute(row.toggle, 'aria-expanded', String(isOpen));
    setText(row.stack, isOpen ? failure.stack || 'The error has no stack.' : '');
    row.toggle.onclick = () => {
      const key = keyOf(failure, state);
      if (!this.#open.delete(key)) this.#open.add(key);
      this.#actions.changed();
    };
  }

  #makeRow(): Row {
    const mark = markElement('failed');
    const name = make('button', 'link');
    name.type = 'button';
    const when = make('span', 'when');
    const title = make('th', '', make('div', 'what', mark, make('bdi', 'name', name)), when);
    title.scope = 'row';
    const attempt = make('td', 'centred');
    const type = make('span', 'type');
    const message = make('bdi', 'message');
    const next = make('td', 'next');
    const toggle = make('button', 'toggle', 'Stack');
    toggle.type = 'button';
    const stack = make('pre', 'stack');
    stack.tabIndex = 0;
    const stackCell = make('td', '', stack);
    stackCell.colSpan = 5;
    const stackRow = make('tr', 'stack-row', stackCell);
    const body = make(
      'tbody',
      '',
      make('tr', '', title, attempt, make('td', 'why', type, message), next, make('td', 'more', toggle)),
      stackRow,
    );
    const row: Row = {
      body,
      mark,
      name,
      attempt,
      when,
      type,
      message,
      next,
      toggle,
      stackRow,
      stack,
      failure: undefined,
    };
    name.addEventListener('click', () => this.#actions.select(row.failure?.task ?? -1));
    return row;
  }
}

/** Those that are final first, each kind with the latest first. What a task failed with before it was tried again is told as long as it has not failed for good. */
function failuresOf({ state, filter }: Shown): ShownFailure[] {
  const latest = [...state.run.failures]
    .reverse()
    .filter(({ task }) => passes({ ...filter, statuses: new Set() }, state, task));
  return [...latest.filter(({ willRetry }) => !willRetry), ...latest.filter(({ willRetry }) => willRetry)];
}

function keyOf({ task, attempt, atMs }: ShownFailure, { run }: RunState): string {
  return `${run.runId} ${task} ${attempt} ${atMs}`;
}

function numbers({ counts, run }: RunState): string {
  const again = run.failureCount - run.failures.filter(({ willRetry }) => !willRetry).length;
  return again > 0 ? `${count(counts[FAILED]!)} for good, ${count(again)} retried` : count(counts[FAILED]!);
}

function whatNext({ willRetry, task }: ShownFailure, state: RunState): string {
  if (willRetry) {
    switch (state.run.statuses[task] === undefined ? '' : statusWord(state, task)) {
      case 'delayed':
        return 'will be retried';
      case 'running':
        return 'being retried now';
      case 'done':
        return 'done when retried';
      case 'failed':
        return 'retried, failed again';
      default:
        return state.isUnderWay ? 'will be retried' : 'not retried: the run has ended';
    }
  }
  const skipped = skippedBy(state, task);
  return skipped === 0 ? 'failed for good' : `failed for good,\n${counted(skipped, 'task')} skipped`;
}

function statusWord(state: RunState, task: number): string {
  return ['', '', 'running', 'delayed', 'done', 'done', 'failed', ''][state.status(task)] ?? '';
}

const skippedByTask = new WeakMap<RunState, Map<number, number>>();

/** How many tasks will not run because of this one: those behind it that are skipped. */
function skippedBy(state: RunState, task: number): number {
  const known = skippedByTask.get(state) ?? new Map<number, number>();
  skippedByTask.set(state, known);
  const before = known.get(task);
  if (before !== undefined) return before;
  const seen = new Set<number>();
  const left = [task];
  while (left.length > 0) {
    for (const one of state.structure.dependents(left.pop()!)) {
      if (seen.has(one) || state.status(one) !== SKIPPED) continue;
      seen.add(one);
      left.push(one);
    }
  }
  known.set(task, seen.size);
  return seen.size;
}

function emptyText(shown: Shown | undefined): string {
  if (shown === undefined) return 'No run yet.';
  if (shown.filter.group >= 0) return 'Nothing of this group has failed.';
  return shown.state.isUnderWay ? 'Nothing has failed so far.' : 'Nothing failed.';
}
