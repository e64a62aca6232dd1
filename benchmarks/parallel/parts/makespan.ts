import { randomNumbers } from '../../shapes.js';
import { bareThreads } from '../contenders/bare-threads.js';
import { piscina } from '../contenders/piscina.js';
import { parallel } from '../contenders/taskmap-threads.js';
import { THREADS } from '../contenders/thread-contender.js';
import { tinypool } from '../contenders/tinypool.js';
import { workerpoolExec } from '../contenders/workerpool.js';
import { type ThreadEffort, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { criticalPathMs, random, sumMs, type ThreadGraph, threadGraph, uniform } from '../thread-graph.js';

export const MAKESPAN = 'makespan';

const GRAPHS: readonly ThreadGraph[] = [
  uniform('1 ms', random(300), 'block', 1),
  uniform('5 ms', random(100), 'block', 5),
  uniform('20 ms', random(50), 'block', 20),
  mixed('1 to 20 ms', 80),
];

const EFFORT: ThreadEffort = { rounds: 5, sampleMs: 0, warmUpMs: 1, warmUpEachRoundMs: 0 };

export const makespan: Part = {
  name: MAKESPAN,
  title: 'Makespan of long tasks',
  legend: `\
Random graphs of tasks that block their thread and compute nothing: so it does not matter what else the machine does. No schedule is shorter than the longest way
through the graph, nor than the sum of all tasks over the number of threads: that is the ideal. To wake up takes time, though, and more on a busy machine. So
two bare threads do the same blocks without any graph, shared out beforehand, and makespans are compared with theirs, or with the ideal if that is longer.`,
  async *run() {
    for (const graph of GRAPHS) {
      const idealMs = idealOf(graph);
      yield await withContenders([bareThreads, parallel, piscina, tinypool, workerpoolExec], (field) =>
        timed(field, { part: MAKESPAN, graph, idealMs: () => idealMs }, EFFORT),
      );
    }
  },
};

function idealOf(graph: ThreadGraph): number {
  const lengthMs = ({ amount }: { readonly amount: number }) => amount;
  return Math.max(criticalPathMs(graph, lengthMs), sumMs(graph, lengthMs) / THREADS);
}

function mixed(name: string, size: number): ThreadGraph {
  const next = randomNumbers(2);
  return threadGraph(
    name,
    random(size).map((dependencies, task) => ({
      name: `task-${task}`,
      kernel: 'block',
      amount: 1 + Math.floor(next() * 20),
      dependencies,
    })),
  );
}
