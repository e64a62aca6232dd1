import { expect } from 'vitest';

export interface TraceEvent {
  readonly ph: 'M' | 'X' | 's' | 'f';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly dur?: number;
  readonly id?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

export function eventsOf(trace: string): TraceEvent[] {
  return (JSON.parse(trace) as { traceEvents: TraceEvent[] }).traceEvents;
}

const toNs = (us: number) => Math.round(us * 1000);

/** The slice that an end of an arrow belongs to: the one of its lane within which it is. One that takes no time holds the moment at which it is. */
function sliceOf(slices: readonly TraceEvent[], { tid, ts }: TraceEvent): TraceEvent | undefined {
  const within = slices.filter(
    (slice) => slice.tid === tid && toNs(slice.ts) <= toNs(ts) && toNs(ts) <= toNs(slice.ts) + toNs(slice.dur!),
  );
  return within.find((slice) => toNs(ts) < toNs(slice.ts) + toNs(slice.dur!)) ?? within[0];
}

/** The arrows of a trace, by the slices that they lead from and to. */
export function arrowsOf(trace: string): string[] {
  const events = eventsOf(trace);
  const slices = events.filter(({ ph }) => ph === 'X');
  const ends = events.filter(({ ph }) => ph === 'f');
  return events
    .filter(({ ph }) => ph === 's')
    .map((start) => {
      const end = ends.find(({ id }) => id === start.id)!;
      return `${sliceOf(slices, start)?.name} -> ${sliceOf(slices, end)?.name}`;
    });
}

/** Slices of a row do not overlap, rows have names, and each arrow has two ends, in this order, each within a slice. */
export function expectSoundTrace(trace: string): void {
  const events = eventsOf(trace);
  const slices = events.filter(({ ph }) => ph === 'X');
  const named = new Set(events.filter(({ name }) => name === 'thread_name').map(({ tid }) => tid));
  const endByLane = new Map<number, number>();
  for (const { tid, ts, dur } of [...slices].sort((a, b) => a.ts - b.ts || a.dur! - b.dur!)) {
    expect(named.has(tid)).toBe(true);
    expect(toNs(ts)).toBeGreaterThanOrEqual(endByLane.get(tid) ?? 0);
    expect(dur).toBeGreaterThanOrEqual(0);
    endByLane.set(tid, toNs(ts) + toNs(dur!));
  }
  const starts = events.filter(({ ph }) => ph === 's');
  const ends = events.filter(({ ph }) => ph === 'f');
  expect(ends.map(({ id }) => id)).toEqual(starts.map(({ id }) => id));
  expect(new Set(starts.map(({ id }) => id)).size).toBe(starts.length);
  for (const [index, start] of starts.entries()) {
    expect(ends[index]!.ts).toBeGreaterThanOrEqual(start.ts);
    for (const end of [start, ends[index]!]) expect(sliceOf(slices, end)).toBeDefined();
  }
}
