import { make, setChildren, setHidden, setText } from './dom.js';
import { count, counted, percent, runningFor, shownName, threadName } from './format.js';
import { markElement } from './marks.js';
import { type Actions, passes, type Shown } from './view.js';

/** So many are listed; the rest is a number. */
const LISTED_MAX = 40;

interface RunningRow {
  readonly element: HTMLTableRowElement;
  readonly name: HTMLButtonElement;
  readonly thread: HTMLElement;
  readonly time: HTMLElement;
  readonly note: HTMLElement;
  readonly fill: HTMLElement;
  readonly track: HTMLElement;
  task: number;
}

interface DelayedRow {
  readonly element: HTMLLIElement;
  readonly name: HTMLButtonElement;
  readonly why: HTMLElement;
  task: number;
}

/** What runs now, and for how long; what will be tried again. */
export class RunningView {
  readonly #actions: Actions;
  readonly #body: HTMLElement;
  readonly #table: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #number: HTMLElement;
  readonly #more: HTMLElement;
  readonly #delayedPart: HTMLElement;
  readonly #delayedTitle: HTMLElement;
  readonly #delayed: HTMLElement;
  readonly #rows: RunningRow[] = [];
  readonly #delayedRows: DelayedRow[] = [];

  constructor(panel: HTMLElement, actions: Actions) {
    const part = <E extends HTMLElement>(name: string): E => panel.querySelector<E>(`[data-part="${name}"]`)!;
    this.#actions = actions;
    this.#table = part('table');
    this.#body = part('body');
    this.#empty = part('empty');
    this.#number = part('number');
    this.#more = part('more');
    this.#delayedPart = part('delayed-part');
    this.#delayedTitle = part('delayed-title');
    this.#delayed = part('delayed');
  }

  draw(shown: Shown | undefined): void {
    const state = shown?.state;
    const isTold = (task: number): boolean =>
      shown !== undefined && passes({ ...shown.filter, statuses: new Set() }, shown.state, task);
    const running = state?.running.filter(isTold) ?? [];
    const listed = running.slice(0, LISTED_MAX);
    setText(this.#number, count(running.length));
    setHidden(this.#table, listed.length === 0);
    setHidden(this.#empty, listed.length > 0);
    setText(this.#empty, emptyText(shown));
    while (this.#rows.length < listed.length) this.#rows.push(this.#makeRow());
    setChildren(
      this.#body,
      listed.map((_, index) => this.#rows[index]!.element),
    );
    for (const [index, task] of listed.entries()) this.#fill(this.#rows[index]!, shown!, task);
    setHidden(this.#more, running.length <= LISTED_MAX);
    setText(this.#more, `and ${counted(running.length - LISTED_MAX, 'more task')}`);
    this.#drawDelayed(shown, state?.delayed.filter(isTold) ?? []);
  }

  #fill(row: RunningRow, { state, nowMs, selected }: Shown, task: number): void {
    row.task = task;
    const attempt = state.lastAttempt(task);
    const progress = state.progressOf(task);
    setText(row.name, shownName(state.run.names[task] ?? ''));
    setText(row.thread, attempt === undefined ? '' : threadName(attempt[2]));
    setText(row.time, attempt === undefined ? '' : runningFor(state.elapsedMs(nowMs) - attempt[3]));
    row.element.classList.toggle('selected', task === selected);
    const again = attempt !== undefined && attempt[1] > 1 ? `attempt ${attempt[1]}` : '';
    const said =
      progress === undefined
        ? ''
        : [percent(progress.fraction), shownName(progress.note, 80)]
            .filter((one) => one !== '' && one !== '""')
            .join(' ');
    setText(row.note, [again, said].filter((one) => one !== '').join(' · '));
    setHidden(row.track, progress === undefined);
    if (progress !== undefined) row.fill.style.width = `${Math.min(Math.max(progress.fraction, 0), 1) * 100}%`;
  }

  #drawDelayed(shown: Shown | undefined, delayed: readonly number[]): void {
    setHidden(this.#delayedPart, delayed.length === 0);
    setText(this.#delayedTitle, `Delayed, will be tried again (${count(delayed.length)})`);
    const listed = delayed.slice(0, LISTED_MAX);
    while (this.#delayedRows.length < listed.length) this.#delayedRows.push(this.#makeDelayed());
    setChildren(
      this.#delayed,
      listed.map((_, index) => this.#delayedRows[index]!.element),
    );
    for (const [index, task] of listed.entries()) {
      const row = this.#delayedRows[index]!;
      row.task = task;
      const failure = shown!.state.failureOf(task);
      setText(row.name, shownName(shown!.state.run.names[task] ?? ''));
      setText(
        row.why,
        failure === undefined
          ? ''
          : `attempt ${failure.attempt}: ${shownName(failure.type)}: ${shownName(failure.message)}`,
      );
    }
  }

  #makeRow(): RunningRow {
    const name = make('button', 'link');
    name.type = 'button';
    const thread = make('td', 'quiet');
    const time = make('td', 'time');
    const note = make('span', 'note');
    const fill = make('span', 'fill');
    const track = make('span', 'track', fill);
    const title = make('th', 'what', markElement('running'), make('bdi', 'name', name), track, note);
    title.scope = 'row';
    const row: RunningRow = {
      element: make('tr', '', title, thread, time),
      name,
      thread,
      time,
      note,
      fill,
      track,
      task: -1,
    };
    name.addEventListener('click', () => this.#actions.select(row.task));
    return row;
  }

  #makeDelayed(): DelayedRow {
    const name = make('button', 'link');
    name.type = 'button';
    const why = make('span', 'note');
    const row: DelayedRow = {
      element: make('li', '', markElement('delayed'), make('bdi', 'name', name), why),
      name,
      why,
      task: -1,
    };
    name.addEventListener('click', () => this.#actions.select(row.task));
    return row;
  }
}

function emptyText(shown: Shown | undefined): string {
  if (shown === undefined) return 'No run yet.';
  if (!shown.state.isUnderWay) return 'Nothing: the run has ended.';
  return shown.filter.group >= 0 ? 'Nothing of this group.' : 'Nothing at this moment.';
}
