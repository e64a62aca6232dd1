import type { ServerResponse } from 'node:http';
import { observerClock, type ProgressClock } from '../observe/observer-clock.js';
import type { RunFeed } from './run-feed.js';

/** Changes are told no more often. */
const INTERVAL_MS = 100;
/** So often the time left is told again where nothing happens, and a connection is shown to be alive. */
const IDLE_MS = 1000;
const SILENCE_MAX_MS = 15_000;
/** How soon a page that lost its connection is to try again. */
const RECONNECT_MS = 1000;
/** Whoever has more than this still to be sent is told nothing more until it has been. */
const UNSENT_MAX_BYTES = 1 << 20;
/** So many may watch at once. */
export const STREAMS_MAX = 100;

/**
 * A proxy passes each event on as it comes, if it is told so: it keeps none back until it has more of them, and none to
 * compress them.
 */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
} as const;

interface Stream {
  readonly response: ServerResponse;
  state: 'joining' | 'current' | 'behind';
}

/**
 * The connections of those who watch, as server-sent events.
 *
 * ```
 *   connects ─► joining ── snapshot ─► current ◄─┐ changes
 *                  ▲                     │   └───┘
 *                  └── sent ── behind ◄──┘ too much is unsent: it is told nothing until then
 * ```
 *
 * Whoever joins is told everything at the next turn, right after the others have been told what has changed. So one message of changes serves all, and a
 * thousand who join at once cost one snapshot.
 */
export class EventStreams {
  readonly #feed: RunFeed;
  readonly #clock: ProgressClock;
  readonly #streams = new Set<Stream>();
  #callOffTurn: (() => void) | undefined;
  #callOffIdle: (() => void) | undefined;
  #turnAtMs = Number.NEGATIVE_INFINITY;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #lastId = 0;

  constructor(feed: RunFeed, clock: ProgressClock = observerClock) {
    this.#feed = feed;
    this.#clock = clock;
  }

  get size(): number {
    return this.#streams.size;
  }

  get isFull(): boolean {
    return this.#streams.size >= STREAMS_MAX;
  }

  /** Answers a request with events, until one of both sides ends it. */
  add(response: ServerResponse): void {
    const stream: Stream = { response, state: 'joining' };
    response.writeHead(200, { ...STREAM_HEADERS, connection: 'close' });
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    // To write to a connection that has just been lost is no error of ours; 'close' follows.
    response.on('error', () => {});
    response.once('close', () => this.#remove(stream));
    if (this.#streams.size === 0) this.#begin();
    this.#streams.add(stream);
    this.#turnWhenDue();
  }

  /** Tells what is still to be told, and ends all connections. */
  close(): void {
    if (this.#streams.size > 0) this.#turn();
    for (const { response } of this.#streams) response.end();
    this.#streams.clear();
    this.#rest();
  }

  #begin(): void {
    this.#feed.watch(() => this.#turnWhenDue());
    this.#idleAfter(IDLE_MS);
  }

  /** Nobody watches: no timer, and nothing is made of what is heard. */
  #rest(): void {
    this.#feed.unwatch();
    this.#callOffTurn?.();
    this.#callOffTurn = undefined;
    this.#callOffIdle?.();
    this.#callOffIdle = undefined;
  }

  #remove(stream: Stream): void {
    if (this.#streams.delete(stream) && this.#streams.size === 0) this.#rest();
  }

  #turnWhenDue(): void {
    if (this.#callOffTurn !== undefined) return;
    const dueInMs = Math.max(this.#turnAtMs + INTERVAL_MS - this.#clock.now(), 0);
    this.#callOffTurn = this.#clock.after(dueInMs, () => this.#turn());
  }

  #turn(): void {
    this.#callOffTurn?.();
    this.#callOffTurn = undefined;
    const nowMs = this.#clock.now();
    this.#turnAtMs = nowMs;
    const changes = this.#feed.takeChangesText(nowMs);
    if (changes !== undefined) this.#tell('changes', changes, 'current');
    if (this.#some('joining')) this.#tell('snapshot', this.#feed.snapshotText(nowMs), 'joining');
  }

  #tell(event: 'snapshot' | 'changes', text: string, to: Stream['state']): void {
    this.#toldAtMs = this.#turnAtMs;
    // Made once, however many there are. JSON has no line ends, which would end the message.
    const message = Buffer.from(`id: ${++this.#lastId}\nevent: ${event}\ndata: ${text}\n\n`);
    for (const stream of this.#streams) {
      if (stream.state !== to) continue;
      if (stream.response.writableLength > UNSENT_MAX_BYTES) {
        this.#fallBehind(stream);
        continue;
      }
      stream.response.write(message);
      stream.state = 'current';
    }
  }

  #fallBehind(stream: Stream): void {
    stream.state = 'behind';
    stream.response.once('drain', () => {
      stream.state = 'joining';
      if (this.#streams.has(stream)) this.#turnWhenDue();
    });
  }

  #some(state: Stream['state']): boolean {
    for (const stream of this.#streams) if (stream.state === state) return true;
    return false;
  }

  #idleAfter(delayMs: number): void {
    this.#callOffIdle = this.#clock.after(delayMs, () => {
      const silentMs = this.#clock.now() - this.#toldAtMs;
      if (silentMs >= IDLE_MS) {
        this.#feed.touch();
        if (this.#feed.hasChanged) this.#turnWhenDue();
        else if (silentMs >= SILENCE_MAX_MS) this.#showAlive();
      }
      this.#idleAfter(IDLE_MS);
    });
  }

  #showAlive(): void {
    this.#toldAtMs = this.#clock.now();
    // Whoever does not read has enough to read.
    for (const { response } of this.#streams) if (response.writableLength === 0) response.write(': alive\n\n');
  }
}
