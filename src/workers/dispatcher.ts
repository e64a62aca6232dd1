import { culprit } from '../codec/culprit.js';
import { decodeError, type EncodedError, encodeError } from '../codec/error-codec.js';
import { described, UnsendableError, WorkerCrashError } from '../errors.js';
import type { TaskFunction } from '../graph/task.js';
import type { OpenGraph } from '../graph/task-graph.js';
import type { FunctionSource } from './function-source.js';
import { Claim, FunctionReference, InputKind, TaskEnd, TaskFlags, ToWorker } from './messages.js';
import { moduleReference } from './task-module.js';
import type { WorkerPool } from './worker-pool.js';
import type { WorkerThread } from './worker-thread.js';

/** What a dispatcher needs to know of its run, and tells it. `A` is what the run calls an attempt. */
export interface DispatchedRun<A> {
  readonly id: string;
  readonly open: OpenGraph;
  readonly hasHeaders: boolean;
  readonly schedule: {
    readonly readyElsewhereCount: number;
    nextElsewhere(ioBound?: boolean): number;
    canBeSentAhead(id: number): boolean;
    sentAhead(id: number): void;
    state(id: number): string;
    attempt(id: number): number;
  };
  deal(deal: () => void): void;
  headersFor(id: number): Readonly<Record<string, string>> | undefined;
  sent(id: number): A;
  begun(attempt: A, atMs: number, thread: number): void;
  progressedElsewhere(attempt: A, fraction: number, note: string | undefined): void;
  endedElsewhere(
    attempt: A,
    returned: boolean,
    value: unknown,
    startedAtMs: number,
    tookMs: number,
    thread: number,
  ): void;
  recalled(attempt: A): void;
  lost(attempt: A, reason: unknown): void;
  failedElsewhere(attempt: A, error: unknown): void;
  breakOff(error: unknown): void;
}

const NONE = -1;
const NOTHING: number[] = [];
/** So much work stands in a thread's inbox, at most and as far as it is known, in milliseconds: enough that it never waits for us, little enough that nothing waits for it. */
const INBOX_MS = 1;
/** The same with what was sent ahead, which no other thread could begin: only there are its inputs. */
const INBOX_AHEAD_MS = 2;
const INBOX_MAX = 512;
/** What a task is thought to take of which nothing is known, in milliseconds. */
const UNKNOWN_MS = 0.2;
/** A task that takes longer than this is better sent when its inputs are done, to whichever thread is free then. */
const AHEAD_MS = 0.25;
/** A task shorter than this is done before another thread has heard of it, in milliseconds. */
const SHORT_MS = 0.02;
/** What a task may wait for, so that nothing need be told to another thread, in milliseconds: what it takes to wake one, and to hear of it. */
const HOP_MS = 0.04;
/** The same for a short one: where so little is to be gained, waking a thread costs more than it. */
const SHORT_HOP_MS = 4 * HOP_MS;
/** From this size on it costs more to copy a result than most tasks wait, in bytes or entries. */
const LARGE = 1 << 16;
/** So much of a new measurement goes into what is expected. */
const LEARNING = 0.3;
/** So many threads one task may end. */
const DEATHS_MAX = 3;
/** What stands in an inbox for so long is taken back if another thread has nothing to do, in milliseconds. */
const STALE_MS = 2;
/** No one thread makes all the inputs. */
const NOWHERE = 255;

/** What is to be sent to a thread: functions it has not been told of, and one message of tasks, with where in it each task begins. */
interface Outbox {
  readonly functions: unknown[];
  readonly message: unknown[];
  readonly starts: number[];
}

/**
 * Decides for one run which task goes to which thread, and when; keeps count of what is there.
 *
 * ```
 *   schedule ─ nextElsewhere() ─► room on a thread? ─► inbox ─► claimed by the thread ─► ended
 *                                     │                  └── taken back while unclaimed, or lost with the thread
 *                                     └─► and what needs nothing but this: sent ahead, behind it
 * ```
 *
 * A task may be sent before its inputs exist when all of those that are missing are being made on the same thread: the thread works through its inbox in order, so they will be
 * there. That saves a chain of short tasks a round trip for each of them.
 */
export class Dispatcher<A> {
  tasks: Uint8Array;
  #run: DispatchedRun<A>;
  readonly #pool: WorkerPool;
  readonly #number: number;
  #claims: Int32Array;
  #sources: ReadonlyMap<Function, FunctionSource>;
  readonly #calledFrom: string;
  /** The thread in whose inbox each task is, 0 for none. */
  #threadOf: Uint8Array;
  /** Which sending of the task counts; what is told of an earlier one does not. */
  #tokenOf: Int32Array;
  #expectedMs: Float32Array;
  /** The thread that still has the result of each task, 0 for none. */
  #keptOn: Uint8Array;
  /** How many dependencies of each task are neither done nor on a thread. */
  #missing: Int32Array | undefined;
  /** The one thread that all of a task's dependencies were sent to, 0 for none yet, NOWHERE for several. */
  #homeOf: Uint8Array;
  #attempts: (A | undefined)[];
  readonly #deaths = new Map<number, number>();
  readonly #numbers = new Map<TaskFunction, number>();
  /** The functions that each thread has been told of. */
  readonly #known = new Map<number, Set<number>>();
  /** The tasks that each thread has been sent, in order; those that have left it are dropped as they come up. */
  readonly #sentTo = new Map<number, number[]>();
  /** Short tasks that wait for room on the thread where all their inputs are being made. */
  readonly #behind = new Map<number, number[]>();
  /** The thread that was the roomiest when it was last looked for one. */
  #lastRoomiest: WorkerThread | undefined;
  readonly #outbox = new Map<WorkerThread, Outbox>();
  readonly #outstanding = new Map<number, number>();
  #outstandingCount = 0;
  #token = 0;
  #averageMs = UNKNOWN_MS;
  #stopped = false;

  /** @param calledFrom - the stack of whoever began the run, put below those of errors from threads */
  constructor(
    run: DispatchedRun<A>,
    pool: WorkerPool,
    tasks: Uint8Array,
    sources: ReadonlyMap<Function, FunctionSource>,
    calledFrom: string,
  ) {
    const { size } = run.open.topology;
    this.#run = run;
    this.#pool = pool;
    this.tasks = tasks;
    this.#sources = sources;
    this.#calledFrom = calledFrom;
    this.#claims = new Int32Array(new SharedArrayBuffer(Math.max(size, 1) * Int32Array.BYTES_PER_ELEMENT));
    this.#threadOf = new Uint8Array(size);
    this.#tokenOf = new Int32Array(size);
    this.#expectedMs = new Float32Array(size);
    this.#keptOn = new Uint8Array(size);
    this.#homeOf = new Uint8Array(size);
    this.#attempts = new Array<A | undefined>(size).fill(undefined);
    this.#number = pool.enter(this);
  }

  // What the run asks for.

  get isBusy(): boolean {
    return this.#outstandingCount > 0;
  }

  /** Gives the threads as much work as they have room for. */
  fill(): void {
    const { schedule } = this.#run;
    if (this.#stopped) return;
    if (schedule.readyElsewhereCount > 0) this.#pool.want(schedule.readyElsewhereCount);
    const io = this.#pool.ioThread;
    if (io?.state === 'ready')
      for (let id = schedule.nextElsewhere(true); id !== NONE; id = schedule.nextElsewhere(true)) this.#send(io, id);
    for (;;) {
      const thread = this.#pool.roomiest(INBOX_MS, INBOX_MAX);
      if (thread === undefined) break;
      const id = this.#nextForWorker();
      if (id === NONE) {
        this.#takeBackFor(thread);
        break;
      }
      this.#send(this.#closest(id, thread), id);
    }
    for (const number of this.#behind.keys()) this.#sendBehind(number);
    this.#post();
  }

  /** Nothing new is to begin: what no thread has begun comes back. */
  stop(): void {
    this.#stopped = true;
    for (let id = 0; id < this.#threadOf.length; id++)
      if (this.#threadOf[id] !== 0 && this.#revoke(id)) this.#recall(id);
  }

  abort(attempt: A & { readonly id: number }, reason: unknown): void {
    const { id } = attempt;
    if (this.#threadOf[id] === 0) return;
    if (this.#revoke(id)) this.#recall(id);
    else this.#threadAt(id)?.post([ToWorker.abort, this.#number, id, this.#tokenOf[id], encodeError(reason)]);
  }

  giveUp({ id }: A & { readonly id: number }): void {
    void this.#threadAt(id)?.terminate();
  }

  end(): void {
    this.#pool.leave(this.#number, this.#known);
    // All that belongs to the graph goes; what is left of this is kept: see lastUsed.
    this.#run = LEFT;
    this.tasks = this.#threadOf = this.#keptOn = this.#homeOf = NO_BYTES;
    this.#claims = this.#tokenOf = NO_NUMBERS;
    this.#expectedMs = NO_TIMES;
    this.#missing = undefined;
    this.#attempts = [];
    this.#sources = new Map();
    this.#lastRoomiest = undefined;
    for (const map of [
      this.#deaths,
      this.#numbers,
      this.#known,
      this.#sentTo,
      this.#behind,
      this.#outbox,
      this.#outstanding,
    ])
      map.clear();
    lastUsed = this;
  }

  // What the threads tell.

  begun(thread: WorkerThread, id: number, token: number, atMs: number): void {
    const attempt = this.#attempts[id];
    if (attempt !== undefined && this.#tokenOf[id] === token && this.#threadOf[id] === thread.number)
      this.#run.begun(attempt, atMs, thread.threadId);
  }

  /** What a thread is seen to be running has begun. */
  seen(thread: WorkerThread, id: number, atMs: number): void {
    // One that was sent ahead may run before we have heard that its inputs are done. Then its time to be told of comes with them.
    if (this.#run.schedule.state(id) === 'running') this.begun(thread, id, this.#tokenOf[id]!, atMs);
  }

  progressed(id: number, token: number, fraction: number, note: string | undefined): void {
    const attempt = this.#attempts[id];
    if (attempt !== undefined && this.#tokenOf[id] === token) this.#run.progressedElsewhere(attempt, fraction, note);
  }

  ended(
    thread: WorkerThread,
    id: number,
    token: number,
    end: number,
    startedAtMs: number,
    tookMs: number,
    value: unknown,
  ): void {
    const attempt = this.#attempts[id];
    this.#account(thread, this.#expectedMs[id]!);
    // Told of a sending that was called back in vain: the thread had begun it already.
    if (this.#tokenOf[id] !== token || attempt === undefined) return;
    this.#threadOf[id] = 0;
    this.#claims[id] = Claim.nobody;
    this.#attempts[id] = undefined;
    this.#learn(id, tookMs);
    switch (end) {
      case TaskEnd.returned:
        this.#keptOn[id] = this.#hasDependentsThere(id) ? thread.number : 0;
        this.#run.endedElsewhere(attempt, true, value, startedAtMs, tookMs, thread.threadId);
        break;
      case TaskEnd.threw:
        this.#run.endedElsewhere(
          attempt,
          false,
          decodeError(value as EncodedError, this.#calledFrom),
          startedAtMs,
          tookMs,
          thread.threadId,
        );
        break;
      case TaskEnd.unsendable:
        this.#run.endedElsewhere(
          attempt,
          false,
          new UnsendableError(this.#run.open.names[id]!, 'result', value as string),
          startedAtMs,
          tookMs,
          thread.threadId,
        );
        break;
      default:
        this.#run.recalled(attempt);
    }
    if (this.#run.schedule.state(id) === 'done') return;
    this.#missAgain(id);
    this.#recallDependents(id);
  }

  /** A thread is gone. Whoever ran on it is to blame; all others run again. */
  died(thread: WorkerThread, cause: unknown): void {
    const culprits = thread.current;
    const there: number[] = [];
    for (let id = 0; id < this.#threadOf.length; id++) {
      if (this.#keptOn[id] === thread.number) this.#keptOn[id] = 0;
      if (this.#threadOf[id] === thread.number) there.push(id);
    }
    this.#outstandingCount -= this.#outstanding.get(thread.number) ?? 0;
    this.#outstanding.delete(thread.number);
    this.#known.delete(thread.number);
    this.#sentTo.delete(thread.number);
    this.#behind.delete(thread.number);
    const taken = new Set(there.filter((id) => this.#claims[id] === Claim.taken));
    for (const id of there) {
      this.#threadOf[id] = 0;
      this.#claims[id] = Claim.nobody;
    }
    // First what was sent ahead: it waits for the others.
    there.sort(
      (a, b) => Number(this.#run.schedule.state(b) === 'ahead') - Number(this.#run.schedule.state(a) === 'ahead'),
    );
    for (const id of there) {
      const attempt = this.#attempts[id];
      if (attempt === undefined) continue;
      this.#attempts[id] = undefined;
      this.#missAgain(id);
      const isCulprit =
        taken.has(id) && (thread.concurrency > 1 || (culprits?.run === this.#number && culprits.id === id));
      if (!taken.has(id) || this.#run.schedule.state(id) === 'ahead') this.#run.recalled(attempt);
      else if (!isCulprit || !this.#isPoison(id)) this.#run.lost(attempt, cause);
      else this.#run.failedElsewhere(attempt, new WorkerCrashError(this.#run.open.names[id]!, DEATHS_MAX, { cause }));
    }
  }

  breakOff(error: unknown): void {
    this.#run.breakOff(error);
  }

  deal(deal: () => void): void {
    this.#run.deal(deal);
  }

  // Sending.

  /** The next task for a thread that runs one at a time. Io-bound ones wait for their own thread, where there is one, until it has started. */
  #nextForWorker(): number {
    return this.#run.schedule.nextElsewhere(this.#pool.keepsIoApart ? false : undefined);
  }

  #send(thread: WorkerThread, first: number): void {
    const stack = [first];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (id !== first) this.#run.schedule.sentAhead(id);
      this.#put(thread, id);
      this.#followers(thread, id, stack);
    }
  }

  /** Dependents that need nothing but what is on this thread, and are short enough to wait for it there. */
  #followers(thread: WorkerThread, id: number, found: number[]): void {
    const { starts, ids } = this.#run.open.topology.dependents;
    const missing = this.#missingCounts();
    const first = found.length;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const dependent = ids[edge]!;
      if (this.tasks[dependent] !== 1) continue;
      const left = --missing[dependent]!;
      const home = this.#homeOf[dependent]!;
      this.#homeOf[dependent] = home === 0 || home === thread.number ? thread.number : NOWHERE;
      if (left > 0 || this.#homeOf[dependent] !== thread.number || thread === this.#pool.ioThread) continue;
      if (this.#pool.keepsIoApart && this.#run.open.settings[dependent]!.ioBound) continue;
      const isShort = this.#expected(id) < AHEAD_MS && this.#expected(dependent) < AHEAD_MS;
      if (!isShort || !this.#run.schedule.canBeSentAhead(dependent)) continue;
      if (hasRoomAhead(thread, found.length)) found.push(dependent);
      else if (this.#expected(dependent) < SHORT_MS) push(this.#behind, thread.number, dependent);
    }
    // In the order in which they would have started.
    if (found.length - first > 1) found.push(...found.splice(first).reverse());
  }

  /** Short tasks for which there was no room when their inputs were sent: the thread is never to run out of them, or each time it would wait for us. */
  #sendBehind(number: number): void {
    const thread = this.#pool.thread(number);
    const waiting = this.#behind.get(number)!;
    let next = 0;
    while (thread?.state === 'ready' && next < waiting.length && hasRoomAhead(thread)) {
      const id = waiting[next++]!;
      const isToFollow =
        this.#missing![id] === 0 && this.#homeOf[id] === number && this.#run.schedule.canBeSentAhead(id);
      if (!isToFollow) continue;
      this.#run.schedule.sentAhead(id);
      this.#send(thread, id);
    }
    waiting.splice(0, next);
    if (waiting.length === 0) this.#behind.delete(number);
  }

  #put(thread: WorkerThread, id: number): void {
    const { open, schedule } = this.#run;
    const { inputs } = open.topology;
    const settings = open.settings[id]!;
    const fn = this.#functionNumber(thread, id);
    const token = ++this.#token;
    let flags = this.#hasDependentsThere(id) ? TaskFlags.keep : 0;
    const expectedMs = this.#expected(id);
    if (settings.withContext) flags |= TaskFlags.withContext;
    if (expectedMs >= AHEAD_MS) flags |= TaskFlags.tellFirst;
    const headers = this.#run.headersFor(id);
    if (headers !== undefined) flags |= TaskFlags.withHeaders;
    const { message, starts } = this.#outboxOf(thread);
    starts.push(message.length);
    message.push(id, token, fn, flags);
    if (settings.withContext) message.push(open.names[id]!, schedule.attempt(id));
    if (headers !== undefined) {
      const entries = Object.entries(headers);
      message.push(entries.length);
      for (const [name, value] of entries) message.push(name, value);
    }
    const first = inputs.starts[id]!;
    const end = inputs.starts[id + 1]!;
    const waitsFor = this.#waitsFor(id);
    message.push(end - first + waitsFor.length);
    for (const predecessor of waitsFor) message.push(InputKind.after, predecessor);
    for (let edge = first; edge < end; edge++) {
      const input = inputs.ids[edge]!;
      const isHere = this.#threadOf[input] === thread.number || this.#keptOn[input] === thread.number;
      if (isHere) message.push(InputKind.here, input);
      else message.push(InputKind.value, open.outcomes.value(input));
    }
    this.#threadOf[id] = thread.number;
    this.#tokenOf[id] = token;
    this.#expectedMs[id] = expectedMs;
    Atomics.store(this.#claims, id, token);
    this.#attempts[id] = this.#run.sent(id);
    if (thread.queuedCount === 0) this.#pool.busyAgain(thread);
    thread.queuedCount++;
    thread.queuedMs += expectedMs;
    this.#outstandingCount++;
    this.#outstanding.set(thread.number, (this.#outstanding.get(thread.number) ?? 0) + 1);
    push(this.#sentTo, thread.number, id);
  }

  /** What a task that is sent ahead waits for without taking its result. */
  #waitsFor(id: number): number[] {
    const { inputs, dependencies } = this.#run.open.topology;
    if (inputs === dependencies) return NOTHING;
    const taken = inputs.ids.subarray(inputs.starts[id], inputs.starts[id + 1]);
    const all = dependencies.ids.subarray(dependencies.starts[id], dependencies.starts[id + 1]);
    return [...all].filter((one) => this.#threadOf[one] !== 0 && !taken.includes(one));
  }

  #outboxOf(thread: WorkerThread): Outbox {
    let outbox = this.#outbox.get(thread);
    if (outbox === undefined) {
      outbox = { functions: [], message: [ToWorker.tasks, this.#number], starts: [] };
      this.#outbox.set(thread, outbox);
    }
    return outbox;
  }

  #post(): void {
    for (const [thread, { functions, message, starts }] of this.#outbox) {
      // Right before the tasks, so that the thread is woken once.
      const { id, hasHeaders } = this.#run;
      if (functions.length > 0)
        thread.post([ToWorker.functions, this.#number, id, this.#claims.buffer, hasHeaders, ...functions]);
      try {
        thread.post(message);
      } catch {
        // One argument that cannot be sent keeps the whole message back; alone, each of the others can.
        for (const [index, start] of starts.entries()) this.#postOne(thread, message.slice(start, starts[index + 1]));
      }
    }
    this.#outbox.clear();
  }

  #postOne(thread: WorkerThread, record: unknown[]): void {
    try {
      thread.post([ToWorker.tasks, this.#number, ...record]);
    } catch (error) {
      const id = record[0] as number;
      if (!this.#revoke(id)) return;
      const attempt = this.#attempts[id]!;
      this.#attempts[id] = undefined;
      const { inputs } = this.#run.open.topology;
      const { names, outcomes } = this.#run.open;
      const wrong = [...inputs.ids.subarray(inputs.starts[id], inputs.starts[id + 1])].find(
        (input) => culprit(outcomes.value(input)) !== undefined,
      );
      const why =
        wrong === undefined
          ? described(error)
          : culprit(outcomes.value(wrong), `the result of ${JSON.stringify(names[wrong])}`)!;
      this.#run.deal(() => {
        this.#run.failedElsewhere(attempt, new UnsendableError(names[id]!, 'argument', why));
        this.#recallDependents(id);
      });
    }
  }

  /** The number by which the thread knows the task's function; it is told of it first if need be. */
  #functionNumber(thread: WorkerThread, id: number): number {
    const fn = this.#run.open.functions[id]!;
    let number = this.#numbers.get(fn);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(fn, number);
    }
    let known = this.#known.get(thread.number);
    if (known === undefined) {
      known = new Set();
      this.#known.set(thread.number, known);
    }
    if (!known.has(number)) {
      known.add(number);
      this.#outboxOf(thread).functions.push(number, ...this.#reference(fn));
    }
    return number;
  }

  #reference(fn: TaskFunction): [kind: number, text: string, more: string] {
    const module = moduleReference(fn);
    if (module !== undefined) return [FunctionReference.module, module.moduleUrl, module.exportName];
    const source = this.#sources.get(fn)!;
    return [FunctionReference.source, source.text, source.more];
  }

  // Taking back.

  /** Gives a thread that has nothing to do a part of what others have not begun. */
  #takeBackFor(idle: WorkerThread): void {
    if (idle.queuedCount > 0) return;
    const full = this.#pool.fullest();
    if (full === undefined || full === idle || full.queuedCount < 2) return;
    if (!this.#pool.isStale(full, STALE_MS)) {
      this.#pool.lookAgain(STALE_MS);
      return;
    }
    const waiting = (this.#sentTo.get(full.number) ?? []).filter(
      (id) => this.#threadOf[id] === full.number && this.#run.schedule.state(id) === 'running',
    );
    const taken: number[] = [];
    // The first is running, or about to; the later half of the rest it is furthest from.
    for (const id of waiting.slice(Math.max(1, Math.floor(waiting.length / 2))).reverse())
      if (this.#revoke(id)) taken.push(id);
    for (const id of taken) {
      this.#recallDependents(id);
      this.#recall(id);
    }
    for (let id = taken.length > 0 ? this.#nextForWorker() : NONE; id !== NONE; id = this.#nextForWorker()) {
      const thread = this.#pool.roomiest(INBOX_MS, INBOX_MAX);
      this.#send(thread ?? idle, id);
    }
  }

  /** Takes a task out of an inbox, if its thread has not begun it. */
  #revoke(id: number): boolean {
    const token = this.#tokenOf[id]!;
    if (this.#threadOf[id] === 0 || Atomics.compareExchange(this.#claims, id, token, Claim.nobody) !== token)
      return false;
    const thread = this.#threadAt(id);
    this.#threadOf[id] = 0;
    this.#tokenOf[id] = ++this.#token;
    if (thread !== undefined) this.#account(thread, this.#expectedMs[id]!);
    this.#missAgain(id);
    return true;
  }

  #recall(id: number): void {
    const attempt = this.#attempts[id];
    this.#attempts[id] = undefined;
    if (attempt !== undefined) this.#run.recalled(attempt);
  }

  /** What was sent ahead behind a task that is not done after all comes back, and so does what is behind that. */
  #recallDependents(id: number): void {
    const { starts, ids } = this.#run.open.topology.dependents;
    const stack = [id];
    for (let one = stack.pop(); one !== undefined; one = stack.pop()) {
      for (let edge = starts[one]!; edge < starts[one + 1]!; edge++) {
        const dependent = ids[edge]!;
        const attempt = this.#attempts[dependent];
        if (attempt === undefined || this.#run.schedule.state(dependent) === 'running') continue;
        if (!this.#revoke(dependent)) {
          // The thread will say that an input was lost, or what came of it; nobody will listen.
          this.#threadOf[dependent] = 0;
          this.#tokenOf[dependent] = ++this.#token;
          this.#missAgain(dependent);
        }
        this.#recall(dependent);
        stack.push(dependent);
      }
    }
  }

  // Accounts.

  #account(thread: WorkerThread, expectedMs: number): void {
    thread.queuedCount--;
    thread.queuedMs = thread.queuedCount === 0 ? 0 : Math.max(0, thread.queuedMs - expectedMs);
    this.#outstandingCount--;
    this.#outstanding.set(thread.number, this.#outstanding.get(thread.number)! - 1);
    const sent = this.#sentTo.get(thread.number);
    if (sent !== undefined && sent.length > 2 * (thread.queuedCount + INBOX_MAX)) {
      this.#sentTo.set(
        thread.number,
        sent.filter((id) => this.#threadOf[id] === thread.number),
      );
    }
  }

  /** A task is no longer on a thread, and not done: what depends on it misses it again. */
  #missAgain(id: number): void {
    const missing = this.#missingCounts();
    const { starts, ids } = this.#run.open.topology.dependents;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      missing[ids[edge]!]!++;
      this.#homeOf[ids[edge]!] = NOWHERE;
    }
  }

  #missingCounts(): Int32Array {
    if (this.#missing === undefined) {
      const { topology, outcomes } = this.#run.open;
      const { starts, ids } = topology.dependencies;
      this.#missing = new Int32Array(topology.size);
      for (let id = 0; id < topology.size; id++) {
        for (let edge = starts[id]!; edge < starts[id + 1]!; edge++)
          if (!outcomes.isDone(ids[edge]!)) this.#missing[id]!++;
      }
    }
    return this.#missing;
  }

  #isPoison(id: number): boolean {
    const deaths = (this.#deaths.get(id) ?? 0) + 1;
    this.#deaths.set(id, deaths);
    return deaths >= DEATHS_MAX;
  }

  #expected(id: number): number {
    return this.#pool.expectedMs.get(this.#run.open.functions[id]!) ?? this.#averageMs;
  }

  #learn(id: number, tookMs: number): void {
    const fn = this.#run.open.functions[id]!;
    const before = this.#pool.expectedMs.get(fn);
    this.#pool.expectedMs.set(fn, before === undefined ? tookMs : before + LEARNING * (tookMs - before));
    this.#averageMs += LEARNING * (tookMs - this.#averageMs);
  }

  /** A thread that has a result the task takes, or the one before it, if there is room; but not if the roomiest would begin the task much sooner, unless the result is large. */
  #closest(id: number, roomiest: WorkerThread): WorkerThread {
    const { starts, ids } = this.#run.open.topology.inputs;
    const expectedMs = this.#expected(id);
    const hopMs = expectedMs < SHORT_MS ? SHORT_HOP_MS : HOP_MS;
    for (let edge = starts[id]!; edge < starts[id + 1]! && edge < starts[id]! + 4; edge++) {
      const thread = this.#pool.thread(this.#keptOn[ids[edge]!]!);
      if (thread === undefined || thread === this.#pool.ioThread || !thread.hasRoom(INBOX_MS, INBOX_MAX)) continue;
      if (thread.queuedMs - roomiest.queuedMs < hopMs || isLarge(this.#run.open.outcomes.value(ids[edge]!)))
        return thread;
    }
    // Neighbours in the graph stay together: those that take their results may then follow there.
    const last = this.#lastRoomiest;
    if (last?.hasRoom(INBOX_MS, INBOX_MAX) && last.queuedMs - roomiest.queuedMs + expectedMs < hopMs) return last;
    this.#lastRoomiest = roomiest;
    return roomiest;
  }

  #hasDependentsThere(id: number): boolean {
    const { starts, ids } = this.#run.open.topology.dependents;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) if (this.tasks[ids[edge]!] === 1) return true;
    return false;
  }

  #threadAt(id: number): WorkerThread | undefined {
    return this.#pool.thread(this.#threadOf[id]!);
  }
}

function hasRoomAhead(thread: WorkerThread, more = 0): boolean {
  return thread.queuedMs < INBOX_AHEAD_MS && thread.queuedCount + more < INBOX_MAX;
}

const LEFT = Object.freeze({}) as DispatchedRun<never>;
const NO_BYTES = new Uint8Array();
const NO_NUMBERS = new Int32Array();
const NO_TIMES = new Float32Array();

/**
 * When none of a class is left at a garbage collection, V8 forgets its hidden class, and drops all optimized code that knew it: the first run after a
 * collection took five times as long as the one before. A new one does not help; it must be one that has been through it all.
 */
export let lastUsed: unknown;

/** As far as it can be told by one look. */
function isLarge(value: unknown): boolean {
  if (typeof value === 'string') return value.length > LARGE;
  if (typeof value !== 'object' || value === null) return false;
  return (
    ((value as { byteLength?: number }).byteLength ?? 0) > LARGE || (Array.isArray(value) && value.length > LARGE / 64)
  );
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
