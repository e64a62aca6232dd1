import { claimGraph, type TaskGraph } from '../graph/task-graph.js';
import { TaskGraphBuilder } from '../graph/task-graph-builder.js';
import type { Place, PlacedRun } from '../places/place.js';
import type { Attempt } from './attempt.js';
import { systemClock } from './clock.js';
import { Emitter } from './emitter.js';
import { Run } from './run.js';

/** Of what goes on inside of an attempt nothing is told but its progress. */
class Inside extends Emitter {}

/**
 * Runs one attempt at a place, as a run of its own: over a graph of its task and its arguments, which are there already.
 *
 * @param graceMs - how long it is given to settle once it is aborted, in milliseconds
 * @throws what the function threw; the abort reason, if it was interrupted; why the place failed, if it did
 */
export async function runAlone(
  attempt: Attempt,
  graceMs: number,
  placeFor: (run: PlacedRun) => Place,
): Promise<unknown> {
  const { task, args, signal, context } = attempt;
  if (signal.aborted) throw signal.reason;
  const results = (task.withContext ? args.slice(1) : args).map(
    (result, index) => [`argument ${index} of ${task.name}`, result] as const,
  );
  const builder = new TaskGraphBuilder<any>({ name: attempt.graph.name });
  for (const [name] of results) builder.add({ name, run: () => undefined });
  const { name, fn: run, withContext, ioBound } = task;
  builder.add({ name, run, withContext, ioBound, dependsOn: results.map(([name]) => name) });
  const graph: TaskGraph = builder.build({ results });

  const { headers } = context;
  const hasHeaders = Object.keys(headers).length > 0;
  const inside = new Inside();
  if (withContext) inside.on('task:progress', ({ fraction, note }) => context.progress(fraction, note));
  claimGraph(graph);
  const alone = new Run(
    { emitter: inside, graceMs, isAsync: true },
    {
      runId: attempt.runId,
      graph,
      clock: systemClock,
      slots: { total: 1, cpu: 1 },
      runAttempt: undefined,
      headers: hasHeaders ? () => headers : undefined,
      signal,
      onFailure: 'continue',
      selected: undefined,
      placed: { tasks: new Uint8Array(graph.size).fill(1), placeFor, calledFrom: '' },
      attemptsMade: attempt.attempt - 1,
    },
  );
  const abort = () => alone.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  alone.start();
  await alone.whenSettled;
  signal.removeEventListener('abort', abort);
  const outcome = graph.outcome(name);
  if (outcome.status === 'done') return outcome.result;
  if (outcome.status === 'failed') throw outcome.error;
  if (!signal.aborted) alone.report();
  throw signal.reason;
}
