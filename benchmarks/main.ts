/**
 * Runs taskmap and its peers over graphs of several shapes and sizes.
 *
 *   npm run bench -- --only layered,chain --sizes 1000,10000 --json figures.json --markdown benchmarks/RESULTS.md
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { barsOf } from './bars.js';
import { LINE_UP } from './contenders/line-up.js';
import { describedMachine, loadAverage } from './machine.js';
import { type Measurement, measured } from './measure.js';
import { barsText, contestText, machineText, markdownReport } from './report.js';
import { makeShape, SHAPE_KINDS } from './shapes.js';
import { sizeText } from './table.js';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: SHAPE_KINDS.map(({ name }) => name).join() },
    sizes: { type: 'string', default: '1000,10000,100000,1000000' },
    json: { type: 'string' },
    markdown: { type: 'string' },
  },
});

const built = new URL('../../dist/index.js', import.meta.url).href;
const loaded = import.meta.resolve('taskmap-ts');
if (loaded !== built) throw new Error(`The built package is to be measured, but 'taskmap-ts' is ${loaded}. Start it with npm run bench.`);
if (globalThis.gc === undefined) throw new Error('Garbage must be collected between runs. Start it with npm run bench.');

const kinds = options.only.split(',').map((name) => {
  const kind = SHAPE_KINDS.find((one) => one.name === name);
  if (kind === undefined) throw new Error(`There is no shape "${name}". There are ${SHAPE_KINDS.map((one) => one.name).join(', ')}.`);
  return kind;
});
const sizes = options.sizes.split(',').map((text) => {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 1) throw new Error(`Expected --sizes to be integers of 1 or more with commas in between, got "${text}".`);
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

const machine = describedMachine(loadBefore);
const measurements = contests.flat();
const bars = barsOf(measurements);
console.log(barsText(bars));
console.log(`\n${machineText(machine)}`);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, bars, measurements }, null, 2)}\n`);
if (options.markdown !== undefined) writeFileSync(options.markdown, markdownReport(contests, bars, machine));
