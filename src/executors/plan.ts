import { quoted } from '../errors.js';
import { NOT_RUN_YET, type PlannedTask } from '../graph/decision.js';
import type { OpenGraph } from '../graph/task-graph.js';
import { NONE, Schedule } from '../schedule/schedule.js';
import type { Foreseen, RunMemory } from '../store/run-memory.js';
import { isNeeded, noteTaker } from './spared.js';

/** What a run would do: the schedule decides as it would for the run, and every task succeeds that would be started. */
export class Plan {
  readonly #open: OpenGraph;
  readonly #memory: RunMemory | undefined;
  readonly #schedule: Schedule;
  /** The tasks that run, or may. */
  readonly #running = new Set<number>();
  /** The tasks that are done without a result, and what is known by now of whether they are. */
  readonly #spared = new Map<number, 'not needed' | 'may run' | 'runs'>();
  readonly #planned: number[] = [];
  readonly #isPart: boolean;
  readonly #estimates: Float64Array | undefined;

  /**
   * @param selected - a 1 for each task that is to be run; all pending ones if `undefined`
   * @param estimates - how long each task is thought to take; `undefined` if nothing is known
   */
  constructor(
    open: OpenGraph,
    selected: Uint8Array | undefined,
    memory: RunMemory | undefined,
    estimates: Float64Array | undefined,
  ) {
    this.#open = open;
    this.#estimates = estimates;
    this.#memory = memory;
    this.#isPart = selected !== undefined;
    this.#schedule = new Schedule(open.orderedBy(estimates), { total: 1, cpu: 1 }, { selected, kept: memory?.kept });
    // Those that wait for what has failed before are not planned.
    while (this.#schedule.nextSkipped() !== NONE);
  }

  /** In the order in which they would start one after another. */
  tasks(): PlannedTask[] {
    const schedule = this.#schedule;
    for (;;) {
      for (let id = schedule.nextToCheck(); id !== NONE; id = schedule.nextToCheck()) this.#check(id);
      const id = schedule.next();
      if (id === NONE) break;
      this.#running.add(id);
      this.#planned.push(id);
      schedule.succeeded(id);
    }
    const { names, decisions } = this.#open;
    return this.#planned.map((id) => {
      const planned = { task: names[id]!, ...(decisions.get(id) ?? NOT_RUN_YET) };
      const mayRun = planned.verdict === 'runs' || planned.verdict === 'may run';
      return this.#estimates !== undefined && mayRun ? { ...planned, estimateMs: this.#estimates[id]! } : planned;
    });
  }

  #check(id: number): void {
    const verdict = this.#foreseen(id);
    switch (verdict) {
      case 'runs':
      case 'may run':
        this.#noteLacking(id, verdict);
        this.#schedule.changed(id);
        return;
      case 'not needed':
        this.#spared.set(id, verdict);
        this.#hold(id);
        return;
      case 'kept':
        this.#hold(id);
        return;
      case 'fails':
        this.#planned.push(id);
        this.#schedule.failsStill(id);
        this.#noteSkipped();
        return;
      default:
        verdict satisfies never;
    }
  }

  #foreseen(id: number): Foreseen {
    const verdict = this.#memory!.foresee(id, (dependency) => this.#running.has(dependency));
    if (verdict !== 'not needed') return verdict;
    return isNeeded(this.#open, this.#schedule, this.#memory!.kept, id, this.#isPart) ? 'runs' : verdict;
  }

  #hold(id: number): void {
    this.#planned.push(id);
    this.#schedule.holds(id);
  }

  /** What a task takes and was spared runs, or may, as the task does; and so does what that takes. */
  #noteLacking(id: number, verdict: 'runs' | 'may run'): void {
    const stack = [id];
    for (let taker = stack.pop(); taker !== undefined; taker = stack.pop()) {
      for (const input of this.#open.topology.inputsOf(taker)) {
        const before = this.#spared.get(input);
        if (before === undefined || before === 'runs' || before === verdict) continue;
        this.#spared.set(input, verdict);
        this.#running.add(input);
        noteTaker(this.#open, input, taker, verdict);
        stack.push(input);
      }
    }
  }

  #noteSkipped(): void {
    for (let id = this.#schedule.nextSkipped(); id !== NONE; id = this.#schedule.nextSkipped()) {
      const because = quoted(this.#open.names[this.#schedule.because]!);
      this.#open.decisions.set(id, { verdict: 'skipped', why: `${because} fails` });
      this.#planned.push(id);
    }
  }
}
