import { readFileSync, writeFileSync } from 'node:fs';
import type { TaskContext, TaskFunction } from 'taskmap-ts';

/**
 * What becomes of the attempts of a task that are to fail. It throws; it returns what cannot be sent; it calls
 * `process.exit()`; it never settles; it never lets go of its thread; it lets go of it too late.
 */
export type Failing = 'throws' | 'unsendable' | 'exits' | 'never settles' | 'never lets go' | 'is late';

/** What a function does that notes its calls. */
export interface CallPlan {
  /** The file that each call adds a line to as it begins and as it ends. */
  readonly file: string;
  readonly task: string;
  /** So many of the first attempts fail. To tell which it is, it takes its context. */
  readonly failures: number;
  readonly failing: Failing;
  /** What its result is a hash of, besides its arguments. */
  readonly salt: number;
  readonly returns: 'number' | 'undefined' | 'null';
  /** What a number is returned as. What is sealed holds a function. */
  readonly shape: 'plain' | 'object' | 'large' | 'sealed';
  /** How often others have their turn before it ends; 0: it returns no promise. */
  readonly turns: number;
  /** How long it computes, in milliseconds. */
  readonly busyMs: number;
  /** It tells progress, if it takes its context. */
  readonly tellsProgress: boolean;
}

/**
 * One line of the file. The order of lines is that of time, over all threads and processes: each is written by one call of
 * the system, after the function has begun, and before it ends.
 */
export interface CallLine {
  readonly what: 'begins' | 'returns' | 'throws';
  readonly task: string;
  readonly thread: string;
  /** What its arguments stand for. */
  readonly args: readonly NumberIn[];
}

/** The number that a value stands for, or that it is not as it was when it was returned. */
export type NumberIn = number | null | 'damaged';

/** A function that does what its plan says. It closes over nothing, so it can go to a thread or into a queue. */
export function notedFunction(plan: CallPlan, withContext: boolean): TaskFunction {
  const call = `return called(${JSON.stringify(plan)}, ${withContext ? 'context' : 'undefined'}, args);`;
  const parts = [numberIn, valueFor, thrownBy, called].map((part) => part.toString());
  return new Function(...(withContext ? ['context'] : []), '...args', [...parts, call].join('\n')) as TaskFunction;
}

/** The file in which the calls of one graph's functions are noted. */
export class CallFile {
  readonly path: string;
  #seen = 0;

  constructor(path: string) {
    this.path = path;
    writeFileSync(path, '');
  }

  /** What has been noted since this was last called. */
  take(): CallLine[] {
    const lines = readFileSync(this.path, 'utf8').split('\n').slice(0, -1);
    const news = lines.slice(this.#seen).map((line) => JSON.parse(line) as CallLine);
    this.#seen = lines.length;
    return news;
  }
}

// What is sent as text. Each uses nothing but the others and globals.

/** The number that a value stands for which such a function returned. */
export function numberIn(value: any): NumberIn {
  if (value === null || typeof value === 'number') return value;
  const { kind, n } = Object(value);
  let isWhole = false;
  if (kind === 'object')
    isWhole = value.at.getTime() === n && value.parts.get('n') === n && value.list.join() === `${n},,text`;
  if (kind === 'large')
    isWhole = value.bytes.length === 80_000 && value.bytes.every((byte: number) => byte === (n & 255));
  if (kind === 'sealed') isWhole = value.get() === n;
  return isWhole ? n : 'damaged';
}

function valueFor(n: number, { returns, shape }: CallPlan): unknown {
  if (returns !== 'number') return returns === 'null' ? null : undefined;
  switch (shape) {
    case 'object':
      return { kind: shape, n, at: new Date(n), parts: new Map([['n', n]]), list: [n, null, 'text'] };
    case 'large':
      return { kind: shape, n, bytes: new Uint8Array(80_000).fill(n & 255) };
    case 'sealed':
      return { kind: shape, n, get: () => n };
    default:
      return n;
  }
}

function thrownBy(task: string, attempt: number): Error {
  const cause = new TypeError('no such table', { cause: 'closed' });
  const error = new RangeError(`attempt ${attempt} of ${task} fails`, { cause });
  return Object.assign(error, { code: 'E_DRAWN', at: { row: 3, when: new Date(5) } });
}

function called(plan: CallPlan, context: TaskContext | undefined, args: readonly unknown[]): unknown {
  const { appendFileSync } = process.getBuiltinModule('node:fs');
  const { threadId } = process.getBuiltinModule('node:worker_threads');
  const { file, task, failing } = plan;
  const attempt = context?.attempt ?? 1;
  const numbers = args.map(numberIn);
  const note = (what: CallLine['what']) =>
    appendFileSync(file, `${JSON.stringify({ what, task, thread: `${process.pid}.${threadId}`, args: numbers })}\n`);
  const compute = (ms: number) => {
    for (const endMs = performance.now() + ms; performance.now() < endMs; );
  };
  const end = (): unknown => {
    if (attempt <= plan.failures) {
      if (failing === 'never settles') return new Promise(() => {});
      if (failing === 'never lets go') for (;;);
      note(failing === 'throws' || failing === 'exits' ? 'throws' : 'returns');
      if (failing === 'unsendable') return { rows: [{ format: () => task }] };
      if (failing === 'exits') process.exit(3);
      if (failing === 'throws') throw thrownBy(task, attempt);
    }
    const hash = (n: number, one: NumberIn) => (Math.imul(n, 31) + (one === null ? 7 : Number(one))) | 0;
    const result = valueFor(numbers.reduce<number>(hash, plan.salt), plan);
    if (attempt > plan.failures) note('returns');
    return result;
  };
  note('begins');
  if (plan.tellsProgress) context?.progress(0.5, 'half');
  compute(plan.busyMs);
  if (attempt <= plan.failures && failing === 'is late') compute(40);
  if (plan.turns === 0) return end();
  return new Promise<void>((resolve) => {
    let left = plan.turns;
    const turn = () => (left-- > 0 ? setImmediate(turn) : resolve());
    turn();
  }).then(end);
}
