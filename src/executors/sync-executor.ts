import { InvariantError } from '../errors.js';
import type { RunReport } from '../events.js';
import type { PlannedTask } from '../graph/decision.js';
import type { AnyTask, SyncOnly } from '../graph/signature.js';
import type { TaskGraph } from '../graph/task-graph.js';
import type { Memory, RunMemory } from '../store/run-memory.js';
import { type Clock, systemClock } from './clock.js';
import { Executor, type ExecutorOptions, type RunOptions } from './executor.js';
import type { Run } from './run.js';

/** How a {@link SyncExecutor} works. */
export interface SyncExecutorOptions extends ExecutorOptions {}

/**
 * Runs one task after another in the caller's stack: `run()` returns when all is done, and never a promise.
 *
 * A task that returns a promise fails with {@link AsyncTaskError}; where types know it, it does not compile. The pause before a retry blocks the thread. A
 * timeout cannot interrupt a function here: one that took too long fails when it returns.
 *
 * @example
 * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 *
 * const graph = new TaskGraphBuilder()
 *   .task('words', () => ['to', 'be', 'or', 'not'])
 *   .task('count').dependsOn('words').run((words) => words.length)
 *   .build();
 * const report = new SyncExecutor().run(graph);
 * report.counts.done; // => 2
 * graph.result('count'); // => 4
 */
export class SyncExecutor<Tasks extends object = any> extends Executor<Tasks> {
  readonly #clock: Clock;

  constructor({ clock = systemClock, store }: SyncExecutorOptions = {}) {
    super({ clock, store, slots: { total: 1, cpu: 1 }, graceMs: 0, isAsync: false });
    this.#clock = clock;
  }

  override run<T extends Tasks>(graph: TaskGraph<T> & SyncOnly<T>, options?: RunOptions<T>): RunReport {
    const clock = new BlockingClock(this.#clock);
    const memory = atOnce(this.recall(graph, options?.only));
    return finished(this.begin(graph, options, memory, clock), clock);
  }

  override runTask<T extends Tasks>(
    graph: TaskGraph<T> & SyncOnly<T>,
    task: (keyof T & string) | AnyTask,
    options?: Omit<RunOptions<T>, 'only'>,
  ): RunReport {
    const clock = new BlockingClock(this.#clock);
    const memory = atOnce(this.recall(graph, [task]));
    return finished(this.beginTask(graph, task, options, memory, clock), clock);
  }

  override plan<T extends Tasks>(
    graph: TaskGraph<T>,
    options: Pick<RunOptions<T>, 'only' | 'durations'> = {},
  ): readonly PlannedTask<keyof T & string>[] {
    return this.planned(graph, options, atOnce(this.recall(graph, options.only))) as PlannedTask<keyof T & string>[];
  }
}

/** A store has been asked not to answer with a promise. */
function atOnce(memory: ReturnType<Memory['open']> | undefined): RunMemory | undefined {
  return memory as RunMemory | undefined;
}

function finished(run: Run, clock: BlockingClock): RunReport {
  while (!run.settled) {
    try {
      clock.wait();
    } catch (error) {
      run.breakOff(error);
    }
  }
  return run.report();
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A clock whose timers do not fire by themselves: `wait()` blocks until the next is due and calls it. */
class BlockingClock implements Clock {
  readonly #clock: Clock;
  /** By the time at which they are due; those of the same time in the order in which they were set. */
  readonly #timers: Timer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.now() + delayMs, callback };
    let place = this.#timers.length;
    while (place > 0 && this.#timers[place - 1]!.dueMs > timer.dueMs) place--;
    this.#timers.splice(place, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  block(delayMs: number): void {
    this.#clock.block(delayMs);
  }

  wait(): void {
    const timer = this.#timers.shift();
    if (timer === undefined) throw new InvariantError('a run waits, but not for any timer.');
    const leftMs = timer.dueMs - this.now();
    if (leftMs > 0) this.#clock.block(leftMs);
    timer.callback();
  }
}
