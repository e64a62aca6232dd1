import { context, type Tracer, trace } from '@opentelemetry/api';
import { InvalidOptionError } from '../errors.js';
import { systemClock } from '../executors/clock.js';
import type { Middleware } from '../executors/middleware.js';
import { type EventListeners, type Observed, Observer } from '../observe/observer.js';
import { TracedRun } from './traced-run.js';

/** How runs are traced. */
export interface TracingOptions {
  /** Makes the spans. Default: the tracer named `taskmap-ts` of the provider that is registered when a run begins. */
  readonly tracer?: Tracer | undefined;
  /**
   * Whether each attempt has a span of its own, within that of its task. Without them there are half as many spans; what attempts threw stands in the span
   * of their task then, and that is the active one inside of tasks. Default true.
   */
  readonly attempts?: boolean | undefined;
}

/** An executor, as far as tracing needs to know it. */
interface Extendable extends Observed {
  use(middleware: Middleware): () => void;
}

const TRACER_NAME = 'taskmap-ts';

/**
 * Traces runs with [OpenTelemetry](https://opentelemetry.io): a span for each run, each task and each attempt. Inside of a task its attempt is the active
 * span, so that spans that the task begins, or that instrumentation of HTTP clients and databases begins for it, are below it; on worker threads it is the
 * task's. A run begun inside of a task is below that task, and any other below the span that was active where `run()` was called.
 *
 * It needs `@opentelemetry/api`, and an SDK that the program sets up as for any other library. Without an SDK nothing is traced, at next to no cost.
 * Results never stand in spans.
 *
 * A run that had begun before it was listened to is left out. Closing ends all spans that are open.
 *
 * @example
 * import { SpanStatusCode } from '@opentelemetry/api';
 * import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
 * import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
 * import { Tracing } from 'taskmap-ts/otel';
 *
 * const exporter = new InMemorySpanExporter();
 * const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
 * const executor = new SyncExecutor();
 * const tracing = new Tracing({ tracer: provider.getTracer('shop') }).listen(executor);
 * const fails = (): number => { throw new RangeError('no rows'); };
 * executor.run(new TaskGraphBuilder({ name: 'site' }).task('rows', fails).task('page').dependsOn('rows').run((rows) => rows).build());
 * tracing.close();
 *
 * const spans = exporter.getFinishedSpans();
 * spans.map(({ name }) => name); // => ['attempt 1 of rows', 'task rows', 'task page', 'run site']
 * spans[1]?.status; // => { code: SpanStatusCode.ERROR, message: 'RangeError: no rows' }
 * spans[2]?.attributes['taskmap.status']; // => 'skipped'
 */
export class Tracing extends Observer {
  readonly #tracer: Tracer | undefined;
  readonly #attempts: boolean;
  /** The runs that are under way and traced. */
  readonly #runs = new Map<string, TracedRun>();
  /** What takes each executor's middleware away again. */
  readonly #leave = new Map<Observed, () => void>();
  readonly #middleware: Middleware = {
    around: (attempt, call) => {
      const run = this.#runs.get(attempt.runId);
      return run === undefined ? call() : context.with(run.contextFor(attempt), call);
    },
    headers: (attempt) => this.#runs.get(attempt.runId)?.headersFor(attempt),
  };
  protected override readonly listeners: EventListeners = {
    'run:started': (record) => {
      // Told in the stack of whoever called run(), or in what that goes on with.
      const run = new TracedRun(this.#tracer ?? trace.getTracer(TRACER_NAME), record, context.active(), this.#attempts);
      if (run.isTraced) this.#runs.set(record.runId, run);
    },
    'task:started': (record) => this.#runs.get(record.runId)?.started(record),
    'task:progress': (record) => this.#runs.get(record.runId)?.progressed(record),
    'task:retrying': (record) => this.#runs.get(record.runId)?.retrying(record),
    'task:interrupted': (record) => this.#runs.get(record.runId)?.interrupted(record),
    'task:done': (record) => this.#runs.get(record.runId)?.done(record),
    'task:failed': (record) => this.#runs.get(record.runId)?.failed(record),
    'task:skipped': (record) => this.#runs.get(record.runId)?.skipped(record),
    'run:finished': (record) => {
      const run = this.#runs.get(record.runId);
      this.#runs.delete(record.runId);
      run?.finished(record);
    },
  };

  /** @throws `InvalidOptionError` */
  constructor({ tracer, attempts = true }: TracingOptions = {}) {
    super();
    if (tracer !== undefined && typeof tracer?.startSpan !== 'function') {
      throw new InvalidOptionError('tracer', 'a tracer, as trace.getTracer() of @opentelemetry/api gives it', tracer);
    }
    if (typeof attempts !== 'boolean') throw new InvalidOptionError('attempts', 'true or false', attempts);
    this.#tracer = tracer;
    this.#attempts = attempts;
  }

  /**
   * Traces the runs of this executor that begin from now on. Of what is no executor but tells of runs by the same events, there are spans too, but they are not
   * active inside of tasks.
   */
  override listen(executor: Observed): this {
    super.listen(executor);
    if (isExtendable(executor) && !this.#leave.has(executor)) this.#leave.set(executor, executor.use(this.#middleware));
    return this;
  }

  /** Traces nothing any more, and ends the spans of runs that are under way. */
  override close(): void {
    super.close();
    for (const leave of this.#leave.values()) leave();
    this.#leave.clear();
    const runs = [...this.#runs.values()];
    this.#runs.clear();
    for (const run of runs) run.close(systemClock.now());
  }
}

function isExtendable(executor: Observed): executor is Extendable {
  return typeof (executor as Partial<Extendable>).use === 'function';
}
