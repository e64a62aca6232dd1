import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AsyncExecutor,
  type Executor,
  FileStore,
  type LoadedOutcomes,
  OutcomeStore,
  ParallelAsyncExecutor,
  ParallelExecutor,
} from 'taskmap-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { CallFile, type CallLine, notedFunction } from '../support/calls.js';
import { Gate } from '../support/gate.js';
import { validateRuns } from '../support/validated-runs.js';
import { graphOf } from './thread-harness.js';

validateRuns();

const folder = mkdtempSync(join(tmpdir(), 'saving-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TASKS = 24;

/** A file of outcomes, each of which is safe before it is told, on a disk that is slow: nothing is written before the spec says so. */
class SlowDisk extends OutcomeStore {
  readonly #file: FileStore;
  readonly #disk = new Gate();
  /** How many saves are under way, and what is told each time that one more is. */
  underWay = 0;
  onSave: (underWay: number) => void = () => {};

  constructor(path: string) {
    super();
    this.#file = new FileStore(path, { durability: 'each' });
  }

  /** From now on the disk is quick. */
  speedUp(): void {
    this.#disk.open();
  }

  override load(graph: string): LoadedOutcomes {
    return this.#file.load(graph);
  }

  override async save(graph: string, task: string, bytes: Uint8Array): Promise<void> {
    this.onSave(++this.underWay);
    await this.#disk.pass();
    await this.#file.save(graph, task, bytes);
    this.underWay--;
  }

  override forget(graph: string, tasks: readonly string[]): void {
    this.#file.forget(graph, tasks);
  }

  override async flush(): Promise<void> {
    await this.#file.flush();
  }

  override async close(): Promise<void> {
    await this.#file.close();
  }
}

/** The most calls that were under way at once. */
function mostAtOnce(lines: readonly CallLine[]): number {
  let [running, most] = [0, 0];
  for (const { what } of lines) {
    running += what === 'begins' ? 1 : -1;
    most = Math.max(most, running);
  }
  return most;
}

const EXECUTORS: readonly [string, boolean, (store: OutcomeStore) => Executor][] = [
  ['AsyncExecutor', true, (store) => new AsyncExecutor({ store, concurrency: 2 })],
  ['ParallelExecutor', false, (store) => new ParallelExecutor({ store, workers: 2 })],
  ['ParallelAsyncExecutor', false, (store) => new ParallelAsyncExecutor({ store, workers: 2 })],
  [
    'ParallelAsyncExecutor, io-bound tasks on a thread',
    true,
    (store) => new ParallelAsyncExecutor({ store, workers: 1, ioConcurrency: 2, io: 'thread' }),
  ],
];

describe.each(EXECUTORS)('%s', (name, ioBound, make) => {
  it('saves many results at once, and has two attempts under way meanwhile', async () => {
    const calls = new CallFile(join(folder, `${name} calls`));
    await using store = new SlowDisk(join(folder, name));
    const executor = make(store);
    if (executor instanceof ParallelExecutor) await executor.warmUp();
    const plan = { file: calls.path, failures: 0, failing: 'throws', returns: 'number', shape: 'object' } as const;
    const rest = { busyMs: 1, turns: ioBound ? 2 : 0, tellsProgress: false } as const;
    const graph = graphOf(
      ...Array.from({ length: TASKS }, (_, id) => ({
        name: `t${id}`,
        run: notedFunction({ ...plan, ...rest, task: `t${id}`, salt: id }, false),
        ioBound,
      })),
    );
    // Nothing is safe before all have run: if what is being saved held a slot, the third would never begin.
    let doneMeanwhile = 0;
    store.onSave = (underWay) => {
      doneMeanwhile += graph.counts().done;
      if (underWay === TASKS) store.speedUp();
    };
    const report = (await executor.run(graph as never))!;
    await executor.close();
    expect([report.attemptCount, report.counts.done, doneMeanwhile]).toEqual([TASKS, TASKS, 0]);
    const lines = calls.take();
    expect(lines).toHaveLength(2 * TASKS);
    expect(mostAtOnce(lines)).toBe(2);
    expect(store.underWay).toBe(0);
  });
});
