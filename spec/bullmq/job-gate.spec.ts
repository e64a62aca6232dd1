import { describe, expect, it } from 'vitest';
import { JobGate } from '../../src/bullmq/job-gate.js';
import { settle } from '../support/fake-clock.js';

/** Enters, and notes when it may. */
function entering(gate: JobGate, begun: string[], name: string, isAlone = false): Promise<() => void> {
  return gate.enter(isAlone).then((leave) => {
    begun.push(name);
    return leave;
  });
}

describe('JobGate', () => {
  it('lets jobs run side by side', async () => {
    const gate = new JobGate();
    const begun: string[] = [];
    await Promise.all(['a', 'b', 'c'].map((name) => entering(gate, begun, name)));
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('has one that is to run alone wait for those that run, and those that come later for it', async () => {
    const gate = new JobGate();
    const begun: string[] = [];
    const leaveA = await entering(gate, begun, 'a');
    const leaveB = await entering(gate, begun, 'b');
    const alone = entering(gate, begun, 'alone', true);
    const later = ['c', 'd'].map((name) => entering(gate, begun, name));
    leaveA();
    await settle();
    expect(begun).toEqual(['a', 'b']);
    leaveB();
    const leaveAlone = await alone;
    await settle();
    expect(begun).toEqual(['a', 'b', 'alone']);
    leaveAlone();
    await Promise.all(later);
    expect(begun).toEqual(['a', 'b', 'alone', 'c', 'd']);
  });

  it('lets those that are to run alone go one after another', async () => {
    const gate = new JobGate();
    const begun: string[] = [];
    const first = await entering(gate, begun, 'first', true);
    const second = entering(gate, begun, 'second', true);
    await settle();
    expect(begun).toEqual(['first']);
    first();
    await second;
    expect(begun).toEqual(['first', 'second']);
  });
});
