import { ways as waysOf } from '../graph/rank.js';
import type { OpenGraph } from '../graph/task-graph.js';

/** How long a run will still take. Tasks are told by their numbers in the graph. */
export class TimeLeft {
  /** How many tasks had to be run when it began. */
  readonly total: number;
  readonly #topology: OpenGraph['topology'];
  /** A 1 for each task that has not finished. */
  readonly #left: Uint8Array;
  #finished = 0;
  /** How long each task is thought to take, in milliseconds; `undefined` if nothing is known: then it is the average. */
  readonly #estimates: Float64Array | undefined;
  /** How long all that are left are thought to take together. */
  #estimateLeftMs = 0;
  /** How long attempts that have ended took together, in milliseconds, and how many that were. */
  #spentMs = 0;
  #ended = 0;
  /** The longest way to the end of the run for each task, and how many tasks are left with a way of each length. */
  #ways: { readonly ranks: Int32Array; readonly leftByRank: Int32Array; longest: number } | undefined;
  /** The same in milliseconds: the way of each task, and the tasks by their ways, the longest first. */
  #timedWays: { readonly ways: Float64Array; readonly ids: Int32Array; first: number } | undefined;

  /**
   * As the run begins: what is pending then has to be run.
   *
   * @param selected - or just these, if the run is about a part of the graph
   * @param estimates - how long each task is thought to take, in milliseconds, by name, if anything is known of that
   */
  constructor(
    { topology, names, outcomes }: OpenGraph,
    selected?: ReadonlySet<string>,
    estimates?: ReadonlyMap<string, number>,
  ) {
    this.#topology = topology;
    this.#left = new Uint8Array(outcomes.size);
    for (let id = 0; id < outcomes.size; id++)
      if (outcomes.isPending(id) && selected?.has(names[id]!) !== false) this.#left[id] = 1;
    this.total = this.#left.reduce((sum, one) => sum + one, 0);
    if (estimates === undefined) return;
    this.#estimates = Float64Array.from(names, (name, id) => (this.#left[id] === 1 ? (estimates.get(name) ?? 0) : 0));
    this.#estimateLeftMs = this.#estimates.reduce((sum, one) => sum + one, 0);
  }

  /** How many attempts have ended. */
  get attemptsEnded(): number {
    return this.#ended;
  }

  attemptEnded(durationMs: number): void {
    this.#spentMs += durationMs;
    this.#ended++;
  }

  /** @returns whether it had to be run, and had not finished before */
  finish(id: number): boolean {
    if (this.#left[id] === 0) return false;
    this.#left[id] = 0;
    this.#finished++;
    if (this.#estimates !== undefined) this.#estimateLeftMs -= this.#estimates[id]!;
    if (this.#ways !== undefined) this.#ways.leftByRank[this.#ways.ranks[id]!]!--;
    return true;
  }

  /**
   * How long it will still take, in milliseconds, if tasks go on taking what they took on average, or what they took in earlier runs: the longer of two times, neither of which can be beaten.
   * One is for the longest way that is left, task after task; the other for all tasks that are left, as many at once as up to now. `undefined` as long as no
   * task has ended.
   *
   * @param passedMs - how long it has taken up to now
   */
  leftMs(passedMs: number): number | undefined {
    if (this.#ended === 0) return undefined;
    if (this.#estimates !== undefined) {
      const passedOfSpent = this.#spentMs === 0 ? 1 : Math.min(1, passedMs / this.#spentMs);
      return Math.max(this.#longestTimedWayLeft(this.#estimates), this.#estimateLeftMs * passedOfSpent);
    }
    const meanMs = this.#spentMs / this.#ended;
    // So many attempts were under way at once as the time spent is longer than the time passed. Left × mean / (spent / passed): the time spent cancels out.
    const workLeftMs = ((this.total - this.#finished) / this.#ended) * passedMs;
    return Math.max(this.#longestWayLeft() * meanMs, workLeftMs);
  }

  #longestWayLeft(): number {
    this.#ways ??= this.#allWays();
    const { leftByRank } = this.#ways;
    // It never grows: what is finished stays so.
    while (this.#ways.longest > 0 && leftByRank[this.#ways.longest] === 0) this.#ways.longest--;
    return this.#ways.longest;
  }

  #longestTimedWayLeft(estimates: Float64Array): number {
    if (this.#timedWays === undefined) {
      // What has ended, or is no part of the run, takes nothing.
      const ways = waysOf(
        this.#topology,
        estimates.map((ms, id) => (this.#left[id] === 1 ? ms : 0)),
      );
      const ids = Int32Array.from(ways, (_, id) => id).sort((a, b) => ways[b]! - ways[a]!);
      this.#timedWays = { ways, ids, first: 0 };
    }
    const timed = this.#timedWays;
    // It never grows: what is finished stays so.
    while (timed.first < timed.ids.length && this.#left[timed.ids[timed.first]!] === 0) timed.first++;
    return timed.first === timed.ids.length ? 0 : timed.ways[timed.ids[timed.first]!]!;
  }

  /** Only when it is first asked for: where nobody watches, nobody asks. */
  #allWays(): { readonly ranks: Int32Array; readonly leftByRank: Int32Array; longest: number } {
    const { size, order, dependents } = this.#topology;
    const ranks = new Int32Array(size);
    let longest = 0;
    for (let position = size - 1; position >= 0; position--) {
      const id = order[position]!;
      // What has ended, or is no part of the run, holds nobody up.
      if (this.#left[id] === 0) continue;
      let behind = 0;
      for (let edge = dependents.starts[id]!; edge < dependents.starts[id + 1]!; edge++)
        behind = Math.max(behind, ranks[dependents.ids[edge]!]!);
      ranks[id] = behind + 1;
      longest = Math.max(longest, behind + 1);
    }
    const leftByRank = new Int32Array(longest + 1);
    for (let id = 0; id < size; id++) leftByRank[ranks[id]!]! += this.#left[id]!;
    return { ranks, leftByRank, longest };
  }
}
