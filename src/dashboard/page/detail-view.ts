import { make, setChildren, setHidden, setText } from './dom.js';
import { count, counted, duration, percent, runningFor, shownName, threadName } from './format.js';
import { attemptStatusOf, markElement, STATUS_HINTS, STATUS_WORDS, setMark, statusOf } from './marks.js';
import { DELAYED, FAILED, hasResult, PENDING, READY, RUNNING, type RunState, SKIPPED } from './run-state.js';
import type { Actions, Shown } from './view.js';

const LISTED_MAX = 6;
/** A task may have been tried many times: the last ones tell most. */
const ATTEMPTS_SHOWN_MAX = 8;

/** All about one task: how it is, why, what it waits for, who waits for it. */
export class DetailView {
  readonly #actions: Actions;
  readonly #panel: HTMLElement;
  readonly #mark: SVGSVGElement;
  readonly #name: HTMLElement;
  readonly #status: HTMLElement;
  readonly #facts: HTMLElement;
  readonly #attempts: HTMLElement;
  readonly #error: HTMLElement;
  readonly #type: HTMLElement;
  readonly #message: HTMLElement;
  readonly #stack: HTMLElement;
  readonly #waits: TaskList;
  readonly #held: TaskList;
  readonly #needs: TaskList;
  readonly #needed: TaskList;
  /** Which task and which attempts have been drawn: only what has changed is made anew. */
  #drawnAttempts = '';

  constructor(panel: HTMLElement, actions: Actions) {
    const part = <E extends HTMLElement>(name: string): E => panel.querySelector<E>(`[data-part="${name}"]`)!;
    this.#actions = actions;
    this.#panel = panel;
    this.#mark = markElement('pending');
    part('mark').append(this.#mark);
    this.#name = part('name');
    this.#status = part('status');
    this.#facts = part('facts');
    this.#attempts = part('attempts');
    this.#error = part('error');
    this.#type = part('type');
    this.#message = part('message');
    this.#stack = part('stack');
    const lists = part('lists');
    const list = (): TaskList => new TaskList(lists, (task) => this.#actions.select(task));
    this.#waits = list();
    this.#held = list();
    this.#needs = list();
    this.#needed = list();
    part<HTMLButtonElement>('close').addEventListener('click', () => actions.select(-1));
  }

  draw(shown: Shown | undefined): void {
    setHidden(this.#panel, shown === undefined || shown.selected < 0);
    if (shown === undefined || shown.selected < 0) return;
    const { state, selected: task } = shown;
    const code = state.status(task);
    const status = statusOf(code);
    const { structure } = state;
    setMark(this.#mark, status);
    setText(this.#name, shownName(state.run.names[task] ?? '', 2_000));
    setText(this.#status, `${STATUS_WORDS[status]}: ${this.#reason(shown)}`);
    const group = shownName(state.run.groupNames[state.run.groups[task]!] ?? '');
    const meta = structure.meta(task);
    const facts = [`Group ${group}`, structure.isIoBound(task) ? 'io-bound' : 'cpu-bound'];
    setText(this.#facts, [...facts, ...(meta === undefined ? [] : [meta])].join(' · '));
    this.#drawAttempts(shown);
    this.#drawError(shown);
    const dependencies = [...new Set(structure.dependencies(task))];
    const waits = state.waitsFor(task);
    const isOver = code === FAILED || hasResult(code);
    const held =
      isOver || code === RUNNING || waits.length === 0
        ? []
        : state.heldUpBy(task, 200).filter((one) => !waits.includes(one));
    this.#waits.draw(
      `${code === SKIPPED ? 'Needs, without a result' : 'Waits for'} (${count(waits.length)} of ${count(dependencies.length)})`,
      isOver ? [] : waits,
      state,
    );
    this.#held.draw(
      `${code === SKIPPED ? 'Because these failed' : 'Which is held up by'} (${count(held.length)})`,
      held,
      state,
    );
    const withResult = isOver ? dependencies : dependencies.filter((one) => !waits.includes(one));
    this.#needs.draw(
      isOver ? `Needed (${count(withResult.length)})` : `Needs, with a result (${count(withResult.length)})`,
      withResult,
      state,
    );
    const dependents = state.byInterest([...new Set(structure.dependents(task))]);
    const waiting = dependents.filter((one) => !hasResult(state.status(one))).length;
    this.#needed.draw(
      `Needed by (${count(dependents.length)}${waiting > 0 && waiting < dependents.length ? `, ${count(waiting)} without a result` : ''})`,
      dependents,
      state,
    );
  }

  #reason({ state, selected: task, nowMs }: Shown): string {
    const code = state.status(task);
    const attempt = state.lastAttempt(task);
    switch (code) {
      case RUNNING: {
        const said = state.progressOf(task);
        const progress =
          said === undefined
            ? ''
            : `, ${percent(said.fraction)}${said.note === '' ? '' : ` (${shownName(said.note, 100)})`}`;
        return attempt === undefined
          ? STATUS_HINTS.running
          : `for ${runningFor(state.elapsedMs(nowMs) - attempt[3])} on ${threadName(attempt[2])}${progress}`;
      }
      case SKIPPED: {
        const failed = state.heldUpBy(task, 50).find((one) => state.status(one) === FAILED);
        return failed === undefined ? STATUS_HINTS.skipped : `because ${quoted(state, failed)} failed`;
      }
      case PENDING: {
        const waits = state.waitsFor(task).length;
        if (!state.isUnderWay)
          return waits === 0 ? 'the run ended before it could run' : 'the run ended before what it needs was done';
        return waits === 0 ? 'it has not been its turn' : `for ${counted(waits, 'task')} that it depends on`;
      }
      case READY:
        return state.isUnderWay ? STATUS_HINTS.ready : 'the run ended before there was room for it';
      case DELAYED: {
        const failure = state.failureOf(task);
        return failure === undefined
          ? STATUS_HINTS.delayed
          : `attempt ${failure.attempt} failed, another one follows after a pause`;
      }
      default:
        return STATUS_HINTS[statusOf(code)];
    }
  }

  #drawAttempts({ state, selected: task, nowMs }: Shown): void {
    const attempts = state.attemptsOf(task).slice(-ATTEMPTS_SHOWN_MAX);
    setHidden(this.#attempts.closest('table')!, attempts.length === 0);
    const key = JSON.stringify([state.run.runId, task, attempts]);
    if (key !== this.#drawnAttempts) {
      this.#drawnAttempts = key;
      this.#attempts.replaceChildren(
        ...attempts.map(([, attempt, thread, startMs, , code]) => {
          const status = attemptStatusOf(code);
          const number = make('th', 'centred', String(attempt));
          number.scope = 'row';
          const mark = make('td', 'marked', markElement(status), STATUS_WORDS[status]);
          return make(
            'tr',
            '',
            number,
            mark,
            make('td', 'quiet', threadName(thread)),
            make('td', 'quiet', `at ${duration(startMs)}`),
            make('td', 'time'),
          );
        }),
      );
    }
    for (const [index, [, , , startMs, endMs]] of attempts.entries()) {
      const took = endMs < 0 ? runningFor(state.elapsedMs(nowMs) - startMs) : duration(endMs - startMs);
      setText(this.#attempts.children[index]!.lastElementChild!, took);
    }
  }

  #drawError({ state, selected: task }: Shown): void {
    const failure = hasResult(state.status(task)) ? undefined : state.failureOf(task);
    setHidden(this.#error, failure === undefined);
    if (failure === undefined) return;
    setText(this.#type, `${shownName(failure.type)}, attempt ${failure.attempt}`);
    setText(this.#message, failure.message === '' ? '(no message)' : failure.message);
    setText(this.#stack, failure.stack || 'The error has no stack.');
  }
}

function quoted({ run }: RunState, task: number): string {
  return `“${shownName(run.names[task] ?? '', 60)}”`;
}

interface Item {
  readonly element: HTMLLIElement;
  readonly mark: SVGSVGElement;
  readonly name: HTMLButtonElement;
  readonly status: HTMLElement;
  task: number;
}

/** A titled list of tasks, each a button that selects it. */
class TaskList {
  readonly #part: HTMLElement;
  readonly #title: HTMLElement;
  readonly #list: HTMLElement;
  readonly #more: HTMLButtonElement;
  readonly #select: (task: number) => void;
  readonly #items: Item[] = [];
  #listedMax = LISTED_MAX;
  #drawn: { readonly tasks: readonly number[]; readonly state: RunState } | undefined;

  constructor(parent: HTMLElement, select: (task: number) => void) {
    this.#title = make('h3');
    this.#list = make('ul', 'tasks');
    this.#more = make('button', 'link more');
    this.#more.type = 'button';
    this.#part = make('div', 'list', this.#title, this.#list, this.#more);
    parent.append(this.#part);
    this.#select = select;
    this.#more.addEventListener('click', () => {
      this.#listedMax += 100;
      if (this.#drawn !== undefined) this.draw(this.#title.textContent ?? '', this.#drawn.tasks, this.#drawn.state);
    });
  }

  draw(title: string, tasks: readonly number[], state: RunState): void {
    if (this.#title.textContent !== title && this.#drawn?.tasks.length !== tasks.length) this.#listedMax = LISTED_MAX;
    this.#drawn = { tasks, state };
    setHidden(this.#part, tasks.length === 0);
    setText(this.#title, title);
    const listed = tasks.slice(0, this.#listedMax);
    while (this.#items.length < listed.length) this.#items.push(this.#makeItem());
    setChildren(
      this.#list,
      listed.map((_, index) => this.#items[index]!.element),
    );
    for (const [index, task] of listed.entries()) {
      const item = this.#items[index]!;
      const status = statusOf(state.status(task));
      item.task = task;
      setMark(item.mark, status);
      setText(item.name, shownName(state.run.names[task] ?? ''));
      setText(item.status, STATUS_WORDS[status]);
    }
    setHidden(this.#more, tasks.length <= listed.length);
    setText(this.#more, `and ${count(tasks.length - listed.length)} more`);
  }

  #makeItem(): Item {
    const mark = markElement('pending');
    const name = make('button', 'link');
    name.type = 'button';
    const status = make('span', 'quiet');
    const item: Item = {
      element: make('li', '', mark, make('bdi', 'name', name), status),
      mark,
      name,
      status,
      task: -1,
    };
    name.addEventListener('click', () => this.#select(item.task));
    return item;
  }
}
