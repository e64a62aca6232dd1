import type { TaskSettings } from 'taskmap-ts';
import { type Place, PlacedExecutor, type PlacedRun } from 'taskmap-ts/places';
import { describe, expect, it } from 'vitest';
import { graphOf } from '../executors/thread-harness.js';

/** Calls functions as it takes their tasks, and still speaks when its run is over. */
class Talkative implements Place {
  readonly isBusy = false;
  readonly #run: PlacedRun;
  endCount = 0;

  constructor(run: PlacedRun) {
    this.#run = run;
  }

  fill(): void {
    for (let attempt = this.#run.take(); attempt !== undefined; attempt = this.#run.take())
      this.#run.ended(attempt, { kind: 'returned', value: attempt.invoke(), startedAtMs: 1, tookMs: 0, where: 'here' });
  }

  stop(): void {}
  abort(): void {}
  giveUp(): void {}

  end(): void {
    this.endCount++;
    this.#run.wake();
    this.#run.breakOff(new Error('too late'));
  }
}

class TalkativeExecutor extends PlacedExecutor {
  readonly places: Talkative[] = [];

  protected override staysHere(_: TaskSettings): boolean {
    return false;
  }

  protected override placeFor(run: PlacedRun): Place {
    const place = new Talkative(run);
    this.places.push(place);
    return place;
  }
}

describe('a place', () => {
  it('is not heard when it is told that its run is over, and is told once', async () => {
    const executor = new TalkativeExecutor();
    const graph = graphOf({ name: 'a', run: () => 1 });
    const { status } = await executor.run(graph);
    expect(status).toBe('finished');
    expect(graph.result('a')).toBe(1);
    expect(executor.places.map(({ endCount }) => endCount)).toEqual([1]);
  });
});
