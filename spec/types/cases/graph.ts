// What a graph tells, and what may be changed in it.
import { type Outcome, TaskGraphBuilder, type TaskStatus } from 'taskmap-ts';
import { same } from './support.js';

const builder = new TaskGraphBuilder()
  .task('a', () => 1)
  .task('s')
  .dependsOn('a')
  .run(async (n) => String(n))
  .task('nothing', () => {})
  .task('maybe', () => 1 as number | undefined);
const graph = builder.build();
type Name = 'a' | 's' | 'nothing' | 'maybe';

same<ReturnType<typeof graph.names>, Name[]>();
same<ReturnType<typeof graph.ready>, Name[]>();
same<ReturnType<typeof graph.descendants>, Name[]>();
same<ReturnType<typeof graph.failures>, Map<Name, unknown>>();
same<ReturnType<typeof graph.failure>, unknown>();
same<ReturnType<typeof graph.status>, TaskStatus>();
same<
  typeof graph.results,
  { readonly a?: number; readonly s?: string; readonly nothing?: void; readonly maybe?: number | undefined }
>();

// has() tells the compiler that a string is a name.
declare const text: string;
if (graph.has(text)) same<typeof text, Name>();

// An outcome is told apart by its status.
const outcome = graph.outcome('s');
same<typeof outcome, Outcome<string>>();
switch (outcome.status) {
  case 'pending':
  case 'running':
    break;
  case 'done':
    same<typeof outcome.result, string>();
    break;
  case 'failed':
    same<typeof outcome.error, unknown>();
    same<typeof outcome.attempts, number>();
    break;
  case 'skipped':
    same<typeof outcome.because, string>();
    break;
  default:
    outcome satisfies never;
}

// Changes carry on the chain and keep the type.
const changed = graph
  .reset('a', 's')
  .resetAll()
  .resetFailed()
  .markDone('a', 2)
  .markDone('s', 'cached')
  .markDone('nothing')
  .markDone('maybe')
  .markDone('maybe', 3)
  .markDone('s', 'cached', { save: true })
  .markDone('nothing', undefined, { save: true })
  .markDoneExcept('s')
  .replace('a', () => 2)
  .replace('s', (n) => `n ${n.toFixed()}`)
  .replace('s', async (n: number | string) => `n ${n}`)
  .replace('s', () => 'takes none')
  .throwIfFailed();
same<typeof changed, typeof graph>();

// What is known comes back in every shape.
builder.build({ done: ['a'], results: { s: 'x' } });
builder.build({ done: new Set(['a']), results: new Map([['s', 'x']]) });
builder.build({ results: [['s', 'x']], done: undefined });
builder.build(graph.toJSON());
builder.build(JSON.parse(JSON.stringify(graph)));
