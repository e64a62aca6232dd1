import fc from 'fast-check';
import { AsyncExecutor, SyncExecutor, type TaskGraph, type TaskStarted, Timeline } from 'taskmap-ts';
import { serveDashboard } from 'taskmap-ts/dashboard';
import { expect, it, vi } from 'vitest';
import { applyToRuns } from '../../src/dashboard/apply-changes.js';
import { EventStreams } from '../../src/dashboard/event-streams.js';
import {
  ATTEMPT_CODES,
  type Changes,
  type ShownRun,
  type Snapshot,
  STATUS_CODES,
} from '../../src/dashboard/messages.js';
import { RunFeed } from '../../src/dashboard/run-feed.js';
import { EVENT_BITS } from '../../src/executors/emitter.js';
import { Timed } from '../observe/timed.js';
import { EventReader } from '../support/event-reader.js';
import { settle } from '../support/fake-clock.js';
import {
  builderOf,
  drawnFunction,
  PROPERTY_TIMEOUT_MS,
  propertyOptions,
  randomGraph,
} from '../support/random-graph.js';

vi.setConfig({ testTimeout: PROPERTY_TIMEOUT_MS });

/** Time that passes when the spec says so, in the middle of an event. */
class Ticker {
  nowMs = 0;
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get waiting(): number {
    return this.#timers.length;
  }

  pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of this.#timers.filter(({ dueMs }) => dueMs <= this.nowMs)) {
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.callback();
    }
  }
}

/** A connection of a page, as far as the server sees it, and what the page makes of it. */
class Page {
  writableLength = 0;
  runs: readonly ShownRun[] = [];
  snapshots = 0;
  #onDrain: (() => void)[] = [];
  #onClose: (() => void)[] = [];

  writeHead(): this {
    return this;
  }

  on(): this {
    return this;
  }

  once(event: string, listener: () => void): this {
    (event === 'drain' ? this.#onDrain : this.#onClose).push(listener);
    return this;
  }

  end(): this {
    return this;
  }

  write(message: Buffer | string): boolean {
    const [, event, data] = /event: (\w+)\ndata: (.*)\n/.exec(String(message)) ?? [];
    if (event === 'snapshot') {
      this.runs = (JSON.parse(data!) as Snapshot).runs;
      this.snapshots++;
    }
    if (event === 'changes') this.runs = applyToRuns(this.runs, JSON.parse(data!) as Changes);
    return true;
  }

  stall(): void {
    this.writableLength = 1 << 30;
  }

  drain(): void {
    this.writableLength = 0;
    const waiting = this.#onDrain;
    this.#onDrain = [];
    for (const listener of waiting) listener();
  }

  disconnect(): void {
    for (const listener of this.#onClose) listener();
  }
}

/** What happens after one event. */
const action = fc.oneof(
  { weight: 6, arbitrary: fc.constant('nothing' as const) },
  { weight: 3, arbitrary: fc.constant('time passes' as const) },
  { weight: 2, arbitrary: fc.constant('connect' as const) },
  { weight: 2, arbitrary: fc.constant('a task says how far it is' as const) },
  { weight: 1, arbitrary: fc.constant('stall' as const) },
  { weight: 1, arbitrary: fc.constant('drain' as const) },
  { weight: 1, arbitrary: fc.constant('disconnect' as const) },
);

const case_ = fc.record({
  graphs: fc.array(randomGraph({ sizeMin: 1, sizeMax: 10 }), { minLength: 1, maxLength: 3 }),
  isAsync: fc.boolean(),
  concurrency: fc.integer({ min: 1, max: 4 }),
  runsMax: fc.integer({ min: 1, max: 4 }),
  rounds: fc.integer({ min: 1, max: 2 }),
  abortAfter: fc.option(fc.nat(30)),
  actions: fc.array(action, { minLength: 1, maxLength: 60, size: 'max' }),
});

it('whoever connects at any moment ends with what a late one is told, and with what the graphs hold', async () => {
  let seenBehind = 0;
  await fc.assert(
    fc.asyncProperty(case_, async ({ graphs, isAsync, concurrency, runsMax, rounds, abortAfter, actions }) => {
      const ticker = new Ticker();
      const executor = isAsync ? new AsyncExecutor({ concurrency }) : new SyncExecutor();
      const feed = new RunFeed({ runsMax, control: false, workers: 1, group: undefined }).listen(executor);
      const streams = new EventStreams(feed, ticker);
      const timeline = new Timeline({ runsMax }).listen(executor);
      const pages: Page[] = [];
      const latestRunOf = new Map<TaskGraph, string>();
      executor.on('run:started', ({ runId, taskGraph }) => latestRunOf.set(taskGraph, runId));
      const connect = () => {
        const page = new Page();
        pages.push(page);
        streams.add(page as never);
      };
      let told = 0;
      const afterEvent = ({ runId }: { readonly runId: string }) => {
        const happens = actions[told % actions.length]!;
        const page = pages[told % Math.max(pages.length, 1)];
        if (told++ === abortAfter) executor.abort(runId);
        if (happens === 'time passes') ticker.pass(told % 3 === 0 ? 1000 : 100);
        else if (happens === 'connect') connect();
        // Of the task that began last, whether or not it has ended.
        else if (happens === 'a task says how far it is' && latest !== undefined) {
          executor.emit('task:progress', { ...latest, fraction: (told % 10) / 10, note: `event ${told}` });
        } else if (happens === 'stall') page?.stall();
        else if (happens === 'drain') page?.drain();
        else if (happens === 'disconnect' && page !== undefined) pages.splice(pages.indexOf(page), 1)[0]!.disconnect();
      };
      let latest: TaskStarted | undefined;
      executor.on('task:started', (record) => {
        latest = record;
      });
      for (const event of Object.keys(EVENT_BITS))
        if (event !== 'task:progress') executor.on(event as 'task:done', afterEvent);
      const built = graphs.map((graph) => builderOf(graph).build());
      for (let round = 0; round < rounds; round++) {
        const runs = built.map(async (graph) => executor.run(graph.resetFailed()));
        await Promise.allSettled(runs);
      }
      seenBehind += pages.filter(({ writableLength, snapshots }) => writableLength > 0 || snapshots > 1).length;
      for (const page of pages) page.drain();
      ticker.pass(100);
      connect();
      ticker.pass(100);
      const late = pages.at(-1)!;
      for (const page of pages) expect(page.runs).toEqual(late.runs);

      expect(late.runs.map(({ runId }) => runId)).toEqual(timeline.runIds());
      for (const graph of built) {
        const run = late.runs.find(({ runId }) => runId === latestRunOf.get(graph));
        if (run === undefined) continue;
        const statuses = run.statuses.map((status) => STATUS_CODES[status]!.replace('kept', 'done'));
        expect(statuses).toEqual(run.names.map((name) => graph.status(name)));
        const attemptsOf = (status: string) =>
          timeline.attempts({ runId: run.runId }).filter((attempt) => attempt.status === status).length;
        for (const [index, status] of ATTEMPT_CODES.entries()) {
          expect(run.attempts.filter((attempt) => attempt[5] === index)).toHaveLength(attemptsOf(status));
        }
        const failedNow = run.failures.filter(({ willRetry }) => !willRetry).map(({ task }) => run.names[task]);
        expect(failedNow.sort()).toEqual([...graph.failures().keys()].sort());
      }

      for (const page of pages) page.disconnect();
      expect([streams.size, ticker.waiting, feed.hasChanged]).toEqual([0, 0, false]);
    }),
    propertyOptions(300),
  );
  // Else nothing would have been said about those who are slow.
  expect(seenBehind).toBeGreaterThan(0);
});

it('so it is over real connections, whenever they are made', async () => {
  const moments = fc.array(fc.nat(40), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      randomGraph({ sizeMin: 1, sizeMax: 12 }),
      moments,
      fc.integer({ min: 1, max: 3 }),
      async (drawn, moments, concurrency) => {
        const executor = new AsyncExecutor({ concurrency });
        await using dashboard = await serveDashboard(executor, { port: 0 });
        const readers: EventReader[] = [];
        let told = 0;
        for (const event of Object.keys(EVENT_BITS)) {
          executor.on(event as 'task:done', () => {
            for (const moment of moments) if (moment === told) readers.push(new EventReader(dashboard.url));
            told++;
          });
        }
        const graph = builderOf(drawn, (task) => {
          const fn = drawnFunction(task);
          // Other events get their turn, those of connections among them.
          return async (...args: unknown[]) => {
            await settle();
            return fn(...args);
          };
        }).build();
        const { runId } = await executor.run(graph);
        const late = await new EventReader(dashboard.url).connected();
        for (const reader of readers) await reader.until(() => reader.run(runId)?.status === 'finished');
        for (const reader of readers) expect(reader.runs).toEqual(late.runs);
        const statuses = late.runs[0]!.statuses.map((status) => STATUS_CODES[status]);
        expect(statuses).toEqual(late.runs[0]!.names.map((name) => graph.status(name)));
        for (const reader of [...readers, late]) reader.close();
      },
    ),
    propertyOptions(25),
  );
});

it('work, critical path and workers are those of a timeline', async () => {
  const task = fc.record({
    takesMs: fc.integer({ min: 1, max: 50 }),
    failures: fc.constantFrom(0, 0, 1, 2),
    delayMs: fc.constantFrom(0, 0, 30),
    after: fc.array(fc.nat(11), { maxLength: 3 }),
  });
  const tasks = fc.array(task, { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(tasks, fc.integer({ min: 1, max: 4 }), async (drawn, concurrency) => {
      const specs = drawn.map(({ takesMs, failures, delayMs, after }, index) => ({
        name: `t${index}`,
        takesMs,
        failures,
        retry: { attempts: 2, delayMs, jitter: 0 },
        after: [...new Set(index === 0 ? [] : after.map((back) => `t${back % index}`))],
      }));
      // Where there is room for all, a pause is as long as it was said to be.
      const timed = new Timed(specs, { concurrency: concurrency === 4 ? Number.POSITIVE_INFINITY : concurrency });
      const feed = new RunFeed({ runsMax: 1, control: false, workers: 1, group: undefined }).listen(timed.executor);
      const timeline = new Timeline().listen(timed.executor);
      await timed.run();
      const [run] = (JSON.parse(feed.snapshotText(0)) as Snapshot).runs;
      const { workMs, criticalPathMs, workers, durationMs } = timeline.summary()!;
      expect(run).toMatchObject({ workMs, criticalPathMs, workers, durationMs });
    }),
    propertyOptions(60),
  );
});
