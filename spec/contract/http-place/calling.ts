// Loaded into a process first, lets it call closures of the spec: it has the spec's process call them.

import type { TaskContext } from 'taskmap-ts';
import { decodeValue, encodeThrown, encodeValue } from 'taskmap-ts/codec';
import type { Answer, Call } from './closures.js';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly context: TaskContext | undefined;
}

const waiting = new Map<number, Waiting>();
let lastCall = 0;

const call = (closure: number, context: TaskContext | undefined, args: readonly unknown[]): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const id = ++lastCall;
    waiting.set(id, { resolve, reject, context });
    const { task, attempt, runId, headers } = context ?? {};
    const about = context && { task, attempt, runId, headers };
    tell({ id, closure, values: encodeValue([about, args]) });
    context?.signal.addEventListener('abort', () => tell({ id, abort: encodeThrown(context.signal.reason) }));
  });

Object.assign(globalThis, { callTheSpec: call });

function tell(message: Call): void {
  process.send!(message);
}

process.on('message', ({ id, kind, value }: Answer) => {
  const { resolve, reject, context } = waiting.get(id)!;
  if (kind === 'returned') resolve(decodeValue(value));
  else if (kind === 'threw') reject(decodeValue(value));
  else {
    try {
      context!.progress(...(decodeValue(value) as [number, string?]));
    } catch (error) {
      reject(error);
    }
  }
});
