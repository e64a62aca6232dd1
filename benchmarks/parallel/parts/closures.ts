import { MemoryStore, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { collectGarbage, median } from '../../measure.js';
import type { Timing } from '../contest.js';
import type { Part } from '../part.js';

export const CLOSURES = 'closures';
export const LOOKING = "detect: 'closure'";
export const NOT_LOOKING = "detect: 'version'";

const TASKS = 10_000;
const ROUNDS = 5;

/** Functions that a process has never seen, and that do what those of the same kind did before. */
type Made = (count: number) => (() => number)[];

/** So many closures of one text, each over a variable of its own and one that all of them share. */
const ofOneText: Made = (count) => {
  const factors = { all: 3 };
  return Array.from({ length: count }, (_, index) => () => index * factors.all);
};

/** Functions of as many texts, each of which uses a variable around it. */
const ofManyTexts: Made = (count) =>
  Array.from({ length: count }, (_, index) => new Function('factor', `return () => ${index} * factor`)(3));

export const closures: Part = {
  name: CLOSURES,
  title: 'What it costs to look at what functions use',
  legend: `\
${TASKS} tasks whose results are all kept, planned with functions that the process has not seen before.
What counts is the difference of the two: a store that looks at what functions use, and one that does not.`,
  async *run() {
    yield closuresTimed('closures of one text', ofOneText);
    yield closuresTimed('functions of many texts', ofManyTexts);
  },
};

/** Plans graphs of such functions, with both kinds of stores by turns. */
export function closuresTimed(graph: string, made: Made, tasks: number = TASKS, rounds: number = ROUNDS): Timing[] {
  const contenders = [
    {
      contender: LOOKING,
      store: new MemoryStore({ detect: 'closure' }),
      tookMs: [] as number[],
      cpuMs: [] as number[],
    },
    { contender: NOT_LOOKING, store: new MemoryStore({ detect: 'version' }), tookMs: [], cpuMs: [] },
  ];
  for (const { store } of contenders) new SyncExecutor({ store }).run(graphOf(made(tasks)));
  for (let round = 0; round < rounds; round++) {
    for (const { store, tookMs, cpuMs } of contenders) {
      const planned = graphOf(made(tasks));
      const executor = new SyncExecutor({ store });
      collectGarbage();
      const startedAtMs = performance.now();
      const before = process.cpuUsage();
      const plan = executor.plan(planned);
      const { user, system } = process.cpuUsage(before);
      tookMs.push(performance.now() - startedAtMs);
      cpuMs.push((user + system) / 1000);
      const changed = plan.find(({ verdict }) => verdict !== 'kept');
      if (changed !== undefined) throw new Error(`Expected all to be kept, but ${changed.task} runs: ${changed.why}.`);
    }
  }
  return contenders.map(({ contender, tookMs, cpuMs }) => ({
    part: CLOSURES,
    graph,
    contender,
    tasks,
    medianMs: median(tookMs),
    cpuMs: median(cpuMs),
    bestMs: Math.min(...tookMs),
    rounds,
    idealMs: undefined,
    taskUs: undefined,
  }));
}

function graphOf(functions: readonly (() => number)[]) {
  const builder = new TaskGraphBuilder({ name: 'closures' });
  for (const [index, fn] of functions.entries()) builder.task(`task ${index}`, fn);
  return builder.build();
}
