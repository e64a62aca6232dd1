import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  AsyncExecutor,
  type Attempt,
  type Clock,
  type Executor,
  GraphBusyError,
  type Outcome,
  RunAbortedError,
  RunFailedError,
  type RunOptions,
  SyncExecutor,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  TaskTimeoutError,
} from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../support/fake-clock.js';
import { Model, type ModelOutcome } from '../support/model.js';
import {
  DrawnError,
  propertyOptions,
  type RandomGraph,
  type RandomTask,
  randomGraph,
  resultOf,
} from '../support/random-graph.js';
import { validateRuns } from '../support/validated-runs.js';
import { Audit, holds, type SlotLimits } from './executors-audit.js';

validateRuns();

const GRACE_MS = 100;
const TIMEOUT_MS = 20;
const STEP_MS = 7;
const STEPS_MAX = 10_000;

/** An executor under which the properties must hold. */
interface Subject {
  readonly name: string;
  readonly isAsync: boolean;
  limits(drawn: SlotLimits): SlotLimits;
  make(clock: Clock, drawn: SlotLimits): Executor;
}

/** Calls functions a little later. */
class HesitantExecutor extends AsyncExecutor {
  protected override async runAttempt({ invoke }: Attempt): Promise<unknown> {
    await undefined;
    return invoke();
  }
}

class IndirectExecutor extends SyncExecutor {
  protected override runAttempt(attempt: Attempt): unknown {
    return (attempt.task.fn as (...args: unknown[]) => unknown)(...attempt.args);
  }
}

const ONE_SLOT = { total: 1, cpu: 1 };
const asDrawn = (drawn: SlotLimits) => drawn;
const optionsOf = ({ total, cpu }: SlotLimits) => ({ concurrency: total, cpuConcurrency: cpu, graceMs: GRACE_MS });

const SUBJECTS: readonly Subject[] = [
  { name: 'SyncExecutor', isAsync: false, limits: () => ONE_SLOT, make: (clock) => new SyncExecutor({ clock }) },
  {
    name: 'SyncExecutor with runAttempt',
    isAsync: false,
    limits: () => ONE_SLOT,
    make: (clock) => new IndirectExecutor({ clock }),
  },
  {
    name: 'AsyncExecutor',
    isAsync: true,
    limits: asDrawn,
    make: (clock, drawn) => new AsyncExecutor({ clock, ...optionsOf(drawn) }),
  },
  {
    name: 'AsyncExecutor with runAttempt',
    isAsync: true,
    limits: asDrawn,
    make: (clock, drawn) => new HesitantExecutor({ clock, ...optionsOf(drawn) }),
  },
];

/** How the function of a task behaves, besides what the random graph says of it. */
interface Behaviour {
  /** Whether it returns a promise, where that is waited for. */
  readonly isAsync: boolean;
  readonly withContext: boolean;
  /** How long a call takes. */
  readonly durationMs: number;
  /** What a call that is to fail does instead of throwing: it takes longer than it may. */
  readonly timesOut: boolean;
  /** What a promise does when it is aborted. */
  readonly onAbort: 'reject' | 'clean up' | 'throw another' | 'carry on' | 'never settle';
  readonly delayMs: number;
  readonly backoff: number;
  readonly jitter: number;
}

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  isAsync: fc.boolean(),
  withContext: fc.boolean(),
  durationMs: fc.constantFrom(0, 0, 1, 5, 12),
  timesOut: fc.constantFrom(false, false, true),
  onAbort: fc.constantFrom('reject', 'clean up', 'throw another', 'carry on', 'never settle'),
  delayMs: fc.constantFrom(0, 0, 3, 40),
  backoff: fc.constantFrom(1, 2),
  jitter: fc.constantFrom(0, 0.5, 1),
});

interface Scene {
  readonly graph: RandomGraph;
  readonly behaviours: readonly Behaviour[];
  readonly slots: SlotLimits;
}

const SIZE_MAX = 9;

const scene: fc.Arbitrary<Scene> = fc.record({
  graph: randomGraph({ sizeMax: SIZE_MAX, fanInMax: 3 }),
  behaviours: fc.array(behaviour, { minLength: SIZE_MAX, maxLength: SIZE_MAX }),
  slots: fc.record({
    total: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
    cpu: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
  }),
});

/** A scene as one executor plays it: a graph with functions, a clock, and an audit of what is told. */
class Play {
  readonly clock: FakeClock;
  readonly graph: TaskGraph;
  readonly audit: Audit;
  /** How often each function has been called. */
  readonly calls: number[];
  executor: Executor;
  readonly #subject: Subject;
  readonly #scene: Scene;
  /** Which function of each task is the one to be called. */
  readonly #generations: number[];

  /** @param shared - a play that is played at the same time by the same executor */
  constructor(subject: Subject, scene: Scene, shared?: Play) {
    this.clock = shared?.clock ?? new FakeClock();
    this.#subject = subject;
    this.#scene = scene;
    const { tasks } = scene.graph;
    this.calls = tasks.map(() => 0);
    this.#generations = tasks.map(() => 0);
    const nameOf = (id: number) => tasks[id]!.name;
    this.graph = new TaskGraphBuilder<any>({ name: shared === undefined ? 'play' : `${shared.graph.name}, another` })
      .add(
        ...tasks.map((task) => {
          const { withContext, timesOut, delayMs, backoff, jitter } = scene.behaviours[task.id]!;
          return {
            name: task.name,
            run: this.#functionOf(task, 0),
            dependsOn: task.dependsOn.map(nameOf),
            after: task.after.map(nameOf),
            ioBound: task.ioBound,
            priority: task.priority,
            retry: { attempts: task.attempts, delayMs, backoff, jitter },
            timeoutMs: timesOut ? TIMEOUT_MS : undefined,
            withContext,
          };
        }),
      )
      .build();
    this.audit = new Audit(this.graph, scene.graph, this.clock, subject.limits(scene.slots));
    this.executor = shared?.executor ?? subject.make(this.clock, scene.slots);
    this.audit.listenTo(this.executor);
  }

  /** Closing an executor ends it; the play goes on with another. */
  replaceExecutor(): void {
    this.executor = this.#subject.make(this.clock, this.#scene.slots);
    this.audit.listenTo(this.executor);
  }

  /** Gives a task a new function that does the same. The old one must not be called any more. */
  replaceFunction(id: number): void {
    const task = this.#scene.graph.tasks[id]!;
    this.graph.replace(task.name, this.#functionOf(task, ++this.#generations[id]!) as never);
  }

  /** Runs to the end, and gives back what `run()` failed with, if it did. */
  run(options: RunOptions = {}): Promise<unknown> {
    return this.playOut(this.begin(options), options.signal === undefined);
  }

  /** Gives back what `run()` failed with, if it did. */
  async begin(options: RunOptions = {}): Promise<unknown> {
    try {
      await this.executor.run(this.graph, options);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Lets time pass until a run has ended. */
  async playOut(run: Promise<unknown>, isUndisturbed: boolean): Promise<unknown> {
    let ended = false;
    void run.then(() => {
      ended = true;
    });
    await settle();
    for (let step = 0; !ended; step++) {
      if (step > STEPS_MAX) throw new Error('The run does not end.');
      if (isUndisturbed) this.audit.checkBusy();
      await this.clock.advance(STEP_MS);
    }
    this.check();
    return run;
  }

  /** What holds after each run. */
  check(): void {
    this.audit.check();
    holds(!this.audit.running, 'run:finished comes before run() settles');
    holds(this.clock.waiting === 0, 'no timer is left behind');
  }

  #functionOf(task: RandomTask, generation: number): (...args: unknown[]) => unknown {
    const { withContext, ...behaviour } = this.#scene.behaviours[task.id]!;
    return (...args) => {
      if (generation !== this.#generations[task.id]) this.audit.report('only the latest function of a task is called');
      const context = withContext ? (args.shift() as TaskContext) : undefined;
      context?.progress(0.5);
      const call = ++this.calls[task.id]!;
      const fails = call <= task.failures;
      const end = () => {
        if (fails && !behaviour.timesOut) throw new DrawnError(task.name, call);
        return resultOf(task, args);
      };
      const durationMs = fails && behaviour.timesOut ? 2 * TIMEOUT_MS : behaviour.durationMs;
      if (!this.#subject.isAsync) {
        this.clock.block(durationMs);
        return end();
      }
      // To block here would make others late, and what they come to would depend on their order.
      return behaviour.isAsync || behaviour.timesOut
        ? this.#promised(behaviour.onAbort, durationMs, end, context?.signal)
        : end();
    };
  }

  #promised(
    onAbort: Behaviour['onAbort'],
    durationMs: number,
    end: () => unknown,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let decided = false;
      const settleNow = () => {
        if (decided) return;
        decided = true;
        try {
          resolve(end());
        } catch (error) {
          reject(error);
        }
      };
      const callOff = durationMs === 0 ? undefined : this.clock.after(durationMs, settleNow);
      if (callOff === undefined) queueMicrotask(settleNow);
      if (onAbort === 'carry on') return;
      signal?.addEventListener('abort', () => {
        if (decided) return;
        decided = true;
        callOff?.();
        if (onAbort === 'reject') reject(signal.reason);
        if (onAbort === 'throw another') reject(new Error('aborted'));
        if (onAbort === 'clean up') this.clock.after(3, () => reject(signal.reason));
      });
    });
  }
}

/** The outcomes of a graph against those of the model. */
function expectAsModel(play: Play, model: readonly ModelOutcome[], { tasks }: RandomGraph): void {
  const told = tasks.map(({ name }) => play.graph.outcome(name));
  const agree = tasks.every(({ id }) => agrees(told[id]!, model[id]!, tasks));
  // Only to show where they differ.
  if (!agree) expect(told).toEqual(model);
  holds(agree, 'the model names the reasons');
}

function agrees(outcome: Outcome, expected: ModelOutcome, tasks: readonly RandomTask[]): boolean {
  if (outcome.status === 'done') return expected.status === 'done' && Object.is(outcome.result, expected.result);
  if (outcome.status === 'failed') return expected.status === 'failed' && outcome.attempts === expected.attempts;
  if (outcome.status === 'skipped')
    return expected.status === 'skipped' && [...expected.because].some((id) => tasks[id]!.name === outcome.because);
  return outcome.status === expected.status;
}

/** What happens to a graph between two runs. */
const change = fc.oneof(
  fc.record({ kind: fc.constant('reset' as const), ids: fc.array(fc.nat(SIZE_MAX), { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('resetFailed' as const) }),
  fc.record({
    kind: fc.constant('markDone' as const),
    id: fc.nat(SIZE_MAX),
    result: fc.constantFrom(undefined, null, 5),
  }),
  fc.record({ kind: fc.constant('replace' as const), id: fc.nat(SIZE_MAX) }),
);

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function make(change: Change, play: Play, model: Model, { tasks, size }: RandomGraph): void {
  if (size === 0) return;
  const nameOf = (id: number) => tasks[id % size]!.name;
  switch (change.kind) {
    case 'reset':
      play.graph.reset(...change.ids.map(nameOf));
      model.reset(...change.ids.map((id) => id % size));
      return;
    case 'resetFailed':
      play.graph.resetFailed();
      model.resetFailed();
      return;
    case 'markDone':
      play.graph.markDone(nameOf(change.id), change.result as never);
      model.markDone(change.id % size, change.result);
      return;
    case 'replace':
      play.replaceFunction(change.id % size);
      return;
    default:
      change satisfies never;
  }
}

/** What ends a run before its tasks have. */
const ending = fc.record({
  onFailure: fc.constantFrom('continue' as const, 'stop' as const, 'abort' as const),
  abort: fc.oneof(
    fc.record({ when: fc.constantFrom('never' as const, 'before' as const) }),
    fc.record({ when: fc.constant('at event' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ when: fc.constant('at time' as const), afterMs: fc.nat(60) }),
  ),
  byClosing: fc.boolean(),
});

type Ending = typeof ending extends fc.Arbitrary<infer T> ? T : never;

function isRefused(change: () => unknown): boolean {
  try {
    change();
    return false;
  } catch (error) {
    return error instanceof GraphBusyError;
  }
}

/** Runs until something ends it. What `run()` failed with must fit. */
async function runUntil(play: Play, { onFailure, abort, byClosing }: Ending): Promise<void> {
  const controller = new AbortController();
  const reason = new Error('enough');
  let closed: Promise<void> | undefined;
  let aborted = false;
  const end = () => {
    aborted = true;
    if (byClosing) closed ??= play.executor.close();
    else controller.abort(reason);
  };
  if (abort.when === 'before' && !byClosing) end();
  const callOff = abort.when === 'at time' ? play.clock.after(abort.afterMs, end) : undefined;
  play.audit.onEvent = (count) => {
    if (abort.when === 'at event' && count === abort.count) end();
    // Whoever listens may look around, but change nothing.
    if (count === 3 && !isRefused(() => play.graph.resetAll()))
      play.audit.report('a graph that is being run refuses changes');
  };
  const run = play.begin({ signal: controller.signal, onFailure });
  void run.then(callOff);
  const error = await play.playOut(run, false);
  play.audit.onEvent = () => {};
  await closed;
  if (error instanceof RunAbortedError) {
    expect(aborted).toBe(true);
    if (byClosing) expect(error.cause).toMatchObject({ code: 'executor-closed' });
    else expect(error.cause).toBe(reason);
  } else if (error instanceof RunFailedError) {
    expect(onFailure).not.toBe('continue');
    expect(error.cause).toBe([...error.failures.values()][0]);
  } else expect(error).toBeUndefined();
  if (closed !== undefined) play.replaceExecutor();
}

const PROPERTY = propertyOptions(200);
/** Many cases are welcome to take long; that a single one does not end is found by counting steps. */
const TIMEOUT = { timeout: 60_000 + 20 * PROPERTY.numRuns };

describe.each(SUBJECTS)('$name', TIMEOUT, (subject) => {
  it('comes to what the model comes to, over several runs with changes in between', async () => {
    const steps = fc.array(
      fc.record({
        changes: fc.array(change, { maxLength: 3 }),
        only: fc.option(fc.array(fc.nat(SIZE_MAX), { maxLength: 3 }), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(scene, steps, async (scene, steps) => {
        const { graph } = scene;
        const play = new Play(subject, scene);
        const model = new Model(graph);
        for (const { changes, only } of steps) {
          for (const one of changes) make(one, play, model, graph);
          const selected = graph.size === 0 ? [] : only?.map((id) => id % graph.size);
          expect(await play.run({ only: selected?.map((id) => graph.tasks[id]!.name) })).toBeUndefined();
          model.run(selected);
          expectAsModel(play, model.outcomes, graph);
          holds(isDeepStrictEqual(play.calls, model.calls), 'each function is called once for each attempt');
        }
        for (const { id, name } of graph.tasks) {
          const outcome = play.graph.outcome(name);
          if (outcome.status === 'failed')
            expect(outcome.error).toBeInstanceOf(scene.behaviours[id]!.timesOut ? TaskTimeoutError : DrawnError);
        }
      }),
      PROPERTY,
    );
  });

  it('comes to the same in the end, however often it is interrupted before', async () => {
    await fc.assert(
      fc.asyncProperty(scene, fc.array(ending, { minLength: 1, maxLength: 3 }), async (scene, endings) => {
        const { graph } = scene;
        const play = new Play(subject, scene);
        const model = new Model(graph);
        model.run();
        for (const ending of endings) {
          play.calls.fill(0);
          await runUntil(play, ending);
          const known = model.outcomes.map((outcome, id) =>
            play.graph.status(graph.tasks[id]!.name) === 'pending' ? { status: 'pending' as const } : outcome,
          );
          expectAsModel(play, known, graph);
        }
        play.calls.fill(0);
        expect(await play.run()).toBeUndefined();
        expectAsModel(play, model.outcomes, graph);
      }),
      PROPERTY,
    );
  });
});

describe('several runs on one executor', TIMEOUT, () => {
  it('come to the same as one after another', async () => {
    await fc.assert(
      fc.asyncProperty(scene, scene, async (scene, other) => {
        const first = new Play(SUBJECTS[2]!, scene);
        const second = new Play(SUBJECTS[2]!, { ...other, slots: scene.slots }, first);
        const errors = await first.playOut(Promise.all([first.begin(), second.begin()]), false);
        second.check();
        expect(errors).toEqual([undefined, undefined]);
        for (const [play, { graph }] of [
          [first, scene],
          [second, other],
        ] as const) {
          const model = new Model(graph);
          model.run();
          expectAsModel(play, model.outcomes, graph);
        }
      }),
      PROPERTY,
    );
  });
});
