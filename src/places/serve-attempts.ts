import { decodeValue, encodeThrown, encodeValue } from '../codec/value-codec.js';
import { partOf } from '../errors.js';
import { WrittenFiles } from '../files/written-files.js';
import { contextOf, type TellProgress } from '../graph/attempt-context.js';
import { AttemptSignal } from '../graph/attempt-signal.js';
import type { TaskFunction } from '../graph/task.js';
import type { AbortOrder, CallOrder, News, NewsKind } from './attempt-messages.js';

/** What the far side of a {@link RemotePlace} needs. */
export interface FarSide<Reference> {
  /** The function that a reference names. What this throws, or rejects with, fails the attempt. */
  readonly find: (reference: Reference) => TaskFunction | Promise<TaskFunction>;
  /**
   * Sends a message to the place. A function is called once the promise is fulfilled that this gives for the first one:
   * it may keep the thread busy, and only what is known to have begun can time out.
   */
  readonly send: (message: Uint8Array) => unknown;
}

/**
 * The far side of a {@link RemotePlace}: calls functions for the attempts that come, as many at once as come, with
 * context, and sends what becomes of them.
 *
 * @returns what takes each message of the place, in the order in which they were sent
 *
 * @example
 * import { on } from 'node:events';
 * import { MessageChannel } from 'node:worker_threads';
 * import { TaskGraphBuilder } from 'taskmap-ts';
 * import { PlacedExecutor, type PlacedRun, RemotePlace, serveAttempts } from 'taskmap-ts/places';
 *
 * // A worker is the other end of a channel. It could as well be that of a socket.
 * async function start() {
 *   const { port1: here, port2: there } = new MessageChannel();
 *   const send = (message: Uint8Array) => there.postMessage(message);
 *   there.on('message', serveAttempts({ find: (name: string) => (name === 'sum' ? sum : product), send }));
 *   const closing = new AbortController();
 *   return {
 *     where: 'there',
 *     messages: messagesOf(on(here, 'message', { signal: closing.signal })),
 *     send: (message: Uint8Array) => here.postMessage(message),
 *     end() {
 *       closing.abort();
 *       here.close();
 *     },
 *   };
 * }
 *
 * async function* messagesOf(events: AsyncIterable<any>): AsyncGenerator<Uint8Array> {
 *   for await (const [message] of events) yield message;
 * }
 *
 * class ChannelExecutor extends PlacedExecutor {
 *   protected override staysHere() {
 *     return false;
 *   }
 *   protected override placeFor(run: PlacedRun) {
 *     return new RemotePlace(run, { workers: 1, start, reference: ({ name }) => name });
 *   }
 * }
 *
 * const sum = () => 3 + 4;
 * const product = (factor: number) => factor * 6;
 * const graph = new TaskGraphBuilder()
 *   .task('sum', sum)
 *   .task('product').dependsOn('sum').run(product)
 *   .build();
 * await new ChannelExecutor().run(graph);
 * graph.result('product'); // => 42
 */
export function serveAttempts<Reference>({ find, send }: FarSide<Reference>): (message: Uint8Array) => void {
  const underWay = new Map<number, AttemptSignal>();

  async function call({ id, reference, args, facts }: CallOrder<Reference>): Promise<void> {
    const beganAtMs = performance.now();
    const aborting = new AttemptSignal();
    underWay.set(id, aborting);
    const tell = (kind: NewsKind, value: Uint8Array) => {
      const news: News = [id, kind, value, performance.now() - beganAtMs, aborting.wasTold];
      return send(encodeValue(news));
    };
    const tellProgress: TellProgress = (...told) => {
      // Not once it has ended: the next attempt may be under way.
      if (underWay.get(id) === aborting) void tell('progressed', encodeValue(told));
    };
    const written = new WrittenFiles(facts?.task);
    let ending: readonly [NewsKind, Uint8Array];
    try {
      await tell('began', NOTHING);
      const fn = (await find(reference)) as (...args: unknown[]) => unknown;
      if (aborting.isAborted) aborting.signal.throwIfAborted();
      const results = decodeValue(args) as unknown[];
      const context = facts === undefined ? [] : [contextOf(facts, aborting, tellProgress, written)];
      const result = await fn(...context, ...results);
      if (!aborting.wasTold) written.keep();
      ending = returned(result);
    } catch (error) {
      ending = ['threw', encodeThrown(error)];
    }
    written.discard();
    underWay.delete(id);
    void tell(...ending);
  }

  return (message) => {
    const order = decodeValue(message) as CallOrder<Reference> | AbortOrder;
    if ('abort' in order) underWay.get(order.id)?.abort(decodeValue(order.abort));
    else void call(order);
  };
}

const NOTHING = encodeValue(undefined);

function returned(result: unknown): readonly [NewsKind, Uint8Array] {
  try {
    return ['returned', encodeValue(result, 'result')];
  } catch (error) {
    return ['unsendable', encodeValue(partOf(error))];
  }
}
