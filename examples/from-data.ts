// Tasks as data: functions and dependencies as two dictionaries, in any order, or a list of specs read from somewhere.
// The dictionaries are checked by the compiler. Of a list nothing is known before build(), which then tells all that is wrong with it, not only
// the first problem.
//
//   bread ─┐
//          ├─► sandwich ─► lunch
//   cheese ┘
//
// npx tsx examples/from-data.ts

import { InvalidGraphError, SyncExecutor, TaskGraphBuilder, type TaskSpec } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'kitchen' })
  .tasks(
    { sandwich: (bread: string, cheese: string) => `${cheese} on ${bread}`, bread: () => 'rye', cheese: () => 'gouda' },
    { sandwich: ['bread', 'cheese'] },
  )
  .task('lunch')
  .dependsOn('sandwich')
  .run((sandwich) => `${sandwich}, and an apple`)
  .build();
new SyncExecutor().run(graph);
console.log(graph.result('lunch'));

const rows: TaskSpec[] = [
  { name: 'bread', run: () => 'rye' },
  { name: 'toast', run: (bread: string) => `toasted ${bread}`, dependsOn: ['braed'] },
  { name: 'bread', run: () => 'wheat', retry: 0 },
];
try {
  new TaskGraphBuilder({ name: 'kitchen' }).add(...rows).build();
} catch (error) {
  if (error instanceof InvalidGraphError) console.log(error.message);
}

// output:
// gouda on rye, and an apple
// Graph "kitchen" has 3 problems:
//   - Expected `retry.attempts` of task "bread" to be an integer of 1 or more, got 0.
//   - Task "bread" is added more than once. Give each task a name of its own.
//   - Task "toast" depends on "braed", which is not in the graph. Did you mean "bread"? Add .task("braed", …) or drop the dependency.
