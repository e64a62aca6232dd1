import { EventEmitter } from 'eventemitter3';
import { SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { describe, expect, it } from 'vitest';
import { EVENT_BITS } from '../../src/executors/emitter.js';
import { thrower, uncaughtDuring } from '../contract/executor-harness.js';

const graphOfOne = () => new TaskGraphBuilder().task('a', () => 1).build();

describe('Emitter', () => {
  it('is an eventemitter3', () => {
    expect(new SyncExecutor()).toBeInstanceOf(EventEmitter);
  });

  it('has one bit for each event', () => {
    const bits = Object.values(EVENT_BITS);
    expect(new Set(bits).size).toBe(bits.length);
    for (const bit of bits) expect(Math.log2(bit) % 1).toBe(0);
  });

  describe('listening', () => {
    it('has the bits of the events that have listeners, however they come and go', () => {
      const executor = new SyncExecutor();
      const listener = () => {};
      const { 'task:done': done, 'task:failed': failed } = EVENT_BITS;
      expect(executor.listening).toBe(0);
      executor.on('task:done', listener);
      executor.addListener('task:failed', listener);
      executor.on('task:done', () => {});
      expect(executor.listening).toBe(done | failed);
      executor.off('task:done', listener);
      expect(executor.listening).toBe(done | failed);
      executor.off('task:done');
      expect(executor.listening).toBe(failed);
      executor.removeListener('task:failed', listener);
      expect(executor.listening).toBe(0);
      executor.once('task:done', listener);
      expect(executor.listening).toBe(done);
      executor.run(graphOfOne());
      expect(executor.listening).toBe(0);
      executor.on('task:done', listener).on('task:failed', listener);
      executor.removeAllListeners('task:done');
      expect(executor.listening).toBe(failed);
      executor.removeAllListeners();
      expect(executor.listening).toBe(0);
    });

    it('knows nothing of events that are a subclass’s own', () => {
      const executor = new SyncExecutor();
      const heard: unknown[] = [];
      for (const event of ['mine', 'constructor', '__proto__'])
        executor.on(event as 'task:done', (record: unknown) => heard.push(record));
      expect(executor.listening).toBe(0);
      executor.emit('mine' as 'task:done', 'for you' as never);
      expect(heard).toEqual(['for you']);
    });
  });

  describe('listeners', () => {
    it('are called once for each time they were added, and taken off by the function they were added as', () => {
      const executor = new SyncExecutor();
      let calls = 0;
      const listener = () => {
        calls++;
      };
      executor.on('task:done', listener).on('task:done', listener).on('run:finished', listener);
      executor.run(graphOfOne());
      expect(calls).toBe(3);
      executor.off('task:done', listener);
      executor.run(graphOfOne());
      expect(calls).toBe(4);
    });

    it('keep their context, each its own', () => {
      const executor = new SyncExecutor();
      const seen: unknown[] = [];
      const listener = function (this: unknown) {
        seen.push(this);
      };
      executor.on('task:done', listener, 'first').on('task:done', listener, 'second').on('task:done', listener);
      executor.off('task:done', listener, 'first');
      executor.run(graphOfOne());
      expect(seen).toEqual(['second', executor]);
    });

    it('that were added both for once and for good are told apart when taken off', () => {
      const executor = new SyncExecutor();
      let calls = 0;
      const listener = () => {
        calls++;
      };
      executor.once('task:done', listener).on('task:done', listener);
      executor.off('task:done', listener, undefined, true);
      executor.run(graphOfOne());
      executor.run(graphOfOne());
      expect(calls).toBe(2);
    });

    it('that throw undefined are reported like others', async () => {
      const executor = new SyncExecutor();
      executor.on('task:done', thrower(undefined));
      expect(await uncaughtDuring(() => executor.run(graphOfOne()))).toEqual([undefined]);
    });

    it('must be functions', () => {
      expect(() => new SyncExecutor().on('task:done', 'listener' as never)).toThrow(TypeError);
    });

    it('that are taken off by another one while it is told are still told of this event, as in eventemitter3', () => {
      const executor = new SyncExecutor();
      const heard: string[] = [];
      const second = () => heard.push('second');
      executor.on('task:done', () => {
        heard.push('first');
        executor.off('task:done', second);
      });
      executor.on('task:done', second);
      executor.run(graphOfOne());
      executor.run(graphOfOne());
      expect(heard).toEqual(['first', 'second', 'first']);
    });
  });
});
