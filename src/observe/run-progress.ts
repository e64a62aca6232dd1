import type { RunStarted, TaskDone, TaskFailed } from '../events.js';
import { openGraph } from '../graph/task-graph.js';
import { TimeLeft } from './time-left.js';

/** How far one run is, and how long it will take. */
export class RunProgress {
  readonly graph: string;
  readonly startedAtMs: number;
  done = 0;
  failed = 0;
  skipped = 0;
  running = 0;
  /** The task that was started last. */
  latest: string | undefined;
  readonly #idByName: ReadonlyMap<string, number>;
  readonly #timeLeft: TimeLeft;

  constructor({ graph, taskGraph, selected, estimates, atMs }: RunStarted) {
    this.graph = graph;
    this.startedAtMs = atMs;
    const open = openGraph(taskGraph);
    this.#idByName = open.idByName;
    this.#timeLeft = new TimeLeft(open, selected, estimates);
  }

  /** How many tasks had to be run when it began. */
  get total(): number {
    return this.#timeLeft.total;
  }

  get finished(): number {
    return this.done + this.failed + this.skipped;
  }

  started(task: string): void {
    this.running++;
    this.latest = task;
  }

  /** An attempt has ended, and its task has not. */
  paused(): void {
    this.running = Math.max(this.running - 1, 0);
  }

  ended(status: 'done' | 'failed', { task, attempt, durationMs }: TaskDone | TaskFailed): void {
    if (this.#finish(task)) this[status]++;
    // A result that was kept has no attempt.
    if (attempt === 0) return;
    this.paused();
    this.#timeLeft.attemptEnded(durationMs);
  }

  skip(task: string): void {
    if (this.#finish(task)) this.skipped++;
  }

  /** How many tasks ended for each second that the run has taken. */
  ratePerSecond(nowMs: number): number {
    const seconds = (nowMs - this.startedAtMs) / 1000;
    return seconds > 0 ? this.#timeLeft.attemptsEnded / seconds : 0;
  }

  /** How long it will still take, in milliseconds; `undefined` as long as no task has ended. */
  leftMs(nowMs: number): number | undefined {
    return this.#timeLeft.leftMs(nowMs - this.startedAtMs);
  }

  /** @returns whether it had not finished before */
  #finish(task: string): boolean {
    const id = this.#idByName.get(task);
    return id !== undefined && this.#timeLeft.finish(id);
  }
}
