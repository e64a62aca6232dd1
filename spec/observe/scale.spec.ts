import { AsyncExecutor, ProgressBar, SyncExecutor, TaskGraphBuilder, Timeline } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.js';

const COUNT = 100_000;

function builderOf(run: () => unknown, after: (index: number) => string[]): TaskGraphBuilder<any> {
  const builder = new TaskGraphBuilder<any>();
  for (let index = 0; index < COUNT; index++) builder.add({ name: `t${index}`, run, after: after(index) });
  return builder;
}

describe('a hundred thousand tasks', () => {
  it('in one chain are seen as any others: nothing recurses', () => {
    const executor = new SyncExecutor();
    using timeline = new Timeline().listen(executor);
    using _bar = new ProgressBar({ mode: 'bar', stream: { write() {} } }).listen(executor);
    executor.run(
      builderOf(
        () => 1,
        (index) => (index === 0 ? [] : [`t${index - 1}`]),
      ).build(),
    );
    expect(timeline.criticalPath()).toHaveLength(COUNT);
    expect(timeline.summary()?.attemptCount).toBe(COUNT);
    expect(timeline.toText().split('\n')).toHaveLength(41);
    expect(timeline.toMermaid().split('\n').length).toBeLessThan(60);
  });

  it('all under way at once have a lane each', async () => {
    const gate = new Gate();
    let arrivals = 0;
    const executor = new AsyncExecutor({ concurrency: COUNT });
    using timeline = new Timeline().listen(executor);
    const pass = () => {
      if (++arrivals === COUNT) gate.open();
      return gate.pass();
    };
    await executor.run(builderOf(pass, () => []).build());
    expect(timeline.summary()?.workers).toBe(COUNT);
    expect(timeline.toChromeTrace().split('"thread_name"')).toHaveLength(COUNT + 1);
  });
});
