import type { Bar } from '../bars.js';
import type { Machine } from '../machine.js';
import { barsMarkdown, machineText } from '../report.js';
import { markdownTable, numberText, sizeText, textTable } from '../table.js';
import type { Figure, Latency } from './contenders.js';
import { ratioOf } from './distributed-bars.js';

const HEAD = ['', 'tasks', 'CPU ms/task', 'ratio', 'of it ours', 'workers', 'server', 'tasks/s'];

const LEGEND = `\
Three worker processes, each with room for 50 io-bound jobs and with 2 threads, one executor and one server, all on this machine. The graph is layered: 100 tasks in each
layer, each with 3 dependencies of the layer before. **Bare BullMQ** has jobs that do nothing, which are added by \`addBulk\` and depend on nothing: the \`completed\` events
are counted. All results are compared with those of a local run, and each task is started exactly once; else there would be no figures.

- **CPU ms/task**: the CPU time of all processes, the server's included.
- **ratio**: to bare BullMQ on the same server in the same run. Its jobs run on the event loop of its workers, as io-bound tasks do; cpu-bound ones go to threads.
- **tasks/s** depends on what else the machine does, CPU time little.`;

export function figuresText(figures: readonly Figure[]): string {
  return textTable([HEAD, ...figures.map((one) => row(one, figures))]);
}

export function latencyText({ backend, kind, medianMs }: Latency): string {
  return `${backend}, ${kind}: a step of a chain takes ${numberText(medianMs)} ms (median)`;
}

export function distributedMarkdown(figures: readonly Figure[], latencies: readonly Latency[], bars: readonly Bar[], machine: Machine): string {
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
  const ratio = ratioOf(figure, figures);
  return [
    `${backend}: ${contender}`,
    sizeText(tasks),
    numberText(cpuMs / tasks),
    ratio === undefined ? '' : `${numberText(ratio)}x`,
    ...[ourCpuMs, workerCpuMs, serverCpuMs].map((one) => numberText(one / tasks)),
    numberText((tasks / ms) * 1000),
  ];
}
