import {
  type Attempt,
  RunAbortedError,
  RunFailedError,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskSpec,
  UnsendableError,
} from 'taskmap-ts';
import {
  type Ending,
  type Fate,
  type Place,
  PlacedExecutor,
  type PlacedRun,
  type RemoteAttempt,
} from 'taskmap-ts/places';
import { describe, expect, it } from 'vitest';
import { rejection, task } from '../contract/executor-harness.js';
import { FickleStore } from '../support/fickle-store.js';

const TIMES = { startedAtMs: 0, tookMs: 0, where: 'here' };

function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder<any>({ name: 'placed' }).add(...specs).build() as TaskGraph;
}

/** A place that does what a spec says of each attempt as soon as it has taken it. */
class Taking implements Place {
  readonly run: PlacedRun;
  readonly #taken: (run: PlacedRun, attempt: RemoteAttempt) => void;
  isBusy = false;
  readonly calls: string[] = [];

  constructor(run: PlacedRun, taken: (run: PlacedRun, attempt: RemoteAttempt) => void) {
    this.run = run;
    this.#taken = taken;
  }

  fill(): void {
    for (let next = this.run.take(); next !== undefined; next = this.run.take()) this.#taken(this.run, next);
  }

  stop(): void {
    this.calls.push('stop');
  }

  abort({ name }: RemoteAttempt): void {
    this.calls.push(`abort ${name}`);
  }

  giveUp(attempt: RemoteAttempt): void {
    this.calls.push(`giveUp ${attempt.name}`);
    this.run.ended(attempt, { kind: 'lost' });
  }

  end(): void {
    this.calls.push('end');
  }
}

class TakingExecutor extends PlacedExecutor {
  readonly #taken: (run: PlacedRun, attempt: RemoteAttempt) => void;
  place: Taking | undefined;

  constructor(taken: (run: PlacedRun, attempt: RemoteAttempt) => void) {
    super({ graceMs: 0 });
    this.#taken = taken;
  }

  protected override staysHere({ onMainThread }: { readonly onMainThread: boolean }): boolean {
    return onMainThread;
  }

  protected override placeFor(run: PlacedRun): Place {
    this.place = new Taking(run, this.#taken);
    return this.place;
  }
}

/** Lets all other events have their turn. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What the function makes of it, here and at once. */
function ending(attempt: RemoteAttempt): Ending {
  try {
    return { kind: 'returned', value: attempt.invoke(), ...TIMES };
  } catch (value) {
    return { kind: 'threw', value, ...TIMES };
  }
}

describe('PlacedExecutor', () => {
  it('has a place that answers at once told of each task in order: ready, started, done', async () => {
    const executor = new TakingExecutor((run, attempt) => void run.ended(attempt, ending(attempt)));
    const told: string[] = [];
    for (const event of ['ready', 'started', 'done'] as const)
      executor.on(`task:${event}`, ({ task }) => told.push(`${event} ${task}`));
    const graph = graphOf(
      task('a', () => 1),
      task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
      task('c', (b: number) => b + 1, { dependsOn: ['b'] }),
    );
    await executor.run(graph);
    expect(graph.results).toMatchObject({ a: 1, b: 2, c: 3 });
    expect(told).toEqual(['a', 'b', 'c'].flatMap((name) => [`ready ${name}`, `started ${name}`, `done ${name}`]));
  });

  it('says of each ending what becomes of it, and of a second one that nobody was interested', async () => {
    const fates: [string, Fate, Fate][] = [];
    let calls = 0;
    const executor = new TakingExecutor((run, attempt) => {
      const end: Ending = attempt.name === 'lost' && calls++ === 0 ? { kind: 'lost', reason: 'gone' } : ending(attempt);
      fates.push([attempt.name, run.ended(attempt, end), run.ended(attempt, end)]);
    });
    const again = { attempts: 2 };
    const graph = graphOf(
      task('done', () => 1),
      task('fails', () => Promise.reject(0), { onMainThread: true }),
      task('throws', () => {
        throw new Error('no');
      }),
      task(
        'tried',
        () => {
          throw new Error('no');
        },
        { retry: again },
      ),
      task('lost', () => 2),
    );
    await executor.run(graph);
    expect(fates).toEqual([
      ['done', 'done', 'void'],
      ['throws', 'failed', 'void'],
      ['tried', 'again', 'void'],
      ['lost', 'again', 'void'],
      ['lost', 'done', 'void'],
      ['tried', 'failed', 'void'],
    ]);
    expect(graph.counts()).toMatchObject({ done: 2, failed: 3 });
  });

  it('fails for good what is hopeless or has an argument that cannot be sent, whatever attempts are left', async () => {
    const error = new Error('it has cost three machines');
    const executor = new TakingExecutor((run, attempt) => {
      const part = 'the result of "x" is a function';
      run.ended(
        attempt,
        attempt.name === 'hopeless' ? { kind: 'hopeless', error } : { kind: 'unsendable', what: 'argument', part },
      );
    });
    const graph = graphOf(
      task('hopeless', () => 1, { retry: 5 }),
      task('unsendable', () => 1, { retry: 5 }),
      task('after', () => 1, { after: ['hopeless'] }),
    );
    await executor.run(graph);
    expect(graph.failure('hopeless')).toBe(error);
    expect(graph.failure('unsendable')).toBeInstanceOf(UnsendableError);
    expect(String(graph.failure('unsendable'))).toContain('The argument of task "unsendable"');
    expect(graph.outcome('after')).toEqual({ status: 'skipped', because: 'hopeless' });
  });

  it('tells the place to stop, to abort and to give up, and waits for what it says', async () => {
    const attempts = new Map<string, RemoteAttempt>();
    const executor = new TakingExecutor((run, attempt) => {
      attempts.set(attempt.name, attempt);
      // Once both are under way.
      if (attempts.size === 2)
        run.wake(() => run.ended(attempts.get('fails')!, { kind: 'threw', value: 'no', ...TIMES }));
    });
    const graph = graphOf(
      task('fails', () => 1),
      task('stays', () => 1),
    );
    expect(await rejection(executor.run(graph, { onFailure: 'abort' }) as Promise<unknown>)).toBeInstanceOf(
      RunFailedError,
    );
    expect(executor.place!.calls).toEqual(['stop', 'abort stays', 'giveUp stays', 'end']);
    expect(graph.counts()).toMatchObject({ failed: 1, pending: 1 });
  });

  it('rejects with what making the place throws, and the graph is free again', async () => {
    class Refusing extends TakingExecutor {
      protected override placeFor(): Place {
        throw new Error('no such service');
      }
    }
    const graph = graphOf(task('a', () => 1));
    expect(String(await rejection(new Refusing(() => {}).run(graph) as Promise<unknown>))).toContain('no such service');
    expect(graph.reset('a').counts()).toMatchObject({ pending: 1 });
  });

  it('rejects with what the place breaks off with, and tells so', async () => {
    const failure = new Error('the service is gone');
    const executor = new TakingExecutor((run) => run.breakOff(failure));
    const ends: unknown[] = [];
    executor.on('run:finished', ({ status, reason }) => ends.push([status, reason]));
    const graph = graphOf(task('a', () => 1));
    expect(await rejection(executor.run(graph) as Promise<unknown>)).toBe(failure);
    expect(ends).toEqual([['broken', failure]]);
    expect(graph.counts()).toMatchObject({ pending: 1 });
  });

  it('has run() and close() wait for what the place still has to do once the run has settled', async () => {
    const executor = new TakingExecutor((run, attempt) => void run.ended(attempt, ending(attempt)));
    let hasCleared = () => {};
    const cleared = new Promise<void>((resolve) => {
      hasCleared = resolve;
    });
    executor.on('run:started', () => {
      executor.place!.end = () => cleared;
    });
    const order: string[] = [];
    executor.on('run:finished', () => {
      order.push('finished');
      setImmediate(() => {
        order.push('cleared');
        hasCleared();
      });
    });
    const graph = graphOf({ name: 'a', run: () => 1 });
    await executor.run(graph).then(() => order.push('run()'));
    expect(order).toEqual(['finished', 'cleared', 'run()']);
  });

  it('rejects with what the end of the place rejects with, and the graph is free again', async () => {
    const executor = new TakingExecutor((run, attempt) => void run.ended(attempt, ending(attempt)));
    const error = new Error('cannot be cleared');
    executor.on('run:started', () => {
      executor.place!.end = () => Promise.reject(error);
    });
    const graph = graphOf({ name: 'a', run: () => 1 });
    expect(await rejection(executor.run(graph))).toBe(error);
    expect(graph.status('a')).toBe('done');
    graph.reset('a');
  });

  // Of a place that goes on for ever the run would otherwise hold the thread for ever: this ends it.
  const CALLS_MAX = 10_000;
  const now = (tell: () => void) => tell();

  it.each([
    ['never-began', 'at once', now],
    ['lost', 'at once', now],
    ['never-began', 'in a microtask', queueMicrotask],
    ['lost', 'in a microtask', queueMicrotask],
  ] as const)('can be aborted where its place hands everything back, as %s, %s', async (kind, _, when) => {
    let takenCount = 0;
    const executor = new TakingExecutor((run, attempt) => {
      if (++takenCount > CALLS_MAX) throw new Error('nothing else has had its turn');
      when(() => void run.ended(attempt, { kind }));
    });
    const graph = graphOf(
      task('a', () => 1),
      task('b', () => 2),
    );
    const controller = new AbortController();
    const run = rejection(executor.run(graph, { signal: controller.signal }) as Promise<unknown>);
    const offeredByTurn: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const before = takenCount;
      await nextTurn();
      offeredByTurn.push(takenCount - before);
    }
    controller.abort();
    expect(await run).toBeInstanceOf(RunAbortedError);
    expect(graph.counts()).toMatchObject({ pending: 2 });
    // It goes on trying, each task twice in a turn at most.
    expect(Math.max(...offeredByTurn)).toBeLessThanOrEqual(4);
    expect(offeredByTurn.at(-1)).toBeGreaterThan(0);
  });

  it('offers again what came back, until its place keeps it', async () => {
    const offers: string[] = [];
    const executor = new TakingExecutor((run, attempt) => {
      offers.push(attempt.name);
      const isKept = offers.filter((name) => name === attempt.name).length > 5;
      run.ended(attempt, isKept ? ending(attempt) : { kind: 'never-began' });
    });
    const graph = graphOf(
      task('a', () => 1),
      task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
    );
    const { attemptCount } = await executor.run(graph);
    expect(graph.results).toMatchObject({ a: 1, b: 2 });
    expect(offers).toEqual([...'aaaaaabbbbbb']);
    expect(attemptCount).toBe(2);
  });

  it.each([
    ['says that there is room', (run: PlacedRun) => run.wake()],
    ['tells of progress', (run: PlacedRun, attempt: RemoteAttempt) => run.progressed(attempt, 0.5)],
  ])('can be aborted where its place %s whenever it is asked to fill itself', async (_, tell) => {
    let fillCount = 0;
    class Telling extends Taking {
      #attempt: RemoteAttempt | undefined;

      override fill(): void {
        if (++fillCount > CALLS_MAX) throw new Error('nothing else has had its turn');
        this.#attempt ??= this.run.take();
        if (this.#attempt !== undefined) tell(this.run, this.#attempt);
      }

      override abort(attempt: RemoteAttempt): void {
        this.run.ended(attempt, { kind: 'lost' });
      }
    }
    class TellingExecutor extends TakingExecutor {
      protected override placeFor(run: PlacedRun): Place {
        return new Telling(run, () => {});
      }
    }
    const controller = new AbortController();
    const graph = graphOf(task('a', () => 1));
    const run = rejection(new TellingExecutor(() => {}).run(graph, { signal: controller.signal }) as Promise<unknown>);
    await nextTurn();
    controller.abort();
    expect(await run).toBeInstanceOf(RunAbortedError);
  });

  it('sends attempts one by one where a subclass overrides runAttempt()', async () => {
    class Doubling extends TakingExecutor {
      protected override async runAttempt(attempt: Attempt): Promise<unknown> {
        return 2 * ((await super.runAttempt(attempt)) as number);
      }
    }
    const executor = new Doubling((run, attempt) => void run.ended(attempt, ending(attempt)));
    const graph = graphOf(
      task('a', () => 2),
      task('b', (a: number) => a + 1, { dependsOn: ['a'] }),
      task('here', (b: number) => b, { dependsOn: ['b'], onMainThread: true }),
    );
    await executor.run(graph);
    expect(graph.results).toMatchObject({ a: 4, b: 10, here: 20 });
  });
});

describe('a place that was sent a task ahead', () => {
  /** Takes what is ready, and its dependents ahead; what has not begun it hands back when it is to stop. */
  class Ahead extends Taking {
    readonly #waiting: RemoteAttempt[] = [];

    override fill(): void {
      super.fill();
      for (let next = this.run.takeAhead(1); next !== undefined; next = undefined) this.#waiting.push(next);
    }

    override stop(): void {
      for (const attempt of this.#waiting.splice(0)) this.run.ended(attempt, { kind: 'never-began' });
    }
  }

  class AheadExecutor extends PlacedExecutor {
    protected override staysHere(): boolean {
      return false;
    }

    protected override placeFor(run: PlacedRun): Place {
      return new Ahead(run, (run, attempt) => void run.ended(attempt, { kind: 'returned', value: 1, ...TIMES }));
    }
  }

  // first ─► second
  it('may hand it back in the moment in which its input is done', async () => {
    const store = Object.assign(new FickleStore(), { detect: 'version' as const });
    store.begin('by promise');
    const executor = new AheadExecutor({ store });
    const controller = new AbortController();
    executor.on('task:done', () => controller.abort('enough'));
    const graph = graphOf(
      task('first', () => 1),
      task('second', () => 2, { dependsOn: ['first'] }),
    );
    const error = await rejection(executor.run(graph, { signal: controller.signal }));
    expect(error).toBeInstanceOf(RunAbortedError);
    expect(graph.outcome('first')).toMatchObject({ status: 'done' });
    expect(graph.outcome('second')).toEqual({ status: 'pending' });
  });
});
