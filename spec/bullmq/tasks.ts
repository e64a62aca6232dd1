import type { TaskContext } from 'taskmap-ts';

/** What specs have workers run: exports of a module, that a worker is given. */
export function double(n: number): number {
  return 2 * n;
}

export async function later(n: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return n;
}

class QuotaError extends RangeError {
  override readonly name = 'QuotaError';
  readonly limit = 3;
}

export function overdrawn(): never {
  throw new QuotaError('over the limit', { cause: new TypeError('the cause') });
}

export async function untilAborted({ signal, progress }: TaskContext): Promise<never> {
  progress(0.5, 'half');
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

export function forever(): never {
  for (;;);
}

class Point {
  readonly x = 3;
  get twice(): number {
    return 2 * this.x;
  }
}

/** A result that is not only data. */
export function point(): object {
  return { point: new Point(), at: new Date(5), others: [new Map([[new Point(), 1]])] };
}
