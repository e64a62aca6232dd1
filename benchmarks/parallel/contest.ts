import { collectGarbage, median } from '../measure.js';
import type { OpenContender, PreparedGraph, ThreadContender } from './contenders/thread-contender.js';
import type { ThreadGraph } from './thread-graph.js';

/** What one contender did with one graph. */
export interface Timing {
  /** Which question it belongs to. */
  readonly part: string;
  readonly graph: string;
  readonly contender: string;
  readonly tasks: number;
  /** Medians of all rounds: from the start of the run to its end, and what all threads of the process computed meanwhile. */
  readonly medianMs: number;
  readonly cpuMs: number;
  /** The shortest of all rounds: what the rest of the machine disturbed least. */
  readonly bestMs: number;
  readonly rounds: number;
  /** No schedule is shorter; `undefined` where that is not asked. */
  readonly idealMs: number | undefined;
  /** How long each task is, where all are alike and that is what is looked at. */
  readonly taskUs: number | undefined;
}

export interface ThreadEffort {
  readonly rounds: number;
  /** What is timed together: as many runs as fit into so many milliseconds, at least one. */
  readonly sampleMs: number;
  /** Run before the first round, for so long. */
  readonly warmUpMs: number;
  /** Run before each sample: a collection that finds no run under way throws away code that was compiled for runs. */
  readonly warmUpEachRoundMs: number;
}

/** Some contenders, their threads started. */
export type Field = readonly { readonly name: string; readonly open: OpenContender }[];

export interface Contest {
  readonly part: string;
  readonly graph: ThreadGraph;
  readonly taskUs?: number;
  readonly idealMs?: (contender: string) => number;
}

/** Opens contenders for as long as `use` takes. */
export async function withContenders<T>(
  contenders: readonly ThreadContender[],
  use: (field: Field) => Promise<T>,
): Promise<T> {
  const field: { name: string; open: OpenContender }[] = [];
  try {
    for (const { name, open } of contenders) field.push({ name, open: await open() });
    return await use(field);
  } finally {
    for (const { open } of field) await open.close();
  }
}

/**
 * Lets contenders run one graph, one after the other, round by round, so that whatever else the machine does meets all of them alike.
 *
 * @throws Error if a contender has a wrong result
 */
export async function timed(field: Field, contest: Contest, effort: ThreadEffort): Promise<Timing[]> {
  return timedTogether(field, [contest], effort);
}

/** The same with several graphs: in each round all contenders run all of them. */
export async function timedTogether(
  field: Field,
  contests: readonly Contest[],
  effort: ThreadEffort,
): Promise<Timing[]> {
  const entrants = contests.flatMap((contest) =>
    field.map(({ name, open }) => ({ name, contest, prepared: open.prepare(contest.graph), samples: [] as Sample[] })),
  );
  for (const { name, contest, prepared } of entrants) await sampled(name, prepared, contest, effort.warmUpMs);
  for (let round = 0; round < effort.rounds; round++) {
    // Once a round, not once a turn: a second collection throws away the code of all who have not run since the first.
    collectGarbage();
    // Each time another one is the first.
    const first = round % entrants.length;
    for (const { name, contest, prepared, samples } of [...entrants.slice(first), ...entrants.slice(0, first)]) {
      if (effort.warmUpEachRoundMs > 0) await sampled(name, prepared, contest, effort.warmUpEachRoundMs);
      samples.push(await sampled(name, prepared, contest, effort.sampleMs));
    }
  }
  return entrants.map(({ name: contender, contest: { part, graph, taskUs, idealMs }, samples }) => ({
    part,
    graph: graph.name,
    contender,
    tasks: graph.tasks.length,
    medianMs: median(samples.map(({ ms }) => ms)),
    cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
    bestMs: Math.min(...samples.map(({ ms }) => ms)),
    rounds: samples.length,
    idealMs: idealMs?.(contender),
    taskUs,
  }));
}

/** Of one run, on average. */
interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
}

async function sampled(name: string, prepared: PreparedGraph, { graph }: Contest, sampleMs: number): Promise<Sample> {
  let ms = 0;
  let wholeMs = 0;
  let cpuMs = 0;
  let runs = 0;
  do {
    prepared.reset?.();
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    const results = await prepared.run();
    const runMs = performance.now() - startMs;
    const cpu = process.cpuUsage(cpuBefore);
    ms += prepared.tookMs?.() ?? runMs;
    wholeMs += runMs;
    cpuMs += (cpu.user + cpu.system) / 1000;
    if (runs++ > 0) continue;
    for (const [task, expected] of graph.expected.entries()) {
      if (expected === undefined || results(task) === expected) continue;
      throw new Error(
        `${name}, ${graph.name}: the result of ${graph.tasks[task]!.name} is ${results(task)}, not ${expected}.`,
      );
    }
  } while (wholeMs < sampleMs);
  return { ms: ms / runs, cpuMs: cpuMs / runs };
}
