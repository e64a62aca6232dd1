// Order without results: .after(…) waits for a task and takes nothing from it; .dependsOn(…) waits and takes its result.
// A task that returns nothing passes nothing either: `undefined` is left out of the arguments.
// A failed task stops those behind an .after(…) as well.
//
//   clean ┄┄► compile ─┬──────────► pack          ┄┄► order only
//                      └┄┄► test ┄┄┄↑
//
// npx tsx examples/order-only.ts

import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';

const graph = new TaskGraphBuilder({ name: 'build' })
  .task('clean', () => console.log('clean: the folder is empty'))
  .task('compile', () => ['index.js', 'index.d.ts'])
  .after('clean')
  .task('test', (...args: unknown[]) => console.log(`test: given ${args.length} arguments`))
  .after('compile')
  .task('pack')
  .dependsOn('compile')
  .after('test')
  .run((files) => `packed ${files.join(' and ')}`)
  .build();

new SyncExecutor().run(graph);
console.log(`pack: ${graph.result('pack')}`);
console.log(`pack waits for ${graph.dependencies('pack').join(', ')}`);

// output:
// clean: the folder is empty
// test: given 0 arguments
// pack: packed index.js and index.d.ts
// pack waits for compile, test
