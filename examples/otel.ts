// Tracing with OpenTelemetry: a span for the run, for each task, and for each attempt; what a task does is traced below its attempt.
// A program has an SDK that sends spans somewhere; here they stay in memory, to be printed as a tree.
//
//   request                        orders ─► bills
//     └─ run, tasks, attempts
//
// npx tsx examples/otel.ts

import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { AsyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { Tracing } from 'taskmap-ts/otel';

// What the SDK of a program does as it starts.
const exporter = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
const tracer = trace.getTracer('shop');

/** Stands for instrumentation of databases, HTTP clients and the like: it knows nothing of tasks. */
const query = (text: string) => tracer.startActiveSpan(text, async (span) => span.end());

let calls = 0;
const graph = new TaskGraphBuilder({ name: 'shop' })
  .task('orders', async () => {
    await query('SELECT orders');
    if (++calls < 2) throw new Error('connection lost');
    return ['tea', 'ink'];
  })
  .retry(2)
  .task('bills')
  .dependsOn('orders')
  .run(async (orders) => {
    await query('SELECT prices');
    return orders.length;
  })
  .build();

const executor = new AsyncExecutor();
new Tracing().listen(executor);
await tracer.startActiveSpan('GET /bills', async (request) => {
  await executor.run(graph);
  request.end();
});

const spans = exporter.getFinishedSpans();
const nameOf = (spanId: string) => spans.find((span) => span.spanContext().spanId === spanId)?.name;
const print = (parentId: string | undefined, indent: string) => {
  for (const span of spans) {
    if (span.parentSpanContext?.spanId !== parentId) continue;
    const links = span.links.map(({ context }) => `, linked to ${nameOf(context.spanId)}`);
    console.log(
      indent +
        span.name +
        links.join('') +
        (span.status.code === SpanStatusCode.ERROR ? `: ${span.status.message}` : ''),
    );
    print(span.spanContext().spanId, `${indent}  `);
  }
};
print(undefined, '');

// output:
// GET /bills
//   run shop
//     task orders
//       attempt 1 of orders: Error: connection lost
//         SELECT orders
//       attempt 2 of orders
//         SELECT orders
//     task bills, linked to task orders
//       attempt 1 of bills
//         SELECT prices
