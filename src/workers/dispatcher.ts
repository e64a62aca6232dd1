import { moduleReference } from '../code/module-reference.js';
import { type Packed, pack, unpack } from '../codec/crossing.js';
import { decodeError, type EncodedError, encodeError } from '../codec/error-codec.js';
import { decodeValue } from '../codec/value-codec.js';
import { described, WorkerCrashError } from '../errors.js';
import { HeldResult } from '../graph/held-result.js';
import type { OutcomeTable } from '../graph/outcome.js';
import { mixedArguments, plainName } from '../graph/plain-arguments.js';
import type { TaskFunction } from '../graph/task.js';
import type { Ending, FunctionEnding, Place, PlacedRun, RemoteAttempt } from '../places/place.js';
import { refusedArgument } from '../places/refused-argument.js';
import { Claim, FunctionReference, InputKind, TaskEnd, TaskFlags, TOLD, ToWorker } from './messages.js';
import type { FunctionSources } from './sendable-functions.js';
import type { WorkerPool } from './worker-pool.js';
import type { PrintedUntil, WorkerThread } from './worker-thread.js';

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
  /** Whether it holds more than primitives, which could turn out not to be readable. */
  hasValues: boolean;
}

/** So many of the last messages to a thread are remembered, should one of them not be readable there. */
const MESSAGES_KEPT = 64;

/** A message with tasks that was sent to a thread. */
interface SentMessage {
  readonly number: number;
  /** The number and the token of each task, one after another. */
  readonly sendings: readonly number[];
}

/**
 * Decides for one run which task goes to which thread, and when; keeps count of what is there.
 *
 * ```
 *   run ─ take() ─────► room on a thread? ─► inbox ─► claimed by the thread ─► ended() ─► run
 *                           │                  └── taken back while unclaimed, or lost with the thread: ended() ─► run
 *   run ─ takeAhead() ─►    └─► and what needs nothing but this: sent ahead, behind it
 * ```
 *
 * **Claims.** Whether a task begins is decided by one word of shared memory, which holds the number of its sending (its
 * token) while it waits. The thread swaps it for `taken`, the main thread, to take the task back, for `nobody`; whoever comes
 * second has lost. So a task that was taken back never begins, and one that has begun is never sent again.
 *
 * **Tokens.** What a thread says carries the token of the sending it speaks of. If the task was sent again since, or is
 * nobody's any more, it changes nothing but the count of what stands in the inbox.
 *
 * **Sending ahead.** A task may be sent before its inputs exist when all of those that are missing are being made on the
 * same thread: the thread works through its inbox in order, so they will be there, or it says that an input was lost, and the
 * task comes back. That saves a chain of short tasks a round trip for each of them. Nothing is sent ahead of a task that may
 * fail although it returned (the run says so), nor behind one that takes long. When a task fails, or is to run again, what was
 * sent ahead behind it is taken back at once; what the thread has begun by then it has begun with inputs that it had.
 *
 * **Hearing.** What a thread has ended it tells in batches. A result that a task there may change is on its way before
 * that begins; all others stand on the thread's {@link Board}, where they are read when the thread falls silent or dies. So
 * nothing that has ended is ever run again, and the time of a task counts from when it really began.
 *
 * **Deaths.** A thread that we end (for a timeout, or in `close()`) blames nobody. One that dies by itself blames what ran
 * there; on the thread of io-bound tasks, where many run, those run alone afterwards, one after another, and only who was
 * alone is blamed.
 *
 * **Shutdown.** `stop()` takes back what no thread has begun. The run settles when `isBusy` says that nothing of it is on any
 * thread, and all has been passed on that was printed on each of them until the last of it had ended there. What others
 * print on the same threads after that is not waited for.
 */
export class Dispatcher implements Place {
  #run: PlacedRun;
  readonly #pool: WorkerPool;
  readonly #number: number;
  #claims: Int32Array;
  /** A 1 for each task that runs on threads. */
  #sources: FunctionSources;
  /** The thread in whose inbox each task is, 0 for none. */
  #threadOf: Uint8Array;
  /** Which sending of the task counts; what is told of an earlier one does not. */
  #tokenOf: Int32Array;
  #expectedMs: Float32Array;
  /** The thread that still has the result of each task, 0 for none. */
  #keptOn: Uint8Array;
  /** How many dependencies of each task were not done when that was first counted, and have not been sent to a thread. */
  #missing: Int32Array | undefined;
  /** The one thread that all of a task's dependencies were sent to, 0 for none yet, NOWHERE for several. */
  #homeOf: Uint8Array;
  #attempts: (RemoteAttempt | undefined)[];
  readonly #deaths = new Map<number, number>();
  /** Tasks that ran on a thread with others when it died. They run alone. */
  readonly #suspects = new Set<number>();
  /** A suspect that waits until it would be alone. */
  #heldBack: RemoteAttempt | undefined;
  /** Tasks with an argument that cannot be sent: they fail when they are ready. */
  readonly #unsendable = new Set<number>();
  readonly #sentMessages = new Map<number, SentMessage[]>();
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
  /** How far each thread had printed when the last of this run ended there, unless all of that had been passed on. */
  readonly #printedUntil = new Map<number, PrintedUntil>();
  #outstandingCount = 0;
  #token = 0;
  #averageMs = UNKNOWN_MS;
  #stopped = false;

  constructor(run: PlacedRun, pool: WorkerPool, sources: FunctionSources) {
    const { size } = run.open.topology;
    this.#run = run;
    this.#pool = pool;
    this.#sources = sources;
    this.#claims = new Int32Array(new SharedArrayBuffer(Math.max(size, 1) * Int32Array.BYTES_PER_ELEMENT));
    this.#threadOf = new Uint8Array(size);
    this.#tokenOf = new Int32Array(size);
    this.#expectedMs = new Float32Array(size);
    this.#keptOn = new Uint8Array(size);
    this.#homeOf = new Uint8Array(size);
    this.#attempts = new Array<RemoteAttempt | undefined>(size).fill(undefined);
    this.#number = pool.enter(this);
  }

  // What the run asks for.

  get isBusy(): boolean {
    if (this.#outstandingCount > 0) return true;
    for (const [number, until] of this.#printedUntil)
      if (this.#pool.thread(number)?.hasPassed(until) === false) return true;
    return false;
  }

  /** Gives the threads as much work as they have room for. */
  fill(): void {
    if (this.#stopped) return;
    // One that is held back is ready no more, and may be all that there is.
    const waitingCount = this.#run.readyCount + (this.#heldBack === undefined ? 0 : 1);
    if (waitingCount > 0) this.#pool.want(waitingCount);
    if (this.#pool.ioThread?.state === 'ready') this.#fillIo(this.#pool.ioThread);
    for (;;) {
      const thread = this.#pool.roomiest(INBOX_MS, INBOX_MAX);
      const attempt = thread && this.#nextForWorker();
      if (thread === undefined || attempt === undefined) {
        this.#takeBackFor(thread);
        break;
      }
      this.#send(this.#closest(attempt.id, thread), attempt);
    }
    for (const number of this.#behind.keys()) this.#sendBehind(number);
    this.#post();
  }

  /** All io-bound tasks that are ready, but for suspects: each of those has the thread to itself. */
  #fillIo(thread: WorkerThread): void {
    for (;;) {
      if (thread.queuedCount === 0) thread.reservedFor = undefined;
      if (thread.reservedFor !== undefined || (thread.awaitedBy ?? this) !== this) return;
      const attempt = this.#heldBack ?? this.#run.take(true);
      if (attempt === undefined) return;
      const isSuspect = this.#suspects.has(attempt.id);
      this.#heldBack = isSuspect && thread.queuedCount > 0 ? attempt : undefined;
      thread.awaitedBy = this.#heldBack && this;
      if (this.#heldBack !== undefined) return;
      this.#send(thread, attempt);
      if (isSuspect) thread.reservedFor = this;
    }
  }

  /** Nothing new is to begin: what no thread has begun comes back. */
  stop(): void {
    this.#stopped = true;
    if (this.#heldBack !== undefined) this.#handBack(this.#heldBack);
    for (let id = 0; id < this.#threadOf.length; id++)
      if (this.#threadOf[id] !== 0 && this.#revoke(id)) this.#recall(id);
  }

  abort(attempt: RemoteAttempt, reason: unknown): void {
    const { id } = attempt;
    if (attempt === this.#heldBack) this.#handBack(attempt);
    if (this.#threadOf[id] === 0) return;
    if (this.#revoke(id)) this.#recall(id);
    else this.#threadAt(id)?.post([ToWorker.abort, this.#number, id, this.#tokenOf[id], encodeError(reason)]);
  }

  giveUp(attempt: RemoteAttempt): void {
    const { id } = attempt;
    const thread = this.#threadAt(id);
    if (thread === undefined || this.#attempts[id] !== attempt) return;
    if (this.#mayRun(thread, id)) void thread.terminate();
    // It has ended, and that is about to be told; or it begins at this very moment.
    else this.#pool.later(() => this.giveUp(attempt));
  }

  /** Whether a task runs on a thread, as far as can be seen. */
  #mayRun(thread: WorkerThread, id: number): boolean {
    if (thread.concurrency > 1) return true;
    const { current } = thread.board;
    return current?.run === this.#number && current.id === id;
  }

  end(): void {
    this.#pool.leave(this.#number, this.#known);
    // All that belongs to the graph goes; what is left of this is kept: see lastUsed.
    this.#run = LEFT;
    this.#threadOf = this.#keptOn = this.#homeOf = NO_BYTES;
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
      this.#printedUntil,
      this.#sentMessages,
      this.#suspects,
      this.#unsendable,
    ])
      map.clear();
    lastUsed = this;
  }

  // What the threads tell.

  begun(thread: WorkerThread, id: number, token: number, atMs: number): void {
    const attempt = this.#attempts[id];
    const isThere = this.#tokenOf[id] === token && this.#threadOf[id] === thread.number;
    if (attempt !== undefined && isThere) this.#run.began(attempt, atMs, thread.threadId);
  }

  /** What a thread is seen to be running has begun. */
  seen(thread: WorkerThread, id: number, atMs: number): void {
    this.begun(thread, id, this.#tokenOf[id]!, atMs);
  }

  progressed(id: number, token: number, fraction: number, note: string | undefined): void {
    const attempt = this.#attempts[id];
    if (attempt !== undefined && this.#tokenOf[id] === token) this.#run.progressed(attempt, fraction, note);
  }

  ended(
    thread: WorkerThread,
    id: number,
    token: number,
    endAndTold: number,
    startedAtMs: number,
    tookMs: number,
    value: unknown,
  ): void {
    const attempt = this.#attempts[id];
    const wasTold = (endAndTold & TOLD) !== 0;
    const end = endAndTold & ~TOLD;
    this.#account(thread, this.#expectedMs[id]!);
    // Told of a sending that was called back in vain: the thread had begun it already.
    if (this.#tokenOf[id] !== token || attempt === undefined) return;
    this.#threadOf[id] = 0;
    this.#claims[id] = Claim.nobody;
    this.#attempts[id] = undefined;
    this.#suspects.delete(id);
    const isReturned = end === TaskEnd.returned || end === TaskEnd.packed || end === TaskEnd.encoded;
    this.#keptOn[id] = isReturned && this.#isKeptThere(id) ? thread.number : 0;
    if (end !== TaskEnd.inputLost) {
      this.#learn(id, tookMs);
      if (end === TaskEnd.unsendable) this.#run.began(attempt, startedAtMs, thread.threadId);
    }
    const fate = this.#run.ended(
      attempt,
      this.#endingOf(end, value, { startedAtMs, tookMs, where: thread.threadId, wasTold }),
    );
    if (isReturned && (fate === 'done' || fate === 'saving')) return;
    this.#keptOn[id] = 0;
    this.#missAgain(id);
    this.#recallDependents(id);
  }

  #endingOf(end: number, value: unknown, facts: Omit<FunctionEnding, 'kind' | 'value'>): Ending {
    switch (end) {
      case TaskEnd.returned:
        return { kind: 'returned', value, ...facts };
      case TaskEnd.packed:
        return { kind: 'returned', value: unpack(value as Packed), ...facts };
      case TaskEnd.encoded: {
        const [bytes, hash] = value as [Uint8Array, string | undefined];
        const held = new HeldResult(() => decodeValue(bytes), { bytes, hash });
        return { kind: 'returned', value: undefined, held, ...facts };
      }
      case TaskEnd.threw:
        return { kind: 'threw', value: this.#thrown(value), ...facts };
      case TaskEnd.unsendable:
        return { kind: 'unsendable', what: 'result', part: value as string };
      default:
        return { kind: 'never-began' };
    }
  }

  #thrown(encoded: unknown): unknown {
    return decodeError(encoded as EncodedError, this.#run.calledFrom);
  }

  /** A thread is gone. What ran on it may be to blame; all others run again. */
  died(thread: WorkerThread, cause: unknown): void {
    const there: number[] = [];
    for (let id = 0; id < this.#threadOf.length; id++) {
      if (this.#keptOn[id] === thread.number) this.#keptOn[id] = 0;
      if (this.#threadOf[id] === thread.number) there.push(id);
    }
    this.#outstandingCount -= this.#outstanding.get(thread.number) ?? 0;
    const { number } = thread;
    this.#printedUntil.delete(number);
    for (const map of [this.#outstanding, this.#known, this.#sentTo, this.#behind, this.#sentMessages])
      map.delete(number);
    const current = thread.concurrency === 1 ? thread.board.current : undefined;
    const taken = new Set(there.filter((id) => this.#claims[id] === Claim.taken));
    const blamed = this.#blamedFor(thread, taken);
    for (const id of there) {
      this.#threadOf[id] = 0;
      this.#claims[id] = Claim.nobody;
      this.#missAgain(id);
    }
    for (const id of there) {
      const attempt = this.#attempts[id];
      if (attempt === undefined) continue;
      this.#attempts[id] = undefined;
      if (current?.run === this.#number && current.id === id)
        this.#run.began(attempt, current.startedAtMs, thread.threadId);
      if (!taken.has(id)) this.#run.ended(attempt, { kind: 'never-began' });
      else if (!blamed.has(id) || !this.#isPoison(id)) this.#run.ended(attempt, { kind: 'lost', reason: cause });
      else {
        const error = new WorkerCrashError(this.#run.open.names[id]!, DEATHS_MAX, { cause });
        this.#run.ended(attempt, { kind: 'hopeless', error });
      }
    }
  }

  printed(): void {
    if (this.#printedUntil.size > 0 && !this.isBusy) this.#run.wake();
  }

  /** @param taken - the tasks of this run that had begun there */
  #blamedFor(thread: WorkerThread, taken: ReadonlySet<number>): ReadonlySet<number> {
    if (thread.isEndedByUs) return NOBODY;
    if (thread.concurrency === 1) {
      const { current } = thread.board;
      // With none that runs, it was broken by one that had.
      if (current === undefined) return taken;
      return current.run === this.#number && taken.has(current.id) ? new Set([current.id]) : NOBODY;
    }
    if (thread.reservedFor === this && taken.size === 1) return taken;
    for (const id of taken) this.#suspects.add(id);
    return NOBODY;
  }

  /** One of its tasks has an argument that cannot be read there. Alone, each of the others can. */
  unreadable(thread: WorkerThread, message: number, why: string): void {
    const sent = this.#sentMessages.get(thread.number)?.find(({ number }) => number === message);
    if (sent === undefined) return;
    const attempts: RemoteAttempt[] = [];
    for (let at = 0; at < sent.sendings.length; at += 2) {
      const id = sent.sendings[at]!;
      const token = sent.sendings[at + 1]!;
      const attempt = this.#attempts[id];
      if (attempt === undefined || this.#tokenOf[id] !== token || !this.#revoke(id)) continue;
      this.#attempts[id] = undefined;
      attempts.push(attempt);
    }
    if (sent.sendings.length === 2) {
      const part = `it could be sent, but not read where it arrived: ${why}`;
      for (const attempt of attempts) this.#refuse(attempt, { kind: 'unsendable', what: 'argument', part });
      return;
    }
    for (const attempt of attempts) {
      // One that was ahead waits for what was sent with it.
      if (attempt.isAhead) this.#run.ended(attempt, { kind: 'never-began' });
      else this.#put(thread, attempt);
      this.#post();
    }
  }

  breakOff(error: unknown): void {
    this.#run.breakOff(error);
  }

  wake(tell?: () => void): void {
    this.#run.wake(tell);
  }

  // Sending.

  /** The next task for a thread that runs one at a time. Io-bound ones wait for their own thread, where there is one, until it has started. */
  #nextForWorker(): RemoteAttempt | undefined {
    return this.#run.take(this.#pool.keepsIoApart ? false : undefined);
  }

  #send(thread: WorkerThread, first: RemoteAttempt): void {
    const stack = [first];
    for (let attempt = stack.pop(); attempt !== undefined; attempt = stack.pop())
      if (this.#put(thread, attempt)) this.#followers(thread, attempt.id, stack);
  }

  /** Dependents that need nothing but what is on this thread, and are short enough to wait for it there. */
  #followers(thread: WorkerThread, id: number, found: RemoteAttempt[]): void {
    const { starts, ids } = this.#run.open.topology.dependents;
    const missing = this.#missingCounts();
    const first = found.length;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const dependent = ids[edge]!;
      if (this.#run.placed[dependent] !== 1) continue;
      const left = --missing[dependent]!;
      const home = this.#homeOf[dependent]!;
      this.#homeOf[dependent] = home === 0 || home === thread.number ? thread.number : NOWHERE;
      if (left > 0 || this.#homeOf[dependent] !== thread.number || thread === this.#pool.ioThread) continue;
      if (this.#pool.keepsIoApart && this.#run.open.settings[dependent]!.ioBound) continue;
      const isShort = this.#expected(id) < AHEAD_MS && this.#expected(dependent) < AHEAD_MS;
      if (!isShort || this.#unsendable.has(dependent)) continue;
      if (hasRoomAhead(thread, found.length)) {
        const attempt = this.#run.takeAhead(dependent);
        if (attempt !== undefined) found.push(attempt);
      } else if (this.#expected(dependent) < SHORT_MS) push(this.#behind, thread.number, dependent);
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
      const isToFollow = this.#missing![id] === 0 && this.#homeOf[id] === number && !this.#unsendable.has(id);
      const attempt = isToFollow ? this.#run.takeAhead(id) : undefined;
      if (attempt !== undefined) this.#send(thread, attempt);
    }
    waiting.splice(0, next);
    if (waiting.length === 0) this.#behind.delete(number);
  }

  /** @returns whether it is on its way */
  #put(thread: WorkerThread, attempt: RemoteAttempt): boolean {
    const { id } = attempt;
    const inputs = this.#inputsFor(thread, attempt);
    if (inputs === undefined) return false;
    const { open } = this.#run;
    const { withContext } = open.settings[id]!;
    const fn = this.#functionNumber(thread, id);
    const token = ++this.#token;
    let flags = this.#isKeptThere(id) ? TaskFlags.keep : 0;
    const expectedMs = this.#expected(id);
    if (withContext) flags |= TaskFlags.withContext;
    if (expectedMs >= AHEAD_MS) flags |= TaskFlags.tellFirst;
    const headers = this.#run.hasHeaders ? attempt.headers : undefined;
    if (headers !== undefined) flags |= TaskFlags.withHeaders;
    if (this.#run.keepsResults) flags |= TaskFlags.hash;
    const { message, starts } = this.#outboxOf(thread);
    starts.push(message.length);
    message.push(id, token, fn, flags);
    if (withContext) message.push(open.names[id]!, attempt.attempt, open.settings[id]!.timeoutMs ?? 0);
    if (headers !== undefined) {
      const entries = Object.entries(headers);
      message.push(entries.length);
      for (const [name, value] of entries) message.push(name, value);
    }
    message.push(inputs.length / 2);
    for (const one of inputs) message.push(one);
    this.#threadOf[id] = thread.number;
    this.#tokenOf[id] = token;
    this.#expectedMs[id] = expectedMs;
    Atomics.store(this.#claims, id, token);
    this.#attempts[id] = attempt;
    if (thread.queuedCount === 0) this.#pool.busyAgain(thread);
    thread.queuedCount++;
    thread.queuedMs += expectedMs;
    this.#outstandingCount++;
    this.#outstanding.set(thread.number, (this.#outstanding.get(thread.number) ?? 0) + 1);
    push(this.#sentTo, thread.number, id);
    return true;
  }

  /** Kind and value of each input, one after another; `undefined` if one cannot be sent, and the task will not be. */
  #inputsFor(thread: WorkerThread, attempt: RemoteAttempt): unknown[] | undefined {
    const { open } = this.#run;
    const { id } = attempt;
    const found: unknown[] = [];
    for (const predecessor of this.#waitsFor(id)) found.push(InputKind.after, predecessor);
    try {
      const mixed = mixedArguments(open, id);
      if (mixed === undefined) {
        const { starts, ids } = open.topology.inputs;
        for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) this.#addResult(thread, ids[edge]!, found);
      } else {
        const plain = open.plain!.get(id)!;
        for (const one of mixed) {
          if (typeof one === 'number') this.#addResult(thread, one, found);
          else if (isPrimitive(one.value)) found.push(InputKind.value, one.value);
          else this.#addValue(thread, one.value, found, plainName(plain.indexOf(one)));
        }
      }
      return found;
    } catch (error) {
      this.#refuse(attempt, refusedArgument(error));
      return undefined;
    }
  }

  #addResult(thread: WorkerThread, input: number, found: unknown[]): void {
    if (this.#threadOf[input] === thread.number || this.#keptOn[input] === thread.number) {
      found.push(InputKind.here, input);
      return;
    }
    const { outcomes, names } = this.#run.open;
    const bytes = outcomes.held(input)?.bytes;
    if (bytes !== undefined) {
      found.push(InputKind.encoded, bytes);
      this.#outboxOf(thread).hasValues = true;
      return;
    }
    const value = outcomes.value(input);
    if (isPrimitive(value)) found.push(InputKind.value, value);
    else this.#addValue(thread, value, found, `the result of ${JSON.stringify(names[input])}`);
  }

  /** @param name - what the value is called where a part of it is named */
  #addValue(thread: WorkerThread, value: unknown, found: unknown[], name: string): void {
    const packed = pack(value, { name });
    if (packed === undefined) found.push(InputKind.value, value);
    else found.push(InputKind.packed, packed);
    this.#outboxOf(thread).hasValues = true;
  }

  /** A task has an argument that cannot be sent. One that was to be sent ahead fails once it is ready. */
  #refuse(attempt: RemoteAttempt, ending: Ending): void {
    this.#unsendable.add(attempt.id);
    if (attempt.isAhead) this.#run.ended(attempt, { kind: 'never-began' });
    else this.#run.ended(attempt, ending);
    this.#recallDependents(attempt.id);
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
      outbox = { functions: [], message: [ToWorker.tasks, this.#number], starts: [], hasValues: false };
      this.#outbox.set(thread, outbox);
    }
    return outbox;
  }

  #post(): void {
    for (const [thread, { functions, message, starts, hasValues }] of this.#outbox) {
      // Right before the tasks, so that the thread is woken once.
      const { id, hasHeaders } = this.#run;
      if (functions.length > 0)
        thread.post([ToWorker.functions, this.#number, id, this.#claims.buffer, hasHeaders, ...functions]);
      try {
        this.#postTasks(thread, message, starts, hasValues);
      } catch {
        // One argument that cannot be sent keeps the whole message back; alone, each of the others can.
        for (const [index, start] of starts.entries()) this.#postOne(thread, message.slice(start, starts[index + 1]));
      }
    }
    this.#outbox.clear();
  }

  /** @throws DataCloneError if something in it cannot be sent; then nothing is */
  #postTasks(thread: WorkerThread, message: readonly unknown[], starts: readonly number[], hasValues: boolean): void {
    const number = thread.postedCount;
    thread.post(message);
    if (!hasValues) return;
    let sent = this.#sentMessages.get(thread.number);
    if (sent === undefined) {
      sent = [];
      this.#sentMessages.set(thread.number, sent);
    }
    if (sent.length === MESSAGES_KEPT) sent.shift();
    sent.push({ number, sendings: starts.flatMap((start) => message.slice(start, start + 2) as number[]) });
  }

  #postOne(thread: WorkerThread, record: unknown[]): void {
    try {
      this.#postTasks(thread, [ToWorker.tasks, this.#number, ...record], [2], true);
    } catch (error) {
      const id = record[0] as number;
      const attempt = this.#attempts[id];
      if (!this.#revoke(id) || attempt === undefined) return;
      this.#attempts[id] = undefined;
      const part = `one of its arguments cannot be copied: ${described(error)}`;
      this.#refuse(attempt, { kind: 'unsendable', what: 'argument', part });
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

  /** Gives a thread that has nothing to do, or one that is started for it, a part of what others have not begun. */
  #takeBackFor(roomiest: WorkerThread | undefined): void {
    const idle = roomiest?.queuedCount === 0 ? roomiest : undefined;
    if (idle === undefined && !this.#pool.canGrow) return;
    const full = this.#pool.fullest();
    if (full === undefined || full.queuedCount < 2) return;
    if (!this.#pool.isStale(full, STALE_MS)) {
      this.#pool.lookAgain(STALE_MS);
      return;
    }
    const waiting = (this.#sentTo.get(full.number) ?? []).filter(
      (id) => this.#threadOf[id] === full.number && this.#attempts[id]?.isAhead === false,
    );
    if (idle === undefined) {
      if (waiting.length > 1) this.#pool.want(1);
      return;
    }
    const taken: number[] = [];
    // The first is running, or about to; the later half of the rest it is furthest from.
    for (const id of waiting.slice(Math.max(1, Math.floor(waiting.length / 2))).reverse())
      if (this.#revoke(id)) taken.push(id);
    for (const id of taken) {
      this.#recallDependents(id);
      this.#recall(id);
    }
    let next = taken.length > 0 ? this.#nextForWorker() : undefined;
    for (; next !== undefined; next = this.#nextForWorker())
      this.#send(this.#pool.roomiest(INBOX_MS, INBOX_MAX) ?? idle, next);
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
    if (attempt !== undefined) this.#run.ended(attempt, { kind: 'never-began' });
  }

  #handBack(attempt: RemoteAttempt): void {
    this.#heldBack = undefined;
    const { ioThread } = this.#pool;
    if (ioThread?.awaitedBy === this) ioThread.awaitedBy = undefined;
    this.#pool.shareRoom();
    this.#run.ended(attempt, { kind: 'never-began' });
  }

  /** What was sent ahead behind a task that is not done after all comes back, and so does what is behind that. */
  #recallDependents(id: number): void {
    const { starts, ids } = this.#run.open.topology.dependents;
    const stack = [id];
    for (let one = stack.pop(); one !== undefined; one = stack.pop()) {
      for (let edge = starts[one]!; edge < starts[one + 1]!; edge++) {
        const dependent = ids[edge]!;
        const attempt = this.#attempts[dependent];
        if (attempt === undefined || !attempt.isAhead) continue;
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
    const left = this.#outstanding.get(thread.number)! - 1;
    this.#outstanding.set(thread.number, left);
    if (left === 0) this.#notePrinted(thread);
    this.#pool.shareRoom();
    const sent = this.#sentTo.get(thread.number);
    if (sent !== undefined && sent.length > 2 * (thread.queuedCount + INBOX_MAX)) {
      this.#sentTo.set(
        thread.number,
        sent.filter((id) => this.#threadOf[id] === thread.number),
      );
    }
  }

  #notePrinted(thread: WorkerThread): void {
    const until = thread.printedUntil;
    if (until === undefined) this.#printedUntil.delete(thread.number);
    else this.#printedUntil.set(thread.number, until);
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
      if (thread.queuedMs - roomiest.queuedMs < hopMs || isLarge(this.#run.open.outcomes, ids[edge]!)) return thread;
    }
    // Neighbours in the graph stay together: those that take their results may then follow there.
    const last = this.#lastRoomiest;
    if (last?.hasRoom(INBOX_MS, INBOX_MAX) && last.queuedMs - roomiest.queuedMs + expectedMs < hopMs) return last;
    this.#lastRoomiest = roomiest;
    return roomiest;
  }

  /** Whether dependents may take the result where it was made. What a schema makes of it is made here. */
  #isKeptThere(id: number): boolean {
    return this.#run.open.settings[id]!.returns === undefined && this.#hasDependentsThere(id);
  }

  #hasDependentsThere(id: number): boolean {
    const { starts, ids } = this.#run.open.topology.dependents;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) if (this.#run.placed[ids[edge]!] === 1) return true;
    return false;
  }

  #threadAt(id: number): WorkerThread | undefined {
    return this.#pool.thread(this.#threadOf[id]!);
  }
}

const NOBODY: ReadonlySet<number> = new Set();

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}

function hasRoomAhead(thread: WorkerThread, more = 0): boolean {
  return thread.queuedMs < INBOX_AHEAD_MS && thread.queuedCount + more < INBOX_MAX;
}

const LEFT = Object.freeze({}) as PlacedRun;
const NO_BYTES = new Uint8Array();
const NO_NUMBERS = new Int32Array();
const NO_TIMES = new Float32Array();

/**
 * When none of a class is left at a garbage collection, V8 forgets its hidden class, and drops all optimized code that knew it: the first run after a
 * collection took five times as long as the one before. A new one does not help; it must be one that has been through it all.
 */
export let lastUsed: unknown;

/** As far as it can be told by one look. */
function isLarge(outcomes: OutcomeTable, id: number): boolean {
  const bytes = outcomes.held(id)?.bytes;
  if (bytes !== undefined) return bytes.length > LARGE;
  const value = outcomes.value(id);
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
