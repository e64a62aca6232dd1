import { piscina } from '../contenders/piscina.js';
import { parallel } from '../contenders/taskmap-threads.js';
import { THREADS } from '../contenders/thread-contender.js';
import { workerpoolExec } from '../contenders/workerpool.js';
import { type ThreadEffort, type Timing, timedTogether, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { random, stencil, uniform } from '../thread-graph.js';

export const METG = 'metg';

const EDGES = { 'stencil 4': stencil(4, 100), 'stencil 8': stencil(8, 50), random: random(500) };

const LENGTHS_US = [4, 8, 16, 24, 32, 48, 64, 96, 128, 256, 512];

const EFFORT: ThreadEffort = { rounds: 20, sampleMs: 8, warmUpMs: 10, warmUpEachRoundMs: 0 };

export const metg: Part = {
  name: METG,
  title: 'METG(50 %)',
  legend: `\
The smallest granularity of tasks at which a contender is half as effective as at its best (Slaughter et al., "Task Bench", SC'20). The tasks compute: a fixed number
of iterations for each length, the length being what they take on the main thread. Efficiency is work per time, in parts of the contender's own best on that graph; granularity is time x
threads / tasks, at the point where the efficiency falls below one half. The shortest of all rounds counts: tasks that compute feel whatever else the machine does.`,
  async *run() {
    const perUs = await iterationsPerUs();
    for (const [name, edges] of Object.entries(EDGES)) {
      yield await withContenders([parallel, piscina, workerpoolExec], async (field) => {
        const contests = LENGTHS_US.map((taskUs) => ({
          part: METG,
          graph: uniform(name, edges, 'spin', Math.round(taskUs * perUs)),
          taskUs,
        }));
        return timedTogether(field, contests, EFFORT);
      });
    }
  },
};

/** How many iterations of `spin` this machine makes in a microsecond, undisturbed. */
export async function iterationsPerUs(): Promise<number> {
  const { spin } = (await import(new URL('../threads/kernels.mjs', import.meta.url).href)) as {
    spin: (iterations: number) => void;
  };
  const iterations = 100_000;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 200; time++) {
    const startMs = performance.now();
    spin(iterations);
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  return iterations / (bestMs * 1000);
}

/** Of one contender on one graph, for each length. */
export interface Efficiency {
  readonly taskUs: number;
  /** In parts of the best. */
  readonly efficiency: number;
  /** How long a task takes including all that is around it. */
  readonly granularityUs: number;
}

/** @param timings - of one contender on one graph */
export function efficiencies(timings: readonly Timing[]): Efficiency[] {
  const rates = timings.map(({ taskUs, tasks, bestMs }) => (taskUs! * tasks) / bestMs);
  const best = Math.max(...rates);
  return timings
    .map(({ taskUs, tasks, bestMs }, index) => ({
      taskUs: taskUs!,
      efficiency: rates[index]! / best,
      granularityUs: (bestMs * 1000 * THREADS) / tasks,
    }))
    .sort((a, b) => a.taskUs - b.taskUs);
}

/** The granularity at which the efficiency falls below one half, coming from the longest tasks; in between two lengths, on the line that logarithms make. */
export function metgUs(curve: readonly Efficiency[]): number {
  const below = curve.findLastIndex(({ efficiency }) => efficiency < 0.5);
  const above = curve[below + 1]!;
  if (below === -1) return above.granularityUs;
  const under = curve[below]!;
  const part = Math.log(0.5 / under.efficiency) / Math.log(above.efficiency / under.efficiency);
  return under.granularityUs * (above.granularityUs / under.granularityUs) ** part;
}
