import fc from 'fast-check';
import { InvalidOptionError, ProgressBar, type ProgressBarOptions, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RunProgress } from '../../src/observe/run-progress.js';
import { FakeClock } from '../support/fake-clock.js';
import { builderOf, HOSTILE_NAMES, propertyOptions, randomGraph } from '../support/random-graph.js';
import { ORIGIN_MS, Timed, type TimedSpec } from './timed.js';

const CLEAR_LINE = '\r\x1b[2K';

/** A terminal that keeps what is written, by the time at which it was. */
class Terminal {
  readonly isTTY: boolean = true;
  columns: number | undefined = 80;
  readonly written: string[] = [];
  readonly atMs: number[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  write(text: string): void {
    this.written.push(text);
    this.atMs.push(this.#clock.now());
  }

  /** The lines, without what clears the one before. */
  get lines(): string[] {
    return this.written.map((text) => text.replace(CLEAR_LINE, '')).filter((text) => text !== '');
  }
}

const bars: ProgressBar[] = [];

function watched(specs: readonly TimedSpec[], options: ProgressBarOptions = {}, concurrency = 8) {
  const timed = new Timed(specs, { concurrency });
  const terminal = new Terminal(timed.clock);
  const bar = new ProgressBar({ stream: terminal, mode: 'bar', clock: timed.clock, ...options }).listen(timed.executor);
  bars.push(bar);
  return { timed, terminal, bar };
}

const chain = (count: number, takesMs: number): TimedSpec[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `t${index}`,
    takesMs,
    dependsOn: index === 0 ? [] : [`t${index - 1}`],
  }));
const flat = (count: number, takesMs: number): TimedSpec[] =>
  Array.from({ length: count }, (_, index) => ({ name: `t${index}`, takesMs }));

afterEach(() => {
  // One that is drawn waits for the end of the process, together with all others.
  for (const bar of bars.splice(0)) bar.close();
  vi.unstubAllEnvs();
});

describe('a run of a part of a graph', () => {
  // a ─► b ─► c     d     e
  const specs: readonly TimedSpec[] = [...chain(3, 1000), ...flat(5, 1000).slice(3)];

  it('is as long as that part, and takes the time of its own tasks', async () => {
    const { timed, terminal } = watched(specs);
    void timed.executor.run(timed.graph, { only: ['t1'] });
    await timed.clock.advance(1100);
    expect(terminal.lines.at(-1)).toBe('timed ██████████░░░░░░░░░░ 1/2 tasks, 1 running  0.9/s  2 s left  t1');
    await timed.clock.advance(1000);
    expect(terminal.lines.at(-1)).toBe('timed finished: 2 done in 2.0 s\n');
  });

  it('is told by tenths of that part, also where it is one task', () => {
    const written: string[] = [];
    const executor = new SyncExecutor();
    new ProgressBar({ mode: 'lines', stream: { write: (text) => written.push(text) } }).listen(executor);
    const names = Array.from({ length: 100 }, (_, id) => `t${id}`);
    const graph = new TaskGraphBuilder<any>({ name: 'g' })
      .add(...names.map((name) => ({ name, run: () => 1 })))
      .build();
    executor.run(graph, { only: names.slice(0, 2) });
    expect(written).toEqual(['g 50 %, 1/2 tasks\n', expect.stringMatching(/^g finished: 2 done in /)]);
    executor.runTask(graph, 't9');
    expect(written).toHaveLength(3);
  });

  it('leaves out what cannot come to a result', () => {
    const written: string[] = [];
    const executor = new SyncExecutor();
    new ProgressBar({ mode: 'lines', stream: { write: (text) => written.push(text) } }).listen(executor);
    const fails = () => {
      throw new Error('no');
    };
    const graph = new TaskGraphBuilder<any>({ name: 'g' })
      .add({ name: 'bad', run: fails }, { name: 'other', run: () => 1 })
      .add({ name: 'wanted', dependsOn: ['bad', 'other'], run: () => 1 })
      .build();
    executor.run(graph, { only: ['bad'] });
    executor.run(graph, { only: ['wanted'] });
    expect(written.at(-1)).toMatch(/^g finished: 0 done in /);
  });
});

describe('a bar', () => {
  it('has one listener of the process, however many there are', () => {
    const before = process.listenerCount('exit');
    const runs = Array.from({ length: 12 }, () => watched(flat(1, 10)));
    for (const { timed } of runs) void timed.executor.run(timed.graph);
    expect(process.listenerCount('exit')).toBe(before + 1);
    for (const { bar } of runs) bar.close();
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('is a line with the counts, the rate, the time left, and the task that began last', async () => {
    const { timed, terminal } = watched(chain(4, 1000));
    void timed.executor.run(timed.graph);
    await timed.clock.advance(2100);
    expect(terminal.lines.at(-1)).toBe('timed ██████████░░░░░░░░░░ 2/4 tasks, 1 running  1.0/s  3 s left  t2');
  });

  it('counts what failed and what was skipped', async () => {
    const { timed, terminal } = watched([
      { name: 'a', takesMs: 500, failures: 1 },
      { name: 'b', takesMs: 1, dependsOn: ['a'] },
      { name: 'c', takesMs: 5000 },
    ]);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(1000);
    expect(terminal.lines.at(-1)).toContain('2/3 tasks, 1 failed, 1 skipped, 1 running');
  });

  it('is drawn at most ten times a second, however much happens, and shows in the end what happened last', async () => {
    const { timed, terminal } = watched(chain(200, 3));
    void timed.executor.run(timed.graph);
    await timed.clock.advance(400);
    const drawn = terminal.written.filter((text) => text.startsWith(CLEAR_LINE));
    expect(drawn.length).toBe(5);
    for (const [index, atMs] of terminal.atMs.slice(1).entries())
      expect(atMs - terminal.atMs[index]!).toBeGreaterThanOrEqual(100);
  });

  it('is drawn a little later where something happens too early', async () => {
    const { timed, terminal } = watched([
      { name: 'a', takesMs: 10 },
      { name: 'b', takesMs: 10_000 },
    ]);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(99);
    expect(terminal.lines.at(-1)).toContain('0/2 tasks');
    await timed.clock.advance(1);
    expect(terminal.lines.at(-1)).toContain('1/2 tasks');
  });

  it('goes on counting down while nothing happens', async () => {
    const { timed, terminal } = watched([
      { name: 'a', takesMs: 1000 },
      { name: 'b', takesMs: 60_000, dependsOn: ['a'] },
    ]);
    void timed.executor.run(timed.graph);
    await timed.clock.advance(1000);
    const before = terminal.written.length;
    await timed.clock.advance(5000);
    expect(terminal.written.length - before).toBe(5);
  });

  it('leaves one line that tells what came of the run, and no timer and no listener of the process', async () => {
    const exits = process.listenerCount('exit');
    const { timed, terminal } = watched([
      { name: 'a', takesMs: 500, failures: 1 },
      { name: 'b', takesMs: 1, dependsOn: ['a'] },
      { name: 'c', takesMs: 1500 },
    ]);
    const run = timed.run();
    expect(process.listenerCount('exit')).toBe(exits + 1);
    await run;
    expect(terminal.written.slice(-2)).toEqual([CLEAR_LINE, 'timed finished: 1 done, 1 failed, 1 skipped in 1.5 s\n']);
    expect(process.listenerCount('exit')).toBe(exits);
    expect(timed.clock.waiting).toBe(0);
  });

  it('clears its line when it is closed in the middle of a run, and when the process ends there', async () => {
    const { timed, terminal, bar } = watched(chain(3, 1000));
    void timed.executor.run(timed.graph);
    await timed.clock.advance(1500);
    const before = new Set(process.listeners('exit'));
    bar.close();
    expect(terminal.written.at(-1)).toBe(CLEAR_LINE);
    expect(before.size - process.listenerCount('exit')).toBe(1);
    const count = terminal.written.length;
    await timed.clock.advance(5000);
    expect(terminal.written).toHaveLength(count);

    const other = watched(chain(3, 1000));
    const known = new Set(process.listeners('exit'));
    void other.timed.executor.run(other.timed.graph);
    await other.timed.clock.advance(1500);
    const [onExit] = process.listeners('exit').filter((listener) => !known.has(listener));
    onExit!(0);
    expect(other.terminal.written.at(-1)).toBe(CLEAR_LINE);
    other.bar.close();
  });

  it('is as wide as the terminal allows, also where it becomes narrower, and names move no cursor', async () => {
    const names = [...HOSTILE_NAMES, '\x1b[31mred', '\r\x1b[A', '任务'.repeat(50)];
    const { timed, terminal } = watched(
      names.map((name, index) => ({ name, takesMs: 110, priority: -index })),
      {},
      1,
    );
    void timed.executor.run(timed.graph);
    await timed.clock.advance(1000);
    terminal.columns = 30;
    await timed.clock.advance(1000);
    terminal.columns = 100;
    await timed.clock.advance(2000);
    for (const line of terminal.lines) {
      expect(line).not.toMatch(/[\p{Cf}\p{Cs}]|(?!\n)\p{Cc}/u);
      expect(line.replace(/\p{M}/gu, '').replace(/[任务]/gu, '..').length).toBeLessThan(100);
    }
    expect(terminal.lines.some((line) => line.length === 29 && line.endsWith('…'))).toBe(true);
    expect(terminal.lines.some((line) => line.includes('�[31mred') || line.includes('任务任'))).toBe(true);
  });

  it('adds up runs that are under way at once', async () => {
    const { timed, terminal } = watched(chain(2, 1000));
    void timed.executor.run(timed.graph);
    void timed.executor.run(timed.graphOf(chain(3, 500), 'other'));
    await timed.clock.advance(600);
    expect(terminal.lines.at(-1)).toContain('2 runs ████░░░░░░░░░░░░░░░░ 1/5 tasks, 2 running');
    await timed.clock.advance(1000);
    expect(terminal.lines).toContain('other finished: 3 done in 1.5 s\n');
    expect(terminal.lines.at(-1)).toContain('timed ██████████░░░░░░░░░░ 1/2 tasks, 1 running');
  });

  it('disturbs no run if it cannot be written', () => {
    const executor = new SyncExecutor();
    const fail = () => {
      throw new Error('EPIPE');
    };
    using _ = new ProgressBar({ mode: 'bar', stream: { write: fail } }).listen(executor);
    const graph = new TaskGraphBuilder().task('a', () => 1).build();
    executor.run(graph);
    expect(graph.result('a')).toBe(1);
  });

  it('ignores a run that had begun before', async () => {
    const timed = new Timed(chain(3, 1000));
    const terminal = new Terminal(timed.clock);
    void timed.executor.run(timed.graph);
    new ProgressBar({ stream: terminal, mode: 'bar', clock: timed.clock }).listen(timed.executor);
    await timed.clock.advance(5000);
    expect(timed.graph.counts().done).toBe(3);
    expect(terminal.written).toEqual([]);
  });
});

describe('lines', () => {
  it('are written for each tenth of the tasks, and one in the end', async () => {
    const { timed, terminal } = watched(chain(20, 10), { mode: 'lines' });
    await timed.run();
    expect(terminal.written).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenth) => `timed ${tenth}0 %, ${2 * tenth}/20 tasks\n`),
      'timed finished: 20 done in 200 ms\n',
    ]);
  });

  it('count only what there was to run', async () => {
    const { timed, terminal } = watched(chain(4, 10), { mode: 'lines' });
    timed.graph.markDone('t0').markDone('t1');
    await timed.run();
    expect(terminal.written).toEqual(['timed 50 %, 1/2 tasks\n', 'timed finished: 2 done in 20 ms\n']);
  });
});

describe('the mode, unless it is given,', () => {
  async function writtenBy(
    stream: { isTTY?: boolean },
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<string[]> {
    for (const [name, value] of Object.entries({ CI: undefined, TERM: 'xterm', ...env })) vi.stubEnv(name, value);
    const { timed, terminal } = watched(chain(2, 200), { mode: undefined });
    Object.assign(terminal, stream);
    const written: string[] = [];
    using _ = new ProgressBar({
      stream: { ...stream, write: (text) => written.push(text) },
      clock: timed.clock,
    }).listen(timed.executor);
    await timed.run();
    return written;
  }

  it('is a bar on a terminal, lines elsewhere and on a dumb one, and silence in CI', async () => {
    expect((await writtenBy({ isTTY: true }, {}))[0]).toContain(CLEAR_LINE);
    expect(await writtenBy({}, {})).toEqual(['timed 50 %, 1/2 tasks\n', 'timed finished: 2 done in 400 ms\n']);
    expect((await writtenBy({ isTTY: true }, { TERM: 'dumb' })).join('')).not.toContain('\x1b');
    expect(await writtenBy({ isTTY: true }, { CI: 'true' })).toEqual([]);
    expect((await writtenBy({ isTTY: true }, { CI: 'false' }))[0]).toContain(CLEAR_LINE);
  });

  it('that is silent listens to nothing', () => {
    const executor = new SyncExecutor();
    using _ = new ProgressBar({ mode: 'silent' }).listen(executor);
    expect(executor.listening).toBe(0);
  });

  it('must be one of those that there are', () => {
    expect(() => new ProgressBar({ mode: 'loud' as never })).toThrow(InvalidOptionError);
    expect(() => new ProgressBar({ stream: {} as never })).toThrow(InvalidOptionError);
  });
});

describe('the time left', () => {
  /** What is left of the run when so much of it has passed. */
  async function leftAfter(
    specs: readonly TimedSpec[],
    passedMs: number,
    concurrency: number,
  ): Promise<number | undefined> {
    const timed = new Timed(specs, { concurrency });
    let progress: RunProgress | undefined;
    timed.executor.on('run:started', (record) => {
      progress = new RunProgress(record);
    });
    timed.executor.on('task:started', ({ task }) => progress?.started(task));
    timed.executor.on('task:done', (record) => progress?.ended('done', record));
    void timed.executor.run(timed.graph);
    await timed.clock.advance(passedMs);
    return progress!.leftMs(ORIGIN_MS + passedMs);
  }

  it('is not known before anything has ended', async () => {
    expect(await leftAfter(chain(3, 100), 50, 1)).toBeUndefined();
  });

  it('of a chain is that of its tasks, one after another', async () => {
    expect(await leftAfter(chain(10, 100), 400, 8)).toBe(600);
  });

  it('of tasks that need nothing is their work, as many at once as up to now', async () => {
    expect(await leftAfter(flat(12, 100), 200, 4)).toBe(100);
  });

  it('is the longer of both', async () => {
    // Eight tasks that need nothing end before the chain beside them does.
    const beside = flat(8, 100).map((spec) => ({ ...spec, name: `beside ${spec.name}` }));
    expect(await leftAfter([...chain(6, 100), ...beside], 200, 100)).toBe(400);
  });

  it('is told as long as anything is left, and no longer, in any graph', () => {
    fc.assert(
      fc.property(randomGraph({ sizeMin: 1, sizeMax: 14 }), (drawn) => {
        const clock = new FakeClock();
        const executor = new SyncExecutor({ clock });
        let progress: RunProgress | undefined;
        executor.on('run:started', (record) => {
          progress = new RunProgress(record);
        });
        const check = () => {
          const { total, finished } = progress!;
          const leftMs = progress!.leftMs(clock.now());
          expect(finished).toBeLessThanOrEqual(total);
          if (leftMs !== undefined) expect(leftMs > 0).toBe(finished < total);
        };
        executor.on('task:done', (record) => {
          progress!.ended('done', record);
          check();
        });
        executor.on('task:failed', (record) => {
          progress!.ended('failed', record);
          check();
        });
        executor.on('task:skipped', ({ task }) => {
          progress!.skip(task);
          check();
        });
        executor.run(builderOf(drawn, () => () => clock.block(10)).build());
        expect(progress!.finished).toBe(drawn.size);
      }),
      propertyOptions(80),
    );
  });
});
