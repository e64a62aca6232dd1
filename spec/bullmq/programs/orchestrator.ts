import { BullMQExecutor } from '../../../src/bullmq/bullmq.js';
import { type GraphOrder, graphOfTexts } from '../graphs.js';

/*
 * Runs a graph in a process of its own. It is given the graph and how to run it as JSON, and says what becomes of it line by line:
 *
 *   done "a"    failed "b"    result {…}    error "QueueError: …"
 *
 * Nothing ends it: it does, once nothing of the run is left.
 */
const order: GraphOrder = JSON.parse(process.argv[2]!);
const say = (what: string, value: unknown) => console.log(`${what} ${JSON.stringify(value)}`);
const executor = new BullMQExecutor(order.executor);
const graph = graphOfTexts(order.tasks);
executor.on('task:done', ({ task }) => say('done', task));
executor.on('task:failed', ({ task }) => say('failed', task));
try {
  await executor.run(graph);
} catch (error) {
  say('error', String(error));
}
say('result', {
  counts: graph.counts(),
  last: graph.has('last') && graph.status('last') === 'done' ? graph.result('last') : null,
});
