import type { Bar } from '../bars.js';
import { sizeText } from '../table.js';
import { BARE_GRAPH, contenderOf, type Figure } from './contenders.js';

export function distributedBarsOf(figures: readonly Figure[], largeMb: number | undefined): Bar[] {
  const ratios = (contender: string) =>
    figures
      .filter((one) => one.contender === contender && one.backend === 'redis')
      .flatMap((one) => {
        const ratio = ratioOf(one, BARE_GRAPH, figures);
        return ratio === undefined ? [] : [{ where: `${one.backend} ${sizeText(one.tasks)}`, figure: ratio }];
      });
  return [
    {
      what: 'CPU time against the graph by hand on BullMQ, a job for each task',
      unit: 'x',
      atMost: 1.6,
      reached: ratios(contenderOf('io-bound', 1)),
    },
    {
      what: 'CPU time against the graph by hand on BullMQ, 10 tasks in each job',
      unit: 'x',
      atMost: 0.4,
      reached: ratios(contenderOf('io-bound', 10)),
    },
    {
      what: 'CPU time against the graph by hand on BullMQ, as by default',
      unit: 'x',
      atMost: 0.4,
      reached: ratios(contenderOf('io-bound', 'auto')),
    },
    {
      what: 'memory of the server for 20 results of 10 MB by way of a store',
      unit: ' MB',
      atMost: 20,
      reached: largeMb === undefined ? [] : [{ where: 'redis', figure: largeMb }],
    },
  ];
}

/** The CPU time of one for a task over that of another, on the same server in the same run. */
export function ratioOf(
  { backend, cpuMs, tasks }: Figure,
  contender: string,
  figures: readonly Figure[],
): number | undefined {
  const other = figures.find((one) => one.contender === contender && one.backend === backend);
  return other === undefined ? undefined : cpuMs / tasks / (other.cpuMs / other.tasks);
}
