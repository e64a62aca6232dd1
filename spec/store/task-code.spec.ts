import { MemoryStore, type StoreUnseen, SyncExecutor, type TaskGraph, TaskGraphBuilder } from 'taskmap-ts';
import { describe, expect, it, vi } from 'vitest';
import { decodeOutcome } from '../../src/store/outcome-codec.js';

class Socket {
  open = true;
}

/** Runs a graph of these tasks with a store, and tells what the run told. */
function run(
  store: MemoryStore,
  tasks: Readonly<Record<string, () => unknown>>,
): { graph: TaskGraph; unseen: StoreUnseen[] } {
  const builder = new TaskGraphBuilder({ name: 'etl' });
  for (const [name, fn] of Object.entries(tasks)) builder.task(name, fn);
  const graph: TaskGraph = builder.build();
  const executor = new SyncExecutor({ store });
  const unseen: StoreUnseen[] = [];
  executor.on('store:unseen', (record) => unseen.push(record));
  executor.run(graph);
  return { graph, unseen };
}

const KEPT = 'kept: same version and inputs';

describe('a store that looks at what functions use', () => {
  it('has a task run again whose variable changed between two runs, and keeps it if that changed back', () => {
    const store = new MemoryStore();
    let rate = 1;
    const tasks = { a: () => rate };
    run(store, tasks);
    rate = 2;
    expect(run(store, tasks).graph.explain('a')).toBe('ran: "rate", which its function uses, changed');
    expect(run(store, tasks).graph.explain('a')).toBe(KEPT);
  });

  it('keeps the secrets that functions use to itself', () => {
    const store = new MemoryStore();
    const password = 'correct horse';
    run(store, { a: () => password.length });
    expect(Buffer.from([...store.load('etl').outcomes][0]![1]).includes('correct')).toBe(false);
  });

  it('compares a task that has a version by that alone, whatever is said of others', () => {
    const store = new MemoryStore();
    let rate = 1;
    const start = () =>
      new TaskGraphBuilder({ name: 'etl' })
        .task('a', () => rate)
        .version('1')
        .build();
    const executor = new SyncExecutor({ store });
    executor.run(start());
    rate = 2;
    const graph = start();
    executor.run(graph);
    expect(graph.explain('a')).toBe(KEPT);
    expect(decodeOutcome('a', [...store.load('etl').outcomes][0]![1]).more).not.toHaveProperty('code');
  });

  it('runs once again what was kept without all that', () => {
    const store = new MemoryStore({ detect: 'source' });
    const tasks = { a: () => 1 };
    run(store, tasks);
    const looking = new MemoryStore();
    for (const [task, bytes] of store.load('etl').outcomes) looking.save('etl', task, bytes);
    expect(run(looking, tasks).graph.explain('a')).toBe('ran: what its function uses was not kept');
    expect(run(looking, tasks).graph.explain('a')).toBe(KEPT);
  });

  it('tells once of each task what it cannot see, and ahead when it is asked', () => {
    const store = new MemoryStore();
    const socket = new Socket();
    const tasks = { a: () => socket, b: () => 1 };
    const text =
      'Task "a" uses "socket" (an instance of Socket), of which a store cannot see whether it has changed. ' +
      'Give the task a version that says so.';
    const graph = new TaskGraphBuilder({ name: 'etl' }).task('a', tasks.a).task('b', tasks.b).build();
    expect(graph.check(store)).toEqual(new Map([['a', text]]));
    expect(run(store, tasks).unseen).toMatchObject([{ task: 'a', names: ['socket'], text }]);
    expect(run(store, tasks).unseen).toEqual([]);
    expect(run(new MemoryStore(), tasks).unseen).toHaveLength(1);
    expect(run(new MemoryStore({ detect: 'source' }), tasks).unseen).toEqual([]);
  });

  it('holds a task to what its variables were as the run began, and tells of one that changed meanwhile', () => {
    const store = new MemoryStore();
    const start = () => {
      let setting = 0;
      return { a: () => ++setting, b: () => setting };
    };
    const first = run(store, start());
    expect(first.graph.result('b')).toBe(1);
    expect(first.unseen).toMatchObject([
      { task: 'a', names: ['setting'] },
      {
        task: 'b',
        names: ['setting'],
        text:
          'While the run went on, "setting", which its function uses, changed. ' +
          'Task "b" was run in it, and is held to what it was when the run began.',
      },
    ]);
    const second = run(store, start());
    expect([second.graph.explain('a'), second.graph.explain('b')]).toEqual([KEPT, KEPT]);
  });

  it('looks at the text alone where the engine cannot be asked, and says so once', () => {
    const store = new MemoryStore();
    let rate = 1;
    const asked = vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => {
      throw new Error('no inspector here');
    });
    try {
      const tasks = { a: () => rate, b: () => 1 };
      const { unseen } = run(store, tasks);
      expect(unseen).toMatchObject([
        {
          task: undefined,
          names: [],
          text:
            'Of functions the text alone is compared, and not what they use: ' +
            'the engine cannot be asked for that (Error: no inspector here).',
        },
      ]);
      rate = 2;
      const again = run(store, tasks);
      expect([again.graph.explain('a'), again.unseen]).toEqual([KEPT, []]);
      expect(run(store, { a: () => rate + 1 }).graph.explain('a')).toBe('ran: the text of its function changed');
      expect([...again.graph.resetAll().check(store).keys()]).toEqual(['a', 'b']);
    } finally {
      asked.mockRestore();
    }
    expect(run(store, { a: () => rate + 1 }).graph.explain('a')).toBe('ran: what its function uses was not kept');
  });
});
