import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { type OpenGraph, openGraph } from '../../src/graph/task-graph.js';
import { NONE, Schedule, type Slots } from '../../src/schedule/schedule.js';
import { Model } from '../support/model.js';
import {
  builderOf,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  type RandomGraph,
  type RandomTask,
  randomGraph,
} from '../support/random-graph.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** What is done to a graph between two runs. Tasks are drawn as any number; what is over is their remainder. */
type Change =
  | { readonly kind: 'reset' | 'markDone'; readonly tasks: readonly number[] }
  | { readonly kind: 'resetFailed' };

interface Round {
  readonly slots: Slots;
  /** Which tasks are run, with all that they need: all if left out. */
  readonly only: readonly number[] | undefined;
  /** Decides which of the things that can happen next does; once they are used up the first one does. */
  readonly chances: readonly number[];
  readonly change: Change;
}

const drawnIds = fc.array(fc.nat(11), { maxLength: 3 });
const drawnRound: fc.Arbitrary<Round> = fc.record({
  slots: fc.record({
    total: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
    cpu: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
  }),
  only: fc.option(drawnIds, { nil: undefined, freq: 2 }),
  chances: fc.array(fc.nat(1_000_000), { maxLength: 60, size: 'max' }),
  change: fc.oneof(
    fc.record({ kind: fc.constantFrom('reset' as const, 'markDone' as const), tasks: drawnIds }),
    fc.constant({ kind: 'resetFailed' as const }),
  ),
});

/** One run with nobody to run it: it is told at once what became of each attempt, and everything it says is checked against plain lists. */
class Simulation {
  readonly schedule: Schedule;
  readonly told = new Set<number>();
  readonly because = new Map<number, number>();
  /** The failed tasks of this run, in the order in which they failed. */
  readonly failures: number[] = [];
  readonly running = new Set<number>();
  readonly delayed = new Set<number>();
  readonly #waiting = new Set<number>();
  readonly #done: Set<number>;
  readonly #graph: RandomGraph;
  readonly #model: Model;
  readonly #ranks: readonly number[];
  readonly #slots: Slots;
  /** How often each function has been called, this run included. */
  readonly #calls: number[];

  constructor(graph: RandomGraph, model: Model, open: OpenGraph, ranks: readonly number[], { slots, only }: Round) {
    const ids = graph.tasks.map(({ id }) => id);
    const needed = only && model.needed(only.filter((id) => id < graph.size));
    const selected = needed && Uint8Array.from(ids, (id) => (needed.has(id) ? 1 : 0));
    this.schedule = new Schedule(open, slots, { selected });
    this.#graph = graph;
    this.#model = model;
    this.#ranks = ranks;
    this.#slots = slots;
    this.#calls = [...model.calls];
    this.#done = new Set(ids.filter((id) => model.outcomes[id]!.status === 'done'));
    this.#listen();
  }

  /** What is told after each fact. */
  #listen(): void {
    this.schedule.validate();
    while (this.schedule.hasSkipped) {
      const id = this.schedule.nextSkipped();
      expect(this.because.has(id)).toBe(false);
      this.because.set(id, this.schedule.because);
    }
    for (let id = this.schedule.nextReady(); id !== NONE; id = this.schedule.nextReady()) {
      expect(this.told.has(id)).toBe(false);
      expect(this.#model.dependencies(id).every((dependency) => this.#done.has(dependency))).toBe(true);
      this.told.add(id);
      this.#waiting.add(id);
    }
  }

  /** Asks for a decision and compares it with that of a sorted list. */
  start(): boolean {
    const first = [...this.#waiting].sort((a, b) => this.#compare(a, b))[0];
    const busyCpu = [...this.running].filter((id) => !this.#task(id).ioBound).length;
    const free =
      this.running.size < this.#slots.total &&
      (first === undefined || this.#task(first).ioBound || busyCpu < this.#slots.cpu);
    const expected = first !== undefined && free && !this.schedule.stopped ? first : NONE;
    expect(this.schedule.next()).toBe(expected);
    if (expected === NONE) return false;
    this.#waiting.delete(expected);
    this.running.add(expected);
    this.#calls[expected]!++;
    this.schedule.validate();
    return true;
  }

  end(id: number): void {
    const { attempts, failures } = this.#task(id);
    this.running.delete(id);
    if (this.#calls[id]! > failures) {
      this.#done.add(id);
      this.schedule.succeeded(id);
    } else if (this.schedule.attempt(id) < attempts) {
      this.delayed.add(id);
      this.schedule.retrying(id);
    } else {
      this.failures.push(id);
      this.schedule.failed(id);
    }
    this.#listen();
  }

  interrupt(id: number): void {
    this.running.delete(id);
    this.schedule.interrupted(id);
    this.#listen();
  }

  elapse(id: number): void {
    this.delayed.delete(id);
    this.schedule.delayElapsed(id);
    this.#waiting.add(id);
    this.#listen();
  }

  /** Everything that can happen now. */
  happenings(stops: boolean): (() => void)[] {
    const { stopped } = this.schedule;
    return [
      ...[...this.running].map((id) => () => this.end(id)),
      ...(stopped ? [] : [...this.delayed]).map((id) => () => this.elapse(id)),
      ...(stopped ? [...this.running] : []).map((id) => () => this.interrupt(id)),
      ...(stops && !stopped ? [() => this.schedule.stop()] : []),
    ];
  }

  /** Lets things happen in the drawn order until the schedule says that it is finished. */
  run(chances: readonly number[], stops: boolean): void {
    // Each attempt starts and ends, each delay begins and ends, and there is one stop.
    let left = 1 + this.#graph.tasks.reduce((sum, { attempts }) => sum + 4 * attempts, 0);
    for (let step = 0; ; step++) {
      const chance = chances[step] ?? 0;
      // One time in four an executor is slow to ask.
      if (chance % 4 > 0 || this.running.size === 0) while (this.start());
      const idle = this.running.size === 0 && (this.delayed.size === 0 || this.schedule.stopped);
      expect(this.schedule.finished).toBe(idle);
      if (idle) return;
      const happenings = this.happenings(stops);
      happenings[(chance >> 2) % happenings.length]!();
      expect(left--).toBeGreaterThan(0);
    }
  }

  #task(id: number): RandomTask {
    return this.#graph.tasks[id]!;
  }

  #compare(a: number, b: number): number {
    const [one, other] = [this.#task(a), this.#task(b)];
    return (
      Number(other.ioBound) - Number(one.ioBound) ||
      other.priority - one.priority ||
      this.#ranks[b]! - this.#ranks[a]! ||
      a - b
    );
  }
}

/** Lets a graph know what an executor would have told it. */
function keep(simulation: Simulation, { tasks }: RandomGraph, model: Model, { outcomes }: OpenGraph): void {
  for (const { id } of tasks) {
    const before = outcomes.status(id);
    const state = simulation.schedule.state(id);
    const outcome = model.outcomes[id]!;
    if (state === 'done' && before !== 'done')
      outcomes.done(id, outcome.status === 'done' ? outcome.result : undefined);
    if (state === 'failed' && before !== 'failed') outcomes.failed(id, 'drawn', simulation.schedule.attempt(id));
    if (state === 'skipped' && before !== 'skipped') outcomes.skipped(id, simulation.because.get(id)!);
  }
}

test('a schedule told any facts in any order comes to what plain recursion comes to, run after run', () => {
  fc.assert(
    fc.property(randomGraph(), fc.array(drawnRound, { minLength: 1, maxLength: 3 }), (drawn, rounds) => {
      const graph = builderOf(drawn).build();
      const open = openGraph(graph);
      const model = new Model(drawn);
      const ranks = drawn.tasks.map(({ id }) => model.rank(id));
      const ids = (tasks: readonly number[]) => tasks.filter((id) => id < drawn.size);
      const names = (tasks: readonly number[]) => ids(tasks).map((id) => drawn.tasks[id]!.name);
      for (const round of rounds) {
        const simulation = new Simulation(drawn, model, open, ranks, round);
        simulation.run(round.chances, false);
        model.run(round.only && ids(round.only));
        keep(simulation, drawn, model, open);
        for (const { id, name } of drawn.tasks) {
          const outcome = model.outcomes[id]!;
          expect(graph.status(name)).toBe(outcome.status);
          if (outcome.status === 'skipped') expect(outcome.because).toContain(open.outcomes.because(id));
          if (simulation.because.has(id)) expectFirstFailure(simulation, id, model);
        }
        change(round.change);
        for (const { id, name } of drawn.tasks) expect(graph.status(name)).toBe(model.outcomes[id]!.status);
      }

      function change(drawnChange: Change): void {
        if (drawnChange.kind === 'resetFailed') {
          graph.resetFailed();
          model.resetFailed();
        } else if (drawnChange.kind === 'reset') {
          graph.reset(...names(drawnChange.tasks));
          model.reset(...ids(drawnChange.tasks));
        } else {
          for (const id of ids(drawnChange.tasks)) {
            graph.markDone(drawn.tasks[id]!.name, 'marked');
            model.markDone(id, 'marked');
          }
        }
      }
    }),
    propertyOptions(400),
  );
});

/** Of the failures of one run that a task was skipped for, the first is named. */
function expectFirstFailure({ because, failures }: Simulation, id: number, model: Model): void {
  const outcome = model.outcomes[id]!;
  const reasons = outcome.status === 'skipped' ? outcome.because : new Set<number>();
  const ofThisRun = failures.filter((failure) => reasons.has(failure));
  // A failure of an earlier run comes before all of this one.
  if (ofThisRun.length === reasons.size) expect(because.get(id)).toBe(ofThisRun[0]);
  else expect(ofThisRun).not.toContain(because.get(id));
}

test('a stopped schedule starts nothing new and ends, and what has ended by then has the outcome that it has anyway', () => {
  fc.assert(
    fc.property(randomGraph(), drawnRound, (drawn, round) => {
      const open = openGraph(builderOf(drawn).build());
      const model = new Model(drawn);
      const ranks = drawn.tasks.map(({ id }) => model.rank(id));
      const simulation = new Simulation(drawn, model, open, ranks, round);
      simulation.run(round.chances, true);
      expect(simulation.schedule.running).toBe(0);
      expect(simulation.schedule.next()).toBe(NONE);
      model.run(round.only?.filter((id) => id < drawn.size));
      for (const { id } of drawn.tasks) {
        const state = simulation.schedule.state(id);
        if (state === 'done' || state === 'failed' || state === 'skipped')
          expect(model.outcomes[id]!.status).toBe(state);
        expect(state).not.toBe('running');
      }
    }),
    propertyOptions(400),
  );
});
