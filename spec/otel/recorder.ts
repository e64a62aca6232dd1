import {
  type Attributes,
  context,
  DiagLogLevel,
  diag,
  type HrTime,
  propagation,
  type Span,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { type TaskGraph, TaskGraphBuilder, type TaskSpec } from 'taskmap-ts';
import { Tracing } from 'taskmap-ts/otel';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

/** A tracer whose spans are kept. */
export class Recorder {
  readonly tracer: Tracer;
  /** Spans that have begun. */
  startedCount = 0;
  readonly #exporter = new InMemorySpanExporter();

  constructor() {
    const counter: SpanProcessor = {
      onStart: () => void this.startedCount++,
      onEnd: () => {},
      forceFlush: async () => {},
      shutdown: async () => {},
    };
    const provider = new BasicTracerProvider({ spanProcessors: [counter, new SimpleSpanProcessor(this.#exporter)] });
    this.tracer = provider.getTracer('spec');
  }

  /** Spans that have ended, in that order. */
  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  get names(): readonly string[] {
    return this.spans.map(({ name }) => name);
  }

  span(name: string): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name);
    if (found.length !== 1) throw new Error(`${found.length} spans are named "${name}", of ${this.names.join(', ')}`);
    return found[0]!;
  }

  /** Every span below its parent, by name, in the order in which they began. */
  tree(parentId?: string, indent = ''): string[] {
    const children = this.spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parentId);
    const order = (span: ReadableSpan) => msOf(span.startTime);
    return [...children]
      .sort((a, b) => order(a) - order(b))
      .flatMap((span) => [indent + span.name, ...this.tree(span.spanContext().spanId, `${indent}  `)]);
  }

  /** The names of the spans that a span is linked to. */
  linked(name: string): string[] {
    return this.span(name).links.map(
      ({ context }) => this.spans.find((span) => span.spanContext().spanId === context.spanId)!.name,
    );
  }

  clear(): void {
    this.#exporter.reset();
    this.startedCount = 0;
  }
}

/** What OpenTelemetry complains of: spans that end twice, or are changed after their end, or before their start. */
export const complaints: string[] = [];

/** What a program does to have contexts, as its SDK would; spans are kept by a {@link Recorder}. */
export function registerContexts(): void {
  const complain = (message: string) => void complaints.push(message);
  diag.setLogger(
    { error: complain, warn: complain, info: () => {}, debug: () => {}, verbose: () => {} },
    DiagLogLevel.WARN,
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
}

export let recorder: Recorder;
export let tracing: Tracing;

/** Gives each spec of a file a {@link recorder} and a {@link tracing} of its own. Every span that has begun in it must have ended, and nothing may have been complained of. */
export function recordEachSpec(): void {
  beforeAll(registerContexts);
  afterAll(unregisterContexts);
  beforeEach(() => {
    recorder = new Recorder();
    tracing = new Tracing({ tracer: recorder.tracer });
  });
  afterEach(() => {
    tracing.close();
    expect(complaints.splice(0)).toEqual([]);
    expect(recorder.spans.length).toBe(recorder.startedCount);
  });
}

export function graphOf(...specs: readonly TaskSpec[]): TaskGraph {
  return new TaskGraphBuilder<any>({ name: 'site' }).add(...specs).build() as TaskGraph;
}

export function unregisterContexts(): void {
  context.disable();
  propagation.disable();
  diag.disable();
}

export function msOf([seconds, ns]: HrTime): number {
  return seconds * 1000 + ns / 1_000_000;
}

export function isError({ status }: ReadableSpan): boolean {
  return status.code === SpanStatusCode.ERROR;
}

/** The exceptions that a span has recorded. */
export function exceptionsOf(span: ReadableSpan): Attributes[] {
  return span.events.filter(({ name }) => name === 'exception').map(({ attributes }) => attributes ?? {});
}

export function idOf(span: ReadableSpan | Span): string {
  return span.spanContext().spanId;
}
