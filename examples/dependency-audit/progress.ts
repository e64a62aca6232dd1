import type { Executor, TaskGraph } from 'taskmap-ts';
import { packageOf } from './graph.js';

const REDRAW_MS = 100;
const BAR_WIDTH = 24;
/** Where nobody watches, a line is written each time another such part of the tasks has finished. */
const QUARTER = 0.25;

/**
 * Shows how far the runs of a graph are, all of them together: a line drawn over and over on a terminal, a few lines elsewhere. Also adds up the time
 * that each package takes.
 */
export class Progress {
  /**
   * How long the tasks of each package took together, in milliseconds. Tasks overlap and wait for the disk and for each other: that counts too, so the
   * packages together take longer than the runs.
   */
  readonly taskMsByPackage: Map<string, number> = new Map<string, number>();
  readonly #graph: TaskGraph;
  readonly #out: NodeJS.WriteStream;
  #drawnAtMs = 0;
  #toldQuarters = 0;
  #finished = 0;

  constructor(graph: TaskGraph, executor: Executor, out: NodeJS.WriteStream) {
    this.#graph = graph;
    this.#out = out;
    executor.on('run:started', () => {
      this.#finished = this.#finishedBefore();
      this.#toldQuarters = Math.floor(this.#finished / graph.size / QUARTER);
    });
    executor.on('task:started', ({ task, atMs }) => this.#draw(task, atMs));
    executor.on('task:done', ({ task, durationMs }) => this.#ended(task, durationMs));
    executor.on('task:failed', ({ task, durationMs }) => this.#ended(task, durationMs));
    executor.on('task:skipped', ({ task }) => this.#ended(task, 0));
    executor.on('run:finished', ({ status, counts }) => {
      // Between two batches the line stays.
      if (status !== 'finished' || counts.pending === 0) this.#erase();
    });
  }

  /** The packages whose tasks took longest together, the slowest first. */
  slowest(count: number): { readonly path: string; readonly taskMs: number }[] {
    const all = [...this.taskMsByPackage].map(([path, taskMs]) => ({ path, taskMs }));
    return all.sort((a, b) => b.taskMs - a.taskMs).slice(0, count);
  }

  #finishedBefore(): number {
    const { done, failed, skipped } = this.#graph.counts();
    return done + failed + skipped;
  }

  #ended(task: string, durationMs: number): void {
    const path = packageOf(task);
    this.taskMsByPackage.set(path, (this.taskMsByPackage.get(path) ?? 0) + durationMs);
    this.#finished++;
    const quarters = Math.floor(this.#finished / this.#graph.size / QUARTER);
    if (this.#out.isTTY || quarters <= this.#toldQuarters) return;
    this.#toldQuarters = quarters;
    this.#out.write(`${quarters * QUARTER * 100} % (${this.#finished} of ${this.#graph.size} tasks)\n`);
  }

  #draw(task: string, atMs: number): void {
    if (!this.#out.isTTY || atMs - this.#drawnAtMs < REDRAW_MS) return;
    this.#drawnAtMs = atMs;
    const { failed } = this.#graph.counts();
    const filled = Math.floor((this.#finished / this.#graph.size) * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const line = `${bar} ${this.#finished}/${this.#graph.size} tasks${failed > 0 ? `, ${failed} failed` : ''}  ${task}`;
    this.#out.write(`\r\x1b[2K${line.slice(0, this.#out.columns - 1)}`);
  }

  #erase(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[2K');
  }
}
