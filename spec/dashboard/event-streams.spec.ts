import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AsyncExecutor, type Executor, SyncExecutor, TaskGraphBuilder } from 'taskmap-ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventStreams, STREAMS_MAX } from '../../src/dashboard/event-streams.js';
import { RunFeed } from '../../src/dashboard/run-feed.js';
import { EventReader } from '../support/event-reader.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { Gate } from '../support/gate.js';

let clock: FakeClock;
let executor: Executor;
let feed: RunFeed;
let streams: EventStreams;
let server: Server;
let url: string;
const readers: EventReader[] = [];

beforeEach(async () => {
  clock = new FakeClock();
  executor = new AsyncExecutor();
  feed = new RunFeed({ runsMax: 5, control: false, workers: 1, group: undefined }).listen(executor);
  streams = new EventStreams(feed, clock);
  server = createServer((_, response) => streams.add(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
  server.closeAllConnections();
  server.close();
});

/** Connects, and waits until the server knows. */
async function connect(): Promise<EventReader> {
  const before = streams.size;
  const reader = new EventReader(url);
  readers.push(reader);
  await until(() => streams.size > before);
  return reader;
}

async function connected(): Promise<EventReader> {
  const reader = await connect();
  await clock.advance(100);
  return reader.connected();
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settle();
}

const graphOf = (count: number, run: () => unknown = () => 1) => {
  const builder = new TaskGraphBuilder<any>({ name: 'streams' });
  for (let index = 0; index < count; index++) builder.add({ name: `t${index}`, run });
  return builder.build();
};

describe('EventStreams', () => {
  it('answers with a snapshot, and then tells what changes, by ids that go up', async () => {
    const reader = await connected();
    const { runId } = await executor.run(graphOf(3));
    await clock.advance(100);
    await reader.until(() => reader.run(runId)?.status === 'finished');
    expect(reader.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8' });
    expect(reader.comments).toEqual(['retry: 1000']);
    expect(reader.messages.map(({ id, event }) => [id, event])).toEqual([
      ['1', 'snapshot'],
      ['2', 'changes'],
    ]);
  });

  it('tells changes at most ten times a second, however much happens', async () => {
    const reader = await connected();
    for (let index = 0; index < 100; index++) {
      await executor.run(graphOf(5));
      await clock.advance(10);
    }
    await clock.advance(100);
    await reader.until(() => reader.runs.length === 5 && reader.runs.at(-1)?.status === 'finished');
    await executor.run(graphOf(1));
    await clock.advance(100);
    await reader.until(() => reader.runs.at(-1)?.names.length === 1);
    expect(reader.count('changes')).toBeLessThanOrEqual(12);
    expect(reader.count('changes')).toBeGreaterThanOrEqual(10);
  });

  it('makes nothing of what is heard while nobody watches, and has no timer then', async () => {
    await executor.run(graphOf(3));
    expect([feed.hasChanged, clock.waiting]).toEqual([false, 0]);
    const reader = await connected();
    expect(reader.runs).toHaveLength(1);
    reader.close();
    await until(() => streams.size === 0);
    await executor.run(graphOf(3));
    expect([feed.hasChanged, clock.waiting]).toEqual([false, 0]);
  });

  it('has one snapshot for all who join at once', async () => {
    await executor.run(graphOf(3));
    let made = 0;
    const { snapshotText } = feed;
    feed.snapshotText = (nowMs) => {
      made++;
      return snapshotText.call(feed, nowMs);
    };
    const all = await Promise.all(Array.from({ length: 20 }, () => connect()));
    await until(() => streams.size === 20);
    await clock.advance(100);
    await Promise.all(all.map((reader) => reader.connected()));
    expect(made).toBe(1);
    expect(new Set(all.map(({ messages }) => messages[0]!.data)).size).toBe(1);
  });

  it('shows that a connection is alive where nothing happens', async () => {
    const reader = await connected();
    await clock.advance(16_000);
    await reader.until(() => reader.comments.includes(': alive'));
    expect(reader.messages).toHaveLength(1);
    await clock.advance(15_000);
    await reader.until(() => reader.comments.filter((line) => line === ': alive').length === 2);
  });

  it('tells the time left again each second while a run is under way and nothing happens', async () => {
    const gate = new Gate();
    const run = executor.run(
      new TaskGraphBuilder()
        .task('a', () => 1)
        .task('b', gate.pass)
        .build(),
    );
    await gate.started;
    const reader = await connected();
    await clock.advance(5000);
    await reader.until(() => reader.count('changes') >= 4);
    expect(reader.comments).not.toContain(': alive');
    gate.open();
    await run;
  });

  it('tells whoever does not read nothing more, and everything once it does again', async () => {
    const reader = await connected();
    const other = await connected();
    reader.pause();
    const large = graphOf(30_000);
    let behind = 0;
    const spied = feed.takeChangesText.bind(feed);
    feed.takeChangesText = (nowMs) => {
      behind++;
      return spied(nowMs);
    };
    // Each of these is some hundred kilobytes, and the system takes some megabytes before it takes no more.
    for (let round = 0; round < 40; round++) {
      await executor.run(large.resetAll());
      await clock.advance(100);
    }
    await other.until(() => other.runs.length === 5);
    expect(behind).toBeGreaterThanOrEqual(40);
    reader.resume();
    const catchUp = async () => {
      while (reader.count('snapshot') < 2) {
        await clock.advance(100);
        await settle();
      }
    };
    await catchUp();
    await clock.advance(100);
    await other.until(() => other.runs.at(-1)?.status === 'finished');
    expect(reader.count('changes')).toBeLessThan(40);
    expect(reader.runs).toEqual(other.runs);
  });

  it('tells what is still to be told when it ends', async () => {
    const reader = await connected();
    const { runId } = await executor.run(graphOf(3));
    streams.close();
    await reader.untilEnded();
    expect(reader.run(runId)?.status).toBe('finished');
    expect(clock.waiting).toBe(0);
  });

  it('has no room for any number', async () => {
    expect(streams.isFull).toBe(false);
    await Promise.all(Array.from({ length: STREAMS_MAX }, () => connect()));
    await until(() => streams.size === STREAMS_MAX);
    expect(streams.isFull).toBe(true);
  });

  it('goes on for the others when one is lost in the middle of a message', async () => {
    const reader = await connected();
    const lost = await connected();
    await executor.run(graphOf(30_000));
    const turn = clock.advance(100);
    lost.close();
    await turn;
    await until(() => streams.size === 1);
    await executor.run(graphOf(2));
    await clock.advance(100);
    await reader.until(() => reader.runs.at(-1)?.names.length === 2 && reader.runs.at(-1)?.status === 'finished');
  });

  it('hears runs that block as well', async () => {
    const sync = new SyncExecutor();
    feed.listen(sync);
    const reader = await connected();
    sync.run(graphOf(1000));
    await clock.advance(100);
    await reader.until(() => reader.runs[0]?.status === 'finished');
    expect(reader.count('changes')).toBe(1);
  });
});
