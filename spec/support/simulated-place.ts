import type { Clock } from 'taskmap-ts';
import {
  type Ending,
  type Fate,
  type Place,
  PlacedExecutor,
  type PlacedRun,
  type RemoteAttempt,
} from 'taskmap-ts/places';
import { openGraph } from '../../src/graph/task-graph.js';
import type { Random } from './seeded-random.js';

/** What one task does wherever it runs, attempt by attempt. */
export interface SimulatedTask {
  readonly id: number;
  /** So many of the first attempts in all runs fail. */
  readonly failures: number;
  /** How those fail: they throw, they take longer than the task may, or what they return cannot be sent. */
  readonly failsBy: 'throwing' | 'taking long' | 'an unsendable result';
  /** It ends the worker each time that it runs. */
  readonly isPoison: boolean;
  readonly hasUnsendableArgument: boolean;
  readonly durationMs: number;
  /** What it does when it is told to come to an end. */
  readonly onAbort: 'throw' | 'return' | 'go on';
  valueOf(inputs: readonly unknown[]): unknown;
}

/** One sending of a task to a worker. */
interface Sending {
  readonly attempt: RemoteAttempt;
  readonly id: number;
  /** Sent before its inputs were done: those that were not are made on the same worker. */
  readonly wasAhead: boolean;
  readonly inputs: readonly (number | { readonly value: unknown })[];
  readonly waitsFor: readonly number[];
  state: 'queued' | 'running' | 'over';
  /** Decided as it begins. */
  fails: boolean;
  beganAtMs: number;
  /** Its end is known here, and not told yet. */
  ending: Ending | undefined;
  isTold: boolean;
}

class Worker {
  inbox: Sending[] = [];
  /** What has been made here and is there for others. */
  results = new Map<number, unknown>();
  /** What is to be told, in this order. */
  news: (() => void)[] = [];
  isTelling = false;
  isDead = false;
}

const AHEAD_MAX = 4;
const LOST_MAX = 3;

/** What the place of a run does on purpose, and what is counted of it. */
export interface SimulatedWorld {
  readonly random: Random;
  readonly clock: Clock;
  readonly workers: number;
  readonly tasks: readonly SimulatedTask[];
  /** How often each function was called, and how often it came to its own end. */
  readonly completed: number[];
  /** How many attempts each task has used up. */
  readonly tries: number[];
  /** How often a worker dies by itself, as a part of all tasks that begin. */
  readonly deathRate: number;
  /** What must not be, with the world's seed. */
  fault(what: string): Error;
}

/** Runs tasks on workers that are made of nothing but virtual time, and misbehave as real ones do. */
export class SimulatedPlace implements Place {
  readonly #run: PlacedRun;
  readonly #world: SimulatedWorld;
  readonly #workers: Worker[];
  readonly #sendings = new Map<RemoteAttempt, { readonly sending: Sending; readonly worker: Worker }>();
  readonly #runningTasks = new Set<number>();
  readonly #deaths = new Map<number, number>();
  #outstanding = 0;
  #stopped = false;
  #ended = false;

  constructor(run: PlacedRun, world: SimulatedWorld) {
    this.#run = run;
    this.#world = world;
    this.#workers = Array.from({ length: world.workers }, () => new Worker());
  }

  get isBusy(): boolean {
    return this.#outstanding > 0;
  }

  fill(): void {
    if (this.#ended) throw this.#world.fault('fill() after end()');
    if (this.#stopped) return;
    for (;;) {
      const worker = this.#workers.find(({ inbox, isDead }) => !isDead && inbox.length === 0);
      if (worker === undefined) return;
      const attempt = this.#run.take();
      if (attempt === undefined) return;
      this.#send(worker, attempt);
    }
  }

  stop(): void {
    this.#stopped = true;
    // Some of it at once, some of it when the worker says so.
    for (const { sending, worker } of [...this.#sendings.values()])
      if (sending.state === 'queued') this.#takeBack(worker, sending);
  }

  abort(attempt: RemoteAttempt, reason: unknown): void {
    const there = this.#sendings.get(attempt);
    if (there === undefined) throw this.#world.fault(`abort() of ${attempt.name}, which has ended`);
    const { sending, worker } = there;
    if (sending.state === 'queued') this.#takeBack(worker, sending);
    if (sending.state !== 'running' || sending.ending !== undefined) return;
    const { onAbort, failsBy } = this.#world.tasks[sending.id]!;
    const isFailing = sending.fails && failsBy === 'taking long';
    // Without a context it cannot know.
    if (onAbort === 'go on' || !this.#run.open.settings[sending.id]!.withContext) return;
    this.#after(this.#world.random.upTo(30), () => {
      if (sending.state !== 'running' || worker.isDead) return;
      this.#ends(worker, sending, onAbort === 'throw' || isFailing ? { threw: reason } : undefined);
    });
  }

  giveUp(attempt: RemoteAttempt): void {
    const there = this.#sendings.get(attempt);
    if (there === undefined) throw this.#world.fault(`giveUp() of ${attempt.name}, which has ended`);
    // It has ended, and is told of soon.
    if (there.sending.state === 'over') return;
    if (this.#world.random.chance(0.5)) this.#die(there.worker, true);
    else this.#after(this.#world.random.upTo(5), () => this.#die(there.worker, true));
  }

  end(): void {
    if (this.#ended) throw this.#world.fault('end() twice');
    this.#ended = true;
    if (this.#outstanding > 0) throw this.#world.fault('the run has settled while something runs');
  }

  // Sending.

  #send(worker: Worker, attempt: RemoteAttempt): void {
    const { id } = attempt;
    const task = this.#world.tasks[id]!;
    const { outcomes, topology } = openGraph(this.#run.graph);
    if (this.#sendings.has(attempt)) throw this.#world.fault(`${attempt.name} was given out twice`);
    this.#outstanding++;
    if (task.hasUnsendableArgument) {
      this.#outstanding--;
      const ending: Ending = attempt.isAhead
        ? { kind: 'never-began' }
        : { kind: 'unsendable', what: 'argument', part: 'the result of "x" is a function' };
      this.#expect(attempt, this.#run.ended(attempt, ending), attempt.isAhead ? ['again'] : ['failed']);
      return;
    }
    const inputsOf = topology.inputs.ids.subarray(topology.inputs.starts[id], topology.inputs.starts[id + 1]);
    const all = topology.dependencies.ids.subarray(
      topology.dependencies.starts[id],
      topology.dependencies.starts[id + 1],
    );
    if (!attempt.isAhead) {
      const missing = [...all].find((one) => !outcomes.isDone(one));
      if (missing !== undefined) throw this.#world.fault(`${attempt.name} is ready before ${missing} is done`);
    }
    const sending: Sending = {
      attempt,
      id,
      wasAhead: attempt.isAhead,
      inputs: [...inputsOf].map((one) => (outcomes.isDone(one) ? { value: outcomes.value(one) } : one)),
      waitsFor: [...all].filter((one) => !outcomes.isDone(one)),
      state: 'queued',
      fails: false,
      beganAtMs: 0,
      ending: undefined,
      isTold: false,
    };
    this.#sendings.set(attempt, { sending, worker });
    worker.inbox.push(sending);
    if (worker.inbox.length === 1) this.#beginSoon(worker);
    if (!this.#stopped && this.#world.random.chance(0.7)) this.#sendAhead(worker, id, topology, outcomes);
  }

  /** What needs nothing but what is made here. */
  #sendAhead(
    worker: Worker,
    id: number,
    { dependents, dependencies }: ReturnType<typeof openGraph>['topology'],
    outcomes: ReturnType<typeof openGraph>['outcomes'],
  ): void {
    const here = new Set(worker.inbox.map((one) => one.id));
    for (let edge = dependents.starts[id]!; edge < dependents.starts[id + 1]!; edge++) {
      const dependent = dependents.ids[edge]!;
      if (worker.inbox.length > AHEAD_MAX) return;
      const needs = [...dependencies.ids.subarray(dependencies.starts[dependent], dependencies.starts[dependent + 1])];
      const isFed = needs.every((one) => outcomes.isDone(one) || here.has(one) || worker.results.has(one));
      if (!isFed || this.#run.open.settings[dependent]!.onMainThread) continue;
      const attempt = this.#run.takeAhead(dependent);
      if (attempt !== undefined) this.#send(worker, attempt);
    }
  }

  #takeBack(worker: Worker, sending: Sending): void {
    const handBack = () => {
      if (sending.state !== 'queued') return;
      this.#leave(worker, sending);
      this.#run.ended(sending.attempt, { kind: 'never-began' });
    };
    if (this.#world.random.chance(0.6)) handBack();
    else this.#after(this.#world.random.upTo(10), handBack);
  }

  /** Nothing more will come of it. */
  #leave(worker: Worker, sending: Sending): void {
    sending.state = 'over';
    worker.inbox = worker.inbox.filter((one) => one !== sending);
    this.#sendings.delete(sending.attempt);
    this.#outstanding--;
  }

  // Running.

  #beginSoon(worker: Worker): void {
    this.#after(this.#world.random.upTo(3), () => this.#beginNext(worker));
  }

  #beginNext(worker: Worker): void {
    if (worker.isDead || worker.inbox.some(({ state }) => state === 'running')) return;
    const sending = worker.inbox.find(({ state }) => state === 'queued');
    if (sending === undefined) return;
    const { id, attempt } = sending;
    const { random, tasks, clock, tries } = this.#world;
    const missing = sending.waitsFor.find((one) => !worker.results.has(one));
    if (missing !== undefined) {
      sending.state = 'over';
      this.#tell(worker, () => this.#tellEnd(worker, sending, { kind: 'never-began' }));
      this.#beginSoon(worker);
      return;
    }
    const task = tasks[id]!;
    sending.state = 'running';
    sending.beganAtMs = clock.now();
    sending.fails = tries[id]! < task.failures;
    if (this.#runningTasks.has(id)) throw this.#world.fault(`${attempt.name} runs twice at once`);
    this.#runningTasks.add(id);
    if (task.isPoison) {
      this.#after(random.upTo(3), () => this.#die(worker, false));
      return;
    }
    if (random.chance(this.#world.deathRate)) this.#after(random.upTo(8), () => this.#die(worker, false));
    // Seen after a while, if it still runs; now and then at once, and long after its end.
    if (random.chance(0.4)) this.#tell(worker, () => this.#run.began(attempt, sending.beganAtMs, 1));
    const look = () => {
      if (sending.state !== 'running') return;
      if (!attempt.isAhead || random.chance(0.8)) this.#run.began(attempt, sending.beganAtMs, 1);
      if (random.chance(0.3)) this.#run.progressed(attempt, 0.5);
      this.#after(5, look);
    };
    this.#after(5, look);
    const isLong = sending.fails && task.failsBy === 'taking long';
    const isEndless = isLong && random.chance(0.5);
    if (!isEndless) {
      this.#after(isLong ? 45 : task.durationMs, () => {
        if (sending.state === 'running' && !worker.isDead) this.#ends(worker, sending);
      });
    }
  }

  /** Its function comes to its end. */
  #ends(worker: Worker, sending: Sending, instead?: { readonly threw: unknown }): void {
    const { tasks, completed, tries, clock } = this.#world;
    const { id, attempt, fails, beganAtMs } = sending;
    const task = tasks[id]!;
    sending.state = 'over';
    this.#runningTasks.delete(id);
    completed[id]!++;
    tries[id]!++;
    const times = { startedAtMs: beganAtMs, tookMs: clock.now() - beganAtMs, where: 1 };
    let ending: Ending;
    if (instead !== undefined) ending = { kind: 'threw', value: instead.threw, ...times };
    else if (fails && task.failsBy === 'throwing')
      ending = { kind: 'threw', value: new Error(`attempt ${attempt.attempt}`), ...times };
    else if (fails && task.failsBy === 'an unsendable result')
      ending = { kind: 'unsendable', what: 'result', part: 'result is a function' };
    else {
      const inputs = sending.inputs.map((one) => (typeof one === 'number' ? worker.results.get(one) : one.value));
      const value = task.valueOf(inputs.filter((one) => one !== undefined));
      worker.results.set(id, value);
      ending = { kind: 'returned', value, ...times };
    }
    sending.ending = ending;
    this.#tell(worker, () => this.#tellEnd(worker, sending, ending));
    this.#beginSoon(worker);
  }

  #tellEnd(worker: Worker, sending: Sending, ending: Ending): void {
    if (sending.isTold || !this.#sendings.has(sending.attempt)) return;
    sending.isTold = true;
    this.#leave(worker, sending);
    if (ending.kind === 'unsendable') this.#run.began(sending.attempt, sending.beganAtMs, 1);
    const wasAhead = sending.attempt.isAhead;
    const fate = this.#run.ended(sending.attempt, ending);
    this.#check(sending, ending, fate, wasAhead);
    // Whatever is said of it again changes nothing.
    if (fate !== 'void' && !(wasAhead && fate === 'saving') && this.#world.random.chance(0.1)) {
      this.#expect(sending.attempt, this.#run.ended(sending.attempt, { kind: 'lost' }), ['void']);
      this.#run.began(sending.attempt, sending.beganAtMs, 2);
      this.#run.progressed(sending.attempt, 0.9);
    }
    const isThere = ending.kind === 'returned' && (fate === 'done' || fate === 'saving');
    if (!isThere) this.#takeBackDependents(worker, sending.id);
  }

  #check({ attempt, id }: Sending, ending: Ending, fate: Fate, wasAhead: boolean): void {
    const { outcomes } = openGraph(this.#run.graph);
    if (fate === 'done' && !outcomes.isDone(id)) throw this.#world.fault(`${attempt.name} is 'done', but not done`);
    if (fate === 'done' && ending.kind !== 'returned') throw this.#world.fault(`${attempt.name} ${ending.kind}: done`);
    if (fate === 'failed' && outcomes.isDone(id)) throw this.#world.fault(`${attempt.name} 'failed', but is done`);
    if (ending.kind === 'never-began' && fate !== 'again' && fate !== 'void')
      throw this.#world.fault(`${attempt.name} never began: ${fate}`);
    if (!wasAhead && ending.kind === 'threw' && fate === 'saving')
      throw this.#world.fault(`${attempt.name} threw: saving`);
  }

  #takeBackDependents(worker: Worker, id: number): void {
    worker.results.delete(id);
    for (const sending of [...worker.inbox])
      if (sending.waitsFor.includes(id) && sending.state === 'queued') {
        this.#leave(worker, sending);
        this.#run.ended(sending.attempt, { kind: 'never-began' });
        this.#takeBackDependents(worker, sending.id);
      }
  }

  // Dying.

  /** @param byUs - since the run has given up one of its attempts */
  #die(worker: Worker, byUs: boolean): void {
    if (worker.isDead) return;
    worker.isDead = true;
    // What had ended there is known, as it stands on the board.
    for (const tell of worker.news.splice(0)) tell();
    for (const sending of [...worker.inbox]) {
      const { attempt, id } = sending;
      const wasRunning = sending.state === 'running';
      this.#leave(worker, sending);
      if (!wasRunning) {
        this.#run.ended(attempt, { kind: 'never-began' });
        continue;
      }
      this.#runningTasks.delete(id);
      if (attempt.isTimedOut) this.#world.tries[id]!++;
      if (this.#world.random.chance(0.5)) this.#run.began(attempt, sending.beganAtMs, 1);
      const deaths = (this.#deaths.get(id) ?? 0) + (byUs || !this.#world.tasks[id]!.isPoison ? 0 : 1);
      this.#deaths.set(id, deaths);
      if (deaths >= LOST_MAX) this.#run.ended(attempt, { kind: 'hopeless', error: new Error('poison') });
      else this.#run.ended(attempt, { kind: 'lost', reason: new Error('died') });
    }
    const index = this.#workers.indexOf(worker);
    this.#after(this.#world.random.upTo(10), () => {
      this.#workers[index] = new Worker();
      this.#run.wake();
    });
  }

  // Telling.

  /** In order, a while later, one by one or together. */
  #tell(worker: Worker, tell: () => void): void {
    worker.news.push(tell);
    if (worker.isTelling) return;
    worker.isTelling = true;
    // Some messages are lost, and found much later.
    this.#after(this.#world.random.chance(0.05) ? 80 : this.#world.random.upTo(6), () => {
      worker.isTelling = false;
      const news = worker.news.splice(0);
      if (this.#world.random.chance(0.5)) {
        this.#run.wake(() => {
          for (const one of news) one();
        });
      } else for (const one of news) one();
    });
  }

  #after(delayMs: number, callback: () => void): void {
    this.#world.clock.after(delayMs, () => {
      if (!this.#ended) callback();
    });
  }

  #expect(attempt: RemoteAttempt, fate: Fate, expected: readonly Fate[]): void {
    if (!expected.includes(fate) && fate !== 'void')
      throw this.#world.fault(`${attempt.name} is ${fate}, not ${expected}`);
  }
}

/** Runs graphs at a {@link SimulatedPlace}. */
export class SimulatedExecutor extends PlacedExecutor {
  readonly #world: SimulatedWorld;

  constructor(world: SimulatedWorld, options: ConstructorParameters<typeof PlacedExecutor>[0]) {
    super({ ...options, clock: world.clock });
    this.#world = world;
  }

  protected override placeFor(run: PlacedRun): Place {
    return new SimulatedPlace(run, this.#world);
  }

  protected override staysHere({ onMainThread }: { readonly onMainThread: boolean }): boolean {
    return onMainThread;
  }
}
