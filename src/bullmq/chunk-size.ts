import type { JobAnswer } from './job-messages.js';
import type { JobKind } from './queue-server.js';

/** What is known of the jobs of one kind. */
interface Known {
  averageMs: number | undefined;
  /** When the first were sent to find that out. */
  probedAtMs: number | undefined;
  /** Since when some are held that do not fill a job. */
  heldAtMs: number | undefined;
  /** How many jobs each worker takes at once. */
  readonly room: Map<string, number>;
}

/** A job is to take so long, at least: what the queue costs is little beside it, in milliseconds. */
const JOB_MS = 10;
const CHUNK_MAX = 100;
/** So many jobs are sent to find out how long tasks take. */
const PROBES = 16;
/** So long nothing else is sent meanwhile, in milliseconds. */
const PROBE_MS = 250;
/** An io-bound task that takes less than this has hardly waited, in milliseconds. */
const TURN_MS = 1;
/** So many jobs are to be had for each place: one that runs, and one that is there when it has ended. */
const JOBS_PER_PLACE = 2;
/** While there are as many, tasks that do not fill a job wait for others to become ready; not longer than this, in milliseconds: those that run may take long. */
export const HOLD_MS = 10;
const LEARNING = 0.3;
/** What is shorter is taken to be as long as this, in milliseconds. */
const SHORTEST_MS = 0.01;

/** How many tasks go into one job: a fixed number, or as many as together take long enough to be worth a job. */
export class ChunkSize<A = unknown> {
  readonly #chunk: number | 'auto';
  readonly #known: Readonly<Record<JobKind, Known>> = {
    cpu: { averageMs: undefined, probedAtMs: undefined, heldAtMs: undefined, room: new Map() },
    io: { averageMs: undefined, probedAtMs: undefined, heldAtMs: undefined, room: new Map() },
  };
  #held: A[] = [];

  constructor(chunk: number | 'auto') {
    this.#chunk = chunk;
  }

  learn(kind: JobKind, { worker, room, ends }: JobAnswer): void {
    const known = this.#known[kind];
    known.room.set(worker, room[kind === 'cpu' ? 0 : 1]);
    if (ends.length === 0) return;
    const sum = ends.reduce((all, [, , tookMs]) => all + tookMs, 0);
    const tookMs = Math.max(sum / ends.length, SHORTEST_MS);
    // By ratios: a worker that had to wait for its processor once makes all tasks of a job a hundred times as long, and says nothing of the next.
    known.averageMs = known.averageMs === undefined ? tookMs : known.averageMs ** (1 - LEARNING) * tookMs ** LEARNING;
  }

  /**
   * Cuts what is to be sent into jobs. What is to be sent later is held: see {@link takeHeld}.
   *
   * @param underWay - how many jobs of this kind are in the queue or on workers
   */
  cut<T extends A>(attempts: readonly T[], kind: JobKind, underWay: number): T[][] {
    const known = this.#known[kind];
    if (this.#chunk === 'auto' && known.averageMs === undefined) return this.#probe(attempts, known);
    const most =
      this.#chunk === 'auto' ? Math.floor(JOB_MS / Math.max(known.averageMs!, JOB_MS / CHUNK_MAX)) : this.#chunk;
    if (most <= 1) return inPieces(attempts, 1);
    const missing = placesOf(known, kind) * JOBS_PER_PLACE - underWay;
    const fair = this.#chunk === 'auto' ? Math.ceil(attempts.length / Math.max(missing, 1)) : most;
    const pieces = inPieces(attempts, Math.min(most, fair));
    if (missing > 0 || known.room.size === 0 || pieces.at(-1)!.length === most || !this.#mayHold(known))
      known.heldAtMs = undefined;
    else this.#held.push(...pieces.pop()!);
    return pieces;
  }

  takeHeld(): A[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** Whether nothing has been held for so long that it is to go now. */
  #mayHold(known: Known): boolean {
    const nowMs = Date.now();
    known.heldAtMs ??= nowMs;
    return nowMs - known.heldAtMs < HOLD_MS;
  }

  #probe<T extends A>(attempts: readonly T[], known: Known): T[][] {
    const nowMs = Date.now();
    const isFirst = known.probedAtMs === undefined;
    known.probedAtMs ??= nowMs;
    if (nowMs - known.probedAtMs >= PROBE_MS) return inPieces(attempts, 1);
    const count = isFirst ? PROBES : 0;
    this.#held.push(...attempts.slice(count));
    return inPieces(attempts.slice(0, count), 1);
  }
}

/** How many jobs run at once. However many io-bound ones a worker has room for, what does not wait takes turns on its one event loop. */
function placesOf({ averageMs, room }: Known, kind: JobKind): number {
  if (kind === 'io' && averageMs !== undefined && averageMs < TURN_MS) return room.size;
  return [...room.values()].reduce((sum, one) => sum + one, 0);
}

function inPieces<T>(list: readonly T[], size: number): T[][] {
  const pieces: T[][] = [];
  for (let from = 0; from < list.length; from += size) pieces.push(list.slice(from, from + size));
  return pieces;
}
