import {
  type Attributes,
  type Context,
  isSpanContextValid,
  type Link,
  propagation,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { quoted } from '../errors.js';
import type {
  AttemptRecord,
  RunFinished,
  RunStarted,
  TaskDone,
  TaskFailed,
  TaskInterrupted,
  TaskProgressed,
  TaskRecord,
  TaskRetrying,
  TaskSkipped,
  TaskStarted,
} from '../events.js';
import { type OpenGraph, openGraph } from '../graph/task-graph.js';
import { ENDING_WORDS } from '../observe/run-ending.js';
import { type FailureText, failureText, hrTimeOf, spanName, spanText } from './span-texts.js';

/** An attempt that is under way. */
interface OpenAttempt {
  readonly attempt: number;
  readonly startedAtMs: number;
  readonly isElsewhere: boolean;
  /** `undefined` if attempts have no spans of their own. */
  readonly span: Span | undefined;
  /** The context in which its span is active, once it has been asked for. */
  context: Context | undefined;
  /** What it said last of its progress, as far as that was put down, and how often. */
  fraction: number;
  note: string | undefined;
  told: number;
}

/** A task whose span has not ended. */
interface OpenTask {
  readonly span: Span;
  /** The context in which the span is active. */
  readonly context: Context;
  readonly startedAtMs: number;
  attempt: OpenAttempt | undefined;
  /** Since when nothing of it has been running, in milliseconds since 1970. If it is never taken up again, its span ends there. */
  idleSinceMs: number;
}

/** An attempt's progress is put down when it has moved by so much, or says something else. */
const PROGRESS_STEP = 0.1;
/** But no more often than this for one attempt. */
const PROGRESS_EVENTS_MAX = 32;

/**
 * The spans of one run.
 *
 * ```
 *   run site ├──────────────────────────────────┤
 *     task fetch ├───────────┤
 *       attempt 1 of fetch ├─┤                     failed
 *       attempt 2 of fetch      ├──┤
 *     task parse              ┌► ├────────────┤    linked to fetch
 *       attempt 1 of parse       ├────────────┤
 * ```
 *
 * What it holds of a task that has ended is the link to its span, which the spans of dependents begin with.
 */
export class TracedRun {
  /** Somebody may want to have its spans. If not, nothing need be told of it. */
  readonly isTraced: boolean;
  readonly #tracer: Tracer;
  readonly #withAttempts: boolean;
  readonly #span: Span;
  /** The context in which the run's span is active: all else of it is that of whoever called `run()`. */
  readonly #context: Context;
  readonly #graph: OpenGraph;
  /** What every task's span says of its run. */
  readonly #ofRun: Attributes;
  readonly #startedAtMs: number;
  readonly #links = new Map<string, Link>();
  readonly #tasks = new Map<string, OpenTask>();

  /** @param parent - the context that was active where `run()` was called */
  constructor(
    tracer: Tracer,
    { runId, graph, taskCount, taskGraph, atMs }: RunStarted,
    parent: Context,
    withAttempts: boolean,
  ) {
    this.#tracer = tracer;
    this.#withAttempts = withAttempts;
    this.#startedAtMs = atMs;
    this.#graph = openGraph(taskGraph);
    this.#ofRun = { 'taskmap.graph': spanText(graph), 'taskmap.run.id': runId };
    const attributes = { ...this.#ofRun, 'taskmap.task_count': taskCount };
    this.#span = tracer.startSpan(`run ${spanName(graph)}`, { startTime: hrTimeOf(atMs), attributes }, parent);
    this.#context = trace.setSpan(parent, this.#span);
    this.isTraced = this.#span.isRecording() || isNew(this.#span, parent);
  }

  // What is active inside of an attempt.

  /** The context for the function of an attempt: that of its span, or the nearest there is. */
  contextFor({ task, attempt: number }: Pick<AttemptRecord, 'task' | 'attempt'>): Context {
    const open = this.#tasks.get(task);
    const attempt = open?.attempt;
    if (attempt?.span === undefined || attempt.attempt !== number) return open?.context ?? this.#context;
    attempt.context ??= trace.setSpan(this.#context, attempt.span);
    return attempt.context;
  }

  /** What tells another thread or process of that context. An attempt that is being sent has not begun: there it is that of its task. */
  headersFor(record: AttemptRecord): Readonly<Record<string, string>> | undefined {
    if (!this.#tasks.has(record.task)) {
      // Whoever asks after the end of a task is too late.
      if (this.#links.has(record.task)) return undefined;
      this.#begin(record);
    }
    const headers: Record<string, string> = {};
    propagation.inject(this.contextFor(record), headers);
    return Object.keys(headers).length === 0 ? undefined : headers;
  }

  // What is told of the run.

  started({ task, attempt, thread, atMs }: TaskStarted): void {
    const open = this.#tasks.get(task) ?? this.#begin({ task, atMs });
    // One that came back from a thread without a word.
    this.#endAttempt(open, 'interrupted', atMs);
    // Each thread has a clock of its own.
    const startedAtMs = Math.max(atMs, open.startedAtMs);
    let span: Span | undefined;
    if (this.#withAttempts) {
      const attributes = {
        'taskmap.task': spanText(task),
        'taskmap.attempt': attempt,
        'taskmap.thread': spanText(String(thread)),
      };
      const name = `attempt ${attempt} of ${spanName(task)}`;
      span = this.#tracer.startSpan(name, { startTime: hrTimeOf(startedAtMs), attributes }, open.context);
    } else {
      open.span.setAttribute('taskmap.thread', spanText(String(thread)));
    }
    const isElsewhere = thread !== 'main';
    open.attempt = {
      attempt,
      startedAtMs,
      isElsewhere,
      span,
      context: undefined,
      fraction: 0,
      note: undefined,
      told: 0,
    };
  }

  progressed({ task, fraction, note, atMs }: TaskProgressed): void {
    const open = this.#tasks.get(task);
    const attempt = open?.attempt;
    if (open === undefined || attempt === undefined || attempt.told >= PROGRESS_EVENTS_MAX) return;
    // What is moved in steps of a tenth comes to a little less than a tenth now and then.
    const hasMoved =
      Math.abs(fraction - attempt.fraction) > PROGRESS_STEP - Number.EPSILON ||
      (fraction === 1 && attempt.fraction < 1);
    if (attempt.told > 0 && !hasMoved && note === attempt.note) return;
    attempt.told++;
    attempt.fraction = fraction;
    attempt.note = note;
    const attributes = {
      'taskmap.fraction': fraction,
      ...(note === undefined ? {} : { 'taskmap.note': spanText(String(note)) }),
    };
    (attempt.span ?? open.span).addEvent('taskmap.progress', attributes, hrTimeOf(atMs));
  }

  retrying({ task, attempt, error, delayMs, atMs }: TaskRetrying): void {
    const open = this.#tasks.get(task);
    if (open === undefined) return;
    const failure = failureText(error);
    if (!this.#withAttempts) open.span.recordException(failure.exception, hrTimeOf(atMs));
    this.#endAttempt(open, 'retried', atMs, failure);
    const attributes = { 'taskmap.attempt': attempt, 'taskmap.delay_ms': delayMs, 'error.type': failure.type };
    open.span.addEvent('taskmap.retry', attributes, hrTimeOf(atMs));
  }

  interrupted({ task, attempt, reason, atMs }: TaskInterrupted): void {
    const open = this.#tasks.get(task);
    if (open === undefined) return;
    this.#endAttempt(open, 'interrupted', atMs);
    const attributes = { 'taskmap.attempt': attempt, 'taskmap.reason': failureText(reason).summary };
    open.span.addEvent('taskmap.interrupted', attributes, hrTimeOf(atMs));
  }

  done(record: TaskDone): void {
    const { task, attempt, source } = record;
    const open = this.#tasks.get(task) ?? this.#begin(record);
    const endedAtMs = endOf(open, record);
    this.#endAttempt(open, 'done', endedAtMs);
    this.#end(task, open, endedAtMs, {
      'taskmap.status': 'done',
      'taskmap.source': source,
      'taskmap.attempt_count': attempt,
    });
  }

  failed(record: TaskFailed): void {
    const { task, attempt, error, source } = record;
    const open = this.#tasks.get(task) ?? this.#begin(record);
    const endedAtMs = endOf(open, record);
    const failure = failureText(error);
    this.#endAttempt(open, 'failed', endedAtMs, failure);
    blame(open.span, failure, endedAtMs);
    this.#end(task, open, endedAtMs, {
      'taskmap.status': 'failed',
      'taskmap.source': source,
      'taskmap.attempt_count': attempt,
    });
  }

  skipped(record: TaskSkipped): void {
    const { task, because, atMs } = record;
    const open = this.#tasks.get(task) ?? this.#begin(record);
    this.#end(task, open, atMs, { 'taskmap.status': 'skipped', 'taskmap.because': spanText(because) });
  }

  finished({ status, reason, attemptCount, counts, failures, atMs }: RunFinished): void {
    // What was interrupted, or sent to a thread and never begun.
    for (const [task, open] of this.#tasks) {
      this.#endAttempt(open, 'interrupted', atMs);
      this.#end(task, open, open.idleSinceMs, { 'taskmap.status': 'pending' });
    }
    this.#span.setAttributes({
      'taskmap.status': status,
      'taskmap.attempt_count': attemptCount,
      'taskmap.done_count': counts.done,
      'taskmap.failed_count': counts.failed,
      'taskmap.skipped_count': counts.skipped,
      'taskmap.pending_count': counts.pending,
    });
    const ended = reason === undefined ? undefined : failureText(reason);
    if (ended !== undefined) this.#span.setAttribute('taskmap.reason', ended.summary);
    const [first, ...others] = failures;
    if (status === 'broken' && ended !== undefined) {
      blame(this.#span, ended, atMs);
    } else if (first !== undefined) {
      const [task, error] = first;
      const more = others.length === 0 ? '' : `, and ${others.length} more`;
      const message = `${spanText(quoted(task))} failed: ${failureText(error).summary}${more}`;
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
    } else if (status !== 'finished') {
      const message = ended === undefined ? ENDING_WORDS[status] : `${ENDING_WORDS[status]}: ${ended.summary}`;
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    this.#span.end(hrTimeOf(atMs));
  }

  /** Nothing more will be told: what is open ends here. */
  close(atMs: number): void {
    for (const { span, startedAtMs, attempt } of this.#tasks.values()) {
      attempt?.span?.end(hrTimeOf(Math.max(atMs, attempt.startedAtMs)));
      span.end(hrTimeOf(Math.max(atMs, startedAtMs)));
    }
    this.#tasks.clear();
    const endedAt = hrTimeOf(Math.max(atMs, this.#startedAtMs));
    this.#span.addEvent('taskmap.tracing_closed', undefined, endedAt);
    this.#span.end(endedAt);
  }

  #begin({ task, atMs }: Pick<TaskRecord, 'task' | 'atMs'>): OpenTask {
    const { names, idByName, settings, topology } = this.#graph;
    const id = idByName.get(task)!;
    const { starts, ids } = topology.dependencies;
    const links: Link[] = [];
    for (let edge = starts[id]!; edge < starts[id + 1]!; edge++) {
      // One that was done before the run has no span in it.
      const link = this.#links.get(names[ids[edge]!]!);
      if (link !== undefined) links.push(link);
    }
    const text = spanText(task);
    const attributes = { ...this.#ofRun, 'taskmap.task': text, 'taskmap.io_bound': settings[id]!.ioBound };
    const options = { startTime: hrTimeOf(atMs), attributes, links };
    const span = this.#tracer.startSpan(`task ${spanName(task)}`, options, this.#context);
    this.#links.set(task, { context: span.spanContext(), attributes: { 'taskmap.task': text } });
    const open: OpenTask = {
      span,
      context: trace.setSpan(this.#context, span),
      startedAtMs: atMs,
      attempt: undefined,
      idleSinceMs: atMs,
    };
    this.#tasks.set(task, open);
    return open;
  }

  #endAttempt(
    open: OpenTask,
    status: 'done' | 'failed' | 'retried' | 'interrupted',
    atMs: number,
    failure?: FailureText,
  ): void {
    const { attempt } = open;
    // One may end of which no start was told: its arguments could not be sent, for example.
    if (attempt === undefined) return;
    open.attempt = undefined;
    open.idleSinceMs = Math.max(atMs, attempt.startedAtMs);
    const { span } = attempt;
    if (span === undefined) return;
    if (failure !== undefined) blame(span, failure, open.idleSinceMs);
    span.setAttribute('taskmap.status', status);
    span.end(hrTimeOf(open.idleSinceMs));
  }

  #end(task: string, { span, startedAtMs }: OpenTask, atMs: number, attributes: Attributes): void {
    this.#tasks.delete(task);
    span.setAttributes(attributes);
    span.end(hrTimeOf(Math.max(atMs, startedAtMs)));
  }
}

/** Without an SDK no span is new: it is that of the parent, or one that nobody can refer to. */
function isNew(span: Span, parent: Context): boolean {
  const spanContext = span.spanContext();
  return isSpanContextValid(spanContext) && spanContext.spanId !== trace.getSpanContext(parent)?.spanId;
}

/** A thread tells of an end some time after it, and says how long the attempt took. */
function endOf({ attempt }: OpenTask, { atMs, durationMs }: TaskDone | TaskFailed): number {
  return attempt?.isElsewhere ? Math.min(attempt.startedAtMs + durationMs, atMs) : atMs;
}

function blame(span: Span, { type, summary, exception }: FailureText, atMs: number): void {
  span.recordException(exception, hrTimeOf(atMs));
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: summary });
}
