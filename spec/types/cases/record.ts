// The dictionary form: functions and dependencies by name, in any order.
import { type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { same } from './support.js';

const graph = new TaskGraphBuilder()
  .tasks(
    {
      c: (a: number, b: number) => a + b,
      b: (a: number) => a + 10,
      a: () => 5,
      log: (c: number) => console.log(c),
      page: async () => ({ text: 'x', links: ['/'] }),
      words: ({ text }: { text: string }, n?: number) => [text, n],
      sum: (...terms: number[]) => terms.length,
      free: (n = 1) => n,
    },
    { c: ['a', 'b'], b: ['a'], log: ['c'], words: ['page'], sum: ['a', 'b', 'c'] },
    { ioBound: ['page', 'log'] },
  )
  .build();
same<
  typeof graph,
  TaskGraph<{
    c: (a: number, b: number) => number;
    b: (a: number) => number;
    a: () => number;
    log: (c: number) => void;
    page: () => Promise<{ text: string; links: string[] }>;
    words: ({ text }: { text: string }, n?: number) => (string | number | undefined)[];
    sum: (...terms: number[]) => number;
    free: (n?: number) => number;
  }>
>();
same<ReturnType<typeof graph.result<'page'>>, { text: string; links: string[] }>();

// It mixes with the other forms: names of the chain, handles, declared names, further tasks.
const builder = new TaskGraphBuilder<{ later(): string }>();
const seed = builder.task('seed', () => 2);
const mixed = builder
  .tasks(
    { twice: (n: number) => n * 2, shout: (text: string) => text.toUpperCase() },
    { twice: [seed], shout: ['later'] },
  )
  .tasks({ thrice: (n: number) => n * 3 }, { thrice: ['twice'] })
  .task('later')
  .dependsOn('thrice')
  .run((n) => {
    same<typeof n, number>();
    return String(n);
  })
  .build();
same<ReturnType<typeof mixed.result<'shout'>>, string>();

// What was written elsewhere.
const functions = { left: () => 1, right: () => 'x', both: (n: number, s: string) => s.repeat(n) };
const dependencies = { both: ['left', 'right'] } as const;
const elsewhere = new TaskGraphBuilder().tasks(functions, dependencies, { ioBound: undefined }).build();
same<ReturnType<typeof elsewhere.result<'both'>>, string>();
