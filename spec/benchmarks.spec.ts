import { ParallelAsyncExecutor } from 'taskmap-ts';
import { expect, it } from 'vitest';
import { barsOf, isMet, worst } from '../benchmarks/bars.js';
import { bareLoop } from '../benchmarks/contenders/bare-loop.js';
import { LINE_UP } from '../benchmarks/contenders/line-up.js';
import { type Effort, type Measurement, measured } from '../benchmarks/measure.js';
import { bareThreads } from '../benchmarks/parallel/contenders/bare-threads.js';
import { piscina } from '../benchmarks/parallel/contenders/piscina.js';
import {
  async,
  IO_ON_MAIN,
  ioOnMain,
  ioOnThread,
  ON_MAIN,
  PARALLEL,
  parallel,
  parallelListeners,
} from '../benchmarks/parallel/contenders/taskmap-threads.js';
import { tinypool } from '../benchmarks/parallel/contenders/tinypool.js';
import { workerpoolExec } from '../benchmarks/parallel/contenders/workerpool.js';
import {
  type ThreadEffort,
  type Timing,
  timed,
  timedTogether,
  withContenders,
} from '../benchmarks/parallel/contest.js';
import { PARTS } from '../benchmarks/parallel/parts/all-parts.js';
import { CLOSURES, closuresTimed, LOOKING, NOT_LOOKING } from '../benchmarks/parallel/parts/closures.js';
import { chainsTimed, inFlood, piscinaChainsTimed } from '../benchmarks/parallel/parts/flooded.js';
import {
  KEPT,
  NOTHING_TO_DO,
  ON_THREADS,
  ON_THREADS_KEPT,
  ONE_LOOP,
  RECALLED,
  recalledTimed,
  rowsTimed,
} from '../benchmarks/parallel/parts/kept.js';
import { passed } from '../benchmarks/parallel/parts/large-results.js';
import { efficiencies, metgUs } from '../benchmarks/parallel/parts/metg.js';
import { idealMs, pipelines } from '../benchmarks/parallel/parts/mixed.js';
import { longAmongTiny } from '../benchmarks/parallel/parts/straggler.js';
import { threadBarsOf } from '../benchmarks/parallel/thread-bars.js';
import {
  chains,
  criticalPathMs,
  fanOutFanIn,
  independent,
  random,
  stencil,
  type ThreadGraph,
  type ThreadTask,
  uniform,
} from '../benchmarks/parallel/thread-graph.js';
import { threadsMarkdown } from '../benchmarks/parallel/thread-report.js';
import { makeShape, SHAPE_KINDS } from '../benchmarks/shapes.js';

const NOTHING = { tasks: 0, ms: 0 };
const ONE_ROUND: Effort = {
  roundsMin: 1,
  roundsMax: 1,
  contenderMs: 0,
  warmUp: NOTHING,
  warmUpEachRound: NOTHING,
  sample: NOTHING,
};

for (const kind of SHAPE_KINDS) {
  it(`${kind.name} > gives every contender the results of the bare loop`, async () => {
    const measurements = await measured(makeShape(kind, 250), LINE_UP, ONE_ROUND);
    expect(measurements.map(({ contender }) => contender)).toEqual(LINE_UP.map(({ name }) => name));
    for (const { figures } of measurements) expect(figures?.rounds).toBe(1);
  });
}

it('a contender with a wrong result is found out', async () => {
  const wrong = {
    ...bareLoop,
    name: 'wrong',
    prepare: () => ({ run: () => (task: number) => (task === 17 ? -1 : task) }),
  };
  const independent = SHAPE_KINDS.find(({ name }) => name === 'independent')!;
  await expect(measured(makeShape(independent, 20), [bareLoop, wrong], ONE_ROUND)).rejects.toThrow(
    'wrong, independent of 20: the result of task-17 is -1, not 17.',
  );
});

it('a contender does not run shapes that are too large for it, and says why', async () => {
  const small = { ...bareLoop, name: 'small', limit: { size: 10, why: 'it is shy' } };
  const [, measurement] = await measured(makeShape(SHAPE_KINDS[0]!, 11), [bareLoop, small], ONE_ROUND);
  expect(measurement).toMatchObject({ contender: 'small', figures: undefined, note: 'not run, it is shy' });
});

it('the shapes have the edges that their names say', () => {
  const edges = (name: string, size: number) => SHAPE_KINDS.find((kind) => kind.name === name)!.edges(size);
  expect(edges('chain', 3)).toEqual([[], [0], [1]]);
  expect(edges('independent', 2)).toEqual([[], []]);
  expect(edges('fan-in', 4)).toEqual([[], [], [], [0, 1, 2]]);
  // The root is the last task, its leaves the first.
  expect(edges('tree', 7)).toEqual([[], [], [], [], [1, 0], [3, 2], [5, 4]]);
  const layered = edges('layered', 250);
  expect(layered.slice(0, 100).every((ids) => ids.length === 0)).toBe(true);
  expect(layered.slice(100).every((ids) => new Set(ids).size === 3)).toBe(true);
  expect(layered.slice(200).every((ids) => ids.every((id) => id >= 100 && id < 200))).toBe(true);
});

it('a bar is met by its worst figure, and neither met nor missed where nothing was measured', () => {
  const async = (shape: string, contender: string, medianMs: number): Measurement => ({
    shape,
    size: 10_000,
    contender,
    peer: 'memoised promises',
    figures: { medianMs, ratio: undefined, nsPerTask: 0, builtBytesPerTask: 0, heldBytesPerTask: 0, rounds: 1 },
    note: '',
  });
  const bars = barsOf([
    async('layered', 'memoised promises', 10),
    async('layered', 'taskmap async', 2),
    async('layered', 'p-graph', 200),
    async('chain', 'memoised promises', 10),
    async('chain', 'taskmap async', 4),
    async('chain', 'p-graph', 100),
  ]);
  const told = bars.map((bar) => [bar.what, worst(bar), isMet(bar)]);
  expect(told).toContainEqual(['async against memoised promises', 0.4, false]);
  expect(told).toContainEqual(['async against p-graph', 0.04, true]);
  expect(told).toContainEqual(['async against async.auto', undefined, undefined]);
});

const ONCE: ThreadEffort = { rounds: 1, sampleMs: 0, warmUpMs: 0, warmUpEachRoundMs: 0 };
const ALL = [parallel, parallelListeners, async, ioOnMain, ioOnThread, piscina, tinypool, workerpoolExec];

const TINY_GRAPHS: readonly ThreadGraph[] = [
  uniform('independent', independent(20), 'nothing'),
  uniform('chain', chains(1, 10), 'nothing'),
  uniform('chains', chains(3, 5), 'spin', 10),
  uniform('stencil', stencil(4, 5), 'spin', 10),
  uniform('fan-out and fan-in', fanOutFanIn(5, 2), 'nothing'),
  uniform('random', random(30), 'block', 1),
  longAmongTiny('long among tiny', { tiny: 20, children: 2, longMs: 5 }),
  pipelines('pipelines', 2),
];

const LARGE_GRAPHS: readonly ThreadGraph[] = [
  passed({ name: 'buffer', bytes: 1024, made: 'bufferMade', seen: 'bufferSeen', sum: 1031 }, 'handedOn'),
  passed({ name: 'shared buffer', bytes: 1024, made: 'sharedMade', seen: 'bufferSeen', sum: 1031 }, 'handedOn'),
  passed({ name: 'string', bytes: 1024, made: 'textMade', seen: 'textSeen', sum: 1031 }, 'handedOn'),
  passed({ name: 'objects', bytes: 1024, made: 'rowsMade', seen: 'rowsSeen', sum: 23 }, 'handedOn'),
];

it('every contender with threads has the results of the plain loop on every graph', async () => {
  const contests = (graphs: readonly ThreadGraph[]) => graphs.map((graph) => ({ part: 'spec', graph }));
  const timings = await withContenders(ALL, async (field) => [
    ...(await timedTogether(field, contests(TINY_GRAPHS), ONCE)),
    // Vite imports a module once for all queries, so there is no amount on the main thread.
    ...(await timedTogether(
      field.filter(({ name }) => name !== ON_MAIN),
      contests(LARGE_GRAPHS),
      ONCE,
    )),
  ]);
  expect(timings).toHaveLength(TINY_GRAPHS.length * ALL.length + LARGE_GRAPHS.length * (ALL.length - 1));
});

it('those who are timed by their chains, and bare threads, run', async () => {
  const graph = inFlood('flood', { flood: 2, blockMs: 1, chains: 2, links: 2 });
  const line = [chainsTimed(ioOnMain.name, () => new ParallelAsyncExecutor({ workers: 1 })), piscinaChainsTimed];
  expect(await withContenders(line, (field) => timed(field, { part: 'spec', graph }, ONCE))).toHaveLength(2);
  const blocks = uniform('blocks', random(5), 'block', 1);
  expect(
    await withContenders([bareThreads], (field) => timed(field, { part: 'spec', graph: blocks }, ONCE)),
  ).toHaveLength(1);
});

it('a contender with threads that has a wrong result is found out', async () => {
  const wrong = {
    name: 'wrong',
    open: () => ({ prepare: () => ({ run: async () => () => 7 }), close: async () => {} }),
  };
  const running = withContenders([wrong], (field) =>
    timed(field, { part: 'spec', graph: uniform('chain', chains(1, 3), 'nothing') }, ONCE),
  );
  await expect(running).rejects.toThrow('wrong, chain: the result of task-0 is 7, not 1.');
});

it('the graphs for threads have the edges that their names say', () => {
  expect(chains(2, 2)).toEqual([[], [], [0], [1]]);
  expect(stencil(3, 2)).toEqual([[], [], [], [0, 1], [0, 1, 2], [1, 2]]);
  // a ─► b, c ─► d ─► e, f ─► g
  expect(fanOutFanIn(2, 2)).toEqual([[], [0], [0], [1, 2], [3], [3], [4, 5]]);
  for (const [task, dependencies] of random(300).entries()) {
    expect(new Set(dependencies).size).toBe(dependencies.length);
    expect(dependencies.every((dependency) => dependency < task && dependency >= task - 100)).toBe(true);
  }
});

it('theory says how long a graph takes at least', () => {
  // Twice: wait 20 ms ─► block 10 ms ─► wait 20 ms ─► block 10 ms
  const graph = pipelines('pipelines', 2);
  expect(criticalPathMs(graph, ({ amount }: ThreadTask) => amount)).toBe(60);
  expect(idealMs(graph, ON_MAIN)).toBe(60);
  expect(idealMs(graph, PARALLEL)).toBe(60);
  expect(idealMs(pipelines('more', 12), ON_MAIN)).toBe(260);
  expect(idealMs(pipelines('more', 12), PARALLEL)).toBe(360);
  expect(idealMs(pipelines('more', 12), IO_ON_MAIN)).toBe(140);
});

it('METG is where the efficiency falls below one half', () => {
  const timing = (taskUs: number, bestMs: number): Timing => ({
    part: 'metg',
    graph: 'random',
    contender: PARALLEL,
    tasks: 100,
    medianMs: bestMs,
    cpuMs: 0,
    bestMs,
    rounds: 1,
    idealMs: undefined,
    taskUs,
  });
  // 100 tasks on 2 threads that cost 10 us each besides what they compute.
  const lengths = [4, 8, 16, 32, 1_000_000];
  const curve = efficiencies(lengths.map((us) => timing(us, (100 * (us + 10)) / 2000)));
  expect(curve[1]!.efficiency).toBeCloseTo(8 / 18, 4);
  expect(metgUs(curve)).toBeGreaterThan(18);
  expect(metgUs(curve)).toBeLessThan(22);
  expect(metgUs(efficiencies([timing(10, 1)]))).toBe(20);
});

it('bars for threads are neither met nor missed where nothing was measured', () => {
  const bars = threadBarsOf([]);
  expect(bars.length).toBeGreaterThan(0);
  expect(bars.every((bar) => isMet(bar) === undefined)).toBe(true);
  expect(threadsMarkdown(PARTS, [])).toBe('');
});

it('closures that a process has not seen before are kept by a store that looks at them, and by one that does not', () => {
  const ofOneText = (count: number) => {
    const factors = { all: 3 };
    return Array.from({ length: count }, (_, index) => () => index * factors.all);
  };
  const timings = closuresTimed('closures', ofOneText, 20, 1);
  expect(timings).toMatchObject([
    { part: CLOSURES, contender: LOOKING, tasks: 20 },
    { part: CLOSURES, contender: NOT_LOOKING, tasks: 20 },
  ]);
  const [looking, other] = timings.map(({ medianMs }) => medianMs);
  expect(threadBarsOf(timings).find(({ unit }) => unit === ' ms')?.reached).toEqual([
    { where: 'closures', figure: looking! - other! },
  ]);
});

it('rows are parsed and joined by each in turn, and taken up again without a run', async () => {
  const timings = await rowsTimed(2, 10, 1);
  expect(timings.map(({ part, contender, tasks, rounds }) => [part, contender, tasks, rounds])).toEqual(
    [ONE_LOOP, ON_THREADS, ON_THREADS_KEPT, NOTHING_TO_DO].map((contender) => [KEPT, contender, 4, 1]),
  );
  const [loop, threads, kept, again] = timings.map(({ cpuMs }) => cpuMs);
  const figures = threadBarsOf(timings).flatMap(({ reached }) => reached.map(({ figure }) => figure));
  expect(figures).toEqual([again, threads! / loop!, kept! / loop!]);
});

it('small results that are kept are taken up again without a run', async () => {
  expect(await recalledTimed(200, 1)).toMatchObject([{ part: KEPT, contender: RECALLED, tasks: 200, rounds: 1 }]);
});
