import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore, ParallelExecutor, SyncExecutor, TaskGraphBuilder, taskModule } from 'taskmap-ts';
import { collectGarbage, median } from '../../measure.js';
import { THREADS } from '../contenders/thread-contender.js';
import type { Timing } from '../contest.js';
import type { Part } from '../part.js';

export const KEPT = 'kept';
export const ONE_LOOP = 'one loop';
export const ON_THREADS = 'taskmap parallel';
export const ON_THREADS_KEPT = 'taskmap parallel, FileStore';
export const NOTHING_TO_DO = 'taskmap parallel, FileStore, nothing to do';
export const RECALLED = 'taskmap sync, FileStore, nothing to do';

/** What `threads/rows.mjs` exports. */
interface Rows {
  parse(part: number, count: number): Row[];
  join(rows: Row[]): Joined[];
}
interface Row {
  readonly id: number;
  readonly customer: string;
  readonly country: string;
  readonly cents: number;
  readonly day: string;
}
type Joined = Row & { readonly tax: number };

const MODULE = new URL('../threads/rows.mjs', import.meta.url);
const ROWS = 200_000;
const PARTS = 120;
const SMALL = 10_000;
const ROUNDS = 5;

export const kept: Part = {
  name: KEPT,
  title: 'What it costs to keep results, and to take them up again',
  legend: `\
${ROWS} rows of a table in ${PARTS} parts: each part is parsed on one of ${THREADS} threads, and then joined with a list. All rows are results, twice, some 46 MB.
Then the same with a file for them, and the same again when all of it is there. What counts is the computing of all threads.
And ${SMALL} small results that are all there.`,
  async *run() {
    yield await rowsTimed(PARTS, ROWS / PARTS, ROUNDS);
    yield await recalledTimed(SMALL, ROUNDS);
  },
};

/** Parses and joins rows in turn by a loop, on threads, with a file and out of the file. */
export async function rowsTimed(parts: number, count: number, rounds: number): Promise<Timing[]> {
  const { parse, join: joined } = (await import(MODULE.href)) as Rows;
  const executor = new ParallelExecutor({ workers: THREADS });
  await executor.warmUp();
  const turns = new Turns(`${parts * count} rows`, parts * 2, [ONE_LOOP, ON_THREADS, ON_THREADS_KEPT, NOTHING_TO_DO]);
  for (let round = 0; round <= rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'taskmap-bench-'));
    try {
      const results: unknown[] = [];
      await turns.timed(ONE_LOOP, round, () => {
        for (let part = 0; part < parts; part++) {
          const parsed = parse(part, count);
          results.push(parsed, joined(parsed));
        }
      });
      await turns.timed(ON_THREADS, round, async () => void (await executor.run(rowGraph(parts, count))));
      for (const contender of [ON_THREADS_KEPT, NOTHING_TO_DO]) {
        const store = new FileStore(join(folder, 'rows'));
        const keeping = new ParallelExecutor({ workers: THREADS, store });
        if (contender === ON_THREADS_KEPT) await keeping.warmUp();
        const { attemptCount } = await turns.timed(contender, round, () => keeping.run(rowGraph(parts, count)));
        await keeping.close();
        store.close();
        const expected = contender === NOTHING_TO_DO ? 0 : parts * 2;
        if (attemptCount !== expected) throw new Error(`${contender}: ${attemptCount} tasks ran, not ${expected}.`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  await executor.close();
  return turns.timings();
}

/** Takes many small results out of a file. */
export async function recalledTimed(tasks: number, rounds: number): Promise<Timing[]> {
  const folder = mkdtempSync(join(tmpdir(), 'taskmap-bench-'));
  const turns = new Turns('small results', tasks, [RECALLED]);
  const one = (): number => 1;
  const graph = () => {
    const builder = new TaskGraphBuilder<any>({ name: 'small' });
    for (let task = 0; task < tasks; task++)
      builder
        .task(`task ${task}`)
        .dependsOn(...(task < 100 ? [] : [`task ${task - 100}`]))
        .run(one);
    return builder.build();
  };
  try {
    for (let round = -1; round <= rounds; round++) {
      const store = new FileStore(join(folder, 'small'));
      const executor = new SyncExecutor({ store });
      const run = () => executor.run(graph());
      const { attemptCount } = round < 0 ? run() : await turns.timed(RECALLED, round, run);
      store.close();
      if (round >= 0 && attemptCount > 0) throw new Error(`${attemptCount} tasks ran again.`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return turns.timings();
}

function rowGraph(parts: number, count: number) {
  const { parse, join: joined } = taskModule<Rows>(MODULE);
  const builder = new TaskGraphBuilder({ name: 'rows' });
  for (let part = 0; part < parts; part++) {
    const parsed = builder.task(`parse ${part}`).with(part, count).run(parse);
    builder.task(`join ${part}`).dependsOn(parsed).run(joined);
  }
  return builder.build();
}

/** What contenders took that have their turns in each round. */
class Turns {
  readonly #samples: ReadonlyMap<string, { tookMs: number; cpuMs: number }[]>;

  readonly #graph: string;
  readonly #tasks: number;

  constructor(graph: string, tasks: number, contenders: readonly string[]) {
    this.#graph = graph;
    this.#tasks = tasks;
    this.#samples = new Map(contenders.map((contender) => [contender, []]));
  }

  /** @param round - that of the number 0 warms up, and does not count */
  async timed<T>(contender: string, round: number, run: () => T | Promise<T>): Promise<T> {
    collectGarbage();
    const before = process.cpuUsage();
    const startedAtMs = performance.now();
    const result = await run();
    const tookMs = performance.now() - startedAtMs;
    const { user, system } = process.cpuUsage(before);
    if (round > 0) this.#samples.get(contender)!.push({ tookMs, cpuMs: (user + system) / 1000 });
    return result;
  }

  timings(): Timing[] {
    return [...this.#samples].map(([contender, samples]) => ({
      part: KEPT,
      graph: this.#graph,
      contender,
      tasks: this.#tasks,
      medianMs: median(samples.map(({ tookMs }) => tookMs)),
      cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
      bestMs: Math.min(...samples.map(({ tookMs }) => tookMs)),
      rounds: samples.length,
      idealMs: undefined,
      taskUs: undefined,
    }));
  }
}
