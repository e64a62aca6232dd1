import type { Contender, Prepared, Results } from './contenders/contender.js';
import type { Shape } from './shapes.js';

/** What one contender did with one shape. */
export interface Measurement {
  readonly shape: string;
  readonly size: number;
  readonly contender: string;
  readonly peer: string;
  /** `undefined` if the contender did not take part. */
  readonly figures: Figures | undefined;
  /** Why it did not. */
  readonly note: string;
}

export interface Figures {
  readonly medianMs: number;
  /** The median over the peer's; `undefined` if the peer did not take part. */
  readonly ratio: number | undefined;
  readonly nsPerTask: number;
  /** Memory added by `prepare`, over the names, functions and dependency lists of the shape. */
  readonly builtBytesPerTask: number;
  /** The same after a run, with its results. */
  readonly heldBytesPerTask: number;
  readonly rounds: number;
}

/** So many tasks in one go, or as many as fit into the time: what comes first ends it. */
interface Portion {
  readonly tasks: number;
  readonly ms: number;
}

/** How much to do for one shape of one size. */
export interface Effort {
  /** So many rounds at least, */
  readonly roundsMin: number;
  /** at most so many, */
  readonly roundsMax: number;
  /** and in between as many as a contender can run in this time, in milliseconds. */
  readonly contenderMs: number;
  /** Run before the first round, for the compiler to do its work. */
  readonly warmUp: Portion;
  /** Run before each sample: a collection that finds no run under way throws away code that was compiled for runs. */
  readonly warmUpEachRound: Portion;
  /** What is timed together: a single run of a small graph measures the clock and the caches. At least one run. */
  readonly sample: Portion;
}

const EFFORT: Effort = {
  roundsMin: 3,
  roundsMax: 15,
  contenderMs: 400,
  warmUp: { tasks: 200_000, ms: 500 },
  warmUpEachRound: { tasks: 100_000, ms: 100 },
  sample: { tasks: 50_000, ms: 100 },
};

/** A collection that frees less than this was the last one needed. */
const FREED_BYTES_MIN = 100_000;

export const collectGarbage: () => void = globalThis.gc ?? (() => {});

/**
 * Lets contenders run one shape, one after the other, round by round, so that whatever else the machine does meets all of them alike.
 *
 * @param contenders - the first runs the shape as it must be run: all results are compared with its results
 * @throws Error if a contender has a wrong result
 */
export async function measured(
  shape: Shape,
  contenders: readonly Contender[],
  effort: Effort = EFFORT,
): Promise<Measurement[]> {
  const expected = await contenders[0]!.prepare(shape).run();
  const entrants: Entrant[] = [];
  for (const contender of contenders) {
    if (shape.size <= (contender.limit?.size ?? shape.size)) entrants.push(await entered(contender, shape, expected));
  }
  for (const entrant of entrants) await warmUp(entrant, shape, effort.warmUp);
  for (let round = 0; round < effort.roundsMax; round++) {
    for (const entrant of entrants)
      if (round < effort.roundsMin || entrant.spentMs < effort.contenderMs)
        await addSample(entrant, shape, expected, effort);
  }
  return contenders.map((contender) => measurementOf(contender, shape, entrants));
}

interface Entrant {
  readonly contender: Contender;
  readonly prepared: Prepared;
  readonly builtBytes: number;
  readonly heldBytes: number;
  readonly samplesMs: number[];
  spentMs: number;
}

async function entered(contender: Contender, shape: Shape, expected: Results): Promise<Entrant> {
  const beforeBytes = await memoryBytes();
  const prepared = contender.prepare(shape);
  const builtBytes = (await memoryBytes()) - beforeBytes;
  const results = await prepared.run();
  const heldBytes = (await memoryBytes()) - beforeBytes;
  // After the memory has been read, so that the results were still there.
  check(contender, shape, results, expected);
  return { contender, prepared, builtBytes, heldBytes, samplesMs: [], spentMs: 0 };
}

async function warmUp({ prepared }: Entrant, { size }: Shape, portion: Portion): Promise<void> {
  const endMs = performance.now() + portion.ms;
  for (let tasks = size; tasks <= portion.tasks && performance.now() < endMs; tasks += size) await timed(prepared);
}

async function addSample(
  entrant: Entrant,
  shape: Shape,
  expected: Results,
  { warmUpEachRound, sample }: Effort,
): Promise<void> {
  // Nobody pays for the garbage of others.
  collectGarbage();
  await warmUp(entrant, shape, warmUpEachRound);
  let runs = 0;
  let ms = 0;
  do {
    const run = await timed(entrant.prepared);
    ms += run.ms;
    runs++;
    if (runs === 1) check(entrant.contender, shape, run.results, expected);
  } while (runs * shape.size < sample.tasks && ms < sample.ms);
  entrant.samplesMs.push(ms / runs);
  entrant.spentMs += ms;
}

async function timed(prepared: Prepared): Promise<{ readonly ms: number; readonly results: Results }> {
  prepared.reset?.();
  const startMs = performance.now();
  const running = prepared.run();
  const results = running instanceof Promise ? await running : running;
  return { ms: performance.now() - startMs, results };
}

function check(contender: Contender, { name, names, size }: Shape, results: Results, expected: Results): void {
  for (let task = 0; task < size; task++) {
    if (results(task) === expected(task)) continue;
    throw new Error(
      `${contender.name}, ${name} of ${size}: the result of ${names[task]} is ${results(task)}, not ${expected(task)}.`,
    );
  }
}

function measurementOf(contender: Contender, { name: shape, size }: Shape, entrants: readonly Entrant[]): Measurement {
  const entrant = entrants.find((one) => one.contender === contender);
  const peer = entrants.find((one) => one.contender.name === contender.peer);
  const common = { shape, size, contender: contender.name, peer: contender.peer };
  if (entrant === undefined) return { ...common, figures: undefined, note: `not run, ${contender.limit?.why}` };
  const medianMs = median(entrant.samplesMs);
  const figures = {
    medianMs,
    ratio: peer === undefined ? undefined : medianMs / median(peer.samplesMs),
    nsPerTask: (medianMs * 1e6) / size,
    builtBytesPerTask: entrant.builtBytes / size,
    heldBytesPerTask: entrant.heldBytes / size,
    rounds: entrant.samplesMs.length,
  };
  return { ...common, figures, note: '' };
}

/** All that is reachable, in the heap and in typed arrays beside it. */
async function memoryBytes(): Promise<number> {
  // What is on the stack is not garbage yet.
  await new Promise((resolve) => setImmediate(resolve));
  let bytes = collectedBytes();
  // The first collection drops compiled code, a later one what that code has held.
  for (let before = Number.POSITIVE_INFINITY; before - bytes > FREED_BYTES_MIN; bytes = collectedBytes())
    before = bytes;
  return bytes;
}

function collectedBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
