import { STATUS_CODES } from '../messages.js';
import { byId, make, setAttribute, setClass, setHidden, setText } from './dom.js';
import { count, shownName } from './format.js';
import { BAR_ORDER, groupStatus } from './graph-view.js';
import { markElement, STATUS_WORDS, setMark, statusOf } from './marks.js';
import { Rows } from './rows.js';
import { DONE, FAILED, KEPT } from './run-state.js';
import type { Actions, Shown } from './view.js';

const GROUP_ROW = 38;

interface Row extends HTMLDivElement {
  parts: {
    readonly button: HTMLButtonElement;
    readonly mark: SVGSVGElement;
    readonly name: HTMLElement;
    readonly number: HTMLElement;
    readonly bar: Bar;
    group: number;
  };
}

/** How far each group of tasks is, in topological order. */
export class GroupsView {
  readonly #rows: Rows<Row>;
  readonly #empty = byId('groups-empty');
  #shown: Shown | undefined;

  constructor(frame: HTMLElement, actions: Actions) {
    const makeRow = (): Row => {
      const mark = markElement('pending');
      const name = make('bdi', 'name');
      const number = make('span', 'number');
      const bar = new Bar();
      const button = make('button', 'group', mark, name, number, bar.element);
      const row = Object.assign(make('div', 'row', button), { parts: { button, mark, name, number, bar, group: -1 } });
      row.setAttribute('role', 'listitem');
      button.type = 'button';
      button.addEventListener('click', () =>
        actions.filterGroup(this.#shown?.filter.group === row.parts.group ? -1 : row.parts.group),
      );
      return row;
    };
    this.#rows = new Rows(frame, GROUP_ROW, makeRow, (row, index) => this.#fill(row, index));
  }

  draw(shown: Shown | undefined): void {
    this.#shown = shown;
    const groupCount = shown?.state.structure.groupCount ?? 0;
    this.#rows.draw(groupCount);
    setHidden(this.#empty, groupCount > 0);
    setText(this.#empty, shown === undefined ? 'No run yet.' : 'The graph has no tasks.');
  }

  #fill({ parts }: Row, group: number): void {
    const { state, filter } = this.#shown!;
    const counts = state.groupCounts.subarray(group * STATUS_CODES.length, (group + 1) * STATUS_CODES.length);
    const size = state.structure.tasksOfGroup(group).length;
    parts.group = group;
    setMark(parts.mark, groupStatus(counts, size));
    setText(parts.name, shownName(state.run.groupNames[group] ?? ''));
    const failed = counts[FAILED]!;
    setText(
      parts.number,
      `${failed > 0 ? `${count(failed)} failed, ` : ''}${count(counts[DONE]! + counts[KEPT]!)} of ${count(size)}`,
    );
    parts.bar.draw(counts, size);
    setAttribute(parts.button, 'aria-pressed', String(filter.group === group));
    const said = describe(counts);
    setAttribute(parts.button, 'title', `${shownName(state.run.groupNames[group] ?? '')}: ${said}`);
    setAttribute(parts.button, 'aria-label', `Group ${shownName(state.run.groupNames[group] ?? '')}: ${said}`);
    setClass(parts.button, filter.group >= 0 && filter.group !== group ? 'group dim' : 'group');
  }
}

/** What there is, in words: `3 done, 1 failed`. */
export function describe(counts: ArrayLike<number>): string {
  const said: string[] = [];
  for (const [code, status] of STATUS_CODES.entries())
    if (counts[code]! > 0) said.push(`${count(counts[code]!)} ${STATUS_WORDS[status]}`);
  return said.join(', ');
}

/** A bar of what is done, kept, running, and so on; what waits is its ground. */
export class Bar {
  readonly element: HTMLDivElement = make('div', 'bar');
  readonly #parts: HTMLElement[];

  constructor() {
    this.element.setAttribute('aria-hidden', 'true');
    this.#parts = BAR_ORDER.map((code) => make('span', `part ${statusOf(code)}`));
    this.element.append(...this.#parts);
  }

  draw(counts: ArrayLike<number>, size: number): void {
    for (const [index, code] of BAR_ORDER.entries()) {
      const width = size === 0 ? '0' : `${(counts[code]! / size) * 100}%`;
      const part = this.#parts[index]!;
      if (part.style.width !== width) part.style.width = width;
      // One of many thousands can still be seen.
      setClass(part, counts[code]! > 0 ? `part ${statusOf(code)}` : `part ${statusOf(code)} none`);
    }
  }
}
