import { ASYNC_AUTO } from './contenders/async-auto.js';
import { MEMOISED_PROMISES } from './contenders/memoised-promises.js';
import { P_GRAPH } from './contenders/p-graph.js';
import { ASYNC, ASYNC_ALL, SYNC, SYNC_LISTENERS } from './contenders/taskmap.js';
import type { Figures, Measurement } from './measure.js';
import { sizeText } from './table.js';

/** A figure that is to be reached, and what was. */
export interface Bar {
  readonly what: string;
  readonly unit: 'x' | ' bytes' | ' MB' | ' ms';
  readonly atMost: number;
  /** The worst figure is the one that counts; none: nothing was measured. */
  readonly reached: readonly Reached[];
}

export interface Reached {
  readonly where: string;
  readonly figure: number;
}

const LONG = [10_000, 100_000];

export function barsOf(measurements: readonly Measurement[]): Bar[] {
  const find = (shape: string, size: number, contender: string) =>
    measurements.find((one) => one.shape === shape && one.size === size && one.contender === contender)?.figures;

  /** The time of one contender over that of another, for each of these shapes and sizes that were measured. */
  const ratios = (shapes: readonly string[], sizes: readonly number[], contender: string, over: string): Reached[] =>
    shapes.flatMap((shape) =>
      sizes.flatMap((size) => {
        const ours = find(shape, size, contender);
        const theirs = find(shape, size, over);
        return ours && theirs ? [{ where: `${shape} ${sizeText(size)}`, figure: ours.medianMs / theirs.medianMs }] : [];
      }),
    );

  const memory = find('layered', 1_000_000, SYNC);
  return [
    { what: 'sync against a bare loop', unit: 'x', atMost: 2.5, reached: loopRatios(find('layered', 10_000, SYNC)) },
    {
      what: 'sync with listeners on started and done, against a bare loop',
      unit: 'x',
      atMost: 8,
      reached: loopRatios(find('layered', 10_000, SYNC_LISTENERS)),
    },
    {
      what: 'async against memoised promises',
      unit: 'x',
      atMost: 0.3,
      reached: ratios(['layered', 'chain'], LONG, ASYNC, MEMOISED_PROMISES),
    },
    {
      what: 'async with listeners, signal, concurrency 1000, against memoised promises',
      unit: 'x',
      atMost: 0.4,
      reached: ratios(['layered'], LONG, ASYNC_ALL, MEMOISED_PROMISES),
    },
    {
      what: 'async against p-graph',
      unit: 'x',
      atMost: 0.1,
      reached: ratios(['layered', 'chain'], LONG, ASYNC, P_GRAPH),
    },
    {
      what: 'async against async.auto',
      unit: 'x',
      atMost: 0.01,
      reached: ratios(['chain'], [1_000], ASYNC, ASYNC_AUTO),
    },
    {
      what: 'sync against a bare loop: how much that ratio grows with the size',
      unit: 'x',
      atMost: 2,
      reached: growth(measurements),
    },
    {
      what: 'memory of a graph of 1M tasks after build, for each task',
      unit: ' bytes',
      atMost: 300,
      reached: memory ? [{ where: 'layered 1M', figure: memory.builtBytesPerTask }] : [],
    },
  ];
}

/** The figure that counts. */
export function worst({ reached }: Bar): number | undefined {
  return reached.length === 0 ? undefined : Math.max(...reached.map(({ figure }) => figure));
}

export function isMet(bar: Bar): boolean | undefined {
  const figure = worst(bar);
  return figure === undefined ? undefined : figure <= bar.atMost;
}

function loopRatios(figures: Figures | undefined): Reached[] {
  return figures?.ratio === undefined ? [] : [{ where: 'layered 10k', figure: figures.ratio }];
}

/**
 * How much more a task costs in a larger graph than in a smaller one, each measured by the bare loop of that size: the worst of all pairs of sizes. That the
 * ratio falls where the loop begins to wait for memory, as we do, is no fault.
 */
function growth(measurements: readonly Measurement[]): Reached[] {
  const bySize = measurements
    .filter(({ contender, figures }) => contender === SYNC && figures?.ratio !== undefined)
    .sort((a, b) => a.size - b.size);
  return [...new Set(bySize.map(({ shape }) => shape))].flatMap((where) => {
    const ratios = bySize.filter(({ shape }) => shape === where).map(({ figures }) => figures!.ratio!);
    const pairs = ratios.flatMap((larger, index) => ratios.slice(0, index).map((smaller) => larger / smaller));
    return pairs.length === 0 ? [] : [{ where, figure: Math.max(...pairs) }];
  });
}
