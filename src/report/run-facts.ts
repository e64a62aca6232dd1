import type { Outcome } from '../graph/outcome.js';
import { type OpenGraph, openGraph, type TaskGraph } from '../graph/task-graph.js';
import type { TaskMeta } from '../graph/task-meta.js';
import { type MeasuredPath, measuredPath } from '../observe/critical-path.js';
import type { AttemptTiming, RunSnapshot, TaskTiming } from '../observe/run-timing.js';
import { runsOf, type ThreadShare, type Timeline, type TimelineSummary } from '../observe/timeline.js';
import type { PageStatus } from '../page/style.js';

/** What a report tells of a task. Other tasks are meant by their ids, which are their places in the graph. */
export interface TaskFacts {
  readonly id: number;
  readonly name: string;
  readonly meta: TaskMeta | undefined;
  readonly status: PageStatus;
  /** How its attempts went; empty if it was not run. */
  readonly attempts: readonly AttemptTiming[];
  readonly timing: TaskTiming | undefined;
  /** What it waited for, and what ended last stands first. */
  readonly dependencies: readonly number[];
  readonly ending: Ending;
}

/** What came of a task. */
export type Ending =
  | { readonly kind: 'result'; readonly result: unknown; readonly from: 'run' | 'given' | 'store' | 'graph' | 'before' }
  /** It is done, but what it returned is not known any more: the graph has been run again. */
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'error'; readonly error: unknown; readonly attemptCount: number }
  | { readonly kind: 'skipped'; readonly because: number | undefined }
  | { readonly kind: 'open' };

/** What a report tells of a run. */
export interface RunFacts {
  readonly run: RunSnapshot;
  readonly summary: TimelineSummary;
  readonly path: MeasuredPath;
  readonly threads: readonly ThreadShare[];
  /** In the order in which they were declared. */
  readonly tasks: readonly TaskFacts[];
  readonly countByStatus: ReadonlyMap<PageStatus, number>;
  /** The graph has been run again since, so some results of this run are gone. */
  readonly ranAgain: boolean;
}

/** @param runId - a run that the timeline knows */
export function runFactsOf(timeline: Timeline, runId: string, workers: number | undefined): RunFacts {
  const run = runsOf(timeline).get(runId)!.snapshot();
  const graph = openGraph(run.taskGraph);
  const later = heardLater(timeline, run);
  const tasks = graph.names.map((name, id) => taskFactsOf(id, name, { run, graph, later }));
  const countByStatus = new Map<PageStatus, number>();
  for (const { status } of tasks) countByStatus.set(status, (countByStatus.get(status) ?? 0) + 1);
  return {
    run,
    summary: timeline.summary({ runId, workers })!,
    path: measuredPath(run),
    threads: timeline.threads({ runId }),
    tasks,
    countByStatus,
    ranAgain: later.size > 0,
  };
}

interface Known {
  readonly run: RunSnapshot;
  readonly graph: OpenGraph;
  /** The tasks that a later run told something of: what the graph knows of them is no longer what it knew after this run. */
  readonly later: ReadonlySet<string>;
}

function heardLater(timeline: Timeline, { runId, taskGraph }: RunSnapshot): Set<string> {
  const runs = [...runsOf(timeline).values()];
  const later = runs
    .slice(runs.findIndex((run) => run.runId === runId) + 1)
    .filter((run) => run.taskGraph === taskGraph);
  return new Set(later.flatMap((run) => [...run.snapshot().tasks.keys()]));
}

function taskFactsOf(id: number, name: string, known: Known): TaskFacts {
  const timing = known.run.tasks.get(name);
  const outcome = known.later.has(name) ? undefined : outcomeOf(known.run.taskGraph, name);
  const attempts = timing?.attempts ?? [];
  const status = timing === undefined ? unheardStatus(outcome) : heardStatus(timing, known.run);
  return {
    id,
    name,
    meta: known.graph.settings[id]!.meta,
    status,
    attempts,
    timing,
    dependencies: dependenciesOf(id, known),
    ending: endingOf(status, attempts, outcome, known),
  };
}

function outcomeOf(graph: TaskGraph, name: string): Outcome {
  return graph.outcome(name);
}

/** Nothing was told of it: it had to wait, or all had been known of it before. */
function unheardStatus(outcome: Outcome | undefined): PageStatus {
  if (outcome === undefined || outcome.status === 'running') return 'pending';
  return outcome.status === 'done' ? 'kept' : outcome.status;
}

function heardStatus({ status, attempts }: TaskTiming, run: RunSnapshot): PageStatus {
  const isUnderWay = run.status === 'running';
  const last = attempts.at(-1)?.status;
  if (status === 'done') return attempts.length === 0 ? 'kept' : 'done';
  if (status === 'running') return isUnderWay ? 'running' : 'interrupted';
  if (status !== 'pending') return status;
  if (last === 'retried' && isUnderWay) return 'delayed';
  if (last !== undefined && !isUnderWay) return 'interrupted';
  return isUnderWay ? 'ready' : 'pending';
}

function endingOf(
  status: PageStatus,
  attempts: readonly AttemptTiming[],
  outcome: Outcome | undefined,
  { graph }: Known,
): Ending {
  const last = attempts.at(-1);
  switch (status) {
    case 'done':
    case 'kept':
      if (outcome?.status !== 'done') return { kind: 'forgotten' };
      return {
        kind: 'result',
        get result() {
          return outcome.result;
        },
        from: status === 'kept' && outcome.source === 'run' ? 'before' : outcome.source,
      };
    case 'failed':
      if (last?.status === 'failed') return { kind: 'error', error: last.error, attemptCount: attempts.length };
      return outcome?.status === 'failed'
        ? { kind: 'error', error: outcome.error, attemptCount: outcome.attempts }
        : { kind: 'forgotten' };
    case 'skipped':
      return {
        kind: 'skipped',
        because: outcome?.status === 'skipped' ? graph.idByName.get(outcome.because) : undefined,
      };
    default:
      return { kind: 'open' };
  }
}

function dependenciesOf(id: number, { run, graph }: Known): number[] {
  const { starts, ids } = graph.topology.dependencies;
  const endedAtMs = (dependency: number) => run.tasks.get(graph.names[dependency]!)?.attempts.at(-1)?.endedAtMs ?? 0;
  return [...ids.subarray(starts[id], starts[id + 1])].sort((a, b) => endedAtMs(b) - endedAtMs(a));
}
