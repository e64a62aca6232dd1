import type { Bar, Reached } from '../bars.js';
import { BARE_THREADS } from './contenders/bare-threads.js';
import { PISCINA } from './contenders/piscina.js';
import { OBSERVED } from './contenders/taskmap-observed.js';
import { IO_ON_MAIN, IO_ON_THREAD, PARALLEL } from './contenders/taskmap-threads.js';
import { WORKERPOOL } from './contenders/workerpool.js';
import type { Timing } from './contest.js';
import { LOOKING, NOT_LOOKING } from './parts/closures.js';
import { EMPTY_TASKS, INDEPENDENT } from './parts/empty-tasks.js';
import { EIGHT_CHAINS, FLOODED, ONE_CHAIN } from './parts/flooded.js';
import { KEPT, NOTHING_TO_DO, ON_THREADS, ON_THREADS_KEPT, ONE_LOOP } from './parts/kept.js';
import { MAKESPAN } from './parts/makespan.js';
import { efficiencies, METG, metgUs } from './parts/metg.js';
import { OBSERVED_RUN } from './parts/observed.js';
import { STRAGGLER } from './parts/straggler.js';

export function threadBarsOf(timings: readonly Timing[]): Bar[] {
  const empty = timings.filter(({ part }) => part === EMPTY_TASKS);
  const flat = empty.filter(({ graph }) => graph === INDEPENDENT);
  const joined = empty.filter(({ graph }) => graph !== INDEPENDENT);
  const inFlood = (name: string) => timings.filter(({ part, graph }) => part === FLOODED && graph === name);
  return [
    ...[PISCINA, WORKERPOOL].flatMap((peer) => [
      bar(`parallel, independent empty tasks, against ${peer}`, 0.1, ratios(flat, PARALLEL, peer)),
      bar(`parallel, empty tasks in graphs, against ${peer}`, 0.15, ratios(joined, PARALLEL, peer)),
    ]),
    bar('METG(50 %) against piscina, random graph', 0.2, metgRatios(timings, ['random'])),
    bar('METG(50 %) against piscina, stencils', 0.5, metgRatios(timings, ['stencil 4', 'stencil 8'])),
    bar('makespan of random graphs of 1 to 20 ms tasks, against bare threads', 1.1, overBareThreads(timings)),
    bar('makespan with one long task among tiny ones, against the ideal', 1.4, overIdeal(timings, STRAGGLER)),
    bar('a chain of waits in a flood, against the same in the queue of piscina', 0.33, [
      ...ratios(inFlood(ONE_CHAIN), IO_ON_MAIN, PISCINA, "io: 'main'"),
      ...ratios(inFlood(ONE_CHAIN), IO_ON_THREAD, PISCINA, "io: 'thread'"),
    ]),
    bar('eight chains of waits in a flood, against the same on the flooded threads', 0.33, [
      ...ratios(inFlood(EIGHT_CHAINS), IO_ON_MAIN, PARALLEL, "io: 'main'"),
      ...ratios(inFlood(EIGHT_CHAINS), IO_ON_THREAD, PARALLEL, "io: 'thread'"),
    ]),
    bar('computing with a dashboard and a run log, against without', 1.1, overAlone(timings)),
    { what: 'looking at what 10 000 functions use', unit: ' ms', atMost: 500, reached: lookingMs(timings) },
    {
      what: 'a rerun with nothing to do, of rows that take 46 MB: computing',
      unit: ' ms',
      atMost: 500,
      reached: keptOf(timings)
        .filter(({ contender }) => contender === NOTHING_TO_DO)
        .map(({ graph, cpuMs }) => ({ where: graph, figure: cpuMs })),
    },
    bar('rows parsed and joined on threads, against one loop: computing', 1.5, overLoop(timings, ON_THREADS)),
    bar('the same with a FileStore, against one loop: computing', 1.8, overLoop(timings, ON_THREADS_KEPT)),
  ];
}

function bar(what: string, atMost: number, reached: readonly Reached[]): Bar {
  return { what, unit: 'x', atMost, reached };
}

function ratios(timings: readonly Timing[], contender: string, over: string, where?: string): Reached[] {
  return timings.flatMap((ours) => {
    const theirs = timings.find(({ graph, contender: other }) => graph === ours.graph && other === over);
    if (ours.contender !== contender || theirs === undefined) return [];
    return [{ where: where ?? ours.graph, figure: ours.medianMs / theirs.medianMs }];
  });
}

function overAlone(timings: readonly Timing[]): Reached[] {
  const watched = timings.filter(({ part }) => part === OBSERVED_RUN);
  const of = (name: string) => watched.find(({ contender }) => contender === name);
  const [looking, alone] = [of(OBSERVED), of(PARALLEL)];
  return looking === undefined || alone === undefined
    ? []
    : [{ where: looking.graph, figure: looking.cpuMs / alone.cpuMs }];
}

function keptOf(timings: readonly Timing[]): readonly Timing[] {
  return timings.filter(({ part }) => part === KEPT);
}

function overLoop(timings: readonly Timing[], contender: string): Reached[] {
  const of = (name: string) => keptOf(timings).find((one) => one.contender === name);
  const [ours, loop] = [of(contender), of(ONE_LOOP)];
  return ours === undefined || loop === undefined ? [] : [{ where: ours.graph, figure: ours.cpuMs / loop.cpuMs }];
}

function lookingMs(timings: readonly Timing[]): Reached[] {
  return timings.flatMap((looking) => {
    const other = timings.find(({ graph, contender }) => graph === looking.graph && contender === NOT_LOOKING);
    if (looking.contender !== LOOKING || other === undefined) return [];
    return [{ where: looking.graph, figure: looking.medianMs - other.medianMs }];
  });
}

function metgRatios(timings: readonly Timing[], graphs: readonly string[]): Reached[] {
  return graphs.flatMap((where) => {
    const of = (name: string) =>
      timings.filter(({ part, graph, contender }) => part === METG && graph === where && contender === name);
    const ours = of(PARALLEL);
    const theirs = of(PISCINA);
    if (ours.length === 0 || theirs.length === 0) return [];
    return [{ where, figure: metgUs(efficiencies(ours)) / metgUs(efficiencies(theirs)) }];
  });
}

function overBareThreads(timings: readonly Timing[]): Reached[] {
  const makespans = timings.filter(({ part }) => part === MAKESPAN);
  return makespans.flatMap((ours) => {
    const bare = makespans.find(({ graph, contender }) => graph === ours.graph && contender === BARE_THREADS);
    if (ours.contender !== PARALLEL || bare === undefined) return [];
    return [{ where: ours.graph, figure: ours.medianMs / Math.max(ours.idealMs!, bare.medianMs) }];
  });
}

function overIdeal(timings: readonly Timing[], name: string): Reached[] {
  return timings
    .filter(({ part, contender }) => part === name && contender === PARALLEL)
    .map(({ graph, medianMs, idealMs }) => ({ where: graph, figure: medianMs / idealMs! }));
}
