import { type ShownError, type ShownRun, STATUS_CODES } from '../messages.js';
import type { ConnectionState } from './connection.js';
import { byId, make, setAttribute, setClass, setHidden, setText } from './dom.js';
import { clock, count, counted, duration, percent, shownName, wholeSeconds } from './format.js';
import { Bar, describe } from './groups-view.js';
import { markElement, STATUS_HINTS, STATUS_WORDS, statusOf } from './marks.js';
import type { Model } from './model.js';
import { DELAYED, DONE, FAILED, KEPT, PENDING, READY, RUNNING, type RunState, SKIPPED } from './run-state.js';
import type { Actions, Shown } from './view.js';

const CONNECTION_WORDS: Readonly<Record<ConnectionState, string>> = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Reconnecting…',
  over: 'Over: the program no longer answers',
};

const COUNT_ORDER: readonly number[] = [DONE, KEPT, RUNNING, READY, DELAYED, PENDING, FAILED, SKIPPED];

/** The run at a glance: which it is, how far, for how long, and whether this is the truth. */
export class HeaderView {
  readonly #model: Model;
  readonly #name = byId('graph-name');
  readonly #picker = byId<HTMLSelectElement>('run-picker');
  readonly #status = byId('run-status');
  readonly #elapsed = byId('elapsed');
  readonly #left = byId('left');
  readonly #leftNote = byId('left-note');
  readonly #efficiency = byId('efficiency');
  readonly #efficiencyNote = byId('efficiency-note');
  readonly #part = byId('finished-part');
  readonly #partNote = byId('finished-note');
  readonly #began = byId('began');
  readonly #reason = byId('reason');
  readonly #reasonWord = byId('reason-word');
  readonly #reasonText = byId('reason-text');
  readonly #reasonStack = byId('reason-stack');
  readonly #connection = byId('connection');
  readonly #connectionText = byId('connection-text');
  readonly #bar = new Bar();
  readonly #counts: readonly {
    readonly button: HTMLButtonElement;
    readonly number: HTMLElement;
    readonly code: number;
  }[];
  readonly #announcer = byId('announcer');
  #pickerKey = '';
  #announced = '';
  #announcedAtMs = Number.NEGATIVE_INFINITY;

  constructor(model: Model, actions: Actions, choose: (runId: string | undefined) => void) {
    this.#model = model;
    byId('whole-bar').append(this.#bar.element);
    const counts = byId('counts');
    this.#counts = COUNT_ORDER.map((code) => {
      const status = statusOf(code);
      const number = make('span', 'number', '0');
      const button = make(
        'button',
        `count ${status}`,
        markElement(status),
        number,
        make('span', 'word', STATUS_WORDS[status]),
      );
      button.type = 'button';
      button.title = `${STATUS_HINTS[status][0]!.toUpperCase()}${STATUS_HINTS[status].slice(1)}. Click to list these tasks.`;
      button.addEventListener('click', () =>
        actions.filterStatuses(button.getAttribute('aria-pressed') === 'true' ? [] : [code]),
      );
      const item = make('li', '', button);
      counts.append(item);
      return { button, number, code };
    });
    this.#picker.addEventListener('change', () => choose(this.#picker.value === '' ? undefined : this.#picker.value));
  }

  draw(shown: Shown | undefined): void {
    this.#drawPicker(shown?.state.run.runId);
    this.#drawConnection();
    const state = shown?.state;
    setText(
      this.#name,
      state === undefined ? (this.#model.hasHeard ? 'No run yet' : 'taskmap') : shownName(state.run.graph),
    );
    setHidden(this.#status, state === undefined);
    for (const { button, number, code } of this.#counts) {
      const is = state?.counts[code] ?? 0;
      setText(number, count(is));
      button.classList.toggle('none', is === 0);
      setAttribute(button, 'aria-pressed', String(shown?.filter.statuses.has(code) ?? false));
    }
    this.#bar.draw(state?.counts ?? [], state?.size ?? 0);
    if (shown === undefined) {
      setHidden(this.#reason, true);
      for (const value of [this.#elapsed, this.#left, this.#efficiency, this.#part]) setText(value, '–');
      for (const note of [this.#began, this.#leftNote, this.#efficiencyNote, this.#partNote]) setText(note, '');
      document.title = 'taskmap';
      return;
    }
    this.#drawRun(shown);
  }

  #drawRun({ state, nowMs }: Shown): void {
    const { run, counts } = state;
    const [word, look] = statusWord(state);
    setText(this.#status, word);
    setClass(this.#status, `chip ${look}`);
    const elapsedMs = state.elapsedMs(nowMs);
    setText(this.#elapsed, state.isUnderWay ? wholeSeconds(elapsedMs) : duration(elapsedMs));
    setText(this.#began, `began at ${clock(run.startedAtMs)}`);
    const { wanted, finished } = state;
    // What it leaves as it is may be skipped all the same, because something failed that it needs.
    const part = wanted === 0 ? 1 : Math.min(finished / wanted, 1);
    setText(this.#part, percent(part));
    const leftOut = run.leftOutCount === 0 ? '' : `, ${count(run.leftOutCount)} left out`;
    setText(this.#partNote, `${count(Math.min(finished, wanted))} of ${counted(wanted, 'task')}${leftOut}`);
    this.#drawReason(word, run.reason);
    this.#drawLeft(state, nowMs);
    const efficiency = state.efficiency(nowMs);
    setText(this.#efficiency, efficiency === undefined ? '–' : percent(efficiency));
    setText(this.#efficiencyNote, `of ${counted(run.workers, 'slot')}`);
    const failed = counts[FAILED]! > 0 ? `${count(counts[FAILED]!)} failed · ` : '';
    document.title = `${state.isUnderWay ? percent(part) : word} · ${failed}${shownName(run.graph, 60)} – taskmap`;
    this.#announce(`${shownName(run.graph, 60)}: ${word}. ${describe(counts)}.`, nowMs);
  }

  /** What ended the run before its tasks had. */
  #drawReason(word: string, reason: ShownError | undefined): void {
    setHidden(this.#reason, reason === undefined);
    if (reason === undefined) return;
    setText(this.#reasonWord, `${word}:`);
    setText(this.#reasonText, shownName(`${reason.type}: ${reason.message}`, 400));
    setText(this.#reasonStack, reason.stack);
    setHidden(this.#reasonStack, reason.stack === '');
  }

  #drawLeft(state: RunState, nowMs: number): void {
    const { remainingMs } = state.run;
    if (!state.isUnderWay) {
      setText(this.#left, '0 s');
      setText(
        this.#leftNote,
        state.run.durationMs === undefined ? '' : `ended at ${clock(state.run.startedAtMs + state.run.durationMs)}`,
      );
    } else if (remainingMs === undefined) {
      setText(this.#left, '–');
      setText(this.#leftNote, 'no task has ended yet');
    } else {
      setText(this.#left, remainingMs < 1000 ? '< 1 s' : `≈ ${wholeSeconds(remainingMs)}`);
      setText(this.#leftNote, `until about ${clock(nowMs + remainingMs)}`);
    }
  }

  #drawConnection(): void {
    const { connection, isPaused } = this.#model;
    const paused = isPaused ? 'Page paused' : CONNECTION_WORDS[connection];
    setText(this.#connectionText, paused);
    setClass(this.#connection, `connection ${isPaused ? 'paused' : connection}`);
  }

  /** Of runs, the latest first. The list is made anew only when it is another one: one that is open must stay as it is. */
  #drawPicker(shownId: string | undefined): void {
    const runs = [...this.#model.runs].reverse();
    const { chosen } = this.#model;
    const key = JSON.stringify([chosen, shownId, runs.map(({ runId, status }) => [runId, status])]);
    if (key === this.#pickerKey) return;
    this.#pickerKey = key;
    // One run is no choice.
    setHidden(this.#picker.parentElement!, runs.length < 2);
    const options = runs.map((run) => option(run.runId, describeRun(run), run.runId === chosen));
    this.#picker.replaceChildren(option('', 'The latest', chosen === undefined), ...options);
  }

  /** To those who listen, at most every few seconds. */
  #announce(text: string, nowMs: number): void {
    const status = this.#model.connection === 'live' ? text : `${CONNECTION_WORDS[this.#model.connection]} ${text}`;
    if (status === this.#announced) return;
    const isUrgent = /failed/.test(status) !== /failed/.test(this.#announced) || !/running/.test(status);
    if (!isUrgent && nowMs - this.#announcedAtMs < 10_000) return;
    if (isUrgent && nowMs - this.#announcedAtMs < 2_000) return;
    this.#announced = status;
    this.#announcedAtMs = nowMs;
    setText(this.#announcer, status);
  }
}

function option(value: string, text: string, selected: boolean): HTMLOptionElement {
  const made = make('option', '', text);
  made.value = value;
  made.selected = selected;
  return made;
}

function describeRun(run: ShownRun): string {
  const failed = run.statuses.reduce((sum, code) => sum + (code === FAILED ? 1 : 0), 0);
  const word =
    run.status === 'finished' && failed > 0
      ? `${count(failed)} failed`
      : run.status === 'broken'
        ? 'broken off'
        : run.status;
  return `${clock(run.startedAtMs)} · ${shownName(run.graph, 40)} · ${word}`;
}

function statusWord({ run, counts }: RunState): [word: string, look: string] {
  const failed = counts[FAILED]!;
  switch (run.status) {
    case 'running':
      return failed > 0 ? [`Running, ${count(failed)} failed`, 'status-failed'] : ['Running', 'status-running'];
    case 'finished':
      return failed > 0 ? [`Finished, ${count(failed)} failed`, 'status-failed'] : ['Finished', 'status-done'];
    case 'stopped':
      return ['Stopped by a failure', 'status-failed'];
    case 'aborted':
      return ['Aborted', 'status-interrupted'];
    case 'broken':
      return ['Broken off', 'status-failed'];
    default:
      run.status satisfies never;
      return ['', ''];
  }
}

/** Whether there is something of a run that could be reset and run again. */
export function canRerun({ run, counts }: RunState): boolean {
  return (
    run.status !== 'running' && STATUS_CODES.some((_, code) => code !== DONE && code !== KEPT && counts[code]! > 0)
  );
}
