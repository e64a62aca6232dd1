import { expect, it } from 'vitest';
import { barsOf, isMet, worst } from '../benchmarks/bars.js';
import { bareLoop } from '../benchmarks/contenders/bare-loop.js';
import { LINE_UP } from '../benchmarks/contenders/line-up.js';
import { type Effort, type Measurement, measured } from '../benchmarks/measure.js';
import { makeShape, SHAPE_KINDS } from '../benchmarks/shapes.js';

const NOTHING = { tasks: 0, ms: 0 };
const ONE_ROUND: Effort = { roundsMin: 1, roundsMax: 1, contenderMs: 0, warmUp: NOTHING, warmUpEachRound: NOTHING, sample: NOTHING };

for (const kind of SHAPE_KINDS) {
  it(`${kind.name} > gives every contender the results of the bare loop`, async () => {
    const measurements = await measured(makeShape(kind, 250), LINE_UP, ONE_ROUND);
    expect(measurements.map(({ contender }) => contender)).toEqual(LINE_UP.map(({ name }) => name));
    for (const { figures } of measurements) expect(figures?.rounds).toBe(1);
  });
}

it('a contender with a wrong result is found out', async () => {
  const wrong = { ...bareLoop, name: 'wrong', prepare: () => ({ run: () => (task: number) => (task === 17 ? -1 : task) }) };
  const independent = SHAPE_KINDS.find(({ name }) => name === 'independent')!;
  await expect(measured(makeShape(independent, 20), [bareLoop, wrong], ONE_ROUND)).rejects.toThrow(
    'wrong, independent of 20: the result of task-17 is -1, not 17.',
  );
});

it('a contender does not run shapes that are too large for it, and says why', async () => {
  const small = { ...bareLoop, name: 'small', limit: { size: 10, why: 'it is shy' } };
  const [, measurement] = await measured(makeShape(SHAPE_KINDS[0]!, 11), [bareLoop, small], ONE_ROUND);
  expect(measurement).toMatchObject({ contender: 'small', figures: undefined, note: 'not run, it is shy' });
});

it('the shapes have the edges that their names say', () => {
  const edges = (name: string, size: number) => SHAPE_KINDS.find((kind) => kind.name === name)!.edges(size);
  expect(edges('chain', 3)).toEqual([[], [0], [1]]);
  expect(edges('independent', 2)).toEqual([[], []]);
  expect(edges('fan-in', 4)).toEqual([[], [], [], [0, 1, 2]]);
  // The root is the last task, its leaves the first.
  expect(edges('tree', 7)).toEqual([[], [], [], [], [1, 0], [3, 2], [5, 4]]);
  const layered = edges('layered', 250);
  expect(layered.slice(0, 100).every((ids) => ids.length === 0)).toBe(true);
  expect(layered.slice(100).every((ids) => new Set(ids).size === 3)).toBe(true);
  expect(layered.slice(200).every((ids) => ids.every((id) => id >= 100 && id < 200))).toBe(true);
});

it('a bar is met by its worst figure, and neither met nor missed where nothing was measured', () => {
  const async = (shape: string, contender: string, medianMs: number): Measurement => ({
    shape,
    size: 10_000,
    contender,
    peer: 'memoised promises',
    figures: { medianMs, ratio: undefined, nsPerTask: 0, builtBytesPerTask: 0, heldBytesPerTask: 0, rounds: 1 },
    note: '',
  });
  const bars = barsOf([
    async('layered', 'memoised promises', 10),
    async('layered', 'taskmap async', 2),
    async('layered', 'p-graph', 200),
    async('chain', 'memoised promises', 10),
    async('chain', 'taskmap async', 4),
    async('chain', 'p-graph', 100),
  ]);
  const told = bars.map((bar) => [bar.what, worst(bar), isMet(bar)]);
  expect(told).toContainEqual(['async against memoised promises', 0.4, false]);
  expect(told).toContainEqual(['async against p-graph', 0.04, true]);
  expect(told).toContainEqual(['async against async.auto', undefined, undefined]);
});
