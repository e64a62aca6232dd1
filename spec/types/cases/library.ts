// What a library exports is printed into its declarations; `consumers` reads them.
import { AsyncExecutor, type Attempt, TaskGraphBuilder } from 'taskmap-ts';

export const builder = new TaskGraphBuilder<{ declared(): Date }>({ name: 'library' })
  .task('load', async () => [1, 2, 3])
  .task('sum')
  .dependsOn('load')
  .run((list) => list.reduce((a, b) => a + b));
export const draft = builder.task('more').withContext().dependsOn('sum', 'declared');
export const incomplete = builder.task('checked', (n: number, text: string) => text.repeat(n)).dependsOn('sum');
export const empty = new TaskGraphBuilder();
export const many = empty.tasks({ a: () => 1, b: (a: number) => a + 1 }, { b: ['a'] });
export const graph = many.task('c').dependsOn('b').run(String).build();
export const makeGraph = (n: number) => new TaskGraphBuilder().task('n', () => n).build();

export class Counting extends AsyncExecutor {
  attempts = 0;
  protected override runAttempt(attempt: Attempt): unknown {
    this.attempts++;
    return super.runAttempt(attempt);
  }
}
export const makeExecutor = () => new Counting();
