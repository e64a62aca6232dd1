import { describe, expect, test } from 'vitest';
import { HeldResult } from '../../src/graph/held-result.js';
import { OutcomeTable } from '../../src/graph/outcome.js';

describe('OutcomeTable', () => {
  test('begins with nothing known', () => {
    const table = new OutcomeTable(2);
    expect(table.size).toBe(2);
    expect(table.allPending).toBe(true);
    expect(table.status(0)).toBe('pending');
    expect(table.value(1)).toBeUndefined();
    expect(table.counts()).toEqual({ pending: 2, running: 0, done: 0, failed: 0, skipped: 0 });
  });

  test('of no tasks has nothing pending and nothing else', () => {
    const table = new OutcomeTable(0);
    expect(table.allPending).toBe(true);
    expect(table.counts()).toEqual({ pending: 0, running: 0, done: 0, failed: 0, skipped: 0 });
  });

  test('keeps what it is told of each task', () => {
    const table = new OutcomeTable(5);
    const error = new Error('x');
    table.running(1);
    table.done(2, 'result');
    table.failed(3, error, 4);
    table.skipped(4, 3);
    expect([0, 1, 2, 3, 4].map((id) => table.status(id))).toEqual(['pending', 'running', 'done', 'failed', 'skipped']);
    expect(table.value(2)).toBe('result');
    expect(table.source(2)).toBe('run');
    expect(table.value(3)).toBe(error);
    expect(table.attempts(3)).toBe(4);
    expect(table.because(4)).toBe(3);
    expect(table.counts()).toEqual({ pending: 1, running: 1, done: 1, failed: 1, skipped: 1 });
    expect(table.allPending).toBe(false);
  });

  test('makes a held result when its value is asked for, and holds it no longer then', () => {
    const table = new OutcomeTable(2);
    expect(table.hasHeld).toBe(false);
    const made = { rows: 1 };
    const held = new HeldResult(() => made);
    table.doneHeld(0, held, 'store');
    expect([table.isDone(0), table.source(0), table.hasHeld]).toEqual([true, 'store', true]);
    expect(table.held(0)).toBe(held);
    expect(table.held(1)).toBeUndefined();
    expect(table.value(0)).toBe(made);
    expect(table.held(0)).toBeUndefined();
    expect(table.value(0)).toBe(made);
  });

  test('lets go of what it held of a task that is reset', () => {
    const table = new OutcomeTable(1);
    table.doneHeld(0, new HeldResult(() => 1), 'store');
    table.reset(0);
    expect([table.value(0), table.held(0), table.status(0)]).toEqual([undefined, undefined, 'pending']);
    table.done(0, 2);
    expect(table.value(0)).toBe(2);
  });

  test.each(['run', 'given', 'store'] as const)('keeps "%s" as the source of a result', (source) => {
    const table = new OutcomeTable(1);
    table.done(0, 1, source);
    expect(table.source(0)).toBe(source);
  });

  test('forgets all of a task that becomes pending again', () => {
    const table = new OutcomeTable(1);
    table.failed(0, 'error', 3);
    table.pending(0);
    expect(table.allPending).toBe(true);
    expect(table.value(0)).toBeUndefined();
    table.running(0);
    table.done(0, 'result');
    expect(table.source(0)).toBe('run');
  });
});
