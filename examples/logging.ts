// An executor of one's own: runAttempt is the one place to override. It decides where and how an attempt runs; the order of things,
// retries, timeouts and events stay as they are.
// This one prints each call as it looks in code, with what came of it.
//
//   two ─┬─► square ─┬─► half
//        └───────────┘
//
// npx tsx examples/logging.ts

import { AsyncExecutor, type Attempt, TaskGraphBuilder } from 'taskmap-ts';

class LoggingExecutor extends AsyncExecutor {
  protected override async runAttempt({ task, args, invoke }: Attempt): Promise<unknown> {
    const call = `${task.name}(${args.join(', ')})`;
    try {
      const result = await invoke();
      console.log(`${call} = ${result}`);
      return result;
    } catch (error) {
      console.log(`${call} throws ${error}`);
      throw error;
    }
  }
}

const graph = new TaskGraphBuilder({ name: 'sums' })
  .task('two', () => 2)
  .task('square')
  .dependsOn('two')
  .run(async (two) => two ** 2)
  .task('half')
  .dependsOn('square', 'two')
  .run((square, two): number => {
    if (square > two) throw new RangeError(`${square} is too large`);
    return square / two;
  })
  .build();
await new LoggingExecutor().run(graph);

// output:
// two() = 2
// square(2) = 4
// half(4, 2) throws RangeError: 4 is too large
