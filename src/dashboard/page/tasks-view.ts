import { make, setAttribute, setHidden, setText } from './dom.js';
import { count, counted, duration, runningFor, shownName } from './format.js';
import { markElement, STATUS_WORDS, setMark, statusOf } from './marks.js';
import { Rows } from './rows.js';
import { RUNNING } from './run-state.js';
import { type Actions, isFiltered, passes, type Shown } from './view.js';

const TASK_ROW = 28;
const ROWS_SEEN_MAX = 9.6;

interface Row extends HTMLDivElement {
  parts: { readonly mark: SVGSVGElement; readonly name: HTMLElement; readonly told: HTMLElement; task: number };
}

/** How far the keys go in the list. */
const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

/** All tasks, or those that are searched for: a field to write in, and a list to choose from with the arrow keys. */
export class TasksView {
  readonly #actions: Actions;
  readonly #field: HTMLInputElement;
  readonly #list: HTMLElement;
  readonly #number: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #rows: Rows<Row>;
  #shown: Shown | undefined;
  #found: readonly number[] = [];
  /** The task that the arrow keys have reached. */
  #active = -1;

  constructor(panel: HTMLElement, actions: Actions) {
    const part = <E extends HTMLElement>(name: string): E => panel.querySelector<E>(`[data-part="${name}"]`)!;
    this.#actions = actions;
    this.#field = part<HTMLInputElement>('field');
    this.#list = part('list');
    this.#number = part('number');
    this.#empty = part('empty');
    const makeRow = (): Row => {
      const mark = markElement('pending');
      const name = make('bdi', 'name');
      const told = make('span', 'quiet');
      const row = Object.assign(make('div', 'row task', mark, name, told), { parts: { mark, name, told, task: -1 } });
      row.setAttribute('role', 'option');
      row.addEventListener('click', () => {
        this.#active = row.parts.task;
        actions.select(row.parts.task);
      });
      return row;
    };
    this.#rows = new Rows(this.#list, TASK_ROW, makeRow, (row, index) => this.#fill(row, index));
    this.#field.addEventListener('input', () => {
      this.#active = -1;
      this.#list.scrollTop = 0;
      actions.changed();
    });
    this.#field.addEventListener('keydown', (event) => {
      if (this.#pressed(event.key)) event.preventDefault();
    });
  }

  focus(): void {
    this.#field.focus();
    this.#field.select();
  }

  draw(shown: Shown | undefined): void {
    this.#shown = shown;
    this.#found = shown === undefined ? [] : this.#search(shown);
    this.#rows.draw(this.#found.length);
    const all = shown?.state.size ?? 0;
    setText(this.#number, this.#found.length === all ? count(all) : `${count(this.#found.length)} of ${count(all)}`);
    setHidden(this.#empty, this.#found.length > 0);
    setHidden(this.#list, this.#found.length === 0);
    // As high as all tasks need, not those that are found: what stands below must not move with every letter.
    const height = `${Math.min(shown?.state.size ?? 0, ROWS_SEEN_MAX) * TASK_ROW}px`;
    if (this.#list.style.height !== height) this.#list.style.height = height;
    setText(this.#empty, emptyText(shown, this.#field.value.trim()));
    const place = this.#found.indexOf(this.#active);
    if (place >= 0) setAttribute(this.#field, 'aria-activedescendant', idOf(this.#active));
    else this.#field.removeAttribute('aria-activedescendant');
  }

  #fill(row: Row, index: number): void {
    const { state, selected, nowMs } = this.#shown!;
    const task = this.#found[index]!;
    const { parts } = row;
    parts.task = task;
    const code = state.status(task);
    const attempt = state.lastAttempt(task);
    setMark(parts.mark, statusOf(code));
    setText(parts.name, shownName(state.run.names[task] ?? ''));
    let told = STATUS_WORDS[statusOf(code)];
    if (attempt !== undefined && attempt[4] >= 0) told += ` · ${duration(attempt[4] - attempt[3])}`;
    else if (attempt !== undefined && code === RUNNING) told += ` · ${runningFor(state.elapsedMs(nowMs) - attempt[3])}`;
    setText(parts.told, told);
    setAttribute(row, 'id', idOf(task));
    setAttribute(row, 'aria-selected', String(task === selected));
    row.classList.toggle('active', task === this.#active);
  }

  /** Names that begin with what was written come first, then those that have it within. */
  #search({ state, filter }: Shown): number[] {
    const wanted = this.#field.value.trim().toLowerCase();
    const found: number[] = [];
    const within: number[] = [];
    const filtered = isFiltered(filter);
    const { searched } = state.structure;
    for (let task = 0; task < state.size; task++) {
      if (filtered && !passes(filter, state, task)) continue;
      const at = wanted === '' ? 0 : searched[task]!.indexOf(wanted);
      if (at === 0) found.push(task);
      else if (at > 0) within.push(task);
    }
    for (const task of within) found.push(task);
    return found;
  }

  #pressed(key: string): boolean {
    const step = STEPS[key];
    if (step !== undefined) return this.#activate(step);
    switch (key) {
      case 'Enter': {
        const place = this.#place();
        if (this.#found.length > 0) this.#actions.select(this.#found[Math.max(place, 0)]!);
        return true;
      }
      case 'Escape':
        if (this.#field.value === '') this.#actions.select(-1);
        this.#field.value = '';
        this.#active = -1;
        this.#actions.changed();
        return true;
      default:
        return false;
    }
  }

  #activate(step: number): boolean {
    const place = Math.max(this.#place() + step, 0);
    if (this.#found.length === 0) return true;
    const reached = Math.min(place, this.#found.length - 1);
    this.#active = this.#found[reached]!;
    this.#rows.reveal(reached);
    this.#actions.changed();
    return true;
  }

  /** Where the arrow keys are among what is found now: what was written counts, also if it has not been drawn yet. */
  #place(): number {
    if (this.#shown !== undefined) this.#found = this.#search(this.#shown);
    return this.#found.indexOf(this.#active);
  }
}

function idOf(task: number): string {
  return `task-${task}`;
}

function emptyText(shown: Shown | undefined, wanted: string): string {
  if (shown === undefined) return 'No run yet.';
  if (shown.state.size === 0) return 'The graph has no tasks.';
  if (wanted === '') return 'No task is like this now.';
  return `No task has “${shownName(wanted, 40)}” in its name${isFiltered(shown.filter) ? ' among those that are shown' : ''}. ${counted(shown.state.size, 'task')} in all.`;
}
