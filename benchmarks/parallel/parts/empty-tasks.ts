import { piscina } from '../contenders/piscina.js';
import { parallel, parallelListeners } from '../contenders/taskmap-threads.js';
import { tinypool } from '../contenders/tinypool.js';
import { workerpoolExec } from '../contenders/workerpool.js';
import { type ThreadEffort, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { chains, fanOutFanIn, independent, random, stencil, type ThreadGraph, uniform } from '../thread-graph.js';

export const EMPTY_TASKS = 'empty-tasks';

export const INDEPENDENT = 'independent';

export const EMPTY_GRAPHS: readonly ThreadGraph[] = [
  uniform(INDEPENDENT, independent(2_000), 'nothing'),
  uniform('chain', chains(1, 300), 'nothing'),
  uniform('8 chains', chains(8, 100), 'nothing'),
  uniform('stencil 8', stencil(8, 100), 'nothing'),
  uniform('fan-out and fan-in 100', fanOutFanIn(100, 8), 'nothing'),
  uniform('random', random(1_000), 'nothing'),
];

const EFFORT: ThreadEffort = { rounds: 9, sampleMs: 30, warmUpMs: 200, warmUpEachRoundMs: 100 };

export const emptyTasks: Part = {
  name: EMPTY_TASKS,
  title: 'Empty tasks',
  legend: 'What a task costs that does nothing: all there is, is handing it over and its result back.',
  async *run() {
    for (const graph of EMPTY_GRAPHS) {
      const line = [parallel, parallelListeners, piscina, tinypool, workerpoolExec];
      yield await withContenders(line, (field) => timed(field, { part: EMPTY_TASKS, graph }, EFFORT));
    }
  },
};
