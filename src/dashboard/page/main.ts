import { forgetColours } from './colours.js';
import { Connection } from './connection.js';
import { ControlView } from './control-view.js';
import { DetailView } from './detail-view.js';
import { byId, setAttribute, setHidden, setText } from './dom.js';
import { FailuresView } from './failures-view.js';
import { count, shownName } from './format.js';
import { type GraphMode, GraphView, TASKS_MAX } from './graph-view.js';
import { GroupsView } from './groups-view.js';
import { HeaderView } from './header-view.js';
import { STATUS_WORDS, statusOf } from './marks.js';
import { Model } from './model.js';
import { RunningView } from './running-view.js';
import { StreamView } from './stream-view.js';
import { TasksView } from './tasks-view.js';
import { type Actions, type Filter, isFiltered, NO_FILTER, type Shown } from './view.js';

/** What the page tells of itself, to be measured and tested. Times are in milliseconds. */
export interface DashboardCounters {
  /** From when the page was asked for until a run was drawn; `undefined` before. */
  readonly firstPaintMs: number | undefined;
  /** How long it took to draw everything: the last time, and at most. */
  readonly redrawMs: number;
  readonly redrawMaxMs: number;
  readonly redraws: number;
  /** Snapshots and changes that have come, and those of them that have been applied: a page that is paused holds them back. */
  readonly heard: number;
  readonly messages: number;
  /** How long the last message took from the server's clock until it was drawn, and the slowest. */
  readonly lagMs: number;
  readonly lagMaxMs: number;
  readonly connection: string;
  readonly runId: string | undefined;
  readonly isPaused: boolean;
}

declare global {
  interface Window {
    taskmapDashboard: DashboardCounters;
  }
}

/** A run that is under way is drawn so often even if nothing is heard: time goes on. */
const TICK_MS = 100;

/** Everything on the page, and when it is drawn: once for all that has changed since, and never while nobody can see it. */
class DashboardPage implements Actions {
  readonly #model = new Model();
  readonly #connection: Connection;
  readonly #header: HeaderView;
  readonly #control: ControlView;
  readonly #stream: StreamView;
  readonly #graph: GraphView;
  readonly #groups: GroupsView;
  readonly #running: RunningView;
  readonly #failures: FailuresView;
  readonly #tasks: TasksView;
  readonly #detail: DetailView;
  readonly #pause = byId<HTMLButtonElement>('pause');
  readonly #follow = byId<HTMLButtonElement>('stream-follow');
  readonly #filterPart = byId('filter');
  readonly #filterText = byId('filter-text');
  readonly #graphNote = byId('graph-note');
  readonly #modes: readonly { readonly mode: GraphMode; readonly button: HTMLButtonElement }[];
  /** By name, so that the same task is selected in another run of the same graph. */
  #selected: string | undefined;
  #filter: Filter = NO_FILTER;
  #filteredRun = '';
  #isDue = false;
  #heardAtMs: number | undefined;
  #tick: ReturnType<typeof setTimeout> | undefined;
  #counters = {
    firstPaintMs: undefined as number | undefined,
    redrawMs: 0,
    redrawMaxMs: 0,
    redraws: 0,
    lagMs: 0,
    lagMaxMs: 0,
  };

  readonly select = (task: number): void => {
    this.#selected = this.#shown()?.state.run.names[task];
    const shown = this.#shown();
    if (shown !== undefined) this.#graph.selected(shown);
    this.changed();
  };

  readonly filterGroup = (group: number): void => {
    this.#filter = { ...this.#filter, group };
    this.changed();
  };

  readonly filterStatuses = (statuses: readonly number[]): void => {
    this.#filter = { ...this.#filter, statuses: new Set(statuses) };
    this.changed();
  };

  readonly changed = (): void => {
    if (this.#isDue || document.hidden) return;
    this.#isDue = true;
    requestAnimationFrame(() => this.#draw());
  };

  constructor() {
    const tip = byId('tip');
    this.#header = new HeaderView(this.#model, this, (runId) => {
      this.#model.choose(runId);
      this.changed();
    });
    this.#control = new ControlView(this.#model, this.changed);
    this.#stream = new StreamView(byId<HTMLCanvasElement>('stream'), tip, this);
    this.#graph = new GraphView(byId<HTMLCanvasElement>('graph'), tip, this);
    this.#groups = new GroupsView(byId('groups'), this);
    this.#running = new RunningView(byId('running-panel'), this);
    this.#failures = new FailuresView(byId('failures-panel'), this);
    this.#tasks = new TasksView(byId('tasks-panel'), this);
    this.#detail = new DetailView(byId('detail-panel'), this);
    this.#modes = (['tasks', 'groups', 'near'] as const).map((mode) => {
      const button = byId<HTMLButtonElement>(`graph-${mode}`);
      button.addEventListener('click', () => this.#graph.pick(mode));
      return { mode, button };
    });
    this.#listen();
    this.#connection = new Connection({
      snapshot: (snapshot) => {
        this.#model.snapshot(snapshot);
        this.changed();
      },
      changes: (changes) => {
        this.#model.changes(changes);
        this.#heardAtMs ??= performance.now();
        this.changed();
      },
      state: (state) => {
        this.#model.connection = state;
        this.changed();
      },
    });
    this.#connection.open();
    this.changed();
  }

  get counters(): DashboardCounters {
    const { connection, isPaused, heard, applied, shown } = this.#model;
    return { ...this.#counters, heard, messages: applied, connection, runId: shown?.run.runId, isPaused };
  }

  #listen(): void {
    this.#pause.addEventListener('click', () => this.#togglePause());
    byId('filter-clear').addEventListener('click', () => {
      this.#filter = NO_FILTER;
      this.changed();
    });
    this.#follow.addEventListener('click', () => this.#stream.follow());
    for (const [name, view] of [
      ['stream', this.#stream],
      ['graph', this.#graph],
    ] as const) {
      byId(`${name}-in`).addEventListener('click', () => view.zoomBy(1.4));
      byId(`${name}-out`).addEventListener('click', () => view.zoomBy(1 / 1.4));
      byId(`${name}-fit`).addEventListener('click', () => view.fit());
    }
    document.addEventListener('visibilitychange', () => this.changed());
    for (const query of ['(prefers-color-scheme: dark)', 'print']) {
      matchMedia(query).addEventListener('change', () => {
        forgetColours();
        this.changed();
      });
    }
    document.addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
      if (
        ctrlKey ||
        metaKey ||
        altKey ||
        (target instanceof Element && target.matches('input, select, textarea, dialog *'))
      )
        return;
      if (key === 'p') this.#togglePause();
      else if (key === 'Escape') this.select(-1);
    });
    // A slash would be written into the field it leads to.
    document.addEventListener('keydown', (event) => {
      if (
        event.key !== '/' ||
        (event.target instanceof Element && event.target.matches('input, select, textarea, dialog *'))
      )
        return;
      event.preventDefault();
      this.#tasks.focus();
    });
  }

  #togglePause(): void {
    if (!this.#model.isPaused) this.#model.pause();
    // It was paused for so long that not all was kept.
    else if (!this.#model.resume()) this.#connection.open();
    this.changed();
  }

  #shown(): Shown | undefined {
    const state = this.#model.shown;
    if (state === undefined) return undefined;
    if (this.#filteredRun !== state.run.runId) {
      this.#filteredRun = state.run.runId;
      // Groups are told by their place, which is another one in another graph.
      this.#filter = NO_FILTER;
    }
    const selected = this.#selected === undefined ? -1 : state.run.names.indexOf(this.#selected);
    return { state, nowMs: this.#model.nowMs, selected, filter: this.#filter };
  }

  #draw(): void {
    this.#isDue = false;
    if (document.hidden) return;
    const beganAtMs = performance.now();
    const shown = this.#shown();
    this.#header.draw(shown);
    this.#control.draw(shown);
    this.#drawControls(shown);
    this.#stream.draw(shown);
    this.#failures.draw(shown);
    this.#groups.draw(shown);
    this.#running.draw(shown);
    this.#tasks.draw(shown);
    this.#detail.draw(shown);
    this.#graph.draw(shown);
    this.#measure(beganAtMs, shown);
    this.#tickOn(shown);
  }

  #drawControls(shown: Shown | undefined): void {
    const { isPaused } = this.#model;
    setAttribute(this.#pause, 'aria-pressed', String(isPaused));
    setText(this.#pause, isPaused ? 'Resume page' : 'Pause page');
    document.body.classList.toggle('paused', isPaused);
    setHidden(this.#follow, this.#stream.isFollowing);
    setHidden(this.#filterPart, shown === undefined || !isFiltered(shown.filter));
    if (shown === undefined) return;
    const { filter, state } = shown;
    const words = [
      ...(filter.group >= 0 ? [`group ${shownName(state.run.groupNames[filter.group] ?? '', 60)}`] : []),
      ...Array.from(filter.statuses, (code) => STATUS_WORDS[statusOf(code)]),
    ];
    setText(this.#filterText, `Only ${words.join(', ')}`);
    const mode = this.#graph.modeFor(shown);
    for (const { mode: one, button } of this.#modes) {
      setAttribute(button, 'aria-pressed', String(one === mode));
      button.disabled = (one === 'tasks' && state.size > TASKS_MAX) || (one === 'near' && shown.selected < 0);
      button.title =
        one === 'tasks' && state.size > TASKS_MAX
          ? `Graphs of more than ${TASKS_MAX} tasks are drawn by their groups`
          : '';
    }
    setHidden(this.#graphNote, mode !== 'near' || this.#graph.leftOut === 0);
    setText(this.#graphNote, `and ${count(this.#graph.leftOut)} more neighbours`);
  }

  #measure(beganAtMs: number, shown: Shown | undefined): void {
    const counters = this.#counters;
    counters.redrawMs = performance.now() - beganAtMs;
    counters.redrawMaxMs = Math.max(counters.redrawMaxMs, counters.redrawMs);
    counters.redraws++;
    if (shown !== undefined) counters.firstPaintMs ??= performance.now();
    if (this.#heardAtMs === undefined) return;
    counters.lagMs = this.#model.lagMs + performance.now() - this.#heardAtMs;
    counters.lagMaxMs = Math.max(counters.lagMaxMs, counters.lagMs);
    this.#heardAtMs = undefined;
  }

  #tickOn(shown: Shown | undefined): void {
    clearTimeout(this.#tick);
    const goesOn = shown?.state.isUnderWay === true && !this.#model.isPaused && this.#model.connection === 'live';
    if (goesOn) this.#tick = setTimeout(this.changed, TICK_MS);
  }
}

const page = new DashboardPage();
Object.defineProperty(window, 'taskmapDashboard', { get: () => page.counters });
