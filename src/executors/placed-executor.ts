/**
 * What `taskmap-ts/places` exports. The reference shows it beside the rest: what its class inherits links to names
 * there.
 *
 * @mergeModuleWith index
 * @module
 */

import { InvalidOptionError } from '../errors.js';
import type { Task, TaskSettings } from '../graph/task.js';
import { openGraph, type TaskGraph } from '../graph/task-graph.js';
import type { Place, PlacedRun } from '../places/place.js';
import type { Slots } from '../schedule/schedule.js';
import { AsyncExecutor } from './async-executor.js';
import type { Attempt } from './attempt.js';
import { callersStack } from './callers-stack.js';
import { runAlone } from './lone-attempt.js';
import type { Placing } from './run.js';

export { WorkerLostError } from '../errors.js';
export type * from '../places/place.js';
export { RemotePlace, type RemotePlaceOptions, type RemoteWorker } from '../places/remote-place.js';
export { type FarSide, serveAttempts } from '../places/serve-attempts.js';

/**
 * The base of executors whose tasks run somewhere else: on threads, on a queue, on a service. A subclass says which
 * tasks stay here and makes a {@link Place} for each run; order, retries, timeouts, aborts, stores and events are those
 * of every executor.
 *
 * @example
 * import { TaskGraphBuilder } from 'taskmap-ts';
 * import { type Place, PlacedExecutor, type PlacedRun, type RemoteAttempt } from 'taskmap-ts/places';
 *
 * // A place that has one attempt at a time, and calls its function a little later.
 * class Later implements Place {
 *   readonly run: PlacedRun;
 *   #attempt: RemoteAttempt | undefined;
 *
 *   constructor(run: PlacedRun) {
 *     this.run = run;
 *   }
 *
 *   get isBusy() {
 *     return this.#attempt !== undefined;
 *   }
 *
 *   fill() {
 *     const attempt = this.isBusy ? undefined : this.run.take();
 *     if (attempt === undefined) return;
 *     this.#attempt = attempt;
 *     const startedAtMs = this.run.now();
 *     const ended = (kind: 'returned' | 'threw') => (value: unknown) => {
 *       // Unless it was given up.
 *       if (this.#attempt !== attempt) return;
 *       this.#attempt = undefined;
 *       const tookMs = this.run.now() - startedAtMs;
 *       this.run.ended(attempt, { kind, value, startedAtMs, tookMs, where: 'later' });
 *     };
 *     this.run.began(attempt, startedAtMs, 'later');
 *     Promise.resolve().then(attempt.invoke).then(ended('returned'), ended('threw'));
 *   }
 *
 *   stop() {}
 *   abort() {}
 *   giveUp(attempt: RemoteAttempt) {
 *     this.#attempt = undefined;
 *     this.run.ended(attempt, { kind: 'lost' });
 *   }
 *   end() {}
 * }
 *
 * class LaterExecutor extends PlacedExecutor {
 *   protected override staysHere() {
 *     return false;
 *   }
 *   protected override placeFor(run: PlacedRun) {
 *     return new Later(run);
 *   }
 * }
 *
 * const graph = new TaskGraphBuilder().task('answer', () => 42).build();
 * await new LaterExecutor().run(graph);
 * graph.result('answer'); // => 42
 */
export abstract class PlacedExecutor<Tasks extends object = any> extends AsyncExecutor<Tasks> {
  /**
   * Override point: makes the place of a run. Called before anything of the run has begun: what this throws, `run()`
   * rejects with, and nothing has happened.
   *
   * @param tasks - those that may come to the place, to refuse what cannot run there: all that do not stay here and are
   * not done. Each is made when it is asked for
   */
  protected abstract placeFor(run: PlacedRun, tasks: Iterable<Task>): Place;

  /** Override point: whether a task runs on the thread that called `run()`, as those with `.onMainThread()` do. */
  protected abstract staysHere(settings: TaskSettings): boolean;

  /**
   * Override point: where an attempt runs. The default sends it to its place, or calls the function here if its task
   * stays here.
   *
   * A subclass decides attempt by attempt. So they are sent one by one, and each is told of as started on the main
   * thread; one that cannot be sent fails its task.
   */
  protected override runAttempt(attempt: Attempt): unknown {
    if (attempt?.task === undefined)
      throw new InvalidOptionError(
        'attempt',
        'the attempt that runAttempt() was given: a copy of it lacks its getters',
        attempt,
      );
    if (this.staysHere(attempt.task)) return attempt.invoke();
    return runAlone(attempt, this.graceMs, (run) => this.placeFor(run, this.#placedTasks(run.graph)));
  }

  /** @internal How many attempts may be on their way one by one, for a subclass that overrides `runAttempt`. */
  protected get slotsOneByOne(): Slots {
    return super.slots;
  }

  /** @internal */
  protected override get overridesRunAttempt(): boolean {
    return this.runAttempt !== PlacedExecutor.prototype.runAttempt;
  }

  /** @internal */
  protected override get slots(): Slots {
    return this.overridesRunAttempt ? this.slotsOneByOne : super.slots;
  }

  /** @internal */
  protected override placing(graph: TaskGraph): Placing | undefined {
    // Then runAttempt() is asked for each of them.
    if (this.overridesRunAttempt) return undefined;
    const placeFor = (run: PlacedRun) => this.placeFor(run, this.#placedTasks(graph));
    return { tasks: this.placed(graph), placeFor, calledFrom: callersStack(this) };
  }

  /** @internal A 1 for each task that does not stay here. */
  protected placed(graph: TaskGraph): Uint8Array {
    const { settings } = openGraph(graph);
    const placed = new Uint8Array(settings.length);
    for (let id = 0; id < placed.length; id++) if (!this.staysHere(settings[id]!)) placed[id] = 1;
    return placed;
  }

  *#placedTasks(graph: TaskGraph): Iterable<Task> {
    const { names, functions, settings, outcomes } = openGraph(graph);
    for (const [id, one] of settings.entries())
      if (!outcomes.isDone(id) && !this.staysHere(one)) yield { name: names[id]!, fn: functions[id]!, ...one };
  }
}
