import { piscina } from '../contenders/piscina.js';
import { PARALLEL, parallel } from '../contenders/taskmap-threads.js';
import { workerpoolExec } from '../contenders/workerpool.js';
import { type ThreadEffort, type Timing, timed, withContenders } from '../contest.js';
import type { Part } from '../part.js';
import { type Kernel, type ThreadGraph, threadGraph } from '../thread-graph.js';

export const LARGE_RESULTS = 'large-results';

const MB = 1024 * 1024;

interface Payload {
  readonly name: string;
  readonly bytes: number;
  readonly made: Kernel;
  readonly seen: Kernel;
  readonly sum: number;
}

const PAYLOADS: readonly Payload[] = [
  { name: '1 MB ArrayBuffer', bytes: MB, made: 'bufferMade', seen: 'bufferSeen', sum: MB + 7 },
  { name: '32 MB ArrayBuffer', bytes: 32 * MB, made: 'bufferMade', seen: 'bufferSeen', sum: 32 * MB + 7 },
  { name: '1 MB string', bytes: MB, made: 'textMade', seen: 'textSeen', sum: MB + 7 },
  { name: '1 MB of small objects', bytes: MB, made: 'rowsMade', seen: 'rowsSeen', sum: MB / 64 + 7 },
];

const EFFORT: ThreadEffort = { rounds: 5, sampleMs: 20, warmUpMs: 50, warmUpEachRoundMs: 0 };

export const largeResults: Part = {
  name: LARGE_RESULTS,
  title: 'Large results',
  legend: 'A chain of three: one task makes a large result, the next hands it on, the last looks at it.',
  async *run() {
    for (const payload of PAYLOADS) {
      const plain = await withContenders([parallel, piscina, workerpoolExec], (field) =>
        timed(field, { part: LARGE_RESULTS, graph: passed(payload, 'handedOn') }, EFFORT),
      );
      yield payload.made === 'bufferMade' ? [...plain, ...(await otherWays(payload))] : plain;
    }
  },
};

/** What taskmap can do besides copying. */
async function otherWays(payload: Payload): Promise<Timing[]> {
  return withContenders([{ ...parallel, name: `${PARALLEL}, transfer()` }], async (moved) => [
    ...(await timed(
      moved,
      { part: LARGE_RESULTS, graph: passed({ ...payload, made: 'bufferMadeToMove' }, 'handedOnToMove') },
      EFFORT,
    )),
    ...(await withContenders([{ ...parallel, name: `${PARALLEL}, SharedArrayBuffer` }], (shared) =>
      timed(shared, { part: LARGE_RESULTS, graph: passed({ ...payload, made: 'sharedMade' }, 'handedOn') }, EFFORT),
    )),
  ]);
}

export function passed({ name, bytes, made, seen, sum }: Payload, handedOn: Kernel): ThreadGraph {
  return threadGraph(
    name,
    [
      { name: 'made', kernel: made, amount: bytes, dependencies: [] },
      { name: 'handed on', kernel: handedOn, amount: 0, dependencies: [0] },
      { name: 'seen', kernel: seen, amount: 0, dependencies: [1] },
    ],
    [undefined, undefined, sum],
  );
}
