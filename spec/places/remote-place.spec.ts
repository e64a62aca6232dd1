import { PassThrough } from 'node:stream';
import type { TaskContext, TaskFunction } from 'taskmap-ts';
import {
  PlacedExecutor,
  type PlacedRun,
  RemotePlace,
  type RemotePlaceOptions,
  type RemoteWorker,
  serveAttempts,
} from 'taskmap-ts/places';
import { describe, expect, it, vi } from 'vitest';
import { rejection } from '../contract/executor-harness.js';
import { graphOf } from '../executors/thread-harness.js';
import { Gate } from '../support/gate.js';

/** A worker in this process, which dies when its spec says so. */
class Worker implements RemoteWorker {
  readonly where: string;
  readonly messages = new PassThrough({ objectMode: true });
  readonly send: (message: Uint8Array) => void;
  endCount = 0;

  constructor(where: string, find: (name: string) => TaskFunction | Promise<TaskFunction>) {
    this.where = where;
    this.send = serveAttempts({ find, send: (message) => this.messages.writable && this.messages.write(message) });
  }

  end(): void {
    this.endCount++;
    this.messages.end();
  }
}

/** Runs tasks on such workers. Functions are called as they are. */
class HereExecutor extends PlacedExecutor {
  readonly started: Worker[] = [];
  readonly functions = new Map<string, TaskFunction>();
  find: (name: string) => TaskFunction | Promise<TaskFunction> = (name) => this.functions.get(name)!;
  readonly #options: Partial<RemotePlaceOptions>;

  constructor(options: Partial<RemotePlaceOptions> = {}) {
    super();
    this.#options = options;
  }

  protected override staysHere(): boolean {
    return false;
  }

  protected override placeFor(run: PlacedRun): RemotePlace {
    return new RemotePlace(run, {
      workers: 2,
      start: async () => this.start(),
      reference: ({ name, fn }) => {
        this.functions.set(name, fn);
        return name;
      },
      ...this.#options,
    });
  }

  start(): Worker {
    const worker = new Worker(`worker ${this.started.length + 1}`, (name) => this.find(name));
    this.started.push(worker);
    return worker;
  }
}

describe('a place of workers', () => {
  it('starts no more of them than there are tasks that are ready', async () => {
    const executor = new HereExecutor({ workers: 8 });
    const names = ['a', 'b', 'c'];
    const graph = graphOf(
      { name: 'first', run: () => 1 },
      ...names.map((name) => ({ name, run: () => 2, after: ['first'] })),
    );
    await executor.run(graph);
    expect(graph.counts()).toMatchObject({ done: 4 });
    expect(executor.started.length).toBeLessThanOrEqual(3);
    expect(executor.started.map(({ endCount }) => endCount > 0)).not.toContain(false);
  });

  // a*, b*, c* ─► d*, e*, f*      three share a worker, which dies of `a` the first time
  it('has what was lost with a worker run alone, and the others share again once nobody is suspected', async () => {
    const executor = new HereExecutor({ workers: 1, sharedMax: 3 });
    const calls: string[] = [];
    let runningCount = 0;
    const run = (name: string) => async () => {
      calls.push(`${name}: ${++runningCount}`);
      const isFirstWorker = executor.started.length === 1;
      if (isFirstWorker && name === 'a') executor.started[0]!.messages.end();
      if (isFirstWorker) return new Promise(() => {});
      await turn();
      runningCount--;
    };
    executor.on('task:interrupted', () => {
      runningCount = 0;
    });
    const graph = graphOf(
      ...['a', 'b', 'c'].map((name) => ({ name, run: run(name), ioBound: true })),
      ...['d', 'e', 'f'].map((name) => ({ name, run: run(name), ioBound: true, after: ['a', 'b', 'c'] })),
    );
    await executor.run(graph);
    expect(calls.slice(0, 3)).toEqual(['a: 1', 'b: 2', 'c: 3']);
    expect(calls.slice(3, 6).sort()).toEqual(['a: 1', 'b: 1', 'c: 1']);
    expect(calls.slice(6)).toEqual(['d: 1', 'e: 2', 'f: 3']);
  });

  it('ends a worker that is not to be understood, and runs elsewhere what it had', async () => {
    const executor = new HereExecutor();
    let callCount = 0;
    const run = () => {
      if (++callCount === 1) executor.started[0]!.messages.write(new Uint8Array([1, 2, 3]));
      return callCount === 1 ? new Promise(() => {}) : 'understood';
    };
    const graph = graphOf({ name: 'a', run });
    await executor.run(graph);
    expect(graph.result('a')).toBe('understood');
    expect(executor.started.map(({ endCount }) => endCount > 0)).toEqual([true, true]);
  });

  it('does not call a function whose attempt was aborted before it was found', async () => {
    const executor = new HereExecutor();
    const [found, run] = [new Gate<TaskFunction>(), vi.fn()];
    executor.find = found.pass;
    const controller = new AbortController();
    const ended = rejection(executor.run(graphOf({ name: 'a', run }), { signal: controller.signal }));
    await found.started;
    controller.abort();
    found.open(run);
    expect(await ended).toMatchObject({ code: 'run-aborted' });
    expect(run).not.toHaveBeenCalled();
  });

  it.each([
    ['counts what returns after an abort if it never asked for its signal', () => {}, 'done'],
    ['drops it if it did', ({ signal }: TaskContext) => signal, 'pending'],
  ] as const)('%s', async (_, ask, status) => {
    const executor = new HereExecutor();
    const gate = new Gate<number>();
    const run = (context: TaskContext) => {
      ask(context);
      return gate.pass();
    };
    const graph = graphOf({ name: 'a', run, withContext: true });
    const controller = new AbortController();
    const ended = rejection(executor.run(graph, { signal: controller.signal }));
    await gate.started;
    controller.abort();
    gate.open(1);
    await ended;
    expect(graph.status('a')).toBe(status);
  });

  it('tells with an error who called run()', async () => {
    const executor = new HereExecutor();
    const run = () => {
      throw new RangeError('far away');
    };
    const graph = graphOf({ name: 'a', run });
    await (async function whoCalls() {
      await executor.run(graph);
    })();
    expect((graph.failure('a') as Error).stack).toMatch(/^RangeError: far away[\s\S]* whoCalls /);
  });

  it('ends a worker that has started only when its run was over', async () => {
    const late = new Gate<Worker>();
    const executor: HereExecutor = new HereExecutor({
      start: () => (executor.started.length === 0 ? Promise.resolve(executor.start()) : late.pass()),
    });
    await executor.run(graphOf({ name: 'a', run: () => 1 }, { name: 'b', run: () => 2 }));
    expect(late.arrivals).toBe(1);
    const worker = executor.start();
    late.open(worker);
    await turn();
    expect(worker.endCount).toBeGreaterThan(0);
  });

  it('has its run reject with what a worker does not start of, and with options that it cannot take', async () => {
    const graph = graphOf({ name: 'a', run: () => 1 });
    const error = new Error('no room');
    expect(await rejection(new HereExecutor({ start: () => Promise.reject(error) }).run(graph))).toBe(error);
    for (const [option, value] of [
      ['workers', 0],
      ['sharedMax', 1.5],
    ] as const)
      expect(await rejection(new HereExecutor({ [option]: value }).run(graph))).toMatchObject({
        code: 'invalid-option',
        option,
        value,
      });
    expect(graph.status('a')).toBe('pending');
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
