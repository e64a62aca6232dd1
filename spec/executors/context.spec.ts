import { AsyncLocalStorage } from 'node:async_hooks';
import {
  AsyncExecutor,
  type AsyncExecutorOptions,
  type Executor,
  type LoadedOutcomes,
  OutcomeStore,
  ParallelAsyncExecutor,
  ParallelExecutor,
  type RunOptions,
  type TaskContext,
} from 'taskmap-ts';
import { afterAll, describe, expect, it } from 'vitest';
import { EVENT_BITS } from '../../src/executors/emitter.js';
import { rejection } from '../contract/executor-harness.js';
import { Gate } from '../support/gate.js';
import { made, namedGraph } from './thread-harness.js';

const caller = new AsyncLocalStorage<string>();

/** Who called the run on whose behalf something was called here: as it is seen there, by what it is. */
class Sightings {
  readonly #seen: [what: string, expected: string, seen: string | undefined][] = [];
  readonly #graphByRun = new Map<string, string>();

  listen(executor: Executor): void {
    executor.on('run:started', ({ runId, graph }) => this.#graphByRun.set(runId, graph));
    for (const event of Object.keys(EVENT_BITS) as 'task:done'[])
      executor.on(event, ({ runId }) => this.note(event, this.#graphByRun.get(runId)!));
  }

  note(what: string, expected: string): void {
    this.#seen.push([what, expected, caller.getStore()]);
  }

  /** What was seen by others than it should have been, and the kinds of what was seen at all. */
  take(): { readonly wrong: readonly string[]; readonly kinds: ReadonlySet<string> } {
    const seen = this.#seen.splice(0);
    const wrong = seen.filter(([, expected, who]) => who !== expected);
    return {
      wrong: wrong.map(([what, expected, who]) => `${what} of ${expected} sees ${who}`),
      kinds: new Set(seen.map(([what]) => what)),
    };
  }
}

const sightings = new Sightings();

/** A store that is asked on behalf of the graph's run. */
class NotingStore extends OutcomeStore {
  override async load(graph: string): Promise<LoadedOutcomes> {
    sightings.note('load', graph);
    return { outcomes: [] };
  }
  override async save(graph: string): Promise<void> {
    sightings.note('save', graph);
  }
  override forget(): void {}
  override flush(): void {}
  override close(): void {}
}

const EXECUTORS: readonly [string, (options: AsyncExecutorOptions) => Executor][] = [
  ['AsyncExecutor', (options) => new AsyncExecutor(options)],
  ['ParallelExecutor', (options) => new ParallelExecutor({ workers: 1, ...options })],
  ['ParallelAsyncExecutor', (options) => new ParallelAsyncExecutor({ workers: 1, ...options })],
  [
    'ParallelAsyncExecutor, io on a thread',
    (options) => new ParallelAsyncExecutor({ workers: 1, io: 'thread', ...options }),
  ],
];

describe.each(EXECUTORS)('what %s calls on the thread of its caller', (_, make) => {
  const executor = make({ store: new NotingStore(), graceMs: 10 });
  sightings.listen(executor);
  afterAll(() => executor.close());

  /** Runs a graph of that name on behalf of somebody of that name. */
  function runFor(name: string, options: RunOptions = {}, gate = Promise.resolve()): Promise<unknown> {
    const noted = (what: string) => () => sightings.note(what, name);
    const here = { onMainThread: true, after: ['cpu', 'io'] };
    let calls = 0;
    const graph = namedGraph(
      name,
      { name: 'cpu', run: made('() => 1') },
      { name: 'io', run: made('async () => 1'), ioBound: true },
      { name: 'progress', run: made('({ progress }) => progress(0.5)'), withContext: true, after: ['cpu'] },
      { name: 'fails', run: made("() => { throw new Error('no'); }"), after: ['cpu'] },
      { name: 'skipped', run: () => 1, after: ['fails'] },
      { name: 'save', run: noted('a function') as never, ...here },
      {
        name: 'again',
        run: (() => {
          sightings.note('another attempt', name);
          if (calls++ < 2) throw new Error('again');
        }) as never,
        retry: {
          attempts: 3,
          delayMs: 1,
          when() {
            sightings.note('when', name);
            return true;
          },
        },
        ...here,
      },
      {
        name: 'late',
        run: (({ signal }: TaskContext) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              sightings.note('a listener on a signal', name);
              reject(signal.reason);
            });
          })) as never,
        withContext: true,
        timeoutMs: 5,
        ...here,
      },
      { name: 'waits', run: (() => gate) as never, ...here },
    );
    return caller.run(name, async () => executor.run(graph as never, options));
  }

  it('sees the context of whoever called run(), not that of the run before, which has started the threads', async () => {
    await runFor('A');
    expect(sightings.take().wrong).toEqual([]);
    await runFor('B');
    const { wrong, kinds } = sightings.take();
    expect(wrong).toEqual([]);
    expect([...kinds].sort()).toEqual(
      [
        ...['run:started', 'run:finished', 'task:ready', 'task:started', 'task:progress', 'task:retrying'],
        ...[
          'task:done',
          'task:failed',
          'task:skipped',
          'a function',
          'another attempt',
          'when',
          'a listener on a signal',
        ],
        ...['load', 'save', 'store:unseen'],
      ].sort(),
    );
  });

  it('sees that of its own run where several are under way', async () => {
    const gates = [new Gate(), new Gate(), new Gate()];
    const runs = ['A', 'B', 'C'].map((name, index) => runFor(name, {}, gates[index]!.pass()));
    for (const gate of gates.reverse()) gate.open();
    await Promise.all(runs);
    expect(sightings.take().wrong).toEqual([]);
  });

  it('sees it also where an abort comes from somebody else, or a promise that somebody else settles', async () => {
    const controller = new AbortController();
    const gate = new Gate();
    const run = runFor('A', { signal: controller.signal }, gate.pass());
    const started = new Promise<void>((resolve) => {
      const listen = ({ task }: { task: string }) => {
        if (task === 'waits') resolve();
      };
      executor.on('task:started', listen);
    });
    await started;
    caller.run('somebody else', () => {
      controller.abort(new Error('enough'));
      gate.open();
    });
    expect(await rejection(run)).toMatchObject({ code: 'run-aborted' });
    const { wrong, kinds } = sightings.take();
    expect(wrong).toEqual([]);
    expect(kinds).toContain('run:finished');
  });
});
