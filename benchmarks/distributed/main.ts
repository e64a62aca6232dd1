/**
 * Runs a graph on worker processes by way of a queue, beside BullMQ alone.
 *
 *   npm run bench:distributed -- --backend redis,postgres --size 10000 --markdown benchmarks/DISTRIBUTED-RESULTS.md
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgres, startRedis } from '../../spec/support/servers.js';
import { describedMachine, loadAverage } from '../machine.js';
import { barsText, machineText } from '../report.js';
import {
  type Backend,
  bareFigure,
  bareGraphFigure,
  chainLatency,
  type Figure,
  graphFigures,
  type Latency,
  largeResultsMb,
} from './contenders.js';
import { distributedBarsOf } from './distributed-bars.js';
import { distributedMarkdown, figuresText, latencyText } from './distributed-report.js';

const SIZES: Readonly<Record<Backend, number>> = { redis: 10_000, postgres: 1000 };
const WARM_UP = 500;
const CHUNKS = [1, 10, 'auto'] as const;

const { values: options } = parseArgs({
  options: {
    backend: { type: 'string', default: 'redis,postgres' },
    size: { type: 'string' },
    markdown: { type: 'string' },
  },
});
const backends = options.backend.split(',').map((name) => {
  if (name !== 'redis' && name !== 'postgres')
    throw new Error(`Expected --backend to be redis, postgres, or both with a comma, got "${name}".`);
  return name;
});
const wanted = options.size === undefined ? undefined : Number(options.size);
if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 100)) {
  throw new Error(`Expected --size to be an integer of 100 or more, got "${options.size}".`);
}

const loadBefore = loadAverage();
const figures: Figure[] = [];
const latencies: Latency[] = [];
let largeMb: number | undefined;
for (const backend of backends) {
  const size = wanted ?? SIZES[backend];
  const server = await (backend === 'redis' ? startRedis() : startPostgres());
  const storeFolder = mkdtempSync(join(tmpdir(), 'taskmap-bench-'));
  try {
    if (backend === 'redis') {
      largeMb = await largeResultsMb(server, storeFolder);
      console.log(`redis: the server grows by ${largeMb.toFixed(1)} MB for 20 results of 10 MB`);
    }
    figures.push(await bareFigure(server, size, WARM_UP), await bareGraphFigure(server, size, WARM_UP));
    for (const kind of ['io-bound', 'cpu-bound'] as const) {
      for await (const figure of graphFigures(server, kind, CHUNKS, size, WARM_UP)) figures.push(figure);
      const latency = await chainLatency(server, kind);
      latencies.push(latency);
      console.log(latencyText(latency));
    }
  } finally {
    await server.stop();
    rmSync(storeFolder, { recursive: true, force: true });
  }
}

const machine = describedMachine(loadBefore);
const bars = distributedBarsOf(figures, largeMb);
console.log(`\n${figuresText(figures)}\n\n${barsText(bars)}\n\n${machineText(machine)}`);
if (options.markdown !== undefined)
  writeFileSync(options.markdown, distributedMarkdown(figures, latencies, bars, machine));
