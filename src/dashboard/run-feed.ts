import { type EventListeners, Observer } from '../observe/observer.js';
import type { Changes, RunChanges, Snapshot } from './messages.js';
import { RunState, type RunStateOptions } from './run-state.js';

/** What is kept of runs. */
export interface RunFeedOptions extends RunStateOptions {
  /** So many runs that have ended are kept, the latest ones. */
  readonly runsMax: number;
  /** Whether the page is told that it may abort runs and have failed tasks run again. */
  readonly control: boolean;
}

/**
 * Keeps what is known of the latest runs, and tells it: all of it, or what has changed since it was last told. As long as nobody watches, nothing is made of
 * what is heard.
 */
export class RunFeed extends Observer {
  readonly #options: RunFeedOptions;
  /** In the order in which they began. */
  readonly #runs = new Map<string, RunState>();
  #latest: RunState | undefined;
  #onChange: (() => void) | undefined;
  #hasChanged = false;
  // What has changed since it was last told, besides the runs themselves.
  readonly #begun = new Set<RunState>();
  #forgotten: string[] = [];

  protected override readonly listeners: EventListeners = {
    'run:started': (record) => {
      const run = new RunState(record, this.#options);
      this.#runs.set(record.runId, run);
      if (this.#onChange !== undefined) this.#begun.add(run);
      this.#changed();
    },
    'task:ready': ({ runId, task }) => {
      this.#run(runId)?.ready(task);
      this.#changed();
    },
    'task:started': (record) => {
      this.#run(record.runId)?.started(record);
      this.#changed();
    },
    'task:progress': (record) => {
      this.#run(record.runId)?.progressed(record);
      this.#changed();
    },
    'task:retrying': (record) => {
      this.#run(record.runId)?.retrying(record);
      this.#changed();
    },
    'task:interrupted': (record) => {
      this.#run(record.runId)?.interrupted(record);
      this.#changed();
    },
    'task:done': (record) => {
      this.#run(record.runId)?.done(record);
      this.#changed();
    },
    'task:failed': (record) => {
      this.#run(record.runId)?.failed(record);
      this.#changed();
    },
    'task:skipped': ({ runId, task }) => {
      this.#run(runId)?.skipped(task);
      this.#changed();
    },
    'run:finished': (record) => {
      this.#run(record.runId)?.finished(record);
      this.#forgetOldRuns();
      this.#changed();
    },
  };

  constructor(options: RunFeedOptions) {
    super();
    this.#options = options;
  }

  /** A run that is kept. */
  run(runId: string): RunState | undefined {
    return this.#runs.get(runId);
  }

  /** Whether anything has changed since it was last told. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** From now on changes are noted. Everything is to be told by {@link snapshotText} first. */
  watch(onChange: () => void): void {
    this.#onChange = onChange;
    for (const run of this.#runs.values()) {
      run.isWatched = true;
      run.markTold();
    }
    this.#clearChanges();
  }

  unwatch(): void {
    this.#onChange = undefined;
    for (const run of this.#runs.values()) run.isWatched = false;
    this.#clearChanges();
  }

  /** All that is known, as JSON of a {@link Snapshot}. */
  snapshotText(nowMs: number): string {
    const head = { nowMs, control: this.#options.control } satisfies Omit<Snapshot, 'runs'>;
    return `${JSON.stringify(head).slice(0, -1)},"runs":${this.#shownTexts(this.#runs.values(), nowMs)}}`;
  }

  /** What has changed since it was last told, as JSON of {@link Changes}; `undefined` if nothing has. */
  takeChangesText(nowMs: number): string | undefined {
    if (!this.#hasChanged) return undefined;
    const begun = this.#shownTexts(this.#begun, nowMs);
    for (const run of this.#begun) run.markTold();
    const runs: RunChanges[] = [];
    for (const run of this.#runs.values()) {
      const changes = run.takeChanges(nowMs);
      if (changes !== undefined) runs.push(changes);
    }
    const rest = { nowMs, forgotten: this.#forgotten, runs } satisfies Omit<Changes, 'begun'>;
    this.#clearChanges();
    return `${JSON.stringify(rest).slice(0, -1)},"begun":${begun}}`;
  }

  /** Has the time left of runs that are under way told again, whether or not anything has happened. */
  touch(): void {
    for (const run of this.#runs.values()) {
      if (run.status !== 'running') continue;
      run.touch();
      this.#hasChanged = true;
    }
  }

  /** Listens to nothing any more. What is known stays known. */
  override close(): void {
    super.close();
    this.unwatch();
  }

  /** Most events are of the run that the one before was of. */
  #run(runId: string): RunState | undefined {
    if (this.#latest?.runId === runId) return this.#latest;
    const run = this.#runs.get(runId);
    if (run !== undefined) this.#latest = run;
    return run;
  }

  #shownTexts(runs: Iterable<RunState>, nowMs: number): string {
    return `[${Array.from(runs, (run) => run.shownText(nowMs)).join(',')}]`;
  }

  #changed(): void {
    if (this.#hasChanged || this.#onChange === undefined) return;
    this.#hasChanged = true;
    this.#onChange();
  }

  #clearChanges(): void {
    for (const run of this.#begun) run.isWatched = this.#onChange !== undefined;
    this.#begun.clear();
    this.#forgotten = [];
    this.#hasChanged = false;
  }

  #forgetOldRuns(): void {
    const ended = [...this.#runs.values()].filter(({ status }) => status !== 'running');
    for (const run of ended.slice(0, Math.max(ended.length - this.#options.runsMax, 0))) {
      this.#runs.delete(run.runId);
      if (this.#latest === run) this.#latest = undefined;
      // Nobody has heard of one that has begun and ended since.
      if (this.#onChange !== undefined && !this.#begun.delete(run)) this.#forgotten.push(run.runId);
    }
  }
}
