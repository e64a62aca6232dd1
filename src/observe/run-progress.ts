import type { RunStarted, TaskDone, TaskFailed } from '../events.js';
import { ranks } from '../graph/rank.js';
import { type OpenGraph, openGraph } from '../graph/task-graph.js';

/** How far one run is, and how long it will take. */
export class RunProgress {
  readonly graph: string;
  readonly startedAtMs: number;
  /** How many tasks had to be run when it began. */
  readonly total: number;
  done = 0;
  failed = 0;
  skipped = 0;
  running = 0;
  /** The task that was started last. */
  latest: string | undefined;
  readonly #open: OpenGraph;
  /** A 1 for each task that has not finished. */
  readonly #left: Uint8Array;
  /** How long attempts that have ended took together, in milliseconds, and how many that were. */
  #spentMs = 0;
  #ended = 0;
  /** The longest way to the end of the graph for each task, and how many tasks are left with a way of each length. */
  #ways: { readonly ranks: Int32Array; readonly leftByRank: Int32Array; longest: number } | undefined;

  constructor({ graph, taskGraph, atMs }: RunStarted) {
    this.graph = graph;
    this.startedAtMs = atMs;
    this.#open = openGraph(taskGraph);
    const { outcomes } = this.#open;
    this.#left = new Uint8Array(outcomes.size);
    for (let id = 0; id < outcomes.size; id++) if (outcomes.isPending(id)) this.#left[id] = 1;
    this.total = this.#left.reduce((sum, one) => sum + one, 0);
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
    this.#spentMs += durationMs;
    this.#ended++;
  }

  skip(task: string): void {
    if (this.#finish(task)) this.skipped++;
  }

  /** How many tasks ended for each second that the run has taken. */
  ratePerSecond(nowMs: number): number {
    const seconds = (nowMs - this.startedAtMs) / 1000;
    return seconds > 0 ? this.#ended / seconds : 0;
  }

  /**
   * How long it will still take, in milliseconds, if tasks go on taking what they took on average: the longer of two times, neither of which can be beaten.
   * One is for the longest way that is left, task after task; the other for all tasks that are left, as many at once as up to now. `undefined` as long as no
   * task has ended.
   */
  leftMs(nowMs: number): number | undefined {
    if (this.#ended === 0) return undefined;
    const meanMs = this.#spentMs / this.#ended;
    // So many attempts were under way at once as the time spent is longer than the time passed. Left × mean / (spent / passed): the time spent cancels out.
    const workLeftMs = ((this.total - this.finished) / this.#ended) * (nowMs - this.startedAtMs);
    return Math.max(this.#longestWayLeft() * meanMs, workLeftMs);
  }

  /** @returns whether it had not finished before */
  #finish(task: string): boolean {
    const id = this.#open.idByName.get(task);
    if (id === undefined || this.#left[id] === 0) return false;
    this.#left[id] = 0;
    if (this.#ways !== undefined) this.#ways.leftByRank[this.#ways.ranks[id]!]!--;
    return true;
  }

  #longestWayLeft(): number {
    this.#ways ??= this.#allWays();
    const { leftByRank } = this.#ways;
    // It never grows: what is finished stays so.
    while (this.#ways.longest > 0 && leftByRank[this.#ways.longest] === 0) this.#ways.longest--;
    return this.#ways.longest;
  }

  /** Only when it is first asked for: without a terminal nobody asks. */
  #allWays(): { readonly ranks: Int32Array; readonly leftByRank: Int32Array; longest: number } {
    const rankOf = ranks(this.#open.topology);
    const longest = rankOf.reduce((most, rank) => Math.max(most, rank), 0);
    const leftByRank = new Int32Array(longest + 1);
    for (let id = 0; id < rankOf.length; id++) leftByRank[rankOf[id]!]! += this.#left[id]!;
    return { ranks: rankOf, leftByRank, longest };
  }
}
