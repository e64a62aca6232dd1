import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  AsyncExecutor,
  type Executor,
  FileStore,
  MemoryStore,
  type OutcomeStore,
  ParallelAsyncExecutor,
  ParallelExecutor,
  SyncExecutor,
} from 'taskmap-ts';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { CallFile } from '../support/calls.js';
import { type Answering, FickleStore } from '../support/fickle-store.js';
import type { Model } from '../support/model.js';
import {
  caseOptions,
  type DrawnCase,
  drawnCase,
  OutsideGraph,
  type OutsideTask,
  type Seen,
  type Setting,
  see,
  Witness,
} from '../support/outside.js';
import { PROPERTY_TIMEOUT_MS } from '../support/random-graph.js';
import { validateRuns } from '../support/validated-runs.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });
validateRuns();

/*
 * The rules of behaviour, seen from outside: what is counted is the calls, at the functions, and not what is told of them.
 */

const SIZE_MAX = 14;
const GRACE_MS = 30;

const folder = mkdtempSync(join(tmpdir(), 'outside-'));
afterAll(() => rmSync(folder, { recursive: true }));
let caseCount = 0;

interface Subject {
  readonly name: string;
  readonly runs: number;
  readonly setting: Setting;
  make(store: FickleStore | undefined): Executor;
}

const any = () => true;
const none = () => false;
const there = ({ isHere }: OutsideTask) => !isHere;
const here = ({ isHere }: OutsideTask) => isHere;
const io = (task: OutsideTask) => there(task) && task.ioBound;
const cpu = (task: OutsideTask) => there(task) && !task.ioBound;
const isKeptHere = ({ onMainThread }: { readonly onMainThread: boolean }) => onMainThread;

const SUBJECTS: readonly Subject[] = [
  {
    name: 'SyncExecutor',
    runs: 20,
    setting: {
      isAsync: false,
      staysHere: any,
      limits: [{ of: any, max: 1 }],
      runsAlone: none,
      order: 'of all',
    },
    make: (store) => new SyncExecutor({ store }),
  },
  {
    name: 'AsyncExecutor',
    runs: 20,
    setting: {
      isAsync: true,
      staysHere: any,
      limits: [
        { of: any, max: 3 },
        { of: ({ ioBound }) => !ioBound, max: 2 },
      ],
      runsAlone: none,
      order: 'none',
    },
    make: (store) => new AsyncExecutor({ store, concurrency: 3, cpuConcurrency: 2, graceMs: GRACE_MS }),
  },
  ...[1, 2].map(
    (workers): Subject => ({
      name: `ParallelExecutor, ${workers} worker${workers === 1 ? '' : 's'}`,
      runs: 8,
      setting: {
        isAsync: true,
        staysHere: isKeptHere,
        limits: [{ of: there, max: workers }],
        runsAlone: there,
        order: workers === 1 ? 'of the first' : 'none',
      },
      make: (store) => new ParallelExecutor({ store, workers, graceMs: GRACE_MS }),
    }),
  ),
  {
    name: 'ParallelAsyncExecutor, io on the main thread',
    runs: 8,
    setting: {
      isAsync: true,
      staysHere: ({ onMainThread, ioBound }) => onMainThread || ioBound,
      limits: [
        { of: there, max: 2 },
        { of: here, max: 3 },
      ],
      runsAlone: there,
      order: 'none',
    },
    make: (store) => new ParallelAsyncExecutor({ store, workers: 2, ioConcurrency: 3, graceMs: GRACE_MS }),
  },
  {
    name: 'ParallelAsyncExecutor, io on a thread',
    runs: 8,
    setting: {
      isAsync: true,
      staysHere: isKeptHere,
      limits: [
        { of: cpu, max: 2 },
        { of: io, max: 3 },
      ],
      runsAlone: cpu,
      order: 'none',
    },
    make: (store) =>
      new ParallelAsyncExecutor({ store, workers: 2, ioConcurrency: 3, io: 'thread', graceMs: GRACE_MS }),
  },
];

const STORES: Readonly<Record<string, (path: string) => OutcomeStore>> = {
  'in memory': () => new MemoryStore(),
  'a file, in batches': (path) => new FileStore(path),
  'a file, each': (path) => new FileStore(path, { durability: 'each' }),
};

const drawnStore = fc.record({
  inner: fc.constantFrom('in memory', ...Object.keys(STORES)),
  answering: fc.constantFrom<Answering[]>('at once', 'by promise', 'late', 'late'),
  turns: fc.array(fc.constantFrom(0, 1, 10, 50, 200), { minLength: 1, maxLength: 5 }),
  savesMax: fc.nat(SIZE_MAX),
});

/** A drawn graph under an executor, with a file of its own for its calls. */
class Scene {
  readonly name: string = `case ${++caseCount}`;
  readonly path: string = join(folder, this.name);
  readonly outside: OutsideGraph;
  readonly model: Model;
  readonly #calls: CallFile = new CallFile(this.path);

  constructor(drawn: DrawnCase, setting: Setting) {
    this.outside = new OutsideGraph(drawn, setting);
    this.model = this.outside.model();
  }

  /** Runs a graph of these tasks of which nothing is known. */
  run(executor: Executor): Promise<Seen> {
    return see(executor, this.outside.build(this.#calls, this.name), this.#calls);
  }
}

describe.each(SUBJECTS)('$name', ({ runs, setting, make }) => {
  const store = new FickleStore();
  const plain = make(undefined);
  const keeping = make(store);
  afterAll(async () => {
    await plain.close();
    await keeping.close();
  });
  const check = (property: fc.IAsyncProperty<any>) => fc.assert(property, caseOptions(runs));

  test('calls each function as the rules say, without a store', async () => {
    const property = fc.asyncProperty(drawnCase(SIZE_MAX), async (drawn) => {
      const scene = new Scene(drawn, setting);
      const witness = new Witness(scene.outside, await scene.run(plain));
      expect(witness.expectRules().expectOrder().expectModel(scene.model).expectCallCounts(scene.model).broken).toEqual(
        [],
      );
    });
    await check(property);
  });

  test('does so with a store as well, and never again calls those whose results it keeps', async () => {
    const property = fc.asyncProperty(drawnCase(SIZE_MAX), drawnStore, async (drawn, { inner, answering, turns }) => {
      const scene = new Scene(drawn, setting);
      const { outside, model } = scene;
      await using keeper = STORES[inner]!(`${scene.path} kept`);
      store.begin(setting.isAsync ? answering : 'at once', turns, keeper);
      const first = new Witness(outside, await scene.run(keeping));
      expect(first.expectRules().expectOrder().expectModel(model).expectCallCounts(model).broken).toEqual([]);

      const second = new Witness(outside, await scene.run(keeping));
      const isKept = (task: OutsideTask) => model.outcomes[task.id]!.status === 'done' && outside.isKept(task);
      expect(second.expectRules().expectModel(model).expectCallCounts(model, isKept).broken).toEqual([]);
    });
    await check(property);
  });

  test('does so with a store that fails in the midst, and in the run that goes on from there', async () => {
    const property = fc.asyncProperty(
      drawnCase(SIZE_MAX),
      drawnStore,
      async (drawn, { answering, turns, savesMax }) => {
        const scene = new Scene(drawn, setting);
        const { outside, model } = scene;
        const keeper = new MemoryStore();
        store.begin(setting.isAsync ? answering : 'at once', turns, keeper);
        store.savesMax = savesMax;
        const seen = await scene.run(keeping);
        expect(new Witness(outside, seen).expectRules().expectOrder().broken).toEqual([]);
        expect(seen.rejected).toBe(store.asked.length > savesMax ? store.failure : undefined);
        expect(seen.graph.counts().running).toBe(0);

        const kept = new Set(store.kept);
        store.begin('at once', turns, keeper);
        const rest = new Witness(outside, await scene.run(keeping));
        const isKept = (task: OutsideTask) =>
          kept.has(task.name) && seen.graph.status(task.name) === 'done' && outside.isKept(task);
        expect(rest.expectRules().expectModel(model).expectCallCounts(model, isKept).broken).toEqual([]);
      },
    );
    await check(property);
  });
});
