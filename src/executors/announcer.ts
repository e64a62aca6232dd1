import type { RunReport, RunStarted, StoreRepair, TaskRecord, ThreadId, Unseen, UntypedEvents } from '../events.js';
import type { HeldResult } from '../graph/held-result.js';
import type { OpenGraph } from '../graph/task-graph.js';
import type { LiveAttempt } from './attempt.js';
import type { Clock } from './clock.js';
import { type Emitter, EVENT_BITS } from './emitter.js';

/** An attempt of which nobody asked when it began, or that has not begun yet. */
export const NOT_TIMED = -1;

const READY_BIT = EVENT_BITS['task:ready'];
const STARTED_BIT = EVENT_BITS['task:started'];
const DONE_BIT = EVENT_BITS['task:done'];
/** Whoever listens to one of these may want to know how long an attempt took. */
const TIMED_BITS = STARTED_BIT | DONE_BIT | EVENT_BITS['task:failed'];

/** Tells what happens in one run: makes the records of its events, those that somebody listens to and no others. */
export class Announcer {
  readonly #emitter: Emitter;
  readonly #clock: Clock;
  readonly #runId: string;
  readonly #open: OpenGraph;

  constructor(emitter: Emitter, clock: Clock, runId: string, open: OpenGraph) {
    this.#emitter = emitter;
    this.#clock = clock;
    this.#runId = runId;
    this.#open = open;
  }

  /** Somebody may want to know when attempts begin, or how long they take. */
  get isTimed(): boolean {
    return (this.#emitter.listening & TIMED_BITS) !== 0;
  }

  /** Somebody wants to know when tasks become ready. */
  get tellsReady(): boolean {
    return (this.#emitter.listening & READY_BIT) !== 0;
  }

  /** Somebody wants to know what a store cannot see. */
  get tellsUnseen(): boolean {
    return this.#listens('store:unseen');
  }

  /**
   * @param selected - a 1 for each task that is to be run; all pending ones if `undefined`
   * @param estimates - how long each task is thought to take, in milliseconds, if anything is known of that
   */
  runStarted(
    taskGraph: RunStarted['taskGraph'],
    atMs: number,
    selected: Uint8Array | undefined,
    estimates: Float64Array | undefined,
  ): void {
    if (!this.#listens('run:started')) return;
    const { name: graph, size: taskCount } = taskGraph;
    const { names } = this.#open;
    this.#emitter.emit('run:started', {
      runId: this.#runId,
      atMs,
      graph,
      taskCount,
      taskGraph,
      ...(selected && { selected: new Set(names.filter((_, id) => selected[id] === 1)) }),
      ...(estimates && { estimates: new Map(names.map((name, id) => [name, estimates[id]!])) }),
    });
  }

  /** @param atMs - if it was earlier than now */
  ready(id: number, atMs: number = this.#clock.now()): void {
    this.#emitter.emit('task:ready', this.#record(id, atMs));
  }

  started(id: number, attempt: number, atMs: number, thread: ThreadId = 'main'): void {
    if ((this.#emitter.listening & STARTED_BIT) === 0) return;
    const { ioBound, meta } = this.#open.settings[id]!;
    const task = this.#open.names[id]!;
    const started = { runId: this.#runId, atMs, task, attempt, ioBound, thread };
    // Most tasks have none, and this is told of every task.
    this.#emitter.emit('task:started', meta === undefined ? started : { ...started, meta });
  }

  progressed({ id, attempt }: LiveAttempt, fraction: number, note: string | undefined): void {
    if (this.#listens('task:progress'))
      this.#emitter.emit('task:progress', { ...this.#record(id), attempt, fraction, note });
  }

  retrying({ id, attempt }: LiveAttempt, error: unknown, delayMs: number): void {
    if (this.#listens('task:retrying'))
      this.#emitter.emit('task:retrying', { ...this.#record(id), attempt, error, delayMs });
  }

  interrupted({ id, attempt }: LiveAttempt, reason: unknown): void {
    if (this.#listens('task:interrupted'))
      this.#emitter.emit('task:interrupted', { ...this.#record(id), attempt, reason });
  }

  /** A task is done whose result was kept: nothing was started. */
  kept(id: number, held: HeldResult, source: 'graph' | 'store'): void {
    if (!this.#listens('task:done')) return;
    this.#emitter.emit('task:done', {
      ...this.#record(id),
      attempt: 0,
      get result() {
        return held.value;
      },
      source,
      durationMs: 0,
    });
  }

  storeRepaired(repair: StoreRepair): void {
    if (this.#listens('store:repaired'))
      this.#emitter.emit('store:repaired', { runId: this.#runId, atMs: this.#clock.now(), ...repair });
  }

  storeUnseen(unseen: Unseen): void {
    if (this.#listens('store:unseen'))
      this.#emitter.emit('store:unseen', { runId: this.#runId, atMs: this.#clock.now(), ...unseen });
  }

  storeRefused(id: number, error: unknown): void {
    if (this.#listens('store:refused')) this.#emitter.emit('store:refused', { ...this.#record(id), error });
  }

  /** @param tookMs - how long it took, if that was measured where it ran */
  done(id: number, attempt: number, startedAtMs: number, tookMs: number | undefined, result: unknown): void {
    if ((this.#emitter.listening & DONE_BIT) === 0) return;
    const atMs = this.#clock.now();
    const durationMs = durationOf(startedAtMs, atMs, tookMs);
    const { meta } = this.#open.settings[id]!;
    const task = this.#open.names[id]!;
    const done = { runId: this.#runId, atMs, task, attempt, result, source: 'run' as const, durationMs };
    this.#emitter.emit('task:done', meta === undefined ? done : { ...done, meta });
  }

  /** The same of one whose result is held as bytes. */
  doneHeld({ id, attempt, startedAtMs, tookMs }: LiveAttempt, held: HeldResult): void {
    if (!this.#listens('task:done')) return;
    const record = this.#record(id);
    this.#emitter.emit('task:done', {
      ...record,
      attempt,
      get result() {
        return held.value;
      },
      source: 'run',
      durationMs: durationOf(startedAtMs, record.atMs, tookMs),
    });
  }

  failed({ id, attempt, startedAtMs, tookMs }: LiveAttempt, error: unknown): void {
    if (!this.#listens('task:failed')) return;
    const record = this.#record(id);
    this.#emitter.emit('task:failed', {
      ...record,
      attempt,
      error,
      source: 'run',
      durationMs: durationOf(startedAtMs, record.atMs, tookMs),
    });
  }

  /** A task has failed whose failure a store kept: nothing was started. */
  failsStill(id: number, error: unknown): void {
    if (this.#listens('task:failed'))
      this.#emitter.emit('task:failed', { ...this.#record(id), attempt: 0, error, source: 'store', durationMs: 0 });
  }

  skipped(id: number, because: number): void {
    if (this.#listens('task:skipped'))
      this.#emitter.emit('task:skipped', { ...this.#record(id), because: this.#open.names[because]! });
  }

  /** @param ended - what ended it before its tasks had, if anything did */
  runFinished(report: RunReport, atMs: number, ended: { readonly reason: unknown } | undefined): void {
    if (!this.#listens('run:finished')) return;
    this.#emitter.emit(
      'run:finished',
      ended === undefined ? { ...report, atMs } : { ...report, atMs, reason: ended.reason },
    );
  }

  #listens(event: keyof UntypedEvents): boolean {
    return (this.#emitter.listening & EVENT_BITS[event]) !== 0;
  }

  #record(id: number, atMs: number = this.#clock.now()): TaskRecord {
    const { meta } = this.#open.settings[id]!;
    const task = this.#open.names[id]!;
    return meta === undefined ? { runId: this.#runId, atMs, task } : { runId: this.#runId, atMs, task, meta };
  }
}

/** How long an attempt took, in milliseconds; 0 if nobody asked when it began. */
export function durationOf(startedAtMs: number, atMs: number, tookMs: number | undefined): number {
  return tookMs ?? (startedAtMs === NOT_TIMED ? 0 : atMs - startedAtMs);
}
