import { openGraph } from '../graph/task-graph.js';
import { lanesOf } from './lanes.js';
import { reasonText } from './run-ending.js';
import type { AttemptTiming, RunSnapshot } from './run-timing.js';

const PROCESS = 1;
const NS_PER_MS = 1_000_000;
const NS_PER_US = 1_000;

/** An attempt in whole nanoseconds since its run began: so that what begins where another ends does not overlap with it after rounding. */
interface Slice {
  readonly lane: number;
  readonly fromNs: number;
  readonly toNs: number;
}

/**
 * The run in Chrome's Trace Event Format, which Perfetto and `chrome://tracing` open: a row for each lane, a slice for each attempt, an arrow from the end
 * of each task to the start of those that needed it.
 */
export function chromeTraceOf(run: RunSnapshot): string {
  const events: object[] = [{ ph: 'M', name: 'process_name', pid: PROCESS, tid: 0, ts: 0, args: { name: run.graph } }];
  const sliceByAttempt = new Map<AttemptTiming, Slice>();
  const toNs = (atMs: number) => Math.round((atMs - run.startedAtMs) * NS_PER_MS);
  for (const [index, { name, attempts }] of lanesOf(run.attempts).entries()) {
    // Lane 0 would be taken for the process itself.
    const lane = index + 1;
    events.push({ ph: 'M', name: 'thread_name', pid: PROCESS, tid: lane, ts: 0, args: { name } });
    events.push({ ph: 'M', name: 'thread_sort_index', pid: PROCESS, tid: lane, ts: 0, args: { sort_index: lane } });
    for (const attempt of attempts) {
      const slice = { lane, fromNs: toNs(attempt.startedAtMs), toNs: toNs(attempt.endedAtMs) };
      sliceByAttempt.set(attempt, slice);
      events.push(sliceEvent(attempt, slice));
    }
  }
  pushArrows(events, run, sliceByAttempt);
  const { runId, graph, status, startedAtMs } = run;
  // JSON leaves out a reason that there is not.
  const otherData = { runId, graph, status, reason: reasonText(run), startedAtMs };
  return JSON.stringify({ traceEvents: events, displayTimeUnit: 'ms', otherData });
}

function sliceEvent(
  { task, attempt, ioBound, status, waitedMs }: AttemptTiming,
  { lane, fromNs, toNs }: Slice,
): object {
  return {
    ph: 'X',
    name: task,
    cat: ioBound ? 'io' : 'cpu',
    pid: PROCESS,
    tid: lane,
    ts: fromNs / NS_PER_US,
    dur: (toNs - fromNs) / NS_PER_US,
    args: { attempt, status, waitedMs },
  };
}

function pushArrows(
  events: object[],
  { tasks, taskGraph }: RunSnapshot,
  sliceByAttempt: ReadonlyMap<AttemptTiming, Slice>,
): void {
  const { names, idByName, topology } = openGraph(taskGraph);
  const { starts, ids } = topology.dependencies;
  let arrows = 0;
  for (const { task, attempts } of tasks.values()) {
    const first = attempts[0];
    const id = idByName.get(task);
    if (first === undefined || id === undefined) continue;
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      const last = tasks.get(names[ids[edge]!]!)?.attempts.at(-1);
      if (last === undefined) continue;
      const from = sliceByAttempt.get(last)!;
      const to = sliceByAttempt.get(first)!;
      // An arrow belongs to the slice within which it begins, and a slice does not hold its own end.
      const fromNs = Math.max(Math.min(from.toNs - 1, to.fromNs), from.fromNs);
      const arrow = { name: 'dependency', cat: 'dependency', id: ++arrows, pid: PROCESS };
      events.push({ ph: 's', ...arrow, tid: from.lane, ts: fromNs / NS_PER_US });
      events.push({ ph: 'f', bp: 'e', ...arrow, tid: to.lane, ts: Math.max(to.fromNs, fromNs) / NS_PER_US });
    }
  }
}
