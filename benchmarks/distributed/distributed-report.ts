import type { Bar } from '../bars.js';
import type { Machine } from '../machine.js';
import { barsMarkdown, machineText } from '../report.js';
import { markdownTable, numberText, sizeText, textTable } from '../table.js';
import { BARE, BARE_GRAPH, type Figure, type Latency } from './contenders.js';
import { ratioOf } from './distributed-bars.js';

const HEAD = ['', 'tasks', 'CPU ms/task', 'to jobs', 'to by hand', 'of it ours', 'workers', 'server', 'tasks/s'];

const LEGEND = `\
Three worker processes, each with room for 50 io-bound jobs and with 2 threads, one executor and one server, all on this machine. The graph is layered: 100 tasks in each
layer, each with 3 dependencies of the layer before. All results are compared with those of a local run, and each task of ours is started exactly once; else there would be
no figures.

- **bare BullMQ** has jobs that do nothing, which are added by \`addBulk\` and depend on nothing: the \`completed\` events are counted.
- **the graph by hand** is the same graph on bare BullMQ: a job is added, with the results it needs, once the \`completed\` events of all jobs it depends on are there. Nothing
  else is done that an executor does: no retries, timeouts, events, look at lost jobs, or cleaning up.
- **CPU ms/task**: the CPU time of all processes, the server's included.
- **to jobs**, **to by hand**: the ratio to those two, on the same server in the same run. Their jobs run on the event loop of their workers, as io-bound tasks do; cpu-bound
  ones go to threads.
- **tasks/s** depends on what else the machine does, CPU time little.`;

export function figuresText(figures: readonly Figure[]): string {
  return textTable([HEAD, ...figures.map((one) => row(one, figures))]);
}

export function latencyText({ backend, kind, medianMs }: Latency): string {
  return `${backend}, ${kind}: a step of a chain takes ${numberText(medianMs)} ms (median)`;
}

export function distributedMarkdown(
  figures: readonly Figure[],
  latencies: readonly Latency[],
  bars: readonly Bar[],
  machine: Machine,
): string {
  return [
    '# Benchmark results of distributed runs\n',
    'Written by `npm run bench:distributed -- --markdown benchmarks/DISTRIBUTED-RESULTS.md`.\n',
    `${machineText(machine)}.\n`,
    `## Bars\n\n${barsMarkdown(bars)}\n`,
    `## Figures\n\n${LEGEND}\n\n${markdownTable([HEAD, ...figures.map((one) => row(one, figures))])}\n`,
    `## Latency\n\n${latencies.map((one) => `- ${latencyText(one)}`).join('\n')}\n`,
  ].join('\n');
}

function row(figure: Figure, figures: readonly Figure[]): string[] {
  const { backend, contender, tasks, ms, cpuMs, ourCpuMs, workerCpuMs, serverCpuMs } = figure;
  const ratios = [BARE, BARE_GRAPH].map((one) => ratioOf(figure, one, figures));
  return [
    `${backend}: ${contender}`,
    sizeText(tasks),
    numberText(cpuMs / tasks),
    ...ratios.map((ratio) => (ratio === undefined ? '' : `${numberText(ratio)}x`)),
    ...[ourCpuMs, workerCpuMs, serverCpuMs].map((one) => numberText(one / tasks)),
    numberText((tasks / ms) * 1000),
  ];
}
