import { TaskTimeoutError, UncarriableError } from '../errors.js';
import type { AttemptRecord } from '../events.js';
import { systemClock } from '../executors/clock.js';
import { Emitter } from '../executors/emitter.js';
import { ParallelAsyncExecutor } from '../executors/parallel-async-executor.js';
import { Run, type RunOrder } from '../executors/run.js';
import type { TaskFunction } from '../graph/task.js';
import { claimGraph, type TaskGraph } from '../graph/task-graph.js';
import { TaskGraphBuilder } from '../graph/task-graph-builder.js';
import { type CarriedValues, carriedError } from './carried-values.js';
import { type CarriedValue, type EndedTask, JobEnd, type JobNews, type JobOrder, NEVER } from './job-messages.js';

/** A job with all that it takes to run it. */
export interface RunnableJob {
  readonly jobId: string;
  readonly order: JobOrder;
  readonly ioBound: boolean;
  /** By the places of the order. */
  readonly functions: readonly TaskFunction[];
  readonly values: readonly unknown[];
  readonly signal: AbortSignal;
  /** Hears what is to be told before the job ends. */
  readonly tell: (news: JobNews) => void;
}

/** What is told of the tasks of one job. */
class JobEvents extends Emitter {}

/** Runs jobs as an executor runs graphs: cpu-bound tasks on threads, io-bound ones here. */
export class JobRunner extends ParallelAsyncExecutor {
  /**
   * Starts all threads, and sees that they do start.
   *
   * @throws {@link WorkerStartError}
   */
  override async warmUp(): Promise<void> {
    await super.warmUp();
    await this.run(new TaskGraphBuilder({ name: 'start' }).task('start', () => {}).build());
  }

  /**
   * A run of the tasks of a job, over a graph of them and of their arguments, which are there already.
   *
   * @throws {@link WorkerStartError}
   */
  async runJob(job: RunnableJob, carriedValues: CarriedValues): Promise<EndedTask[]> {
    const { order, signal } = job;
    const graph = graphOf(job);
    const placeByName = new Map(order.tasks.map(({ name }, place) => [name, place]));
    const startedAtMs = new Map<string, number>();
    const ends = new Array<EndedTask | Promise<EndedTask>>(order.tasks.length);
    const end = (record: AttemptRecord, kind: number, tookMs: number, value: CarriedValue | Promise<CarriedValue>) => {
      const beganAtMs = startedAtMs.get(record.task) ?? record.atMs - tookMs;
      const place = placeByName.get(record.task)!;
      if (!(value instanceof Promise)) {
        ends[place] = [kind, beganAtMs, tookMs, value];
        return;
      }
      // A store that fails.
      const notStored = (error: unknown): EndedTask => [JobEnd.threw, beganAtMs, tookMs, carriedError(error)];
      ends[place] = value.then((carried): EndedTask => [kind, beganAtMs, tookMs, carried], notStored);
    };
    const events = new JobEvents();
    events.on('task:started', ({ task, atMs }) => {
      startedAtMs.set(task, atMs);
      job.tell(['started', placeByName.get(task)!, atMs]);
    });
    events.on('task:progress', ({ task, atMs, fraction, note }) =>
      job.tell(['progress', placeByName.get(task)!, atMs, fraction, note ?? null]),
    );
    events.on('task:done', (record) => {
      try {
        end(
          record,
          JobEnd.returned,
          record.durationMs,
          carriedValues.carry(record.result, 'result', `taskmap value ${job.jobId} ${placeByName.get(record.task)}`),
        );
      } catch (error) {
        const part = error instanceof UncarriableError ? error.part : String(error);
        end(record, JobEnd.unsendable, record.durationMs, carriedValues.carry(part, '', ''));
      }
    });
    events.on('task:failed', (record) => {
      const { error, durationMs } = record;
      const timedOut =
        error instanceof TaskTimeoutError &&
        error.task === record.task &&
        order.tasks[placeByName.get(record.task)!]!.timeoutMs !== null;
      end(record, timedOut ? JobEnd.timedOut : JobEnd.threw, durationMs, carriedError(timedOut ? error.cause : error));
    });
    events.on('task:interrupted', (record) => end(record, JobEnd.interrupted, 0, carriedError(record.reason)));

    claimGraph(graph);
    const run = new Run(
      { emitter: events, graceMs: this.graceMs, isAsync: true },
      {
        runId: order.runId,
        graph,
        clock: systemClock,
        slots: this.slots,
        runAttempt: undefined,
        headers: headersIn(order),
        signal,
        onFailure: 'continue',
        selected: undefined,
        // Io-bound tasks all run here.
        placed: job.ioBound ? undefined : this.placing(graph),
        attemptsMade: order.attempt - 1,
      },
    );
    const abort = () => run.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    run.start();
    await run.whenSettled;
    signal.removeEventListener('abort', abort);
    // Threads that do not start: nothing has come of any task, and the queue is to hear why.
    if (!signal.aborted) run.report();
    // What never began has no end yet.
    const interrupted = (): EndedTask => [JobEnd.interrupted, NEVER, 0, carriedError(signal.reason)];
    return Promise.all(Array.from(ends, (one) => one ?? interrupted()));
  }
}

function graphOf({ order, functions, values, ioBound }: RunnableJob): TaskGraph {
  const names = new Set(order.tasks.map(({ name }) => name));
  const inputNames = values.map((_, place) => unlike(names, `argument ${place}`));
  const builder = new TaskGraphBuilder<any>({ name: order.graph });
  for (const name of inputNames) builder.add({ name, run: () => undefined });
  for (const { name, fn, withContext, timeoutMs, inputs } of order.tasks) {
    const dependsOn = inputs.map((input) => inputNames[input]!);
    builder.add({
      name,
      run: functions[fn]!,
      withContext,
      ioBound,
      dependsOn,
      ...(timeoutMs === null ? {} : { timeoutMs }),
    });
  }
  return builder.build({ results: inputNames.map((name, place) => [name, values[place]] as const) }) as TaskGraph;
}

/** What goes along with each task; `undefined` if nothing does with any. */
function headersIn({ tasks }: JobOrder): RunOrder['headers'] {
  if (tasks.every(({ headers }) => headers === null)) return undefined;
  const byName = new Map(tasks.map(({ name, headers }) => [name, headers]));
  return ({ task }) => byName.get(task) ?? undefined;
}

function unlike(names: Set<string>, wish: string): string {
  let name = wish;
  while (names.has(name)) name += ' ';
  names.add(name);
  return name;
}
