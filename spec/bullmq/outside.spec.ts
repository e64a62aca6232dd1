import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CallFile } from '../support/calls.js';
import { type Answering, FickleStore } from '../support/fickle-store.js';
import {
  caseOptions,
  drawnCase,
  OutsideGraph,
  type OutsideTask,
  type Setting,
  see,
  Witness,
} from '../support/outside.js';
import { PROPERTY_TIMEOUT_MS } from '../support/random-graph.js';
import { validateRuns } from '../support/validated-runs.js';
import { BACKENDS, QueueBench } from './queue-bench.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });
validateRuns();

/*
 * The rules of behaviour over a queue, seen from outside: the calls are counted at the functions. See
 * spec/properties/outside.spec.ts.
 */

const SIZE_MAX = 10;
const GRACE_MS = 30;

const folder = mkdtempSync(join(tmpdir(), 'outside-'));
afterAll(() => rmSync(folder, { recursive: true }));
let caseCount = 0;

const there = ({ isHere }: OutsideTask) => !isHere;
const cpu = (task: OutsideTask) => there(task) && !task.ioBound;

/** What two workers in this process may do, of two threads and one. Io-bound tasks run on the event loop, two jobs at once in each worker. */
const settingFor = (chunk: number | 'auto'): Setting => ({
  isAsync: true,
  staysHere: ({ onMainThread }) => onMainThread,
  sharesThread: ({ onMainThread, ioBound }) => onMainThread || ioBound,
  limits: [
    { of: cpu, max: 3 },
    { of: (task) => there(task) && task.ioBound, max: chunk === 1 ? 4 : Number.POSITIVE_INFINITY },
  ],
  runsAlone: cpu,
  order: 'none',
});

describe.each(BACKENDS)('$backend', (backend) => {
  describe.skipIf(!backend.isThere)(backend.title, () => {
    const bench = new QueueBench(backend);
    const runs = backend.backend === 'redis' ? 6 : 3;
    const store = new FickleStore();
    beforeAll(async () => {
      await bench.start();
      await bench.worker({ threads: 2, concurrency: 2, name: 'one', graceMs: GRACE_MS });
      await bench.worker({ threads: 1, concurrency: 2, name: 'another', graceMs: GRACE_MS });
    }, 60_000);
    afterAll(async () => {
      await bench.close();
      await bench.stop();
    }, 60_000);

    test.each([1, 3, 'auto'] as const)('calls each function as the rules say, with chunks of %s', async (chunk) => {
      const answering = fc.constantFrom<(Answering | 'no store')[]>('no store', 'at once', 'by promise', 'late');
      const property = fc.asyncProperty(drawnCase(SIZE_MAX), answering, async (drawn, answering) => {
        const name = `case ${++caseCount}`;
        const outside = new OutsideGraph(drawn, settingFor(chunk));
        const model = outside.model();
        const calls = new CallFile(join(folder, name));
        if (answering !== 'no store') store.begin(answering, [10, 0, 100]);
        await using executor = bench.executor({
          chunk,
          graceMs: GRACE_MS,
          store: answering === 'no store' ? undefined : store,
        });
        const seen = await see(executor, outside.build(calls, name), calls);
        const witness = new Witness(outside, seen);
        expect(witness.expectRules().expectModel(model).expectCallCounts(model).broken).toEqual([]);
      });
      await fc.assert(property, caseOptions(runs));
    });
  });
});
