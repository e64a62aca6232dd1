import { ExecutorClosedError, GraphBusyError, quoted } from '../errors.js';
import type { RunStarted } from '../events.js';
import type { Executor, RunOptions } from '../executors/executor.js';
import type { TaskGraph } from '../graph/task-graph.js';
import type { ControlReply } from './messages.js';
import type { RunFeed } from './run-feed.js';
import { shownError } from './shown-text.js';

/** What came of a request. */
export interface Controlled {
  readonly status: 202 | 404 | 409 | 500;
  readonly reply: ControlReply;
}

/** How a run was begun. */
interface Begun {
  readonly executor: Executor;
  readonly options: RunOptions;
}

const ABORTED_HERE = 'Aborted on the dashboard.';

/** Aborts runs, and has failed tasks run again, on the executors that run them. */
export class RunControl {
  readonly #feed: RunFeed;
  readonly #begunByRun = new WeakMap<TaskGraph, Map<string, Begun>>();
  readonly #stops: (() => void)[] = [];

  constructor(feed: RunFeed, executors: readonly Executor[]) {
    this.#feed = feed;
    for (const executor of executors) {
      const onStarted = ({ runId, taskGraph }: RunStarted) => this.#note(runId, taskGraph, executor);
      executor.on('run:started', onStarted);
      this.#stops.push(() => executor.off('run:started', onStarted));
    }
  }

  abort(runId: string): Controlled {
    const begun = this.#begun(runId);
    if (begun === undefined) return unknownRun(runId);
    const reason = new Error(ABORTED_HERE);
    reason.name = 'AbortError';
    if (begun.executor.abort(runId, reason)) return { status: 202, reply: { runId } };
    return { status: 409, reply: { error: 'This run has ended already.' } };
  }

  /** Resets what has failed, and runs the graph again as that run did: with the same options, but without a signal that has been aborted. */
  async rerun(runId: string): Promise<Controlled> {
    const begun = this.#begun(runId);
    const graph = this.#feed.run(runId)?.taskGraph;
    if (begun === undefined || graph === undefined) return unknownRun(runId);
    const { executor, options } = begun;
    const { signal, ...rest } = options;
    try {
      const again = signal?.aborted === false ? options : rest;
      // Nothing is reset for a run that is refused.
      executor.refuse(graph, again);
      graph.resetFailed();
      return { status: 202, reply: { runId: await idOfNextRun(executor, graph, again) } };
    } catch (error) {
      const status = error instanceof GraphBusyError || error instanceof ExecutorClosedError ? 409 : 500;
      return { status, reply: { error: shownError(error).message } };
    }
  }

  /** Listens to nothing any more. Runs that were begun go on. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#stops.length = 0;
  }

  #begun(runId: string): Begun | undefined {
    const graph = this.#feed.run(runId)?.taskGraph;
    return graph === undefined ? undefined : this.#begunByRun.get(graph)?.get(runId);
  }

  #note(runId: string, graph: TaskGraph, executor: Executor): void {
    const runs = this.#begunByRun.get(graph) ?? new Map<string, Begun>();
    this.#begunByRun.set(graph, runs);
    // Those that are no longer shown cannot be meant.
    for (const known of runs.keys()) if (this.#feed.run(known) === undefined) runs.delete(known);
    runs.set(runId, { executor, options: executor.optionsOf(runId) ?? {} });
  }
}

/**
 * Runs a graph. Whatever comes of the run is told by its events, so that a rejection is none of ours once it has begun.
 *
 * @returns the id of the run, as soon as it has begun
 * @throws what `run()` throws, if it does not begin
 */
async function idOfNextRun(executor: Executor, graph: TaskGraph, options: RunOptions): Promise<string> {
  let onStarted: (record: RunStarted) => void = () => {};
  const begun = new Promise<string>((resolve) => {
    onStarted = ({ runId, taskGraph }) => {
      if (taskGraph === graph) resolve(runId);
    };
  });
  executor.on('run:started', onStarted);
  try {
    const ended = (async () => (await executor.run(graph, options)).runId)();
    return await Promise.race([begun, ended]);
  } finally {
    executor.off('run:started', onStarted);
  }
}

function unknownRun(runId: string): Controlled {
  return {
    status: 404,
    reply: { error: `There is no run ${quoted(runId)}, or none that is still kept. The page shows those that are.` },
  };
}
