import { quoted } from '../errors.js';
import type { OpenGraph } from '../graph/task-graph.js';
import type { Schedule } from '../schedule/schedule.js';

/*
 * A task is spared if it is done as far as others hang on it, while its result is not there: of that the hash alone is
 * kept.
 */

/**
 * Whether a task that might be spared has to run: something that takes its result runs for certain, or nothing in this
 * run takes it, and then the result is what the run is for. Notes why.
 *
 * @param kept - a 1 for each task of which something is kept that may still hold
 * @param isPart - of a run that was asked for some tasks: what has been done before asks for nothing
 */
export function isNeeded(open: OpenGraph, schedule: Schedule, kept: Uint8Array, id: number, isPart: boolean): boolean {
  const takers = takersOf(open, id).filter((taker) => {
    const state = schedule.state(taker);
    return state !== 'idle' && !(isPart && state === 'done');
  });
  const certain = takers.find((taker) => {
    const state = schedule.state(taker);
    return state === 'ahead' || (state === 'blocked' && kept[taker] !== 1);
  });
  if (certain !== undefined) noteTaker(open, id, certain, 'runs');
  else if (takers.length === 0)
    open.decisions.set(id, { verdict: 'runs', why: 'its result is not stored, and nothing else takes it' });
  return certain !== undefined || takers.length === 0;
}

/**
 * The tasks that a task takes the results of and that were spared, or are being made since; and what those lack
 * themselves. Notes why they run.
 */
export function lackedBy(open: OpenGraph, id: number): number[] {
  const lacked: number[] = [];
  const seen = new Set<number>();
  const stack = [id];
  for (let taker = stack.pop(); taker !== undefined; taker = stack.pop()) {
    for (const input of open.topology.inputsOf(taker)) {
      if (open.outcomes.isDone(input) || seen.has(input)) continue;
      seen.add(input);
      if (open.decisions.get(input)?.verdict === 'not needed') noteTaker(open, input, taker, 'runs');
      lacked.push(input);
      stack.push(input);
    }
  }
  return lacked;
}

/** Notes that a task runs, or may, because of one that takes its result. */
export function noteTaker(open: OpenGraph, id: number, taker: number, verdict: 'runs' | 'may run'): void {
  const takes = verdict === 'runs' ? 'takes' : 'may take';
  open.decisions.set(id, { verdict, why: `its result is not stored, and ${quoted(open.names[taker]!)} ${takes} it` });
}

function takersOf({ topology }: OpenGraph, id: number): number[] {
  const { starts, ids } = topology.dependents;
  return [...ids.subarray(starts[id], starts[id + 1])].filter((one) => topology.inputsOf(one).includes(id));
}
