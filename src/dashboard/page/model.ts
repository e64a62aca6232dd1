import { applyChanges } from '../apply-changes.js';
import type { Changes, ShownRun, Snapshot } from '../messages.js';
import type { ConnectionState } from './connection.js';
import { RunState, Structure } from './run-state.js';

/** A page that pauses for longer keeps no more messages: it asks for a new snapshot when it goes on. */
const HELD_BACK_MAX = 600;

interface Known {
  run: ShownRun;
  readonly structure: Structure;
  state: RunState | undefined;
}

/** What the page knows: all runs, which of them is shown, and what time it is for it. */
export class Model {
  control = false;
  connection: ConnectionState = 'connecting';
  /** Messages that have come, and those of them that have been applied. */
  heard = 0;
  applied = 0;
  /** How long the last message took from the server's clock to here, in milliseconds, and how long the slowest did. */
  lagMs = 0;
  lagMaxMs = 0;
  #known = new Map<string, Known>();
  #chosen: string | undefined;
  #heldBack: ({ readonly snapshot: Snapshot } | { readonly changes: Changes })[] = [];
  #isPaused = false;
  #isBehind = false;
  /** What the server's clock is ahead of the time since the page began. */
  #clockAheadMs = Number.NEGATIVE_INFINITY;
  #heardAtMs = 0;
  #pausedAtMs = 0;

  get hasHeard(): boolean {
    return this.#clockAheadMs > Number.NEGATIVE_INFINITY;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** In the order in which they began. */
  get runs(): readonly ShownRun[] {
    return Array.from(this.#known.values(), ({ run }) => run);
  }

  /** The run that the user picked; `undefined` as long as the latest is followed. */
  get chosen(): string | undefined {
    return this.#chosen;
  }

  /** @param runId - `undefined` to follow the latest */
  choose(runId: string | undefined): void {
    this.#chosen = runId;
  }

  /** The run that is shown. */
  get shown(): RunState | undefined {
    const known =
      (this.#chosen === undefined ? undefined : this.#known.get(this.#chosen)) ?? [...this.#known.values()].at(-1);
    if (known === undefined) return undefined;
    known.state ??= new RunState(known.run, known.structure);
    return known.state;
  }

  /** What time it is for the server, in milliseconds since 1970. It stands still while the page is paused, and while nobody can know what the run does. */
  get nowMs(): number {
    if (this.#isPaused) return this.#pausedAtMs;
    if (this.connection !== 'live') return this.#heardAtMs;
    return this.#serverNowMs();
  }

  snapshot(snapshot: Snapshot): void {
    this.heard++;
    this.control = snapshot.control;
    if (this.#isPaused) {
      // It holds all that was held back, and more.
      this.#heldBack = [{ snapshot }];
      this.#isBehind = false;
    } else this.#take(snapshot);
  }

  changes(changes: Changes): void {
    this.heard++;
    if (!this.#isPaused) this.#apply(changes);
    else if (this.#heldBack.length < HELD_BACK_MAX) this.#heldBack.push({ changes });
    else this.#isBehind = true;
  }

  pause(): void {
    this.#pausedAtMs = this.nowMs;
    this.#isPaused = true;
  }

  /** @returns whether all is known that has happened meanwhile; if not, a new snapshot is needed */
  resume(): boolean {
    this.#isPaused = false;
    const known = !this.#isBehind;
    for (const message of known ? this.#heldBack : []) {
      if ('snapshot' in message) this.#take(message.snapshot);
      else this.#apply(message.changes);
    }
    this.#heldBack = [];
    this.#isBehind = false;
    return known;
  }

  #take({ nowMs, runs }: Snapshot): void {
    this.applied++;
    this.#clockAheadMs = Number.NEGATIVE_INFINITY;
    this.#heard(nowMs);
    const before = this.#known;
    this.#known = new Map();
    // What stays the same of a run need not be worked out again.
    for (const run of runs)
      this.#known.set(run.runId, {
        run,
        structure: before.get(run.runId)?.structure ?? new Structure(run),
        state: undefined,
      });
    this.#dropChoice();
  }

  #apply({ nowMs, begun, forgotten, runs }: Changes): void {
    this.applied++;
    this.#heard(nowMs);
    this.lagMs = Math.max(this.#serverNowMs() - nowMs, 0);
    this.lagMaxMs = Math.max(this.lagMaxMs, this.lagMs);
    for (const run of begun) this.#known.set(run.runId, { run, structure: new Structure(run), state: undefined });
    for (const runId of forgotten) this.#known.delete(runId);
    for (const changes of runs) {
      const known = this.#known.get(changes.runId);
      if (known === undefined) continue;
      known.run = applyChanges(known.run, changes);
      known.state = undefined;
    }
    this.#dropChoice();
  }

  #dropChoice(): void {
    if (this.#chosen !== undefined && !this.#known.has(this.#chosen)) this.#chosen = undefined;
  }

  /** The message that was under way for the shortest time tells best how the clocks differ. */
  #heard(nowMs: number): void {
    this.#clockAheadMs = Math.max(this.#clockAheadMs, nowMs - performance.now());
    this.#heardAtMs = nowMs;
  }

  #serverNowMs(): number {
    return performance.now() + this.#clockAheadMs;
  }
}
