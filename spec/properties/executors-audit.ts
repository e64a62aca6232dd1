import { isDeepStrictEqual } from 'node:util';
import type { Executor, TaskGraph } from 'taskmap-ts';
import { EVENT_BITS } from '../../src/executors/emitter.js';
import type { FakeClock } from '../support/fake-clock.js';
import type { RandomGraph, RandomTask } from '../support/random-graph.js';

type EventName = keyof typeof EVENT_BITS;
type State = 'waiting' | 'ready' | 'running' | 'delayed' | 'done' | 'failed' | 'skipped' | 'interrupted';
type EventRecord = { readonly [field: string]: any };

const EVENTS = Object.keys(EVENT_BITS) as EventName[];

/** What an executor promises about its slots. */
export interface SlotLimits {
  readonly total: number;
  readonly cpu: number;
}

/**
 * Listens to the runs of one graph, and holds every event against what may happen then.
 *
 * ```
 *   waiting ─► ready ─► running ─► done | failed | interrupted
 *      │                 │   ▲
 *      ▼                 ▼   │ not before its time
 *   skipped            delayed
 * ```
 */
export class Audit {
  /** Called with the number of each event, counted from 1 over the whole run, for those who want something to happen just then. */
  onEvent: (count: number) => void = () => {};
  readonly #graph: TaskGraph;
  readonly #drawn: RandomGraph;
  readonly #clock: FakeClock;
  readonly #limits: SlotLimits;
  readonly #idByName: ReadonlyMap<string, number>;
  readonly #places: readonly number[];
  #states: State[] = [];
  #pendingAtStart: boolean[] = [];
  #attempts: number[] = [];
  #dueAtMs: number[] = [];
  #failedFirst: number[] = [];
  #runId: string | undefined;
  #count = 0;
  #lastAtMs = 0;
  #brokenRule: unknown;

  constructor(graph: TaskGraph, drawn: RandomGraph, clock: FakeClock, limits: SlotLimits) {
    this.#graph = graph;
    this.#drawn = drawn;
    this.#clock = clock;
    this.#limits = limits;
    this.#idByName = new Map(drawn.tasks.map(({ name, id }) => [name, id]));
    this.#places = placesOf(graph, drawn);
  }

  /** Whether a run has begun and not finished. */
  get running(): boolean {
    return this.#runId !== undefined;
  }

  listenTo(executor: Executor): void {
    for (const event of EVENTS) {
      executor.on(event, (record: EventRecord) => {
        if (record['graph'] !== undefined && record['graph'] !== this.#graph.name) return;
        if (event !== 'run:started' && record['runId'] !== this.#runId) return;
        // What a listener throws changes nothing, so it is kept for later.
        try {
          this.#hear(event, record);
        } catch (error) {
          this.#brokenRule ??= error;
        }
        if (event !== 'run:finished') this.onEvent(++this.#count);
      });
    }
  }

  /** Notes that a rule was broken, from where to throw would change the run. */
  report(text: string): void {
    this.#brokenRule ??= brokenRule(text);
  }

  /** Throws the first rule that was broken. */
  check(): void {
    if (this.#brokenRule !== undefined) throw this.#brokenRule;
  }

  /** A ready task waits only while the slots that it needs are taken. To be asked when nothing can happen unless time passes. */
  checkBusy(): void {
    const { total, cpu } = this.#taken();
    const couldStart = ({ id, ioBound }: RandomTask) =>
      this.#states[id] === 'ready' && total < this.#limits.total && (ioBound || cpu < this.#limits.cpu);
    holds(!this.#drawn.tasks.some(couldStart), 'a ready task waits only while slots are taken');
  }

  #hear(event: EventName, record: EventRecord): void {
    holds(record['atMs'] >= this.#lastAtMs, 'time never goes back');
    this.#lastAtMs = record['atMs'];
    if (event === 'run:started') this.#begin(record);
    else if (event === 'run:finished') this.#finish(record);
    else this.#hearOfTask(event, record, this.#drawn.tasks[this.#idByName.get(record['task'])!]!);
  }

  #hearOfTask(
    event: Exclude<EventName, 'run:started' | 'run:finished'>,
    record: EventRecord,
    { id, name, attempts }: RandomTask,
  ): void {
    const outcome = this.#graph.outcome(name);
    const isOfAttempt = event !== 'task:ready' && event !== 'task:started' && event !== 'task:skipped';
    if (isOfAttempt) holds(record['attempt'] === this.#attempts[id], 'what is told is told of the latest attempt');
    switch (event) {
      case 'task:ready':
        this.#move(id, ['waiting'], 'ready');
        holds(this.#pendingAtStart[id]!, 'only what was pending becomes ready');
        this.#expectDependenciesDone(name);
        return;
      case 'task:started':
        holds(outcome.status === 'running', 'a started task is running');
        this.#expectDependenciesDone(name);
        if (this.#states[id] === 'delayed')
          holds(this.#clock.now() >= this.#dueAtMs[id]!, 'a retry waits for its delay');
        holds(
          this.#ids('ready').every((other) => this.#places[id]! <= this.#places[other]!),
          'tasks start in order',
        );
        this.#move(id, ['ready', 'delayed'], 'running');
        holds(
          record['attempt'] === ++this.#attempts[id]! && this.#attempts[id]! <= attempts,
          'attempts are counted from 1 up to as many as allowed',
        );
        holds(
          this.#taken().total <= this.#limits.total && this.#taken().cpu <= this.#limits.cpu,
          'slots are never exceeded',
        );
        return;
      case 'task:progress':
        this.#move(id, ['running'], 'running');
        return;
      case 'task:retrying':
        holds(outcome.status === 'pending', 'a task between attempts is pending');
        this.#move(id, ['running'], 'delayed');
        this.#dueAtMs[id] = this.#clock.now() + record['delayMs'];
        return;
      case 'task:interrupted':
        holds(outcome.status === 'pending', 'an interrupted task is pending');
        this.#move(id, ['running'], 'interrupted');
        return;
      case 'task:done':
        holds(
          isDeepStrictEqual(outcome, { status: 'done', result: record['result'], source: 'run' }),
          'a done task has its result',
        );
        this.#move(id, ['running'], 'done');
        return;
      case 'task:failed':
        holds(
          isDeepStrictEqual(outcome, { status: 'failed', error: record['error'], attempts: record['attempt'] }),
          'a failed task has its error',
        );
        this.#move(id, ['running'], 'failed');
        this.#failedFirst.push(id);
        return;
      case 'task:skipped': {
        const { because } = record;
        holds(isDeepStrictEqual(outcome, { status: 'skipped', because }), 'a skipped task has its reason');
        this.#move(id, ['waiting'], 'skipped');
        const lostTo = this.#lostTo(name);
        // One that had failed before the run came before all that failed in it.
        const first = lostTo.filter((failed) => !this.#failedFirst.includes(failed));
        if (first.length === 0) first.push(this.#failedFirst.find((failed) => lostTo.includes(failed))!);
        holds(first.includes(this.#idByName.get(because)!), 'the reason is the ancestor that failed first');
        return;
      }
      case 'store:repaired':
      case 'store:refused':
      case 'store:unseen':
        holds(false, 'there is no store');
        return;
      default:
        event satisfies never;
    }
  }

  #begin(record: EventRecord): void {
    holds(this.#runId === undefined, 'one run at a time');
    this.#runId = record['runId'];
    this.#count = 0;
    this.#states = this.#drawn.tasks.map(() => 'waiting');
    this.#pendingAtStart = this.#drawn.tasks.map(({ name }) => this.#graph.status(name) === 'pending');
    this.#attempts = this.#drawn.tasks.map(() => 0);
    this.#dueAtMs = this.#drawn.tasks.map(() => 0);
    this.#failedFirst = [];
  }

  #finish(record: EventRecord): void {
    this.#runId = undefined;
    const failures = this.#failedFirst.map((id) => this.#drawn.tasks[id]!.name);
    holds(isDeepStrictEqual(record['counts'], this.#graph.counts()), 'the report has the counts of the graph');
    holds(
      record['attemptCount'] === this.#attempts.reduce((sum, count) => sum + count, 0),
      'each attempt is told to have started',
    );
    holds(
      isDeepStrictEqual([...record['failures'].keys()], failures),
      'failures come in the order in which they happened',
    );
    for (const { id, name } of this.#drawn.tasks) {
      const state = this.#states[id]!;
      const status = this.#graph.status(name);
      const isOutcome = state === 'done' || state === 'failed' || state === 'skipped';
      holds(state !== 'running', 'a run ends when nothing of it is running');
      holds(
        isOutcome ? status === state : status === 'pending' || !this.#pendingAtStart[id],
        'one event for each outcome, and none without',
      );
      if (record['status'] === 'finished')
        holds(isOutcome || state === 'waiting', 'what became ready has come to an end');
      const lost = this.#lostTo(name).length > 0;
      holds(lost || status !== 'skipped', 'a task is skipped only if an ancestor failed');
      holds(!lost || (status !== 'pending' && status !== 'running'), 'a task is skipped if an ancestor failed');
    }
  }

  #move(id: number, from: readonly State[], to: State): void {
    holds(from.includes(this.#states[id]!), `from ${this.#states[id]} no task becomes ${to}`);
    this.#states[id] = to;
  }

  #ids(state: State): number[] {
    return this.#drawn.tasks.map(({ id }) => id).filter((id) => this.#states[id] === state);
  }

  #taken(): SlotLimits {
    const running = this.#ids('running');
    return { total: running.length, cpu: running.filter((id) => !this.#drawn.tasks[id]!.ioBound).length };
  }

  #expectDependenciesDone(name: string): void {
    holds(
      this.#graph.dependencies(name).every((dependency) => this.#graph.status(dependency) === 'done'),
      'a task starts after its dependencies',
    );
  }

  /** The failed tasks that this one waits for, directly or behind others that are not done. */
  #lostTo(name: string): number[] {
    const found = new Set<string>();
    const stack = [...this.#graph.dependencies(name)];
    for (let one = stack.pop(); one !== undefined; one = stack.pop()) {
      if (found.has(one) || this.#graph.status(one) === 'done') continue;
      found.add(one);
      if (this.#graph.status(one) !== 'failed') stack.push(...this.#graph.dependencies(one));
    }
    return [...found].filter((one) => this.#graph.status(one) === 'failed').map((one) => this.#idByName.get(one)!);
  }
}

/** As `expect`, which is too slow to be asked a hundred times in each of a hundred thousand cases. */
export function holds(rule: boolean, text: string): void {
  if (!rule) throw brokenRule(text);
}

function brokenRule(text: string): Error {
  return new Error(`Broken rule: ${text}.`);
}

/** The place of each task in the order in which ready tasks start: io-bound, priority, the longer way to the end, declaration. */
function placesOf(graph: TaskGraph, { tasks }: RandomGraph): number[] {
  const ranks = new Map<string, number>();
  for (const name of graph.order().reverse()) {
    ranks.set(name, 1 + Math.max(0, ...graph.dependents(name).map((dependent) => ranks.get(dependent)!)));
  }
  const inOrder = [...tasks].sort(
    (a, b) =>
      Number(b.ioBound) - Number(a.ioBound) ||
      b.priority - a.priority ||
      ranks.get(b.name)! - ranks.get(a.name)! ||
      a.id - b.id,
  );
  const places: number[] = [];
  for (const [place, { id }] of inOrder.entries()) places[id] = place;
  return places;
}
