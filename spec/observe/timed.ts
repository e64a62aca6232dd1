import {
  AsyncExecutor,
  type AsyncExecutorOptions,
  type Executor,
  type TaskContext,
  type TaskGraph,
  TaskGraphBuilder,
  type TaskSpec,
  Timeline,
} from 'taskmap-ts';
import { FakeClock } from '../support/fake-clock.js';

/** When the clock of a spec begins. */
export const ORIGIN_MS = 1_000_000;

/** A task that takes a while, as a clock tells it. Its first attempts fail, if so many are given. */
export interface TimedSpec extends Omit<TaskSpec, 'run'> {
  readonly takesMs: number;
  readonly failures?: number;
}

/** Tasks that take the time of a clock, and the executor that runs them by it. */
export class Timed {
  readonly clock: FakeClock = new FakeClock(ORIGIN_MS);
  readonly executor: Executor;
  readonly graph: TaskGraph;

  constructor(specs: readonly TimedSpec[], options: AsyncExecutorOptions = {}) {
    this.executor = new AsyncExecutor({ clock: this.clock, ...options });
    this.graph = this.graphOf(specs);
  }

  graphOf(specs: readonly TimedSpec[], name = 'timed'): TaskGraph {
    const builder = new TaskGraphBuilder<any>({ name });
    for (const { takesMs, failures = 0, ...spec } of specs) {
      let calls = 0;
      const run = async (context: unknown) => {
        calls++;
        // Whoever looks at the signal is interrupted by an abort; others are waited for.
        if (spec.withContext) void (context as TaskContext).signal;
        await new Promise<void>((resolve) => this.clock.after(takesMs, resolve));
        if (calls <= failures) throw new Error(`call ${calls} fails`);
        return spec.name;
      };
      builder.add({ ...spec, run });
    }
    return builder.build() as TaskGraph;
  }

  /** Runs the graph to its end, a step of time after another. */
  async run(graph: TaskGraph = this.graph): Promise<void> {
    let ended = false;
    const run = Promise.resolve(this.executor.run(graph)).finally(() => {
      ended = true;
    });
    run.catch(() => {});
    while (!ended) await this.clock.advance(1);
    await run;
  }
}

/** What a timeline saw of a run of these tasks. */
export async function timelineOf(specs: readonly TimedSpec[], options?: AsyncExecutorOptions): Promise<Timeline> {
  const timed = new Timed(specs, options);
  const timeline = new Timeline().listen(timed.executor);
  await timed.run();
  return timeline;
}
