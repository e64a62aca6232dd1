/**
 * Runs taskmap and its peers over graphs of several shapes and sizes, and over graphs on threads.
 *
 *   npm run bench -- --only layered,chain --sizes 1000,10000 --json figures.json --markdown benchmarks/RESULTS.md
 *   npm run bench -- --only parallel
 *   npm run bench -- --only empty-tasks,metg
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { barsOf } from './bars.js';
import { LINE_UP } from './contenders/line-up.js';
import { describedMachine, loadAverage } from './machine.js';
import { type Measurement, measured } from './measure.js';
import type { Timing } from './parallel/contest.js';
import { PARTS } from './parallel/parts/all-parts.js';
import { threadBarsOf } from './parallel/thread-bars.js';
import { timingsText } from './parallel/thread-report.js';
import { barsText, contestText, machineText, markdownReport } from './report.js';
import { makeShape, SHAPE_KINDS } from './shapes.js';
import { sizeText } from './table.js';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'shapes,parallel' },
    sizes: { type: 'string', default: '1000,10000,100000,1000000' },
    json: { type: 'string' },
    markdown: { type: 'string' },
  },
});

const built = new URL('../../../dist/index.js', import.meta.url).href;
const loaded = import.meta.resolve('taskmap-ts');
if (loaded !== built)
  throw new Error(`The built package is to be measured, but 'taskmap-ts' is ${loaded}. Start it with npm run bench.`);
if (globalThis.gc === undefined)
  throw new Error('Garbage must be collected between runs. Start it with npm run bench.');

const groups: Readonly<Record<string, readonly { readonly name: string }[]>> = { shapes: SHAPE_KINDS, parallel: PARTS };
const chosen = new Set(options.only.split(',').flatMap((name) => groups[name]?.map((one) => one.name) ?? [name]));
const kinds = SHAPE_KINDS.filter(({ name }) => chosen.has(name));
const parts = PARTS.filter(({ name }) => chosen.has(name));
const known = [...SHAPE_KINDS, ...PARTS].map(({ name }) => name);
for (const name of chosen) {
  if (!known.includes(name))
    throw new Error(`There is no "${name}". There are ${[...Object.keys(groups), ...known].join(', ')}.`);
}
const sizes = options.sizes.split(',').map((text) => {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 1)
    throw new Error(`Expected --sizes to be integers of 1 or more with commas in between, got "${text}".`);
  return size;
});

const loadBefore = loadAverage();
const contests: Measurement[][] = [];
for (const kind of kinds) {
  for (const size of sizes) {
    if (size > kind.sizeMax) {
      console.log(`${kind.name} ${sizeText(size)}: not run, ${kind.limit}\n`);
      continue;
    }
    const contest = await measured(makeShape(kind, size), LINE_UP);
    contests.push(contest);
    console.log(contestText(contest));
  }
}

const threadContests: Timing[][] = [];
for (const part of parts) {
  console.log(`${part.title}\n${part.legend}\n`);
  for await (const timings of part.run()) {
    threadContests.push(timings);
    console.log(timingsText(timings));
  }
}

const machine = describedMachine(loadBefore);
const measurements = contests.flat();
const timings = threadContests.flat();
const bars = [...barsOf(measurements), ...threadBarsOf(timings)];
console.log(barsText(bars));
console.log(`\n${machineText(machine)}`);
if (options.json !== undefined)
  writeFileSync(options.json, `${JSON.stringify({ machine, bars, measurements, timings }, null, 2)}\n`);
if (options.markdown !== undefined)
  writeFileSync(options.markdown, markdownReport(contests, { parts, contests: threadContests }, bars, machine));
