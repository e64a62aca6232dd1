import { lists } from '../../shapes.js';
import { observed } from '../contenders/taskmap-observed.js';
import { parallel } from '../contenders/taskmap-threads.js';
import { type ThreadEffort, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { uniform } from '../thread-graph.js';
import { iterationsPerUs } from './metg.js';

export const OBSERVED_RUN = 'observed';

const TASKS = 10_000;
const WIDTH = 100;
const TASK_US = 1000;

const EFFORT: ThreadEffort = { rounds: 3, sampleMs: 0, warmUpMs: 1, warmUpEachRoundMs: 0 };

export const observedRun: Part = {
  name: OBSERVED_RUN,
  title: 'What it costs to look on',
  legend: `\
${TASKS} tasks in layers of ${WIDTH}, each of which takes the results of three and computes for a millisecond; alone, and with a run log on the disk and a dashboard that one page watches.
What counts is the computing of all threads.`,
  async *run() {
    const layer = (task: number) => task - (task % WIDTH);
    const edges = lists(TASKS, (task) =>
      task < WIDTH ? [] : [0, 7, 14].map((step) => layer(task) - WIDTH + ((task + step) % WIDTH)),
    );
    const graph = uniform('layers of 100', edges, 'spin', Math.round(TASK_US * (await iterationsPerUs())));
    yield await withContenders([parallel, observed], (field) => timed(field, { part: OBSERVED_RUN, graph }, EFFORT));
  },
};
