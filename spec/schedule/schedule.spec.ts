import { InvariantError } from 'taskmap-ts';
import { describe, expect, test } from 'vitest';
import { OutcomeTable } from '../../src/graph/outcome.js';
import { startOrder } from '../../src/graph/rank.js';
import { DEFAULT_SETTINGS } from '../../src/graph/task.js';
import { NONE, Schedule, type Slots } from '../../src/schedule/schedule.js';
import { topologyOf } from '../support/topologies.js';

const UNLIMITED: Slots = { total: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY };

interface Setup {
  readonly slots?: Slots;
  readonly ioBound?: readonly number[];
  readonly priorities?: readonly number[];
  readonly selected?: readonly number[];
  /** The tasks that run at a place. */
  readonly placed?: readonly number[] | Uint8Array;
  /** The tasks of which a result is kept. */
  readonly kept?: readonly number[];
  readonly known?: (outcomes: OutcomeTable) => void;
}

function scheduleOf(
  dependencies: number[][],
  { slots = UNLIMITED, ioBound = [], priorities = [], selected, placed, kept, known }: Setup = {},
): Schedule {
  const topology = topologyOf(dependencies);
  const settings = dependencies.map((_, id) => ({
    ...DEFAULT_SETTINGS,
    ioBound: ioBound.includes(id),
    priority: priorities[id] ?? 0,
  }));
  const outcomes = new OutcomeTable(dependencies.length);
  known?.(outcomes);
  const marked = (ids: readonly number[] | undefined) =>
    ids && Uint8Array.from(dependencies, (_, id) => (ids.includes(id) ? 1 : 0));
  return new Schedule({ topology, startOrder: startOrder(topology, settings), outcomes }, slots, {
    selected: marked(selected),
    placed: placed instanceof Uint8Array ? placed : marked(placed),
    kept: marked(kept),
  });
}

/** All that a question tells until it has no more. */
function all(ask: () => number): number[] {
  const told: number[] = [];
  for (let id = ask(); id !== NONE; id = ask()) told.push(id);
  return told;
}

const started = (schedule: Schedule): number[] => all(() => schedule.next());
const startedThere = (schedule: Schedule): number[] => all(() => schedule.nextPlaced());
const arrived = (schedule: Schedule): number[] => all(() => schedule.nextArrival());
const readied = (schedule: Schedule): number[] => all(() => schedule.nextReady());
/** Each skipped task with the failed one that is the reason. */
function skipped(schedule: Schedule): [number, number][] {
  const told: [number, number][] = [];
  while (schedule.hasSkipped) told.push([schedule.nextSkipped(), schedule.because]);
  expect(schedule.nextSkipped()).toBe(NONE);
  return told;
}
const states = (schedule: Schedule, count: number) =>
  Array.from({ length: count }, (_, id) => schedule.state(id)).join(' ');

describe('lost', () => {
  test('has a done task run again, and what is ready or checked wait for it', () => {
    // 0 ─► 1, 2*, 3 ─► 4      * kept
    const schedule = scheduleOf([[], [0], [0], [0], [3]], { kept: [0, 2] });
    schedule.holds(schedule.nextToCheck());
    expect(readied(schedule)).toEqual([1, 3]);
    expect(schedule.canBeLost(0)).toBe(true);
    schedule.lost(0);
    schedule.validate();
    expect(states(schedule, 5)).toBe('ready blocked blocked blocked blocked');
    expect(readied(schedule)).toEqual([0]);
    expect([schedule.nextToCheck(), schedule.finished]).toEqual([NONE, false]);
    expect(started(schedule)).toEqual([0]);
    schedule.succeeded(0);
    schedule.validate();
    expect(readied(schedule)).toEqual([1, 3]);
    schedule.holds(schedule.nextToCheck());
    expect(schedule.nextToCheck()).toBe(NONE);
    expect(started(schedule)).toEqual([3, 1]);
    schedule.validate();
  });

  test('skips what waits if it fails this time; what is done already stays done', () => {
    // 0 ─► 1*, 2
    const schedule = scheduleOf([[], [0], [0]], { kept: [0, 1] });
    schedule.holds(schedule.nextToCheck());
    schedule.holds(schedule.nextToCheck());
    schedule.lost(0);
    expect(started(schedule)).toEqual([0]);
    schedule.failed(0);
    schedule.validate();
    expect(skipped(schedule)).toEqual([[2, 0]]);
    expect(states(schedule, 3)).toBe('failed done skipped');
    expect(schedule.finished).toBe(true);
  });

  test('is not possible once a dependent has begun, nor where what it needs is not done, nor after the end', () => {
    // 0 ─► 1 ─► 2
    const begun = scheduleOf([[], [0], [1]]);
    started(begun);
    begun.succeeded(0);
    started(begun);
    expect(begun.canBeLost(0)).toBe(false);
    expect(() => begun.lost(0)).toThrow(InvariantError);
    const known = scheduleOf([[], [0], [1]], { known: (outcomes) => outcomes.done(1, 'given') });
    expect(known.canBeLost(1)).toBe(false);
    const stopped = scheduleOf([[], [0]], { known: (outcomes) => outcomes.done(0, 'given') });
    expect(stopped.canBeLost(0)).toBe(true);
    stopped.stop();
    expect(stopped.canBeLost(0)).toBe(false);
  });
});

describe('next', () => {
  test('starts what waits for nothing, then each task once its dependencies are done', () => {
    // 0 ─► 2 ─► 3
    // 1 ───┘
    const schedule = scheduleOf([[], [], [0, 1], [2]]);
    expect(started(schedule)).toEqual([0, 1]);
    schedule.succeeded(1);
    expect(started(schedule)).toEqual([]);
    schedule.succeeded(0);
    expect(started(schedule)).toEqual([2]);
    schedule.succeeded(2);
    expect(started(schedule)).toEqual([3]);
    expect(schedule.finished).toBe(false);
    schedule.succeeded(3);
    expect(schedule.finished).toBe(true);
    expect(states(schedule, 4)).toBe('done done done done');
    expect(schedule.started).toBe(4);
    schedule.validate();
  });

  test('has nothing to say of an empty graph, which is finished', () => {
    const schedule = scheduleOf([]);
    expect(schedule.finished).toBe(true);
    expect(schedule.next()).toBe(NONE);
    expect(schedule.nextReady()).toBe(NONE);
    expect(schedule.nextSkipped()).toBe(NONE);
    schedule.validate();
  });

  test('picks io-bound, then priority, then the longer way, then order of declaration', () => {
    // 0     1     2 ─► 5     3*     4     * io-bound
    const schedule = scheduleOf([[], [], [], [], [], [2]], { ioBound: [3], priorities: [0, 0, 0, -5, 1, 0] });
    expect(started(schedule)).toEqual([3, 4, 2, 0, 1]);
  });

  test('asks anew each time: what became ready later may be first', () => {
    const schedule = scheduleOf([[], [], [0]], { slots: { total: 1, cpu: 1 }, priorities: [0, 0, 9] });
    expect(started(schedule)).toEqual([0]);
    schedule.succeeded(0);
    expect(started(schedule)).toEqual([2]);
  });
});

describe('slots', () => {
  test('are never exceeded, and one that is given back is used', () => {
    const schedule = scheduleOf([[], [], []], { slots: { total: 2, cpu: 2 } });
    expect(started(schedule)).toEqual([0, 1]);
    expect(schedule.running).toBe(2);
    schedule.failed(0);
    expect(started(schedule)).toEqual([2]);
    schedule.validate();
  });

  test('of cpu-bound tasks leave the rest to io-bound ones', () => {
    // 0, 1 cpu-bound; 2, 3, 4 io-bound
    const schedule = scheduleOf([[], [], [], [], []], { slots: { total: 3, cpu: 1 }, ioBound: [2, 3, 4] });
    expect(started(schedule)).toEqual([2, 3, 4]);
    schedule.succeeded(3);
    expect(started(schedule)).toEqual([0]);
    schedule.succeeded(2);
    expect(started(schedule)).toEqual([]);
    schedule.succeeded(0);
    expect(started(schedule)).toEqual([1]);
    schedule.validate();
  });

  test('of cpu-bound tasks are given back however the attempt ends', () => {
    const schedule = scheduleOf([[], [], [], []], { slots: { total: 2, cpu: 1 } });
    for (const end of ['succeeded', 'failed', 'retrying', 'interrupted'] as const) {
      const id = schedule.next();
      expect(schedule.next()).toBe(NONE);
      schedule[end](id);
      schedule.validate();
    }
    expect(states(schedule, 4)).toBe('done failed delayed idle');
  });

  test('are not held by a task that waits for its next attempt', () => {
    const schedule = scheduleOf([[], []], { slots: { total: 1, cpu: 1 } });
    schedule.retrying(schedule.next());
    expect(started(schedule)).toEqual([1]);
    schedule.delayElapsed(0);
    expect(started(schedule)).toEqual([]);
    schedule.succeeded(1);
    expect(started(schedule)).toEqual([0]);
  });
});

describe('nextReady', () => {
  test('tells each task once, in the order in which they became ready', () => {
    // 0 ─► 2     1 ─► 3
    const schedule = scheduleOf([[], [], [0], [1]]);
    expect(readied(schedule)).toEqual([0, 1]);
    expect(readied(schedule)).toEqual([]);
    started(schedule);
    schedule.succeeded(1);
    schedule.succeeded(0);
    expect(readied(schedule)).toEqual([3, 2]);
  });

  test('does not tell a task again that is ready for its second attempt', () => {
    const schedule = scheduleOf([[]]);
    expect(readied(schedule)).toEqual([0]);
    schedule.retrying(schedule.next());
    schedule.delayElapsed(0);
    expect(readied(schedule)).toEqual([]);
  });

  test('tells nothing of what passReady() passed over', () => {
    // 0 ─► 1
    const schedule = scheduleOf([[], [0]]);
    schedule.passReady();
    expect(readied(schedule)).toEqual([]);
    schedule.next();
    schedule.succeeded(0);
    expect(readied(schedule)).toEqual([1]);
  });
});

describe('failed', () => {
  test('skips everything behind the task, and says because of whom', () => {
    // 0 ─► 1 ─► 2
    //      3 ───┘     4
    const schedule = scheduleOf([[], [0], [1, 3], [], []]);
    started(schedule);
    expect(schedule.hasSkipped).toBe(false);
    schedule.failed(0);
    expect(schedule.hasSkipped).toBe(true);
    expect(skipped(schedule)).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(schedule.hasSkipped).toBe(false);
    schedule.validate();
    schedule.succeeded(3);
    schedule.succeeded(4);
    expect(schedule.finished).toBe(true);
    expect(states(schedule, 5)).toBe('failed skipped skipped done done');
    schedule.validate();
  });

  test('leaves a task that is skipped already to the first failure', () => {
    // 0 ─► 2
    // 1 ───┘
    const schedule = scheduleOf([[], [], [0, 1]]);
    started(schedule);
    schedule.failed(1);
    schedule.failed(0);
    expect(skipped(schedule)).toEqual([[2, 1]]);
  });

  test('tells skipped tasks apart that were lost to different failures', () => {
    const schedule = scheduleOf([[], [], [0], [1]]);
    started(schedule);
    schedule.failed(0);
    schedule.failed(1);
    expect(skipped(schedule)).toEqual([
      [2, 0],
      [3, 1],
    ]);
  });

  test('skips tasks that were not selected too', () => {
    // 0 ─► 1
    const schedule = scheduleOf([[], [0]], { selected: [0] });
    schedule.failed(schedule.next());
    expect(skipped(schedule)).toEqual([[1, 0]]);
  });
});

describe('retrying and delayElapsed', () => {
  test('count attempts, and a run is not finished while a task is delayed', () => {
    const schedule = scheduleOf([[]]);
    expect(schedule.attempt(0)).toBe(1);
    expect(schedule.next()).toBe(0);
    expect(schedule.attempt(0)).toBe(1);
    schedule.retrying(0);
    expect(schedule.state(0)).toBe('delayed');
    expect(schedule.finished).toBe(false);
    expect(schedule.next()).toBe(NONE);
    schedule.validate();
    schedule.delayElapsed(0);
    expect(schedule.state(0)).toBe('ready');
    expect(schedule.next()).toBe(0);
    expect(schedule.attempt(0)).toBe(2);
    expect(schedule.started).toBe(2);
    schedule.succeeded(0);
    expect(schedule.finished).toBe(true);
  });
});

describe('returned and saved', () => {
  test('hold no slot, and what depends on the task waits until its result is safe', () => {
    // 0 ─► 1     2
    const schedule = scheduleOf([[], [0], []], { slots: { total: 1, cpu: 1 } });
    expect(started(schedule)).toEqual([0]);
    schedule.returned(0);
    schedule.validate();
    expect(schedule.running).toBe(0);
    expect(started(schedule)).toEqual([2]);
    expect(states(schedule, 3)).toBe('saving blocked running');
    schedule.succeeded(2);
    expect(started(schedule)).toEqual([]);
    schedule.saved(0);
    schedule.validate();
    expect(started(schedule)).toEqual([1]);
    schedule.succeeded(1);
    expect(schedule.finished).toBe(true);
  });

  test('keep a run from being finished, also one that is stopped', () => {
    const schedule = scheduleOf([[], []], { slots: { total: 1, cpu: 1 } });
    schedule.returned(schedule.next());
    schedule.stop();
    expect(schedule.finished).toBe(false);
    schedule.validate();
    schedule.saved(0);
    expect(schedule.finished).toBe(true);
    expect(states(schedule, 2)).toBe('done ready');
    schedule.validate();
  });

  test('are told in this order, each once', () => {
    const schedule = scheduleOf([[]]);
    expect(() => schedule.saved(0)).toThrow(InvariantError);
    schedule.next();
    expect(() => schedule.saved(0)).toThrow(InvariantError);
    schedule.returned(0);
    expect(() => schedule.returned(0)).toThrow(InvariantError);
    schedule.saved(0);
    expect(() => schedule.saved(0)).toThrow(InvariantError);
    schedule.validate();
  });
});

describe('a task at a place', () => {
  test('takes no slot here, and only nextPlaced() tells of it', () => {
    // 0, 1 at a place; 2, 3 here
    const schedule = scheduleOf([[], [], [], []], { slots: { total: 1, cpu: 1 }, placed: [0, 1] });
    expect([schedule.readyCount, schedule.readyPlacedCount]).toEqual([4, 2]);
    expect(started(schedule)).toEqual([2]);
    expect(startedThere(schedule)).toEqual([0, 1]);
    expect(schedule.running).toBe(3);
    schedule.validate();
    schedule.succeeded(0);
    expect(started(schedule)).toEqual([]);
    schedule.succeeded(2);
    expect(started(schedule)).toEqual([3]);
    schedule.validate();
  });

  test('can be asked for by kind, and the first one is told only if it is of that', () => {
    // 0* and 1, * io-bound
    const schedule = scheduleOf([[], []], { placed: [0, 1], ioBound: [0] });
    expect(schedule.nextPlaced(false)).toBe(NONE);
    expect(schedule.nextPlaced(true)).toBe(0);
    expect(schedule.nextPlaced(true)).toBe(NONE);
    expect(schedule.nextPlaced(false)).toBe(1);
  });

  test('that is recalled is ready again, and its attempt does not count', () => {
    const schedule = scheduleOf([[]], { placed: [0] });
    readied(schedule);
    expect(startedThere(schedule)).toEqual([0]);
    schedule.recalled(0);
    schedule.validate();
    expect([schedule.state(0), schedule.started, schedule.attempt(0)]).toEqual(['ready', 0, 1]);
    expect(readied(schedule)).toEqual([]);
    expect(startedThere(schedule)).toEqual([0]);
    expect(schedule.started).toBe(1);
  });

  test('gives its place back however its attempt ends', () => {
    const schedule = scheduleOf([[], [], [], [], [], []], { placed: [0, 1, 2, 3, 4, 5] });
    startedThere(schedule);
    const ends = ['succeeded', 'failed', 'retrying', 'interrupted', 'returned', 'recalled'] as const;
    for (const [id, end] of ends.entries()) {
      schedule[end](id);
      schedule.validate();
    }
    expect(schedule.running).toBe(0);
    expect(states(schedule, 6)).toBe('done failed delayed idle saving ready');
  });
});

describe('a task that was sent ahead', () => {
  const chain = (kept: readonly number[] = []) => scheduleOf([[], [0], [1]], { placed: [0, 1, 2], kept });

  test('is one that is blocked, and of which no result is kept', () => {
    // 0 ─► 1 ─► 2
    const schedule = chain([2]);
    expect([0, 1, 2].map((id) => schedule.canBeSentAhead(id))).toEqual([false, true, false]);
    startedThere(schedule);
    schedule.sentAhead(1);
    expect([0, 1, 2].map((id) => schedule.canBeSentAhead(id))).toEqual([false, false, false]);
    expect(() => schedule.sentAhead(0)).toThrow(InvariantError);
  });

  test('runs as soon as its inputs are done, is told as an arrival once, and as ready', () => {
    // 0 ─► 1 ─► 2
    const schedule = chain();
    startedThere(schedule);
    schedule.sentAhead(1);
    schedule.sentAhead(2);
    schedule.validate();
    expect(schedule.hasArrivals).toBe(false);
    readied(schedule);
    schedule.succeeded(0);
    schedule.validate();
    expect(states(schedule, 3)).toBe('done running ahead');
    expect(schedule.hasArrivals).toBe(true);
    expect(arrived(schedule)).toEqual([1]);
    expect(readied(schedule)).toEqual([1]);
    expect(startedThere(schedule)).toEqual([]);
    expect(schedule.started).toBe(2);
    schedule.succeeded(1);
    expect(arrived(schedule)).toEqual([2]);
    schedule.succeeded(2);
    expect(schedule.finished).toBe(true);
    schedule.validate();
  });

  test('does not run while an input is being saved', () => {
    // 0 ─► 1
    const schedule = chain();
    startedThere(schedule);
    schedule.sentAhead(1);
    schedule.returned(0);
    schedule.validate();
    expect([arrived(schedule), schedule.state(1)]).toEqual([[], 'ahead']);
    schedule.saved(0);
    schedule.validate();
    expect([arrived(schedule), schedule.state(1)]).toEqual([[1], 'running']);
  });

  test('waits like any other once it is recalled', () => {
    // 0 ─► 1
    const schedule = chain();
    startedThere(schedule);
    schedule.sentAhead(1);
    schedule.recalled(1);
    schedule.validate();
    expect(schedule.state(1)).toBe('blocked');
    schedule.succeeded(0);
    expect([arrived(schedule), startedThere(schedule)]).toEqual([[], [1]]);
    schedule.validate();
  });

  test('is skipped with the rest if an ancestor fails', () => {
    // 0 ─► 1 ─► 2
    const schedule = chain();
    startedThere(schedule);
    schedule.sentAhead(1);
    schedule.sentAhead(2);
    schedule.failed(0);
    schedule.validate();
    expect(skipped(schedule)).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect([arrived(schedule), schedule.finished]).toEqual([[], true]);
  });

  test('keeps no run from being finished by itself: what it waits for does', () => {
    // 0 ─► 1
    const schedule = chain();
    startedThere(schedule);
    schedule.sentAhead(1);
    schedule.stop();
    expect(schedule.finished).toBe(false);
    schedule.interrupted(0);
    schedule.recalled(1);
    expect(schedule.finished).toBe(true);
    schedule.validate();
  });
});

describe('validate', () => {
  test('notices a count that is wrong', () => {
    const placed = Uint8Array.of(1);
    const schedule = scheduleOf([[]], { placed });
    startedThere(schedule);
    schedule.validate();
    placed[0] = 0;
    expect(() => schedule.validate()).toThrow(
      'the run has 1 running, 0 running at a place, 0 running here for the cpu, 0 saving, 0 delayed, 0 ready, ' +
        'but 1 running, 1 running at a place, 0 running here for the cpu, 0 saving, 0 delayed, 0 ready are counted.',
    );
  });

  test('notices more attempts than there are slots', () => {
    const slots = { total: 2, cpu: 2 };
    const schedule = scheduleOf([[], []], { slots });
    started(schedule);
    schedule.validate();
    slots.total = 1;
    expect(() => schedule.validate()).toThrow('are more than the slots allow');
  });

  test('notices a task that is ahead where no place is, and tells its story', () => {
    const schedule = scheduleOf([[], [0]]);
    schedule.sentAhead(1);
    expect(() => schedule.validate()).toThrow('it is ahead, but not at a place. It went through: blocked > ahead.');
  });
});

describe('stop', () => {
  test('starts nothing new, and the run is finished once nothing runs', () => {
    const schedule = scheduleOf([[], [], []], { slots: { total: 2, cpu: 2 } });
    started(schedule);
    schedule.stop();
    expect(schedule.stopped).toBe(true);
    expect(schedule.next()).toBe(NONE);
    expect(schedule.finished).toBe(false);
    schedule.succeeded(0);
    expect(schedule.next()).toBe(NONE);
    schedule.interrupted(1);
    expect(schedule.finished).toBe(true);
    expect(states(schedule, 3)).toBe('done idle ready');
    schedule.validate();
  });

  test('does not wait for what is delayed', () => {
    const schedule = scheduleOf([[]]);
    schedule.retrying(schedule.next());
    schedule.stop();
    expect(schedule.finished).toBe(true);
  });

  test('before the first decision finishes at once', () => {
    const schedule = scheduleOf([[]]);
    schedule.stop();
    expect(schedule.finished).toBe(true);
    expect(schedule.started).toBe(0);
  });
});

describe('interrupted', () => {
  test('leaves the task and what waits for it without an end', () => {
    // 0 ─► 1
    const schedule = scheduleOf([[], [0]]);
    schedule.next();
    schedule.stop();
    schedule.interrupted(0);
    expect(states(schedule, 2)).toBe('idle blocked');
    expect(schedule.finished).toBe(true);
    schedule.validate();
  });
});

describe('selected', () => {
  test('leaves all other tasks alone', () => {
    // 0 ─► 1     2
    const schedule = scheduleOf([[], [0], []], { selected: [0, 1] });
    expect(states(schedule, 3)).toBe('ready blocked idle');
    schedule.succeeded(schedule.next());
    schedule.succeeded(schedule.next());
    expect(schedule.finished).toBe(true);
    expect(states(schedule, 3)).toBe('done done idle');
    schedule.validate();
  });

  test('does not let a task start whose dependencies are left alone', () => {
    // 0 ─► 1
    const schedule = scheduleOf([[], [0]], { selected: [1] });
    expect(schedule.finished).toBe(true);
    expect(states(schedule, 2)).toBe('idle blocked');
    schedule.validate();
  });
});

describe('what is known before the run', () => {
  test('of done tasks frees what waits for them, and they do not run', () => {
    // 0 ─► 1 ─► 2
    const schedule = scheduleOf([[], [0], [1]], { known: (outcomes) => outcomes.done(0, 'r') });
    expect(readied(schedule)).toEqual([1]);
    expect(states(schedule, 3)).toBe('done ready blocked');
    schedule.validate();
  });

  test('of a task that is done behind one that is not lets what is behind it run', () => {
    // 0 ─► 1 (done) ─► 2
    const schedule = scheduleOf([[], [0], [1]], { known: (outcomes) => outcomes.done(1, 'r') });
    expect(started(schedule)).toEqual([0, 2]);
    schedule.failed(0);
    expect(states(schedule, 3)).toBe('failed done running');
    expect(skipped(schedule)).toEqual([]);
    schedule.validate();
  });

  test('of failed tasks skips what waits for them', () => {
    // 0 ─► 1 ─► 2
    const schedule = scheduleOf([[], [0], [1]], { known: (outcomes) => outcomes.failed(0, 'error', 1) });
    expect(skipped(schedule)).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(schedule.finished).toBe(true);
    schedule.validate();
  });

  test('of skipped tasks is not told again', () => {
    // 0 ─► 1
    const schedule = scheduleOf([[], [0]], {
      known: (outcomes) => {
        outcomes.failed(0, 'error', 1);
        outcomes.skipped(1, 0);
      },
    });
    expect(skipped(schedule)).toEqual([]);
    expect(states(schedule, 2)).toBe('failed skipped');
    schedule.validate();
  });

  test('of skipped tasks skips a pending one behind them, because of the same failure', () => {
    // 0 (failed) ─► 1 (skipped) ─► 2
    const schedule = scheduleOf([[], [0], [1]], {
      known: (outcomes) => {
        outcomes.failed(0, 'error', 1);
        outcomes.skipped(1, 0);
      },
    });
    expect(skipped(schedule)).toEqual([[2, 0]]);
    expect(schedule.finished).toBe(true);
    schedule.validate();
  });

  test('is not changed by the run, which keeps its own counts', () => {
    let table: OutcomeTable | undefined;
    const schedule = scheduleOf([[], [0]], {
      known: (outcomes) => {
        table = outcomes;
      },
    });
    schedule.succeeded(schedule.next());
    expect(table!.allPending).toBe(true);
  });
});

describe('a fact that cannot be', () => {
  type Fact = 'succeeded' | 'failed' | 'retrying' | 'delayElapsed' | 'interrupted';
  const IN_STATE: Record<string, () => Schedule> = {
    idle: () => scheduleOf([[]], { selected: [] }),
    blocked: () => scheduleOf([[1], []]),
    ready: () => scheduleOf([[]]),
    running: () => told(scheduleOf([[]])),
    delayed: () => told(scheduleOf([[]]), 'retrying'),
    done: () => told(scheduleOf([[]]), 'succeeded'),
    failed: () => told(scheduleOf([[]]), 'failed'),
    skipped: () => {
      const schedule = scheduleOf([[1], []]);
      schedule.failed(schedule.next());
      return schedule;
    },
  };

  function told(schedule: Schedule, fact?: Fact): Schedule {
    schedule.next();
    if (fact !== undefined) schedule[fact](0);
    return schedule;
  }

  const legal = (state: string, fact: Fact) => (fact === 'delayElapsed' ? state === 'delayed' : state === 'running');

  for (const [state, scheduleIn] of Object.entries(IN_STATE)) {
    for (const fact of ['succeeded', 'failed', 'retrying', 'delayElapsed', 'interrupted'] as const) {
      if (legal(state, fact)) {
        test(`is not ${fact} of a task that is ${state}`, () => {
          const schedule = scheduleIn();
          expect(schedule.state(0)).toBe(state);
          schedule[fact](0);
          schedule.validate();
        });
      } else {
        test(`is ${fact} of a task that is ${state}: it is refused and changes nothing`, () => {
          const schedule = scheduleIn();
          const { running, started, finished } = schedule;
          expect(schedule.state(0)).toBe(state);
          expect(() => schedule[fact](0)).toThrow(InvariantError);
          expect(schedule).toMatchObject({ running, started, finished });
          expect(schedule.state(0)).toBe(state);
          schedule.validate();
        });
      }
    }
  }

  test('tells the story of the task', () => {
    // 1, 2 ─► 0
    const schedule = scheduleOf([[1, 2], [], []]);
    schedule.succeeded(schedule.next());
    expect(() => schedule.succeeded(0)).toThrow(
      'This is a bug in taskmap: task number 0 is blocked, comes to its attempt 1 and depends on 1 (done), 2 (ready); it was to become done.',
    );
    schedule.succeeded(schedule.next());
    schedule.retrying(schedule.next());
    expect(() => schedule.failed(0)).toThrow(
      'task number 0 is delayed, comes to its attempt 2 and depends on 1 (done), 2 (done)',
    );
    expect(() => schedule.succeeded(1)).toThrow('depends on nothing; it was to become done.');
  });

  test.each<[string, Setup, (schedule: Schedule) => void]>([
    ['idle', { selected: [] }, () => {}],
    ['blocked > ready', {}, () => {}],
    ['blocked > ready > running > saving > done', {}, (schedule) => finish(schedule)],
    ['skipped', { selected: [1] }, (schedule) => schedule.failed(schedule.next())],
    ['blocked > checking > done', { kept: [0] }, (schedule) => schedule.holds(schedule.nextToCheck())],
    ['blocked > checking > ready', { kept: [0] }, (schedule) => schedule.changed(schedule.nextToCheck())],
    ['blocked > ready > running > ready', { placed: [0] }, (schedule) => schedule.recalled(schedule.nextPlaced())],
  ])('tells the last moves of the task: %s', (story, setup, moves) => {
    // 1 ─► 0
    const schedule = scheduleOf(setup.selected === undefined ? [[], []] : [[1], []], setup);
    moves(schedule);
    expect(() => schedule.saved(0)).toThrow(new RegExp(` It went through: ${story}\\.$`));
  });

  function finish(schedule: Schedule): void {
    schedule.returned(schedule.next());
    schedule.saved(0);
  }

  test('tells the last moves only, and none of other tasks', () => {
    // 0 ─► 1
    const schedule = scheduleOf([[], [0]]);
    for (let round = 0; round < 10; round++) {
      schedule.retrying(schedule.next());
      schedule.delayElapsed(0);
    }
    // Its state and the seven before.
    const last = 'delayed > ready > running > delayed > ready > running > delayed > ready';
    expect(() => schedule.saved(0)).toThrow(`It went through: ${last}.`);
    expect(() => schedule.saved(1)).toThrow('It went through: blocked.');
  });
});
