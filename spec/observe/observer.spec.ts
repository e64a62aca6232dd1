import { type EventListeners, type Executor, Observer, SyncExecutor, TaskGraphBuilder, type TasksIn } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';

class Counter extends Observer {
  readonly done: string[] = [];
  protected override readonly listeners: EventListeners = { 'task:done': ({ task }) => this.done.push(task) };
}

const graphOfOne = () => new TaskGraphBuilder().task('a', () => 1).build();

describe('an observer', () => {
  it('hears each event once, however often it is told to listen to an executor', () => {
    const executor = new SyncExecutor();
    const counter = new Counter().listen(executor).listen(executor);
    executor.run(graphOfOne());
    expect(counter.done).toEqual(['a']);
  });

  it('listens to several executors, and to none once it is closed', () => {
    const executors = [new SyncExecutor(), new SyncExecutor()];
    const counter = new Counter();
    for (const executor of executors) counter.listen(executor);
    for (const executor of executors) executor.run(graphOfOne());
    counter.close();
    counter.close();
    for (const executor of executors) executor.run(graphOfOne());
    expect(counter.done).toEqual(['a', 'a']);
    expect(executors.map(({ listening }) => listening)).toEqual([0, 0]);
  });

  it('leaves the listeners of others alone', () => {
    const executor = new SyncExecutor();
    const heard: string[] = [];
    executor.on('task:done', ({ task }) => heard.push(task));
    new Counter().listen(executor).close();
    executor.run(graphOfOne());
    expect(heard).toEqual(['a']);
  });

  it('is closed at the end of a using block', () => {
    const executor = new SyncExecutor();
    {
      using counter = new Counter();
      counter.listen(executor);
      expect(executor.listening).toBeGreaterThan(0);
    }
    expect(executor.listening).toBe(0);
  });

  it('takes executors whose events are typed by a graph', () => {
    const graph = graphOfOne();
    const executor: Executor<TasksIn<typeof graph>> = new SyncExecutor<TasksIn<typeof graph>>();
    const counter = new Counter().listen(executor);
    (executor as SyncExecutor).run(graph);
    expect(counter.done).toEqual(['a']);
  });
});
